#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: guest_initramfs.py OUTPUT FIO MODULES... -- DEB...: Linux user space for guests with virtual disks and networks.

Each MODULES is the folder of a kernel's modules, each DEB that of an unpacked package; FIO is the statically linked program. The console takes one shell line
after the other and says the status of each. `run=LINE` on the kernel's command line is the first one, with `_` for blanks."""

import gzip
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from xen_dom0_initramfs import LIBRARIES, Archive  # noqa: E402
from initramfs import S_IFCHR, entry  # noqa: E402

S_IFLNK = 0o120000
FOLDERS = ("dev", "proc", "sys", "run", "tmp", "mnt", "sbin", "usr/bin", "usr/sbin", "root", "etc")
PROGRAMS = ("sbin/mke2fs", "sbin/e2fsck", "sbin/blkdiscard", "sbin/blockdev")

INIT = b"""#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
$bb --install -s
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
dmesg -n 1
for module in crc32c_generic xen-blkfront xen-netfront ext4 af_packet; do modprobe $module 2>/dev/null; done
echo "guest: $(nproc) CPUs, $(uname -r)"
exec setsid cttyhack sh /bin/lines
"""

# Reads a line, runs it, says its status. The terminal does not echo, so that the answer is all that comes back.
LINES = b"""stty -echo -onlcr
for word in $(cat /proc/cmdline); do
    case $word in
    run=*) eval "$(echo "${word#run=}" | tr _ ' ')" </dev/null; echo "guest: status $?" ;;
    esac
done
while printf 'guest# ' && read -r line; do
    eval "$line" </dev/null
    echo "guest: status $?"
done
"""


# Load on a disk: for each kind of it a line with the requests in a second, by fio.
DISKBENCH = b"""#!/bin/sh
until [ -b /dev/$1 ]; do usleep 1000; done
for job in $2; do
    IFS=: read -r rw bs depth count <<JOB
$job
JOB
    fio --name=$rw --filename=/dev/$1 --rw=$rw --bs=$bs --iodepth=$depth --number_ios=$count --size=56M --io_size=4G --ioengine=io_uring \\
        --direct=1 --norandommap --randrepeat=1 --gtod_reduce=1 --minimal >/tmp/fio || cat /tmp/fio
    awk -F\\; -v job=$job '{ print "DISK " job " " $8 + $49 }' /tmp/fio
done
"""


def main():
    output, fio = sys.argv[1:3]
    split = sys.argv.index("--")
    archive = Archive(sys.argv[split + 1:])
    for name in FOLDERS:
        archive.folder(name)
    archive.data += entry("dev/console", S_IFCHR | 0o600, device=(5, 1)) + entry("lib64", S_IFLNK | 0o777, LIBRARIES.encode())
    for path in PROGRAMS:
        archive.program(path, archive.find(path, "usr/" + path))
    for modules in sys.argv[3:split]:
        archive.tree(f"lib/modules/{os.path.basename(modules)}", modules)
    archive.copy("bin/busybox", shutil.which("busybox"))
    archive.program("bin/fio", fio)
    archive.file("bin/lines", LINES)
    archive.file("bin/diskbench", DISKBENCH)
    archive.copy("etc/mke2fs.conf", archive.find("etc/mke2fs.conf"))
    archive.file("init", INIT)
    with gzip.GzipFile(output, "wb", mtime=0, compresslevel=6) as file:
        file.write(archive.data + entry("TRAILER!!!", 0))


if __name__ == "__main__":
    main()
