/* SPDX-License-Identifier: MIT */
/* Between bsd_socket.c and poll.c. */
#ifndef PVGUEST_LWIP_BSD_SOCKET_H
#define PVGUEST_LWIP_BSD_SOCKET_H

struct file;

/* lwIP's number of the socket behind an open file, or -1 if it is none. */
int lwip_socket_of(const struct file *file);

#endif
