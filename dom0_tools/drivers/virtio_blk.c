/* SPDX-License-Identifier: MIT */
/*
 * Virtio block devices (Virtio 1.1, 5.2). Requests that find no room wait in a queue of the disk's own. When
 * the device fails, vanishes or ends nothing for too long, what it holds ends with EIO; a thread resets it
 * and takes it into use again, a few times.
 */
#include "dom0_tools/block/registry.h"
#include "dom0_tools/drivers/drivers.h"
#include "dom0_tools/drivers/virtio_pci.h"
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/memory.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_QUEUES   4
#define MAX_REVIVALS 5

/* Feature bits (5.2.3). */
#define BLK_F_SEG_MAX  (1ULL << 2)
#define BLK_F_RO       (1ULL << 5)
#define BLK_F_BLK_SIZE (1ULL << 6)
#define BLK_F_FLUSH    (1ULL << 9)
#define BLK_F_MQ       (1ULL << 12)
#define BLK_F_DISCARD  (1ULL << 13)
#define WANTED         (BLK_F_SEG_MAX | BLK_F_RO | BLK_F_BLK_SIZE | BLK_F_FLUSH | BLK_F_MQ | BLK_F_DISCARD)

/* Configuration (5.2.4), by offset. */
#define CONFIG_CAPACITY          0
#define CONFIG_SEG_MAX           12
#define CONFIG_BLK_SIZE          20
#define CONFIG_NUM_QUEUES        34
#define CONFIG_DISCARD_SECTORS   36
#define CONFIG_DISCARD_ALIGNMENT 44

/* Request types and states (5.2.6). */
#define TYPE_IN      0
#define TYPE_OUT     1
#define TYPE_FLUSH   4
#define TYPE_DISCARD 11

#define STATUS_OK          0
#define STATUS_UNSUPPORTED 2
#define STATUS_UNWRITTEN   0xff

/* What the device reads and writes beside the data; never crosses a page. */
struct slot {
    uint32_t type, reserved;
    uint64_t sector;
    struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } discard;
    uint8_t status;
    uint8_t pad[7];
    /* The driver's own. */
    struct block_request *request;
    struct slot *next_free;
    uint64_t bus;
};

_Static_assert(sizeof(struct slot) == 64, "slots fill pages");

#define HEADER_BYTES   16
#define SLOTS_PER_PAGE (4096 / sizeof(struct slot))
#define SLOT_PAGES     (VIRTQUEUE_MAX_SIZE / SLOTS_PER_PAGE)

struct disk_queue {
    struct virtio_queue queue;
    struct slot *free;
    struct slot *pages[SLOT_PAGES];
};

struct virtio_disk {
    struct block_device block;
    struct virtio_device device;
    struct disk_queue *queues;
    unsigned nr_queues;
    unsigned max_segments;
    bool failed;
    unsigned begun, ended; /* requests of the device; free-running */
    struct block_queue waiting;
    struct semaphore revive;
};

/* Letters that have been given out. */
static unsigned nr_disks;

static void free_slot(struct disk_queue *queue, struct slot *slot)
{
    slot->next_free = queue->free;
    queue->free = slot;
}

static bool alloc_slots(struct disk_queue *queue)
{
    for (unsigned i = 0; i < SLOT_PAGES; i++) {
        struct slot *page = page_alloc_zeroed();

        if (page == NULL)
            return false;
        queue->pages[i] = page;
        for (unsigned k = 0; k < SLOTS_PER_PAGE; k++) {
            page[k].bus = ((uint64_t)virt_to_mfn(page) << PAGE_SHIFT) + k * sizeof(*page);
            free_slot(queue, &page[k]);
        }
    }
    return true;
}

static void free_slots(struct disk_queue *queue)
{
    for (unsigned i = 0; i < SLOT_PAGES; i++)
        if (queue->pages[i] != NULL)
            page_free(queue->pages[i], 0);
}

static void fill_header(struct slot *slot, struct block_request *request)
{
    static const uint32_t types[] = {
        [BLOCK_READ] = TYPE_IN,
        [BLOCK_WRITE] = TYPE_OUT,
        [BLOCK_FLUSH] = TYPE_FLUSH,
        [BLOCK_DISCARD] = TYPE_DISCARD,
    };

    slot->type = types[request->operation];
    slot->sector =
        request->operation == BLOCK_READ || request->operation == BLOCK_WRITE ? request->absolute : 0;
    slot->status = STATUS_UNWRITTEN;
    slot->request = request;
}

/* The memory of a request; what is contiguous there is one segment of the device. Returns their number. */
static unsigned gather(struct virtio_segment *segments, const struct block_request *request)
{
    unsigned count = 0;
    uint64_t end = 0;

    for (unsigned i = 0; i < request->nr_segments; i++) {
        const struct block_segment *segment = &request->segments[i];

        if (count > 0 && segment->bus == end)
            segments[count - 1].length += segment->length;
        else
            segments[count++] = (struct virtio_segment){ segment->bus, segment->length };
        end = segment->bus + segment->length;
    }
    return count;
}

/* Hands a request to a queue; false: no room now. Upcalls masked. */
static bool start(struct disk_queue *queue, struct block_request *request)
{
    struct virtio_segment segments[VIRTQUEUE_SEGMENTS];
    struct slot *slot = queue->free;
    unsigned count = 0, readable;

    if (slot == NULL)
        return false;
    fill_header(slot, request);
    segments[count++] = (struct virtio_segment){ slot->bus, HEADER_BYTES };
    if (request->operation == BLOCK_DISCARD) {
        slot->discard.sector = request->absolute;
        slot->discard.sectors = request->sectors;
        segments[count++] =
            (struct virtio_segment){ slot->bus + offsetof(struct slot, discard), sizeof(slot->discard) };
    }
    count += gather(&segments[count], request);
    readable = request->operation == BLOCK_READ ? 1 : count;
    segments[count++] = (struct virtio_segment){ slot->bus + offsetof(struct slot, status), 1 };
    if (!virtqueue_add(&queue->queue.ring, segments, readable, count - readable, slot))
        return false;
    queue->free = slot->next_free;
    ((struct virtio_disk *)queue->queue.arg)->begun++;
    return true;
}

static void submit(struct block_device *block, struct block_request *request)
{
    struct virtio_disk *disk = block->driver;
    bool masked = upcalls_disable();

    if (disk->failed || request->nr_segments > disk->max_segments)
        request->done(request, EIO);
    else if (!TAILQ_EMPTY(&disk->waiting) || !start(&disk->queues[request->queue % disk->nr_queues], request))
        TAILQ_INSERT_TAIL(&disk->waiting, request, link);
    upcalls_restore(masked);
}

static void commit(struct block_device *block)
{
    struct virtio_disk *disk = block->driver;
    bool masked = upcalls_disable();

    for (unsigned i = 0; i < disk->nr_queues && !disk->failed; i++)
        virtio_kick(&disk->queues[i].queue);
    upcalls_restore(masked);
}

static int slot_error(const struct slot *slot)
{
    if (slot->status == STATUS_OK)
        return 0;
    return slot->status == STATUS_UNSUPPORTED ? EOPNOTSUPP : EIO;
}

/* Ends what the device has done; event context. */
static void take_finished(struct disk_queue *queue)
{
    struct slot *slot;
    uint32_t written;
    struct virtio_disk *disk = queue->queue.arg;

    do {
        while ((slot = virtqueue_take(&queue->queue.ring, &written)) != NULL) {
            struct block_request *request = slot->request;
            int error = slot_error(slot);

            free_slot(queue, slot);
            disk->ended++;
            request->done(request, error);
        }
    } while (!virtqueue_arm(&queue->queue.ring));
}

static void fail(struct virtio_disk *disk)
{
    if (!disk->failed)
        semaphore_up(&disk->revive);
    disk->failed = true;
}

static void finished(struct virtio_queue *queue)
{
    struct virtio_disk *disk = queue->arg;
    struct block_request *request;

    if (disk->failed)
        return;
    take_finished((struct disk_queue *)queue);
    if (queue->ring.broken != NULL) {
        virtio_failed(&disk->device);
        fail(disk);
        return;
    }
    while ((request = TAILQ_FIRST(&disk->waiting)) != NULL) {
        if (!start((struct disk_queue *)queue, request))
            break;
        TAILQ_REMOVE(&disk->waiting, request, link);
    }
    virtio_kick(queue);
}

/* The size, in 512-byte sectors; whole sectors of the device's own. */
static uint64_t read_capacity(struct virtio_disk *disk)
{
    uint64_t sectors;

    virtio_config_read(&disk->device, CONFIG_CAPACITY, &sectors, sizeof(sectors));
    return sectors & ~(uint64_t)(disk->block.sector_size / BLOCK_SECTOR - 1);
}

static void changed(struct virtio_device *device)
{
    struct virtio_disk *disk = device->arg;
    uint64_t sectors;

    if (device->failure != NULL) {
        fail(disk);
        return;
    }
    sectors = read_capacity(disk);
    if (device->failure == NULL && sectors != disk->block.sectors)
        block_set_sectors(&disk->block, sectors);
}

static bool has(const struct virtio_disk *disk, uint64_t feature)
{
    return (disk->device.features & feature) != 0;
}

static uint32_t config32(struct virtio_disk *disk, size_t offset)
{
    uint32_t value;

    virtio_config_read(&disk->device, offset, &value, sizeof(value));
    return value;
}

static bool read_geometry(struct virtio_disk *disk)
{
    struct block_device *block = &disk->block;
    uint32_t granularity;

    block->sector_size = has(disk, BLK_F_BLK_SIZE) ? config32(disk, CONFIG_BLK_SIZE) : BLOCK_SECTOR;
    if (block->sector_size != 512 && block->sector_size != 4096) {
        fprintf(stderr, "%s: is not used: its sectors have %u bytes\n", block->name,
                (unsigned)block->sector_size);
        return false;
    }
    block->sectors = read_capacity(disk);
    block->read_only = has(disk, BLK_F_RO);
    block->can_flush = has(disk, BLK_F_FLUSH);
    if (has(disk, BLK_F_DISCARD)) {
        granularity = config32(disk, CONFIG_DISCARD_ALIGNMENT);
        block->discard_max = config32(disk, CONFIG_DISCARD_SECTORS);
        block->discard_granularity = granularity != 0 ? granularity : 1;
        block->can_discard = block->discard_max != 0 && !block->read_only;
    }
    disk->max_segments = VIRTQUEUE_SEGMENTS - 2;
    if (has(disk, BLK_F_SEG_MAX) && config32(disk, CONFIG_SEG_MAX) < disk->max_segments)
        disk->max_segments = config32(disk, CONFIG_SEG_MAX);
    if (disk->max_segments < BLOCK_SEGMENTS)
        fprintf(stderr, "%s: is not used: it takes %u segments in a request, too few\n", block->name,
                disk->max_segments);
    return disk->max_segments >= BLOCK_SEGMENTS && disk->device.failure == NULL;
}

static unsigned count_queues(struct virtio_disk *disk)
{
    unsigned max = virtio_max_queues(&disk->device);
    uint16_t wanted = 1;

    if (has(disk, BLK_F_MQ))
        virtio_config_read(&disk->device, CONFIG_NUM_QUEUES, &wanted, sizeof(wanted));
    if (wanted > MAX_QUEUES)
        wanted = MAX_QUEUES;
    return wanted < max ? wanted : max;
}

/* Resets the device and opens it; the disk's queues exist from the first time on. */
static bool bring_up(struct virtio_disk *disk, const struct pci_function *function)
{
    unsigned count;

    disk->device.arg = disk;
    if (virtio_open(&disk->device, disk->block.name, function, WANTED, changed) != 0)
        return false;
    count = count_queues(disk);
    if (disk->queues == NULL && count > 0) {
        disk->queues = calloc(count, sizeof(*disk->queues));
        disk->nr_queues = disk->queues == NULL ? 0 : count;
        for (unsigned i = 0; i < disk->nr_queues; i++)
            if (!alloc_slots(&disk->queues[i]))
                disk->nr_queues = 0;
    }
    if (disk->nr_queues == 0 || disk->nr_queues > count || !read_geometry(disk)) {
        virtio_close(&disk->device);
        return false;
    }
    for (unsigned i = 0; i < disk->nr_queues; i++) {
        if (virtio_queue_setup(&disk->device, &disk->queues[i].queue, i, finished, disk) != 0) {
            virtio_close(&disk->device);
            return false;
        }
    }
    return virtio_start(&disk->device) == 0;
}

/* Ends all that the failed device still has. */
static void drop_requests(struct virtio_disk *disk)
{
    bool masked = upcalls_disable();
    struct block_request *request;
    struct slot *slot;

    for (unsigned i = 0; i < disk->nr_queues; i++) {
        while ((slot = virtqueue_drain(&disk->queues[i].queue.ring)) != NULL) {
            request = slot->request;
            free_slot(&disk->queues[i], slot);
            disk->ended++;
            request->done(request, EIO);
        }
    }
    while ((request = TAILQ_FIRST(&disk->waiting)) != NULL) {
        TAILQ_REMOVE(&disk->waiting, request, link);
        request->done(request, EIO);
    }
    upcalls_restore(masked);
}

/* Waits for the device to fail; looks now and then whether it is there and ends what it has begun. */
static void watch(struct virtio_disk *disk)
{
    uint64_t since = time_ns();
    unsigned ended = disk->ended;

    while (semaphore_down_until(&disk->revive, time_ns() + DRIVER_WATCH_PERIOD) != 0) {
        bool masked = upcalls_disable();

        if (disk->begun == disk->ended || disk->ended != ended)
            since = time_ns();
        ended = disk->ended;
        if (time_ns() - since >= driver_disk_timeout())
            virtio_give_up(&disk->device, "it ends no request any more");
        if (virtio_failed(&disk->device) != NULL)
            fail(disk);
        upcalls_restore(masked);
    }
}

/* A thread for each disk. */
static void keep_alive(void *arg)
{
    struct virtio_disk *disk = arg;

    for (unsigned tries = 0; tries < MAX_REVIVALS; tries++) {
        struct pci_function function = disk->device.function;

        watch(disk);
        virtio_reset(&disk->device);
        drop_requests(disk);
        virtio_close(&disk->device);
        if (!bring_up(disk, &function))
            break;
        disk->failed = false;
        console_printf("%s: the virtio device works again\n", disk->block.name);
    }
    console_printf("%s: the virtio device stays switched off\n", disk->block.name);
}

static const struct block_ops ops = { .submit = submit, .commit = commit };

static void free_disk(struct virtio_disk *disk)
{
    for (unsigned i = 0; disk->queues != NULL && i < disk->nr_queues; i++)
        free_slots(&disk->queues[i]);
    free(disk->queues);
    free(disk);
}

void virtio_blk_probe(const struct pci_function *function)
{
    struct virtio_disk *disk;
    struct thread *thread;

    if (!virtio_matches(function, VIRTIO_TYPE_BLOCK) || nr_disks >= 26)
        return;
    disk = calloc(1, sizeof(*disk));
    if (disk == NULL)
        return;
    disk->block = (struct block_device){ .model = "virtio", .by_dma = true, .ops = &ops, .driver = disk };
    snprintf(disk->block.name, sizeof(disk->block.name), "vd%c", (char)('a' + nr_disks));
    TAILQ_INIT(&disk->waiting);
    semaphore_init(&disk->revive, 0);
    if (!bring_up(disk, function)) {
        free_disk(disk);
        return;
    }
    thread = thread_create("virtio-blk", keep_alive, disk, 0);
    if (thread != NULL)
        thread_detach(thread);
    nr_disks++;
    block_register(&disk->block);
}
