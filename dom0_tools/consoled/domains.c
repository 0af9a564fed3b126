/* SPDX-License-Identifier: MIT */
/*
 * The console daemon's domains: @introduceDomain says that there is a new one, @releaseDomain that one has
 * gone, neither says which. New domids rise, so that new domains are looked for behind the newest that is
 * known, and among all only when there are none; what a domain costs here does not depend on how many there
 * are.
 */
#include "dom0_tools/consoled/console.h"
#include "dom0_tools/xc/changes.h"
#include "dom0_tools/xc/domain.h"
#include "pvguest/xen_errno.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 16

static struct console **slot(domid_t domid)
{
    struct console **table = consoled->table[domid / CONSOLES_PER_TABLE];

    return table != NULL ? &table[domid % CONSOLES_PER_TABLE] : NULL;
}

static struct console *console_create(domid_t domid)
{
    struct console ***table = &consoled->table[domid / CONSOLES_PER_TABLE];
    struct console *console = calloc(1, sizeof(*console));

    if (*table == NULL)
        *table = calloc(CONSOLES_PER_TABLE, sizeof(**table));
    if (*table == NULL || console == NULL) {
        free(console);
        return NULL;
    }
    console->domid = domid;
    LIST_INIT(&console->readers);
    LIST_INSERT_HEAD(&consoled->consoles, console, all);
    *slot(domid) = console;
    return console;
}

void console_free(struct console *console)
{
    scrollback_free(&console->output, &consoled->pool);
    free(console);
}

static void node_path(char *path, size_t size, domid_t domid, const char *name)
{
    snprintf(path, size, "/local/domain/%u/console/%s", domid, name);
}

/* 0 if there is none. */
static uint64_t read_number(domid_t domid, const char *name)
{
    char path[64], *value;
    uint64_t number = 0;

    node_path(path, sizeof(path), domid, name);
    value = xs_read(consoled->store, XBT_NULL, path, NULL);
    if (value != NULL)
        number = strtoull(value, NULL, 10);
    free(value);
    return number;
}

/* Watches the node that tells the port, or stops that. */
static void watch_port(struct console *console, bool on)
{
    char path[64], token[8];

    if (console->watched == on)
        return;
    node_path(path, sizeof(path), console->domid, "port");
    snprintf(token, sizeof(token), "%u", console->domid);
    if (on)
        console->watched = xs_watch(consoled->store, path, token);
    else if (xs_unwatch(consoled->store, path, token))
        console->watched = false;
}

/* Begins to serve the console if the toolstack has written where it is; else waits for that. */
static void try_to_connect(struct console *console)
{
    uint64_t port = read_number(console->domid, "port");
    int error;

    if (console->port != 0 || console->refused)
        return;
    if (port == 0) {
        watch_port(console, true);
        return;
    }
    watch_port(console, false);
    error = console_connect(console, read_number(console->domid, "ring-ref"), (evtchn_port_t)port);
    console->refused = error == EINVAL;
    if (error != 0 && error != EINVAL && error != ESRCH) /* it may be gone again */
        fprintf(stderr, "consoled: domain %u: its console cannot be served: %s\n", console->domid,
                strerror(error));
}

static struct console *known(domid_t domid)
{
    struct console **entry = domid < DOMID_FIRST_RESERVED ? slot(domid) : NULL;

    return entry != NULL ? *entry : NULL;
}

static bool gone(const struct console *console)
{
    struct xen_domctl_getdomaininfo info;

    return xc_domain_info(console->domid, &info) != 0 || info.domain != console->domid ||
           (info.flags & XEN_DOMINF_dying) != 0;
}

struct console *console_find(domid_t domid)
{
    struct console probe = { .domid = domid }, *console = known(domid);

    if (domid == 0 || domid >= DOMID_FIRST_RESERVED)
        return NULL;
    if (console == NULL && !gone(&probe))
        console = console_create(domid);
    if (console != NULL)
        try_to_connect(console);
    return console;
}

/* Looks at the domains from consoled->next on. Whether there are any; who asked for a console that moment may
 * have made one known already. */
static bool find_new(void)
{
    struct xen_domctl_getdomaininfo info[BATCH];
    bool found = false;
    int got;

    do {
        got = xc_domains(consoled->next, info, BATCH);
        for (int i = 0; i < got; i++) {
            consoled->next = (domid_t)(info[i].domain + 1);
            found = true;
            if (known(info[i].domain) == NULL)
                console_find(info[i].domain);
        }
    } while (got == BATCH);
    return found;
}

static void domain_came(void)
{
    if (find_new())
        return;
    consoled->next = 0;
    find_new();
}

static void lose(struct console *console)
{
    watch_port(console, false);
    *slot(console->domid) = NULL;
    LIST_REMOVE(console, all);
    console->ended = true;
    if (console->port != 0)
        console_disconnect(console);
    if (LIST_EMPTY(&console->readers))
        console_free(console);
}

static void look_at(const struct xen_domctl_getdomaininfo *info, void *arg)
{
    struct console *console = known(info->domain);

    (void)arg;
    if (console != NULL && (info->flags & XEN_DOMINF_dying) != 0)
        lose(console);
}

static void changed(domid_t domid, enum domain_change change, void *arg)
{
    struct console *console = known(domid);

    (void)arg;
    if (console != NULL && change == DOMAIN_GONE)
        lose(console);
}

/* A domain stays, dying, as long as the page of its ring is mapped here: only those without are asked for one
 * by one, if which have ended is not known. */
static void domain_went(void)
{
    struct console *console, *next;

    if (xc_changes(&consoled->seen, changed, NULL))
        return;
    xc_domains_ended(look_at, NULL);
    for (console = LIST_FIRST(&consoled->consoles); console != NULL; console = next) {
        next = LIST_NEXT(console, all);
        if (console->port == 0 && gone(console))
            lose(console);
    }
}

static void port_changed(const char *token)
{
    struct console *console = known((domid_t)strtoul(token, NULL, 10));

    if (console != NULL)
        try_to_connect(console);
}

void consoled_watch(void *arg)
{
    unsigned int nr;
    char **event;

    (void)arg;
    xs_watch(consoled->store, "@introduceDomain", "came");
    xs_watch(consoled->store, "@releaseDomain", "went");
    while ((event = xs_read_watch(consoled->store, &nr)) != NULL) {
        mutex_lock(&consoled->lock);
        if (strcmp(event[XS_WATCH_TOKEN], "came") == 0)
            domain_came();
        else if (strcmp(event[XS_WATCH_TOKEN], "went") == 0)
            domain_went();
        else
            port_changed(event[XS_WATCH_TOKEN]);
        mutex_unlock(&consoled->lock);
        free(event);
    }
    fprintf(stderr, "consoled: no more news of domains: %s\n", strerror(errno));
}
