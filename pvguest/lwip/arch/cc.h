/* SPDX-License-Identifier: MIT */
/*
 * lwIP's compiler and C-library port, for newlib on x86-64.
 */
#ifndef PVGUEST_LWIP_ARCH_CC_H
#define PVGUEST_LWIP_ARCH_CC_H

#include "../port.h"
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

/* newlib has ssize_t but no SSIZE_MAX, by which lwIP decides whether to define its own. */
#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif

/* Debian's patches to sockets.c use these, and define them only in the Unix port. */
#define IP4ADDR_SOCKADDR_SET_LEN(sin)   ((sin)->sin_len = sizeof(struct sockaddr_in))
#define IP6ADDR_SOCKADDR_SET_LEN(sin6)  ((sin6)->sin6_len = sizeof(struct sockaddr_in6))
#define IPADDR_SOCKADDR_GET_LEN(ipaddr) ((ipaddr)->sa.sa_len)

#define LWIP_ERRNO_STDINCLUDE 1
#define LWIP_TIMEVAL_PRIVATE  0
#define LWIP_RAND()           lwip_port_random()

#define LWIP_PLATFORM_DIAG(x) \
    do {                      \
        printf x;             \
    } while (0)
#define LWIP_PLATFORM_ASSERT(x)                              \
    do {                                                     \
        printf("lwIP: %s (%s:%d)\n", x, __FILE__, __LINE__); \
        abort();                                             \
    } while (0)

#endif
