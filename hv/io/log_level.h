/* SPDX-License-Identifier: MIT */
/* Which messages are printed: the thresholds of loglvl= and guest_loglvl=, and the rate limit. */
#ifndef HV_IO_LOG_LEVEL_H
#define HV_IO_LOG_LEVEL_H

#include "hv/lib/types.h"

enum log_level {
    LEVEL_NONE,
    LEVEL_ERR,
    LEVEL_WARNING,
    LEVEL_INFO,
    LEVEL_DEBUG,
};

/* Levels up to `always` are printed, those up to `limited` as often as the rate limit allows. */
struct log_threshold {
    uint8_t always, limited;
};

#define LOG_THRESHOLD_FORM "<level>[/<rate-limited level>], levels none, error, warning, info, debug or all"

/* Parses `<level>[/<rate-limited level>]`; 0, or -EINVAL with *t unchanged. */
int log_threshold_parse(const char *value, struct log_threshold *t);

/* What to do with a message. */
enum log_verdict { LOG_DROP, LOG_LIMITED, LOG_PRINT };
enum log_verdict log_verdict(const struct log_threshold *t, enum log_level level);

/* A token bucket: LOG_BURST messages at once, then one each LOG_REFILL_NS. */
#define LOG_BURST     10
#define LOG_REFILL_NS 500000000ULL
struct log_bucket {
    uint64_t since; /* ns; tokens up to then are counted */
    uint32_t used;
    uint32_t dropped; /* since the last message that went through */
};

/* May a message go out at time `now` (ns, monotonic)? *dropped is how many were withheld before it (0 when it
 * may not). */
bool log_bucket_take(struct log_bucket *b, uint64_t now, uint32_t *dropped);

#endif
