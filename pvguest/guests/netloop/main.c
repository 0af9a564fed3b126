/* SPDX-License-Identifier: MIT */
/*
 * lwIP on the guest library: a server thread and a client exchange data over the loopback interface, by IPv4,
 * by IPv6 and by UDP; refused connections and receive timeouts are reported as such. Prints "Test result:
 * ..." at its end.
 */
#include "lwip/sockets.h"
#include "lwip/tcpip.h"
#include "pvguest/panic.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/sched.h>

#define TOTAL (8UL << 20)
#define CHUNK 8192

static struct semaphore started = SEMAPHORE_INITIALIZER(started, 0);

static void tcpip_is_up(void *arg)
{
    (void)arg;
    semaphore_up(&started);
}

static void fail(const char *what)
{
    printf("%s: errno %d (%s)\nTest result: FAILURE\n", what, errno, strerror(errno));
    fflush(stdout);
    domain_shutdown(SHUTDOWN_crash);
}

static void check(bool good, const char *what)
{
    if (!good)
        fail(what);
}

static unsigned char pattern(size_t at)
{
    return (unsigned char)(at * 7 + (at >> 12));
}

struct transfer {
    int listener;
    size_t received;
    bool intact;
};

static void serve(void *arg)
{
    struct transfer *transfer = arg;
    static unsigned char buf[CHUNK];
    int connection = lwip_accept(transfer->listener, NULL, NULL);
    ssize_t got;

    check(connection >= 0, "accept");
    while ((got = lwip_recv(connection, buf, sizeof(buf), 0)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            transfer->intact = transfer->intact && buf[i] == pattern(transfer->received + (size_t)i);
        transfer->received += (size_t)got;
    }
    check(lwip_send(connection, "done", 4, 0) == 4, "send the answer");
    lwip_close(connection);
}

static void send_all(int socket)
{
    static unsigned char buf[CHUNK];

    for (size_t sent = 0; sent < TOTAL; sent += CHUNK) {
        for (size_t i = 0; i < CHUNK; i++)
            buf[i] = pattern(sent + i);
        for (size_t part = 0; part < CHUNK;) {
            ssize_t done = lwip_send(socket, buf + part, CHUNK - part, 0);

            check(done > 0, "send");
            part += (size_t)done;
        }
    }
}

static void test_tcp(const char *name, const struct sockaddr *address, socklen_t length)
{
    struct transfer transfer = { .intact = true };
    struct thread *server;
    uint64_t start = time_ns();
    char answer[8];
    int client;

    transfer.listener = lwip_socket(address->sa_family, SOCK_STREAM, 0);
    check(transfer.listener >= 0, "socket");
    check(lwip_bind(transfer.listener, address, length) == 0, "bind");
    check(lwip_listen(transfer.listener, 4) == 0, "listen");
    server = thread_create("server", serve, &transfer, 0);
    check(server != NULL, "thread_create");
    client = lwip_socket(address->sa_family, SOCK_STREAM, 0);
    check(lwip_connect(client, address, length) == 0, "connect");
    send_all(client);
    check(lwip_shutdown(client, SHUT_WR) == 0, "shutdown");
    check(lwip_recv(client, answer, sizeof(answer), 0) == 4 && memcmp(answer, "done", 4) == 0, "the answer");
    thread_join(server);
    lwip_close(client);
    lwip_close(transfer.listener);
    check(transfer.received == TOTAL && transfer.intact, "data arrived damaged");
    printf("%s: %lu MiB in %lu ms\n", name, TOTAL >> 20,
           (unsigned long)((time_ns() - start) / NSEC_PER_MSEC));
}

static void test_refusal(struct sockaddr_in address)
{
    int client = lwip_socket(AF_INET, SOCK_STREAM, 0);

    address.sin_port = lwip_htons(9);
    check(lwip_connect(client, (const struct sockaddr *)&address, sizeof(address)) == -1 &&
              errno == ECONNRESET,
          "a closed port accepted a connection");
    lwip_close(client);
}

static void test_udp(struct sockaddr_in address)
{
    const struct timeval patience = { .tv_usec = 20000 };
    int a = lwip_socket(AF_INET, SOCK_DGRAM, 0), b = lwip_socket(AF_INET, SOCK_DGRAM, 0);
    uint64_t start = time_ns();
    char buf[16];

    check(lwip_bind(b, (const struct sockaddr *)&address, sizeof(address)) == 0, "bind UDP");
    check(lwip_setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0, "SO_RCVTIMEO");
    check(lwip_recv(b, buf, sizeof(buf), 0) == -1 && errno == EAGAIN, "a receive timeout");
    check(time_ns() - start >= 20 * NSEC_PER_MSEC, "the timeout came early");
    check(lwip_sendto(a, "datagram", 8, 0, (const struct sockaddr *)&address, sizeof(address)) == 8,
          "sendto");
    check(lwip_recv(b, buf, sizeof(buf), 0) == 8 && memcmp(buf, "datagram", 8) == 0, "the datagram");
    lwip_close(a);
    lwip_close(b);
}

int main(void)
{
    struct sockaddr_in v4 = { .sin_len = sizeof(v4), .sin_family = AF_INET, .sin_port = lwip_htons(5001) };
    struct sockaddr_in6 v6 = { .sin6_len = sizeof(v6),
                               .sin6_family = AF_INET6,
                               .sin6_port = lwip_htons(5001) };

    v4.sin_addr.s_addr = lwip_htonl(INADDR_LOOPBACK);
    v6.sin6_addr.s6_addr[15] = 1;
    tcpip_init(tcpip_is_up, NULL);
    semaphore_down(&started);
    test_tcp("IPv4", (const struct sockaddr *)&v4, sizeof(v4));
    test_tcp("IPv6", (const struct sockaddr *)&v6, sizeof(v6));
    test_refusal(v4);
    test_udp(v4);
    printf("Test result: SUCCESS\n");
    fflush(stdout);
    domain_shutdown(SHUTDOWN_reboot);
}
