/* SPDX-License-Identifier: MIT */
/*
 * poll() and select() over all kinds of descriptors. Files are always ready; sockets are lwIP's, which waits
 * for them by the thread's semaphore; and that the console signals as well, so that lwIP returns and all are
 * looked at again.
 */
#include "pvguest/console.h"
#include "pvguest/file.h"
#include "pvguest/lwip/bsd_socket.h"
#include "pvguest/lwip/start.h"
#include "pvguest/terminal.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include <errno.h>
#include <lwip/sockets.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <unistd.h>

/* One poll(): the caller's descriptors, and those that are sockets by lwIP's numbers. */
struct polling {
    struct pollfd *fds;
    nfds_t count;
    struct pollfd *sockets;
    nfds_t *origin; /* of each socket: its place in fds */
    nfds_t nr_sockets;
    int ready;
};

static short ready_events(const struct file *file, short events)
{
    if (file->ops == &terminal_file_ops && (events & POLLIN) && !terminal_readable())
        events &= ~POLLIN;
    return events & (POLLIN | POLLOUT);
}

/* What is not a socket is answered here, sockets are collected. */
static void look(struct polling *p)
{
    p->nr_sockets = 0;
    p->ready = 0;
    for (nfds_t i = 0; i < p->count; i++) {
        struct pollfd *fd = &p->fds[i];
        struct file *file = fd->fd < 0 ? NULL : file_get(fd->fd);
        int socket = file ? lwip_socket_of(file) : -1;

        fd->revents = 0;
        if (!file)
            fd->revents = fd->fd < 0 ? 0 : POLLNVAL;
        else if (socket < 0)
            fd->revents = ready_events(file, fd->events);
        if (socket >= 0) {
            p->origin[p->nr_sockets] = i;
            p->sockets[p->nr_sockets++] = (struct pollfd){ .fd = socket, .events = fd->events };
        }
        p->ready += fd->revents != 0;
        if (file)
            file_put(file);
    }
}

/* How long lwIP may wait: ms, -1 without end. */
static int time_left(const struct polling *p, uint64_t deadline)
{
    uint64_t now = time_ns();
    uint64_t left = deadline > now ? (deadline - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC : 0;

    if (p->ready)
        return 0;
    return deadline == TIME_NEVER ? -1 : left < INT32_MAX ? (int)left : INT32_MAX;
}

static int wait_for_sockets(struct polling *p, int ms)
{
    int got;

    if (!p->nr_sockets) {
        if (ms)
            semaphore_down_until(thread_current()->signal,
                                 ms < 0 ? TIME_NEVER : time_ns() + (uint64_t)ms * NSEC_PER_MSEC);
        return 0;
    }
    got = lwip_poll(p->sockets, p->nr_sockets, ms);
    for (nfds_t i = 0; got > 0 && i < p->nr_sockets; i++)
        p->fds[p->origin[i]].revents = p->sockets[i].revents;
    return got;
}

static int poll_until(struct polling *p, uint64_t deadline)
{
    struct console_listener console = { .signal = thread_current()->signal };
    int got = 0;

    console_listen(&console);
    while (got == 0) {
        look(p);
        got = wait_for_sockets(p, time_left(p, deadline));
        if (got >= 0)
            got += p->ready;
        if (time_ns() >= deadline)
            break;
    }
    console_unlisten(&console);
    while (semaphore_trydown(console.signal)) /* or lwIP's next wait would take it for its own */
        ;
    return got;
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    uint64_t deadline = timeout_ms < 0 ? TIME_NEVER : time_ns() + (uint64_t)timeout_ms * NSEC_PER_MSEC;
    struct polling p = { .fds = fds, .count = count };
    int got;

    if (count > FILE_MAX) {
        errno = EINVAL;
        return -1;
    }
    p.sockets = calloc(count + 1, sizeof(*p.sockets));
    p.origin = calloc(count + 1, sizeof(*p.origin));
    if (p.sockets && p.origin) {
        got = poll_until(&p, deadline);
    } else {
        got = -1;
        errno = ENOMEM;
    }
    free(p.sockets);
    free(p.origin);
    return got;
}

/* ---- select() by poll() ---- */

static nfds_t from_sets(int count, const fd_set *in, const fd_set *out, const fd_set *except,
                        struct pollfd *fds)
{
    nfds_t n = 0;

    for (int fd = 0; fd < count; fd++) {
        short events = 0;

        events |= in && FD_ISSET(fd, in) ? POLLIN : 0;
        events |= out && FD_ISSET(fd, out) ? POLLOUT : 0;
        if (events || (except && FD_ISSET(fd, except)))
            fds[n++] = (struct pollfd){ .fd = fd, .events = events };
    }
    return n;
}

static int to_sets(const struct pollfd *fds, nfds_t n, fd_set *in, fd_set *out, fd_set *except)
{
    int bits = 0;

    for (nfds_t i = 0; i < n; i++) {
        bool readable = (fds[i].events & POLLIN) && (fds[i].revents & (POLLIN | POLLERR | POLLHUP));
        bool writable = (fds[i].events & POLLOUT) && (fds[i].revents & (POLLOUT | POLLERR));

        bits += readable + writable;
        if (in && !readable)
            FD_CLR(fds[i].fd, in);
        if (out && !writable)
            FD_CLR(fds[i].fd, out);
        if (except)
            FD_CLR(fds[i].fd, except);
    }
    return bits;
}

int select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
    struct pollfd fds[FD_SETSIZE];
    int ms = -1;
    nfds_t n;

    if (count < 0 || count > FD_SETSIZE || (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0))) {
        errno = EINVAL;
        return -1;
    }
    if (timeout)
        ms = timeout->tv_sec < INT32_MAX / 1000 - 1
                 ? (int)(timeout->tv_sec * 1000 + (timeout->tv_usec + 999) / 1000)
                 : INT32_MAX;
    n = from_sets(count, in, out, except, fds);
    if (poll(fds, n, ms) < 0)
        return -1;
    for (nfds_t i = 0; i < n; i++) {
        if (fds[i].revents & POLLNVAL) {
            errno = EBADF;
            return -1;
        }
    }
    return to_sets(fds, n, in, out, except);
}
