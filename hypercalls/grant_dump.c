/* SPDX-License-Identifier: MIT */
/* The debug key g: grants in use. Read without locks, as in hv/domain/dump.c. */
#include "hypercalls/grant_table.h"
#include "hv/io/console.h"
#include "hv/io/debug_keys.h"

static void show_active(const struct grant_table *gt, uint32_t ref)
{
    const struct grant_active *a = gnttab_active(gt, ref);

    if (!gt->active[ref / ACTIVE_PER_CHUNK])
        return;
    for (unsigned int kind = 0; kind < PIN_KINDS; kind++) {
        if (a->pin[kind] == 0)
            continue;
        printk("  %5u d%u frame %#x: host %u read, %u write, device %u read, %u write\n", ref, a->domid,
               a->mfn, a->pin[PIN_HOST_RO], a->pin[PIN_HOST_RW], a->pin[PIN_DEV_RO], a->pin[PIN_DEV_RW]);
        return;
    }
}

static void show_grants(char key __unused)
{
    struct domain *d;

    spin_lock(&domlist_lock);
    for_each_domain (d) {
        const struct grant_table *gt = d->grant;

        if (gt == NULL)
            continue;
        printk("d%u: %u of %u frames of grants, %u mappings of others' grants\n", d->id, gt->frames,
               gt->max_frames, gt->maptrack_used);
        for (uint32_t ref = 0; ref < gt->refs; ref++)
            show_active(gt, ref);
    }
    spin_unlock(&domlist_lock);
}

void gnttab_dump_init(void)
{
    debug_key_register('g', show_grants, "grants in use");
}
