# SPDX-License-Identifier: MIT
"""Makes hostile variants of a good 64-bit ELF kernel by overwriting single header fields."""

import struct

EHDR_FIELDS = {"type": (16, "<H"), "machine": (18, "<H"), "entry": (24, "<Q"), "phoff": (32, "<Q"),
               "phentsize": (54, "<H"), "phnum": (56, "<H")}  # fmt: skip
PHDR_FIELDS = {"type": (0, "<I"), "offset": (8, "<Q"), "vaddr": (16, "<Q"), "paddr": (24, "<Q"), "filesz": (32, "<Q"),
               "memsz": (40, "<Q")}  # fmt: skip
PHDR_SIZE = 56
PT_LOAD, PT_NOTE = 1, 4


class Elf:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())

    def get(self, name):
        offset, form = EHDR_FIELDS[name]
        return struct.unpack_from(form, self.data, offset)[0]

    def set(self, name, value):
        offset, form = EHDR_FIELDS[name]
        struct.pack_into(form, self.data, offset, value)
        return self

    def _segments(self, kind):
        table = [self.get("phoff") + PHDR_SIZE * index for index in range(self.get("phnum"))]
        return [at for at in table if struct.unpack_from("<I", self.data, at)[0] == kind]

    def get_segment(self, name, kind=PT_LOAD, index=0):
        offset, form = PHDR_FIELDS[name]
        return struct.unpack_from(form, self.data, self._segments(kind)[index] + offset)[0]

    def set_segment(self, name, value, kind=PT_LOAD, index=0):
        offset, form = PHDR_FIELDS[name]
        struct.pack_into(form, self.data, self._segments(kind)[index] + offset, value)
        return self

    def poke_entry(self, code):
        """Overwrites the first instructions."""
        at = self.get("entry") - self.get_segment("vaddr") + self.get_segment("offset")
        self.data[at : at + len(code)] = code
        return self

    def without_notes(self):
        """All PT_NOTE segments become PT_NULL, and the section headers go, so that no note can be found by them."""
        for at in self._segments(PT_NOTE):
            struct.pack_into("<I", self.data, at, 0)
        struct.pack_into("<Q", self.data, 40, 0)
        struct.pack_into("<HH", self.data, 60, 0, 0)
        return self

    def replace(self, old, new):
        """Overwrites the only occurrence of some bytes with as many others."""
        assert self.data.count(old) == 1 and len(old) == len(new)
        self.data[:] = self.data.replace(old, new)
        return self

    def write(self, path, size=None):
        with open(path, "wb") as file:
            file.write(self.data[:size])
        return path
