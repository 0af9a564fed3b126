/* SPDX-License-Identifier: MIT */
#include "split_drivers/gateway.h"
#include "split_drivers/dhcp_server.h"
#include "split_drivers/dns_forwarder.h"
#include "split_drivers/nat.h"
#include "split_drivers/stack_port.h"
#include "lwip/ip4.h"
#include "lwip/tcpip.h"
#include "lwip/udp.h"
#include "pvguest/lwip/port.h"
#include "pvguest/time.h"

#define NETMASK 0xffffff00U
#define OURS    1 /* in the network */
#define FIRST   10

/* All but `stack` with lwIP's lock. */
static struct stack_port stack;
static uint32_t inside;
static struct nat nat;
static struct dhcp_pool pool = { .netmask = NETMASK };

/* ---- translation ---- */

static void send_on(struct netif *netif, struct pbuf *pbuf)
{
    const struct ip_hdr *header = pbuf->payload;
    struct pbuf *copy = pbuf_clone(PBUF_LINK, PBUF_RAM, pbuf);
    ip4_addr_t next;

    if (copy == NULL)
        return;
    ip4_addr_copy(next, header->dest);
    if (!ip4_addr_netcmp(&next, netif_ip4_addr(netif), netif_ip4_netmask(netif)))
        ip4_addr_copy(next, *netif_ip4_gw(netif));
    netif->output(netif, copy, &next);
    pbuf_free(copy);
}

static bool is_from_inside(const struct ip_hdr *header, const struct netif *outside)
{
    uint32_t source = lwip_ntohl(header->src.addr), to = lwip_ntohl(header->dest.addr);

    return (source & NETMASK) == inside && (to & NETMASK) != inside &&
           to != lwip_ntohl(netif_ip4_addr(outside)->addr) && !ip4_addr_ismulticast(&header->dest) &&
           to != UINT32_MAX;
}

/* lwIP's hook for each IPv4 packet: 1 if the packet was taken. */
static int translate(struct pbuf *pbuf, struct netif *input)
{
    const struct ip_hdr *header = pbuf->payload;
    struct netif *outside = netif_default;
    enum nat_verdict verdict = NAT_NONE;

    if (pbuf->len < sizeof(*header) || outside == NULL || ip4_addr_isany_val(*netif_ip4_addr(outside)))
        return 0;
    if (input == &stack.netif && is_from_inside(header, outside)) {
        verdict = nat_outwards(&nat, pbuf->payload, pbuf->len, lwip_ntohl(netif_ip4_addr(outside)->addr),
                               time_ns());
        if (verdict == NAT_PASS)
            send_on(outside, pbuf);
    } else if (input == outside && header->dest.addr == netif_ip4_addr(outside)->addr) {
        verdict = nat_inwards(&nat, pbuf->payload, pbuf->len, time_ns());
        if (verdict == NAT_PASS)
            send_on(&stack.netif, pbuf);
    }
    if (verdict == NAT_NONE)
        return 0;
    pbuf_free(pbuf);
    return 1;
}

/* ---- DHCP ---- */

static void take_message(void *arg, struct udp_pcb *pcb, struct pbuf *message, const ip_addr_t *from,
                         u16_t port)
{
    uint8_t request[DHCP_MESSAGE], reply[DHCP_MESSAGE];
    u16_t length = pbuf_copy_partial(message, request, sizeof(request), 0);
    size_t answer = dhcp_answer(&pool, request, length, time_ns(), reply);
    struct pbuf *pbuf = answer != 0 ? pbuf_alloc(PBUF_TRANSPORT, (u16_t)answer, PBUF_RAM) : NULL;

    (void)arg, (void)from, (void)port;
    pbuf_free(message);
    if (pbuf == NULL)
        return;
    pbuf_take(pbuf, reply, (u16_t)answer);
    udp_sendto_if(pcb, pbuf, IP_ADDR_BROADCAST, DHCP_CLIENT_PORT, &stack.netif);
    pbuf_free(pbuf);
}

static bool start_dhcp(void)
{
    struct udp_pcb *pcb = udp_new();

    if (pcb == NULL)
        return false;
    ip_set_option(pcb, SOF_BROADCAST);
    udp_bind_netif(pcb, &stack.netif);
    if (udp_bind(pcb, IP4_ADDR_ANY, DHCP_SERVER_PORT) != ERR_OK)
        return false;
    udp_recv(pcb, take_message, NULL);
    return true;
}

bool gateway_start(struct worker *worker, struct net_switch *net_switch, unsigned int features,
                   const uint8_t *mac, uint32_t network)
{
    ip4_addr_t address = { lwip_htonl(network | OURS) }, netmask = { lwip_htonl(NETMASK) }, none = { 0 };
    bool started;

    inside = network;
    pool.server = network | OURS;
    pool.first = network | FIRST;
    if (!stack_port_start(&stack, worker, net_switch, features, mac))
        return false;
    LOCK_TCPIP_CORE();
    netif_set_addr(&stack.netif, &address, &netmask, &none);
    nat_init(&nat);
    started = start_dhcp() && dns_forwarder_start(&stack.netif);
    if (started)
        lwip_port_ip4_input = translate;
    UNLOCK_TCPIP_CORE();
    return started;
}
