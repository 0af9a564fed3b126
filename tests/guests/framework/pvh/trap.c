/* SPDX-License-Identifier: MIT */
/* Traps of a PVH guest: a table of its own that the CPU reads. */
#include "tests/guests/framework/trap.h"
#include "tests/guests/framework/cpu.h"
#include "guest_arch.h"

#define GATE_INTERRUPT 0x8e00ull

struct table_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static uint64_t idt[256][2] __attribute__((aligned(16)));

static void set_gate(unsigned int vector, uint64_t entry)
{
    idt[vector][0] = (entry & 0xffff) | (uint64_t)ARCH_KERNEL_CS << 16 | GATE_INTERRUPT << 32 |
                     (entry >> 16 & 0xffff) << 48;
    idt[vector][1] = entry >> 32;
}

void trap_install(void)
{
    struct table_register r = { sizeof(idt) - 1, (uint64_t)idt };

    if (this_cpu()->id == 0) {
        trap_drop_hooks();
        for (unsigned int v = 0; v < 256; v++)
            set_gate(v, trap_stub(v));
        set_gate(UPCALL_VECTOR, (uint64_t)upcall_entry);
    }
    asm volatile("lidt %0" : : "m"(r));
}
