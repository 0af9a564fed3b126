/* SPDX-License-Identifier: MIT */
#include "pvguest/smp.h"
#include "pvguest/cpu.h"
#include "pvguest/entry.h"
#include "pvguest/event_channel.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include "pvguest/panic.h"
#include "pvguest/pvh.h"
#include "pvguest/shared_info.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/xen_errno.h"
#include <reent.h>
#include <string.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/vcpu.h>

#define STACK_ORDER      4 /* 64 KiB, of which the lowest 16 are a PVH vCPU's stack for double faults */
#define FLAG_FPU_INITIAL 0x037f
#define MXCSR_INITIAL    0x1f80
#define EFER_LONG_NX     0xd00 /* NXE, LMA, LME, as pvh_head.S has set them */

/* A vCPU other than the first; kept once made, because its registration with the hypervisor cannot be taken
 * back. */
struct secondary {
    struct cpu cpu;
    struct _reent reent;
    void (*fn)(void *arg);
    void *arg;
    void *stack;
    bool initialised;
};

static struct cpu boot_cpu;
static struct _reent boot_reent;
static struct secondary *secondaries[XEN_LEGACY_MAX_VCPUS];
static bool others_started;

void smp_init_boot_cpu(struct vcpu_info *info)
{
    _REENT_INIT_PTR(&boot_reent);
    boot_cpu = (struct cpu){ .self = &boot_cpu, .info = info, .reent = &boot_reent };
    if (guest_is_pvh)
        pvh_set_gs_base((unsigned long)&boot_cpu);
    else
        hypercall_set_segment_base(SEGBASE_GS_KERNEL, (unsigned long)&boot_cpu);
}

unsigned int smp_cpu_count(void)
{
    unsigned int count = 1;

    while (count < XEN_LEGACY_MAX_VCPUS && hypercall_vcpu_op(VCPUOP_is_up, count, NULL) >= 0)
        count++;
    return count;
}

/* Where a vCPU begins, once. */
static void secondary_main(void *arg)
{
    struct secondary *secondary = arg;

    if (guest_is_pvh) {
        pvh_set_gs_base((unsigned long)&secondary->cpu);
        pvh_trap_init_vcpu(secondary->cpu.id, secondary->stack);
    }
    for (;;) {
        upcalls_enable();
        secondary->fn(secondary->arg);
        upcalls_disable();
        /* Comes back here when smp_start() brings the vCPU up again: its registers are kept. */
        hypercall_vcpu_op(VCPUOP_down, secondary->cpu.id, NULL);
    }
}

static void fill_context(struct vcpu_guest_context *ctx, struct secondary *secondary)
{
    memset(ctx, 0, sizeof(*ctx));
    ctx->flags =
        VGCF_in_kernel; /* with VGCF_online Xen would hold it up already, and VCPUOP_up not wake it */
    ctx->user_regs.rip = (unsigned long)thread_entry;
    ctx->user_regs.rsp = (unsigned long)secondary->stack + (PAGE_SIZE << STACK_ORDER);
    ctx->user_regs.r12 = (unsigned long)secondary_main;
    ctx->user_regs.r13 = (unsigned long)secondary;
    ctx->user_regs.cs = FLAT_KERNEL_CS;
    ctx->user_regs.ss = FLAT_KERNEL_SS;
    ctx->user_regs.rflags = 0x202;
    ctx->kernel_ss = FLAT_KERNEL_SS;
    ctx->kernel_sp = ctx->user_regs.rsp;
    ctx->gs_base_kernel = (unsigned long)&secondary->cpu;
    ctx->ctrlreg[3] = xen_pfn_to_cr3(pt_root_mfn());
    ctx->event_callback_eip = (unsigned long)event_callback;
    ctx->failsafe_callback_eip = (unsigned long)failsafe_callback;
    /* The legacy FXSAVE image: control words of a freshly initialised FPU. */
    *(uint16_t *)&ctx->fpu_ctxt.x[0] = FLAG_FPU_INITIAL;
    *(uint32_t *)&ctx->fpu_ctxt.x[24] = MXCSR_INITIAL;
    trap_fill_table(ctx->trap_ctxt);
}

static long initialise_pv(unsigned int id, struct secondary *secondary)
{
    struct vcpu_guest_context *ctx = page_alloc(1);
    long error;

    _Static_assert(sizeof(struct vcpu_guest_context) <= 2 * PAGE_SIZE, "vcpu_guest_context fits two pages");
    if (!ctx)
        return -XEN_ENOMEM;
    fill_context(ctx, secondary);
    error = hypercall_vcpu_op(VCPUOP_initialise, id, ctx);
    page_free(ctx, 1);
    return error;
}

static unsigned long read_cr0(void)
{
    unsigned long value;

    __asm__ __volatile__("movq %%cr0, %0" : "=r"(value));
    return value;
}

static unsigned long read_cr4(void)
{
    unsigned long value;

    __asm__ __volatile__("movq %%cr4, %0" : "=r"(value));
    return value;
}

/* In 64-bit mode at once, with the control registers of this vCPU. The FPU is as after a reset. */
static long initialise_pvh(unsigned int id, struct secondary *secondary)
{
    struct vcpu_hvm_context ctx = { .mode = VCPU_HVM_MODE_64B };

    ctx.cpu_regs.x86_64 = (struct vcpu_hvm_x86_64){
        .rip = (unsigned long)pvh_vcpu_entry,
        .rsp = (unsigned long)secondary->stack + (PAGE_SIZE << STACK_ORDER),
        .rdi = (unsigned long)secondary,
        .rsi = (unsigned long)secondary_main,
        .rflags = 2,
        .cr0 = read_cr0(),
        .cr3 = pt_root_mfn() << PAGE_SHIFT,
        .cr4 = read_cr4(),
        .efer = EFER_LONG_NX,
    };
    return hypercall_vcpu_op(VCPUOP_initialise, id, &ctx);
}

static struct secondary *secondary_get(unsigned int id)
{
    struct secondary *secondary = secondaries[id];

    if (secondary)
        return secondary;
    _Static_assert(sizeof(struct secondary) <= PAGE_SIZE, "struct secondary fits a page");
    secondary = page_alloc_zeroed();
    if (!secondary)
        return NULL;
    secondary->stack = page_alloc(STACK_ORDER);
    if (!secondary->stack) {
        page_free(secondary, 0);
        return NULL;
    }
    _REENT_INIT_PTR(&secondary->reent);
    secondary->cpu = (struct cpu){
        .self = &secondary->cpu,
        .id = id,
        .info = &shared_info->vcpu_info[id],
        .reent = &secondary->reent,
    };
    secondaries[id] = secondary;
    return secondary;
}

int smp_start(unsigned int id, void (*fn)(void *arg), void *arg)
{
    struct secondary *secondary;
    long up;

    if (!id || id >= XEN_LEGACY_MAX_VCPUS)
        return -XEN_ENOENT;
    up = hypercall_vcpu_op(VCPUOP_is_up, id, NULL);
    if (up)
        return up > 0 ? -XEN_EBUSY : (int)up;
    secondary = secondary_get(id);
    if (!secondary)
        return -XEN_ENOMEM;
    secondary->fn = fn;
    secondary->arg = arg;
    if (!secondary->initialised) {
        long error = guest_is_pvh ? initialise_pvh(id, secondary) : initialise_pv(id, secondary);

        if (error)
            return (int)error;
        secondary->initialised = true;
        others_started = true;
    }
    return (int)hypercall_vcpu_op(VCPUOP_up, id, NULL);
}

bool smp_others_started(void)
{
    return others_started;
}

void smp_join(unsigned int id)
{
    while (hypercall_vcpu_op(VCPUOP_is_up, id, NULL) > 0)
        thread_sleep(NSEC_PER_MSEC);
}
