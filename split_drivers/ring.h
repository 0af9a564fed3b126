/* SPDX-License-Identifier: MIT */
/* <xen/io/ring.h> with the barriers that it wants from its includer; x86 orders all but a store before a
 * load. */
#ifndef SPLIT_DRIVERS_RING_H
#define SPLIT_DRIVERS_RING_H

#include <stddef.h>
#include <stdint.h>

#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/ring.h>

#endif
