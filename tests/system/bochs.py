# SPDX-License-Identifier: MIT
"""The Bochs emulator as a machine for the driver: its own CPU models, BIOS and chip set, beside QEMU's."""

import os

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


class Bochs:
    """One machine that boots a CD image; serial output appears on standard output, there is no input."""

    def __init__(self, iso, cpus=1, memory=512, model="corei7_skylake_x", ips=50000000):
        self.options = {"iso": iso, "cpus": cpus, "memory": memory, "model": model, "ips": ips}

    def command(self, scratch):
        configuration, script = os.path.join(scratch, "bochsrc"), os.path.join(scratch, "script")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(scratch=scratch, **self.options))
        with open(script, "w", encoding="ascii") as file:
            file.write("c\nquit\n")
        return ["bochs-bin", "-q", "-f", configuration, "-rc", script]
