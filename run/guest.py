# SPDX-License-Identifier: MIT
"""What `make run GUEST=` takes along: an archive for dom0 with the guest's configuration and the files it names, and its
disks as drives of the machine. The configuration is the lines of GUEST_CFG, so that messages name the right ones, and
behind them the other variables: in xl.cfg's syntax a later setting replaces an earlier one."""

import os
import re
import tarfile

FOLDER = "guest"
CONFIG = f"/{FOLDER}/guest.cfg"
DEFAULTS = {"name": '"guest"', "memory": 256}
# A setting that holds a path, up to the quotation mark and from the next on; and a list of disks.
PATH = re.compile(r"""((?:^|;)\s*(?:kernel|ramdisk)\s*=\s*)(["'])(.*?)\2""", re.M)
DISKS = re.compile(r"(?:^|;)\s*disk\s*\+?=\s*\[(.*?)\]", re.M | re.S)
STRING = re.compile(r"""(["'])(.*?)\1""")


class GuestError(Exception):
    """What was asked for cannot be run; the text says why."""


def mebibytes(text):
    """256M, 1G, 262144K or plain MiB as a number of MiB."""
    match = re.fullmatch(r"(\d+)([KMG]?)", text)
    if not match:
        raise GuestError(f"GUEST_MEM={text} is no size: say 256M or 1G")
    number, unit = int(match[1]), match[2]
    return number >> 10 if unit == "K" else number << 10 if unit == "G" else number


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Guest:
    """The configuration, and the host files that it needs."""

    def __init__(self, folders):
        self.folders = folders  # where relative paths are looked for
        self.files = {}  # path in the archive: path on the host
        self.drives = []  # paths on the host, each a drive vda, vdb, ...
        self.config = ""

    def host_path(self, path, folders=()):
        for folder in [*folders, *self.folders]:
            candidate = os.path.join(folder, path)
            if os.path.isfile(candidate):
                return candidate
        raise GuestError(f"{path}: there is no such file")

    def take(self, path, folders=()):
        """The path by which dom0 finds the host's file."""
        host = self.host_path(path, folders)
        name = f"{FOLDER}/{len(self.files)}-{os.path.basename(host)}"[:90]
        self.files[name] = host
        return "/" + name

    def add_disk(self, spec, folders):
        """One disk of the configuration: a file of the host becomes a drive of the machine."""
        match = re.match(r"(?:(?:phy|file|tap|raw):)?([^,=]+),", spec) or re.search(r"target=(.+)$", spec)
        if not match:
            return spec
        self.drives.append(self.host_path(match[1], folders))
        device = f"vd{chr(ord('a') + len(self.drives) - 1)}"
        return re.sub(r"^(?:phy|file|tap|raw):", "phy:", spec[: match.start(1)]) + device + spec[match.end(1):]

    def add_config(self, path):
        host = self.host_path(path)
        folders = [os.path.dirname(host)]
        with open(host, encoding="utf-8") as file:
            text = file.read()

        def disk_list(match):
            return STRING.sub(lambda m: quote(self.add_disk(m[2], folders)), match[0])

        text = PATH.sub(lambda m: m[1] + quote(self.take(m[3], folders)), text)
        self.config += DISKS.sub(disk_list, text) + "\n"

    def has(self, key):
        return re.search(rf"(?:^|;)\s*{key}\s*=", self.config, re.M) is not None

    def add_defaults(self):
        for key, value in DEFAULTS.items():
            if not self.has(key):
                self.set(key, value)

    def set(self, key, value):
        self.config += f"{key} = {value}\n"

    def write_archive(self, base, out):
        """dom0's archive `base` and ours, as the file `out`."""
        config = out + ".cfg"
        with open(config, "w", encoding="utf-8") as file:
            file.write(self.config)
        with open(base, "rb") as source, open(out, "wb") as target:
            target.write(source.read())
        with tarfile.open(out, "a", format=tarfile.USTAR_FORMAT) as archive:
            for name, host in [(CONFIG[1:], config), *self.files.items()]:
                archive.add(host, name)

    def qemu(self):
        """Arguments that give the machine the drives."""
        args = []
        for number, path in enumerate(self.drives):
            escaped = path.replace(",", ",,")
            args += ["-drive", f"if=none,id=guest{number},format=raw,file={escaped}"]
            args += ["-device", f"virtio-blk-pci,drive=guest{number}"]
        return args
