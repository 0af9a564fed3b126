/* SPDX-License-Identifier: MIT */
/* The real-time clock (MC146818 and its successors), which is taken to keep UTC. */
#ifndef HV_CPU_RTC_H
#define HV_CPU_RTC_H

#include "hv/lib/types.h"

struct rtc_time {
    uint32_t year; /* with century */
    uint8_t month, day, hour, minute, second;
};

/* Seconds since 1970-01-01 UTC; 0 when the fields are no date. */
uint64_t rtc_to_seconds(const struct rtc_time *t);

/* Seconds since 1970-01-01 UTC now; 0 when there is no clock or it shows no date. @pre acpi_init */
uint64_t rtc_read_seconds(void);

#endif
