/* SPDX-License-Identifier: MIT */
/* Dates of the real-time clock as seconds, against the C library's own arithmetic. */
/* unit-sources: hv/cpu/rtc.c */
#include <criterion/criterion.h>
#include <time.h>

#include "hv/cpu/rtc.h"
#include "hv/io/acpi.h"

/* The tables' results that rtc.c looks at when it reads the clock itself. */
struct acpi_info acpi_info;

Test(rtc, every_day_of_four_centuries)
{
    /* A prime number of seconds a little over a day apart, so that hours and minutes change too. */
    for (int64_t at = 0; at < 400LL * 366 * 86400; at += 86413) {
        time_t when = (time_t)at;
        struct tm tm;
        struct rtc_time t;

        gmtime_r(&when, &tm);
        t = (struct rtc_time){ .year = (uint32_t)tm.tm_year + 1900,
                               .month = (uint8_t)(tm.tm_mon + 1),
                               .day = (uint8_t)tm.tm_mday,
                               .hour = (uint8_t)tm.tm_hour,
                               .minute = (uint8_t)tm.tm_min,
                               .second = (uint8_t)tm.tm_sec };
        cr_assert_eq(rtc_to_seconds(&t), (uint64_t)at, "%u-%u-%u", t.year, t.month, t.day);
    }
}

Test(rtc, no_dates)
{
    static const struct rtc_time bad[] = {
        { 2026, 0, 1, 0, 0, 0 },  { 2026, 13, 1, 0, 0, 0 },     { 2026, 1, 0, 0, 0, 0 },
        { 2026, 1, 32, 0, 0, 0 }, { 2026, 1, 1, 24, 0, 0 },     { 2026, 1, 1, 0, 60, 0 },
        { 2026, 1, 1, 0, 0, 61 }, { 1969, 12, 31, 23, 59, 59 }, { 25599, 1, 1, 0, 0, 0 },
    };

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_eq(rtc_to_seconds(&bad[i]), 0, "case %u", i);
}
