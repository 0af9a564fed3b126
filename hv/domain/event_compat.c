/* SPDX-License-Identifier: MIT */
/*
 * The 2-level ABI of pending bits as 32-bit guests have it: 1024 ports, a selector of 32 bits for 32 ports
 * each. Bits are numbered alike in words of either size, so that only their places differ from the 64-bit
 * layout.
 */
#include "hv/domain/domain.h"
#include "hv/lib/errno.h"

#define COMPAT_PORTS  1024
#define WORD          32
#define SELECTOR_BIT  32 /* in vcpu_info: behind the two upcall bytes and their padding */
#define PENDING_WORDS (COMPAT_PORTS / 64)
_Static_assert(offsetof(struct vcpu_info, evtchn_pending_sel) == 8 && offsetof(struct vcpu_info, time) == 32,
               "only the selector is elsewhere");

static uint64_t *pending_bits(const struct domain *d)
{
    return (uint64_t *)(void *)d->shared_info->evtchn_pending;
}

static uint64_t *mask_bits(const struct domain *d)
{
    return pending_bits(d) + PENDING_WORDS;
}

static void compat_init(struct domain *d __unused, struct evtchn *chn __unused)
{
}

static void notify(struct vcpu *v, uint32_t port)
{
    if (!bit_test_and_set_atomic((uint64_t *)(void *)v->info, SELECTOR_BIT + port / WORD))
        vcpu_mark_events_pending(v);
}

static void compat_set_pending(struct vcpu *v, struct evtchn *chn)
{
    struct domain *d = v->domain;

    if (chn->port >= COMPAT_PORTS || bit_test_and_set_atomic(pending_bits(d), chn->port))
        return;
    if (!bit_test(mask_bits(d), chn->port))
        notify(v, chn->port);
    if (READ_ONCE(d->evtchn.poll_mask))
        evtchn_wake_pollers(d, chn->port);
}

static void compat_clear_pending(struct domain *d, const struct evtchn *chn)
{
    if (chn->port < COMPAT_PORTS)
        (void)bit_test_and_clear_atomic(pending_bits(d), chn->port);
}

static void compat_unmask(struct domain *d, struct evtchn *chn)
{
    uint32_t port = chn->port;

    if (port < COMPAT_PORTS && bit_test_and_clear_atomic(mask_bits(d), port) &&
        bit_test(pending_bits(d), port))
        notify(d->vcpu[chn->notify_vcpu], port);
}

static bool compat_is_pending(const struct domain *d, uint32_t port)
{
    return port < COMPAT_PORTS && bit_test(pending_bits(d), port);
}

static bool compat_is_masked(const struct domain *d, uint32_t port)
{
    return port < COMPAT_PORTS && bit_test(mask_bits(d), port);
}

static bool compat_is_busy(const struct domain *d __unused, uint32_t port __unused)
{
    return false;
}

static int compat_set_priority(struct domain *d __unused, struct evtchn *chn __unused,
                               uint32_t priority __unused)
{
    return -ENOSYS;
}

static void compat_release(struct domain *d __unused)
{
}

const struct evtchn_port_ops evtchn_2l_compat_ops = {
    .init = compat_init,
    .set_pending = compat_set_pending,
    .clear_pending = compat_clear_pending,
    .unmask = compat_unmask,
    .is_pending = compat_is_pending,
    .is_masked = compat_is_masked,
    .is_busy = compat_is_busy,
    .set_priority = compat_set_priority,
    .release = compat_release,
};

void evtchn_select_all(struct vcpu *v)
{
    if (v->domain->narrow_layout)
        WRITE_ONCE(((uint32_t *)(void *)v->info)[SELECTOR_BIT / 32], ~0U);
    else
        WRITE_ONCE(v->info->evtchn_pending_sel, ~0UL);
}

void evtchn_set_width(struct domain *d, bool narrow)
{
    spin_lock(&d->evtchn.lock);
    d->narrow_layout = narrow;
    if (!d->evtchn.fifo) {
        WRITE_ONCE(d->evtchn.ops, narrow ? &evtchn_2l_compat_ops : &evtchn_2l_ops);
        d->evtchn.abi_ports = narrow ? COMPAT_PORTS : EVTCHN_2L_NR_CHANNELS;
    }
    spin_unlock(&d->evtchn.lock);
}
