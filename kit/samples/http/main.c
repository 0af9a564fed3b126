/* SPDX-License-Identifier: MIT */
/* A web server: the network card, lwIP's httpd, and nothing else to do. */
#include "pvguest/time.h"
#include "split_drivers/netfront.h"
#include <lwip/apps/httpd.h>
#include <lwip/netif.h>
#include <lwip/tcpip.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    int error = netfront_start();

    if (!error)
        error = netfront_wait(TIME_NEVER);
    if (error) {
        printf("http: %s\n", strerror(error));
        return 1;
    }
    LOCK_TCPIP_CORE();
    httpd_init();
    UNLOCK_TCPIP_CORE();
    printf("http: serving http://%s/\n", ip4addr_ntoa(netif_ip4_addr(netif_default)));
    for (;;)
        sleep(3600);
}
