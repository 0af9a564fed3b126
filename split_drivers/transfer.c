/* SPDX-License-Identifier: MIT */
#include "split_drivers/transfer.h"
#include "lwip/sockets.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK   32768
#define MESSAGE 64
#define ECHO    (1ULL << 63)
#define BACKLOG 16

/* One end of a connection. */
struct peer {
    int fd;
    int error;
    uint64_t state, sum;
    uint64_t buffer[CHUNK / 8];
};

static void send_all(struct peer *peer, const void *data, size_t length)
{
    for (size_t done = 0; done < length && !peer->error;) {
        ssize_t n = lwip_send(peer->fd, (const char *)data + done, length - done, 0);

        if (n <= 0)
            peer->error = n ? errno : EPIPE;
        else
            done += (size_t)n;
    }
}

static void receive_all(struct peer *peer, void *data, size_t length)
{
    for (size_t done = 0; done < length && !peer->error;) {
        ssize_t n = lwip_recv(peer->fd, (char *)data + done, length - done, 0);

        if (n <= 0)
            peer->error = n ? errno : EPIPE;
        else
            done += (size_t)n;
    }
}

static void add(struct peer *peer, size_t words)
{
    for (size_t i = 0; i < words; i++)
        peer->sum = (peer->sum << 5 | peer->sum >> 59) ^ peer->buffer[i];
}

/* Knuth's 64-bit linear congruential generator is the data. */
static uint64_t send_stream(struct peer *peer, uint64_t bytes, uint64_t seed)
{
    peer->state = seed;
    peer->sum = 0;
    for (uint64_t left = bytes; left && !peer->error;) {
        size_t part = left < CHUNK ? left : CHUNK;

        for (size_t i = 0; i < part / 8; i++)
            peer->buffer[i] = peer->state = peer->state * 6364136223846793005U + 1442695040888963407U;
        add(peer, part / 8);
        send_all(peer, peer->buffer, part);
        left -= part;
    }
    return peer->sum;
}

static uint64_t receive_stream(struct peer *peer, uint64_t bytes)
{
    peer->sum = 0;
    for (uint64_t left = bytes; left && !peer->error;) {
        size_t part = left < CHUNK ? left : CHUNK;

        receive_all(peer, peer->buffer, part);
        add(peer, part / 8);
        left -= part;
    }
    return peer->sum;
}

static void echo(struct peer *peer, uint64_t rounds)
{
    for (; rounds && !peer->error; rounds--) {
        receive_all(peer, peer->buffer, MESSAGE);
        send_all(peer, peer->buffer, MESSAGE);
    }
}

static struct peer *new_peer(int fd)
{
    struct peer *peer = fd >= 0 ? calloc(1, sizeof(*peer)) : NULL;
    int one = 1;

    if (!peer) {
        if (fd >= 0)
            lwip_close(fd);
        return NULL;
    }
    peer->fd = fd;
    lwip_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return peer;
}

static int end_peer(struct peer *peer)
{
    int error = peer->error;

    lwip_close(peer->fd);
    free(peer);
    return error;
}

static void answer(void *arg)
{
    struct peer *peer = arg;
    uint64_t bytes = 0, sum;

    receive_all(peer, &bytes, sizeof(bytes));
    if (bytes & ECHO) {
        echo(peer, bytes & ~ECHO);
    } else {
        bytes &= ~(uint64_t)7;
        sum = receive_stream(peer, bytes);
        send_all(peer, &sum, sizeof(sum));
        sum = send_stream(peer, bytes, 2);
        send_all(peer, &sum, sizeof(sum));
    }
    end_peer(peer);
}

static void accept_all(void *arg)
{
    int listener = (int)(intptr_t)arg;

    for (;;) {
        struct peer *peer = new_peer(lwip_accept(listener, NULL, NULL));
        struct thread *thread = peer ? thread_create("transfer", answer, peer, 0) : NULL;

        if (thread)
            thread_detach(thread);
        else if (peer)
            end_peer(peer);
    }
}

int transfer_serve(uint16_t port)
{
    struct sockaddr_in6 address = { .sin6_len = sizeof(address),
                                    .sin6_family = AF_INET6,
                                    .sin6_port = lwip_htons(port) };
    int listener = lwip_socket(AF_INET6, SOCK_STREAM, 0), error = 0; /* takes IPv4 too */
    struct thread *thread;

    if (listener < 0)
        return errno;
    if (lwip_bind(listener, (struct sockaddr *)&address, sizeof(address)) || lwip_listen(listener, BACKLOG))
        error = errno;
    thread = error ? NULL : thread_create("transfers", accept_all, (void *)(intptr_t)listener, 0);
    if (!thread) {
        lwip_close(listener);
        return error ? error : ENOMEM;
    }
    thread_detach(thread);
    return 0;
}

static int call(const char *address, uint16_t port, struct peer **peer)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
    struct addrinfo *to;
    char service[8];
    int failed;

    snprintf(service, sizeof(service), "%u", port);
    if (getaddrinfo(address, service, &hints, &to))
        return EINVAL;
    *peer = new_peer(lwip_socket(to->ai_family, SOCK_STREAM, 0));
    failed = *peer && lwip_connect((*peer)->fd, to->ai_addr, to->ai_addrlen);
    freeaddrinfo(to);
    if (!*peer)
        return ENOMEM;
    if (!failed)
        return 0;
    (*peer)->error = errno;
    return end_peer(*peer);
}

int transfer_run(const char *address, uint16_t port, uint64_t bytes, struct transfer_result *result)
{
    uint64_t sent, theirs, received, announced, start, middle;
    struct peer *peer;
    int error = call(address, port, &peer);

    if (error)
        return error;
    bytes &= ~(uint64_t)7;
    start = time_ns();
    send_all(peer, &bytes, sizeof(bytes));
    sent = send_stream(peer, bytes, 1);
    receive_all(peer, &theirs, sizeof(theirs));
    middle = time_ns();
    received = receive_stream(peer, bytes);
    receive_all(peer, &announced, sizeof(announced));
    error = end_peer(peer);
    if (!error)
        *result = (struct transfer_result){ sent == theirs && received == announced, middle - start,
                                            time_ns() - middle };
    return error;
}

int transfer_echo(const char *address, uint16_t port, uint64_t rounds, uint64_t *ns)
{
    uint64_t number = rounds | ECHO, start;
    struct peer *peer;
    int error = call(address, port, &peer);

    if (error)
        return error;
    start = time_ns();
    send_all(peer, &number, sizeof(number));
    for (uint64_t i = 0; i < rounds && !peer->error; i++) {
        send_all(peer, peer->buffer, MESSAGE);
        receive_all(peer, peer->buffer, MESSAGE);
    }
    *ns = time_ns() - start;
    return end_peer(peer);
}
