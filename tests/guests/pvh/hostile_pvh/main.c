/* SPDX-License-Identifier: MIT */
/*
 * hostile_pvh: a hardware guest that does what no kernel does.
 *
 * What:     random instructions, ports, MSRs, CPUID leaves, control registers and hypercalls; device memory
 *           where there is none; reserved bits in its own tables; SVM instructions.
 * Why:      all of these leave the guest, so all of them are the hypervisor's input.
 * Method:   each with a seeded generator, inside trap_catch.
 * Expected: an architectural fault or nothing; the guest goes on, and so does the machine. Registers that are
 *           not an instruction's keep their values.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

#define ROUNDS     2000u
#define CODE_BYTES 15u

static uint64_t seed = 0x9e3779b97f4a7c15ul;

static uint64_t random_number(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* MSRs, CPUID leaves and ports that are interesting, with some noise. */
static uint32_t random_index(void)
{
    static const uint32_t bases[] = { 0,          0x10,       0x1b,       0x200,     0x250,      0x2ff,
                                      0x6e0,      0x800,      0x830,      0xda0,     0x40000000, 0x80000000,
                                      0xc0000080, 0xc0000100, 0xc0010000, 0xc0010114 };

    return bases[random_number() % 16] + (uint32_t)(random_number() % 32);
}

static void read_msr(void *unused)
{
    (void)unused;
    rdmsr(random_index());
}

/* Those by which the test itself stands: EFER, the hypercall page, and the APIC's timer and commands. */
static bool is_needed(uint32_t index)
{
    return (index >= 0xc0000080 && index < 0xc0000104) || index == 0x40000000 || index == 0x1b ||
           (index >= 0x800 && index < 0x900) || (index >= 0x174 && index <= 0x176) || index == 0x6e0;
}

static void write_msr(void *unused)
{
    uint32_t index = random_index();

    (void)unused;
    if (!is_needed(index))
        wrmsr(index, random_number());
}

static uint64_t msr_value;

static void read_this_msr(void *index)
{
    msr_value = rdmsr((uint32_t)(uint64_t)index);
}

static void write_this_msr(void *index)
{
    wrmsr((uint32_t)(uint64_t)index, msr_value);
}

/* Each number where a processor or a hypervisor has some is read, and written with what it had, and with
 * ones, which leaves the clock (0x10) out. */
static void check_every_msr(void)
{
    static const uint32_t ranges[] = { 0, 0x40000000, 0x80000000, 0xc0000000, 0xc0010000, 0xffffe000 };

    for (unsigned int i = 0; i < 0x2000 * sizeof(ranges) / sizeof(ranges[0]); i++) {
        uint32_t index = ranges[i / 0x2000] + i % 0x2000;
        void *arg = (void *)(uint64_t)index;

        if (trap_catch(read_this_msr, arg) || is_needed(index) || index == 0x10)
            continue;
        trap_catch(write_this_msr, arg);
        msr_value = ~0ul;
        trap_catch(write_this_msr, arg);
    }
}

static void read_cpuid(void *unused)
{
    (void)unused;
    cpuid_native(random_index(), (uint32_t)random_number() % 64);
}

static void port_access(void *unused)
{
    uint16_t port = (uint16_t)random_number();
    uint32_t value = 0;

    (void)unused;
    switch (random_number() % 6) {
    case 0:
        asm volatile("inb %1, %b0" : "+a"(value) : "d"(port));
        break;
    case 1:
        asm volatile("inw %1, %w0" : "+a"(value) : "d"(port));
        break;
    case 2:
        asm volatile("inl %1, %0" : "+a"(value) : "d"(port));
        break;
    case 3:
        asm volatile("outb %b0, %1" : : "a"(value), "d"(port));
        break;
    case 4:
        asm volatile("outw %w0, %1" : : "a"(value), "d"(port));
        break;
    default:
        asm volatile("outl %0, %1" : : "a"(value), "d"(port));
        break;
    }
}

static void string_ports(void *page)
{
    uint64_t count = 600, to = (uint64_t)page;

    asm volatile("rep insb" : "+c"(count), "+D"(to) : "d"((uint16_t)0x510) : "memory");
    CHECK_EQ(count, 0);
    CHECK_EQ(to, (uint64_t)page + 600);
    CHECK_EQ(((volatile uint8_t *)page)[599], 0xff);
    count = 3;
    asm volatile("rep outsl" : "+c"(count), "+S"(to) : "d"((uint16_t)0x510) : "memory");
    CHECK_EQ(count, 0);
    to = 0x1234000; /* nothing is mapped there */
    count = 1;
    asm volatile("rep insb" : "+c"(count), "+D"(to) : "d"((uint16_t)0x510) : "memory");
    test_failure("insb to nowhere did not fault");
}

static void write_control(void *unused)
{
    uint64_t bits = 1ul << random_number() % 64, cr0, cr4;

    (void)unused;
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    asm volatile("mov %0, %%cr4" : : "r"(cr4 | bits) : "memory");
    asm volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    if (random_number() % 2)
        asm volatile("mov %0, %%cr0" : : "r"(cr0 | bits) : "memory");
    asm volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
}

static void write_debug(void *unused)
{
    (void)unused;
    asm volatile("mov %0, %%dr0" : : "r"(random_number()));
    asm volatile("mov %0, %%dr7" : : "r"(random_number() & ~0xfful));
    asm volatile("mov %0, %%dr6" : : "r"(random_number()));
    asm volatile("mov %0, %%dr7" : : "r"(0x400ul));
}

static void set_xcr0(void *unused)
{
    (void)unused;
    asm volatile("xsetbv" : : "a"((uint32_t)random_number()), "d"(0), "c"((uint32_t)random_number() % 3));
}

static void call_anything(void *unused)
{
    uint64_t nr = random_number() % 64;

    (void)unused;
    if (nr == __HYPERVISOR_sched_op || nr == __HYPERVISOR_sched_op_compat || nr == __HYPERVISOR_vcpu_op ||
        nr == __HYPERVISOR_event_channel_op || nr == __HYPERVISOR_memory_op ||
        nr == __HYPERVISOR_grant_table_op)
        nr += 64; /* these may end the test by doing what they are told */
    hypercall4(nr, random_number() % 16, random_number(), random_number() % 8, random_number());
}

/* Instructions for the hypervisor's own use, and what nobody offers. */
static void svm_instruction(void *which)
{
    switch ((uint64_t)which) {
    case 0:
        asm volatile("vmrun" : : "a"(0x1000));
        break;
    case 1:
        asm volatile("vmload" : : "a"(0x1000));
        break;
    case 2:
        asm volatile("vmsave" : : "a"(0x1000));
        break;
    case 3:
        asm volatile("stgi");
        break;
    case 4:
        asm volatile("clgi");
        break;
    case 5:
        asm volatile("invlpga" : : "a"(0), "c"(1));
        break;
    case 6:
        asm volatile("monitor" : : "a"(0), "c"(0), "d"(0));
        break;
    default:
        asm volatile("mwait" : : "a"(0), "c"(0));
        break;
    }
}

/* Moves of each width to and from a page without memory: ones are read, writes go nowhere. */
static void device_memory(void *page)
{
    volatile uint8_t *p = page;

    pvh_map(page, 0xf9000 + random_number() % 256);
    CHECK_EQ(p[random_number() % 4096], 0xff);
    CHECK_EQ(*(volatile uint16_t *)(p + 2 * (random_number() % 2000)), 0xffff);
    CHECK_EQ(*(volatile uint32_t *)(p + 4 * (random_number() % 1000)), 0xffffffff);
    CHECK(*(volatile uint64_t *)(p + 8 * (random_number() % 500)) == ~0ul);
    p[0] = 1;
    *(volatile uint64_t *)(p + 8) = 2;
    __atomic_exchange_n((volatile uint32_t *)(p + 16), 3, __ATOMIC_SEQ_CST);
}

/* An entry with bits that no CPU has. */
static void reserved_bits(void *page)
{
    uint64_t *entry = pte_lookup(page, 1), was = *entry;

    *entry = was | (1ul << 51);
    asm volatile("invlpg (%0)" : : "r"(page) : "memory");
    *(volatile char *)page;
    *entry = was;
}

/* Random bytes as code, with a breakpoint behind them. What would leave the test for good is not run:
 * branches into it, hlt, and moves to control registers are among the others above. */
static bool dangerous(const uint8_t *code)
{
    for (unsigned int i = 0; i < CODE_BYTES; i++)
        if (code[i] == 0xf4 || code[i] == 0xea || (code[i] & 0xf0) == 0x70 || (code[i] & 0xe0) == 0xe0 ||
            code[i] == 0x0f || (code[i] & 0xf0) == 0xc0 || code[i] == 0xff || (code[i] & 0xf0) == 0x50 ||
            code[i] == 0xfa || code[i] == 0xfb || code[i] == 0x9d || code[i] == 0x8e || code[i] == 0xbc ||
            (code[i] & 7) == 4 || code[i] == 0xa4 || code[i] == 0xa5 || code[i] == 0xaa || code[i] == 0xab)
            return true;
    return false;
}

static void run_code(void *page)
{
    asm volatile(
        "push %%rbx; push %%rbp; push %%r12; push %%r13; push %%r14; push %%r15\n\t"
        "xor %%ebx, %%ebx; xor %%edx, %%edx; xor %%esi, %%esi; xor %%edi, %%edi; xor %%ebp, %%ebp\n\t"
        "call *%0\n\t"
        "pop %%r15; pop %%r14; pop %%r13; pop %%r12; pop %%rbp; pop %%rbx"
        :
        : "a"(page)
        : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
}

static void random_code(uint8_t *page)
{
    for (unsigned int i = 0; i < CODE_BYTES; i++)
        page[i] = (uint8_t)random_number();
    page[CODE_BYTES] = 0xcc;
    if (!dangerous(page))
        trap_catch(run_code, page);
    asm volatile("cld");
}

static void check_svm_refused(void)
{
    for (uint64_t i = 0; i < 8; i++)
        CHECK_EQ(trap_vector_of(svm_instruction, (void *)i), VEC_UD);
}

static void check_storms(void *page)
{
    static void (*const storms[])(void *) = { read_msr,      write_msr,   read_cpuid, port_access,
                                              write_control, write_debug, set_xcr0,   call_anything };

    for (unsigned int i = 0; i < ROUNDS; i++)
        trap_catch(storms[random_number() % (sizeof(storms) / sizeof(storms[0]))], page);
}

static void test(void)
{
    uint8_t *page = page_alloc();
    const struct trap_record *r;

    check_svm_refused();
    check_storms(page);
    check_every_msr();
    CHECK_EQ(trap_vector_of(string_ports, page), VEC_PF);
    for (unsigned int i = 0; i < 100; i++)
        trap_catch(device_memory, page);
    map_writable(page);
    r = trap_catch(reserved_bits, page);
    CHECK(r && r->regs.vector == VEC_PF && (r->regs.error & PFEC_RSVD));
    map_writable(page);
    for (unsigned int i = 0; i < ROUNDS; i++)
        random_code(page);
    CHECK_EQ(hc_xen_version(XENVER_version, 0), 4 << 16 | 17);
    page_free(page);
}

GUEST_TEST(test);
