/* SPDX-License-Identifier: MIT */
/* xl pause, unpause, destroy: what is done to a domain from outside. */
#include "dom0_tools/xl/xl.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/xen_errno.h"

#include <stdio.h>

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
    return act_on_domain(argc, argv, control_pause, "cannot pause the domain");
}

int xl_unpause(int argc, char **argv)
{
    return act_on_domain(argc, argv, control_unpause, "cannot unpause the domain");
}

int xl_destroy(int argc, char **argv)
{
    return act_on_domain(argc, argv, control_destroy, "cannot destroy the domain");
}
