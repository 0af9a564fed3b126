/* SPDX-License-Identifier: MIT */
/*
 * The start of day of a PV domain. From VIRT_BASE up, page frame n at VIRT_BASE + n * 4096:
 *
 *   kernel | initrd (1) | p2m list (2) | start_info | store, console ring (3) | page tables | boot stack |
 * padding
 *
 * (1) unless the kernel takes it by frame number (MOD_START_PFN); then it follows the mapped region,
 * unmapped. (2) unless the kernel names an address for it (INIT_P2M); then it follows too, mapped there by
 * tables of its own. (3) domains other than dom0. The region ends at a multiple of 4 MiB, at least 512 KiB
 * above the stack. Page tables are built as plain memory and become page tables by the same pinning that a
 * guest would use.
 */
#include "hv/boot/pv_build.h"
#include "hv/cpu/desc.h"
#include "hv/io/console_domain.h"
#include "hv/lib/elf.h"
#include "hv/lib/errno.h"
#include "hv/lib/printf.h"
#include "hv/lib/string.h"
#include "hv/lib/xen_elfnotes.h"
#include "hv/mm/m2p.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv.h"
#include "hypercalls/grant_table.h"
#include <xen/elfnote.h>
#include <xen/features.h>

#define REGION_PADDING 0x80000UL
#define REGION_ALIGN   0x400000UL
#define TABLE_FLAGS    (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

struct layout {
    struct domain *d;
    struct elf_image elf;
    struct xen_notes notes;
    struct xen_pv_range image;
    uint64_t *p2m;          /* mfn of each page frame */
    unsigned int p2m_order; /* of that temporary array */
    uint64_t pages;
    uint64_t base;                                                             /* VIRT_BASE */
    uint64_t initrd, p2m_list, start_info, store, console, tables, stack, end; /* virtual addresses */
    uint64_t nr_tables, next_table;
    uint64_t initrd_pfn, p2m_pfn; /* for what lies behind the region */
    uint64_t nr_p2m_frames;
    uint64_t used; /* page frames that the start of day fills */
    bool initrd_by_pfn, p2m_elsewhere;
};

static char why[ELF_WHY_SIZE + 64];

static uint64_t pages_of(uint64_t bytes)
{
    return DIV_ROUND_UP(bytes, PAGE_SIZE);
}

static void *va_of_pfn(const struct layout *l, uint64_t pfn)
{
    return mfn_to_virt(mfn(l->p2m[pfn]));
}

static uint64_t pfn_of(const struct layout *l, uint64_t va)
{
    return (va - l->base) >> PAGE_SHIFT;
}

/* Direct-map address of the byte at guest virtual address `va` in the region. */
static void *at(const struct layout *l, uint64_t va)
{
    return (char *)va_of_pfn(l, pfn_of(l, va)) + (va & (PAGE_SIZE - 1));
}

static uint64_t spanned(uint64_t start, uint64_t end, unsigned int shift)
{
    return ((end - 1) >> shift) - (start >> shift) + 1;
}

/* Page-table pages below the L4 that map [start, end). */
static uint64_t tables_for(uint64_t start, uint64_t end)
{
    return spanned(start, end, 21) + spanned(start, end, 30) + spanned(start, end, 39);
}

/* Place everything. The tables map themselves, so their number is found by trying. */
static const char *plan(struct layout *l, const struct pv_build *b)
{
    uint64_t va = ALIGN_UP(l->image.end, PAGE_SIZE), p2m_bytes = l->pages * 8, behind;

    l->initrd_by_pfn = l->notes.mod_start_pfn;
    l->p2m_elsewhere = xen_notes_use_init_p2m(&l->notes);
    if (b->initrd && !l->initrd_by_pfn) {
        l->initrd = va;
        va += ALIGN_UP(b->initrd_size, PAGE_SIZE);
    }
    if (!l->p2m_elsewhere) {
        l->p2m_list = va;
        va += ALIGN_UP(p2m_bytes, PAGE_SIZE);
    }
    l->start_info = va;
    va += PAGE_SIZE;
    if (!l->d->hardware) {
        l->store = va;
        l->console = va + PAGE_SIZE;
        va += 2 * PAGE_SIZE;
    }
    l->tables = va;
    for (l->nr_tables = 1;; l->nr_tables++) {
        l->stack = l->tables + l->nr_tables * PAGE_SIZE;
        l->end = ALIGN_UP(l->stack + PAGE_SIZE + REGION_PADDING, REGION_ALIGN);
        if (tables_for(l->base, l->end) + 1 <= l->nr_tables)
            break;
    }
    behind = pfn_of(l, l->end);
    if (b->initrd && l->initrd_by_pfn) {
        l->initrd_pfn = behind;
        behind += pages_of(b->initrd_size);
    }
    if (l->p2m_elsewhere) {
        l->p2m_pfn = behind;
        l->nr_p2m_frames = pages_of(p2m_bytes) + tables_for(l->notes.init_p2m, l->notes.init_p2m + p2m_bytes);
        behind += l->nr_p2m_frames;
    }
    l->used = behind;
    if (behind <= l->pages)
        return NULL;
    snprintf(why, sizeof(why), "its memory of %lu KiB is too small: kernel, initrd and tables need %lu KiB",
             l->pages * 4, behind * 4);
    return why;
}

/*
 * Give the domain its frames, in pieces as large as there are, and enter them in p2m and M2P. What is loaded
 * relies on zeroes around it; beyond that only dom0, which may read all memory anyway, gets frames as they
 * come.
 */
static const char *allocate_memory(struct layout *l)
{
    struct domain *d = l->d;
    unsigned int order = 9;

    while ((PAGE_SIZE << l->p2m_order) < l->pages * 8)
        l->p2m_order++;
    l->p2m = hv_alloc_pages(l->p2m_order, 0);
    if (!l->p2m)
        return "out of memory for its page list";
    d->max_pages = l->pages;
    for (uint64_t pfn = 0; pfn < l->pages;) {
        struct frame *f;

        while ((1ULL << order) > l->pages - pfn)
            order--;
        f = domain_alloc_frames(d, order, pfn < l->used || !d->hardware ? ALLOC_ZERO : 0);
        if (!f && order == 0) {
            snprintf(why, sizeof(why), "the machine has only %lu KiB for its %lu KiB of memory", pfn * 4,
                     l->pages * 4);
            return why;
        }
        if (!f) {
            order--;
            continue;
        }
        for (uint64_t i = 0; i < 1ULL << order; i++, pfn++) {
            l->p2m[pfn] = frame_to_mfn(f).m + i;
            m2p_set(mfn(l->p2m[pfn]), pfn);
        }
    }
    return NULL;
}

/* Copy `bytes` to consecutive page frames from `pfn` on. */
static void copy_to_pfns(const struct layout *l, uint64_t pfn, const void *src, uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes; done += PAGE_SIZE, pfn++)
        memcpy(va_of_pfn(l, pfn), (const char *)src + done, min(bytes - done, (uint64_t)PAGE_SIZE));
}

/* Segments go to p_paddr - PADDR_OFFSET + VIRT_BASE, of which l->image.start is the lowest. */
static void load_image(const struct layout *l)
{
    for (unsigned int i = 0; i < l->elf.nr_segments; i++) {
        const struct elf_segment *s = &l->elf.segment[i];
        uint64_t va = l->image.start + (s->paddr - l->elf.paddr_start);
        uint64_t left = s->filesz, off = s->offset;

        while (left) {
            uint64_t n = min(left, PAGE_SIZE - (va & (PAGE_SIZE - 1)));

            memcpy(at(l, va), l->elf.data + off, n);
            va += n;
            off += n;
            left -= n;
        }
    }
}

/* A fresh table page: the next of the region's, or of those behind the p2m list. */
static pte_t *new_table(struct layout *l, uint64_t *pfn)
{
    return va_of_pfn(l, (*pfn)++);
}

/* Entry of `va` at `level` below the L4, making the tables in between from the pages at *next. */
static pte_t *walk(struct layout *l, pte_t *table, uint64_t va, unsigned int level, uint64_t *next)
{
    for (unsigned int at_level = 4; at_level > level; at_level--) {
        pte_t *e = &table[pt_index(va, at_level)];

        if (!*e)
            *e = pte_make(virt_to_mfn(new_table(l, next)), TABLE_FLAGS);
        table = mfn_to_virt(pte_mfn(*e));
    }
    return &table[pt_index(va, level)];
}

static void map_pfns(struct layout *l, pte_t *l4, uint64_t va, uint64_t pfn, uint64_t n, uint64_t *next)
{
    uint64_t tables = pfn_of(l, l->tables);

    for (; n; n--, pfn++, va += PAGE_SIZE) {
        uint64_t flags = TABLE_FLAGS;

        if (pfn >= tables && pfn < tables + l->nr_tables)
            flags &= ~(uint64_t)PTE_RW;
        if (l->p2m_elsewhere && pfn >= l->p2m_pfn + pages_of(l->pages * 8))
            flags &= ~(uint64_t)PTE_RW;
        *walk(l, l4, va, 1, next) = pte_make(mfn(l->p2m[pfn]), flags);
    }
}

static const char *make_tables(struct layout *l, struct vcpu *v)
{
    uint64_t next = pfn_of(l, l->tables), next_p2m = l->p2m_pfn + pages_of(l->pages * 8);
    pte_t *l4 = new_table(l, &next);
    mfn_t root = virt_to_mfn(l4);
    int rc;

    map_pfns(l, l4, l->base, 0, pfn_of(l, l->end), &next);
    if (l->p2m_elsewhere)
        map_pfns(l, l4, l->notes.init_p2m, l->p2m_pfn, pages_of(l->pages * 8), &next_p2m);
    spin_lock(&l->d->mmu_lock);
    do {
        current->work = 0;
        rc = page_pin(l->d, root, 4);
    } while (rc == -ERESTART);
    if (!rc)
        rc = page_get_type(root, l->d, PGT_L4);
    spin_unlock(&l->d->mmu_lock);
    if (rc)
        return "its first page tables were refused";
    v->pv.kernel_table = root;
    v->pv.user_table = mfn(0);
    v->pv.cr3 = root.m << PAGE_SHIFT;
    return NULL;
}

static void fill_start_info(const struct layout *l, const struct pv_build *b)
{
    struct start_info *si = at(l, l->start_info);
    struct domain *d = l->d;

    memset(si, 0, PAGE_SIZE);
    snprintf(si->magic, sizeof(si->magic), "xen-3.0-x86_64");
    si->nr_pages = l->pages;
    si->shared_info = virt_to_phys(d->shared_info);
    si->pt_base = l->tables;
    si->nr_pt_frames = l->nr_tables;
    si->mfn_list = l->p2m_elsewhere ? l->notes.init_p2m : l->p2m_list;
    si->first_p2m_pfn = l->p2m_pfn;
    si->nr_p2m_frames = l->nr_p2m_frames;
    if (b->initrd) {
        si->mod_start = l->initrd_by_pfn ? l->initrd_pfn : l->initrd;
        si->mod_len = b->initrd_size;
        if (l->initrd_by_pfn)
            si->flags |= SIF_MOD_START_PFN;
    }
    if (d->hardware)
        si->flags |= SIF_PRIVILEGED | SIF_INITDOMAIN;
    strlcpy((char *)si->cmd_line, b->cmdline, sizeof(si->cmd_line));
}

/*
 * The ring to xenstore: port 1, and grant reference 1 for the toolstack's domain, which finds them there (xl
 * passes the same when it introduces a domain). A store_evtchn of 0 tells the kernel that there is none.
 */
static const char *make_store(const struct layout *l)
{
    struct start_info *si = at(l, l->start_info);
    uint64_t page = l->p2m[pfn_of(l, l->store)];
    int port = evtchn_alloc_unbound_for(l->d, dom0->id);

    if (port < 0)
        return "no event channel for xenstore";
    if (gnttab_preset(l->d, GNTTAB_RESERVED_XENSTORE, dom0->id, mfn(page)))
        return "out of memory for its grant table";
    si->store_mfn = page;
    si->store_evtchn = (uint32_t)port;
    return NULL;
}

/* The console ring of a domain that the hypervisor itself serves; dom0 may look at it. */
static const char *make_console(const struct layout *l)
{
    struct start_info *si = at(l, l->start_info);
    struct domain *d = l->d;
    int port = evtchn_alloc_unbound_for(d, DOMID_XEN);
    struct frame *f;

    if (port < 0)
        return "no event channel for its console";
    si->console.domU.mfn = l->p2m[pfn_of(l, l->console)];
    si->console.domU.evtchn = (uint32_t)port;
    if (gnttab_preset(d, GNTTAB_RESERVED_CONSOLE, dom0->id, mfn(si->console.domU.mfn)))
        return "out of memory for its grant table";
    d->console_ring = at(l, l->console);
    /* The hypervisor writes there: the guest must not turn it into a page table or give it away. */
    f = mfn_to_frame(virt_to_mfn(d->console_ring));
    if (!frame_get(f, d) || !page_get_writable(f))
        return "its console page is not writable";
    d->console_port = (uint32_t)port;
    console_domain_attach(d);
    return NULL;
}

static void set_registers(const struct layout *l, struct vcpu *v)
{
    v->regs = (struct regs){
        .rip = l->notes.virt_entry,
        .cs = SEL_GUEST_CS64,
        .ss = SEL_GUEST_DS,
        .rflags = X86_EFLAGS_IF | X86_EFLAGS_MBS,
        .rsp = l->stack + PAGE_SIZE,
        .rsi = l->start_info,
    };
    v->pv.in_kernel = true;
    v->pv.kernel_sp = v->regs.rsp;
    v->pv.kernel_ss = SEL_GUEST_DS;
    v->initialised = true;
    v->pause_flags &= ~(uint64_t)VPF_DOWN;
}

static const char *build(struct layout *l, const struct pv_build *b)
{
    struct vcpu *v = l->d->vcpu[0];
    const char *bad;

    if (!elf_parse(&l->elf, b->kernel, b->kernel_size, why) || !xen_notes_parse(&l->notes, &l->elf, why) ||
        !xen_notes_check_pv(&l->notes, &l->elf, BIT(XENFEAT_auto_translated_physmap), &l->image, why))
        return why;
    l->base = l->notes.virt_base;
    bad = plan(l, b);
    if (!bad)
        bad = allocate_memory(l);
    if (bad)
        return bad;
    load_image(l);
    if (xen_notes_have(&l->notes, XEN_ELFNOTE_HYPERCALL_PAGE)) {
        if (l->notes.hypercall_page < l->base || l->notes.hypercall_page >= l->end ||
            l->notes.hypercall_page & ~PAGE_MASK)
            return "its hypercall page lies outside of its image";
        pv_fill_hypercall_page(at(l, l->notes.hypercall_page));
    }
    if (b->initrd)
        copy_to_pfns(l, l->initrd_by_pfn ? l->initrd_pfn : pfn_of(l, l->initrd), b->initrd, b->initrd_size);
    copy_to_pfns(l, l->p2m_elsewhere ? l->p2m_pfn : pfn_of(l, l->p2m_list), l->p2m, l->pages * 8);
    fill_start_info(l, b);
    bad = make_tables(l, v);
    if (!bad && !l->d->hardware && b->xenstore)
        bad = make_store(l);
    if (!bad && !l->d->hardware)
        bad = make_console(l);
    set_registers(l, v);
    return bad;
}

void pv_build_release_console(struct domain *d)
{
    struct frame *f;

    if (!d->console_ring)
        return;
    f = mfn_to_frame(virt_to_mfn(d->console_ring));
    console_domain_flush(d);
    d->console_ring = NULL;
    page_put_writable(f);
    frame_put(f);
}

const char *pv_build(struct domain *d, const struct pv_build *b)
{
    struct layout l = { .d = d, .pages = b->pages };
    const char *bad = build(&l, b);

    if (l.p2m)
        hv_free_pages(l.p2m, l.p2m_order);
    return bad;
}
