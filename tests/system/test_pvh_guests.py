# SPDX-License-Identifier: MIT
"""The guest-side tests as a PVH guest: on SVM under the hypervisor, and on real Xen."""

import os
import re
import sys

from driver import BUILD, CONSOLE, PROMPT, ROOT, SVM_ACCEL, boot, check, power_off, test

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from xen_oracle import oracle  # noqa: E402

SUITE = os.path.join(BUILD, "guests", "suite-pvh.elf")
MODULES = [(os.path.join(BUILD, "dom0", "dom0.elf"), ""), (os.path.join(BUILD, "dom0", "initrd.tar"), ""), (SUITE, "")]


# What takes minutes on real Xen, whose exits cost twenty times ours, and what QEMU breaks there (docs/caveats.md).
NOT_ON_XEN = {"smp_event_storm", "evtchn_upcall_once", "hlt_wakeup"}


def names():
    """The tests in the image."""
    with open(os.path.join(ROOT, "tests", "guests", "guests.mk"), encoding="ascii") as makefile:
        text = makefile.read().replace("\\\n", " ")
    return re.search(r"^GUESTS_PVH_NAMES := (.*)$", text, re.M)[1].split()


def failures(output):
    """What the suite's lines say went wrong."""
    return "\n".join(line for line in output.splitlines() if re.search(r"FAILURE|ERROR|unexpected trap", line))


@test
def guest_tests_as_pvh():
    """What: the guest-side tests that make sense there pass in a PVH guest on SVM. Why: one source, two routes: hypercalls, events, timers and
    vCPUs are the same to both kinds of guests. Method: a boot-time domain of 2 vCPUs runs them all; QEMU's first CPU runs no such guest, so
    there are 3. Expected: no failure."""
    option = 'domain="tests,kernel=2,type=pvh,mem=128M,vcpus=2,xenstore=0,cmdline=tests=all"'
    with boot("guest_tests_as_pvh", lifetime=300, cpus=3, accel=SVM_ACCEL, memory="1G", append=f"{CONSOLE} dom0_mem=64M {option}", modules=MODULES) as session:
        session.expect(r"Test result: \w+\n")
        check(re.search(r"Test result: (SUCCESS|SKIP)", session.output), failures(session.output))


@test
def pvh_wakes_from_hlt():
    """What: a timer that ends between a PVH guest's `sti` and `hlt` wakes the `hlt`. Why: QEMU's vmrun forgets the interrupt shadow, and the
    guest slept for good. Method: hlt_wakeup tries each instant; counted instructions make an instant of each. Expected: it ends."""
    option = 'domain="tests,kernel=2,type=pvh,mem=64M,xenstore=0,cmdline=tests=hlt_wakeup"'
    with boot("pvh_wakes_from_hlt", lifetime=120, memory="1G", append=f"{CONSOLE} dom0_mem=64M {option}", modules=MODULES,
              extra=["-icount", "shift=0,sleep=off"]) as session:  # fmt: skip
        session.expect(r"hlt_wakeup: SUCCESS")


@test
def guest_tests_as_pvh_on_real_xen():
    """What: the same image passes as a PVH guest of Debian's Xen 4.17. Why: a test that Xen fails describes another ABI. Method: Linux's xl
    creates it, without XSAVE, by which a PVH guest harms Xen's dom0 on TCG (docs/caveats.md). Expected: no failure."""
    wanted = "+".join(name for name in names() if name not in NOT_ON_XEN and not name.startswith("crash_"))
    with oracle("guest_tests_as_pvh", {"guest/suite": SUITE}, lifetime=240) as xen:
        xen.create(f'name="tests"; type="pvh"; kernel="/guest/suite"; memory=128; vcpus=2; cpuid="host,xsave=0"; tsc_mode="native"; '
                   f'extra="tests={wanted}"')  # fmt: skip
        xen.guest_expect("tests", r"Test result: \w+", timeout=180)
        log = xen.run("cat /var/log/xen/console/guest-tests.log")
        check(re.search(r"Test result: (SUCCESS|SKIP)", log), failures(log) or log[-1500:])


@test
def hostile_pvh_guests_are_ended():
    """What: PVH guests that fault three times over, run code where no memory is, and use instructions on devices that are not emulated, end
    alone. Why: each could keep a CPU for ever, or take the machine down. Method: three boot-time domains, one for each; then dom0 is asked
    for the list of domains, destroys them, and powers off. Expected: the log says what each did; dom0 goes on."""
    crashes = {"triple_fault": "triple fault", "code_nowhere": "it executes at guest-physical",
               "device_instruction": "an instruction that is not emulated"}  # fmt: skip
    options = " ".join(f'domain="{name},kernel=2,type=pvh,mem=64M,cmdline=tests=crash_{name}"' for name in crashes)
    with boot("hostile_pvh_guests_are_ended", lifetime=120, cpus=3, accel=SVM_ACCEL, memory="1G", modules=MODULES,
              append=f"{CONSOLE} loglvl=info guest_loglvl=all dom0_mem=64M {options}") as session:  # fmt: skip
        for text in crashes.values():
            while text not in session.output:
                session.expect(r"\n")
        session.send("\r")
        session.expect(PROMPT)
        for domain in (1, 2, 3):
            check(re.search(rf" {domain} +64 .*---s[-c]", session.command_line(f"xl list {domain}")), f"domain {domain} is not shut down")
            session.command_line(f"xl destroy {domain}")
        check(not re.search(r"^\S+ +[123] ", session.command_line("xl list"), re.M), "a destroyed domain is still listed")
        power_off(session)
