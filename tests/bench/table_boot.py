# SPDX-License-Identifier: MIT
"""From power-on to dom0's prompt, what the hypervisor keeps of the machine's memory, and how much code runs in ring 0.

The peer is Debian's Xen 4.17 with Debian's Linux as dom0, up to the first line that its user space prints."""

import glob
import os
import re
import time

from bench import ROOT, median_ms
from driver import BUILD, CONSOLE, DOM0, INITRD, PROMPT, TCG_CPU, XEN, boot

VMLINUZ = os.path.join(BUILD, "debs", "vmlinuz")
INITRAMFS = os.path.join(BUILD, "bench", "initramfs.gz")
XEN_OPTIONS = {
    "kernel": XEN, "cpu": TCG_CPU, "append": CONSOLE + " dom0_mem=512M,max:512M noreboot",
    "modules": [(VMLINUZ, "console=hvc0 earlyprintk=xen panic=1"), (INITRAMFS, "")],
}  # fmt: skip


def seconds_to(pattern, name, **options):
    with boot("bench_" + name, memory="1G", **options) as session:
        session.expect(pattern)
        return time.monotonic() - session.start


def machine_memory(name, **options):
    """What dom0's `mem` says, in KiB: the machine's memory, what is free of it, and dom0's share."""
    with boot("bench_" + name, memory="1G", **options) as session:
        session.expect(PROMPT)
        session.send("mem\r")
        total, free = session.expect(r"^machine +(\d+) +\d+ +(\d+)\n").groups()
        return int(total), int(free), int(session.expect(r"^dom0 +(\d+) ")[1])


def hypervisor_memory():
    """KiB of RAM that are neither free nor dom0's, for Ryokan and Xen. Xen's total is all RAM of the memory map; Ryokan's
    own total leaves out what it took before it counted, so Xen's serves both."""
    total, free, dom0 = machine_memory("memory_xen", kernel=XEN, cpu=TCG_CPU, modules=[(DOM0, ""), (INITRD, "")],
                                       append=CONSOLE + " dom0_mem=256M,max:256M")  # fmt: skip
    _, our_free, our_dom0 = machine_memory("memory", append=CONSOLE + " dom0_mem=256M")
    return total - our_free - our_dom0, total - free - dom0


def code_lines(folders):
    """Lines of C and assembly without blank lines and comments."""
    total = 0
    for pattern in (f"{folder}/**/*.[chS]" for folder in folders):
        for path in glob.glob(os.path.join(ROOT, pattern), recursive=True):
            with open(path, encoding="utf-8") as file:
                text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
            total += sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("//"))
    return total


def rows():
    return [
        ("QEMU start to dom0's prompt / to Linux's first user-space line", "ms",
         median_ms(lambda: seconds_to(PROMPT, "boot"), 5),
         median_ms(lambda: seconds_to("user space: first line", "boot_xen", **XEN_OPTIONS), 3)),
        ("memory taken by the hypervisor, 1 GiB machine", "KiB", *hypervisor_memory()),
        ("code in ring 0 (hv + hypercalls)", "lines", code_lines(["hv", "hypercalls"]), None),
    ]  # fmt: skip
