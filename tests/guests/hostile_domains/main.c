/* SPDX-License-Identifier: MIT */
/*
 * hostile_domains: hardware guests in every mode of the CPU that do what nobody should.
 *
 * What:     real mode, 16-bit and 32-bit protected mode, 64-bit mode: interrupts and faults with good,
 * malformed and no tables; page tables in nowhere; storms of MMIO and ports; SIPI with any vector; code that
 *           another vCPU changes while it is emulated; hypercalls with all ones; random instructions.
 * Why:      each of these leaves the guest, so each is the hypervisor's input.
 * Method:   a domain of its own for each, made by this one: code and registers are given, and it runs.
 * Expected: what a CPU does, or the domain ends; this one goes on, and all memory comes back.
 * Xen:      not run: QEMU's TCG lets a guest's xsetbv reach Xen's own state.
 */
#include "tests/guests/framework/guest.h"
#include "hvm_domain.h"
#include <xen/sysctl.h>

#define FRAMES  32u
#define CODE    1u /* which of the frames is what */
#define RESULT  2u
#define STACK   3u
#define TABLES  4u          /* GDT, IDT and TSS */
#define PAGING  8u          /* four levels */
#define EMPTY   0xe0000000u /* no memory is there */
#define ROUNDS  120u
#define A_WHILE (3 * MS)
#define DONE    0x600du

enum mode { REAL, PROTECTED_16, PROTECTED_32, LONG_64, MODES };
/* A triple fault is a crash here, and a halt for good a shutdown. */
enum end { GOES_ON, SHUTS_DOWN, CRASHES, ANY };

/* ---- programs: they begin at 0x1000, stacks end at 0x4000, and results go to 0x2000 ---- */

#define PROGRAM(name, bits, text)                                                              \
    asm(".pushsection .rodata\n.code" bits "\n" #name "_code:\n" text #name "_end:\n.code64\n" \
        ".popsection");                                                                        \
    extern const uint8_t name##_code[], name##_end[]

#define DONE_AND_HALT "movw $0x600d, 0x2000\ncli\nhlt\n"
#define ALL_ONES_32                                                                                          \
    "xor %esi, %esi\n1: mov %esi, %eax\nmov $-1, %ebx\nmov %ebx, %ecx\nmov %ebx, %edx\nmov %ebx, %edi\nmov " \
    "%ebx, "                                                                                                 \
    "%ebp\npush %esi\nmov %ebx, %esi\n"

/* The interrupt table of real mode, and a far return through the stack. */
PROGRAM(real_interrupt, "16",
        "movw $(2f - real_interrupt_code + 0x1000), 0x84\nmovw $0, 0x86\nint $0x21\nmovw $0x600d, "
        "0x2000\ncli\nhlt\n"
        "2: cmpw $0, 0x2000\njne 3f\niret\n3: ud2\n");
PROGRAM(real_divide, "16",
        "movw $(2f - real_divide_code + 0x1000), 0\nmovw $0, 2\nxor %cx, %cx\ndiv %cx\n2: " DONE_AND_HALT);
/* By hand to protected mode, and back. */
PROGRAM(real_to_protected, "16",
        "lgdtl 0x1100\nmov %cr0, %eax\nor $1, %al\nmov %eax, %cr0\nmov $0x10, %ax\nmov %ax, %es\nmovl $1, "
        "%es:0x2004\n"
        "mov %cr0, %eax\nand $0xfe, %al\nmov %eax, %cr0\nxor %ax, %ax\nmov %ax, %es\n" DONE_AND_HALT
        ".org real_to_protected_code + 0x100\n.word 0x17\n.long 0x1110\n"
        ".org real_to_protected_code + 0x110\n.quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff\n");
PROGRAM(no_tables_16, "16", "lidtl 0x1100\nud2\n.org no_tables_16_code + 0x100\n.word 0\n.long 0\n");
PROGRAM(beyond_limit_16, "16", "mov $0x12345678, %ebx\nmovb $1, (%ebx)\n" DONE_AND_HALT);
PROGRAM(no_segment_32, "32", "mov $0x18, %ax\nmov %ax, %ds\n" DONE_AND_HALT);
PROGRAM(bad_task_32, "32", "lgdt 0x4000\nmov $0x18, %ax\nltr %ax\n" DONE_AND_HALT);
PROGRAM(task_switch_32, "32", "lgdt 0x4000\nljmp $0x18, $0\n" DONE_AND_HALT);
PROGRAM(bad_gate_32, "32",
        "lidt 0x1100\nint $0x20\n" DONE_AND_HALT
        ".org bad_gate_32_code + 0x100\n.word 0x7ff\n.long 0x5000\n");
PROGRAM(tables_nowhere_32, "32",
        "lidt 0x1100\nlgdt 0x1100\nint $0x20\n" DONE_AND_HALT
        ".org tables_nowhere_32_code + 0x100\n.word 0xffff\n.long 0xe0000000\n");
PROGRAM(paging_nowhere_32, "32",
        "mov $0xe0000000, %eax\nmov %eax, %cr3\nmov %cr0, %eax\nor $0x80000000, %eax\nmov %eax, "
        "%cr0\n" DONE_AND_HALT);
PROGRAM(paging_random_32, "32",
        "mov $0x8000, %eax\nmov %eax, %cr3\nmov %cr0, %eax\nor $0x80000000, %eax\nmov %eax, "
        "%cr0\n" DONE_AND_HALT);
PROGRAM(paging_pae_32, "32",
        "mov $0x20, %eax\nmov %eax, %cr4\nmov $0xe0000020, %eax\nmov %eax, %cr3\nmov %cr0, %eax\nor "
        "$0x80000000, %eax\nmov %eax, %cr0\n" DONE_AND_HALT);
PROGRAM(stack_nowhere_64, "64", "mov $0xe0000000, %rsp\npush %rax\npop %rax\ncall 1f\n1: ud2\n");
PROGRAM(not_canonical_64, "64", "mov $0x8000000000000000, %rsp\npush %rax\n");
PROGRAM(mmio_storm_32, "32",
        "incl 0x2004\nmov $0xe0000ffe, %edi\nmov %eax, (%edi)\nmov (%edi), %eax\nlock orl $1, "
        "0xe0000004\nxchg %al, 0xe0000003\n"
        "mov 0xfee00030, %eax\nmov %al, 0xfee000b0\nmovw $1, 0xfee00321\nmov 0xfee00fff, %eax\ncmpl $2000, "
        "0x2004\njb mmio_storm_32_code\n" DONE_AND_HALT);
PROGRAM(mmio_string_32, "32",
        "mov $0xe0000000, %edi\nmov $0x1000, %esi\nmov $64, %ecx\nrep movsb\n" DONE_AND_HALT);
PROGRAM(port_storm_16, "16",
        "xor %dx, %dx\n1: in %dx, %eax\nout %eax, %dx\nin %dx, %al\nmov $0x3000, %di\nmov $4, %cx\nrep "
        "insw\nmov $0x3000, %si\nmov $4, %cx\n"
        "rep outsb\nadd $61, %dx\njnc 1b\n" DONE_AND_HALT);
/* INIT and SIPI with each vector to a vCPU that finds random bytes, and every command with no target. */
PROGRAM(sipi_storm_32, "32",
        "mov $3, %ecx\n4: xor %ebx, %ebx\n1: movl $0x01000000, 0xfee00310\nmovl $0x4500, 0xfee00300\nmov "
        "%ebx, %eax\nor $0x4600, %eax\nmov %eax, "
        "0xfee00300\nmovl $0xee000000, 0xfee00310\nmov %ebx, %eax\nshl $8, %eax\nor %ebx, %eax\nand $0xfff, "
        "%eax\nmov %eax, 0xfee00300\n"
        "incb %bl\njnz 1b\nloop 4b\n" DONE_AND_HALT);
/* vCPU 0 writes to a device by an instruction that vCPU 1 keeps changing to others. */
PROGRAM(changing_code_32, "32",
        "cmp $0, %ebp\njne 2f\nmov $0xe0000000, %ebx\n1: nop\n.org changing_code_32_code + 0x20\nmov %eax, "
        "(%ebx)\nmov %eax, (%ebx)\nincl 0x2004\ncmpl "
        "$20000, 0x2004\njb 1b\n" DONE_AND_HALT "2: incb %al\nmov %al, %cl\nand $0x3f, %cl\nadd $0x80, "
        "%cl\nmov %cl, 0x1020\nmovb $0x89, 0x1020\njmp 2b\n");
PROGRAM(all_ones_16, "16",
        "movl $0, %esi\n" ALL_ONES_32 "vmmcall\npop %esi\ninc %esi\ncmp $64, %esi\njb 1b\n" DONE_AND_HALT);
PROGRAM(all_ones_32, "32", ALL_ONES_32 "vmmcall\npop %esi\ninc %esi\ncmp $64, %esi\njb 1b\n" DONE_AND_HALT);
PROGRAM(all_ones_64, "64",
        "xor %r15d, %r15d\n1: mov %r15, %rax\nmov $-1, %rdi\nmov %rdi, %rsi\nmov %rdi, %rdx\nmov %rdi, "
        "%r10\nmov %rdi, %r8\nmov %rdi, %r9\nvmmcall\n"
        "inc %r15d\ncmp $64, %r15d\njb 1b\nmovw $0x600d, 0x2000\ncli\nhlt\n");

static const struct scenario {
    const char *name;
    enum mode mode;
    const uint8_t *code, *code_end;
    enum end end;
    bool done; /* it comes to the end of its program */
    unsigned int vcpus;
} scenarios[] = {
#define SCENARIO(name, mode, ...)                         \
    {                                                     \
#name, mode, name##_code, name##_end, __VA_ARGS__ \
    }
    SCENARIO(real_interrupt, REAL, SHUTS_DOWN, true, 1),
    SCENARIO(real_divide, REAL, SHUTS_DOWN, true, 1),
    SCENARIO(real_to_protected, REAL, SHUTS_DOWN, true, 1),
    SCENARIO(no_tables_16, PROTECTED_16, CRASHES, false, 1),
    SCENARIO(no_tables_16, REAL, CRASHES, false, 1),
    SCENARIO(beyond_limit_16, PROTECTED_16, ANY, false, 1), /* TCG has no limits */
    SCENARIO(no_segment_32, PROTECTED_32, CRASHES, false, 1),
    SCENARIO(bad_task_32, PROTECTED_32, CRASHES, false, 1),
    SCENARIO(task_switch_32, PROTECTED_32, CRASHES, false, 1),
    SCENARIO(bad_gate_32, PROTECTED_32, CRASHES, false, 1),
    SCENARIO(tables_nowhere_32, PROTECTED_32, CRASHES, false, 1),
    SCENARIO(paging_nowhere_32, PROTECTED_32, CRASHES, false, 1),
    SCENARIO(paging_random_32, PROTECTED_32, ANY, false, 1),
    SCENARIO(paging_pae_32, PROTECTED_32, CRASHES, false, 1),
    SCENARIO(stack_nowhere_64, LONG_64, CRASHES, false, 1),
    SCENARIO(not_canonical_64, LONG_64, CRASHES, false, 1),
    SCENARIO(mmio_storm_32, PROTECTED_32, SHUTS_DOWN, true, 1),
    SCENARIO(mmio_string_32, PROTECTED_32, CRASHES, false, 1),
    SCENARIO(port_storm_16, PROTECTED_16, SHUTS_DOWN, true, 1),
    SCENARIO(port_storm_16, REAL, SHUTS_DOWN, true, 1),
    SCENARIO(sipi_storm_32, PROTECTED_32, ANY, false, 2),
    SCENARIO(changing_code_32, PROTECTED_32, ANY, false, 2),
    SCENARIO(all_ones_16, REAL, SHUTS_DOWN, true, 1),
    SCENARIO(all_ones_16, PROTECTED_16, SHUTS_DOWN, true, 1),
    SCENARIO(all_ones_32, PROTECTED_32, SHUTS_DOWN, true, 1),
    SCENARIO(all_ones_64, LONG_64, SHUTS_DOWN, true, 1),
};

/* ---- memory and registers ---- */

static uint64_t seed = 0x2545f4914f6cdd1dul;

static uint64_t random_number(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* What no program relies on is random. */
static void fill_memory(void)
{
    for (unsigned int i = 0; i < FRAMES; i++) {
        volatile uint64_t *p = hvm_domain_map(0, i);

        for (unsigned int j = 0; j < PAGE_SIZE / 8; j++)
            p[j] = i == RESULT ? 0 : random_number();
    }
    hvm_domain_unmap(0);
}

/* The first 2 MiB, by itself and once more at 0xe0000000, where no memory is behind it. */
static void build_paging(void)
{
    for (unsigned int i = 0; i < 3; i++) {
        volatile uint64_t *p = hvm_domain_map(0, PAGING + i);

        for (unsigned int j = 0; j < 512; j++)
            p[j] = i < 2 ? 0 : j << 21 | PTE_PSE | PTE_RWX;
        p[0] = i < 2 ? (PAGING + i + 1) << PAGE_SHIFT | PTE_RWX : p[0];
        if (i == 1)
            p[3] = p[0];
    }
    hvm_domain_unmap(0);
}

static void set_segments(struct hvm_hw_cpu *cpu, enum mode mode)
{
    static const uint32_t code[] = { 0x9b, 0x9b, 0xc9b, 0xa9b }, data[] = { 0x93, 0x93, 0xc93, 0xc93 };
    uint32_t limit = mode < PROTECTED_32 ? 0xffff : ~0u;

    cpu->cs_sel = mode == REAL ? 0 : 8;
    cpu->cs_limit = cpu->ds_limit = cpu->es_limit = cpu->ss_limit = cpu->fs_limit = cpu->gs_limit = limit;
    cpu->cs_arbytes = code[mode];
    cpu->ds_arbytes = cpu->es_arbytes = cpu->ss_arbytes = cpu->fs_arbytes = cpu->gs_arbytes = data[mode];
    cpu->tr_arbytes = 0x8b;
    cpu->tr_limit = 0x67;
    cpu->ldtr_arbytes = 0x82;
    cpu->idtr_limit = mode == REAL ? 0x3ff : 0;
}

static struct hvm_hw_cpu registers(enum mode mode, unsigned int vcpu)
{
    struct hvm_hw_cpu cpu = { .rip = CODE << PAGE_SHIFT,
                              .rflags = 2,
                              .rsp = TABLES << PAGE_SHIFT,
                              .rbp = vcpu,
                              .cr0 = mode == REAL ? 0x10 : 0x11,
                              .dr6 = 0xffff0ff0,
                              .dr7 = 0x400 };

    if (mode == LONG_64) {
        cpu.cr0 |= 0x80000000;
        cpu.cr4 = 0x20;
        cpu.cr3 = PAGING << PAGE_SHIFT;
        cpu.msr_efer = 0x500;
    }
    set_segments(&cpu, mode);
    return cpu;
}

/* ---- runs ---- */

static bool create(unsigned int vcpus)
{
    if (!hvm_domain_create(vcpus, 1024))
        return false;
    hvm_domain_populate(0, FRAMES, 0);
    fill_memory();
    return true;
}

static void start(enum mode mode, unsigned int vcpus, bool second)
{
    const struct hvm_hw_cpu cpus[] = { registers(mode, 0), registers(mode, 1) };

    if (mode == LONG_64)
        build_paging();
    CHECK_EQ(hvm_domain_start(cpus, second ? vcpus : 1), 0);
}

/* How it ended, or that it did not before the time was over. */
static enum end watch(uint64_t time, bool until_done)
{
    volatile uint16_t *result = hvm_domain_map(0, RESULT);
    uint64_t end = clock_now() + time;
    unsigned int reason;

    while (clock_now() < end && !(until_done && *result == DONE)) {
        if (hvm_domain_has_ended(&reason))
            return reason == SHUTDOWN_poweroff ? SHUTS_DOWN : CRASHES;
        hc_sched(SCHEDOP_yield, 0);
    }
    return GOES_ON;
}

/* The programs have AMD's instruction. */
static void use_hypercall(volatile uint8_t *code)
{
    if (cpuid_native(0, 0).b == 0x68747541) /* "Auth" */
        return;
    for (unsigned int i = 0; i < PAGE_SIZE - 2; i++)
        if (code[i] == 0x0f && code[i + 1] == 0x01 && code[i + 2] == 0xd9)
            code[i + 2] = 0xc1;
}

static void run(const struct scenario *s)
{
    uint64_t time = s->end == ANY ? 20 * A_WHILE : 30000 * MS;
    volatile uint8_t *code;
    enum end end;

    CHECK(create(s->vcpus));
    code = hvm_domain_map(0, CODE);
    for (unsigned int i = 0; s->code + i < s->code_end; i++)
        code[i] = s->code[i];
    use_hypercall(code);
    start(s->mode, s->vcpus, s->code == changing_code_32_code);
    end = watch(time, s->end == GOES_ON);
    if (s->end != ANY)
        test_expect(end == s->end, "%s: ends in way %d instead of %d", s->name, (int)end, (int)s->end);
    if (s->end != ANY)
        test_expect(s->done == (*(volatile uint16_t *)hvm_domain_map(0, RESULT) == DONE), "%s: it is %s",
                    s->name, s->done ? "not done" : "done");
    hvm_domain_destroy();
}

/* Instructions that leave a guest, with operands from the page behind; what follows is random. */
static void random_program(volatile uint8_t *code)
{
    static const uint8_t opcodes[][4] = {
        { 3, 0x0f, 0x01, 0xd9 },
        { 3, 0x0f, 0x01, 0xc1 },
        { 2, 0x0f, 0x30 },
        { 2, 0x0f, 0x32 },
        { 2, 0x0f, 0xa2 },
        { 1, 0xed },
        { 1, 0xee },
        { 2, 0xf3, 0x6c },
        { 2, 0xf3, 0x6f },
        { 3, 0x0f, 0x20, 0xc0 },
        { 3, 0x0f, 0x22, 0xc0 },
        { 3, 0x0f, 0x22, 0xd8 },
        { 3, 0x0f, 0x22, 0xe0 },
        { 3, 0x0f, 0x01, 0x16 },
        { 3, 0x0f, 0x01, 0x1e },
        { 3, 0x0f, 0x00, 0xd8 },
        { 3, 0x0f, 0x00, 0xd0 },
        { 1, 0xcd },
        { 1, 0xfb },
        { 1, 0xcf },
        { 2, 0x0f, 0x09 },
        { 3, 0x0f, 0x01, 0x38 },
        { 1, 0xa1 },
        { 1, 0xa3 },
        { 2, 0x8e, 0xd8 },
        { 2, 0x8e, 0xd0 },
        { 1, 0xea },
        { 3, 0x0f, 0x21, 0xf8 },
        { 3, 0x0f, 0x23, 0xf8 },
        { 3, 0x0f, 0x01, 0xd8 },
        { 2, 0x0f, 0x0b },
        { 1, 0xf4 },
    };
    static const uint32_t words[] = { 0,          1,          0x1b,       0x277,      0x800,
                                      0x40000000, 0xc0000080, 0xc0010114, 0xfee00300, 0xe0000000,
                                      0xffffffff, 0x80000011, 0x20 };

    for (unsigned int at = 0; at < 900;) {
        const uint8_t *opcode = opcodes[random_number() % (sizeof(opcodes) / sizeof(opcodes[0]))];
        uint32_t word = words[random_number() % (sizeof(words) / sizeof(words[0]))];

        code[at++] = (uint8_t)(0xb8 + random_number() % 8); /* mov $word, a register */
        for (unsigned int i = 0; i < 4; i++)
            code[at++] = (uint8_t)(word >> 8 * i);
        for (unsigned int i = 1; i <= opcode[0]; i++)
            code[at++] = opcode[i];
    }
}

static void run_random(enum mode mode)
{
    CHECK(create(2));
    random_program(hvm_domain_map(0, CODE));
    start(mode, 2, random_number() % 2);
    watch(A_WHILE, false);
    hvm_domain_destroy();
}

static void test(void)
{
    uint64_t before;

    if (!is_initial_domain() || !is_ryokan()) {
        test_skip("only the initial domain may, and QEMU's TCG breaks Xen");
        return;
    }
    if (!create(2)) {
        test_skip("no hardware guests here");
        return;
    }
    hvm_domain_destroy();
    before = machine_free_memory();
    for (unsigned int i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        run(&scenarios[i]);
    for (unsigned int i = 0; i < ROUNDS; i++)
        run_random((enum mode)(i % MODES));
    CHECK_EQ(machine_free_memory(), before);
}

GUEST_TEST(test);
