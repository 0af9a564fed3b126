/* SPDX-License-Identifier: MIT */
/*
 * Where things lie says hv/lib/pvh_layout.h, and what the tables say hv/lib/pvh_acpi.h. Guest frames are
 * named by their number everywhere; what is loaded is filled through windows to them.
 */
#include "dom0_tools/builder/pvh_domain.h"
#include "dom0_tools/xc/domain.h"
#include "dom0_tools/xc/hvm.h"
#include "dom0_tools/xc/memory.h"
#include "hv/lib/pvh_acpi.h"
#include "hv/lib/pvh_layout.h"
#include "pvguest/vmap.h"
#include "pvguest/xen_errno.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/grant_table.h>
#include <xen/hvm/params.h>

#define LARGE_ORDER 9
#define LARGE_PAGES (1UL << LARGE_ORDER)
#define BATCH       512UL
#define FOUR_GIB    (1UL << 32)
/* A place among the special pages that nothing uses, for the moment in which its grant table is written. */
#define SCRATCH_PFN PVH_SPECIAL_PFN

/* As libxl: 1 MiB for each vCPU and 4 KiB for each MiB of memory. */
#define TABLE_BYTES(vcpus, pages) (((vcpus) << 20) + ((pages) << PAGE_SHIFT >> 20 << PAGE_SHIFT))

/* Start state of start_info.h: flat 32-bit code, no paging. */
#define CR0_PE_ET     0x11
#define RFLAGS_FIXED  0x2
#define ATTR_CODE     0xc9b
#define ATTR_DATA     0xc93
#define ATTR_TSS      0x8b
#define TSS_LIMIT     0x67
#define DR6_RESET     0xffff0ff0U
#define DR7_RESET     0x400
#define PAT_RESET     0x0007040600070406ULL
#define MTRR_CAP      (8 | 1 << 8 | 1 << 10)
#define MTRR_DEF_TYPE (6 | 1 << 11) /* write-back, enabled */

struct building {
    const struct build_request *request;
    struct elf_image elf;
    struct xen_notes notes;
    struct pvh_layout l;
    char *why;
};

static bool refuse(const struct building *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(const struct building *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(b->why, BUILD_WHY_SIZE, format, args);
    va_end(args);
    return false;
}

static bool check(const struct building *b, int error, const char *what)
{
    return error == 0 || refuse(b, "%s: %s", what, strerror(xen_errno_to_c(error)));
}

/* ---- memory ---- */

/* Up to a batch of pieces of 2^order from guest frame `pfn` on, before `end`; how many pages came. */
static uint64_t populate_batch(domid_t domid, uint64_t pfn, uint64_t end, unsigned int order)
{
    xen_pfn_t extents[BATCH];
    uint64_t nr = (end - pfn) >> order;

    nr = nr < BATCH ? nr : BATCH;
    for (uint64_t i = 0; i < nr; i++)
        extents[i] = pfn + (i << order);
    return (uint64_t)xc_memory_populate(domid, extents, nr, order) << order;
}

/* 2 MiB at a time where there are such pieces. Both ends are page aligned, and large regions start at 2 MiB.
 */
static bool populate(const struct building *b, uint64_t start, uint64_t end)
{
    uint64_t pfn = start >> PAGE_SHIFT, last = end >> PAGE_SHIFT;
    unsigned int order = LARGE_ORDER;

    while (pfn < last) {
        uint64_t more = populate_batch(b->request->domid, pfn, last, order);

        if (more == 0 && order == 0)
            return refuse(b, "the machine has no memory for its physical address 0x%lx",
                          (unsigned long)pfn << PAGE_SHIFT);
        if (more == 0)
            order = 0;
        pfn += more;
    }
    return true;
}

static bool populate_page(const struct building *b, uint64_t pfn)
{
    return populate(b, pfn << PAGE_SHIFT, (pfn + 1) << PAGE_SHIFT);
}

static bool populate_all(const struct building *b)
{
    return populate(b, 0, b->l.low_end) && (b->l.high_end == 0 || populate(b, FOUR_GIB, b->l.high_end)) &&
           populate(b, PVH_ACPI_START, PVH_ACPI_START + PVH_ACPI_PAGES * PAGE_SIZE) &&
           populate_page(b, PVH_STORE_PFN) && populate_page(b, PVH_CONSOLE_PFN);
}

/* ---- contents ---- */

/* A window to `count` guest frames; NULL with the sentence. */
static void *open_window(const struct building *b, uint64_t pfn, size_t count)
{
    xen_pfn_t *frames = calloc(count, sizeof(*frames));
    void *window = NULL;

    for (size_t i = 0; frames != NULL && i < count; i++)
        frames[i] = pfn + i;
    if (frames != NULL)
        window = map_foreign(b->request->domid, frames, count, PTE_RW, NULL);
    free(frames);
    if (window == NULL)
        refuse(b, "its memory cannot be mapped: this domain is short of memory");
    return window;
}

/* Kernel, RAM disk and start of day, which stand behind each other. */
static bool fill_low(const struct building *b)
{
    const struct pvh_layout *l = &b->l;
    uint64_t first = b->elf.paddr_start >> PAGE_SHIFT, start = first << PAGE_SHIFT;
    size_t count = (l->used_end >> PAGE_SHIFT) - first;
    char *window = open_window(b, first, count);

    if (window == NULL)
        return false;
    elf_load(&b->elf, window + (b->elf.paddr_start - start));
    if (l->ramdisk_bytes != 0)
        memcpy(window + (l->ramdisk - start), b->request->initrd, l->ramdisk_bytes);
    pvh_write_start_info(l, window + (l->start_info - start));
    unmap_frames(window, count);
    return true;
}

static bool fill_acpi(const struct building *b)
{
    const uint64_t rsdp_page = PVH_LOW_RSDP >> PAGE_SHIFT;
    char *tables = open_window(b, PVH_ACPI_START >> PAGE_SHIFT, PVH_ACPI_PAGES), *low;
    bool ok = true;

    if (tables == NULL)
        return false;
    memset(tables, 0, PVH_ACPI_PAGES * PAGE_SIZE);
    pvh_acpi_build(tables, PVH_ACPI_START, b->request->vcpus);
    if (b->l.rsdp == PVH_LOW_RSDP) {
        low = open_window(b, rsdp_page, 1);
        ok = low != NULL;
        if (ok) {
            memcpy(low + PVH_LOW_RSDP % PAGE_SIZE, tables, PVH_ACPI_RSDP_SIZE);
            unmap_frames(low, 1);
        }
    }
    unmap_frames(tables, PVH_ACPI_PAGES);
    return ok;
}

static bool clear_page(const struct building *b, uint64_t pfn)
{
    void *page = open_window(b, pfn, 1);

    if (page == NULL)
        return false;
    memset(page, 0, PAGE_SIZE);
    unmap_frames(page, 1);
    return true;
}

/* ---- what the hypervisor holds ---- */

static bool set_params(const struct building *b)
{
    const struct {
        uint32_t index;
        uint64_t value;
    } params[] = {
        { HVM_PARAM_STORE_PFN, PVH_STORE_PFN },
        { HVM_PARAM_STORE_EVTCHN, b->request->store_port },
        { HVM_PARAM_CONSOLE_PFN, PVH_CONSOLE_PFN },
        { HVM_PARAM_CONSOLE_EVTCHN, b->request->console_port },
    };

    for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++)
        if (!check(b, xc_hvm_param_set(b->request->domid, params[i].index, params[i].value),
                   "a parameter of its rings was refused"))
            return false;
    return true;
}

static bool preset_grants(const struct building *b)
{
    static const grant_ref_t refs[] = { GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE };
    static const xen_pfn_t frames[] = { PVH_CONSOLE_PFN, PVH_STORE_PFN };

    return check(b, xc_grant_preset_hvm(b->request->domid, SCRATCH_PFN, refs, frames, 2, 0),
                 "its grant table was refused");
}

static bool set_registers(const struct building *b)
{
    const struct hvm_hw_cpu cpu = {
        .rip = b->l.entry,
        .rbx = b->l.start_info,
        .rflags = RFLAGS_FIXED,
        .cr0 = CR0_PE_ET,
        .cs_limit = ~0U,
        .cs_arbytes = ATTR_CODE,
        .ds_limit = ~0U,
        .ds_arbytes = ATTR_DATA,
        .es_limit = ~0U,
        .es_arbytes = ATTR_DATA,
        .ss_limit = ~0U,
        .ss_arbytes = ATTR_DATA,
        .tr_limit = TSS_LIMIT,
        .tr_arbytes = ATTR_TSS,
        .dr6 = DR6_RESET,
        .dr7 = DR7_RESET,
    };
    const struct hvm_hw_mtrr mtrr = { .msr_pat_cr = PAT_RESET,
                                      .msr_mtrr_cap = MTRR_CAP,
                                      .msr_mtrr_def_type = MTRR_DEF_TYPE };

    return check(b, xc_hvm_start(b->request->domid, b->request->vcpus, &cpu, &mtrr),
                 "its first registers were refused");
}

static bool read_kernel(struct building *b)
{
    const struct build_request *r = b->request;

    b->l = (struct pvh_layout){ .ram_bytes = r->pages << PAGE_SHIFT,
                                .ramdisk_bytes = r->initrd_size,
                                .cmdline = r->cmdline };
    return elf_parse(&b->elf, r->kernel, r->kernel_size, b->why) &&
           xen_notes_parse(&b->notes, &b->elf, b->why) && pvh_plan(&b->l, &b->elf, &b->notes, b->why);
}

static bool build(struct building *b)
{
    domid_t domid = b->request->domid;

    return read_kernel(b) &&
           check(b, xc_hvm_table_memory(domid, TABLE_BYTES((uint64_t)b->request->vcpus, b->request->pages)),
                 "there is no memory for its second-level page tables") &&
           populate_all(b) && fill_low(b) && fill_acpi(b) && clear_page(b, PVH_STORE_PFN) &&
           clear_page(b, PVH_CONSOLE_PFN) &&
           check(b, xc_memory_set_regions(domid, b->l.memmap, b->l.nr_memmap),
                 "its memory map was refused") &&
           set_params(b) && preset_grants(b) && set_registers(b);
}

bool pvh_domain_build(const struct build_request *request, struct build_result *result, char *why)
{
    struct building *b = calloc(1, sizeof(*b));
    bool ok;

    if (b == NULL) {
        snprintf(why, BUILD_WHY_SIZE, "this domain is short of memory");
        return false;
    }
    b->request = request;
    b->why = why;
    *result = (struct build_result){ .store_frame = PVH_STORE_PFN, .console_frame = PVH_CONSOLE_PFN };
    ok = build(b);
    free(b);
    return ok;
}
