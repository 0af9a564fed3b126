# SPDX-License-Identifier: MIT
"""Debian's unmodified Linux kernels as PV domains that the hypervisor builds at boot."""

import os
import re

from driver import BUILD, CONSOLE, DOM0, INITRD, PROMPT, boot, check, free_kib, power_off, test

CLOUD = os.path.join(BUILD, "debs", "vmlinuz-cloud")  # LZ4
STANDARD = os.path.join(BUILD, "debs", "vmlinuz")  # xz
STRESS = os.path.join(BUILD, "interop", "stress.cpio.gz")
MODULES = [(DOM0, ""), (INITRD, "")]
SHUTDOWN_REBOOT = 1  # xen/sched.h
SWITCH = "\x01\x01\x01"


def linux(name, kernel, vcpus, cpus, words, lifetime=120, memory=256):
    """A session with dom0 and one Linux domain, called `lin`, whose command line ends in `words`."""
    option = f'domain="lin,kernel=2,ramdisk=3,mem={memory}M,vcpus={vcpus},cmdline=console=hvc0 quiet {words}"'
    return boot(name, lifetime=lifetime, cpus=cpus, memory="1G", append=f"{CONSOLE} dom0_mem=64M {option}",
                modules=MODULES + [(kernel, ""), (STRESS, "")])  # fmt: skip


def run_to_the_end(session, vcpus, seconds):
    """The domain says its number of CPUs, its stress program ends well, and it powers off."""
    session.expect(rf"guest: {vcpus} CPUs")
    session.expect(r"stress: ok", timeout=seconds + 180)
    session.expect(r"reboot: (Power down|System halted)|\(lin\) .*[Pp]ower", timeout=30)


def stress(name, vcpus, cpus, seconds):
    with linux(name, CLOUD, vcpus, cpus, f"stress={seconds} end=poweroff", lifetime=seconds + 240) as session:
        session.expect(PROMPT.rstrip("$"))
        run_to_the_end(session, vcpus, seconds)
        session.send("\r")
        session.expect(PROMPT)
        for _ in range(100):
            listed = session.command_line("xl list 1")
            if re.search(r"^lin +1 .* ---s--", listed, re.M):
                break
        else:
            check(False, "xl list does not show the domain as shut down:\n" + listed)
        session.command_line("xl destroy 1")
        listed = session.command_line("xl list")
        check(not re.search(r"^\S+ +1 ", listed, re.M), "the destroyed domain is still listed:\n" + listed)
        after = free_kib(session)
        power_off(session)
    # The same domain, ended before it does much: the tables of the memory that a domain has are made on first use.
    with linux(name + "_baseline", CLOUD, vcpus, cpus, "end=poweroff") as session:
        session.expect(PROMPT.rstrip("$"))
        session.command_line("xl destroy 1")
        before = free_kib(session)
        power_off(session)
    check(after == before, f"free memory after the domain's end is {after} KiB, without it {before} KiB")


@test
def linux_1_vcpu_on_1_cpu():
    """What: Debian's cloud kernel with busybox, 1 vCPU on 1 CPU, under load, to its power-off; nothing leaks. Why: the smallest case
    of all. Method: a boot-time domain runs the stress program (faults, forks, signals, threads, mappings); dom0
    destroys it; the machine's free memory is compared with a boot where it is destroyed at once. Expected: "stress: ok", equal free memory."""
    stress("linux_1_vcpu_on_1_cpu", 1, 1, 8)


@test
def linux_4_vcpus_on_1_cpu():
    """What: as before with 4 vCPUs that share one CPU. Why: preemption in every state. Method, expected: as before."""
    stress("linux_4_vcpus_on_1_cpu", 4, 1, 8)


@test
def linux_2_vcpus_on_4_cpus():
    """What: as before with 2 vCPUs that may wander over 4 CPUs. Why: migration and work stealing. Method, expected: as before."""
    stress("linux_2_vcpus_on_4_cpus", 2, 4, 8)


@test
def linux_4_vcpus_on_4_cpus_for_a_minute():
    """What: as before, 4 vCPUs on 4 CPUs, a minute. Why: races between CPUs: shoot-downs, page types, events. Method, expected: as
    before."""
    stress("linux_4_vcpus_on_4_cpus_for_a_minute", 4, 4, 60)


@test
def linux_standard_kernel_to_a_shell():
    """What: Debian's standard kernel (xz) to a shell on its console. Why: the other packing, and console input to a boot-time domain.
    Method: switch the input to the domain, type commands at its shell. Expected: the shell's answers; `poweroff` ends it."""
    with linux("linux_standard_kernel_to_a_shell", STANDARD, 2, 2, "end=shell", lifetime=300) as session:
        session.expect(r"guest: 2 CPUs", timeout=240)
        session.send(SWITCH)
        session.expect(r"\*\*\* Input goes to lin")
        session.send("echo answer $((6 * 7))\r")
        session.expect(r"\(lin\) .*answer 42")
        session.send("poweroff -f\r")
        session.expect(r"reboot: (Power down|System halted)")


@test
def linux_made_at_boot_asks_for_reboot():
    """What: a domain that the hypervisor made at boot reboots. Why: nobody has its kernel any more: the modules were freed, and `xl` did not make
    it. Method: Linux's init reboots. Expected: the domain stays shut down with that reason until `xl destroy`, which takes its memory back."""
    with linux("linux_made_at_boot_asks_for_reboot", CLOUD, 1, 1, "end=reboot") as session:
        session.expect(r"reboot: Restarting system")
        session.send("\r")
        session.expect(PROMPT)
        for _ in range(100):
            listed = session.command_line("xl list -v lin")
            if re.search(rf"^lin +1 .* ---s-- .* {SHUTDOWN_REBOOT} +-", listed, re.M):
                break
        else:
            check(False, "xl list -v does not say that the domain wants to reboot:\n" + listed)
        before = free_kib(session)
        session.command_line("xl destroy lin")
        check(free_kib(session) >= before + (250 << 10), "its memory did not come back")


@test
def linux_as_dom0_reboots_the_machine():
    """What: Debian's standard kernel as dom0, with the machine's devices, reboots. Why: the ABI of a privileged Linux, and the way
    back through firmware. Method: a machine that may reset; Linux's init reboots. Expected: its init's line twice, with the
    hypervisor's first line in between."""
    with boot("linux_as_dom0_reboots_the_machine", lifetime=300, memory="1G", reboot=True, append=CONSOLE + " dom0_mem=512M",
              modules=[(STANDARD, "console=hvc0 quiet end=reboot"), (STRESS, "")]) as session:  # fmt: skip
        session.expect(r"guest: 1 CPUs")
        session.expect(r"^\(RYO\) Ryokan ")
        session.expect(r"guest: 1 CPUs")
