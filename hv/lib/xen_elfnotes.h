/* SPDX-License-Identifier: MIT */
/*
 * What a guest kernel's ELF image says about itself to Xen: ELF notes named "Xen" (<xen/elfnote.h>), or the
 * older text section `__xen_guest`. Untrusted, as the image.
 */
#ifndef HV_LIB_XEN_ELFNOTES_H
#define HV_LIB_XEN_ELFNOTES_H

#include "hv/lib/elf.h"

#define XEN_NOTE_TEXT_SIZE 32

struct xen_notes {
    uint32_t seen; /* bit n: note type n (XEN_ELFNOTE_*) is there; see xen_notes_have() */
    bool legacy;   /* from __xen_guest instead of notes */

    uint64_t virt_entry;         /* where vCPU 0 starts; e_entry unless the note says otherwise */
    uint64_t virt_base;          /* where the kernel wants pseudo-physical address 0 mapped */
    uint64_t paddr_offset;       /* subtracted from the segments' p_paddr */
    uint64_t hypercall_page;     /* with XEN_ELFNOTE_HYPERCALL_PAGE */
    uint64_t init_p2m;           /* with XEN_ELFNOTE_INIT_P2M: where the p2m wants to be mapped */
    uint64_t phys32_entry;       /* with XEN_ELFNOTE_PHYS32_ENTRY */
    bool mod_start_pfn;          /* the kernel takes an unmapped initrd, by frame number */
    bool suspend_cancel;         /* the kernel can resume from a suspend that did not happen */
    uint64_t features_supported; /* bit n: XENFEAT_n, submap 0 */
    uint64_t features_required;

    /* Texts, cut to fit; "" without the note. */
    char guest_os[XEN_NOTE_TEXT_SIZE];
    char guest_version[XEN_NOTE_TEXT_SIZE];
    char xen_version[XEN_NOTE_TEXT_SIZE];
    char loader[XEN_NOTE_TEXT_SIZE];
};

static inline bool xen_notes_have(const struct xen_notes *notes, unsigned type)
{
    return (notes->seen >> type) & 1;
}

/*
 * Reads the notes of a parsed image: those of PT_NOTE segments, else those of SHT_NOTE sections, else the
 * text of
 * __xen_guest. Of two notes of one type the later counts. Returns false with a sentence in why[ELF_WHY_SIZE]
 * if there are none or one cannot be understood.
 */
bool xen_notes_parse(struct xen_notes *notes, const struct elf_image *elf, char *why);

/* The virtual address range [start, end) that a PV kernel's image occupies. */
struct xen_pv_range {
    uint64_t start;
    uint64_t end;
};

/*
 * Checks that the image can start as a 64-bit PV kernel, and computes where it goes. A kernel that requires
 * one of the features `refused` (XENFEAT_* bits) cannot start here. Returns as xen_notes_parse().
 */
bool xen_notes_check_pv(const struct xen_notes *notes, const struct elf_image *elf, uint64_t refused,
                        struct xen_pv_range *range, char *why);

/* Whether INIT_P2M is there and can be honoured: page aligned and below the kernel. Otherwise it is to be
 * ignored. */
bool xen_notes_use_init_p2m(const struct xen_notes *notes);

#endif
