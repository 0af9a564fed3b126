/* SPDX-License-Identifier: MIT */
/*
 * The API's sockets: a thread that accepts connections, and one for each connection. There is room for so
 * many; when all of it is taken, the one that has been idle longest gives way.
 */
#include "dom0_tools/api/api.h"
#include "dom0_tools/api/connection.h"
#include "dom0_tools/api/http_request.h"
#include "dom0_tools/api/tls.h"
#include "lwip/sockets.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_SIZE     (128U << 10)
#define NR_CONNECTIONS 16
#define NOT_ACCEPTED   8 /* connections that the listener holds besides */

static struct server {
    const char *secret;
    int listener;
    struct mutex lock;
    struct cond freed;
    struct slot {
        bool taken;
        struct api_connection connection;
    } slot[NR_CONNECTIONS];
} server = { .lock = MUTEX_INITIALIZER(server.lock), .freed = COND_INITIALIZER(server.freed) };

static struct slot *find_free(void)
{
    for (unsigned int i = 0; i < NR_CONNECTIONS; i++)
        if (!server.slot[i].taken)
            return &server.slot[i];
    return NULL;
}

static void let_idle_give_way(void)
{
    struct api_connection *oldest = NULL;

    for (unsigned int i = 0; i < NR_CONNECTIONS; i++) {
        struct api_connection *c = &server.slot[i].connection;

        if (c->idle_since != 0 && (oldest == NULL || c->idle_since < oldest->idle_since))
            oldest = c;
    }
    if (oldest != NULL)
        oldest->give_way = true;
}

/* Waits for room. */
static struct slot *take_slot(void)
{
    struct slot *slot;

    mutex_lock(&server.lock);
    while ((slot = find_free()) == NULL) {
        let_idle_give_way();
        cond_wait_until(&server.freed, &server.lock, time_ns() + NSEC_PER_SEC);
    }
    slot->taken = true;
    mutex_unlock(&server.lock);
    return slot;
}

static void free_slot(struct slot *slot)
{
    mutex_lock(&server.lock);
    slot->taken = false;
    cond_signal(&server.freed);
    mutex_unlock(&server.lock);
}

static void serve(void *arg)
{
    struct slot *slot = arg;

    api_connection_serve(&slot->connection);
    lwip_close(slot->connection.socket);
    free_slot(slot);
}

static void accept_all(void *arg)
{
    (void)arg;
    for (;;) {
        int socket = lwip_accept(server.listener, NULL, NULL);
        struct thread *thread;
        struct slot *slot;

        if (socket < 0)
            continue;
        slot = take_slot();
        slot->connection = (struct api_connection){ .socket = socket, .secret = server.secret };
        thread = thread_create("api", serve, slot, STACK_SIZE);
        if (thread != NULL) {
            thread_detach(thread);
        } else {
            lwip_close(socket);
            free_slot(slot);
        }
    }
}

static int open_listener(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = lwip_htons(port) };
    int listener = lwip_socket(AF_INET, SOCK_STREAM, 0);

    if (listener < 0)
        return -1;
    if (lwip_bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        lwip_listen(listener, NOT_ACCEPTED) == 0)
        return listener;
    lwip_close(listener);
    return -1;
}

static int start(const char *secret, uint16_t port)
{
    struct thread *thread;

    server.secret = secret;
    server.listener = open_listener(port);
    if (server.listener < 0)
        return errno;
    thread = thread_create("api accept", accept_all, NULL, 0);
    if (thread == NULL) {
        lwip_close(server.listener);
        return ENOMEM;
    }
    thread_detach(thread);
    return 0;
}

/* What stands behind the name among the arguments, or NULL. */
static const char *argument(int argc, char **argv, const char *name)
{
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], name, strlen(name)) == 0)
            return argv[i] + strlen(name);
    return NULL;
}

int api_start(int argc, char **argv)
{
    const char *secret = argument(argc, argv, "api.secret="), *port = argument(argc, argv, "api.port=");
    const char *certificate = argument(argc, argv, "api.certificate="),
               *key = argument(argc, argv, "api.key=");
    const char *wrong = NULL;
    unsigned long number = port != NULL ? strtoul(port, NULL, 10) : API_DEFAULT_PORT;

    if (secret == NULL)
        return 0;
    if (*secret == '\0' || strlen(secret) >= HTTP_SECRET_SIZE || number == 0 || number > UINT16_MAX)
        return EINVAL;
    if (certificate != NULL || key != NULL)
        wrong = certificate != NULL && key != NULL ? tls_start(certificate, key)
                                                   : "api.certificate= and api.key= belong together";
    if (wrong == NULL)
        return start(secret, (uint16_t)number);
    fprintf(stderr, "dom0: %s\n", wrong);
    return EINVAL;
}
