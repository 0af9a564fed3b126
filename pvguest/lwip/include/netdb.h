/* SPDX-License-Identifier: MIT */
/* Names and addresses, by lwIP's DNS client; there are no files of hosts and services. */
#ifndef PVGUEST_LWIP_NETDB_H
#define PVGUEST_LWIP_NETDB_H

#include <sys/socket.h>
#include <lwip/netdb.h>

#define NI_NUMERICHOST 1
#define NI_NUMERICSERV 2
#define NI_MAXHOST     64
#define NI_MAXSERV     8

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result);
void freeaddrinfo(struct addrinfo *list);
const char *gai_strerror(int error);
/* Numbers always; EAI_FAMILY, or EAI_MEMORY when the text does not fit. */
int getnameinfo(const struct sockaddr *address, socklen_t length, char *host, socklen_t host_size,
                char *service, socklen_t service_size, int flags);
struct hostent *gethostbyname(const char *name);

#endif
