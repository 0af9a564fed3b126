/* SPDX-License-Identifier: MIT */
/* Emulated instructions, exception bounces and user-mode round trips. */
#include "tests/bench/guest/bench.h"
#include "tests/guests/framework/guest.h"

#define LOOPS 1000u

extern char bench_int3[], bench_ud[], bench_pf[], bench_syscall[], bench_int[];
void bench_iret_loop(uint64_t count);

static void set_gate(uint8_t vector, uint8_t flags, const char *entry)
{
    struct trap_info gate[2] = {
        { .vector = vector, .flags = flags, .cs = FLAT_KERNEL_CS, .address = (uint64_t)entry }
    };

    hc_set_trap_table(gate);
}

static void bench_emulation(void)
{
    uint64_t value;

    MEASURE("cpuid_forced", LOOPS, cpuid_forced(1, 0));
    MEASURE("rdmsr_efer", LOOPS, rdmsr(0xc0000080));
    MEASURE("mov_from_cr0", LOOPS, asm volatile("mov %%cr0, %0" : "=r"(value)));
    MEASURE("mov_from_cr3", LOOPS, asm volatile("mov %%cr3, %0" : "=r"(value)));
}

static void bench_bounces(void)
{
    uint8_t *page = page_alloc();
    register void *at asm("rdi") = (void *)0x1000;

    set_gate(VEC_BP, 3, bench_int3);
    set_gate(VEC_UD, 0, bench_ud);
    set_gate(VEC_PF, 0, bench_pf);
    MEASURE("bounce_int3", LOOPS, asm volatile("int3" : : : "rcx", "r11", "memory"));
    MEASURE("bounce_ud", LOOPS, asm volatile("ud2" : : : "rcx", "r11", "memory"));
    MEASURE("bounce_pf", LOOPS, asm volatile(".byte 0x8a, 0x07" : : "r"(at) : "rax", "rcx", "r11", "memory"));
    map_readonly(page);
    at = page;
    MEASURE("bounce_pf_readonly", LOOPS,
            asm volatile(".byte 0x88, 0x07"
                         :
                         : "r"(at)
                         : "rax", "rcx", "r11", "memory"));
    trap_install();
    map_writable(page);
    page_free(page);
}

static long user_syscalls(uint64_t count)
{
    uint64_t start = bench_tsc();

    while (count--)
        asm volatile("xor %%eax, %%eax; syscall" : : : "rax", "rcx", "r11", "memory");
    return (long)(bench_tsc() - start);
}

static long user_ints(uint64_t count)
{
    uint64_t start = bench_tsc();

    while (count--)
        asm volatile("int $0x20" : : : "memory");
    return (long)(bench_tsc() - start);
}

static void bench_user(void)
{
    struct callback_register cb = { .type = CALLBACKTYPE_syscall, .address = (uint64_t)bench_syscall };

    hc_callback(CALLBACKOP_register, &cb);
    /* Behind QEMU's error code for `int n` Xen sees twice the vector. */
    set_gate(0x20, 3, bench_int);
    set_gate(0x40, 3, bench_int);
    user_call(user_syscalls, 10);
    bench_report("user_syscall", (uint64_t)user_call(user_syscalls, LOOPS) / LOOPS);
    user_call(user_ints, 10);
    bench_report("user_int_0x20", (uint64_t)user_call(user_ints, LOOPS) / LOOPS);
    trap_install();
}

void bench_traps(void)
{
    uint64_t start;

    bench_emulation();
    bench_bounces();
    event_enable();
    bench_iret_loop(10);
    start = bench_tsc();
    bench_iret_loop(LOOPS);
    bench_report("iret_kernel", (bench_tsc() - start) / LOOPS);
    event_disable();
    bench_user();
}
