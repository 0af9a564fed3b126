/* SPDX-License-Identifier: MIT */
#include "log.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define MAGIC   0x4b56524c
#define DELETED UINT32_MAX

struct header {
    uint32_t magic;
    uint32_t checksum; /* of all that follows */
    uint64_t generation;
    uint64_t number; /* in its half, from 0: the record that makes it the log */
    uint32_t key_length;
    uint32_t value_length;
};

#define RECORD_MAX (sizeof(struct header) + KV_KEY_MAX + KV_VALUE_MAX)
#define BUFFER     12288
_Static_assert(RECORD_MAX + 4096 <= BUFFER, "a record fits the buffer in whole sectors");

static struct {
    struct blockdev *dev;
    uint64_t start, size; /* of the half that is the log, in sectors */
    uint64_t next;        /* where the next record goes, from start on */
    uint64_t generation, number;
} live;

static char buffer[BUFFER] __attribute__((aligned(4096)));

/* CRC-32 (IEEE 802.3), bit by bit. */
static uint32_t crc32(const void *data, size_t length)
{
    const unsigned char *bytes = data;
    uint32_t crc = ~0U;

    while (length--) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static size_t body_length(const struct header *h)
{
    return sizeof(*h) + h->key_length + (h->value_length == DELETED ? 0 : h->value_length);
}

static uint64_t sectors_of(const struct header *h)
{
    return (body_length(h) + live.dev->sector_size - 1) / live.dev->sector_size;
}

static uint32_t checksum_of(const struct header *h)
{
    size_t from = offsetof(struct header, generation);

    return crc32((const char *)h + from, body_length(h) - from);
}

static int flush(void)
{
    return live.dev->ops->flush ? live.dev->ops->flush(live.dev) : 0;
}

/* Writes a record into a half. */
static int put(uint64_t sector, uint64_t generation, uint64_t number, const char *key, const char *value)
{
    struct header *h = (struct header *)buffer;

    memset(buffer, 0, sizeof(buffer));
    *h = (struct header){ .magic = MAGIC, .generation = generation, .number = number };
    h->key_length = (uint32_t)strlen(key);
    h->value_length = value ? (uint32_t)strlen(value) : DELETED;
    memcpy(h + 1, key, h->key_length);
    if (value)
        memcpy((char *)(h + 1) + h->key_length, value, h->value_length);
    h->checksum = checksum_of(h);
    return live.dev->ops->write(live.dev, sector, buffer, sectors_of(h));
}

/* The record at a sector of a half that ends at `end`, in the buffer; NULL if there is none, *error if the
 * device failed. */
static const struct header *get(uint64_t sector, uint64_t end, int *error)
{
    const struct header *h = (const struct header *)buffer;
    uint64_t room = sizeof(buffer) / live.dev->sector_size;
    uint64_t count = end - sector < room ? end - sector : room;

    *error = count ? live.dev->ops->read(live.dev, sector, buffer, count) : 0;
    if (*error || !count || h->magic != MAGIC || h->key_length > KV_KEY_MAX ||
        (h->value_length > KV_VALUE_MAX && h->value_length != DELETED) || sectors_of(h) > count ||
        h->checksum != checksum_of(h))
        return NULL;
    return h;
}

/* The generation of a half, 0 when it is no log. */
static int read_generation(uint64_t start, uint64_t *generation)
{
    int error;
    const struct header *h = get(start, start + live.size, &error);

    *generation = h && h->number == 0 ? h->generation : 0;
    return error;
}

static int start_half(uint64_t start, uint64_t generation)
{
    int error = flush(); /* the half's other records are there before it counts */

    if (!error)
        error = put(start, generation, 0, "", NULL);
    if (!error)
        error = flush();
    return error;
}

static int replay(void (*apply)(const char *key, const char *value))
{
    static char key[KV_KEY_MAX + 1], value[KV_VALUE_MAX + 1];
    const struct header *h;
    int error;

    while ((h = get(live.start + live.next, live.start + live.size, &error)) != NULL &&
           h->generation == live.generation && h->number == live.number) {
        const char *text = (const char *)(h + 1);
        bool deleted = h->value_length == DELETED;

        memcpy(key, text, h->key_length);
        key[h->key_length] = '\0';
        if (!deleted) {
            memcpy(value, text + h->key_length, h->value_length);
            value[h->value_length] = '\0';
        }
        if (live.number)
            apply(key, deleted ? NULL : value);
        live.next += sectors_of(h);
        live.number++;
    }
    return error;
}

int log_open(struct blockdev *dev, void (*apply)(const char *key, const char *value))
{
    uint64_t first, second;
    int error;

    live.dev = dev;
    live.size = dev->sectors / 2;
    error = read_generation(0, &first);
    if (!error)
        error = read_generation(live.size, &second);
    if (error)
        return error;
    live.start = second > first ? live.size : 0;
    live.generation = second > first ? second : first;
    if (!live.generation) {
        live.generation = 1;
        error = start_half(0, 1);
    }
    return error ? error : replay(apply);
}

static uint64_t copy_next, copy_number;

static int copy(const char *key, const char *value)
{
    uint64_t other = live.start ? 0 : live.size;
    size_t length = sizeof(struct header) + strlen(key) + strlen(value);
    uint64_t count = (length + live.dev->sector_size - 1) / live.dev->sector_size;
    int error;

    if (copy_next + count > live.size)
        return -ENOSPC;
    error = put(other + copy_next, live.generation + 1, copy_number, key, value);
    copy_next += count;
    copy_number++;
    return error;
}

/* Writes what counts into the other half and goes on there. */
static int compact(int (*for_each)(int (*put)(const char *key, const char *value)))
{
    uint64_t other = live.start ? 0 : live.size;
    int error;

    copy_next = copy_number = 1;
    error = for_each(copy);
    if (!error)
        error = start_half(other, live.generation + 1);
    if (error)
        return error;
    live.start = other;
    live.generation++;
    live.next = copy_next;
    live.number = copy_number;
    return 0;
}

int log_append(const char *key, const char *value,
               int (*for_each)(int (*put)(const char *key, const char *value)))
{
    size_t length = sizeof(struct header) + strlen(key) + (value ? strlen(value) : 0);
    uint64_t count = (length + live.dev->sector_size - 1) / live.dev->sector_size;
    int error = 0;

    if (live.next + count > live.size)
        error = compact(for_each);
    if (!error && live.next + count > live.size)
        error = -ENOSPC;
    if (!error)
        error = put(live.start + live.next, live.generation, live.number, key, value);
    if (!error)
        error = flush();
    if (error)
        return error;
    live.next += count;
    live.number++;
    return 0;
}
