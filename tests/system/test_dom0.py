# SPDX-License-Identifier: MIT
"""What a person at dom0's prompt sees."""

import contextlib
import re

from driver import CONSOLE, PROMPT, boot, check, test

UP, LEFT, BACKSPACE, TAB, CTRL_A, CTRL_C, CTRL_U = "\x1b[A", "\x1b[D", "\x7f", "\t", "\x01", "\x03", "\x15"


@contextlib.contextmanager
def at_prompt(name, **options):
    with boot(name, **options) as session:
        session.expect(PROMPT)
        yield session


def lines_contain(text, *needles):
    for needle in needles:
        check(needle in text, f"no {needle!r} in:\n{text}")


@test
def prompt_help():
    """What: `help` lists the commands and explains one; an unknown command is named. Why: the first thing a person types.
    Expected: the promised commands are listed; `help reboot` shows its usage; `nosuch` is reported, and the prompt comes again."""
    with at_prompt("prompt_help") as session:
        lines_contain(session.command_line("help"), "xl", "ls", "cat", "mem", "lspci", "reboot", "poweroff")
        lines_contain(session.command_line("help reboot"), "usage: reboot")
        lines_contain(session.command_line("nosuch"), "nosuch: command not found")


@test
def prompt_files():
    """What: the archive beside dom0's kernel is its file system. Method: `ls`, `cat`, and a file that is not there.
    Expected: names, contents, an error that names the file."""
    with at_prompt("prompt_files") as session:
        lines_contain(session.command_line("ls"), "README", "etc/")
        lines_contain(session.command_line("cat /README"), "dom0 is the control domain")
        lines_contain(session.command_line("cat /nosuch"), "/nosuch", "No such file")


@test
def prompt_editing():
    """What: history, completion and editing keys work over the serial line. Why: it is the only console.
    Method: type with errors, correct them by keys, call the line back. Expected: the corrected line is what is executed."""
    with at_prompt("prompt_editing") as session:
        session.send("echo hexxo" + LEFT + BACKSPACE * 2 + "ll\r")
        session.expect(r"^hello$")
        session.expect(PROMPT)
        session.send(UP + "\r")
        session.expect(r"^hello$")
        session.expect(PROMPT)
        session.send("never executed" + CTRL_U + "echo kept\r")
        session.expect(r"^kept$")
        session.expect(PROMPT)
        session.send("powe" + TAB)
        session.expect("poweroff")
        session.send(CTRL_C)
        session.expect(PROMPT)
        session.send("xl inf" + TAB + "\r")
        session.expect(r"xen_version +: 4\.17")


@test
def prompt_xl():
    """What: `xl` asks the hypervisor through sysctl and domctl. Expected: our name in `info`, Domain-0 with its memory and
    vCPUs in `list`, one line a vCPU in `vcpu-list`, the boot log in `dmesg`."""
    with at_prompt("prompt_xl", cpus=2, append=CONSOLE + " loglvl=all dom0_mem=256M dom0_max_vcpus=2") as session:
        info = session.command_line("xl info")
        lines_contain(info, "xen_major              : 4", "xen_minor              : 17", "yokan", "nr_cpus                : 2")
        listed = session.command_line("xl list")
        check(re.search(r"^Domain-0 +0 +256 +\d+ +r-----", listed, re.M), listed)
        check(session.command_line("xl vcpu-list").count("Domain-0") == 2, "xl vcpu-list has not two lines")
        lines_contain(session.command_line("xl dmesg"), "dom0: 256 MiB, 2 vCPUs")


@test
def prompt_memory():
    """What: `mem` adds up. Expected: used and free of the machine are its total, and dom0 has what it was given."""
    with at_prompt("prompt_memory", append=CONSOLE + " dom0_mem=256M") as session:
        session.send("mem\r")
        total, used, free = map(int, session.expect(r"^machine +(\d+) +(\d+) +(\d+)\n").groups())
        dom0 = int(session.expect(r"^dom0 +(\d+) ")[1])
        check(total == used + free, f"{total} KiB are not {used} + {free}")
        check(dom0 == 256 * 1024, f"dom0 has {dom0} KiB")
        check(used > dom0, "the hypervisor takes nothing")


@test
def prompt_lspci_q35():
    """What: dom0 reads PCI configuration space. Expected on q35: the host bridge and the ICH9's functions."""
    with at_prompt("prompt_lspci_q35") as session:
        lines_contain(session.command_line("lspci"), "00:00.0 Host bridge", "[8086:29c0]", "00:1f.2")


@test
def prompt_lspci_pc():
    """What, expected: as prompt_lspci_q35 on the i440FX machine, which has no memory-mapped configuration space."""
    with at_prompt("prompt_lspci_pc", machine="pc") as session:
        lines_contain(session.command_line("lspci"), "00:00.0 Host bridge", "[8086:1237]")


@test
def prompt_reboot():
    """What: `reboot` resets the machine. Method: QEMU ends at a reset. Expected: it ends with status 0."""
    with at_prompt("prompt_reboot") as session:
        session.send("reboot\r")
        check(session.wait_exit() == 0, "the emulator ended badly:\n" + session.tail())
