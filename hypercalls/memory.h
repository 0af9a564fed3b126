/* SPDX-License-Identifier: MIT */
/* memory_op: what its files offer the dispatcher in memory.c. */
#ifndef HYPERCALLS_MEMORY_H
#define HYPERCALLS_MEMORY_H

#include "hypercalls/hypercall.h"
#include <xen/arch-x86/hvm/start_info.h>

/* memory_op's command word: the sub-operation in the low 6 bits, the extent to go on with above. */
#define MEMORY_EXTENT_SHIFT 6
#define MEMORY_CMD(word)    ((unsigned int)(word) & ((1u << MEMORY_EXTENT_SHIFT) - 1))
#define MEMORY_EXTENT(word) ((word) >> MEMORY_EXTENT_SHIFT)

/*
 * Sub-operations: `arg` is the guest's structure. A value or negative errno; HYPERCALL_RESTART with *word
 * (the command word of the restarted call) moved on.
 */
typedef int64_t memory_fn(uint64_t *word, gva_t arg);

/* memory_reservation.c */
memory_fn memory_increase_reservation, memory_decrease_reservation, memory_populate_physmap;
/* memory_exchange.c */
memory_fn memory_exchange;
/* memory_map.c */
memory_fn memory_map_get, memory_map_set, memory_map_machine, memory_machphys_mapping,
    memory_machphys_mfn_list;

/* What XENMEM_memory_map tells d from now on, by a builder in the hypervisor. 0, -ENOMEM. */
int memory_map_define(struct domain *d, const struct hvm_memmap_table_entry *entry, unsigned int n);
void memory_map_free(struct domain *d);

/* Largest extent order that the caller may ask for. */
unsigned int memory_max_order(const struct domain *d);
/* Allocator flags for XENMEMF_address_bits in `mem_flags`. 0, -EINVAL. */
int memory_alloc_flags(uint32_t mem_flags, unsigned int *flags);

#endif
