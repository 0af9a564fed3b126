/* SPDX-License-Identifier: MIT */
/* xl shutdown, reboot: a domain's kernel is asked to end by itself. */
#include "dom0_tools/xl/xl.h"
#include "dom0_tools/xl/domain_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xen/errno.h>
#include <xenstore.h>

struct request {
    const char *what;  /* what control/shutdown says */
    const char *doing; /* "Shutting down" */
    bool all, wait;
    domid_t *domid;
    size_t nr;
};

static int take_options(struct request *r, int argc, char **argv)
{
    int c;

    /* -F is for guests without PV drivers, which there are none of here: every guest listens. */
    while ((c = getopt(argc, argv, "aFw")) != -1) {
        if (c == '?')
            return COMMAND_USAGE;
        r->all |= c == 'a';
        r->wait |= c == 'w';
    }
    if (r->all ? optind == argc : optind < argc)
        return COMMAND_OK;
    fprintf(stderr, r->all ? "%s: -a takes no domain\n" : "%s: name a domain, or -a for all\n", argv[0]);
    return COMMAND_USAGE;
}

/* All domains but this one. */
static int find_all(struct request *r)
{
    struct domain_list list;
    int error = domain_list_get(&list);

    r->domid = calloc(list.nr + 1, sizeof(*r->domid));
    for (size_t i = 0; error == 0 && r->domid != NULL && i < list.nr; i++)
        if (list.info[i].domain != 0)
            r->domid[r->nr++] = list.info[i].domain;
    domain_list_free(&list);
    return error == 0 ? COMMAND_OK : xl_fail("cannot list the domains", error);
}

static int find_named(struct request *r, int nr, char **words)
{
    r->domid = calloc((size_t)nr, sizeof(*r->domid));
    for (int i = 0; r->domid != NULL && i < nr; i++) {
        if (!domain_find(words[i], &r->domid[r->nr]))
            return xl_no_domain(words[i]);
        if (r->domid[r->nr++] == 0) {
            fprintf(stderr, "xl: not domain 0, which this shell runs in\n");
            return COMMAND_FAIL;
        }
    }
    return COMMAND_OK;
}

static int ask(struct xs_handle *h, const struct request *r, domid_t domid)
{
    char path[64];

    printf("%s domain %u\n", r->doing, domid);
    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", domid);
    if (xs_write(h, XBT_NULL, path, r->what, (unsigned int)strlen(r->what)))
        return COMMAND_OK;
    fprintf(stderr, "xl: domain %u cannot be told: %s\n", domid, strerror(errno));
    return COMMAND_FAIL;
}

static bool has_ended(domid_t domid)
{
    struct xen_domctl_getdomaininfo info;

    return xc_domain_info(domid, &info) != 0 || (info.flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown)) != 0;
}

static void wait_for_all(struct xs_handle *h, const struct request *r)
{
    for (size_t i = 0; i < r->nr; i++) {
        while (!has_ended(r->domid[i])) {
            unsigned int nr;
            char **event = xs_read_watch(h, &nr);

            free(event);
        }
        printf("Domain %u has ended\n", r->domid[i]);
    }
}

static int send(const struct request *r)
{
    struct xs_handle *h = xs_open(0);
    int result = COMMAND_OK;

    if (h == NULL || (r->wait && !xs_watch(h, "@releaseDomain", ""))) {
        fprintf(stderr, "xl: xenstore: %s\n", strerror(errno));
        result = COMMAND_FAIL;
    }
    for (size_t i = 0; i < r->nr && result == COMMAND_OK; i++)
        result = ask(h, r, r->domid[i]);
    if (r->wait && result == COMMAND_OK)
        wait_for_all(h, r);
    xs_close(h);
    return result;
}

static int run(struct request *r, int argc, char **argv)
{
    int result = take_options(r, argc, argv);

    if (result == COMMAND_OK)
        result = r->all ? find_all(r) : find_named(r, argc - optind, argv + optind);
    if (result == COMMAND_OK && r->domid == NULL)
        result = xl_fail(argv[0], -XEN_ENOMEM);
    if (result == COMMAND_OK)
        result = send(r);
    free(r->domid);
    return result;
}

int xl_shutdown(int argc, char **argv)
{
    struct request r = { .what = "poweroff", .doing = "Shutting down" };

    return run(&r, argc, argv);
}

int xl_reboot(int argc, char **argv)
{
    struct request r = { .what = "reboot", .doing = "Rebooting" };

    return run(&r, argc, argv);
}
