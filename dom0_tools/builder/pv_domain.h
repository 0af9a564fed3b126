/* SPDX-License-Identifier: MIT */
/* Builds a PV domain: memory, kernel, start of day, first vCPU. */
#ifndef DOM0_BUILDER_PV_DOMAIN_H
#define DOM0_BUILDER_PV_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/event_channel.h>

/* Room for the sentence that says why a domain cannot be built. */
#define BUILD_WHY_SIZE 160

struct build_request {
    domid_t domid;      /* made with its vCPUs and its maximum of memory, and nothing else */
    const void *kernel; /* an ELF image (kernel_image.h) */
    size_t kernel_size;
    const void *initrd; /* NULL = none */
    size_t initrd_size;
    const char *cmdline;
    uint64_t pages;                         /* memory that it starts with */
    uint32_t vcpus;                         /* all that it can have */
    evtchn_port_t store_port, console_port; /* of the domain, for whoever serves its rings */
};

struct build_result {
    xen_pfn_t store_frame, console_frame; /* of the rings */
};

/* False with a sentence in why[BUILD_WHY_SIZE]; what the domain has got by then goes when it is destroyed. */
bool pv_domain_build(const struct build_request *request, struct build_result *result, char *why);

#endif
