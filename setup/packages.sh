#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: packages.sh GROUP...
#
# Installs the missing packages of the groups in packages.txt. Only root on a machine with apt-get can;
# everyone else gets the list of what is missing and a non-zero exit.
set -euo pipefail

list=$(dirname "$0")/packages.txt

present() {
    case $1 in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

find_missing() {
    local group package probe
    missing=()
    while read -r group package probe; do
        [[ " $* " == *" $group "* ]] || continue
        present "$probe" || missing+=("$package")
    done < <(grep -v '^#' "$list")
}

explain() {
    {
        echo "$1 These Debian 12 packages (or your system's own) are needed:"
        printf '    %s\n' "${missing[@]}"
        echo "On Debian, as root:  apt-get install ${missing[*]}"
    } >&2
    exit 1
}

install_missing() {
    echo "  INSTALL  ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    "$quiet" 'apt-get update' build/log/apt.log apt-get -q update
    "$quiet" "apt-get install (${#missing[@]} packages)" build/log/apt.log \
        apt-get -q install -y --no-install-recommends "${missing[@]}"
}

quiet=$(dirname "$0")/quiet.sh
find_missing "$@"
[ ${#missing[@]} -gt 0 ] || exit 0
command -v apt-get >/dev/null || explain 'This machine has no apt-get, so nothing was installed.'
[ "$(id -u)" = 0 ] || explain 'Packages are missing, and only root can install them.'
install_missing
find_missing "$@"
[ ${#missing[@]} -eq 0 ] || explain 'Still missing after apt-get install.'
