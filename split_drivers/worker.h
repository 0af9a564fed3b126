/* SPDX-License-Identifier: MIT */
/*
 * A thread that does the work that events announce. What belongs together (one switch with all its ports)
 * uses one worker and then needs no locks. Tasks run one after the other; a long one does a part, schedules
 * itself again and so lets the others have their turn.
 */
#ifndef SPLIT_DRIVERS_WORKER_H
#define SPLIT_DRIVERS_WORKER_H

#include "pvguest/sync.h"
#include <stdbool.h>
#include <sys/queue.h>

struct worker_task {
    TAILQ_ENTRY(worker_task) next;
    bool queued;
    void (*run)(struct worker_task *task);
};

struct worker {
    TAILQ_HEAD(worker_tasks, worker_task) tasks; /* upcalls masked */
    struct wait_queue work;
    struct thread *thread;
};

/* Starts the thread; the name is not copied. False: no memory. */
bool worker_start(struct worker *worker, const char *name);

/* The task runs soon, once, however often this is called before it does. Any context on vCPU 0. */
void worker_schedule(struct worker *worker, struct worker_task *task);

/* The task does not run unless it is scheduled again. In the worker, so that it is not running either. */
void worker_cancel(struct worker *worker, struct worker_task *task);

/* Runs fn(arg) in the worker and waits for its end. In the worker itself: calls it. Threads only. */
void worker_call(struct worker *worker, void (*fn)(void *arg), void *arg);

#endif
