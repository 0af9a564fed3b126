/* SPDX-License-Identifier: MIT */
/*
 * A small machine for tests of hypercalls: two or three domains without page tables, a frame table over an
 * array, guest memory that is the test's own, locks that only check that they are free. A test includes this
 * first and then the hypervisor's sources.
 */
#ifndef TESTS_UNIT_FAKE_HYPERVISOR_H
#define TESTS_UNIT_FAKE_HYPERVISOR_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HV_CPU_CURRENT_H
#include "hv/cpu/regs.h"
#include "hv/lib/atomic.h"
#include "hv/lib/cpumask.h"
#include "hv/lib/bug.h"

struct vcpu;
static struct vcpu *current;

/* Frames: fake_memory is the machine's RAM, frame 16 the first one. */
#define HV_MM_FRAME_H
#define HV_MM_GUEST_ACCESS_H
#include "hv/mm/layout.h"
#include "hv/mm/mfn.h"
#include <xen/xen.h>

#define FAKE_FIRST_MFN 16
#define FAKE_FRAMES    64

struct domain;
struct frame {
    uint64_t count, type;
    uint16_t owner;
    bool table; /* in use as a page table: not to be written */
    int writable;
};
static struct frame fake_frame[FAKE_FRAMES];
static uint8_t fake_memory[FAKE_FRAMES][PAGE_SIZE] __aligned(4096);

#define FRAME_LIST_END   0xffffffffu
#define FRAME_COUNT_MASK (BIT(56) - 1)
#define PGT_L1           (1ULL << 61)
#define PGT_TYPE_MASK    (7ULL << 61)
#define PGT_VALIDATED    BIT(59)
#define PGT_COUNT_MASK   (BIT(56) - 1)
#define ALLOC_ZERO       BIT(0)

static inline bool mfn_valid(mfn_t m)
{
    return m.m >= FAKE_FIRST_MFN && m.m < FAKE_FIRST_MFN + FAKE_FRAMES;
}
static inline struct frame *mfn_to_frame(mfn_t m)
{
    cr_assert(mfn_valid(m));
    return &fake_frame[m.m - FAKE_FIRST_MFN];
}
static inline mfn_t frame_to_mfn(const struct frame *f)
{
    return mfn((uint64_t)(f - fake_frame) + FAKE_FIRST_MFN);
}
static inline void *mfn_to_virt(mfn_t m)
{
    cr_assert(mfn_valid(m));
    return fake_memory[m.m - FAKE_FIRST_MFN];
}
static inline mfn_t virt_to_mfn(const void *va)
{
    return mfn((uint64_t)((const uint8_t *)va - fake_memory[0]) / PAGE_SIZE + FAKE_FIRST_MFN);
}
static inline void *frame_to_virt(const struct frame *f)
{
    return mfn_to_virt(frame_to_mfn(f));
}
bool frame_get(struct frame *f, const struct domain *d);
bool frame_get_from_mfn(mfn_t m, const struct domain *d);
bool frame_get_owned(mfn_t m, uint16_t owner);
void frame_put(struct frame *f);
bool frame_drop_allocation(struct frame *f);
void frame_free_dirty(struct frame *f, unsigned int order);
void frame_share_with_domain(void *va, struct domain *d, bool writable);
void frame_unshare(void *va);
void *hv_alloc_pages(unsigned int order, unsigned int flags);
void hv_free_pages(void *va, unsigned int order);

#include "hv/domain/domain.h"
#include "hv/lib/errno.h"
#include "hv/mm/heap.h"
#include "hv/sched/sched.h"
#include "tests/unit/fake_locks.h"

#define HV_PV_PAGE_TYPE_H
bool page_get_writable(struct frame *f);
void page_put_writable(struct frame *f);

/* Frames */

static struct frame *fake_take_frame(uint16_t owner)
{
    for (unsigned int i = 0; i < FAKE_FRAMES; i++)
        if (!fake_frame[i].count) {
            fake_frame[i] = (struct frame){ .count = 1, .owner = owner };
            memset(fake_memory[i], 0, PAGE_SIZE);
            return &fake_frame[i];
        }
    cr_assert_fail("the fake machine has too little memory");
    return NULL;
}

static inline unsigned int fake_frames_used(void)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < FAKE_FRAMES; i++)
        n += fake_frame[i].count != 0;
    return n;
}

bool frame_get(struct frame *f, const struct domain *d)
{
    if (!f->count || (d && f->owner != d->id))
        return false;
    f->count++;
    return true;
}

bool frame_get_from_mfn(mfn_t m, const struct domain *d)
{
    return mfn_valid(m) && frame_get(mfn_to_frame(m), d);
}

bool frame_get_owned(mfn_t m, uint16_t owner)
{
    return frame_get_from_mfn(m, &(const struct domain){ .id = owner });
}

void frame_put(struct frame *f)
{
    cr_assert(f->count > 0);
    f->count--;
}

bool page_get_writable(struct frame *f)
{
    if (f->table)
        return false;
    f->writable++;
    return true;
}

void page_put_writable(struct frame *f)
{
    cr_assert(f->writable > 0);
    f->writable--;
}

void *hv_alloc_pages(unsigned int order, unsigned int flags)
{
    cr_assert(order == 0);
    (void)flags;
    return frame_to_virt(fake_take_frame(DOMID_XEN));
}

void hv_free_pages(void *va, unsigned int order)
{
    (void)order;
    frame_put(mfn_to_frame(virt_to_mfn(va)));
}

void frame_share_with_domain(void *va, struct domain *d, bool writable)
{
    (void)writable;
    mfn_to_frame(virt_to_mfn(va))->owner = d->id;
}

void frame_unshare(void *va)
{
    frame_put(mfn_to_frame(virt_to_mfn(va)));
}

/* Heap; fake_heap_left counts down to a failure, -1 = never. */

static int fake_heap_left = -1;

void *hv_zalloc(size_t bytes)
{
    if (fake_heap_left == 0)
        return NULL;
    fake_heap_left -= fake_heap_left > 0;
    return calloc(1, bytes);
}

void *hv_zalloc_array(size_t n, size_t bytes)
{
    return hv_zalloc(n * bytes);
}

void hv_free(void *p)
{
    free(p);
}

/* Guest memory: addresses below a page fault, everything else is the test's. */

static inline bool guest_range_ok(gva_t a, uint64_t bytes)
{
    return a.va + bytes >= a.va;
}

static inline int copy_from_guest(void *dst, gva_t src, size_t bytes)
{
    if (src.va < PAGE_SIZE)
        return -EFAULT;
    memcpy(dst, (const void *)src.va, bytes);
    return 0;
}

static inline int copy_to_guest(gva_t dst, const void *src, size_t bytes)
{
    if (dst.va < PAGE_SIZE)
        return -EFAULT;
    memcpy((void *)dst.va, src, bytes);
    return 0;
}

#define read_small(dst, src, bytes)   copy_from_guest(dst, gva(src), bytes)
#define write_small(dst, src, bytes)  copy_to_guest(gva(dst), src, bytes)
#define read_in_range                 read_small
#define write_in_range                write_small
#define read_guest(obj, src)          copy_from_guest(obj, src, sizeof(*(obj)))
#define write_guest(dst, obj)         copy_to_guest(dst, obj, sizeof(*(obj)))
#define read_guest_elem(obj, src, i)  read_guest(obj, gva_add(src, (uint64_t)(i) * sizeof(*(obj))))
#define read_checked_elem             read_guest_elem
#define write_guest_elem(dst, i, obj) write_guest(gva_add(dst, (uint64_t)(i) * sizeof(*(obj))), obj)
#define write_guest_field(dst, type, field, value)                \
    ({                                                            \
        __typeof__(((type *)0)->field) wgf_v = (value);           \
        write_guest(gva_add(dst, offsetof(type, field)), &wgf_v); \
    })

void __noreturn bug(const char *file, unsigned int line, const char *what)
{
    fprintf(stderr, "%s:%u: %s\n", file, line, what);
    abort();
}

/* Domains */

#define FAKE_DOMAINS 3
#define FAKE_VCPUS   2

static struct domain fake_domain[FAKE_DOMAINS];
static struct vcpu fake_vcpu[FAKE_DOMAINS][FAKE_VCPUS];
static unsigned int fake_kicks[FAKE_DOMAINS][FAKE_VCPUS];
struct domain *dom0 = &fake_domain[0];
cpumask_t cpu_online_map = { 1 };

/* Domain 0 is privileged; each has two vCPUs; vCPU 0 of domain 0 is current. */
static void fake_start(void)
{
    memset(fake_frame, 0, sizeof(fake_frame));
    for (unsigned int i = 0; i < FAKE_DOMAINS; i++) {
        struct domain *d = &fake_domain[i];

        *d =
            (struct domain){ .id = (domid_t)i, .privileged = i == 0, .max_vcpus = FAKE_VCPUS, .refcount = 1 };
        d->shared_info = frame_to_virt(fake_take_frame((uint16_t)i));
        for (uint16_t j = 0; j < FAKE_VCPUS; j++) {
            fake_vcpu[i][j] = (struct vcpu){ .domain = d, .id = j, .info = &d->shared_info->vcpu_info[j] };
            d->vcpu[j] = &fake_vcpu[i][j];
            fake_kicks[i][j] = 0;
        }
    }
    current = &fake_vcpu[0][0];
}

static inline void fake_become(unsigned int domain, unsigned int vcpu)
{
    current = &fake_vcpu[domain][vcpu];
}

struct domain *domain_by_id(domid_t id)
{
    if (id >= FAKE_DOMAINS)
        return NULL;
    fake_domain[id].refcount++;
    return &fake_domain[id];
}

bool domain_get(struct domain *d)
{
    d->refcount++;
    return true;
}

void domain_put(struct domain *d)
{
    cr_assert(d->refcount > 1);
    d->refcount--;
}

void domain_put_locked(struct domain *d)
{
    domain_put(d);
}

int may(const struct domain *d, enum action a, const struct domain *target)
{
    (void)a;
    return d == target || d->privileged ? 0 : -EPERM;
}

struct domain *domain_for_hypercall(domid_t id, enum action a, int *rc)
{
    struct domain *d = domain_by_id(id == DOMID_SELF ? current->domain->id : id);

    *rc = d ? may(current->domain, a, d) : -ESRCH;
    if (d && *rc) {
        domain_put(d);
        return NULL;
    }
    return d;
}

#endif
