/* SPDX-License-Identifier: MIT */
#include "network.h"
#include "lwip/ip_addr.h"
#include "split_drivers/gateway.h"
#include "split_drivers/netback.h"
#include "split_drivers/netfront.h"
#include <errno.h>
#include <unistd.h>

static struct worker worker;
static struct net_switch inside;

/* There is one, whatever the toolstack calls it. */
static struct net_switch *find_switch(const char *name)
{
    (void)name;
    return &inside;
}

int network_serve(const char *network)
{
    ip4_addr_t address;
    uint8_t mac[6];
    int error;

    if (!ip4addr_aton(network, &address) || ip4_addr4(&address) != 0)
        return EINVAL;
    error = netfront_start();
    if (error)
        return error;
    if (getentropy(mac, sizeof(mac)) || !worker_start(&worker, "network"))
        return ENOMEM;
    mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02); /* locally administered, not multicast (IEEE 802, 8.2) */
    switch_init(&inside, "inside");
    /* What netfront is given is not larger than its interface's frames. */
    if (!gateway_start(&worker, &inside, PORT_CHECKSUM4 | PORT_CHECKSUM6, mac, lwip_ntohl(address.addr)))
        return ENOMEM;
    return netback_start(&worker, find_switch);
}
