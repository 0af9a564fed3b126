/* SPDX-License-Identifier: MIT */
#ifndef PVGUEST_LWIP_SYS_UIO_H
#define PVGUEST_LWIP_SYS_UIO_H

#include <sys/types.h>

struct iovec {
    void *iov_base;
    size_t iov_len;
};
/* lwIP defines its own unless this is a macro. */
#define iovec iovec

#define IOV_MAX 1024

/* Stop at the first part that is not done in full, like read() and write(). */
ssize_t readv(int fd, const struct iovec *parts, int count);
ssize_t writev(int fd, const struct iovec *parts, int count);

#endif
