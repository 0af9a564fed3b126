/* SPDX-License-Identifier: MIT */
/*
 * failsafe: the failsafe callback.
 *
 * What:     data selectors that no longer load when the vCPU is scheduled again.
 * Why:      another vCPU or the guest itself may change the descriptor between two turns.
 * Method:   load ds, es, fs and gs from a GDT entry, take the GDT away, yield until the callback comes.
 * Expected: failsafe frame with the four selectors, segments null inside, rip at the interrupted place;
 *           execution goes on after iret. Other vCPUs compete, since without a switch nothing is
 *           reloaded.
 * Xen:      the same. set_gdt itself reloads nothing.
 */
#include "tests/guests/framework/guest.h"

#define DATA_DESC 0x00cff3000000ffffull

static volatile unsigned int hits;
static uint64_t selectors[4];
static uint64_t live_ds;
static volatile bool stop;

static bool on_failsafe(struct cpu_regs *regs)
{
    (void)regs;
    hits++;
    for (unsigned int i = 0; i < 4; i++)
        selectors[i] = failsafe_selectors[i];
    asm volatile("mov %%ds, %0" : "=r"(live_ds));
    return true;
}

/* Makes the hypervisor really switch: with nobody else to run it may leave the segments as they are. */
static void compete(void *unused)
{
    (void)unused;
    while (!stop)
        hc_sched(SCHEDOP_yield, 0);
}

static void test(void)
{
    uint64_t *table = page_alloc();
    xen_ulong_t frame = va_to_mfn(table);
    struct sched_poll poll = { .nr_ports = 0 };

    if (smp_count() < 3) {
        test_skip("needs vCPUs that compete for a CPU");
        page_free(table);
        return;
    }
    table[1] = DATA_DESC;
    trap_hook(TRAP_FAILSAFE, on_failsafe);
    CHECK_EQ(map_readonly(table), 0);
    CHECK_EQ(hc_set_gdt(&frame, 512), 0);
    asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs" : : "r"(8 | 3));
    poll.timeout = clock_now() + 2 * MS;
    hc_sched(SCHEDOP_poll, &poll);
    CHECK_EQ(hits, 0);
    CHECK_EQ(hc_set_gdt(&frame, 0), 0);
    for (unsigned int cpu = 1; cpu < smp_count(); cpu++)
        smp_start(cpu, compete, NULL);
    /* Sleep rather than yield: the others may all have another CPU. */
    for (uint64_t end = clock_now() + 2000 * MS; !hits && clock_now() < end;) {
        poll.timeout = clock_now() + MS / 10;
        hc_sched(SCHEDOP_poll, &poll);
    }
    stop = true;
    for (unsigned int cpu = 1; cpu < smp_count(); cpu++)
        smp_wait(cpu);
    CHECK_EQ(hits, 1);
    CHECK_EQ(selectors[0] & 0xffff, 8 | 3);
    CHECK_EQ(selectors[1] & 0xffff, 8 | 3);
    CHECK_EQ(selectors[2] & 0xffff, 8 | 3);
    CHECK_EQ(live_ds & 0xfffc, 0);
    asm volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs" : : "r"(0));
    CHECK_EQ(map_writable(table), 0);
    page_free(table);
}

GUEST_TEST(test);
