/* SPDX-License-Identifier: MIT */
/* Connections, for the rest of the core. */
#ifndef DOM0_XENSTORED_CONNECTION_H
#define DOM0_XENSTORED_CONNECTION_H

#include "dom0_tools/xenstored/xenstored.h"

static inline bool connection_privileged(const struct connection *conn)
{
    return conn->domid == PRIVILEGED_DOMID;
}

/* Queues the answer to the present request. No memory: the connection is lost. */
void connection_reply(struct connection *conn, uint32_t type, const void *data, size_t len);
void connection_ack(struct connection *conn);
void connection_error(struct connection *conn, int error);

/* Queues an event of a watch: a path and its token. Nothing happens when the same one waits already. */
void connection_event(struct watch *watch, const char *path, struct connection *cause);

/* The client is not served any more; XENSTORE_ERROR_*. */
void connection_fail(struct connection *conn, uint32_t error);

#endif
