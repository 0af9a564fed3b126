/* SPDX-License-Identifier: MIT */
/* xl dmesg, debug-keys: talking with the hypervisor itself. */
#include "dom0_tools/xl/xl.h"
#include "dom0_tools/xc/host.h"
#include "pvguest/xen_errno.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_CHUNK 16384U

int xl_dmesg(int argc, char **argv)
{
    bool clear = false;
    uint32_t index = 0;
    char *buf;
    int c, got;

    while ((c = getopt(argc, argv, "c")) != -1) {
        if (c == '?')
            return COMMAND_USAGE;
        clear = true;
    }
    if (optind != argc) {
        fprintf(stderr, "dmesg: '%s' is one argument too many\n", argv[optind]);
        return COMMAND_USAGE;
    }
    buf = malloc(LOG_CHUNK);
    if (buf == NULL)
        return xl_fail("cannot read the log", -XEN_ENOMEM);
    while ((got = xc_read_log(buf, LOG_CHUNK, &index, false)) > 0)
        fwrite(buf, 1, (size_t)got, stdout);
    if (got == 0 && clear)
        got = xc_read_log(buf, 0, &index, true);
    free(buf);
    return got < 0 ? xl_fail("cannot read the log", got) : COMMAND_OK;
}

int xl_debug_keys(int argc, char **argv)
{
    int error;

    if (argc != 2 || argv[1][0] == '\0') {
        fprintf(stderr, "debug-keys: give the keys as one word\n");
        return COMMAND_USAGE;
    }
    error = xc_debug_keys(argv[1], strlen(argv[1]));
    return error < 0 ? xl_fail("cannot send debug keys", error) : COMMAND_OK;
}
