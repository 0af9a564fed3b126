/* SPDX-License-Identifier: MIT */
/* Bit operations on arrays of 64-bit words (bit n is bit n%64 of word n/64, as in Xen's shared structures).
 */
#ifndef HV_LIB_BITOPS_H
#define HV_LIB_BITOPS_H

#include "hv/lib/types.h"

#define BITS_PER_WORD   64
#define BITMAP_WORDS(n) (((n) + BITS_PER_WORD - 1) / BITS_PER_WORD)

static inline bool bit_test(const uint64_t *map, unsigned int n)
{
    return (READ_ONCE(map[n / 64]) >> (n % 64)) & 1;
}

/* Plain forms: the caller's lock protects the map. */
static inline void bit_set(uint64_t *map, unsigned int n)
{
    map[n / 64] |= BIT(n % 64);
}

static inline void bit_clear(uint64_t *map, unsigned int n)
{
    map[n / 64] &= ~BIT(n % 64);
}

/* Atomic forms, also against guests that write the same word. */
static inline bool bit_test_and_set_atomic(uint64_t *map, unsigned int n)
{
    bool old;
    __asm__ volatile("lock; btsq %2, %0"
                     : "+m"(map[n / 64]), "=@ccc"(old)
                     : "r"((uint64_t)(n % 64))
                     : "memory");
    return old;
}

static inline bool bit_test_and_clear_atomic(uint64_t *map, unsigned int n)
{
    bool old;
    __asm__ volatile("lock; btrq %2, %0"
                     : "+m"(map[n / 64]), "=@ccc"(old)
                     : "r"((uint64_t)(n % 64))
                     : "memory");
    return old;
}

/* Index of the lowest / highest set bit; `x` must not be 0. */
static inline unsigned int bit_lowest(uint64_t x)
{
    return (unsigned int)__builtin_ctzll(x);
}

static inline unsigned int bit_highest(uint64_t x)
{
    return 63u - (unsigned int)__builtin_clzll(x);
}

/* First set bit at or after `from` below `size`, or `size` when there is none. */
static inline unsigned int bitmap_next_set(const uint64_t *map, unsigned int size, unsigned int from)
{
    while (from < size) {
        uint64_t word = READ_ONCE(map[from / 64]) >> (from % 64);
        if (word) {
            from += bit_lowest(word);
            return from < size ? from : size;
        }
        from = (from / 64 + 1) * 64;
    }
    return size;
}

#define for_each_set_bit(bit, map, size) \
    for ((bit) = bitmap_next_set(map, size, 0); (bit) < (size); (bit) = bitmap_next_set(map, size, (bit) + 1))

#endif
