/* SPDX-License-Identifier: MIT */
#include "dom0_tools/network/ping.h"
#include "dom0_tools/shell/command.h"
#include "lwip/inet_chksum.h"
#include "lwip/netdb.h"
#include "lwip/prot/icmp.h"
#include "lwip/prot/ip4.h"
#include "lwip/sockets.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIZE   8972 /* of a frame of 9,000 bytes */
#define PATIENCE_S 2

struct ping {
    int socket;
    struct sockaddr_in to;
    unsigned count, size;
    uint16_t id;
    unsigned answered;
};

static bool send_echo(const struct ping *ping, uint16_t sequence)
{
    uint8_t packet[sizeof(struct icmp_echo_hdr) + MAX_SIZE];
    struct icmp_echo_hdr *header = (struct icmp_echo_hdr *)packet;
    size_t length = sizeof(*header) + ping->size;

    for (size_t i = sizeof(*header); i < length; i++)
        packet[i] = (uint8_t)i;
    ICMPH_TYPE_SET(header, ICMP_ECHO);
    ICMPH_CODE_SET(header, 0);
    header->chksum = 0;
    header->id = ping->id;
    header->seqno = lwip_htons(sequence);
    header->chksum = inet_chksum(packet, (u16_t)length);
    return lwip_sendto(ping->socket, packet, length, 0, (const struct sockaddr *)&ping->to,
                       sizeof(ping->to)) == (ssize_t)length;
}

/* Waits for the answer to that one; what else arrives is another's. */
static bool receive_echo(const struct ping *ping, uint16_t sequence, size_t *length)
{
    uint64_t end = time_ns() + PATIENCE_S * NSEC_PER_SEC;
    uint8_t packet[sizeof(struct ip_hdr) + 40 + sizeof(struct icmp_echo_hdr) + MAX_SIZE];

    while (time_ns() < end) {
        ssize_t got = lwip_recv(ping->socket, packet, sizeof(packet), 0);
        size_t ip = got > 0 ? IPH_HL_BYTES((struct ip_hdr *)packet) : 0;
        const struct icmp_echo_hdr *header = (const struct icmp_echo_hdr *)(packet + ip);

        if (got < (ssize_t)(ip + sizeof(*header)) || ICMPH_TYPE(header) != ICMP_ER)
            continue;
        *length = (size_t)got - ip;
        if (header->id == ping->id && header->seqno == lwip_htons(sequence))
            return true;
    }
    return false;
}

static void ping_all(struct ping *ping)
{
    for (unsigned i = 1; i <= ping->count; i++) {
        uint64_t start = time_ns();
        unsigned long took;
        size_t length;

        if (!send_echo(ping, (uint16_t)i)) {
            printf("cannot send: %s\n", strerror(errno));
        } else if (!receive_echo(ping, (uint16_t)i, &length)) {
            printf("no answer to number %u\n", i);
        } else {
            took = (unsigned long)((time_ns() - start) / NSEC_PER_USEC);
            ping->answered++;
            printf("%zu bytes from %s: icmp_seq=%u time=%lu.%03lu ms\n", length, inet_ntoa(ping->to.sin_addr),
                   i, took / 1000, took % 1000);
        }
        if (i < ping->count)
            thread_sleep_until(start + NSEC_PER_SEC / 2);
    }
}

static bool parse_number(const char *text, unsigned max, unsigned *number)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    *number = (unsigned)value;
    return *text != '\0' && *end == '\0' && value <= max;
}

static bool find_host(const char *name, struct sockaddr_in *to)
{
    const struct addrinfo hints = { .ai_family = AF_INET };
    struct addrinfo *found;

    if (lwip_getaddrinfo(name, NULL, &hints, &found) != 0)
        return false;
    memcpy(to, found->ai_addr, sizeof(*to));
    lwip_freeaddrinfo(found);
    return true;
}

int run_ping(int argc, char **argv)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    struct ping ping = { .count = 4, .size = 56, .id = (uint16_t)time_ns() };
    int option;

    while ((option = getopt(argc, argv, "c:s:")) != -1) {
        unsigned max = option == 'c' ? 65535 : MAX_SIZE;

        if (option == '?' || !parse_number(optarg, max, option == 'c' ? &ping.count : &ping.size))
            return COMMAND_USAGE;
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "%s: name one host\n", argv[0]);
        return COMMAND_USAGE;
    }
    if (!find_host(argv[optind], &ping.to)) {
        fprintf(stderr, "%s: there is no host '%s'\n", argv[0], argv[optind]);
        return COMMAND_FAIL;
    }
    ping.socket = lwip_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    if (ping.socket < 0) {
        fprintf(stderr, "%s: no socket: %s\n", argv[0], strerror(errno));
        return COMMAND_FAIL;
    }
    lwip_setsockopt(ping.socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ping_all(&ping);
    lwip_close(ping.socket);
    printf("%u sent, %u answered\n", ping.count, ping.answered);
    return ping.answered != 0 ? COMMAND_OK : COMMAND_FAIL;
}
