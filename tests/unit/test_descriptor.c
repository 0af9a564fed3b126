/* SPDX-License-Identifier: MIT */
/* unit-sources: hv/pv/descriptor.c */
/* What descriptors a guest may have in its tables. The tables themselves are tested by tests/guests/gdt and
 * ldt. */
#include "hv/cpu/desc.h"
#include "hv/cpu/ipi.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv.h"
#include <criterion/criterion.h>

#define P       BIT(47)
#define S       BIT(44)
#define DPL     (3UL << 45)
#define TYPE(t) ((uint64_t)(t) << 40)
#define GATE    (P | TYPE(12))
#define SEL(s)  ((uint64_t)(s) << 16)

/* What the rest of the file needs; none of it is reached from here. */
uint64_t max_mfn, frame_chunk_map[FRAME_CHUNKS_MAX / 64];

int page_get_type(mfn_t m, struct domain *d, uint64_t type)
{
    cr_assert_fail("type %lx of frame %lx of %p", type, m.m, (void *)d);
    return -1;
}

int page_put_type(struct frame *f)
{
    cr_assert_fail("release of %p", (void *)f);
    return -1;
}

void tlb_flush_local(void)
{
    cr_assert_fail("flush");
}

void tlb_flush_mask(cpumask_t mask, uint64_t va)
{
    cr_assert_fail("flush of %lx at %lx", mask.bits, va);
}

void ldt_load(uint64_t base, unsigned int entries)
{
    cr_assert_fail("LDT load of %u at %lx", entries, base);
}

bool guest_range_ok(gva_t a, uint64_t bytes)
{
    cr_assert_fail("range %lx, %lu", a.va, bytes);
    return false;
}

void spin_lock_debug_acquire(struct spinlock *l, const void *caller)
{
    cr_assert_fail("lock %p from %p", (void *)l, caller);
}

void spin_lock_debug_release(struct spinlock *l)
{
    cr_assert_fail("unlock %p", (void *)l);
}

void spin_lock_contended(struct spinlock *l, uint16_t ticket)
{
    cr_assert_fail("lock %p taken twice (%u)", (void *)l, ticket);
}

static bool passes(uint64_t desc, uint64_t *stored)
{
    *stored = desc;
    return pv_descriptor_ok(stored);
}

Test(descriptor, segments_get_dpl_3)
{
    uint64_t d;

    for (uint64_t type = 0; type < 16; type++)
        for (uint64_t dpl = 0; dpl < 4; dpl++) {
            cr_assert(passes(P | S | TYPE(type) | dpl << 45 | 0x00cf00000000ffff, &d));
            cr_assert_eq(d, P | S | TYPE(type) | DPL | 0x00cf00000000ffff);
        }
}

Test(descriptor, absent_ones_hold_anything)
{
    uint64_t d;

    cr_assert(passes(0, &d));
    cr_assert(passes(~P, &d));
    cr_assert_eq(d, ~P, "and stay as they are");
    cr_assert(passes(P | TYPE(0) | 0xffffffff, &d), "upper half of a gate");
}

Test(descriptor, system_descriptors_are_refused)
{
    uint64_t d;

    for (uint64_t type = 1; type < 16; type++)
        if (type != 12)
            cr_assert_not(passes(P | TYPE(type) | SEL(8), &d), "type %lu", type);
}

Test(descriptor, call_gates_are_neutralised)
{
    uint64_t d;

    cr_assert(passes(GATE | DPL | SEL(0x10) | 0x5678, &d));
    cr_assert_eq(d, GATE | SEL(0x13) | 0x5678, "DPL 0, its old one in the RPL: %lx", d);
    cr_assert(passes(GATE | SEL(0x10 | 3), &d));
    cr_assert_eq(d, GATE | SEL(0x10));
}

Test(descriptor, gates_lead_to_guest_code_only)
{
    uint64_t d;

    cr_assert_not(passes(GATE | SEL(SEL_HV_CS), &d), "the hypervisor's code");
    cr_assert_not(passes(GATE | SEL(SEL_TSS), &d));
    cr_assert(passes(GATE | SEL(SEL_GUEST_CS64), &d));
    cr_assert(passes(GATE | SEL(0xfffc), &d), "any LDT selector");
    cr_assert_not(passes(GATE | SEL(8) | 1UL << 32, &d), "reserved bits");
}
