/* SPDX-License-Identifier: MIT */
/* Domains come and go. */
#include "dom0_tools/xenstored/connection.h"
#include "dom0_tools/xenstored/request.h"
#include "dom0_tools/xenstored/watch.h"

#include <stdio.h>
#include <string.h>
#include <xen/xen.h>

/* The domid that is the word. */
static bool parse_domid(const char *word, uint16_t *domid)
{
    uint64_t number;

    if (!request_number(word, DOMID_FIRST_RESERVED - 1, &number))
        return false;
    *domid = (uint16_t)number;
    return true;
}

static bool only_domid(const struct request *request, uint16_t *domid)
{
    const char *word;

    return request_words(request, &word, 1) == 1 && parse_domid(word, domid);
}

struct connection *xenstored_domain(struct xenstored *xs, uint16_t domid)
{
    const struct account *account = store_account(&xs->store, domid);

    return account != NULL ? account->connection : NULL;
}

/* A new connection of the domain's ring. */
static int connect(struct xenstored *xs, struct account *account, uint64_t frame, uint32_t port)
{
    struct connection *conn = xenstored_open(xs, account->domid);
    int error = conn != NULL ? xs->ops->connect(xs->env, conn, frame, port) : ENOMEM;

    if (error == 0) {
        conn->introduced = true;
        account->connection = conn;
    } else if (conn != NULL) {
        xenstored_close(conn);
    }
    return error;
}

int xenstored_introduce(struct xenstored *xs, uint16_t domid, uint64_t frame, uint32_t port)
{
    struct account *account = store_account(&xs->store, domid);
    int error;

    if (account == NULL)
        return ENOMEM;
    if (domid == PRIVILEGED_DOMID)
        return EINVAL;
    if (account->connection != NULL) {
        xenstored_close(account->connection);
        account->connection = NULL;
    }
    error = connect(xs, account, frame, port);
    if (error == 0)
        watch_fire_special(xs, "@introduceDomain");
    return error;
}

/* Its nodes go; what others allowed it ends, so that the next domain of this domid has nothing from them. */
static void end_account(struct xenstored *xs, struct account *account)
{
    struct node *node;

    while ((node = LIST_FIRST(&account->owned)) != NULL)
        watch_fire_remove(xs, NULL, node);
    account->ended = ++xs->store.change;
}

int xenstored_release(struct xenstored *xs, uint16_t domid)
{
    struct account *account = store_account(&xs->store, domid);

    if (account == NULL || account->connection == NULL)
        return ENOENT;
    xenstored_close(account->connection);
    account->connection = NULL;
    end_account(xs, account);
    watch_fire_special(xs, "@releaseDomain");
    return 0;
}

int request_introduce(const struct request *request)
{
    const char *word[3];
    uint64_t frame, port;
    uint16_t domid;
    int error;

    if (request_words(request, word, 3) != 3 || !parse_domid(word[0], &domid) ||
        !request_number(word[1], UINT64_MAX, &frame) || !request_number(word[2], UINT32_MAX, &port) ||
        port == 0)
        return EINVAL;
    error = xenstored_introduce(request->conn->xs, domid, frame, (uint32_t)port);
    if (error == 0)
        connection_ack(request->conn);
    return error;
}

int request_is_introduced(const struct request *request)
{
    uint16_t domid;
    bool yes;

    if (!only_domid(request, &domid))
        return EINVAL;
    yes = domid == PRIVILEGED_DOMID || xenstored_domain(request->conn->xs, domid) != NULL;
    connection_reply(request->conn, XS_IS_DOMAIN_INTRODUCED, yes ? "T" : "F", 2);
    return 0;
}

int request_release(const struct request *request)
{
    uint16_t domid;
    int error;

    if (!only_domid(request, &domid) || domid == PRIVILEGED_DOMID)
        return EINVAL;
    error = xenstored_release(request->conn->xs, domid);
    if (error == 0)
        connection_ack(request->conn);
    return error;
}

/* A domain that was suspended runs again. */
int request_resume(const struct request *request)
{
    struct connection *conn;
    uint16_t domid;

    if (!only_domid(request, &domid))
        return EINVAL;
    conn = xenstored_domain(request->conn->xs, domid);
    if (conn == NULL)
        return ENOENT;
    conn->shut_down = false;
    connection_ack(request->conn);
    return 0;
}

int request_set_target(const struct request *request)
{
    struct connection *conn;
    const char *word[2];
    uint16_t domid, target;

    if (request_words(request, word, 2) != 2 || !parse_domid(word[0], &domid) ||
        !parse_domid(word[1], &target))
        return EINVAL;
    conn = xenstored_domain(request->conn->xs, domid);
    if (conn == NULL || (target != PRIVILEGED_DOMID && xenstored_domain(request->conn->xs, target) == NULL))
        return ENOENT;
    conn->target = target;
    connection_ack(request->conn);
    return 0;
}

int request_get_domain_path(const struct request *request)
{
    char text[32];
    uint16_t domid;

    if (!only_domid(request, &domid))
        return EINVAL;
    connection_reply(request->conn, XS_GET_DOMAIN_PATH, text,
                     (size_t)snprintf(text, sizeof(text), "/local/domain/%u", domid) + 1);
    return 0;
}
