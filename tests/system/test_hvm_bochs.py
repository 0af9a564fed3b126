# SPDX-License-Identifier: MIT
"""Hardware guests in Bochs, which alone emulates Intel VT-x, and AMD SVM with what QEMU lacks (next rip, flush by id).

`make linux-in-bochs MODEL=corei7_skylake_x VCPUS=2` runs this file as a program: Debian's cloud kernel to its shell, some minutes."""

import os
import sys
import tempfile

from bochs import Bochs
from driver import BUILD, CONSOLE, DOM0, HV, INITRD, PROMPT, Session, check, test
from test_machine import bios_iso

GRUB = os.path.join(BUILD, "debs", "grub-xen-host", "usr", "lib", "grub-xen", "grub-i386-xen_pvh.bin")
DOM0_SUITE = os.path.join(BUILD, "guests", "suite.elf")
SUITE = os.path.join(BUILD, "guests", "suite-pvh.elf")
CLOUD = os.path.join(BUILD, "debs", "vmlinuz-cloud")
STRESS = os.path.join(BUILD, "interop", "stress.cpio.gz")


def bochs(name, model, guest, modules, memory, lifetime, **machine):
    """A session whose machine has dom0 and one PVH domain `g` from the boot modules behind dom0's; machine: more of class Bochs."""
    with tempfile.TemporaryDirectory() as folder:
        options = f"{CONSOLE} loglvl=info dom0_mem=64M 'domain=g,type=pvh,kernel=2,{guest}'"
        iso = bios_iso(os.path.join(folder, "cd"), options, modules=(DOM0, INITRD, *modules))
        with Session(Bochs(iso, model=model, memory=memory, **machine), name, lifetime=lifetime) as session:
            yield session


def grub(name, model, extension):
    for session in bochs(name, model, "mem=64M", [GRUB], 512, 150):
        session.expect(f"hardware guests: {extension}")
        session.expect(PROMPT.rstrip("$"))
        session.expect(r"\(g\) .*GNU GRUB")
        session.expect(r"Minimal BASH-like line editing")


@test
def hvm_in_bochs_vtx():
    """What: GRUB's PVH image comes to its prompt on Intel VT-x. Why: the second vendor: VMCS, EPT, 32-bit hypercalls by vmcall, upcalls.
    Method: a boot domain beside dom0 in Bochs, corei7_skylake_x. Expected: VT-x is reported; GRUB's greeting (there is no input)."""
    grub("hvm_in_bochs_vtx", "corei7_skylake_x", "Intel VT-x with extended page tables, unrestricted guest, VPID")


@test
def hvm_in_bochs_svm():
    """What, method: as before on AMD SVM, Bochs' ryzen. Why: it has next rip and flush by id, which QEMU's SVM has not. Expected: the same."""
    grub("hvm_in_bochs_svm", "ryzen", "AMD SVM with nested paging, .*next rip")


@test
def guest_tests_in_bochs_vtx():
    """What: the guest-side tests for PVH guests, hostile ones among them, pass on Intel VT-x. Why: what a guest sees must not depend on the
    vendor. Method: their image as a boot domain of 2 vCPUs in Bochs, corei7_skylake_x. Expected: no failure."""
    for session in bochs("guest_tests_in_bochs_vtx", "corei7_skylake_x", "mem=64M,vcpus=2,xenstore=0,cmdline=tests=all", [SUITE], 512, 240):
        result = session.expect(r"Test result: (\w+)\n")[1]
        check(result in ("SUCCESS", "SKIP"), session.tail(40))


@test
def guest_tests_in_bochs_vtx_on_2_cpus():
    """What: a guest's two vCPUs on two CPUs with VT-x. Why: each CPU enables the extension for itself, vCPUs move with their VMCS, and IPIs, wake-ups and flushes
    go from CPU to CPU. Method: those of the guest-side tests whose vCPUs work with each other. Bochs has a slow clock, as its CPUs wait in real time.
    Expected: no failure."""
    tests = "evtchn_ipi+fpu_preserved+sched_block+smp_event_storm+smp_physmap_race+timer_singleshot+vcpu_up_down"
    guest = f"mem=64M,vcpus=2,xenstore=0,cmdline=tests={tests}"
    for session in bochs("guest_tests_in_bochs_vtx_on_2_cpus", "corei7_skylake_x", guest, [SUITE], 512, 300, cpus=2, ips=4000000):
        session.expect("CPUs: 2 running")
        result = session.expect(r"Test result: (\w+)\n")[1]
        check(result == "SUCCESS", session.tail(40))


@test
def hardware_guests_of_dom0_in_bochs_vtx():
    """What: hostile guests in every mode of the CPU end alone on Intel VT-x, and what guests write is recorded there. Why: as before. Method: the guest-side
    tests that make hardware guests, in dom0's place. Expected: no failure."""
    with tempfile.TemporaryDirectory() as folder:
        options = f"{CONSOLE} loglvl=info dom0_mem=96M -- tests=log_dirty,hostile_domains"
        iso = bios_iso(os.path.join(folder, "cd"), options, modules=(DOM0_SUITE,))
        with Session(Bochs(iso, model="corei7_skylake_x", memory=512), "hardware_guests_of_dom0_in_bochs_vtx", lifetime=300) as session:
            session.expect("hardware guests: Intel VT-x")
            result = session.expect(r"Test result: (\w+)\n")[1]
            check(result == "SUCCESS", session.tail(40))


@test
def nested_in_bochs_vtx():
    """What: our hypervisor as a PVH guest comes up with 2 vCPUs on Intel VT-x, and its dom0 in it. Why: a guest that uses its processor as a whole: paging on by
    hand, real mode on the second vCPU, PV guests' user mode, vmcall. Method: a boot domain in Bochs, corei7_skylake_x; dom0 gets an argument behind `--` that
    it complains of, as there is no input. Expected: both processors run; the complaint."""
    words = "mem=96M,vcpus=2,ramdisk=3,cmdline=loglvl=info dom0_mem=48M -- api.port=0 api.secret=x"
    for session in bochs("nested_in_bochs_vtx", "corei7_skylake_x", words, [HV, DOM0], 512, 300):
        session.expect(r"\(g\) .*CPUs: 2 running")
        session.expect(r"\(g\) dom0: no HTTP API: Invalid argument")


def linux(model, vcpus):
    guest = f"ramdisk=3,mem=128M,vcpus={vcpus},cmdline=console=hvc0 end=shell"
    for session in bochs("linux_in_bochs", model, guest, [CLOUD, STRESS], 768, 1800):
        session.expect(rf"guest: {vcpus} CPUs", timeout=1700)
        session.expect(r"built-in shell")
        print(session.tail(3))


if __name__ == "__main__":
    linux(sys.argv[1], int(sys.argv[2]))
