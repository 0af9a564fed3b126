/* SPDX-License-Identifier: MIT */
/* libxenstore's interface, <xenstore.h>. */
#include "pvguest/xenstore_transport.h"
#include "pvguest/time.h"
#include <xenstore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct xs_handle {
    const struct xenstore_transport *transport;
    void *client;
};

/* A piece of a request's payload. */
struct piece {
    const void *data;
    size_t len;
};

static const struct xenstore_transport *transport = &xenstore_ring_transport;

void xenstore_set_transport(const struct xenstore_transport *other)
{
    transport = other;
}

/* ---- requests ---- */

static int error_number(const char *text)
{
    for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
        if (strcmp(text, xsd_errors[i].errstring) == 0)
            return xsd_errors[i].errnum;
    return EINVAL;
}

static int join(const struct piece *piece, size_t pieces, char **payload, uint32_t *len)
{
    size_t total = 0, at = 0;

    for (size_t i = 0; i < pieces; i++)
        total += piece[i].len;
    if (total > XENSTORE_PAYLOAD_MAX)
        return E2BIG;
    *payload = malloc(total + 1);
    if (*payload == NULL)
        return ENOMEM;
    for (size_t i = 0; i < pieces; at += piece[i++].len)
        if (piece[i].len != 0)
            memcpy(*payload + at, piece[i].data, piece[i].len);
    *len = (uint32_t)total;
    return 0;
}

/* The answer, allocated, with a NUL behind it; NULL with errno set. */
static char *ask(struct xs_handle *h, uint32_t type, xs_transaction_t t, const struct piece *piece,
                 size_t pieces, uint32_t *len)
{
    struct xsd_sockmsg header = { .type = type, .tx_id = t };
    char *payload = NULL, *reply = NULL;
    int error = join(piece, pieces, &payload, &header.len);

    if (error == 0)
        error = h->transport->request(h->client, &header, payload, &reply);
    free(payload);
    if (error == 0 && header.type == XS_ERROR)
        error = error_number(reply);
    else if (error == 0 && header.type != type)
        error = EIO;
    if (error != 0) {
        free(reply);
        errno = error;
        return NULL;
    }
    if (len != NULL)
        *len = header.len;
    return reply;
}

static struct piece word(const char *text)
{
    return (struct piece){ text, strlen(text) + 1 };
}

static char *ask_words(struct xs_handle *h, uint32_t type, xs_transaction_t t, const char *a, const char *b,
                       uint32_t *len)
{
    const struct piece piece[] = { word(a), word(b != NULL ? b : "") };

    return ask(h, type, t, piece, b != NULL ? 2 : 1, len);
}

/* For requests that are only acknowledged. */
static bool done(char *reply)
{
    free(reply);
    return reply != NULL;
}

/* ---- handles ---- */

struct xs_handle *xs_open(unsigned long flags)
{
    struct xs_handle *h = malloc(sizeof(*h));
    int error;

    (void)flags;
    if (h == NULL)
        return NULL;
    h->transport = transport;
    error = h->transport->open(&h->client);
    if (error == 0)
        return h;
    free(h);
    errno = error;
    return NULL;
}

void xs_close(struct xs_handle *h)
{
    if (h == NULL)
        return;
    h->transport->close(h->client);
    free(h);
}

struct xs_handle *xs_daemon_open(void)
{
    return xs_open(0);
}

struct xs_handle *xs_daemon_open_readonly(void)
{
    return xs_open(0);
}

struct xs_handle *xs_domain_open(void)
{
    return xs_open(0);
}

void xs_daemon_close(struct xs_handle *h)
{
    xs_close(h);
}

/* There is no fork(): nothing is shared that could not be closed. */
void xs_daemon_destroy_postfork(struct xs_handle *h)
{
    xs_close(h);
}

bool xs_restrict(struct xs_handle *h, unsigned domid)
{
    (void)h;
    (void)domid;
    errno = ENOSYS;
    return false;
}

/* ---- nodes ---- */

/* An array of pointers to the words that the list holds, and behind it the words: one allocation. */
static char **to_array(const char *list, size_t len, unsigned int *num)
{
    char **array;
    char *text;

    *num = 0;
    for (size_t i = 0; i < len; i++)
        *num += list[i] == '\0';
    array = malloc(*num * sizeof(*array) + len + 1);
    if (array == NULL)
        return NULL;
    text = (char *)(array + *num);
    memcpy(text, list, len);
    for (unsigned int i = 0; i < *num; i++, text += strlen(text) + 1)
        array[i] = text;
    return array;
}

/* A directory too long for one answer comes in parts; one that changes meanwhile is read anew. */
static char *directory_parts(struct xs_handle *h, xs_transaction_t t, const char *path, size_t *len)
{
    char *list = NULL, change[32] = "";
    bool complete = false;

    for (*len = 0; !complete;) {
        char offset[16], *reply, *grown;
        uint32_t got, head;

        snprintf(offset, sizeof(offset), "%u", (unsigned int)*len);
        reply = ask_words(h, XS_DIRECTORY_PART, t, path, offset, &got);
        if (reply == NULL)
            break;
        head = (uint32_t)strlen(reply) + 1;
        if (*len != 0 && strcmp(change, reply) != 0) {
            *len = 0;
            free(reply);
            continue;
        }
        snprintf(change, sizeof(change), "%s", reply);
        /* An empty name behind the last one: only there do two zeroes follow each other. */
        complete = got <= head + 1 || reply[got - 2] == '\0';
        got -= head + (complete ? 1 : 0);
        grown = realloc(list, *len + got + 1);
        if (grown != NULL) {
            list = grown;
            memcpy(list + *len, reply + head, got);
            *len += got;
        }
        free(reply);
        if (grown == NULL) {
            complete = false;
            break;
        }
    }
    if (complete)
        return list;
    free(list);
    return NULL;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num)
{
    uint32_t got = 0;
    char *list = ask_words(h, XS_DIRECTORY, t, path, NULL, &got);
    size_t len = got;
    char **array;

    if (list == NULL && errno == E2BIG)
        list = directory_parts(h, t, path, &len);
    array = list != NULL ? to_array(list, len, num) : NULL;
    free(list);
    return array;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    uint32_t got;
    char *value = ask_words(h, XS_READ, t, path, NULL, &got);

    if (value != NULL && len != NULL)
        *len = got;
    return value;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data, unsigned int len)
{
    const struct piece piece[] = { word(path), { data, len } };

    return done(ask(h, XS_WRITE, t, piece, 2, NULL));
}

bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    return done(ask_words(h, XS_MKDIR, t, path, NULL, NULL));
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    return done(ask_words(h, XS_RM, t, path, NULL, NULL));
}

/* ---- permissions ---- */

static const char permission_letters[] = "nrwb"; /* by XS_PERM_READ, _WRITE */

bool xs_strings_to_perms(struct xs_permissions *perms, unsigned int num, const char *strings)
{
    for (unsigned int i = 0; i < num; i++, strings += strlen(strings) + 1) {
        const char *letter = *strings != '\0' ? strchr(permission_letters, *strings) : NULL;
        char *end;

        if (letter == NULL) {
            errno = EINVAL;
            return false;
        }
        perms[i].perms = (unsigned int)(letter - permission_letters);
        perms[i].id = (unsigned int)strtoul(strings + 1, &end, 10);
        if (*end != '\0' || end == strings + 1) {
            errno = EINVAL;
            return false;
        }
    }
    return true;
}

struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                                          unsigned int *num)
{
    struct xs_permissions *perms;
    uint32_t len;
    char *list = ask_words(h, XS_GET_PERMS, t, path, NULL, &len);

    if (list == NULL)
        return NULL;
    *num = 0;
    for (uint32_t i = 0; i < len; i++)
        *num += list[i] == '\0';
    perms = malloc((*num + 1) * sizeof(*perms));
    if (perms != NULL && !xs_strings_to_perms(perms, *num, list)) {
        free(perms);
        perms = NULL;
    }
    free(list);
    return perms;
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                        struct xs_permissions *perms, unsigned int num_perms)
{
    char text[XENSTORE_PAYLOAD_MAX];
    struct piece piece[] = { word(path), { text, 0 } };

    for (unsigned int i = 0; i < num_perms; i++) {
        if (sizeof(text) - piece[1].len < 16) {
            errno = E2BIG;
            return false;
        }
        piece[1].len += (size_t)snprintf(text + piece[1].len, 16, "%c%u",
                                         permission_letters[perms[i].perms & 3], perms[i].id) +
                        1;
    }
    return done(ask(h, XS_SET_PERMS, t, piece, 2, NULL));
}

/* ---- watches ---- */

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    return done(ask_words(h, XS_WATCH, 0, path, token, NULL));
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    return done(ask_words(h, XS_UNWATCH, 0, path, token, NULL));
}

static char **next_event(struct xs_handle *h, uint64_t deadline, unsigned int *num)
{
    char *payload, **array;
    uint32_t len;
    int error = h->transport->event(h->client, deadline, &payload, &len);

    if (error != 0) {
        errno = error;
        return NULL;
    }
    array = to_array(payload, len, num);
    free(payload);
    return array;
}

char **xs_check_watch(struct xs_handle *h)
{
    unsigned int num;

    return next_event(h, 0, &num);
}

char **xs_read_watch(struct xs_handle *h, unsigned int *num)
{
    return next_event(h, TIME_NEVER, num);
}

char **xenstore_read_watch_until(struct xs_handle *h, uint64_t deadline, unsigned int *num)
{
    char **event = next_event(h, deadline, num);

    if (event == NULL && errno == EAGAIN)
        errno = ETIMEDOUT;
    return event;
}

/* There is no poll(): a thread that waits calls xs_read_watch(). */
int xs_fileno(struct xs_handle *h)
{
    (void)h;
    errno = ENOSYS;
    return -1;
}

/* ---- transactions ---- */

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    char *reply = ask_words(h, XS_TRANSACTION_START, XBT_NULL, "", NULL, NULL);
    xs_transaction_t t = reply != NULL ? (xs_transaction_t)strtoul(reply, NULL, 10) : XBT_NULL;

    free(reply);
    return t;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
    return done(ask_words(h, XS_TRANSACTION_END, t, abort ? "F" : "T", NULL, NULL));
}

/* ---- domains ---- */

static char *ask_domain(struct xs_handle *h, uint32_t type, unsigned int domid)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", domid);
    return ask_words(h, type, 0, text, NULL, NULL);
}

bool xs_introduce_domain(struct xs_handle *h, unsigned int domid, unsigned long mfn, unsigned int eventchn)
{
    char text[3][24];
    const struct piece piece[] = { { text[0], (size_t)snprintf(text[0], sizeof(text[0]), "%u", domid) + 1 },
                                   { text[1], (size_t)snprintf(text[1], sizeof(text[1]), "%lu", mfn) + 1 },
                                   { text[2],
                                     (size_t)snprintf(text[2], sizeof(text[2]), "%u", eventchn) + 1 } };

    return done(ask(h, XS_INTRODUCE, 0, piece, 3, NULL));
}

bool xs_set_target(struct xs_handle *h, unsigned int domid, unsigned int target)
{
    char text[2][16];

    snprintf(text[0], sizeof(text[0]), "%u", domid);
    snprintf(text[1], sizeof(text[1]), "%u", target);
    return done(ask_words(h, XS_SET_TARGET, 0, text[0], text[1], NULL));
}

bool xs_resume_domain(struct xs_handle *h, unsigned int domid)
{
    return done(ask_domain(h, XS_RESUME, domid));
}

bool xs_release_domain(struct xs_handle *h, unsigned int domid)
{
    return done(ask_domain(h, XS_RELEASE, domid));
}

char *xs_get_domain_path(struct xs_handle *h, unsigned int domid)
{
    return ask_domain(h, XS_GET_DOMAIN_PATH, domid);
}

bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid)
{
    char *reply = ask_domain(h, XS_IS_DOMAIN_INTRODUCED, domid);
    bool yes = reply != NULL && strcmp(reply, "T") == 0;

    free(reply);
    return yes;
}

bool xs_path_is_subpath(const char *parent, const char *child)
{
    size_t len = strlen(parent);

    if (strncmp(parent, child, len) != 0)
        return false;
    return len == 1 ? parent[0] == '/' : child[len] == '\0' || child[len] == '/';
}

char *xs_control_command(struct xs_handle *h, const char *cmd, void *data, unsigned int len)
{
    const struct piece piece[] = { word(cmd), { data, len } };

    return ask(h, XS_CONTROL, 0, piece, 2, NULL);
}

char *xs_debug_command(struct xs_handle *h, const char *cmd, void *data, unsigned int len)
{
    return xs_control_command(h, cmd, data, len);
}

int xs_suspend_evtchn_port(int domid)
{
    struct xs_handle *h = xs_open(0);
    char path[64], *text = NULL;
    int port = -1;

    snprintf(path, sizeof(path), "/local/domain/%d/device/suspend/event-channel", domid);
    if (h != NULL)
        text = xs_read(h, XBT_NULL, path, NULL);
    if (text != NULL && *text != '\0')
        port = atoi(text);
    free(text);
    xs_close(h);
    return port;
}

/* ---- xenstore_lib.h ---- */

bool xs_write_all(int fd, const void *data, unsigned int len)
{
    while (len != 0) {
        ssize_t n = write(fd, data, len);

        if (n <= 0)
            return false;
        data = (const char *)data + n;
        len -= (unsigned int)n;
    }
    return true;
}

const char *xs_daemon_rundir(void)
{
    return "/run/xenstored";
}

const char *xs_daemon_socket(void)
{
    return "/run/xenstored/socket";
}

const char *xs_daemon_socket_ro(void)
{
    return "/run/xenstored/socket_ro";
}
