/* SPDX-License-Identifier: MIT */
/* The making and ending of one domain, for toolstack.c, which holds its lock. */
#ifndef DOM0_TOOLSTACK_CREATE_H
#define DOM0_TOOLSTACK_CREATE_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>

#include "dom0_tools/toolstack/domain_config.h"

struct xs_handle;

/* Makes the domain, paused, and introduces it to xenstored. Gives config a UUID if it has none. False with a
 * sentence in error[TOOLSTACK_ERROR_SIZE], and nothing is left of it. */
bool domain_create(struct xs_handle *h, struct domain_config *config, domid_t *domid, char *error);

/* Ends it and removes its nodes. 0 or a negated Xen errno; nodes of a domain that is gone are removed too. */
int domain_destroy(struct xs_handle *h, domid_t domid);

#endif
