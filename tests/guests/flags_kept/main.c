/* SPDX-License-Identifier: MIT */
/*
 * flags_kept: no way into the hypervisor and back leaves a guest with flags that it must not have.
 *
 * What:     IOPL, NT, DF and TF after a system call, an emulated instruction and interrupts, each right after
 *           cmpxchg16b.
 * Why:      QEMU's TCG (7.2) takes the flags after cmpxchg16b from the last arithmetic's source, so rflags
 *           that an entry saves hold what the guest likes: with IOPL 3 it could close out interrupts.
 * Method:   add a register that holds the bits, cmpxchg16b, enter, read the flags. For interrupts: stay in a
 *           loop that keeps them so until the clock has gone on, and count #DB.
 *           Real steps, begun by an iret hypercall while such interrupts come, count too.
 * Expected: the bits are clear, on a real CPU they never were set; and every real step traps.
 * Xen:      takes IOPL out at iretq only, and keeps the TF and NT of QEMU, so these are not asked there.
 */
#include "tests/guests/framework/guest.h"

#define LOOP_NS 50000000ul
#define STEPS   20000

/* popfq makes the emulator note "flags are in the source register", add fills that. */
#define DIRTY_FLAGS                                                   \
    "pushq $0x202\n\tpopfq\n\tmov %[bits], %%r8\n\tmov $0, %%r9d\n\t" \
    "jmp 1f\n\t1: add %%r8, %%r9\n\tcmpxchg16b %[memory]\n\t"

/* What rflags holds besides the false value, which ends with the next arithmetic. */
#define READ_FLAGS "test %%eax, %%eax\n\tpushfq\n\tpop %[flags]\n\tpushq $0x202\n\tpopfq"

static __uint128_t memory __attribute__((aligned(16)));
static uint64_t steps;

static bool on_step(struct cpu_regs *regs)
{
    steps++;
    regs->rflags &= ~(uint64_t)EFLAGS_TF;
    return true;
}

static uint64_t after_hypercall(uint64_t bits)
{
    uint64_t flags;

    asm volatile(DIRTY_FLAGS "mov %[nr], %%eax\n\tmov $0, %%edi\n\tmov $0, %%esi\n\tsyscall\n\t" READ_FLAGS
                 : [flags] "=&r"(flags), [memory] "+m"(memory)
                 : [bits] "r"(bits), [nr] "i"(__HYPERVISOR_xen_version)
                 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
    return flags;
}

static uint64_t after_emulation(uint64_t bits)
{
    uint64_t flags;

    asm volatile(DIRTY_FLAGS ".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid\n\t" READ_FLAGS
                 : [flags] "=&r"(flags), [memory] "+m"(memory)
                 : [bits] "r"(bits)
                 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "memory", "cc");
    return flags;
}

/* Of the upcall there will be none, but the hypervisor's interrupt comes. */
static void set_timer(uint64_t deadline)
{
    CHECK_EQ(hypercall1(__HYPERVISOR_set_timer_op, deadline), 0);
}

/* The flags seen, or-ed, while interrupts of the hypervisor's own come. */
static uint64_t after_interrupts(uint64_t bits)
{
    uint64_t end = clock_now() + LOOP_NS, seen = 0, flags;

    do {
        set_timer(clock_now() + 20000);
        asm volatile("mov $4000, %%ecx\n\t"
                     "pushq $0x202\n\tpopfq\n\tmov %[bits], %%r8\n\t"
                     "2: lea -1(%%rcx), %%ecx\n\tmov $0, %%r9d\n\t"
                     "add %%r8, %%r9\n\tcmpxchg16b %[memory]\n\t"
                     "jmp 3f\n\t3: jmp 4f\n\t4: jecxz 5f\n\tjmp 2b\n\t5:\n\t" READ_FLAGS
                     : [flags] "=&r"(flags), [memory] "+m"(memory)
                     : [bits] "r"(bits)
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "memory", "cc");
        seen |= flags;
    } while (clock_now() < end);
    return seen;
}

static bool begin_step(struct cpu_regs *regs)
{
    regs->rflags |= EFLAGS_TF;
    return true;
}

static void step_under_interrupts(void)
{
    trap_hook(VEC_BP, begin_step);
    for (unsigned int i = 0; i < STEPS; i++) {
        set_timer(clock_now() + i % 512 * 8);
        asm volatile("int3; nop");
    }
}

static void false_flags(void)
{
    CHECK_EQ(after_hypercall(EFLAGS_IOPL) & EFLAGS_IOPL, 0);
    CHECK_EQ(after_interrupts(EFLAGS_IOPL) & EFLAGS_IOPL, 0);
    CHECK_EQ(after_interrupts(EFLAGS_NT) & EFLAGS_NT, 0);
    CHECK_EQ(after_interrupts(EFLAGS_DF | EFLAGS_NT) & EFLAGS_DF, 0);
    after_interrupts(EFLAGS_TF);
    CHECK_EQ(steps, 0);
}

static void test(void)
{
    trap_hook(VEC_DB, on_step);
    steps = 0;
    CHECK_EQ(after_emulation(EFLAGS_IOPL) & EFLAGS_IOPL, 0);
    if (is_ryokan())
        false_flags();
    step_under_interrupts();
    CHECK_EQ(steps, STEPS);
}

GUEST_TEST(test);
