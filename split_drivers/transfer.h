/* SPDX-License-Identifier: MIT */
/*
 * Data over TCP with checksums, to show that a network carries it and how fast. The client sends the number
 * of bytes (8 bytes, little-endian, a multiple of 8) and the data; the server answers with the checksum of
 * what came, as much data of its own, and that data's checksum. With the number's highest bit set it is the
 * number of 64-byte messages that the server sends back one by one. tests/interop/transfer.c is the same for
 * Linux. lwIP runs; threads only.
 */
#ifndef SPLIT_DRIVERS_TRANSFER_H
#define SPLIT_DRIVERS_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#define TRANSFER_PORT 5000

/* Serves that port from now on, a thread for each connection. 0 or an errno. */
int transfer_serve(uint16_t port);

struct transfer_result {
    bool equal;       /* the checksums */
    uint64_t out, in; /* ns */
};

/* The client's side; address: "10.0.0.1" or "fe80::1%en1". 0 or an errno. */
int transfer_run(const char *address, uint16_t port, uint64_t bytes, struct transfer_result *result);

/* As many requests and responses; *ns: how long they took. */
int transfer_echo(const char *address, uint16_t port, uint64_t rounds, uint64_t *ns);

#endif
