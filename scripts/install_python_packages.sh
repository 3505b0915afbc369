#!/bin/sh
# Makes the virtual environment .venv and installs the locked Python packages and excitable itself into it.
#
#   sh scripts/install_python_packages.sh
#
# PYTHON names the interpreter to use; without it the first of python3, python3.13, python3.12, python3.11
# that is Python 3.11 or later. It can be interrupted at any point and repeated.
set -eu

cd "$(dirname "$0")/.."
venv=.venv

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_recent "$PYTHON" && echo "$PYTHON" && return 0
        echo "PYTHON=$PYTHON doesn't run, or is older than Python 3.11. Give one that is not: make PYTHON=python3.12" >&2
        return 1
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        is_recent "$candidate" && echo "$candidate" && return 0
    done
    echo "Python 3.11 or later is needed and none was found ($(python3 --version 2>&1 || true))." >&2
    echo "Install one (Debian, Ubuntu: python3 and python3-venv; macOS: brew install python), or name it: make PYTHON=/path/to/python3" >&2
    return 1
}

# An environment whose interpreter is gone, or that an interruption left without pip, is made anew.
make_environment() {
    if is_recent $venv/bin/python && $venv/bin/python -c 'import pip' 2>/dev/null; then return 0; fi
    python=$(find_python)
    sh scripts/install_system_package.sh venv "$python"
    echo "Making $venv with $("$python" --version)."
    "$python" -m venv --clear $venv
}

pip() {
    $venv/bin/python -m pip --disable-pip-version-check "$@"
}

# True where pip would fetch a build of torch for CUDA (gigabytes) onto a machine without an NVIDIA GPU.
would_fetch_cuda_in_vain() {
    [ "$(uname -s)" = Linux ] || return 1
    if command -v nvidia-smi >/dev/null 2>&1; then return 1; fi
    found=$(pip install --quiet --dry-run --no-deps --report - "$1" |
        $venv/bin/python -c '
import json, sys
print("".join(package["metadata"]["version"] for package in json.load(sys.stdin)["install"]))')
    case $found in
        '' | *+cpu) return 1 ;; # installed already, or a build for the CPU
    esac
}

install_torch() {
    torch=$(grep '^torch==' constraints.txt)
    would_fetch_cuda_in_vain "$torch" || return 0
    echo "No NVIDIA GPU here: taking PyTorch's own build for the CPU."
    pip install --quiet --no-deps --index-url https://download.pytorch.org/whl/cpu "$torch" ||
        echo "It could not be had: taking the default build, which is large." >&2
}

make_environment
install_torch
echo "Installing the Python packages into $venv; this takes a minute or two the first time."
pip install --quiet --constraint constraints.txt --editable '.[dev]'
