/* SPDX-License-Identifier: MIT */
/*
 * Which domains have changed since the control domain was last told: a bit for each domid, and above it a bit
 * for each word, so that one is found at once. Without locks: who sets writes the lower bit first, who takes
 * clears the upper bit first.
 */
#include "hv/domain/domain_changes.h"
#include "hv/lib/atomic.h"
#include "hv/lib/bitops.h"

#define WORDS DIV_ROUND_UP(DOMID_FIRST_RESERVED, 64)

static uint64_t changed[WORDS];
static uint64_t words_changed[DIV_ROUND_UP(WORDS, 64)];

void domain_changed(domid_t id)
{
    (void)bit_test_and_set_atomic(changed, id);
    (void)bit_test_and_set_atomic(words_changed, id / 64);
}

/* A domid out of a word that had some. */
static bool take_from(unsigned int word, domid_t *id)
{
    uint64_t bits;

    (void)bit_test_and_clear_atomic(words_changed, word);
    bits = READ_ONCE(changed[word]);
    if (!bits)
        return false;
    *id = (domid_t)(word * 64 + bit_lowest(bits));
    if (bits & (bits - 1))
        (void)bit_test_and_set_atomic(words_changed, word);
    return bit_test_and_clear_atomic(changed, *id);
}

bool domain_take_changed(domid_t *id)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(words_changed); i++) {
        uint64_t words;

        while ((words = READ_ONCE(words_changed[i])))
            if (take_from(i * 64 + bit_lowest(words), id))
                return true;
    }
    return false;
}
