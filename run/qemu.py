# SPDX-License-Identifier: MIT
"""The QEMU command line for Ryokan (or any multiboot hypervisor): `make run`, the system tests and the
benchmarks all build it here."""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field

OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
PR_SET_PDEATHSIG = 1


@dataclass
class Machine:
    """One emulated PC and what it boots: `kernel` with `modules`, or the CD image `iso`."""

    kernel: str = None
    append: str = ""
    modules: list = field(default_factory=list)  # of (path, arguments)
    iso: str = None
    uefi: bool = False
    machine: str = "q35"
    cpus: int = 1
    memory: str = "1G"
    cpu: str = "max"
    accel: str = "tcg"
    reboot: bool = False  # may the machine reset, or does a reset end QEMU?
    gdb_port: int = 0  # wait at the first instruction for a debugger
    serial: str = "stdio"  # a character device's definition without its id
    extra: list = field(default_factory=list)

    def command(self, scratch):
        """The argument vector. `scratch` is a folder for files that the machine writes."""
        args = ["qemu-system-x86_64", "-accel", self.accel, "-cpu", self.cpu, "-machine", self.machine]
        args += ["-smp", str(self.cpus), "-m", str(self.memory)]
        args += ["-nodefaults", "-display", "none", "-vga", "none", "-monitor", "none", "-net", "none"]
        args += ["-chardev", f"{self.serial},id=com1", "-serial", "chardev:com1"]
        args += [] if self.reboot else ["-no-reboot"]
        args += ["-gdb", f"tcp:127.0.0.1:{self.gdb_port}", "-S"] if self.gdb_port else []
        args += self._boot() + (self._uefi(scratch) if self.uefi else [])
        return args + self.extra

    def _boot(self):
        if self.iso:
            return ["-cdrom", self.iso, "-boot", "d"]
        args = ["-kernel", self.kernel, "-append", self.append]
        if self.modules:
            lines = [f"{path} {text}".strip().replace(",", ",,") for path, text in self.modules]
            args += ["-initrd", ",".join(lines)]
        return args

    def _uefi(self, scratch):
        variables = os.path.join(scratch, "OVMF_VARS.fd")
        shutil.copyfile(OVMF_VARS, variables)
        return [
            "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF_CODE}",
            "-drive", f"if=pflash,unit=1,format=raw,file={variables}",
        ]  # fmt: skip


def die_with_parent():
    """Runs in a child before exec: no emulator outlives the program that started it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def kvm_works():
    """Whether KVM really runs a guest here: /dev/kvm may exist and still be of no use. The guest is a ROM
    whose reset vector writes 0x10 to the debug-exit device, which ends QEMU with status 0x21."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    rom = bytearray(b"\xf4" * 0x10000)
    rom[0xFFF0:0xFFF5] = b"\xb0\x10\xe6\xf4\xf4"  # mov $0x10, %al; out %al, $0xf4; hlt
    with tempfile.NamedTemporaryFile() as file:
        file.write(rom)
        file.flush()
        args = ["qemu-system-x86_64", "-accel", "kvm", "-cpu", "max", "-machine", "q35", "-nodefaults",
                "-display", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-bios", file.name]  # fmt: skip
        try:
            done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, timeout=5, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0x21


def choose_accel(cache):
    """KVM when it works, else TCG. The answer is remembered in the file `cache` until the next boot of the host."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    try:
        with open(cache, encoding="ascii") as file:
            known_boot, accel = file.read().split()
        if known_boot == boot:
            return accel
    except (OSError, ValueError):
        pass
    accel = "kvm" if kvm_works() else "tcg"
    os.makedirs(os.path.dirname(cache), exist_ok=True)
    with open(cache, "w", encoding="ascii") as file:
        file.write(f"{boot} {accel}\n")
    return accel
