/* SPDX-License-Identifier: MIT */
#include "dom0_tools/network/network.h"
#include "split_drivers/gateway.h"
#include "split_drivers/stack_port.h"
#include "lwip/dhcp.h"
#include "lwip/tcpip.h"
#include "pvguest/lwip/start.h"
#include "pvguest/time.h"
#include "split_drivers/netback.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define STACK_FEATURES   (PORT_CHECKSUM4 | PORT_CHECKSUM6 | PORT_GSO4 | PORT_GSO6)
#define INTERNAL_NETWORK 0xc0a84d00U /* 192.168.77.0 */

LIST_HEAD(switch_list, net_switch);

static struct worker worker;
static struct switch_list switches = LIST_HEAD_INITIALIZER(switches);
static struct net_switch external, internal;
static struct stack_port external_stack;
/* Physical adapters, of which the first lends dom0 its address. */
#define MAX_ADAPTERS 16
static unsigned nr_adapters;

struct worker *network_worker(void)
{
    return &worker;
}

struct net_switch *network_switch(const char *name)
{
    struct net_switch *net_switch;

    if (*name == '\0')
        name = NETWORK_DEFAULT_BRIDGE;
    LIST_FOREACH(net_switch, &switches, next)
    {
        if (strcmp(net_switch->name, name) == 0)
            return net_switch;
    }
    return NULL;
}

struct each_switch {
    void (*fn)(struct net_switch *net_switch, void *arg);
    void *arg;
};

static void for_each(void *arg)
{
    const struct each_switch *each = arg;
    struct net_switch *net_switch;

    LIST_FOREACH(net_switch, &switches, next)
    {
        each->fn(net_switch, each->arg);
    }
}

void network_for_each_switch(void (*fn)(struct net_switch *net_switch, void *arg), void *arg)
{
    struct each_switch each = { fn, arg };

    worker_call(&worker, for_each, &each);
}

/* Locally administered, not multicast (IEEE 802, 8.2). */
static void random_mac(uint8_t *mac)
{
    getentropy(mac, 6);
    mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
}

int network_start(void)
{
    uint8_t mac[6];

    if (!worker_start(&worker, "network"))
        return ENOMEM;
    lwip_start();
    switch_init(&external, NETWORK_DEFAULT_BRIDGE);
    switch_init(&internal, GATEWAY_BRIDGE);
    LIST_INSERT_HEAD(&switches, &internal, next);
    LIST_INSERT_HEAD(&switches, &external, next);
    random_mac(mac);
    if (!stack_port_start(&external_stack, &worker, &external, STACK_FEATURES, mac))
        return ENOMEM;
    LOCK_TCPIP_CORE();
    netif_set_default(&external_stack.netif);
    UNLOCK_TCPIP_CORE();
    random_mac(mac);
    return gateway_start(&worker, &internal, STACK_FEATURES, mac, INTERNAL_NETWORK) ? 0 : ENOMEM;
}

int network_start_backends(void)
{
    return netback_start(&worker, network_switch);
}

static void plug_in(void *arg)
{
    struct switch_port *port = arg;

    if (nr_adapters == 0)
        memcpy(external_stack.port.mac, port->mac, 6);
    switch_add_port(&external, port);
}

void network_receive(struct switch_port *adapter, struct packet_list *list)
{
    struct packet *packet;

    /* A wrong one is for the receiver to drop. */
    STAILQ_FOREACH(packet, list, next)
    {
        packet_verify_checksum(packet);
    }
    switch_input_all(adapter, list, time_ns());
}

const char *network_next_adapter(void)
{
    static char names[MAX_ADAPTERS][8];

    if (nr_adapters == MAX_ADAPTERS)
        return NULL;
    snprintf(names[nr_adapters], sizeof(names[0]), "eth%u", nr_adapters);
    return names[nr_adapters];
}

void network_add_adapter(struct switch_port *port)
{
    worker_call(&worker, plug_in, port);
    if (nr_adapters++ > 0)
        return;
    LOCK_TCPIP_CORE();
    memcpy(external_stack.netif.hwaddr, port->mac, 6);
    netif_create_ip6_linklocal_address(&external_stack.netif, 1);
    netif_set_hostname(&external_stack.netif, "dom0");
    dhcp_start(&external_stack.netif);
    UNLOCK_TCPIP_CORE();
}
