/* SPDX-License-Identifier: MIT */
/*
 * A guest with a virtual disk. Arguments, in the order in which they are done:
 *     wait               wait for the disk to come, if it is not there yet (a minute)
 *     OPERATION:BYTES:DEPTH:COUNT   read, write, randread, randwrite: load, and how long it took
 *     verify:BYTES:DEPTH:COUNT      write all in sequence, flush, read it back at random places, compare
 *     discard            discard the first MiB
 *     forever:BYTES:DEPTH           verify again and again
 *     size               say the size, and again whenever it changes, ten seconds long
 */
#include "pvguest/block_load.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "split_drivers/blkfront.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE   (60 * NSEC_PER_SEC)
#define MEBIBYTE (1U << 20)

struct task {
    const char *name;
    int (*run)(struct block_device *device, const struct block_load *load);
    struct block_load load;
};

static int report(const char *what, const struct block_load *load, const struct block_load_result *result)
{
    printf("disk: %s bytes %u depth %u count %lu: %lu ns, %lu ticks, %lu failed, %lu different\n", what,
           (unsigned)load->bytes, load->depth, (unsigned long)load->count, (unsigned long)result->ns,
           (unsigned long)result->ticks, (unsigned long)result->failed, (unsigned long)result->different);
    return result->failed || result->different;
}

static int run(struct block_device *device, const struct block_load *load)
{
    struct block_load_result result;
    const char *what = load->operation == BLOCK_READ ? load->random ? "randread" : "read"
                       : load->random                ? "randwrite"
                                                     : "write";
    int error = block_load_run(device, load, &result);

    if (error)
        printf("disk: %s: %s\n", what, strerror(error));
    return error ? 1 : report(what, load, &result);
}

static int flush(struct block_device *device)
{
    struct blockdev dev;

    block_as_blockdev(device, &dev);
    return dev.ops->flush(&dev);
}

static int verify(struct block_device *device, const struct block_load *load)
{
    struct block_load all = *load;

    all.operation = BLOCK_WRITE;
    all.random = false;
    all.count = device->sectors / (load->bytes / BLOCK_SECTOR);
    if (run(device, &all) || flush(device))
        return 1;
    all.operation = BLOCK_READ;
    all.random = all.check = true;
    all.count = load->count;
    return run(device, &all);
}

static int forever(struct block_device *device, const struct block_load *load)
{
    struct block_load again = *load;

    again.count = device->sectors / (load->bytes / BLOCK_SECTOR);
    for (again.seed = 1;; again.seed++)
        if (verify(device, &again))
            return 1;
}

static int discard(struct block_device *device, const struct block_load *load)
{
    struct blockdev dev;
    int error;

    (void)load;
    block_as_blockdev(device, &dev);
    error = dev.ops->discard(&dev, 0, MEBIBYTE / dev.sector_size);
    printf("disk: discard: %s\n", error ? strerror(-error) : "done");
    return error;
}

static int size(struct block_device *device, const struct block_load *load)
{
    uint64_t end = time_ns() + 10 * NSEC_PER_SEC, said = 0;

    (void)load;
    while (time_ns() < end) {
        if (device->sectors != said)
            printf("disk: %lu sectors\n", (unsigned long)device->sectors);
        said = device->sectors;
        thread_sleep(10 * NSEC_PER_MSEC);
    }
    return 0;
}

static const struct task tasks[] = {
    { "read", run, { .operation = BLOCK_READ } },
    { "write", run, { .operation = BLOCK_WRITE } },
    { "randread", run, { .operation = BLOCK_READ, .random = true } },
    { "randwrite", run, { .operation = BLOCK_WRITE, .random = true } },
    { "verify", verify, { .operation = BLOCK_WRITE } },
    { "forever", forever, { .operation = BLOCK_WRITE } },
    { "discard", discard, { .bytes = 0 } },
    { "size", size, { .bytes = 0 } },
};

static int do_task(struct block_device *device, const char *text)
{
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
        struct block_load load = tasks[i].load;
        size_t length = strlen(tasks[i].name);
        unsigned int bytes = 4096, depth = 1;
        unsigned long count = 1;

        if (strncmp(text, tasks[i].name, length) || (text[length] && text[length] != ':'))
            continue;
        sscanf(text + length, ":%u:%u:%lu", &bytes, &depth, &count);
        load.bytes = bytes;
        load.depth = depth;
        load.count = count;
        load.seed = 1;
        return tasks[i].run(device, &load);
    }
    printf("disk: what is '%s'?\n", text);
    return 1;
}

static int open_disk(bool wait, struct block_device **device)
{
    uint64_t end = time_ns() + MINUTE;
    int error = blkfront_open(NULL, end, device);

    while (error && wait && time_ns() < end) {
        thread_sleep(20 * NSEC_PER_MSEC);
        error = blkfront_open(NULL, end, device);
    }
    return error;
}

int main(int argc, char **argv)
{
    bool wait = argc > 1 && !strcmp(argv[1], "wait");
    struct block_device *device;
    int error = open_disk(wait, &device);

    if (error) {
        printf("disk: %s\n", strerror(error));
        return 1;
    }
    printf("disk: %s, %lu sectors of %u bytes, %s\n", device->name,
           (unsigned long)(device->sectors / (device->sector_size / BLOCK_SECTOR)),
           (unsigned)device->sector_size, device->read_only ? "read-only" : "writable");
    for (int i = wait ? 2 : 1; i < argc; i++)
        error |= do_task(device, argv[i]);
    blkfront_close(device);
    printf("disk: %s\n", error ? "FAILED" : "ok");
    return 0;
}
