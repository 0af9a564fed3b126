/* SPDX-License-Identifier: MIT */
/* Where things lie when a PV kernel starts: nothing overlaps, all is mapped, and what a kernel asks for is
 * honoured. */
/* unit-sources: hv/lib/pv_layout.c hv/lib/xen_elfnotes.c hv/lib/elf.c hv/lib/parse.c hv/lib/bzimage_payload.c */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <xen/elfnote.h>

#include "hv/lib/bzimage_payload.h"
#include "hv/lib/pv_layout.h"

static char why[ELF_WHY_SIZE];

/* A kernel of `image` bytes at VIRT_BASE + 1 MiB. */
static bool plan(struct pv_layout *l, const struct xen_notes *notes, uint64_t image, uint64_t pages,
                 uint64_t initrd)
{
    const struct xen_pv_range range = { notes->virt_base + MIB(1), notes->virt_base + MIB(1) + image };

    return pv_layout_plan(l, notes, &range, pages, initrd, true, why);
}

static uint64_t mapped_tables(uint64_t start, uint64_t end)
{
    uint64_t nr = 0;

    for (unsigned int shift = 21; shift <= 39; shift += 9)
        nr += ((end - 1) >> shift) - (start >> shift) + 1;
    return nr;
}

static void check_region(const struct pv_layout *l)
{
    uint64_t order[] = { l->image.end - 1, l->initrd, l->p2m_list, l->start_info, l->store,
                         l->console,       l->tables, l->stack,    l->end };
    uint64_t last = 0;

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (order[i] == 0)
            continue;
        cr_expect_gt(order[i], last, "place %zu", i);
        last = order[i];
    }
    cr_expect_eq(l->tables + l->nr_tables * PAGE_SIZE, l->stack);
    cr_expect_geq(l->nr_tables, mapped_tables(l->base, l->end) + 1);
    cr_expect(l->end % MIB(4) == 0 || l->end == l->base + l->pages * PAGE_SIZE);
    cr_expect_geq(l->end - l->stack, MIB(1) / 2 + PAGE_SIZE);
    cr_expect_leq(l->used, l->pages);
    for (uint64_t pfn = 0; pfn < l->pages; pfn++) {
        uint64_t va = l->base + pfn * PAGE_SIZE;
        bool table = va >= l->tables && va < l->stack;

        if (va < l->end)
            cr_expect_eq(pv_layout_writable(l, pfn), !table, "pfn %lu", (unsigned long)pfn);
    }
}

Test(pv_layout, mini_os)
{
    const struct xen_notes notes = { 0 };
    struct pv_layout l;

    cr_assert(plan(&l, &notes, 300000, 4096, 0), "%s", why);
    check_region(&l);
    cr_expect_eq(l.initrd, 0);
    cr_expect_eq(l.p2m_list, ALIGN_UP(MIB(1) + 300000, PAGE_SIZE));
    cr_expect_eq(pv_layout_p2m_pfn(&l), l.p2m_list / PAGE_SIZE);
    cr_expect_eq(l.end, MIB(4));
}

Test(pv_layout, initrd_inside)
{
    const struct xen_notes notes = { .virt_base = 0x8000000 };
    struct pv_layout l;

    cr_assert(plan(&l, &notes, 5000, 8192, MIB(6) + 1), "%s", why);
    check_region(&l);
    cr_expect_eq(pv_layout_initrd_pfn(&l), (l.initrd - l.base) / PAGE_SIZE);
    cr_expect_geq(l.p2m_list, l.initrd + MIB(6) + 1);
}

Test(pv_layout, linux_kernel)
{
    const struct xen_notes notes = { .virt_base = 0xffffffff80000000,
                                     .init_p2m = 0x8000000000,
                                     .seen = 1U << XEN_ELFNOTE_INIT_P2M,
                                     .mod_start_pfn = true };
    struct pv_layout l;
    struct start_info si = { 0 };

    cr_assert(plan(&l, &notes, MIB(40), 65536, MIB(10)), "%s", why);
    check_region(&l);
    cr_expect(l.p2m_elsewhere && l.initrd_by_pfn);
    cr_expect_eq(l.initrd_pfn, pv_layout_pfn(&l, l.end));
    cr_expect_eq(l.p2m_pfn, l.initrd_pfn + MIB(10) / PAGE_SIZE);
    cr_expect_eq(l.nr_p2m_frames, 128 + 3);
    cr_expect(pv_layout_writable(&l, l.p2m_pfn + 127));
    cr_expect_not(pv_layout_writable(&l, l.p2m_pfn + 128));
    pv_layout_start_info(&l, &si, 0x5000, "console=hvc0");
    cr_expect_eq(si.mod_start, l.initrd_pfn);
    cr_expect_eq(si.flags, SIF_MOD_START_PFN);
    cr_expect_eq(si.mfn_list, 0x8000000000);
    cr_expect_eq(si.first_p2m_pfn, l.p2m_pfn);
    cr_expect_str_eq((const char *)si.cmd_line, "console=hvc0");
    cr_expect_str_eq(si.magic, "xen-3.0-x86_64");
}

Test(pv_layout, too_little_memory)
{
    const struct xen_notes notes = { 0 };
    struct pv_layout l;

    cr_expect(plan(&l, &notes, 300000, 512, 0));
    check_region(&l);
    cr_expect_not(plan(&l, &notes, 300000, 400, 0));
    cr_expect_not_null(strstr(why, "its memory of 1600 KiB is too small: kernel, initrd and tables need "),
                       "%s", why);
}

Test(pv_layout, the_end_of_the_address_space)
{
    struct xen_notes notes = { .virt_base = 0xffffffffffc00000 };
    struct pv_layout l;

    cr_expect_not(plan(&l, &notes, 300000, 4096, 0));
    cr_expect_str_eq(why,
                     "the kernel's VIRT_BASE 0xffffffffffc00000 leaves no address space behind its image");
    cr_expect_not(plan(&l, &notes, 300000, 4096, MIB(4)));
    cr_expect_not(plan(&l, &notes, MIB(2) + 1, 4096, 0));
    /* The whole of its memory would not fit, and need not. */
    notes.virt_base = 0xffffffff80000000;
    cr_assert(plan(&l, &notes, MIB(40), 1 << 20, 0), "%s", why);
    cr_expect_eq(l.end % MIB(4), 0);
    cr_expect_gt(l.end, l.stack);
}

Test(pv_layout, a_long_command_line_is_cut)
{
    const struct xen_notes notes = { 0 };
    struct pv_layout l;
    struct start_info si = { 0 };
    char line[2000];

    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    cr_assert(plan(&l, &notes, 300000, 4096, 0));
    pv_layout_start_info(&l, &si, 0, line);
    cr_expect_eq(strlen((const char *)si.cmd_line), sizeof(si.cmd_line) - 1);
}

/* A bzImage header with a payload of `length` bytes at `start` behind the setup sectors. */
static uint8_t *bzimage(uint32_t start, uint32_t length, uint32_t unpacked)
{
    uint8_t *k = calloc(1, 8192);

    memcpy(k + 0x202, "HdrS", 4);
    k[0x1f1] = 1;
    k[0x206] = 0x0d;
    k[0x207] = 0x02;
    memcpy(k + 0x248, &start, 4);
    memcpy(k + 0x24c, &length, 4);
    if (1024UL + start + length <= 8192 && length >= 4)
        memcpy(k + 1024 + start + length - 4, &unpacked, 4);
    return k;
}

static void expect_payload(uint32_t start, uint32_t length, uint32_t unpacked, const char *expected)
{
    struct bzimage_payload payload;
    uint8_t *k = bzimage(start, length, unpacked);
    const char *bad = bzimage_find_payload(k, 8192, &payload);

    if (expected != NULL) {
        cr_assert_not_null(bad);
        cr_expect_not_null(strstr(bad, expected), "%s", bad);
    } else {
        cr_assert_null(bad);
        cr_expect_eq(payload.data, k + 1024 + start);
        cr_expect_eq(payload.size, length - 4);
        cr_expect_eq(payload.unpacked, unpacked);
    }
    free(k);
}

Test(bzimage, payload)
{
    struct bzimage_payload payload;

    expect_payload(0, 7168, 100000, NULL);
    expect_payload(16, 100, 1, NULL);
    expect_payload(0, 7169, 1, "outside of the file");
    expect_payload(0xffffffff, 0xffffffff, 1, "outside of the file");
    expect_payload(0, 15, 1, "outside of the file");
    expect_payload(0, 100, 0, "impossible unpacked size");
    expect_payload(0, 100, 0x20000001, "impossible unpacked size");
    cr_expect_null(bzimage_find_payload("\x7f"
                                        "ELF",
                                        4, &payload));
    cr_expect_null(payload.data);
}
