/* SPDX-License-Identifier: MIT */
#include "hv/cpu/rtc.h"
#include "hv/cpu/insn.h"
#include "hv/io/acpi.h"
#include "hv/lib/string.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

#define RTC_SECOND        0x00
#define RTC_MINUTE        0x02
#define RTC_HOUR          0x04
#define RTC_DAY           0x07
#define RTC_MONTH         0x08
#define RTC_YEAR          0x09
#define RTC_STATUS_A      0x0a
#define RTC_STATUS_B      0x0b
#define STATUS_A_UPDATING 0x80
#define STATUS_B_24H      0x02
#define STATUS_B_BINARY   0x04
#define HOUR_PM           0x80

/* An update takes 2 ms; a register read about a microsecond. */
#define UPDATE_POLLS 20000
#define READ_TRIES   10

uint64_t rtc_to_seconds(const struct rtc_time *t)
{
    static const uint16_t days_before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    uint64_t leaps, days;

    if (t->month < 1 || t->month > 12 || t->day < 1 || t->day > 31 || t->hour > 23 || t->minute > 59 ||
        t->second > 60 || t->year < 1970 || t->year > 9999)
        return 0;
    /* Leap days up to the end of February of this year; 477 is their number before 1970. */
    leaps = t->month > 2 ? t->year : t->year - 1;
    leaps = leaps / 4 - leaps / 100 + leaps / 400 - 477;
    days = (uint64_t)(t->year - 1970) * 365 + leaps + days_before[t->month - 1] + t->day - 1;
    return ((days * 24 + t->hour) * 60 + t->minute) * 60 + t->second;
}

static uint8_t cmos_read(uint8_t reg)
{
    outb(CMOS_INDEX, reg);
    return inb(CMOS_DATA);
}

static uint8_t from_bcd(uint8_t v, uint8_t status_b)
{
    return status_b & STATUS_B_BINARY ? v : (uint8_t)((v >> 4) * 10 + (v & 15));
}

static bool wait_for_update(void)
{
    for (unsigned int i = 0; i < UPDATE_POLLS; i++)
        if (!(cmos_read(RTC_STATUS_A) & STATUS_A_UPDATING))
            return true;
    return false;
}

static void read_fields(struct rtc_time *t)
{
    uint8_t b = cmos_read(RTC_STATUS_B), hour = cmos_read(RTC_HOUR);
    uint32_t century = acpi_info.century ? from_bcd(cmos_read(acpi_info.century), b) : 0;

    memset(t, 0, sizeof(*t)); /* padding too: two readings are compared */
    t->second = from_bcd(cmos_read(RTC_SECOND), b);
    t->minute = from_bcd(cmos_read(RTC_MINUTE), b);
    t->hour = from_bcd(hour & ~(b & STATUS_B_24H ? 0 : HOUR_PM), b);
    if (!(b & STATUS_B_24H))
        t->hour = (uint8_t)(t->hour % 12 + (hour & HOUR_PM ? 12 : 0));
    t->day = from_bcd(cmos_read(RTC_DAY), b);
    t->month = from_bcd(cmos_read(RTC_MONTH), b);
    t->year = from_bcd(cmos_read(RTC_YEAR), b);
    if (century < 19 || century > 99)
        century = t->year < 70 ? 20 : 19;
    t->year += century * 100;
}

uint64_t rtc_read_seconds(void)
{
    struct rtc_time t, again;

    if (acpi_info.no_cmos_rtc)
        return 0;
    /* The registers change under the reader once a second: two equal readings are one moment. */
    for (unsigned int i = 0; i < READ_TRIES && wait_for_update(); i++) {
        read_fields(&t);
        read_fields(&again);
        if (memcmp(&t, &again, sizeof(t)) == 0)
            return rtc_to_seconds(&t);
    }
    return 0;
}
