/* SPDX-License-Identifier: MIT */
/* Per-CPU trace rings: their last records are printed in a crash, and all of them by a debug key;
 * run/trace.py turns what is printed into a trace that Perfetto and Chrome show. */
#ifndef HV_CPU_TRACE_H
#define HV_CPU_TRACE_H

#include "hv/lib/types.h"

enum trace_event {
    TRACE_NONE,
    TRACE_SWITCH, /* a = from domid<<16|vcpu, b = to */
    TRACE_WAKE,   /* a = domid<<16|vcpu */
    TRACE_BLOCK,
    TRACE_HYPERCALL_ERROR, /* a = number, b = -errno */
    TRACE_GUEST_TRAP,      /* a = vector, b = rip */
    TRACE_IRQ,             /* a = vector */
    TRACE_DOMAIN,          /* a = domid, b = 1 created, 2 crashed, 3 destroyed, 4 shutdown */
};

void trace(enum trace_event e, uint64_t a, uint64_t b);
void trace_dump_recent(unsigned int per_cpu); /* print the newest records of each CPU */

/* Larger rings, if the command line asks for them. After all CPUs are up. */
void trace_init(void);

#endif
