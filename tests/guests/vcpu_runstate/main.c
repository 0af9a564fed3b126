/* SPDX-License-Identifier: MIT */
/*
 * vcpu_runstate: runstate information, by call and by registered area.
 *
 * What:     VCPUOP_get_runstate_info and register_runstate_memory_area.
 * Why:      steal time.
 * Method:   read twice around work; register an area and block for a while; read another vCPU's.
 * Expected: state running for the caller; the four times grow, their sum equals the time since the vCPU
 *           exists; blocked time grows by the time blocked; NULL unregisters.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

static struct vcpu_runstate_info area;

static uint64_t total(const struct vcpu_runstate_info *r)
{
    return r->time[0] + r->time[1] + r->time[2] + r->time[3];
}

static void block_for(uint64_t ns)
{
    struct sched_poll poll = { .nr_ports = 0, .timeout = clock_now() + ns };

    hc_sched(SCHEDOP_poll, &poll);
}

static void check_call(void)
{
    struct vcpu_runstate_info a, b;
    uint64_t start, end;

    CHECK_EQ(hc_vcpu(VCPUOP_get_runstate_info, 0, &a), 0);
    start = clock_now();
    CHECK_EQ(a.state, RUNSTATE_running);
    block_for(100 * MS);
    CHECK_EQ(hc_vcpu(VCPUOP_get_runstate_info, 0, &b), 0);
    end = clock_now();
    CHECK_EQ(b.state, RUNSTATE_running);
    for (unsigned int i = 0; i < 4; i++)
        CHECK(b.time[i] >= a.time[i]);
    CHECK(b.time[RUNSTATE_blocked] >= a.time[RUNSTATE_blocked] + 50 * MS);
    CHECK(total(&b) > total(&a));
    CHECK(total(&b) - total(&a) <= end - start + 20 * MS);
    CHECK(b.state_entry_time > a.state_entry_time);
    CHECK_EQ(hc_vcpu(VCPUOP_get_runstate_info, 4000, &b), -XEN_ENOENT);
}

static void test(void)
{
    struct vcpu_register_runstate_memory_area reg;
    uint64_t entry;

    check_call();
    reg.addr.p = 0;
    set_xen_guest_handle(reg.addr.h, &area);
    CHECK_EQ(hc_vcpu(VCPUOP_register_runstate_memory_area, 0, &reg), 0);
    CHECK_EQ(area.state, RUNSTATE_running);
    entry = area.state_entry_time;
    CHECK(entry > 0);
    block_for(2 * MS);
    CHECK_EQ(area.state, RUNSTATE_running);
    CHECK(area.state_entry_time > entry);
    set_xen_guest_handle_raw(reg.addr.h, NULL);
    CHECK_EQ(hc_vcpu(VCPUOP_register_runstate_memory_area, 0, &reg), 0);
    entry = area.state_entry_time;
    block_for(2 * MS);
    CHECK_EQ(area.state_entry_time, entry);
}

GUEST_TEST(test);
