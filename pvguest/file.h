/* SPDX-License-Identifier: MIT */
/*
 * File descriptors: small numbers for open objects, each with its operations. The C library's read(),
 * write(), close() ... end here. Operations return a result >= 0 or a negated errno of the C library
 * (<errno.h>), and run in the calling thread.
 */
#ifndef PVGUEST_FILE_H
#define PVGUEST_FILE_H

#include <stddef.h>
#include <sys/types.h>

struct stat;
struct file;

#define FILE_MAX 1024 /* descriptors */

/*
 * A member that is NULL makes the call fail with the errno that POSIX has for it. Streams have read and
 * write; what has positions has pread and pwrite instead, and file.c keeps the offset.
 */
struct file_ops {
    ssize_t (*read)(struct file *file, void *buf, size_t length);
    ssize_t (*write)(struct file *file, const void *buf, size_t length);
    ssize_t (*pread)(struct file *file, void *buf, size_t length, off_t offset);
    ssize_t (*pwrite)(struct file *file, const void *buf, size_t length, off_t offset);
    int (*fstat)(struct file *file, struct stat *st); /* *st is zeroed */
    int (*truncate)(struct file *file, off_t length);
    /* As file_punch(). */
    int (*punch)(struct file *file, off_t offset, off_t length);
    int (*sync)(struct file *file); /* NULL: nothing to do */
    /* ioctl() with an argument by pointer; -ENOTTY for requests that mean nothing here. FIONBIO also comes
     * from fcntl(). */
    int (*control)(struct file *file, unsigned long request, void *arg);
    int (*close)(struct file *file); /* last use; frees what `object` stands for */
};

struct fs_mount;

struct file {
    const struct file_ops *ops;
    void *object; /* the operations' own */
    off_t offset;
    int flags; /* O_* of open() */
    unsigned int references;
    int is_terminal;
    struct fs_mount *mount; /* kept while the file is open; NULL for what has no path */
};

/* Makes a descriptor, the lowest that is free, for an object. Returns it, or -EMFILE or -ENOMEM. */
int file_open(const struct file_ops *ops, void *object);

/* The same for an open file that the caller has made with calloc(); on an error it stays the caller's. */
int file_install(struct file *file);

/* Closes a file without a descriptor, that is, after file_install() has failed. */
void file_discard(struct file *file);

/* The open file of a descriptor, kept until file_put(); NULL and errno = EBADF. file_put() returns what
 * closing said, if this was the last use. */
struct file *file_get(int fd);
int file_put(struct file *file);

/*
 * Gives back the blocks of a file that lie wholly in the range; they read as zeroes from then on, and the
 * file keeps its length. 0 or -1 and errno: EOPNOTSUPP where a file system cannot do it, also for a length of
 * 0, which is a way to ask.
 */
int file_punch(int fd, off_t offset, off_t length);

/* The console as descriptors 0, 1 and 2. */
void file_init(void);

#endif
