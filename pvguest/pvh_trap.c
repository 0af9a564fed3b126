/* SPDX-License-Identifier: MIT */
/* Exceptions and event upcalls of a PVH guest: the processor's own tables (SDM volume 3, 6.10 and 7.7). */
#include "pvguest/entry.h"
#include "pvguest/hypercall.h"
#include "pvguest/panic.h"
#include "pvguest/pvh.h"
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

#define NR_VECTORS     256
#define UPCALL_VECTOR  0xf3
#define CODE_SELECTOR  0x08
#define TASK_SELECTOR  0x18 /* vCPU 0's; each has 16 bytes */
#define GATE_INTERRUPT 0x8e
#define TSS_AVAILABLE  0x89
#define VECTOR_DF      8

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t stack; /* 0: the running one; n: ist[n - 1] */
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

struct task_state {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
} __attribute__((packed));

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

extern uint64_t pvh_gdt[];
extern const struct trap_stub pvh_stubs[NR_VECTORS];
void pvh_event(void);

static struct gate idt[NR_VECTORS];
static struct task_state tss[XEN_LEGACY_MAX_VCPUS];
static char fault_stack[PVH_FAULT_STACK] __attribute__((aligned(16)));

static void set_gate(unsigned int vector, const void *entry, unsigned int stack)
{
    unsigned long offset = (unsigned long)entry;

    idt[vector] = (struct gate){
        .offset_low = (uint16_t)offset,
        .selector = CODE_SELECTOR,
        .stack = (uint8_t)stack,
        .type = GATE_INTERRUPT,
        .offset_middle = (uint16_t)(offset >> 16),
        .offset_high = (uint32_t)(offset >> 32),
    };
}

void pvh_trap_init_vcpu(unsigned int id, void *stack)
{
    const struct table_pointer pointer = { sizeof(idt) - 1, (uint64_t)idt };
    uint64_t base = (uint64_t)&tss[id], limit = sizeof(tss[id]) - 1;
    unsigned int selector = TASK_SELECTOR + 16 * id;

    tss[id] = (struct task_state){ .ist = { (uint64_t)stack + PVH_FAULT_STACK }, .io_map = sizeof(tss[id]) };
    pvh_gdt[selector / 8] =
        limit | (base & 0xffffff) << 16 | (uint64_t)TSS_AVAILABLE << 40 | ((base >> 24) & 0xff) << 56;
    pvh_gdt[selector / 8 + 1] = base >> 32;
    __asm__ __volatile__("lidt %0; ltr %w1" : : "m"(pointer), "r"(selector));
}

void pvh_trap_init(void)
{
    struct xen_hvm_param callback = {
        .domid = DOMID_SELF,
        .index = HVM_PARAM_CALLBACK_IRQ,
        .value = (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 | UPCALL_VECTOR,
    };
    long error;

    for (unsigned int vector = 0; vector < NR_VECTORS; vector++)
        set_gate(vector, &pvh_stubs[vector], vector == VECTOR_DF ? 1 : 0);
    set_gate(UPCALL_VECTOR, (const void *)(uintptr_t)pvh_event, 0);
    pvh_trap_init_vcpu(0, fault_stack);
    error = hypercall_hvm_op(HVMOP_set_param, &callback);
    if (error)
        panic("traps: cannot register the event vector: error %ld", error);
}
