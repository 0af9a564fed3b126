/* SPDX-License-Identifier: MIT */
#include "split_drivers/dhcp_server.h"
#include "split_drivers/packet.h"

#include <string.h>

/* A message's fields by offset (RFC 2131, 2), then its options. */
#define OP      0
#define HTYPE   1
#define HLEN    2
#define XID     4
#define FLAGS   10
#define CIADDR  12
#define YIADDR  16
#define SIADDR  20
#define CHADDR  28
#define COOKIE  236
#define OPTIONS 240

#define COOKIE_VALUE  0x63825363U
#define LEASE_SECONDS 86400
#define FIXED_REPLY   300 /* what every client expects at least */

/* Option numbers (RFC 2132) and message types. */
#define OPTION_PAD       0
#define OPTION_NETMASK   1
#define OPTION_ROUTER    3
#define OPTION_DNS       6
#define OPTION_REQUESTED 50
#define OPTION_LEASE     51
#define OPTION_TYPE      53
#define OPTION_SERVER    54
#define OPTION_END       255

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM };

struct dhcp_request {
    uint8_t type;
    uint32_t requested, server; /* 0: not said */
};

static uint32_t option_address(const uint8_t *data, uint8_t length)
{
    return length == 4 ? get32(data) : 0;
}

static void parse_options(const uint8_t *message, size_t length, struct dhcp_request *request)
{
    *request = (struct dhcp_request){ 0 };
    for (size_t at = OPTIONS; at < length && message[at] != OPTION_END;) {
        uint8_t size;

        if (message[at] == OPTION_PAD) {
            at++;
            continue;
        }
        if (at + 2 > length || at + 2 + message[at + 1] > length)
            return;
        size = message[at + 1];
        if (message[at] == OPTION_TYPE && size == 1)
            request->type = message[at + 2];
        else if (message[at] == OPTION_REQUESTED)
            request->requested = option_address(message + at + 2, size);
        else if (message[at] == OPTION_SERVER)
            request->server = option_address(message + at + 2, size);
        at += 2U + size;
    }
}

/* The client's lease: its own, else one that nobody had, else the one unused for longest. */
static struct dhcp_lease *lease_of(struct dhcp_pool *pool, const uint8_t *mac)
{
    struct dhcp_lease *best = &pool->lease[0];

    for (size_t i = 0; i < DHCP_LEASES; i++) {
        if (pool->lease[i].used != 0 && memcmp(pool->lease[i].mac, mac, 6) == 0)
            return &pool->lease[i];
        if (pool->lease[i].used < best->used)
            best = &pool->lease[i];
    }
    memcpy(best->mac, mac, 6);
    return best;
}

static uint8_t *put_option(uint8_t *at, uint8_t number, uint32_t value)
{
    at[0] = number;
    at[1] = 4;
    put32(at + 2, value);
    return at + 6;
}

static size_t make_reply(const struct dhcp_pool *pool, const uint8_t *message, uint8_t type, uint32_t address,
                         uint8_t *reply)
{
    uint8_t *at = reply + OPTIONS;
    size_t length;

    memset(reply, 0, DHCP_MESSAGE);
    reply[OP] = 2;
    reply[HTYPE] = 1;
    reply[HLEN] = 6;
    memcpy(reply + XID, message + XID, 4);
    memcpy(reply + FLAGS, message + FLAGS, 2);
    memcpy(reply + CHADDR, message + CHADDR, 16);
    put32(reply + COOKIE, COOKIE_VALUE);
    at[0] = OPTION_TYPE;
    at[1] = 1;
    at[2] = type;
    at = put_option(at + 3, OPTION_SERVER, pool->server);
    if (type != NAK) {
        put32(reply + YIADDR, address);
        put32(reply + SIADDR, pool->server);
        at = put_option(at, OPTION_LEASE, LEASE_SECONDS);
        at = put_option(at, OPTION_NETMASK, pool->netmask);
        at = put_option(at, OPTION_ROUTER, pool->server);
        at = put_option(at, OPTION_DNS, pool->server);
    }
    *at++ = OPTION_END;
    length = (size_t)(at - reply);
    return length < FIXED_REPLY ? FIXED_REPLY : length;
}

size_t dhcp_answer(struct dhcp_pool *pool, const uint8_t *message, size_t length, uint64_t now,
                   uint8_t *reply)
{
    struct dhcp_request request;
    struct dhcp_lease *lease;
    uint32_t address, wanted;

    if (length < OPTIONS || message[OP] != 1 || message[HTYPE] != 1 || message[HLEN] != 6 ||
        get32(message + COOKIE) != COOKIE_VALUE)
        return 0;
    parse_options(message, length, &request);
    if ((request.type != DISCOVER && request.type != REQUEST) ||
        (request.server != 0 && request.server != pool->server))
        return 0;
    lease = lease_of(pool, message + CHADDR);
    lease->used = now;
    address = pool->first + (uint32_t)(lease - pool->lease);
    if (request.type == DISCOVER)
        return make_reply(pool, message, OFFER, address, reply);
    wanted = request.requested != 0 ? request.requested : get32(message + CIADDR);
    return make_reply(pool, message, wanted == address ? ACK : NAK, address, reply);
}
