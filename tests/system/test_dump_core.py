# SPDX-License-Identifier: MIT
"""xl dump-core, judged by gdb and readelf of the host."""

import os
import re
import subprocess
import sys

from driver import BUILD, CONSOLE, DOM0, LOGS, PROMPT, ROOT, TCG_CPU, XEN, boot, check, dom0_files, power_off, test
from test_files import Image

ANSWER = os.path.join(BUILD, "pvguest", "answer.elf")
CLOUD = os.path.join(BUILD, "debs", "vmlinuz-cloud")
UNWINDER = os.path.join(ROOT, "tests", "system", "linux_unwinder.py")
STRESS = os.path.join(BUILD, "interop", "stress.cpio.gz")


def gdb(core, *commands, symbols=()):
    words = ["gdb", "-batch", "-nx", "-ex", "set confirm off"] + [w for c in commands for w in ("-ex", c)]
    done = subprocess.run(words + [*symbols, "-c", core], capture_output=True, text=True, check=False, timeout=300)
    return done.stdout + done.stderr


def console(session, typed, pattern):
    """Attaches to the domain's console, types, waits for the pattern, and leaves; returns what came since attaching."""
    session.send("xl console vm\r")
    session.expect(r"xl console vm\s*\n")
    start = session.position
    session.send(typed)
    session.expect(pattern)
    text = session.output[start:session.position]
    session.send("\x1d")
    session.expect(PROMPT)
    return text


def pause_waiting(session):
    """Pauses the domain while each of its vCPUs waits. A guest may wake at any time, for its timer if for nothing else, but a vCPU that
    is seen waiting after the pause stays where it waits, whatever happens to it."""
    session.command_line("xl pause vm")
    while "-bp---" not in session.command_line("xl list vm"):
        session.command_line("xl unpause vm")
        session.command_line("xl pause vm")


def dump(name, files, create, typed, pattern, **options):
    """Has a domain made and talked to, then dumps it while it waits; returns what its console showed and the core's path."""
    options.setdefault("append", CONSOLE + " dom0_mem=256M")
    with Image({}, 512 << 20) as image:
        modules = [(DOM0, ""), (dom0_files(name, files), "")]
        with boot(name, lifetime=400, memory="1G", modules=modules, extra=image.qemu(), **options) as session:
            session.expect(PROMPT)
            session.command_line("mount vda /mnt")
            session.command_line(create)
            text = console(session, typed, pattern)
            pause_waiting(session)
            output = session.command_line("xl dump-core vm /mnt/vm.core")
            check(output.count("\n") == 1, output)
            check("p---" in session.command_line("xl list vm"), "the dump lets a paused domain go on")
            session.command_line("xl unpause vm")
            check("no core is written: /nowhere" in session.command_line("xl dump-core vm /nowhere/core"), "a core in no folder")
            check("domain 0 cannot" in session.command_line("xl dump-core 0 /mnt/0.core"), "a core of domain 0")
            check(re.search(r" [r-][b-]---- ", session.command_line("xl list vm")), "the domain does not go on")
            session.command_line("xl destroy vm")
            session.command_line("umount /mnt")
            if options.get("kernel") != XEN:  # which halts the machine then
                power_off(session)
        image.check_clean()
        path = os.path.join(LOGS, name + ".core")
        with open(path, "wb") as file:
            file.write(image.read("vm.core"))
        return text, path


def check_our_guest(name, kind, entry, numbers, **options):
    """Dumps a guest of our library that is entered at `entry` and waits; `numbers` is the section of its page numbers."""
    _, core = dump(name, {"guest/answer": ANSWER}, f"xl create -q type={kind} kernel=/guest/answer name=vm memory=8 extra=hello",
                   "", "answer: hello", **options)  # fmt: skip
    output = gdb(core, "bt", "print start_info->cmd_line", "print start_info->nr_pages", symbols=[ANSWER])
    for pattern in r"^#\d .*\bcpu_idle \(", r"in start_of_day \(", rf"in {entry} \(", r'= "hello"', r"= 2048$":
        check(re.search(pattern, output, re.M), f"gdb does not say /{pattern}/:\n{output}")
    sections = subprocess.run(["readelf", "-SW", core], capture_output=True, text=True, check=True).stdout
    for section in ".note.Xen", ".xen_prstatus", ".xen_shared_info", numbers, ".xen_pages":
        check(f" {section} " in sections, f"there is no section {section}:\n{sections}")
    os.remove(core)


@test
def dump_core_of_our_guest():
    """What: xl dump-core of a guest of our library. Why: a core that no debugger reads is worth nothing. Method: dump it while it waits,
    to a disk, and give the file to the host's gdb with the guest's symbols, and to readelf. Expected: the way from its entry
    point to where it waits, variables in its memory, and the sections of Xen's format."""
    check_our_guest("dump_core_of_our_guest", "pv", "_start", ".xen_p2m")


@test
def dump_core_of_our_pvh_guest():
    """What: the same guest as PVH. Why: registers, page tables and memory of a hardware guest are asked for in other ways. Method, expected: as
    before, with Xen's section for such domains."""
    check_our_guest("dump_core_of_our_pvh_guest", "pvh", "pvh_start", ".xen_pfn")


@test
def dump_core_on_real_xen():
    """What: both on Debian's Xen 4.17. Why: nothing in a dump may need Ryokan. Method: as before; without RDTSCP, whose exit QEMU's TCG reports
    wrongly. Expected: as before."""
    options = {"kernel": XEN, "cpu": TCG_CPU + ",-rdtscp", "append": CONSOLE + " dom0_mem=256M,max:256M noreboot"}
    check_our_guest("dump_core_on_real_xen", "pv", "_start", ".xen_p2m", **options)
    check_our_guest("dump_core_on_real_xen", "pvh", "pvh_start", ".xen_pfn", **options)


@test
def core_of_a_crash():
    """What: on_crash='coredump-destroy'. Why: a crash at night. Method: a guest that aborts, as PV and as PVH. Expected: its core."""
    modules = [(DOM0, ""), (dom0_files("core_of_a_crash", {"guest/answer": ANSWER}), "")]
    with boot("core_of_a_crash", append=CONSOLE + " dom0_mem=96M", modules=modules) as session:
        session.expect(PROMPT)
        for kind in "pv", "pvh":
            session.send(f"xl create -q type={kind} kernel=/guest/answer name={kind} memory=8 on_crash=coredump-destroy extra=abort\r")
            session.expect(rf"xl: the core of {kind} is /tmp/{kind}.core$")
            session.send("\r")
            session.expect(PROMPT)
            check(f"{kind}.core" in session.command_line("ls /tmp"), "there is no core")
        power_off(session)


def in_order(words, functions):
    """Whether return addresses into the functions stand in this order among the words of a stack."""
    found = 0
    for word in words:
        if found < len(functions) and functions[found] < word < functions[found] + 0x800:
            found += 1
    return found == len(functions)


def dump_linux(name, kind, typed):
    """dump() of Debian's cloud kernel with 2 vCPUs, after the line was typed at its shell."""
    return dump(name, {"guest/linux": CLOUD, "guest/initrd": STRESS},
                f"xl create -q type={kind} kernel=/guest/linux ramdisk=/guest/initrd name=vm memory=96 vcpus=2 "
                "extra='console=hvc0 quiet end=shell'", f"{typed}; sleep 1; echo the-end\r", r"^the-end$")  # fmt: skip


def check_linux(name, kind):
    names = "linux_banner", "do_idle", "cpu_startup_entry", "rest_init"
    text, core = dump_linux(name, kind, f"grep -E ' ({'|'.join(names)})$' /proc/kallsyms")
    symbols = {name: int(address, 16) for address, name in re.findall(r"^([0-9a-f]{16}) [a-zA-Z] (\w+)", text, re.M)}
    output = gdb(core, "info threads", f"x/s {symbols['linux_banner']:#x}", "thread 1", "x/400gx $rsp", "thread 2", "x/400gx $rsp")
    check(re.search(r'"Linux version \d+\.\d+', output), f"there is no banner:\n{output}")
    stacks = output.split("[Switching to thread")[1:]
    check(len(stacks) == 2, f"there are not two threads:\n{output}")
    for stack, functions in zip(stacks, (names[1:], names[1:3])):
        words = [int(word, 16) for word in re.findall(r"\t(0x[0-9a-f]+)", stack)]
        check(in_order(words, [symbols[name] for name in functions]), f"{functions} are not on the stack:\n{stack}")
    os.remove(core)


@test
def dump_core_of_linux():
    """What: xl dump-core of Debian's cloud kernel with 2 vCPUs. Why: a kernel that lays out its memory itself. Method: ask the guest where
    some symbols are; look for them in the core with gdb: there is no file with the kernel's symbols. Expected: two threads; the
    kernel's banner; the idle loop's callers on the stacks of both."""
    check_linux("dump_core_of_linux", "pv")


@test
def dump_core_of_pvh_linux():
    """What: the same kernel as PVH. Why: its tables have large pages and its memory has holes. Method, expected: as before."""
    check_linux("dump_core_of_pvh_linux", "pvh")


def show_backtraces(vmlinux):
    """The backtrace of each vCPU of a Linux that waits, as PV and as PVH, by the kernel's own symbols."""
    for kind in "pv", "pvh":
        _, core = dump_linux(f"linux_core_{kind}", kind, "uname -r")
        print(f"==== {kind}: {core}")
        for number, bottom in (1, "start_kernel"), (2, "cpu_bringup_and_idle" if kind == "pv" else "start_secondary"):
            output = gdb(core, f"source {UNWINDER}", f"thread {number}", "bt", symbols=[vmlinux])
            frames = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\w+)", output, re.M)
            print(output[output.find("[Switching"):])
            check([name for name in frames if name in ("do_idle", "cpu_startup_entry", bottom)] == ["do_idle", "cpu_startup_entry", bottom],
                  f"vCPU {number - 1} does not idle from {bottom} on:\n{output}")


if __name__ == "__main__":
    show_backtraces(sys.argv[1])
