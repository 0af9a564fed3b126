/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xl/domain_list.h"
#include "dom0_tools/toolstack/toolstack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/errno.h>
#include <xenstore.h>

/* Domains asked for at once. */
#define BATCH 64

int domain_list_get(struct domain_list *list)
{
    int got;

    *list = (struct domain_list){ 0 };
    do {
        domid_t first = list->nr == 0 ? 0 : (domid_t)(list->info[list->nr - 1].domain + 1);
        struct xen_domctl_getdomaininfo *grown = realloc(list->info, (list->nr + BATCH) * sizeof(*grown));

        if (grown == NULL)
            return -XEN_ENOMEM;
        list->info = grown;
        got = xc_domains(first, list->info + list->nr, BATCH);
        if (got < 0)
            return got;
        list->nr += (size_t)got;
    } while (got == BATCH);
    return 0;
}

void domain_list_free(struct domain_list *list)
{
    free(list->info);
    *list = (struct domain_list){ 0 };
}

const char *domain_name(domid_t domid)
{
    static char name[64];
    struct xs_handle *h = xs_open(0);
    char path[48];
    char *value;

    snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
    value = h != NULL ? xs_read(h, XBT_NULL, path, NULL) : NULL;
    snprintf(name, sizeof(name), "%s", value != NULL ? value : "(null)");
    free(value);
    xs_close(h);
    return name;
}

const struct xen_domctl_getdomaininfo *domain_list_find(const struct domain_list *list, const char *text)
{
    char *end;
    unsigned long id = strtoul(text, &end, 10);
    bool is_id = *text != '\0' && *end == '\0';

    for (size_t i = 0; i < list->nr; i++) {
        domid_t domid = list->info[i].domain;

        if (is_id ? domid == id : strcmp(domain_name(domid), text) == 0)
            return &list->info[i];
    }
    return NULL;
}

bool domain_find(const char *text, domid_t *domid)
{
    struct xen_domctl_getdomaininfo info;
    char *end;
    unsigned long id = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0')
        return toolstack_find(text, domid);
    *domid = (domid_t)id;
    return id < DOMID_FIRST_RESERVED && xc_domain_info(*domid, &info) == 0;
}

void domain_list_complete(const char *word, struct completions *list)
{
    struct domain_list domains;

    if (domain_list_get(&domains) == 0)
        for (size_t i = 0; i < domains.nr; i++)
            if (strncmp(domain_name(domains.info[i].domain), word, strlen(word)) == 0)
                completions_add(list, domain_name(domains.info[i].domain));
    domain_list_free(&domains);
}
