/* SPDX-License-Identifier: MIT */
/*
 * What to do when something is wrong that is not a guest's fault (docs/errors.md):
 *  - BUG(): the hypervisor broke its own rule: registers, symbolised backtrace, trace records, then stop.
 *  - panic(): hardware, firmware or the boot configuration is unusable: one line that says what and where.
 *  - ASSERT(): documents what cannot happen; checked in debug builds; never handles an error.
 */
#ifndef HV_LIB_BUG_H
#define HV_LIB_BUG_H

#include "hv/lib/types.h"

void __noreturn panic(const char *fmt, ...) __printf(1, 2);
void __noreturn bug(const char *file, unsigned int line, const char *what);

#define BUG() bug(__FILE__, __LINE__, "BUG")
#define BUG_ON(cond)                        \
    do {                                    \
        if (unlikely(cond))                 \
            bug(__FILE__, __LINE__, #cond); \
    } while (0)
#define ASSERT(cond)                                      \
    do {                                                  \
        if (CONFIG_DEBUG && unlikely(!(cond)))            \
            bug(__FILE__, __LINE__, "ASSERT(" #cond ")"); \
    } while (0)

#endif
