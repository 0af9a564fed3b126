/* SPDX-License-Identifier: MIT */
/*
 * Intel's 82574 network adapter (82574 GbE Controller Family Datasheet; QEMU's e1000e) as a port of the first
 * switch, with checksum offload: one ring each way, a vector for each and one for the link. All but the
 * interrupt handlers runs in the network's worker. An adapter that stops sending or vanishes is reset by a
 * thread and used again, a few times.
 */
#include "dom0_tools/drivers/drivers.h"
#include "dom0_tools/network/network.h"
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/memory.h"
#include "pvguest/pirq.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/vmap.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VENDOR_INTEL   0x8086
#define DEVICE_82574L  0x10d3
#define DEVICE_82574LA 0x10f6

/* Registers (10.2). */
#define REG_CTRL       0x0000
#define REG_STATUS     0x0008
#define REG_ICR        0x00c0
#define REG_IMS        0x00d0
#define REG_IMC        0x00d8
#define REG_EIAC       0x00dc /* causes that their message clears */
#define REG_IVAR       0x00e4
#define REG_RCTL       0x0100
#define REG_TCTL       0x0400
#define REG_TIPG       0x0410
#define REG_RX         0x2800 /* a ring's registers begin here: see RING_* */
#define REG_TX         0x3800
#define REG_RXCSUM     0x5000
#define REG_MTA        0x5200
#define REG_RAL0       0x5400
#define REG_RAH0       0x5404
#define RING_BASE_LOW  0x00
#define RING_BASE_HIGH 0x04
#define RING_BYTES     0x08
#define RING_HEAD      0x10
#define RING_TAIL      0x18
#define REGISTERS_SIZE 0x20000

#define CTRL_FULL_DUPLEX (1U << 0)
#define CTRL_LINK_UP     (1U << 6)
#define CTRL_RESET       (1U << 26)
#define STATUS_LINK_UP   (1U << 1)
#define ABSENT           UINT32_MAX

#define RCTL_ENABLE    (1U << 1)
#define RCTL_UNICAST   (1U << 3) /* all of it: the guests' too */
#define RCTL_MULTICAST (1U << 4)
#define RCTL_BROADCAST (1U << 15)
#define RCTL_4096      (1U << 25 | 3U << 16) /* bytes of a buffer */
#define RCTL_STRIP_CRC (1U << 26)
#define TCTL_ENABLE    (1U << 1)
#define TCTL_PAD       (1U << 3)
#define TCTL_COLLISION (0x0fU << 4 | 0x3fU << 12)
#define TIPG_DEFAULT   (8U | 8U << 10 | 6U << 20) /* inter-packet gaps, 10.2.6.2 */
#define RXCSUM_TCP_UDP (1U << 9)
#define RAH_VALID      (1U << 31)

/* Causes, and which vector each raises: receive 0, transmit 1, the rest 2 (10.2.4.9). */
#define CAUSE_LINK  (1U << 2)
#define CAUSE_RX    (1U << 20)
#define CAUSE_TX    (1U << 22)
#define CAUSE_OTHER (1U << 24)
#define IVAR_VALUE  (8U | 0U | (8U | 1U) << 8 | (8U | 2U) << 16)
#define VECTORS     3

#define RING_ENTRIES 256U /* a page of 16-byte descriptors */
#define MAX_REVIVALS 5
#define RESET_TIME   (2 * NSEC_PER_SEC)
#define WATCH_PERIOD NSEC_PER_SEC
#define SEND_TIME    (5 * NSEC_PER_SEC)
#define BATCH        64
#define WAITING_MAX  (1U << 20) /* bytes */

/* Receive descriptor, legacy (7.1.4). */
struct rx_descriptor {
    uint64_t address;
    uint16_t length, checksum;
    uint8_t status, errors;
    uint16_t special;
};
#define RX_DONE      0x01
#define RX_END       0x02
#define RX_NO_CHECK  0x04
#define RX_TCP_CHECK 0x20
#define RX_TCP_WRONG 0x20 /* errors */

/* Transmit descriptors: data and context (7.2.10); the second word's fields by shifts. */
struct tx_descriptor {
    uint64_t address;
    uint32_t command, status;
};
#define TX_TYPE_DATA     (1U << 20)
#define TX_END           (1U << 24)
#define TX_CRC           (1U << 25)
#define TX_REPORT        (1U << 27)
#define TX_EXTENDED      (1U << 29)
#define TX_CONTEXT_TCP   (1U << 24)
#define TX_DONE          1U
#define TX_FILL_CHECKSUM (2U << 8)

struct e1000e {
    struct pci_function function;
    volatile uint8_t *registers;
    uint64_t msix_table;
    struct pirq pirq[VECTORS];
    struct switch_port port;
    struct worker_task rx_task, tx_task;
    bool failed, link;
    struct semaphore revive;
    volatile struct rx_descriptor *rx;
    volatile struct tx_descriptor *tx;
    uint64_t rx_bus, tx_bus;
    void *rx_page[RING_ENTRIES];
    struct packet *tx_packet[RING_ENTRIES]; /* at its last descriptor */
    unsigned rx_next, rx_filled;            /* the next to be received; one past the last offered */
    unsigned tx_next, tx_done;              /* the next to be filled; the next that the adapter ends */
    uint64_t progress;                      /* time_ns() when tx_done last moved, or sending began */
    struct packet_list waiting;
    uint32_t waiting_bytes;
};

static uint32_t reg_read(const struct e1000e *nic, unsigned offset)
{
    return *(volatile uint32_t *)(nic->registers + offset);
}

/* Registers that are gone read as all ones on a PC and as zero in QEMU; that receiving is enabled is neither.
 */
static bool is_present(const struct e1000e *nic)
{
    uint32_t control = reg_read(nic, REG_RCTL);

    return control != ABSENT && control & RCTL_ENABLE;
}

static void reg_write(const struct e1000e *nic, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(nic->registers + offset) = value;
}

static uint64_t bus_of(const void *virt)
{
    return ((uint64_t)virt_to_mfn(virt) << PAGE_SHIFT) + ((uintptr_t)virt & ~PAGE_MASK);
}

static void fail(struct e1000e *nic, const char *why)
{
    bool masked = upcalls_disable();

    if (!nic->failed) {
        console_printf("%s: the adapter %s; it is reset\n", nic->port.name, why);
        nic->failed = true;
        semaphore_up(&nic->revive);
    }
    upcalls_restore(masked);
}

/* ---- transmit ---- */

static unsigned tx_room(const struct e1000e *nic)
{
    return RING_ENTRIES - 1 - (nic->tx_next - nic->tx_done) % RING_ENTRIES;
}

static void add_descriptor(struct e1000e *nic, uint64_t address, uint32_t command, uint32_t status)
{
    volatile struct tx_descriptor *descriptor = &nic->tx[nic->tx_next];

    descriptor->address = address;
    descriptor->command = command;
    descriptor->status = status;
    nic->tx_next = (nic->tx_next + 1) % RING_ENTRIES;
}

/* Tells the adapter where the next packet's TCP or UDP checksum begins and goes; false: it has none to fill
 * in. */
static bool add_context(struct e1000e *nic, struct packet *packet)
{
    struct packet_headers headers;

    if (packet->checksum != CHECKSUM_BLANK || !packet_prepare_checksum(packet) ||
        !packet_parse(packet, &headers))
        return false;
    /* Low word: the IP header's checksum, which is not asked for; high word: start, place, end (0: the
     * packet's). */
    add_descriptor(nic,
                   (uint64_t)(headers.transport & 0xff) << 32 | (uint64_t)(headers.checksum & 0xff) << 40,
                   TX_EXTENDED | TX_REPORT | (headers.protocol == PROTOCOL_TCP ? TX_CONTEXT_TCP : 0), 0);
    return true;
}

/* Hands a packet to the adapter; false: no room. */
static bool start(struct e1000e *nic, struct packet *packet)
{
    uint32_t fill;
    unsigned last;

    if (tx_room(nic) < packet->nr_frags + 1U)
        return false;
    if (nic->tx_next == nic->tx_done)
        nic->progress = time_ns();
    fill = add_context(nic, packet) ? TX_FILL_CHECKSUM : 0;
    for (unsigned i = 0; i < packet->nr_frags; i++) {
        bool end = i + 1U == packet->nr_frags;

        last = nic->tx_next;
        add_descriptor(nic, bus_of((uint8_t *)packet->frag[i].page + packet->frag[i].offset),
                       packet->frag[i].length | TX_TYPE_DATA | TX_EXTENDED | TX_CRC | TX_REPORT |
                           (end ? TX_END : 0),
                       fill);
        if (end)
            nic->tx_packet[last] = packet;
    }
    return true;
}

static void reap(struct e1000e *nic)
{
    while (nic->tx_done != nic->tx_next && nic->tx[nic->tx_done].status & TX_DONE) {
        if (nic->tx_packet[nic->tx_done]) {
            packet_put(nic->tx_packet[nic->tx_done]);
            nic->tx_packet[nic->tx_done] = NULL;
        }
        nic->tx_done = (nic->tx_done + 1) % RING_ENTRIES;
        nic->progress = time_ns();
    }
}

static void drop_waiting(struct e1000e *nic)
{
    struct packet *packet;

    while ((packet = STAILQ_FIRST(&nic->waiting)) != NULL) {
        STAILQ_REMOVE_HEAD(&nic->waiting, next);
        nic->port.counters.tx_dropped++;
        packet_put(packet);
    }
    nic->waiting_bytes = 0;
}

static void run_tx(struct worker_task *task)
{
    struct e1000e *nic = (struct e1000e *)((char *)task - offsetof(struct e1000e, tx_task));
    struct packet *packet;

    if (nic->failed) {
        drop_waiting(nic);
        return;
    }
    reap(nic);
    while ((packet = STAILQ_FIRST(&nic->waiting)) != NULL) {
        uint32_t length = packet->length;

        if (!start(nic, packet))
            break;
        STAILQ_REMOVE_HEAD(&nic->waiting, next);
        nic->waiting_bytes -= length;
    }
    reg_write(nic, REG_TX + RING_TAIL, nic->tx_next);
}

static void transmit(struct switch_port *port, struct packet *packet)
{
    struct e1000e *nic = (struct e1000e *)((char *)port - offsetof(struct e1000e, port));

    if (nic->failed || nic->waiting_bytes + packet->length > WAITING_MAX) {
        port->counters.tx_dropped++;
        packet_put(packet);
        return;
    }
    STAILQ_INSERT_TAIL(&nic->waiting, packet, next);
    nic->waiting_bytes += packet->length;
    worker_schedule(network_worker(), &nic->tx_task);
}

/* ---- receive ---- */

static void offer(struct e1000e *nic, unsigned index)
{
    volatile struct rx_descriptor *descriptor = &nic->rx[index];

    descriptor->address = bus_of(nic->rx_page[index]);
    descriptor->status = 0;
}

/* Offers all places but one, as far as there is memory: full and empty look alike to the adapter. */
static void fill_rx(struct e1000e *nic)
{
    unsigned before = nic->rx_filled;

    while ((nic->rx_filled + 1) % RING_ENTRIES != nic->rx_next) {
        if (!nic->rx_page[nic->rx_filled])
            nic->rx_page[nic->rx_filled] = page_alloc(0);
        if (!nic->rx_page[nic->rx_filled])
            break;
        offer(nic, nic->rx_filled);
        nic->rx_filled = (nic->rx_filled + 1) % RING_ENTRIES;
    }
    if (before != nic->rx_filled)
        reg_write(nic, REG_RX + RING_TAIL, nic->rx_filled);
}

/* The packet of a finished place, which loses its page to it; NULL: it is none, or memory is short. */
static struct packet *take_packet(struct e1000e *nic, unsigned index)
{
    volatile struct rx_descriptor *descriptor = &nic->rx[index];
    uint16_t length = descriptor->length;
    uint8_t status = descriptor->status, errors = descriptor->errors;
    struct packet *packet;

    if (!(status & RX_END) || errors & (uint8_t)~RX_TCP_WRONG || length < ETHERNET_HEADER ||
        length > PACKET_PAGE)
        return NULL;
    packet = packet_new();
    if (!packet)
        return NULL;
    packet->nr_frags = 1;
    packet->length = length;
    packet->frag[0] = (struct packet_frag){ nic->rx_page[index], 0, length };
    packet->checksum = status & RX_TCP_CHECK && !(status & RX_NO_CHECK) && !(errors & RX_TCP_WRONG)
                           ? CHECKSUM_VALID
                           : CHECKSUM_UNKNOWN;
    nic->rx_page[index] = NULL;
    return packet;
}

static void run_rx(struct worker_task *task)
{
    struct e1000e *nic = (struct e1000e *)((char *)task - offsetof(struct e1000e, rx_task));
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    unsigned taken = 0;

    while (!nic->failed && taken < BATCH && nic->rx_next != nic->rx_filled &&
           nic->rx[nic->rx_next].status & RX_DONE) {
        struct packet *packet = take_packet(nic, nic->rx_next);

        nic->rx_next = (nic->rx_next + 1) % RING_ENTRIES;
        taken++;
        if (packet)
            STAILQ_INSERT_TAIL(&list, packet, next);
    }
    network_receive(&nic->port, &list);
    if (nic->failed)
        return;
    fill_rx(nic);
    if (taken == BATCH)
        worker_schedule(network_worker(), task);
}

/* ---- interrupts: their messages clear their causes (EIAC) ---- */

static void rx_interrupt(evtchn_port_t port, void *arg)
{
    struct e1000e *nic = arg;

    (void)port;
    reg_write(nic, REG_IMS, CAUSE_RX);
    worker_schedule(network_worker(), &nic->rx_task);
}

static void tx_interrupt(evtchn_port_t port, void *arg)
{
    struct e1000e *nic = arg;

    (void)port;
    reg_write(nic, REG_IMS, CAUSE_TX);
    worker_schedule(network_worker(), &nic->tx_task);
}

static void other_interrupt(evtchn_port_t port, void *arg)
{
    struct e1000e *nic = arg;
    uint32_t status;

    (void)port;
    reg_write(nic, REG_ICR, CAUSE_LINK | CAUSE_OTHER); /* before the link is looked at: it may change again */
    status = reg_read(nic, REG_STATUS);
    if (!is_present(nic)) {
        fail(nic, "does not answer any more");
    } else if (nic->link != (bool)(status & STATUS_LINK_UP)) {
        nic->link = !nic->link;
        console_printf("%s: the link is %s\n", nic->port.name, nic->link ? "up" : "down");
    }
    reg_write(nic, REG_IMS, CAUSE_LINK | CAUSE_OTHER);
}

/* ---- the adapter ---- */

static bool refuse(const struct e1000e *nic, const char *why)
{
    const struct pci_address *at = &nic->function.address;

    fprintf(stderr, "%s: network adapter %02x:%02x.%x is not used: %s\n", nic->port.name, at->bus, at->device,
            at->function, why);
    return false;
}

static bool reset(struct e1000e *nic)
{
    uint64_t deadline = time_ns() + RESET_TIME;

    reg_write(nic, REG_IMC, UINT32_MAX);
    reg_write(nic, REG_RCTL, 0);
    reg_write(nic, REG_TCTL, 0);
    reg_write(nic, REG_CTRL, CTRL_RESET);
    do {
        if (reg_read(nic, REG_CTRL) == ABSENT || time_ns() > deadline)
            return refuse(nic, "it does not come out of its reset");
        thread_sleep(NSEC_PER_MSEC);
    } while (reg_read(nic, REG_CTRL) & CTRL_RESET);
    reg_write(nic, REG_IMC, UINT32_MAX);
    return true;
}

static void set_ring(struct e1000e *nic, unsigned registers, uint64_t bus)
{
    reg_write(nic, registers + RING_BASE_LOW, (uint32_t)bus);
    reg_write(nic, registers + RING_BASE_HIGH, (uint32_t)(bus >> 32));
    reg_write(nic, registers + RING_BYTES, RING_ENTRIES * 16);
    reg_write(nic, registers + RING_HEAD, 0);
    reg_write(nic, registers + RING_TAIL, 0);
}

static bool read_address(struct e1000e *nic)
{
    uint32_t low = reg_read(nic, REG_RAL0), high = reg_read(nic, REG_RAH0);

    memcpy(nic->port.mac, &low, 4);
    memcpy(nic->port.mac + 4, &high, 2);
    return high & RAH_VALID || refuse(nic, "it has no address");
}

/* From any state to one that sends and receives. */
static bool bring_up(struct e1000e *nic)
{
    if (!reset(nic) || !read_address(nic))
        return false;
    memset((void *)(uintptr_t)nic->rx, 0, PAGE_SIZE);
    memset((void *)(uintptr_t)nic->tx, 0, PAGE_SIZE);
    nic->rx_next = nic->rx_filled = nic->tx_next = nic->tx_done = 0;
    for (unsigned i = 0; i < 128; i++)
        reg_write(nic, REG_MTA + 4 * i, 0);
    set_ring(nic, REG_RX, nic->rx_bus);
    set_ring(nic, REG_TX, nic->tx_bus);
    reg_write(nic, REG_RXCSUM, RXCSUM_TCP_UDP);
    reg_write(nic, REG_TIPG, TIPG_DEFAULT);
    reg_write(nic, REG_CTRL, reg_read(nic, REG_CTRL) | CTRL_LINK_UP | CTRL_FULL_DUPLEX);
    reg_write(nic, REG_RCTL,
              RCTL_ENABLE | RCTL_UNICAST | RCTL_MULTICAST | RCTL_BROADCAST | RCTL_4096 | RCTL_STRIP_CRC);
    reg_write(nic, REG_TCTL, TCTL_ENABLE | TCTL_PAD | TCTL_COLLISION);
    fill_rx(nic);
    reg_write(nic, REG_IVAR, IVAR_VALUE);
    reg_write(nic, REG_EIAC, CAUSE_RX | CAUSE_TX);
    reg_write(nic, REG_ICR, UINT32_MAX);
    reg_write(nic, REG_IMS, CAUSE_RX | CAUSE_TX | CAUSE_LINK | CAUSE_OTHER);
    nic->link = reg_read(nic, REG_STATUS) & STATUS_LINK_UP;
    return true;
}

/* In the worker, the adapter stopped: takes back all that it had. */
static void drop_all(void *arg)
{
    struct e1000e *nic = arg;

    worker_cancel(network_worker(), &nic->rx_task);
    worker_cancel(network_worker(), &nic->tx_task);
    for (unsigned i = 0; i < RING_ENTRIES; i++) {
        if (nic->tx_packet[i])
            packet_put(nic->tx_packet[i]);
        nic->tx_packet[i] = NULL;
    }
    drop_waiting(nic);
}

static void check(struct e1000e *nic)
{
    if (!is_present(nic))
        fail(nic, "does not answer any more");
    else if (nic->tx_next != nic->tx_done && nic->link && time_ns() > nic->progress + SEND_TIME)
        fail(nic, "does not send");
    else /* What waits for memory, or whose message was lost. */
        worker_schedule(network_worker(), &nic->rx_task);
}

/* A thread for each adapter. */
static void keep_alive(void *arg)
{
    struct e1000e *nic = arg;

    for (unsigned tries = 0; tries < MAX_REVIVALS; tries++) {
        bool works;

        while (semaphore_down_until(&nic->revive, time_ns() + WATCH_PERIOD) != 0)
            check(nic);
        /* It may have lost its place on the bus, too. */
        pci_command_bits(nic->function.address, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
                         PCI_COMMAND_INTX_OFF);
        works = reset(nic);
        worker_call(network_worker(), drop_all, nic);
        if (!works || !bring_up(nic))
            break;
        nic->failed = false;
        console_printf("%s: the adapter works again\n", nic->port.name);
    }
    nic->failed = true;
    console_printf("%s: the adapter stays switched off\n", nic->port.name);
}

static bool map_device(struct e1000e *nic)
{
    struct pci_bar bar;

    pci_read_bar(&nic->function, 0, &bar);
    if (!bar.present || bar.io || bar.size < REGISTERS_SIZE ||
        pci_read_msix(&nic->function, &nic->msix_table) < VECTORS)
        return refuse(nic, "it has no registers in memory, or not enough MSI-X interrupts");
    pci_command_bits(nic->function.address, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, PCI_COMMAND_INTX_OFF);
    nic->registers = map_machine(bar.address, REGISTERS_SIZE, PTE_RW | PTE_UNCACHED);
    return nic->registers || refuse(nic, "its registers cannot be mapped");
}

static bool bind_interrupts(struct e1000e *nic)
{
    static const evtchn_handler_t handlers[VECTORS] = { rx_interrupt, tx_interrupt, other_interrupt };

    for (unsigned i = 0; i < VECTORS; i++)
        if (pirq_map_msix(&nic->pirq[i], nic->function.address, i, nic->msix_table) != 0 ||
            pirq_bind(&nic->pirq[i], false, handlers[i], nic) != 0)
            return refuse(nic, "it gets no interrupts");
    return true;
}

static void free_nic(struct e1000e *nic)
{
    for (unsigned i = 0; i < VECTORS; i++)
        if (nic->pirq[i].bound)
            pirq_release(&nic->pirq[i]);
    if (nic->registers)
        unmap_machine((void *)(uintptr_t)nic->registers, REGISTERS_SIZE);
    for (unsigned i = 0; i < RING_ENTRIES; i++)
        if (nic->rx_page[i])
            page_free(nic->rx_page[i], 0);
    if (nic->rx)
        page_free((void *)(uintptr_t)nic->rx, 0);
    if (nic->tx)
        page_free((void *)(uintptr_t)nic->tx, 0);
    free(nic);
}

static struct e1000e *new_nic(const struct pci_function *function, const char *name)
{
    struct e1000e *nic = calloc(1, sizeof(*nic));

    if (!nic)
        return NULL;
    nic->function = *function;
    nic->port.name = name;
    nic->port.transmit = transmit;
    nic->port.features = PORT_CHECKSUM4 | PORT_CHECKSUM6;
    nic->rx_task.run = run_rx;
    nic->tx_task.run = run_tx;
    STAILQ_INIT(&nic->waiting);
    semaphore_init(&nic->revive, 0);
    nic->rx = page_alloc_zeroed();
    nic->tx = page_alloc_zeroed();
    if (!nic->rx || !nic->tx) {
        free_nic(nic);
        return NULL;
    }
    nic->rx_bus = bus_of((void *)(uintptr_t)nic->rx);
    nic->tx_bus = bus_of((void *)(uintptr_t)nic->tx);
    return nic;
}

void e1000e_probe(const struct pci_function *function)
{
    const char *name = network_next_adapter();
    struct thread *thread;
    struct e1000e *nic;

    if (function->vendor != VENDOR_INTEL ||
        (function->device != DEVICE_82574L && function->device != DEVICE_82574LA) || !name)
        return;
    nic = new_nic(function, name);
    if (!nic)
        return;
    if (!map_device(nic) || !reset(nic) || !bind_interrupts(nic) || !bring_up(nic)) {
        free_nic(nic);
        return;
    }
    thread = thread_create("e1000e", keep_alive, nic, 0);
    if (thread)
        thread_detach(thread);
    network_add_adapter(&nic->port);
    worker_schedule(network_worker(), &nic->rx_task);
}
