# SPDX-License-Identifier: MIT
"""Debian's unmodified Linux kernels as PVH domains on AMD SVM, which QEMU emulates."""

import os
import re

from driver import BUILD, CONSOLE, PROMPT, SVM_ACCEL, boot, check, free_kib, power_off, test
from test_disk import Disks, enter, guest, leave, machine, make_boot_disk, run
from test_linux import CLOUD, MODULES, STANDARD, STRESS, SWITCH
from test_files import host
from test_network import NET, OUR_GUEST

GRUB = os.path.join(BUILD, "debs", "grub-xen-host", "usr", "lib", "grub-xen", "grub-i386-xen_pvh.bin")


def pvh(name, kernel, vcpus, cpus, words, lifetime=180, ramdisk=True, cpu="max"):
    """A session with dom0 and one PVH domain, called `lin`, whose command line ends in `words`."""
    option = (f'domain="lin,kernel=2,type=pvh,{"ramdisk=3," if ramdisk else ""}mem=256M,vcpus={vcpus},'
              f'cmdline=console=hvc0 quiet {words}"')  # fmt: skip
    modules = MODULES + [(kernel, "")] + ([(STRESS, "")] if ramdisk else [])
    return boot(name, lifetime=lifetime, cpus=cpus, memory="1G", cpu=cpu, accel=SVM_ACCEL, append=f"{CONSOLE} dom0_mem=64M {option}", modules=modules)


def stress(name, vcpus, cpus, cpu="max"):
    with pvh(name, CLOUD, vcpus, cpus, "stress=4 end=poweroff", cpu=cpu) as session:
        session.expect(PROMPT.rstrip("$"))
        session.expect(rf"guest: {vcpus} CPUs")
        session.expect(r"stress: ok")
        session.expect(r"reboot: (Power down|System halted)")
        session.send("\r")
        session.expect(PROMPT)
        for _ in range(100):
            if re.search(r"^lin +1 .* ---s--", session.command_line("xl list 1"), re.M):
                break
        else:
            check(False, "xl list does not show the domain as shut down")
        session.command_line("xl destroy 1")
        after = free_kib(session)
        power_off(session)
    with pvh(name + "_baseline", CLOUD, vcpus, cpus, "end=poweroff", cpu=cpu) as session:
        session.expect(PROMPT.rstrip("$"))
        session.command_line("xl destroy 1")
        before = free_kib(session)
        power_off(session)
    check(after == before, f"free memory after the domain's end is {after} KiB, without it {before} KiB")


@test
def pvh_linux_1_vcpu():
    """What: Debian's cloud kernel as PVH, 1 vCPU, under load, to its power-off; nothing leaks. Why: the simplest hardware guest.
    Method: a boot-time domain runs the stress program; dom0 destroys it; the machine's free memory is compared with a boot where
    it is destroyed at once. Expected: "stress: ok", equal free memory."""
    stress("pvh_linux_1_vcpu", 1, 1)


@test
def pvh_linux_4_vcpus_on_3_cpus():
    """What: as before, 4 vCPUs on 3 CPUs of a model that has fewer features. Why: start by INIT and SIPI, interprocessor interrupts,
    migration of vCPUs, stale translations. Method, expected: as before; two CPUs run them, because QEMU's first one cannot (caveats)."""
    stress("pvh_linux_4_vcpus_on_3_cpus", 4, 3, cpu="EPYC,+svm,+npt")


@test
def pvh_linux_standard_kernel_to_a_shell():
    """What: Debian's standard kernel as PVH to a shell on its console. Why: its other configuration. Method: switch the input to the
    domain, type commands. Expected: the shell's answers; `poweroff` ends it."""
    with pvh("pvh_linux_standard_kernel_to_a_shell", STANDARD, 2, 2, "end=shell", lifetime=300) as session:
        session.expect(r"guest: 2 CPUs", timeout=240)
        session.send(SWITCH)
        session.expect(r"\*\*\* Input goes to lin")
        session.send("echo answer $((6 * 7))\r")
        session.expect(r"\(lin\) .*answer 42")
        session.send("poweroff -f\r")
        session.expect(r"reboot: (Power down|System halted)")


@test
def pvh_grub_to_its_prompt():
    """What: Debian's GRUB for PVH, 32-bit code without paging, to its prompt. Why: hypercalls and events of 32-bit guests, which no kernel of ours
    makes. Method: a boot-time domain; the input is switched to it, and a command typed. Expected: the command's answer."""
    with boot("pvh_grub_to_its_prompt", lifetime=120, memory="1G", modules=MODULES + [(GRUB, "")],
              append=f'{CONSOLE} dom0_mem=64M domain="grub,kernel=2,type=pvh,mem=128M"') as session:  # fmt: skip
        session.expect(r"GNU GRUB +version")
        session.expect(r"device or file completions")
        session.send(SWITCH)
        session.expect(r"\*\*\* Input goes to grub")
        session.send("set n=42; echo answer $n\r")
        session.expect(r"answer 42")


@test
def pvh_grub_from_disk_to_linux():
    """What: GRUB for PVH reads its configuration, a kernel and an initrd from a virtual disk and starts Linux, which mounts the same disk. Why: Linux
    is entered by its 32-bit boot protocol, finds out by ACPI where it is, and shared_info changes its width under it. Method: xl create
    type="pvh" with GRUB as the kernel; Debian's standard kernel on the disk. Expected: Linux's shell, which finds its kernel on the disk."""
    with Disks(64) as disks:
        make_boot_disk(disks.path(0))
        with machine("pvh_grub_from_disk_to_linux", disks, {"guest/grub": GRUB}, lifetime=240) as session:
            session.expect(PROMPT)
            run(session, "xl create -q name=lin type=pvh kernel=/guest/grub memory=400 \"disk=['phy:vda,xvda,w']\"")
            enter(session)
            guest(session, "until [ -b /dev/xvda ]; do usleep 10000; done; mount -t ext4 /dev/xvda /mnt; ls -l /mnt/boot/vmlinuz")
            leave(session)
            power_off(session)


@test
def pvh_split_drivers():
    """What: a guest of ours as PVH with a network and one with a disk. Why: grants, events and rings of both front ends from a hardware guest.
    Method: xl create with type="pvh"; data to and from dom0; everything on the disk is written, read back and compared. Expected: equal
    checksums; nothing differs."""
    with Disks(16) as disks:
        with machine("pvh_split_drivers", disks, {"guest/net": OUR_GUEST}, lifetime=240) as session:
            session.expect(PROMPT)
            run(session, "ifconfig en1 10.0.0.3/24")
            session.command_line("transfer serve 5000")
            session.send("xl create -c -q name=net type=pvh kernel=/guest/net memory=64 'vif=[\"\"]' "
                         "extra='IP=10.0.0.2/24 transfer 10.0.0.3 5000 1000000'\r")  # fmt: skip
            session.expect(r"transfer: 1000000 bytes each way, checksums equal")
            session.expect(r"net: serving")
            leave(session)
            session.send("xl create -c -q name=disk type=pvh kernel=/guest/disk memory=32 extra='verify:4096:16:500 verify:131072:4:50' "
                         "\"disk=['phy:vda,xvda,w']\"\r")  # fmt: skip
            for _ in range(2):
                session.expect(r"disk: randread .* 0 failed, 0 different")
            session.expect(r"disk: ok")


@test
def pvh_linux_disk_and_network():
    """What: Debian's Linux as PVH with eth0 and xvda. Why: its own front ends, from a hardware guest. Method: xl create with type="pvh"; an address by
    DHCP on dom0's inside switch, ping, data to dom0; a file system on the disk. Expected: equal checksums; the file is there after the disk was
    mounted again; the host's e2fsck finds nothing wrong."""
    with Disks(16) as disks:
        host("mke2fs", "-q", "-t", "ext4", disks.path(0))
        with machine("pvh_linux_disk_and_network", disks, {"guest/net.gz": NET}, lifetime=900) as session:
            session.expect(PROMPT)
            session.command_line("transfer serve 5000")
            session.send("xl create -c -q name=lin type=pvh kernel=/guest/linux ramdisk=/guest/net.gz memory=192 'vif=[\"bridge=natbr0\"]' "
                         "\"disk=['phy:vda,xvda,w']\" extra='console=hvc0 quiet dhcp=1 ping=192.168.77.1 transfer=192.168.77.1:5000:1000000 disk=1'\r")  # fmt: skip
            session.expect(r"net: .* 192\.168\.77\.10/24")
            session.expect(r"3 packets transmitted, [23] packets received")
            session.expect(r"transfer: 1000000 bytes each way, checksums equal")
            session.expect(r"net: the disk has what was written")
            session.expect(r"reboot: (Power down|System halted)")
        host("e2fsck", "-fn", disks.path(0))
