#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: modules.py LIST FOLDER: of the kernel modules below FOLDER keeps those that LIST names and what they need, and writes
FOLDER/modules.dep, which modprobe reads and which is otherwise made when the package is installed."""

import os
import re
import sys


def canonical(name):
    """A module's name as the kernel compares it."""
    return name.replace("-", "_")


def needs(path):
    """The names of the modules that this one says it needs."""
    with open(path, "rb") as file:
        data = file.read()
    names = re.findall(rb"\0depends=([\w,-]*)\0", data) + re.findall(rb"\0softdep=pre: ([\w -]*)\0", data)
    return [canonical(name) for text in names for name in re.split("[, ]", text.decode()) if name]


def closure(name, modules, order):
    """Appends to `order` what `name` needs, then `name`: so they can be loaded."""
    if name in modules and name not in order:
        for other in needs(modules[name]):
            closure(other, modules, order)
        order.append(name)
    return order


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        wanted = [canonical(line.strip()) for line in file if not line.startswith("#")]
    modules, keep = {}, []
    for folder, _, files in os.walk(sys.argv[2]):
        for name in files:
            if name.endswith(".ko"):
                modules[canonical(name[:-3])] = os.path.join(folder, name)
    for name in wanted:
        closure(name, modules, keep)
    for name in modules.keys() - set(keep):
        os.remove(modules[name])
    with open(os.path.join(sys.argv[2], "modules.dep"), "w", encoding="ascii") as file:
        for name in keep:
            line = [os.path.relpath(modules[other], sys.argv[2]) for other in closure(name, modules, [])]
            file.write(line[-1] + ": " + " ".join(reversed(line[:-1])) + "\n")


if __name__ == "__main__":
    main()
