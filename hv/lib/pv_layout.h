/* SPDX-License-Identifier: MIT */
/*
 * Where everything lies when a PV kernel starts (<xen/xen.h>, "Start-of-day memory layout"), computed from
 * its notes. From VIRT_BASE up, page frame n at VIRT_BASE + n * 4096:
 *
 *   kernel | initrd (1) | p2m list (2) | start_info | store, console ring (3) | page tables | boot stack |
 * padding
 *
 * (1) unless the kernel takes it by frame number (MOD_START_PFN); then it follows the mapped region,
 * unmapped. (2) unless the kernel names an address for it (INIT_P2M); then it follows too, mapped there by
 * tables of its own. (3) domains other than dom0. The region ends at a multiple of 4 MiB, at least 512 KiB
 * above the stack; in a domain of less memory with its last page (Xen's builders refuse such a domain). All
 * of it is mapped writable and executable, except the page tables, which are read-only.
 */
#ifndef HV_LIB_PV_LAYOUT_H
#define HV_LIB_PV_LAYOUT_H

#include "hv/lib/xen_elfnotes.h"
#include <xen/xen.h>

struct pv_layout {
    struct xen_pv_range image; /* virtual addresses of the kernel's segments */
    uint64_t base;             /* VIRT_BASE */
    uint64_t pages;            /* of the domain */

    /* Virtual addresses; 0 for what there is not. */
    uint64_t initrd, p2m_list, start_info, store, console, tables, stack, end;
    uint64_t nr_tables; /* pages of page tables, of which the L4 is the first */

    /* Page frames behind the region. */
    uint64_t initrd_pfn, p2m_pfn;
    uint64_t nr_p2m_frames; /* the list, and the tables below the L4 that map it */

    uint64_t initrd_size; /* bytes, 0 = none */
    uint64_t init_p2m;    /* where the list is mapped if p2m_elsewhere */
    uint64_t used;        /* page frames, from 0, that the start of day fills */
    bool initrd_by_pfn, p2m_elsewhere;
};

/*
 * Place everything for a kernel whose image and notes have been checked (xen_notes_check_pv()), in a domain
 * of `pages` pages, with or without rings to xenstore and console. False with a sentence in why[ELF_WHY_SIZE]
 * when the memory does not suffice.
 */
bool pv_layout_plan(struct pv_layout *l, const struct xen_notes *notes, const struct xen_pv_range *image,
                    uint64_t pages, uint64_t initrd_size, bool rings, char *why);

/* Pages that `bytes` fill. */
static inline uint64_t pv_layout_pages(uint64_t bytes)
{
    return DIV_ROUND_UP(bytes, PAGE_SIZE);
}

/* The page frame of a virtual address of the region. */
static inline uint64_t pv_layout_pfn(const struct pv_layout *l, uint64_t va)
{
    return (va - l->base) >> PAGE_SHIFT;
}

/* The first page frame of the initrd, and of the p2m list. */
uint64_t pv_layout_initrd_pfn(const struct pv_layout *l);
uint64_t pv_layout_p2m_pfn(const struct pv_layout *l);

/* Whether the frame is mapped writable: it is no page table. */
bool pv_layout_writable(const struct pv_layout *l, uint64_t pfn);

/*
 * Fill the start_info page, zeroed before, except what the caller alone knows: flags beside
 * SIF_MOD_START_PFN, and the rings' frames and ports. shared_info: machine address. A command line that is
 * too long is cut.
 */
void pv_layout_start_info(const struct pv_layout *l, struct start_info *si, uint64_t shared_info,
                          const char *cmdline);

#endif
