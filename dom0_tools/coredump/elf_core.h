/* SPDX-License-Identifier: MIT */
/*
 * The file: a 64-bit ELF core for gdb (program headers: PT_NOTE with the registers of each vCPU as a thread,
 * PT_LOAD for what the kernel has mapped), which is at the same time Xen's dump-core format, version 1
 * (sections .note.Xen, .xen_prstatus, .xen_shared_info, .xen_p2m or .xen_pfn, .xen_pages). Written from front
 * to back.
 */
#ifndef DOM0_COREDUMP_ELF_CORE_H
#define DOM0_COREDUMP_ELF_CORE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <xen/xen.h>

#include "dom0_tools/coredump/page_list.h"

/* Most pages that are read at once. */
#define ELF_CORE_PAGES_ONCE 64U

struct elf_core {
    bool hvm;                              /* a hardware guest */
    const struct vcpu_guest_context *vcpu; /* nr_vcpus of them */
    unsigned int nr_vcpus;
    const void *shared_info; /* a page */
    const struct page_walk *walk;
    const struct page_list *list;
    /* Fills `data` with the pages [place, place + count) of the list. */
    void (*read_pages)(void *arg, size_t place, size_t count, char *data);
    void *arg;
};

/* False when the file could not be written; errno says why. */
bool elf_core_write(FILE *file, const struct elf_core *core);

#endif
