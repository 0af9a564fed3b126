/* SPDX-License-Identifier: MIT */
/*
 * Instructions of hardware guests on addresses without memory. What: each emulated instruction reads and
 * writes the device as the CPU would, in code of every mode, with the flags and registers that the CPU
 * leaves. Method: the device is one register of a fake local APIC; the flags' oracle is the host CPU itself.
 */
/* unit-sources: hv/cpu/decode.c */
#include <criterion/criterion.h>
#include <string.h>

#include "hv/cpu/regs.h"

/* What the emulation knows of hardware guests. */
#define HV_HVM_HVM_H
#define HV_HVM_GUEST_WALK_H
#define HV_HVM_VLAPIC_H
#define VLAPIC_PAGE_ADDRESS 0xfee00000ULL

struct vlapic {
    bool on;
};
struct vcpu {
    struct vlapic apic;
};

static struct regs regs;
static uint32_t device;
static uint32_t last_offset;
static unsigned int writes, mode;
static const uint8_t *code;
static unsigned int code_bytes, skipped;

static struct regs *guest_regs(void)
{
    return &regs;
}

static struct vlapic *vcpu_vlapic(const struct vcpu *v)
{
    return (struct vlapic *)(uintptr_t)&v->apic;
}

static bool vlapic_mmio_enabled(const struct vlapic *a)
{
    return a->on;
}

static uint64_t vlapic_mmio_read(struct vlapic *a, uint32_t offset, unsigned int bytes)
{
    (void)a;
    last_offset = offset;
    return bytes == 8 ? device : device & ((1ULL << (8 * bytes)) - 1);
}

static void vlapic_mmio_write(struct vlapic *a, uint32_t offset, unsigned int bytes, uint64_t value)
{
    (void)a;
    last_offset = offset;
    writes++;
    device = bytes >= 4 ? (uint32_t)value : (uint32_t)value & ((1U << (8 * bytes)) - 1);
}

static unsigned int guest_fetch(struct vcpu *v, uint8_t *buf, unsigned int max)
{
    unsigned int n = code_bytes < max ? code_bytes : max;

    (void)v;
    memcpy(buf, code, n);
    return n;
}

static unsigned int hvm_guest_mode(const struct vcpu *v)
{
    (void)v;
    return mode;
}

static void hvm_skip(struct vcpu *v, unsigned int bytes)
{
    (void)v;
    skipped = bytes;
}

bool hvm_mmio(struct vcpu *v, uint64_t gpa);
#include "hv/hvm/mmio.c"

static struct vcpu vcpu = { .apic = { .on = true } };

static bool run(unsigned int m, const uint8_t *bytes, unsigned int n)
{
    mode = m;
    code = bytes;
    code_bytes = n;
    writes = skipped = 0;
    return hvm_mmio(&vcpu, VLAPIC_PAGE_ADDRESS + 0x80);
}

#define RUN(m, ...)                                           \
    ({                                                        \
        static const uint8_t run_b[] = { __VA_ARGS__ };       \
        bool run_ok = run(m, run_b, sizeof(run_b));           \
        cr_assert(run_ok, "not emulated");                    \
        cr_assert_eq(skipped, sizeof(run_b), "wrong length"); \
    })

Test(hvm_mmio, moves)
{
    regs = (struct regs){ .rax = 0x1122334455667788, .rcx = 0xfee00080 };
    RUN(8, 0x89, 0x01); /* mov [rcx], eax */
    cr_expect_eq(device, 0x55667788u);
    cr_expect_eq(last_offset, 0x80u);
    device = 0xcafe00f1;
    RUN(8, 0x8b, 0x11); /* mov edx, [rcx] */
    cr_expect_eq(regs.rdx, 0xcafe00f1u);
    RUN(4, 0x8b, 0x1d, 0x80, 0, 0xe0, 0xfe); /* mov ebx, [disp32] */
    cr_expect_eq(regs.rbx, 0xcafe00f1u);
    RUN(4, 0xa1, 0x80, 0, 0xe0, 0xfe); /* mov eax, [moffs32] */
    cr_expect_eq(regs.rax, 0xcafe00f1u);
    RUN(2, 0x67, 0x66, 0xc7, 0x01, 0x78, 0x56, 0x34, 0x12); /* mov dword [ecx], imm32 */
    cr_expect_eq(device, 0x12345678u);
    device = 0xf1;
    regs.rbx = 0x1111111111111111;
    RUN(8, 0x0f, 0xb6, 0x19); /* movzx ebx, byte [rcx] */
    cr_expect_eq(regs.rbx, 0xf1u);
    RUN(8, 0x48, 0x0f, 0xbe, 0x19); /* movsx rbx, byte [rcx] */
    cr_expect_eq(regs.rbx, 0xfffffffffffffff1u);
    regs.rdx = 7;
    RUN(8, 0x87, 0x11); /* xchg [rcx], edx */
    cr_expect_eq(regs.rdx, 0xf1u);
    cr_expect_eq(device, 7u);
}

static uint64_t host_flags(uint32_t a, uint32_t b, char op)
{
    uint64_t flags;

    if (op == '-')
        __asm__ volatile("cmpl %2, %1; pushfq; popq %0" : "=r"(flags) : "r"(a), "r"(b) : "cc");
    else
        __asm__ volatile("testl %2, %1; pushfq; popq %0" : "=r"(flags) : "r"(a), "r"(b) : "cc");
    return flags & ALU_FLAGS;
}

Test(hvm_mmio, logic)
{
    static const uint32_t values[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x1234 };

    for (unsigned int i = 0; i < 36; i++) {
        uint32_t a = values[i / 6], b = values[i % 6];

        regs = (struct regs){ .rax = b, .rcx = 0xfee00080, .rflags = ALU_FLAGS | X86_EFLAGS_IF };
        device = a;
        RUN(8, 0x39, 0x01); /* cmp [rcx], eax */
        cr_expect_eq(regs.rflags, host_flags(a, b, '-') | X86_EFLAGS_IF);
        RUN(8, 0x3b, 0x01); /* cmp eax, [rcx] */
        cr_expect_eq(regs.rflags, host_flags(b, a, '-') | X86_EFLAGS_IF);
        RUN(8, 0x85, 0x01); /* test [rcx], eax */
        cr_expect_eq(regs.rflags & ~X86_EFLAGS_AF, (host_flags(a, b, '&') & ~X86_EFLAGS_AF) | X86_EFLAGS_IF);
        cr_expect_eq(writes, 0u);
        RUN(8, 0x09, 0x01); /* or [rcx], eax */
        cr_expect_eq(device, a | b);
        device = a;
        RUN(8, 0x83, 0x21, 0xf0); /* and dword [rcx], -16 */
        cr_expect_eq(device, a & 0xfffffff0);
        device = a;
        RUN(8, 0x33, 0x01); /* xor eax, [rcx] */
        cr_expect_eq(regs.rax, a ^ b);
    }
}

/* Other instructions, registers, cut code: nothing happens. Without an APIC there: ones. */
Test(hvm_mmio, refusals)
{
    static const uint8_t add[] = { 0x01, 0x01 }, reg[] = { 0x89, 0xc1 }, cut[] = { 0x8b },
                         push[] = { 0xff, 0x31 }, sse[] = { 0x0f, 0x28, 0x01 };

    cr_expect_not(run(8, add, sizeof(add)));
    cr_expect_not(run(8, reg, sizeof(reg)));
    cr_expect_not(run(8, cut, sizeof(cut)));
    cr_expect_not(run(8, push, sizeof(push)));
    cr_expect_not(run(8, sse, sizeof(sse)));
    cr_expect_eq(skipped, 0u);
    vcpu.apic.on = false;
    RUN(8, 0x8b, 0x11);
    cr_expect_eq(regs.rdx, 0xffffffffu);
    RUN(8, 0x89, 0x01);
    cr_expect_eq(writes, 0u);
}
