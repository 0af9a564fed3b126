/* SPDX-License-Identifier: MIT */
#include "pvguest/block_load.h"
#include "pvguest/cpu.h"
#include "pvguest/memory.h"
#include "pvguest/sync.h"
#include "pvguest/time.h"
#include <errno.h>
#include <stdlib.h>

#define MAX_BYTES (BLOCK_SEGMENTS * PAGE_SIZE)

struct run;

struct worker {
    struct block_request request;
    struct block_segment segments[BLOCK_SEGMENTS];
    struct run *run;
    char *buffer;
    bool submitting, again; /* upcalls masked */
};

struct run {
    struct block_device *device;
    const struct block_load *load;
    struct block_load_result *result;
    uint64_t blocks; /* of the device that are used */
    uint64_t begun, ended;
    uint32_t random;
    struct semaphore done;
    struct worker *workers;
};

/* Marsaglia's xorshift. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* What stands at the beginning of each sector: its place and the seed, so that nothing else looks like it. */
static uint64_t stamp(const struct run *run, uint64_t sector)
{
    return sector * 0x9e3779b97f4a7c15 ^ run->load->seed;
}

static void stamp_buffer(const struct worker *worker)
{
    for (uint32_t i = 0; i < worker->request.sectors; i++) {
        uint64_t *at = (uint64_t *)(worker->buffer + i * BLOCK_SECTOR);

        at[0] = at[BLOCK_SECTOR / sizeof(*at) - 1] = stamp(worker->run, worker->request.sector + i);
    }
}

static bool stamps_are_right(const struct worker *worker)
{
    for (uint32_t i = 0; i < worker->request.sectors; i++) {
        const uint64_t *at = (const uint64_t *)(worker->buffer + i * BLOCK_SECTOR);
        uint64_t expected = stamp(worker->run, worker->request.sector + i);

        if (at[0] != expected || at[BLOCK_SECTOR / sizeof(*at) - 1] != expected)
            return false;
    }
    return true;
}

static void submit_next(struct worker *worker)
{
    struct run *run = worker->run;
    const struct block_load *load = run->load;
    uint64_t n = run->begun++;
    uint64_t block = (load->random ? next_random(&run->random) : n) % run->blocks;

    worker->request.sector = block * (load->bytes / BLOCK_SECTOR);
    if (load->operation == BLOCK_WRITE)
        stamp_buffer(worker);
    block_submit(run->device, &worker->request);
}

/* Upcalls masked. A device that refuses ends a request before it is back from block_submit(): the next one is
 * not begun in there. */
static void begin(struct worker *worker)
{
    worker->submitting = true;
    do {
        worker->again = false;
        submit_next(worker);
    } while (worker->again);
    worker->submitting = false;
}

/* Event context or thread. */
static void ended(struct block_request *request, int error)
{
    struct worker *worker = request->arg;
    struct run *run = worker->run;
    bool masked = upcalls_disable();

    if (error)
        run->result->failed++;
    else if (run->load->check && request->operation == BLOCK_READ && !stamps_are_right(worker))
        run->result->different++;
    if (++run->ended == run->load->count) {
        semaphore_up(&run->done);
    } else if (run->begun < run->load->count && worker->submitting) {
        worker->again = true;
    } else if (run->begun < run->load->count) {
        begin(worker);
        block_commit(run->device);
    }
    upcalls_restore(masked);
}

static bool init_worker(struct run *run, struct worker *worker)
{
    uint32_t bytes = run->load->bytes;

    worker->run = run;
    worker->buffer = block_buffer_alloc(run->device, bytes);
    if (!worker->buffer)
        return false;
    worker->request = (struct block_request){ .operation = run->load->operation,
                                              .sectors = bytes / BLOCK_SECTOR,
                                              .segments = worker->segments,
                                              .done = ended,
                                              .arg = worker };
    for (uint32_t at = 0; at < bytes; at += PAGE_SIZE)
        worker->segments[worker->request.nr_segments++] =
            block_segment(worker->buffer + at, bytes < PAGE_SIZE ? bytes : PAGE_SIZE);
    return true;
}

static void run_load(struct run *run)
{
    uint64_t start = time_ns(), ticks = rdtsc();
    bool masked = upcalls_disable();

    for (unsigned int i = 0; i < run->load->depth && run->begun < run->load->count; i++)
        begin(&run->workers[i]);
    block_commit(run->device);
    upcalls_restore(masked);
    semaphore_down(&run->done);
    run->result->ticks = rdtsc() - ticks;
    run->result->ns = time_ns() - start;
}

int block_load_run(struct block_device *device, const struct block_load *load,
                   struct block_load_result *result)
{
    struct run run = { .device = device, .load = load, .result = result, .random = load->seed | 1 };
    bool ok = true;

    *result = (struct block_load_result){ 0 };
    if (load->bytes < device->sector_size || load->bytes > MAX_BYTES || load->bytes & (load->bytes - 1) ||
        !load->depth || !load->count)
        return EINVAL;
    run.blocks = device->sectors / (load->bytes / BLOCK_SECTOR);
    if (!run.blocks)
        return EINVAL;
    run.workers = calloc(load->depth, sizeof(*run.workers));
    semaphore_init(&run.done, 0);
    for (unsigned int i = 0; run.workers && ok && i < load->depth; i++)
        ok = init_worker(&run, &run.workers[i]);
    if (run.workers && ok)
        run_load(&run);
    for (unsigned int i = 0; run.workers && i < load->depth; i++)
        if (run.workers[i].buffer)
            block_buffer_free(device, run.workers[i].buffer, load->bytes);
    free(run.workers);
    return run.workers && ok ? 0 : ENOMEM;
}
