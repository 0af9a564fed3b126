#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: quiet.sh LABEL LOG COMMAND...
#
# Runs a long step with its output in a log file: a line when it starts, its time when it has ended, the end of the log when
# it has failed.
set -euo pipefail

label=$1 log=$2
shift 2
mkdir -p "$(dirname "$log")"
printf '  %-8s %s ...\n' LONG "$label"
start=$SECONDS
if "$@" >"$log" 2>&1 </dev/null; then
    printf '  %-8s %s: %d s\n' DONE "$label" $((SECONDS - start))
else
    status=$?
    printf '  %-8s %s: after %d s; the end of %s:\n' FAILED "$label" $((SECONDS - start)) "$log"
    tail -n 25 "$log" | sed 's/^/    /'
    exit $status
fi
