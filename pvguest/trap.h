/* SPDX-License-Identifier: MIT */
/*
 * Exceptions. All run with event upcalls masked, on the stack of the code that raised them, with that code's
 * FPU state saved; the interrupted mask is restored on return. A vector without a handler, or whose handlers
 * decline, prints registers and a backtrace and ends the domain with SHUTDOWN_crash.
 */
#ifndef PVGUEST_TRAP_H
#define PVGUEST_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#define TRAP_DIVIDE     0
#define TRAP_DEBUG      1
#define TRAP_BREAKPOINT 3
#define TRAP_UD         6
#define TRAP_NM         7
#define TRAP_GP         13
#define TRAP_PF         14

/* What entry.S pushes. Handlers may change it; the interrupted code continues with the changed values. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector;
    uint64_t error_code; /* 0 for vectors without one */
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Returns true if it dealt with the exception and the interrupted code shall continue. */
typedef bool (*trap_handler_t)(struct trap_frame *frame);

/* Sets the handler of an exception (0..31) for all vCPUs; NULL removes it. Returns the one before, so that a
 * handler can pass on what it does not know. */
trap_handler_t trap_set_handler(unsigned int vector, trap_handler_t handler);

/* In a TRAP_PF handler: the faulting address. */
unsigned long trap_fault_address(void);

/* Prints the registers of a frame on the console. */
void trap_dump(const struct trap_frame *frame);

/* Start of day and each further vCPU: registers the trap table and the callbacks of this vCPU. */
void trap_init(void);

#endif
