/* SPDX-License-Identifier: MIT */
/*
 * hostile_instructions: random privileged instructions.
 *
 * What:     port I/O, control and debug registers, MSRs, descriptor tables, xsetbv, rdtsc, cpuid, int n,
 * forced prefixes, lar and data selectors, with random prefixes, ModRM, operands and registers. Why:      the
 * decoder and the emulations see whatever a guest executes. Method:   a fixed seed, some thousand
 * instructions in kernel and in user mode, each followed by ret. Registers hold noise or addresses of
 * interest: own memory, the hypervisor's, non-canonical, absent. Left out is what takes the test's own ground
 * away: its stack, GS base, and ports of real devices. Expected: each instruction returns or traps; the
 * domain goes on, and CR0, CR4, DR7 read as they should. Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define ROUNDS 6000u

struct registers {
    uint64_t rax, rcx, rdx, rbx, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
};

static uint8_t code[32] __attribute__((aligned(16)));
static void *const volatile code_address = code;
static uint8_t target[256] __attribute__((aligned(64)));
static struct registers in;
static uint64_t state = 0x9e3779b97f4a7c15ul;

static uint64_t noise(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t value_of_interest(void)
{
    static const uint64_t fixed[] = {
        0,
        1,
        0xffff800000000000,
        0xffff830000001000,
        0xffff87fffffffff8,
        0x0000800000000000,
        0x00007ffffffffff8,
        0x123456789000,
        0x80050033,
        0x80050039,
        0x400,
        0xffff0ff0,
        0x0007040600070406,
    };
    uint64_t pick = noise() % 20;

    if (pick < sizeof(fixed) / sizeof(fixed[0]))
        return fixed[pick];
    if (pick < 17)
        return (uint64_t)target + noise() % 128;
    return noise();
}

/* Ports that no device decodes, that are the hypervisor's own, or the PCI address register. */
static uint64_t harmless_port(void)
{
    static const uint16_t ports[] = { 0x80,  0xed,  0x20,  0x21,   0xa1,   0x43,
                                      0xcf8, 0x3f8, 0x3fd, 0xfffc, 0xfffe, 0xffff };

    return ports[noise() % (sizeof(ports) / sizeof(ports[0]))];
}

static uint64_t some_msr(void)
{
    static const uint32_t msrs[] = {
        0x10,       0x1b,       0x8b,       0xce,       0x1a0,      0x277,
        0x179,      0x6e0,      0x802,      0x40000000, 0xc0000080, 0xc0000081,
        0xc0000082, 0xc0000100, 0xc0000102, 0xc0000103, 0xc0010015, 0xc0010064,
    };
    uint64_t pick = noise() % 24;

    return pick < sizeof(msrs) / sizeof(msrs[0]) ? msrs[pick] : noise() & 0xc0001fff0000fffful;
}

static void random_registers(uint8_t opcode)
{
    uint64_t *r = (uint64_t *)&in;

    for (unsigned int i = 0; i < sizeof(in) / 8; i++)
        r[i] = value_of_interest();
    if (opcode == 0x30 || opcode == 0x32) {
        in.rcx = some_msr();
        /* The test's own per-CPU pointer. */
        if ((uint32_t)in.rcx == 0xc0000101)
            in.rcx = 0;
    } else if (opcode >= 0x6c && opcode <= 0xef) {
        in.rdx = harmless_port();
        in.rcx = noise() % 16;
        in.rdi = (uint64_t)target + noise() % 64;
    }
}

static unsigned int put_prefixes(void)
{
    static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0x64, 0x2e, 0x3e, 0x36, 0xf0 };
    unsigned int n = 0;

    while (n < 4 && noise() % 3 == 0)
        code[n++] = prefixes[noise() % sizeof(prefixes)];
    if (noise() % 3 == 0)
        code[n++] = 0x40 | (noise() & 15);
    return n;
}

static bool is_port_io(uint8_t op)
{
    return (op >= 0x6c && op <= 0x6f) || (op >= 0xec && op <= 0xef);
}

/* ModRM without rsp as destination: smsw, mov from a control register and the like would move the stack. */
static uint8_t random_modrm(void)
{
    uint8_t modrm = (uint8_t)noise();

    return (modrm & 7) == 4 ? modrm ^ 1 : modrm;
}

/* One instruction and ret; returns its opcode. */
static uint8_t put_instruction(void)
{
    static const uint8_t one_byte[] = { 0x6c, 0x6d, 0x6e, 0x6f, 0xec, 0xed, 0xee,
                                        0xef, 0xfa, 0xfb, 0xf4, 0xcd, 0x8e };
    static const uint8_t two_byte[] = { 0x00, 0x01, 0x02, 0x03, 0x06, 0x07, 0x08, 0x09, 0x0b, 0x20,
                                        0x21, 0x22, 0x23, 0x30, 0x31, 0x32, 0x33, 0x35, 0xa2, 0xaa };
    unsigned int n;
    uint8_t op, modrm = random_modrm();

    for (unsigned int i = 0; i < sizeof(code); i++)
        code[i] = 0xc3;
    n = put_prefixes();
    if (noise() % 3 == 0) {
        op = code[n++] = one_byte[noise() % sizeof(one_byte)];
        if (op == 0xcd)
            code[n++] = (uint8_t)noise() & 0x7f;
        else if (op == 0x8e)
            code[n++] = (modrm & 0xc7) | (modrm & 8 ? 0x18 : 0); /* es or ds */
        return op;
    }
    code[n++] = 0x0f;
    op = code[n++] = two_byte[noise() % sizeof(two_byte)];
    if (op == 0x0b) {
        static const uint8_t forced[] = { 'x', 'e', 'n', 0x0f, 0xa2 };

        for (unsigned int i = 0; i < sizeof(forced); i++)
            code[n++] = forced[i] ^ (noise() % 16 == 0);
    } else if (op < 0x04 || (op >= 0x20 && op <= 0x23)) {
        code[n++] = modrm;
    }
    return op;
}

/* Loads the registers and calls the code; all but the stack may change. */
static void execute(void *unused)
{
    (void)unused;
    asm volatile("push %%rbp\n\t"
                 "push %%rbx\n\t"
                 "mov 0(%%rax), %%rdx\n\t"
                 "push %%rdx\n\t"
                 "mov 8(%%rax), %%rcx\n\t"
                 "mov 16(%%rax), %%rdx\n\t"
                 "mov 24(%%rax), %%rbx\n\t"
                 "mov 32(%%rax), %%rsi\n\t"
                 "mov 40(%%rax), %%rdi\n\t"
                 "mov 48(%%rax), %%r8\n\t"
                 "mov 56(%%rax), %%r9\n\t"
                 "mov 64(%%rax), %%r10\n\t"
                 "mov 72(%%rax), %%r11\n\t"
                 "mov 80(%%rax), %%r12\n\t"
                 "mov 88(%%rax), %%r13\n\t"
                 "mov 96(%%rax), %%r14\n\t"
                 "mov 104(%%rax), %%r15\n\t"
                 "mov %%rbx, %%rbp\n\t"
                 "pop %%rax\n\t"
                 "call *%1\n\t"
                 "cld\n\t"
                 "pop %%rbx\n\t"
                 "pop %%rbp"
                 :
                 : "a"(&in), "m"(code_address)
                 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory",
                   "cc");
}

static long execute_user(uint64_t unused)
{
    execute((void *)unused);
    return 0;
}

static void set_iopl(uint32_t iopl)
{
    struct physdev_set_iopl op = { .iopl = iopl };

    hc_physdev(PHYSDEVOP_set_iopl, &op);
}

/* Back to what the framework expects. */
static void tidy(void)
{
    hc_set_debugreg(7, 0x400);
    hypercall1(__HYPERVISOR_fpu_taskswitch, 0);
    asm volatile("mov %0, %%cr4" : : "r"(0ul));
    asm volatile("mov %0, %%ds; mov %0, %%es" : : "r"(0));
}

static void test(void)
{
    unsigned int returned = 0, trapped = 0;
    uint64_t cr0;
    long ret;

    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint8_t op = put_instruction();
        const struct trap_record *r;

        random_registers(op);
        set_iopl(is_port_io(op) ? noise() & 3 : 0);
        r = i & 1 ? user_catch(execute_user, 0, &ret) : trap_catch(execute, NULL);
        returned += !r;
        trapped += r != NULL;
        tidy();
    }
    set_iopl(0);
    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    CHECK_EQ(cr0, 0x80050033);
    CHECK_EQ(hc_get_debugreg(7), 0x400);
    test_expect(returned > ROUNDS / 20 && trapped > ROUNDS / 4, "%u returned, %u trapped", returned, trapped);
}

GUEST_TEST(test);
