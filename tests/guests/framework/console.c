/* SPDX-License-Identifier: MIT */
#include "tests/guests/framework/console.h"
#include "tests/guests/framework/event.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/memory.h"

#include <stdbool.h>
#include <xen/event_channel.h>
#include <xen/io/console.h>
#include <xen/sched.h>

#define CONSOLE_PORTS 64u /* the console's port is among the first */

static struct xencons_interface *ring;
static evtchn_port_t ring_port;
static bool locked;

void console_init(const start_info_t *si)
{
    if (si->flags & SIF_INITDOMAIN)
        return;
    ring = memory_map_ring(si->console.domU.mfn);
    ring_port = si->console.domU.evtchn;
}

static void ring_write(const char *text, size_t len)
{
    struct evtchn_send send = { .port = ring_port };

    while (len) {
        XENCONS_RING_IDX prod = ring->out_prod;

        for (; len && prod - __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE) < sizeof(ring->out); len--)
            ring->out[MASK_XENCONS_IDX(prod++, ring->out)] = *text++;
        __atomic_store_n(&ring->out_prod, prod, __ATOMIC_RELEASE);
        hc_evtchn(EVTCHNOP_send, &send);
        if (len)
            hc_sched(SCHEDOP_yield, 0);
    }
}

bool console_close_port(void)
{
    unsigned int open = event_count_open(CONSOLE_PORTS);
    struct evtchn_status status;

    if (open == 0)
        return true;
    if (!ring || open > 1 || event_status(ring_port, &status) || status.status != EVTCHNSTAT_unbound)
        return false;
    return event_close(ring_port) == 0;
}

bool console_reopen_port(void)
{
    return !ring || event_alloc_unbound(DOMID_SELF, DOMID_SELF) == (long)ring_port;
}

void console_write(const char *text, size_t len)
{
    while (__atomic_exchange_n(&locked, true, __ATOMIC_ACQUIRE))
        hc_sched(SCHEDOP_yield, 0);
    if (ring)
        ring_write(text, len);
    else
        hc_console_io(CONSOLEIO_write, len, text);
    __atomic_store_n(&locked, false, __ATOMIC_RELEASE);
}
