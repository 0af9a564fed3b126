#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the reference pages against the sources they describe: hypercalls, locks, command line, and links between pages."""

import glob
import os
import re
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def compare(page, in_source, in_page):
    """Complaints about what only one of the two has."""
    missing = [f"{page}: does not have {item}" for item in sorted(in_source - in_page)]
    return missing + [f"{page}: has {item}, which the sources do not" for item in sorted(in_page - in_source)]


def hypercalls():
    guests = {"CALL": "PV", "BOTH": "PV, PVH"}
    table = re.findall(r"    (CALL|BOTH)\((\w+), \w+, (\d+), CALLER_(\w+)\)", read("hypercalls/table.c"))
    rows = re.findall(r"^\| \d+ \| (\w+) \| (\d+) \| (\w+) \| ([\w, ]+) \| (\S+) \|", read("docs/hypercalls.md"), re.M)
    in_source = {(name, nr_args, who.lower(), guests[kind]) for kind, name, nr_args, who in table}
    complaints = compare("docs/hypercalls.md", in_source, {row[:4] for row in rows})
    files = [row[4] for row in rows if not os.path.exists("hypercalls/" + row[4])]
    return complaints + [f"docs/hypercalls.md: no file hypercalls/{name}" for name in files]


def locks():
    levels = re.findall(r"^\s*(LOCK_\w+) = (\d+),", read("hv/lib/lock_order.h"), re.M)
    rows = re.findall(r"^\| (\d+) \| (LOCK_\w+) \|", read("docs/locks.md"), re.M)
    return compare("docs/locks.md", set(levels), {(name, level) for level, name in rows})


def command_line():
    declared = set()
    for path in glob.glob("hv/*/*.c") + glob.glob("hypercalls/*.c"):
        declared |= set(re.findall(r'^(?:boolean|integer|size|string|custom)_param\("(\w+)"', read(path), re.M))
    rows = re.findall(r"^\| ((?:`\w+=?`(?:, )?)+) \|", read("docs/commandline.md"), re.M)
    described = {name for row in rows for name in re.findall(r"`(\w+)=?`", row)}
    return compare("docs/commandline.md", declared, described)


def links():
    complaints = []
    for page in ["README.md"] + glob.glob("docs/*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", read(page)):
            if not os.path.exists(os.path.join(os.path.dirname(page), target)):
                complaints.append(f"{page}: dead link {target}")
        for target in re.findall(r"`((?:hv|hypercalls|pvguest|dom0_tools|tests|run|setup)/[\w./]*\w)`", read(page)):
            if not os.path.exists(target):
                complaints.append(f"{page}: names {target}, which is not there")
    return complaints


def main():
    complaints = hypercalls() + locks() + command_line() + links()
    for complaint in complaints:
        print(complaint)
    print(f"docs: {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
