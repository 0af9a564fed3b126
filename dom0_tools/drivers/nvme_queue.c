/* SPDX-License-Identifier: MIT */
/*
 * The way of a request: it waits in its queue until a transfer is free, becomes commands while slots are
 * free, and is done when the last of them is. What the controller writes is checked before it is used.
 */
#include "dom0_tools/drivers/nvme.h"
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/memory.h"
#include "pvguest/time.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define LISTS_PER_PAGE (PAGE_SIZE / (NVME_PAGES * sizeof(uint64_t)))
_Static_assert(LISTS_PER_PAGE == 16, "pages[] of struct nvme_queue counts on it");

/* A range of a dataset management command (6.7). */
struct dataset_range {
    uint32_t attributes, blocks;
    uint64_t lba;
};
#define DATASET_DEALLOCATE 4U

void nvme_ring_reset(struct nvme_ring *ring)
{
    memset((void *)(uintptr_t)ring->sq, 0, PAGE_SIZE);
    memset((void *)(uintptr_t)ring->cq, 0, PAGE_SIZE);
    ring->tail = ring->head = ring->rung = 0;
    ring->phase = 1;
}

void nvme_doorbell(struct nvme_controller *controller, unsigned queue, bool completion, uint16_t value)
{
    nvme_write32(controller, NVME_DOORBELLS + (2 * queue + completion) * controller->doorbell_stride, value);
}

void nvme_ring_add(struct nvme_ring *ring, const struct nvme_command *command)
{
    ring->sq[ring->tail] = *command;
    ring->tail = (uint16_t)((ring->tail + 1) % NVME_DEPTH);
}

bool nvme_ring_take(struct nvme_ring *ring, struct nvme_completion *completion)
{
    uint16_t status = ring->cq[ring->head].status;

    if ((status & 1) != ring->phase)
        return false;
    __asm__ __volatile__("" ::: "memory"); /* the rest of the entry is read behind its phase */
    *completion = ring->cq[ring->head];
    ring->head = (uint16_t)((ring->head + 1) % NVME_DEPTH);
    if (ring->head == 0)
        ring->phase ^= 1;
    return true;
}

static void *ring_page(struct nvme_queue *queue, unsigned index, uint64_t *bus)
{
    void *page = page_alloc_zeroed();

    queue->pages[index] = page;
    if (page)
        *bus = (uint64_t)virt_to_mfn(page) << PAGE_SHIFT;
    return page;
}

bool nvme_queue_alloc(struct nvme_queue *queue, struct nvme_controller *controller, unsigned id)
{
    queue->controller = controller;
    queue->id = id;
    queue->ring.sq = ring_page(queue, 0, &queue->ring.sq_bus);
    queue->ring.cq = ring_page(queue, 1, &queue->ring.cq_bus);
    if (!queue->ring.sq || !queue->ring.cq)
        return false;
    for (unsigned i = 0; i < NVME_SLOTS; i++) {
        struct nvme_slot *slot = &queue->slots[i];
        unsigned in_page = i % LISTS_PER_PAGE, page = 2 + i / LISTS_PER_PAGE;
        uint64_t bus;

        if (in_page == 0 && !ring_page(queue, page, &bus))
            return false;
        slot->list = (uint64_t *)queue->pages[page] + in_page * NVME_PAGES;
        slot->list_bus = ((uint64_t)virt_to_mfn(queue->pages[page]) << PAGE_SHIFT) +
                         in_page * NVME_PAGES * sizeof(uint64_t);
    }
    return true;
}

void nvme_queue_free(struct nvme_queue *queue)
{
    for (size_t i = 0; i < sizeof(queue->pages) / sizeof(queue->pages[0]); i++)
        if (queue->pages[i])
            page_free(queue->pages[i], 0);
}

void nvme_fail(struct nvme_controller *controller, const char *why)
{
    bool masked = upcalls_disable();

    if (!controller->failed) {
        console_printf("%s: %s; it is reset\n", controller->name, why);
        controller->failed = true;
        semaphore_up(&controller->revive);
    }
    upcalls_restore(masked);
}

/* ---- from requests to commands; upcalls masked ---- */

static struct nvme_slot *free_slot(struct nvme_queue *queue)
{
    for (unsigned i = 0; i < NVME_SLOTS && queue->under_way < NVME_SLOTS; i++)
        if (!queue->slots[i].transfer)
            return &queue->slots[i];
    return NULL;
}

/* The memory of a read or write; false: there is no more to do, or nothing can be done. */
static bool add_data(struct nvme_transfer *transfer, struct nvme_slot *slot, struct nvme_command *command)
{
    const struct nvme_namespace *space = transfer->space;
    unsigned count;
    uint32_t bytes = nvme_next_command(transfer->request, &transfer->position, 1U << space->lba_shift,
                                       space->controller->max_bytes, slot->list, NVME_PAGES, &count);

    if (bytes == 0) {
        if (transfer->position.segment < transfer->request->nr_segments)
            transfer->error = EINVAL;
        return false;
    }
    command->opcode = transfer->request->operation == BLOCK_READ ? NVME_IO_READ : NVME_IO_WRITE;
    command->dw10 = (uint32_t)transfer->lba;
    command->dw11 = (uint32_t)(transfer->lba >> 32);
    command->dw12 = (bytes >> space->lba_shift) - 1;
    command->prp1 = slot->list[0];
    if (count == 2)
        command->prp2 = slot->list[1];
    else if (count > 2)
        command->prp2 = slot->list_bus + sizeof(uint64_t); /* the list without its first entry */
    transfer->lba += bytes >> space->lba_shift;
    return true;
}

static void add_discard(const struct nvme_transfer *transfer, struct nvme_slot *slot,
                        struct nvme_command *command)
{
    unsigned shift = transfer->space->lba_shift - BLOCK_SECTOR_SHIFT;
    struct dataset_range *range = (struct dataset_range *)slot->list;

    *range = (struct dataset_range){ 0, transfer->request->sectors >> shift, transfer->lba };
    command->opcode = NVME_IO_DATASET;
    command->prp1 = slot->list_bus;
    command->dw10 = 0; /* one range */
    command->dw11 = DATASET_DEALLOCATE;
}

/* Makes the transfer's next command; false: it has no more. */
static bool next_command(struct nvme_transfer *transfer, struct nvme_slot *slot, struct nvme_command *command)
{
    enum block_operation operation = transfer->request->operation;

    *command = (struct nvme_command){ .nsid = transfer->space->id };
    if (operation == BLOCK_READ || operation == BLOCK_WRITE)
        return add_data(transfer, slot, command);
    if (transfer->position.segment > 0)
        return false;
    transfer->position.segment = 1; /* flush and discard are one command */
    if (operation == BLOCK_DISCARD)
        add_discard(transfer, slot, command);
    else
        command->opcode = NVME_IO_FLUSH;
    return true;
}

static void end_if_done(struct nvme_transfer *transfer)
{
    struct block_request *request = transfer->request;

    if (!transfer->issued || transfer->commands > 0)
        return;
    transfer->request = NULL;
    request->done(request, transfer->error);
}

/* Issues commands of a transfer until all are, or no slot is free (false). */
static bool issue(struct nvme_queue *queue, struct nvme_transfer *transfer)
{
    struct nvme_command command;
    struct nvme_slot *slot;

    while ((slot = free_slot(queue)) != NULL) {
        if (transfer->error || !next_command(transfer, slot, &command)) {
            transfer->issued = true;
            if (queue->partial == transfer)
                queue->partial = NULL; /* done() may come back here with another request */
            end_if_done(transfer);
            return true;
        }
        command.id = (uint16_t)(slot - queue->slots);
        slot->transfer = transfer;
        transfer->commands++;
        if (queue->under_way++ == 0)
            queue->stalled_since = time_ns();
        nvme_ring_add(&queue->ring, &command);
    }
    return false;
}

static struct nvme_transfer *free_transfer(struct nvme_queue *queue)
{
    for (unsigned i = 0; i < NVME_SLOTS; i++)
        if (!queue->transfers[i].request)
            return &queue->transfers[i];
    return NULL;
}

/* The request that is next, the namespaces in turn; taken from its queue. */
static struct block_request *next_waiting(struct nvme_queue *queue, struct nvme_namespace **space)
{
    struct nvme_controller *controller = queue->controller;

    for (unsigned i = 0; i < controller->nr_spaces; i++) {
        struct block_request *request;

        *space = &controller->spaces[queue->next_space++ % controller->nr_spaces];
        request = TAILQ_FIRST(&(*space)->waiting[queue->id - 1]);
        if (request) {
            TAILQ_REMOVE(&(*space)->waiting[queue->id - 1], request, link);
            return request;
        }
    }
    return NULL;
}

/* Starts what waits, as far as there is room. A transfer has a command at least, so that there are transfers
 * enough. */
static void pump(struct nvme_queue *queue)
{
    struct nvme_namespace *space;
    struct block_request *request;

    if (queue->partial && !issue(queue, queue->partial))
        return;
    while (!queue->partial && queue->under_way < NVME_SLOTS &&
           (request = next_waiting(queue, &space)) != NULL) {
        struct nvme_transfer *transfer = free_transfer(queue);

        *transfer =
            (struct nvme_transfer){ .request = request,
                                    .space = space,
                                    .lba = request->absolute >> (space->lba_shift - BLOCK_SECTOR_SHIFT) };
        if (!issue(queue, transfer)) {
            queue->partial = transfer;
            return;
        }
    }
}

static void ring_doorbell(struct nvme_queue *queue)
{
    if (queue->ring.rung == queue->ring.tail)
        return;
    queue->ring.rung = queue->ring.tail;
    nvme_doorbell(queue->controller, queue->id, false, queue->ring.tail);
}

static void submit(struct block_device *block, struct block_request *request)
{
    struct nvme_namespace *space = block->driver;
    struct nvme_controller *controller = space->controller;
    bool masked = upcalls_disable();

    if (controller->failed)
        request->done(request, EIO);
    else
        TAILQ_INSERT_TAIL(&space->waiting[request->queue % controller->nr_queues], request, link);
    upcalls_restore(masked);
}

static void commit(struct block_device *block)
{
    struct nvme_namespace *space = block->driver;
    struct nvme_controller *controller = space->controller;
    bool masked = upcalls_disable();

    for (unsigned i = 0; i < controller->nr_queues && !controller->failed; i++) {
        pump(&controller->queues[i]);
        ring_doorbell(&controller->queues[i]);
    }
    upcalls_restore(masked);
}

const struct block_ops nvme_block_ops = { .submit = submit, .commit = commit };

/* ---- from completions to ends of requests ---- */

/* False: the completion names no command that is under way. */
static bool finish(struct nvme_queue *queue, const struct nvme_completion *completion)
{
    struct nvme_slot *slot = &queue->slots[completion->id < NVME_SLOTS ? completion->id : 0];
    struct nvme_transfer *transfer = slot->transfer;

    if (completion->id >= NVME_SLOTS || !transfer)
        return false;
    slot->transfer = NULL;
    queue->under_way--;
    transfer->commands--;
    if (NVME_STATUS(completion->status) != 0)
        transfer->error = EIO;
    end_if_done(transfer);
    return true;
}

void nvme_queue_interrupt(evtchn_port_t port, void *arg)
{
    struct nvme_queue *queue = arg;
    struct nvme_completion completion;
    unsigned taken = 0;

    (void)port;
    /* A ring's worth at most: a controller that completes for ever is a broken one. */
    while (!queue->controller->failed && taken < NVME_DEPTH && nvme_ring_take(&queue->ring, &completion)) {
        taken++;
        if (!finish(queue, &completion)) {
            nvme_fail(queue->controller, "completes a command that it was not given");
            return;
        }
    }
    if (taken == 0)
        return;
    queue->stalled_since = time_ns();
    nvme_doorbell(queue->controller, queue->id, true, queue->ring.head);
    pump(queue);
    ring_doorbell(queue);
}

void nvme_queue_drop(struct nvme_queue *queue)
{
    struct nvme_controller *controller = queue->controller;
    struct nvme_namespace *space;
    struct block_request *request;

    for (unsigned i = 0; i < NVME_SLOTS; i++)
        queue->slots[i].transfer = NULL;
    queue->under_way = 0;
    queue->partial = NULL;
    for (unsigned i = 0; i < NVME_SLOTS; i++) {
        request = queue->transfers[i].request;
        queue->transfers[i].request = NULL;
        if (request)
            request->done(request, EIO);
    }
    while (controller->nr_spaces > 0 && (request = next_waiting(queue, &space)) != NULL)
        request->done(request, EIO);
}
