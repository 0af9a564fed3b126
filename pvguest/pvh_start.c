/* SPDX-License-Identifier: MIT */
/*
 * Start of day of a PVH guest: does what a paravirtual domain builder does before its guest runs. Behind what
 * was loaded it puts the table of page frames, whose numbers are the machine's here, and page tables: for the
 * linear area, and for the same table once more where a paravirtual guest finds the hypervisor's.
 */
#include "pvguest/pvh.h"
#include "pvguest/entry.h"
#include "pvguest/flavour.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include "pvguest/vmap.h"
#include <string.h>
#include <xen/arch-x86/cpuid.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>

#define ENTRY_TABLE (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)
#define ENTRY_PAGE  ENTRY_TABLE /* executable too, until memory_init() */
#define GRANULE     1024UL      /* a builder maps whole 4 MiB */
#define SLACK       128UL       /* pages behind all, at least 512 KiB */
#define E820_RAM    1

bool guest_is_pvh;

extern char hypercall_page[], hypercall_gate[], image_end[];

static struct start_info info;
static unsigned long next_page; /* the first pfn that nothing stands in */

/* Pages whose mappings are replaced by those of the rings. */
static char console_ring[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static char store_ring[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static void *at(uint64_t paddr)
{
    return (void *)(PVG_VIRT_BASE + paddr);
}

static void cpuid(uint32_t leaf, uint32_t r[4])
{
    __asm__ __volatile__("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "0"(leaf), "2"(0));
}

static void wrmsr(uint32_t index, uint64_t value)
{
    __asm__ __volatile__("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

void pvh_set_gs_base(unsigned long base)
{
    wrmsr(0xc0000101, base);
}

/* The hypervisor fills its page; the instruction that it uses there becomes that of the library's gate. */
static void find_hypervisor(void)
{
    uint32_t r[4];

    for (uint32_t base = 0x40000000; base < 0x40010000; base += 0x100) {
        cpuid(base, r);
        if (r[1] != XEN_CPUID_SIGNATURE_EBX || r[2] != XEN_CPUID_SIGNATURE_ECX ||
            r[3] != XEN_CPUID_SIGNATURE_EDX)
            continue;
        cpuid(base + 2, r);
        wrmsr(r[1], (unsigned long)hypercall_page - PVG_VIRT_BASE);
        memcpy(hypercall_gate, hypercall_page + 5, 4); /* behind the load of the number */
        return;
    }
    __asm__ __volatile__("ud2"); /* nobody to tell it to */
}

int pvh_add_to_physmap(unsigned int space, unsigned long index, unsigned long gfn)
{
    struct xen_add_to_physmap op = { .domid = DOMID_SELF, .space = space, .idx = index, .gpfn = gfn };

    return (int)hypercall_memory_op(XENMEM_add_to_physmap, &op);
}

static uint64_t get_param(uint32_t index)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = index };

    return hypercall_hvm_op(HVMOP_get_param, &p) ? 0 : p.value;
}

static void keep_behind(uint64_t paddr, uint64_t size)
{
    unsigned long end = (paddr + size + PAGE_SIZE - 1) / PAGE_SIZE;

    next_page = end > next_page ? end : next_page;
}

/* Sees what was loaded where, and copies what is small. */
static void read_start_info(const struct hvm_start_info *hsi, uint64_t paddr)
{
    const struct hvm_modlist_entry *module = at(hsi->modlist_paddr);
    const char *line = hsi->cmdline_paddr ? at(hsi->cmdline_paddr) : "";
    size_t length = strnlen(line, sizeof(info.cmd_line) - 1);

    next_page = ((unsigned long)image_end - PVG_VIRT_BASE) / PAGE_SIZE;
    keep_behind(paddr, sizeof(*hsi));
    keep_behind(hsi->memmap_paddr, hsi->memmap_entries * sizeof(struct hvm_memmap_table_entry));
    memcpy(info.cmd_line, line, length);
    if (hsi->nr_modules) {
        info.mod_start = (unsigned long)at(module->paddr);
        info.mod_len = module->size;
        keep_behind(module->paddr, module->size);
    }
    info.flags = hsi->flags;
    info.console.domU.mfn = get_param(HVM_PARAM_CONSOLE_PFN);
    info.console.domU.evtchn = (uint32_t)get_param(HVM_PARAM_CONSOLE_EVTCHN);
    info.store_mfn = get_param(HVM_PARAM_STORE_PFN);
    info.store_evtchn = (uint32_t)get_param(HVM_PARAM_STORE_EVTCHN);
}

static void *take_pages(size_t count)
{
    void *pages = at(next_page * PAGE_SIZE);

    next_page += count;
    return memset(pages, 0, count * PAGE_SIZE);
}

/* pfn -> pfn for the memory there is, INVALID_MFN elsewhere. */
static void make_p2m(const struct hvm_memmap_table_entry *map, uint32_t entries)
{
    unsigned long *table;

    for (uint32_t i = 0; i < entries; i++)
        if (map[i].type == E820_RAM && (map[i].addr + map[i].size) / PAGE_SIZE > info.nr_pages)
            info.nr_pages = (map[i].addr + map[i].size) / PAGE_SIZE;
    table = take_pages((info.nr_pages * sizeof(*table) + PAGE_SIZE - 1) / PAGE_SIZE);
    memset(table, 0xff, info.nr_pages * sizeof(*table));
    for (uint32_t i = 0; i < entries; i++)
        for (unsigned long n = 0; map[i].type == E820_RAM && n < map[i].size / PAGE_SIZE; n++)
            table[map[i].addr / PAGE_SIZE + n] = map[i].addr / PAGE_SIZE + n;
    info.mfn_list = (unsigned long)table;
}

/* ---- page tables ---- */

static void map_page(pte_t *table, unsigned long va, pte_t entry)
{
    for (unsigned int level = 4; level > 1; level--) {
        pte_t *below = &table[(va >> (PAGE_SHIFT + 9 * (level - 1))) & 511];

        if (!*below)
            *below = ((unsigned long)take_pages(1) - PVG_VIRT_BASE) | ENTRY_TABLE;
        table = at(*below & PTE_FRAME);
    }
    table[(va >> PAGE_SHIFT) & 511] = entry;
}

/* The linear area up to some space behind the tables themselves, which grow with it. */
static void make_tables(void)
{
    size_t m2p_pages = (info.nr_pages * sizeof(unsigned long) + PAGE_SIZE - 1) / PAGE_SIZE;
    unsigned long end = next_page + next_page / 512 + m2p_pages / 512 + 16 + SLACK;
    pte_t *root = take_pages(1);

    end = (end + GRANULE - 1) & ~(GRANULE - 1);
    info.pt_base = (unsigned long)root;
    for (unsigned long pfn = 0; pfn < end && pfn < info.nr_pages; pfn++)
        map_page(root, PVG_VIRT_BASE + pfn * PAGE_SIZE, pte_make(pfn, ENTRY_PAGE));
    for (size_t i = 0; i < m2p_pages; i++)
        map_page(root, MACH2PHYS_VIRT_START + i * PAGE_SIZE,
                 pte_make((info.mfn_list - PVG_VIRT_BASE) / PAGE_SIZE + i, PTE_RO));
    map_page(root, (unsigned long)console_ring, pte_make(info.console.domU.mfn, PTE_RW));
    map_page(root, (unsigned long)store_ring, pte_make(info.store_mfn, PTE_RW));
    info.nr_pt_frames = next_page - ((unsigned long)root - PVG_VIRT_BASE) / PAGE_SIZE;
    __asm__ __volatile__("movq %0, %%cr3" : : "r"((unsigned long)root - PVG_VIRT_BASE) : "memory");
}

void pvh_start(uint64_t start_info_paddr)
{
    const struct hvm_start_info *hsi = at(start_info_paddr);

    guest_is_pvh = true;
    find_hypervisor();
    read_start_info(hsi, start_info_paddr);
    make_p2m(at(hsi->memmap_paddr), hsi->memmap_entries);
    make_tables();
    start_of_day(&info);
    __builtin_unreachable();
}

/* ---- later ---- */

void *pvh_ring(unsigned long gfn)
{
    return gfn == info.store_mfn ? store_ring : console_ring;
}

unsigned long pvh_grant_gfn(const void *addr)
{
    return PVH_GRANT_GFN + ((unsigned long)addr - PVG_MAP_BASE) / PAGE_SIZE;
}
