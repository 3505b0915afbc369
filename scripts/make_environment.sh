#!/bin/sh
# Makes the virtual environment .venv with the locked Python packages and excitable itself.
#
#   sh scripts/make_environment.sh
#
# PYTHON names the interpreter to use; without it the first of python3, python3.13, python3.12, python3.11
# that is Python 3.11 or later. It can be interrupted at any point and repeated.
set -eu

cd "$(dirname "$0")/.."
venv=.venv
stamp=$venv/.ready

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_recent "$PYTHON" && echo "$PYTHON" && return 0
        echo "PYTHON=$PYTHON doesn't run, or is older than Python 3.11. Name a newer one: make PYTHON=python3.12" >&2
        return 1
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        is_recent "$candidate" && echo "$candidate" && return 0
    done
    cat >&2 <<END
Python 3.11 or later is needed and none was found; python3 is $(python3 --version 2>/dev/null || echo missing).
Install one, then repeat the command:
    Debian, Ubuntu:  sudo apt-get install python3 python3-venv
    Fedora:          sudo dnf install python3
    macOS:           brew install python
or name it:  make PYTHON=/path/to/python3
END
    return 1
}

# Without its stamp an environment may hold half-installed packages, so it is made anew.
if ! { [ -e $stamp ] && is_recent $venv/bin/python; }; then
    python=$(find_python)
    sh scripts/install_system_package.sh venv "$python"
    echo "Making $venv with $("$python" --version)."
    "$python" -m venv --clear $venv
fi
rm -f $stamp
$venv/bin/python scripts/install_packages.py
touch $stamp
