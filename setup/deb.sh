#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: deb.sh FOLDER [--kernel] PACKAGE
#
# Downloads PACKAGE and unpacks it in FOLDER; with --kernel the linux-image package that it depends on, and of that only
# /boot and the modules that setup/modules.txt names, because all of them are 400 MB.
set -euo pipefail

here=$(dirname "$0")
folder=$1
shift
rm -rf "$folder"
mkdir -p "$folder" "$folder.deb"
rm -f "$folder.deb"/*.deb
if [ "$1" = --kernel ]; then
    shift
    "$here"/apt.sh "$folder.deb" --version >/dev/null
    package=$(APT_CONFIG=build/apt/apt.conf apt-cache depends "$1" | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
    members=(./boot ./lib/modules)
else
    package=$1
    members=()
fi
"$here"/apt.sh "$folder.deb" download "$package"
dpkg-deb --fsys-tarfile "$folder.deb"/*.deb | tar x -C "$folder" "${members[@]}"
if [ -d "$folder/lib/modules" ]; then
    python3 "$here"/modules.py "$here"/modules.txt "$folder"/lib/modules/*
fi
rm -r "$folder.deb"
touch "$folder/.unpacked"
