/* SPDX-License-Identifier: MIT */
#include "dom0_tools/consoled/console_ring.h"

size_t console_ring_take(struct xencons_interface *ring, char *data, size_t length)
{
    XENCONS_RING_IDX cons = __atomic_load_n(&ring->out_cons, __ATOMIC_RELAXED);
    XENCONS_RING_IDX prod = __atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE);
    size_t done = 0;

    if (prod - cons > sizeof(ring->out))
        cons = prod;
    while (done < length && cons != prod)
        data[done++] = ring->out[MASK_XENCONS_IDX(cons++, ring->out)];
    __atomic_store_n(&ring->out_cons, cons, __ATOMIC_RELEASE);
    return done;
}

size_t console_ring_give(struct xencons_interface *ring, const char *data, size_t length)
{
    XENCONS_RING_IDX prod = __atomic_load_n(&ring->in_prod, __ATOMIC_RELAXED);
    XENCONS_RING_IDX cons = __atomic_load_n(&ring->in_cons, __ATOMIC_ACQUIRE);
    size_t room = prod - cons > sizeof(ring->in) ? 0 : sizeof(ring->in) - (prod - cons), done = 0;

    for (; done < length && done < room; done++)
        ring->in[MASK_XENCONS_IDX(prod++, ring->in)] = data[done];
    __atomic_store_n(&ring->in_prod, prod, __ATOMIC_RELEASE);
    return done;
}
