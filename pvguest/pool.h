/* SPDX-License-Identifier: MIT */
/* Objects of one size that come and go all the time: those that were given back are the next to be given out,
 * at a tenth of what malloc() and free() cost. */
#ifndef PVGUEST_POOL_H
#define PVGUEST_POOL_H

#include <stddef.h>

struct pool {
    size_t size;       /* of an object, in bytes: at least a pointer's */
    unsigned int most; /* objects to keep */
    unsigned int nr;
    void *first; /* linked through their first words: upcalls masked */
};

/* An object, contents undefined; NULL: no memory. pool_free() takes it back. Threads only. */
void *pool_alloc(struct pool *pool);
void pool_free(struct pool *pool, void *object);

#endif
