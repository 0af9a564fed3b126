/* SPDX-License-Identifier: MIT */
/* XS_CONTROL: what an administrator asks of the daemon itself (`xenstore-control` on Xen). */
#include "dom0_tools/xenstored/connection.h"
#include "dom0_tools/xenstored/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xen/xen.h>

/* An answer that is put together in pieces. */
struct answer {
    size_t len;
    char text[XENSTORE_PAYLOAD_MAX];
};

static void __attribute__((format(printf, 2, 3))) add(struct answer *answer, const char *format, ...)
{
    size_t room = sizeof(answer->text) - answer->len;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(answer->text + answer->len, room, format, args);
    va_end(args);
    if (len > 0)
        answer->len += (size_t)len < room ? (size_t)len : room - 1;
}

static int control_help(struct xenstored *xs, const char *arg, struct answer *answer);

/* Every list and count against every other. */
static int control_check(struct xenstored *xs, const char *arg, struct answer *answer)
{
    size_t existing = 0, entries = 0, below = 0;

    (void)arg;
    for (size_t i = 0; i < (size_t)1 << xs->store.order; i++)
        for (const struct node *node = xs->store.bucket[i]; node != NULL; node = node->hash_next) {
            entries++;
            existing += node->exists;
            below += node->below;
            if (node->exists && node->parent != NULL && !node->parent->exists)
                return EIO;
        }
    /* The root and the two special nodes have nothing above them, nor have placeholders of special watches.
     */
    if (existing != xs->store.nodes || entries != xs->store.entries || below >= entries)
        return EIO;
    add(answer, "OK");
    return 0;
}

static int control_memreport(struct xenstored *xs, const char *arg, struct answer *answer)
{
    const struct connection *conn;
    unsigned int connections = 0;
    size_t queued = 0;

    (void)arg;
    LIST_FOREACH(conn, &xs->connections, next)
    {
        connections++;
        queued += conn->queued;
    }
    add(answer, "nodes: %u\nplaceholders: %u\nconnections: %u\nbytes waiting: %u\nrequests: %llu\n",
        (unsigned int)xs->store.nodes, (unsigned int)(xs->store.entries - xs->store.nodes), connections,
        (unsigned int)queued, (unsigned long long)xs->requests);
    return 0;
}

/* "quota": the limits. "quota DOMID": what that domain uses of them. */
static int control_quota(struct xenstored *xs, const char *arg, struct answer *answer)
{
    const struct xenstored_limits *limits = &xs->limits;
    const struct account *account;
    uint64_t domid;

    if (arg == NULL) {
        add(answer, "nodes: %u\nnode-size: %u\nwatches: %u\ntransactions: %u\ntransaction-nodes: %u\n",
            limits->nodes, limits->node_size, limits->watches, limits->transactions,
            limits->transaction_nodes);
        add(answer, "node-permissions: %u\noutstanding: %u\n", limits->permissions, limits->outstanding);
        return 0;
    }
    if (!request_number(arg, DOMID_FIRST_RESERVED - 1, &domid))
        return EINVAL;
    account = store_account(&xs->store, (uint16_t)domid);
    if (account == NULL)
        return ENOMEM;
    add(answer, "nodes: %u\nwatches: %u\ntransactions: %u\n", account->nodes, account->watches,
        account->transactions);
    return 0;
}

static const struct {
    const char *name, *help;
    int (*fn)(struct xenstored *xs, const char *arg, struct answer *answer);
} commands[] = {
    { "check", "", control_check },
    { "help", "", control_help },
    { "memreport", "", control_memreport },
    { "quota", "[<domid>]", control_quota },
};

static int control_help(struct xenstored *xs, const char *arg, struct answer *answer)
{
    (void)xs;
    (void)arg;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        add(answer, "%s%s%s\n", commands[i].name, *commands[i].help != '\0' ? " " : "", commands[i].help);
    return 0;
}

int request_control(const struct request *request)
{
    const char *word[2] = { NULL, NULL };
    unsigned int nr = request_words(request, word, 2);
    struct answer answer;
    int error = EINVAL;

    answer.len = 0;
    answer.text[0] = '\0';
    for (size_t i = 0; nr >= 1 && nr <= 2 && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, word[0]) == 0)
            error = commands[i].fn(request->conn->xs, word[1], &answer);
    if (error == 0)
        connection_reply(request->conn, XS_CONTROL, answer.text, answer.len + 1);
    return error;
}
