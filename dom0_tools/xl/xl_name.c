/* SPDX-License-Identifier: MIT */
/* xl rename, domid, domname: what domains are called. */
#include "dom0_tools/xl/xl.h"
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/xl/domain_list.h"

#include <stdio.h>

int xl_rename(int argc, char **argv)
{
    char error[TOOLSTACK_ERROR_SIZE];
    domid_t domid;

    if (argc != 3) {
        fprintf(stderr, "rename: name a domain and its new name\n");
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[1], &domid))
        return xl_no_domain(argv[1]);
    if (toolstack_rename(domid, argv[2], error))
        return COMMAND_OK;
    fprintf(stderr, "xl: the domain keeps its name: %s\n", error);
    return COMMAND_FAIL;
}

int xl_domid(int argc, char **argv)
{
    domid_t domid;

    if (argc != 2) {
        fprintf(stderr, "domid: name one domain\n");
        return COMMAND_USAGE;
    }
    if (!toolstack_find(argv[1], &domid)) {
        fprintf(stderr, "Can't get domid of domain name '%s', maybe this domain does not exist.\n", argv[1]);
        return COMMAND_FAIL;
    }
    printf("%u\n", domid);
    return COMMAND_OK;
}

int xl_domname(int argc, char **argv)
{
    domid_t domid;

    if (argc != 2) {
        fprintf(stderr, "domname: give one domain's number\n");
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[1], &domid)) {
        fprintf(stderr, "Can't get domain name of domain id '%s', maybe this domain does not exist.\n",
                argv[1]);
        return COMMAND_FAIL;
    }
    printf("%s\n", domain_name(domid));
    return COMMAND_OK;
}
