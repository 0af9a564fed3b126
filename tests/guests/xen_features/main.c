/* SPDX-License-Identifier: MIT */
/*
 * xen_features: the feature bits of a PV domain.
 *
 * What:     XENVER_get_features, submap 0.
 * Why:      Linux panics without mmu_pt_update_preserve_ad and gnttab_map_avail_bits, and takes other
 *           paths on auto_translated_physmap, supervisor_mode_kernel and hvm_callback_vector.
 * Method:   read the submap; check the bits that a PV domain must and must not see.
 * Expected: see the table. pae_pgdir_above_4gb follows vm_assist, which this domain never enables.
 * Xen:      the same.
 */
#include "tests/guests/framework/guest.h"
#include <xen/features.h>

static void test(void)
{
    struct xen_feature_info info = { .submap_idx = 0 };

    CHECK_EQ(hc_xen_version(XENVER_get_features, &info), 0);
    CHECK(info.submap & (1u << XENFEAT_mmu_pt_update_preserve_ad));
    CHECK(info.submap & (1u << XENFEAT_gnttab_map_avail_bits));
    CHECK(info.submap & (1u << XENFEAT_highmem_assist));
    CHECK(!(info.submap & (1u << XENFEAT_writable_page_tables)));
    CHECK(!(info.submap & (1u << XENFEAT_auto_translated_physmap)));
    CHECK(!(info.submap & (1u << XENFEAT_supervisor_mode_kernel)));
    CHECK(!(info.submap & (1u << XENFEAT_hvm_callback_vector)));
    CHECK(!(info.submap & (1u << XENFEAT_hvm_safe_pvclock)));
    CHECK(!(info.submap & (1u << XENFEAT_hvm_pirqs)));
    CHECK_EQ(!!(info.submap & (1u << XENFEAT_dom0)), is_initial_domain());
}

GUEST_TEST(test);
