/* SPDX-License-Identifier: MIT */
#include "pvguest/file.h"
#include "pvguest/console.h"
#include "pvguest/sync.h"
#include "pvguest/time.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILES    1024
#define MAX_TRANSFER ((size_t)INT_MAX) /* newlib's read() and write() return int */

static struct mutex lock = MUTEX_INITIALIZER(lock);
static struct file *files[MAX_FILES];

/* A result of the operations' convention as the C library wants it. */
static long c_result(long result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

static int install(struct file *file)
{
    int fd = 0;

    while (fd < MAX_FILES && files[fd])
        fd++;
    if (fd == MAX_FILES)
        return -EMFILE;
    files[fd] = file;
    file->references++;
    return fd;
}

int file_open(const struct file_ops *ops, void *object)
{
    struct file *file = calloc(1, sizeof(*file));
    int fd;

    if (!file)
        return -ENOMEM;
    file->ops = ops;
    file->object = object;
    mutex_lock(&lock);
    fd = install(file);
    mutex_unlock(&lock);
    if (fd < 0)
        free(file);
    return fd;
}

/* The open file of a descriptor, kept alive until file_put(); NULL and errno EBADF. */
static struct file *file_get(int fd)
{
    struct file *file = NULL;

    mutex_lock(&lock);
    if (fd >= 0 && fd < MAX_FILES && files[fd]) {
        file = files[fd];
        file->references++;
    }
    mutex_unlock(&lock);
    if (!file)
        errno = EBADF;
    return file;
}

static int file_put(struct file *file)
{
    bool last;
    int error = 0;

    mutex_lock(&lock);
    last = --file->references == 0;
    mutex_unlock(&lock);
    if (!last)
        return 0;
    if (file->ops->close)
        error = file->ops->close(file);
    free(file);
    return error;
}

_READ_WRITE_RETURN_TYPE read(int fd, void *buf, size_t length)
{
    struct file *file = file_get(fd);
    ssize_t result;

    if (!file)
        return -1;
    if (length > MAX_TRANSFER)
        length = MAX_TRANSFER;
    result = file->ops->read ? file->ops->read(file, buf, length) : -EBADF;
    file_put(file);
    return (_READ_WRITE_RETURN_TYPE)c_result(result);
}

_READ_WRITE_RETURN_TYPE write(int fd, const void *buf, size_t length)
{
    struct file *file = file_get(fd);
    ssize_t result;

    if (!file)
        return -1;
    if (length > MAX_TRANSFER)
        length = MAX_TRANSFER;
    result = file->ops->write ? file->ops->write(file, buf, length) : -EBADF;
    file_put(file);
    return (_READ_WRITE_RETURN_TYPE)c_result(result);
}

off_t lseek(int fd, off_t offset, int whence)
{
    struct file *file = file_get(fd);
    off_t result;

    if (!file)
        return -1;
    result = file->ops->lseek ? file->ops->lseek(file, offset, whence) : -ESPIPE;
    file_put(file);
    return c_result(result);
}

int fstat(int fd, struct stat *st)
{
    struct file *file = file_get(fd);
    int result;

    if (!file)
        return -1;
    memset(st, 0, sizeof(*st));
    result = file->ops->fstat ? file->ops->fstat(file, st) : 0;
    file_put(file);
    return (int)c_result(result);
}

int isatty(int fd)
{
    struct file *file = file_get(fd);
    int is_terminal;

    if (!file)
        return 0;
    is_terminal = file->is_terminal;
    file_put(file);
    if (!is_terminal)
        errno = ENOTTY;
    return is_terminal;
}

int close(int fd)
{
    struct file *file = NULL;

    mutex_lock(&lock);
    if (fd >= 0 && fd < MAX_FILES) {
        file = files[fd];
        files[fd] = NULL;
    }
    mutex_unlock(&lock);
    return (int)c_result(file ? file_put(file) : -EBADF);
}

int dup(int fd)
{
    struct file *file = file_get(fd);
    int copy;

    if (!file)
        return -1;
    mutex_lock(&lock);
    copy = install(file);
    mutex_unlock(&lock);
    file_put(file);
    return (int)c_result(copy);
}

static ssize_t console_file_read(struct file *file, void *buf, size_t length)
{
    (void)file;
    return (ssize_t)console_read(buf, length, TIME_NEVER);
}

static ssize_t console_file_write(struct file *file, const void *buf, size_t length)
{
    (void)file;
    console_write(buf, length);
    return (ssize_t)length;
}

static int console_file_fstat(struct file *file, struct stat *st)
{
    (void)file;
    st->st_mode = S_IFCHR | 0600;
    st->st_blksize = 1024;
    return 0;
}

static const struct file_ops console_file_ops = {
    .read = console_file_read,
    .write = console_file_write,
    .fstat = console_file_fstat,
};

void file_init(void)
{
    static struct file console = { .ops = &console_file_ops, .references = 1, .is_terminal = 1 };

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        install(&console);
}
