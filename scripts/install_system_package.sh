#!/bin/sh
# Installs one program of the system that excitable needs, through the system's package manager.
#
#   sh scripts/install_system_package.sh PACKAGE [PYTHON]
#
# PACKAGE is `ngspice`, or `venv` for the standard library's venv module of the interpreter PYTHON.
# It does nothing when the program is there, uses sudo only where the package manager needs it, and says so first.
# Exit status 1: it could not be installed; the message then names the package of each manager.
set -eu

package=${1:?usage: install_system_package.sh ngspice|venv [PYTHON]}
python=${2:-python3}

is_installed() {
    case $package in
        ngspice) command -v ngspice >/dev/null 2>&1 ;;
        venv) "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ;;
        *) echo "install_system_package.sh: '$package' is not known; allowed: ngspice, venv" >&2; exit 2 ;;
    esac
}

explain() {
    case $package in
        ngspice) cat >&2 <<'END'

ngspice is missing and could not be installed here. Install it with one of these, then repeat the command:
    Debian, Ubuntu:  sudo apt-get install ngspice
    Fedora:          sudo dnf install ngspice
    macOS:           brew install ngspice
    conda:           conda install -c conda-forge ngspice
END
            ;;
        venv) cat >&2 <<END

$python has no venv module and it could not be installed here. Install it, then repeat the command:
    Debian, Ubuntu:  sudo apt-get install python3-venv
or name another interpreter of Python 3.11 or later:  make PYTHON=/path/to/python3
END
            ;;
    esac
    exit 1
}

# Runs a command as root: directly when we are, otherwise through sudo, which asks only on a terminal.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif ! command -v sudo >/dev/null 2>&1; then
        echo "This needs the administrator's rights and there is no sudo: $*" >&2
        return 1
    elif [ -t 0 ]; then
        echo "This needs the administrator's rights; sudo may ask for your password: $*" >&2
        sudo "$@"
    else
        echo "This needs the administrator's rights: sudo -n $*" >&2
        sudo -n "$@"
    fi
}

# The package lists are updated only where the package isn't found or installed with those at hand.
# A fresh machine may be updating itself: apt waits for its lock instead of failing.
with_apt() {
    as_root apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$1" && return 0
    echo "Updating the package lists, then trying once more." >&2
    as_root apt-get -o DPkg::Lock::Timeout=120 update &&
        as_root apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$1"
}

install_venv() {
    if command -v apt-get >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        with_apt "$version-venv"
    else
        return 1
    fi
}

install_ngspice() {
    if command -v apt-get >/dev/null 2>&1 && with_apt ngspice; then return 0; fi
    if command -v dnf >/dev/null 2>&1 && as_root dnf install -y ngspice; then return 0; fi
    if command -v brew >/dev/null 2>&1 && brew install ngspice; then return 0; fi
    for conda in mamba conda; do
        if command -v $conda >/dev/null 2>&1 && $conda install -y -c conda-forge ngspice; then return 0; fi
    done
    return 1
}

if is_installed; then exit 0; fi
echo "$package is missing: installing it." >&2
export DEBIAN_FRONTEND=noninteractive
"install_$package" || explain
is_installed || explain
