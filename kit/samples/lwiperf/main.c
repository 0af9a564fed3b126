/* SPDX-License-Identifier: MIT */
/* A network benchmark: lwIP's lwiperf answers iperf 2, or with an argument calls an iperf server at that
 * address. */
#include "pvguest/time.h"
#include "split_drivers/netfront.h"
#include <lwip/apps/lwiperf.h>
#include <lwip/netif.h>
#include <lwip/tcpip.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* With lwIP's lock, at the end of each connection. */
static void report(void *arg, enum lwiperf_report_type type, const ip_addr_t *local, u16_t local_port,
                   const ip_addr_t *remote, u16_t remote_port, u32_t bytes, u32_t milliseconds,
                   u32_t kbits_per_second)
{
    (void)arg, (void)local, (void)local_port, (void)remote_port;
    printf("lwiperf: %s %s: %lu bytes in %lu ms, %lu kbit/s\n",
           type == LWIPERF_TCP_DONE_SERVER   ? "from"
           : type == LWIPERF_TCP_DONE_CLIENT ? "to"
                                             : "broken off,",
           ipaddr_ntoa(remote), (unsigned long)bytes, (unsigned long)milliseconds,
           (unsigned long)kbits_per_second);
}

int main(int argc, char **argv)
{
    int error = netfront_start();
    ip_addr_t server;
    void *session;

    if (!error)
        error = netfront_wait(TIME_NEVER);
    if (error) {
        printf("lwiperf: %s\n", strerror(error));
        return 1;
    }
    if (argc > 1 && !ipaddr_aton(argv[1], &server)) {
        printf("lwiperf: '%s' is no address\n", argv[1]);
        return 1;
    }
    LOCK_TCPIP_CORE();
    session = argc > 1 ? lwiperf_start_tcp_client_default(&server, report, NULL)
                       : lwiperf_start_tcp_server_default(report, NULL);
    UNLOCK_TCPIP_CORE();
    if (!session) {
        printf("lwiperf: no memory\n");
        return 1;
    }
    printf("lwiperf: %s %s\n", argc > 1 ? "calling" : "serving",
           argc > 1 ? argv[1] : ip4addr_ntoa(netif_ip4_addr(netif_default)));
    for (;;)
        sleep(3600);
}
