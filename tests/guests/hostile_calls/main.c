/* SPDX-License-Identifier: MIT */
/*
 * hostile_calls: random hypercalls.
 *
 * What:     every hypercall number with random sub-operations and arguments that are small numbers, own
 *           frames, own addresses, hypervisor addresses and noise.
 * Why:      a guest may do this for days.
 * Method:   a fixed seed, some thousand calls; those that would end the test by design (shutdown, iret,
 *           block, poll without end, console noise, trap table, stack and baseptr changes) are left out.
 * Expected: every call returns; the domain goes on; its tables are still consistent.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define CALLS 6000u

static uint32_t state = 0x2545f491;
/* Pointers go to its first bytes; the rest takes what a call writes behind them. */
#define TARGETS 256u
static uint8_t buffer[2 * PAGE_SIZE] __attribute__((aligned(16)));

static uint32_t random32(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static uint64_t random_argument(void)
{
    switch (random32() % 7) {
    case 0:
        return random32() % 16;
    case 1:
        return (uint64_t)buffer + random32() % TARGETS;
    case 2:
        return 0xffff800000000000ul + random32();
    case 3:
        return 0x0000800000000000ul;
    case 4:
        return (uint64_t)random32() << 32 | random32();
    case 5:
        return DOMID_SELF;
    default:
        return 0x7ff0 - random32() % 4;
    }
}

/* What ends, stops or rewires this domain by design is no finding. */
static bool is_safe(unsigned int nr, uint64_t a1)
{
    switch (nr) {
    case __HYPERVISOR_event_channel_op:
    case __HYPERVISOR_grant_table_op:
    case __HYPERVISOR_xen_version:
    case __HYPERVISOR_vm_assist:
        return true;
    case __HYPERVISOR_memory_op:
        return (uint32_t)a1 != XENMEM_decrease_reservation && (uint32_t)a1 != XENMEM_exchange &&
               (uint32_t)a1 != XENMEM_populate_physmap && (uint32_t)a1 != XENMEM_increase_reservation;
    case __HYPERVISOR_physdev_op:
        return a1 > 64;
    case __HYPERVISOR_mmu_update:
    case __HYPERVISOR_set_gdt:
    case __HYPERVISOR_update_descriptor:
    case __HYPERVISOR_get_debugreg:
        return true;
    default:
        return nr >= 43;
    }
}

static void test(void)
{
    struct evtchn_reset reset = { .dom = DOMID_SELF };
    domid_t self = DOMID_SELF;
    long before = hc_memory_op(XENMEM_current_reservation, &self);
    unsigned int issued = 0;

    if (!console_close_port()) {
        test_skip("this domain has ports that a reset would close");
        return;
    }
    for (unsigned int i = 0; i < CALLS; i++) {
        unsigned int nr = random32() % 64;
        uint64_t a1 = random_argument(), a3;

        for (unsigned int j = 0; j < TARGETS; j += 8)
            *(uint64_t *)&buffer[j] = random_argument();
        if (!is_safe(nr, a1))
            continue;
        /* A large count of grant operations would have their results written all over this image. */
        a3 = nr == __HYPERVISOR_grant_table_op ? random32() % 4 : random_argument();
        hypercall5(nr, a1, random_argument(), a3, random_argument(), random_argument());
        issued++;
    }
    CHECK(issued > 1000);
    CHECK_EQ(hc_xen_version(XENVER_version, 0), 4 << 16 | 17);
    CHECK_EQ(hc_memory_op(XENMEM_current_reservation, &self), before);
    hc_evtchn(EVTCHNOP_reset, &reset);
    hc_set_gdt(&before, 0);
    for (unsigned int type = 0; type < 32; type++)
        hc_vm_assist(VMASST_CMD_disable, type);
    event_init();
    CHECK(console_reopen_port());
}

GUEST_TEST(test);
