/* SPDX-License-Identifier: MIT */
/*
 * usage: transfer serve PORT | transfer ADDRESS PORT BYTES | transfer ADDRESS PORT rr ROUNDS
 *
 * ADDRESS is as 10.0.0.1, or as fe80::1%eth0.
 *
 * Moves BYTES each way over one TCP connection and compares checksums. The client sends the number (8 bytes,
 * little-endian) and the data; the server answers with the checksum of what came, its own data, and that
 * data's checksum.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK   65536
#define MESSAGE 64
#define ECHO    (1ULL << 63)

static uint64_t buffer[CHUNK / 8];

struct stream {
    uint64_t state, sum;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Knuth's 64-bit linear congruential generator. */
static void make(struct stream *stream, size_t words)
{
    for (size_t i = 0; i < words; i++)
        buffer[i] = stream->state = stream->state * 6364136223846793005U + 1442695040888963407U;
}

static void add(struct stream *stream, size_t words)
{
    for (size_t i = 0; i < words; i++)
        stream->sum = (stream->sum << 5 | stream->sum >> 59) ^ buffer[i];
}

static void send_all(int fd, const void *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = send(fd, (const char *)data + done, length - done, 0);

        if (n <= 0)
            fail("send");
        done += (size_t)n;
    }
}

static void receive_all(int fd, void *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = recv(fd, (char *)data + done, length - done, 0);

        if (n <= 0)
            fail("recv");
        done += (size_t)n;
    }
}

static uint64_t send_stream(int fd, uint64_t bytes, uint64_t seed)
{
    struct stream stream = { .state = seed };

    for (uint64_t left = bytes; left; left -= left < CHUNK ? left : CHUNK) {
        size_t part = left < CHUNK ? left : CHUNK;

        make(&stream, part / 8);
        add(&stream, part / 8);
        send_all(fd, buffer, part);
    }
    return stream.sum;
}

static uint64_t receive_stream(int fd, uint64_t bytes)
{
    struct stream stream = { .state = 0 };

    for (uint64_t left = bytes; left; left -= left < CHUNK ? left : CHUNK) {
        size_t part = left < CHUNK ? left : CHUNK;

        receive_all(fd, buffer, part);
        add(&stream, part / 8);
    }
    return stream.sum;
}

static void echo(int fd, uint64_t rounds)
{
    for (; rounds; rounds--) {
        receive_all(fd, buffer, MESSAGE);
        send_all(fd, buffer, MESSAGE);
    }
}

static void answer(int fd)
{
    uint64_t bytes, sum;

    receive_all(fd, &bytes, sizeof(bytes));
    if (bytes & ECHO) {
        echo(fd, bytes & ~ECHO);
        return;
    }
    bytes &= ~(uint64_t)7;
    sum = receive_stream(fd, bytes);
    send_all(fd, &sum, sizeof(sum));
    sum = send_stream(fd, bytes, 2);
    send_all(fd, &sum, sizeof(sum));
}

static void serve(int port)
{
    struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    int listener = socket(AF_INET6, SOCK_STREAM, 0), one = 1; /* takes IPv4 too */

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 4))
        fail("listen");
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            fail("accept");
        if (fork() == 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            answer(fd);
            exit(0);
        }
        close(fd);
    }
}

static uint64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int call(const char *host, const char *port)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
    struct addrinfo *to;
    int fd, one = 1;

    if (getaddrinfo(host, port, &hints, &to))
        fail(host);
    fd = socket(to->ai_family, SOCK_STREAM, 0);
    if (connect(fd, to->ai_addr, to->ai_addrlen))
        fail("connect");
    freeaddrinfo(to);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static int transfer(int fd, uint64_t bytes)
{
    uint64_t sent, theirs, received, announced, start = milliseconds(), middle;

    send_all(fd, &bytes, sizeof(bytes));
    sent = send_stream(fd, bytes, 1);
    receive_all(fd, &theirs, sizeof(theirs));
    middle = milliseconds();
    received = receive_stream(fd, bytes);
    receive_all(fd, &announced, sizeof(announced));
    printf("transfer: %llu bytes each way, %s, %llu ms out, %llu ms in\n", (unsigned long long)bytes,
           sent == theirs && received == announced ? "checksums equal" : "CHECKSUMS DIFFER",
           (unsigned long long)(middle - start), (unsigned long long)(milliseconds() - middle));
    return sent == theirs && received == announced ? 0 : 1;
}

static int request_response(int fd, uint64_t rounds)
{
    uint64_t number = rounds | ECHO, start = milliseconds();

    send_all(fd, &number, sizeof(number));
    for (uint64_t i = 0; i < rounds; i++) {
        send_all(fd, buffer, MESSAGE);
        receive_all(fd, buffer, MESSAGE);
    }
    printf("transfer: %llu requests and responses, %llu ms\n", (unsigned long long)rounds,
           (unsigned long long)(milliseconds() - start));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        serve(atoi(argv[2]));
    if (argc == 4)
        return transfer(call(argv[1], argv[2]), strtoull(argv[3], NULL, 10) & ~7ULL);
    if (argc == 5 && strcmp(argv[3], "rr") == 0)
        return request_response(call(argv[1], argv[2]), strtoull(argv[4], NULL, 10));
    fprintf(stderr,
            "usage: transfer serve PORT | transfer ADDRESS PORT BYTES | transfer ADDRESS PORT rr ROUNDS\n");
    return 2;
}
