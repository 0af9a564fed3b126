/* SPDX-License-Identifier: MIT */
#include "pvguest/file.h"
#include "pvguest/fs.h"
#include "pvguest/sync.h"
#include "pvguest/terminal.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TRANSFER ((size_t)INT_MAX) /* newlib's read() and write() return int */

static struct mutex lock = MUTEX_INITIALIZER(lock);
static struct file *files[FILE_MAX];

/* A result of the operations' convention as the C library wants it. */
static long c_result(long result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

/* The lowest descriptor that is free, from fd on. */
static int install(struct file *file, int fd)
{
    if (fd < 0)
        return -EINVAL;
    while (fd < FILE_MAX && files[fd])
        fd++;
    if (fd >= FILE_MAX)
        return -EMFILE;
    files[fd] = file;
    file->references++;
    return fd;
}

int file_install(struct file *file)
{
    int fd;

    mutex_lock(&lock);
    fd = install(file, 0);
    mutex_unlock(&lock);
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
    file->flags = O_RDWR;
    fd = file_install(file);
    if (fd < 0)
        free(file);
    return fd;
}

struct file *file_get(int fd)
{
    struct file *file = NULL;

    mutex_lock(&lock);
    if (fd >= 0 && fd < FILE_MAX && files[fd]) {
        file = files[fd];
        file->references++;
    }
    mutex_unlock(&lock);
    if (!file)
        errno = EBADF;
    return file;
}

/* The end of an open file. */
static int file_end(struct file *file)
{
    int error = file->ops->close ? file->ops->close(file) : 0;

    if (file->mount)
        fs_put(file->mount);
    free(file);
    return error;
}

void file_discard(struct file *file)
{
    file_end(file);
}

int file_put(struct file *file)
{
    bool last;

    mutex_lock(&lock);
    last = --file->references == 0;
    mutex_unlock(&lock);
    return last ? file_end(file) : 0;
}

static int file_stat(struct file *file, struct stat *st)
{
    memset(st, 0, sizeof(*st));
    return file->ops->fstat ? file->ops->fstat(file, st) : 0;
}

static bool may_read(const struct file *file)
{
    return (file->flags & O_ACCMODE) != O_WRONLY;
}

static bool may_write(const struct file *file)
{
    return (file->flags & O_ACCMODE) != O_RDONLY;
}

static size_t clamp(size_t length)
{
    return length < MAX_TRANSFER ? length : MAX_TRANSFER;
}

static ssize_t file_read(struct file *file, void *buf, size_t length)
{
    ssize_t result;

    if (!may_read(file))
        return -EBADF;
    if (file->ops->read)
        return file->ops->read(file, buf, length);
    if (!file->ops->pread)
        return -EBADF;
    result = file->ops->pread(file, buf, length, file->offset);
    if (result > 0)
        file->offset += result;
    return result;
}

static ssize_t file_write(struct file *file, const void *buf, size_t length)
{
    struct stat st;
    ssize_t result;

    if (!may_write(file))
        return -EBADF;
    if (file->ops->write)
        return file->ops->write(file, buf, length);
    if (!file->ops->pwrite)
        return -EBADF;
    if (file->flags & O_APPEND) {
        result = file_stat(file, &st);
        if (result)
            return result;
        file->offset = st.st_size;
    }
    result = file->ops->pwrite(file, buf, length, file->offset);
    if (result > 0)
        file->offset += result;
    return result;
}

_READ_WRITE_RETURN_TYPE read(int fd, void *buf, size_t length)
{
    struct file *file = file_get(fd);
    ssize_t result;

    if (!file)
        return -1;
    result = file_read(file, buf, clamp(length));
    file_put(file);
    return (_READ_WRITE_RETURN_TYPE)c_result(result);
}

_READ_WRITE_RETURN_TYPE write(int fd, const void *buf, size_t length)
{
    struct file *file = file_get(fd);
    ssize_t result;

    if (!file)
        return -1;
    result = file_write(file, buf, clamp(length));
    file_put(file);
    return (_READ_WRITE_RETURN_TYPE)c_result(result);
}

ssize_t pread(int fd, void *buf, size_t length, off_t offset)
{
    struct file *file = file_get(fd);
    ssize_t result = -ESPIPE;

    if (!file)
        return -1;
    if (!may_read(file))
        result = -EBADF;
    else if (offset < 0)
        result = -EINVAL;
    else if (file->ops->pread)
        result = file->ops->pread(file, buf, clamp(length), offset);
    file_put(file);
    return c_result(result);
}

ssize_t pwrite(int fd, const void *buf, size_t length, off_t offset)
{
    struct file *file = file_get(fd);
    ssize_t result = -ESPIPE;

    if (!file)
        return -1;
    if (!may_write(file))
        result = -EBADF;
    else if (offset < 0)
        result = -EINVAL;
    else if (file->ops->pwrite)
        result = file->ops->pwrite(file, buf, clamp(length), offset);
    file_put(file);
    return c_result(result);
}

static off_t file_seek(struct file *file, off_t offset, int whence)
{
    off_t base = 0;
    struct stat st;

    if (!file->ops->pread && !file->ops->pwrite)
        return -ESPIPE;
    if (whence == SEEK_CUR) {
        base = file->offset;
    } else if (whence == SEEK_END) {
        int error = file_stat(file, &st);

        if (error)
            return error;
        base = st.st_size;
    } else if (whence != SEEK_SET) {
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, offset, &base))
        return -EOVERFLOW;
    if (base < 0)
        return -EINVAL;
    file->offset = base;
    return base;
}

off_t lseek(int fd, off_t offset, int whence)
{
    struct file *file = file_get(fd);
    off_t result;

    if (!file)
        return -1;
    result = file_seek(file, offset, whence);
    file_put(file);
    return c_result(result);
}

int fstat(int fd, struct stat *st)
{
    struct file *file = file_get(fd);
    int result;

    if (!file)
        return -1;
    result = file_stat(file, st);
    file_put(file);
    return (int)c_result(result);
}

int ftruncate(int fd, off_t length)
{
    struct file *file = file_get(fd);
    int result;

    if (!file)
        return -1;
    result =
        !may_write(file) || !file->ops->truncate || length < 0 ? -EINVAL : file->ops->truncate(file, length);
    file_put(file);
    return (int)c_result(result);
}

static int punch(struct file *file, off_t offset, off_t length)
{
    if (!may_write(file) || offset < 0 || length < 0)
        return -EINVAL;
    return file->ops->punch ? file->ops->punch(file, offset, length) : -EOPNOTSUPP;
}

int file_punch(int fd, off_t offset, off_t length)
{
    struct file *file = file_get(fd);
    int result;

    if (!file)
        return -1;
    result = punch(file, offset, length);
    file_put(file);
    return (int)c_result(result);
}

int fsync(int fd)
{
    struct file *file = file_get(fd);
    int result;

    if (!file)
        return -1;
    result = file->ops->sync ? file->ops->sync(file) : 0;
    file_put(file);
    return (int)c_result(result);
}

int fdatasync(int fd)
{
    return fsync(fd);
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
    if (fd >= 0 && fd < FILE_MAX) {
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
    copy = install(file, 0);
    mutex_unlock(&lock);
    file_put(file);
    return (int)c_result(copy);
}

int dup2(int fd, int copy)
{
    struct file *file = file_get(fd), *old;

    if (!file)
        return -1;
    if (copy < 0 || copy >= FILE_MAX || copy == fd) {
        file_put(file);
        return copy == fd ? copy : (int)c_result(-EBADF);
    }
    mutex_lock(&lock);
    old = files[copy];
    files[copy] = file; /* with the reference that file_get() took */
    mutex_unlock(&lock);
    if (old)
        file_put(old);
    return copy;
}

static int file_ioctl(struct file *file, unsigned long request, void *arg)
{
    return file->ops->control ? file->ops->control(file, request, arg) : -ENOTTY;
}

int ioctl(int fd, unsigned long request, ...)
{
    struct file *file = file_get(fd);
    va_list args;
    int result;

    if (!file)
        return -1;
    va_start(args, request);
    result = file_ioctl(file, request, va_arg(args, void *));
    va_end(args);
    file_put(file);
    return (int)c_result(result);
}

static int set_flags(struct file *file, int flags)
{
    int nonblocking = (flags & O_NONBLOCK) != 0;
    int error = file->ops->control ? file->ops->control(file, FIONBIO, &nonblocking) : 0;

    if (!error || error == -ENOTTY)
        file->flags = (file->flags & ~(O_APPEND | O_NONBLOCK)) | (flags & (O_APPEND | O_NONBLOCK));
    return error == -ENOTTY ? 0 : error;
}

/* A guest is one process, so its record locks never meet another's, and nothing is inherited. */
static int control(struct file *file, int cmd, va_list args)
{
    int fd;

    switch (cmd) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        mutex_lock(&lock);
        fd = install(file, va_arg(args, int));
        mutex_unlock(&lock);
        return fd;
    case F_GETFD:
    case F_SETFD:
    case F_SETLK:
    case F_SETLKW:
        return 0;
    case F_GETLK:
        va_arg(args, struct flock *)->l_type = F_UNLCK;
        return 0;
    case F_GETFL:
        return file->flags;
    case F_SETFL:
        return set_flags(file, va_arg(args, int));
    default:
        return -EINVAL;
    }
}

int fcntl(int fd, int cmd, ...)
{
    struct file *file = file_get(fd);
    va_list args;
    int result;

    if (!file)
        return -1;
    va_start(args, cmd);
    result = control(file, cmd, args);
    va_end(args);
    file_put(file);
    return (int)c_result(result);
}

void file_init(void)
{
    static struct file console = {
        .ops = &terminal_file_ops, .flags = O_RDWR, .references = 1, .is_terminal = 1
    };

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        install(&console, 0);
}
