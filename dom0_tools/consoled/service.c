/* SPDX-License-Identifier: MIT */
/* The console daemon's rings: one thread serves them in turn, a bounded piece of one each time. */
#include "dom0_tools/consoled/console.h"
#include "dom0_tools/consoled/console_ring.h"
#include "pvguest/event_channel.h"
#include "pvguest/memory.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/xen_errno.h"

#include <errno.h>
#include <stdlib.h>
#include <xen/grant_table.h>

/* A domain that prints more than that in a period waits for the next one, and so does what it wants of this
 * domain's CPU. An event counts as much as some bytes, however few it brings. */
#define PERIOD       (50 * NSEC_PER_MSEC)
#define PERIOD_QUOTA 65536U
#define EVENT_COST   64U

/* Share of this domain's memory for all scroll-backs. */
#define POOL_SHARE 8

struct consoled *consoled;

/* ---- queues ---- */

static void enqueue(struct console_queue *queue, struct console *console)
{
    bool masked = upcalls_disable();

    if (console->queue == NULL) {
        console->queue = queue;
        TAILQ_INSERT_TAIL(queue, console, queued);
        wait_queue_wake_all(&consoled->work);
    }
    upcalls_restore(masked);
}

static void dequeue(struct console *console)
{
    bool masked = upcalls_disable();

    if (console->queue != NULL)
        TAILQ_REMOVE(console->queue, console, queued);
    console->queue = NULL;
    upcalls_restore(masked);
}

void console_make_ready(struct console *console)
{
    enqueue(&consoled->ready, console);
}

/* A new period: those that were stopped go on. */
static void end_throttling(void)
{
    bool masked = upcalls_disable();
    struct console *console;

    TAILQ_FOREACH(console, &consoled->throttled, queued)
    console->queue = &consoled->ready;
    TAILQ_CONCAT(&consoled->ready, &consoled->throttled, queued);
    upcalls_restore(masked);
}

static struct console *next_ready(void)
{
    struct console *console = TAILQ_FIRST(&consoled->ready);

    if (console != NULL)
        dequeue(console);
    return console;
}

/* ---- a ring ---- */

/* The port stays masked until the ring has been emptied: a domain that sends without end is an interrupt
 * once for each turn. */
static void ring_event(evtchn_port_t port, void *arg)
{
    evtchn_mask(port);
    console_make_ready(arg);
}

int console_connect(struct console *console, xen_pfn_t frame, evtchn_port_t port)
{
    int error = xen_errno_to_c(evtchn_bind_interdomain(console->domid, port, &console->port));

    if (error != 0) {
        console->port = 0;
        return error;
    }
    error = ring_page_map(&console->page, console->domid, GNTTAB_RESERVED_CONSOLE, frame);
    if (error == 0)
        error = xen_errno_to_c(evtchn_set_handler(console->port, ring_event, console));
    if (error != 0) {
        console_disconnect(console);
        return error;
    }
    /* It may have printed before anybody listened. */
    console_make_ready(console);
    return 0;
}

static void wake_readers(struct console *console)
{
    struct console_reader *reader;

    LIST_FOREACH(reader, &console->readers, next)
    reader->wake(reader->arg);
}

/* How much can be taken without overtaking a reader. */
static size_t room(const struct console *console)
{
    const struct console_reader *reader;
    uint64_t most = 0;

    LIST_FOREACH(reader, &console->readers, next)
    if (console->output.end - reader->at > most)
        most = console->output.end - reader->at;
    return most < SCROLLBACK_QUOTA ? (size_t)(SCROLLBACK_QUOTA - most) : 0;
}

/* Moves up to `length` bytes from the ring to what is kept. */
static size_t take(struct console *console, size_t length)
{
    char data[sizeof(((struct xencons_interface *)0)->out)];
    size_t got = console_ring_take(console->page.addr, data, length < sizeof(data) ? length : sizeof(data));

    scrollback_add(&console->output, &consoled->pool, data, got);
    return got;
}

/* Counts what the console costs; true when that is too much for this period. */
static bool over_quota(struct console *console, size_t cost)
{
    uint64_t period = time_ns() / PERIOD;

    if (console->period != period) {
        console->period = period;
        console->printed = 0;
    }
    console->printed += (uint32_t)cost;
    return console->printed > PERIOD_QUOTA;
}

static void serve(struct console *console)
{
    size_t free = room(console), got = take(console, free);

    if (got != 0)
        evtchn_send(console->port);
    wake_readers(console); /* even without output: it may have taken input */
    if (over_quota(console, got + EVENT_COST))
        enqueue(&consoled->throttled, console);
    else if (got != 0)
        console_make_ready(console);
    else if (free != 0)
        evtchn_unmask(console->port);
    /* Else the reader that is behind has it served again. */
}

void console_disconnect(struct console *console)
{
    dequeue(console);
    if (console->page.addr != NULL)
        take(console, SIZE_MAX);
    evtchn_close(console->port);
    dequeue(console); /* an event may have come in between */
    ring_page_unmap(&console->page);
    console->port = 0;
    wake_readers(console);
}

static void run(void *arg)
{
    struct console *console;

    (void)arg;
    for (;;) {
        uint64_t period_end = (time_ns() / PERIOD + 1) * PERIOD;

        if (wait_event_until(&consoled->work, !TAILQ_EMPTY(&consoled->ready),
                             TAILQ_EMPTY(&consoled->throttled) ? TIME_NEVER : period_end) != 0)
            end_throttling();
        mutex_lock(&consoled->lock);
        console = next_ready();
        if (console != NULL)
            serve(console);
        mutex_unlock(&consoled->lock);
    }
}

/* ---- readers ---- */

int console_reader_open(struct console_reader **reader, domid_t domid, void (*wake)(void *arg), void *arg)
{
    struct console_reader *new = malloc(sizeof(*new));
    struct console *console;
    int error = 0;

    if (new == NULL)
        return ENOMEM;
    mutex_lock(&consoled->lock);
    console = console_find(domid);
    if (console == NULL)
        error = ESRCH;
    else if (console->port == 0)
        error = console->refused ? EBUSY : ENXIO;
    if (error == 0) {
        *new = (struct console_reader){
            .console = console, .at = console->output.start, .wake = wake, .arg = arg
        };
        /* What was dropped before it came counts as lost to it. */
        if (console->output.start != 0)
            new->at = 0;
        LIST_INSERT_HEAD(&console->readers, new, next);
        *reader = new;
    } else {
        free(new);
    }
    mutex_unlock(&consoled->lock);
    return error;
}

void console_reader_close(struct console_reader *reader)
{
    struct console *console = reader->console;

    mutex_lock(&consoled->lock);
    LIST_REMOVE(reader, next);
    free(reader);
    if (console->ended && LIST_EMPTY(&console->readers))
        console_free(console);
    else if (console->port != 0)
        console_make_ready(console);
    mutex_unlock(&consoled->lock);
}

size_t console_reader_read(struct console_reader *reader, char *data, size_t length, uint64_t *lost)
{
    struct console *console = reader->console;
    size_t got;

    mutex_lock(&consoled->lock);
    got = scrollback_read(&console->output, &reader->at, data, length, lost);
    if (got != 0 && console->port != 0)
        console_make_ready(console);
    mutex_unlock(&consoled->lock);
    return got;
}

bool console_reader_ended(const struct console_reader *reader)
{
    bool ended;

    mutex_lock(&consoled->lock);
    ended = reader->console->ended;
    mutex_unlock(&consoled->lock);
    return ended;
}

size_t console_reader_write(struct console_reader *reader, const char *data, size_t length)
{
    struct console *console = reader->console;
    size_t done = 0;

    mutex_lock(&consoled->lock);
    if (console->page.addr != NULL)
        done = console_ring_give(console->page.addr, data, length);
    if (done != 0)
        evtchn_send(console->port);
    mutex_unlock(&consoled->lock);
    return done;
}

/* ---- start ---- */

static int start_thread(const char *name, void (*fn)(void *arg))
{
    struct thread *thread = thread_create(name, fn, NULL, 0);

    if (thread == NULL)
        return ENOMEM;
    thread_detach(thread);
    return 0;
}

int consoled_start(void)
{
    int error;

    consoled = calloc(1, sizeof(*consoled));
    if (consoled == NULL)
        return ENOMEM;
    mutex_init(&consoled->lock);
    wait_queue_init(&consoled->work);
    LIST_INIT(&consoled->consoles);
    TAILQ_INIT(&consoled->ready);
    TAILQ_INIT(&consoled->throttled);
    consoled->pool.limit = memory_total_pages() * PAGE_SIZE / POOL_SHARE;
    consoled->store = xs_open(0);
    if (consoled->store == NULL)
        return errno;
    error = start_thread("consoled", run);
    if (error == 0)
        error = start_thread("consoled-watch", consoled_watch);
    return error;
}
