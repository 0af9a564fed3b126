/* SPDX-License-Identifier: MIT */
/* The ELF reader: good images load as written; every kind of bad one is refused with its sentence. */
/* unit-sources: hv/lib/elf.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/elf_maker.h"
#include "hv/lib/elf.h"

static char why[ELF_WHY_SIZE];

static bool parse(const struct elf_maker *m, struct elf_image *elf)
{
    strcpy(why, "accepted");
    return elf_parse(elf, m->bytes, m->size, why);
}

static void make_plain(struct elf_maker *m)
{
    maker_init(m, 0x100000);
    maker_segment(m, 0x100000, 0x100, 0x1000);
    maker_segment(m, 0x102000, 0x80, 0x80);
}

static void refused(const struct elf_maker *m, const char *expected)
{
    struct elf_image elf;

    cr_expect_not(parse(m, &elf), "expected: %s", expected);
    cr_expect_str_eq(why, expected, "%s", why);
}

Test(elf, plain_image_is_read_and_loaded)
{
    struct elf_maker m;
    struct elf_image elf;
    uint8_t *mem;

    make_plain(&m);
    cr_assert(parse(&m, &elf), "%s", why);
    cr_expect_eq(elf.nr_segments, 2);
    cr_expect_eq(elf.entry, 0x100000);
    cr_expect_eq(elf.paddr_start, 0x100000);
    cr_expect_eq(elf.paddr_end, 0x102080);

    mem = malloc(0x2080);
    memset(mem, 0xee, 0x2080);
    elf_load(&elf, mem);
    for (unsigned i = 0; i < 0x2080; i++) {
        bool in_first = i < 0x100, in_second = i >= 0x2000;
        uint8_t expected = in_first || in_second ? (uint8_t)((i & 0xff) ^ 0x5a) : 0;

        cr_assert_eq(mem[i], expected, "byte 0x%x", i);
    }
    free(mem);
}

Test(elf, segments_are_sorted_and_empty_ones_ignored)
{
    struct elf_maker m;
    struct elf_image elf;

    maker_init(&m, 0);
    maker_segment(&m, 0x5000, 0x10, 0x10);
    maker_segment(&m, 0x3000, 0, 0);
    maker_segment(&m, 0x1000, 0x10, 0x1000);
    maker_segment(&m, 0x2000, 0x10, 0x3000);
    cr_assert(parse(&m, &elf), "%s", why);
    cr_expect_eq(elf.nr_segments, 3);
    cr_expect_eq(elf.segment[0].paddr, 0x1000);
    cr_expect_eq(elf.segment[1].paddr, 0x2000);
    cr_expect_eq(elf.segment[2].paddr, 0x5000);
}

Test(elf, identity)
{
    struct elf_maker m;

    make_plain(&m);
    m.bytes[1] = 'X';
    refused(&m, "not an ELF file: it begins with 7f 58 4c 46");
    make_plain(&m);
    m.eh.e_ident[EI_CLASS] = 3;
    refused(&m, "ELF class 3, data encoding 1: only little endian (1 or 2, 1) can be loaded");
    make_plain(&m);
    m.eh.e_ident[EI_DATA] = ELFDATA2MSB;
    refused(&m, "ELF class 2, data encoding 2: only little endian (1 or 2, 1) can be loaded");
    make_plain(&m);
    m.eh.e_machine = EM_AARCH64;
    refused(&m, "ELF machine 183: only x86-64 (62), or 32-bit x86 (3), can be loaded");
    make_plain(&m);
    m.eh.e_type = ET_REL;
    refused(&m, "ELF type 1: only executables (2, 3) can be loaded");
    m.eh.e_type = ET_DYN;
    cr_expect(parse(&m, &(struct elf_image){ 0 }));
    m.size = 63;
    refused(&m, "63 bytes are too few for an ELF header");
}

Test(elf, program_header_table)
{
    struct elf_maker m;

    make_plain(&m);
    m.eh.e_phnum = 0;
    refused(&m, "the ELF file has no program headers");
    make_plain(&m);
    m.eh.e_phentsize = 55;
    refused(&m, "ELF program headers of 55 bytes are too small");
    make_plain(&m);
    m.eh.e_phoff = m.size - 111;
    refused(&m, "2 ELF program headers at offset 0x4f91 reach beyond the file's end at 0x5000");
    m.eh.e_phoff = UINT64_MAX - 8;
    refused(&m, "2 ELF program headers at offset 0xfffffffffffffff7 reach beyond the file's end at 0x5000");
    make_plain(&m);
    m.eh.e_phnum = UINT16_MAX;
    refused(&m, "65535 ELF program headers at offset 0x40 reach beyond the file's end at 0x5000");
    make_plain(&m);
    maker_phdr(&m, 0)->p_type = maker_phdr(&m, 1)->p_type = PT_NULL;
    refused(&m, "the ELF file has no loadable segment");
}

Test(elf, segment_contents_must_lie_in_the_file)
{
    struct elf_maker m;

    make_plain(&m);
    maker_phdr(&m, 1)->p_offset = m.size - 0x7f;
    refused(&m, "ELF segment 1 (offset 0x4f81, 0x80 bytes) reaches beyond the file's end at 0x5000");
    maker_phdr(&m, 1)->p_offset = m.size - 0x80;
    cr_expect(parse(&m, &(struct elf_image){ 0 }));
    maker_phdr(&m, 1)->p_offset = UINT64_MAX;
    refused(&m,
            "ELF segment 1 (offset 0xffffffffffffffff, 0x80 bytes) reaches beyond the file's end at 0x5000");
    make_plain(&m);
    maker_phdr(&m, 1)->p_memsz = 0x7f;
    refused(&m, "ELF segment 1 has 0x7f bytes in memory but 0x80 in the file");
    maker_phdr(&m, 1)->p_memsz = 0;
    refused(&m, "ELF segment 1 has 0x0 bytes in memory but 0x80 in the file");
}

Test(elf, absurd_sizes)
{
    struct elf_maker m;

    make_plain(&m);
    maker_phdr(&m, 1)->p_memsz = ELF_MAX_SPAN + 1;
    refused(&m, "ELF segment 1 has 0x40000001 bytes, more than 0x40000000");
    maker_phdr(&m, 1)->p_memsz = UINT64_MAX;
    refused(&m, "ELF segment 1 has 0xffffffffffffffff bytes, more than 0x40000000");
    make_plain(&m);
    maker_phdr(&m, 1)->p_paddr = 0x100000 + ELF_MAX_SPAN;
    refused(&m, "the ELF file's segments span paddr 0x100000 to 0x40100080, more than 0x40000000 bytes");
    make_plain(&m);
    maker_phdr(&m, 1)->p_paddr = UINT64_MAX - 0x10;
    refused(&m, "ELF segment 1 (paddr 0xffffffffffffffef, vaddr 0x102000, 0x80 bytes) wraps around the "
                "address space");
    make_plain(&m);
    maker_phdr(&m, 0)->p_vaddr = UINT64_MAX - 0x10;
    refused(&m, "ELF segment 0 (paddr 0x100000, vaddr 0xffffffffffffffef, 0x1000 bytes) wraps around the "
                "address space");
}

Test(elf, overlaps)
{
    struct elf_maker m;

    make_plain(&m);
    maker_phdr(&m, 1)->p_paddr = 0x100fff;
    refused(&m, "ELF segments at paddr 0x100fff (0x80 bytes) and 0x100000 (0x1000 bytes) overlap");
    maker_phdr(&m, 1)->p_paddr = 0xfff81;
    refused(&m, "ELF segments at paddr 0xfff81 (0x80 bytes) and 0x100000 (0x1000 bytes) overlap");
    maker_phdr(&m, 1)->p_paddr = 0xfff80;
    cr_expect(parse(&m, &(struct elf_image){ 0 }), "touching is not overlapping");
    maker_phdr(&m, 1)->p_paddr = 0x101000;
    cr_expect(parse(&m, &(struct elf_image){ 0 }));
}

Test(elf, number_of_segments)
{
    struct elf_maker m;

    maker_init(&m, 0);
    for (unsigned i = 0; i < ELF_MAX_SEGMENTS; i++)
        maker_segment(&m, 0x1000 * i, 0x10, 0x10);
    cr_expect(parse(&m, &(struct elf_image){ 0 }));
    maker_segment(&m, 0x1000 * ELF_MAX_SEGMENTS, 0x10, 0x10);
    refused(&m, "the ELF file has more than 32 loadable segments");
}

/* A copy of exactly that many bytes, so that any read beyond them is seen. */
static uint8_t *cut(const struct elf_maker *m, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);

    memcpy(copy, m->bytes, size);
    return copy;
}

static bool count_note(void *ctx, const struct elf_note *note)
{
    *(unsigned *)ctx += 1 + (unsigned)(strlen(note->name) == 0);
    for (uint32_t i = 0; i < note->desc_size; i++)
        *(volatile uint8_t *)ctx = *(volatile uint8_t *)ctx + 0 * note->desc[i];
    return true;
}

Test(elf, truncation_at_every_length)
{
    struct elf_maker m;
    size_t accepted = 0;

    make_plain(&m);
    maker_number(&m, 3, 0x1234);
    maker_note_segment(&m);
    maker_sections(&m, "\0.note", 7);
    maker_section(&m, 1, SHT_NOTE, MAKER_NOTES, m.notes_size);
    for (size_t size = 0; size <= m.size; size++) {
        uint8_t *copy = cut(&m, size);
        struct elf_image elf;
        unsigned notes = 0;
        size_t len;

        if (elf_parse(&elf, copy, size, why)) {
            accepted++;
            elf_for_each_segment_note(&elf, count_note, &notes);
            elf_for_each_section_note(&elf, count_note, &notes);
            elf_find_section(&elf, ".note", &len);
        }
        free(copy);
    }
    /* What is loaded ends at MAKER_TEXT + 0x100; only from there on can it be whole. */
    cr_expect_eq(accepted, m.size + 1 - (MAKER_TEXT + 0x100));
}

static bool remember_note(void *ctx, const struct elf_note *note)
{
    snprintf(ctx, 64, "%s/%u/%u", note->name, note->type, note->desc_size);
    return strcmp(note->name, "stop") != 0;
}

Test(elf, notes_of_segments_and_sections)
{
    struct elf_maker m;
    struct elf_image elf;
    char last[64] = "";

    make_plain(&m);
    maker_note(&m, "GNU", 1, "xyz", 3);
    maker_note(&m, "stop", 2, "", 0);
    maker_note(&m, "never", 3, "", 0);
    maker_note_segment(&m);
    cr_assert(parse(&m, &elf));
    cr_expect_not(elf_for_each_segment_note(&elf, remember_note, last));
    cr_expect_str_eq(last, "stop/2/0");
    last[0] = '\0';
    cr_expect(elf_for_each_section_note(&elf, remember_note, last));
    cr_expect_str_eq(last, "");
    maker_sections(&m, "\0.note", 7);
    maker_section(&m, 1, SHT_NOTE, MAKER_NOTES, 19);
    cr_assert(parse(&m, &elf));
    cr_expect(elf_for_each_section_note(&elf, remember_note, last));
    cr_expect_str_eq(last, "GNU/1/3", "3 bytes without their padding are complete");
}

Test(elf, a_broken_note_ends_the_walk)
{
    struct elf_maker m;
    struct elf_image elf;
    char last[64] = "";
    Elf64_Nhdr *nh;

    make_plain(&m);
    maker_note(&m, "one", 1, "", 0);
    nh = (Elf64_Nhdr *)(m.bytes + MAKER_NOTES + m.notes_size);
    maker_note(&m, "two", 2, "", 0);
    maker_note_segment(&m);
    for (unsigned i = 0; i < 3; i++) {
        nh->n_namesz = (const uint32_t[]){ UINT32_MAX, 4, 5 }[i];
        nh->n_descsz = (const uint32_t[]){ 0, UINT32_MAX, 0 }[i];
        cr_assert(parse(&m, &elf));
        cr_expect(elf_for_each_segment_note(&elf, remember_note, last));
        cr_expect_str_eq(last, "one/1/0", "%s", last);
    }
}

Test(elf, sections_by_name)
{
    static const char names[] = "\0.text\0.data";
    struct elf_maker m;
    struct elf_image elf;
    size_t size = 0;

    make_plain(&m);
    maker_sections(&m, names, sizeof(names));
    maker_section(&m, 1, SHT_PROGBITS, MAKER_TEXT, 0x40);
    maker_section(&m, 7, SHT_PROGBITS, m.size - 0x10, 0x11);
    cr_assert(parse(&m, &elf));
    cr_expect_eq(elf_find_section(&elf, ".text", &size), m.bytes + MAKER_TEXT);
    cr_expect_eq(size, 0x40);
    cr_expect_null(elf_find_section(&elf, ".data", &size), "reaches beyond the file");
    cr_expect_null(elf_find_section(&elf, ".tex", &size));
    maker_shdr(&m, 1)->sh_name = sizeof(names) - 3;
    cr_expect_null(elf_find_section(&elf, ".text", &size), "the name reaches beyond the table");
    m.eh.e_shstrndx = 3;
    cr_assert(parse(&m, &elf));
    cr_expect_null(elf_find_section(&elf, ".data", &size));
}

Test(elf, an_unusable_section_table_is_none)
{
    struct elf_maker m;
    struct elf_image elf;

    make_plain(&m);
    maker_sections(&m, "", 1);
    m.eh.e_shoff = UINT64_MAX - 4;
    cr_assert(parse(&m, &elf));
    cr_expect_eq(elf.shdrs.nr, 0);
}

/* An image of class 32, as GRUB's PVH image is: widened, and bounded by the same checks. */
Test(elf, class_32)
{
    struct {
        Elf32_Ehdr eh;
        Elf32_Phdr ph;
        uint8_t text[64];
    } image = { 0 };
    struct elf_image elf;
    char why[ELF_WHY_SIZE];

    memcpy(image.eh.e_ident, ELFMAG, SELFMAG);
    image.eh.e_ident[EI_CLASS] = ELFCLASS32;
    image.eh.e_ident[EI_DATA] = ELFDATA2LSB;
    image.eh.e_type = ET_EXEC;
    image.eh.e_machine = EM_386;
    image.eh.e_entry = 0x100010;
    image.eh.e_phoff = sizeof(Elf32_Ehdr);
    image.eh.e_phentsize = sizeof(Elf32_Phdr);
    image.eh.e_phnum = 1;
    image.ph = (Elf32_Phdr){ .p_type = PT_LOAD,
                             .p_offset = offsetof(__typeof__(image), text),
                             .p_vaddr = 0x100000,
                             .p_paddr = 0x100000,
                             .p_filesz = sizeof(image.text),
                             .p_memsz = 0x3000,
                             .p_flags = PF_R | PF_X };
    cr_assert(elf_parse(&elf, &image, sizeof(image), why), "%s", why);
    cr_expect(elf.is_32bit);
    cr_expect_eq(elf.entry, 0x100010u);
    cr_expect_eq(elf.nr_segments, 1u);
    cr_expect_eq(elf.segment[0].paddr, 0x100000u);
    cr_expect_eq(elf.segment[0].flags, ELF_PF_R | ELF_PF_X);
    cr_expect_eq(elf.paddr_end, 0x103000u);
    image.ph.p_filesz++;
    cr_expect_not(elf_parse(&elf, &image, sizeof(image), why));
    image.ph.p_filesz--;
    image.eh.e_machine = EM_X86_64;
    cr_expect_not(elf_parse(&elf, &image, sizeof(image), why));
}
