/* SPDX-License-Identifier: MIT */
/* PVH domains that the hypervisor itself builds. Where things lie says hv/lib/pvh_layout.h. */
#include "hv/boot/direct_memory.h"
#include "hv/boot/domain_build.h"
#include "hv/hvm/hvm.h"
#include "hv/io/acpi.h"
#include "hv/lib/elf.h"
#include "hv/lib/printf.h"
#include "hv/lib/pvh_acpi.h"
#include "hv/lib/pvh_layout.h"
#include "hv/lib/string.h"
#include "hv/mm/m2p.h"
#include "hypercalls/memory.h"
#include <xen/hvm/params.h>

struct building {
    struct domain *d;
    struct elf_image elf;
    struct xen_notes notes;
    struct pvh_layout l;
};

static char why[ELF_WHY_SIZE + 64];

static bool enter(struct domain *d, uint64_t pfn, struct frame *f, unsigned int order)
{
    int rc;

    spin_lock(&d->mmu_lock);
    rc = p2m_set(d, gfn(pfn), frame_to_mfn(f), order, P2M_RAM);
    spin_unlock(&d->mmu_lock);
    return rc == 0;
}

/* Give the domain frames for [start, end), in pieces as large as the machine has and the processor maps. */
static const char *populate(struct domain *d, uint64_t start, uint64_t end)
{
    unsigned int largest = min(hvm_ops->p2m_max_order, (uint32_t)FRAME_ORDER_MAX);

    for (uint64_t pfn = start >> PAGE_SHIFT; pfn < end >> PAGE_SHIFT;) {
        unsigned int order = P2M_ORDER_4K;
        struct frame *f;

        if (IS_ALIGNED(pfn, 1ULL << P2M_ORDER_1G) && pfn + (1ULL << P2M_ORDER_1G) <= end >> PAGE_SHIFT)
            order = P2M_ORDER_1G;
        else if (IS_ALIGNED(pfn, 1ULL << P2M_ORDER_2M) && pfn + (1ULL << P2M_ORDER_2M) <= end >> PAGE_SHIFT)
            order = P2M_ORDER_2M;
        order = min(order, largest);
        while (!(f = domain_alloc_frames(d, order, ALLOC_ZERO)) && order)
            largest = order = order - P2M_ORDER_2M;
        if (!f) {
            snprintf(why, sizeof(why), "the machine has no memory for its physical address %#lx",
                     pfn << PAGE_SHIFT);
            return why;
        }
        for (uint64_t i = 0; i < BIT(order); i++)
            m2p_set(mfn_add(frame_to_mfn(f), i), pfn + i);
        if (!enter(d, pfn, f, order))
            return "out of memory for its second-level page table";
        pfn += 1ULL << order;
    }
    return NULL;
}

static const char *allocate_memory(const struct building *b)
{
    const uint64_t acpi_end = PVH_ACPI_START + PVH_ACPI_PAGES * PAGE_SIZE;
    struct domain *d = b->d;
    const char *bad;

    d->max_pages = (b->l.ram_bytes >> PAGE_SHIFT) + PVH_ACPI_PAGES + 2;
    bad = populate(d, 0, b->l.low_end);
    if (!bad && b->l.high_end)
        bad = populate(d, GIB(4), b->l.high_end);
    if (!bad)
        bad = populate(d, PVH_ACPI_START, acpi_end);
    if (!bad)
        bad = populate(d, PVH_STORE_PFN << PAGE_SHIFT, (PVH_STORE_PFN + 1) << PAGE_SHIFT);
    if (!bad)
        bad = populate(d, PVH_CONSOLE_PFN << PAGE_SHIFT, (PVH_CONSOLE_PFN + 1) << PAGE_SHIFT);
    return bad;
}

/* The hardware domain: its kernel at the addresses that it is linked for, all else where the machine has it.
 */
static const char *allocate_direct_memory(struct building *b, uint64_t pages)
{
    uint64_t kernel = ALIGN_DOWN(b->elf.paddr_start, PAGE_SIZE), end = ALIGN_UP(b->elf.paddr_end, PAGE_SIZE);
    const char *bad;

    b->d->direct_mapped = true;
    b->d->max_pages = ALIGN_UP(pages, BIT(P2M_ORDER_2M)) + ((end - kernel) >> PAGE_SHIFT);
    bad = direct_memory_allocate(b->d, pages, kernel, end, &b->l);
    return bad ? bad : populate(b->d, kernel, end);
}

/* Direct-map address of a byte of the domain's memory, good to the end of its page. */
static void *at(const struct building *b, uint64_t paddr)
{
    return (char *)mfn_to_virt(p2m_lookup(b->d, gfn(paddr >> PAGE_SHIFT), NULL)) + (paddr & ~PAGE_MASK);
}

static void copy_to(const struct building *b, uint64_t paddr, const void *src, uint64_t bytes)
{
    const char *from = src;

    while (bytes) {
        uint64_t n = min(bytes, PAGE_SIZE - (paddr & ~PAGE_MASK));

        memcpy(at(b, paddr), from, n);
        paddr += n;
        from += n;
        bytes -= n;
    }
}

static const char *define_map(const struct building *b)
{
    return memory_map_define(b->d, b->l.memmap, b->l.nr_memmap) ? "out of memory for its memory map" : NULL;
}

static const char *load_acpi(const struct building *b)
{
    static uint64_t tables[PVH_ACPI_PAGES * PAGE_SIZE / 8];

    memset(tables, 0, sizeof(tables));
    pvh_acpi_build(tables, PVH_ACPI_START, b->d->max_vcpus);
    copy_to(b, PVH_ACPI_START, tables, sizeof(tables));
    if (b->l.rsdp != PVH_ACPI_START)
        copy_to(b, b->l.rsdp, tables, PVH_ACPI_RSDP_SIZE);
    return define_map(b);
}

/* The hardware domain sees the machine's own tables. */
static const char *describe_machine(struct building *b)
{
    b->l.rsdp = (uint32_t)acpi_info.rsdp;
    return define_map(b);
}

static void load(const struct building *b, const struct domain_build *spec)
{
    static uint8_t start_of_day[2 * PAGE_SIZE];

    for (unsigned int i = 0; i < b->elf.nr_segments; i++) {
        const struct elf_segment *s = &b->elf.segment[i];

        copy_to(b, s->paddr, b->elf.data + s->offset, s->filesz);
    }
    copy_to(b, b->l.ramdisk, spec->initrd, b->l.ramdisk_bytes);
    pvh_write_start_info(&b->l, start_of_day);
    copy_to(b, b->l.start_info, start_of_day, b->l.start_info_bytes);
}

static const char *make_rings(const struct building *b, bool xenstore)
{
    struct domain *d = b->d;
    const char *bad = NULL;
    uint32_t port = 0;

    if (xenstore) {
        bad = ring_make_store(d, PVH_STORE_PFN, &port);
        d->hvm->params[HVM_PARAM_STORE_PFN] = PVH_STORE_PFN;
        d->hvm->params[HVM_PARAM_STORE_EVTCHN] = port;
    }
    if (!bad)
        bad = ring_make_console(d, PVH_CONSOLE_PFN, p2m_lookup(d, gfn(PVH_CONSOLE_PFN), NULL), &port);
    d->hvm->params[HVM_PARAM_CONSOLE_PFN] = PVH_CONSOLE_PFN;
    d->hvm->params[HVM_PARAM_CONSOLE_EVTCHN] = port;
    return bad;
}

const char *pvh_build(struct domain *d, const struct domain_build *spec)
{
    struct building b = {
        .d = d,
        .l = { .ram_bytes = spec->pages << PAGE_SHIFT,
               .ramdisk_bytes = spec->initrd_size,
               .cmdline = spec->cmdline,
               .flags = d->hardware ? SIF_PRIVILEGED | SIF_INITDOMAIN : 0 },
    };
    struct vcpu *v = d->vcpu[0];
    const char *bad;

    if (!elf_parse(&b.elf, spec->kernel, spec->kernel_size, why) || !xen_notes_parse(&b.notes, &b.elf, why))
        return why;
    bad = d->hardware ? allocate_direct_memory(&b, spec->pages) : NULL;
    if (bad)
        return bad;
    if (!pvh_plan(&b.l, &b.elf, &b.notes, why))
        return why;
    bad = d->hardware ? describe_machine(&b) : allocate_memory(&b);
    if (!bad && !d->hardware)
        bad = load_acpi(&b);
    if (bad)
        return bad;
    load(&b, spec);
    if (!d->hardware)
        bad = make_rings(&b, spec->xenstore);
    hvm_start_pvh(v, b.l.entry, (uint32_t)b.l.start_info);
    v->initialised = true;
    v->pause_flags &= ~(uint64_t)VPF_DOWN;
    return bad;
}
