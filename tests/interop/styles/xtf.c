/* SPDX-License-Identifier: MIT */
/*
 * A test as the Xen Test Framework has them: text goes to each console that there is, most of which nobody
 * reads; version and hypercalls are tried; the last line is the result.
 */
#include "style.h"
#include <xen/arch-x86/cpuid.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

#define QEMU_DEBUG_PORT 0x12

unsigned int wrong;
static struct xencons_interface *console;
static evtchn_port_t console_port;
static bool hardware;

void put(const char *text, size_t length)
{
    const char *from = text;
    size_t left = length;

    if (hardware)
        __asm__ __volatile__("rep outsb" : "+S"(from), "+c"(left) : "d"(QEMU_DEBUG_PORT) : "memory");
    hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, length, (unsigned long)text, 0);
    if (console)
        ring_put(console, console_port, text, length);
}

void drain(void)
{
    ring_drain(console);
}

#ifdef PV64

static void setup(const void *info)
{
    const struct start_info *start = info;
    const unsigned long *to_page = (const unsigned long *)MACH2PHYS_VIRT_START;

    console = (struct xencons_interface *)(to_page[start->console.domU.mfn] << 12);
    console_port = start->console.domU.evtchn;
    check(start->magic[0] == 'x' && start->nr_pages > 0, "start_info");
}

#else

static void cpuid(uint32_t leaf, uint32_t r[4])
{
    __asm__ __volatile__("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf));
}

static uint64_t parameter(uint32_t index)
{
    struct xen_hvm_param param = { .domid = DOMID_SELF, .index = index };

    return hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, (unsigned long)&param, 0, 0) ? 0 : param.value;
}

static void setup(const void *info)
{
    uint32_t r[4], base = XEN_CPUID_FIRST_LEAF;
    const struct hvm_start_info *start = info;

    for (cpuid(base, r); r[1] != XEN_CPUID_SIGNATURE_EBX; cpuid(base, r))
        base += 0x100;
    hardware = true;
    cpuid(base + 2, r);
    __asm__ __volatile__("wrmsr" ::"c"(r[1]), "a"((uint32_t)(uintptr_t)hypercall_page), "d"(0) : "memory");
    console = (struct xencons_interface *)(uintptr_t)(parameter(HVM_PARAM_CONSOLE_PFN) << 12);
    console_port = (evtchn_port_t)parameter(HVM_PARAM_CONSOLE_EVTCHN);
    check(start->magic == XEN_HVM_START_MAGIC_VALUE, "hvm_start_info");
}

#endif

/* A hypercall that does not exist, a structure that the hypervisor writes to, and an address where nothing
 * is. */
static void test_hypercalls(void)
{
    static xen_extraversion_t extra;
    static struct xen_feature_info features;
    long version = hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);

    check(version >> 16 == 4, "version of the interface");
    check(hypercall(__HYPERVISOR_xen_version, XENVER_extraversion, (unsigned long)extra, 0, 0) == 0 &&
              extra[0] == '.',
          "its minor part");
    check(hypercall(__HYPERVISOR_xen_version, XENVER_get_features, (unsigned long)&features, 0, 0) == 0 &&
              features.submap != 0,
          "features");
    check(hypercall(63, 0, 0, 0, 0) == -38, "a hypercall that does not exist is ENOSYS");
    check(hypercall(__HYPERVISOR_xen_version, XENVER_extraversion, (unsigned long)-4096, 0, 0) == -14,
          "an address that is none is EFAULT");
}

void test_main(const void *info);

void test_main(const void *info)
{
    setup(info);
    print("--- Xen Test Framework style ---\n");
    test_hypercalls();
    finish(STYLE);
}
