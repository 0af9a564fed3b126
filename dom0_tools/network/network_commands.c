/* SPDX-License-Identifier: MIT */
/* ifconfig, brctl, ping: what the shell shows of the network. */
#include "dom0_tools/network/network.h"
#include "dom0_tools/network/ping.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/netif.h"
#include "lwip/tcpip.h"
#include "pvguest/time.h"
#include "split_drivers/netback.h"
#include "split_drivers/transfer.h"

#include <stdio.h>
#include <stdlib.h>
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
    printf("back ends: %lu batches of grant copies, %lu events sent\n", netback_calls().copies,
           netback_calls().events);
    return COMMAND_OK;
}

static int run_showmacs(int argc, char **argv)
{
    (void)argc, (void)argv;
    network_for_each_switch(print_addresses, NULL);
    return COMMAND_OK;
}

/* "ADDRESS/LENGTH". */
static bool parse_address(char *text, ip4_addr_t *address, ip4_addr_t *netmask)
{
    char *slash = strchr(text, '/');
    int length = slash != NULL ? atoi(slash + 1) : 0;

    if (length < 1 || length > 32)
        return false;
    *slash = '\0';
    netmask->addr = lwip_htonl(UINT32_MAX << (32 - length));
    return ip4addr_aton(text, address);
}

static int set_address(char **argv, bool has_gateway)
{
    ip4_addr_t address, netmask, gateway = { 0 };
    struct netif *netif;

    if (!parse_address(argv[2], &address, &netmask) || (has_gateway && !ip4addr_aton(argv[3], &gateway))) {
        fprintf(stderr, "%s: that is no address\n", argv[0]);
        return COMMAND_USAGE;
    }
    LOCK_TCPIP_CORE();
    netif = netif_find(argv[1]);
    if (netif != NULL) {
        dhcp_stop(netif);
        netif_set_addr(netif, &address, &netmask, &gateway);
    }
    UNLOCK_TCPIP_CORE();
    if (netif == NULL)
        fprintf(stderr, "%s: there is no interface '%s'\n", argv[0], argv[1]);
    return netif != NULL ? COMMAND_OK : COMMAND_FAIL;
}

static int set_mtu(char **argv)
{
    int mtu = atoi(argv[3]);
    struct netif *netif;

    if (mtu < (int)PACKET_MIN_MTU || mtu > PACKET_MAX_MTU) {
        fprintf(stderr, "%s: an MTU is from %u to %u bytes\n", argv[0], PACKET_MIN_MTU, PACKET_MAX_MTU);
        return COMMAND_USAGE;
    }
    LOCK_TCPIP_CORE();
    netif = netif_find(argv[1]);
    if (netif != NULL)
        netif->mtu = netif->mtu6 = (uint16_t)mtu;
    UNLOCK_TCPIP_CORE();
    if (netif == NULL)
        fprintf(stderr, "%s: there is no interface '%s'\n", argv[0], argv[1]);
    return netif != NULL ? COMMAND_OK : COMMAND_FAIL;
}

static int run_ifconfig(int argc, char **argv)
{
    struct netif *netif;

    if (argc == 4 && strcmp(argv[2], "mtu") == 0)
        return set_mtu(argv);
    if (argc == 3 || argc == 4)
        return set_address(argv, argc == 4);
    if (argc != 1)
        return COMMAND_USAGE;
    LOCK_TCPIP_CORE();
    NETIF_FOREACH(netif)
    {
        print_netif(netif);
    }
    printf("dns: %s\n", ipaddr_ntoa(dns_getserver(0)));
    UNLOCK_TCPIP_CORE();
    return COMMAND_OK;
}

static int print_transfer(char **argv)
{
    struct transfer_result result;
    int error = transfer_run(argv[1], (uint16_t)atoi(argv[2]), strtoull(argv[3], NULL, 10), &result);

    if (error == 0)
        printf("transfer: %s bytes each way, %s, %lu ms out, %lu ms in\n", argv[3],
               result.equal ? "checksums equal" : "CHECKSUMS DIFFER",
               (unsigned long)(result.out / NSEC_PER_MSEC), (unsigned long)(result.in / NSEC_PER_MSEC));
    return error;
}

static int print_echo(char **argv)
{
    uint64_t ns;
    int error = transfer_echo(argv[1], (uint16_t)atoi(argv[2]), strtoull(argv[4], NULL, 10), &ns);

    if (error == 0)
        printf("transfer: %s requests and responses, %lu ms\n", argv[4], (unsigned long)(ns / NSEC_PER_MSEC));
    return error;
}

static int run_transfer(int argc, char **argv)
{
    int error;

    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        error = transfer_serve((uint16_t)atoi(argv[2]));
    else if (argc == 4)
        error = print_transfer(argv);
    else if (argc == 5 && strcmp(argv[3], "rr") == 0)
        error = print_echo(argv);
    else
        return COMMAND_USAGE;
    if (error != 0)
        fprintf(stderr, "%s: %s\n", argv[0], strerror(error));
    return error == 0 ? COMMAND_OK : COMMAND_FAIL;
}

static const struct command brctl_commands[] = {
    { .name = "show", .summary = "list switches, their ports and traffic", .run = run_show },
    { .name = "showmacs", .summary = "list the addresses that switches have learnt", .run = run_showmacs },
};

const struct command network_commands[] = {
    { .name = "ifconfig",
      .arguments = "[INTERFACE ADDRESS/LENGTH [GATEWAY] | INTERFACE mtu BYTES]",
      .summary = "show dom0's network interfaces, or set an address or the largest packets that are sent",
      .run = run_ifconfig },
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
    { .name = "transfer",
      .arguments = "serve PORT | ADDRESS PORT BYTES | ADDRESS PORT rr ROUNDS",
      .summary = "move data over TCP both ways and compare checksums",
      .options = "  serve PORT  answer others from now on\n"
                 "  rr ROUNDS   requests and responses of 64 bytes instead\n",
      .run = run_transfer },
};
const size_t network_nr_commands = sizeof(network_commands) / sizeof(network_commands[0]);
