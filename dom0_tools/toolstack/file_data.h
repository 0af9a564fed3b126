/* SPDX-License-Identifier: MIT */
/* A whole file in memory. */
#ifndef DOM0_TOOLSTACK_FILE_DATA_H
#define DOM0_TOOLSTACK_FILE_DATA_H

#include <stdbool.h>
#include <stddef.h>

struct file_data {
    void *data; /* NULL: nothing read */
    size_t size;
};

/* Reads it. False with errno, and nothing to free. */
bool file_data_read(struct file_data *file, const char *path);
void file_data_free(struct file_data *file);

#endif
