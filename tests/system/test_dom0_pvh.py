# SPDX-License-Identifier: MIT
"""dom0 as a PVH guest: what dom0 is there for, once more."""

import os
import random
import re
import subprocess
import tempfile

import test_domains
from bochs import Bochs
from driver import BUILD, CONSOLE, DOM0, INITRD, PROMPT, SVM_ACCEL, Session, boot, check, die_with_parent, power_off, test
from test_disk import Disks, enter, guest
from test_disk import machine as disk_machine
from test_disk import run
from test_files import Image, host, lines
from test_machine import bios_iso
from test_network import TRANSFER, attach, free_ports, linux, network, transfer, user_network

PVH = CONSOLE + " dom0=pvh"
LONG = 600  # two machines in one: nested paging under an emulator


@test
def dom0_pvh_prompt():
    """What: dom0 comes up as a PVH guest, sees the machine, and switches it off. Why: the first thing of all. Method: 4 CPUs, a machine with
    memory above 4 GiB, lspci and xl. Expected: the hypervisor says that dom0 is a hardware guest; dom0 has its memory, and the prompt."""
    with boot("dom0_pvh_prompt", lifetime=LONG, append=PVH + " loglvl=info", cpus=4, memory="6G", accel=SVM_ACCEL) as session:
        session.expect(r"dom0: 256 MiB, 4 vCPUs, HVM, entry")
        session.expect(PROMPT)
        check(re.search(r"^Domain-0 +0 +256 ", session.command_line("xl list"), re.M), "xl list does not show dom0")
        check(re.search(r"^dom0 +262144 ", session.command_line("mem"), re.M), "dom0 does not have its 256 MiB")
        check("[8086:29c0]" in session.command_line("lspci"), "the host bridge is not seen")
        power_off(session)


@test
def dom0_pvh_reboots():
    """What: `reboot` resets the machine. Method: QEMU ends at a reset. Expected: it ends well."""
    with boot("dom0_pvh_reboots", lifetime=LONG, append=PVH) as session:
        session.expect(PROMPT)
        session.send("reboot\r")
        check(session.wait_exit() == 0, "no reset:\n" + session.tail())


@test
def dom0_pvh_needs_hardware():
    """What: dom0=pvh on a processor without SVM. Why: the machine must come up all the same. Expected: a line says why dom0 is a PV guest."""
    with boot("dom0_pvh_needs_hardware", lifetime=LONG, append=PVH + " loglvl=info", cpu="max,-svm") as session:
        session.expect(r"dom0=pvh needs a processor with AMD SVM or Intel VT-x")
        session.expect(r"dom0: 256 MiB, 1 vCPUs, PV, entry")
        session.expect(PROMPT)
        power_off(session)


@test
def dom0_pvh_devices():
    """What: device memory, and interrupts by INTx, MSI and MSI-X; the hypervisor's memory and interrupt controllers are out of reach. Why:
    drivers stand on it; a privileged domain must not get at the hypervisor. Method: pcitest with QEMU's edu and e1000e, 2 CPUs. Expected:
    no failure."""
    modules = [(DOM0, "DRIVERS=0"), (INITRD, "")]
    with boot("dom0_pvh_devices", lifetime=LONG, append=PVH, cpus=2, accel=SVM_ACCEL, modules=modules,
              extra=["-device", "edu", "-device", "e1000e"]) as session:  # fmt: skip
        session.expect(PROMPT)
        answer = session.command_line("pcitest")
        check("the hypervisor keeps its memory: ok" in answer and "0 failed, 0 skipped" in answer, "pcitest failed:\n" + answer)
        power_off(session)


@test
def pvguest_selftest_as_pvh_dom0():
    """What: the guest library's self-test in dom0's place, as PVH. Why: its memory is at machine addresses then, to which the image moves, and
    device memory, grants, PCI and a second vCPU have to work there. Method: boot selftest.elf with 2 vCPUs. Expected: `Test result: SUCCESS`."""
    modules = [(os.path.join(BUILD, "pvguest", name), "") for name in ("selftest.elf", "selftest.tar")]
    with boot("pvguest_selftest_as_pvh_dom0", lifetime=LONG, append=PVH + " guest_loglvl=all", cpus=2, accel=SVM_ACCEL, modules=modules) as session:
        check(session.expect(r"Test result: (\w+)\n").group(1) == "SUCCESS", "a test of the guest library failed:\n" + session.tail(40))
        for name in "grants", "foreign", "vcpus", "pci":
            check(re.search(rf"\b{name} +ok ", session.output), f"'{name}' was not tried:\n" + session.tail(40))


@test
def dom0_pvh_in_bochs():
    """What: dom0 comes to its prompt as a PVH guest on Intel VT-x. Why: the second vendor: its tables of device memory and its port exits. Method: Bochs,
    corei7_skylake_x. Expected: VT-x is reported, dom0 is a hardware guest, the prompt (there is no input)."""
    with tempfile.TemporaryDirectory() as folder:
        iso = bios_iso(os.path.join(folder, "cd"), PVH + " loglvl=info dom0_mem=64M")
        with Session(Bochs(iso, model="corei7_skylake_x", memory=512), "dom0_pvh_in_bochs", lifetime=LONG) as session:
            session.expect("hardware guests: Intel VT-x")
            session.expect("dom0: 64 MiB, 1 vCPUs, HVM")
            session.expect(PROMPT.rstrip("$"))


def lives(session):
    """A PV and a PVH domain, each to its console, through a reboot, to its end."""
    for number, kind in enumerate(["pv", "pvh"]):
        session.command_line(f"xl create -q type={kind} name={kind} kernel=/guest/answer memory=64 extra=one")
        session.send(f"xl console {kind}\r")
        session.expect(r"^answer: one$")
        session.send(test_domains.LEAVE)
        session.expect(PROMPT)
        session.command_line(f"xl reboot -w {kind}")
        test_domains.shown(session, "xl list", rf"^{kind} +{2 * number + 3} +64 ")
        session.command_line(f"xl shutdown -w {kind}")
        test_domains.gone(session, kind)


@test
def dom0_pvh_makes_domains():
    """What: `xl` makes, reboots and ends PV and PVH domains; others crash or are destroyed. Why: a PVH dom0 writes their memory through physical
    frames of its own, and pins page tables that it never maps writable. Method: the guest `answer` as both kinds, then the ways to end of a PV
    dom0's test. Expected: consoles work; memory and xenstore are as before."""
    with test_domains.machine("dom0_pvh_makes_domains", {}, lifetime=LONG, cpus=2, accel=SVM_ACCEL, append=PVH) as session:
        test_domains.check_all_back(session, lambda s: (lives(s), test_domains.check_ends(s)))
        power_off(session)


@test
def dom0_pvh_serves_disks():
    """What: Debian's Linux, as PV and as PVH domain, on a disk of dom0's: ext4, checksums. Why: the device writes straight into the domain's
    memory, at machine addresses that a PVH dom0 gets with the grant. Method: a file is made in the one domain and read in the other. Expected:
    equal checksums, and on the host a clean file system."""
    with Disks(64) as disks:
        with disk_machine("dom0_pvh_serves_disks", disks, {}, lifetime=LONG, append=PVH) as session:
            session.expect(PROMPT)
            sums = [disk_life(session, kind, make=kind == "pv") for kind in ("pv", "pvh")]
            check(sums[0] == sums[1], f"the checksums differ: {sums}")
            power_off(session)
        host("e2fsck", "-fn", disks.path(0))


def disk_life(session, kind, make):
    """A Linux domain that makes the file, or not, and reads it; returns its checksum."""
    run(session, f"xl create -q type={kind} name=lin kernel=/guest/linux ramdisk=/guest/initrd memory=192 extra='console=hvc0 quiet' "
                 f'"disk=[\'phy:vda,xvda,w\']"')  # fmt: skip
    enter(session)
    if make:
        guest(session, "/sbin/mke2fs -q -t ext4 /dev/xvda", timeout=LONG)
    guest(session, "mount -t ext4 /dev/xvda /mnt")
    if make:
        guest(session, "dd if=/dev/urandom of=/mnt/data bs=1M count=12 2>/dev/null", timeout=LONG)
        guest(session, "umount /mnt && mount -t ext4 /dev/xvda /mnt", timeout=LONG)
    checksum = re.search(r"^([0-9a-f]{32}) ", guest(session, "md5sum /mnt/data", timeout=LONG), re.M)[1]
    guest(session, "umount /mnt")
    session.send("poweroff -f\r")
    session.expect(PROMPT)
    test_domains.gone(session, "lin")
    return checksum


@test
def dom0_pvh_own_disk():
    """What: dom0 copies a file on an ext4 disk of its own. Why: its buffers are at machine addresses, wherever they lie. Method: NVMe; the host looks
    at the copy. Expected: equal contents, a clean file system."""
    data = random.Random(8).randbytes(5 << 20)
    with Image({"data": data}) as image:
        with boot("dom0_pvh_own_disk", lifetime=LONG, append=PVH, extra=image.qemu("nvme,serial=a")) as session:
            session.expect(PROMPT)
            lines(session, "mount nvme0n1 /mnt", "cp /mnt/data /mnt/copy", "sync", "umount /mnt")
            power_off(session)
        image.check_clean()
        check(image.read("/copy") == data, "the copy differs")


@test
def dom0_pvh_serves_networks():
    """What: a Linux domain and dom0 itself exchange data with this machine. Why: the adapter takes packets from dom0's pages, whose addresses have to
    be the machine's; the backend copies to and from the domain. Method: virtio-net on QEMU's user network, the transfer program. Expected: equal
    checksums."""
    here, to_dom0 = free_ports(2)
    words = f"dhcp=1 ping=10.0.2.2 transfer=10.0.2.2:{here}:2000000 end=stay"
    with subprocess.Popen([TRANSFER, "serve", str(here)], preexec_fn=die_with_parent) as server:
        extra = user_network({to_dom0: ("10.0.2.15", 5000)})
        with network("dom0_pvh_serves_networks", [" dom0=pvh", linux("lin", words)], lifetime=LONG, extra=extra) as session:
            session.expect(PROMPT.rstrip("$"))
            attach(session, 1)
            session.expect(r"\(lin\) transfer: 2000000 bytes each way, checksums equal")
            session.expect(r"\(lin\) net: done")
            session.send("\r")
            session.expect(PROMPT)
            exchange(session, here, to_dom0)
        server.kill()


@test
def dom0_pvh_on_e1000e():
    """What, why: as dom0_pvh_serves_networks for dom0 alone on Intel's adapter."""
    here, to_dom0 = free_ports(2)
    with subprocess.Popen([TRANSFER, "serve", str(here)], preexec_fn=die_with_parent) as server:
        extra = user_network({to_dom0: ("10.0.2.15", 5000)}, "e1000e")
        with boot("dom0_pvh_on_e1000e", lifetime=LONG, append=PVH, extra=extra) as session:
            session.expect(PROMPT)
            exchange(session, here, to_dom0)
        server.kill()


def exchange(session, here, to_dom0):
    """Data between dom0 and this machine, each as the client."""
    while "10.0.2.15" not in session.command_line("ifconfig"):
        pass
    said = session.command_line(f"transfer 10.0.2.2 {here} 2000000")
    check("checksums equal" in said, said)
    session.command_line("transfer serve 5000")
    check("checksums equal" in transfer(to_dom0, 2000000), "from this machine to dom0")
