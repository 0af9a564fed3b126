#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: quiet.sh LABEL LOG COMMAND...
#
# Runs a long step with its output in a log file: one line when it starts, its time when it ends, the end of
# the log when it fails.
set -euo pipefail

label=$1 log=$2
shift 2
mkdir -p "$(dirname "$log")"
printf '  %-8s %s ...' LONG "$label"
start=$SECONDS
if "$@" >"$log" 2>&1 </dev/null; then
    printf ' %d s\n' $((SECONDS - start))
else
    status=$?
    printf ' FAILED after %d s; the end of %s:\n' $((SECONDS - start)) "$log"
    tail -n 25 "$log" | sed 's/^/    /'
    exit $status
fi
