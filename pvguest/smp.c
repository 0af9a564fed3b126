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
#include <xen/vcpu.h>

#define STACK_ORDER      4 /* 64 KiB */
#define FLAG_FPU_INITIAL 0x037f
#define MXCSR_INITIAL    0x1f80

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

    while (!guest_is_pvh && count < XEN_LEGACY_MAX_VCPUS && hypercall_vcpu_op(VCPUOP_is_up, count, NULL) >= 0)
        count++;
    return count;
}

/* Where a vCPU begins, each time. */
static void secondary_main(void *arg)
{
    struct secondary *secondary = arg;

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

static int initialise(unsigned int id, struct secondary *secondary)
{
    struct vcpu_guest_context *ctx = page_alloc(1);
    long error;

    _Static_assert(sizeof(struct vcpu_guest_context) <= 2 * PAGE_SIZE, "vcpu_guest_context fits two pages");
    if (!ctx)
        return -XEN_ENOMEM;
    fill_context(ctx, secondary);
    error = hypercall_vcpu_op(VCPUOP_initialise, id, ctx);
    page_free(ctx, 1);
    secondary->initialised = !error;
    return (int)error;
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

    if (!id || id >= XEN_LEGACY_MAX_VCPUS || guest_is_pvh)
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
        int error = initialise(id, secondary);

        if (error)
            return error;
    }
    return (int)hypercall_vcpu_op(VCPUOP_up, id, NULL);
}

void smp_join(unsigned int id)
{
    while (hypercall_vcpu_op(VCPUOP_is_up, id, NULL) > 0)
        thread_sleep(NSEC_PER_MSEC);
}
