/* SPDX-License-Identifier: MIT */
/*
 * compat_calls: hypercalls of 32-bit code in a hardware guest.
 *
 * What:     structures whose layout differs between 32 and 64 bits, and some that have the same one.
 * Why:      GRUB and unikernels are 32-bit code; what they pass is translated.
 * Method:   the 64-bit guest goes to a 32-bit code segment for the call, with structures of 32-bit layout,
 * and compares with what the 64-bit call says. Expected: the same answers; nothing is written behind a 32-bit
 * structure. Xen:      the same.
 */
#include "tests/guests/framework/guest.h"

#define GUARD 0x5a5a5a5au

/* In the image, below 4 GiB of physical addresses. */
static struct {
    uint32_t registers[6];
    uint32_t words[16];
    uint32_t list[4];
} low;

extern uint64_t boot_l3_low[];
int64_t call_32(uint64_t registers);

static uint32_t phys(const volatile void *p)
{
    return (uint32_t)va_to_maddr((const void *)(uintptr_t)p);
}

static long call(uint32_t nr, uint32_t a, uint32_t b, uint32_t c)
{
    bool enabled = event_enabled();
    long ret;

    event_disable();
    pte_write(&l4_table()[0], va_to_maddr(boot_l3_low) | PTE_P | PTE_RW);
    low.registers[0] = nr;
    low.registers[1] = a;
    low.registers[2] = b;
    low.registers[3] = c;
    ret = call_32(phys(&low.registers));
    pte_write(&l4_table()[0], 0);
    if (enabled)
        event_enable();
    return ret;
}

static void fill_guard(void)
{
    for (unsigned int i = 0; i < 16; i++)
        low.words[i] = GUARD;
}

static void check_version(void)
{
    CHECK_EQ(call(__HYPERVISOR_xen_version, XENVER_version, 0, 0), hc_xen_version(XENVER_version, 0));
    fill_guard();
    CHECK_EQ(call(__HYPERVISOR_xen_version, XENVER_platform_parameters, phys(low.words), 0), 0);
    CHECK_EQ(low.words[1], GUARD);
}

/* int32_t, then uint64_t at multiples of 4: 11 words. */
static void check_vcpu(void)
{
    fill_guard();
    CHECK_EQ(call(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, phys(low.words)), 0);
    CHECK_EQ(low.words[0], RUNSTATE_running);
    CHECK(low.words[3] | low.words[4]); /* it has run */
    CHECK_EQ(low.words[11], GUARD);
    CHECK_EQ(call(__HYPERVISOR_vcpu_op, VCPUOP_is_up, 0, 0), 1);
    CHECK_EQ(call(__HYPERVISOR_vcpu_op, VCPUOP_is_up, 4000, 0), -XEN_ENOENT);
    CHECK_EQ(call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 0, phys(low.words)), -XEN_EEXIST);
    CHECK_EQ(call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 0, 0xf0000000), -XEN_EFAULT);
}

static void check_memory(void)
{
    void *page = page_alloc();
    domid_t self = DOMID_SELF;
    long before = hc_memory_op(XENMEM_current_reservation, &self);

    low.list[0] = (uint32_t)va_to_mfn(page);
    fill_guard();
    low.words[0] = phys(low.list);
    low.words[1] = 1; /* extents, of order 0 */
    low.words[2] = low.words[3] = 0;
    low.words[4] = DOMID_SELF;
    CHECK_EQ(call(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, phys(low.words), 0), 1);
    CHECK_EQ(hc_memory_op(XENMEM_current_reservation, &self), before - 1);
    CHECK_EQ(call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, phys(low.words), 0), 1);
    CHECK_EQ(hc_memory_op(XENMEM_current_reservation, &self), before);
    CHECK_EQ(*(volatile uint64_t *)page, 0);
    page_free(page);
}

/* source and dest: frame or reference, domain, offset; then length, flags, status. */
static void check_grants(void)
{
    uint32_t *from = page_alloc(), *to = page_alloc();

    from[3] = 0x12345678;
    grant_access(GRANT_FIRST, own_domid(), from, GTF_readonly);
    fill_guard();
    low.words[0] = GRANT_FIRST;
    low.words[1] = own_domid() | 12u << 16;
    low.words[2] = (uint32_t)va_to_mfn(to);
    low.words[3] = DOMID_SELF | 20u << 16;
    low.words[4] = 4 | GNTCOPY_source_gref << 16;
    CHECK_EQ(call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, phys(low.words), 1), 0);
    CHECK_EQ((int16_t)low.words[5], GNTST_okay);
    CHECK_EQ(to[5], 0x12345678);
    CHECK_EQ(low.words[6], GUARD);
    low.words[0] = GRANT_FIRST + 1;
    CHECK_EQ(call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, phys(low.words), 1), 0);
    CHECK((int16_t)low.words[5] < 0);
    low.words[0] = GRANT_FIRST;
    low.words[1] = GRANT_FIRST + 1;
    CHECK_EQ(call(__HYPERVISOR_grant_table_op, GNTTABOP_swap_grant_ref, phys(low.words), 1), 0);
    CHECK_EQ((int16_t)low.words[2], GNTST_okay);
    CHECK(grant_end(GRANT_FIRST + 1));
    page_free(from);
    page_free(to);
}

/* Two calls: number, result and six arguments, a word each. */
static void check_multicall(void)
{
    fill_guard();
    for (unsigned int i = 0; i < 2; i++) {
        low.words[8 * i] = __HYPERVISOR_xen_version;
        low.words[8 * i + 2] = i ? 0x7fff : XENVER_version;
        low.words[8 * i + 3] = 0;
    }
    CHECK_EQ(call(__HYPERVISOR_multicall, phys(low.words), 2, 0), 0);
    CHECK_EQ((int32_t)low.words[1], hc_xen_version(XENVER_version, 0));
    CHECK_EQ((int32_t)low.words[9], -XEN_ENOSYS);
}

static void test(void)
{
    check_version();
    check_vcpu();
    check_memory();
    check_grants();
    check_multicall();
}

GUEST_TEST(test);
