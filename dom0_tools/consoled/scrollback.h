/* SPDX-License-Identifier: MIT */
/*
 * What a domain has printed: the last bytes of it, as many as its quota allows. Bytes are numbered from 0 on
 * for as long as the domain lives, so that several readers follow at their own pace. Memory is taken when
 * there is something to keep, and doubles until the quota is reached. No locks, no hypercalls.
 */
#ifndef DOM0_CONSOLED_SCROLLBACK_H
#define DOM0_CONSOLED_SCROLLBACK_H

#include <stddef.h>
#include <stdint.h>

/* Powers of two, in bytes. */
#define SCROLLBACK_FIRST 256U
#define SCROLLBACK_QUOTA 65536U

/* Memory that all scroll-backs share. */
struct scrollback_pool {
    size_t used, limit;
};

/* Zero to begin with. */
struct scrollback {
    char *data; /* byte number n is at n % size; NULL: nothing was added yet */
    uint32_t size;
    uint64_t start, end; /* numbers of the oldest byte that is kept, and of the next that comes */
};

/* Appends. Where the quota is reached, or there is no memory for more, the oldest bytes make room. */
void scrollback_add(struct scrollback *s, struct scrollback_pool *pool, const char *data, size_t length);

/* Copies up to `length` bytes from number *at on and moves *at behind them; returns how many. When they are
 * not kept any more it goes on with the oldest that is, and *lost is how many were skipped. */
size_t scrollback_read(const struct scrollback *s, uint64_t *at, char *data, size_t length, uint64_t *lost);

void scrollback_free(struct scrollback *s, struct scrollback_pool *pool);

#endif
