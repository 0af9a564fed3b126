/* SPDX-License-Identifier: MIT */
#include "pvguest/cpu.h"
#include "pvguest/event_channel.h"
#include "pvguest/grant_table.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include "pvguest/pci.h"
#include "pvguest/smp.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/timer.h"
#include "pvguest/vmap.h"
#include "pvguest/xen_errno.h"
#include "pvguest/guests/selftest/selftest.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <xen/hvm/hvm_op.h>

static volatile int event_count;

static void count_event(evtchn_port_t port, void *arg)
{
    (void)port;
    event_count += *(int *)arg;
}

void test_events(void)
{
    evtchn_port_t listening, sending;
    int step = 3;
    bool masked;

    event_count = 0;
    check(evtchn_alloc_unbound(DOMID_SELF, &listening) == 0);
    check(evtchn_bind_interdomain(DOMID_SELF, listening, &sending) == 0);
    check(evtchn_set_handler(listening, count_event, &step) == 0);
    check(evtchn_send(sending) == 0);
    check(event_count == 0 && evtchn_is_pending(listening));
    evtchn_unmask(listening);
    check(event_count == 3 && !evtchn_is_pending(listening));
    for (int i = 0; i < 100; i++)
        evtchn_send(sending);
    check(event_count == 303);
    masked = upcalls_disable();
    evtchn_send(sending);
    check(event_count == 303);
    upcalls_restore(masked);
    check(event_count == 306);
    check(evtchn_close(sending) == 0 && evtchn_close(listening) == 0);
    check(evtchn_send(listening) < 0);
    check(evtchn_close(listening) == -XEN_EINVAL);
    check(evtchn_close(1U << 20) == -XEN_EINVAL);
    check(evtchn_bind_virq(9999, 0, &listening) == -XEN_EINVAL);
}

void test_ipi(void)
{
    evtchn_port_t port;
    int step = 1;

    event_count = 0;
    check(evtchn_bind_ipi(0, &port) == 0);
    check(evtchn_set_handler(port, count_event, &step) == 0);
    evtchn_unmask(port);
    evtchn_send(port);
    check(event_count == 1);
    check(evtchn_close(port) == 0);
}

static int fired[8];
static volatile int fired_count;

struct test_timer {
    struct timer timer;
    int number;
};

static void fire(struct timer *timer)
{
    fired[fired_count++] = ((struct test_timer *)timer)->number;
}

void test_timers(void)
{
    static const int order[] = { 4, 1, 5, 0, 3, 2 };
    struct test_timer timers[6] = { 0 };
    uint64_t now = time_ns();
    bool masked = upcalls_disable(); /* none fires before all are set */

    fired_count = 0;
    for (int i = 0; i < 6; i++) {
        timers[i].timer.fn = fire;
        timers[i].number = order[i];
        timer_start(&timers[i].timer, now + (uint64_t)(order[i] + 1) * 3 * NSEC_PER_MSEC);
    }
    check(timer_cancel(&timers[2].timer)); /* number 5 */
    check(!timer_cancel(&timers[2].timer));
    timer_start(&timers[3].timer, now + 11 * NSEC_PER_MSEC); /* number 0, between 2 (9 ms) and 3 (12 ms) */
    upcalls_restore(masked);
    thread_sleep_until(now + 30 * NSEC_PER_MSEC);
    check(fired_count == 5);
    check(fired[0] == 1 && fired[1] == 2 && fired[2] == 0 && fired[3] == 3 && fired[4] == 4);
    timer_start(&timers[0].timer, now); /* past */
    thread_sleep(NSEC_PER_MSEC);
    check(fired_count == 6);
}

void test_clocks(void)
{
    struct timespec before, after;
    const struct timespec nap = { 0, 20 * 1000 * 1000 };
    uint64_t last = time_ns();
    uint64_t elapsed;

    for (int i = 0; i < 10000; i++) {
        uint64_t now = time_ns();

        check(now >= last);
        last = now;
    }
    check(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
    check(nanosleep(&nap, NULL) == 0);
    check(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
    elapsed = (uint64_t)(after.tv_sec - before.tv_sec) * NSEC_PER_SEC + (uint64_t)after.tv_nsec -
              (uint64_t)before.tv_nsec;
    check(elapsed >= 20 * NSEC_PER_MSEC && elapsed < PATIENCE);
    check(time(NULL) > 1600000000);
    check(time_tsc_khz() > 1000);
}

void test_grants(void)
{
    enum { COUNT = 40 };
    grant_ref_t refs[COUNT];
    char *pages = page_alloc(6);
    struct grant_mapping map;

    check(pages);
    for (int i = 0; i < COUNT; i++) {
        int ref = gnttab_grant_access(0, virt_to_mfn(pages + i * PAGE_SIZE), false);

        check(ref > 7);
        refs[i] = (grant_ref_t)ref;
        pages[i * PAGE_SIZE] = (char)(i + 1);
    }
    if (!(start_info->flags & SIF_INITDOMAIN)) {
        skip_reason = "granted to domain 0, which this is not";
    } else {
        check(gnttab_map(&map, 0, refs, COUNT, false) == 0);
        for (int i = 0; i < COUNT; i++)
            check(((char *)map.addr)[i * PAGE_SIZE] == (char)(i + 1));
        check(gnttab_end_access(refs[0]) == -XEN_EBUSY);
        gnttab_unmap(&map);
        refs[COUNT - 1] ^= 0x40000000;
        check(gnttab_map(&map, 0, refs, COUNT, false) < 0);
        refs[COUNT - 1] ^= 0x40000000;
    }
    for (int i = 0; i < COUNT; i++)
        check(gnttab_end_access(refs[i]) == 0);
    for (int i = 0; i < 1200; i++) {
        int ref = gnttab_grant_access(0, virt_to_mfn(pages), true);

        check(ref > 7);
        if (i >= 1160)
            refs[i - 1160] = (grant_ref_t)ref;
    }
    for (int i = 0; i < COUNT; i++)
        check(gnttab_end_access(refs[i]) == 0);
    refs[0] = (grant_ref_t)gnttab_grant_transfer(0, virt_to_pfn(pages));
    check(gnttab_end_transfer(refs[0]) == -XEN_ENODATA);
    page_free(pages, 6);
}

static volatile unsigned int ran_on, ran_events;

static void on_ipi(evtchn_port_t port, void *arg)
{
    (void)port;
    (void)arg;
    if (this_cpu()->id == 1)
        ran_events++;
}

static void run_on_vcpu(void *arg)
{
    evtchn_port_t port = *(evtchn_port_t *)arg;
    uint64_t end = time_ns() + PATIENCE;

    ran_on = this_cpu()->id;
    evtchn_send(port); /* to ourselves */
    while (!ran_events && time_ns() < end)
        cpu_relax();
}

static volatile bool watch_ended;
static volatile unsigned long watch_reads;
static volatile unsigned int watch_seen;

static void watch_page(void *arg)
{
    while (!watch_ended) {
        watch_seen = *(volatile unsigned int *)arg;
        watch_reads++;
    }
}

/* Waits until vCPU 1 has read the page, from now on, at least once from beginning to end. */
static bool watch_next(void)
{
    uint64_t end = time_ns() + PATIENCE;
    unsigned long start = watch_reads;

    while (watch_reads - start < 2 && time_ns() < end)
        cpu_relax();
    return watch_reads - start >= 2;
}

/* A mapping is replaced while vCPU 1 uses it; pt_flush_all() reaches its TLB too. */
static void test_remote_flush(void)
{
    unsigned int *pages = page_alloc(1);
    void *second = (char *)pages + PAGE_SIZE;
    xen_pfn_t mfn = virt_to_mfn(pages);
    void *window = map_frames(&mfn, 1, PTE_RO);

    pages[0] = 1;
    *(unsigned int *)second = 2;
    watch_ended = false;
    check(smp_start(1, watch_page, window) == 0);
    check(watch_next() && watch_seen == 1);
    check(pt_set((unsigned long)window, pte_make(virt_to_mfn(second), PTE_RO)) == 0);
    pt_flush_all();
    check(watch_next() && watch_seen == 2);
    watch_ended = true;
    smp_join(1);
    unmap_frames(window, 1);
    page_free(pages, 1);
}

void test_vcpus(void)
{
    unsigned int count = smp_cpu_count();
    evtchn_port_t port;

    check(smp_start(31, run_on_vcpu, &port) == -XEN_ENOENT);
    check(!guest_is_pvh || hypercall_hvm_op(HVMOP_flush_tlbs, &port) == -XEN_EINVAL);
    if (count < 2) {
        skip_reason = "one vCPU";
        return;
    }
    check(evtchn_bind_ipi(1, &port) == 0);
    check(evtchn_set_handler(port, on_ipi, NULL) == 0);
    evtchn_unmask(port);
    for (int round = 1; round <= 3; round++) {
        ran_on = 0;
        ran_events = 0;
        check(smp_start(1, run_on_vcpu, &port) == 0);
        smp_join(1);
        check(ran_on == 1);
        check(ran_events == 1);
    }
    check(evtchn_close(port) == 0);
    test_remote_flush();
}

static bool count_function(struct pci_address address, void *arg)
{
    (void)address;
    ++*(int *)arg;
    return true;
}

void test_pci(void)
{
    struct pci_address host = { 0 };
    int functions = 0;

    if (!(start_info->flags & SIF_PRIVILEGED)) {
        skip_reason = "no hardware access";
        return;
    }
    check(pci_init() == 0);
    pci_for_each(count_function, &functions);
    check(functions > 1);
    check(pci_config_read(host, 0, 2) == 0x8086);
    check(pci_config_read(host, 0, 4) >> 16 == pci_config_read(host, 2, 2));
    check(pci_config_read(host, 1, 1) == 0x80);
    check(pci_config_read((struct pci_address){ .bus = 255, .device = 31, .function = 7 }, 0, 4) ==
          0xffffffff);
    check(pci_config_read(host, 3, 2) == 0xffff);
    printf("%d PCI functions, ", functions);
}
