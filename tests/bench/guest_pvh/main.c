/* SPDX-License-Identifier: MIT */
/*
 * What exits of a PVH guest cost: the same image on Ryokan and on Debian's Xen 4.17, under QEMU's -icount
 * shift=0, where a tick of the TSC is one instruction and a nanosecond. The guest's own loop and handlers are
 * in the figures.
 */
#include "tests/bench/guest/bench.h"
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

#define MSR_APIC_BASE  0x1bu
#define MSR_EFER       0xc0000080u
#define MSR_X2APIC_SVR 0x80fu
#define MSR_X2APIC_EOI 0x80bu
#define MSR_X2APIC_ICR 0x830u
#define APIC_ENABLE    (1u << 11)
#define APIC_X2        (1u << 10)
#define SVR_ENABLE     0x1ffu
#define ICR_SELF       (1u << 18)
#define IPI_VECTOR     0x40u
#define LAPIC_PAGE     0xfee00000ul
#define LAPIC_EOI      0xb0u
#define ROUNDS         1000u
#define SLEEP_NS       100000u
#define QUIET_NS       3000000000ul /* a control domain that started with this one is idle by then */
#define FILL_GFN       0xf8000ul    /* where nothing is */

void guest_main(start_info_t *si);

static volatile unsigned int ipis;

void bench_report(const char *name, uint64_t value)
{
    print("BENCH %s %lu instructions\n", name, value);
}

static bool on_ipi(struct cpu_regs *regs)
{
    (void)regs;
    ipis++;
    wrmsr(MSR_X2APIC_EOI, 0);
    return true;
}

static void measure_instructions(void)
{
    uint16_t port = 0x510; /* nothing is there, and no hypervisor lets guests through */
    uint8_t byte;
    uint64_t cr4;

    MEASURE("cpuid", ROUNDS, cpuid_native(1, 0));
    MEASURE("hypercall_xen_version", ROUNDS, hc_xen_version(XENVER_version, 0));
    MEASURE("rdmsr_efer", ROUNDS, rdmsr(MSR_EFER));
    MEASURE("in_port", ROUNDS, asm volatile("inb %1, %0" : "=a"(byte) : "d"(port)));
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    MEASURE("mov_to_cr4", ROUNDS, asm volatile("mov %0, %%cr4" : : "r"(cr4) : "memory"));
}

/* The xAPIC's page by MMIO, then the same by MSR; an interrupt to itself, taken and ended. */
static void measure_apic(void)
{
    char *window = page_alloc();
    volatile uint32_t *eoi = (volatile uint32_t *)(window + LAPIC_EOI);
    uint64_t base = rdmsr(MSR_APIC_BASE);

    pvh_map(window, LAPIC_PAGE >> PAGE_SHIFT);
    wrmsr(MSR_APIC_BASE, base | APIC_ENABLE);
    MEASURE("apic_eoi_mmio", ROUNDS, *eoi = 0);
    wrmsr(MSR_APIC_BASE, base | APIC_ENABLE | APIC_X2);
    wrmsr(MSR_X2APIC_SVR, SVR_ENABLE);
    MEASURE("apic_eoi_msr", ROUNDS, wrmsr(MSR_X2APIC_EOI, 0));
    trap_hook(IPI_VECTOR, on_ipi);
    event_enable();
    MEASURE("apic_self_ipi", ROUNDS, wrmsr(MSR_X2APIC_ICR, ICR_SELF | IPI_VECTOR));
    event_disable();
    if (ipis < ROUNDS)
        print("only %u of the interrupts came\n", ipis);
}

static void measure_events(void)
{
    evtchn_port_t ipi = (evtchn_port_t)event_bind_ipi(0),
                  timer = (evtchn_port_t)event_bind_virq(VIRQ_TIMER, 0);
    uint64_t start, slept = 0;

    event_unmask(timer);
    hc_set_timer(clock_now() + QUIET_NS);
    event_block();
    event_unmask(ipi);
    event_enable();
    MEASURE("evtchn_send_self_with_upcall", ROUNDS, event_send(ipi));
    for (unsigned int i = 0; i < 100; i++) {
        event_disable();
        start = bench_tsc();
        hc_set_timer(clock_now() + SLEEP_NS);
        event_block();
        slept += bench_tsc() - start - SLEEP_NS;
    }
    bench_report("set_timer_hlt_and_wake", slept / 100);
    event_disable();
}

static void fill(volatile uint8_t *page)
{
    xen_pfn_t gfn = FILL_GFN;
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, &gfn);
    hc_memory_op(XENMEM_populate_physmap, &r);
    *page = 1;
    hc_memory_op(XENMEM_decrease_reservation, &r);
}

static void measure_fill(void)
{
    xen_pfn_t gfn = 0x1000; /* a page of the domain's own makes room for the one that is filled */
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };
    void *window = page_alloc();
    volatile uint8_t *page;

    set_xen_guest_handle(r.extent_start, &gfn);
    hc_memory_op(XENMEM_decrease_reservation, &r);
    pvh_map(window, FILL_GFN);
    page = (volatile uint8_t *)window;
    MEASURE("page_populate_touch_release", ROUNDS, fill(page));
}

void guest_main(start_info_t *si)
{
    guest_init(si);
    print("Bench guest\n");
    measure_instructions();
    measure_events();
    measure_apic();
    measure_fill();
    print("Bench done\n");
    test_shutdown(SHUTDOWN_poweroff);
}
