/* SPDX-License-Identifier: MIT */
#include "pvguest/panic.h"
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include "pvguest/symbols.h"
#include <stdarg.h>
#include <xen/sched.h>

#define BACKTRACE_DEPTH  24
#define STACK_DUMP_WORDS 24

static bool is_mapped(unsigned long address)
{
    return start_info && address < HYPERVISOR_VIRT_START && pt_lookup(address);
}

/* A frame pointer worth following: aligned, mapped, and further up the stack than the one before. */
static bool frame_is_valid(unsigned long rbp, unsigned long previous)
{
    return rbp > previous && rbp % 8 == 0 && rbp < HYPERVISOR_VIRT_START && pt_lookup(rbp) &&
           pt_lookup(rbp + 8);
}

static void print_frame(unsigned long rip)
{
    console_printf("    ");
    symbols_print(rip);
    console_printf("\n");
}

void backtrace(unsigned long rip, unsigned long rbp)
{
    unsigned long previous = 0;

    console_printf("backtrace:\n");
    print_frame(rip);
    for (int depth = 0; depth < BACKTRACE_DEPTH && frame_is_valid(rbp, previous); depth++) {
        previous = rbp;
        rip = ((unsigned long *)rbp)[1];
        rbp = ((unsigned long *)rbp)[0];
        if (!rip)
            break;
        print_frame(rip);
    }
}

void stack_dump(unsigned long rsp)
{
    rsp &= ~7UL;
    console_printf("stack from %#lx:\n", rsp);
    for (int word = 0; word < STACK_DUMP_WORDS && is_mapped(rsp); word++, rsp += 8)
        console_printf(word % 4 == 3 ? " %016lx\n" : " %016lx", *(unsigned long *)rsp);
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
    backtrace((unsigned long)__builtin_return_address(0), *(unsigned long *)__builtin_frame_address(0));
    domain_shutdown(SHUTDOWN_crash);
}
