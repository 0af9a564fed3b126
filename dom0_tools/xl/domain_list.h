/* SPDX-License-Identifier: MIT */
/* All domains of the machine at one moment, and how users name them. */
#ifndef DOM0_XL_DOMAIN_LIST_H
#define DOM0_XL_DOMAIN_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "dom0_tools/xc/domain.h"
#include "dom0_tools/shell/line_editor.h"

struct domain_list {
    struct xen_domctl_getdomaininfo *info; /* by rising domid; owned */
    size_t nr;
};

/* Asks for all domains. Returns 0 or a negated Xen errno; domain_list_free() in either case. */
int domain_list_get(struct domain_list *list);
void domain_list_free(struct domain_list *list);

/* The domain that the user means with an id or a name; NULL if there is none. */
const struct xen_domctl_getdomaininfo *domain_list_find(const struct domain_list *list, const char *text);

/* The same without a list. False if there is none. */
bool domain_find(const char *text, domid_t *domid);

/* What the user calls the domain, by xenstore; "(null)" if it has no name, as xl prints it. Until the next
 * call. */
const char *domain_name(domid_t domid);

/* For completion: the names of all domains. */
void domain_list_complete(const char *word, struct completions *list);

#endif
