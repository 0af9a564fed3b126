/* SPDX-License-Identifier: MIT */
/*
 * Grants, version 1 (<xen/grant_table.h>): pages of ours that other domains may use, and theirs that we use.
 * The table is set up on first use and grows to the hypervisor's limit. Threads only, except
 * gnttab_end_access().
 */
#ifndef PVGUEST_GRANT_TABLE_H
#define PVGUEST_GRANT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/grant_table.h>

/* References are > 7 (smaller ones are the toolstack's). Functions that return one return a negated Xen errno
 * instead on failure: -XEN_ENOSPC when the table is full. */

/* Lets domid map or copy our frame. */
int gnttab_grant_access(domid_t domid, unsigned long mfn, bool readonly);
/* Takes the right back and frees the reference. -XEN_EBUSY, and nothing changes, while the other side still
 * has it mapped. */
int gnttab_end_access(grant_ref_t ref);

/* The same in two halves: a reference that grants nothing yet (or a negated Xen errno), and what it grants,
 * which may be changed in any context on vCPU 0. gnttab_end_access() frees it. */
int gnttab_reserve(void);
void gnttab_grant_reserved(grant_ref_t ref, domid_t domid, unsigned long mfn, bool readonly);
/* Takes the right back, but keeps the reference. -XEN_EBUSY as above. */
int gnttab_revoke_reserved(grant_ref_t ref);

/* Lets domid give us a frame in exchange for page frame pfn. */
int gnttab_grant_transfer(domid_t domid, unsigned long pfn);
/* The frame that was transferred. When none was, the offer is withdrawn (-XEN_ENODATA); either way the
 * reference is free. -XEN_EBUSY: a transfer is under way, ask again. */
long gnttab_end_transfer(grant_ref_t ref);

/* Another domain's granted pages, mapped one after the other. */
struct grant_mapping {
    void *addr;
    size_t count;
    grant_handle_t *handles;
};

/* Maps count grants of domid, all or none. 0 or a negated Xen errno. */
int gnttab_map(struct grant_mapping *map, domid_t domid, const grant_ref_t *refs, size_t count,
               bool readonly);
void gnttab_unmap(struct grant_mapping *map);

/* Address space for grants that the caller maps itself, with GNTMAP_host_map at a page's
 * grant_host_address(): the page shows the frame from then on, also when a mapping without GNTMAP_readonly
 * may write it. NULL: no memory. */
void *grant_windows_create(size_t count);
void grant_windows_destroy(void *windows, size_t count);
uint64_t grant_host_address(const void *page);

/* Performs count copies; each has its own status (GNTST_*). 0 or a negated Xen errno for the call as a whole.
 */
int gnttab_copy(struct gnttab_copy *copies, unsigned int count);

/* A Xen errno's negation for a GNTST_* status, 0 for GNTST_okay. */
int gnttab_status_errno(int status);

#endif
