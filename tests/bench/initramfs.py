#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: initramfs.py OUTPUT: the smallest Linux user space: busybox, and an init that says a line and powers off.

The archive is written here because a device node in it (/dev/console, without which the kernel gives init no console)
would otherwise need root."""

import gzip
import shutil
import sys

INIT = b"""#!/bin/busybox sh
echo "user space: first line"
/bin/busybox poweroff -f
"""
S_IFDIR, S_IFREG, S_IFCHR = 0o040000, 0o100000, 0o020000


def entry(name, mode, data=b"", device=(0, 0)):
    """One member of a `newc` cpio archive."""
    entry.inode += 1
    path = name.encode() + b"\0"
    fields = [entry.inode, mode, 0, 0, 1, 0, len(data), 0, 0, device[0], device[1], len(path), 0]
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return header + b"\0" * (-len(header) % 4) + data + b"\0" * (-len(data) % 4)


entry.inode = 0


def main():
    with open(shutil.which("busybox"), "rb") as file:
        busybox = file.read()
    archive = entry("dev", S_IFDIR | 0o755) + entry("bin", S_IFDIR | 0o755)
    archive += entry("dev/console", S_IFCHR | 0o600, device=(5, 1))
    archive += entry("bin/busybox", S_IFREG | 0o755, busybox) + entry("init", S_IFREG | 0o755, INIT)
    archive += entry("TRAILER!!!", 0)
    with gzip.GzipFile(sys.argv[1], "wb", mtime=0) as file:
        file.write(archive)


if __name__ == "__main__":
    main()
