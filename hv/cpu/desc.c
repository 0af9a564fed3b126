/* SPDX-License-Identifier: MIT */
#include "hv/cpu/desc.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/cpu/cpuid.h"
#include "hv/lib/bug.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"
#include "hv/mm/layout.h"
#include "hv/mm/paging.h"

#define DESC_CODE64(dpl) (0x00af9b000000ffffULL | ((uint64_t)(dpl) << 45))
#define DESC_CODE32(dpl) (0x00cf9b000000ffffULL | ((uint64_t)(dpl) << 45))
#define DESC_DATA(dpl)   (0x00cf93000000ffffULL | ((uint64_t)(dpl) << 45))
#define TYPE_TSS         0x89ULL
#define TYPE_LDT         0x82ULL
#define TYPE_INTERRUPT   0x8eULL

#define GDT_INDEX(sel) (((sel)-GDT_RESERVED_BYTE) >> 3)

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t iomap_base;
} __packed __aligned(8);

struct table_register {
    uint16_t limit;
    uint64_t base;
} __packed;

struct gate {
    uint64_t lo, hi;
};

/* Where the CPU's stack holds its syscall code: the same page guards the primary stack. */
#define STUB_PAGE 4

extern const char trap_stubs[], syscall_stub[], syscall_stub_end[];

static struct gate idt[256] __aligned(PAGE_SIZE);
static uint64_t boot_gdt_page[PTES_PER_PAGE] __aligned(PAGE_SIZE);
static DEFINE_PER_CPU(uint64_t *, gdt_page);
static DEFINE_PER_CPU(struct tss, tss);

static void set_gate(unsigned int vector, uint16_t selector, unsigned int ist, unsigned int dpl)
{
    uint64_t handler = (uint64_t)trap_stubs + 16 * vector;

    idt[vector].lo = (handler & 0xffff) | (uint64_t)selector << 16 | (uint64_t)ist << 32 |
                     (TYPE_INTERRUPT | dpl << 5) << 40 | ((handler >> 16) & 0xffff) << 48;
    idt[vector].hi = handler >> 32;
}

static void load_idt(void)
{
    struct table_register r = { sizeof(idt) - 1, (uint64_t)idt };

    __asm__ volatile("lidt %0" ::"m"(r));
}

static void build_idt(bool with_stacks)
{
    for (unsigned int v = 0; v < 256; v++)
        set_gate(v, SEL_HV_CS, 0, 0);
    /* A guest's int3 and into arrive directly; every other int n is a #GP and decided in hv/pv. */
    set_gate(TRAP_BP, SEL_HV_CS, 0, 3);
    set_gate(TRAP_OF, SEL_HV_CS, 0, 3);
    if (!with_stacks)
        return;
    set_gate(TRAP_DF, SEL_HV_CS, IST_DF, 0);
    set_gate(TRAP_NMI, SEL_HV_CS, IST_NMI, 0);
    set_gate(TRAP_MC, SEL_HV_CS, IST_MC, 0);
    set_gate(TRAP_DB, SEL_HV_CS, IST_DB, 0);
}

static void fill_gdt(uint64_t *gdt)
{
    gdt[GDT_INDEX(SEL_HV_CS)] = DESC_CODE64(0);
    gdt[GDT_INDEX(SEL_HV_DS)] = DESC_DATA(0);
    gdt[GDT_INDEX(SEL_GUEST_CS32)] = DESC_CODE32(3);
    gdt[GDT_INDEX(SEL_GUEST_DS)] = DESC_DATA(3);
    gdt[GDT_INDEX(SEL_GUEST_CS64)] = DESC_CODE64(3);
}

static void set_system_descriptor(uint64_t *gdt, unsigned int sel, uint64_t base, uint32_t limit,
                                  uint64_t type)
{
    uint64_t *d = &gdt[GDT_INDEX(sel)];

    d[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | type << 40 | (uint64_t)(limit & 0xf0000) << 32 |
           ((base >> 24) & 0xff) << 56;
    d[1] = base >> 32;
}

void gdt_load(uint64_t base)
{
    struct table_register r = { GDT_LIMIT, base };

    __asm__ volatile("lgdt %0" ::"m"(r));
}

void gdt_load_own(void)
{
    gdt_load((uint64_t)this_cpu(gdt_page) - GDT_RESERVED_BYTE);
}

void desc_bases(struct desc_bases *out)
{
    *out = (struct desc_bases){ .gdt = (uint64_t)this_cpu(gdt_page) - GDT_RESERVED_BYTE,
                                .idt = (uint64_t)idt,
                                .tss = (uint64_t)&this_cpu(tss) };
}

mfn_t cpu_gdt_mfn(unsigned int cpu)
{
    return virt_to_mfn(per_cpu(gdt_page, cpu));
}

void ldt_load(uint64_t base, unsigned int entries)
{
    uint16_t sel = 0;

    if (entries) {
        set_system_descriptor(this_cpu(gdt_page), SEL_LDT, base, entries * 8 - 1, TYPE_LDT);
        sel = SEL_LDT;
    }
    __asm__ volatile("lldt %0" ::"r"(sel));
}

/* Reload CS and SS from the table just loaded. */
static void load_flat_segments(void)
{
    __asm__ volatile("push %0\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "push %%rax\n\t"
                     "lretq\n"
                     "1: mov %1, %%ss\n\t" ::"i"(SEL_HV_CS),
                     "r"(SEL_HV_DS)
                     : "rax", "memory");
}

void idt_init_early(void)
{
    fill_gdt(boot_gdt_page);
    gdt_load((uint64_t)boot_gdt_page - GDT_RESERVED_BYTE);
    load_flat_segments();
    build_idt(false);
    load_idt();
}

static void load_syscall_msrs(const void *stack)
{
    uint64_t stub = (uint64_t)stack + STUB_PAGE * PAGE_SIZE;

    wrmsr(MSR_STAR, (uint64_t)SEL_GUEST_CS32 << 48 | (uint64_t)SEL_HV_CS << 32);
    wrmsr(MSR_LSTAR, stub);
    wrmsr(MSR_CSTAR, stub + 64);
    wrmsr(MSR_FMASK, X86_EFLAGS_VM | X86_EFLAGS_RF | X86_EFLAGS_NT | X86_EFLAGS_DF | X86_EFLAGS_IF |
                         X86_EFLAGS_TF | X86_EFLAGS_AC);
    if (host_cpu.sysenter) {
        wrmsr(MSR_SYSENTER_CS, SEL_HV_CS);
        wrmsr(MSR_SYSENTER_ESP, stub);
        wrmsr(MSR_SYSENTER_EIP, stub + 128);
    }
}

void desc_init_cpu(unsigned int cpu, void *stack)
{
    struct tss *t = &this_cpu(tss);
    uint64_t *gdt = hv_alloc_pages(0, ALLOC_ZERO);
    uint64_t page = (uint64_t)stack;

    if (!gdt)
        panic("CPU%u: no memory for its GDT\n", cpu);
    this_cpu(gdt_page) = gdt;
    fill_gdt(gdt);

    memset(t, 0, sizeof(*t));
    t->rsp[0] = (uint64_t)stack + STACK_SIZE - sizeof(struct cpu_info) + sizeof(struct regs);
    t->ist[IST_DF - 1] = page + 1 * PAGE_SIZE;
    t->ist[IST_NMI - 1] = page + 2 * PAGE_SIZE;
    t->ist[IST_MC - 1] = page + 3 * PAGE_SIZE;
    t->ist[IST_DB - 1] = page + 4 * PAGE_SIZE;
    t->iomap_base = sizeof(*t);
    set_system_descriptor(gdt, SEL_TSS, (uint64_t)t, sizeof(*t) - 1, TYPE_TSS);

    gdt_load_own();
    load_flat_segments();
    __asm__ volatile("ltr %0" ::"r"((uint16_t)SEL_TSS));
    ldt_load(0, 0);
    if (cpu == 0)
        build_idt(true);
    load_idt();
    load_syscall_msrs(stack);
}
