# SPDX-License-Identifier: MIT
"""Virtual disks: dom0's drivers and backend with Linux's frontend and with ours. The images are looked at on the host."""

import hashlib
import os
import re
import shutil
import struct
import sys
import tempfile
import time
import zlib

from driver import BUILD, CONSOLE, DOM0, PROMPT, ROOT, TCG_CPU, boot, check, dom0_files, free_kib, power_off, test
from qmp import Qmp
from test_files import host

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from xen_oracle import BLOCK_SCRIPT, oracle  # noqa: E402

CLOUD = os.path.join(BUILD, "debs", "vmlinuz-cloud")
GUEST = os.path.join(BUILD, "interop", "guest.cpio.gz")
STANDARD = os.path.join(BUILD, "debs", "vmlinuz")
GRUB = os.path.join(BUILD, "debs", "grub-xen-host", "usr", "lib", "grub-xen", "grub-x86_64-xen.bin")
BAD = os.path.join(BUILD, "pvguest", "baddisk.elf")
DISK = os.path.join(BUILD, "pvguest", "disk.elf")
LEAVE = "\x1d"
MEBIBYTE = 1 << 20


class Disks(Qmp):
    """Image files as a machine's disks vda, vdb ..., and a way to speak with its emulator."""

    def __init__(self, *sizes, devices=(), drive=""):
        self.sizes, self.devices, self.drive = sizes, devices or ["virtio-blk-pci"] * len(sizes), drive

    def __enter__(self):
        super().__enter__()
        for number, size in enumerate(self.sizes):
            with open(self.path(number), "wb") as file:
                file.truncate(size * MEBIBYTE)
        return self

    def path(self, number):
        return os.path.join(self.folder.name, f"{number}.img")

    def qemu(self, read_only=()):
        arguments = list(self.arguments)
        for number in range(len(self.sizes)):
            mode = ",readonly=on" if number in read_only else ""
            arguments += ["-drive", f"if=none,id=d{number},format=raw,discard=unmap,file={self.path(number)}{mode}{self.drive}",
                          "-device", f"{self.devices[number]},drive=d{number}"]  # fmt: skip
        return arguments

    def statistics(self, number):
        return next(entry["stats"] for entry in self.command("query-blockstats") if entry.get("device") == f"d{number}")


def machine(name, disks, files, lifetime=400, read_only=(), dom0_arguments="", **options):
    """A session with dom0, which has these files and disks."""
    archive = dom0_files(name, {"guest/linux": CLOUD, "guest/initrd": GUEST, "guest/disk": DISK, **files})
    options.setdefault("append", CONSOLE)
    options.setdefault("cpu", TCG_CPU)
    return boot(name, lifetime=lifetime, modules=[(DOM0, dom0_arguments), (archive, "")], extra=disks.qemu(read_only), **options)


def until(condition, otherwise, seconds=200):
    """Waits for something that the serial line does not tell."""
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, otherwise)
        time.sleep(0.05)


def run(session, line):
    """A command of dom0 that has nothing to say."""
    output = session.command_line(line).split(line, 1)[1].strip()
    check(output == "dom0#", f"`{line}` says:\n{output}")


def create_linux(session, disks):
    run(session, "xl create -q name=lin kernel=/guest/linux ramdisk=/guest/initrd memory=192 extra='console=hvc0 quiet' "
                 f'"disk=[{disks}]"')  # fmt: skip
    enter(session)


def enter(session):
    """To Linux's shell. The console first repeats what it has said before."""
    session.send("xl console lin\r")
    session.expect(r"guest# ")
    mark = f"entered-{session.position}"
    session.send(f"echo {mark}\r")
    session.expect(rf"{mark}\n", 200)
    session.expect(r"guest: status 0\nguest# ")


def guest(session, line, status=0, timeout=200):
    """A line at Linux's shell; returns what it printed."""
    before = session.position
    session.send(line + "\r")
    found = session.expect(r"guest: status (\d+)", timeout)
    check(status is None or int(found[1]) == status, f"`{line}` ended with {found[1]}:\n{session.output[before:session.position]}")
    session.expect(r"guest# ")
    return session.output[before:session.position]


def leave(session):
    session.send(LEAVE)
    session.expect(PROMPT)


FIO = "fio --name=v --size=16M --rw=randrw --bsrange=4k-128k --ioengine=io_uring --iodepth=16 --direct=1 --verify=crc32c --minimal"


def linux_ext4(name, disk, data, fio, lifetime=400):
    """See disk_linux_ext4; sizes in MiB."""
    with Disks(disk, 8) as disks:
        with machine(name, disks, {}, read_only=(1,), lifetime=lifetime) as session:
            session.expect(PROMPT)
            create_linux(session, "'phy:vda,xvda,w','phy:vdb,xvdb,r'")
            guest(session, "/sbin/mke2fs -q -t ext4 /dev/xvda && mount -t ext4 /dev/xvda /mnt")
            guest(session, f"dd if=/dev/urandom of=/mnt/data bs=1M count={data} 2>/dev/null")
            first = re.search(r"^([0-9a-f]{32}) ", guest(session, "md5sum /mnt/data"), re.M)[1]
            guest(session, "cd /mnt; " + FIO.replace("16M", f"{fio}M") + " >/tmp/fio; tail -c 300 /tmp/fio; cd /")
            before = disks.statistics(0)["flush_operations"]
            guest(session, "sync /mnt/data")
            guest(session, "echo x >/mnt/note; sync")
            check(disks.statistics(0)["flush_operations"] > before, "sync reached no flush")
            guest(session, "dd if=/dev/zero of=/dev/xvdb bs=4k count=1 2>/dev/null", status=1)
            guest(session, "umount /mnt")
            session.send("reboot -f\r")
            session.expect(PROMPT)
            enter(session)
            guest(session, "mount -t ext4 /dev/xvda /mnt")
            check(first in guest(session, "md5sum /mnt/data"), "another checksum after the reboot")
            guest(session, "umount /mnt")
            session.send("poweroff -f\r")
            session.expect(PROMPT)
            power_off(session)
        host("e2fsck", "-fn", disks.path(0))
        out = os.path.join(disks.folder.name, "out")
        host("debugfs", "-R", f"dump data {out}", disks.path(0))
        with open(out, "rb") as file:
            check(hashlib.md5(file.read()).hexdigest() == first, "another checksum on the host")


@test
def disk_linux_ext4():
    """What: Debian's Linux with ext4 on xvda, over a reboot; fio's verification; flushes arrive; a read-only disk refuses. Why: the
    first thing that disks are for. Method: mke2fs, 12 MB of random data, fio, sync and reboot in the guest; the host's e2fsck and
    debugfs afterwards. Expected: checksums are equal in the guest after the reboot and on the host, and the file system is clean."""
    linux_ext4("disk_linux_ext4", disk=64, data=12, fio=16)


@test
def disk_persistent_grants():
    """What: persistent grants, and a disk of more than one queue and page, with Linux. Why: mappings that stay must be the right ones, also when there are
    more grants than stay mapped. Method: dom0 offers them; fio verifies on four queues of two pages. Expected: Linux says that they are enabled, and finds
    what it has written."""
    with Disks(32) as disks:
        with machine("disk_persistent_grants", disks, {}, dom0_arguments="BLKBACK_PERSISTENT=1") as session:
            session.expect(PROMPT)
            run(session, "xl create -q name=lin kernel=/guest/linux ramdisk=/guest/initrd memory=256 vcpus=4 extra='console=hvc0 quiet "
                         "xen_blkfront.max_queues=4 xen_blkfront.max_ring_page_order=1' \"disk=['phy:vda,xvda,w']\"")  # fmt: skip
            enter(session)
            check("persistent grants: enabled" in guest(session, "dmesg | grep blkfront"), "they are not enabled")
            guest(session, "cd /dev; " + FIO.replace("--name=v", "--filename=xvda") + " --numjobs=4 --offset_increment=8M --size=8M --name=v >/tmp/fio")
            leave(session)
            nodes = session.command_line("xenstore-ls /local/domain/1/device/vbd")
            check('ring-page-order = "1"' in nodes and 'multi-queue-num-queues = "4"' in nodes, "another ring:\n" + nodes)
            run(session, "xl destroy lin")
            power_off(session)


@test
def disk_linux_4k_sectors():
    """What: Debian's Linux on a disk whose sectors have 4096 bytes, with four queues. Why: sectors are counted in 512 bytes on the ring and in 4096
    elsewhere. Method: both kinds of device; fio on all four queues, mke2fs, 12 MB of random data on top, sync. Expected: Linux sees the sectors
    and the queues, and cannot write half a sector; fio finds what it wrote; the host finds a clean file system and the data in it."""
    geometry = "logical_block_size=4096,physical_block_size=4096"
    devices = (f"virtio-blk-pci,{geometry}", f"nvme,serial=n,{geometry}")
    with Disks(64, 64, devices=devices) as disks:
        with machine("disk_linux_4k_sectors", disks, {}) as session:
            session.expect(PROMPT)
            run(session, "xl create -q name=lin kernel=/guest/linux ramdisk=/guest/initrd memory=256 vcpus=4 extra='console=hvc0 quiet xen_blkfront.max_queues=4' "
                         "\"disk=['phy:vda,xvda,w','phy:nvme0n1,xvdb,w']\"")  # fmt: skip
            enter(session)
            sums = [write_4k_sectors(session, name) for name in ("xvda", "xvdb")]
            session.send("poweroff -f\r")
            session.expect(PROMPT)
            power_off(session)
        for number, expected in enumerate(sums):
            host("e2fsck", "-fn", disks.path(number))
            out = os.path.join(disks.folder.name, f"out{number}")
            host("debugfs", "-R", f"dump data {out}", disks.path(number))
            with open(out, "rb") as file:
                check(hashlib.md5(file.read()).hexdigest() == expected, f"another checksum on the host's image {number}")


def write_4k_sectors(session, name):
    """Returns the checksum of what is on that disk at last."""
    queues = guest(session, f"ls /sys/block/{name}/mq; cat /sys/block/{name}/queue/logical_block_size")
    check(re.search(r"^0 +1 +2 +3\n4096\n", queues, re.M), f"{name} has other queues or sectors:\n{queues}")
    guest(session, f"fio --name=half --filename=/dev/{name} --size=4k --rw=write --bs=512 --direct=1 --minimal >/dev/null 2>&1", status=1)
    fio = FIO.replace("--name=v", f"--filename={name}") + " --numjobs=4 --offset_increment=12M --size=12M --name=v"
    guest(session, f"cd /dev; {fio} >/tmp/fio || tail -c 300 /tmp/fio; cd /")
    guest(session, f"/sbin/mke2fs -q -t ext4 /dev/{name} && mount -t ext4 /dev/{name} /mnt")
    guest(session, "dd if=/dev/urandom of=/mnt/data bs=1M count=12 2>/dev/null")
    found = re.search(r"^([0-9a-f]{32}) ", guest(session, "md5sum /mnt/data"), re.M)[1]
    guest(session, "sync; umount /mnt")
    return found


def make_image_in_ext4(path):
    """An ext4 file system that holds a raw image `a.img` of 8 MiB."""
    with tempfile.TemporaryDirectory() as tree:
        with open(os.path.join(tree, "a.img"), "wb") as file:
            file.write(bytes(8 * MEBIBYTE))
        host("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, path)


def make_gpt(path, *partitions):
    """A partition table with these (first, last) sectors; only the first copy."""
    entries = b"".join(b"\x5a" * 31 + bytes([number]) + struct.pack("<QQ", *sectors) + bytes(80) for number, sectors in enumerate(partitions))
    entries = entries.ljust(128 * 128, b"\0")
    sectors = os.path.getsize(path) // 512
    fields = (b"EFI PART", 0x10000, 92, 0, 0, 1, sectors - 1, 34, sectors - 34, bytes(16), 2, 128, 128, zlib.crc32(entries))
    header = bytearray(struct.pack("<8sIIIIQQQQ16sQIII", *fields))
    header[16:20] = struct.pack("<I", zlib.crc32(header))
    with open(path, "r+b") as file:
        file.seek(512)
        file.write(bytes(header).ljust(512, b"\0") + entries)


@test
def disk_hotplug():
    """What: disks that come, grow and go while Linux runs: a whole disk, a GPT partition and an image file on ext4; discard gives
    space back, the image file's too. Why: block-attach and -detach are how disks are used after the start. Method: xl block-attach, block_resize in QEMU, blkdiscard,
    xl block-detach. Expected: Linux sees each; the host's image is smaller after the discard, and has what was written."""
    with Disks(16, 32, 24) as disks:
        make_image_in_ext4(disks.path(2))
        make_gpt(disks.path(1), (2048, 34815))
        with machine("disk_hotplug", disks, {}) as session:
            session.expect(PROMPT)
            run(session, "mount vdc /mnt")
            create_linux(session, "'phy:vda,xvda,w'")
            guest(session, "blockdev --getsz /dev/xvda; dd if=/dev/urandom of=/dev/xvda bs=1M count=16 oflag=direct 2>/dev/null")
            full = os.stat(disks.path(0)).st_blocks
            disks.command("block_resize", device="d0", size=20 * MEBIBYTE)
            guest(session, "until [ $(blockdev --getsz /dev/xvda) = 40960 ]; do usleep 10000; done")
            guest(session, "/sbin/blkdiscard /dev/xvda")
            check(os.stat(disks.path(0)).st_blocks < full // 2, "the discard gave no space back")
            leave(session)
            run(session, "xl block-attach lin phy:vdb1,xvdb,w")
            run(session, "xl block-attach lin file:/mnt/a.img,xvdc,w")
            check("vda is in use" in session.command_line("xl block-attach lin phy:vda,xvdd,w") or
                  "cannot open 'vda'" in session.output[-400:], "a disk was given away twice")  # fmt: skip
            listed = session.command_line("xl block-list lin")
            check(all(number in listed for number in ("51712", "51728", "51744")), "not all disks are listed:\n" + listed)
            enter(session)
            guest(session, "until [ -b /dev/xvdb ] && [ -b /dev/xvdc ]; do usleep 10000; done")
            check("32768\n" in guest(session, "blockdev --getsz /dev/xvdb"), "the partition has another size")
            guest(session, "yes hello | dd of=/dev/xvdc bs=4k count=100 iflag=fullblock oflag=direct conv=fsync 2>/dev/null")
            guest(session, "dd if=/dev/urandom of=/dev/xvdc bs=1M seek=4 count=2 oflag=direct 2>/dev/null; sync; /sbin/blkdiscard -o 4M -l 2M /dev/xvdc")
            leave(session)
            run(session, "xl block-detach lin xvdb")
            run(session, "xl block-detach lin xvdc")
            enter(session)
            guest(session, "until ! [ -b /dev/xvdb ] && ! [ -b /dev/xvdc ]; do usleep 10000; done")
            leave(session)
            run(session, "xl destroy lin")
            run(session, "umount /mnt")
            power_off(session)
        out = os.path.join(disks.folder.name, "out")
        host("e2fsck", "-fn", disks.path(2))
        host("debugfs", "-R", f"dump a.img {out}", disks.path(2))
        with open(out, "rb") as file:
            check(file.read(409600) == b"hello\n" * (409600 // 6) + b"hello\n"[: 409600 % 6], "the image has something else")
        blocks = int(re.search(r"Blockcount: (\d+)", host("debugfs", "-R", "stat a.img", disks.path(2)))[1])
        check(800 <= blocks < 1600, f"the image file still has {blocks} sectors")


@test
def disk_own_frontend():
    """What: our blkfront, on a disk with 4096-byte sectors too, through a restart of its backend. Why: it is the disk of our guests. Method: the guest
    `disk` writes everything, reads back and compares, while the backend's state is set to Closing, again and again. Expected: nothing differs, the
    guest reconnects each time, and ends when its disk is taken away. The same, without restarts, on an NVMe disk."""
    with Disks(16, 8, devices=("virtio-blk-pci,logical_block_size=4096,physical_block_size=4096", "nvme,serial=n")) as disks:
        with machine("disk_own_frontend", disks, {}, cpus=1) as session:
            session.expect(PROMPT)
            run(session, "xl create -q name=own kernel=/guest/disk memory=24 extra='verify:4096:16:4096 verify:65536:4:200 discard forever:8192:8' "
                         '"disk=[\'phy:vda,xvda,w\']"')  # fmt: skip
            for _ in range(5):
                session.command_line("xenstore-write /local/domain/0/backend/vbd/1/51712/state 5")
                for _ in range(500):
                    if "4\n" in session.command_line("xenstore-read /local/domain/0/backend/vbd/1/51712/state"):
                        break
                else:
                    check(False, "the frontend has not come back:\n" + session.tail())
            session.send("xl console own\r")
            session.expect(r"disk: discard: done", 200)
            for _ in range(3):
                session.expect(r"disk: randread bytes 8192 .* 0 failed, 0 different", 200)
            check("disk: xvda, 4096 sectors of 4096 bytes, writable" in session.output, "another size:\n" + session.tail())
            check(not re.search(r"[1-9]\d* (failed|different)", session.output), "not all is as it was written:\n" + session.tail())
            leave(session)
            session.command_line("xl block-detach own xvda")
            for _ in range(200):
                if not re.search(r"^own ", session.command_line("xl list"), re.M):
                    break
            else:
                check(False, "the guest does not end without its disk:\n" + session.tail())
            check("crashed" not in session.output, "the guest did not end by itself:\n" + session.tail())
            session.send("xl create -c -q name=nvme kernel=/guest/disk memory=24 extra='verify:131072:8:100 verify:512:16:500' \"disk=['phy:nvme0n1,xvda,w']\"\r")
            session.expect(r"disk: randread bytes 131072 .* 0 failed, 0 different", 200)
            session.expect(r"disk: randread bytes 512 .* 0 failed, 0 different", 200)
            session.expect(r"disk: ok")
            session.expect(PROMPT)
            power_off(session)


@test
def disk_fair_sharing():
    """What: two domains read one disk, one with 64 requests under way, one with 8. Why: who asks for more at a time must not get more. Method: a disk of
    200 requests a second; the second domain reads 400 blocks while the first reads without end; QEMU counts what both have had meanwhile. Expected: each
    gets as much as the other, within a factor of 1.5."""
    with Disks(16, drive=",throttling.iops-total=200") as disks:
        with machine("disk_fair_sharing", disks, {}, lifetime=400) as session:
            session.expect(PROMPT)
            run(session, "xl create -q name=deep kernel=/guest/disk memory=32 extra='randread:4096:64:100000000' \"disk=['phy:vda,xvda,r']\"")
            before = disks.statistics(0)["rd_operations"]
            until(lambda: disks.statistics(0)["rd_operations"] > before + 200, "the first domain does not read")
            session.send("xl create -c -q name=flat kernel=/guest/disk memory=32 extra='randread:4096:8:50 randread:4096:8:400' \"disk=['phy:vda,xvda,r']\"\r")
            session.expect(r"disk: randread .* count 50: .* 0 failed")
            before = disks.statistics(0)["rd_operations"]
            session.expect(r"disk: randread .* count 400: .* 0 failed")
            deep = disks.statistics(0)["rd_operations"] - before - 400
            check(400 / 1.5 < deep < 400 * 1.5, f"with depth 64: {deep} requests while the other got 400")


VIRTIO_STALL = r"vda: the virtio device is switched off: it ends no request any more", r"vda: the virtio device works again"
NVME_STALL = r"nvme0: does not finish a command; it is reset", r"nvme0: the controller works again"


def read_without_end(session, disks, name, number):
    """A domain at whose console the session is, and which reads by now."""
    before = disks.statistics(number)["rd_operations"]
    session.send(f"xl create -c -q name=own kernel=/guest/disk memory=32 extra='randread:4096:4:200000000' \"disk=['phy:{name},xvda,r']\"\r")
    until(lambda: disks.statistics(number)["rd_operations"] > before + 1000, "the domain does not read")


def stall(session, disks, number, said, works_again):
    """Lets that disk end nothing until dom0 has noticed."""
    throttle = {"device": f"d{number}", "bps_rd": 0, "bps_wr": 0, "iops": 0, "iops_rd": 0, "iops_wr": 0}
    disks.command("block_set_io_throttle", bps=1, **throttle)
    session.expect(said)
    disks.command("block_set_io_throttle", bps=0, **throttle)
    session.expect(works_again)


@test
def disk_that_stalls_or_vanishes():
    """What: disks that take requests and end none, and disks whose registers are gone. Why: a guest must get an error, not wait for ever, and the disk
    must be of use again when it works. Method: QEMU's throttle at a byte a second, lifted when dom0 has given the disk up; then QEMU's monitor switches the
    registers off; a virtio disk and an NVMe disk. Expected: dom0 reports each, resets the device and uses it again; requests of the guest
    that were under way fail, those after them succeed."""
    with Disks(8, 8, devices=("virtio-blk-pci", "nvme,serial=n")) as disks:
        with machine("disk_that_stalls_or_vanishes", disks, {}, dom0_arguments="DISK_TIMEOUT=10") as session:
            session.expect(PROMPT)
            for name, number, said in (("vda", 0, VIRTIO_STALL), ("nvme0n1", 1, NVME_STALL)):
                read_without_end(session, disks, name, number)
                stall(session, disks, number, *said)
                before = disks.statistics(number)["rd_operations"]
                until(lambda: disks.statistics(number)["rd_operations"] > before + 1000, "the domain does not read any more")
                leave(session)
                run(session, "xl destroy own")
            for name, model, said in (("vda", (0x1AF4, 0x1001), r"vda: the virtio device is switched off: it does not (answer|know) any more"),
                                      ("nvme0n1", (0x1B36, 0x0010), r"nvme0: (does not answer|is not ready) any more; it is reset")):  # fmt: skip
                session.send(f"xl create -c -q name=own kernel=/guest/disk memory=32 extra='randread:4096:4:200000000' \"disk=['phy:{name},xvda,w']\"\r")
                session.expect(r"disk: xvda")
                disks.pull_out(model)
                session.expect(said)
                session.expect(name[:5].rstrip("n") + r": the (virtio device|controller) works again")
                leave(session)
                run(session, "xl destroy own")
                session.send(f"xl create -c -q name=own kernel=/guest/disk memory=32 extra='verify:4096:8:500' \"disk=['phy:{name},xvda,w']\"\r")
                session.expect(r"disk: randread bytes 4096 depth 8 .* 0 failed, 0 different")
                session.expect(PROMPT)
            power_off(session)


def requests_done(session, names):
    """What those domains' disks have done, reads and writes, by the order of the names."""
    rows = [line.split() for line in session.command_line("xl top -b -i 1").splitlines()]
    done = {row[0]: int(row[14]) + int(row[15]) for row in rows if row and row[0] in names}
    return [done[name] for name in names]


@test
def disk_reset_under_several_domains():
    """What: three domains write and read partitions of a virtio disk that is reset under them. Why: each of them has requests in the device, and none may wait
    for ever for those of another. Method: QEMU's throttle until dom0 gives the device up, then none. Expected: all three go on afterwards, and what
    is written then is there."""
    names = ("one", "two", "three")
    with Disks(16) as disks:
        make_gpt(disks.path(0), (64, 8191), (8192, 16383), (16384, 24575))
        with machine("disk_reset_under_several_domains", disks, {}, dom0_arguments="DISK_TIMEOUT=10") as session:
            session.expect(PROMPT)
            for number, (name, load) in enumerate(zip(names, ("randwrite:4096:4", "randread:4096:16", "write:65536:4")), 1):
                run(session, f"xl create -q name={name} kernel=/guest/disk memory=32 extra='{load}:200000000' \"disk=['phy:vda{number},xvda,w']\"")
            until(lambda: min(requests_done(session, names)) > 100, "not all domains are at work")
            stall(session, disks, 0, *VIRTIO_STALL)
            session.send("\r")
            session.expect(PROMPT)
            before = requests_done(session, names)
            until(lambda: all(now > then + 100 for now, then in zip(requests_done(session, names), before)), "not all domains go on")
            for name in names:
                run(session, f"xl destroy {name}")
            until(lambda: not any("Remote Domain" in port for port in ports(session)), "a request that was under way has not ended")
            session.send("xl create -c -q name=own kernel=/guest/disk memory=32 extra='verify:4096:8:500' \"disk=['phy:vda2,xvda,w']\"\r")
            session.expect(r"disk: randread bytes 4096 depth 8 .* 0 failed, 0 different")
            session.expect(PROMPT)
            power_off(session)


GRUB_CONFIG = b"""set timeout=0
menuentry linux {
    linux /boot/vmlinuz console=hvc0 quiet
    initrd /boot/initrd
}
"""


def make_boot_disk(path):
    """A file system from which GRUB boots Debian's standard kernel."""
    with tempfile.TemporaryDirectory() as tree:
        os.makedirs(os.path.join(tree, "boot", "grub"))
        with open(os.path.join(tree, "boot", "grub", "grub.cfg"), "wb") as file:
            file.write(GRUB_CONFIG)
        shutil.copy(STANDARD, os.path.join(tree, "boot", "vmlinuz"))
        shutil.copy(GUEST, os.path.join(tree, "boot", "initrd"))
        host("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^64bit,^metadata_csum", "-d", tree, path)


@test
def disk_grub_chain():
    """What: GRUB's Xen image reads its configuration, a kernel and an initrd from xvda, starts Linux, and Linux connects to the same disk. Why: a
    frontend whose kernel is replaced begins anew. Method: xl create with GRUB as the kernel; Debian's standard kernel on the disk. Expected: Linux's
    shell; the kernel's checksum, read through the new frontend, is that of the file."""
    with Disks(64) as disks:
        make_boot_disk(disks.path(0))
        with machine("disk_grub_chain", disks, {"guest/grub": GRUB}, lifetime=600) as session:
            session.expect(PROMPT)
            run(session, "xl create -q name=lin kernel=/guest/grub memory=400 \"disk=['phy:vda,xvda,w']\"")
            enter(session)
            guest(session, "until [ -b /dev/xvda ]; do usleep 10000; done; mount -t ext4 /dev/xvda /mnt")
            with open(STANDARD, "rb") as file:
                expected = hashlib.md5(file.read()).hexdigest()
            check(expected in guest(session, "md5sum /mnt/boot/vmlinuz"), "another checksum")
            leave(session)
            power_off(session)


def ports(session):
    """dom0's event channels, without their numbers."""
    return sorted(re.findall(r"^ +\d+: (.*)", session.command_line("lsevtchn 0"), re.M))


@test
def disk_hostile_frontend():
    """What: a frontend that writes noise to its ring, lets its index run ahead, names rings and ports that are none, and vanishes with requests under way.
    Why: it must harm nobody but itself. Method: the guest `baddisk`, three times; dom0's shell in between. Expected: every request is answered, the
    backend closes and says why in its error node, and afterwards memory and event channels are as before."""
    with Disks(8) as disks:
        with machine("disk_hostile_frontend", disks, {"guest/bad": BAD}, cpus=1) as session:
            session.expect(PROMPT)
            before = None
            for number in range(1, 4):
                run(session, "xl create -q name=bad kernel=/guest/bad memory=16 on_poweroff=preserve extra='requests index nodes lasting requests die-connected' "
                             "\"disk=['phy:vda,xvda,w']\"")  # fmt: skip
                session.send("xl console bad\r")
                session.expect(r"baddisk: requests: [1-9]\d+ done, [1-9]\d+ refused", 200)
                session.expect(r"baddisk: index: closed")
                session.expect(r"(baddisk: nodes: closed\n){7}")
                session.expect(r"baddisk: requests: [1-9]\d+ done, [1-9]\d+ refused", 200)
                session.expect(r"baddisk: connected")
                leave(session)
                said = session.command_line(f"xenstore-read /local/domain/0/error/backend/vbd/{number}/51712/error")
                check("dom0#" in said, "dom0 does not answer")
                run(session, "xl destroy bad")
                for _ in range(200):
                    after = (ports(session), free_kib(session))
                    if after == before or (before is None and not any("Remote Domain" in port for port in after[0])):
                        break
                check(number < 3 or after == before, f"before {before}, after {after}")
                before = after
            session.send("xl create -q name=bad kernel=/guest/bad memory=16 on_poweroff=preserve extra='index' \"disk=['phy:vda,xvda,w']\"\r")
            session.expect(r"vbd 4/51712: closed: its ring's request index runs ahead\n")
            session.send("xl console bad\r")
            session.expect(r"baddisk: index: closed")
            leave(session)
            said = session.command_line("xenstore-read /local/domain/0/error/backend/vbd/4/51712/error")
            check("its ring's request index runs ahead" in said, "the error node says " + said)
            power_off(session)


ENDS = ("initialising", "initialised", "connected", "closing", "closed", "again")


def end_in_each_state(session, tasks):
    """Domains that end there by themselves, and one that writes every state with requests under way; returns what dom0 holds afterwards."""
    for end in ENDS:  # one that panics instead is kept, and so is found
        run(session, f"xl create -q name=bad kernel=/guest/bad memory=16 on_crash=preserve extra='{tasks} requests die-{end}' \"disk=['phy:vda,xvda,w']\"")
        until(lambda: "bad" not in session.command_line("xl list").split("xl list", 1)[1], f"the domain does not end in {end}")
    run(session, f"xl create -q name=bad kernel=/guest/bad memory=16 on_poweroff=preserve extra='{tasks} requests states requests die-connected' \"disk=['phy:vda,xvda,w']\"")
    session.send("xl console bad\r")
    session.expect(r"baddisk: states: survived\n(.*\n)*baddisk: requests: [1-9]\d+ done", 200)
    session.expect(r"baddisk: connected")
    leave(session)
    run(session, "xl destroy bad")
    until(lambda: not any("Remote Domain" in port for port in ports(session)), "event channels are left")
    return ports(session), free_kib(session)


@test
def disk_frontend_ends_in_each_state():
    """What: a frontend that ends, or claims another state, at each step of its connection, with requests under way where there can be some. Why: each step
    has something to be given back, and mappings that persist most of all. Method: the guest `baddisk` in all of them three times, without and with
    persistent grants, and with lasting requests. Expected: the second and the third time end with the same memory and event channels; the disk then serves a decent frontend."""
    for name, arguments, tasks in (("", "", ""), ("_persistent", "BLKBACK_PERSISTENT=1", ""), ("_lasting", "", "lasting")):
        with Disks(8) as disks:
            with machine("disk_frontend_ends" + name, disks, {"guest/bad": BAD}, dom0_arguments=arguments) as session:
                session.expect(PROMPT)
                held = [end_in_each_state(session, tasks) for _ in range(3)]
                check(held[1] == held[2], f"before {held[1]}, after {held[2]}")
                session.send("xl create -c -q name=own kernel=/guest/disk memory=32 extra='verify:4096:8:500' \"disk=['phy:vda,xvda,w']\"\r")
                session.expect(r"disk: randread bytes 4096 depth 8 .* 0 failed, 0 different")
                session.expect(PROMPT)
                power_off(session)


@test
def disk_own_frontend_on_real_xen():
    """What: our blkfront with Linux's blkback on Debian's Xen 4.17. Why: what works with our backend only may be a private language. Method: the guest
    `disk` under a Linux dom0: write everything, flush, read back and compare, 4 KiB and 128 KiB; discard. Expected: nothing fails, nothing differs."""
    with Disks(16) as disks:
        files = {"guest/disk": DISK, "etc/xen/scripts/block": BLOCK_SCRIPT}
        with oracle("disk_own_frontend", files=files, lifetime=180, extra=disks.qemu()) as xen:
            for module in ("virtio_pci", "virtio_blk", "xen-blkback"):
                xen.run("modprobe " + module)
            xen.create('name="own"; type="pv"; kernel="/guest/disk"; memory=32; extra="wait verify:4096:16:2000 verify:131072:4:100 discard"; '
                       'disk=["phy:/dev/vda,xvda,w"]')  # fmt: skip
            output = xen.guest_end("own")
            check("disk: ok" in output and "disk: discard: done" in output, "the guest's output:\n" + output)
            check(len(re.findall(r"disk: \w+ .* 0 failed, 0 different", output)) == 4, "the guest's output:\n" + output)
