/* SPDX-License-Identifier: MIT */
#include "hv/io/log_level.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"

/* Takes a level's name off the text. */
static bool parse_level(const char **s, uint8_t *level)
{
    static const struct {
        const char *name;
        uint8_t level;
    } names[] = {
        { "none", LEVEL_NONE }, { "error", LEVEL_ERR },   { "warning", LEVEL_WARNING },
        { "info", LEVEL_INFO }, { "debug", LEVEL_DEBUG }, { "all", LEVEL_DEBUG },
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
        size_t n = strlen(names[i].name);

        if (strncmp(*s, names[i].name, n) == 0) {
            *s += n;
            *level = names[i].level;
            return true;
        }
    }
    return false;
}

int log_threshold_parse(const char *value, struct log_threshold *t)
{
    uint8_t always, limited;

    if (!parse_level(&value, &always))
        return -EINVAL;
    limited = always;
    if (*value == '/') {
        value++;
        if (!parse_level(&value, &limited))
            return -EINVAL;
    }
    if (*value != '\0' || limited < always)
        return -EINVAL;
    t->always = always;
    t->limited = limited;
    return 0;
}

enum log_verdict log_verdict(const struct log_threshold *t, enum log_level level)
{
    if (level <= t->always)
        return LOG_PRINT;
    return level <= t->limited ? LOG_LIMITED : LOG_DROP;
}

bool log_bucket_take(struct log_bucket *b, uint64_t now, uint32_t *dropped)
{
    uint64_t refill = now > b->since ? (now - b->since) / LOG_REFILL_NS : 0;

    b->since += refill * LOG_REFILL_NS;
    b->used -= (uint32_t)min(refill, (uint64_t)b->used);
    *dropped = 0;
    if (b->used == LOG_BURST) {
        b->dropped++;
        return false;
    }
    b->used++;
    *dropped = b->dropped;
    b->dropped = 0;
    return true;
}
