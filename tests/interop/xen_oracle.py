# SPDX-License-Identifier: MIT
"""Real Xen 4.17 with Linux and `xl` as its control domain: what our toolstack, our guests and our figures are compared with.

    with oracle("name", files={"guest/vmlinuz": LINUX_CLOUD}) as xen:
        xen.run("xl info")                       # one shell line in dom0: its output; Failure if its status is not 0
        xen.create('name="g"; type="pv"; kernel="/guest/vmlinuz"; memory=128')
        xen.guest_expect("g", "login:")          # waits for text in a guest's console log
        xen.guest_send("g", "poweroff")          # types a line at its console
        xen.ticks()                              # the time stamp counter: instructions, with instructions=True

`python3 tests/interop/xen_oracle.py [PATH=FILE...]` gives the dom0's shell on the terminal instead."""

import os
import re
import shlex
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
from driver import BUILD, CONSOLE, TCG_CPU, XEN, Failure, Session  # noqa: E402
from initramfs import S_IFDIR, S_IFREG, entry  # noqa: E402
from qemu import Machine  # noqa: E402

DOM0_KERNEL = os.path.join(BUILD, "debs", "vmlinuz")
DOM0_INITRAMFS = os.path.join(BUILD, "interop", "xen-dom0.cpio.gz")
LINUX_CLOUD = os.path.join(BUILD, "debs", "vmlinuz-cloud")
PROMPT = "oracle# "
# Xen drops what is typed ahead of its control domain by more than 128 characters.
LINE_MAX, PIECE = 100, 40
CONSOLE_LOG = "/var/log/xen/console/guest-{}.log"

# For files={"etc/xen/scripts/block": ...}: Debian's hotplug script in short, which needs programs that this user space has not.
BLOCK_SCRIPT = b"""#!/bin/sh
[ "$1" = add ] || exit 0
device=$(xenstore-read $XENBUS_PATH/params)
xenstore-write $XENBUS_PATH/physical-device $(stat -c %t:%T $device) $XENBUS_PATH/hotplug-status connected
"""


def write_initramfs(path, files):
    """The control domain's initramfs with further files ({path in it: file on the host, or bytes}) behind it."""
    folders, archive = set(), b""
    for name, source in files.items():
        parts = name.strip("/").split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            archive += b"" if folder in folders else entry(folder, S_IFDIR | 0o755)
            folders.add(folder)
        if not isinstance(source, bytes):
            with open(source, "rb") as file:
                source = file.read()
        archive += entry("/".join(parts), S_IFREG | 0o755, source)
    with open(path, "wb") as out, open(DOM0_INITRAMFS, "rb") as base:
        data = base.read()
        # An uncompressed archive begins at a multiple of 4 bytes; zeros between archives are passed over.
        out.write(data + bytes(-len(data) % 4) + archive + entry("TRAILER!!!", 0))


class Oracle(Session):
    """A Session with real Xen whose control domain waits for lines."""

    def __enter__(self):
        super().__enter__()
        self.expect(r"oracle: \d+ CPUs")
        self.expect(PROMPT)
        return self

    def _short_line(self, line, timeout=None):
        before = self.position
        self.send(line + "\n")
        end = self.expect(r"oracle: status (\d+)\noracle# ", timeout)
        return self.output[before : end.start()], int(end[1])

    def attempt(self, line, timeout=None):
        """Runs a shell line in the control domain; returns its output and status."""
        if len(line) < LINE_MAX:
            return self._short_line(line, timeout)
        self._short_line(": > /tmp/line")
        for at in range(0, len(line), PIECE):
            self._short_line(f"printf %s {shlex.quote(line[at : at + PIECE])} >> /tmp/line")
        return self._short_line(". /tmp/line", timeout)

    def run(self, line, timeout=None):
        """Runs a shell line that must succeed; returns its output."""
        output, status = self.attempt(line, timeout)
        if status != 0:
            raise Failure(f"`{line}` ended with status {status}:\n{output}")
        return output

    def write(self, path, text):
        """Writes a small text file in the control domain."""
        lines = " ".join(shlex.quote(line) for line in text.strip().split("\n"))
        self.run(f"printf '%s\\n' {lines} > {path}")

    def create(self, config, options=""):
        """Creates a domain from xl.cfg text (settings may be separated by `;`); returns xl's output."""
        self.write("/tmp/guest.cfg", config)
        return self.run(f"xl create {options} /tmp/guest.cfg")

    def guest_expect(self, name, pattern, timeout=60):
        """Waits for an extended regular expression in what the guest has printed on its console; returns all of that. It is looked for from the host, so
        that the control domain sleeps meanwhile."""
        deadline = time.monotonic() + timeout
        while True:
            output, status = self.attempt(f"cat {CONSOLE_LOG.format(name)}")
            if status == 0 and re.search(pattern, output, re.M):
                return output
            if time.monotonic() > deadline:
                raise Failure(f"guest {name}: no /{pattern}/ after {timeout} s:\n{output[-2000:]}")
            time.sleep(0.3)

    def guest_send(self, name, line):
        """Types a line at a guest's console."""
        self.run(f"echo '{line}' > $(xenstore-read /local/domain/$(xl domid {name})/console/tty)")

    def guest_end(self, name):
        """Waits until the guest is gone and returns its console log. The control domain sleeps meanwhile, so that what the guest measures is its own."""
        event = "timeout 10 xenstore-watch -n 2 @releaseDomain >/dev/null"  # it may have gone before the watch was there
        # By a list that was made: under TCG xl itself dies at times, which is no answer.
        gone = f"xl list >/tmp/domains 2>/dev/null && ! grep -q '^{name} ' /tmp/domains"
        self.run(f"until {gone}; do {event} || true; done")
        return self.run(f"cat {CONSOLE_LOG.format(name)}")

    def ticks(self):
        return int(self.run("ticks"))


def machine(initramfs, instructions=False, memory="2G", dom0_memory="640M", words="", xen_words="", extra=(), **options):
    """The emulated PC. With `instructions` virtual time is the number of executed instructions (1 ns each). Otherwise it has no cmpxchg16b, whose flags
    TCG gets wrong: with DF among them Linux copies backwards, and Debian's xl died of a broken heap."""
    extra = list(extra) + (["-icount", "shift=0,sleep=off"] if instructions else [])
    cpu = TCG_CPU if instructions else TCG_CPU + ",-cx16"
    modules = [(DOM0_KERNEL, "console=hvc0 quiet " + words), (initramfs, "")]
    append = f"{CONSOLE} dom0_mem={dom0_memory},max:{dom0_memory} {xen_words}"
    return Machine(kernel=XEN, append=append, modules=modules, memory=memory, cpu=cpu, extra=extra, **options)


def oracle(name, files=None, lifetime=120, **options):
    """An Oracle with these files in its initramfs; further options are those of machine() and Machine."""
    initramfs = os.path.join(BUILD, "interop", name + ".initramfs")
    write_initramfs(initramfs, files or {})
    return Oracle(machine(initramfs, **options), "oracle_" + name, lifetime)


def main():
    initramfs = os.path.join(BUILD, "interop", "shell.initramfs")
    write_initramfs(initramfs, dict(word.split("=", 1) for word in sys.argv[1:]))
    subprocess.run(machine(initramfs).command(os.path.dirname(initramfs)), check=False)


if __name__ == "__main__":
    main()
