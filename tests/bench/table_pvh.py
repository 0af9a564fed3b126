# SPDX-License-Identifier: MIT
"""Exits of a PVH guest on AMD SVM, here and on Debian's Xen 4.17, in instructions (-icount: the TSC counts them). At last what a user waits for: `xl create`
of Debian's cloud kernel as a PVH guest, its boot to init, which powers off, until it is gone."""

import os
import re
import sys

from bench import ROOT

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from driver import BUILD, CONSOLE, DOM0, INITRD, TCG_CPU, boot  # noqa: E402
from table_linux import ICOUNT, life_on_ryokan, life_on_xen  # noqa: E402
from xen_oracle import oracle  # noqa: E402

GUEST = os.path.join(BUILD, "guests", "bench-pvh.elf")
LINE = re.compile(r"BENCH (\w+) (\d+) (\w+)")


def ours():
    option = 'domain="bench,kernel=2,type=pvh,mem=64M,xenstore=0"'
    with boot("bench_pvh", lifetime=180, memory="1G", cpu=TCG_CPU, append=f"{CONSOLE} dom0_mem=64M {option}",
              modules=[(DOM0, ""), (INITRD, ""), (GUEST, "")], extra=ICOUNT) as session:  # fmt: skip
        session.expect("Bench done")
        return session.output


def peer():
    with oracle("bench_pvh", {"guest/bench": GUEST}, lifetime=240, instructions=True) as xen:
        xen.create('name="bench"; type="pvh"; kernel="/guest/bench"; memory=64; tsc_mode="native"; on_poweroff="destroy"')
        return xen.guest_end("bench")


def rows():
    here, there = ({name: int(value) for name, value, _ in LINE.findall(output)} for output in (ours(), peer()))
    here |= life_on_ryokan("pvh")
    there |= life_on_xen("pvh")
    return [(name, "instructions", value, there.get(name)) for name, value in here.items()]
