/* SPDX-License-Identifier: MIT */
#include "pvguest/xen_errno.h"
#include <errno.h>
#include <stddef.h>

/* Xen's second name of EDEADLK, which a C library need not have. */
#ifndef EDEADLOCK
#define EDEADLOCK EDEADLK
#endif

/* Of two names with one number the first is found, which is the usual one. */
static const struct {
    int xen, c;
    const char *name;
} errors[] = {
#define XEN_ERRNO(name, value) { value, name, #name },
#include <xen/errno.h>
};

static size_t find(long error)
{
    size_t i = 0;

    if (error < 0)
        error = -error;
    while (i < sizeof(errors) / sizeof(errors[0]) && errors[i].xen != error)
        i++;
    return i;
}

int xen_errno_to_c(long error)
{
    size_t i = find(error);

    if (!error)
        return 0;
    return i < sizeof(errors) / sizeof(errors[0]) ? errors[i].c : EIO;
}

const char *xen_errno_name(long error)
{
    size_t i = find(error);

    return i < sizeof(errors) / sizeof(errors[0]) ? errors[i].name : "E?";
}
