# SPDX-License-Identifier: MIT
"""What a guest made with the kit costs: sizes of images, the memory it needs, from the entry point to main(), and what samples do.

The peer of the start is the same image on Debian's Xen 4.17: under -icount, where the TSC counts instructions, and by the clock."""

import os
import re
import subprocess
import tempfile

from driver import BUILD, CONSOLE, DOM0, HV, INITRD, PROMPT, TCG_CPU, XEN, Failure, Machine, Session, boot, dom0_files
from test_samples import host, kit_run, sample
from xen_oracle import oracle

HELLO = os.path.join(BUILD, "pvguest", "hello.elf")
SELFTEST = os.path.join(BUILD, "pvguest", "selftest.elf")
ICOUNT = ["-icount", "shift=0,sleep=off"]
INSERTS = 50


def image_kib(path):
    """What is loaded: text, data and zeroed memory."""
    return round(int(subprocess.run(["size", path], capture_output=True, text=True, check=True).stdout.split()[9]) / 1024)


START = re.compile(r"start to main: (\d+) TSC ticks, (\d+) us")


def start_to_main(name, **options):
    """Instructions."""
    with Session(Machine(memory="512M", extra=ICOUNT, **options), "bench_kit_" + name, 120) as session:
        return int(session.expect(START.pattern)[1])


def start_in_us(name, **options):
    """By the clock: the median of three."""
    times = []
    for _ in range(3):
        with Session(Machine(memory="512M", **options), "bench_kit_clock_" + name, 120) as session:
            times.append(int(session.expect(START.pattern)[2]))
    return sorted(times)[1]


def start_as_pvh_on_xen():
    """Instructions, in a domain that Linux's xl makes."""
    with oracle("bench_kit", {"guest/selftest": SELFTEST}, lifetime=300, instructions=True) as xen:
        xen.create('name="u"; type="pvh"; kernel="/guest/selftest"; memory=64; tsc_mode="native"; extra="entropy"; on_reboot="destroy"')
        return int(START.search(xen.guest_end("u"))[1])


def least_memory():
    """The smallest whole number of MiB with which hello says hello, by trying."""
    files = dom0_files("bench_kit_memory", {"guest/hello": HELLO})
    with boot("bench_kit_memory", modules=[(DOM0, ""), (files, "")]) as session:
        session.expect(PROMPT)
        for mib in range(1, 65):
            if "Hello from" in session.command_line(f"xl create -c -q name=hello{mib} kernel=/guest/hello memory={mib}"):
                return mib
    raise Failure("hello does not run with 64 MiB")


def alone(kernel, **options):
    append = CONSOLE + " dom0_mem=64M,max:64M"
    return {"kernel": kernel, "append": append, "modules": [(SELFTEST, "entropy")], **options}


def as_pvh():
    append = CONSOLE + " domain=u,type=pvh,kernel=2,mem=64M,cmdline=entropy"
    return {"kernel": HV, "append": append, "modules": [(DOM0, ""), (INITRD, ""), (SELFTEST, "")]}


def file_kib(path):
    """Of the file without symbols and debug information, as a release would have it."""
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, path], check=True)
        return round(os.path.getsize(stripped.name) / 1024)


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
    images.insert(1, ("hello", HELLO))
    return [
        ("file of the image, stripped: hello", "KiB", file_kib(HELLO), None),
        *[(f"memory of the image: {name}", "KiB", image_kib(path), None) for name, path in images],
        ("least memory= that hello runs with", "MiB", least_memory(), None),
        ("entry point to main(), PV", "instructions", start_to_main("ours", **alone(HV)),
         start_to_main("xen", **alone(XEN, cpu=TCG_CPU))),
        ("entry point to main(), PVH", "instructions", start_to_main("pvh", **as_pvh()), start_as_pvh_on_xen()),
        ("entry point to main(), PV, by the clock", "us", start_in_us("ours", **alone(HV)), start_in_us("xen", **alone(XEN, cpu=TCG_CPU))),
        ("entry point to main(), PVH, by the clock", "us", start_in_us("pvh", **as_pvh()), None),
        ("SQLite insert on blkfront and ext4, a transaction of its own", "us", insert_us(), None),
    ]  # fmt: skip
