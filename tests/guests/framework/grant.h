/* SPDX-License-Identifier: MIT */
/* This domain's grant table, version 1, and one-call wrappers around grant_table_op. */
#ifndef GUESTS_GRANT_H
#define GUESTS_GRANT_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/grant_table.h>

/* First reference free for tests (the toolstack presets the first eight), and their number. */
#define GRANT_FIRST 8u
#define GRANT_COUNT 512u

/* The shared v1 entries; maps the first frame on first use. */
volatile grant_entry_v1_t *grant_table(void);
/* Drops the mapping made by grant_table(), as a version change does. */
void grant_table_remap(void);
/* Fills an entry for access by dom; GTF_readonly in flags or 0. */
void grant_access(grant_ref_t ref, domid_t dom, const void *page, uint16_t flags);
/* Clears an entry. Returns false (and leaves it) while it is in use. */
bool grant_end(grant_ref_t ref);

/* Each returns the operation's status (GNTST_*); hypercall failures come back as they are. */
int grant_map(uint64_t host_addr, uint32_t flags, grant_ref_t ref, domid_t dom, grant_handle_t *handle);
int grant_unmap(uint64_t host_addr, grant_handle_t handle);

#endif
