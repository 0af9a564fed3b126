/* SPDX-License-Identifier: MIT */
#include "pvguest/panic.h"
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include <stdarg.h>
#include <xen/sched.h>

#define BACKTRACE_DEPTH 24

/* A frame pointer worth following: aligned, mapped, and further up the stack than the one before. */
static bool frame_is_valid(unsigned long rbp, unsigned long previous)
{
    return rbp > previous && rbp % 8 == 0 && rbp < HYPERVISOR_VIRT_START && pt_lookup(rbp) &&
           pt_lookup(rbp + 8);
}

void backtrace(unsigned long rip, unsigned long rbp)
{
    unsigned long previous = 0;

    console_printf("backtrace: %#lx", rip);
    for (int depth = 0; depth < BACKTRACE_DEPTH && start_info && frame_is_valid(rbp, previous); depth++) {
        previous = rbp;
        rip = ((unsigned long *)rbp)[1];
        rbp = ((unsigned long *)rbp)[0];
        if (!rip)
            break;
        console_printf(" %#lx", rip);
    }
    console_printf("\n");
}

void domain_shutdown(unsigned int reason)
{
    struct sched_shutdown shutdown = { .reason = reason };

    for (;;)
        hypercall_sched_op(SCHEDOP_shutdown, &shutdown);
}

void panic(const char *format, ...)
{
    va_list args;

    upcalls_disable();
    va_start(args, format);
    console_printf("\npanic: ");
    console_vprintf(format, args);
    console_printf("\n");
    va_end(args);
    backtrace((unsigned long)__builtin_return_address(0), (unsigned long)__builtin_frame_address(0));
    domain_shutdown(SHUTDOWN_crash);
}
