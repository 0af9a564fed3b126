/* SPDX-License-Identifier: MIT */
#include "hv/cpu/trace.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/io/console.h"
#include "hv/lib/cpumask.h"

/* Each CPU writes its own ring only, and a reader may see the newest record half written: that is worth no
 * lock here. */
#define TRACE_RECORDS 128

struct trace_record {
    uint64_t tsc;
    uint32_t event;
    uint64_t a, b;
};

struct trace_ring {
    uint32_t next; /* records ever written */
    struct trace_record record[TRACE_RECORDS];
};

static DEFINE_PER_CPU(struct trace_ring, trace_ring);

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

    t->record[t->next++ % TRACE_RECORDS] =
        (struct trace_record){ .tsc = rdtsc(), .event = (uint32_t)e, .a = a, .b = b };
}

static void trace_dump_cpu(unsigned int cpu, unsigned int n)
{
    const struct trace_ring *t = &per_cpu(trace_ring, cpu);
    uint32_t end = READ_ONCE(t->next), have = min(end, (uint32_t)TRACE_RECORDS);

    have = min(have, (uint32_t)n);
    for (uint32_t i = end - have; i != end; i++) {
        const struct trace_record *r = &t->record[i % TRACE_RECORDS];
        const char *name = r->event < ARRAY_SIZE(trace_names) ? trace_names[r->event] : "?";

        printk("  cpu%u tsc %llu %s %#llx %#llx\n", cpu, (unsigned long long)r->tsc, name,
               (unsigned long long)r->a, (unsigned long long)r->b);
    }
}

void trace_dump_recent(unsigned int per_cpu_records)
{
    unsigned int cpu;

    printk("Newest trace records:\n");
    for_each_cpu (cpu, cpu_online_map.bits)
        trace_dump_cpu(cpu, per_cpu_records);
}
