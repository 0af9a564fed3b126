/* SPDX-License-Identifier: MIT */
#include "hv/hvm/guest_walk.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/msr_index.h"
#include "hv/lib/string.h"
#include "hv/mm/paging.h"

#define ENTRY_ADDRESS 0x000ffffffffff000ULL

/* A walk in progress. */
struct walk {
    struct vcpu *v;
    uint64_t va;
    uint32_t access;
    uint64_t rights; /* PTE_RW and PTE_US of all levels so far, anded */
    bool no_exec;    /* of any level */
    bool wide;       /* 8-byte entries: PAE and long mode */
};

static bool fail(const struct walk *w, uint32_t code, struct guest_fault *fault)
{
    bool reports_fetch =
        (w->v->hvm->cr4 & CR4_SMEP) || ((w->v->hvm->cr4 & CR4_PAE) && (w->v->hvm->efer & EFER_NXE));

    code |= w->access & (PFEC_WRITE | PFEC_USER | (reports_fetch ? PFEC_INSN : 0));
    if (fault)
        *fault = (struct guest_fault){ .address = w->va, .error_code = code };
    return false;
}

/* Read the entry at guest-physical `at`, and set `bits` in it atomically. */
static bool read_entry(const struct walk *w, uint64_t at, pte_t *e, pte_t bits)
{
    struct frame *f = p2m_get_frame(w->v->domain, gfn(at >> PAGE_SHIFT), bits != 0, NULL);
    char *entry;

    if (!f)
        return false;
    entry = (char *)frame_to_virt(f) + at % PAGE_SIZE;
    if (w->wide) {
        *e = READ_ONCE(*(pte_t *)(void *)entry);
        if ((*e & bits) != bits)
            atomic_or((pte_t *)(void *)entry, bits);
    } else {
        *e = READ_ONCE(*(uint32_t *)(void *)entry);
        if ((*e & bits) != bits)
            atomic_or((uint32_t *)(void *)entry, (uint32_t)bits);
    }
    frame_put(f);
    return true;
}

/* What all levels together allow (SDM Vol. 3 §4.6.1; without CR0.WP supervisors write anywhere). */
static bool allowed(const struct walk *w)
{
    const struct hvm_vcpu *h = w->v->hvm;
    bool user_page = w->rights & PTE_US, user = w->access & PFEC_USER;

    if (user && !user_page)
        return false;
    if ((w->access & PFEC_WRITE) && !(w->rights & PTE_RW) && (user || (h->cr0 & CR0_WP)))
        return false;
    if (w->access & PFEC_INSN) {
        if (w->no_exec && (h->efer & EFER_NXE))
            return false;
        if (!user && user_page && (h->cr4 & CR4_SMEP))
            return false;
    }
    return true;
}

/* From the table at guest-physical `table` of `level` down. */
static bool walk_levels(struct walk *w, uint64_t table, unsigned int level, uint64_t *gpa,
                        struct guest_fault *fault)
{
    unsigned int bits = w->wide ? 9 : 10, size = w->wide ? 8 : 4;
    bool pse = w->wide || (w->v->hvm->cr4 & CR4_PSE);

    for (;; level--) {
        unsigned int shift = PAGE_SHIFT + bits * (level - 1);
        uint64_t at = table + ((w->va >> shift) & (BIT(bits) - 1)) * size;
        bool last;
        pte_t e;

        if (!read_entry(w, at, &e, 0) || !(e & PTE_P))
            return fail(w, 0, fault);
        last = level == 1 || ((e & PTE_PSE) && pse && level < 4);
        w->rights &= e;
        w->no_exec |= w->wide && (e & PTE_NX);
        if (last) {
            pte_t mark = PTE_A | (w->access & PFEC_WRITE ? PTE_D : 0);
            uint64_t mask = BIT(shift) - 1, base = e & (w->wide ? ENTRY_ADDRESS : 0xfffff000ULL);

            if (!allowed(w))
                return fail(w, PFEC_PRESENT, fault);
            if (!w->wide && level == 2)
                base |= ((e >> 13) & 0xff) << 32; /* PSE-36 */
            if ((e & mark) != mark)
                (void)read_entry(w, at, &e, mark);
            *gpa = (base & ~mask) | (w->va & mask);
            return true;
        }
        if (!(e & PTE_A))
            (void)read_entry(w, at, &e, PTE_A);
        table = e & (w->wide ? ENTRY_ADDRESS : 0xfffff000ULL);
    }
}

bool guest_walk(struct vcpu *v, uint64_t va, uint32_t access, uint64_t *gpa, struct guest_fault *fault)
{
    const struct hvm_vcpu *h = v->hvm;
    struct walk w = { .v = v, .va = va, .access = access, .rights = PTE_RW | PTE_US };

    w.wide = h->cr4 & CR4_PAE;
    if (!(h->cr0 & CR0_PG)) {
        *gpa = (uint32_t)va;
        return true;
    }
    if (h->efer & EFER_LMA) {
        if ((uint64_t)((int64_t)(va << 16) >> 16) != va)
            return fail(&w, 0, fault);
        return walk_levels(&w, h->cr3 & ENTRY_ADDRESS, 4, gpa, fault);
    }
    w.va = (uint32_t)va;
    if (w.wide) {
        pte_t e;

        /* The four top entries have no rights of their own. */
        if (!read_entry(&w, (h->cr3 & 0xffffffe0) + (w.va >> 30) * 8, &e, 0) || !(e & PTE_P))
            return fail(&w, 0, fault);
        return walk_levels(&w, e & ENTRY_ADDRESS, 2, gpa, fault);
    }
    return walk_levels(&w, h->cr3 & 0xfffff000, 2, gpa, fault);
}

bool guest_copy_phys(struct domain *d, void *buf, uint64_t gpa, size_t bytes, bool write)
{
    char *b = buf;

    while (bytes) {
        size_t n = min(bytes, (size_t)(PAGE_SIZE - gpa % PAGE_SIZE));
        struct frame *f = p2m_get_frame(d, gfn(gpa >> PAGE_SHIFT), write, NULL);
        char *page;

        if (!f)
            return false;
        page = (char *)frame_to_virt(f) + gpa % PAGE_SIZE;
        if (write)
            memcpy(page, b, n);
        else
            memcpy(b, page, n);
        frame_put(f);
        gpa += n;
        b += n;
        bytes -= n;
    }
    return true;
}

bool guest_copy(struct vcpu *v, void *buf, uint64_t va, size_t bytes, uint32_t access,
                struct guest_fault *fault)
{
    char *b = buf;

    while (bytes) {
        size_t n = min(bytes, (size_t)(PAGE_SIZE - va % PAGE_SIZE));
        uint64_t gpa;

        if (!guest_walk(v, va, access, &gpa, fault))
            return false;
        if (!guest_copy_phys(v->domain, b, gpa, n, access & PFEC_WRITE)) {
            if (fault)
                *fault = (struct guest_fault){ .address = va };
            return false;
        }
        va += n;
        b += n;
        bytes -= n;
    }
    return true;
}

unsigned int guest_fetch(struct vcpu *v, uint8_t *buf, unsigned int max)
{
    uint32_t access = PFEC_INSN | (hvm_cpl(v) == 3 ? PFEC_USER : 0);
    uint64_t va = hvm_linear_rip(v);
    unsigned int first = min(max, (unsigned int)(PAGE_SIZE - va % PAGE_SIZE));

    if (!guest_copy(v, buf, va, first, access, NULL))
        return 0;
    if (first < max && guest_copy(v, buf + first, va + first, max - first, access, NULL))
        return max;
    return first;
}
