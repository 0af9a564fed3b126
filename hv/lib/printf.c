/* SPDX-License-Identifier: MIT */
#include "hv/lib/printf.h"
#include "hv/lib/string.h"
#include "hv/lib/types.h"

struct output {
    char *buf;
    size_t size;
    size_t len; /* of the whole text, may be beyond size */
};

/* One conversion specification of the format, decoded. */
struct spec {
    bool left, zero, plus, space, alternate;
    int width;
    int precision; /* -1 if none was given */
    unsigned size; /* of an integer argument, in bytes */
    char conversion;
};

/* The digits of a number with what stands before them. */
struct number {
    char digits[24]; /* 64 bits in octal are 22 digits */
    size_t nr_digits;
    char prefix[3];
};

static void put_char(struct output *out, char c)
{
    if (out->len + 1 < out->size)
        out->buf[out->len] = c;
    out->len++;
}

static void put_text(struct output *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put_char(out, s[i]);
}

static void put_fill(struct output *out, char c, int n)
{
    for (int i = 0; i < n; i++)
        put_char(out, c);
}

/* Text of n characters in a field of spec->width. */
static void put_field(struct output *out, const struct spec *spec, const char *s, size_t n)
{
    int fill = (size_t)spec->width > n ? spec->width - (int)n : 0;

    if (!spec->left)
        put_fill(out, ' ', fill);
    put_text(out, s, n);
    if (spec->left)
        put_fill(out, ' ', fill);
}

static void put_number(struct output *out, const struct spec *spec, const struct number *num)
{
    size_t prefix_len = strlen(num->prefix);
    int body = (int)(num->nr_digits + prefix_len), zeros = 0, fill;

    if (spec->precision >= 0)
        zeros = max(spec->precision - (int)num->nr_digits, 0);
    else if (spec->zero && !spec->left)
        zeros = max(spec->width - body, 0);
    fill = max(spec->width - body - zeros, 0);

    if (!spec->left)
        put_fill(out, ' ', fill);
    put_text(out, num->prefix, prefix_len);
    put_fill(out, '0', zeros);
    put_text(out, num->digits, num->nr_digits);
    if (spec->left)
        put_fill(out, ' ', fill);
}

static void make_digits(struct number *num, uint64_t v, unsigned base, bool upper)
{
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t start = sizeof(num->digits);

    for (; v != 0; v /= base)
        num->digits[--start] = set[v % base];
    num->nr_digits = sizeof(num->digits) - start;
    memmove(num->digits, num->digits + start, num->nr_digits);
}

static void put_unsigned(struct output *out, const struct spec *spec, uint64_t v, const char *sign)
{
    unsigned base = spec->conversion == 'o'                              ? 8
                    : spec->conversion == 'x' || spec->conversion == 'X' ? 16
                                                                         : 10;
    struct number num;

    make_digits(&num, v, base, spec->conversion == 'X');
    strlcpy(num.prefix, sign, sizeof(num.prefix));
    if (spec->alternate && base == 16 && v != 0)
        strlcpy(num.prefix, spec->conversion == 'X' ? "0X" : "0x", sizeof(num.prefix));
    if (v == 0 && (spec->precision != 0 || (spec->alternate && base == 8)))
        num.digits[num.nr_digits++] = '0';
    else if (spec->alternate && base == 8 && spec->precision <= (int)num.nr_digits)
        strlcpy(num.prefix, "0", sizeof(num.prefix));
    put_number(out, spec, &num);
}

static void put_signed(struct output *out, const struct spec *spec, int64_t v)
{
    const char *sign = v < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

    put_unsigned(out, spec, v < 0 ? -(uint64_t)v : (uint64_t)v, sign);
}

static void put_string(struct output *out, const struct spec *spec, const char *s)
{
    if (s == NULL)
        s = "(null)";
    put_field(out, spec, s, spec->precision >= 0 ? strnlen(s, (size_t)spec->precision) : strlen(s));
}

static void put_pointer(struct output *out, const struct spec *given, const void *p)
{
    struct spec spec = *given;

    spec.conversion = 'x';
    spec.alternate = false;
    spec.precision = 16;
    put_unsigned(out, &spec, (uintptr_t)p, "0x");
}

/* A decimal number of the format, no larger than what a field can sensibly have. */
static int parse_decimal(const char **fmt)
{
    int v = 0;

    for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++)
        v = min(v * 10 + (**fmt - '0'), 1 << 20);
    return v;
}

static bool parse_flag(struct spec *spec, char c)
{
    switch (c) {
    case '-':
        spec->left = true;
        return true;
    case '0':
        spec->zero = true;
        return true;
    case '+':
        spec->plus = true;
        return true;
    case ' ':
        spec->space = true;
        return true;
    case '#':
        spec->alternate = true;
        return true;
    default:
        return false;
    }
}

static unsigned parse_length(const char **fmt)
{
    char c = **fmt;

    if (strchr("hlztj", c) == NULL || c == '\0')
        return sizeof(int);
    (*fmt)++;
    if (c == 'h' && **fmt == 'h') {
        (*fmt)++;
        return sizeof(char);
    }
    if (c == 'l' && **fmt == 'l')
        (*fmt)++;
    return c == 'h' ? sizeof(short) : sizeof(uint64_t);
}

/* Decodes the specification behind a '%', with the * arguments; leaves *fmt behind the conversion character.
 */
static void parse_spec(struct spec *spec, const char **fmt, va_list *args)
{
    *spec = (struct spec){ .precision = -1 };
    while (parse_flag(spec, **fmt))
        (*fmt)++;
    if (**fmt == '*') {
        int width = va_arg(*args, int);

        (*fmt)++;
        spec->left |= width < 0;
        spec->width = width < 0 ? -max(width, -(1 << 20)) : min(width, 1 << 20);
    } else {
        spec->width = parse_decimal(fmt);
    }
    if (**fmt == '.') {
        (*fmt)++;
        if (**fmt == '*') {
            (*fmt)++;
            spec->precision = max(min(va_arg(*args, int), 1 << 20), -1);
        } else {
            spec->precision = parse_decimal(fmt);
        }
    }
    spec->size = parse_length(fmt);
    spec->conversion = **fmt;
    if (**fmt != '\0')
        (*fmt)++;
}

static int64_t signed_argument(const struct spec *spec, va_list *args)
{
    if (spec->size == sizeof(int64_t))
        return va_arg(*args, int64_t);
    if (spec->size == sizeof(char))
        return (signed char)va_arg(*args, int);
    return spec->size == sizeof(short) ? (short)va_arg(*args, int) : va_arg(*args, int);
}

static uint64_t unsigned_argument(const struct spec *spec, va_list *args)
{
    uint64_t v = spec->size == sizeof(uint64_t) ? va_arg(*args, uint64_t) : va_arg(*args, unsigned);

    return spec->size == sizeof(uint64_t) ? v : v & ((1ULL << (8 * spec->size)) - 1);
}

/* Prints one argument; false if the conversion is none of ours. */
static bool put_argument(struct output *out, const struct spec *spec, va_list *args)
{
    char c;

    switch (spec->conversion) {
    case 'd':
    case 'i':
        put_signed(out, spec, signed_argument(spec, args));
        return true;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_unsigned(out, spec, unsigned_argument(spec, args), "");
        return true;
    case 'c':
        c = (char)va_arg(*args, int);
        put_field(out, spec, &c, 1);
        return true;
    case 's':
        put_string(out, spec, va_arg(*args, const char *));
        return true;
    case 'p':
        put_pointer(out, spec, va_arg(*args, const void *));
        return true;
    case '%':
        put_char(out, '%');
        return true;
    default:
        return false;
    }
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
    struct output out = { .buf = buf, .size = size };
    va_list ap;

    va_copy(ap, args);
    while (*fmt != '\0') {
        const char *start = fmt;
        struct spec spec;

        if (*fmt++ != '%') {
            put_char(&out, *start);
            continue;
        }
        parse_spec(&spec, &fmt, &ap);
        if (!put_argument(&out, &spec, &ap))
            put_text(&out, start, (size_t)(fmt - start));
    }
    va_end(ap);
    if (size != 0)
        buf[min(out.len, size - 1)] = '\0';
    return out.len > INT32_MAX ? INT32_MAX : (int)out.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(buf, size, fmt, args);
    va_end(args);
    return n;
}
