#!/bin/sh
# Installs one program of the system that excitable needs, through the system's package manager.
#
#   sh scripts/install_system_package.sh PACKAGE [PYTHON]
#
# PACKAGE is `ngspice`, `chromium`, `dataset-fashion-mnist` for the files of Fashion-MNIST, or `venv` for the standard
# library's venv module of the interpreter PYTHON.
# It does nothing when the program is there, uses sudo only where the package manager needs it, and says so first.
# Exit status 1: it could not be installed; the message then names the package of each manager.
set -eu

package=${1:?usage: install_system_package.sh ngspice|chromium|venv|dataset-fashion-mnist [PYTHON]}
python=${2:-python3}

is_installed() {
    case $package in
        ngspice) command -v ngspice >/dev/null 2>&1 ;;
        chromium)
            for name in chromium chromium-browser google-chrome google-chrome-stable; do
                command -v $name >/dev/null 2>&1 && return 0
            done
            test -n "${CHROMIUM:-}" ;;
        venv) "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ;;
        dataset-fashion-mnist) test -e /usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz ;;
        *) echo "install_system_package.sh: '$package' is not known; allowed: ngspice, chromium, venv, dataset-fashion-mnist" >&2; exit 2 ;;
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
        chromium) cat >&2 <<'END'

Chromium is missing and could not be installed here. Install it with one of these, or set CHROMIUM to a browser's path:
    Debian:          sudo apt-get install chromium
    Ubuntu:          sudo snap install chromium
    Fedora:          sudo dnf install chromium
    macOS:           brew install --cask chromium
END
            ;;
        dataset-fashion-mnist) cat >&2 <<'END'

The files of Fashion-MNIST are missing and could not be installed here. Debian and Ubuntu have them as a package:
    sudo apt-get install dataset-fashion-mnist
Elsewhere put the four files of the data set into /usr/share/datasets/fashion-mnist.
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

# True for root, and where sudo can ask on a terminal or needn't ask.
can_be_root() {
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true >/dev/null 2>&1; }
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        echo "This needs the administrator's rights, and sudo may ask for your password: sudo $*" >&2
        sudo "$@"
    fi
}

# A fresh machine may be updating itself: apt waits for the lock instead of failing.
apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@"
}

with_apt() {
    command -v apt-get >/dev/null 2>&1 && can_be_root || return 1
    apt install -y --no-install-recommends "$1" && return 0
    echo "Updating the package lists, then trying once more." >&2
    apt update && apt install -y --no-install-recommends "$1"
}

with_dnf() {
    command -v dnf >/dev/null 2>&1 && can_be_root && as_root dnf install -y "$1"
}

with_brew() {
    command -v brew >/dev/null 2>&1 && brew install "$1"
}

with_conda() {
    for conda in mamba conda; do
        command -v $conda >/dev/null 2>&1 && $conda install -y -c conda-forge "$1" && return 0
    done
    return 1
}

# Only Debian and its kin leave the module out of Python, and they have a package for each version.
install_venv() {
    with_apt "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
}

install_ngspice() {
    with_apt ngspice || with_dnf ngspice || with_brew ngspice || with_conda ngspice
}

install_chromium() {
    with_apt chromium || with_dnf chromium
}

is_installed && exit 0
echo "$package is missing: installing it." >&2
case $package in
    dataset-fashion-mnist) with_apt dataset-fashion-mnist >&2 || explain ;;
    *) "install_$package" >&2 || explain ;;
esac
is_installed || explain
