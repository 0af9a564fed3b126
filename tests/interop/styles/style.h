/* SPDX-License-Identifier: MIT */
/*
 * What the guests in the style of other projects' kernels share: hypercalls through the page, text, and
 * checks. How each starts, maps, waits and ends is its own.
 */
#ifndef TESTS_INTEROP_STYLES_STYLE_H
#define TESTS_INTEROP_STYLES_STYLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/io/console.h>
#include <xen/sched.h>
#include <xen/version.h>

extern char hypercall_page[];

/* Up to four arguments, in the registers of the guest's width; returns what the hypervisor does. */
#ifdef __x86_64__

static inline long hypercall(unsigned long number, unsigned long a, unsigned long b, unsigned long c,
                             unsigned long d)
{
    long result;
    register unsigned long fourth __asm__("r10") = d;

    __asm__ __volatile__("call *%[slot]"
                         : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(fourth)
                         : [slot] "r"(hypercall_page + 32 * number)
                         : "rcx", "r8", "r9", "r11", "memory");
    return result;
}

#else

static inline long hypercall(unsigned long number, unsigned long a, unsigned long b, unsigned long c,
                             unsigned long d)
{
    long result;

    __asm__ __volatile__("call *%%eax"
                         : "=a"(result), "+b"(a), "+c"(b), "+d"(c), "+S"(d)
                         : "0"(hypercall_page + 32 * number)
                         : "memory");
    return result;
}

#endif

/* Where text goes: each guest's own console. */
void put(const char *text, size_t length);

static inline size_t length_of(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

static inline void print(const char *text)
{
    put(text, length_of(text));
}

/* Checks that went wrong so far. */
extern unsigned int wrong;

static inline void check(bool right, const char *what)
{
    wrong += !right;
    print(right ? "ok: " : "WRONG: ");
    print(what);
    print("\n");
}

/* A byte ring's one direction, with nobody who interrupts: writes when there is room, and tells the other
 * end. */
static inline void ring_put(struct xencons_interface *ring, evtchn_port_t port, const char *text,
                            size_t length)
{
    volatile XENCONS_RING_IDX *taken = &ring->out_cons, *given = &ring->out_prod;
    struct evtchn_send notice = { .port = port };

    for (size_t i = 0; i < length; i++) {
        while (*given - *taken == sizeof(ring->out))
            hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
        ring->out[MASK_XENCONS_IDX(*given, ring->out)] = text[i];
        __asm__ __volatile__("" ::: "memory");
        (*given)++;
    }
    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (unsigned long)&notice, 0, 0);
}

/* What is written must be read before the domain ends, or real Xen's console daemon may be too late. */
static inline void ring_drain(struct xencons_interface *ring)
{
    volatile XENCONS_RING_IDX *taken = &ring->out_cons;

    while (*taken != ring->out_prod)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
}

/* Waits until the console has taken all. */
void drain(void);

/* The last line, and the end: switched off when all checks were right, crashed otherwise. */
static inline void finish(const char *name)
{
    struct sched_shutdown shutdown = { .reason = wrong ? SHUTDOWN_crash : SHUTDOWN_poweroff };

    print(name);
    print(wrong ? ": checks went wrong\n" : ": all checks passed\n");
    drain();
    for (;;)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&shutdown, 0, 0);
}

#endif
