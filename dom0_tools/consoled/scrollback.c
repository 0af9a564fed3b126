/* SPDX-License-Identifier: MIT */
#include "dom0_tools/consoled/scrollback.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Copies bytes [from, from + length), all of which are kept; they lie in one piece or in two. */
static void copy_out(const struct scrollback *s, uint64_t from, char *data, size_t length)
{
    size_t offset = from % s->size, first = s->size - offset;

    if (first > length)
        first = length;
    memcpy(data, s->data + offset, first);
    memcpy(data + first, s->data, length - first);
}

static bool grow(struct scrollback *s, struct scrollback_pool *pool)
{
    struct scrollback grown = *s;
    size_t kept = (size_t)(s->end - s->start), piece;

    grown.size = s->size == 0 ? SCROLLBACK_FIRST : s->size * 2;
    if (grown.size > SCROLLBACK_QUOTA || grown.size - s->size > pool->limit - pool->used)
        return false;
    grown.data = malloc(grown.size);
    if (grown.data == NULL)
        return false;
    for (uint64_t at = s->start; kept != 0; at += piece, kept -= piece) {
        piece = grown.size - at % grown.size; /* to the end of the new memory */
        if (piece > kept)
            piece = kept;
        copy_out(s, at, grown.data + at % grown.size, piece);
    }
    free(s->data);
    pool->used += grown.size - s->size;
    *s = grown;
    return true;
}

void scrollback_add(struct scrollback *s, struct scrollback_pool *pool, const char *data, size_t length)
{
    while (s->size - (s->end - s->start) < length && grow(s, pool))
        ;
    if (length > s->size) {
        s->end += length - s->size;
        data += length - s->size;
        length = s->size;
    }
    while (length != 0) {
        size_t offset = s->end % s->size, piece = s->size - offset;

        if (piece > length)
            piece = length;
        memcpy(s->data + offset, data, piece);
        s->end += piece;
        data += piece;
        length -= piece;
    }
    if (s->end - s->start > s->size)
        s->start = s->end - s->size;
}

size_t scrollback_read(const struct scrollback *s, uint64_t *at, char *data, size_t length, uint64_t *lost)
{
    *lost = *at < s->start ? s->start - *at : 0;
    *at += *lost;
    if (length > s->end - *at)
        length = (size_t)(s->end - *at);
    if (length != 0)
        copy_out(s, *at, data, length);
    *at += length;
    return length;
}

void scrollback_free(struct scrollback *s, struct scrollback_pool *pool)
{
    free(s->data);
    pool->used -= s->size;
    *s = (struct scrollback){ 0 };
}
