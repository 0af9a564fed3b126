/* SPDX-License-Identifier: MIT */
#include "pvguest/file_disk.h"
#include "pvguest/cpu.h"
#include "pvguest/file.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Sectors that one discard gives back, so that others of the file do not wait for long. */
#define DISCARD_MAX (1U << 20)

struct file_disk {
    struct block_device block; /* first: one is found by the other */
    int fd;
    struct block_queue queue; /* upcalls masked */
    struct semaphore queued;
    bool closing;
    struct thread *thread;
};

static void submit(struct block_device *block, struct block_request *request)
{
    struct file_disk *disk = (struct file_disk *)block;
    bool masked = upcalls_disable();

    TAILQ_INSERT_TAIL(&disk->queue, request, link);
    semaphore_up(&disk->queued);
    upcalls_restore(masked);
}

static void commit(struct block_device *block)
{
    (void)block;
}

static const struct block_ops ops = { .submit = submit, .commit = commit };

/* Bytes of the segments from the first on that lie behind each other; *next: the first that does not. */
static size_t run_length(const struct block_request *request, unsigned first, unsigned *next)
{
    const struct block_segment *segments = request->segments;
    size_t length = segments[first].length;

    for (*next = first + 1; *next < request->nr_segments; ++*next) {
        if (segments[*next].virt != (char *)segments[first].virt + length)
            break;
        length += segments[*next].length;
    }
    return length;
}

/* Returns an errno. The image keeps its size: what was written short is an error. */
static int transfer(const struct file_disk *disk, const struct block_request *request)
{
    off_t offset = (off_t)(request->absolute * BLOCK_SECTOR);

    for (unsigned i = 0, next; i < request->nr_segments; i = next) {
        size_t length = run_length(request, i, &next);
        void *virt = request->segments[i].virt;
        ssize_t done = request->operation == BLOCK_READ ? pread(disk->fd, virt, length, offset)
                                                        : pwrite(disk->fd, virt, length, offset);

        if (done < 0)
            return errno;
        if ((size_t)done != length)
            return EIO;
        offset += (off_t)length;
    }
    return 0;
}

static int perform(const struct file_disk *disk, const struct block_request *request)
{
    if (request->operation == BLOCK_FLUSH)
        return fsync(disk->fd) == 0 ? 0 : errno;
    if (request->operation == BLOCK_DISCARD)
        return file_punch(disk->fd, (off_t)(request->absolute * BLOCK_SECTOR),
                          (off_t)request->sectors * BLOCK_SECTOR) == 0
                   ? 0
                   : errno;
    return transfer(disk, request);
}

static void work(void *arg)
{
    struct file_disk *disk = arg;

    for (;;) {
        struct block_request *request;
        bool masked;

        semaphore_down(&disk->queued);
        masked = upcalls_disable();
        request = TAILQ_FIRST(&disk->queue);
        if (request != NULL)
            TAILQ_REMOVE(&disk->queue, request, link);
        upcalls_restore(masked);
        if (request != NULL)
            request->done(request, perform(disk, request));
        else if (disk->closing)
            return;
    }
}

static int open_image(struct file_disk *disk, const char *path, bool write)
{
    struct stat st;

    disk->fd = open(path, write ? O_RDWR : O_RDONLY);
    if (disk->fd < 0)
        return errno;
    if (fstat(disk->fd, &st) != 0)
        return errno;
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)BLOCK_SECTOR)
        return EINVAL;
    disk->block.sectors = (uint64_t)st.st_size / BLOCK_SECTOR;
    disk->block.can_discard = write && file_punch(disk->fd, 0, 0) == 0;
    disk->block.discard_granularity = st.st_blksize > 0 ? (uint32_t)st.st_blksize / BLOCK_SECTOR : 1;
    disk->block.discard_max = DISCARD_MAX;
    return 0;
}

static int start(struct file_disk *disk, const char *path, bool write)
{
    int error = open_image(disk, path, write);

    if (error != 0)
        return error;
    TAILQ_INIT(&disk->queue);
    semaphore_init(&disk->queued, 0);
    block_init(&disk->block);
    disk->thread = thread_create("file-disk", work, disk, 2 * THREAD_STACK_DEFAULT);
    return disk->thread == NULL ? ENOMEM : 0;
}

struct block_device *file_disk_open(const char *path, bool write, int *error)
{
    struct file_disk *disk = calloc(1, sizeof(*disk));

    *error = ENOMEM;
    if (disk == NULL)
        return NULL;
    disk->fd = -1;
    disk->block = (struct block_device){
        .model = "file",
        .sector_size = BLOCK_SECTOR,
        .read_only = !write,
        .can_flush = true,
        .ops = &ops,
    };
    snprintf(disk->block.name, sizeof(disk->block.name), "%s", path);
    *error = start(disk, path, write);
    if (*error == 0)
        return &disk->block;
    if (disk->fd >= 0)
        close(disk->fd);
    free(disk);
    return NULL;
}

void file_disk_close(struct block_device *device)
{
    struct file_disk *disk = (struct file_disk *)device;

    disk->closing = true;
    semaphore_up(&disk->queued);
    thread_join(disk->thread);
    close(disk->fd);
    free(disk);
}

bool file_disk_is(const struct block_device *device)
{
    return device->ops == &ops;
}
