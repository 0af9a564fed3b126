/* SPDX-License-Identifier: MIT */
/* Several buffers in one call. A socket gets them as one message; other files one after the other. */
#include "pvguest/file.h"
#include "pvguest/lwip/bsd_socket.h"
#include <errno.h>
#include <lwip/sockets.h>
#include <stdbool.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t each(int fd, const struct iovec *parts, int count, bool out)
{
    ssize_t total = 0;

    if (count < 0 || count > IOV_MAX) {
        errno = EINVAL;
        return -1;
    }
    for (int i = 0; i < count; i++) {
        ssize_t done = out ? write(fd, parts[i].iov_base, parts[i].iov_len)
                           : read(fd, parts[i].iov_base, parts[i].iov_len);

        if (done < 0)
            return total ? total : -1;
        total += done;
        if ((size_t)done < parts[i].iov_len)
            break;
    }
    return total;
}

static ssize_t transfer(int fd, const struct iovec *parts, int count, bool out)
{
    struct file *file = file_get(fd);
    int socket = file ? lwip_socket_of(file) : -1;
    ssize_t result = -1;

    if (socket >= 0)
        result = out ? lwip_writev(socket, parts, count) : lwip_readv(socket, parts, count);
    else if (file)
        result = each(fd, parts, count, out);
    if (file)
        file_put(file);
    return result;
}

ssize_t readv(int fd, const struct iovec *parts, int count)
{
    return transfer(fd, parts, count, false);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return transfer(fd, parts, count, true);
}
