/* SPDX-License-Identifier: MIT */
/*
 * BSD sockets under their usual names, as descriptors of the C library: read(), write(), close(), fcntl() and
 * poll() take them. Types and constants are lwIP's. The first socket starts lwIP; a network card is the
 * frontend's business (split_drivers/netfront.h).
 */
#ifndef PVGUEST_LWIP_SYS_SOCKET_H
#define PVGUEST_LWIP_SYS_SOCKET_H

#include <fcntl.h>
#include <lwip/sockets.h>

#define SOMAXCONN 128

int socket(int domain, int type, int protocol);
int accept(int fd, struct sockaddr *address, socklen_t *length);
int bind(int fd, const struct sockaddr *address, socklen_t length);
int connect(int fd, const struct sockaddr *address, socklen_t length);
int listen(int fd, int backlog);
int shutdown(int fd, int how);
int getpeername(int fd, struct sockaddr *address, socklen_t *length);
int getsockname(int fd, struct sockaddr *address, socklen_t *length);
int getsockopt(int fd, int level, int option, void *value, socklen_t *length);
int setsockopt(int fd, int level, int option, const void *value, socklen_t length);
ssize_t recv(int fd, void *buf, size_t length, int flags);
ssize_t recvfrom(int fd, void *buf, size_t length, int flags, struct sockaddr *from, socklen_t *from_length);
ssize_t recvmsg(int fd, struct msghdr *message, int flags);
ssize_t send(int fd, const void *buf, size_t length, int flags);
ssize_t sendto(int fd, const void *buf, size_t length, int flags, const struct sockaddr *to,
               socklen_t to_length);
ssize_t sendmsg(int fd, const struct msghdr *message, int flags);

#endif
