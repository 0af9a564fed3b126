/* SPDX-License-Identifier: MIT */
/* xl mem-set, mem-max, sysrq: what a domain's kernel is asked for. */
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/toolstack/tune.h"
#include "dom0_tools/xl/domain_list.h"
#include "dom0_tools/xl/format.h"
#include "dom0_tools/xl/xl.h"

#include <stdio.h>
#include <string.h>

static int set_memory(int argc, char **argv, bool (*set)(domid_t domid, uint64_t kib, char *error))
{
    char error[TOOLSTACK_ERROR_SIZE];
    uint64_t kib;
    domid_t domid;

    if (argc != 3) {
        fprintf(stderr, "%s: name a domain and a size\n", argv[0]);
        return COMMAND_USAGE;
    }
    if (!parse_size_kib(argv[2], &kib)) {
        fprintf(stderr, "invalid memory size: %s\n", argv[2]);
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[1], &domid))
        return xl_no_domain(argv[1]);
    if (set(domid, kib, error))
        return COMMAND_OK;
    fprintf(stderr, "xl: the domain's memory stays as it is: %s\n", error);
    return COMMAND_FAIL;
}

int xl_mem_set(int argc, char **argv)
{
    return set_memory(argc, argv, tune_memory);
}

int xl_mem_max(int argc, char **argv)
{
    return set_memory(argc, argv, tune_max_memory);
}

int xl_sysrq(int argc, char **argv)
{
    char error[TOOLSTACK_ERROR_SIZE];
    domid_t domid;

    if (argc != 3) {
        fprintf(stderr, "sysrq: name a domain and a letter\n");
        return COMMAND_USAGE;
    }
    if (strlen(argv[2]) != 1) {
        fprintf(stderr, "Invalid sysrq.\n");
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[1], &domid))
        return xl_no_domain(argv[1]);
    if (tune_sysrq(domid, argv[2][0], error))
        return COMMAND_OK;
    fprintf(stderr, "xl: %s\n", error);
    return COMMAND_FAIL;
}
