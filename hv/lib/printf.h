/* SPDX-License-Identifier: MIT */
/*
 * Formatted text without allocation, locale or floating point. Conversions: d i u x X o c s p %; flags: - 0 +
 * space #; width and precision as digits or *; lengths hh h l ll z t j. The format is the caller's constant,
 * never guest data.
 */
#ifndef HV_LIB_PRINTF_H
#define HV_LIB_PRINTF_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Writes at most size - 1 characters and a terminator into buf (nothing if size is 0, then buf may be NULL).
 * Returns the length that the whole text has: the text was cut if that is >= size. A NULL string prints as
 * "(null)"; a conversion that is not one of the above prints as it stands.
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));
int snprintf(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
