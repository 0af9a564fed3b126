# SPDX-License-Identifier: MIT
"""PV guests on a CPU that has L1TF."""

import os
import re

from driver import BUILD, CONSOLE, DOM0, INITRD, PROMPT, boot, check, power_off, test
from test_disk import Disks, enter, guest, machine, run

SUITE = os.path.join(BUILD, "guests", "suite.elf")
# It neither says RDCL_NO nor has the register in which it could.
AFFECTED_CPU = "Skylake-Client,-smap"
LEVELS = [1, 1, 1, 1, 1, 1, 1, 2, 2]  # of the entries in the order of the guest-side test's ways


def l1tf_guests(name, words):
    """One domain for each way to write an absent entry that names memory; all beside a dom0. The log when each has ended."""
    options = " ".join(f'"domain=way{n},kernel=2,mem=24M,xenstore=0,cmdline=tests=l1tf l1tf={n}"' for n in range(len(LEVELS)))
    with boot(name, cpu=AFFECTED_CPU, cpus=2, memory="768M", lifetime=240, modules=[(DOM0, ""), (INITRD, ""), (SUITE, "")],
              append=f"{CONSOLE} loglvl=info guest_loglvl=all dom0_mem=64M {words} {options}") as session:  # fmt: skip
        while len(re.findall(r"d\d+v0 crashed: |Test result: ", session.output)) < len(LEVELS):
            session.expect(r"\n")
        session.send("\r")
        session.expect(PROMPT)
        log = session.output
        power_off(session)
    return log


@test
def l1tf_guests_are_crashed():
    """What: on a CPU with L1TF a domain that stores an absent entry with the address of memory is crashed, whichever way it takes. Why: it could
    read what the cache holds of others. Method: Skylake without RDCL_NO; the guest-side test `l1tf` in nine domains, each with a way of its own after
    all safe entries in all ways. Expected: nine lines that name level and entry, after no failure of what is safe; dom0 goes on."""
    log = l1tf_guests("l1tf_guests_are_crashed", "")
    check("L1TF: the CPU is affected" in log, "the CPU does not count as affected:\n" + log[:3000])
    check("FAILURE" not in log, log[-3000:])
    for number, level in enumerate(LEVELS, 1):
        check(re.search(rf"d{number}v0 crashed: L1TF-vulnerable L{level}e 000000[0-9a-f]{{7}}006", log), f"domain {number} (way {number - 1}):\n" + log[-4000:])


@test
def l1tf_check_switched_off():
    """What: pv-l1tf=no stores such entries. Why: it is the operator's to decide, as on Xen. Method: the same domains. Expected: each goes on, which its
    test reports as a failure, and none is crashed."""
    log = l1tf_guests("l1tf_check_switched_off", "pv-l1tf=no")
    check(log.count("the domain goes on after 0") == len(LEVELS) and "crashed" not in log, log[-3000:])


@test
def l1tf_linux_swaps():
    """What: Debian's Linux runs unharmed on a CPU with L1TF, with pages that are swapped out and pages that nobody may touch. Why: absent entries
    that are not empty are these. Method: 96 MiB of memory and a disk to swap to; a program with a buffer larger than memory, and one that
    protects pages, forks and maps. Expected: pages went to the disk and came back with what was in them, and the domain was not crashed."""
    with Disks(128) as disks:
        stress = os.path.join(BUILD, "interop", "stress.cpio.gz")
        with machine("l1tf_linux_swaps", disks, {"guest/stress": stress}, cpu=AFFECTED_CPU, append=f"{CONSOLE} loglvl=info") as session:
            session.expect(PROMPT)
            check("refused to domains but dom0" in session.output, "the CPU does not count as affected")
            run(session, "xl create -q name=lin kernel=/guest/linux ramdisk=/guest/initrd memory=96 extra='console=hvc0 quiet' "
                         "\"disk=['phy:vda,xvda,w']\"")  # fmt: skip
            enter(session)
            guest(session, "mkswap /dev/xvda >/dev/null && swapon /dev/xvda")
            check("7440c7a2a471bcb417b448e757b4d4e8" in guest(session, "dd if=/dev/zero bs=72M count=1 2>/dev/null | md5sum"), "another checksum")
            moved = dict(re.findall(r"(pswpin|pswpout) (\d+)", guest(session, "grep pswp /proc/vmstat")))
            check(int(moved["pswpin"]) > 1000 and int(moved["pswpout"]) > 1000, f"too little was swapped: {moved}")
            session.send("poweroff -f\r")
            session.expect(PROMPT)
            run(session, "xl create -q name=stress kernel=/guest/linux ramdisk=/guest/stress memory=128 vcpus=2 extra='console=hvc0 quiet stress=5 end=stay'")
            session.send("xl console stress\r")
            session.expect(r"stress: ok")
            check("crashed" not in session.output, session.tail(30))
