/* SPDX-License-Identifier: MIT */
/* Counters of known rate that the TSC is measured against at boot: HPET, ACPI PM timer, PIT. */
#ifndef HV_CPU_CLOCKSOURCE_H
#define HV_CPU_CLOCKSOURCE_H

#include "hv/lib/types.h"

struct clocksource {
    const char *name;
    uint64_t hz;
    uint64_t mask;          /* the counter counts modulo mask + 1 */
    void (*start)(void);    /* before a measurement of at most 20 ms */
    uint64_t (*read)(void); /* counts up */
    bool (*valid)(void);    /* false: the counter came to its end during the measurement */
};

/* The best one that this machine has, NULL if none counts. @pre acpi_init */
const struct clocksource *clocksource_best(void);

/*
 * Reads counter and TSC together, several times, and gives the pair that was read in the least time; returns
 * that time in TSC ticks.
 */
uint64_t clocksource_sample(const struct clocksource *c, uint64_t *tsc, uint64_t *count);

#endif
