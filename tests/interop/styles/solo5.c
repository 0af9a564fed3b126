/* SPDX-License-Identifier: MIT */
/*
 * What a PVH unikernel like Solo5 does after its entry: page tables in low memory, the hypercall page by MSR,
 * the console by HVM parameters, memory map, shared_info, the local APIC by its page, a vector for upcalls,
 * clock, timer by `sti; hlt`, grants.
 */
#include "style.h"
#include <xen/arch-x86/cpuid.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>

#define LOW_TABLES    0x10000UL
#define MAPPED_END    0x140000000UL /* 4 GiB, and one for mapped grants */
#define SIZE_2M       0x200000UL
#define SIZE_1G       0x40000000UL
#define ENTRY_P       1UL
#define ENTRY_W       2UL
#define ENTRY_LARGE   0x80UL
#define ENTRY_NX      (1UL << 63)
#define MSR_APIC_BASE 0x1b
#define APIC          0xfee00000UL
#define APIC_VERSION  0x30
#define APIC_EOI      0xb0
#define APIC_SVR      0xf0
#define UPCALL_VECTOR 32
#define SPURIOUS      47
#define WAIT_NS       20000000UL
#define YEAR_2020     1577836800UL

extern char text_start[], text_end[], rodata_end[];
extern const char upcall_entry[], spurious_entry[];
unsigned int wrong;

static struct shared_info shared_page __attribute__((aligned(4096)));
static char grant_page[4096] __attribute__((aligned(4096)));
static struct xencons_interface *console;
static evtchn_port_t console_port, timer_port;
static volatile bool timer_fired;

void put(const char *text, size_t length)
{
    ring_put(console, console_port, text, length);
    ring_drain(console); /* each time */
}

void drain(void)
{
}

static uint64_t read_msr(uint32_t number)
{
    uint32_t low, high;

    __asm__ __volatile__("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}

static void write_msr(uint32_t number, uint64_t value)
{
    __asm__ __volatile__("wrmsr" ::"c"(number), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                         : "memory");
}

/* Text executable, the rest not; nothing below it. Everything else by large pages. */
static void map_memory(void)
{
    unsigned long *entry = (unsigned long *)LOW_TABLES, l1 = LOW_TABLES, l2, l3;
    unsigned long small_end = ((unsigned long)rodata_end + SIZE_2M - 1) & -SIZE_2M;

    for (unsigned long at = 0; at < small_end; at += 4096) {
        unsigned long bits = ENTRY_P | ENTRY_W | ENTRY_NX;

        if (at < (unsigned long)rodata_end)
            bits = at < (unsigned long)text_end ? ENTRY_P : ENTRY_P | ENTRY_NX;
        *entry++ = at < (unsigned long)text_start ? 0 : at | bits;
    }
    l2 = (unsigned long)entry;
    for (unsigned long at = 0; at < MAPPED_END; at += SIZE_2M, l1 += at <= small_end ? 4096 : 0)
        *entry++ = at < small_end ? l1 | ENTRY_P | ENTRY_W : at | ENTRY_P | ENTRY_W | ENTRY_LARGE | ENTRY_NX;
    l3 = (unsigned long)entry;
    for (unsigned int i = 0; i < 1024; i++)
        entry[i] = 0;
    for (unsigned long at = 0; at < MAPPED_END; at += SIZE_1G, l2 += 4096)
        *entry++ = l2 | ENTRY_P | ENTRY_W;
    ((unsigned long *)(l3 + 4096))[0] = l3 | ENTRY_P | ENTRY_W;
    __asm__ __volatile__("mov %0, %%cr3" ::"r"(l3 + 4096) : "memory");
}

static void find_hypercalls(void)
{
    uint32_t a, b, c, d, base = XEN_CPUID_FIRST_LEAF;

    __asm__ __volatile__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(base));
    while (b != XEN_CPUID_SIGNATURE_EBX || c != XEN_CPUID_SIGNATURE_ECX || d != XEN_CPUID_SIGNATURE_EDX) {
        base += 0x100;
        __asm__ __volatile__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(base));
    }
    __asm__ __volatile__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(base + 2));
    write_msr(b, (uintptr_t)hypercall_page);
}

static long parameter(uint32_t index, uint64_t *value)
{
    struct xen_hvm_param param = { .domid = DOMID_SELF, .index = index };
    long error = hypercall(__HYPERVISOR_hvm_op, HVMOP_get_param, (unsigned long)&param, 0, 0);

    *value = param.value;
    return error;
}

static void find_console(void)
{
    uint64_t page, port;
    long error = parameter(HVM_PARAM_CONSOLE_PFN, &page) | parameter(HVM_PARAM_CONSOLE_EVTCHN, &port);

    console = (struct xencons_interface *)(page << 12);
    console_port = (evtchn_port_t)port;
    check(error == 0 && (unsigned char)hypercall_page[0] != 0xc3, "hypercall page and console");
}

static void look_at_start_info(const struct hvm_start_info *info)
{
    const struct hvm_memmap_table_entry *map = (const void *)info->memmap_paddr;
    uint64_t ram = 0;

    check(info->magic == XEN_HVM_START_MAGIC_VALUE, "magic of hvm_start_info");
    print("command line: ");
    print(info->cmdline_paddr ? (const char *)info->cmdline_paddr : "(none)");
    print("\n");
    for (uint32_t i = 0; info->version > 0 && i < info->memmap_entries; i++)
        ram += map[i].type == XEN_HVM_MEMMAP_TYPE_RAM ? map[i].size : 0;
    check(ram > 8 << 20, "hvm_start_info has a memory map");
}

static void look_at_memory(void)
{
    static struct {
        uint64_t start, size;
        uint32_t type;
    } __attribute__((packed)) entries[32];
    struct xen_memory_map map = { .nr_entries = 32 };
    uint64_t end = 0;

    set_xen_guest_handle(map.buffer, entries);
    check(hypercall(__HYPERVISOR_memory_op, XENMEM_memory_map, (unsigned long)&map, 0, 0) == 0 &&
              map.nr_entries > 0,
          "memory map by hypercall");
    for (uint32_t i = 0; i < map.nr_entries && end == 0; i++)
        if (entries[i].type == 1 && entries[i].start + entries[i].size >= 0x100000)
            end = entries[i].start + entries[i].size;
    check(end > 8 << 20, "its first RAM above 1 MiB");
    *(volatile uint64_t *)(end - 8) = end;
    check(*(volatile uint64_t *)(end - 8) == end, "the last word of that RAM");
}

static long place(unsigned int space, unsigned long index, const void *page)
{
    struct xen_add_to_physmap op = {
        .domid = DOMID_SELF, .space = space, .idx = index, .gpfn = (uintptr_t)page >> 12
    };

    return hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, (unsigned long)&op, 0, 0);
}

/* Interrupts. */

static volatile uint32_t *apic(unsigned long reg)
{
    return (volatile uint32_t *)(APIC + reg);
}

void take_events(void);

void take_events(void)
{
    struct vcpu_info *vcpu = &shared_page.vcpu_info[0];
    unsigned long words;

    vcpu->evtchn_upcall_pending = 0;
    words = __atomic_exchange_n(&vcpu->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    for (; words; words &= words - 1) {
        unsigned long word = (unsigned long)__builtin_ctzl(words);
        unsigned long bits = shared_page.evtchn_pending[word] & ~shared_page.evtchn_mask[word];

        if (word == 0 && (bits & 1UL << timer_port))
            timer_fired = true;
        __atomic_fetch_and(&shared_page.evtchn_pending[word], ~bits, __ATOMIC_SEQ_CST);
    }
    __atomic_store_n(apic(APIC_EOI), 1, __ATOMIC_SEQ_CST);
}

static void gate(uint64_t *table, unsigned int vector, const void *handler)
{
    uint64_t address = (uintptr_t)handler;

    table[2 * vector] = (address & 0xffff) | 0x08UL << 16 | 0x8eUL << 40 | (address >> 16 & 0xffff) << 48;
    table[2 * vector + 1] = address >> 32;
}

static void start_interrupts(void)
{
    static uint64_t table[2 * 48];
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = { sizeof(table) - 1, (uintptr_t)table };

    gate(table, UPCALL_VECTOR, upcall_entry);
    gate(table, SPURIOUS, spurious_entry);
    __asm__ __volatile__("lidt %0" ::"m"(pointer));
    write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | 1 << 11);
    check((read_msr(MSR_APIC_BASE) & 0xfffff900UL) == (APIC | 0x900),
          "the local APIC is where it always is, of the first processor");
    check((__atomic_load_n(apic(APIC_VERSION), __ATOMIC_SEQ_CST) & 0xff) != 0, "its version");
    __atomic_store_n(apic(APIC_SVR), *apic(APIC_SVR) | SPURIOUS | 1 << 8, __ATOMIC_SEQ_CST);
}

static void start_events(void)
{
    struct xen_hvm_evtchn_upcall_vector vector = { .vcpu = 0, .vector = UPCALL_VECTOR };
    struct xen_hvm_param param = { .domid = DOMID_SELF, .index = HVM_PARAM_CALLBACK_IRQ, .value = 1 };
    struct evtchn_bind_virq bind = { .virq = VIRQ_TIMER };
    struct evtchn_unmask unmask;

    for (unsigned int i = 0; i < 64; i++)
        shared_page.evtchn_mask[i] = ~0UL;
    check(hypercall(__HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, (unsigned long)&vector, 0, 0) == 0,
          "a vector for upcalls");
    check(hypercall(__HYPERVISOR_hvm_op, HVMOP_set_param, (unsigned long)&param, 0, 0) == 0,
          "callback parameter of 1");
    check(hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, (unsigned long)&bind, 0, 0) == 0,
          "the timer's event is bound");
    timer_port = bind.port;
    unmask.port = timer_port;
    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_unmask, (unsigned long)&unmask, 0, 0);
}

static unsigned long nanoseconds(void)
{
    volatile struct vcpu_time_info *time = &shared_page.vcpu_info[0].time;
    unsigned long now, ticks;
    uint32_t version;

    do {
        version = time->version & ~1u;
        ticks = __builtin_ia32_rdtsc() - time->tsc_timestamp;
        ticks = time->tsc_shift < 0 ? ticks >> -time->tsc_shift : ticks << time->tsc_shift;
        now = time->system_time + (unsigned long)((unsigned __int128)ticks * time->tsc_to_system_mul >> 32);
    } while (time->version != version);
    return now;
}

static void sleep_until(unsigned long deadline)
{
    while (nanoseconds() < deadline) {
        timer_fired = false;
        hypercall(__HYPERVISOR_set_timer_op, deadline, 0, 0, 0);
        for (;;) {
            __asm__ __volatile__("cli" ::: "memory");
            if (timer_fired)
                break;
            __asm__ __volatile__("sti; hlt" ::: "memory");
        }
        __asm__ __volatile__("sti" ::: "memory");
    }
}

static void use_grants(void)
{
    struct gnttab_query_size size = { .dom = DOMID_SELF };
    volatile grant_entry_v1_t *table = (grant_entry_v1_t *)grant_page;

    hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, (unsigned long)&size, 1, 0);
    check(size.status == GNTST_okay && size.max_nr_frames > 0, "the grant table's size");
    check(place(XENMAPSPACE_grant_table, 0, grant_page) == 0, "its first frame in a page of ours");
    table[8].frame = 0x1234;
    check(table[8].frame == 0x1234, "grant entries keep what is written");
}

void kernel_main(const struct hvm_start_info *info);

void kernel_main(const struct hvm_start_info *info)
{
    uint64_t page;

    map_memory();
    find_hypercalls();
    find_console();
    look_at_start_info(info);
    look_at_memory();
    check(place(XENMAPSPACE_shared_info, 0, &shared_page) == 0, "shared_info");
    start_interrupts();
    start_events();
    check(shared_page.wc_sec + nanoseconds() / 1000000000 > YEAR_2020, "the wall clock");
    sleep_until(nanoseconds() + WAIT_NS);
    check(true, "the timer wakes from hlt");
    use_grants();
    check(parameter(HVM_PARAM_STORE_PFN, &page) == 0, "the xenstore page's number");
    finish(STYLE);
}
