/* SPDX-License-Identifier: MIT */
/*
 * Virtio network devices (Virtio 1.1, 5.1) as ports of the first switch, with checksum and segmentation
 * offload and mergeable receive buffers. One pair of queues: dom0 has one CPU. All but the interrupt handlers
 * runs in the network's worker. A device that fails is reset by a thread and used again, a few times.
 */
#include "dom0_tools/drivers/drivers.h"
#include "dom0_tools/drivers/virtio_pci.h"
#include "dom0_tools/network/network.h"
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/memory.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REVIVALS  5
#define RECEIVE_BATCH 64
#define RX_QUEUE      0
#define TX_QUEUE      1

/* Feature bits (5.1.3). */
#define NET_F_CSUM       (1ULL << 0)
#define NET_F_GUEST_CSUM (1ULL << 1)
#define NET_F_MAC        (1ULL << 5)
#define NET_F_GUEST_TSO4 (1ULL << 7)
#define NET_F_GUEST_TSO6 (1ULL << 8)
#define NET_F_HOST_TSO4  (1ULL << 11)
#define NET_F_HOST_TSO6  (1ULL << 12)
#define NET_F_MRG_RXBUF  (1ULL << 15)
#define WANTED                                                                                           \
    (NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_MAC | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6 | NET_F_HOST_TSO4 | \
     NET_F_HOST_TSO6 | NET_F_MRG_RXBUF)

/* Configuration (5.1.4), by offset. */
#define CONFIG_MAC 0

/* What stands before each packet (5.1.6). */
struct net_header {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

#define HEADER_NEEDS_CSUM 1
#define HEADER_DATA_VALID 2
#define HEADER_GSO_TCP4   1
#define HEADER_GSO_TCP6   4
#define HEADER_GSO_ECN    0x80
#define HEADER_BYTES      12
#define HEADER_SLOT       16

_Static_assert(sizeof(struct net_header) == HEADER_BYTES, "as the device has it");

/* A packet that the device sends, and its header's place in the page of headers. */
struct tx_slot {
    struct packet *packet;
    struct tx_slot *next_free;
};

struct virtio_nic {
    struct virtio_device device;
    struct switch_port port;
    struct virtio_queue rx, tx;
    struct worker_task rx_task, tx_task;
    bool failed;
    struct semaphore revive;
    struct packet_list waiting; /* for room in the transmit queue */
    uint32_t waiting_bytes;
    struct tx_slot slot[VIRTQUEUE_MAX_SIZE], *free;
    uint8_t *headers;
    /* A received packet of which buffers are still to come. */
    struct packet *assembly;
    uint16_t missing;
};

static bool has(const struct virtio_nic *nic, uint64_t feature)
{
    return (nic->device.features & feature) != 0;
}

static uint64_t bus_of(const void *virt)
{
    return ((uint64_t)virt_to_mfn(virt) << PAGE_SHIFT) + ((uintptr_t)virt & ~PAGE_MASK);
}

/* ---- transmit ---- */

static void fill_header(struct net_header *header, struct packet *packet)
{
    struct packet_headers parsed;

    memset(header, 0, sizeof(*header));
    if (packet->checksum != CHECKSUM_BLANK || !packet_prepare_checksum(packet) ||
        !packet_parse(packet, &parsed))
        return;
    header->flags = HEADER_NEEDS_CSUM;
    header->csum_start = parsed.transport;
    header->csum_offset = (uint16_t)(parsed.checksum - parsed.transport);
    if (packet->gso == GSO_NONE)
        return;
    header->gso_type = packet->gso == GSO_TCP4 ? HEADER_GSO_TCP4 : HEADER_GSO_TCP6;
    header->gso_size = packet->gso_size;
    header->hdr_len = parsed.payload;
}

/* Hands a packet to the device; false: no room. */
static bool start(struct virtio_nic *nic, struct packet *packet)
{
    struct virtio_segment segments[1 + PACKET_FRAGS];
    struct tx_slot *slot = nic->free;
    uint8_t *header;
    bool masked, added;

    if (slot == NULL)
        return false;
    header = nic->headers + (size_t)(slot - nic->slot) * HEADER_SLOT;
    fill_header((struct net_header *)header, packet);
    segments[0] = (struct virtio_segment){ bus_of(header), HEADER_BYTES };
    for (unsigned i = 0; i < packet->nr_frags; i++)
        segments[1 + i] =
            (struct virtio_segment){ bus_of((uint8_t *)packet->frag[i].page + packet->frag[i].offset),
                                     packet->frag[i].length };
    masked = upcalls_disable();
    added = virtqueue_add(&nic->tx.ring, segments, 1U + packet->nr_frags, 0, slot);
    upcalls_restore(masked);
    if (!added)
        return false;
    nic->free = slot->next_free;
    slot->packet = packet;
    return true;
}

static void free_slot(struct virtio_nic *nic, struct tx_slot *slot)
{
    packet_put(slot->packet);
    slot->packet = NULL;
    slot->next_free = nic->free;
    nic->free = slot;
}

static void *take(struct virtio_queue *queue, uint32_t *written)
{
    bool masked = upcalls_disable();
    void *cookie = virtqueue_take(&queue->ring, written);

    upcalls_restore(masked);
    return cookie;
}

static void reap(struct virtio_nic *nic)
{
    struct tx_slot *slot;
    uint32_t written;

    while ((slot = take(&nic->tx, &written)) != NULL)
        free_slot(nic, slot);
}

/* An interrupt for sent packets is only of use when others wait for their places. */
static bool wait_for_room(struct virtio_nic *nic)
{
    bool masked = upcalls_disable();
    bool armed = true;

    if (STAILQ_EMPTY(&nic->waiting))
        virtqueue_disarm(&nic->tx.ring);
    else
        armed = virtqueue_arm(&nic->tx.ring);
    virtio_kick(&nic->tx);
    upcalls_restore(masked);
    return armed;
}

static void drop_waiting(struct virtio_nic *nic)
{
    while (!STAILQ_EMPTY(&nic->waiting)) {
        struct packet *packet = STAILQ_FIRST(&nic->waiting);

        STAILQ_REMOVE_HEAD(&nic->waiting, next);
        nic->port.counters.tx_dropped++;
        packet_put(packet);
    }
    nic->waiting_bytes = 0;
}

static void check(struct virtio_nic *nic)
{
    bool masked = upcalls_disable();

    if (!nic->failed && virtio_failed(&nic->device) != NULL) {
        nic->failed = true;
        semaphore_up(&nic->revive);
    }
    upcalls_restore(masked);
}

/* After a batch of packets, and when the device has sent some. */
static void run_tx(struct worker_task *task)
{
    struct virtio_nic *nic = (struct virtio_nic *)((char *)task - offsetof(struct virtio_nic, tx_task));

    if (nic->failed) {
        drop_waiting(nic);
        return;
    }
    do {
        reap(nic);
        while (!STAILQ_EMPTY(&nic->waiting)) {
            struct packet *packet = STAILQ_FIRST(&nic->waiting);
            uint32_t length = packet->length;

            if (!start(nic, packet))
                break;
            STAILQ_REMOVE_HEAD(&nic->waiting, next);
            nic->waiting_bytes -= length;
        }
    } while (!wait_for_room(nic));
    if (nic->tx.ring.broken != NULL)
        check(nic);
}

static void transmit(struct switch_port *port, struct packet *packet)
{
    struct virtio_nic *nic = (struct virtio_nic *)((char *)port - offsetof(struct virtio_nic, port));

    if (nic->failed || nic->waiting_bytes + packet->length > (1U << 20)) {
        port->counters.tx_dropped++;
        packet_put(packet);
        return;
    }
    STAILQ_INSERT_TAIL(&nic->waiting, packet, next);
    nic->waiting_bytes += packet->length;
    worker_schedule(network_worker(), &nic->tx_task);
}

/* ---- receive ---- */

static bool offer(struct virtio_nic *nic, void *page)
{
    const struct virtio_segment segment = { bus_of(page), PAGE_SIZE };
    bool masked = upcalls_disable();
    bool added = virtqueue_add(&nic->rx.ring, &segment, 0, 1, page);

    upcalls_restore(masked);
    return added;
}

static void fill_rx(struct virtio_nic *nic)
{
    void *page;

    while (nic->rx.ring.nr_free > 0 && (page = page_alloc(0)) != NULL) {
        if (!offer(nic, page)) {
            page_free(page, 0);
            break;
        }
    }
}

static void set_offloads(struct packet *packet, const struct net_header *header)
{
    uint8_t gso = header->gso_type & (uint8_t)~HEADER_GSO_ECN;

    packet->checksum = (header->flags & HEADER_NEEDS_CSUM) != 0   ? CHECKSUM_BLANK
                       : (header->flags & HEADER_DATA_VALID) != 0 ? CHECKSUM_VALID
                                                                  : CHECKSUM_UNKNOWN;
    packet->gso = gso == HEADER_GSO_TCP4 ? GSO_TCP4 : gso == HEADER_GSO_TCP6 ? GSO_TCP6 : GSO_NONE;
    packet->gso_size = header->gso_size;
}

static void drop_assembly(struct virtio_nic *nic)
{
    if (nic->assembly != NULL)
        packet_put(nic->assembly);
    nic->assembly = NULL;
    nic->missing = 0;
}

/* A packet's first buffer begins with the header, which says how many there are. */
static void begin_packet(struct virtio_nic *nic, void *page, uint32_t written)
{
    struct net_header header;

    memcpy(&header, page, sizeof(header));
    nic->missing = has(nic, NET_F_MRG_RXBUF) ? header.num_buffers : 1;
    nic->assembly = packet_new();
    if (nic->assembly == NULL || written < HEADER_BYTES + ETHERNET_HEADER || nic->missing == 0 ||
        nic->missing > PACKET_FRAGS) {
        if (nic->assembly != NULL)
            packet_put(nic->assembly);
        nic->assembly = NULL;
        page_free(page, 0);
    } else {
        nic->assembly->nr_frags = 1;
        nic->assembly->length = written - HEADER_BYTES;
        nic->assembly->frag[0] =
            (struct packet_frag){ page, HEADER_BYTES, (uint16_t)(written - HEADER_BYTES) };
        set_offloads(nic->assembly, &header);
    }
    nic->missing -= nic->missing != 0;
}

static void continue_packet(struct virtio_nic *nic, void *page, uint32_t written)
{
    struct packet *packet = nic->assembly;

    nic->missing--;
    if (packet == NULL || packet->length + written > PACKET_MAX || written == 0) {
        page_free(page, 0);
        if (packet != NULL)
            packet_put(packet);
        nic->assembly = NULL;
        return;
    }
    packet->frag[packet->nr_frags++] = (struct packet_frag){ page, 0, (uint16_t)written };
    packet->length += written;
}

static void run_rx(struct worker_task *task)
{
    struct virtio_nic *nic = (struct virtio_nic *)((char *)task - offsetof(struct virtio_nic, rx_task));
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    unsigned taken = 0;
    bool masked, done;
    uint32_t written;
    void *page;

    while (!nic->failed && taken < RECEIVE_BATCH && (page = take(&nic->rx, &written)) != NULL) {
        taken++;
        if (nic->missing == 0)
            begin_packet(nic, page, written);
        else
            continue_packet(nic, page, written);
        if (nic->missing == 0 && nic->assembly != NULL) {
            STAILQ_INSERT_TAIL(&list, nic->assembly, next);
            nic->assembly = NULL;
        }
    }
    network_receive(&nic->port, &list);
    if (nic->failed)
        return;
    fill_rx(nic);
    masked = upcalls_disable();
    virtio_kick(&nic->rx);
    done = taken < RECEIVE_BATCH && virtqueue_arm(&nic->rx.ring);
    upcalls_restore(masked);
    if (nic->rx.ring.broken != NULL)
        check(nic);
    else if (!done)
        worker_schedule(network_worker(), task);
}

static void rx_event(struct virtio_queue *queue)
{
    struct virtio_nic *nic = queue->arg;

    virtqueue_disarm(&queue->ring);
    worker_schedule(network_worker(), &nic->rx_task);
}

static void tx_event(struct virtio_queue *queue)
{
    struct virtio_nic *nic = queue->arg;

    worker_schedule(network_worker(), &nic->tx_task);
}

/* ---- the device ---- */

static void changed(struct virtio_device *device)
{
    struct virtio_nic *nic = device->arg;

    if (device->failure != NULL && !nic->failed) {
        nic->failed = true;
        semaphore_up(&nic->revive);
    }
}

static void set_features(struct virtio_nic *nic)
{
    nic->port.features = has(nic, NET_F_CSUM) ? PORT_CHECKSUM4 | PORT_CHECKSUM6 : 0;
    if (has(nic, NET_F_CSUM) && has(nic, NET_F_HOST_TSO4))
        nic->port.features |= PORT_GSO4;
    if (has(nic, NET_F_CSUM) && has(nic, NET_F_HOST_TSO6))
        nic->port.features |= PORT_GSO6;
}

/* Resets the device and takes it into use. */
static bool bring_up(struct virtio_nic *nic, const struct pci_function *function)
{
    bool masked;

    nic->device.arg = nic;
    if (virtio_open(&nic->device, nic->port.name, function, WANTED, changed) != 0)
        return false;
    /* A large packet that does not come in several buffers would need large buffers. */
    if (!has(nic, NET_F_MAC) ||
        (!has(nic, NET_F_MRG_RXBUF) && (has(nic, NET_F_GUEST_TSO4) || has(nic, NET_F_GUEST_TSO6)))) {
        fprintf(stderr, "%s: is not used: it has no address, or large packets without mergeable buffers\n",
                nic->port.name);
        virtio_close(&nic->device);
        return false;
    }
    virtio_config_read(&nic->device, CONFIG_MAC, nic->port.mac, sizeof(nic->port.mac));
    set_features(nic);
    if (virtio_queue_setup(&nic->device, &nic->rx, RX_QUEUE, rx_event, nic) != 0 ||
        virtio_queue_setup(&nic->device, &nic->tx, TX_QUEUE, tx_event, nic) != 0) {
        virtio_close(&nic->device);
        return false;
    }
    fill_rx(nic);
    if (virtio_start(&nic->device) != 0)
        return false;
    masked = upcalls_disable();
    virtqueue_disarm(&nic->tx.ring);
    virtio_kick(&nic->rx);
    upcalls_restore(masked);
    return true;
}

/* In the worker, the device reset: takes back all that it had. */
static void drop_all(void *arg)
{
    struct virtio_nic *nic = arg;
    bool masked = upcalls_disable();
    struct tx_slot *slot;
    void *page;

    worker_cancel(network_worker(), &nic->rx_task);
    worker_cancel(network_worker(), &nic->tx_task);
    while ((page = virtqueue_drain(&nic->rx.ring)) != NULL)
        page_free(page, 0);
    while ((slot = virtqueue_drain(&nic->tx.ring)) != NULL)
        free_slot(nic, slot);
    upcalls_restore(masked);
    drop_assembly(nic);
    drop_waiting(nic);
}

static void keep_alive(void *arg)
{
    struct virtio_nic *nic = arg;

    for (unsigned tries = 0; tries < MAX_REVIVALS; tries++) {
        struct pci_function function = nic->device.function;

        while (semaphore_down_until(&nic->revive, time_ns() + DRIVER_WATCH_PERIOD) != 0)
            check(nic);
        virtio_reset(&nic->device);
        worker_call(network_worker(), drop_all, nic);
        virtio_close(&nic->device);
        if (!bring_up(nic, &function))
            break;
        nic->failed = false;
        console_printf("%s: the virtio device works again\n", nic->port.name);
    }
    console_printf("%s: the virtio device stays switched off\n", nic->port.name);
}

static struct virtio_nic *new_nic(const char *name)
{
    struct virtio_nic *nic = calloc(1, sizeof(*nic));

    if (nic == NULL)
        return NULL;
    nic->headers = page_alloc_zeroed();
    if (nic->headers == NULL) {
        free(nic);
        return NULL;
    }
    nic->port.name = name;
    nic->port.transmit = transmit;
    nic->rx_task.run = run_rx;
    nic->tx_task.run = run_tx;
    STAILQ_INIT(&nic->waiting);
    semaphore_init(&nic->revive, 0);
    for (unsigned i = 0; i < VIRTQUEUE_MAX_SIZE; i++) {
        nic->slot[i].next_free = nic->free;
        nic->free = &nic->slot[i];
    }
    return nic;
}

void virtio_net_probe(const struct pci_function *function)
{
    const char *name = network_next_adapter();
    struct virtio_nic *nic;
    struct thread *thread;

    if (!virtio_matches(function, VIRTIO_TYPE_NET) || name == NULL)
        return;
    nic = new_nic(name);
    if (nic == NULL)
        return;
    if (!bring_up(nic, function)) {
        page_free(nic->headers, 0);
        free(nic);
        return;
    }
    thread = thread_create("virtio-net", keep_alive, nic, 0);
    if (thread != NULL)
        thread_detach(thread);
    network_add_adapter(&nic->port);
    worker_schedule(network_worker(), &nic->rx_task);
}
