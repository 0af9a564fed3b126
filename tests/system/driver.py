# SPDX-License-Identifier: MIT
"""Drives one emulated machine by its serial port: start it, wait for text, send text, end it.

A system test is a function with @test and a docstring (what, why, method, expected); its name is the test's name.
It raises Failure, or lets a helper raise it, when something is not as expected; Skip when this machine cannot show it."""

import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "run"))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
from qemu import Machine, die_with_parent  # noqa: E402

BUILD = os.path.join(ROOT, "build")
HV = os.path.join(BUILD, "hv", "ryokan")
DOM0 = os.path.join(BUILD, "dom0", "dom0.elf")
INITRD = os.path.join(BUILD, "dom0", "initrd.tar")
ISO = os.path.join(BUILD, "ryokan.iso")
XEN = os.path.join(BUILD, "debs", "xen-4.17")
LOGS = os.path.join(BUILD, "test")

CONSOLE = "com1=115200,8n1 console=com1"
PROMPT = r"dom0# $"
# What is typed is echoed character by character; the hypervisor may print lines of its own or of other domains between any two of them.
OTHERS_LINES = r"(?:\n(?:\(RYO\) .*\n)+)*"
STOPPED = "The machine stops here. Reset it by hand.\n"
# TCG runs SMAP wrongly where a guest returns with a native iretq (Linux, and the tests on real Xen).
TCG_CPU = "max,-smap"
# For hardware guests on several CPUs: TCG's threads break the state of SVM (docs/caveats.md), so one runs all CPUs in turn.
SVM_ACCEL = "tcg,thread=single"

tests = {}


class Failure(Exception):
    """What was expected did not happen."""


class Skip(Exception):
    """This host cannot show it."""


def test(function):
    """Registers a system test under its function's name."""
    assert function.__doc__, f"{function.__name__} has no docstring"
    tests[function.__name__] = function
    return function


def check(condition, message):
    if not condition:
        raise Failure(message)


class Session:
    """A running emulator and everything that its serial port has printed. No wait is longer than `lifetime`
    seconds after the start; leaving the `with` block kills the emulator."""

    def __init__(self, machine, name, lifetime=180):
        self.machine, self.name, self.lifetime = machine, name, lifetime
        self.output = ""  # everything so far
        self.position = 0  # the end of what expect() has consumed
        self.closed = False  # the emulator has closed its output

    def __enter__(self):
        os.makedirs(LOGS, exist_ok=True)
        self.scratch = tempfile.TemporaryDirectory(prefix="ryokan-")
        self.log = open(os.path.join(LOGS, self.name + ".log"), "wb")
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            self.machine.command(self.scratch.name), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=ROOT, preexec_fn=die_with_parent)  # fmt: skip
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.selector.close()
        self.scratch.cleanup()

    def _read(self, deadline):
        """Takes in more output; False when the emulator has ended or the deadline has passed."""
        if not self.selector.select(max(0, deadline - time.monotonic())):
            return False
        data = os.read(self.process.stdout.fileno(), 65536)
        self.log.write(data)
        self.log.flush()
        self.output += data.decode("latin-1").replace("\r", "")
        self.closed = not data
        if hasattr(self.machine, "on_output"):
            self.machine.on_output(self.output)
        return len(data) > 0

    def _deadline(self, timeout):
        end = self.start + self.lifetime
        return min(end, time.monotonic() + timeout) if timeout else end

    def expect(self, pattern, timeout=None):
        """Waits for the regular expression in what has not been consumed yet; returns the match."""
        expression, deadline = re.compile(pattern, re.M), self._deadline(timeout)
        while True:
            match = expression.search(self.output, self.position)
            if match:
                self.position = match.end()
                return match
            # Nothing comes after this line, so there is nothing to wait for.
            if STOPPED in self.output[self.position:] or not self._read(deadline):
                raise Failure(f"no /{pattern}/ after {time.monotonic() - self.start:.1f} s, {self.state()}; the end of "
                              "the output:\n" + self.tail())  # fmt: skip

    def state(self):
        """Whether the emulator runs, or how it ended."""
        try:
            status = self.process.wait(10 if self.closed else 0)  # it closes its output a moment before it has ended
        except subprocess.TimeoutExpired:
            return "the emulator runs"
        if status < 0:
            return f"the emulator was killed by {signal.Signals(-status).name}"
        return f"the emulator ended with status {status}"

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def command_line(self, line, prompt=PROMPT, timeout=None):
        """Types a line at dom0's prompt; returns what it printed before the next prompt."""
        before = self.position
        self.send(line + "\r")
        self.expect(OTHERS_LINES.join(map(re.escape, line)) + r"\s*\n", timeout)
        self.expect(prompt, timeout)
        return self.output[before:self.position]

    def wait_exit(self, timeout=None):
        """Waits for the emulator to end by itself; returns its status."""
        deadline = self._deadline(timeout)
        while self._read(deadline):
            pass
        try:
            return self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failure(f"the machine still runs after {time.monotonic() - self.start:.1f} s; the end of the "
                          "output:\n" + self.tail()) from None  # fmt: skip

    def tail(self, lines=15):
        return "\n".join("    | " + line for line in self.output.splitlines()[-lines:])


def until_none_is_dying(session):
    """A domain whose command to end has returned is listed, in state `d`, and has its memory, until dom0's daemons have let go
    of its rings."""
    while re.search(r"^\S+ +\d+ +\d+ +\d+ +\S{5}d ", session.command_line("xl list"), re.M):
        pass


def free_kib(session):
    """KiB of the machine that are free when no domain is dying."""
    until_none_is_dying(session)
    return int(re.search(r"^machine +\d+ +\d+ +(\d+)", session.command_line("mem"), re.M)[1])


def dom0_files(name, files):
    """dom0's archive with further files, {path in it: file on the host}; returns the path of the new one."""
    path = os.path.join(LOGS, name + ".tar")
    os.makedirs(LOGS, exist_ok=True)
    shutil.copy(INITRD, path)
    with tarfile.open(path, "a", format=tarfile.USTAR_FORMAT) as archive:
        for inside, outside in files.items():
            archive.add(outside, inside)
    return path


def boot(name, lifetime=180, **options):
    """A Session with a Machine of these options (see qemu.py); the hypervisor and dom0 unless others are named."""
    if "iso" not in options:
        options.setdefault("kernel", HV)
        options.setdefault("append", CONSOLE)
        if options["kernel"] == HV:
            options.setdefault("modules", [(DOM0, ""), (INITRD, "")])
    return Session(Machine(**options), name, lifetime)


def power_off(session):
    """From the prompt: the machine powers off and the emulator ends well."""
    session.send("poweroff\r")
    check(session.wait_exit() == 0, f"{session.state()}:\n" + session.tail())
