/* SPDX-License-Identifier: MIT */
/*
 * vcpu_info: VCPUOP_register_vcpu_info.
 *
 * What:     errors, then a registration on the last vCPU, which cannot be undone.
 * Why:      Linux panics when it fails; each vCPU above 31 needs it.
 * Method:   bad frames, offsets and vCPUs; register; look at the copied contents; register again; run
 *           the vCPU with it.
 * Expected: -ENXIO for an offset that crosses the page, -EINVAL for frames that cannot be written; 0
 *           once; -EINVAL twice; pending and all selector bits set after it; events and time arrive in
 *           the new place.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"

static uint8_t area[PAGE_SIZE] __attribute__((aligned(4096)));

static long register_info(unsigned int cpu, mfn_num_t mfn, uint32_t offset)
{
    struct vcpu_register_vcpu_info op = { .mfn = mfn, .offset = offset };

    return hc_vcpu(VCPUOP_register_vcpu_info, cpu, &op);
}

static volatile uint64_t now;

static void read_clock(void *unused)
{
    (void)unused;
    now = clock_now();
}

static void test(void)
{
    unsigned int cpu = smp_count() - 1;
    vcpu_info_t *info = (vcpu_info_t *)(area + 128);
    uint64_t before;

    CHECK_EQ(register_info(4000, va_to_mfn(area), 0), -XEN_ENOENT);
    if (cpu == 0) {
        test_skip("one vCPU");
        return;
    }
    CHECK_EQ(register_info(cpu, va_to_mfn(area), 4096 - 32), -XEN_ENXIO);
    CHECK_EQ(register_info(cpu, 0x7ffffff, 0), -XEN_EINVAL);
    if (!ARCH_TRANSLATED) /* tables of a hardware guest are its own memory as any other */
        CHECK_EQ(register_info(cpu, l4_mfn(), 0), -XEN_EINVAL);
    CHECK_EQ(hc_vcpu(VCPUOP_register_vcpu_info, cpu, 0), -XEN_EFAULT);
    CHECK_EQ(register_info(cpu, va_to_mfn(area), 128), 0);
    CHECK_EQ(info->evtchn_upcall_pending, 1);
    CHECK_EQ(info->evtchn_pending_sel, ~0ul);
    CHECK_EQ(info->evtchn_upcall_mask, !ARCH_TRANSLATED);
    CHECK_EQ(register_info(cpu, va_to_mfn(area), 128), -XEN_EINVAL);
    cpu_of(cpu)->info = info;
    before = clock_now();
    smp_run(cpu, read_clock, NULL);
    CHECK(now + 100 * MS >= before && now < before + 1000 * MS);
}

GUEST_TEST(test);
