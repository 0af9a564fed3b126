/* SPDX-License-Identifier: MIT */
/* Building PV domains at boot: dom0, and the domains that the command line asks for. */
#ifndef HV_BOOT_PV_BUILD_H
#define HV_BOOT_PV_BUILD_H

#include "hv/domain/domain.h"

struct pv_build {
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
const char *pv_build(struct domain *d, const struct pv_build *spec);

/* The domain is being torn down: give back the console page that the hypervisor served. */
void pv_build_release_console(struct domain *d);

#endif
