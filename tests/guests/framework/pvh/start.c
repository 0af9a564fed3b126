/* SPDX-License-Identifier: MIT */
/* A PVH guest finds its hypervisor, and says to the shared code what a PV guest's start_info says. */
#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/memory.h"
#include "tests/guests/framework/print.h"
#include "guest_arch.h"

#include <xen/arch-x86/cpuid.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

extern uint64_t pvh_start_info;
extern char hypercall_page[];
void guest_main(start_info_t *si);
void pvh_start(void) __attribute__((noreturn));

static start_info_t info;

/* The base of the hypervisor's CPUID leaves, 0 when there are none. */
static uint32_t find_leaves(void)
{
    for (uint32_t base = 0x40000000; base < 0x40010000; base += 0x100) {
        struct cpuid r = cpuid_native(base, 0);

        if (r.b == XEN_CPUID_SIGNATURE_EBX && r.c == XEN_CPUID_SIGNATURE_ECX &&
            r.d == XEN_CPUID_SIGNATURE_EDX)
            return base;
    }
    return 0;
}

static uint64_t hvm_param(uint32_t index)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = index };

    return hypercall2(__HYPERVISOR_hvm_op, HVMOP_get_param, &p) ? 0 : p.value;
}

static void set_callback(void)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF,
                               .index = HVM_PARAM_CALLBACK_IRQ,
                               .value = (uint64_t)HVM_PARAM_CALLBACK_TYPE_VECTOR << 56 | UPCALL_VECTOR };

    hypercall2(__HYPERVISOR_hvm_op, HVMOP_set_param, &p);
}

void pvh_start(void)
{
    const struct hvm_start_info *hsi = (const struct hvm_start_info *)pvh_start_info;
    uint32_t base = find_leaves();
    const char *line = (const char *)hsi->cmdline_paddr;
    domid_t self = DOMID_SELF;

    wrmsr(cpuid_native(base + 2, 0).b, va_to_maddr(hypercall_page));
    for (unsigned int i = 0; line && line[i] && i < sizeof(info.cmd_line) - 1; i++)
        info.cmd_line[i] = (int8_t)line[i];
    info.flags = hsi->flags;
    info.nr_pages = (unsigned long)hc_memory_op(XENMEM_current_reservation, &self);
    info.console.domU.mfn = hvm_param(HVM_PARAM_CONSOLE_PFN);
    info.console.domU.evtchn = (uint32_t)hvm_param(HVM_PARAM_CONSOLE_EVTCHN);
    info.store_mfn = hvm_param(HVM_PARAM_STORE_PFN);
    info.store_evtchn = (uint32_t)hvm_param(HVM_PARAM_STORE_EVTCHN);
    set_callback();
    pte_write(&l4_table()[0], 0); /* low addresses fault from now on, as tests expect */
    guest_main(&info);
    for (;;)
        asm volatile("cli; hlt");
}
