/* SPDX-License-Identifier: MIT */
#include "tests/guests/framework/print.h"
#include "tests/guests/framework/console.h"

#include <stdbool.h>
#include <stdint.h>

struct out {
    char *buf;
    size_t size, used;
};

static void put(struct out *o, char c)
{
    if (o->used + 1 < o->size)
        o->buf[o->used++] = c;
}

static void put_padded(struct out *o, const char *s, size_t len, size_t width, char pad)
{
    for (; width > len; width--)
        put(o, pad);
    for (; len; len--)
        put(o, *s++);
}

static void put_number(struct out *o, uint64_t value, bool negative, unsigned int base, size_t width,
                       char pad)
{
    char digits[24];
    size_t pos = sizeof(digits);

    do {
        digits[--pos] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (negative)
        digits[--pos] = '-';
    put_padded(o, &digits[pos], sizeof(digits) - pos, width, pad);
}

static void put_signed(struct out *o, int64_t value, size_t width, char pad)
{
    put_number(o, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0, 10, width, pad);
}

static const char *convert(struct out *o, const char *fmt, va_list *args)
{
    char pad = ' ';
    size_t width = 0;
    bool is_long = false;

    if (*fmt == '0')
        pad = *fmt++;
    for (; *fmt >= '0' && *fmt <= '9'; fmt++)
        width = width * 10 + (size_t)(*fmt - '0');
    for (; *fmt == 'l' || *fmt == 'z'; fmt++)
        is_long = true;

    switch (*fmt) {
    case 'd':
        put_signed(o, is_long ? va_arg(*args, int64_t) : va_arg(*args, int), width, pad);
        break;
    case 'u':
    case 'x':
        put_number(o, is_long ? va_arg(*args, uint64_t) : va_arg(*args, unsigned int), false,
                   *fmt == 'u' ? 10 : 16, width, pad);
        break;
    case 'p':
        put_number(o, va_arg(*args, uintptr_t), false, 16, 16, '0');
        break;
    case 'c':
        put(o, (char)va_arg(*args, int));
        break;
    case 's': {
        const char *s = va_arg(*args, const char *);

        put_padded(o, s, strlen(s), width, ' ');
        break;
    }
    default:
        put(o, *fmt);
    }
    return fmt + 1;
}

size_t vformat(char *buf, size_t size, const char *fmt, va_list args)
{
    struct out o = { .buf = buf, .size = size };
    va_list copy;

    va_copy(copy, args);
    while (*fmt) {
        if (*fmt == '%')
            fmt = convert(&o, fmt + 1, &copy);
        else
            put(&o, *fmt++);
    }
    va_end(copy);
    buf[o.used] = '\0';
    return o.used;
}

size_t format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    size_t len;

    va_start(args, fmt);
    len = vformat(buf, size, fmt, args);
    va_end(args);
    return len;
}

void print(const char *fmt, ...)
{
    char line[512];
    va_list args;

    va_start(args, fmt);
    console_write(line, vformat(line, sizeof(line), fmt, args));
    va_end(args);
}

void *memset(void *dst, int byte, size_t size)
{
    void *ret = dst;

    asm volatile("rep stosb" : "+D"(dst), "+c"(size) : "a"(byte) : "memory");
    return ret;
}

void *memcpy(void *dst, const void *src, size_t size)
{
    void *ret = dst;

    asm volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(size) : : "memory");
    return ret;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a, *y = b;

    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

size_t strlen(const char *s)
{
    size_t len = 0;

    while (s[len])
        len++;
    return len;
}

int strncmp(const char *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i] || !a[i])
            return a[i] - b[i];
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, (size_t)-1);
}
