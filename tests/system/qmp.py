# SPDX-License-Identifier: MIT
"""The machine protocol of a running emulator (QMP)."""

import json
import os
import socket
import tempfile

from driver import check


class Qmp:
    """with Qmp() as monitor: a machine whose arguments contain monitor.arguments takes its commands."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ryokan-qmp-")
        self.socket = os.path.join(self.folder.name, "qmp")
        self.arguments = ["-qmp", f"unix:{self.socket},server=on,wait=off"]
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def command(self, name, /, **arguments):
        """One command to the emulator; returns its answer."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(30)
            link.connect(self.socket)
            stream = link.makefile("rw")
            stream.readline()
            for line in ({"execute": "qmp_capabilities"}, {"execute": name, "arguments": arguments}):
                stream.write(json.dumps(line) + "\n")
                stream.flush()
                answer = json.loads(stream.readline())
                while "event" in answer:
                    answer = json.loads(stream.readline())
            check("return" in answer, f"QEMU says {answer}")
            return answer["return"]

    def pull_out(self, model):
        """Switches the registers of the PCI device of that (vendor, device) off, as if it were not there any more."""
        for function in self.command("query-pci")[0]["devices"]:
            if (function["id"]["vendor"], function["id"]["device"]) == model:
                for line in (f"o/w 0xcf8 {0x80000004 | function['slot'] << 11 | function['function'] << 8:#x}", "o/h 0xcfc 0x400"):
                    self.command("human-monitor-command", **{"command-line": line})
