/* SPDX-License-Identifier: MIT */
/* set_debugreg and get_debugreg. The rules are in hv/pv/debugreg.c. */
#include "hv/pv/debugreg.h"
#include "hypercalls/hypercall.h"

/* arg: register number, value. 0, -EPERM, -ENODEV. */
int64_t do_set_debugreg(uint64_t arg[6])
{
    return debugreg_set(current, (uint32_t)arg[0], arg[1]);
}

/* arg: register number. The value (which may look like an error), or -ENODEV. */
int64_t do_get_debugreg(uint64_t arg[6])
{
    uint64_t value;
    int rc = debugreg_get(current, (uint32_t)arg[0], &value);

    return rc ? rc : (int64_t)value;
}
