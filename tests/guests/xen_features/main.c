/* SPDX-License-Identifier: MIT */
/*
 * xen_features: the feature bits of a domain.
 *
 * What:     XENVER_get_features, submap 0.
 * Why:      Linux panics without mmu_pt_update_preserve_ad and gnttab_map_avail_bits, and takes other
 *           paths on auto_translated_physmap, supervisor_mode_kernel and hvm_callback_vector.
 * Method:   read the submap; check the bits that a domain of this kind must and must not see.
 * Expected: see the table. pae_pgdir_above_4gb follows vm_assist, which this domain never enables.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include "guest_arch.h"
#include <xen/features.h>

static const uint8_t pv[] = { XENFEAT_mmu_pt_update_preserve_ad, XENFEAT_gnttab_map_avail_bits,
                              XENFEAT_highmem_assist };
static const uint8_t hvm[] = { XENFEAT_writable_page_tables, XENFEAT_auto_translated_physmap,
                               XENFEAT_hvm_callback_vector, XENFEAT_hvm_safe_pvclock };

static void test(void)
{
    struct xen_feature_info info = { .submap_idx = 0 };

    CHECK_EQ(hc_xen_version(XENVER_get_features, &info), 0);
    for (unsigned int i = 0; i < sizeof(pv) / sizeof(pv[0]); i++)
        CHECK_EQ(info.submap >> pv[i] & 1, !ARCH_TRANSLATED);
    for (unsigned int i = 0; i < sizeof(hvm) / sizeof(hvm[0]); i++)
        CHECK_EQ(info.submap >> hvm[i] & 1, ARCH_TRANSLATED);
    CHECK_EQ(info.submap >> XENFEAT_hvm_pirqs & 1, 0);
    CHECK_EQ(info.submap >> XENFEAT_supervisor_mode_kernel & 1, 0);
    CHECK_EQ(!!(info.submap & (1u << XENFEAT_dom0)), is_initial_domain());
}

GUEST_TEST(test);
