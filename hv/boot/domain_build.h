/* SPDX-License-Identifier: MIT */
/* Building domains at boot: dom0, and the domains that the command line asks for. */
#ifndef HV_BOOT_DOMAIN_BUILD_H
#define HV_BOOT_DOMAIN_BUILD_H

#include "hv/domain/domain.h"

struct domain_build {
    const void *kernel; /* ELF image */
    size_t kernel_size;
    const void *initrd; /* NULL = none */
    size_t initrd_size;
    const char *cmdline;
    uint64_t pages; /* memory of the domain */
    bool xenstore;  /* give it a ring to dom0's xenstored */
};

/*
 * Load the kernel into d (which has its vCPUs and no memory yet), lay out its start of day (xen.h
 * "Start-of-day memory layout") and set up vCPU 0. NULL, or a sentence that says why the domain cannot be
 * built.
 */
const char *pv_build(struct domain *d, const struct domain_build *spec);

/* The same for a PVH kernel (arch-x86/hvm/start_info.h). @pre d is a hardware guest */
const char *pvh_build(struct domain *d, const struct domain_build *spec);

/*
 * The rings of a domain other than dom0 (hv/boot/domain_rings.c), in the page `m` of d, which it calls
 * `frame`: to xenstore, by port 1 and grant reference 1 for the toolstack's domain, which finds them there
 * (xl passes the same when it introduces a domain); and to the console, which the hypervisor itself serves
 * and dom0 may look at. NULL and *port, or why not.
 */
const char *ring_make_store(struct domain *d, uint64_t frame, uint32_t *port);
const char *ring_make_console(struct domain *d, uint64_t frame, mfn_t m, uint32_t *port);

/* The domain is being torn down: give back the console page that the hypervisor served. */
void ring_release_console(struct domain *d);

#endif
