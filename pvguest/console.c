/* SPDX-License-Identifier: MIT */
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/event_channel.h"
#include "pvguest/memory.h"
#include "pvguest/panic.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include <stdio.h>
#include <xen/io/console.h>
#include <xen/sched.h>

/* What a console can do; write and read do not block and return the number of bytes they took or gave. */
struct console_ops {
    size_t (*write)(const char *data, size_t length);
    size_t (*read)(char *data, size_t length);
    void (*wait_for_room)(void);
    int (*bind)(evtchn_port_t *port);
};

/* ---- the hypervisor's serial line ---- */

static size_t hv_write(const char *data, size_t length)
{
    size_t chunk = length < 4096 ? length : 4096;

    hypercall_console_io(CONSOLEIO_write, (unsigned int)chunk, (void *)(uintptr_t)data);
    return chunk;
}

static size_t hv_read(char *data, size_t length)
{
    long got = hypercall_console_io(CONSOLEIO_read, (unsigned int)(length < 4096 ? length : 4096), data);

    return got > 0 ? (size_t)got : 0;
}

static void hv_wait_for_room(void)
{
}

static int hv_bind(evtchn_port_t *port)
{
    return evtchn_bind_virq(VIRQ_CONSOLE, 0, port);
}

static const struct console_ops hv_ops = { hv_write, hv_read, hv_wait_for_room, hv_bind };

/* ---- the PV console ring (io/console.h) ---- */

static struct xencons_interface *ring;

static evtchn_port_t ring_port(void)
{
    return start_info->console.domU.evtchn;
}

static size_t ring_write(const char *data, size_t length)
{
    XENCONS_RING_IDX prod = ring->out_prod;
    XENCONS_RING_IDX room =
        (XENCONS_RING_IDX)sizeof(ring->out) - (prod - __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE));
    size_t done = 0;

    /* A terminal is at the other end: a new line needs a carriage return, and both or none of them are
     * written. */
    for (; done < length && room >= 2 && room <= sizeof(ring->out); done++) {
        if (data[done] == '\n') {
            ring->out[MASK_XENCONS_IDX(prod++, ring->out)] = '\r';
            room--;
        }
        ring->out[MASK_XENCONS_IDX(prod++, ring->out)] = data[done];
        room--;
    }
    __atomic_store_n(&ring->out_prod, prod, __ATOMIC_RELEASE);
    if (done)
        evtchn_send(ring_port());
    return done;
}

static size_t ring_read(char *data, size_t length)
{
    XENCONS_RING_IDX cons = ring->in_cons;
    XENCONS_RING_IDX prod = __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE);
    size_t done = 0;

    while (done < length && cons != prod)
        data[done++] = ring->in[MASK_XENCONS_IDX(cons++, ring->in)];
    __atomic_store_n(&ring->in_cons, cons, __ATOMIC_RELEASE);
    if (done)
        evtchn_send(ring_port());
    return done;
}

static void ring_wait_for_room(void)
{
    evtchn_port_t port = ring_port();
    struct sched_poll poll = { .nr_ports = 1, .timeout = time_ns() + 10 * NSEC_PER_MSEC };

    set_xen_guest_handle(poll.ports, &port);
    hypercall_sched_op(SCHEDOP_poll, &poll);
}

static int ring_bind(evtchn_port_t *port)
{
    *port = ring_port();
    return 0;
}

static const struct console_ops ring_ops = { ring_write, ring_read, ring_wait_for_room, ring_bind };

/* ---- the interface ---- */

static const struct console_ops *ops = &hv_ops;
static struct wait_queue readers = WAIT_QUEUE_INITIALIZER(readers);
static LIST_HEAD(, console_listener) listeners; /* upcalls masked */
static struct wait_queue writers = WAIT_QUEUE_INITIALIZER(writers);

/* What came and was not read yet. It is fetched as soon as it comes: Xen keeps only 128 bytes for a domain
 * and drops the rest. What finds no room here stays with the other side. Upcalls masked. */
static struct {
    char data[16384];
    size_t start, length;
    bool interrupted;
} input;

/* Several vCPUs may print at once. */
static size_t write_some(const char *data, size_t length)
{
    static bool busy;
    bool masked = upcalls_disable();
    size_t done;

    while (__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE))
        cpu_relax();
    done = ops->write(data, length);
    __atomic_clear(&busy, __ATOMIC_RELEASE);
    upcalls_restore(masked);
    return done;
}

/* Waits until the other side may have read something: asleep where that is allowed, so that other threads go
 * on. */
static void wait_for_room(void)
{
    bool masked = upcalls_disable();

    if (masked || in_event() || !thread_current())
        ops->wait_for_room();
    else
        wait_queue_block(&writers, time_ns() + 10 * NSEC_PER_MSEC);
    upcalls_restore(masked);
}

void console_write(const char *data, size_t length)
{
    while (length) {
        size_t done = write_some(data, length);

        data += done;
        length -= done;
        if (!done)
            wait_for_room();
    }
}

void console_vprintf(const char *format, va_list args)
{
    char line[256];
    int length = vsniprintf(line, sizeof(line), format, args);

    if (length > 0)
        console_write(line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}

void console_printf(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    console_vprintf(format, args);
    va_end(args);
}

static void fetch_input(void)
{
    size_t got;

    do {
        size_t end = (input.start + input.length) % sizeof(input.data);
        size_t room = sizeof(input.data) - input.length;

        got = room ? ops->read(input.data + end,
                               room < sizeof(input.data) - end ? room : sizeof(input.data) - end)
                   : 0;
        input.length += got;
    } while (got);
}

static size_t take_input(char *data, size_t length)
{
    size_t n = 0;

    while (n < length && input.length) {
        data[n++] = input.data[input.start];
        input.start = (input.start + 1) % sizeof(input.data);
        input.length--;
    }
    return n;
}

static void console_event(evtchn_port_t port, void *arg)
{
    struct console_listener *listener;

    (void)port;
    (void)arg;
    fetch_input();
    LIST_FOREACH(listener, &listeners, next)
    {
        semaphore_up(listener->signal);
    }
    wait_queue_wake_all(&readers);
    wait_queue_wake_all(&writers);
}

size_t console_read(char *data, size_t length, uint64_t deadline)
{
    bool masked = upcalls_disable();
    size_t got;

    if (!input.length)
        fetch_input();
    wait_event_until(&readers, input.length || !length || input.interrupted, deadline);
    input.interrupted = false;
    got = take_input(data, length);
    upcalls_restore(masked);
    return got;
}

void console_interrupt(void)
{
    bool masked = upcalls_disable();

    input.interrupted = true;
    wait_queue_wake_all(&readers);
    upcalls_restore(masked);
}

void console_listen(struct console_listener *listener)
{
    bool masked = upcalls_disable();

    LIST_INSERT_HEAD(&listeners, listener, next);
    upcalls_restore(masked);
}

void console_unlisten(struct console_listener *listener)
{
    bool masked = upcalls_disable();

    LIST_REMOVE(listener, next);
    upcalls_restore(masked);
}

void console_early_init(void)
{
    if (start_info->flags & SIF_INITDOMAIN)
        return;
    ring = ring_to_virt(start_info->console.domU.mfn);
    ops = &ring_ops;
}

void console_init(void)
{
    evtchn_port_t port;
    int error = ops->bind(&port);

    if (!error)
        error = evtchn_set_handler(port, console_event, NULL);
    if (error)
        panic("console: cannot receive its events: error %d", error);
    evtchn_unmask(port);
}
