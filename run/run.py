#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`make run`: boots Ryokan in QEMU with the terminal as its serial console.

At a terminal every key goes to the machine, Ctrl-C and one Ctrl-] too; a second Ctrl-] right behind it ends QEMU.
Otherwise standard input is held back until dom0's prompt or its guest's console has appeared, because a serial port that
nobody has set up yet drops characters, and its end does not end the machine. The exit status is QEMU's: 0 when the
machine has powered off; with a guest, 1 unless it has switched itself off."""

import argparse
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import termios

from guest import CONFIG, Guest, GuestError, mebibytes, quote
from qemu import Machine, choose_accel, die_with_parent

READY = (b"dom0# ", b"run: the guest's console")  # dom0 listens
GOOD_ENDS = (b"run: the guest has ended: poweroff", b"run: the guest has ended: reboot")
LEAVE = b"\x1d"  # Ctrl-]
TAIL = 4096  # bytes of output that are kept


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hv", required=True)
    parser.add_argument("--elf", help="the hypervisor with its symbols, for the debugger")
    parser.add_argument("--module", action="append", default=[], help="a path, or a path and its arguments")
    parser.add_argument("--append", default="")
    parser.add_argument("--iso")
    parser.add_argument("--uefi", action="store_true")
    parser.add_argument("--cpus", default="1")
    parser.add_argument("--mem", default="1G")
    parser.add_argument("--machine", default="q35")
    parser.add_argument("--gdb-port", type=int, default=0)
    parser.add_argument("--build", default="build")
    parser.add_argument("--qemu", default="", help="further arguments for QEMU")
    parser.add_argument("--guest", default="", help="the kernel of a guest that dom0 makes and stays with")
    parser.add_argument("--guest-cfg", default="", help="lines of its configuration")
    parser.add_argument("--guest-ramdisk", default="")
    parser.add_argument("--guest-args", default="", help="its command line")
    parser.add_argument("--guest-mem", default="")
    parser.add_argument("--guest-vcpus", default="")
    parser.add_argument("--folder", action="append", default=[], help="where the guest's files are looked for")
    return parser.parse_args()


class RawTerminal:
    """While it is entered, keys arrive one by one and none is special; output is as before."""

    def __init__(self, fd):
        self.fd = fd if os.isatty(fd) else None

    def __enter__(self):
        if self.fd is not None:
            self.saved = termios.tcgetattr(self.fd)
            mode = termios.tcgetattr(self.fd)
            mode[0] &= ~(termios.ICRNL | termios.IXON | termios.INLCR)
            mode[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self.fd, termios.TCSADRAIN, mode)
        return self

    def __exit__(self, *_):
        if self.fd is not None:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self.saved)


class Relay:
    """Copies bytes between our standard streams and the machine's serial port."""

    def __init__(self, process, interactive):
        self.process = process
        self.interactive = interactive
        self.reading = interactive  # is our standard input being read?
        self.started = interactive  # does dom0 listen?
        self.leaving = False  # was the last key Ctrl-]?
        self.tail = b""  # the end of the output
        self.pending = b""  # input that the machine has not taken yet

    def run(self):
        """Returns True when the machine has ended, False when a person has left it."""
        out, into = self.process.stdout.fileno(), self.process.stdin.fileno()
        os.set_blocking(into, False)
        while True:
            sources = [out] + ([0] if self.reading and not self.pending else [])
            ready, writable, _ = select.select(sources, [into] if self.pending else [], [])
            if out in ready and not self._output(os.read(out, 65536)):
                return True
            if 0 in ready and not self._input(os.read(0, 4096)):
                return False
            if into in writable:
                self.pending = self.pending[self._write(into):]

    def _write(self, into):
        try:
            return os.write(into, self.pending)
        except BrokenPipeError:
            return len(self.pending)

    def _output(self, data):
        os.write(1, data)
        self.tail = (self.tail + data)[-TAIL:]
        if not self.started and any(text in self.tail for text in READY):
            self.reading = self.started = True
        return len(data) > 0

    def _input(self, data):
        if self.interactive and LEAVE + LEAVE in (LEAVE if self.leaving else b"") + data:
            return False
        self.leaving = data.endswith(LEAVE)
        if not data:
            self.reading = False
        self.pending += data
        return True

    def guest_ended_well(self):
        return any(text in self.tail for text in GOOD_ENDS)


def entry_of(elf):
    header = subprocess.run(["readelf", "-h", elf], capture_output=True, text=True, check=True).stdout
    return int(next(line.split()[-1] for line in header.splitlines() if "Entry point" in line), 16)


def gdb_script(path, options):
    """Writes what a debugger needs to stop at the hypervisor's first instruction. That one runs at its physical address,
    which is the entry in the 32-bit container; so the symbols are loaded a second time, shifted to there."""
    virtual, physical = entry_of(options.elf), entry_of(options.hv)
    with open(path, "w", encoding="ascii") as file:
        file.write(f"set confirm off\nfile {options.elf}\n")
        file.write(f"add-symbol-file {options.elf} -o {(physical - virtual) % 2**64:#x}\n")
        file.write("set architecture i386:x86-64\n")
        file.write(f"target remote 127.0.0.1:{options.gdb_port}\nthbreak *{physical:#x}\ncontinue\n")


def banner(options, accel):
    print(f"QEMU: {options.machine}, {options.cpus} CPU(s), {options.mem}, {accel}"
          + (", CD image" if options.iso else "") + (", UEFI" if options.uefi else ""))  # fmt: skip
    if options.gdb_port:
        print(f"The machine waits for a debugger. In another terminal:  gdb -x {options.build}/gdbinit")
    if os.isatty(0):
        print("Leave with `poweroff` at the prompt, or by Ctrl-] twice at any time.")
    sys.stdout.flush()


def prepare_guest(options):
    """The guest that was asked for, or None."""
    if not options.guest and not options.guest_cfg:
        return None
    if options.iso:
        raise GuestError("GUEST= and ISO=1 do not go together: the CD image holds dom0's own files only")
    guest = Guest(options.folder or [os.getcwd()])
    if options.guest_cfg:
        guest.add_config(options.guest_cfg)
    if options.guest:
        guest.set("kernel", quote(guest.take(options.guest)))
    if options.guest_ramdisk:
        guest.set("ramdisk", quote(guest.take(options.guest_ramdisk)))
    if options.guest_args:
        guest.set("cmdline", quote(options.guest_args))
    if options.guest_mem:
        guest.set("memory", mebibytes(options.guest_mem))
    if options.guest_vcpus:
        guest.set("vcpus", options.guest_vcpus)
    guest.add_defaults()
    return guest


def machine_of(options, guest, accel, scratch):
    modules = [tuple((module + " ").split(" ", 1)) for module in options.module]
    if guest:
        (kernel, text), (base, _) = modules
        archive = os.path.join(scratch, "initrd.tar")
        guest.write_archive(base, archive)
        modules = [(kernel, f"{text} guest={CONFIG}".strip()), (archive, "")]
    return Machine(
        kernel=options.hv, append=options.append, iso=options.iso, uefi=options.uefi, accel=accel,
        modules=modules, cpus=options.cpus, machine=options.machine, memory=options.mem, gdb_port=options.gdb_port,
        reboot=not guest, serial="stdio,signal=off",
        extra=(guest.qemu() if guest else []) + shlex.split(options.qemu),
    )  # fmt: skip


def run(machine, scratch, guest):
    process = subprocess.Popen(machine.command(scratch), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               preexec_fn=die_with_parent)  # fmt: skip
    relay = Relay(process, os.isatty(0))
    try:
        with RawTerminal(0):
            ended = relay.run()
    except (KeyboardInterrupt, BrokenPipeError):
        process.kill()
        return 130
    if not ended:
        process.kill()
        return 0
    status = process.wait()
    return status or int(bool(guest) and not relay.guest_ended_well())


def main():
    options = parse_arguments()
    accel = choose_accel(os.path.join(options.build, "run", "accel"))
    if options.gdb_port:
        gdb_script(os.path.join(options.build, "gdbinit"), options)
    try:
        guest = prepare_guest(options)
    except GuestError as error:
        print(f"run: {error}", file=sys.stderr)
        return 2
    banner(options, accel)
    with tempfile.TemporaryDirectory() as scratch:
        return run(machine_of(options, guest, accel, scratch), scratch, guest)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
