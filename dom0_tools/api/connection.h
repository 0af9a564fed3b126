/* SPDX-License-Identifier: MIT */
/* One connection to the API: its requests, one after the other, until either side has enough. */
#ifndef DOM0_API_CONNECTION_H
#define DOM0_API_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

struct tls_session;

struct api_connection {
    int socket;
    struct tls_session *tls;
    const char *secret; /* that its requests must carry */
    /* Since when a request is waited for, by time_ns(); 0 while one is worked on. */
    volatile uint64_t idle_since;
    volatile bool give_way; /* set by others: end while idle, for somebody else waits */
};

/* Serves it to its end; closing the socket is the caller's. */
void api_connection_serve(struct api_connection *c);

#endif
