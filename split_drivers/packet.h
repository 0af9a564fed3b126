/* SPDX-License-Identifier: MIT */
/*
 * Ethernet frames on their way between network ports: data in pages, and what is known of checksums and of
 * segmentation that was left to whoever can do it cheapest. A packet is shared by its references; its bytes
 * do not change once it is under way, except that a blank checksum may be filled in.
 */
#ifndef SPLIT_DRIVERS_PACKET_H
#define SPLIT_DRIVERS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define PACKET_PAGE     4096U
#define PACKET_FRAGS    17    /* pages */
#define PACKET_MAX      65535 /* bytes, the Ethernet header included: what a netif request can say */
#define PACKET_HEADERS  256   /* this much of a packet, if it has it, is contiguous */
#define ETHERNET_HEADER 14
#define ETHERNET_MTU    1500
#define PACKET_MIN_MTU  68 /* RFC 791 */
#define PACKET_MAX_MTU  (PACKET_MAX - ETHERNET_HEADER)

enum packet_checksum {
    CHECKSUM_UNKNOWN, /* it stands in the packet, and nobody has compared it with the data */
    CHECKSUM_VALID,   /* right, or the packet never left this machine */
    CHECKSUM_BLANK,   /* TCP's or UDP's field is still to be filled in */
};

enum packet_gso { GSO_NONE, GSO_TCP4, GSO_TCP6 };

/* A piece of the data, within one page. */
struct packet_frag {
    void *page;
    uint16_t offset;
    uint16_t length;
};

struct packet {
    STAILQ_ENTRY(packet) next; /* in one packet_list */
    unsigned int references;
    uint32_t length;
    uint8_t checksum;  /* enum packet_checksum */
    uint8_t gso;       /* enum packet_gso: a TCP segment larger than the path takes, to be cut */
    uint16_t gso_size; /* into pieces of that many bytes of TCP payload */
    uint8_t nr_frags;
    struct packet_frag frag[PACKET_FRAGS];
};

STAILQ_HEAD(packet_list, packet);

/* A packet without data; NULL: no memory. Any thread. */
struct packet *packet_new(void);

/* A packet of that many bytes (1..PACKET_MAX), contents undefined, all pages but the last one full; NULL: no
 * memory. Any thread. */
struct packet *packet_alloc(uint32_t length);

/* Makes a packet of packet_alloc()'s that nobody else has longer, up to PACKET_MAX bytes; false: no memory.
 */
bool packet_append(struct packet *packet, uint32_t length);

static inline struct packet *packet_get(struct packet *packet)
{
    packet->references++;
    return packet;
}

/* Drops a reference; the last one frees the packet and its pages. The caller of this and packet_get() has the
 * packet to itself: the network's worker, or whoever made it. */
void packet_put(struct packet *packet);

/* The beginning of the data, PACKET_HEADERS bytes of it or as many as there are. */
static inline uint8_t *packet_data(const struct packet *packet)
{
    return (uint8_t *)packet->frag[0].page + packet->frag[0].offset;
}

/* Copies bytes out of or into the packet; the range must lie in it. */
void packet_read(const struct packet *packet, uint32_t offset, void *to, uint32_t length);
void packet_write(struct packet *packet, uint32_t offset, const void *from, uint32_t length);

/* ---- headers ---- */

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define PROTOCOL_TCP   6
#define PROTOCOL_UDP   17

/* Where things are, by offset from the packet's start. */
struct packet_headers {
    uint16_t ethertype; /* behind VLAN tags */
    uint8_t protocol;   /* of IP's payload; 0 if the packet is none of IP, or a later fragment */
    bool fragment;
    uint16_t network;   /* IP header */
    uint16_t transport; /* IP's payload */
    uint32_t end;       /* of IP's payload: padding follows */
    uint16_t payload;   /* of TCP or UDP */
    uint16_t checksum;  /* field of TCP or UDP, 0 if there is none */
};

/* False if what the headers say does not fit the packet; what is not IP is not looked into. */
bool packet_parse(const struct packet *packet, struct packet_headers *headers);

static inline uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void put16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put32(uint8_t *p, uint32_t value)
{
    put16(p, (uint16_t)(value >> 16));
    put16(p + 2, (uint16_t)value);
}

/* ---- checksums (RFC 1071) ---- */

/* The folded sum of the bytes, not complemented, as it would be were they at an even offset. */
uint16_t checksum_bytes(const void *data, size_t length);

/* The sum of the pseudo-header that TCP and UDP put before their data. */
uint16_t checksum_pseudo(const struct packet *packet, const struct packet_headers *headers);

/* Fills the checksum in that is blank; it is VALID then. Nothing to do for other packets. False: there is no
 * such field. */
bool packet_complete_checksum(struct packet *packet);

/* Leaves in the field of a blank checksum what receivers expect that continue the sum: the pseudo-header's.
 */
bool packet_prepare_checksum(struct packet *packet);

/* Compares an UNKNOWN checksum with the data; false if it is wrong. Sets it VALID if it was right. */
bool packet_verify_checksum(struct packet *packet);

/* ---- segmentation ---- */

#define PACKET_MAX_SEGMENTS 256

/* Whether a packet that says it is to be segmented can be: TCP over the right IP, a sane size. */
bool packet_gso_is_sane(const struct packet *packet);

/* Cuts it into packets of gso_size bytes of payload, whose checksums are blank, and appends them to list.
 * The packet stays. False, and nothing was appended: no memory. */
bool packet_segment(const struct packet *packet, struct packet_list *list);

/* TCP segments that follow each other, put together so that cutting would give each of them again. Until
 * packet_run_end() the head's lengths and checksums are not right, and it is nobody else's. */
struct packet_run {
    struct packet *head;
    struct packet_headers headers; /* of head, from when it was begun */
    uint32_t size;                 /* payload of each segment */
    bool open;                     /* the last one may be followed by another */
    bool ack;                      /* head is an acknowledgement that a later one may replace */
    bool grown;                    /* there is something to do for packet_run_end() */
};

void packet_run_begin(struct packet_run *run, struct packet *head);

/* If next continues the run, it becomes a part of head; if both are mere acknowledgements and it says all
 * that head does, it takes head's place: true is returned. Checksums must be VALID or BLANK. */
bool packet_run_add(struct packet_run *run, struct packet *next);

/* The same for a segment whose payload lies elsewhere, and for a head of packet_alloc()'s that has one
 * reference: view has its headers in one piece, its length and checksum. Returns where in head its payload is
 * to be copied to, or 0 if it does not continue the run, or there is no memory. */
uint32_t packet_run_extend(struct packet_run *run, const struct packet *view);

void packet_run_end(struct packet_run *run);

#endif
