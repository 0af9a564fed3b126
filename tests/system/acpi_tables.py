# SPDX-License-Identifier: MIT
"""ACPI tables of our own making for QEMU: with the machine's own ones off, SeaBIOS places what the fw_cfg files
etc/acpi/tables, etc/acpi/rsdp and etc/table-loader say, and nobody checks what is in them."""

import os
import struct

HEADER = 36
TABLES, RSDP, LOADER = "etc/acpi/tables", "etc/acpi/rsdp", "etc/table-loader"
ALLOCATE, ADD_POINTER, ADD_CHECKSUM = 1, 2, 3
ZONE_HIGH, ZONE_FSEG = 1, 2


def table(signature, body, revision=1):
    """A table with a right length; the checksum is made by the loader, after the addresses are known."""
    header = signature.encode() + struct.pack("<IBB6s8sI4sI", HEADER + len(body), revision, 0, b"RYOKAN", b"DAMAGED ", 1,
                                              b"TEST", 1)  # fmt: skip
    return bytearray(header + body)


def lapic(apic_id, length=8):
    return struct.pack("<BBBBI", 0, length, apic_id, apic_id, 1)


def ioapic(address=0xFEC00000, gsi_base=0):
    return struct.pack("<BBBBII", 1, 12, 0, 0, address, gsi_base)


def override(isa, gsi, flags=0):
    return struct.pack("<BBBBIH", 2, 10, 0, isa, gsi, flags)


def madt(*entries):
    return table("APIC", struct.pack("<II", 0xFEE00000, 1) + b"".join(entries), 3)


def good_madt():
    return madt(lapic(0), lapic(1), ioapic(), override(0, 2))


def hpet(address=0xFED00000):
    return table("HPET", struct.pack("<IBBBBQBHB", 0x8086A201, 0, 0, 0, 0, address, 0, 100, 0))


def fadt():
    """What power-off needs: PM1a control at 0x604 (where SeaBIOS puts it) and the DSDT, whose address is filled in."""
    body = bytearray(244 - HEADER)
    struct.pack_into("<H", body, 46 - HEADER, 9)
    struct.pack_into("<I", body, 64 - HEADER, 0x604)
    return table("FACP", bytes(body), 3)


def dsdt(aml=b"\x08_S5_\x12\x06\x04\x00\x00\x00\x00"):
    return table("DSDT", aml, 1)


class Tables:
    """An RSDT with the given tables, as fw_cfg files. `damage` maps an index in `tables` to a function that changes the
    finished table (no checksum is made for it then)."""

    def __init__(self, tables, rsdt_extra=b"", bad_checksum=()):
        self.blob, self.loader, self.bad_checksum = bytearray(), bytearray(), bad_checksum
        self._allocate(TABLES, 64, ZONE_HIGH)
        self._allocate(RSDP, 16, ZONE_FSEG)
        places = [self._append(t) for t in tables]
        dsdts = [p for p, t in zip(places, tables) if t[:4] == b"DSDT"]
        for place, t in zip(places, tables):
            if t[:4] == b"FACP" and dsdts:
                self._pointer(TABLES, place + 40, dsdts[0])
        listed = [p for p, t in zip(places, tables) if t[:4] != b"DSDT"]
        root = self._append(table("RSDT", bytes(4 * len(listed)) + rsdt_extra))
        for i, place in enumerate(listed):
            self._pointer(TABLES, root + HEADER + 4 * i, place)
        for place, t in zip(places + [root], list(tables) + [b"RSDT"]):
            self._checksum(place, bytes(t[:4]).decode())
        self.rsdp = bytearray(b"RSD PTR " + bytes([0]) + b"RYOKAN" + bytes([0]) + struct.pack("<I", root))
        self._command(ADD_POINTER, RSDP.encode().ljust(56, b"\0") + TABLES.encode().ljust(56, b"\0") +
                      struct.pack("<IB", 16, 4))  # fmt: skip
        self._command(ADD_CHECKSUM, RSDP.encode().ljust(56, b"\0") + struct.pack("<III", 8, 0, 20))

    def _command(self, number, data):
        self.loader += (struct.pack("<I", number) + data).ljust(128, b"\0")

    def _allocate(self, file, align, zone):
        self._command(ALLOCATE, file.encode().ljust(56, b"\0") + struct.pack("<IB", align, zone))

    def _append(self, t):
        place = len(self.blob)
        self.blob += t
        self.blob += bytes(-len(self.blob) % 8)
        return place

    def _pointer(self, file, offset, target):
        struct.pack_into("<I", self.blob, offset, target)
        self._command(ADD_POINTER, file.encode().ljust(56, b"\0") + TABLES.encode().ljust(56, b"\0") +
                      struct.pack("<IB", offset, 4))  # fmt: skip

    def _checksum(self, place, signature):
        """Over the length that the table really has in the blob's header, as far as it lies in the blob."""
        length = struct.unpack_from("<I", self.blob, place + 4)[0]
        if signature in self.bad_checksum or place + length > len(self.blob):
            self.blob[place + 9] = 0x5A
            return
        self._command(ADD_CHECKSUM, TABLES.encode().ljust(56, b"\0") + struct.pack("<III", place + 9, place, length))

    def arguments(self, folder):
        """Writes the files; QEMU's arguments."""
        args = []
        for name, data in ((TABLES, self.blob), (RSDP, self.rsdp), (LOADER, self.loader)):
            path = os.path.join(folder, name.replace("/", "_"))
            with open(path, "wb") as file:
                file.write(data)
            args += ["-fw_cfg", f"name={name},file={path}"]
        return args
