#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: stress_initramfs.py STRESS MICRO OUTPUT: a Linux user space that reads its task from the kernel's command line.

`stress=SECONDS` runs the stress program, `micro=1` the micro-benchmarks, `end=poweroff` or `end=reboot` ends the guest that way, `end=shell` leaves a shell on the
console."""

import gzip
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "bench"))
from initramfs import S_IFCHR, S_IFDIR, S_IFREG, entry  # noqa: E402

INIT = b"""#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
for word in $($bb cat /proc/cmdline); do
    case $word in
    stress=*) seconds=${word#stress=} ;;
    micro=*) micro=1 ;;
    end=*) end=${word#end=} ;;
    esac
done
echo "guest: $($bb nproc) CPUs, $($bb uname -r)"
[ -z "$seconds" ] || /bin/stress "$seconds"
[ -z "$micro" ] || /bin/micro
case $end in
shell)
    $bb --install -s /bin
    export PATH=/bin PS1='guest# '
    exec $bb setsid $bb cttyhack $bb sh ;;
reboot) $bb reboot -f ;;
*) $bb poweroff -f ;;
esac
"""

POWEROFF = b"""#!/bin/busybox sh
exec /bin/busybox poweroff -f
"""


def main():
    stress, micro, output = sys.argv[1:]
    archive = b"".join(entry(name, S_IFDIR | 0o755) for name in ("dev", "bin", "proc", "sys", "tmp"))
    archive += entry("dev/console", S_IFCHR | 0o600, device=(5, 1))
    for name, path in (("bin/busybox", shutil.which("busybox")), ("bin/stress", stress), ("bin/micro", micro)):
        with open(path, "rb") as file:
            archive += entry(name, S_IFREG | 0o755, file.read())
    # What the kernel runs when `xl shutdown` asks it to power off.
    archive += entry("sbin", S_IFDIR | 0o755) + entry("sbin/poweroff", S_IFREG | 0o755, POWEROFF)
    archive += entry("init", S_IFREG | 0o755, INIT) + entry("TRAILER!!!", 0)
    with gzip.GzipFile(output, "wb", mtime=0) as file:
        file.write(archive)


if __name__ == "__main__":
    main()
