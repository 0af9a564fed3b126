#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: apt.sh FOLDER COMMAND...
#
# Runs `apt-get COMMAND...` in FOLDER with a configuration of its own under build/apt: Debian 12's binary and
# source lists, its own state and cache. The machine's own sources and lists stay as they are, and no root is
# needed. MIRROR and SECURITY_MIRROR choose other servers. SUITE=bookworm-backports takes packages of that part of Debian
# instead, with a state of its own under build/apt-bookworm-backports.
set -euo pipefail

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
base=$PWD/build/apt${SUITE:+-$SUITE}

configure() {
    local mirror=${MIRROR:-http://deb.debian.org/debian}
    local security=${SECURITY_MIRROR:-http://deb.debian.org/debian-security}
    mkdir -p "$base/state/lists/partial" "$base/cache/archives/partial"
    touch "$base/state/status"
    cat >"$base/sources.list" <<LIST
deb [signed-by=$keyring] $mirror bookworm main
deb [signed-by=$keyring] $security bookworm-security main
deb-src [signed-by=$keyring] $mirror bookworm main
LIST
    if [ -n "${SUITE:-}" ]; then
        echo "deb [signed-by=$keyring] $mirror $SUITE main" >"$base/sources.list"
    fi
    cat >"$base/apt.conf" <<CONF
Dir::Etc::SourceList "$base/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "$base/state";
Dir::State::status "$base/state/status";
Dir::Cache "$base/cache";
APT::Sandbox::User "root";
CONF
}

# One at a time: a parallel make fetches several things at once.
mkdir -p "$base"
exec 9>"$base/.lock"
flock 9

export APT_CONFIG=$base/apt.conf
if [ ! -e "$base/.updated" ]; then
    configure
    apt-get -q update
    touch "$base/.updated"
fi
mkdir -p "$1"
cd "$1"
shift
exec apt-get -q "$@"
