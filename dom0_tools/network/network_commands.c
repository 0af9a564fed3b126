/* SPDX-License-Identifier: MIT */
/* ifconfig, brctl, ping: what the shell shows of the network. */
#include "dom0_tools/network/network.h"
#include "dom0_tools/network/ping.h"
#include "lwip/dns.h"
#include "lwip/netif.h"
#include "lwip/tcpip.h"
#include "pvguest/time.h"

#include <stdio.h>
#include <string.h>

static void print_mac(const uint8_t *mac)
{
    printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void print_netif(const struct netif *netif)
{
    printf("%c%c%u: %s mtu %u", netif->name[0], netif->name[1], netif->num,
           netif_is_up(netif) ? "up" : "down", netif->mtu);
    if (netif->hwaddr_len == 6) {
        printf("  ether ");
        print_mac(netif->hwaddr);
    }
    printf("\n    inet %s", ip4addr_ntoa(netif_ip4_addr(netif)));
    printf(" netmask %s", ip4addr_ntoa(netif_ip4_netmask(netif)));
    printf(" gateway %s\n", ip4addr_ntoa(netif_ip4_gw(netif)));
    for (int i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
        if (ip6_addr_isvalid(netif_ip6_addr_state(netif, i)))
            printf("    inet6 %s\n", ip6addr_ntoa(netif_ip6_addr(netif, i)));
}

static int run_ifconfig(int argc, char **argv)
{
    struct netif *netif;

    if (argc > 1) {
        fprintf(stderr, "%s: '%s' is one argument too many\n", argv[0], argv[1]);
        return COMMAND_USAGE;
    }
    LOCK_TCPIP_CORE();
    NETIF_FOREACH(netif)
    {
        print_netif(netif);
    }
    printf("dns: %s\n", ipaddr_ntoa(dns_getserver(0)));
    UNLOCK_TCPIP_CORE();
    return COMMAND_OK;
}

static void print_switch(struct net_switch *net_switch, void *arg)
{
    struct switch_port *port;

    (void)arg;
    printf("%s: %u addresses\n", net_switch->name, net_switch->nr_entries);
    printf("  %-14s %-17s %10s %14s %8s %10s %14s %8s\n", "port", "mac", "in", "bytes", "dropped", "out",
           "bytes", "dropped");
    LIST_FOREACH(port, &net_switch->ports, next)
    {
        const struct switch_port_counters *c = &port->counters;

        printf("  %-14s ", port->name);
        print_mac(port->mac);
        printf(" %10lu %14lu %8lu %10lu %14lu %8lu\n", c->rx_packets, c->rx_bytes, c->rx_dropped,
               c->tx_packets, c->tx_bytes, c->tx_dropped);
    }
}

static void print_addresses(struct net_switch *net_switch, void *arg)
{
    struct switch_entry *entry;

    (void)arg;
    for (unsigned i = 0; i < SWITCH_BUCKETS; i++) {
        LIST_FOREACH(entry, &net_switch->bucket[i], next)
        {
            printf("%-10s %-14s ", net_switch->name, entry->port->name);
            print_mac(entry->mac);
            printf(" %5lu s\n", (unsigned long)((time_ns() - entry->seen) / NSEC_PER_SEC));
        }
    }
}

static int run_show(int argc, char **argv)
{
    (void)argc, (void)argv;
    network_for_each_switch(print_switch, NULL);
    return COMMAND_OK;
}

static int run_showmacs(int argc, char **argv)
{
    (void)argc, (void)argv;
    network_for_each_switch(print_addresses, NULL);
    return COMMAND_OK;
}

static const struct command brctl_commands[] = {
    { .name = "show", .summary = "list switches, their ports and traffic", .run = run_show },
    { .name = "showmacs", .summary = "list the addresses that switches have learnt", .run = run_showmacs },
};

const struct command network_commands[] = {
    { .name = "ifconfig", .summary = "show dom0's network interfaces", .run = run_ifconfig },
    { .name = "brctl",
      .arguments = "COMMAND",
      .summary = "look at the switches between domains",
      .subcommands = brctl_commands,
      .nr_subcommands = sizeof(brctl_commands) / sizeof(brctl_commands[0]) },
    { .name = "ping",
      .arguments = "[-c COUNT] [-s SIZE] HOST",
      .summary = "ask a host for echoes",
      .options = "  -c COUNT  how many (4)\n  -s SIZE   bytes of data in each (56)\n",
      .run = run_ping },
};
const size_t network_nr_commands = sizeof(network_commands) / sizeof(network_commands[0]);
