/* SPDX-License-Identifier: MIT */
/*
 * The store daemon's core: requests of <xen/io/xs_wire.h> in, replies and watch events out. It knows neither
 * rings nor hypercalls: what carries the bytes, and what happens to domains, comes and goes through
 * xenstored_ops.
 *
 * One thread at a time uses a daemon; the caller locks. Functions that can fail return 0 or an errno of
 * <errno.h>.
 *
 * Limits hold for domains other than dom0. What a domain can make the daemon keep is bounded by them: nodes
 * and the size of each, watches and the placeholders that they need, transactions and the nodes in each,
 * bytes that wait for it, and events that wait for dom0's clients because of it (it is not listened to until
 * those are read).
 */
#ifndef DOM0_XENSTORED_XENSTORED_H
#define DOM0_XENSTORED_XENSTORED_H

#include "dom0_tools/xenstored/store.h"

struct connection;
struct transaction;

struct xenstored_limits {
    uint32_t nodes, node_size, watches, transactions, transaction_nodes, permissions, outstanding;
    uint32_t watch_depth; /* components of a watched path that do not exist */
    uint32_t queued;      /* bytes */
};

/* Xen's defaults, as far as it has them. */
extern const struct xenstored_limits xenstored_default_limits;

struct xenstored_ops {
    /* A domain is introduced: reach its ring, and set conn->carrier. */
    int (*connect)(void *env, struct connection *conn, uint64_t frame, uint32_t port);
    /* The connection ends; error is XENSTORE_ERROR_* or XENSTORE_ERROR_NONE. */
    void (*disconnect)(void *env, struct connection *conn, uint32_t error);
    /* Something was queued for it, or it may be listened to again. */
    void (*wake)(void *env, struct connection *conn);
};

LIST_HEAD(connection_list, connection);

struct xenstored {
    struct store store;
    const struct xenstored_ops *ops;
    void *env;
    struct xenstored_limits limits;
    struct connection_list connections;
    uint32_t last_transaction;
    uint64_t requests;
};

/* A reply or watch event on its way. */
struct message {
    TAILQ_ENTRY(message) next;
    LIST_ENTRY(message) of_watch; /* of an event whose watch is there */
    LIST_ENTRY(message) of_cause; /* of an event that somebody is held up for */
    struct watch *watch;
    struct connection *cause;
    uint32_t size, sent; /* bytes of data */
    char data[];         /* struct xsd_sockmsg, payload */
};

LIST_HEAD(message_list, message);

/* A client: an introduced domain, or a program in this one (domid 0). */
struct connection {
    LIST_ENTRY(connection) next;
    struct xenstored *xs;
    uint16_t domid;
    uint16_t target; /* whose rights it has too; its own domid if nobody's */
    bool introduced; /* a domain's, with a ring */
    bool shut_down;  /* it was seen that the domain is: @releaseDomain was fired for it */
    void *carrier;   /* the caller's */

    /* What came of the present request. */
    struct xsd_sockmsg header;
    uint32_t received; /* bytes of header and payload */
    char *payload;

    TAILQ_HEAD(, message) out;
    size_t queued;
    struct message_list caused;
    uint32_t outstanding;
    uint32_t error; /* XENSTORE_ERROR_*: it is not served any more */

    LIST_HEAD(, watch) watches;
    LIST_HEAD(, transaction) transactions;
};

int xenstored_init(struct xenstored *xs, const struct xenstored_ops *ops, void *env, uint64_t seed);
/* Ends all connections. */
void xenstored_free(struct xenstored *xs);

/* A connection of domid; NULL: no memory. */
struct connection *xenstored_open(struct xenstored *xs, uint16_t domid);
/* Ends it with its watches and transactions; calls ops->disconnect if it has a carrier. */
void xenstored_close(struct connection *conn);

/* Forgets all that the client did and what waits for it; it may begin again. */
void xenstored_reset(struct connection *conn);

/* Whether more of the client's bytes may be taken now. */
bool xenstored_may_feed(const struct connection *conn);

/*
 * Takes bytes of the client's stream, up to the end of a request, which is then processed. Returns how many
 * were taken; 0 while it must wait (xenstored_may_feed()) or with conn->error set.
 */
size_t xenstored_feed(struct connection *conn, const void *data, size_t len);

/* The first message that waits for the client, or NULL; and its removal. */
struct message *xenstored_first(struct connection *conn);
void xenstored_sent(struct connection *conn, struct message *message);

/* domains.c: the connection of an introduced domain, or NULL. */
struct connection *xenstored_domain(struct xenstored *xs, uint16_t domid);
/* The domain has gone, or is dying. ENOENT: it was not introduced. */
int xenstored_release(struct xenstored *xs, uint16_t domid);
/* Introduces it, or its new ring. */
int xenstored_introduce(struct xenstored *xs, uint16_t domid, uint64_t frame, uint32_t port);

#endif
