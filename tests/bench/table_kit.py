# SPDX-License-Identifier: MIT
"""What a guest made with the kit costs: sizes of images, from the entry point to main(), and what samples do.

The peer of the start is the same image on Debian's Xen 4.17 under -icount, where the TSC counts instructions."""

import os
import re
import subprocess
import tempfile

from driver import BUILD, CONSOLE, DOM0, HV, INITRD, TCG_CPU, XEN, Machine, Session
from test_samples import host, kit_run, sample

SELFTEST = os.path.join(BUILD, "pvguest", "selftest.elf")
ICOUNT = ["-icount", "shift=0,sleep=off"]
INSERTS = 50


def image_kib(path):
    """What is loaded: text, data and zeroed memory."""
    return round(int(subprocess.run(["size", path], capture_output=True, text=True, check=True).stdout.split()[9]) / 1024)


def start_to_main(name, **options):
    with Session(Machine(memory="512M", extra=ICOUNT, **options), "bench_kit_" + name, 120) as session:
        return int(session.expect(r"start to main: (\d+) TSC ticks")[1])


def alone(kernel, **options):
    append = CONSOLE + " dom0_mem=64M,max:64M"
    return {"kernel": kernel, "append": append, "modules": [(SELFTEST, "entropy")], **options}


def as_pvh():
    append = CONSOLE + " domain=u,type=pvh,kernel=2,mem=64M,cmdline=entropy"
    return {"kernel": HV, "append": append, "modules": [(DOM0, ""), (INITRD, ""), (SELFTEST, "")]}


def insert_us():
    """Each insert is a transaction of its own, so each waits for the disk; SQLite's own timer measures. The disk is in this machine's
    memory, or else its fsync would be what is measured."""
    with tempfile.TemporaryDirectory(prefix="ryokan-bench-", dir="/dev/shm") as folder:
        image, config, script = (os.path.join(folder, name) for name in ("data.img", "guest.cfg", "bench.sql"))
        with open(config, "w", encoding="ascii") as file:
            file.write(f"disk = ['{image},raw,xvda,w']\n")
        with open(script, "w", encoding="ascii") as file:
            file.write("create table t(a integer primary key, b text);\n.timer on\n")
            file.writelines(f"insert into t values({n}, 'some text');\n" for n in range(INSERTS))
        host("truncate", "-s", "32M", image)
        host("mke2fs", "-q", "-t", "ext4", image)
        host("tar", "--format=ustar", "-C", folder, "-cf", os.path.join(folder, "files.tar"), "bench.sql")
        command = kit_run("sqlite", "--cfg", config, "DISK=xvda -init /bench.sql /data/bench.db .quit")
        command[command.index("--archive") + 1] = os.path.join(folder, "files.tar")
        times = re.findall(r"^Run Time: real ([\d.]+)", host(*command), re.M)
        return round(sum(map(float, times[1:])) / len(times[1:]) * 1e6)


def rows():
    images = [(name, sample(name)) for name in ("bare", "echo", "http", "kv", "lua", "sqlite")]
    images.insert(1, ("hello", os.path.join(BUILD, "pvguest", "hello.elf")))
    return [
        *[(f"memory of the image: {name}", "KiB", image_kib(path), None) for name, path in images],
        ("entry point to main(), PV", "instructions", start_to_main("ours", **alone(HV)),
         start_to_main("xen", **alone(XEN, cpu=TCG_CPU))),
        ("entry point to main(), PVH", "instructions", start_to_main("pvh", **as_pvh()), None),
        ("SQLite insert on blkfront and ext4, a transaction of its own", "us", insert_us(), None),
    ]  # fmt: skip
