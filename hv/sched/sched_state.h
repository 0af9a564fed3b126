/* SPDX-License-Identifier: MIT */
/* What the scheduler keeps in each vCPU. The policy is hv/sched/sched.c. */
#ifndef HV_SCHED_SCHED_STATE_H
#define HV_SCHED_SCHED_STATE_H

#include "hv/cpu/timer.h"
#include "hv/lib/cpumask.h"

struct sched_vcpu {
    struct pheap_node node; /* key: virtual run time, ns weighted; orders the run queue */
    uint32_t cpu;           /* whose run queue it belongs to; changes under that queue's lock */
    bool queued;
    bool running; /* is, or until its registers are saved still is, some CPU's current */
    bool yielded;
    cpumask_t affinity_hard; /* CPUs it was given */
    cpumask_t may_run;       /* of these, without what its domain avoids if others are left */
    cpumask_t affinity_soft; /* reported back only: placement does not use it */
    uint64_t run_start;      /* when it was put on the CPU, ns */
    uint64_t cap_used;       /* ns used in the present cap window */
    uint64_t cap_window;     /* start of that window, ns */
    struct timer unpark;     /* end of the window, for a vCPU over its cap */
    uint64_t switches, migrations;
};

/* Parameters of a domain; changed by domctl scheduler_op. */
struct sched_domain {
    uint16_t weight; /* 256 = normal */
    uint16_t cap;    /* percent of one CPU, 0 = none */
    cpumask_t avoid; /* CPUs that its vCPUs run on only when they are given no other */
};

#endif
