/* SPDX-License-Identifier: MIT */
/*
 * Batches of copies between pages that another domain grants us and our own: one hypercall for many
 * (GNTTABOP_copy). What is copied is ours alone afterwards, whatever the other domain writes.
 */
#ifndef SPLIT_DRIVERS_GRANT_COPY_H
#define SPLIT_DRIVERS_GRANT_COPY_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/grant_table.h>

#define GRANT_COPY_BATCH 256

struct grant_copy {
    domid_t domid;
    unsigned int nr;
    struct gnttab_copy op[GRANT_COPY_BATCH];
};

/* Adds a copy out of or into the granted page; there must be room for it. ours: in a page of page_alloc().
 * Neither side may cross a page's end; the hypervisor checks the other's. */
void grant_copy_from(struct grant_copy *batch, grant_ref_t ref, uint16_t offset, void *ours, uint16_t length);
void grant_copy_to(struct grant_copy *batch, grant_ref_t ref, uint16_t offset, const void *ours,
                   uint16_t length);

/* Performs all. Each has a status of its own afterwards (op[i].status, GNTST_*); those of a call that failed
 * as a whole are errors. The batch begins anew with nr = 0. */
void grant_copy_run(struct grant_copy *batch);

#endif
