/* SPDX-License-Identifier: MIT */
#include "hv/cpu/smp.h"
#include "hv/boot/boot.h"
#include "hv/cpu/apic.h"
#include "hv/cpu/cpu_init.h"
#include "hv/cpu/desc.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/cpu/time.h"
#include "hv/cpu/timer.h"
#include "hv/io/acpi.h"
#include "hv/io/console.h"
#include "hv/lib/bug.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"
#include "hv/mm/paging.h"

#define STACK_PAGES (STACK_SIZE / PAGE_SIZE)
#define STUB_PAGE   4

/* Stacks stand at fixed addresses at the end of the virtual areas, 32 KiB each. */
#define STACKS_START (VMAP_END - (uint64_t)NR_CPUS * STACK_SIZE)

uint64_t percpu_offset[NR_CPUS];

extern char percpu_start[], percpu_end[];
extern const char syscall_stub[], syscall_stub_end[];

/* What a starting AP reads at the end of its copy of the trampoline (hv/boot/head.S). */
struct trampoline_params {
    uint32_t boot_cr3;
    uint32_t efer;
    uint64_t stack;
    uint64_t cr3;
    uint32_t cpu;
};
extern const char trampoline_start[], trampoline_end[], trampoline_params[];
extern const char tramp_gdtr[], tramp_far32[], tramp_far64[];
extern char boot_l4[];

static volatile uint32_t ap_started; /* CPU number of the AP that last reached C, + 1 */

void *cpu_stack(unsigned int cpu)
{
    return (void *)(STACKS_START + (uint64_t)cpu * STACK_SIZE);
}

struct cpu_info *cpu_info_of(unsigned int cpu)
{
    return (struct cpu_info *)((char *)cpu_stack(cpu) + STACK_SIZE) - 1;
}

static int map_stack(unsigned int cpu)
{
    uint64_t va = (uint64_t)cpu_stack(cpu);

    for (unsigned int i = 0; i < STACK_PAGES; i++) {
        void *page = hv_alloc_pages(0, ALLOC_ZERO);

        if (!page)
            return -ENOMEM;
        if (i == STUB_PAGE)
            memcpy(page, syscall_stub, (size_t)(syscall_stub_end - syscall_stub));
        if (hv_map(va + i * PAGE_SIZE, virt_to_mfn(page), 1, i == STUB_PAGE ? HV_RX : HV_RW))
            return -ENOMEM;
    }
    return 0;
}

int cpu_prepare(unsigned int cpu)
{
    size_t bytes = (size_t)(percpu_end - percpu_start);
    int rc = map_stack(cpu);

    if (rc)
        return rc;
    if (cpu) {
        unsigned int order = 0;
        char *area;

        while ((PAGE_SIZE << order) < bytes)
            order++;
        area = hv_alloc_pages(order, ALLOC_ZERO);
        if (!area)
            return -ENOMEM;
        percpu_offset[cpu] = (uint64_t)(area - percpu_start);
    }
    memset(cpu_info_of(cpu), 0, sizeof(struct cpu_info));
    timer_prepare_cpu(cpu);
    cpu_info_of(cpu)->cpu = cpu;
    cpu_info_of(cpu)->percpu_offset = percpu_offset[cpu];
    return 0;
}

static char *__init install_trampoline(void)
{
    uint32_t phys = boot_info.trampoline_phys;
    char *copy = phys_to_virt(phys);
    size_t size = (size_t)(trampoline_end - trampoline_start);

    memcpy(copy, trampoline_start, size);
    *(uint32_t *)(void *)(copy + (tramp_gdtr - trampoline_start) + 2) += phys;
    *(uint32_t *)(void *)(copy + (tramp_far32 - trampoline_start)) += phys;
    *(uint32_t *)(void *)(copy + (tramp_far64 - trampoline_start)) += phys;
    return copy;
}

static bool __init wait_started(uint32_t cpu, uint64_t ns)
{
    uint64_t end = now_ns() + ns;

    while (now_ns() < end) {
        if (ap_started == cpu + 1)
            return true;
        cpu_relax();
    }
    return false;
}

static void __init delay_ns(uint64_t ns)
{
    uint64_t end = now_ns() + ns;

    while (now_ns() < end)
        cpu_relax();
}

/* INIT, 10 ms, SIPI, and a second SIPI when the first had no effect (SDM Vol. 3 §9.4.4). */
static bool __init start_ap(unsigned int cpu, char *trampoline)
{
    struct trampoline_params *p = (void *)(trampoline + (trampoline_params - trampoline_start));
    uint8_t page = (uint8_t)(boot_info.trampoline_phys >> PAGE_SHIFT);

    *p = (struct trampoline_params){
        .boot_cr3 = (uint32_t)((uint64_t)boot_l4 - IMAGE_START),
        .efer = (uint32_t)(rdmsr(MSR_EFER) & (EFER_LME | EFER_NXE | EFER_SCE)),
        .stack = (uint64_t)cpu_info_of(cpu),
        .cr3 = virt_to_phys(idle_l4),
        .cpu = cpu,
    };
    smp_mb();
    apic_send_init(cpu_apic_id[cpu]);
    delay_ns(10000000);
    apic_send_startup(cpu_apic_id[cpu], page);
    if (wait_started(cpu, 1000000000ULL))
        return true;
    apic_send_startup(cpu_apic_id[cpu], page);
    return wait_started(cpu, 2000000000ULL);
}

/* First C code of an AP, on its own stack and the hypervisor's tables (head.S). */
void __noreturn ap_start(unsigned int cpu);
void __noreturn ap_start(unsigned int cpu)
{
    desc_init_cpu(cpu, cpu_stack(cpu));
    cpu_init_features();
    apic_init_cpu();
    apic_timer_init();
    cpumask_set(&cpu_online_map, cpu);
    WRITE_ONCE(ap_started, cpu + 1);
    cpu_enter_idle();
}

unsigned int __init smp_bring_up(unsigned int limit)
{
    char *trampoline = install_trampoline();
    unsigned int next = 1;
    uint32_t own = apic_id();

    for (unsigned int i = 0; i < acpi_info.nr_cpus; i++) {
        uint32_t id = acpi_info.cpu[i].apic_id;

        if (id == own)
            continue;
        if (next >= limit || next >= NR_CPUS) {
            printk(LOG_INFO "CPU with APIC id %u is not used: limit of %u CPUs\n", id,
                   min(limit, (unsigned int)NR_CPUS));
            continue;
        }
        cpu_apic_id[next] = id;
        if (cpu_prepare(next) || cpu_prepare_idle(next)) {
            printk(LOG_ERR "CPU%u: out of memory for its stack\n", next);
            break;
        }
        if (start_ap(next, trampoline))
            next++;
        else
            printk(LOG_ERR "CPU with APIC id %u does not start\n", id);
    }
    return next;
}
