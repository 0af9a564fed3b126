#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: deb.sh FOLDER [--depends] PACKAGE
#
# Downloads PACKAGE, or with --depends the linux-image package that it depends on, and unpacks it in FOLDER.
set -euo pipefail

here=$(dirname "$0")
folder=$1
shift
rm -rf "$folder"
mkdir -p "$folder.deb"
rm -f "$folder.deb"/*.deb
if [ "$1" = --depends ]; then
    shift
    "$here"/apt.sh "$folder.deb" --version >/dev/null
    package=$(APT_CONFIG=build/apt/apt.conf apt-cache depends "$1" | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
else
    package=$1
fi
"$here"/apt.sh "$folder.deb" download "$package"
dpkg-deb -x "$folder.deb"/*.deb "$folder"
rm -r "$folder.deb"
touch "$folder/.unpacked"
