/* SPDX-License-Identifier: MIT */
/* unit-sources: hv/pv/bounce.c */
/* unit-libs: -no-pie */
/*
 * Bounce frames from guest-kernel mode, word by word. The code finds its vCPU through the stack pointer, so
 * each case runs on a stack of the hypervisor's shape: 32 KiB, aligned, with struct cpu_info at its end.
 * Frames from user mode need swapgs and a new CR3 and are the business of tests/guests/bounce_frame.
 */
#include "hv/cpu/current.h"
#include "hv/cpu/desc.h"
#include "hv/pv/pv.h"
#include <criterion/criterion.h>
#include <string.h>

#define HANDLER 0xffffffff81000000UL

static uint8_t stack[STACK_SIZE] __attribute__((aligned(STACK_SIZE)));
static struct cpu_info *const cpu = (struct cpu_info *)(stack + STACK_SIZE) - 1;
static struct domain domain;
static struct vcpu_info info;
static struct trap_info traps[256];
static struct vcpu vcpu;
static uint64_t guest_stack[64] __attribute__((aligned(16)));
static bool crashed;

void domain_crash(struct domain *d, const char *why, ...)
{
    cr_assert_eq(d, &domain);
    cr_assert_not_null(why);
    crashed = true;
}

void vcpu_update_guest_areas(struct vcpu *v)
{
    v->guest_areas_stale = false;
}

static uint64_t *stack_top(void)
{
    return guest_stack + 60;
}

static void setup(void)
{
    memset(cpu, 0, sizeof(*cpu));
    vcpu = (struct vcpu){ .domain = &domain, .info = &info, .pv = { .traps = traps, .in_kernel = true } };
    memset(traps, 0, sizeof(traps));
    memset(guest_stack, 0xaa, sizeof(guest_stack));
    info = (struct vcpu_info){ 0 };
    domain.vm_assist = 0;
    crashed = false;
    cpu->vcpu = &vcpu;
    cpu->guest_regs = (struct regs){
        .rcx = 0x1111,
        .r11 = 0x2222,
        .rip = 0xffffffff80001234,
        .cs = SEL_GUEST_CS64,
        .rflags = X86_EFLAGS_MBS | X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_AC | X86_EFLAGS_CF,
        .rsp = (uint64_t)stack_top(),
        .ss = SEL_GUEST_DS,
        .vector = TRAP_GP,
    };
    for (unsigned int i = 0; i < 256; i++)
        traps[i] = (struct trap_info){ .vector = (uint8_t)i, .cs = SEL_GUEST_CS64, .address = HANDLER + i };
}

TestSuite(bounce, .init = setup);

/* Run fn at the place in the stack where the hypervisor's C code runs. */
static void on_hv_stack(void (*fn)(void))
{
    __asm__ volatile("mov %%rsp, %%rbx\n\t"
                     "mov %1, %%rsp\n\t"
                     "call *%0\n\t"
                     "mov %%rbx, %%rsp"
                     :
                     : "r"(fn), "r"((uint64_t)cpu & ~15UL)
                     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
}

static void check_frame(const uint64_t *frame, uint64_t flags, uint8_t masked)
{
    cr_assert_eq(frame[0], 0xffffffff80001234, "rip");
    cr_assert_eq(frame[1], (SEL_GUEST_CS64 & ~3UL) | (uint64_t)masked << 32, "cs: %lx", frame[1]);
    cr_assert_eq(frame[2], flags, "rflags: %lx", frame[2]);
    cr_assert_eq(frame[3], (uint64_t)stack_top(), "rsp");
    cr_assert_eq(frame[4], SEL_GUEST_DS, "ss");
}

static void check_entered(uint64_t rip, const uint64_t *sp)
{
    const struct regs *r = &cpu->guest_regs;

    cr_assert_not(crashed);
    cr_assert_eq(r->rip, rip);
    cr_assert_eq(r->rsp, (uint64_t)sp);
    cr_assert_eq(r->cs, SEL_GUEST_CS64);
    cr_assert_eq(r->ss, SEL_GUEST_DS);
    cr_assert_eq(r->rflags & (X86_EFLAGS_TF | X86_EFLAGS_AC | X86_EFLAGS_NT | X86_EFLAGS_RF), 0);
    cr_assert(r->rflags & X86_EFLAGS_IF);
}

static void inject_gp(void)
{
    pv_inject_trap(TRAP_GP, 0x1238);
}

static void inject_ud(void)
{
    pv_inject_trap(TRAP_UD, 0);
}

static void inject_int13(void)
{
    pv_inject_software(&traps[TRAP_GP]);
}

static void inject_pf(void)
{
    pv_inject_page_fault(0xdead000, PFEC_USER | PFEC_WRITE);
}

static void inject_event(void)
{
    pv_inject_event();
}

static void inject_failsafe(void)
{
    pv_inject_failsafe(1, 2, 3, 4);
}

#define SHOWN_FLAGS (X86_EFLAGS_MBS | X86_EFLAGS_TF | X86_EFLAGS_AC | X86_EFLAGS_CF)

Test(bounce, with_error_code)
{
    uint64_t *frame = stack_top() - 8;

    on_hv_stack(inject_gp);
    check_entered(HANDLER + TRAP_GP, frame);
    cr_assert_eq(frame[0], 0x1111, "rcx");
    cr_assert_eq(frame[1], 0x2222, "r11");
    cr_assert_eq(frame[2], 0x1238, "error code");
    check_frame(frame + 3, SHOWN_FLAGS | X86_EFLAGS_IF, 0);
    cr_assert_eq(frame[-1], 0xaaaaaaaaaaaaaaaa, "nothing below");
    cr_assert_eq(info.evtchn_upcall_mask, 0);
}

Test(bounce, without_error_code)
{
    uint64_t *frame = stack_top() - 7;

    on_hv_stack(inject_ud);
    check_entered(HANDLER + TRAP_UD, frame);
    cr_assert_eq(frame[1], 0x2222, "r11");
    check_frame(frame + 2, SHOWN_FLAGS | X86_EFLAGS_IF, 0);
}

Test(bounce, software_interrupts_have_no_error_code)
{
    on_hv_stack(inject_int13);
    check_entered(HANDLER + TRAP_GP, stack_top() - 7);
}

Test(bounce, masked_guest_and_masking_gate)
{
    traps[TRAP_UD].flags = 4;
    info.evtchn_upcall_mask = 1;
    on_hv_stack(inject_ud);
    check_frame(stack_top() - 5, SHOWN_FLAGS, 1);
    setup();
    traps[TRAP_UD].flags = 4;
    on_hv_stack(inject_ud);
    check_frame(stack_top() - 5, SHOWN_FLAGS | X86_EFLAGS_IF, 0);
    cr_assert_eq(info.evtchn_upcall_mask, 1);
}

Test(bounce, iopl_shows_only_with_the_assist)
{
    vcpu.pv.iopl = 1;
    domain.vm_assist = BIT(VMASST_TYPE_architectural_iopl);
    on_hv_stack(inject_ud);
    check_frame(stack_top() - 5, SHOWN_FLAGS | X86_EFLAGS_IF | 1 << 12, 0);
    setup();
    vcpu.pv.iopl = 1;
    on_hv_stack(inject_ud);
    check_frame(stack_top() - 5, SHOWN_FLAGS | X86_EFLAGS_IF, 0);
}

Test(bounce, stack_is_aligned_down)
{
    cpu->guest_regs.rsp -= 24;
    on_hv_stack(inject_ud);
    check_entered(HANDLER + TRAP_UD, stack_top() - 4 - 7);
    cr_assert_eq((stack_top() - 4 - 2)[0], (uint64_t)stack_top() - 24, "the interrupted rsp");
}

Test(bounce, page_fault_tells_the_guests_own_mode)
{
    on_hv_stack(inject_pf);
    check_entered(HANDLER + TRAP_PF, stack_top() - 8);
    cr_assert_eq((stack_top() - 8)[2], PFEC_WRITE);
    cr_assert_eq(info.arch.cr2, 0xdead000);
}

Test(bounce, event_masks_further_ones)
{
    vcpu.pv.event.eip = HANDLER + 0x1000;
    on_hv_stack(inject_event);
    check_entered(HANDLER + 0x1000, stack_top() - 7);
    cr_assert_eq(info.evtchn_upcall_mask, 1);
    check_frame(stack_top() - 5, SHOWN_FLAGS | X86_EFLAGS_IF, 0);
}

Test(bounce, failsafe_has_the_selectors)
{
    const uint64_t *frame = stack_top() - 11;

    vcpu.pv.failsafe.eip = HANDLER + 0x2000;
    on_hv_stack(inject_failsafe);
    check_entered(HANDLER + 0x2000, frame);
    for (unsigned int i = 0; i < 4; i++)
        cr_assert_eq(frame[2 + i], i + 1);
    check_frame(frame + 6, SHOWN_FLAGS | X86_EFLAGS_IF, 0);
}

Test(bounce, no_handler_crashes)
{
    traps[TRAP_UD].address = 0;
    on_hv_stack(inject_ud);
    cr_assert(crashed);
    cr_assert_eq(cpu->guest_regs.rip, 0xffffffff80001234, "the frame is as it was");
}

Test(bounce, hypervisor_stack_crashes)
{
    static const uint64_t bad[] = { HV_VIRT_START + 64, HV_VIRT_START + 0x1000, HV_VIRT_END - 0x1000,
                                    HV_VIRT_END };

    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        setup();
        cpu->guest_regs.rsp = bad[i];
        on_hv_stack(inject_ud);
        cr_assert(crashed, "rsp %lx", bad[i]);
    }
}
