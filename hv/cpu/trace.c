/* SPDX-License-Identifier: MIT */
#include "hv/cpu/trace.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/time.h"
#include "hv/io/console.h"
#include "hv/lib/cmdline.h"
#include "hv/lib/cpumask.h"
#include "hv/mm/frame.h"

/* Records of a CPU's ring when tbuf_size= does not ask for more. */
#define TRACE_RECORDS 128

struct trace_record {
    uint64_t tsc;
    uint32_t event;
    uint64_t a, b;
};

/* Each CPU writes its own ring only, and a reader may see the newest record half written: that is worth no
 * lock here. */
struct trace_ring {
    uint32_t next;               /* records ever written */
    uint32_t mask;               /* of an index into `larger` */
    struct trace_record *larger; /* NULL: the small one */
    struct trace_record small[TRACE_RECORDS];
};

static DEFINE_PER_CPU(struct trace_ring, trace_ring);

/* Pages of each CPU's ring; 0: the small one. */
static uint32_t opt_tbuf_size __initdata;
integer_param("tbuf_size", opt_tbuf_size);
#define TBUF_ORDER_MAX 12

static struct trace_record *record_at(struct trace_ring *t, uint32_t index)
{
    return t->larger ? &t->larger[index & t->mask] : &t->small[index % TRACE_RECORDS];
}

static const char *const trace_names[] = {
    [TRACE_NONE] = "none",
    [TRACE_SWITCH] = "switch",
    [TRACE_WAKE] = "wake",
    [TRACE_BLOCK] = "block",
    [TRACE_HYPERCALL_ERROR] = "hypercall error",
    [TRACE_GUEST_TRAP] = "guest trap",
    [TRACE_IRQ] = "interrupt",
    [TRACE_DOMAIN] = "domain",
};

void trace(enum trace_event e, uint64_t a, uint64_t b)
{
    struct trace_ring *t = &this_cpu(trace_ring);

    *record_at(t, t->next++) = (struct trace_record){ .tsc = rdtsc(), .event = (uint32_t)e, .a = a, .b = b };
}

void __init trace_init(void)
{
    unsigned int order = 0, cpu;

    if (opt_tbuf_size == 0)
        return;
    while (order < TBUF_ORDER_MAX && 1U << order < opt_tbuf_size)
        order++;
    for_each_cpu (cpu, cpu_online_map.bits) {
        struct trace_ring *t = &per_cpu(trace_ring, cpu);
        struct trace_record *larger = hv_alloc_pages(order, ALLOC_ZERO);

        if (!larger) {
            printk(LOG_WARNING "no memory for the trace ring of CPU%u: it keeps %u records\n", cpu,
                   TRACE_RECORDS);
            continue;
        }
        t->mask = (uint32_t)(PAGE_SIZE << order) / sizeof(*larger) - 1;
        t->next = 0;
        t->larger = larger;
    }
}

static void trace_dump_cpu(unsigned int cpu, unsigned int n)
{
    struct trace_ring *t = &per_cpu(trace_ring, cpu);
    uint32_t end = READ_ONCE(t->next), have = min(end, t->larger ? t->mask + 1 : (uint32_t)TRACE_RECORDS);

    have = min(have, (uint32_t)n);
    for (uint32_t i = end - have; i != end; i++) {
        const struct trace_record *r = record_at(t, i);
        const char *name = r->event < ARRAY_SIZE(trace_names) ? trace_names[r->event] : "?";

        printk("  cpu%u tsc %llu %s %#llx %#llx\n", cpu, (unsigned long long)r->tsc, name,
               (unsigned long long)r->a, (unsigned long long)r->b);
    }
}

void trace_dump_recent(unsigned int per_cpu_records)
{
    unsigned int cpu;

    printk("Newest trace records (TSC: %llu kHz):\n", (unsigned long long)tsc_khz);
    for_each_cpu (cpu, cpu_online_map.bits)
        trace_dump_cpu(cpu, per_cpu_records);
}
