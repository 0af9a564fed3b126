/* SPDX-License-Identifier: MIT */
#include "pvguest/thread.h"
#include "pvguest/cpu.h"
#include "pvguest/entry.h"
#include "pvguest/event_channel.h"
#include "pvguest/memory.h"
#include "pvguest/panic.h"
#include "pvguest/time.h"
#include "pvguest/timer.h"
#include "pvguest/vmap.h"
#include <reent.h>
#include <stdlib.h>
#include <sys/reent.h>
#include <xen/sched.h>

#define SLICE_NS         (2 * NSEC_PER_MSEC)
#define MAX_SPARE_STACKS 8
#define FPU_CONTROL      0x037f00001f80UL /* x87 control word, MXCSR: as after reset */
#define SWITCH_WORDS     8                /* what thread_switch() pops, its return address included */
#define SWITCH_CONTROL   0
#define SWITCH_ARG       3 /* r13 */
#define SWITCH_FN        4 /* r12 */
#define SWITCH_RETURN    7

TAILQ_HEAD(thread_list, thread);

static struct thread_list ready = TAILQ_HEAD_INITIALIZER(ready);
static struct thread_list all = TAILQ_HEAD_INITIALIZER(all);
static struct thread_list exited = TAILQ_HEAD_INITIALIZER(exited); /* detached ones, to be freed */
static struct thread idle = { .name = "idle", .state = THREAD_RUNNING };
static bool slice_over;

static void slice_end(struct timer *timer)
{
    (void)timer;
    slice_over = true;
}

static struct timer slice = { .fn = slice_end };

struct thread *thread_current(void)
{
    return this_cpu()->current;
}

/* Starts the running thread's slice when somebody waits for its end. */
static void start_slice(void)
{
    if (!slice.active && !TAILQ_EMPTY(&ready) && thread_current() != &idle)
        timer_start(&slice, time_ns() + SLICE_NS);
}

static void make_ready(struct thread *thread)
{
    if (thread == &idle)
        return;
    thread->state = THREAD_READY;
    TAILQ_INSERT_TAIL(&ready, thread, queue);
}

/* Gives the CPU to the next ready thread; upcalls masked. The caller has queued the running thread where it
 * belongs. */
static void schedule(void)
{
    struct cpu *cpu = this_cpu();
    struct thread *from = cpu->current;
    struct thread *to = TAILQ_FIRST(&ready);
    uint64_t now = rdtsc();

    if (cpu->id != 0 || cpu->event_depth)
        panic("thread %s blocks in event context or on another vCPU", from->name);
    if (to)
        TAILQ_REMOVE(&ready, to, queue);
    else
        to = &idle;
    to->state = THREAD_RUNNING;
    slice_over = false;
    from->runtime += now - from->switched_in;
    to->switched_in = now;
    if (to == from)
        return;
    if (slice.active)
        timer_cancel(&slice);
    cpu->current = to;
    cpu->reent = to->reent;
    start_slice();
    thread_switch(&from->sp, to->sp);
}

void thread_yield(void)
{
    bool masked = upcalls_disable();

    make_ready(thread_current());
    schedule();
    upcalls_restore(masked);
}

void thread_preempt(void)
{
    struct thread *thread = thread_current();

    if (!thread || TAILQ_EMPTY(&ready) || !slice_over)
        return;
    make_ready(thread);
    schedule();
}

void thread_wake(struct thread *thread)
{
    if (thread->timeout.active)
        timer_cancel(&thread->timeout);
    make_ready(thread);
    start_slice();
}

static void timed_out(struct timer *timer)
{
    struct thread *thread = (struct thread *)((char *)timer - offsetof(struct thread, timeout));

    thread->timed_out = true;
    thread_wake(thread);
}

bool thread_block(uint64_t deadline)
{
    struct thread *thread = thread_current();

    thread->state = THREAD_BLOCKED;
    thread->timed_out = false;
    if (deadline != TIME_NEVER)
        timer_start(&thread->timeout, deadline);
    schedule();
    return !thread->timed_out;
}

void thread_sleep_until(uint64_t deadline)
{
    bool masked = upcalls_disable();

    thread_block(deadline);
    upcalls_restore(masked);
}

void thread_sleep(uint64_t ns)
{
    uint64_t now = time_ns();

    thread_sleep_until(ns < TIME_NEVER - now ? now + ns : TIME_NEVER);
}

/* Stacks of the default size that ended threads left, linked through their first words: mapping one costs
 * more than all else about a thread. */
static struct spare_stack {
    struct spare_stack *next;
} * spare_stacks;
static unsigned int spare_stack_count;

static void *take_spare_stack(void)
{
    bool masked = upcalls_disable();
    struct spare_stack *stack = spare_stacks;

    if (stack) {
        spare_stacks = stack->next;
        spare_stack_count--;
    }
    upcalls_restore(masked);
    return stack;
}

static bool keep_spare_stack(void *stack)
{
    bool masked = upcalls_disable();
    bool keep = spare_stack_count < MAX_SPARE_STACKS;

    if (keep) {
        ((struct spare_stack *)stack)->next = spare_stacks;
        spare_stacks = stack;
        spare_stack_count++;
    }
    upcalls_restore(masked);
    return keep;
}

/* Stack pages stand in an area of their own whose first page stays unmapped. */
static bool stack_create(struct thread *thread, size_t size)
{
    size_t count = (size + PAGE_SIZE - 1) / PAGE_SIZE;
    char *area;

    thread->stack_size = count * PAGE_SIZE;
    if (thread->stack_size == THREAD_STACK_DEFAULT) {
        thread->stack = take_spare_stack();
        if (thread->stack)
            return true;
    }
    area = vmap_reserve(count + 1, false);
    if (!area)
        return false;
    if (!vmap_populate(area + PAGE_SIZE, count)) {
        vmap_release(area, count + 1);
        return false;
    }
    thread->stack = area + PAGE_SIZE;
    return true;
}

static void stack_free(struct thread *thread)
{
    size_t count = thread->stack_size / PAGE_SIZE;

    if (thread->stack_size == THREAD_STACK_DEFAULT && keep_spare_stack(thread->stack))
        return;
    vmap_depopulate(thread->stack, count);
    vmap_release((char *)thread->stack - PAGE_SIZE, count + 1);
}

static void thread_free(struct thread *thread)
{
    stack_free(thread);
    _reclaim_reent(thread->reent);
    free(thread->reent);
    free(thread);
}

/* Frees the detached threads that have ended: they could not, standing on their stacks. */
static void free_exited(void)
{
    for (;;) {
        bool masked = upcalls_disable();
        struct thread *thread = TAILQ_FIRST(&exited);

        if (thread)
            TAILQ_REMOVE(&exited, thread, queue);
        upcalls_restore(masked);
        if (!thread)
            return;
        thread_free(thread);
    }
}

void thread_exit(void)
{
    struct thread *thread = thread_current();

    if (thread->on_end)
        thread->on_end(thread);
    free_exited();
    upcalls_disable();
    TAILQ_REMOVE(&all, thread, all);
    thread->state = THREAD_EXITED;
    if (thread->detached)
        TAILQ_INSERT_TAIL(&exited, thread, queue);
    if (thread->joiner)
        thread_wake(thread->joiner);
    schedule();
    panic("an ended thread was scheduled");
}

void thread_join(struct thread *thread)
{
    bool masked = upcalls_disable();

    while (thread->state != THREAD_EXITED) {
        thread->joiner = thread_current();
        thread_block(TIME_NEVER);
    }
    upcalls_restore(masked);
    thread_free(thread);
}

void thread_detach(struct thread *thread)
{
    bool masked = upcalls_disable();

    thread->detached = true;
    if (thread->state == THREAD_EXITED)
        TAILQ_INSERT_TAIL(&exited, thread, queue);
    upcalls_restore(masked);
}

static void thread_main(void *arg)
{
    struct thread *thread = arg;

    upcalls_enable();
    thread->fn(thread->arg);
    thread_exit();
}

static void prepare_stack(struct thread *thread)
{
    uint64_t *sp = (uint64_t *)((char *)thread->stack + thread->stack_size) - SWITCH_WORDS;

    sp[SWITCH_CONTROL] = FPU_CONTROL;
    sp[SWITCH_ARG] = (uint64_t)thread;
    sp[SWITCH_FN] = (uint64_t)thread_main;
    sp[SWITCH_RETURN] = (uint64_t)thread_entry;
    thread->sp = (unsigned long)sp;
}

struct thread *thread_create(const char *name, void (*fn)(void *arg), void *arg, size_t stack_size)
{
    struct thread *thread = calloc(1, sizeof(*thread));
    struct _reent *reent = malloc(sizeof(*reent));
    bool masked;

    free_exited();
    if (!thread || !reent || !stack_create(thread, stack_size ? stack_size : THREAD_STACK_DEFAULT)) {
        free(thread);
        free(reent);
        return NULL;
    }
    _REENT_INIT_PTR(reent);
    thread->name = name;
    thread->fn = fn;
    thread->arg = arg;
    thread->reent = reent;
    thread->timeout.fn = timed_out;
    semaphore_init(&thread->signal_count, 0);
    thread->signal = &thread->signal_count;
    prepare_stack(thread);
    masked = upcalls_disable();
    TAILQ_INSERT_TAIL(&all, thread, all);
    make_ready(thread);
    start_slice();
    upcalls_restore(masked);
    return thread;
}

void thread_for_each(void (*fn)(const struct thread *thread, void *arg), void *arg)
{
    const struct thread *thread;
    bool masked = upcalls_disable();

    TAILQ_FOREACH(thread, &all, all)
    fn(thread, arg);
    upcalls_restore(masked);
}

/* The idle thread, which never lets an upcall in but where it sleeps: so there are no registers to keep. */
static void run_idle(void)
{
    upcalls_disable();
    for (;;) {
        evtchn_take();
        if (TAILQ_EMPTY(&ready))
            cpu_idle();
        else
            schedule();
    }
}

void thread_init(void (*main_fn)(void *arg), void *arg)
{
    struct cpu *cpu = this_cpu();
    struct thread *thread;

    idle.reent = cpu->reent;
    cpu->current = &idle;
    TAILQ_INSERT_TAIL(&all, &idle, all);
    thread = thread_create("main", main_fn, arg, 4 * THREAD_STACK_DEFAULT);
    if (!thread)
        panic("no memory for the first thread's stack");
    thread_detach(thread);
    run_idle();
    __builtin_unreachable();
}
