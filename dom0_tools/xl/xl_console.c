/* SPDX-License-Identifier: MIT */
/* xl console: talking with a domain. */
#include "dom0_tools/consoled/attach.h"
#include "dom0_tools/xl/domain_list.h"
#include "dom0_tools/xl/xl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int xl_attach(domid_t domid, int (*begin)(domid_t domid))
{
    bool left;
    int error = console_attach(domid, begin, &left);

    if (error == 0) {
        printf(left ? "\n" : "\nxl: domain %u has ended\n", domid);
        return COMMAND_OK;
    }
    if (error == EBUSY)
        fprintf(stderr,
                "xl: the hypervisor serves the console of domain %u: three Ctrl-A lead the keyboard there\n",
                domid);
    else
        fprintf(stderr, "xl: unable to attach to the console of domain %u: %s\n", domid, strerror(error));
    return COMMAND_FAIL;
}

int xl_console(int argc, char **argv)
{
    domid_t domid;
    int c;

    while ((c = getopt(argc, argv, "n:t:")) != -1) {
        if (c == '?')
            return COMMAND_USAGE;
        if (c == 'n' ? strcmp(optarg, "0") != 0 : strcmp(optarg, "pv") != 0) {
            fprintf(stderr, "console: a domain has console 0, of type pv, and no other\n");
            return COMMAND_FAIL;
        }
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "console: name one domain\n");
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[optind], &domid))
        return xl_no_domain(argv[optind]);
    return xl_attach(domid, NULL);
}
