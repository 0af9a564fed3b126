/* SPDX-License-Identifier: MIT */
#include "dom0_tools/toolstack/file_data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads up to size bytes, fewer only at the end of the file. -1 with errno. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
    size_t done = 0;
    ssize_t got;

    while (done < size && (got = read(fd, buf + done, size - done)) != 0) {
        if (got < 0)
            return -1;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static bool read_open(struct file_data *file, int fd)
{
    struct stat st;
    ssize_t got;

    if (fstat(fd, &st) != 0)
        return false;
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return false;
    }
    file->data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
    got = file->data != NULL ? read_all(fd, file->data, (size_t)st.st_size) : -1;
    if (got < 0) {
        file_data_free(file);
        return false;
    }
    file->size = (size_t)got;
    return true;
}

bool file_data_read(struct file_data *file, const char *path)
{
    int fd = open(path, O_RDONLY);
    bool ok;
    int error;

    *file = (struct file_data){ 0 };
    if (fd < 0)
        return false;
    ok = read_open(file, fd);
    error = errno;
    close(fd);
    errno = error;
    return ok;
}

void file_data_free(struct file_data *file)
{
    free(file->data);
    *file = (struct file_data){ 0 };
}
