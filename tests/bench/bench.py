#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make bench`: measures, prints a table and writes build/bench/NAME.tsv (what, unit, ours, peer, ratio).

usage: bench.py [NAME...]      NAME: a table; without one all are made"""

import importlib
import os
import statistics
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
OUT = os.path.join(ROOT, "build", "bench")
TABLES = ["boot", "disk", "guest", "http", "kit", "linux", "network", "pvh", "toolstack", "xenstore"]


def median_ms(function, runs):
    """The median of `runs` results of function(), which are seconds, in ms."""
    return round(statistics.median(function() for _ in range(runs)) * 1000)


def show(value):
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value}"


def write_table(name, rows):
    """Rows are (what, unit, ours, peer); peer None where there is nothing to compare with."""
    table = [("what", "unit", "ours", "peer", "ratio")]
    plain = [table[0]]
    for what, unit, ours, peer in rows:
        ratio = f"{ours / peer:.3f}" if ours is not None and peer else "-"
        table.append((what, unit, show(ours), show(peer), ratio))
        plain.append((what, unit, show(ours).replace(",", ""), show(peer).replace(",", ""), ratio))
    widths = [max(len(row[column]) for row in table) for column in range(5)]
    print(f"\n{name}")
    for row in table:
        cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1])] + [row[i].rjust(widths[i]) for i in (2, 3, 4)]
        print("  " + "  ".join(cells))
    os.makedirs(OUT, exist_ok=True)
    with open(os.path.join(OUT, name + ".tsv"), "w", encoding="ascii") as file:
        file.writelines("\t".join(row) + "\n" for row in plain)


def main():
    names = sys.argv[1:] or TABLES
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        sys.exit(f"no such table: {' '.join(unknown)}; known: {' '.join(TABLES)}")
    for name in names:
        start = time.monotonic()
        write_table(name, importlib.import_module("table_" + name).rows())
        print(f"  ({time.monotonic() - start:.0f} s)")


if __name__ == "__main__":
    main()
