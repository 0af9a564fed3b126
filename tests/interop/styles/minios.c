/* SPDX-License-Identifier: MIT */
/*
 * What a PV kernel like Mini-OS does after its entry: its own page tables for all memory, text made
 * read-only, page 0 taken out, trap table and callbacks, the console ring, grant frames in an area of its
 * own, xenstore and the timer by events.
 */
#include "style.h"
#include <xen/grant_table.h>
#include <xen/io/xs_wire.h>
#include <xen/memory.h>

#define ENTRY_FRAME  0x000ffffffffff000UL
#define ENTRY_TABLE  0x67UL /* present, writable, user, accessed, dirty */
#define ENTRY_DATA   0x67UL
#define ENTRY_RO     0x65UL
#define SLACK        128u
#define BATCH        128u
#define DEMAND_AREA  0x200000000UL
#define GRANT_FRAMES 4u
#define PAGE_FAULT   14
#define EVENT_WORDS  64u
#define WAIT_NS      20000000UL

extern char shared_info[], text_end[];
extern const char upcall_entry[], failsafe_entry[], page_fault_entry[];
volatile unsigned int faults;
unsigned int wrong;

static const struct start_info *info;
static const unsigned long *to_page = (const unsigned long *)MACH2PHYS_VIRT_START;
static unsigned long next_page; /* the first that nobody uses */
static mmu_update_t updates[BATCH];
static unsigned int nr_updates;
static volatile unsigned long fired[EVENT_WORDS];

static struct shared_info *shared(void)
{
    return (struct shared_info *)shared_info;
}

static void *at(unsigned long machine_frame)
{
    return (void *)(to_page[machine_frame] << 12);
}

void put(const char *text, size_t length)
{
    ring_put(at(info->console.domU.mfn), info->console.domU.evtchn, text, length);
}

void drain(void)
{
    ring_drain(at(info->console.domU.mfn));
}

static unsigned long machine_frame(unsigned long page)
{
    return ((const unsigned long *)info->mfn_list)[page];
}

/* Page tables. The builder's are read-only, and so is what becomes one. */

static void flush_updates(void)
{
    if (nr_updates &&
        hypercall(__HYPERVISOR_mmu_update, (unsigned long)updates, nr_updates, 0, DOMID_SELF) != 0) {
        wrong++;
        print("WRONG: mmu_update\n");
    }
    nr_updates = 0;
}

static void update(unsigned long table_frame, unsigned long index, unsigned long entry)
{
    updates[nr_updates++] = (mmu_update_t){ .ptr = (table_frame << 12) + index * 8, .val = entry };
    if (nr_updates == BATCH)
        flush_updates();
}

/* The hypervisor does not know which translations are still in the TLB that have become narrower. */
static void flush_tlb(void)
{
    struct mmuext_op op = { .cmd = MMUEXT_TLB_FLUSH_LOCAL };

    hypercall(__HYPERVISOR_mmuext_op, (unsigned long)&op, 1, 0, DOMID_SELF);
}

static unsigned long index_of(unsigned long virt, unsigned int level)
{
    return virt >> (12 + 9 * (level - 1)) & 511;
}

static void set(unsigned long virt, unsigned long entry);

static void new_table(unsigned long table_frame, unsigned long index)
{
    unsigned long page = next_page++, *table = (unsigned long *)(page << 12);

    for (unsigned int i = 0; i < 512; i++)
        table[i] = 0;
    set(page << 12, machine_frame(page) << 12 | ENTRY_RO);
    flush_updates();
    update(table_frame, index, machine_frame(page) << 12 | ENTRY_TABLE);
    flush_updates();
}

static void set(unsigned long virt, unsigned long entry)
{
    const unsigned long *table = (const unsigned long *)info->pt_base;
    unsigned long frame = machine_frame(info->pt_base >> 12);

    for (unsigned int level = 4; level > 1; level--) {
        unsigned long index = index_of(virt, level);

        if (!(table[index] & 1))
            new_table(frame, index);
        frame = (table[index] & ENTRY_FRAME) >> 12;
        table = at(frame);
    }
    update(frame, index_of(virt, 1), entry);
}

/* Whether the address can be read, or written; a fault goes on behind the instruction (minios_entry.S). */
static bool probe(const void *address, bool write)
{
    unsigned int before = faults;

    if (write)
        __asm__ __volatile__("movb %%al, (%0)" ::"D"(address), "a"(0) : "memory");
    else
        __asm__ __volatile__("movb (%0), %%al" ::"D"(address) : "rax", "memory");
    return faults == before;
}

static void build_tables(void)
{
    unsigned long mapped;

    /* Behind the tables is the boot stack; with at least SLACK pages more, all is mapped to a multiple of 4
     * MiB. */
    next_page = (info->pt_base >> 12) + info->nr_pt_frames + 1;
    mapped = (next_page + SLACK + 1023) & ~1023UL;
    for (unsigned long page = mapped; page < info->nr_pages; page++)
        set(page << 12, machine_frame(page) << 12 | ENTRY_DATA);
    flush_updates();
    check(probe((void *)((info->nr_pages - 1) << 12), true), "all memory is mapped");

    for (unsigned long virt = 0x3000; virt < (unsigned long)text_end; virt += 4096)
        set(virt, machine_frame(virt >> 12) << 12 | ENTRY_RO);
    flush_updates();
    flush_tlb();
    check(!probe((void *)0x3000, true) && probe((void *)0x3000, false), "text is read-only");
    hypercall(__HYPERVISOR_update_va_mapping, 0, 0, UVMF_INVLPG, 0);
    check(!probe(NULL, false), "page 0 is gone");
}

/* Events. */

void take_events(void);

void take_events(void)
{
    struct vcpu_info *vcpu = &shared()->vcpu_info[0];
    unsigned long words;

    vcpu->evtchn_upcall_pending = 0;
    words = __atomic_exchange_n(&vcpu->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    for (; words; words &= words - 1) {
        unsigned long word = (unsigned long)__builtin_ctzl(words);
        unsigned long bits = shared()->evtchn_pending[word] & ~shared()->evtchn_mask[word];

        __atomic_fetch_and(&shared()->evtchn_pending[word], ~bits, __ATOMIC_SEQ_CST);
        fired[word] |= bits;
    }
}

static void unmask(evtchn_port_t port)
{
    struct evtchn_unmask op = { .port = port };

    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_unmask, (unsigned long)&op, 0, 0);
}

/* Sleeps with upcalls masked until the port fires: block() lets them in, and the upcall comes before it
 * returns. */
static void wait_for(evtchn_port_t port)
{
    struct vcpu_info *vcpu = &shared()->vcpu_info[0];
    unsigned long bit = 1UL << port % 64;

    for (;;) {
        vcpu->evtchn_upcall_mask = 1;
        if (fired[port / 64] & bit)
            break;
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0, 0);
    }
    fired[port / 64] &= ~bit;
    vcpu->evtchn_upcall_mask = 0;
    if (vcpu->evtchn_upcall_pending)
        hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
}

static void start_events(void)
{
    trap_info_t traps[] = {
        { .vector = PAGE_FAULT, .cs = FLAT_KERNEL_CS, .address = (unsigned long)page_fault_entry }, { 0 }
    };

    hypercall(__HYPERVISOR_update_va_mapping, (unsigned long)shared_info, info->shared_info | 7, UVMF_INVLPG,
              0);
    hypercall(__HYPERVISOR_set_trap_table, (unsigned long)traps, 0, 0, 0);
    hypercall(__HYPERVISOR_set_callbacks, (unsigned long)upcall_entry, (unsigned long)failsafe_entry, 0, 0);
    for (unsigned int i = 0; i < EVENT_WORDS; i++)
        shared()->evtchn_mask[i] = ~0UL;
    shared()->vcpu_info[0].evtchn_upcall_mask = 0;
}

static unsigned long nanoseconds(void)
{
    volatile struct vcpu_time_info *time = &shared()->vcpu_info[0].time;
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

static void use_timer(void)
{
    struct evtchn_bind_virq bind = { .virq = VIRQ_TIMER };
    unsigned long deadline = nanoseconds() + WAIT_NS;

    check(hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, (unsigned long)&bind, 0, 0) == 0,
          "the timer's event is bound");
    unmask(bind.port);
    while (nanoseconds() < deadline) {
        hypercall(__HYPERVISOR_set_timer_op, deadline, 0, 0, 0);
        wait_for(bind.port);
    }
    check(true, "the timer fires after its time");
}

static void use_grants(void)
{
    static unsigned long frames[GRANT_FRAMES];
    struct gnttab_setup_table setup = { .dom = DOMID_SELF, .nr_frames = GRANT_FRAMES };
    volatile grant_entry_v1_t *table = (grant_entry_v1_t *)DEMAND_AREA;

    set_xen_guest_handle(setup.frame_list, frames);
    hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, (unsigned long)&setup, 1, 0);
    check(setup.status == GNTST_okay, "the grant table is set up");
    for (unsigned int i = 0; i < GRANT_FRAMES; i++)
        set(DEMAND_AREA + i * 4096UL, frames[i] << 12 | ENTRY_DATA);
    flush_updates();
    table[4096 / sizeof(*table)].frame = (uint32_t)machine_frame(next_page);
    check(table[4096 / sizeof(*table)].frame == (uint32_t)machine_frame(next_page),
          "grant entries keep what is written");
}

/* Xenstore: one request, and the reply in pieces as it comes. */

static void store_write(struct xenstore_domain_interface *ring, const void *data, size_t length)
{
    volatile XENSTORE_RING_IDX *given = &ring->req_prod;

    for (size_t i = 0; i < length; i++) {
        ring->req[MASK_XENSTORE_IDX(*given)] = ((const char *)data)[i];
        __asm__ __volatile__("" ::: "memory");
        (*given)++;
    }
}

static void store_read(struct xenstore_domain_interface *ring, void *data, size_t length)
{
    volatile XENSTORE_RING_IDX *taken = &ring->rsp_cons, *given = &ring->rsp_prod;
    struct evtchn_send notice = { .port = info->store_evtchn };

    for (size_t i = 0; i < length; i++) {
        while (*taken == *given)
            wait_for(info->store_evtchn);
        ((char *)data)[i] = ring->rsp[MASK_XENSTORE_IDX(*taken)];
        (*taken)++;
    }
    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (unsigned long)&notice, 0, 0);
}

static void use_xenstore(void)
{
    static const char path[] = "domid";
    static char answer[64];
    struct xenstore_domain_interface *ring = at(info->store_mfn);
    struct xsd_sockmsg message = { .type = XS_READ, .req_id = 7, .len = sizeof(path) };
    struct evtchn_send notice = { .port = info->store_evtchn };

    unmask(info->store_evtchn);
    store_write(ring, &message, sizeof(message));
    store_write(ring, path, sizeof(path));
    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (unsigned long)&notice, 0, 0);
    store_read(ring, &message, sizeof(message));
    check(message.type == XS_READ && message.req_id == 7 && message.len < sizeof(answer), "xenstore replies");
    if (message.len < sizeof(answer))
        store_read(ring, answer, message.len);
    check(answer[0] >= '1' && answer[0] <= '9', "xenstore says the domain's number");
}

void kernel_main(const struct start_info *start_info);

void kernel_main(const struct start_info *start_info)
{
    info = start_info;
    start_events();
    print("magic: ");
    print(info->magic);
    print("\ncommand line: ");
    print((const char *)info->cmd_line);
    print("\n");
    check(info->nr_p2m_frames == 0 && info->first_p2m_pfn == 0, "the list of frames is where it always is");
    build_tables();
    use_grants();
    use_timer();
    if (info->store_evtchn != 0)
        use_xenstore();
    finish(STYLE);
}
