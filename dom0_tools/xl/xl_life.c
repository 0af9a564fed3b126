/* SPDX-License-Identifier: MIT */
/* xl pause, unpause, destroy: what is done to a domain from outside. */
#include "dom0_tools/xl/xl.h"
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/xl/domain_list.h"

#include <stdio.h>
#include <unistd.h>

/* The one domain that the words name, not this one. COMMAND_OK, or it has said why. */
static int one_domain(int argc, char **argv, domid_t *domid)
{
    if (argc != 2) {
        fprintf(stderr, "%s: name one domain\n", argv[0]);
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[1], domid))
        return xl_no_domain(argv[1]);
    if (*domid != 0)
        return COMMAND_OK;
    fprintf(stderr, "%s: not domain 0, which this shell runs in\n", argv[0]);
    return COMMAND_FAIL;
}

int xl_pause(int argc, char **argv)
{
    domid_t domid;
    int result = one_domain(argc, argv, &domid);
    int error = result == COMMAND_OK ? xc_domain_pause(domid) : 0;

    return error == 0 ? result : xl_fail("cannot pause the domain", error);
}

int xl_unpause(int argc, char **argv)
{
    domid_t domid;
    int result = one_domain(argc, argv, &domid);
    int error = result == COMMAND_OK ? xc_domain_unpause(domid) : 0;

    return error == 0 ? result : xl_fail("cannot unpause the domain", error);
}

int xl_destroy(int argc, char **argv)
{
    char error[TOOLSTACK_ERROR_SIZE];
    domid_t domid;
    int result, c;

    while ((c = getopt(argc, argv, "f")) != -1)
        if (c == '?')
            return COMMAND_USAGE;
    argv[optind - 1] = argv[0];
    result = one_domain(argc - optind + 1, argv + optind - 1, &domid);
    if (result != COMMAND_OK || toolstack_destroy(domid, error))
        return result;
    fprintf(stderr, "xl: %s\n", error);
    return COMMAND_FAIL;
}
