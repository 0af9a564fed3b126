/* SPDX-License-Identifier: MIT */
/*
 * Domains that the hypervisor itself builds: dom0, and those of the command line. Where things lie says
 * hv/lib/pv_layout.h. Page tables are built as plain memory and become page tables by the same pinning that a
 * guest would use.
 */
#include "hv/boot/domain_build.h"
#include "hv/cpu/desc.h"
#include "hv/lib/elf.h"
#include "hv/lib/errno.h"
#include "hv/lib/printf.h"
#include "hv/lib/pv_layout.h"
#include "hv/lib/string.h"
#include "hv/mm/m2p.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv.h"
#include <xen/elfnote.h>
#include <xen/features.h>

#define TABLE_FLAGS (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

struct building {
    struct domain *d;
    struct elf_image elf;
    struct xen_notes notes;
    struct pv_layout l;
    uint64_t *p2m;          /* mfn of each page frame */
    unsigned int p2m_order; /* of that temporary array */
};

static char why[ELF_WHY_SIZE + 64];

static void *va_of_pfn(const struct building *b, uint64_t pfn)
{
    return mfn_to_virt(mfn(b->p2m[pfn]));
}

/* Direct-map address of the byte at guest virtual address `va` in the region. */
static void *at(const struct building *b, uint64_t va)
{
    return (char *)va_of_pfn(b, pv_layout_pfn(&b->l, va)) + (va & (PAGE_SIZE - 1));
}

/*
 * Give the domain its frames, in pieces as large as there are, and enter them in p2m and M2P. What is loaded
 * relies on zeroes around it; beyond that only dom0, which may read all memory anyway, gets frames as they
 * come.
 */
static const char *allocate_memory(struct building *b)
{
    struct domain *d = b->d;
    unsigned int order = 9;

    while ((PAGE_SIZE << b->p2m_order) < b->l.pages * 8)
        b->p2m_order++;
    b->p2m = hv_alloc_pages(b->p2m_order, 0);
    if (!b->p2m)
        return "out of memory for its page list";
    d->max_pages = b->l.pages;
    for (uint64_t pfn = 0; pfn < b->l.pages;) {
        struct frame *f;

        while ((1ULL << order) > b->l.pages - pfn)
            order--;
        f = domain_alloc_frames(d, order, pfn < b->l.used || !d->hardware ? ALLOC_ZERO : 0);
        if (!f && order == 0) {
            snprintf(why, sizeof(why), "the machine has only %lu KiB for its %lu KiB of memory", pfn * 4,
                     b->l.pages * 4);
            return why;
        }
        if (!f) {
            order--;
            continue;
        }
        for (uint64_t i = 0; i < 1ULL << order; i++, pfn++) {
            b->p2m[pfn] = frame_to_mfn(f).m + i;
            m2p_set(mfn(b->p2m[pfn]), pfn);
        }
    }
    return NULL;
}

/* Copy `bytes` to consecutive page frames from `pfn` on. */
static void copy_to_pfns(const struct building *b, uint64_t pfn, const void *src, uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes; done += PAGE_SIZE, pfn++)
        memcpy(va_of_pfn(b, pfn), (const char *)src + done, min(bytes - done, (uint64_t)PAGE_SIZE));
}

/* Segments go to p_paddr - PADDR_OFFSET + VIRT_BASE, of which b->l.image.start is the lowest. */
static void load_image(const struct building *b)
{
    for (unsigned int i = 0; i < b->elf.nr_segments; i++) {
        const struct elf_segment *s = &b->elf.segment[i];
        uint64_t va = b->l.image.start + (s->paddr - b->elf.paddr_start);
        uint64_t left = s->filesz, off = s->offset;

        while (left) {
            uint64_t n = min(left, PAGE_SIZE - (va & (PAGE_SIZE - 1)));

            memcpy(at(b, va), b->elf.data + off, n);
            va += n;
            off += n;
            left -= n;
        }
    }
}

/* A fresh table page: the next of the region's, or of those behind the p2m list. */
static pte_t *new_table(struct building *b, uint64_t *pfn)
{
    return va_of_pfn(b, (*pfn)++);
}

/* Entry of `va` at `level` below the L4, making the tables in between from the pages at *next. */
static pte_t *walk(struct building *b, pte_t *table, uint64_t va, unsigned int level, uint64_t *next)
{
    for (unsigned int at_level = 4; at_level > level; at_level--) {
        pte_t *e = &table[pt_index(va, at_level)];

        if (!*e)
            *e = pte_make(virt_to_mfn(new_table(b, next)), TABLE_FLAGS);
        table = mfn_to_virt(pte_mfn(*e));
    }
    return &table[pt_index(va, level)];
}

static void map_pfns(struct building *b, pte_t *l4, uint64_t va, uint64_t pfn, uint64_t n, uint64_t *next)
{
    for (; n; n--, pfn++, va += PAGE_SIZE) {
        uint64_t flags = pv_layout_writable(&b->l, pfn) ? TABLE_FLAGS : TABLE_FLAGS & ~(uint64_t)PTE_RW;

        *walk(b, l4, va, 1, next) = pte_make(mfn(b->p2m[pfn]), flags);
    }
}

static const char *make_tables(struct building *b, struct vcpu *v)
{
    uint64_t next = pv_layout_pfn(&b->l, b->l.tables),
             next_p2m = b->l.p2m_pfn + pv_layout_pages(b->l.pages * 8);
    pte_t *l4 = new_table(b, &next);
    mfn_t root = virt_to_mfn(l4);
    int rc;

    map_pfns(b, l4, b->l.base, 0, pv_layout_pfn(&b->l, b->l.end), &next);
    if (b->l.p2m_elsewhere)
        map_pfns(b, l4, b->notes.init_p2m, b->l.p2m_pfn, pv_layout_pages(b->l.pages * 8), &next_p2m);
    spin_lock(&b->d->mmu_lock);
    do {
        current->work = 0;
        rc = page_pin(b->d, root, 4);
    } while (rc == -ERESTART);
    if (!rc)
        rc = page_get_type(root, b->d, PGT_L4);
    spin_unlock(&b->d->mmu_lock);
    if (rc)
        return "its first page tables were refused";
    v->pv.kernel_table = root;
    v->pv.user_table = mfn(0);
    v->pv.cr3 = root.m << PAGE_SHIFT;
    return NULL;
}

static void fill_start_info(const struct building *b, const char *cmdline)
{
    struct start_info *si = at(b, b->l.start_info);

    memset(si, 0, PAGE_SIZE);
    pv_layout_start_info(&b->l, si, virt_to_phys(b->d->shared_info), cmdline);
    if (b->d->hardware)
        si->flags |= SIF_PRIVILEGED | SIF_INITDOMAIN;
}

static const char *make_rings(const struct building *b, bool xenstore)
{
    struct start_info *si = at(b, b->l.start_info);
    uint64_t store = b->p2m[pv_layout_pfn(&b->l, b->l.store)];
    uint64_t console = b->p2m[pv_layout_pfn(&b->l, b->l.console)];
    const char *bad = NULL;
    uint32_t port = 0;

    /* A store_evtchn of 0 tells the kernel that there is none. */
    if (xenstore) {
        bad = ring_make_store(b->d, store, &port);
        si->store_mfn = store;
        si->store_evtchn = port;
    }
    if (!bad)
        bad = ring_make_console(b->d, console, mfn(console), &port);
    si->console.domU.mfn = console;
    si->console.domU.evtchn = port;
    return bad;
}

static void set_registers(const struct building *b, struct vcpu *v)
{
    v->regs = (struct regs){
        .rip = b->notes.virt_entry,
        .cs = SEL_GUEST_CS64,
        .ss = SEL_GUEST_DS,
        .rflags = X86_EFLAGS_IF | X86_EFLAGS_MBS,
        .rsp = b->l.stack + PAGE_SIZE,
        .rsi = b->l.start_info,
    };
    v->pv.in_kernel = true;
    v->pv.kernel_sp = v->regs.rsp;
    v->pv.kernel_ss = SEL_GUEST_DS;
    v->initialised = true;
    v->pause_flags &= ~(uint64_t)VPF_DOWN;
}

static const char *build(struct building *b, const struct domain_build *spec)
{
    struct vcpu *v = b->d->vcpu[0];
    struct xen_pv_range image;
    const char *bad;

    if (!elf_parse(&b->elf, spec->kernel, spec->kernel_size, why) ||
        !xen_notes_parse(&b->notes, &b->elf, why) ||
        !xen_notes_check_pv(&b->notes, &b->elf, BIT(XENFEAT_auto_translated_physmap), &image, why) ||
        !pv_layout_plan(&b->l, &b->notes, &image, spec->pages, spec->initrd_size, !b->d->hardware, why))
        return why;
    bad = allocate_memory(b);
    if (bad)
        return bad;
    load_image(b);
    if (xen_notes_have(&b->notes, XEN_ELFNOTE_HYPERCALL_PAGE))
        pv_fill_hypercall_page(at(b, b->notes.hypercall_page));
    if (spec->initrd)
        copy_to_pfns(b, pv_layout_initrd_pfn(&b->l), spec->initrd, spec->initrd_size);
    copy_to_pfns(b, pv_layout_p2m_pfn(&b->l), b->p2m, b->l.pages * 8);
    fill_start_info(b, spec->cmdline);
    bad = make_tables(b, v);
    if (!bad && !b->d->hardware)
        bad = make_rings(b, spec->xenstore);
    set_registers(b, v);
    return bad;
}

const char *pv_build(struct domain *d, const struct domain_build *spec)
{
    struct building b = { .d = d };
    const char *bad = build(&b, spec);

    if (b.p2m)
        hv_free_pages(b.p2m, b.p2m_order);
    return bad;
}
