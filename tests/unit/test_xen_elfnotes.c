/* SPDX-License-Identifier: MIT */
/* The reader of Xen's ELF notes: what Linux, GRUB and old kernels say about themselves, and spoiled forms of
 * it. */
/* unit-sources: hv/lib/elf.c hv/lib/xen_elfnotes.c hv/lib/parse.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <xen/elfnote.h>
#include <xen/features.h>

#include "tests/unit/elf_maker.h"
#include "hv/lib/xen_elfnotes.h"

#define LINUX_BASE 0xffffffff80000000UL

static char why[ELF_WHY_SIZE];

static bool read_notes(const struct elf_maker *m, struct elf_image *elf, struct xen_notes *notes)
{
    strcpy(why, "accepted");
    return elf_parse(elf, m->bytes, m->size, why) && xen_notes_parse(notes, elf, why);
}

/* The notes of Debian's 6.1 cloud kernel. */
static void make_linux(struct elf_maker *m)
{
    static const uint64_t l1_mfn_valid[2] = { 1, 1 };
    const uint32_t phys32_entry = 0x1000850;

    maker_init(m, 0x1000000);
    maker_segment(m, 0x1000000, 0x100, 0x2400000);
    maker_note(m, "GNU", 3, "0123456789abcdefghij", 20);
    maker_text(m, XEN_ELFNOTE_GUEST_OS, "linux");
    maker_text(m, XEN_ELFNOTE_GUEST_VERSION, "2.6");
    maker_text(m, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    maker_number(m, XEN_ELFNOTE_VIRT_BASE, LINUX_BASE);
    maker_number(m, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
    maker_number(m, XEN_ELFNOTE_ENTRY, 0xffffffff8304e1c0);
    maker_text(m, XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb");
    maker_number(m, XEN_ELFNOTE_SUPPORTED_FEATURES, 0x8801);
    maker_text(m, XEN_ELFNOTE_PAE_MODE, "yes");
    maker_text(m, XEN_ELFNOTE_LOADER, "generic");
    maker_note(m, "Xen", XEN_ELFNOTE_L1_MFN_VALID, l1_mfn_valid, sizeof(l1_mfn_valid));
    maker_note(m, "Xen", XEN_ELFNOTE_MOD_START_PFN, &(const uint32_t){ 1 }, 4);
    maker_note(m, "Xen", XEN_ELFNOTE_SUSPEND_CANCEL, &(const uint32_t){ 1 }, 4);
    maker_number(m, XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000);
    maker_number(m, XEN_ELFNOTE_PADDR_OFFSET, 0);
    maker_note(m, "Xen", XEN_ELFNOTE_PHYS32_ENTRY, &phys32_entry, 4);
}

Test(xen_elfnotes, linux_kernel)
{
    struct elf_maker m;
    struct elf_image elf;
    struct xen_notes n;
    struct xen_pv_range range;

    make_linux(&m);
    maker_note_segment(&m);
    cr_assert(read_notes(&m, &elf, &n), "%s", why);
    cr_expect_not(n.legacy);
    cr_expect_str_eq(n.guest_os, "linux");
    cr_expect_str_eq(n.guest_version, "2.6");
    cr_expect_str_eq(n.xen_version, "xen-3.0");
    cr_expect_str_eq(n.loader, "generic");
    cr_expect_eq(n.virt_base, LINUX_BASE);
    cr_expect_eq(n.virt_entry, 0xffffffff8304e1c0);
    cr_expect_eq(n.init_p2m, 0x8000000000);
    cr_expect_eq(n.phys32_entry, 0x1000850);
    cr_expect(n.mod_start_pfn && n.suspend_cancel);
    cr_expect_eq(n.features_supported, 0x8811);
    cr_expect_eq(n.features_required, 1);
    cr_expect(xen_notes_have(&n, XEN_ELFNOTE_PHYS32_ENTRY));
    cr_expect_not(xen_notes_have(&n, XEN_ELFNOTE_HYPERCALL_PAGE));

    cr_assert(xen_notes_check_pv(&n, &elf, BIT(XENFEAT_supervisor_mode_kernel), &range, why), "%s", why);
    cr_expect_eq(range.start, 0xffffffff81000000);
    cr_expect_eq(range.end, 0xffffffff83400000);
    cr_expect(xen_notes_use_init_p2m(&n));
}

Test(xen_elfnotes, notes_in_a_section_count_only_without_a_segment)
{
    struct elf_maker m;
    struct elf_image elf;
    struct xen_notes n;

    make_linux(&m);
    maker_sections(&m, "\0.notes", 8);
    maker_section(&m, 1, SHT_NOTE, MAKER_NOTES, m.notes_size);
    cr_assert(read_notes(&m, &elf, &n), "%s", why);
    cr_expect_str_eq(n.guest_os, "linux");
}

Test(xen_elfnotes, grubs_own_pv_image)
{
    static uint8_t file[16 << 20];
    FILE *f = fopen("build/debs/grub-xen-host/usr/lib/grub-xen/grub-x86_64-xen.bin", "rb");
    struct elf_image elf;
    struct xen_notes n;
    struct xen_pv_range range;
    size_t size;

    cr_assert(f, "make interop fetches GRUB's image");
    size = fread(file, 1, sizeof(file), f);
    fclose(f);
    cr_assert(elf_parse(&elf, file, size, why) && xen_notes_parse(&n, &elf, why), "%s", why);
    cr_expect_str_eq(n.guest_os, "GRUB");
    cr_expect_eq(n.virt_entry, 0);
    cr_assert(xen_notes_check_pv(&n, &elf, 0, &range, why), "%s", why);
    cr_expect_eq(range.start, 0);
    cr_expect_eq(range.end, elf.paddr_end);
}

Test(xen_elfnotes, legacy_text)
{
    static const char text[] = "GUEST_OS=Mini-OS,XEN_VER=xen-3.0,VIRT_BASE=0x10000,HYPERCALL_PAGE=0x2,"
                               "VIRT_ENTRY=0x10100,FEATURES=pae_pgdir_above_4gb|foo,LOADER=generic,odd";
    struct elf_maker m;
    struct elf_image elf;
    struct xen_notes n;
    struct xen_pv_range range;

    maker_init(&m, 0x10000);
    maker_segment(&m, 0x10000, 0x100, 0x4000);
    maker_sections(&m, "\0__xen_guest", 13);
    memcpy(m.bytes + MAKER_NOTES, text, sizeof(text));
    maker_section(&m, 1, SHT_PROGBITS, MAKER_NOTES, sizeof(text) - 1);
    cr_assert(read_notes(&m, &elf, &n), "%s", why);
    cr_expect(n.legacy);
    cr_expect_str_eq(n.guest_os, "Mini-OS");
    cr_expect_eq(n.virt_entry, 0x10100);
    cr_expect_eq(n.hypercall_page, 0x12000);
    cr_expect_eq(n.paddr_offset, 0x10000, "without ELF_PADDR_OFFSET p_paddr is virtual");
    cr_expect_eq(n.features_supported, BIT(XENFEAT_pae_pgdir_above_4gb));
    cr_assert(xen_notes_check_pv(&n, &elf, 0, &range, why), "%s", why);
    cr_expect_eq(range.start, 0x10000);
    cr_expect_eq(range.end, 0x14000);

    memcpy(m.bytes + MAKER_NOTES + 45, "zz", 2);
    cr_expect_not(read_notes(&m, &elf, &n));
    cr_expect_str_eq(why, "__xen_guest: VIRT_BASE='0xzz000' is not a number", "%s", why);
}

static void parse_refused(const struct elf_maker *m, const char *expected)
{
    struct elf_image elf;
    struct xen_notes n;

    cr_expect_not(read_notes(m, &elf, &n), "expected: %s", expected);
    cr_expect_str_eq(why, expected, "%s", why);
}

Test(xen_elfnotes, what_cannot_be_understood)
{
    struct elf_maker m;

    maker_init(&m, 0);
    maker_segment(&m, 0, 0x10, 0x10);
    parse_refused(&m, "not a Xen kernel: it has neither Xen ELF notes nor a section __xen_guest");

    make_linux(&m);
    maker_note(&m, "Xen", XEN_ELFNOTE_ENTRY, "abc", 3);
    maker_note_segment(&m);
    parse_refused(&m, "Xen ELF note 1 is a number of 3 bytes");

    make_linux(&m);
    maker_text(&m, XEN_ELFNOTE_FEATURES, "pae_pgdir_above_4gb|!time_travel");
    maker_note_segment(&m);
    parse_refused(&m, "the kernel requires the unknown Xen feature 'time_travel'");
}

/* Replaces one note of Linux's, the later of two counting. */
static void pv_refused(uint32_t type, uint64_t number, const char *text, const char *expected)
{
    struct elf_maker m;
    struct elf_image elf;
    struct xen_notes n;
    struct xen_pv_range range;

    make_linux(&m);
    if (text != NULL)
        maker_text(&m, type, text);
    else
        maker_number(&m, type, number);
    maker_note_segment(&m);
    cr_assert(read_notes(&m, &elf, &n), "%s", why);
    cr_expect_not(xen_notes_check_pv(&n, &elf, BIT(XENFEAT_supervisor_mode_kernel), &range, why), "%s",
                  expected);
    cr_expect_str_eq(why, expected, "%s", why);
}

Test(xen_elfnotes, kernels_that_cannot_start)
{
    pv_refused(XEN_ELFNOTE_XEN_VERSION, 0, "xen-2.0",
               "the kernel's note XEN_VERSION is 'xen-2.0': a PV kernel has 'xen-3.0'");
    pv_refused(XEN_ELFNOTE_FEATURES, 0, "!supervisor_mode_kernel",
               "the kernel requires the Xen feature 'supervisor_mode_kernel', which it cannot have here");
    pv_refused(XEN_ELFNOTE_ENTRY, 0xffffffff80ffffff, NULL,
               "the kernel's entry 0xffffffff80ffffff lies outside its image 0xffffffff81000000 to "
               "0xffffffff83400000");
    pv_refused(XEN_ELFNOTE_ENTRY, 0xffffffff83400000, NULL,
               "the kernel's entry 0xffffffff83400000 lies outside its image 0xffffffff81000000 to "
               "0xffffffff83400000");
    pv_refused(XEN_ELFNOTE_VIRT_BASE, 0xffffffffff000000, NULL,
               "the kernel's paddr 0x1000000 to 0x3400000 is not above its VIRT_BASE 0xffffffffff000000 "
               "(PADDR_OFFSET 0x0)");
    pv_refused(XEN_ELFNOTE_VIRT_BASE, 0x10, NULL,
               "the kernel's VIRT_BASE 0x10 or PADDR_OFFSET 0x0 is not a multiple of the page size");
    pv_refused(XEN_ELFNOTE_PADDR_OFFSET, 0x2000000, NULL,
               "the kernel's paddr 0x1000000 to 0x3400000 is not above its VIRT_BASE 0xffffffff80000000 "
               "(PADDR_OFFSET 0x2000000)");
    pv_refused(XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff81000010, NULL,
               "the kernel's hypercall page 0xffffffff81000010 is not a page of its image 0xffffffff81000000 "
               "to 0xffffffff83400000");
    pv_refused(XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff83400000, NULL,
               "the kernel's hypercall page 0xffffffff83400000 is not a page of its image 0xffffffff81000000 "
               "to 0xffffffff83400000");
}

Test(xen_elfnotes, loader_must_be_generic_unless_linux)
{
    struct elf_maker m;
    struct elf_image elf;
    struct xen_notes n;
    struct xen_pv_range range;

    maker_init(&m, 0);
    maker_segment(&m, 0, 0x10, 0x1000);
    maker_text(&m, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    maker_text(&m, XEN_ELFNOTE_GUEST_OS, "hobby");
    maker_note_segment(&m);
    cr_assert(read_notes(&m, &elf, &n));
    cr_expect_not(xen_notes_check_pv(&n, &elf, 0, &range, why));
    cr_expect_str_eq(why, "the kernel's note LOADER is '' and GUEST_OS 'hobby': need 'generic' or 'linux'");
}

Test(xen_elfnotes, init_p2m_that_is_ignored)
{
    struct xen_notes n = { .seen = BIT(XEN_ELFNOTE_INIT_P2M),
                           .virt_base = LINUX_BASE,
                           .init_p2m = 0x8000000000 };

    cr_expect(xen_notes_use_init_p2m(&n));
    n.init_p2m = 0x8000000010;
    cr_expect_not(xen_notes_use_init_p2m(&n), "not a page");
    n.init_p2m = LINUX_BASE;
    cr_expect_not(xen_notes_use_init_p2m(&n), "not below the kernel");
    n = (struct xen_notes){ .virt_base = LINUX_BASE };
    cr_expect_not(xen_notes_use_init_p2m(&n), "not there");
}

Test(xen_elfnotes, unterminated_and_long_texts)
{
    struct elf_maker m;
    struct elf_image elf;
    struct xen_notes n;

    maker_init(&m, 0);
    maker_segment(&m, 0, 0x10, 0x1000);
    maker_note(&m, "Xen", XEN_ELFNOTE_LOADER, "gen", 3);
    maker_text(&m, XEN_ELFNOTE_GUEST_OS, "0123456789012345678901234567890123456789");
    maker_note(&m, "Xen", XEN_ELFNOTE_MAX + 14, "?", 1);
    maker_note_segment(&m);
    cr_assert(read_notes(&m, &elf, &n), "%s", why);
    cr_expect_str_eq(n.loader, "gen");
    cr_expect_str_eq(n.guest_os, "0123456789012345678901234567890");
}

Test(xen_elfnotes, truncation_at_every_length)
{
    struct elf_maker m;
    size_t full = 0;

    make_linux(&m);
    maker_note_segment(&m);
    for (size_t size = 0; size <= m.size; size++) {
        uint8_t *copy = malloc(size == 0 ? 1 : size);
        struct elf_image elf;
        struct xen_notes n;
        struct xen_pv_range range;

        memcpy(copy, m.bytes, size);
        full += elf_parse(&elf, copy, size, why) && xen_notes_parse(&n, &elf, why) &&
                xen_notes_check_pv(&n, &elf, 0, &range, why) && xen_notes_have(&n, XEN_ELFNOTE_PHYS32_ENTRY);
        free(copy);
    }
    cr_expect_eq(full, m.size + 1 - (MAKER_TEXT + 0x100));
}
