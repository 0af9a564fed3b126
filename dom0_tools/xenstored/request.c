/* SPDX-License-Identifier: MIT */
/* Requests: the table of them, and those on nodes, watches and transactions. docs: <xen/io/xs_wire.h>. */
#include "dom0_tools/xenstored/request.h"
#include "dom0_tools/xenstored/connection.h"
#include "dom0_tools/xenstored/permission_text.h"
#include "dom0_tools/xenstored/transaction.h"
#include "dom0_tools/xenstored/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned int request_words(const struct request *request, const char **word, unsigned int max)
{
    const char *at = request->payload, *end = at + request->len;
    const char *nul;
    unsigned int nr = 0;

    for (; at < end && (nul = memchr(at, '\0', (size_t)(end - at))) != NULL; at = nul + 1, nr++)
        if (nr < max)
            word[nr] = at;
    return nr;
}

bool request_number(const char *word, uint64_t max, uint64_t *number)
{
    uint64_t n = 0;

    if (*word == '\0')
        return false;
    for (; *word != '\0'; word++) {
        if (*word < '0' || *word > '9' || n > (max - (uint64_t)(*word - '0')) / 10)
            return false;
        n = n * 10 + (uint64_t)(*word - '0');
    }
    *number = n;
    return true;
}

/* ---- looking up with rights ---- */

static unsigned int rights(const struct connection *conn, const struct permissions *permissions)
{
    return permissions_of(&conn->xs->store, permissions, conn->domid, conn->target);
}

/* For a node that is not there: may the client know? The nearest node above says. */
static int hide_absence(const struct view *view, const struct path *path, unsigned int access)
{
    struct path above = *path;
    struct found found = { 0 };
    int error = 0;

    while (error == 0 && !found.exists && path_parent(&above, &above))
        error = view_find(view, &above, 0, &found);
    if (error != 0)
        return error;
    return found.exists && (rights(view->conn, found.permissions) & access) == access ? ENOENT : EACCES;
}

/* 0, and the node exists; ENOENT, EACCES, or as view_find(). */
static int find_allowed(const struct view *view, const struct path *path, unsigned int access,
                        unsigned int see, struct found *found)
{
    int error = view_find(view, path, see, found);

    if (error != 0)
        return error;
    if (!found->exists)
        return hide_absence(view, path, access);
    return (rights(view->conn, found->permissions) & access) == access ? 0 : EACCES;
}

static struct view view_of(const struct request *request)
{
    return (struct view){ .conn = request->conn, .transaction = request->transaction };
}

/* The path that is the request's only word. */
static bool only_path(const struct request *request, struct path *path)
{
    const char *word;

    return request_words(request, &word, 1) == 1 && strlen(word) + 1 == request->len &&
           path_parse(path, word, request->conn->domid, false);
}

/* ---- reading ---- */

static int request_read(const struct request *request)
{
    const struct view view = view_of(request);
    struct found found;
    struct path path;
    int error =
        only_path(request, &path) ? find_allowed(&view, &path, ACCESS_READ, SEE_VALUE, &found) : EINVAL;

    if (error == 0)
        connection_reply(request->conn, XS_READ, found.value->data, found.value->len);
    return error;
}

/* A list of names; those before `skip` bytes are left out, and those behind its end. */
struct listing {
    size_t skip, max, len;
    bool rest; /* there is more */
    char data[XENSTORE_PAYLOAD_MAX];
};

static bool list_child(const char *name, void *arg)
{
    struct listing *list = arg;
    size_t size = strlen(name) + 1;

    if (list->skip >= size) {
        list->skip -= size;
        return true;
    }
    name += list->skip;
    size -= list->skip;
    list->skip = 0;
    list->rest = list->len + size > list->max;
    if (list->rest)
        return false;
    memcpy(list->data + list->len, name, size);
    list->len += size;
    return true;
}

static int request_directory(const struct request *request)
{
    const struct view view = view_of(request);
    struct listing *list = malloc(sizeof(*list));
    struct found found;
    struct path path;
    int error =
        only_path(request, &path) ? find_allowed(&view, &path, ACCESS_READ, SEE_CHILDREN, &found) : EINVAL;

    if (error == 0 && list == NULL)
        error = ENOMEM;
    if (error == 0) {
        list->skip = list->len = 0;
        list->max = sizeof(list->data);
        list->rest = false;
        view_children(&view, &found, &path, list_child, list);
        error = list->rest ? E2BIG : 0;
    }
    if (error == 0)
        connection_reply(request->conn, XS_DIRECTORY, list->data, list->len);
    free(list);
    return error;
}

/* The answer begins with a number that changes with the list, and ends with an empty name when the list does.
 */
static void reply_part(const struct request *request, const struct view *view, const struct found *found,
                       const struct path *path, struct listing *list, size_t offset)
{
    const uint64_t change = found->node != NULL ? found->node->children_change : 0;
    size_t head = (size_t)snprintf(list->data, 24, "%llu", (unsigned long long)change) + 1;

    list->len = head;
    list->max = sizeof(list->data) - 1;
    list->skip = offset;
    list->rest = false;
    view_children(view, found, path, list_child, list);
    if (!list->rest)
        list->data[list->len++] = '\0';
    connection_reply(request->conn, XS_DIRECTORY_PART, list->data, list->len);
}

static int request_directory_part(const struct request *request)
{
    const struct view view = view_of(request);
    struct listing *list;
    struct found found;
    struct path path;
    const char *word[2];
    uint64_t offset;
    int error;

    if (request_words(request, word, 2) != 2 || !path_parse(&path, word[0], request->conn->domid, false) ||
        !request_number(word[1], UINT32_MAX, &offset))
        return EINVAL;
    error = find_allowed(&view, &path, ACCESS_READ, SEE_CHILDREN, &found);
    if (error != 0)
        return error;
    list = malloc(sizeof(*list));
    if (list == NULL)
        return ENOMEM;
    reply_part(request, &view, &found, &path, list, (size_t)offset);
    free(list);
    return 0;
}

/* ---- writing ---- */

static int check_quota(const struct view *view, unsigned int more)
{
    struct connection *conn = view->conn;
    const struct account *account = store_account(&conn->xs->store, conn->domid);

    if (account == NULL)
        return ENOMEM;
    if (connection_privileged(conn))
        return 0;
    return account->nodes + view_created(view) + more > conn->xs->limits.nodes ? ENOSPC : 0;
}

/* What a new node has: its parent's permissions, but a domain owns what it creates. */
static struct permissions *inherited(const struct view *view, struct permissions *parent)
{
    return connection_privileged(view->conn) ? permissions_get(parent)
                                             : permissions_with_owner(parent, view->conn->domid);
}

/* Creates the node at path with all that is missing above it. */
static int create(const struct view *view, const struct path *path, struct value *value)
{
    struct value *empty = value_new("", 0);
    struct permissions *permissions = NULL;
    struct path at = *path;
    struct found found = { 0 };
    unsigned int missing = 0;
    int error = empty == NULL ? ENOMEM : 0;

    while (error == 0 && !found.exists && path_parent(&at, &at)) {
        missing++;
        error = view_find(view, &at, 0, &found);
    }
    if (error == 0)
        error = check_quota(view, missing);
    if (error == 0 && (permissions = inherited(view, found.permissions)) == NULL)
        error = ENOMEM;
    for (; error == 0 && at.len != path->len; missing--) {
        const char *slash;

        /* One component more of the path. */
        slash = memchr(path->text + at.len + (at.len > 1), '/', path->len - at.len - (at.len > 1));
        at = *path;
        if (slash != NULL)
            at.len = (size_t)(slash - path->text);
        at.text[at.len] = '\0';
        error = view_put(view, &at, slash != NULL ? empty : value, permissions, slash != NULL);
    }
    permissions_put(permissions);
    value_put(empty);
    return error;
}

static int request_write(const struct request *request)
{
    const struct view view = view_of(request);
    const char *word;
    struct value *value;
    struct found found;
    struct path path;
    size_t skip;
    int error;

    if (request_words(request, &word, 1) < 1 || !path_parse(&path, word, request->conn->domid, false))
        return EINVAL;
    error = find_allowed(&view, &path, ACCESS_WRITE, 0, &found);
    if (error != 0 && error != ENOENT)
        return error;
    skip = strlen(word) + 1;
    if (!connection_privileged(request->conn) && request->len - skip > request->conn->xs->limits.node_size)
        return ENOSPC;
    value = value_new(request->payload + skip, request->len - skip);
    if (value == NULL)
        return ENOMEM;
    error = error == ENOENT ? create(&view, &path, value) : view_put(&view, &path, value, NULL, false);
    value_put(value);
    if (error == 0)
        connection_ack(request->conn);
    return error;
}

static int request_mkdir(const struct request *request)
{
    const struct view view = view_of(request);
    struct value *empty;
    struct found found;
    struct path path;
    int error = only_path(request, &path) ? find_allowed(&view, &path, ACCESS_WRITE, 0, &found) : EINVAL;

    if (error == ENOENT) {
        empty = value_new("", 0);
        error = empty != NULL ? create(&view, &path, empty) : ENOMEM;
        value_put(empty);
    }
    if (error == 0)
        connection_ack(request->conn);
    return error;
}

/* Removing what is not there is done, if its parent is there. */
static int request_rm(const struct request *request)
{
    const struct view view = view_of(request);
    struct found found;
    struct path path, parent;
    int error = only_path(request, &path) && path_parent(&parent, &path) ? 0 : EINVAL;

    if (error == 0)
        error = find_allowed(&view, &path, ACCESS_WRITE, 0, &found);
    if (error == 0)
        view_remove(&view, &path);
    if (error == ENOENT) {
        error = view_find(&view, &parent, 0, &found);
        if (error == 0 && !found.exists)
            error = ENOENT;
    }
    if (error == 0)
        connection_ack(request->conn);
    return error;
}

/* ---- permissions ---- */

static int request_get_perms(const struct request *request)
{
    const struct view view = view_of(request);
    char text[XENSTORE_PAYLOAD_MAX];
    struct found found;
    struct path path;
    const char *word;
    size_t len;
    int error;

    if (request_words(request, &word, 1) != 1 || !path_parse(&path, word, request->conn->domid, true))
        return EINVAL;
    error = find_allowed(&view, &path, ACCESS_READ, 0, &found);
    if (error != 0)
        return error;
    len = permission_print(found.permissions->entry, found.permissions->nr, text, sizeof(text));
    connection_reply(request->conn, XS_GET_PERMS, text, len);
    return 0;
}

/* Limits and rules for what a domain may give to its node. */
static int check_new_permissions(const struct connection *conn, const struct found *found,
                                 const struct permission *entry, unsigned int nr)
{
    if (connection_privileged(conn))
        return 0;
    if (nr > conn->xs->limits.permissions)
        return ENOSPC;
    return entry[0].domid == found->permissions->entry[0].domid ? 0 : EPERM;
}

#define MAX_PERMISSIONS 256

static int request_set_perms(const struct request *request)
{
    const struct view view = view_of(request);
    struct permission entry[MAX_PERMISSIONS];
    const char *word[MAX_PERMISSIONS + 1];
    unsigned int nr = request_words(request, word, MAX_PERMISSIONS + 1);
    struct permissions *permissions;
    struct found found;
    struct path path;
    int error;

    if (nr < 2 || !path_parse(&path, word[0], request->conn->domid, true))
        return EINVAL;
    if (--nr > MAX_PERMISSIONS)
        return ENOSPC;
    for (unsigned int i = 0; i < nr; i++)
        if (!permission_parse(word[i + 1], &entry[i]))
            return EINVAL;
    error = find_allowed(&view, &path, ACCESS_WRITE | ACCESS_OWNER, 0, &found);
    if (error == 0)
        error = check_new_permissions(request->conn, &found, entry, nr);
    if (error != 0)
        return error;
    permissions = permissions_new(&request->conn->xs->store, entry, nr);
    error = permissions != NULL ? view_put(&view, &path, NULL, permissions, false) : ENOMEM;
    permissions_put(permissions);
    if (error == 0)
        connection_ack(request->conn);
    return error;
}

/* ---- watches ---- */

static int request_watch(const struct request *request)
{
    struct connection *conn = request->conn;
    const char *word[2];
    struct path path;
    bool relative;
    int error;

    if (request_words(request, word, 2) != 2 || !path_parse(&path, word[0], conn->domid, true))
        return EINVAL;
    relative = word[0][0] != '/' && word[0][0] != '@';
    error = watch_add(conn, &path, relative, word[1]);
    if (error != 0)
        return error;
    connection_ack(conn);
    /* Fired at once: the client need not look first, and need not care when it was too late for a change. */
    connection_event(LIST_FIRST(&conn->watches), path.text, NULL);
    return 0;
}

static int request_unwatch(const struct request *request)
{
    const char *word[2];
    struct path path;
    int error;

    if (request_words(request, word, 2) != 2 || !path_parse(&path, word[0], request->conn->domid, true))
        return EINVAL;
    error = watch_remove(request->conn, &path, word[1]);
    if (error == 0)
        connection_ack(request->conn);
    return error;
}

static int request_reset_watches(const struct request *request)
{
    watch_remove_all(request->conn);
    transaction_end_all(request->conn);
    connection_ack(request->conn);
    return 0;
}

/* ---- transactions ---- */

static int request_transaction_start(const struct request *request)
{
    char text[16];
    uint32_t id;
    int error = request->transaction != NULL ? EBUSY : transaction_start(request->conn, &id);

    if (error == 0)
        connection_reply(request->conn, XS_TRANSACTION_START, text,
                         (size_t)snprintf(text, sizeof(text), "%u", id) + 1);
    return error;
}

static int request_transaction_end(const struct request *request)
{
    const char *word;
    int error;

    if (request_words(request, &word, 1) != 1 || (strcmp(word, "T") != 0 && strcmp(word, "F") != 0))
        return EINVAL;
    if (request->transaction == NULL)
        return ENOENT;
    error = transaction_end(request->transaction, word[0] == 'T');
    if (error == 0)
        connection_ack(request->conn);
    return error;
}

/* ---- dispatch ---- */

struct request_type {
    int (*fn)(const struct request *request); /* 0 after it has answered, or an errno */
    bool privileged;                          /* dom0 only */
};

static const struct request_type types[XS_TYPE_COUNT] = {
    [XS_CONTROL] = { request_control, true },
    [XS_DIRECTORY] = { request_directory, false },
    [XS_READ] = { request_read, false },
    [XS_GET_PERMS] = { request_get_perms, false },
    [XS_WATCH] = { request_watch, false },
    [XS_UNWATCH] = { request_unwatch, false },
    [XS_TRANSACTION_START] = { request_transaction_start, false },
    [XS_TRANSACTION_END] = { request_transaction_end, false },
    [XS_INTRODUCE] = { request_introduce, true },
    [XS_RELEASE] = { request_release, true },
    [XS_GET_DOMAIN_PATH] = { request_get_domain_path, false },
    [XS_WRITE] = { request_write, false },
    [XS_MKDIR] = { request_mkdir, false },
    [XS_RM] = { request_rm, false },
    [XS_SET_PERMS] = { request_set_perms, false },
    [XS_IS_DOMAIN_INTRODUCED] = { request_is_introduced, false },
    [XS_RESUME] = { request_resume, true },
    [XS_SET_TARGET] = { request_set_target, true },
    [XS_RESET_WATCHES] = { request_reset_watches, false },
    [XS_DIRECTORY_PART] = { request_directory_part, false },
};

void request_process(struct connection *conn)
{
    const struct xsd_sockmsg *header = &conn->header;
    struct request request = { .conn = conn, .payload = conn->payload, .len = header->len };
    int error;

    if (header->tx_id != 0)
        request.transaction = transaction_find(conn, header->tx_id);
    if (header->type >= XS_TYPE_COUNT || types[header->type].fn == NULL)
        error = ENOSYS;
    else if (types[header->type].privileged && !connection_privileged(conn))
        error = EACCES;
    else if (header->tx_id != 0 && request.transaction == NULL)
        error = ENOENT;
    else
        error = types[header->type].fn(&request);
    if (error != 0)
        connection_error(conn, error);
}
