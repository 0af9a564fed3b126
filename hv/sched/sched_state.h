/* SPDX-License-Identifier: MIT */
/* What the scheduler keeps in each vCPU. The policy is hv/sched/sched.c. */
#ifndef HV_SCHED_SCHED_STATE_H
#define HV_SCHED_SCHED_STATE_H

#include "hv/lib/cpumask.h"

struct sched_vcpu {
    uint32_t cpu;            /* whose run queue it belongs to */
    uint32_t slot;           /* place in that queue's heap + 1; 0 = not queued */
    bool running;            /* is some CPU's current */
    bool yielded;
    bool boosted;            /* woke recently */
    cpumask_t affinity_hard; /* CPUs it may run on */
    cpumask_t affinity_soft;
    uint64_t vruntime;       /* weighted run time, ns: the queue's key */
    uint64_t slice_start;    /* when it was put on the CPU, ns */
    uint64_t cap_used;       /* ns used in the present cap window */
    uint64_t cap_window;     /* start of that window, ns */
    uint64_t switches, migrations;
};

/* Parameters of a domain; changed by domctl scheduler_op. */
struct sched_domain {
    uint16_t weight; /* 256 = normal */
    uint16_t cap;    /* percent of one CPU, 0 = none */
};

#endif
