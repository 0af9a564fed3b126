/* SPDX-License-Identifier: MIT */
/* Sends back what comes in on TCP port 7, by IPv4 and IPv6, each connection in a thread of its own. */
#include "pvguest/time.h"
#include "split_drivers/netfront.h"
#include <netdb.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 7

static void *serve(void *arg)
{
    int connection = (int)(intptr_t)arg;
    char buf[4096];
    ssize_t got;

    while ((got = read(connection, buf, sizeof(buf))) > 0) {
        for (ssize_t done = 0, n; done < got; done += n) {
            n = write(connection, buf + done, (size_t)(got - done));
            if (n <= 0)
                break;
        }
    }
    close(connection);
    return NULL;
}

int main(void)
{
    struct sockaddr_in6 address = { .sin6_len = sizeof(address),
                                    .sin6_family = AF_INET6,
                                    .sin6_port = htons(PORT) };
    int listener, connection, error = netfront_start();
    pthread_t thread;

    if (!error)
        error = netfront_wait(TIME_NEVER);
    if (error) {
        fprintf(stderr, "echo: %s\n", strerror(error));
        return 1;
    }
    listener = socket(AF_INET6, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
        listen(listener, SOMAXCONN)) {
        perror("echo");
        return 1;
    }
    printf("echo: listening on port %d\n", PORT);
    while ((connection = accept(listener, NULL, NULL)) >= 0) {
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)connection))
            close(connection);
        else
            pthread_detach(thread);
    }
    perror("echo: accept");
    return 1;
}
