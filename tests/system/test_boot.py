# SPDX-License-Identifier: MIT
"""From power-on to dom0's prompt, on many machines."""

import os
import subprocess
import sys
import tempfile

from bochs import Bochs
from driver import BUILD, CONSOLE, HV, ISO, PROMPT, ROOT, TCG_CPU, XEN, DOM0, INITRD, Session, boot, check, power_off, test


def boot_and_power_off(name, **options):
    """The common part: the prompt comes, answers, and the machine powers off."""
    with boot(name, **options) as session:
        session.expect(PROMPT)
        power_off(session)


@test
def boot_1_cpu():
    """What: one CPU boots to the prompt and powers off. Why: no path may need a second CPU.
    Method: QEMU q35, 1 CPU. Expected: the prompt, then the emulator ends with status 0."""
    boot_and_power_off("boot_1_cpu", cpus=1)


@test
def boot_2_cpus():
    """What, method, expected: as boot_1_cpu with 2 CPUs, and the hypervisor's `xl info` counts 2."""
    with boot("boot_2_cpus", cpus=2) as session:
        session.expect(PROMPT)
        check("nr_cpus                : 2" in session.command_line("xl info"), "xl info does not say 2 CPUs")
        power_off(session)


@test
def boot_4_cpus():
    """What, method, expected: as boot_2_cpus with 4 CPUs."""
    with boot("boot_4_cpus", cpus=4) as session:
        session.expect(PROMPT)
        check("nr_cpus                : 4" in session.command_line("xl info"), "xl info does not say 4 CPUs")
        power_off(session)


@test
def boot_8_cpus():
    """What, method, expected: as boot_2_cpus with 8 CPUs."""
    with boot("boot_8_cpus", cpus=8) as session:
        session.expect(PROMPT)
        check("nr_cpus                : 8" in session.command_line("xl info"), "xl info does not say 8 CPUs")
        power_off(session)


@test
def boot_256_mib():
    """What: a machine with 256 MiB boots. Why: the smallest that is promised; dom0's share must be scaled down.
    Method: QEMU q35, 256 MiB. Expected: the prompt, then a clean power-off."""
    boot_and_power_off("boot_256_mib", memory="256M")


@test
def boot_16_gib():
    """What: a machine with 16 GiB boots. Why: memory above 4 GiB, and a frame table and direct map of that size.
    Method: QEMU q35, 16 GiB (the emulator reserves, and touches only what is used). Expected: as boot_1_cpu."""
    boot_and_power_off("boot_16_gib", memory="16G", cpus=2)


@test
def boot_machine_pc():
    """What: the i440FX machine boots. Why: other ACPI tables, interrupt routing and PCI access than q35.
    Method: QEMU pc, 2 CPUs. Expected: as boot_1_cpu."""
    boot_and_power_off("boot_machine_pc", machine="pc", cpus=2)


@test
def boot_iso_bios():
    """What: the CD image boots by BIOS. Why: GRUB and multiboot 2, another loader and entry than -kernel.
    Method: QEMU q35, SeaBIOS, build/ryokan.iso. Expected: as boot_1_cpu."""
    boot_and_power_off("boot_iso_bios", iso=ISO, cpus=2)


@test
def boot_iso_bios_pc():
    """What, method, expected: as boot_iso_bios on the i440FX machine."""
    boot_and_power_off("boot_iso_bios_pc", iso=ISO, machine="pc")


@test
def boot_iso_uefi():
    """What: the same CD image boots by UEFI. Why: no BIOS areas, ACPI only through the loader's tag.
    Method: QEMU q35 with OVMF, build/ryokan.iso. Expected: as boot_1_cpu (OVMF itself needs some seconds)."""
    boot_and_power_off("boot_iso_uefi", iso=ISO, uefi=True, cpus=2, lifetime=180)


@test
def boot_iso_uefi_pc():
    """What, method, expected: as boot_iso_uefi on the i440FX machine."""
    boot_and_power_off("boot_iso_uefi_pc", iso=ISO, uefi=True, machine="pc", lifetime=180)


@test
def boot_bochs():
    """What: Bochs boots to the prompt. Why: another emulator with an Intel CPU model, its own BIOS, chip set and ACPI tables.
    Method: the CD image in Bochs, 1 CPU, corei7_skylake_x. Expected: the prompt (there is no input to type at)."""
    with Session(Bochs(ISO), "boot_bochs", lifetime=150) as session:
        session.expect(PROMPT)


@test
def real_xen_same_dom0():
    """What: the same dom0 image boots on Debian's Xen 4.17. Why: dom0 is a plain Xen guest; what runs on both is proof both ways.
    Method: Xen with our dom0.elf and archive. Expected: the prompt; `xl info` names Xen's version; `poweroff` reaches Xen,
    which halts the machine, because only a dom0 with ACPI can switch it off there."""
    with boot("real_xen_same_dom0", kernel=XEN, cpu=TCG_CPU, append=CONSOLE + " dom0_mem=512M,max:512M",
              modules=[(DOM0, ""), (INITRD, "")]) as session:  # fmt: skip
        session.expect(PROMPT)
        check("4.17" in session.command_line("xl info"), "xl info does not name Xen 4.17")
        session.send("poweroff\r")
        session.expect("Dom0 halted: halting machine")


class Plain:
    """A machine whose command line is given, not made."""

    def __init__(self, arguments):
        self.arguments = arguments

    def command(self, _scratch):
        return self.arguments


def make_run(name, text, *variables):
    """Runs `make run` with `text` piped into it; returns its status and output."""
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(["make", "run", *variables], cwd=ROOT, input=text.encode(), timeout=90, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)  # fmt: skip
    output = done.stdout.decode("latin-1").replace("\r", "")
    with open(os.path.join(BUILD, "test", name + ".log"), "w", encoding="latin-1") as file:
        file.write(output)
    return done.returncode, output


@test
def make_run_with_piped_lines():
    """What: lines piped into `make run` reach the prompt, one after another. Why: it is how scripts drive dom0.
    Method: pipe two commands and `poweroff`. Expected: their output, status 0."""
    status, output = make_run("make_run_with_piped_lines", "help\nxl list\npoweroff\n", "CPUS=2", "MEM=512M")
    check(status == 0, f"make run ended with status {status}:\n{output[-1500:]}")
    check("Domain-0" in output, f"no Domain-0 in the output:\n{output[-1500:]}")


@test
def make_run_waits_after_end_of_input():
    """What: the end of the piped input does not end the machine. Why: `make run </dev/null` is a running dom0.
    Method: run/run.py whose input is closed at once. Expected: the prompt still comes, and the machine runs on."""
    command = [sys.executable, "run/run.py", "--hv", "build/hv/ryokan", "--append", CONSOLE, "--module", DOM0,
               "--module", INITRD, "--mem", "512M"]  # fmt: skip
    with Session(Plain(command), "make_run_waits_after_end_of_input") as session:
        session.process.stdin.close()
        session.expect(PROMPT)
        check(session.process.poll() is None, "the machine ended with the input")


@test
def gdb_stops_at_the_first_instruction():
    """What: `make run GDB=1` waits for a debugger, which stops at the first instruction with symbols loaded, and later at a
    C function. Why: the early boot is where nothing else helps. Method: gdb with the script that make run writes.
    Expected: boot_entry with its source line, then boot_start in the caller's backtrace."""
    port = 20000 + os.getpid() % 10000
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "run/run.py", "--hv", HV, "--elf", HV + ".elf", "--append", CONSOLE, "--module", DOM0,
                   "--module", INITRD, "--gdb-port", str(port), "--build", folder]  # fmt: skip
        with Session(Plain(command), "gdb_stops_at_the_first_instruction") as session:
            session.expect("The machine waits for a debugger")
            steps = ["info symbol $pc", "hbreak boot_start", "continue", "backtrace"]
            gdb = ["gdb", "-batch", "-nx", "-x", os.path.join(folder, "gdbinit")]
            done = subprocess.run(gdb + [word for step in steps for word in ("-ex", step)], timeout=50, check=False,
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL)  # fmt: skip
    check("boot_entry in section" in done.stdout, done.stdout + done.stderr)
    check("hv/boot/head.S" in done.stdout and "#0  boot_start (" in done.stdout, done.stdout + done.stderr)
