# SPDX-License-Identifier: MIT
"""Debian's standard kernel as the control domain of Ryokan and of Debian's Xen 4.17, in instructions (-icount): from the kernel's
first clock reading to its init, and what its system calls, faults and processes cost (tests/interop/micro.c)."""

import os
import re

from driver import BUILD, CONSOLE, HV, XEN, boot

KERNEL = os.path.join(BUILD, "debs", "vmlinuz")
INITRAMFS = os.path.join(BUILD, "interop", "stress.cpio.gz")
WORDS = "console=hvc0 micro=1 end=poweroff"


def measure(name, kernel, append):
    """What the guest says, by name, in instructions."""
    machine = {"kernel": kernel, "append": append, "modules": [(KERNEL, WORDS), (INITRAMFS, "")], "cpu": "max,-smap", "memory": "1G"}
    with boot("bench_linux_" + name, lifetime=600, extra=["-icount", "shift=0,sleep=off"], **machine) as session:
        session.expect(r"\[ +(\d+\.\d+)\] Run /init as init process")
        session.expect(r"MICRO fork_exec_wait \d+")
        seconds = re.search(r"\[ +(\d+\.\d+)\] Run /init", session.output)[1]
        found = {"boot_to_init": round(float(seconds) * 1e9)}
        for what, ticks in re.findall(r"MICRO (\w+) (\d+)", session.output):
            found[what] = int(ticks)
        return found


def rows():
    ours = measure("ryokan", HV, CONSOLE + " dom0_mem=512M")
    peer = measure("xen", XEN, CONSOLE + " dom0_mem=512M,max:512M")
    return [(what, "instructions", ours.get(what), value) for what, value in peer.items()]
