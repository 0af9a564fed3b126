/* SPDX-License-Identifier: MIT */
/*
 * Start of day of a PVH guest: does what a paravirtual domain builder does before its guest runs. Behind what
 * was loaded it puts the table of page frames and page tables: for the linear area, and for the table of the
 * opposite direction where a paravirtual guest finds the hypervisor's. The machine's frames are here the
 * domain's physical ones.
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
#define M2P_ENTRIES (PAGE_SIZE / sizeof(unsigned long))
#define E820_RAM    1
#define MAX_MAP     128
#define BEHIND_HOLE (1UL << (32 - PAGE_SHIFT)) /* 4 GiB */
#define GIVE_BATCH  256

/* pvh_head.S: the tables of the first moments, of pages of 2 MiB. */
#define BOOT_PAGE   0x200000UL
#define BOOT_ENTRY  0xe3UL
#define BOOT_WINDOW (PVG_VIRT_BASE / BOOT_PAGE) /* entries below the linear area */

bool guest_is_pvh;

extern char hypercall_page[], hypercall_gate[], image_end[];
extern pte_t boot_l2[512];

/* The PC firmware's form. */
struct e820_entry {
    uint64_t addr, size;
    uint32_t type;
} __attribute__((packed));

static struct e820_entry map[MAX_MAP];
static uint32_t map_entries;
static unsigned long map_gfn; /* of PVG_MAP_BASE: see pvh_map_gfn() */

static struct start_info info;
static unsigned long next_page; /* the first pfn that nothing stands in */

/* Pages whose mappings are replaced by those of the rings. */
static char console_ring[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static char store_ring[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static uint64_t memory_base; /* physical address of page frame 0 */

static void *at(uint64_t paddr)
{
    return (void *)(PVG_VIRT_BASE + (paddr - memory_base));
}

static uint64_t paddr_of(const void *linear)
{
    return (unsigned long)linear - PVG_VIRT_BASE + memory_base;
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

/* ---- where memory is ---- */

static void load_root(uint64_t paddr)
{
    __asm__ __volatile__("movq %0, %%cr3" : : "r"(paddr) : "memory");
}

static void read_map(void)
{
    struct xen_memory_map op = { .nr_entries = sizeof(map) / sizeof(map[0]) };

    set_xen_guest_handle(op.buffer, map);
    if (!hypercall_memory_op(XENMEM_memory_map, &op))
        map_entries = op.nr_entries;
}

static size_t ram_pages(const struct e820_entry *e)
{
    return e->type == E820_RAM ? e->size / PAGE_SIZE : 0;
}

static const struct e820_entry *ram_at(uint64_t paddr)
{
    for (uint32_t i = 0; i < map_entries; i++)
        if (ram_pages(&map[i]) && paddr >= map[i].addr && paddr - map[i].addr < map[i].size)
            return &map[i];
    __asm__ __volatile__("ud2"); /* nobody to tell it to */
    __builtin_unreachable();
}

/*
 * Devices without an IOMMU take the addresses that a driver gives them for the machine's. A domain that
 * drives such devices finds its memory at machine addresses, which its kernel is not linked for: it is loaded
 * where there is no memory, with the rest of the start of day in the largest piece that there is, behind room
 * for itself. There it moves to, so that all of its memory is the devices' too.
 */
static void move_image(uint64_t start_info_paddr)
{
    const struct e820_entry *ram = ram_at(start_info_paddr);
    size_t bytes = (size_t)(image_end - (char *)PVG_VIRT_BASE), count = (bytes + BOOT_PAGE - 1) / BOOT_PAGE;

    if (!ram->addr)
        return;
    if (ram->addr % BOOT_PAGE || count > BOOT_WINDOW)
        __asm__ __volatile__("ud2");
    for (size_t i = 0; i < count; i++)
        boot_l2[i] = (ram->addr + i * BOOT_PAGE) | BOOT_ENTRY;
    for (size_t i = count; i < 512 - BOOT_WINDOW && i * BOOT_PAGE < ram->size; i++)
        boot_l2[BOOT_WINDOW + i] = (ram->addr + i * BOOT_PAGE) | BOOT_ENTRY;
    memory_base = ram->addr;
    pvh_move_image(&boot_l2[BOOT_WINDOW], memory_base | BOOT_ENTRY, count, bytes / sizeof(uint64_t));
}

static void give_back_first_image(void)
{
    static xen_pfn_t frames[GIVE_BATCH];
    unsigned long end = (unsigned long)(image_end - (char *)PVG_VIRT_BASE) / PAGE_SIZE;

    for (unsigned long gfn = 0; gfn < end;) {
        struct xen_memory_reservation op = { .domid = DOMID_SELF };

        for (; op.nr_extents < GIVE_BATCH && gfn < end; gfn++)
            frames[op.nr_extents++] = gfn;
        set_xen_guest_handle(op.extent_start, frames);
        hypercall_memory_op(XENMEM_decrease_reservation, &op);
    }
}

/* Where nothing else should be: behind all memory, and in the second quarter of the address space, as
 * firmware gives devices addresses near memory or at the end. */
static void choose_map_gfn(void)
{
    uint32_t r[4];

    cpuid(0x80000008, r);
    map_gfn = 1UL << ((r[0] & 0xff) - 2 - PAGE_SHIFT);
    for (uint32_t i = 0; i < map_entries; i++)
        if (map_gfn < (map[i].addr + map[i].size) / PAGE_SIZE)
            map_gfn = (map[i].addr + map[i].size) / PAGE_SIZE;
}

static void keep_behind(uint64_t paddr, uint64_t size)
{
    unsigned long end = (paddr - memory_base + size + PAGE_SIZE - 1) / PAGE_SIZE;

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
    void *pages = pfn_to_virt(next_page);

    next_page += count;
    return memset(pages, 0, count * PAGE_SIZE);
}

/* Page frames are numbered from the piece of memory on that starts with the image, without gaps. */
static void make_p2m(void)
{
    size_t pages = 0, next = 0;

    for (uint32_t i = 0; i < map_entries; i++)
        pages += ram_pages(&map[i]);
    p2m = take_pages((pages * sizeof(*p2m) + PAGE_SIZE - 1) / PAGE_SIZE);
    for (uint32_t i = 0; i < map_entries; i++)
        for (unsigned long n = 0; map[i].addr == memory_base && n < ram_pages(&map[i]); n++)
            p2m[next++] = map[i].addr / PAGE_SIZE + n;
    for (uint32_t i = 0; i < map_entries; i++)
        for (unsigned long n = 0; map[i].addr != memory_base && n < ram_pages(&map[i]); n++)
            p2m[next++] = map[i].addr / PAGE_SIZE + n;
    info.nr_pages = pages;
    info.mfn_list = (unsigned long)p2m;
}

/* ---- page tables ---- */

/* The level-1 entry of va, with the tables above it. */
static pte_t *slot_of(pte_t *table, unsigned long va)
{
    for (unsigned int level = 4; level > 1; level--) {
        pte_t *below = &table[(va >> (PAGE_SHIFT + 9 * (level - 1))) & 511];

        if (!*below)
            *below = paddr_of(take_pages(1)) | ENTRY_TABLE;
        table = at(*below & PTE_FRAME);
    }
    return &table[(va >> PAGE_SHIFT) & 511];
}

static void map_page(pte_t *root, const void *va, unsigned long gfn)
{
    *slot_of(root, (unsigned long)va) = pte_make(gfn, PTE_RW);
}

/* The page of the table gfn -> pfn that a gfn is in, made when it is first asked for. */
static unsigned long *m2p_page(pte_t *root, unsigned long gfn)
{
    pte_t *slot = slot_of(root, MACH2PHYS_VIRT_START + gfn * sizeof(unsigned long));

    if (!*slot)
        *slot = paddr_of(memset(take_pages(1), 0xff, PAGE_SIZE)) | PTE_RO;
    return at(*slot & PTE_FRAME);
}

static void make_m2p(pte_t *root)
{
    unsigned long *page = NULL, last = INVALID_MFN;

    for (unsigned long pfn = 0; pfn < info.nr_pages; pfn++) {
        if (!page || p2m[pfn] / M2P_ENTRIES != last)
            page = m2p_page(root, p2m[pfn]);
        last = p2m[pfn] / M2P_ENTRIES;
        page[p2m[pfn] % M2P_ENTRIES] = pfn;
    }
}

/* The linear area up to some space behind the tables themselves, which grow with it. */
static void make_tables(void)
{
    size_t m2p_pages = info.nr_pages / M2P_ENTRIES + 2 * map_entries;
    unsigned long end = next_page + next_page / 512 + m2p_pages + m2p_pages / 512 + 16 + SLACK;
    pte_t *root = take_pages(1);

    end = (end + GRANULE - 1) & ~(GRANULE - 1);
    info.pt_base = (unsigned long)root;
    for (unsigned long pfn = 0; pfn < end && pfn < info.nr_pages; pfn++)
        *slot_of(root, PVG_VIRT_BASE + pfn * PAGE_SIZE) = pte_make(p2m[pfn], ENTRY_PAGE);
    make_m2p(root);
    if (info.console.domU.evtchn)
        map_page(root, console_ring, info.console.domU.mfn);
    if (info.store_evtchn)
        map_page(root, store_ring, info.store_mfn);
    info.nr_pt_frames = next_page - ((unsigned long)root - PVG_VIRT_BASE) / PAGE_SIZE;
    load_root(paddr_of(root));
}

void pvh_start(uint64_t start_info_paddr)
{
    guest_is_pvh = true;
    find_hypervisor();
    read_map();
    move_image(start_info_paddr);
    read_start_info(at(start_info_paddr), start_info_paddr);
    make_p2m();
    make_tables();
    if (memory_base)
        give_back_first_image();
    choose_map_gfn();
    start_of_day(&info);
    __builtin_unreachable();
}

/* ---- later ---- */

void *pvh_ring(unsigned long gfn)
{
    return gfn == info.store_mfn ? store_ring : console_ring;
}

unsigned long pvh_map_gfn(const void *addr)
{
    return map_gfn + ((unsigned long)addr - PVG_MAP_BASE) / PAGE_SIZE;
}

bool pvh_is_map_gfn(unsigned long gfn)
{
    return gfn - map_gfn < (PVG_MAP_END - PVG_MAP_BASE) / PAGE_SIZE;
}

unsigned long pvh_gfn(unsigned long pfn)
{
    unsigned long behind = BEHIND_HOLE;

    for (int others = 0; others < 2; others++) /* in the order of make_p2m() */
        for (uint32_t i = 0; i < map_entries; i++) {
            unsigned long first = map[i].addr / PAGE_SIZE, pages = ram_pages(&map[i]);

            if ((map[i].addr != memory_base) != others)
                continue;
            if (pfn < pages)
                return first + pfn;
            pfn -= pages;
            if (first + map[i].size / PAGE_SIZE > behind)
                behind = first + map[i].size / PAGE_SIZE;
        }
    return behind + pfn;
}

bool pvh_has_room(size_t pages)
{
    return pvh_gfn(pages - 1) < map_gfn;
}

/* The page of the table gfn -> pfn that an address in it is in, made when it is first asked for. */
static unsigned long *m2p_page_later(unsigned long va)
{
    pte_t pte = pt_lookup(va);
    unsigned long *page;

    if (pte)
        return mfn_to_virt(pte_mfn(pte));
    page = page_alloc(0);
    if (!page)
        return NULL;
    memset(page, 0xff, PAGE_SIZE);
    if (pt_entry_create(va) && !pt_set(va, pte_make(virt_to_mfn(page), PTE_RO)))
        return page;
    page_free(page, 0);
    return NULL;
}

bool pvh_number_pages(unsigned long first, unsigned long end)
{
    for (unsigned long pfn = first; pfn < end; pfn++) {
        unsigned long gfn = pvh_gfn(pfn);
        unsigned long *page = m2p_page_later(MACH2PHYS_VIRT_START + gfn * sizeof(unsigned long));

        if (!page)
            return false;
        page[gfn % M2P_ENTRIES] = pfn;
    }
    return true;
}
