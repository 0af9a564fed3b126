/* SPDX-License-Identifier: MIT */
#include "split_drivers/worker.h"
#include "pvguest/thread.h"

static struct worker_task *take(struct worker *worker)
{
    bool masked = upcalls_disable();
    struct worker_task *task = TAILQ_FIRST(&worker->tasks);

    if (task) {
        TAILQ_REMOVE(&worker->tasks, task, next);
        task->queued = false;
    }
    upcalls_restore(masked);
    return task;
}

static void work(void *arg)
{
    struct worker *worker = arg;

    for (;;) {
        struct worker_task *task = take(worker);

        if (task)
            task->run(task);
        else
            wait_event(&worker->work, !TAILQ_EMPTY(&worker->tasks));
    }
}

bool worker_start(struct worker *worker, const char *name)
{
    TAILQ_INIT(&worker->tasks);
    wait_queue_init(&worker->work);
    worker->thread = thread_create(name, work, worker, 0);
    if (worker->thread)
        thread_detach(worker->thread);
    return worker->thread;
}

void worker_schedule(struct worker *worker, struct worker_task *task)
{
    bool masked = upcalls_disable();

    if (!task->queued) {
        task->queued = true;
        TAILQ_INSERT_TAIL(&worker->tasks, task, next);
        wait_queue_wake_one(&worker->work);
    }
    upcalls_restore(masked);
}

void worker_cancel(struct worker *worker, struct worker_task *task)
{
    bool masked = upcalls_disable();

    if (task->queued) {
        TAILQ_REMOVE(&worker->tasks, task, next);
        task->queued = false;
    }
    upcalls_restore(masked);
}

struct call {
    struct worker_task task;
    void (*fn)(void *arg);
    void *arg;
    struct semaphore done;
};

static void run_call(struct worker_task *task)
{
    struct call *call = (struct call *)task;

    call->fn(call->arg);
    semaphore_up(&call->done);
}

void worker_call(struct worker *worker, void (*fn)(void *arg), void *arg)
{
    struct call call = { .task.run = run_call, .fn = fn, .arg = arg };

    if (thread_current() == worker->thread) {
        fn(arg);
        return;
    }
    semaphore_init(&call.done, 0);
    worker_schedule(worker, &call.task);
    semaphore_down(&call.done);
}
