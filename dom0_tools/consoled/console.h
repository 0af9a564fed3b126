/* SPDX-License-Identifier: MIT */
/* Inside the console daemon. */
#ifndef DOM0_CONSOLED_CONSOLE_H
#define DOM0_CONSOLED_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <xen/event_channel.h>
#include <xenstore.h>

#include "dom0_tools/consoled/consoled.h"
#include "dom0_tools/consoled/scrollback.h"
#include "dom0_tools/xc/ring_page.h"
#include "pvguest/sync.h"

/* Consoles are found by domid in two steps; the second table is made when a domain needs it. */
#define CONSOLES_PER_TABLE 512U
#define CONSOLE_TABLES     (DOMID_FIRST_RESERVED / CONSOLES_PER_TABLE + 1)

TAILQ_HEAD(console_queue, console);

struct console {
    domid_t domid;
    bool watched; /* its node console/port, which is not there yet */
    bool refused; /* its port is for another to bind */
    bool ended;   /* the domain has gone, only readers keep this */
    struct ring_page page;
    evtchn_port_t port; /* 0: not served (yet) */
    LIST_ENTRY(console) all;
    LIST_HEAD(, console_reader) readers;
    struct scrollback output;
    /* Under masked upcalls. */
    TAILQ_ENTRY(console) queued; /* in `queue` */
    struct console_queue *queue; /* consoled's ready or throttled, or NULL */
    /* What it printed in the period of that number. */
    uint64_t period;
    uint32_t printed;
};

struct console_reader {
    LIST_ENTRY(console_reader) next;
    struct console *console;
    uint64_t at; /* in console->output */
    void (*wake)(void *arg);
    void *arg;
};

/* The daemon. */
struct consoled {
    struct mutex lock; /* of all below down to the next lock's name */
    struct xs_handle *store;
    LIST_HEAD(, console) consoles;
    struct console **table[CONSOLE_TABLES];
    domid_t next;  /* behind the newest domain that was looked at */
    uint64_t seen; /* of the domains that ended */
    struct scrollback_pool pool;
    /* Under masked upcalls. */
    struct console_queue ready;     /* may have printed */
    struct console_queue throttled; /* have printed too much in this period */
    struct wait_queue work;
};

extern struct consoled *consoled;

/* ---- service.c ---- */

/* The console is to be looked at by the thread that serves rings. Any context. */
void console_make_ready(struct console *console);
/* Binds the port, maps the ring, and begins. An errno; what was begun is undone. */
int console_connect(struct console *console, xen_pfn_t frame, evtchn_port_t port);
/* Takes what is left in the ring, and lets go of it. */
void console_disconnect(struct console *console);

/* ---- domains.c; the lock is held ---- */

/* The domain's console, found now if need be; NULL: there is no such domain, or no memory. */
struct console *console_find(domid_t domid);
/* The thread that follows the coming and going of domains. */
void consoled_watch(void *arg);
void console_free(struct console *console);

#endif
