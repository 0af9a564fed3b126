/* SPDX-License-Identifier: MIT */
/*
 * Address and port translation (RFC 3022, NAPT) between an inside network and one outside address: TCP, UDP
 * and ICMP echo over IPv4. Each connection has an entry, found by all five of its numbers in either
 * direction, so that nobody outside gets in who was not called. Checksums of TCP and UDP are not touched:
 * they are blank, or made so, on the way out (lwip_packet.h).
 *
 * Pure: no locks, no clock of its own.
 */
#ifndef SPLIT_DRIVERS_NAT_H
#define SPLIT_DRIVERS_NAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define NAT_FIRST_PORT 16384 /* below lwIP's own ephemeral ones */
#define NAT_PORTS      16384
#define NAT_ENTRIES    4096
#define NAT_PER_HOST   512 /* of one inside address; its oldest makes room */
#define NAT_BUCKETS    1024

struct nat_flow {
    uint8_t protocol;
    uint32_t inside, remote; /* addresses, in host order; ports likewise */
    uint16_t inside_port, remote_port, outside_port;
};

struct nat_entry {
    LIST_ENTRY(nat_entry) by_inside, by_outside;
    TAILQ_ENTRY(nat_entry) by_age; /* least recently used first */
    struct nat_flow flow;
    uint64_t expires; /* ns */
    bool closing;     /* TCP: a FIN or RST was seen */
};

LIST_HEAD(nat_bucket, nat_entry);

struct nat {
    struct nat_bucket inside[NAT_BUCKETS], outside[NAT_BUCKETS];
    TAILQ_HEAD(, nat_entry) ages;
    unsigned nr;
    uint16_t next_port;
};

void nat_init(struct nat *nat);
void nat_free(struct nat *nat);

enum nat_verdict {
    NAT_PASS, /* translated: send it on */
    NAT_DROP, /* cannot be translated */
    NAT_NONE, /* inwards: no entry has it, so it is for this host, if for anyone */
};

/* Rewrites an IPv4 packet, header and all of its TCP, UDP or ICMP header in `length` contiguous bytes, with
 * its time to live lowered. address: the outside one; now: ns. */
enum nat_verdict nat_outwards(struct nat *nat, uint8_t *packet, size_t length, uint32_t address,
                              uint64_t now);
enum nat_verdict nat_inwards(struct nat *nat, uint8_t *packet, size_t length, uint64_t now);

#endif
