# SPDX-License-Identifier: MIT
"""Virtual disks, in executed instructions (-icount) for each request, front to back: everything that runs on the machine. The disk
is QEMU's null-co, which answers at once, so that nothing else is in the figures.

own_*: our guest through blkfront and blkback; the peer is dom0 straight on the device. With one request under way it depends on this machine whether the device
ends it before dom0 has nothing to do any more: own_*_waiting is what the domains execute when it always takes longer (80 us).

ssd_*: what that comes to on a disk of real speed, computed: the most requests a second that one CPU at 1 ns an instruction and an SSD that takes 80 us, does
400,000 requests and moves 3.2 GB a second can do together (asymptotic bounds: Denning, Buzen 1978). Here more is better.

linux_*: Debian's Linux through our blkback; the peer is the same Linux
on real Xen with a Linux dom0 and its blkback. wall_*: own guest and dom0 on a file, in microseconds for each request, as the host's load lets them be."""

import os
import re
import sys
import tempfile

from busy import API_PORT, DOM0_ARGS, Busy
from driver import BUILD, CONSOLE, DOM0, PROMPT, ROOT, TCG_CPU, boot, check, dom0_files
from test_network import free_ports, user_network

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from xen_oracle import BLOCK_SCRIPT, oracle  # noqa: E402

CLOUD = os.path.join(BUILD, "debs", "vmlinuz-cloud")
GUEST = os.path.join(BUILD, "interop", "guest.cpio.gz")
OWN = os.path.join(BUILD, "pvguest", "disk.elf")
ICOUNT = ["-icount", "shift=0,sleep=off"]
NULL = ["-blockdev", "driver=null-co,node-name=d0,size=67108864,read-zeroes=on", "-device", "virtio-blk-pci,drive=d0,ioeventfd=off"]
LATENCY_NS, REQUESTS, BYTES = 80000, 400000, 3.2e9  # of the SSD; the last two in a second
SHORT, LONG = 1000, 6000  # requests; what they have in common is not counted
LOADS = ["randread:4096:1:2000", "randread:4096:32:5000", "randwrite:4096:32:5000", "read:131072:8:1000", "write:131072:8:1000"]


def name(load):
    kind, size, depth, _ = load.split(":")
    return f"{kind}_{int(size) // 1024}k_depth{depth}"


def count(load):
    return int(load.split(":")[3])


def dom0(disk):
    """(ns, ticks) for each load on the device itself."""
    with boot("bench_disk_dom0", lifetime=200, append=CONSOLE, extra=disk) as session:
        session.expect(r"dom0# $")
        output = session.command_line("blkload vda " + " ".join(LOADS))
        return [(int(ns), int(ticks)) for ns, ticks in re.findall(r": (\d+) ns, (\d+) ticks, 0 failed", output)]


def own(disk):
    archive = dom0_files("bench_disk_own", {"guest/disk": OWN})
    with boot("bench_disk_own", lifetime=200, append=CONSOLE, modules=[(DOM0, ""), (archive, "")], extra=disk) as session:
        session.expect(r"dom0# $")
        session.send(f"xl create -c name=own kernel=/guest/disk memory=32 extra='{' '.join(LOADS)}' \"disk=['phy:vda,xvda,w']\"\r")
        session.expect(r"disk: ok")
        return [(int(ns), int(ticks)) for ns, ticks in re.findall(r": (\d+) ns, (\d+) ticks, 0 failed", session.output)]


def waiting():
    """Instructions of dom0 and of our guest for each request when dom0 waits for it: through the split drivers, and dom0 alone."""
    (api,) = free_ports(1)
    archive = dom0_files("bench_disk_waiting", {"guest/disk": OWN})
    disk = [NULL[0], NULL[1] + f",latency-ns={LATENCY_NS}", *NULL[2:], "-icount", "shift=0,sleep=on"]
    disk += user_network({api: ("10.0.2.15", API_PORT)})
    found = []
    with boot("bench_disk_waiting", lifetime=200, append=CONSOLE, modules=[(DOM0, DOM0_ARGS), (archive, "")], extra=disk) as session:
        session.expect(PROMPT)
        while "10.0.2.15" not in session.command_line("ifconfig"):
            pass
        for run in (dom0_waiting, own_waiting):  # who has had the disk keeps it
            used = []
            for requests in (SHORT, LONG):
                with Busy(api) as busy:
                    run(session, f"randread:4096:1:{requests}")
                used.append(busy.total)
            found.append(round((used[1] - used[0]) / (LONG - SHORT)))
    return found[1], found[0]


def own_waiting(session, load):
    """The domain stays, so that its CPU time can be read."""
    session.command_line("xl destroy own")
    session.command_line(f"xl create -q name=own kernel=/guest/disk memory=32 on_poweroff=preserve extra={load} \"disk=['phy:vda,xvda,w']\"")
    session.send("xl console own\r")
    session.expect(r" 0 failed(.*\n)*disk: ok")
    session.send("\x1d")
    session.expect(PROMPT)


def dom0_waiting(session, load):
    check(" 0 failed" in session.command_line("blkload vda " + load), "dom0 cannot read")


def on_an_ssd(load, instructions):
    """Requests a second."""
    _, size, depth, _ = load.split(":")
    return round(min(int(depth) * 1e9 / (LATENCY_NS + instructions), 1e9 / instructions, REQUESTS, BYTES / int(size)))


def figures(output):
    """Instructions for each request, by load."""
    return {load: round(1e9 / float(rate)) for load, rate in re.findall(r"DISK (\S+) (\d+)", output)}


def linux_here():
    archive = dom0_files("bench_disk_linux", {"guest/linux": CLOUD, "guest/initrd": GUEST})
    with boot("bench_disk_linux", lifetime=400, cpu=TCG_CPU, append=CONSOLE, modules=[(DOM0, ""), (archive, "")], extra=NULL + ICOUNT) as session:
        session.expect(r"dom0# $")
        session.send("xl create -c name=lin kernel=/guest/linux ramdisk=/guest/initrd memory=256 extra='console=hvc0 quiet' \"disk=['phy:vda,xvda,w']\"\r")
        session.expect(r"guest# ")
        session.send(f"diskbench xvda '{' '.join(LOADS)}'\r")
        session.expect(r"guest: status 0")
        return figures(session.output)


def linux_on_xen():
    files = {"guest/vmlinuz": CLOUD, "guest/initrd": GUEST, "etc/xen/scripts/block": BLOCK_SCRIPT}
    with oracle("bench_disk", files=files, lifetime=600, instructions=True, extra=NULL) as xen:
        for module in ("virtio_pci", "virtio_blk", "xen-blkback"):
            xen.run("modprobe " + module)
        xen.create('name="lin"; type="pv"; kernel="/guest/vmlinuz"; ramdisk="/guest/initrd"; memory=256; extra="console=hvc0 quiet"; '
                   'disk=["phy:/dev/vda,xvda,w"]')  # fmt: skip
        xen.guest_expect("lin", "guest# ")
        xen.guest_send("lin", f'diskbench xvda "{" ".join(LOADS)}"; poweroff -f')
        return figures(xen.guest_end("lin"))


def rows():
    table = [("own_" + name(load), "instructions", round(ours / count(load)), round(peer / count(load)))
             for load, (_, ours), (_, peer) in zip(LOADS, own(NULL + ICOUNT), dom0(NULL + ICOUNT))]  # fmt: skip
    table.insert(1, ("own_" + name(LOADS[0]) + "_waiting", "instructions", *waiting()))
    for load, (_, _, ours, peer) in zip(LOADS, table[1:]):
        table.append(("ssd_" + name(load), "requests/s, computed", on_an_ssd(load, ours), on_an_ssd(load, peer)))
    ours, peer = linux_here(), linux_on_xen()
    for load in LOADS:
        table.append(("linux_" + name(load), "instructions", ours.get(load), peer.get(load)))
    with tempfile.NamedTemporaryFile() as image:
        image.truncate(64 << 20)
        disk = ["-drive", f"if=none,id=d0,format=raw,file={image.name}", "-device", "virtio-blk-pci,drive=d0"]
        for load, (ours_ns, _), (peer_ns, _) in zip(LOADS, own(disk), dom0(disk)):
            table.append(("wall_" + name(load), "us", round(ours_ns / count(load) / 1000, 1), round(peer_ns / count(load) / 1000, 1)))
    return table
