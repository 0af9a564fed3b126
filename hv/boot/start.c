/* SPDX-License-Identifier: MIT */
/* From the first C line to the first guest. */
#include "hv/boot/start.h"
#include "hypercalls/grant_table.h"
#include "hv/boot/boot.h"
#include "hv/cpu/apic.h"
#include "hv/cpu/cpu_init.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/crash.h"
#include "hv/cpu/current.h"
#include "hv/cpu/desc.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/smap.h"
#include "hv/cpu/smp.h"
#include "hv/cpu/time.h"
#include "hv/cpu/trace.h"
#include "hv/cpu/xen_guest.h"
#include "hv/domain/domain.h"
#include "hv/domain/dump.h"
#include "hv/io/acpi.h"
#include "hv/io/console.h"
#include "hv/io/console_input.h"
#include "hv/io/debug_keys.h"
#include "hv/io/ioapic.h"
#include "hv/io/irq.h"
#include "hv/io/watchdog.h"
#include "hv/lib/bug.h"
#include "hv/lib/cmdline.h"
#include "hv/lib/string.h"
#include "hv/lib/version.h"
#include "hv/mm/frame.h"
#include "hv/mm/mm_init.h"
#include "hv/mm/paging.h"
#include "hv/hvm/hvm.h"
#include "hv/pv/pv.h"

#define MULTIBOOT1_MAGIC 0x2badb002u
#define MULTIBOOT2_MAGIC 0x36d76289u
#define PVH_MAGIC        0x336ec578u

static uint32_t opt_maxcpus = NR_CPUS;
integer_param("maxcpus", opt_maxcpus);

extern char image_start[], image_end[], init_start[], init_end[], boot_stack[];
extern uint64_t __stack_chk_guard;

static struct boot_ram_range usable[BOOT_RAM_RANGES_MAX], ram[BOOT_RAM_RANGES_MAX];
static unsigned int nr_usable, nr_ram;

void __noreturn stack_reset_and_jump(void (*fn)(void));
void __noreturn boot_start(uint32_t magic, uint32_t info);

static void __init report_option(void *ctx __unused, enum cmdline_problem problem, const char *text)
{
    printk("%s%s\n", problem == CMDLINE_BAD_VALUE ? LOG_ERR : LOG_WARNING, text);
}

static const char *__init read_boot_info(uint32_t magic, uint32_t info)
{
    switch (magic) {
    case MULTIBOOT1_MAGIC:
        return multiboot_read(info);
    case MULTIBOOT2_MAGIC:
        return multiboot2_read(info);
    case PVH_MAGIC:
        return pvh_read(info);
    default:
        return "started by an unknown protocol (neither multiboot, multiboot 2 nor PVH)";
    }
}

/* Take [start, end) out of the usable ranges. */
static void __init reserve(uint64_t start, uint64_t end)
{
    start = ALIGN_DOWN(start, PAGE_SIZE);
    end = ALIGN_UP(end, PAGE_SIZE);
    for (unsigned int i = 0; i < nr_usable; i++) {
        struct boot_ram_range *r = &usable[i], upper;

        if (end <= r->start || start >= r->end)
            continue;
        upper = (struct boot_ram_range){ end, r->end };
        r->end = max(start, r->start);
        if (upper.start >= upper.end)
            continue;
        if (r->start == r->end) {
            *r = upper;
            continue;
        }
        if (nr_usable == BOOT_RAM_RANGES_MAX)
            panic("the memory map is too fragmented: more than %u usable ranges\n", BOOT_RAM_RANGES_MAX);
        for (unsigned int j = nr_usable++; j > i + 1; j--)
            usable[j] = usable[j - 1];
        usable[++i] = upper;
    }
}

static bool __init inside_ram(uint64_t start, uint64_t end)
{
    for (unsigned int i = 0; i < nr_ram; i++)
        if (start >= ram[i].start && end <= ram[i].end)
            return true;
    return false;
}

/* RAM below 640 KiB for the AP start code, which real mode must reach. */
static void __init choose_trampoline(void)
{
    for (uint32_t page = 0x8000; page < 0x90000; page += PAGE_SIZE) {
        bool taken = !inside_ram(page, page + PAGE_SIZE);

        for (unsigned int i = 0; i < boot_info.nr_modules; i++)
            taken |= boot_info.module[i].start < page + PAGE_SIZE && boot_info.module[i].end > page;
        if (!taken) {
            boot_info.trampoline_phys = page;
            return;
        }
    }
}

static void __init plan_memory(void)
{
    for (unsigned int i = 0; i < boot_info.nr_memory; i++) {
        const struct boot_memory *m = &boot_info.memory[i];

        if (m->type == MEMORY_RAM)
            ram[nr_ram++] = usable[nr_usable++] = (struct boot_ram_range){ m->start, m->end };
    }
    for (unsigned int i = 0; i < boot_info.nr_modules; i++) {
        const struct boot_module *m = &boot_info.module[i];

        if (!inside_ram(m->start, m->end))
            panic("boot module %u lies outside of RAM: %#lx-%#lx\n", i, m->start, m->end);
        if (m->end > GIB(4))
            panic("boot module %u lies above 4 GiB, at %#lx\n", i, m->start);
        reserve(m->start, m->end);
    }
    reserve(0, MIB(1));
    reserve((uint64_t)image_start - IMAGE_START, (uint64_t)image_end - IMAGE_START);
    choose_trampoline();
}

static void __init print_memory_map(void)
{
    static const char *const types[] = { "?", "RAM", "reserved", "ACPI data", "ACPI NVS", "unusable" };

    printk(LOG_INFO "boot: %s by %s, command line: %s\n", boot_info.protocol,
           boot_info.loader[0] ? boot_info.loader : "an unnamed loader", boot_info.cmdline);
    for (unsigned int i = 0; i < boot_info.nr_memory; i++) {
        const struct boot_memory *m = &boot_info.memory[i];

        printk(LOG_DEBUG "memory: %016lx-%016lx %s\n", m->start, m->end - 1,
               m->type < ARRAY_SIZE(types) ? types[m->type] : "other");
    }
}

/* Memory that no guest can use: everything but what is free and what domains were given. */
static void report_memory(void)
{
    uint64_t total = 0, taken;
    struct domain *d;

    for (unsigned int i = 0; i < nr_ram; i++)
        total += (ram[i].end - ram[i].start) >> PAGE_SHIFT;
    taken = total - frames_free();
    for_each_domain (d)
        taken -= d->tot_pages;
    printk(LOG_INFO "memory: hypervisor %lu KiB, free %lu MiB of %lu MiB\n", taken * 4, frames_free() >> 8,
           total >> 8);
}

static void __noreturn start_finish(void)
{
    image_finish();
    report_memory();
    console_input_to_dom0();
    domain_unpause(dom0);
    cpu_enter_idle();
}

/* On the boot CPU's final stack, with memory management running. */
static void __noreturn __init start_on_final_stack(void)
{
    unsigned int cpus;

    desc_init_cpu(0, cpu_stack(0));
    console_init_ring();
    acpi_init(boot_info.rsdp, boot_info.rsdp_copy_size ? boot_info.rsdp_copy : NULL);
    pic_disable(); /* while the local APIC still passes its requests on, so that a pending one goes away */
    apic_init_boot();
    cpu_apic_id[0] = apic_id();
    irq_init();
    time_init();
    apic_timer_init();
    ipi_init();
    cpumask_set(&cpu_online_map, 0);
    if (cpu_prepare_idle(0))
        panic("out of memory for the first run queue\n");
    cpus = smp_bring_up(opt_maxcpus);
    time_check_cpus();
    trace_init();
    debug_keys_init();
    domain_dump_init();
    gnttab_dump_init();
    console_input_init();
    watchdog_init();
    printk(LOG_INFO "CPUs: %u running\n", cpus);
    pv_init();
    hvm_init();
    boot_build_domains();
    boot_free_memory();
    /* This function is boot code itself and goes away: leave it for good. */
    stack_reset_and_jump(start_finish);
    __builtin_unreachable();
}

static void __init print_banner(void)
{
    printk("Ryokan %s, a hypervisor that speaks Xen 4.17's guest interface\n", RYOKAN_VERSION);
}

void __noreturn __init boot_start(uint32_t magic, uint32_t info)
{
    const char *bad;

    idt_init_early();
    bad = read_boot_info(magic, info);
    boot_info.dom0_cmdline = cmdline_split_dom0(boot_info.cmdline);
    strlcpy(hv_cmdline, boot_info.cmdline, sizeof(hv_cmdline));
    cmdline_parse(boot_info.cmdline, __param_start, (size_t)(__param_end - __param_start), report_option,
                  NULL);
    console_init();
    print_banner();
    if (!bad)
        bad = boot_open_archive();
    if (!bad)
        bad = boot_finish_memory();
    if (bad)
        panic("%s\n", bad);
    print_memory_map();
    host_cpu_detect();
    smap_enable();
    plan_memory();
    mm_init(usable, nr_usable, ram, nr_ram);
    image_protect();
    if (xen_guest)
        xen_guest_init();
    __stack_chk_guard ^= rdtsc() * 0x9e3779b97f4a7c15ULL;
    cpu_init_features();
    if (cpu_prepare(0))
        panic("out of memory for the boot CPU's stack\n");
    /* The final stack is at a higher address: enter it by hand, as stack_reset_and_jump stays on the present
     * one. */
    __asm__ volatile("mov %0, %%rsp\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "jmp *%1" ::"r"(cpu_info_of(0)),
                     "r"(start_on_final_stack)
                     : "memory");
    __builtin_unreachable();
}
