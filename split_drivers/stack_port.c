/* SPDX-License-Identifier: MIT */
#include "split_drivers/stack_port.h"
#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "lwip/tcpip.h"
#include "netif/ethernet.h"
#include "pvguest/cpu.h"
#include "pvguest/time.h"
#include "split_drivers/lwip_packet.h"

#include <stddef.h>
#include <string.h>

/* What came in as one large TCP segment and is passed on is to be cut into such as the network takes. */
static void mark_large(struct packet *packet, uint16_t mtu)
{
    struct packet_headers headers;

    if (packet->length <= ETHERNET_HEADER + (uint32_t)mtu || !packet_parse(packet, &headers) ||
        headers.protocol != PROTOCOL_TCP)
        return;
    packet->gso = headers.ethertype == ETHERTYPE_IPV4 ? GSO_TCP4 : GSO_TCP6;
    packet->gso_size = (uint16_t)(mtu - (headers.payload - headers.network));
}

/* lwIP sends, with its lock held: the worker takes it from here. */
static err_t link_output(struct netif *netif, struct pbuf *pbuf)
{
    struct stack_port *stack = netif->state;
    struct packet *packet = packet_from_pbuf(pbuf);
    bool masked, room;

    if (packet == NULL)
        return ERR_MEM;
    mark_large(packet, netif->mtu);
    masked = upcalls_disable();
    room = stack->out_bytes + packet->length <= STACK_PORT_BYTES;
    if (room) {
        STAILQ_INSERT_TAIL(&stack->out, packet, next);
        stack->out_bytes += packet->length;
    }
    upcalls_restore(masked);
    if (!room) {
        packet_put(packet);
        return ERR_MEM;
    }
    worker_schedule(stack->worker, &stack->out_task);
    return ERR_OK;
}

static void run_out(struct worker_task *task)
{
    struct stack_port *stack = (struct stack_port *)((char *)task - offsetof(struct stack_port, out_task));
    struct packet_list list = STAILQ_HEAD_INITIALIZER(list);
    uint64_t now = time_ns();
    bool masked = upcalls_disable();

    STAILQ_CONCAT(&list, &stack->out);
    stack->out_bytes = 0;
    upcalls_restore(masked);
    switch_input_all(&stack->port, &list, now);
}

static void transmit(struct switch_port *port, struct packet *packet)
{
    struct stack_port *stack = (struct stack_port *)((char *)port - offsetof(struct stack_port, port));

    if (stack->in_bytes + packet->length > STACK_PORT_BYTES) {
        port->counters.tx_dropped++;
        packet_put(packet);
        return;
    }
    STAILQ_INSERT_TAIL(&stack->in, packet, next);
    stack->in_bytes += packet->length;
    worker_schedule(stack->worker, &stack->in_task);
}

/* Checksums that somebody has answered for are not looked at again; lwIP itself looks at none. */
static void run_in(struct worker_task *task)
{
    struct stack_port *stack = (struct stack_port *)((char *)task - offsetof(struct stack_port, in_task));

    LOCK_TCPIP_CORE();
    while (!STAILQ_EMPTY(&stack->in)) {
        struct packet *packet = STAILQ_FIRST(&stack->in);
        struct pbuf *pbuf = NULL;

        STAILQ_REMOVE_HEAD(&stack->in, next);
        if (packet_verify_checksum(packet))
            pbuf = packet_to_pbuf(packet);
        else
            packet_put(packet);
        if (pbuf != NULL && stack->netif.input(pbuf, &stack->netif) != ERR_OK)
            pbuf_free(pbuf);
    }
    UNLOCK_TCPIP_CORE();
    stack->in_bytes = 0;
}

static err_t init_netif(struct netif *netif)
{
    struct stack_port *stack = netif->state;

    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = link_output;
    netif->mtu = ETHERNET_MTU;
    netif->hwaddr_len = 6;
    memcpy(netif->hwaddr, stack->port.mac, 6);
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP |
                   NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
    lwip_packet_offload(netif);
    return ERR_OK;
}

static void plug_in(void *arg)
{
    struct stack_port *stack = arg;

    switch_add_port(stack->port.owner, &stack->port);
}

bool stack_port_start(struct stack_port *stack, struct worker *worker, struct net_switch *net_switch,
                      unsigned int features, const uint8_t *mac)
{
    bool added;

    memset(stack, 0, sizeof(*stack));
    stack->worker = worker;
    stack->in_task.run = run_in;
    stack->out_task.run = run_out;
    STAILQ_INIT(&stack->in);
    STAILQ_INIT(&stack->out);
    stack->port.name = net_switch->name;
    stack->port.owner = net_switch;
    stack->port.features = features;
    stack->port.transmit = transmit;
    stack->port.mtu = PACKET_MAX_MTU; /* it takes what there is, and sends what its interface is set to */
    stack->port.check_source = true;
    memcpy(stack->port.mac, mac, 6);
    worker_call(worker, plug_in, stack);

    LOCK_TCPIP_CORE();
    added = netif_add_noaddr(&stack->netif, stack, init_netif, ethernet_input) != NULL;
    if (added) {
        netif_create_ip6_linklocal_address(&stack->netif, 1);
        netif_set_up(&stack->netif);
    }
    UNLOCK_TCPIP_CORE();
    return added;
}
