/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues (Virtio 1.1, 2.6), the driver's side: descriptors direct or indirect, notifications by
 * event index. Pure memory: the transport (virtio_pci.h) creates queues and rings doorbells.
 *
 * What the device writes is checked: an id that is not outstanding, a length that is more than the buffers
 * hold or an index that runs ahead breaks the queue for good. What the driver knows of its descriptors it
 * keeps in memory of its own and never reads back from the ring. Calls on one queue exclude each other: from
 * event handlers, or with upcalls masked.
 */
#ifndef DOM0_DRIVERS_VIRTQUEUE_H
#define DOM0_DRIVERS_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>

/* One page holds the descriptors of a queue, so this is the largest size used. */
#define VIRTQUEUE_MAX_SIZE 256

/* Descriptors that one buffer may have when the device takes indirect ones: a quarter of a page. */
#define VIRTQUEUE_SEGMENTS 64

/* Pages that a queue of VIRTQUEUE_MAX_SIZE needs: descriptors, available ring, used ring, indirect tables. */
#define VIRTQUEUE_RING_PAGES     3
#define VIRTQUEUE_INDIRECT_PAGES (VIRTQUEUE_MAX_SIZE * VIRTQUEUE_SEGMENTS * 16 / 4096)
#define VIRTQUEUE_PAGES          (VIRTQUEUE_RING_PAGES + VIRTQUEUE_INDIRECT_PAGES)

/* A part of a buffer: contiguous for the device. */
struct virtio_segment {
    uint64_t bus; /* machine address */
    uint32_t length;
};

/* A page that the device can address. */
struct virtqueue_page {
    void *virt;
    uint64_t bus;
};

struct virtq_desc;

struct virtqueue_slot {
    void *cookie;      /* NULL: no buffer begins here */
    uint32_t writable; /* bytes that the device may write */
    uint16_t next;     /* further descriptor of the chain, or of the free list */
    uint16_t count;    /* descriptors of the chain */
};

struct virtqueue {
    uint16_t size; /* a power of two */
    uint16_t nr_free;
    uint16_t first_free;
    uint16_t available; /* free-running: buffers made available */
    uint16_t announced; /* its value when the device was last told */
    uint16_t seen;      /* free-running: used buffers taken back */
    bool event_idx, indirect;
    const char *broken; /* why, or NULL */
    volatile struct virtq_desc *desc;
    volatile uint16_t *avail; /* flags, index, ring, used_event */
    volatile uint16_t *used;  /* flags, index, ring of 8 bytes each, avail_event */
    struct virtqueue_page tables[VIRTQUEUE_INDIRECT_PAGES];
    struct virtqueue_slot slots[VIRTQUEUE_MAX_SIZE];
};

/*
 * Prepares an empty queue in VIRTQUEUE_PAGES zeroed pages (without `indirect` the first VIRTQUEUE_RING_PAGES
 * of them), in the order descriptors, available ring, used ring, tables. size: a power of two, at most
 * VIRTQUEUE_MAX_SIZE.
 */
void virtqueue_init(struct virtqueue *queue, uint16_t size, const struct virtqueue_page *pages,
                    bool event_idx, bool indirect);

/*
 * Adds a buffer of `readable` segments that the device reads, followed by `writable` ones that it writes;
 * cookie, not NULL, comes back from virtqueue_take(). False, and nothing happened: no room at the moment, or
 * more segments than the queue can ever take. The device sees the buffer at once, but need not look before it
 * is notified.
 */
bool virtqueue_add(struct virtqueue *queue, const struct virtio_segment *segments, unsigned readable,
                   unsigned writable, void *cookie);

/* Whether the device wants to be notified of what was added since the last call. */
bool virtqueue_must_notify(struct virtqueue *queue);

/*
 * The cookie of the next buffer that the device is done with, *written the number of bytes that it claims to
 * have written. NULL: none, or the queue is broken.
 */
void *virtqueue_take(struct virtqueue *queue, uint32_t *written);

/* Asks for an interrupt at the next used buffer. False if there is one already: then take, and ask again. */
bool virtqueue_arm(struct virtqueue *queue);

/* Asks for no interrupts, as far as the device heeds it. */
void virtqueue_disarm(struct virtqueue *queue);

/* After the device was reset: gives back the cookies that it did not, one a call, then NULL. */
void *virtqueue_drain(struct virtqueue *queue);

#endif
