#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: make --dry-run --always-make ... | compile_commands.py > compile_commands.json"""

import json
import os
import shlex
import sys


def main():
    entries = {}
    for line in sys.stdin:
        if " -c " not in line or not line.lstrip().startswith(("gcc ", "cc ")):
            continue
        words = shlex.split(line)
        source = next((word for word in words if word.endswith((".c", ".S")) and not word.startswith("-")), None)
        # The first wins: the hypervisor's own compilation comes before the unit tests' of the same file.
        if source and os.path.exists(source):
            entries.setdefault(source, {"directory": os.getcwd(), "arguments": words, "file": source})
    json.dump(list(entries.values()), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
