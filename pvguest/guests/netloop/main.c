/* SPDX-License-Identifier: MIT */
/*
 * Sockets on the guest library, by their POSIX names: a server thread and a client exchange data over the
 * loopback interface, by IPv4, by IPv6 and by UDP; refused connections and receive timeouts are reported as
 * such; poll() and select() wait for sockets and the console; names are resolved. Prints "Test result:
 * ..." at its end.
 */
#include "pvguest/hypercall.h"
#include "pvguest/panic.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#define TOTAL (8UL << 20)
#define CHUNK 8192

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
    int connection = accept(transfer->listener, NULL, NULL);
    const struct iovec answer[] = { { (char[]){ "do" }, 2 }, { (char[]){ "ne" }, 2 } };
    ssize_t got;

    check(connection >= 0, "accept");
    while ((got = read(connection, buf, sizeof(buf))) > 0) {
        for (ssize_t i = 0; i < got; i++)
            transfer->intact = transfer->intact && buf[i] == pattern(transfer->received + (size_t)i);
        transfer->received += (size_t)got;
    }
    check(writev(connection, answer, 2) == 4, "write the answer");
    close(connection);
}

static void send_all(int socket)
{
    static unsigned char buf[CHUNK];

    for (size_t sent = 0; sent < TOTAL; sent += CHUNK) {
        for (size_t i = 0; i < CHUNK; i++)
            buf[i] = pattern(sent + i);
        for (size_t part = 0; part < CHUNK;) {
            ssize_t done = send(socket, buf + part, CHUNK - part, 0);

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

    transfer.listener = socket(address->sa_family, SOCK_STREAM, 0);
    check(transfer.listener >= 0, "socket");
    check(bind(transfer.listener, address, length) == 0, "bind");
    check(listen(transfer.listener, 4) == 0, "listen");
    server = thread_create("server", serve, &transfer, 0);
    check(server != NULL, "thread_create");
    client = socket(address->sa_family, SOCK_STREAM, 0);
    check(connect(client, address, length) == 0, "connect");
    send_all(client);
    check(shutdown(client, SHUT_WR) == 0, "shutdown");
    check(recv(client, answer, sizeof(answer), 0) == 4 && memcmp(answer, "done", 4) == 0, "the answer");
    thread_join(server);
    close(client);
    close(transfer.listener);
    check(transfer.received == TOTAL && transfer.intact, "data arrived damaged");
    printf("%s: %lu MiB in %lu ms\n", name, TOTAL >> 20,
           (unsigned long)((time_ns() - start) / NSEC_PER_MSEC));
}

static void test_refusal(struct sockaddr_in address)
{
    int client = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_port = htons(9);
    check(connect(client, (const struct sockaddr *)&address, sizeof(address)) == -1 && errno == ECONNRESET,
          "a closed port accepted a connection");
    close(client);
}

static void test_udp(struct sockaddr_in address)
{
    const struct timeval patience = { .tv_usec = 20000 };
    int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
    uint64_t start = time_ns();
    char buf[16];

    check(bind(b, (const struct sockaddr *)&address, sizeof(address)) == 0, "bind UDP");
    check(setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0, "SO_RCVTIMEO");
    check(recv(b, buf, sizeof(buf), 0) == -1 && errno == EAGAIN, "a receive timeout");
    check(time_ns() - start >= 20 * NSEC_PER_MSEC, "the timeout came early");
    check(sendto(a, "datagram", 8, 0, (const struct sockaddr *)&address, sizeof(address)) == 8, "sendto");
    check(recv(b, buf, sizeof(buf), 0) == 8 && memcmp(buf, "datagram", 8) == 0, "the datagram");
    close(a);
    close(b);
}

/* Nanoseconds that this vCPU has run. */
static uint64_t time_running(void)
{
    struct vcpu_runstate_info info;

    check(hypercall_vcpu_op(VCPUOP_get_runstate_info, 0, &info) == 0, "the time that the vCPU has run");
    return info.time[RUNSTATE_running];
}

/* A socket and the console, and nothing comes from either: the CPU has nothing to do. */
static void test_idle_poll(int socket)
{
    struct pollfd fds[] = { { .fd = socket, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
    uint64_t start = time_running();

    check(poll(fds, 2, 1000) == 0, "poll() for nothing");
    printf("netloop: poll() for a second, %lu ns on the CPU\n", time_running() - start);
}

/* Type a line. */
static void test_console_poll(int socket)
{
    struct pollfd fds[] = { { .fd = socket, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
    char line[16];

    printf("netloop: type a line\n");
    fflush(stdout);
    check(poll(fds, 2, -1) == 1 && fds[1].revents == POLLIN, "poll() for the console");
    check(read(STDIN_FILENO, line, sizeof(line)) > 0 && line[0] == 'a', "the line");
    check(poll(fds, 2, 0) == 0, "poll() once the line was read");
}

static void *send_later(void *socket)
{
    usleep(5000);
    write(*(int *)socket, "x", 1);
    return NULL;
}

/* b receives what a sends. */
static void test_poll(int a, int b)
{
    struct pollfd fds[] = { { .fd = b, .events = POLLIN }, { .fd = 999, .events = POLLIN }, { .fd = -1 } };
    struct timeval soon = { .tv_usec = 10000 };
    uint64_t start = time_ns();
    pthread_t thread;
    fd_set set;
    char c;

    check(poll(fds, 1, 10) == 0 && time_ns() - start >= 10 * NSEC_PER_MSEC, "poll() for nothing");
    check(poll(fds, 3, -1) == 1 && fds[1].revents == POLLNVAL && !fds[2].revents, "poll() of no descriptor");
    check(pthread_create(&thread, NULL, send_later, &a) == 0, "pthread_create");
    check(poll(fds, 1, -1) == 1 && fds[0].revents == POLLIN, "poll() for data");
    check(read(b, &c, 1) == 1 && pthread_join(thread, NULL) == 0, "the polled data");
    FD_ZERO(&set);
    FD_SET(b, &set);
    FD_SET(STDIN_FILENO, &set);
    check(select(b + 1, &set, NULL, NULL, &soon) == 0 && !FD_ISSET(b, &set), "select() for nothing");
    FD_SET(STDOUT_FILENO, &set);
    check(select(b + 1, NULL, &set, NULL, NULL) == 1 && FD_ISSET(STDOUT_FILENO, &set),
          "select() for the console");
    FD_SET(b, &set);
    check(write(a, "y", 1) == 1 && select(b + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(b, &set),
          "select() for data");
    check(fcntl(b, F_SETFL, O_NONBLOCK) == 0 && (fcntl(b, F_GETFL) & O_NONBLOCK), "O_NONBLOCK");
    check(read(b, &c, 1) == 1 && read(b, &c, 1) == -1 && errno == EAGAIN, "a read that does not block");
}

static void test_descriptors(struct sockaddr_in address)
{
    int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0), copy;
    char text[INET6_ADDRSTRLEN], port[8];
    struct addrinfo *list;

    check(bind(b, (const struct sockaddr *)&address, sizeof(address)) == 0, "bind");
    check(connect(a, (const struct sockaddr *)&address, sizeof(address)) == 0, "connect UDP");
    test_poll(a, b);
    test_idle_poll(b);
    test_console_poll(b);
    copy = dup(a);
    check(close(a) == 0 && write(copy, "z", 1) == 1, "a copy outlives its original");
    check(bind(STDOUT_FILENO, (const struct sockaddr *)&address, sizeof(address)) == -1 && errno == ENOTSOCK,
          "ENOTSOCK");
    check(close(copy) == 0 && close(b) == 0 && close(b) == -1 && errno == EBADF, "close");
    check(getaddrinfo("127.0.0.1", "80", NULL, &list) == 0 && list->ai_addr->sa_family == AF_INET,
          "getaddrinfo");
    check(getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof(text), port, sizeof(port), 0) == 0,
          "getnameinfo");
    check(strcmp(text, "127.0.0.1") == 0 && strcmp(port, "80") == 0, "the name");
    freeaddrinfo(list);
}

int main(void)
{
    struct sockaddr_in v4 = { .sin_len = sizeof(v4), .sin_family = AF_INET, .sin_port = htons(5001) };
    struct sockaddr_in6 v6 = { .sin6_len = sizeof(v6), .sin6_family = AF_INET6, .sin6_port = htons(5001) };

    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v6.sin6_addr.s6_addr[15] = 1;
    test_tcp("IPv4", (const struct sockaddr *)&v4, sizeof(v4));
    test_tcp("IPv6", (const struct sockaddr *)&v6, sizeof(v6));
    test_refusal(v4);
    test_udp(v4);
    test_descriptors(v4);
    printf("Test result: SUCCESS\n");
    fflush(stdout);
    domain_shutdown(SHUTDOWN_reboot);
}
