/* SPDX-License-Identifier: MIT */
#include "dom0_tools/drivers/virtio_pci.h"
#include "pvguest/console.h"
#include "pvguest/memory.h"
#include "pvguest/time.h"
#include "pvguest/vmap.h"
#include "pvguest/xen_errno.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEVICE_ID_BASE    0x1040
#define DEVICE_ID_OLD     0x1000
#define DEVICE_ID_OLD_END 0x103f

/* Vendor-specific capabilities (4.1.4). */
#define PCI_CAP_VENDOR  0x09
#define CAP_NEXT        1
#define CAP_TYPE        3
#define CAP_BAR         4
#define CAP_OFFSET      8
#define CAP_LENGTH      12
#define CAP_MULTIPLIER  16
#define CAP_TYPE_COMMON 1
#define CAP_TYPE_NOTIFY 2
#define CAP_TYPE_CONFIG 4
#define CAPABILITY_HOPS 48

/* Registers of the common configuration (4.1.4.3). */
#define COMMON_FEATURE_SELECT        0
#define COMMON_FEATURE               4
#define COMMON_DRIVER_FEATURE_SELECT 8
#define COMMON_DRIVER_FEATURE        12
#define COMMON_CONFIG_VECTOR         16
#define COMMON_NUM_QUEUES            18
#define COMMON_STATUS                20
#define COMMON_GENERATION            21
#define COMMON_QUEUE_SELECT          22
#define COMMON_QUEUE_SIZE            24
#define COMMON_QUEUE_VECTOR          26
#define COMMON_QUEUE_ENABLE          28
#define COMMON_QUEUE_NOTIFY_OFFSET   30
#define COMMON_QUEUE_DESC            32
#define COMMON_QUEUE_AVAIL           40
#define COMMON_QUEUE_USED            48
#define COMMON_LENGTH                56

/* Device status (2.1). */
#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER      2
#define STATUS_DRIVER_OK   4
#define STATUS_FEATURES_OK 8
#define STATUS_NEEDS_RESET 64
#define STATUS_ABSENT      0xff

#define NO_VECTOR 0xffff

/* A reset that takes longer is a fault. */
#define RESET_TIME (2 * NSEC_PER_SEC)

/* Tries to read a configuration that keeps changing. */
#define GENERATION_TRIES 100

static uint8_t read8(const struct virtio_device *device, unsigned offset)
{
    return device->common.base[offset];
}

static uint16_t read16(const struct virtio_device *device, unsigned offset)
{
    return *(volatile uint16_t *)(device->common.base + offset);
}

static uint32_t read32(const struct virtio_device *device, unsigned offset)
{
    return *(volatile uint32_t *)(device->common.base + offset);
}

static void write16(const struct virtio_device *device, unsigned offset, uint16_t value)
{
    *(volatile uint16_t *)(device->common.base + offset) = value;
}

static void write32(const struct virtio_device *device, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(device->common.base + offset) = value;
}

static void write64(const struct virtio_device *device, unsigned offset, uint64_t value)
{
    write32(device, offset, (uint32_t)value);
    write32(device, offset + 4, (uint32_t)(value >> 32));
}

static void set_status(const struct virtio_device *device, uint8_t status)
{
    device->common.base[COMMON_STATUS] = status;
}

static int fail(const struct virtio_device *device, int error, const char *why)
{
    const struct pci_address *at = &device->function.address;

    fprintf(stderr, "%s: virtio device %02x:%02x.%x is not used: %s\n", device->name, at->bus, at->device,
            at->function, why);
    return error;
}

bool virtio_matches(const struct pci_function *function, unsigned type)
{
    if (function->vendor != VIRTIO_VENDOR)
        return false;
    if (function->device >= DEVICE_ID_OLD && function->device <= DEVICE_ID_OLD_END)
        return function->subsystem == type;
    return function->device == DEVICE_ID_BASE + type;
}

/* Maps what a capability describes, of which at least `least` bytes are needed. The first of a kind is taken.
 */
static bool map_window(const struct virtio_device *device, unsigned cap, struct virtio_window *window,
                       uint32_t least)
{
    struct pci_address address = device->function.address;
    unsigned index = pci_config_read(address, cap + CAP_BAR, 1);
    uint32_t offset = pci_config_read(address, cap + CAP_OFFSET, 4);
    uint32_t length = pci_config_read(address, cap + CAP_LENGTH, 4);
    struct pci_bar bar;
    void *base;

    if (window->base != NULL)
        return true;
    if (index >= device->function.nr_bars || length < least)
        return false;
    pci_read_bar(&device->function, index, &bar);
    if (!bar.present || bar.io || offset > bar.size || length > bar.size - offset || offset % 4 != 0)
        return false;
    base = map_machine(bar.address + offset, length, PTE_RW | PTE_UNCACHED);
    *window = (struct virtio_window){ base, length };
    return base != NULL;
}

static bool map_capability(struct virtio_device *device, unsigned cap)
{
    struct pci_address address = device->function.address;

    switch (pci_config_read(address, cap + CAP_TYPE, 1)) {
    case CAP_TYPE_COMMON:
        return map_window(device, cap, &device->common, COMMON_LENGTH);
    case CAP_TYPE_NOTIFY:
        device->notify_multiplier = pci_config_read(address, cap + CAP_MULTIPLIER, 4);
        return map_window(device, cap, &device->notify, sizeof(uint16_t));
    case CAP_TYPE_CONFIG:
        return map_window(device, cap, &device->config, 1);
    default:
        return true;
    }
}

static const char *map_registers(struct virtio_device *device)
{
    struct pci_address address = device->function.address;
    unsigned cap = pci_find_capability(address, PCI_CAP_VENDOR);

    pci_command_bits(address, PCI_COMMAND_MEMORY, PCI_COMMAND_INTX_OFF);
    for (int hops = 0; cap >= 0x40 && hops < CAPABILITY_HOPS; hops++) {
        if (pci_config_read(address, cap, 1) == PCI_CAP_VENDOR && !map_capability(device, cap))
            return "a capability describes registers that cannot be mapped";
        cap = pci_config_read(address, cap + CAP_NEXT, 1) & 0xfc;
    }
    if (device->common.base == NULL || device->notify.base == NULL || device->config.base == NULL)
        return "it has no modern interface (disable-modern=off in QEMU gives it one)";
    return NULL;
}

static const char *find_vectors(struct virtio_device *device)
{
    device->nr_vectors = (uint16_t)pci_read_msix(&device->function, &device->msix_table);
    if (device->nr_vectors == 0)
        return "it has no MSI-X interrupts";
    return device->nr_vectors > 1 ? NULL : "it has fewer than two MSI-X vectors";
}

void virtio_reset(struct virtio_device *device)
{
    uint64_t deadline = time_ns() + RESET_TIME;

    /* Its registers may have been switched off, and then it would not hear of the reset. What does not reset
     * must not reach memory. */
    pci_command_bits(device->function.address, PCI_COMMAND_MEMORY, PCI_COMMAND_MASTER);
    set_status(device, 0);
    while (read8(device, COMMON_STATUS) != 0 && time_ns() < deadline)
        continue;
    if (read8(device, COMMON_STATUS) != 0 && device->failure == NULL)
        device->failure = "it does not reset";
}

static uint64_t offered_features(const struct virtio_device *device)
{
    uint64_t low;

    write32(device, COMMON_FEATURE_SELECT, 0);
    low = read32(device, COMMON_FEATURE);
    write32(device, COMMON_FEATURE_SELECT, 1);
    return low | (uint64_t)read32(device, COMMON_FEATURE) << 32;
}

static const char *negotiate(struct virtio_device *device, uint64_t wanted)
{
    virtio_reset(device);
    if (device->failure != NULL)
        return device->failure;
    pci_command_bits(device->function.address, PCI_COMMAND_MASTER, 0);
    set_status(device, STATUS_ACKNOWLEDGE);
    set_status(device, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    device->features = offered_features(device) &
                       (wanted | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX);
    if ((device->features & VIRTIO_F_VERSION_1) == 0)
        return "it does not offer VERSION_1";
    write32(device, COMMON_DRIVER_FEATURE_SELECT, 0);
    write32(device, COMMON_DRIVER_FEATURE, (uint32_t)device->features);
    write32(device, COMMON_DRIVER_FEATURE_SELECT, 1);
    write32(device, COMMON_DRIVER_FEATURE, (uint32_t)(device->features >> 32));
    set_status(device, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    if ((read8(device, COMMON_STATUS) & STATUS_FEATURES_OK) == 0)
        return "it refuses the features that it offers";
    device->nr_queues = read16(device, COMMON_NUM_QUEUES);
    return NULL;
}

static void config_changed(evtchn_port_t port, void *arg)
{
    struct virtio_device *device = arg;

    (void)port;
    virtio_failed(device);
    if (device->changed != NULL)
        device->changed(device);
}

/* Vector 0 tells of changes of the configuration and of the status. */
static const char *bind_config_vector(struct virtio_device *device)
{
    int error = pirq_map_msix(&device->config_pirq, device->function.address, 0, device->msix_table);

    if (error == 0) {
        error = pirq_bind(&device->config_pirq, false, config_changed, device);
        if (error != 0)
            pirq_release(&device->config_pirq);
    }
    if (error != 0)
        return "its interrupt cannot be bound";
    write16(device, COMMON_CONFIG_VECTOR, 0);
    return read16(device, COMMON_CONFIG_VECTOR) == NO_VECTOR ? "it refuses its interrupt vector" : NULL;
}

static void unmap_window(struct virtio_window *window)
{
    if (window->base != NULL)
        unmap_machine((void *)(uintptr_t)window->base, window->length);
    window->base = NULL;
}

int virtio_open(struct virtio_device *device, const char *name, const struct pci_function *function,
                uint64_t wanted, void (*changed)(struct virtio_device *device))
{
    void *arg = device->arg;
    const char *why;

    *device = (struct virtio_device){ .function = *function, .changed = changed, .arg = arg };
    snprintf(device->name, sizeof(device->name), "%s", name);
    why = map_registers(device);
    if (why == NULL)
        why = find_vectors(device);
    if (why == NULL)
        why = negotiate(device, wanted);
    if (why == NULL)
        why = bind_config_vector(device);
    if (why == NULL)
        return 0;
    fail(device, EIO, why);
    virtio_close(device);
    return EIO;
}

unsigned virtio_max_queues(const struct virtio_device *device)
{
    unsigned vectors = device->nr_vectors - 1U;

    return device->nr_queues < vectors ? device->nr_queues : vectors;
}

static void free_pages(struct virtio_queue *queue)
{
    for (unsigned i = 0; i < VIRTQUEUE_PAGES; i++)
        if (queue->pages[i].virt != NULL)
            page_free(queue->pages[i].virt, 0);
}

static bool alloc_pages(struct virtio_queue *queue, bool indirect)
{
    for (unsigned i = 0; i < (indirect ? VIRTQUEUE_PAGES : VIRTQUEUE_RING_PAGES); i++) {
        void *page = page_alloc_zeroed();

        if (page == NULL) {
            free_pages(queue);
            return false;
        }
        queue->pages[i] = (struct virtqueue_page){ page, (uint64_t)virt_to_mfn(page) << PAGE_SHIFT };
    }
    return true;
}

static void queue_interrupt(evtchn_port_t port, void *arg)
{
    struct virtio_queue *queue = arg;

    (void)port;
    queue->handler(queue);
}

/* The queue's registers, selected; the size is the largest power of two that both sides can do. */
static const char *enable_queue(struct virtio_queue *queue)
{
    struct virtio_device *device = queue->device;
    uint16_t size = read16(device, COMMON_QUEUE_SIZE);
    uint64_t doorbell = (uint64_t)read16(device, COMMON_QUEUE_NOTIFY_OFFSET) * device->notify_multiplier;

    if (size == 0 || doorbell + sizeof(uint16_t) > device->notify.length || doorbell % sizeof(uint16_t) != 0)
        return "it describes a queue that makes no sense";
    while ((size & (size - 1)) != 0)
        size &= (uint16_t)(size - 1);
    if (size > VIRTQUEUE_MAX_SIZE)
        size = VIRTQUEUE_MAX_SIZE;
    queue->doorbell = (volatile uint16_t *)(device->notify.base + doorbell);
    virtqueue_init(&queue->ring, size, queue->pages, (device->features & VIRTIO_F_EVENT_IDX) != 0,
                   (device->features & VIRTIO_F_INDIRECT_DESC) != 0);
    write16(device, COMMON_QUEUE_SIZE, size);
    write64(device, COMMON_QUEUE_DESC, queue->pages[0].bus);
    write64(device, COMMON_QUEUE_AVAIL, queue->pages[1].bus);
    write64(device, COMMON_QUEUE_USED, queue->pages[2].bus);
    write16(device, COMMON_QUEUE_VECTOR, (uint16_t)(queue->index + 1));
    if (read16(device, COMMON_QUEUE_VECTOR) != queue->index + 1)
        return "it refuses a queue's interrupt vector";
    write16(device, COMMON_QUEUE_ENABLE, 1);
    return NULL;
}

int virtio_queue_setup(struct virtio_device *device, struct virtio_queue *queue, unsigned index,
                       void (*handler)(struct virtio_queue *queue), void *arg)
{
    const char *why = "its interrupt cannot be bound";
    int error;

    memset(queue, 0, sizeof(*queue));
    queue->device = device;
    queue->index = (uint16_t)index;
    queue->handler = handler;
    queue->arg = arg;
    if (index >= virtio_max_queues(device))
        return fail(device, ENODEV, "it has too few queues");
    if (!alloc_pages(queue, (device->features & VIRTIO_F_INDIRECT_DESC) != 0))
        return fail(device, ENOMEM, "dom0 has no memory for its queue");
    error = pirq_map_msix(&queue->pirq, device->function.address, index + 1, device->msix_table);
    if (error == 0) {
        write16(device, COMMON_QUEUE_SELECT, queue->index);
        why = enable_queue(queue);
        if (why == NULL && pirq_bind(&queue->pirq, false, queue_interrupt, queue) != 0)
            why = "its interrupt cannot be bound";
        if (why != NULL)
            pirq_release(&queue->pirq);
    }
    if (why != NULL) {
        virtio_reset(device);
        free_pages(queue);
        return fail(device, EIO, why);
    }
    queue->next = device->queues;
    device->queues = queue;
    return 0;
}

int virtio_start(struct virtio_device *device)
{
    set_status(device, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    device->started = true;
    return virtio_failed(device) == NULL ? 0 : EIO;
}

void virtio_close(struct virtio_device *device)
{
    if (device->common.base != NULL)
        virtio_reset(device);
    while (device->queues != NULL) {
        struct virtio_queue *queue = device->queues;

        device->queues = queue->next;
        pirq_release(&queue->pirq);
        free_pages(queue);
    }
    if (device->config_pirq.bound)
        pirq_release(&device->config_pirq);
    unmap_window(&device->common);
    unmap_window(&device->notify);
    unmap_window(&device->config);
    pci_command_bits(device->function.address, 0, PCI_COMMAND_MASTER);
}

/* Fields of 2, 4 and 8 bytes are read as such (4.1.3.1), 8 as two halves; all else is bytes. */
static void copy_config(const struct virtio_device *device, size_t offset, uint8_t *out, size_t length)
{
    volatile uint8_t *from = device->config.base + offset;

    if (length == 2 && offset % 2 == 0) {
        *(uint16_t *)out = *(volatile uint16_t *)from;
    } else if ((length == 4 || length == 8) && offset % 4 == 0) {
        for (size_t i = 0; i < length; i += 4)
            *(uint32_t *)(out + i) = *(volatile uint32_t *)(from + i);
    } else {
        for (size_t i = 0; i < length; i++)
            out[i] = from[i];
    }
}

bool virtio_config_read(struct virtio_device *device, size_t offset, void *out, size_t length)
{
    uint8_t before;

    memset(out, 0, length);
    if (offset > device->config.length || length > device->config.length - offset)
        return false;
    for (int tries = 0; tries < GENERATION_TRIES && virtio_failed(device) == NULL; tries++) {
        before = read8(device, COMMON_GENERATION);
        copy_config(device, offset, out, length);
        if (read8(device, COMMON_GENERATION) == before)
            return true;
    }
    return false;
}

void virtio_kick(struct virtio_queue *queue)
{
    if (virtqueue_must_notify(&queue->ring))
        *queue->doorbell = queue->index;
}

void virtio_give_up(struct virtio_device *device, const char *why)
{
    if (device->failure != NULL || why == NULL)
        return;
    device->failure = why;
    console_printf("%s: the virtio device is switched off: %s\n", device->name, why);
}

const char *virtio_failed(struct virtio_device *device)
{
    uint8_t status;

    if (device->failure != NULL)
        return device->failure;
    status = read8(device, COMMON_STATUS);
    if (status == STATUS_ABSENT)
        virtio_give_up(device, "it does not answer any more");
    else if ((status & STATUS_NEEDS_RESET) != 0)
        virtio_give_up(device, "it wants to be reset");
    else if (device->started && (status & STATUS_DRIVER_OK) == 0)
        virtio_give_up(device, "it does not know any more that it was started");
    for (const struct virtio_queue *queue = device->queues; queue != NULL; queue = queue->next)
        virtio_give_up(device, queue->ring.broken);
    return device->failure;
}
