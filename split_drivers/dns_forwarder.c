/* SPDX-License-Identifier: MIT */
#include "split_drivers/dns_forwarder.h"
#include "lwip/dns.h"
#include "lwip/udp.h"
#include "pvguest/lwip/port.h"
#include "split_drivers/packet.h"

#define DNS_PORT   53
#define DNS_HEADER 12
#define QUERIES    128 /* under way; a new one takes the place of the oldest */

struct query {
    bool waiting;
    uint16_t id; /* the client's */
    uint16_t ours;
    uint16_t port;
    ip_addr_t client;
};

/* All with lwIP's lock. */
static struct udp_pcb *inside_pcb, *outside_pcb;
static struct query queries[QUERIES];
static unsigned next_query;

static uint16_t message_id(const struct pbuf *message)
{
    return (uint16_t)(pbuf_get_at(message, 0) << 8 | pbuf_get_at(message, 1));
}

static void set_message_id(struct pbuf *message, uint16_t id)
{
    pbuf_put_at(message, 0, (u8_t)(id >> 8));
    pbuf_put_at(message, 1, (u8_t)id);
}

/* The pbuf came in over pages that lwIP only refers to; what is sent needs room for headers in front. */
static void send_copy(struct udp_pcb *pcb, struct pbuf *message, uint16_t id, const ip_addr_t *to,
                      uint16_t port)
{
    struct pbuf *copy = pbuf_clone(PBUF_TRANSPORT, PBUF_RAM, message);

    if (copy == NULL)
        return;
    set_message_id(copy, id);
    udp_sendto(pcb, copy, to, port);
    pbuf_free(copy);
}

/* Our numbers cannot be guessed, so that nobody else can answer. */
static void take_query(void *arg, struct udp_pcb *pcb, struct pbuf *message, const ip_addr_t *from,
                       u16_t port)
{
    const ip_addr_t *server = dns_getserver(0);

    (void)arg, (void)pcb;
    if (message->tot_len >= DNS_HEADER && !ip_addr_isany(server)) {
        struct query *query = &queries[next_query];

        next_query = (next_query + 1) % QUERIES;
        *query = (struct query){ true, message_id(message), (uint16_t)lwip_port_random(), port, *from };
        send_copy(outside_pcb, message, query->ours, server, DNS_PORT);
    }
    pbuf_free(message);
}

static void take_answer(void *arg, struct udp_pcb *pcb, struct pbuf *message, const ip_addr_t *from,
                        u16_t port)
{
    (void)arg, (void)pcb;
    for (unsigned i = 0; i < QUERIES && message->tot_len >= DNS_HEADER; i++) {
        struct query *query = &queries[i];

        if (query->waiting && query->ours == message_id(message) && port == DNS_PORT &&
            ip_addr_cmp(from, dns_getserver(0))) {
            query->waiting = false;
            send_copy(inside_pcb, message, query->id, &query->client, query->port);
            break;
        }
    }
    pbuf_free(message);
}

bool dns_forwarder_start(struct netif *inside)
{
    inside_pcb = udp_new();
    outside_pcb = udp_new();
    if (inside_pcb == NULL || outside_pcb == NULL ||
        udp_bind(inside_pcb, netif_ip_addr4(inside), DNS_PORT) != ERR_OK ||
        udp_bind(outside_pcb, IP4_ADDR_ANY, 0) != ERR_OK)
        return false;
    udp_recv(inside_pcb, take_query, NULL);
    udp_recv(outside_pcb, take_answer, NULL);
    return true;
}
