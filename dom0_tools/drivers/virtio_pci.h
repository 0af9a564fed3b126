/* SPDX-License-Identifier: MIT */
/*
 * Virtio devices on PCI (Virtio 1.1, 4.1), modern interface only: find the registers, negotiate features,
 * create queues with an MSI-X vector each. A driver opens the device, sets up its queues, and starts it;
 * handlers run in event context.
 *
 * A device that answers nonsense, wants to be reset or has gone (its registers read as ones) is reported
 * once, by name, and is of no use from then on: virtio_failed() says so. Threads only, unless a comment says
 * otherwise.
 */
#ifndef DOM0_DRIVERS_VIRTIO_PCI_H
#define DOM0_DRIVERS_VIRTIO_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0_tools/drivers/virtqueue.h"
#include "dom0_tools/pci/pci_function.h"
#include "pvguest/pirq.h"

#define VIRTIO_VENDOR 0x1af4

/* PCI device ids are 0x1040 + type (4.1.2.1); transitional devices have older ones. */
#define VIRTIO_TYPE_NET   1
#define VIRTIO_TYPE_BLOCK 2

/* Feature bits of every device type (chapter 6). */
#define VIRTIO_F_INDIRECT_DESC (1ULL << 28)
#define VIRTIO_F_EVENT_IDX     (1ULL << 29)
#define VIRTIO_F_VERSION_1     (1ULL << 32)

struct virtio_device;

struct virtio_queue {
    struct virtqueue ring;
    struct virtio_device *device;
    volatile uint16_t *doorbell;
    uint16_t index;
    struct pirq pirq;
    void (*handler)(struct virtio_queue *queue); /* event context: buffers may have been used */
    void *arg;                                   /* the driver's own */
    struct virtqueue_page pages[VIRTQUEUE_PAGES];
    struct virtio_queue *next; /* of the device's queues */
};

/* A mapped part of a BAR. */
struct virtio_window {
    volatile uint8_t *base;
    uint32_t length;
};

struct virtio_device {
    char name[16]; /* for messages: "vda" */
    struct pci_function function;
    struct virtio_window common, notify, config;
    uint32_t notify_multiplier;
    uint64_t features; /* negotiated */
    uint64_t msix_table;
    uint16_t nr_vectors, nr_queues;
    bool started;
    const char *failure;
    struct virtio_queue *queues; /* those set up, latest first */
    struct pirq config_pirq;
    void (*changed)(
        struct virtio_device *device); /* event context: device configuration changed, or it failed */
    void *arg;                         /* the driver's own */
};

/* Whether the function is a virtio device of that type. */
bool virtio_matches(const struct pci_function *function, unsigned type);

/*
 * Resets the device and negotiates: of `wanted`, and of VERSION_1 (required), INDIRECT_DESC and EVENT_IDX,
 * what the device offers ends up in device->features. `changed` may be NULL. 0, or a C errno after a message
 * on stderr; then nothing is left behind.
 */
int virtio_open(struct virtio_device *device, const char *name, const struct pci_function *function,
                uint64_t wanted, void (*changed)(struct virtio_device *device));

/* Queues that may be set up: as many as the device and its MSI-X vectors allow. */
unsigned virtio_max_queues(const struct virtio_device *device);

/* Sets up queue `index` with its interrupt. Before virtio_start(). 0 or a C errno, after a message. */
int virtio_queue_setup(struct virtio_device *device, struct virtio_queue *queue, unsigned index,
                       void (*handler)(struct virtio_queue *queue), void *arg);

/* The device may work from now on. 0 or a C errno, after a message. */
int virtio_start(struct virtio_device *device);

/* Resets the device and undoes everything; buffers that it still had are to be taken back before, by
 * virtqueue_drain() after virtio_reset(). */
void virtio_close(struct virtio_device *device);

/* Stops the device: it touches no memory any more, also if it does not reset. */
void virtio_reset(struct virtio_device *device);

/* Copies a field of length bytes of device configuration, as it was at one moment (4.1.4.3.1). False: out of
 * its range, or the device has failed. Any context. */
bool virtio_config_read(struct virtio_device *device, size_t offset, void *out, size_t length);

/* Tells the device of new buffers, if it wants to know. Any context, upcalls masked. */
void virtio_kick(struct virtio_queue *queue);

/* Why the device is of no use any more, or NULL; looks at its status and its queues. Any context. */
const char *virtio_failed(struct virtio_device *device);

/* Gives the device up for a reason that its driver has found. Any context. */
void virtio_give_up(struct virtio_device *device, const char *why);

#endif
