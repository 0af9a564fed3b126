/* SPDX-License-Identifier: MIT */
#include "hv/cpu/xen_guest.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/time.h"
#include "hv/cpu/trap.h"
#include "hv/io/console.h"
#include "hv/lib/atomic.h"
#include "hv/lib/bug.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"
#include <xen/arch-x86/cpuid.h>
#include <xen/event_channel.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

#define NS_PER_S 1000000000ULL
/* Where the leaves may begin (arch-x86/cpuid.h). */
#define LEAVES_LAST 0x40010000
#define LEAVES_STEP 0x100

bool xen_guest __ro_after_init;

static bool by_vmmcall __ro_after_init;
static struct shared_info *shared __ro_after_init;
static uint32_t event_port;
static void (*event_fn)(void);

/* The instruction is the CPU vendor's: no page of code has to be asked for. */
static int64_t hypercall(uint64_t nr, uint64_t arg1, const void *arg2)
{
    uint64_t rc = nr;

    if (by_vmmcall)
        __asm__ volatile("vmmcall" : "+a"(rc), "+D"(arg1), "+S"(arg2)::"memory");
    else
        __asm__ volatile("vmcall" : "+a"(rc), "+D"(arg1), "+S"(arg2)::"memory");
    return (int64_t)rc;
}

static bool vendor_is_amd(void)
{
    uint32_t a, b, c, d;

    cpuid_count(0, 0, &a, &b, &c, &d);
    return b == 0x68747541 /* AuthenticAMD */ || b == 0x6f677948 /* HygonGenuine */;
}

void __init xen_guest_detect(void)
{
    uint32_t a, b, c, d;

    cpuid_count(1, 0, &a, &b, &c, &d);
    for (uint32_t leaf = XEN_CPUID_FIRST_LEAF; (c & BIT(31)) && leaf < LEAVES_LAST; leaf += LEAVES_STEP) {
        uint32_t max, name[3];

        cpuid_count(leaf, 0, &max, &name[0], &name[1], &name[2]);
        if (name[0] == XEN_CPUID_SIGNATURE_EBX && name[1] == XEN_CPUID_SIGNATURE_ECX &&
            name[2] == XEN_CPUID_SIGNATURE_EDX && max - leaf >= 2) {
            by_vmmcall = vendor_is_amd();
            xen_guest = true;
            return;
        }
    }
}

/* The vector bypasses the local APIC: there is nothing to acknowledge there. */
static void upcall(uint8_t vector __unused)
{
    const unsigned int bits = 8 * sizeof(xen_ulong_t);
    xen_ulong_t mask = (xen_ulong_t)1 << event_port % bits;

    WRITE_ONCE(shared->vcpu_info[0].evtchn_upcall_pending, 0);
    (void)atomic_xchg(&shared->vcpu_info[0].evtchn_pending_sel, (xen_ulong_t)0);
    if (atomic_fetch_and(&shared->evtchn_pending[event_port / bits], ~mask) & mask)
        event_fn();
}

/* The code that asks shows by it how wide it is: Xen fills the shared page for such code from now on. */
static int64_t __init set_upcall(uint8_t vector)
{
    struct xen_hvm_param p = {
        .domid = DOMID_SELF,
        .index = HVM_PARAM_CALLBACK_IRQ,
        .value = (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 | vector,
    };

    set_irq_vector_handler(vector, upcall);
    return hypercall(__HYPERVISOR_hvm_op, HVMOP_set_param, &p);
}

void __init xen_guest_init(void)
{
    void *page = hv_alloc_pages(0, ALLOC_ZERO);
    struct xen_add_to_physmap add = { .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info };
    int64_t rc;

    if (!page)
        panic("out of memory for the page that is shared with the outer hypervisor\n");
    /* In place of the frame that is there, so that it is mapped already. */
    add.gpfn = virt_to_mfn(page).m;
    rc = hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add);
    if (!rc)
        rc = set_upcall(alloc_irq_vector());
    if (rc)
        panic("the outer hypervisor refuses the page for events and time: error %ld\n", -rc);
    shared = page;
}

/* A copy of the boot CPU's time area that is of one moment. */
static struct vcpu_time_info read_time(void)
{
    const struct vcpu_time_info *t = &shared->vcpu_info[0].time;
    struct vcpu_time_info copy;

    do {
        copy.version = READ_ONCE(t->version) & ~1U;
        smp_rmb();
        memcpy((char *)&copy + sizeof(copy.version), (const char *)t + sizeof(t->version),
               sizeof(copy) - sizeof(copy.version));
        smp_rmb();
    } while (READ_ONCE(t->version) != copy.version);
    return copy;
}

uint64_t __init xen_guest_tsc_hz(void)
{
    struct vcpu_time_info t = read_time();

    if (!t.tsc_to_system_mul || t.tsc_shift < -31 || t.tsc_shift > 31)
        return 0;
    /* The inverse of ns = ((ticks << shift) * mul) >> 32. */
    return t.tsc_shift < 0 ? ((NS_PER_S << 32) / t.tsc_to_system_mul) << -t.tsc_shift
                           : ((NS_PER_S << 32) / t.tsc_to_system_mul) >> t.tsc_shift;
}

uint64_t __init xen_guest_wallclock_ns(void)
{
    struct vcpu_time_info t = read_time();
    uint64_t outer_ns = t.system_time + tsc_to_ns(rdtsc_ordered() - t.tsc_timestamp), base;
    uint32_t version;

    do {
        version = READ_ONCE(shared->wc_version) & ~1U;
        smp_rmb();
        base = ((uint64_t)READ_ONCE(shared->wc_sec_hi) << 32 | READ_ONCE(shared->wc_sec)) * NS_PER_S +
               READ_ONCE(shared->wc_nsec);
        smp_rmb();
    } while (READ_ONCE(shared->wc_version) != version);
    return base + outer_ns;
}

uint64_t xen_guest_param(uint32_t index)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = index };

    return hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, &p) ? 0 : p.value;
}

void xen_guest_notify(uint32_t port)
{
    struct evtchn_send send = { .port = port };

    (void)hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send);
}

void xen_guest_yield(void)
{
    (void)hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
}

int xen_guest_listen(uint32_t port, void (*fn)(void))
{
    struct evtchn_unmask unmask = { .port = port };

    if (port >= EVTCHN_2L_NR_CHANNELS)
        return -EINVAL;
    event_port = port;
    event_fn = fn;
    return (int)hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_unmask, &unmask);
}

void __noreturn xen_guest_shutdown(unsigned int reason)
{
    struct sched_shutdown shutdown = { .reason = reason };

    for (;;)
        (void)hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &shutdown);
}
