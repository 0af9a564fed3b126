#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The reference of the guest library, made from its headers' comments: one section a header, in it the comment at its head, and
every declaration with the comment before it.

usage: reference.py HEADER... > REFERENCE.md"""

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


def main():
    print("# The guest library's reference\n\nMade from the headers; their `-XEN_E...` are negated numbers of `<xen/errno.h>`.\n")
    for path in sorted(sys.argv[1:]):
        print(section(path))


if __name__ == "__main__":
    main()
