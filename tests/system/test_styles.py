# SPDX-License-Identifier: MIT
"""Kernels that start, map, wait and end as Mini-OS, Unikraft, Solo5 and the Xen Test Framework do (tests/interop/styles): made at boot
by the hypervisor, by dom0's xl, and by xl of real Xen."""

import os
import re
import sys

from driver import BUILD, CONSOLE, DOM0, INITRD, PROMPT, ROOT, SVM_ACCEL, boot, check, dom0_files, power_off, test

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from xen_oracle import oracle  # noqa: E402

KINDS = {"minios": "pv", "unikraft": "pv", "solo5": "pvh", "xtf-pv64": "pv", "xtf-hvm64": "pvh", "xtf-hvm32": "pvh"}
GUEST_FILES = {f"guest/{name}": os.path.join(BUILD, "interop", "styles", name + ".elf") for name in KINDS}


def passed(name, output):
    check(f"{name}: all checks passed" in output and "WRONG" not in output, f"{name}: a check went wrong:\n{output[-3000:]}")


@test
def styles_made_at_boot():
    """What: the kernels pass their checks as domains that the hypervisor makes. Why: it has a builder of its own, and its text goes to the log. Method: one
    boot with all of them. Expected: the last line of each."""
    modules = [(DOM0, ""), (INITRD, "")] + [(path, "") for path in GUEST_FILES.values()]
    domains = " ".join(f'domain="{name},kernel={number},type={kind},mem=32M,cmdline=one"' for number, (name, kind) in enumerate(KINDS.items(), 2))
    with boot("styles_made_at_boot", lifetime=240, cpus=2, accel=SVM_ACCEL, memory="1G", modules=modules,
              append=f"{CONSOLE} dom0_mem=64M guest_loglvl=all {domains}") as session:  # fmt: skip
        for name in KINDS:
            session.position = 0
            session.expect(rf"{name}: (all checks passed|checks went wrong)", timeout=200)
        lines = "\n".join(line for line in session.output.splitlines() if line.startswith("(RYO) ("))
        for name in KINDS:
            passed(name, "\n".join(line for line in lines.splitlines() if line.startswith(f"(RYO) ({name})")))


@test
def styles_made_by_xl():
    """What: the kernels pass their checks as domains of xl, and a 32-bit PV kernel is refused. Why: images of other projects come this way. Method: one
    after the other with its console. Expected: the last line of each, `poweroff` as the reason; the sentence."""
    with boot("styles_made_by_xl", lifetime=240, cpus=2, accel=SVM_ACCEL, memory="1G", append=f"{CONSOLE} dom0_mem=128M",
              modules=[(DOM0, ""), (dom0_files("styles_made_by_xl", GUEST_FILES), "")]) as session:  # fmt: skip
        session.expect(PROMPT)
        for name, kind in KINDS.items():
            output = session.command_line(f"xl create -c -q name={name} type={kind} kernel=/guest/{name} memory=32 extra=one")
            passed(name, output)
            check("command line: one" in output or name.startswith("xtf"), f"{name} does not see its command line:\n{output}")
        output = session.command_line("xl create -q name=old type=pv kernel=/guest/xtf-hvm32 memory=32")
        check("a 32-bit kernel cannot start as a PV guest" in output, "a 32-bit PV kernel is not refused:\n" + output)
        while re.search(r"^\S+ +[1-9] ", session.command_line("xl list"), re.M):
            pass  # xl destroys what has ended, and nothing is left
        power_off(session)


@test
def styles_on_real_xen():
    """What: the same images pass on Debian's Xen 4.17. Why: what Xen does not do is not the style of anybody. Method: Linux's xl creates one after the
    other. Expected: the last line of each."""
    with oracle("styles_on_real_xen", GUEST_FILES, lifetime=300) as xen:
        for name, kind in KINDS.items():
            xen.create(f'name="{name}"; type="{kind}"; kernel="/guest/{name}"; memory=32; extra="one"; tsc_mode="native"')
            passed(name, xen.guest_end(name))
