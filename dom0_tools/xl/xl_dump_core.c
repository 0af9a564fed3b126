/* SPDX-License-Identifier: MIT */
/* xl dump-core. */
#include "dom0_tools/coredump/coredump.h"
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/xl/domain_list.h"
#include "dom0_tools/xl/xl.h"

#include <stdio.h>

int xl_dump_core(int argc, char **argv)
{
    char error[TOOLSTACK_ERROR_SIZE];
    domid_t domid;

    if (argc != 3) {
        fprintf(stderr, "dump-core: name a domain and a file\n");
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[1], &domid))
        return xl_no_domain(argv[1]);
    if (domid == 0) {
        fprintf(stderr, "xl: domain 0 cannot stand still to be dumped\n");
        return COMMAND_FAIL;
    }
    if (coredump_write(domid, argv[2], error, sizeof(error)))
        return COMMAND_OK;
    fprintf(stderr, "xl: no core is written: %s\n", error);
    return COMMAND_FAIL;
}
