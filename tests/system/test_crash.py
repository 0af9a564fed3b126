# SPDX-License-Identifier: MIT
"""What is printed, and what happens then, when something dies."""

import os
import tempfile

from driver import CONSOLE, DOM0, INITRD, PROMPT, boot, check, test
from elf_damage import Elf

CTRL_A_3 = "\x01\x01\x01"


def crash_by_key(session):
    session.expect(PROMPT)
    session.send(CTRL_A_3 + "C")
    session.expect(r"\*\*\* Ryokan: crash by debug key at hv/io/debug_keys\.c:\d+ \*\*\*")
    session.expect(r"\] crash\+0x[0-9a-f]+/0x[0-9a-f]+\n")
    session.expect("Newest trace records")


@test
def hypervisor_crash_stops():
    """What: a BUG prints where it is, a symbolised backtrace and the newest trace records; with noreboot the machine stops.
    Why: the report must survive for whoever reads the screen. Method: the debug key C. Expected: all of it, and no reset."""
    with boot("hypervisor_crash_stops", append=CONSOLE + " noreboot", cpus=2, reboot=True) as session:
        crash_by_key(session)
        session.expect("the machine stops here")


@test
def hypervisor_crash_reboots():
    """What: without noreboot a BUG resets the machine. Method: the debug key C; QEMU ends at a reset. Expected: it ends."""
    with boot("hypervisor_crash_reboots", cpus=2) as session:
        crash_by_key(session)
        session.expect("rebooting")
        check(session.wait_exit() == 0, "no reset:\n" + session.tail())


@test
def dom0_crash():
    """What: a dom0 that dies is reported with its registers and stack. Why: its developer needs them; nobody else has them.
    Method: dom0.elf whose first instruction is ud2, with noreboot. Expected: registers, stack, `dom0 crashed`, a stop."""
    with tempfile.TemporaryDirectory() as folder:
        elf = Elf(DOM0)
        path = elf.poke_entry(b"\x0f\x0b").write(os.path.join(folder, "dom0.elf"))
        with boot("dom0_crash", append=CONSOLE + " noreboot", modules=[(path, ""), (INITRD, "")], reboot=True) as session:
            session.expect(f"RIP e033:0*{elf.get('entry'):x}")
            session.expect("dom0 crashed")
            session.expect("the machine stops here")


@test
def dom0_crash_reboots():
    """What: without noreboot a crashed dom0 resets the machine. Method: as dom0_crash. Expected: QEMU ends at the reset."""
    with tempfile.TemporaryDirectory() as folder:
        path = Elf(DOM0).poke_entry(b"\x0f\x0b").write(os.path.join(folder, "dom0.elf"))
        with boot("dom0_crash_reboots", modules=[(path, ""), (INITRD, "")]) as session:
            session.expect("dom0 crashed")
            check(session.wait_exit() == 0, "no reset:\n" + session.tail())
