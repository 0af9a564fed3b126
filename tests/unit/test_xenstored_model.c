/* SPDX-License-Identifier: MIT */
/*
 * The store daemon against a model: a flat list of paths and values. Three clients of dom0 issue random
 * requests, inside and outside of transactions. What happens outside must answer as the model does. A
 * transaction's requests and answers are kept; when it is committed, the model, as it is then, must give the
 * same answers to the same requests, else it saw or did what never was. One beside which nothing happened
 * must not be refused.
 */
/* unit-sources: dom0_tools/xenstored/connection.c dom0_tools/xenstored/control.c */
/* unit-sources: dom0_tools/xenstored/domains.c dom0_tools/xenstored/path.c */
/* unit-sources: dom0_tools/xenstored/permission_text.c */
/* unit-sources: dom0_tools/xenstored/request.c dom0_tools/xenstored/ring.c dom0_tools/xenstored/store.c */
/* unit-sources: dom0_tools/xenstored/transaction.c dom0_tools/xenstored/watch.c */
#include <criterion/criterion.h>

#include "tests/unit/xenstored_client.h"

#define MAX_NODES 128
#define MAX_STEPS 24
#define CLIENTS   3

struct model {
    unsigned int nr;
    struct {
        char path[24];
        char value[8];
    } node[MAX_NODES];
};

struct step {
    uint32_t type;
    char payload[40];
    char answer[256];
};

struct client {
    struct connection *conn;
    uint32_t t;
    unsigned int nr;
    struct step step[MAX_STEPS];
    unsigned long begun; /* changes outside of it when it began */
};

static uint32_t state = 12345;

static uint32_t rnd(uint32_t n)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % n;
}

static int find(const struct model *m, const char *path)
{
    for (unsigned int i = 0; i < m->nr; i++)
        if (strcmp(m->node[i].path, path) == 0)
            return (int)i;
    return -1;
}

static void parent_of(char *out, const char *path)
{
    strcpy(out, path);
    *strrchr(out, '/') = '\0';
    if (*out == '\0')
        strcpy(out, "/");
}

static void model_create(struct model *m, const char *path, const char *value)
{
    char above[24];

    if (strcmp(path, "/") == 0)
        return;
    parent_of(above, path);
    if (find(m, above) < 0)
        model_create(m, above, "");
    if (find(m, path) < 0) {
        cr_assert_lt(m->nr, MAX_NODES);
        strcpy(m->node[m->nr].path, path);
        strcpy(m->node[m->nr++].value, value);
    }
}

static const char *model_rm(struct model *m, const char *path)
{
    size_t len = strlen(path);
    unsigned int kept = 0;
    char above[24];

    parent_of(above, path);
    if (find(m, path) < 0)
        return strcmp(above, "/") == 0 || find(m, above) >= 0 ? "OK|" : "ENOENT";
    for (unsigned int i = 0; i < m->nr; i++)
        if (strncmp(m->node[i].path, path, len) != 0 ||
            (m->node[i].path[len] != '/' && m->node[i].path[len] != '\0'))
            m->node[kept++] = m->node[i];
    m->nr = kept;
    return "OK|";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The order of names in a directory is not part of the contract. */
static const char *sorted(const char *list)
{
    static char out[256];
    static char copy[256];
    char *name[64];
    unsigned int nr = 0;

    strcpy(copy, list);
    for (char *at = strtok(copy, "|"); at != NULL; at = strtok(NULL, "|"))
        name[nr++] = at;
    qsort(name, nr, sizeof(name[0]), by_name);
    out[0] = '\0';
    for (unsigned int i = 0; i < nr; i++)
        sprintf(out + strlen(out), "%s|", name[i]);
    return out;
}

static const char *model_list(const struct model *m, const char *path)
{
    char list[256] = "", above[24];

    if (find(m, path) < 0)
        return "ENOENT";
    for (unsigned int i = 0; i < m->nr; i++) {
        parent_of(above, m->node[i].path);
        if (strcmp(above, path) == 0)
            sprintf(list + strlen(list), "%s|", strrchr(m->node[i].path, '/') + 1);
    }
    return sorted(list);
}

/* What the daemon should answer; does what is asked. */
static const char *model_ask(struct model *m, uint32_t type, const char *payload)
{
    char path[24];
    const char *value = strchr(payload, '|') + 1;

    snprintf(path, sizeof(path), "%.*s", (int)(value - payload) - 1, payload);
    switch (type) {
    case XS_READ:
        return find(m, path) >= 0 ? m->node[find(m, path)].value : "ENOENT";
    case XS_DIRECTORY:
        return model_list(m, path);
    case XS_WRITE:
        model_create(m, path, value);
        strcpy(m->node[find(m, path)].value, value);
        return "OK|";
    case XS_MKDIR:
        model_create(m, path, "");
        return "OK|";
    default:
        return model_rm(m, path);
    }
}

/* One request; the daemon's answer, a directory sorted. */
static const char *daemon_ask(struct client *c, uint32_t type, const char *payload)
{
    const char *text = ask_t(c->conn, type, c->t, payload);

    return type == XS_DIRECTORY && strcmp(text, "ENOENT") != 0 ? sorted(text) : text;
}

static void random_request(uint32_t *type, char *payload)
{
    static const uint32_t types[] = { XS_READ, XS_DIRECTORY, XS_WRITE, XS_WRITE, XS_MKDIR, XS_RM };
    unsigned int depth = 1 + rnd(4);
    int len = 0;

    *type = types[rnd(sizeof(types) / sizeof(types[0]))];
    for (unsigned int i = 0; i < depth; i++)
        len += sprintf(payload + len, "/%c", 'a' + (char)rnd(3));
    sprintf(payload + len, *type == XS_WRITE ? "|%u" : "|", rnd(100));
}

static unsigned long outside, committed, refused;

static void end(struct client *c, struct model *m)
{
    bool commit = rnd(8) != 0;
    const char *text = ask_t(c->conn, XS_TRANSACTION_END, c->t, commit ? "T|" : "F|");

    c->t = 0;
    if (commit && strcmp(text, "EAGAIN") == 0) {
        cr_assert_neq(c->begun, outside, "refused though it was alone");
        refused++;
        return;
    }
    cr_assert_str_eq(text, "OK|");
    for (unsigned int i = 0; commit && i < c->nr; i++) {
        const struct step *step = &c->step[i];

        cr_assert_str_eq(model_ask(m, step->type, step->payload), step->answer, "step %u: request %u %s", i,
                         step->type, step->payload);
    }
    if (commit) {
        committed++;
        outside++;
    }
}

static void act(struct client *c, struct model *m)
{
    uint32_t type;
    char payload[40];

    if (c->t == 0 && rnd(4) == 0) {
        c->t = begin(c->conn);
        c->nr = 0;
        c->begun = outside;
    }
    if (c->t != 0 && (c->nr == MAX_STEPS || rnd(6) == 0)) {
        end(c, m);
        return;
    }
    random_request(&type, payload);
    if (c->t == 0) {
        cr_assert_str_eq(daemon_ask(c, type, payload), model_ask(m, type, payload), "request %u %s", type,
                         payload);
        outside++;
        return;
    }
    c->step[c->nr].type = type;
    strcpy(c->step[c->nr].payload, payload);
    strcpy(c->step[c->nr++].answer, daemon_ask(c, type, payload));
}

Test(xenstored_model, random_requests)
{
    static struct client client[CLIENTS];
    static struct model model;
    struct xenstored xs;

    cr_assert_eq(xenstored_init(&xs, &test_ops, NULL, 1), 0);
    for (unsigned int i = 0; i < CLIENTS; i++)
        client[i].conn = xenstored_open(&xs, 0);
    for (unsigned int i = 0; i < 60000; i++)
        act(&client[rnd(CLIENTS)], &model);
    cr_expect_gt(committed, 1000, "%lu committed, %lu refused", committed, refused);
    cr_expect_gt(refused, 100, "%lu committed, %lu refused", committed, refused);
    cr_expect_str_eq(ask(client[0].conn, XS_CONTROL, "check|"), "OK|");
    xenstored_free(&xs);
}

/* Leaks and use after free are what this looks for, with domains that come and go between the requests. */
Test(xenstored_model, domains_come_and_go)
{
    struct xenstored xs;
    struct connection *dom0;

    cr_assert_eq(xenstored_init(&xs, &test_ops, NULL, 1), 0);
    dom0 = xenstored_open(&xs, 0);
    ask(dom0, XS_WATCH, "/local|w|");
    for (unsigned int i = 0; i < 20000; i++) {
        static const uint32_t types[] = { XS_READ,  XS_WRITE, XS_MKDIR,   XS_RM,
                                          XS_WATCH, XS_WATCH, XS_UNWATCH, XS_DIRECTORY };
        uint16_t domid = (uint16_t)(1 + rnd(4));
        struct connection *conn = store_account(&xs.store, domid)->connection;
        uint32_t type = types[rnd(8)], t = 0;
        char payload[64];

        if (conn == NULL) {
            snprintf(payload, sizeof(payload), "/local/domain/%u|", domid);
            ask(dom0, XS_MKDIR, payload);
            snprintf(payload, sizeof(payload), "/local/domain/%u|b%u|", domid, domid);
            ask(dom0, XS_SET_PERMS, payload);
            cr_assert_not_null(introduced(&xs, domid));
            continue;
        }
        if (rnd(50) == 0) {
            xenstored_release(&xs, domid);
            continue;
        }
        if (rnd(10) == 0)
            t = begin(conn);
        snprintf(payload, sizeof(payload), "/local/domain/%u/%c/%c|%s", domid, 'a' + (char)rnd(3),
                 'a' + (char)rnd(3), type == XS_WATCH || type == XS_UNWATCH ? "t|" : "");
        ask_t(conn, type, t, payload);
        if (t != 0 && rnd(2) == 0)
            ask_t(conn, XS_TRANSACTION_END, t, "T|");
        while (rnd(3) == 0 && *event(rnd(2) == 0 ? conn : dom0) != '\0')
            ;
    }
    for (uint16_t domid = 1; domid <= 4; domid++)
        xenstored_release(&xs, domid);
    cr_expect_str_eq(ask(dom0, XS_CONTROL, "check|"), "OK|");
    xenstored_free(&xs);
}
