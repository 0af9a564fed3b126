# SPDX-License-Identifier: MIT
"""What is printed, and what happens then, when something dies."""

import os

from driver import BUILD, CONSOLE, PROMPT, boot, check, test

CTRL_A_3 = "\x01\x01\x01"
SUITE = os.path.join(BUILD, "guests", "suite.elf")


def crash_by_key(session):
    session.expect(PROMPT)
    session.send(CTRL_A_3 + "C")
    session.expect(r"\*\*\* Ryokan: crash by debug key at hv/io/debug_keys\.c:\d+ \*\*\*")
    session.expect(r"[Bb]acktrace|[Cc]all trace")
    session.expect(r"debug_key_press\+0x")


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
    Method: the guest-side test whose exception has no handler, as dom0, with noreboot. Expected: registers, `dom0 crashed`,
    a stop."""
    arguments = "tests=crash_no_handler"
    with boot("dom0_crash", append=CONSOLE + " noreboot", modules=[(SUITE, arguments)], reboot=True) as session:
        session.expect(r"rip|RIP")
        session.expect("dom0 crashed")
        session.expect("the machine stops here")
