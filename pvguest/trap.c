/* SPDX-License-Identifier: MIT */
#include "pvguest/trap.h"
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/entry.h"
#include "pvguest/panic.h"
#include "pvguest/pvh.h"
#include "pvguest/xen_errno.h"
#include <xen/callback.h>

#define NR_VECTORS      32
#define VECTOR_FAILSAFE 257

#define TRAP_FLAG_DPL1        1 /* guest-kernel code may raise it by INT n */
#define TRAP_FLAG_MASK_EVENTS 4

static trap_handler_t handlers[NR_VECTORS];

static const char *const names[] = {
    "divide error",
    "debug",
    "NMI",
    "breakpoint",
    "overflow",
    "bound range",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor overrun",
    "invalid TSS",
    "segment not present",
    "stack fault",
    "general protection",
    "page fault",
    "vector 15",
    "x87 error",
    "alignment check",
    "machine check",
    "SIMD error",
};

trap_handler_t trap_set_handler(unsigned int vector, trap_handler_t handler)
{
    trap_handler_t old = handlers[vector];

    handlers[vector] = handler;
    return old;
}

unsigned long trap_fault_address(void)
{
    unsigned long address;

    if (!guest_is_pvh)
        return this_cpu()->info->arch.cr2;
    __asm__ __volatile__("movq %%cr2, %0" : "=r"(address));
    return address;
}

void trap_dump(const struct trap_frame *f)
{
    console_printf("rip %016lx rsp %016lx rflags %08lx cs %04lx ss %04lx\n", f->rip, f->rsp, f->rflags,
                   f->cs & 0xffff, f->ss & 0xffff);
    console_printf("rax %016lx rbx %016lx rcx %016lx\nrdx %016lx rsi %016lx rdi %016lx\n", f->rax, f->rbx,
                   f->rcx, f->rdx, f->rsi, f->rdi);
    console_printf("rbp %016lx r8  %016lx r9  %016lx\nr10 %016lx r11 %016lx r12 %016lx\n", f->rbp, f->r8,
                   f->r9, f->r10, f->r11, f->r12);
    console_printf("r13 %016lx r14 %016lx r15 %016lx\ncr2 %016lx vcpu %u\n", f->r13, f->r14, f->r15,
                   trap_fault_address(), this_cpu()->id);
}

static const char *vector_name(uint64_t vector)
{
    if (vector == VECTOR_FAILSAFE)
        return "failsafe callback";
    return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : "software interrupt";
}

/* Called by entry.S. */
void trap_dispatch(struct trap_frame *frame)
{
    trap_handler_t handler = frame->vector < NR_VECTORS ? handlers[frame->vector] : NULL;

    if (handler && handler(frame))
        return;
    console_printf("\nunexpected trap %lu (%s), error code %#lx\n", frame->vector, vector_name(frame->vector),
                   frame->error_code);
    trap_dump(frame);
    stack_dump(frame->rsp);
    backtrace(frame->rip, frame->rbp);
    domain_shutdown(SHUTDOWN_crash);
}

void trap_fill_table(struct trap_info *table)
{
    for (unsigned int vector = 0; vector < NR_VECTORS; vector++) {
        bool software = vector == TRAP_BREAKPOINT || vector == 4;

        table[vector] = (struct trap_info){
            .vector = (uint8_t)vector,
            .flags = (uint8_t)(TRAP_FLAG_MASK_EVENTS | (software ? TRAP_FLAG_DPL1 : 0)),
            .cs = FLAT_KERNEL_CS,
            .address = (unsigned long)&trap_stubs[vector],
        };
    }
}

void trap_init(void)
{
    static struct trap_info table[NR_VECTORS + 1];
    long error;

    if (guest_is_pvh) {
        pvh_trap_init();
        return;
    }
    trap_fill_table(table);
    error = hypercall_set_trap_table(table);
    if (!error)
        error = hypercall_set_callbacks((unsigned long)event_callback, (unsigned long)failsafe_callback, 0);
    if (error)
        panic("traps: cannot register: error %ld", error);
}
