/* SPDX-License-Identifier: MIT */
/* set_timer_op: the one-shot timer of the calling vCPU. */
#include "hypercalls/hypercall.h"
#include "hv/cpu/time.h"

#define FAR_FUTURE_NS BIT(50) /* about 13 days */
#define SOON_NS       100000000ULL

/*
 * arg: system time in ns, 0 = none. Always 0. Linux guests set times that wrapped or that lie weeks ahead,
 * some to say "at once", some to say "never": both are served by a tick soon.
 */
int64_t do_set_timer_op(uint64_t arg[6])
{
    struct vcpu *v = current;
    uint64_t when = arg[0];

    if (when == 0) {
        timer_stop(&v->singleshot);
        return 0;
    }
    if (unlikely(when >= FAR_FUTURE_NS)) {
        uint64_t now = now_ns();

        if ((int64_t)when < 0 || (int64_t)(when - now) >= (int64_t)FAR_FUTURE_NS)
            when = now + SOON_NS;
    }
    timer_set(&v->singleshot, when);
    return 0;
}
