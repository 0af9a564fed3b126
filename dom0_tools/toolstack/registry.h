/* SPDX-License-Identifier: MIT */
/* The domains that this toolstack knows, found by name and by number. Its callers hold the toolstack's lock.
 */
#ifndef DOM0_TOOLSTACK_REGISTRY_H
#define DOM0_TOOLSTACK_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <xen/xen.h>

#include "dom0_tools/toolstack/domain_config.h"

struct domain_record {
    domid_t domid;
    char name[DOMAIN_NAME_SIZE];
    bool managed;  /* made here: config is its configuration */
    uint64_t made; /* time_ns() */
    struct domain_config config;
    bool ended; /* its end was seen and acted upon: it is kept for a person to look at */
    LIST_ENTRY(domain_record) by_name, by_domid;
};

/* NULL: out of memory. The name must be free. */
struct domain_record *registry_add(domid_t domid, const char *name);
void registry_remove(struct domain_record *record);

struct domain_record *registry_find_name(const char *name);
struct domain_record *registry_find_domid(domid_t domid);

void registry_rename(struct domain_record *record, const char *name);

#endif
