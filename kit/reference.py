#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The reference of the guest library, made from its headers' comments: one section a header, in it the comment at its head, and
every declaration with the comment before it.

usage: reference.py HEADER... > REFERENCE.md
       reference.py --check HEADER...

With --check it prints functions and macros that no comment is about instead: a comment counts for all declarations up to the next
empty line."""

import re
import sys

COMMENT = r"/\*(?:[^*]|\*(?!/))*\*/"
# A comment, or a declaration up to its semicolon or the end of its body; static inline functions are shown without theirs.
ITEM = re.compile(
    rf"(?P<comment>{COMMENT})|^(?P<macro>#define \w+\([^\n]*?(?:\\\n[^\n]*?)*$)|"
    r"^(?P<inline>static inline [^;{]*?\))\s*\{.*?^\}|^(?P<declaration>(?:struct|enum) \w+ \{.*?^\};|[A-Za-z][^;{}#]*;)",
    re.M | re.S,
)


def plain(comment):
    """The text of a comment, without its stars."""
    lines = [re.sub(r"^\s*\*? ?", "", line) for line in comment[2:-2].splitlines()]
    return "\n".join(lines).strip()


def section(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    name = path.split("pvguest/", 1)[-1] if path.startswith("pvguest/") else path
    parts, pending, head = [], "", True
    for match in ITEM.finditer(text):
        if match["comment"]:
            said = plain(match["comment"])
            if "SPDX-License-Identifier" in said:
                continue
            if head and match.start() < text.find("#ifndef"):
                parts.append(said)
            pending = said
            continue
        head = False
        declaration = match["declaration"] or (match["inline"] + ";" if match["inline"] else match["macro"].split("\\\n")[0].rstrip(" \\"))
        if re.match(r"(?:struct|enum) \w+;$", declaration):
            continue
        parts.append(f"```c\n{declaration}\n```" + (f"\n{pending}" if pending and pending not in parts else ""))
        pending = ""
    return f"## {name}\n\n" + "\n\n".join(parts) + "\n"


def undocumented(path):
    """The first lines of declarations that take arguments and have no comment."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    missing, commented = [], False
    for match in ITEM.finditer(text):
        if match["comment"]:
            commented = True
            continue
        declared = match["declaration"] or match["inline"] or match["macro"]
        if text[: match.start()].endswith("\n\n") and not commented and "(" in declared and not declared.startswith(("struct", "enum")):
            missing.append(declared.split("\n", maxsplit=1)[0])
        commented = False
    return missing


def check(paths):
    complaints = [f"{path}: no comment: {line}" for path in paths for line in undocumented(path)]
    print("\n".join([*complaints, f"reference: {len(paths)} headers, {len(complaints)} complaints"]))
    return 1 if complaints else 0


def main():
    if sys.argv[1:2] == ["--check"]:
        sys.exit(check(sorted(sys.argv[2:])))
    print("# The guest library's reference\n\nMade from the headers; their `-XEN_E...` are negated numbers of `<xen/errno.h>`.\n")
    for path in sorted(sys.argv[1:]):
        print(section(path))


if __name__ == "__main__":
    main()
