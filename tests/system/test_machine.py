# SPDX-License-Identifier: MIT
"""The machine itself: its end, its console, its watchdog, and firmware that lies."""

import os
import random
import shutil
import struct
import subprocess
import tempfile
import time

import acpi_tables
from bochs import Bochs
from driver import CONSOLE, DOM0, HV, INITRD, PROMPT, Session, boot, check, power_off, test

SWITCH = "\x01\x01\x01"
TO_HYPERVISOR = r"\*\*\* Input goes to the hypervisor"
TO_DOM0 = r"\*\*\* Input goes to dom0"


@test
def reboot_resets_the_machine():
    """What: dom0's `reboot` resets the machine, which then boots again. Why: the reset register, not only the end of dom0.
    Method: a machine that may reset; `reboot` at the prompt. Expected: a second prompt in the same emulator."""
    with boot("reboot_resets_the_machine", reboot=True, lifetime=90) as session:
        session.expect(PROMPT)
        session.send("reboot\r")
        session.expect("Ryokan ")
        session.expect(PROMPT)
        power_off(session)


@test
def power_off_on_pc():
    """What: power-off by the i440FX machine's ACPI tables. Why: another chip set's PM1a control register and _S5_ value.
    Method: QEMU pc; `poweroff`. Expected: the emulator ends with status 0."""
    with boot("power_off_on_pc", machine="pc") as session:
        session.expect(PROMPT)
        power_off(session)


@test
def console_focus():
    """What: three Ctrl-A hand the input on, from dom0 to the hypervisor and back. Why: it is the only way to the debug keys.
    Method: switch, press h, switch back, type a command; two Ctrl-A and a letter in between go to dom0. Expected: the notices,
    the list of keys, and dom0's answer to `echo`."""
    with boot("console_focus") as session:
        session.expect(PROMPT)
        session.send(SWITCH)
        session.expect(TO_HYPERVISOR)
        session.send("h")
        session.expect("h +this list")
        session.send(SWITCH)
        session.expect(TO_DOM0)
        session.send("\x01\x01echo back-in-dom0\r")
        session.expect("\nback-in-dom0")
        power_off(session)


@test
def console_input_starts_at_the_hypervisor():
    """What: conswitch=bx leaves the input with the hypervisor and makes Ctrl-B the switch. Method: the option, then a key at
    once. Expected: the key's list; three Ctrl-B lead to dom0."""
    with boot("console_input_starts_at_the_hypervisor", append=CONSOLE + " conswitch=bx") as session:
        session.expect(TO_HYPERVISOR)
        session.expect(PROMPT)
        session.send("h")
        session.expect("debug|Debug keys")
        session.send("\x02\x02\x02")
        session.expect(TO_DOM0)
        power_off(session)


@test
def debug_keys_print_and_return():
    """What: the keys that only print do so and dom0 goes on. Why: they are for a machine in trouble and must not add any.
    Method: d, i, t on two CPUs. Expected: each one's headline, and dom0 still answers."""
    with boot("debug_keys_print_and_return", cpus=2) as session:
        session.expect(PROMPT)
        session.send(SWITCH)
        session.expect(TO_HYPERVISOR)
        for key, text in (("d", "CPU1"), ("i", "Interrupts"), ("t", "trace records")):
            session.send(key)
            session.expect(text)
        session.send(SWITCH)
        session.expect(TO_DOM0)
        power_off(session)


@test
def crash_key_shows_a_backtrace():
    """What: a crash of the hypervisor prints what failed, a symbolised backtrace and trace records, and stops with noreboot.
    Method: the debug key C. Expected: the function of the key in the backtrace, and no reset."""
    with boot("crash_key_shows_a_backtrace", append=CONSOLE + " noreboot", cpus=2, reboot=True) as session:
        session.expect(PROMPT)
        session.send(SWITCH + "C")
        session.expect(r"\*\*\* Ryokan: crash by debug key")
        session.expect("backtrace")
        session.expect(r"crash\+0x")
        session.expect("trace records")
        session.expect("machine stops here")


@test
def watchdog_finds_a_stuck_cpu():
    """What: the NMI watchdog reports a CPU that hangs with interrupts off. Why: nothing else can reach such a CPU.
    Method: watchdog with a limit of 2 seconds; the debug key W hangs the last CPU. Expected: the report names that CPU and
    the function in which it hangs."""
    line = CONSOLE + " watchdog watchdog_timeout=2 noreboot loglvl=info"
    with boot("watchdog_finds_a_stuck_cpu", append=line, cpus=2, reboot=True) as session:
        session.expect("watchdog: a CPU that is stuck for 2 seconds")
        session.expect(PROMPT)
        session.send(SWITCH + "W")
        session.expect("CPU1 hangs on purpose")
        session.expect("watchdog: this CPU is stuck")
        session.expect("CPU1")
        session.expect(r"hang\+0x")
        session.expect("machine stops here")


@test
def watchdog_leaves_a_healthy_machine_alone():
    """What: with the watchdog on, dom0 works as without. Why: NMIs arrive anywhere, in guests too.
    Method: a limit of 1 second, as long as from one heartbeat to the next, 2 CPUs; four seconds of commands, then power-off. Expected: no report."""
    with boot("watchdog_leaves_a_healthy_machine_alone", append=CONSOLE + " watchdog watchdog_timeout=1", cpus=2) as session:
        session.expect(PROMPT)
        end = time.monotonic() + 4
        while time.monotonic() < end:
            session.command_line("echo still here")
        power_off(session)
        check("stuck" not in session.output, "the watchdog reported a CPU:\n" + session.tail())


@test
def device_interrupts_on_q35():
    """What: dom0 maps device memory and gets interrupts by INTx (level), MSI and MSI-X. Why: drivers stand on it.
    Method: dom0's pcitest on QEMU's devices edu and e1000e. Expected: no failure."""
    device_interrupts("device_interrupts_on_q35", "q35")


@test
def device_interrupts_on_pc():
    """What, method, expected: as device_interrupts_on_q35 on the i440FX machine, whose INTx come in on ISA lines."""
    device_interrupts("device_interrupts_on_pc", "pc")


def device_interrupts(name, machine):
    modules = [(DOM0, "DRIVERS=0"), (INITRD, "")]
    with boot(name, machine=machine, cpus=2, modules=modules, extra=["-device", "edu", "-device", "e1000e"]) as session:
        session.expect(PROMPT)
        answer = session.command_line("pcitest")
        check("0 failed, 0 skipped" in answer, "pcitest failed:\n" + answer)
        power_off(session)


def bios_iso(folder, options, modules=(DOM0, INITRD)):
    """A small CD image that boots by BIOS at once, with these options for the hypervisor, and these modules."""
    os.makedirs(os.path.join(folder, "boot", "grub"))
    for path in (HV + ".elf", *modules):
        shutil.copy(path, os.path.join(folder, "boot"))
    with open(os.path.join(folder, "boot", "grub", "grub.cfg"), "w", encoding="ascii") as file:
        file.write(f"multiboot2 /boot/{os.path.basename(HV)}.elf {options}\n")
        file.write("".join(f"module2 /boot/{os.path.basename(m)}\n" for m in modules) + "boot\n")
    iso = folder + ".iso"
    subprocess.run(["grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "--install-modules=multiboot2 normal iso9660 part_msdos part_gpt biosdisk", "--locales=",
                    "--themes=", "--fonts=", "-o", iso, folder], check=True, capture_output=True)  # fmt: skip
    return iso


@test
def x2apic_in_bochs():
    """What: x2APIC mode boots, with two CPUs. Why: QEMU's TCG has none. Method: Bochs, corei7_skylake_x, the option
    x2apic=yes. Expected: the mode is named, two CPUs run, the prompt comes."""
    with tempfile.TemporaryDirectory() as folder:
        iso = bios_iso(os.path.join(folder, "cd"), CONSOLE + " x2apic=yes loglvl=info")
        with Session(Bochs(iso, cpus=2, ips=4000000), "x2apic_in_bochs", lifetime=240) as session:
            session.expect("Local APIC in x2APIC mode")
            session.expect("CPUs: 2 running")
            session.expect(PROMPT)


def hostile(name, tables, *messages, **options):
    """Boots on these tables; each message comes, and then the prompt: what is bad is left out, not fatal."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = acpi_tables.Tables(tables, **options).arguments(folder)
        with boot(name, machine="q35,acpi=off", cpus=2, extra=arguments) as session:
            for message in messages:
                session.expect(message)
            session.expect(PROMPT)
            check(session.output.count("hypervisor that speaks") == 1, "the machine was reset:\n" + session.tail(40))


def with_length(table, length):
    table[4:8] = struct.pack("<I", length)
    return table


REST = (acpi_tables.fadt(), acpi_tables.dsdt())


@test
def acpi_own_tables_are_good():
    """What: the tables that the following tests damage are good ones. Why: else those tests would show nothing.
    Method: undamaged. Expected: no complaint, two CPUs, power-off by our _S5_."""
    with tempfile.TemporaryDirectory() as folder:
        tables = acpi_tables.Tables([acpi_tables.good_madt(), acpi_tables.hpet(), *REST])
        line = CONSOLE + " loglvl=info"
        with boot("acpi_own_tables_are_good", machine="q35,acpi=off", cpus=2, append=line,
                  extra=tables.arguments(folder)) as session:  # fmt: skip
            session.expect("CPUs: 2 running")
            session.expect(PROMPT)
            check("ignored" not in session.output, "a complaint about good tables:\n" + session.output)
            power_off(session)


@test
def acpi_no_tables():
    """What: a machine without ACPI boots, with one CPU and polled input. Method: QEMU with ACPI off; a table of no meaning
    keeps SeaBIOS from making its own. Expected: the prompt takes a command."""
    with boot("acpi_no_tables", machine="pc,acpi=off", cpus=2,
              extra=["-acpitable", "sig=NONE,data=/dev/null"]) as session:  # fmt: skip
        session.expect("ACPI: no valid root pointer found: going on with one CPU")
        session.expect(PROMPT)
        session.command_line("help")


@test
def acpi_bad_checksum():
    """What: a MADT with a wrong checksum is named and ignored. Expected: the table, its address, one CPU, the prompt."""
    hostile("acpi_bad_checksum", [acpi_tables.good_madt(), *REST], r"table APIC at 0x\w+: its checksum is wrong: ignored",
            "no usable MADT: going on with one CPU", bad_checksum=("APIC",))  # fmt: skip


@test
def acpi_endless_entry():
    """What: a MADT entry of length 0 does not hang the reader. Expected: its type and offset, the rest ignored."""
    madt = acpi_tables.madt(acpi_tables.lapic(0), acpi_tables.lapic(1, length=0), acpi_tables.ioapic())
    hostile("acpi_endless_entry", [madt, *REST], "table APIC .* entry of type 0 at offset 52 has length 0: rest ignored")


@test
def acpi_absurd_length():
    """What: tables that claim 2 GiB or 20 bytes are ignored. Why: the length is used for mapping before anything is checked."""
    tables = [with_length(acpi_tables.good_madt(), 0x7FFFFFFF), with_length(acpi_tables.hpet(), 20), *REST]
    hostile("acpi_absurd_length", tables, "table APIC .* its length makes no sense: ignored",
            "table HPET .* its length makes no sense: ignored")  # fmt: skip


@test
def acpi_root_points_anywhere():
    """What: a root table whose entries point to nowhere and everywhere, 20000 of them, is cut and its bad entries are
    reported, a bounded number of times. Why: the time and the console must not be filled by it."""
    nowhere = struct.pack("<IIIII", 0xFFFFFFF0, 0xE0000000, 1, 0xFFFFFFFF, 0x1000)
    hostile("acpi_root_points_anywhere", [acpi_tables.good_madt(), *REST], "lists too many tables: the first 256 are read",
            "more complaints about tables are left out", rsdt_extra=nowhere * 4000)  # fmt: skip


@test
def acpi_registers_in_ram():
    """What: an I/O APIC and a HPET that would lie in RAM are not written to. Why: their registers would be our memory.
    Expected: both are named; an I/O APIC where nothing answers is too."""
    madt = acpi_tables.madt(acpi_tables.lapic(0), acpi_tables.ioapic(0x200000), acpi_tables.ioapic(0xE0000000))
    hostile("acpi_registers_in_ram", [madt, acpi_tables.hpet(0x300000), *REST],
            "I/O APIC 0 at 0x200000 is ignored: it would lie in RAM", "I/O APIC 0 at 0xe0000000 is ignored: nothing answers",
            "HPET at 0x300000 would lie in RAM: ignored")  # fmt: skip


@test
def acpi_random_contents():
    """What: tables with right headers and random contents. Why: whatever else firmware may hold. Method: MADT, FADT, HPET and
    MCFG from a fixed seed. Expected: the prompt (the reader itself is fuzzed on the host)."""
    noise = random.Random(17)
    tables = [acpi_tables.table(s, noise.randbytes(n)) for s, n in (("APIC", 300), ("FACP", 208), ("HPET", 20), ("MCFG", 40))]
    hostile("acpi_random_contents", tables)


@test
def console_of_a_boot_domain():
    """What: a domain built at boot has its lines printed behind its name, and gets the input in its turn, prompt and echo at once.
    Why: it has no other console before the toolstack runs. Method: dom0's image as an ordinary domain too; switch from dom0 to
    it, type a command, switch on. Expected: its prompt behind its name, the command's output, then the hypervisor, then dom0."""
    modules = [(DOM0, ""), (INITRD, "")] * 2
    line = CONSOLE + " domain=guest,kernel=2,ramdisk=3,mem=64M"
    with boot("console_of_a_boot_domain", append=line, modules=modules) as session:
        session.expect(PROMPT)
        check("(guest) Welcome" in session.output or session.expect(r"\(guest\) Welcome"), "no line of the domain")
        session.send(SWITCH)
        session.expect(r"\*\*\* Input goes to guest, domain 1")
        session.send("\r")
        session.expect(r"\(guest\) dom0# $")
        session.send("echo only-a-guest\r")
        session.expect(r"\(guest\) only-a-guest\n")
        session.send(SWITCH)
        session.expect(TO_HYPERVISOR)
        session.send("q")
        session.expect("d1 guest: runs")
        session.send(SWITCH)
        session.expect(TO_DOM0)
        power_off(session)
