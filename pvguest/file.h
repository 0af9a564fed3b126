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

/* A member that is NULL makes the call fail with the errno that POSIX has for it. */
struct file_ops {
    ssize_t (*read)(struct file *file, void *buf, size_t length);
    ssize_t (*write)(struct file *file, const void *buf, size_t length);
    off_t (*lseek)(struct file *file, off_t offset, int whence);
    int (*fstat)(struct file *file, struct stat *st);
    int (*close)(struct file *file); /* last use; frees what `object` stands for */
};

struct file {
    const struct file_ops *ops;
    void *object; /* the operations' own */
    off_t offset;
    unsigned int references;
    int is_terminal;
};

/* Makes a descriptor, the lowest that is free, for an object. Returns it, or -EMFILE or -ENOMEM. */
int file_open(const struct file_ops *ops, void *object);

/* The console as descriptors 0, 1 and 2. */
void file_init(void);

#endif
