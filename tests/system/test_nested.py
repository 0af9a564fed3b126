# SPDX-License-Identifier: MIT
"""Hypervisors as PVH domains: Ryokan with a dom0 and guests of its own inside, and Xen's shim. Ryokan inside real Xen is in test_real_xen.py."""

import os
import tarfile

from driver import BUILD, CONSOLE, DOM0, HV, INITRD, LOGS, PROMPT, SVM_ACCEL, TCG_CPU, boot, check, dom0_files, power_off, test
from test_domains import ANSWER, LEAVE, free_kib, gone, machine, shown, until

SHIM = os.path.join(BUILD, "debs", "xen-utils-4.17", "usr", "lib", "xen-4.17", "boot", "xen-shim")
SWITCH = "\x01\x01\x01"
LISTED = r"^Domain-0 +0 +48 "  # the inner dom0; the outer one has more memory


def inner_archive(name):
    """The inner machine's boot modules as one file: dom0, and its archive with a guest."""
    files = dom0_files(name + "_inner", {"guest/answer": ANSWER})
    path = os.path.join(LOGS, name + "_modules.tar")
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(DOM0, "dom0.elf")
        archive.add(files, "initrd.tar")
    return path


def enter(session, line):
    """An `xl` line at the outer prompt that ends at the inner one."""
    session.send(line + "\r")
    session.expect(r"Input goes to dom0")
    session.expect(PROMPT)
    shown(session, "xl list", LISTED)


def leave(session, line):
    """An inner line that ends the machine, and the console with it: back to the outer prompt."""
    session.send(line + "\r")
    session.expect(r"xl: domain \d+ has ended")
    session.expect(PROMPT)


def run_a_guest(session):
    """The inner dom0 makes a PV domain, speaks with it, and ends it."""
    session.command_line("xl create -q name=answer kernel=/guest/answer memory=16")
    shown(session, "xl list", r"^answer +1 +16 ")
    session.command_line("xl destroy answer")
    gone(session, "answer")


@test
def nested_domain_of_xl():
    """What: the hypervisor's own image as a PVH domain with 2 vCPUs: its dom0 runs a guest, restarts and switches off its machine, and crashes. Why: it asks of
    a PVH domain what a whole hypervisor needs (start of day, console, clock, second processor, every way to end), and is the only guest that is
    as demanding as a real machine's owner. Method: xl create with dom0 and its files in one archive; commands at the inner prompt. Expected: the inner xl
    makes and ends a guest; the outer one sees reboot, power-off and crash as what they are, and has all memory back."""
    create = "xl create -c name=inner type=pvh kernel=/guest/ryokan ramdisk=/guest/modules memory=112 vcpus=2 on_crash=preserve"
    files = {"guest/ryokan": HV, "guest/modules": inner_archive("nested_domain_of_xl")}
    with machine("nested_domain_of_xl", files, append=f"{CONSOLE} dom0_mem=128M", cpus=2, accel=SVM_ACCEL, lifetime=400) as session:
        session.expect(PROMPT)
        enter(session, create + " extra='loglvl=info dom0_mem=48M'")
        check("CPUs: 2 running" in session.output, "the second processor does not run")
        run_a_guest(session)
        leave(session, "reboot")
        shown(session, "xl list", r"^inner +2 ")
        enter(session, "xl console inner")
        leave(session, "poweroff")
        gone(session, "inner")
        free = free_kib(session)
        enter(session, create + " extra='loglvl=info dom0_mem=48M'")
        session.send("crash\r")
        session.expect("it ends as crashed")
        session.send(LEAVE)
        session.expect(PROMPT)
        shown(session, "xl list", r"^inner +3 +112 .* ---sc-")
        session.command_line("xl destroy inner")
        gone(session, "inner")
        until(session, "mem", lambda output: str(free) in output)
        power_off(session)


@test
def nested_domain_of_the_boot():
    """What: the same image as a domain from boot modules, with dom0 as its only module. Why: the hypervisor's own builder makes its start of day, and the
    hypervisor serves its console. Method: domain= with dom0 twice among the modules; the keyboard is switched to the domain. Expected: the
    inner dom0 answers, reads the words behind `--`, and its power-off ends the domain."""
    option = 'domain="inner,kernel=2,type=pvh,ramdisk=3,mem=96M,cmdline=loglvl=info dom0_mem=48M -- api.port=0 api.secret=x"'
    modules = [(DOM0, ""), (INITRD, ""), (HV, ""), (DOM0, "")]
    with boot("nested_domain_of_the_boot", lifetime=300, append=f"{CONSOLE} dom0_mem=64M {option}", modules=modules, cpus=2, accel=SVM_ACCEL) as session:
        session.expect(r"\(inner\) .*Input goes to dom0")
        session.expect(r"\(inner\) dom0: no HTTP API: Invalid argument")
        session.send(SWITCH)
        session.expect(r"\*\*\* Input goes to inner")
        session.send("\r")
        session.expect(r"\(inner\) dom0# ")
        session.send("xl list\r")
        session.expect(r"\(inner\) Domain-0 +0 +48 ")
        session.send("poweroff\r")
        session.expect(r"\(inner\) .*the machine goes off")
        session.send(SWITCH + SWITCH)
        session.expect(r"\*\*\* Input goes to dom0")
        session.send("\r")
        session.expect(PROMPT)
        shown(session, "xl list", r"^inner +1 +96 +1 +---s--")
        session.command_line("xl destroy inner")
        gone(session, "inner")
        power_off(session)


@test
def nested_real_xen():
    """What: real Xen as a PVH domain: Debian's PV shim, which runs one PV guest and passes on to us what that asks for. Why: it is a hypervisor's own use of the
    PVH interface, by code that nobody here wrote. Method: xl create with the shim as kernel and our guest that answers as its guest; a line is typed,
    a question written to xenstore, and the guest asked to shut down. Expected: both answers, and an end that is a power-off."""
    options = "extra='pv-shim console=xen,pv' on_poweroff=preserve on_crash=preserve"
    with machine("nested_real_xen", {"guest/shim": SHIM}, cpu=TCG_CPU, cpus=2, accel=SVM_ACCEL, lifetime=300) as session:
        session.expect(PROMPT)
        session.send(f"xl create -c name=shim type=pvh kernel=/guest/shim ramdisk=/guest/answer memory=64 {options}\r")
        session.expect(r"PVH start info")
        session.expect(r"^ready$")
        session.send("from outside\r")
        session.expect(r"answer: from outside")
        session.send(LEAVE)
        session.expect(PROMPT)
        session.command_line("xenstore-write /local/domain/1/data/question why")
        shown(session, "xenstore-read /local/domain/1/data/answer", r"^why$")
        session.command_line("xl shutdown shim")
        shown(session, "xl list", r"^shim +1 +64 .* ---s--")
        session.command_line("xl destroy shim")
        gone(session, "shim")
        power_off(session)
