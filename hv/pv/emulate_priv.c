/* SPDX-License-Identifier: MIT */
/*
 * Privileged instructions of guest kernels, which fault with #GP in ring 3. The instruction is fetched and
 * decoded; what is not emulated remains a #GP for the guest. After an emulated instruction the guest finds
 * what hardware would have left: rip behind it, RF clear, and a #DB when TF was set or a breakpoint was hit.
 */
#include "hv/pv/emulate.h"
#include "hv/cpu/desc.h"
#include "hv/cpu/insn.h"
#include "hv/domain/cpuid_policy.h"
#include "hv/lib/string.h"
#include "hv/mm/guest_access.h"
#include "hv/pv/debugreg.h"
#include "hv/pv/guest_stack.h"
#include "hv/pv/pv.h"

/* "ud2; .ascii "xen"; cpuid": the forced emulation prefix of arch-x86/xen.h, then 0f a2, in little-endian
 * order. */
#define FORCED_CPUID       0xa20f6e65780b0fULL
#define FORCED_CPUID_MASK  0xffffffffffffffULL
#define FORCED_CPUID_BYTES 7

#define DR6_STEP BIT(14)

/* Two words, read at once where that is possible. */
static bool fetch_words(uint64_t rip, uint8_t bytes[16])
{
    const uint64_t *p = (const uint64_t *)rip;
    uint64_t w[2];
    uint32_t bad = 0;

    if (!pv_stack_ok(rip))
        return false;
    pv_access_begin();
    guest_get(w[0], p, bad);
    guest_get(w[1], p + 1, bad);
    pv_access_end();
    memcpy(bytes, w, sizeof(w));
    return !bad;
}

unsigned int pv_fetch_insn(const struct regs *r, uint8_t bytes[16])
{
    uint64_t to_page_end;

    if (likely(fetch_words(r->rip, bytes)))
        return INSN_MAX_BYTES;
    /* The instruction may end before a page that is not there. */
    to_page_end = PAGE_SIZE - (r->rip & ~PAGE_MASK);
    if (to_page_end < INSN_MAX_BYTES && copy_from_guest(bytes, gva(r->rip), to_page_end) == 0)
        return (unsigned int)to_page_end;
    return 0;
}

static __noinline bool fetch_before_page_end(uint64_t rip, uint64_t *word)
{
    uint64_t to_page_end = PAGE_SIZE - (rip & ~PAGE_MASK);

    *word = 0;
    return to_page_end < sizeof(*word) && copy_from_guest(word, gva(rip), to_page_end) == 0;
}

bool pv_fetch_word(uint64_t rip, uint64_t *word)
{
    uint32_t bad = 0;

    if (unlikely(!pv_stack_ok(rip)))
        return false;
    pv_access_begin();
    guest_get(*word, (const uint64_t *)rip, bad);
    pv_access_end();
    return likely(!bad) || fetch_before_page_end(rip, word);
}

uint64_t emulate_linear(const struct insn *i, const struct regs *r)
{
    uint64_t va = insn_address(i, r);

    if (i->segment == INSN_SEG_FS)
        va += rdmsr(MSR_FS_BASE);
    else if (i->segment == INSN_SEG_GS)
        va += rdmsr(MSR_GS_BASE);
    return va;
}

/* The CPU left the address of the byte that failed in CR2, unless the range check refused the access before.
 */
static void deliver_fault(uint64_t va, unsigned int bytes, uint32_t error_code)
{
    uint64_t cr2 = read_cr2();

    pv_inject_page_fault(guest_range_ok(gva(va), bytes) && cr2 - va < bytes ? cr2 : va, error_code);
}

bool emulate_read(uint64_t va, void *dst, unsigned int bytes)
{
    if (copy_from_guest(dst, gva(va), bytes) == 0)
        return true;
    deliver_fault(va, bytes, 0);
    return false;
}

bool emulate_write(uint64_t va, const void *src, unsigned int bytes)
{
    if (copy_to_guest(gva(va), src, bytes) == 0)
        return true;
    deliver_fault(va, bytes, PFEC_WRITE);
    return false;
}

bool emulate_iopl_ok(const struct vcpu *v)
{
    bool architectural = v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl);

    if (!v->pv.in_kernel)
        return v->pv.iopl == 3;
    return architectural || v->pv.iopl >= 1;
}

void emulate_cpuid(const struct vcpu *v, struct regs *r)
{
    struct cpuid_leaf l;

    cpuid_policy_query(v, (uint32_t)r->rax, (uint32_t)r->rcx, &l);
    r->rax = l.a;
    r->rbx = l.b;
    r->rcx = l.c;
    r->rdx = l.d;
}

/* The flat selector is the usual one; others are asked for their L bit. */
bool emulate_in_64bit_code(const struct regs *r)
{
    uint32_t rights = 0;

    if (r->cs == SEL_GUEST_CS64)
        return true;
    /* The descriptor may be gone from the guest's table since it was loaded, and the table from the window.
     */
    __asm__("1: lar %1, %0\n"
            "2:\n\t" EX_TABLE(1b, 2b)
            : "+r"(rights)
            : "r"((uint32_t)r->cs)
            : "cc");
    return rights & BIT(21);
}

static enum emulation emulate_one_byte(struct vcpu *v, struct regs *r, const struct insn *i, uint64_t *dr6)
{
    switch (i->opcode) {
    case 0x6c ... 0x6f:
    case 0xe4 ... 0xe7:
    case 0xec ... 0xef:
        return emulate_port_io(v, r, i, dr6);
    case 0xfa: /* cli */
    case 0xfb: /* sti: neither changes the event mask */
        return emulate_iopl_ok(v) ? EMULATE_DONE : EMULATE_FAULT;
    default:
        return EMULATE_FAULT;
    }
}

static enum emulation emulate(struct vcpu *v, struct regs *r, const struct insn *i, uint64_t *dr6)
{
    if (i->prefixes & INSN_LOCK)
        return EMULATE_FAULT;
    if (i->map == INSN_MAP_1B)
        return emulate_one_byte(v, r, i, dr6);
    if (i->map != INSN_MAP_0F)
        return EMULATE_FAULT;
    if (i->opcode == 0x30 && v->pv.in_kernel)
        return emulate_wrmsr(v, r);
    if (i->opcode == 0x32 && v->pv.in_kernel)
        return emulate_rdmsr(v, r);
    return emulate_system(v, r, i);
}

void emulate_retire(struct vcpu *v, struct regs *r, unsigned int length, uint64_t dr6)
{
    r->rip += length;
    r->rflags &= ~X86_EFLAGS_RF;
    if (unlikely(r->rflags & X86_EFLAGS_TF))
        dr6 |= DR6_STEP;
    if (likely(!dr6))
        return;
    v->pv.dr6 |= dr6;
    pv_inject_trap(TRAP_DB, 0);
}

bool pv_emulate_privileged(struct regs *r)
{
    struct vcpu *v = current;
    uint8_t bytes[16];
    struct insn i;
    uint64_t dr6 = 0;

    if (!emulate_in_64bit_code(r) || insn_decode(&i, bytes, pv_fetch_insn(r, bytes)))
        return false;
    switch (emulate(v, r, &i, &dr6)) {
    case EMULATE_DONE:
        emulate_retire(v, r, i.length, dr6);
        return true;
    case EMULATE_REPEAT:
    case EMULATE_DELIVERED:
        return true;
    case EMULATE_FAULT:
        break;
    }
    return false;
}

static bool forced_cpuid(struct regs *r, uint64_t word)
{
    struct vcpu *v = current;

    if (likely((word & FORCED_CPUID_MASK) != FORCED_CPUID))
        return false;
    emulate_cpuid(v, r);
    emulate_retire(v, r, FORCED_CPUID_BYTES, 0);
    return true;
}

/* The instruction reaches, or as far as one can see may reach, into a page that is not there: then that is
 * the guest's problem. */
static __noinline bool forced_cpuid_at_page_end(struct regs *r)
{
    uint64_t to_page_end = PAGE_SIZE - (r->rip & ~PAGE_MASK), word;

    if (!fetch_before_page_end(r->rip, &word))
        return false;
    if (to_page_end >= FORCED_CPUID_BYTES)
        return forced_cpuid(r, word);
    if ((word ^ FORCED_CPUID) & ((1ULL << (8 * to_page_end)) - 1))
        return false;
    pv_inject_page_fault(r->rip + to_page_end, PFEC_INSN);
    return true;
}

bool pv_emulate_forced_cpuid(struct regs *r)
{
    uint64_t word;
    uint32_t bad = 0;

    if (unlikely(!pv_stack_ok(r->rip)))
        return false;
    pv_access_begin();
    guest_get(word, (const uint64_t *)r->rip, bad);
    pv_access_end();
    return unlikely(bad) ? forced_cpuid_at_page_end(r) : forced_cpuid(r, word);
}
