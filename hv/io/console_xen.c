/* SPDX-License-Identifier: MIT */
#include "hv/io/console_xen.h"
#include "hv/cpu/xen_guest.h"
#include "hv/lib/atomic.h"
#include "hv/lib/errno.h"
#include "hv/mm/frame.h"
#include "hv/mm/paging.h"
#include <xen/hvm/params.h>
#include <xen/io/console.h>

/* Each lets the outer hypervisor's other domains run, and takes a microsecond at least. */
#define STUCK_YIELDS 1000000

static struct xencons_interface *ring __ro_after_init;
static uint32_t port __ro_after_init;
static bool stuck;
static bool written; /* and not told of */
static bool taken;   /* input, and not told of */

bool __init console_xen_init(void)
{
    uint64_t pa;

    if (!xen_guest)
        return false;
    pa = xen_guest_param(HVM_PARAM_CONSOLE_PFN) << PAGE_SHIFT;
    port = (uint32_t)xen_guest_param(HVM_PARAM_CONSOLE_EVTCHN);
    if (!pa || !port || pa >= GIB(4))
        return false;
    paging_keep_mapped(pa);
    ring = phys_to_virt(pa);
    return true;
}

bool console_xen_present(void)
{
    return ring != NULL;
}

uint64_t console_xen_page(void)
{
    return ring ? virt_to_phys(ring) : 0;
}

/* Free bytes; both indices are in the other end's hands, so that more than the ring has is not believed. */
static size_t room(void)
{
    XENCONS_RING_IDX used = READ_ONCE(ring->out_prod) - READ_ONCE(ring->out_cons);

    return used < sizeof(ring->out) ? sizeof(ring->out) - used : 0;
}

static bool wait_for_room(void)
{
    console_xen_flush();
    for (unsigned int yields = 0; yields < STUCK_YIELDS; yields++) {
        if (room())
            return true;
        xen_guest_yield();
    }
    stuck = true;
    return false;
}

void console_xen_write(const char *s, size_t n)
{
    if (stuck && room())
        stuck = false;
    while (n && !stuck) {
        XENCONS_RING_IDX prod = READ_ONCE(ring->out_prod);
        size_t piece = min(n, room());

        if (!piece && !wait_for_room())
            return;
        for (size_t i = 0; i < piece; i++, prod++)
            WRITE_ONCE(ring->out[MASK_XENCONS_IDX(prod, ring->out)], s[i]);
        smp_wmb();
        WRITE_ONCE(ring->out_prod, prod);
        written |= piece != 0;
        s += piece;
        n -= piece;
    }
}

void console_xen_flush(void)
{
    if (!written)
        return;
    written = false;
    xen_guest_notify(port);
}

int console_xen_getc(void)
{
    XENCONS_RING_IDX cons = READ_ONCE(ring->in_cons);
    char c;

    if (READ_ONCE(ring->in_prod) == cons) {
        if (taken) /* the other end may wait for the room */
            xen_guest_notify(port);
        taken = false;
        return -1;
    }
    c = READ_ONCE(ring->in[MASK_XENCONS_IDX(cons, ring->in)]);
    smp_mb();
    WRITE_ONCE(ring->in_cons, cons + 1);
    taken = true;
    return (unsigned char)c;
}

int console_xen_listen(void (*fn)(void))
{
    return xen_guest_listen(port, fn);
}
