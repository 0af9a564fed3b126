# SPDX-License-Identifier: MIT
"""dom0's file systems on real disk images; mke2fs, debugfs and e2fsck of the host are the judges."""

import os
import random
import re
import subprocess
import tempfile

from driver import CONSOLE, LOGS, PROMPT, boot, check, power_off, test

SIZE = 32 << 20


def host(*command):
    """Runs a program of e2fsprogs, which is in /sbin; returns its output."""
    environment = dict(os.environ, PATH=os.environ["PATH"] + ":/sbin:/usr/sbin")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    check(done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Image:
    """A disk image with an ext4 file system that has the given files, {"name": bytes}."""

    def __init__(self, files, size=SIZE):
        os.makedirs(LOGS, exist_ok=True)
        self.folder = tempfile.TemporaryDirectory(prefix="ryokan-image-")
        self.path = os.path.join(self.folder.name, "disk.img")
        tree = os.path.join(self.folder.name, "tree")
        os.mkdir(tree)
        for name, data in files.items():
            with open(os.path.join(tree, name), "wb") as file:
                file.write(data)
        with open(self.path, "wb") as file:
            file.truncate(size)
        host("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def qemu(self, device="virtio-blk-pci"):
        return ["-drive", f"if=none,id=d0,format=raw,file={self.path}", "-device", f"{device},drive=d0"]

    def read(self, name):
        out = os.path.join(self.folder.name, "out")
        host("debugfs", "-R", f"dump {name} {out}", self.path)
        with open(out, "rb") as file:
            return file.read()

    def check_clean(self):
        host("e2fsck", "-fn", self.path)


def lines(session, *commands):
    for command in commands:
        output = session.command_line(command)
        error = [line for line in output.splitlines() if line.startswith(command.split()[0] + ":")]
        check(not error, f"`{command}` said: {error}")


@test
def files_on_ext4():
    """What: dom0 mounts an ext4 disk, reads, copies, renames and removes files, and leaves it in order; after a machine that
    died with the disk mounted, the next mount mends it. Why: kernels, images and dumps live there.
    Method: an image by mke2fs on virtio-blk; the second machine is killed while mounted. Expected: contents equal on the host;
    e2fsck finds nothing, each time that it was unmounted."""
    data = random.Random(7).randbytes(3 << 20)
    with Image({"data": data, "note": b"a line from outside\n"}) as image:
        with boot("files_on_ext4", append=CONSOLE, extra=image.qemu()) as session:
            session.expect(PROMPT)
            lines(session, "mount vda /mnt", "mkdir /mnt/dir", "cp /mnt/data /README /mnt/dir", "mv /mnt/dir/data /mnt/dir/copy")
            check("a line from outside" in session.command_line("cat /mnt/note"), "the file was not read")
            check("Mounted on" in session.command_line("df") and "vda on /mnt type ext4 (rw)" in session.command_line("mount"),
                  "the mount is not listed")  # fmt: skip
            check("in use" in session.command_line("mount vda /other"), "a disk was mounted twice")
            lines(session, "rm /mnt/note", "umount /mnt")
            power_off(session)
        image.check_clean()
        check(image.read("/dir/copy") == data, "the copy differs")
        check("note" not in host("debugfs", "-R", "ls /", image.path), "the removed file is still there")
        with boot("files_on_ext4_killed", append=CONSOLE, extra=image.qemu()) as session:
            session.expect(PROMPT)
            lines(session, "mount vda /mnt", "cp /mnt/dir/copy /mnt/second", "rm /mnt/data")
        with boot("files_on_ext4_after", append=CONSOLE, extra=image.qemu()) as session:
            session.expect(PROMPT)
            lines(session, "mount vda /mnt", "cp /mnt/second /mnt/third", "umount /mnt")
            power_off(session)
        image.check_clean()
        check(image.read("/third") == data, "what was written before the end is not what was read after it")


def copy_on_nvme(device, drives=(), disk="nvme0n1"):
    """Copies a file on an ext4 disk of an NVMe controller, and has the host look at it."""
    data = random.Random(8).randbytes(5 << 20)
    with Image({"data": data}) as image:
        extra = image.qemu(device) if not drives else drives(image.path)
        with boot(f"files_on_{disk}_{device.replace(',', '_')}", append=CONSOLE, extra=extra) as session:
            session.expect(PROMPT)
            check(re.search(rf"^{disk} .*disk QEMU NVMe", session.command_line("lsblk"), re.M), "the disk is not listed")
            lines(session, f"mount {disk} /mnt", "cp /mnt/data /mnt/copy", "sync", "umount /mnt")
            power_off(session)
        image.check_clean()
        check(image.read("/copy") == data, "the copy differs")


@test
def files_on_nvme():
    """What: the same on an NVMe disk. Why: it is what a PC has. Method: QEMU's controller; one with a small largest transfer and one
    queue, so that requests are split and wait. Expected: contents equal on the host, e2fsck finds nothing."""
    copy_on_nvme("nvme,serial=a")
    copy_on_nvme("nvme,serial=b,mdts=1,max_ioqpairs=1")


@test
def files_on_nvme_namespaces():
    """What: several namespaces of one controller, with blocks of 512 and 4096 bytes. Method: QEMU's nvme-ns; the file system is on
    the second, which has 4096. Expected: as files_on_nvme, on nvme0n2."""
    def drives(path):
        return ["-device", "nvme,serial=c,id=n0",
                "-drive", "if=none,id=e0,format=raw,file.driver=null-co,file.size=1M", "-device", "nvme-ns,drive=e0,bus=n0,nsid=1",
                "-drive", f"if=none,id=d0,format=raw,file={path}",
                "-device", "nvme-ns,drive=d0,bus=n0,nsid=2,logical_block_size=4096,physical_block_size=4096"]  # fmt: skip

    copy_on_nvme("two", drives, "nvme0n2")


@test
def files_that_cannot_be_mounted():
    """What: a disk without a file system, a device that is not there, a journal to be replayed: each is said in a sentence.
    Method: an empty image, and one marked by debugfs. Expected: the sentences; nothing is mounted."""
    with Image({}) as image:
        host("debugfs", "-w", "-R", "feature needs_recovery", image.path)
        with open(image.path + ".empty", "wb") as file:
            file.truncate(1 << 20)
        empty = ["-drive", f"if=none,id=d1,format=raw,file={image.path}.empty", "-device", "virtio-blk-pci,drive=d1"]
        with boot("files_that_cannot_be_mounted", append=CONSOLE, extra=image.qemu() + empty) as session:
            session.expect(PROMPT)
            check("e2fsck" in session.command_line("mount vda /mnt"), "a dirty journal was not noticed")
            check("no ext2, ext3 or ext4" in session.command_line("mount vdb /mnt"), "an empty disk was not noticed")
            check("no such block device" in session.command_line("mount vdq /mnt"), "a device was invented")
            check("no absolute" in session.command_line("mount vda mnt"), "a relative directory was taken")
            check("nothing is mounted" in session.command_line("umount /mnt"), "something is mounted")
            power_off(session)
