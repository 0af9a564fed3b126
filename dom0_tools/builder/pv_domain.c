/* SPDX-License-Identifier: MIT */
/*
 * Where things lie says hv/lib/pv_layout.h. From the kernel to the page tables all is in one piece, which is
 * mapped here through one window and filled in place; a second and a third window hold what may lie behind
 * it, the initial RAM disk and the p2m list. The page tables are built as plain memory and handed to the
 * hypervisor by pinning the first, when no window shows them writable any more.
 */
#include "dom0_tools/builder/pv_domain.h"
#include "dom0_tools/builder/guest_memory.h"
#include "dom0_tools/xc/domain.h"
#include "dom0_tools/xc/memory.h"
#include "dom0_tools/xc/vcpu.h"
#include "hv/lib/pv_layout.h"
#include "pvguest/vmap.h"
#include "pvguest/xen_errno.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/elfnote.h>
#include <xen/features.h>
#include <xen/grant_table.h>

_Static_assert(BUILD_WHY_SIZE == ELF_WHY_SIZE, "both hold the same sentences");

#define TABLE_FLAGS   (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)
#define L1_SPAN       (512 * PAGE_SIZE)
#define X86_EFLAGS_IF 0x200
#define FRAMES_KIB    (PAGE_SIZE / 1024)

struct window {
    uint64_t pfn;
    size_t count;
    char *data; /* NULL: not mapped */
};

/* Page-table pages, taken one after the other. */
struct table_pool {
    pte_t *page;
    const xen_pfn_t *mfn;
    size_t nr, used;
};

struct building {
    const struct build_request *request;
    struct elf_image elf;
    struct xen_notes notes;
    struct pv_layout l;
    struct guest_memory memory;
    struct window region, initrd, p2m;
    struct table_pool tables, p2m_tables;
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

static bool populate(struct building *b)
{
    uint64_t got;

    if (guest_memory_populate(&b->memory, b->request->domid, b->l.pages, &got))
        return true;
    if (b->memory.p2m == NULL)
        return refuse(b, "this domain has not enough memory for the list of its %lu frames",
                      (unsigned long)b->l.pages);
    return refuse(b, "the machine has only %lu KiB for its %lu KiB of memory",
                  (unsigned long)got * FRAMES_KIB, (unsigned long)b->l.pages * FRAMES_KIB);
}

static bool open_window(struct building *b, struct window *w, uint64_t pfn, uint64_t count)
{
    *w = (struct window){ .pfn = pfn, .count = count };
    if (count == 0)
        return true;
    w->data = guest_memory_map(&b->memory, pfn, count);
    return w->data != NULL || refuse(b, "its memory cannot be mapped: this domain is short of memory");
}

static bool open_windows(struct building *b)
{
    const struct pv_layout *l = &b->l;
    uint64_t first = pv_layout_pfn(l, l->image.start), end = pv_layout_pfn(l, l->stack);
    uint64_t initrd = l->initrd_by_pfn ? pv_layout_pages(l->initrd_size) : 0;

    return open_window(b, &b->region, first, end - first) &&
           open_window(b, &b->initrd, l->initrd_pfn, initrd) &&
           open_window(b, &b->p2m, l->p2m_pfn, l->nr_p2m_frames);
}

static void close_windows(struct building *b)
{
    guest_memory_unmap(b->region.data, b->region.count);
    guest_memory_unmap(b->initrd.data, b->initrd.count);
    guest_memory_unmap(b->p2m.data, b->p2m.count);
}

/* Where this domain sees virtual address `va` of the region. */
static void *at(const struct building *b, uint64_t va)
{
    return b->region.data + ((pv_layout_pfn(&b->l, va) - b->region.pfn) << PAGE_SHIFT) +
           (va & (PAGE_SIZE - 1));
}

static xen_pfn_t mfn_at(const struct building *b, uint64_t va)
{
    return b->memory.p2m[pv_layout_pfn(&b->l, va)];
}

/* ---- page tables ---- */

static void prepare_pool(struct table_pool *pool, const struct building *b, void *pages, uint64_t pfn,
                         size_t nr)
{
    *pool = (struct table_pool){ .page = pages, .mfn = b->memory.p2m + pfn, .nr = nr };
    memset(pages, 0, nr * PAGE_SIZE);
}

static pte_t *find_in_pool(const struct table_pool *pool, xen_pfn_t mfn)
{
    for (size_t i = 0; i < pool->used; i++)
        if (pool->mfn[i] == mfn)
            return pool->page + i * 512;
    return NULL;
}

static pte_t *table_of(const struct building *b, pte_t entry)
{
    pte_t *table = find_in_pool(&b->tables, pte_mfn(entry));

    return table != NULL ? table : find_in_pool(&b->p2m_tables, pte_mfn(entry));
}

/* The level-1 table of `va`; tables on the way are made from the pool, which pv_layout_plan() has made large
 * enough. */
static pte_t *level1(struct building *b, struct table_pool *pool, uint64_t va)
{
    pte_t *table = b->tables.page;

    for (unsigned int level = 4; level > 1; level--) {
        pte_t *entry = &table[va >> (12 + 9 * (level - 1)) & 511];

        if (*entry == 0) {
            table = pool->page + pool->used * 512;
            *entry = pte_make(pool->mfn[pool->used++], TABLE_FLAGS);
        } else {
            table = table_of(b, *entry);
        }
    }
    return table;
}

static void map_pages(struct building *b, struct table_pool *pool, uint64_t va, uint64_t pfn, uint64_t count)
{
    pte_t *table = NULL;

    for (uint64_t i = 0; i < count; i++, va += PAGE_SIZE, pfn++) {
        uint64_t flags = pv_layout_writable(&b->l, pfn) ? TABLE_FLAGS : TABLE_FLAGS & ~PTE_WRITE;

        if (table == NULL || va % L1_SPAN == 0)
            table = level1(b, pool, va);
        table[va / PAGE_SIZE % 512] = pte_make(b->memory.p2m[pfn], flags);
    }
}

static void make_tables(struct building *b)
{
    const struct pv_layout *l = &b->l;
    uint64_t list_pages = pv_layout_pages(l->pages * sizeof(xen_pfn_t));

    prepare_pool(&b->tables, b, at(b, l->tables), pv_layout_pfn(l, l->tables), l->nr_tables);
    b->tables.used = 1;
    map_pages(b, &b->tables, l->base, 0, pv_layout_pfn(l, l->end));
    if (!l->p2m_elsewhere)
        return;
    prepare_pool(&b->p2m_tables, b, b->p2m.data + list_pages * PAGE_SIZE, l->p2m_pfn + list_pages,
                 l->nr_p2m_frames - list_pages);
    map_pages(b, &b->p2m_tables, l->init_p2m, l->p2m_pfn, list_pages);
}

/* ---- contents ---- */

static void fill_start_info(const struct building *b, uint64_t shared_info_frame)
{
    const struct build_request *r = b->request;
    struct start_info *si = at(b, b->l.start_info);

    memset(si, 0, PAGE_SIZE);
    pv_layout_start_info(&b->l, si, shared_info_frame << PAGE_SHIFT, r->cmdline);
    si->store_mfn = mfn_at(b, b->l.store);
    si->store_evtchn = r->store_port;
    si->console.domU.mfn = mfn_at(b, b->l.console);
    si->console.domU.evtchn = r->console_port;
}

static void fill(struct building *b, uint64_t shared_info_frame)
{
    const struct pv_layout *l = &b->l;
    const struct build_request *r = b->request;

    elf_load(&b->elf, at(b, l->image.start));
    if (l->initrd_size != 0)
        memcpy(l->initrd_by_pfn ? b->initrd.data : at(b, l->initrd), r->initrd, r->initrd_size);
    memcpy(l->p2m_elsewhere ? b->p2m.data : at(b, l->p2m_list), b->memory.p2m, l->pages * sizeof(xen_pfn_t));
    memset(at(b, l->store), 0, PAGE_SIZE);
    memset(at(b, l->console), 0, PAGE_SIZE);
    fill_start_info(b, shared_info_frame);
    make_tables(b);
}

/* ---- what the hypervisor holds ---- */

/* All vCPUs start with their events masked. */
static bool prepare_shared_info(const struct building *b, xen_pfn_t frame)
{
    struct shared_info *shared = map_foreign(b->request->domid, &frame, 1, PTE_RW, NULL);

    if (shared == NULL)
        return refuse(b, "its shared_info cannot be mapped");
    for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        shared->vcpu_info[i].evtchn_upcall_mask = 1;
    unmap_frames(shared, 1);
    return true;
}

static bool set_registers(const struct building *b)
{
    struct vcpu_guest_context *context = calloc(1, sizeof(*context));
    int error;

    if (context == NULL)
        return refuse(b, "this domain is short of memory");
    context->flags = VGCF_in_kernel | VGCF_online;
    context->user_regs.rip = b->notes.virt_entry;
    context->user_regs.rsp = b->l.stack + PAGE_SIZE;
    context->user_regs.rsi = b->l.start_info;
    context->user_regs.rflags = X86_EFLAGS_IF;
    context->user_regs.cs = FLAT_KERNEL_CS;
    context->user_regs.ss = FLAT_KERNEL_SS;
    context->kernel_ss = FLAT_KERNEL_SS;
    context->kernel_sp = context->user_regs.rsp;
    context->ctrlreg[3] = mfn_at(b, b->l.tables) << PAGE_SHIFT;
    error = xc_vcpu_set_context(b->request->domid, 0, context);
    free(context);
    return check(b, error, "its first registers were refused");
}

static bool preset_grants(const struct building *b, const struct build_result *result)
{
    static const grant_ref_t refs[] = { GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE };
    const xen_pfn_t frames[] = { result->console_frame, result->store_frame };

    return check(b, xc_grant_preset(b->request->domid, refs, frames, 2, 0), "its grant table was refused");
}

static bool hand_over(const struct building *b, const struct build_result *result)
{
    domid_t domid = b->request->domid;

    if (xen_notes_have(&b->notes, XEN_ELFNOTE_HYPERCALL_PAGE) &&
        !check(b, xc_memory_hypercall_page(domid, mfn_at(b, b->notes.hypercall_page)),
               "its hypercall page was refused"))
        return false;
    return check(b, xc_memory_pin_l4(domid, mfn_at(b, b->l.tables)), "its first page tables were refused") &&
           preset_grants(b, result) && set_registers(b);
}

static bool read_kernel(struct building *b)
{
    const struct build_request *r = b->request;
    const uint64_t refused = BIT(XENFEAT_auto_translated_physmap) | BIT(XENFEAT_dom0);
    struct xen_pv_range image;

    return elf_parse(&b->elf, r->kernel, r->kernel_size, b->why) &&
           xen_notes_parse(&b->notes, &b->elf, b->why) &&
           xen_notes_check_pv(&b->notes, &b->elf, refused, &image, b->why) &&
           pv_layout_plan(&b->l, &b->notes, &image, r->pages, r->initrd_size, true, b->why);
}

static bool build(struct building *b, struct build_result *result)
{
    struct xen_domctl_getdomaininfo info;
    bool ok;

    if (!read_kernel(b) || !check(b, xc_domain_info(b->request->domid, &info), "it cannot be looked at") ||
        !populate(b))
        return false;
    ok = open_windows(b);
    if (ok)
        fill(b, info.shared_info_frame);
    close_windows(b);
    result->store_frame = mfn_at(b, b->l.store);
    result->console_frame = mfn_at(b, b->l.console);
    return ok && prepare_shared_info(b, info.shared_info_frame) && hand_over(b, result);
}

bool pv_domain_build(const struct build_request *request, struct build_result *result, char *why)
{
    struct building *b = calloc(1, sizeof(*b));
    bool ok;

    if (b == NULL) {
        snprintf(why, BUILD_WHY_SIZE, "this domain is short of memory");
        return false;
    }
    b->request = request;
    b->why = why;
    ok = build(b, result);
    guest_memory_free(&b->memory);
    free(b);
    return ok;
}
