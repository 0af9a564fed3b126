/* SPDX-License-Identifier: MIT */
#include "hv/lib/parse.h"
#include "hv/lib/string.h"

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

bool parse_u64(const char **s, unsigned base, uint64_t *value)
{
    const char *p = *s;
    uint64_t v = 0;
    bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && digit_value(p[2]) < 16;

    if (hex && (base == 0 || base == 16)) {
        base = 16;
        p += 2;
    } else if (base == 0) {
        base = 10;
    }
    if (digit_value(*p) >= base)
        return false;
    for (; digit_value(*p) < base; p++) {
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit_value(*p), &v))
            return false;
    }
    *s = p;
    *value = v;
    return true;
}

/* The power of two that a size suffix stands for; -1 if it is none. */
static int suffix_shift(char c)
{
    static const char suffixes[] = "BKMGT";
    const char *found = c == '\0' ? NULL : strchr(suffixes, c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);

    return found == NULL ? -1 : 10 * (int)(found - suffixes);
}

bool parse_size(const char **s, uint64_t *bytes)
{
    const char *p = *s;
    uint64_t v;
    int shift;

    if (!parse_u64(&p, 0, &v))
        return false;
    shift = suffix_shift(*p);
    if (shift >= 0)
        p++;
    else
        shift = 10;
    if (v > UINT64_MAX >> shift)
        return false;
    *s = p;
    *bytes = v << shift;
    return true;
}

bool parse_bool(const char *s, bool *value)
{
    static const char *const yes[] = { "1", "yes", "on", "true", "enable" };
    static const char *const no[] = { "0", "no", "off", "false", "disable" };

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (strcmp(s, yes[i]) == 0 || strcmp(s, no[i]) == 0) {
            *value = strcmp(s, yes[i]) == 0;
            return true;
        }
    }
    return false;
}
