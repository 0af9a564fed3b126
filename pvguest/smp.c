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

/* What a vCPU does when it has looked for work. */
enum phase { PHASE_DOWN, PHASE_WAITING, PHASE_RUNNING };

/* A vCPU other than the first; kept once made, because its registration with the hypervisor cannot be taken
 * back. */
struct secondary {
    struct cpu cpu;
    struct _reent reent;
    void (*fn)(void *arg);
    void *arg;
    void *stack;
    bool initialised;
    evtchn_port_t wake; /* 0: none; ends a wait in PHASE_WAITING */
    /* The two sides of a handshake: a side writes its own, then reads the other's. */
    bool busy;        /* there is a function to run, or running */
    enum phase phase; /* the vCPU's */
};

enum wanted { WANTED_AS_NEEDED, WANTED_ONLINE, WANTED_OFFLINE };

/* What smp_set_online() said of each vCPU. */
static enum wanted wanted[XEN_LEGACY_MAX_VCPUS];

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

static bool has_work(const struct secondary *secondary)
{
    return __atomic_load_n(&secondary->busy, __ATOMIC_SEQ_CST);
}

static enum wanted wanted_of(const struct secondary *secondary)
{
    return __atomic_load_n(&wanted[secondary->cpu.id], __ATOMIC_SEQ_CST);
}

static void enter_phase(struct secondary *secondary, enum phase phase)
{
    __atomic_store_n(&secondary->phase, phase, __ATOMIC_SEQ_CST);
}

/* One turn, with upcalls masked in between. */
static void look_for_work(struct secondary *secondary)
{
    if (has_work(secondary)) {
        enter_phase(secondary, PHASE_RUNNING);
        upcalls_enable();
        secondary->fn(secondary->arg);
        upcalls_disable();
        __atomic_store_n(&secondary->busy, false, __ATOMIC_SEQ_CST);
    } else if (wanted_of(secondary) == WANTED_ONLINE) {
        enter_phase(secondary, PHASE_WAITING);
        if (!has_work(secondary) && wanted_of(secondary) == WANTED_ONLINE)
            cpu_wait();
        upcalls_disable();
    } else {
        enter_phase(secondary, PHASE_DOWN);
        /* Comes back when it is brought up again: its registers are kept. */
        if (!has_work(secondary) && wanted_of(secondary) != WANTED_ONLINE)
            hypercall_vcpu_op(VCPUOP_down, secondary->cpu.id, NULL);
    }
}

/* Where a vCPU begins, once. */
static void secondary_main(void *arg)
{
    struct secondary *secondary = arg;

    if (guest_is_pvh) {
        pvh_set_gs_base((unsigned long)&secondary->cpu);
        pvh_trap_init_vcpu(secondary->cpu.id, secondary->stack);
    }
    upcalls_disable();
    for (;;)
        look_for_work(secondary);
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

/* The vCPU as it is before it is first brought up. 0 or a negated Xen errno. */
static int prepare(unsigned int id, struct secondary **out)
{
    struct secondary *secondary = secondary_get(id);
    long error = 0;

    if (!secondary)
        return -XEN_ENOMEM;
    if (!secondary->initialised)
        error = guest_is_pvh ? initialise_pvh(id, secondary) : initialise_pv(id, secondary);
    if (error)
        return (int)error;
    secondary->initialised = true;
    others_started = true;
    *out = secondary;
    return 0;
}

/* Has the vCPU look at what was changed for it. One that is about to go down has not seen it: it is waited
 * for. */
static int nudge(struct secondary *secondary)
{
    while (__atomic_load_n(&secondary->phase, __ATOMIC_SEQ_CST) == PHASE_DOWN) {
        if (hypercall_vcpu_op(VCPUOP_is_up, secondary->cpu.id, NULL) <= 0)
            return (int)hypercall_vcpu_op(VCPUOP_up, secondary->cpu.id, NULL);
        thread_sleep(NSEC_PER_MSEC);
    }
    return secondary->wake ? evtchn_send(secondary->wake) : 0;
}

int smp_start(unsigned int id, void (*fn)(void *arg), void *arg)
{
    struct secondary *secondary;
    long up;
    int error;

    if (!id || id >= XEN_LEGACY_MAX_VCPUS)
        return -XEN_ENOENT;
    up = hypercall_vcpu_op(VCPUOP_is_up, id, NULL);
    if (up < 0)
        return (int)up;
    if (wanted[id] == WANTED_OFFLINE)
        return -XEN_EAGAIN;
    error = prepare(id, &secondary);
    if (error)
        return error;
    if (has_work(secondary))
        return -XEN_EBUSY;
    secondary->fn = fn;
    secondary->arg = arg;
    __atomic_store_n(&secondary->busy, true, __ATOMIC_SEQ_CST);
    return nudge(secondary);
}

/* Events end a wait; there is nothing else to do for this one. */
static void woken(evtchn_port_t port, void *arg)
{
    (void)port;
    (void)arg;
}

static int bind_wake(struct secondary *secondary)
{
    evtchn_port_t port;
    int error = secondary->wake ? 0 : evtchn_bind_ipi(secondary->cpu.id, &port);

    if (error || secondary->wake)
        return error;
    error = evtchn_set_handler(port, woken, NULL);
    if (error) {
        evtchn_close(port);
        return error;
    }
    evtchn_unmask(port);
    secondary->wake = port;
    return 0;
}

int smp_set_online(unsigned int id, bool online)
{
    struct secondary *secondary;
    int error;

    if (!id || id >= XEN_LEGACY_MAX_VCPUS)
        return -XEN_ENOENT;
    secondary = secondaries[id];
    if (online) {
        error = prepare(id, &secondary);
        error = error ? error : bind_wake(secondary);
        if (error)
            return error;
    }
    __atomic_store_n(&wanted[id], online ? WANTED_ONLINE : WANTED_OFFLINE, __ATOMIC_SEQ_CST);
    if (!secondary || (!online && __atomic_load_n(&secondary->phase, __ATOMIC_SEQ_CST) == PHASE_DOWN))
        return 0;
    return nudge(secondary);
}

bool smp_should_stop(void)
{
    return __atomic_load_n(&wanted[this_cpu()->id], __ATOMIC_SEQ_CST) == WANTED_OFFLINE;
}

bool smp_others_started(void)
{
    return others_started;
}

void smp_join(unsigned int id)
{
    while (id < XEN_LEGACY_MAX_VCPUS && secondaries[id] && has_work(secondaries[id]))
        thread_sleep(NSEC_PER_MSEC);
}
