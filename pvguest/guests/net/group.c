/* SPDX-License-Identifier: MIT */
#include "pvguest/guests/net/group.h"
#include "lwip/netif.h"
#include "lwip/sockets.h"
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <unistd.h>

static int change(int fd, const ip_addr_t *group, bool join)
{
    struct ip_mreq four = { .imr_interface.s_addr = netif_ip4_addr(netif_default)->addr };
    struct ipv6_mreq six = { .ipv6mr_interface = netif_get_index(netif_default) };

    if (IP_IS_V4(group)) {
        four.imr_multiaddr.s_addr = ip_2_ip4(group)->addr;
        return setsockopt(fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &four, sizeof(four));
    }
    inet6_addr_from_ip6addr(&six.ipv6mr_multiaddr, ip_2_ip6(group));
    return setsockopt(fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &six, sizeof(six));
}

static int open_socket(bool four, uint16_t port)
{
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = lwip_htons(port) };
    struct sockaddr_in plain = { .sin_family = AF_INET, .sin_port = lwip_htons(port) };
    int fd = socket(four ? AF_INET : AF_INET6, SOCK_DGRAM, 0);

    if (fd < 0)
        return -1;
    if (four ? bind(fd, (struct sockaddr *)&plain, sizeof(plain))
             : bind(fd, (struct sockaddr *)&six, sizeof(six))) {
        close(fd);
        return -1;
    }
    return fd;
}

int group_receive(const char *address, uint16_t port, unsigned long number)
{
    ip_addr_t group;
    int fd, error = 0;
    char data[64];

    if (!ipaddr_aton(address, &group) || !ip_addr_ismulticast(&group))
        return EINVAL;
    fd = open_socket(IP_IS_V4(&group), port);
    if (fd < 0)
        return errno;
    if (change(fd, &group, true))
        error = errno;
    for (; number && !error; number--)
        if (recv(fd, data, sizeof(data), 0) < 0)
            error = errno;
    if (!error && change(fd, &group, false))
        error = errno;
    close(fd);
    return error;
}
