# SPDX-License-Identifier: MIT
"""The Bochs emulator as a machine for the driver: its own CPU models, BIOS and chip set, beside QEMU's."""

import os
import re
import threading

SCREEN = re.compile(r'Bochs connected to screen "(/dev/pts/\d+)"')

CONFIGURATION = """\
config_interface: textconfig
display_library: term
memory: guest={memory}, host={memory}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model={model}, count={cpus}, ips={ips}, reset_on_triple_fault=0
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
clock: sync=none, time0=utc
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
speaker: enabled=0
com1: enabled=1, mode=file, dev=/dev/stdout
log: {scratch}/bochs.log
panic: action=fatal
"""


def drain(terminal):
    """Reads a terminal to its end. Nobody looks at the machine's screen, and Bochs stops for good when its terminal takes no more."""
    fd = os.open(terminal, os.O_RDONLY | os.O_NOCTTY)
    try:
        while os.read(fd, 65536):
            pass
    except OSError:
        pass  # the emulator has ended
    os.close(fd)


class Bochs:
    """One machine that boots a CD image; serial output appears on standard output, there is no input."""

    def __init__(self, iso, cpus=1, memory=512, model="corei7_skylake_x", ips=50000000):
        self.options = {"iso": iso, "cpus": cpus, "memory": memory, "model": model, "ips": ips}
        self.screen = None

    def command(self, scratch):
        configuration, script = os.path.join(scratch, "bochsrc"), os.path.join(scratch, "script")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(scratch=scratch, **self.options))
        with open(script, "w", encoding="ascii") as file:
            file.write("c\nquit\n")
        return ["bochs-bin", "-q", "-f", configuration, "-rc", script]

    def on_output(self, output):
        """What it has printed up to now: the name of the terminal on which it shows its screen is there early."""
        match = None if self.screen else SCREEN.search(output)
        if match:
            self.screen = threading.Thread(target=drain, args=(match[1],), daemon=True)
            self.screen.start()
