/* SPDX-License-Identifier: MIT */
/*
 * A guest on the network: serves transfers (split_drivers/transfer.h), and runs some itself if the arguments
 * say so:
 *
 *     [IP=10.0.0.2/24] [transfer ADDRESS PORT BYTES | echo ADDRESS PORT ROUNDS | group ADDRESS PORT NUMBER]
 *
 * one after the other. `group` is a member of a multicast group until that many datagrams have come.
 */
#include "lwip/netif.h"
#include "pvguest/guests/net/group.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "split_drivers/netfront.h"
#include "split_drivers/transfer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE (60 * NSEC_PER_SEC)
#define TRIES    30

static int run_transfer(char **argv)
{
    struct transfer_result result;
    int error = transfer_run(argv[1], (uint16_t)atoi(argv[2]), strtoull(argv[3], NULL, 10), &result);

    if (!error)
        printf("transfer: %s bytes each way, %s, %lu ms out, %lu ms in\n", argv[3],
               result.equal ? "checksums equal" : "CHECKSUMS DIFFER",
               (unsigned long)(result.out / NSEC_PER_MSEC), (unsigned long)(result.in / NSEC_PER_MSEC));
    return error;
}

static int run_echo(char **argv)
{
    uint64_t ns;
    int error = transfer_echo(argv[1], (uint16_t)atoi(argv[2]), strtoull(argv[3], NULL, 10), &ns);

    if (!error)
        printf("transfer: %s requests and responses, %lu ms\n", argv[3], (unsigned long)(ns / NSEC_PER_MSEC));
    return error;
}

static int run_group(char **argv)
{
    int error = group_receive(argv[1], (uint16_t)atoi(argv[2]), strtoul(argv[3], NULL, 10));

    if (!error)
        printf("net: %s datagrams to %s\n", argv[3], argv[1]);
    return error;
}

static int run(char **argv)
{
    return strcmp(argv[0], "transfer") == 0 ? run_transfer(argv)
           : strcmp(argv[0], "group") == 0  ? run_group(argv)
                                            : run_echo(argv);
}

/* The peer may not be there yet. */
static void again(char **argv)
{
    int error = run(argv);

    for (int i = 0; i < TRIES && error; i++) {
        thread_sleep(NSEC_PER_SEC);
        error = run(argv);
    }
    if (error)
        printf("net: %s %s: %s\n", argv[0], argv[1], strerror(error));
}

int main(int argc, char **argv)
{
    int error = netfront_start();

    if (!error)
        error = netfront_wait(time_ns() + PATIENCE);
    if (!error)
        error = transfer_serve(TRANSFER_PORT);
    if (error) {
        printf("net: %s\n", strerror(error));
        return 1;
    }
    printf("net: address %s\n", ip4addr_ntoa(netif_ip4_addr(netif_default)));
    for (int i = 1; i + 3 < argc; i += 4)
        again(argv + i);
    printf("net: serving port %d\n", TRANSFER_PORT);
    for (;;)
        thread_sleep(3600 * NSEC_PER_SEC);
}
