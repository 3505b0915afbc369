#!/bin/sh
# Writes constraints.txt anew: the newest versions that pyproject.toml allows, in an environment of their own.
# torch keeps its pin unless TORCH=... names another release.
set -eu

cd "$(dirname "$0")/.."
torch=${TORCH:-$(grep '^torch==' constraints.txt)}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

.venv/bin/python -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --editable '.[dev,gpu]' "$torch" uv
{
    echo "# The versions that excitable is tested with. Written by \`make lock\` from pyproject.toml; don't edit by hand."
    echo "# They only constrain: what a platform or a Python version doesn't need isn't installed."
    "$scratch/venv/bin/python" -m pip freeze --all --exclude-editable | grep -v "^pip==" | sed 's/^\(torch==[^+]*\)+.*/\1/'
} > "$scratch/constraints.txt"
mv "$scratch/constraints.txt" constraints.txt
