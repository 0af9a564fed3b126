# SPDX-License-Identifier: MIT
"""What the boot cannot use is refused with one line that says what and where: no reset loop, no silent hang."""

import os
import tarfile
import tempfile

from driver import CONSOLE, DOM0, INITRD, PROMPT, boot, check, power_off, test
from elf_damage import Elf

STOPS = r"The machine stops here\."


def refused(name, message, **options):
    """Boots; the hypervisor says `message` in its one line and stops. The line comes once: the machine was not reset."""
    with boot(name, reboot=True, **options) as session:
        session.expect(r"\*\*\* Ryokan cannot go on: .*" + message)
        session.expect(STOPS)
        check(session.output.count("cannot go on") == 1, "the machine was reset:\n" + session.tail(40))


def refused_kernel(name, elf, message, size=None):
    with tempfile.TemporaryDirectory() as folder:
        path = elf.write(os.path.join(folder, "dom0.elf"), size)
        refused(name, "dom0 cannot be built: .*" + message, modules=[(path, ""), (INITRD, "")])


@test
def no_dom0():
    """What: a boot without modules is refused. Why: the commonest mistake at the loader's prompt.
    Method: no -initrd. Expected: a line that says how to give a dom0."""
    refused("no_dom0", "no dom0: give its kernel as the first boot module", modules=[])


@test
def dom0_is_no_elf():
    """What: a kernel that is no ELF file is refused. Why: the modules may be swapped.
    Method: the archive as dom0's kernel, of which the first file is taken. Expected: `not an ELF file`."""
    refused("dom0_is_no_elf", "not an ELF file", modules=[(INITRD, "")])


@test
def boot_archive_damaged():
    """What: an archive of boot modules that was cut is refused. Why: a file in it would reach beyond the module, into other memory. Method: an archive with dom0,
    of which the last 64 KiB are missing. Expected: a line that says so."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "modules.tar")
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            archive.add(DOM0, "dom0.elf")
        os.truncate(path, os.path.getsize(path) - 65536)
        refused("boot_archive_damaged", "the boot archive is damaged", modules=[(path, "")])


@test
def dom0_truncated():
    """What: a kernel cut in the middle is refused. Why: an incomplete download or disk.
    Method: the first half of dom0.elf's first segment. Expected: the segment that reaches beyond the file's end."""
    elf = Elf(DOM0)
    size = elf.get_segment("offset") + elf.get_segment("filesz") // 2
    refused_kernel("dom0_truncated", elf, "reach(es)? beyond the file's end", size)


@test
def dom0_cut_in_the_header():
    """What: a file of 40 bytes is refused. Why: reads before the size check would leave the module.
    Method: the first 40 bytes of dom0.elf. Expected: `too few for an ELF header`."""
    refused_kernel("dom0_cut_in_the_header", Elf(DOM0), "40 bytes are too few for an ELF header", 40)


@test
def dom0_program_headers_outside():
    """What: program headers outside of the file are refused. Why: an offset that wraps must not pass the check.
    Method: e_phoff = 2^64 - 8. Expected: `program headers ... beyond the file's end`."""
    elf = Elf(DOM0).set("phoff", 2**64 - 8)
    refused_kernel("dom0_program_headers_outside", elf, "program headers at offset .* beyond the file's end")


@test
def dom0_other_machine():
    """What: a kernel for another CPU is refused. Method: e_machine = 183 (AArch64). Expected: the number is named."""
    refused_kernel("dom0_other_machine", Elf(DOM0).set("machine", 183), "ELF machine 183")


@test
def dom0_absurd_size():
    """What: a segment of 2^60 bytes is refused. Why: sizes that no memory can hold, and sums that wrap.
    Method: p_memsz = 2^60. Expected: the segment and its size."""
    elf = Elf(DOM0).set_segment("memsz", 2**60)
    refused_kernel("dom0_absurd_size", elf, "ELF segment .* 0x1000000000000000 bytes")


@test
def dom0_overlapping_segments():
    """What: two segments at the same place are refused. Why: the second would overwrite the first, silently.
    Method: the second loadable segment gets the first one's p_paddr. Expected: both are named."""
    elf = Elf(DOM0)
    elf.set_segment("paddr", elf.get_segment("paddr"), index=1)
    refused_kernel("dom0_overlapping_segments", elf, "overlap")


@test
def dom0_without_notes():
    """What: an ELF file without Xen's notes is refused. Why: any Linux program is such a file.
    Method: PT_NOTE and section headers removed. Expected: `not a Xen kernel`."""
    refused_kernel("dom0_without_notes", Elf(DOM0).without_notes(), "not a Xen kernel")


@test
def dom0_other_loader():
    """What: a kernel for another Xen is refused. Method: the note XEN_VERSION becomes xen-9.9.
    Expected: the note and its value are named."""
    note = b"\x04\0\0\0\x08\0\0\0\x05\0\0\0Xen\0"
    elf = Elf(DOM0).replace(note + b"xen-3.0\0", note + b"xen-9.9\0")
    refused_kernel("dom0_other_loader", elf, "XEN_VERSION is 'xen-9.9'")


@test
def dom0_entry_outside():
    """What: an entry point outside of the image is refused. Method: e_entry and the note differ in what they may be, so the
    note's 8 bytes are overwritten. Expected: the entry and the image's bounds."""
    elf = Elf(DOM0)
    entry = elf.get("entry").to_bytes(8, "little")
    note = b"\x04\0\0\0\x08\0\0\0\x01\0\0\0Xen\0" + entry
    elf.replace(note, note[:16] + (0x7FFF00000000).to_bytes(8, "little"))
    refused_kernel("dom0_entry_outside", elf, "entry 0x7fff00000000 lies outside its image")


@test
def too_little_memory():
    """What: a machine whose memory holds no dom0 is refused. Why: dom0 must not start and die of it.
    Method: dom0_mem=1M. Expected: what dom0 needs, in KiB."""
    refused("too_little_memory", "dom0 cannot be built: its memory of 1024 KiB is too small", append=CONSOLE + " dom0_mem=1M")


@test
def dom0_memory_larger_than_the_machine():
    """What: more memory for dom0 than the machine has is refused. Method: dom0_mem=8G on 512 MiB. Expected: both figures."""
    refused("dom0_memory_larger_than_the_machine", "dom0 cannot be built: .*the machine has only", memory="512M",
            append=CONSOLE + " dom0_mem=8G")  # fmt: skip


@test
def machine_of_6_mib():
    """What: a machine too small for dom0 is refused. Method: -m 6M. Expected: what dom0 would get, and what it needs."""
    refused("machine_of_6_mib", r"dom0 cannot be built: its memory of \d+ KiB is too small", memory="6M")


@test
def machine_of_4_mib():
    """What: a machine in which the modules do not even fit is refused. Method: -m 4M. Expected: the module that lies outside."""
    refused("machine_of_4_mib", "boot module 0 lies outside of RAM", memory="4M")


@test
def cpu_without_nx():
    """What: a CPU without NX is refused. Why: the hypervisor's W^X rests on it.
    Method: -cpu max,-nx. Expected: the missing feature is named."""
    refused("cpu_without_nx", "NX", cpu="max,-nx")


@test
def unknown_option():
    """What: unknown options and bad values are reported, and the boot goes on. Why: a typing error must not be silent.
    Method: `frobnicate=1 loglvl=loud dom0_mem=64M,max:lots`. Expected: all are named, those with bad values with the accepted form; the prompt comes."""
    with boot("unknown_option", append=CONSOLE + " frobnicate=1 loglvl=loud dom0_mem=64M,max:lots") as session:
        session.expect("frobnicate")
        session.expect("loglvl=.*loglvl=<")
        session.expect("dom0_mem=64M,max:lots.*dom0_mem=SIZE")
        session.expect(PROMPT)
        power_off(session)
