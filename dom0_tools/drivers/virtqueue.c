/* SPDX-License-Identifier: MIT */
#include "dom0_tools/drivers/virtqueue.h"

#include <stddef.h>
#include <string.h>

struct virtq_desc {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

#define DESC_NEXT     1
#define DESC_WRITE    2
#define DESC_INDIRECT 4

/* Both rings begin with flags and index. */
#define RING_FLAGS 0
#define RING_INDEX 1
#define RING_FIRST 2

#define AVAIL_NO_INTERRUPT 1
#define USED_NO_NOTIFY     1

#define TABLE_BYTES     (VIRTQUEUE_SEGMENTS * sizeof(struct virtq_desc))
#define TABLES_PER_PAGE (4096 / TABLE_BYTES)

void virtqueue_init(struct virtqueue *queue, uint16_t size, const struct virtqueue_page *pages,
                    bool event_idx, bool indirect)
{
    memset(queue, 0, sizeof(*queue));
    queue->size = queue->nr_free = size;
    queue->event_idx = event_idx;
    queue->indirect = indirect;
    queue->desc = pages[0].virt;
    queue->avail = pages[1].virt;
    queue->used = pages[2].virt;
    for (unsigned i = 0; indirect && i < VIRTQUEUE_INDIRECT_PAGES; i++)
        queue->tables[i] = pages[VIRTQUEUE_RING_PAGES + i];
    for (uint16_t i = 0; i < size; i++)
        queue->slots[i].next = (uint16_t)(i + 1);
}

/* Where the device is told from which index on the driver wants interrupts, and tells from where on it wants
 * notifications. */
static volatile uint16_t *used_event(const struct virtqueue *queue)
{
    return &queue->avail[RING_FIRST + queue->size];
}

static uint16_t avail_event(const struct virtqueue *queue)
{
    return queue->used[RING_FIRST + 4 * queue->size];
}

static uint16_t take_descriptor(struct virtqueue *queue)
{
    uint16_t index = queue->first_free;

    queue->first_free = queue->slots[index].next;
    queue->nr_free--;
    return index;
}

static void fill(volatile struct virtq_desc *desc, const struct virtio_segment *segment, uint16_t flags,
                 uint16_t next)
{
    desc->address = segment->bus;
    desc->length = segment->length;
    desc->flags = flags;
    desc->next = next;
}

static uint16_t segment_flags(unsigned i, unsigned readable, unsigned count)
{
    return (uint16_t)((i >= readable ? DESC_WRITE : 0) | (i + 1 < count ? DESC_NEXT : 0));
}

/* One descriptor, which refers to its slot's table. */
static uint16_t add_indirect(struct virtqueue *queue, const struct virtio_segment *segments,
                             unsigned readable, unsigned count)
{
    uint16_t head = take_descriptor(queue);
    const struct virtqueue_page *page = &queue->tables[head / TABLES_PER_PAGE];
    size_t offset = head % TABLES_PER_PAGE * TABLE_BYTES;
    volatile struct virtq_desc *table = (volatile struct virtq_desc *)((char *)page->virt + offset);
    struct virtio_segment whole = { page->bus + offset, count * (uint32_t)sizeof(*table) };

    for (unsigned i = 0; i < count; i++)
        fill(&table[i], &segments[i], segment_flags(i, readable, count), (uint16_t)(i + 1));
    fill(&queue->desc[head], &whole, DESC_INDIRECT, 0);
    queue->slots[head].count = 1;
    return head;
}

static uint16_t add_chain(struct virtqueue *queue, const struct virtio_segment *segments, unsigned readable,
                          unsigned count)
{
    uint16_t head = queue->first_free;

    for (unsigned i = 0; i < count; i++) {
        uint16_t index = take_descriptor(queue);

        fill(&queue->desc[index], &segments[i], segment_flags(i, readable, count), queue->slots[index].next);
    }
    queue->slots[head].count = (uint16_t)count;
    return head;
}

bool virtqueue_add(struct virtqueue *queue, const struct virtio_segment *segments, unsigned readable,
                   unsigned writable, void *cookie)
{
    unsigned count = readable + writable;
    bool as_table = queue->indirect && count > 1 && count <= VIRTQUEUE_SEGMENTS;
    uint32_t bytes = 0;
    uint16_t head;

    if (queue->broken != NULL || count == 0 || queue->nr_free < (as_table ? 1 : count))
        return false;
    head = as_table ? add_indirect(queue, segments, readable, count)
                    : add_chain(queue, segments, readable, count);
    for (unsigned i = readable; i < count; i++)
        bytes += segments[i].length;
    queue->slots[head].cookie = cookie;
    queue->slots[head].writable = bytes;
    queue->avail[RING_FIRST + queue->available % queue->size] = head;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    queue->avail[RING_INDEX] = ++queue->available;
    return true;
}

bool virtqueue_must_notify(struct virtqueue *queue)
{
    uint16_t before = queue->announced, now = queue->available;

    if (before == now || queue->broken != NULL)
        return false;
    queue->announced = now;
    /* The index must be visible before the device's wish is read, or both sides could sleep. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!queue->event_idx)
        return (queue->used[RING_FLAGS] & USED_NO_NOTIFY) == 0;
    return (uint16_t)(now - avail_event(queue) - 1) < (uint16_t)(now - before);
}

static void free_chain(struct virtqueue *queue, uint16_t head)
{
    struct virtqueue_slot *slot = &queue->slots[head];
    uint16_t last = head;

    for (unsigned i = 1; i < slot->count; i++)
        last = queue->slots[last].next;
    queue->slots[last].next = queue->first_free;
    queue->first_free = head;
    queue->nr_free = (uint16_t)(queue->nr_free + slot->count);
    slot->cookie = NULL;
}

static void *break_queue(struct virtqueue *queue, const char *why)
{
    queue->broken = why;
    return NULL;
}

void *virtqueue_take(struct virtqueue *queue, uint32_t *written)
{
    uint16_t ready = (uint16_t)(queue->used[RING_INDEX] - queue->seen);
    volatile uint32_t *element;
    uint32_t id, length;
    void *cookie;

    if (queue->broken != NULL || ready == 0)
        return NULL;
    if (ready > queue->size)
        return break_queue(queue, "its used index runs ahead");
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    element = (volatile uint32_t *)(uintptr_t)&queue->used[RING_FIRST + 4 * (queue->seen % queue->size)];
    id = element[0];
    length = element[1];
    if (id >= queue->size || queue->slots[id].cookie == NULL)
        return break_queue(queue, "it returned a buffer that it does not have");
    if (length > queue->slots[id].writable)
        return break_queue(queue, "it claims to have written more than the buffer holds");
    cookie = queue->slots[id].cookie;
    free_chain(queue, (uint16_t)id);
    queue->seen++;
    *written = length;
    return cookie;
}

bool virtqueue_arm(struct virtqueue *queue)
{
    queue->avail[RING_FLAGS] = 0;
    *used_event(queue) = queue->seen;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return queue->broken != NULL || queue->used[RING_INDEX] == queue->seen;
}

void virtqueue_disarm(struct virtqueue *queue)
{
    queue->avail[RING_FLAGS] = AVAIL_NO_INTERRUPT;
}

void *virtqueue_drain(struct virtqueue *queue)
{
    for (uint16_t i = 0; i < queue->size; i++) {
        void *cookie = queue->slots[i].cookie;

        if (cookie != NULL) {
            free_chain(queue, i);
            return cookie;
        }
    }
    return NULL;
}
