/* SPDX-License-Identifier: MIT */
/* xl pause, unpause, destroy: what is done to a domain from outside. */
#include "dom0_tools/xl/xl.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/xen_errno.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

/* Does `action` to the one domain that the words name; `what` goes into the message when it fails. */
static int act_on_domain(int argc, char **argv, int (*action)(domid_t domid), const char *what)
{
    const struct xen_domctl_getdomaininfo *info;
    struct domain_list list;
    int error, result;

    if (argc != 2) {
        fprintf(stderr, "%s: name one domain\n", argv[0]);
        return COMMAND_USAGE;
    }
    error = domain_list_get(&list);
    if (error != 0) {
        result = xl_fail("cannot list the domains", error);
    } else if ((info = domain_list_find(&list, argv[1])) == NULL) {
        result = xl_no_domain(argv[1]);
    } else if (info->domain == 0) {
        fprintf(stderr, "%s: not domain 0, which this shell runs in\n", argv[0]);
        result = COMMAND_FAIL;
    } else {
        error = action(info->domain);
        result = error == 0 ? COMMAND_OK : xl_fail(what, error);
    }
    domain_list_free(&list);
    return result;
}

int xl_pause(int argc, char **argv)
{
    return act_on_domain(argc, argv, xc_domain_pause, "cannot pause the domain");
}

int xl_unpause(int argc, char **argv)
{
    return act_on_domain(argc, argv, xc_domain_unpause, "cannot unpause the domain");
}

/* Lets go of the domain's ring, without which it could not end, and removes what the toolstack wrote for it;
 * what the domain owned goes with the release. */
static void remove_nodes(domid_t domid)
{
    struct xs_handle *h = xs_open(0);
    char path[40];
    char *vm;

    if (h == NULL)
        return;
    xs_release_domain(h, domid);
    snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
    vm = xs_read(h, XBT_NULL, path, NULL);
    if (vm != NULL && strncmp(vm, "/vm/", 4) == 0)
        xs_rm(h, XBT_NULL, vm);
    free(vm);
    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    xs_rm(h, XBT_NULL, path);
    xs_close(h);
}

static int destroy(domid_t domid)
{
    int error = xc_domain_destroy(domid);

    if (error == 0)
        remove_nodes(domid);
    return error;
}

int xl_destroy(int argc, char **argv)
{
    return act_on_domain(argc, argv, destroy, "cannot destroy the domain");
}
