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

/* The entry at guest-physical `at`. */
static bool read_entry(const struct walk *w, uint64_t at, pte_t *e)
{
    *e = 0;
    return p2m_read(w->v->domain, gfn(at >> PAGE_SHIFT), at % PAGE_SIZE, e, w->wide ? 8 : 4);
}

/* Set bits that the CPU would set. */
static void mark_entry(const struct walk *w, uint64_t at, pte_t bits)
{
    struct frame *f = p2m_get_frame(w->v->domain, gfn(at >> PAGE_SHIFT), true, NULL);
    char *entry;

    if (!f)
        return;
    entry = (char *)frame_to_virt(f) + at % PAGE_SIZE;
    if (w->wide)
        atomic_or((pte_t *)(void *)entry, bits);
    else
        atomic_or((uint32_t *)(void *)entry, (uint32_t)bits);
    frame_put(f);
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

        if (!read_entry(w, at, &e) || !(e & PTE_P))
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
                mark_entry(w, at, mark);
            *gpa = (base & ~mask) | (w->va & mask);
            return true;
        }
        if (!(e & PTE_A))
            mark_entry(w, at, PTE_A);
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
        if (!read_entry(&w, (h->cr3 & 0xffffffe0) + (w.va >> 30) * 8, &e) || !(e & PTE_P))
            return fail(&w, 0, fault);
        return walk_levels(&w, e & ENTRY_ADDRESS, 2, gpa, fault);
    }
    return walk_levels(&w, h->cr3 & 0xfffff000, 2, gpa, fault);
}

static bool write_frame(struct domain *d, uint64_t gpa, const void *from, size_t bytes)
{
    struct frame *f = p2m_get_frame(d, gfn(gpa >> PAGE_SHIFT), true, NULL);

    if (!f)
        return false;
    memcpy((char *)frame_to_virt(f) + gpa % PAGE_SIZE, from, bytes);
    frame_put(f);
    return true;
}

bool guest_copy_phys(struct domain *d, void *buf, uint64_t gpa, size_t bytes, bool write)
{
    char *b = buf;

    while (bytes) {
        size_t n = min(bytes, (size_t)(PAGE_SIZE - gpa % PAGE_SIZE));
        if (!(write ? write_frame(d, gpa, b, n) : p2m_read(d, gfn(gpa >> PAGE_SHIFT), gpa % PAGE_SIZE, b, n)))
            return false;
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

/*
 * Where code was fetched from last, as a TLB would remember it: good while the page tables' root and the p2m
 * are the same. A guest that changes the mapping without either makes itself a wrong length of an instruction
 * at worst.
 */
static bool fetch_again(const struct vcpu *v, uint64_t va, uint8_t *buf, unsigned int bytes)
{
    const struct hvm_vcpu *h = v->hvm;
    const uint64_t *epoch = &v->domain->hvm->p2m.epoch;

    if (!h->code.page || h->code.va != (va & PAGE_MASK) || h->code.cr3 != h->cr3 ||
        h->code.epoch != READ_ONCE(*epoch))
        return false;
    memcpy(buf, h->code.page + va % PAGE_SIZE, bytes);
    barrier();
    return h->code.epoch == READ_ONCE(*epoch); /* so the page was still the guest's */
}

static void remember_code(struct vcpu *v, uint64_t va, uint64_t gpa, uint64_t epoch)
{
    enum p2m_type type;
    mfn_t m = p2m_lookup(v->domain, gfn(gpa >> PAGE_SHIFT), &type);

    if (!p2m_is_ram(type))
        return;
    v->hvm->code.page = mfn_to_virt(m);
    v->hvm->code.va = va & PAGE_MASK;
    v->hvm->code.cr3 = v->hvm->cr3;
    v->hvm->code.epoch = epoch;
}

unsigned int guest_fetch(struct vcpu *v, uint8_t *buf, unsigned int max)
{
    uint32_t access = PFEC_INSN | (hvm_cpl(v) == 3 ? PFEC_USER : 0);
    uint64_t va = hvm_linear_rip(v), gpa, epoch = READ_ONCE(v->domain->hvm->p2m.epoch);
    unsigned int first = min(max, (unsigned int)(PAGE_SIZE - va % PAGE_SIZE));

    if (!fetch_again(v, va, buf, first)) {
        if (!guest_walk(v, va, access, &gpa, NULL) || !guest_copy_phys(v->domain, buf, gpa, first, false))
            return 0;
        remember_code(v, va, gpa, epoch);
    }
    if (first < max && guest_copy(v, buf + first, va + first, max - first, access, NULL))
        return max;
    return first;
}
