#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: xen_dom0_initramfs.py OUTPUT TICKS MODULES DEB...: Linux user space that manages real Xen: `xl` and its daemons, from Debian's packages.

Each DEB is the folder of an unpacked package, MODULES the folder of the kernel's modules; TICKS is the program that prints the time stamp counter. Libraries are
found as the loader does it, by what the programs say they need. The console then takes one shell line after the other; see xen_oracle.py."""

import gzip
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "bench"))
from initramfs import S_IFCHR, S_IFDIR, S_IFREG, entry  # noqa: E402

S_IFLNK = 0o120000
LIBRARIES = "lib/x86_64-linux-gnu"
TOOLS = "usr/lib/xen-4.17/bin"
PROGRAMS = [f"{TOOLS}/{name}" for name in ("xl", "xenstored", "xenconsoled", "xenconsole", "xen-init-dom0", "xentop", "xenctx", "lsevtchn", "xen-cpuid")]
PROGRAMS += [f"usr/bin/{name}" for name in ("xenstore", "xenstore-chmod", "xenstore-ls", "xenstore-read", "xenstore-watch", "xenstore-write")] + ["bin/bash"]
FOLDERS = ("dev", "dev/pts", "proc", "sys", "run", "run/xen", "run/xenstored", "tmp", "sbin", "usr/sbin", "root", "var/lock", "var/lib/xen", "var/lib/xenstored", "var/log/xen/console")

INIT = b"""#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
$bb mkdir -p /dev/pts
$bb mount -t devpts pts /dev/pts
$bb --install -s
export PATH=/bin:/sbin:/usr/bin:/usr/sbin:/usr/lib/xen-4.17/bin HOME=/root
dmesg -n 1
for module in xen-evtchn xen-gntdev xen-gntalloc xenfs; do modprobe $module; done
mount -t xenfs xen /proc/xen
xenstored --pid-file /run/xenstored/xenstored.pid
xen-init-dom0 >/dev/null
xenconsoled --pid-file=/run/xenconsoled.pid --log=guest --log-dir=/var/log/xen/console
echo "oracle: $(nproc) CPUs, $(uname -r)"
exec setsid cttyhack sh /bin/lines
"""

# Reads a line, runs it, says its status. The terminal does not echo, so that the answer is all that comes back.
LINES = b"""stty -echo -onlcr
while printf 'oracle# ' && read -r line; do
    eval "$line" </dev/null
    echo "oracle: status $?"
done
"""


def needed(path):
    """The libraries that an ELF file names, and its loader."""
    text = subprocess.run(["readelf", "-W", "-d", "-l", path], capture_output=True, text=True, check=True).stdout
    names = [line.split("[")[1].rstrip("]") for line in text.splitlines() if "(NEEDED)" in line]
    return names + [os.path.basename(line.split(": ")[1].rstrip("]")) for line in text.splitlines() if "program interpreter" in line]


class Archive:
    """A cpio archive that is put together from packages."""

    def __init__(self, packages):
        self.packages, self.members, self.data = packages, set(), b""

    def folder(self, path):
        if path and path not in self.members:
            self.folder(os.path.dirname(path))
            self.members.add(path)
            self.data += entry(path, S_IFDIR | 0o755)

    def file(self, path, data, mode=0o755):
        if path not in self.members:
            self.folder(os.path.dirname(path))
            self.members.add(path)
            self.data += entry(path, S_IFREG | mode, data)

    def copy(self, path, source):
        with open(source, "rb") as file:
            self.file(path, file.read(), os.stat(source).st_mode & 0o777)

    def find(self, *paths):
        """The first of these paths that a package has."""
        for path in paths:
            for package in self.packages:
                if os.path.exists(os.path.join(package, path)):
                    return os.path.join(package, path)
        raise SystemExit(f"no package has {' or '.join(paths)}")

    def program(self, path, source):
        """An ELF file and the libraries that it needs."""
        if path not in self.members:
            self.copy(path, source)
            for name in needed(source):
                self.program(f"{LIBRARIES}/{name}", self.find(f"{LIBRARIES}/{name}", f"usr/{LIBRARIES}/{name}"))

    def tree(self, target, source):
        for folder, _, files in os.walk(source):
            for name in sorted(files):
                path = os.path.join(folder, name)
                self.copy(os.path.normpath(os.path.join(target, os.path.relpath(path, source))), path)


def main():
    output, ticks, modules = sys.argv[1:4]
    archive = Archive(sys.argv[4:])
    for name in FOLDERS:
        archive.folder(name)
    archive.data += entry("dev/console", S_IFCHR | 0o600, device=(5, 1)) + entry("var/run", S_IFLNK | 0o777, b"/run")
    archive.data += entry("lib64", S_IFLNK | 0o777, LIBRARIES.encode())
    for path in PROGRAMS:
        archive.program(path, archive.find(path))
    # Loaded by name when a thread is cancelled.
    archive.program(f"{LIBRARIES}/libgcc_s.so.1", archive.find(f"{LIBRARIES}/libgcc_s.so.1"))
    archive.tree("etc/xen", archive.find("etc/xen/scripts") + "/..")
    archive.tree(f"lib/modules/{os.path.basename(modules)}", modules)
    archive.copy("bin/busybox", shutil.which("busybox"))
    archive.copy("bin/ticks", ticks)
    archive.file("bin/lines", LINES)
    archive.file("init", INIT)
    with gzip.GzipFile(output, "wb", mtime=0, compresslevel=6) as file:
        file.write(archive.data + entry("TRAILER!!!", 0))


if __name__ == "__main__":
    main()
