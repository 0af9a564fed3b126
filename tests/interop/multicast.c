/* SPDX-License-Identifier: MIT */
/*
 * usage: multicast GROUP PORT INTERFACE
 *
 * Sends a small UDP datagram to the group, an IPv4 or IPv6 address, by that interface, a hundred times a
 * second for ever.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PERIOD 10000 /* us */

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

int main(int argc, char **argv)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM };
    struct addrinfo *to;
    int fd;

    if (argc != 4 || getaddrinfo(argv[1], argv[2], &hints, &to)) {
        fprintf(stderr, "usage: multicast GROUP PORT INTERFACE\n");
        return 1;
    }
    fd = socket(to->ai_family, SOCK_DGRAM, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, argv[3], (socklen_t)strlen(argv[3])))
        fail(argv[3]);
    for (;;) { /* an error passes: the interface may have no address yet */
        sendto(fd, argv[1], strlen(argv[1]), 0, to->ai_addr, to->ai_addrlen);
        usleep(PERIOD);
    }
}
