/* SPDX-License-Identifier: MIT */
#include "split_drivers/blkback_io.h"
#include "pvguest/memory.h"
#include "pvguest/time.h"
#include "pvguest/vmap.h"
#include "pvguest/xen_errno.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Requests that the disks of a device may begin before those of the next one have their turn. */
#define TURN 32

/* What a request costs beside its pages, in pages. */
#define REQUEST_COST 4

_Static_assert(TURN *BLKIF_SEGMENTS <= BLKBACK_BATCH, "a turn's grants are one batch");

struct blkback_pool {
    struct blkback_request requests[BLKBACK_DEPTH];
};

struct worker blkback_worker;

/* The disks of one device, while there are any. */
struct blkback_share {
    struct fair_share fair;
    const struct block_device *device; /* a whole one */
    LIST_ENTRY(blkback_share) link;
};

static LIST_HEAD(, blkback_share) shares = LIST_HEAD_INITIALIZER(shares);

static LIST_HEAD(, blkback_disk) served_disks = LIST_HEAD_INITIALIZER(served_disks);

bool blkback_io_start(void)
{
    return worker_start(&blkback_worker, "blkback");
}

static struct blkback_disk *disk_of(const struct fair_flow *flow)
{
    return (struct blkback_disk *)((uintptr_t)flow - offsetof(struct blkback_disk, flow));
}

/* The time, where there is somebody to share with. */
static uint64_t share_time(const struct blkback_share *share)
{
    return share->fair.nr_flows > 1 ? time_ns() : 0;
}

/* ---- the end of requests ---- */

/* Any context, also from inside block_submit(). */
static void block_done(struct block_request *block, int error)
{
    struct blkback_request *request = (struct blkback_request *)block;
    struct blkback_disk *disk = request->disk;
    bool masked = upcalls_disable();

    request->error = error;
    TAILQ_INSERT_TAIL(&disk->finished, request, link);
    worker_schedule(&blkback_worker, &disk->task);
    upcalls_restore(masked);
}

/* A discard may be larger than the device takes at once: the rest is a step of its own. */
static void cut_discard(struct blkback_request *request)
{
    uint64_t max = request->disk->device->discard_max;

    if (request->work.sectors > max) {
        request->block.sectors = (uint32_t)max;
        request->work.sector += max;
        request->work.sectors -= max;
        request->steps |= STEP_ACT;
    }
}

/* Begins the next step of a request that has one. */
static void next_step(struct blkback_request *request)
{
    static const enum block_operation operations[] = {
        [BLKIF_OP_READ] = BLOCK_READ,
        [BLKIF_OP_WRITE] = BLOCK_WRITE,
        [BLKIF_OP_WRITE_BARRIER] = BLOCK_WRITE,
        [BLKIF_OP_DISCARD] = BLOCK_DISCARD,
    };
    unsigned int step = request->steps & -request->steps;
    struct block_request *block = &request->block;

    request->steps &= ~step;
    *block = (struct block_request){ .operation = BLOCK_FLUSH, .done = block_done };
    block->queue = request->queue->number;
    if (step == STEP_ACT) {
        /* What a flush brings along is a write. */
        block->operation =
            request->work.action == BLKIF_OP_FLUSH_DISKCACHE ? BLOCK_WRITE : operations[request->work.action];
        block->sector = request->work.sector;
        block->sectors = (uint32_t)request->work.sectors;
        block->segments = request->segments;
        block->nr_segments = request->work.nr_segments;
    }
    if (block->operation == BLOCK_DISCARD)
        cut_discard(request);
    block_submit(request->disk->device, block);
}

static int16_t response_status(int error)
{
    if (!error)
        return BLKIF_RSP_OKAY;
    return error == EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
}

static void count(struct blkback_statistics *statistics, const struct blkback_request *request)
{
    const struct blkif_work *work = &request->work;

    statistics->requests[work->action]++;
    if (request->error)
        statistics->errors++;
    else if (work->action == BLKIF_OP_READ)
        statistics->sectors_read += work->sectors;
    else if (work->action != BLKIF_OP_DISCARD)
        statistics->sectors_written += work->sectors;
}

static void put_response(struct blkback_request *request, uint64_t now)
{
    struct blkback_disk *disk = request->disk;
    bool masked;

    count(&disk->statistics, request);
    fair_share_end(&disk->share->fair, &disk->flow, now);
    blkif_ring_put(&request->queue->ring, request->work.id, request->work.operation,
                   response_status(request->error));
    if (disk->barrier == request) {
        disk->barrier = NULL;
        disk->barrier_begun = false;
    }
    TAILQ_INSERT_TAIL(&disk->free, request, link);
    masked = upcalls_disable();
    if (!--disk->under_way)
        wait_queue_wake_all(&disk->quiet);
    upcalls_restore(masked);
}

static void publish(struct blkback_disk *disk)
{
    for (unsigned int i = 0; i < disk->nr_queues; i++) {
        struct blkback_queue *queue = &disk->queues[i];

        if (blkif_ring_push(&queue->ring))
            evtchn_send(queue->port);
    }
}

static struct blkback_request *take_finished(struct blkback_disk *disk)
{
    bool masked = upcalls_disable();
    struct blkback_request *request = TAILQ_FIRST(&disk->finished);

    if (request)
        TAILQ_REMOVE(&disk->finished, request, link);
    upcalls_restore(masked);
    return request;
}

/* The frames go back before the responses that say so. False: nothing has ended. */
static bool finish(struct blkback_disk *disk)
{
    struct blkback_list ended = TAILQ_HEAD_INITIALIZER(ended);
    struct blkback_request *request;
    bool go_on = false;
    uint64_t now;

    while ((request = take_finished(disk))) {
        if (!request->error && request->steps) {
            next_step(request);
            go_on = true;
            continue;
        }
        blkback_grants_unmap(&disk->mapper, request->grants, request->work.nr_segments);
        TAILQ_INSERT_TAIL(&ended, request, link);
    }
    if (go_on)
        block_commit(disk->device);
    if (TAILQ_EMPTY(&ended))
        return false;
    blkback_grants_run_unmap();
    now = share_time(disk->share);
    while ((request = TAILQ_FIRST(&ended))) {
        TAILQ_REMOVE(&ended, request, link);
        put_response(request, now);
    }
    publish(disk);
    return true;
}

/* ---- the beginning of requests ---- */

static void break_disk(struct blkback_disk *disk, const char *why)
{
    if (disk->broken)
        return;
    disk->broken = why;
    disk->failed(disk);
}

/* Ends a request that has not begun. Its segments are not mapped. */
static void refuse(struct blkback_request *request, int error)
{
    request->steps = 0;
    request->work.nr_segments = 0;
    request->work.action = BLKIF_OP_READ; /* only for the statistics: it may have been any number */
    block_done(&request->block, error);
}

/* 0, or the errno with which a request is refused before its frames are looked at. */
static int check(const struct blkback_disk *disk, struct blkback_request *request)
{
    const struct block_device *device = disk->device;
    struct blkif_work *work = &request->work;
    bool discard = work->action == BLKIF_OP_DISCARD;

    if (work->action != BLKIF_OP_READ && (work->nr_segments || discard) && disk->read_only)
        return EROFS;
    if (discard && (work->secure || !device->can_discard))
        return EOPNOTSUPP;
    if (!discard)
        work->sectors = blkif_count_sectors(work);
    if (!work->sectors)
        return work->nr_segments || discard ? EINVAL : 0;
    return work->sector > device->sectors || work->sectors > device->sectors - work->sector ? EINVAL : 0;
}

static unsigned int steps_of(const struct blkif_work *work)
{
    unsigned int act = work->nr_segments ? STEP_ACT : 0;

    switch (work->action) {
    case BLKIF_OP_FLUSH_DISKCACHE:
        return STEP_FLUSH_BEFORE | act;
    case BLKIF_OP_WRITE_BARRIER:
        return STEP_FLUSH_BEFORE | act | (act ? STEP_FLUSH_AFTER : 0);
    default:
        return STEP_ACT;
    }
}

/* Copies the segments of indirect requests from their pages, one hypercall for all. */
static void read_indirect(struct blkback_disk *disk, struct blkback_list *taken)
{
    static struct blkif_request_segment pages[TURN][BLKIF_SEGMENTS] __attribute__((aligned(PAGE_SIZE)));
    static struct gnttab_copy copies[TURN];
    struct blkback_request *request, *next;
    unsigned int n = 0;

    TAILQ_FOREACH(request, taken, link)
    {
        if (!request->work.indirect)
            continue;
        copies[n] = (struct gnttab_copy){
            .source = { .u.ref = request->work.page, .domid = disk->domid },
            .dest = { .u.gmfn = virt_to_mfn(pages[n]),
                      .domid = DOMID_SELF,
                      .offset = (uint16_t)((unsigned long)pages[n] & ~PAGE_MASK) },
            .len = (uint16_t)(request->work.nr_segments * sizeof(pages[0][0])),
            .flags = GNTCOPY_source_gref,
        };
        n++;
    }
    if (!n || gnttab_copy(copies, n))
        for (unsigned int i = 0; i < n; i++)
            copies[i].status = GNTST_general_error;
    n = 0;
    for (request = TAILQ_FIRST(taken); request; request = next) {
        next = TAILQ_NEXT(request, link);
        if (!request->work.indirect)
            continue;
        blkif_read_indirect(&request->work, pages[n]);
        if (copies[n++].status != GNTST_okay) {
            TAILQ_REMOVE(taken, request, link);
            refuse(request, EFAULT);
        }
    }
}

/* Maps the frames of all requests; those that are in order stay in the list. */
static void map_frames_of(struct blkback_disk *disk, struct blkback_list *taken)
{
    struct blkback_request *request, *next;

    for (request = TAILQ_FIRST(taken); request; request = next) {
        int error = check(disk, request);

        next = TAILQ_NEXT(request, link);
        if (error) {
            TAILQ_REMOVE(taken, request, link);
            refuse(request, error);
            continue;
        }
        request->steps = steps_of(&request->work);
        blkback_grants_map(&disk->mapper, request->grants, &request->work, request->index * BLKIF_SEGMENTS);
    }
    blkback_grants_run_map();
}

/* Begins what was taken, but a barrier only when it is alone. */
static void begin(struct blkback_disk *disk)
{
    struct blkback_request *request;

    if (disk->barrier && disk->under_way == 1 && !disk->barrier_begun) {
        disk->barrier_begun = true;
        TAILQ_INSERT_TAIL(&disk->taken, disk->barrier, link);
    }
    if (TAILQ_EMPTY(&disk->taken))
        return;
    read_indirect(disk, &disk->taken);
    map_frames_of(disk, &disk->taken);
    while ((request = TAILQ_FIRST(&disk->taken))) {
        TAILQ_REMOVE(&disk->taken, request, link);
        if (blkback_grants_segments(request->grants, &request->work, request->segments)) {
            next_step(request);
        } else {
            request->steps = 0;
            block_done(&request->block, EFAULT);
        }
    }
    block_commit(disk->device);
}

static bool may_take(const struct blkback_disk *disk)
{
    return disk->entered && !disk->broken && !disk->stopping && !disk->barrier && !TAILQ_EMPTY(&disk->free);
}

static bool has_requests(const struct fair_flow *flow)
{
    const struct blkback_disk *disk = disk_of(flow);

    if (!may_take(disk))
        return false;
    for (unsigned int i = 0; i < disk->nr_queues; i++)
        if (blkif_ring_has_requests(&disk->queues[i].ring))
            return true;
    return false;
}

/* Takes the next request of a queue; false: there is none. One that is in order is put into `taken`, unless
 * it is a barrier, which waits until it is alone. */
static bool take(struct blkback_queue *queue, uint64_t now)
{
    struct blkback_disk *disk = queue->disk;
    struct blkback_request *request = TAILQ_FIRST(&disk->free);
    enum blkif_take found = blkif_ring_take(&queue->ring, &request->work);
    bool masked;

    if (found == BLKIF_BROKEN)
        break_disk(disk, "its ring's request index runs ahead");
    if (found == BLKIF_NONE || found == BLKIF_BROKEN)
        return false;
    TAILQ_REMOVE(&disk->free, request, link);
    disk->armed = false;
    masked = upcalls_disable();
    disk->under_way++;
    upcalls_restore(masked);
    fair_share_begin(&disk->share->fair, &disk->flow, REQUEST_COST + request->work.nr_segments, now);
    request->queue = queue;
    if (found == BLKIF_REFUSE)
        refuse(request, EINVAL);
    else if (request->work.action == BLKIF_OP_WRITE_BARRIER)
        disk->barrier = request;
    else
        TAILQ_INSERT_TAIL(&disk->taken, request, link);
    return true;
}

/* A request of a disk, the queues in turn; false: there is none that may begin. */
static bool take_one(struct blkback_disk *disk, uint64_t now)
{
    for (unsigned int i = 0; i < disk->nr_queues && may_take(disk); i++) {
        struct blkback_queue *queue = &disk->queues[disk->next_queue];

        disk->next_queue = disk->next_queue + 1 == disk->nr_queues ? 0 : disk->next_queue + 1;
        if (take(queue, now))
            return true;
    }
    return false;
}

static bool more_to_do(struct blkback_disk *disk)
{
    bool more = false;

    if (!may_take(disk))
        return false; /* what ends will schedule the task again */
    for (unsigned int i = 0; i < disk->nr_queues; i++)
        more |= blkif_ring_more(&disk->queues[i].ring);
    disk->armed = !more;
    return more;
}

/* Looks at all disks of a device: who ends a request may have made room for another one's. */
static void take_turn(struct blkback_share *share)
{
    uint64_t now = share_time(share);
    struct fair_flow *flow;
    bool room;

    for (unsigned int n = 0; (room = fair_share_has_room(&share->fair, now)) && n < TURN; n++) {
        flow = fair_share_next(&share->fair, has_requests);
        if (!flow || !take_one(disk_of(flow), now))
            break;
    }
    LIST_FOREACH(flow, &share->fair.flows, link)
    begin(disk_of(flow));
    /* Without room something is under way, whose end will come here again. */
    if (!room)
        return;
    LIST_FOREACH(flow, &share->fair.flows, link)
    {
        if (more_to_do(disk_of(flow)))
            worker_schedule(&blkback_worker, &disk_of(flow)->task);
    }
}

static void run(struct worker_task *task)
{
    struct blkback_disk *disk = (struct blkback_disk *)task;

    /* An event is often late: the turn before has taken what it tells of. */
    if (finish(disk) || !disk->armed || has_requests(&disk->flow))
        take_turn(disk->share);
}

/* ---- setting up and taking down ---- */

static struct blkback_share *find_share(const struct block_device *device)
{
    struct blkback_share *share;

    LIST_FOREACH(share, &shares, link)
    {
        if (share->device == device)
            return share;
    }
    share = calloc(1, sizeof(*share));
    if (!share)
        return NULL;
    fair_share_init(&share->fair);
    share->device = device;
    LIST_INSERT_HEAD(&shares, share, link);
    return share;
}

/* In the worker, as the next. Leaves disk->share NULL when there is no memory. */
static void join_share(void *arg)
{
    struct blkback_disk *disk = arg;

    disk->share = find_share(disk->device->disk);
    if (disk->share)
        fair_share_join(&disk->share->fair, &disk->flow);
}

static void leave_share(struct blkback_disk *disk)
{
    fair_share_leave(&disk->share->fair, &disk->flow);
    if (!disk->share->fair.nr_flows) {
        LIST_REMOVE(disk->share, link);
        free(disk->share);
    }
}

int blkback_io_init(struct blkback_disk *disk, enum blkback_keep keep)
{
    int error;

    disk->task.run = run;
    disk->nr_queues = 0;
    disk->barrier = NULL;
    disk->barrier_begun = disk->stopping = disk->armed = false;
    disk->broken = NULL;
    disk->under_way = 0;
    disk->next_queue = 0;
    TAILQ_INIT(&disk->free);
    TAILQ_INIT(&disk->finished);
    TAILQ_INIT(&disk->taken);
    wait_queue_init(&disk->quiet);
    disk->pool = calloc(1, sizeof(*disk->pool));
    if (!disk->pool)
        return ENOMEM;
    error = blkback_mapper_init(&disk->mapper, disk->domid, disk->device->by_dma,
                                BLKBACK_DEPTH * BLKIF_SEGMENTS, keep);
    if (error) {
        free(disk->pool);
        return error;
    }
    worker_call(&blkback_worker, join_share, disk);
    if (!disk->share) {
        blkback_mapper_end(&disk->mapper);
        free(disk->pool);
        return ENOMEM;
    }
    for (unsigned int i = 0; i < BLKBACK_DEPTH; i++) {
        disk->pool->requests[i].disk = disk;
        disk->pool->requests[i].index = i;
        TAILQ_INSERT_TAIL(&disk->free, &disk->pool->requests[i], link);
    }
    return 0;
}

static void ring_event(evtchn_port_t port, void *arg)
{
    struct blkback_disk *disk = arg;

    (void)port;
    worker_schedule(&blkback_worker, &disk->task);
}

int blkback_io_add_queue(struct blkback_disk *disk, const grant_ref_t *refs, unsigned int pages,
                         enum blkif_abi abi, evtchn_port_t remote_port)
{
    struct blkback_queue *queue = &disk->queues[disk->nr_queues];
    int error = gnttab_map(&queue->mapping, disk->domid, refs, pages, false);

    if (error)
        return xen_errno_to_c(error);
    error = evtchn_bind_interdomain(disk->domid, remote_port, &queue->port);
    if (!error) {
        error = evtchn_set_handler(queue->port, ring_event, disk);
        if (error)
            evtchn_close(queue->port);
    }
    if (error) {
        gnttab_unmap(&queue->mapping);
        return xen_errno_to_c(error);
    }
    blkif_ring_attach(&queue->ring, queue->mapping.addr, abi, pages);
    queue->ring.may_last = disk->mapper.keep == BLKBACK_KEEP_LASTING;
    queue->disk = disk;
    queue->number = disk->nr_queues++;
    return 0;
}

static void enter(void *arg)
{
    struct blkback_disk *disk = arg;

    LIST_INSERT_HEAD(&served_disks, disk, served);
    disk->entered = true;
}

void blkback_io_run(struct blkback_disk *disk)
{
    worker_call(&blkback_worker, enter, disk);
    for (unsigned int i = 0; i < disk->nr_queues; i++)
        evtchn_unmask(disk->queues[i].port);
    worker_schedule(&blkback_worker, &disk->task);
}

/* In the worker, so that it is not at work on the disk; the batches of grants are the worker's too. */
static void take_down(void *arg)
{
    struct blkback_disk *disk = arg;

    worker_cancel(&blkback_worker, &disk->task);
    leave_share(disk);
    blkback_mapper_end(&disk->mapper);
    if (disk->entered)
        LIST_REMOVE(disk, served);
    disk->entered = false;
}

struct visit {
    void (*fn)(const struct blkback_disk *disk, void *arg);
    void *arg;
};

static void visit_all(void *arg)
{
    const struct visit *visit = arg;
    const struct blkback_disk *disk;

    LIST_FOREACH(disk, &served_disks, served)
    visit->fn(disk, visit->arg);
}

void blkback_io_for_each(void (*fn)(const struct blkback_disk *disk, void *arg), void *arg)
{
    struct visit visit = { fn, arg };

    worker_call(&blkback_worker, visit_all, &visit);
}

void blkback_io_stop(struct blkback_disk *disk)
{
    bool masked = upcalls_disable();

    disk->stopping = true;
    upcalls_restore(masked);
    wait_event(&disk->quiet, !disk->under_way);
    for (unsigned int i = 0; i < disk->nr_queues; i++)
        evtchn_close(disk->queues[i].port);
    worker_call(&blkback_worker, take_down, disk);
    for (unsigned int i = 0; i < disk->nr_queues; i++)
        gnttab_unmap(&disk->queues[i].mapping);
    disk->nr_queues = 0;
    free(disk->pool);
}
