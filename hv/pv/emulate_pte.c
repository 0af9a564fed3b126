/* SPDX-License-Identifier: MIT */
/*
 * Writable page tables: a guest kernel that writes to a validated L1 table through its read-only mapping
 * takes a fault, and the write is done for it as mmu_update would, under the same rules. Linux does so at
 * boot, and for accessed and dirty bits, so that exchanges and locked bit and logic operations are here too;
 * upper levels are never written this way. What is not understood or not allowed remains a page fault of the
 * guest's.
 */
#include "hv/cpu/alu.h"
#include "hv/lib/errno.h"
#include "hv/pv/emulate.h"
#include "hv/pv/page_type.h"
#include "hv/pv/pv.h"
#include "hv/pv/pv_mm.h"

enum pte_op { OP_MOV, OP_XCHG, OP_CMPXCHG, OP_ADD, OP_OR, OP_AND, OP_SUB, OP_XOR, OP_BTS, OP_BTR, OP_BTC };

struct pte_write {
    enum pte_op op;
    unsigned int size; /* bytes */
    uint64_t operand;  /* second operand; bit number for the bit operations */
    uint64_t va;
};

/* What an operation makes of the old value of its operand. */
struct outcome {
    uint64_t value;
    uint64_t flags, flags_mask; /* arithmetic flags that it sets */
    bool store;                 /* false: cmpxchg that found another value */
};

/* The group that encodes its operation in bits 3..5 of the opcode or of ModRM: add or adc sbb and sub xor
 * cmp. */
static bool group1(unsigned int n, enum pte_op *op)
{
    static const int8_t ops[8] = { OP_ADD, OP_OR, -1, -1, OP_AND, OP_SUB, OP_XOR, -1 };

    if (ops[n] < 0)
        return false;
    *op = (enum pte_op)ops[n];
    return true;
}

static bool decode_one_byte(const struct insn *i, const struct regs *r, struct pte_write *w)
{
    w->operand = i->imm_bytes ? (uint64_t)i->imm : insn_reg_read(i, r, i->reg, i->opsize);
    switch (i->opcode) {
    case 0x88:
    case 0x89:
        w->op = OP_MOV;
        return true;
    case 0xc6:
    case 0xc7:
        w->op = OP_MOV;
        return (i->reg & 7) == 0;
    case 0xa2: /* mov al or rax to an absolute address */
    case 0xa3:
        w->op = OP_MOV;
        w->operand = r->rax;
        return true;
    case 0x86:
    case 0x87:
        w->op = OP_XCHG;
        return true;
    case 0x80:
    case 0x81:
    case 0x83:
        return group1(i->reg & 7, &w->op);
    default:
        return i->opcode < 0x40 && (i->opcode & 7) < 2 && group1(i->opcode >> 3, &w->op);
    }
}

/* A bit number in a register reaches beyond the operand: bit n of the string that begins at the address. */
static void bit_string(const struct insn *i, const struct regs *r, struct pte_write *w)
{
    int64_t bit = (int64_t)insn_reg_read(i, r, i->reg, 8), bits = w->size * 8;

    if (w->size == 4)
        bit = (int32_t)bit;
    else if (w->size == 2)
        bit = (int16_t)bit;
    w->va += (uint64_t)((bit >> bit_lowest((uint64_t)bits)) * (int64_t)w->size);
    w->operand = (uint64_t)bit & ((uint64_t)bits - 1);
}

static bool decode_two_byte(const struct insn *i, const struct regs *r, struct pte_write *w)
{
    switch (i->opcode) {
    case 0xb0:
    case 0xb1:
        w->op = OP_CMPXCHG;
        w->operand = insn_reg_read(i, r, i->reg, i->opsize);
        return true;
    case 0xab:
        w->op = OP_BTS;
        break;
    case 0xb3:
        w->op = OP_BTR;
        break;
    case 0xbb:
        w->op = OP_BTC;
        break;
    case 0xba:
        w->op = (enum pte_op)(OP_BTS + (i->reg & 3) - 1);
        w->operand = (uint64_t)i->imm & (w->size * 8 - 1);
        return (i->reg & 7) > 4;
    default:
        return false;
    }
    bit_string(i, r, w);
    return true;
}

/* What the instruction at rip writes; false: not one of those that are emulated. */
static bool decode_write(const struct insn *i, const struct regs *r, struct pte_write *w)
{
    if (!i->memory)
        return false;
    w->size = i->opsize;
    w->va = emulate_linear(i, r);
    if (i->map == INSN_MAP_1B)
        return decode_one_byte(i, r, w);
    return i->map == INSN_MAP_0F && decode_two_byte(i, r, w);
}

static struct outcome outcome_arith(const struct pte_write *w, uint64_t old, uint64_t operand, uint64_t mask)
{
    struct outcome o = { .flags_mask = ALU_FLAGS, .store = true };

    switch (w->op) {
    case OP_ADD:
        o.value = (old + operand) & mask;
        o.flags = alu_add_flags(old, operand, o.value, w->size);
        return o;
    case OP_SUB:
        o.value = (old - operand) & mask;
        o.flags = alu_sub_flags(old, operand, o.value, w->size);
        return o;
    case OP_OR:
        o.value = old | operand;
        break;
    case OP_AND:
        o.value = old & operand;
        break;
    default:
        o.value = old ^ operand;
        break;
    }
    o.flags = alu_result_flags(o.value, w->size);
    return o;
}

static struct outcome outcome_of(const struct pte_write *w, const struct regs *r, uint64_t old)
{
    uint64_t mask = alu_mask(w->size), operand = w->operand & mask, bit = BIT(w->operand & 63);
    struct outcome o = { .value = operand, .store = true };

    switch (w->op) {
    case OP_MOV:
    case OP_XCHG:
        break;
    case OP_CMPXCHG:
        o.flags_mask = ALU_FLAGS;
        o.flags = alu_sub_flags(r->rax & mask, old, (r->rax - old) & mask, w->size);
        o.store = (r->rax & mask) == old;
        break;
    case OP_BTS:
    case OP_BTR:
    case OP_BTC:
        o.flags_mask = X86_EFLAGS_CF;
        o.flags = old & bit ? X86_EFLAGS_CF : 0;
        o.value = w->op == OP_BTS ? old | bit : w->op == OP_BTR ? old & ~bit : old ^ bit;
        break;
    default:
        return outcome_arith(w, old, operand, mask);
    }
    return o;
}

/* Do it on the entry; *old is the operand's value before. 0, or an error of pte_update. Lock: mmu_lock. */
static int write_entry(struct domain *d, const struct pte_write *w, const struct regs *r, pte_t *slot,
                       uint64_t *old, struct outcome *o)
{
    unsigned int shift = (w->va & 7) * 8;
    uint64_t mask = alu_mask(w->size);
    int rc;

    if (w->op == OP_MOV && w->size == 8) {
        *o = (struct outcome){ 0 };
        return pte_update_l1(d, d, slot, w->operand);
    }
    do {
        pte_t entry = READ_ONCE(*slot);

        *old = entry >> shift & mask;
        *o = outcome_of(w, r, *old);
        if (!o->store)
            return 0;
        rc = pte_replace_l1(d, slot, entry, (entry & ~(mask << shift)) | o->value << shift);
    } while (rc == -EAGAIN);
    return rc;
}

/* The entry that va shows: the slot of a validated L1 of d, seen through a read-only mapping. Lock: mmu_lock.
 */
static pte_t *written_slot(struct vcpu *v, uint64_t va)
{
    const pte_t *mapping = pv_l1e_of(v, va);
    pte_t e = mapping ? READ_ONCE(*mapping) : 0;

    if ((e & (PTE_P | PTE_RW)) != PTE_P || !mfn_valid(pte_mfn(e)) ||
        page_table_level(mfn_to_frame(pte_mfn(e)), v->domain) != 1)
        return NULL;
    return (pte_t *)((char *)mfn_to_virt(pte_mfn(e)) + (va & ~PAGE_MASK & ~7ULL));
}

/* Registers and flags after the write. */
static void write_back(const struct insn *i, const struct pte_write *w, struct regs *r, uint64_t old,
                       const struct outcome *o)
{
    if (w->op == OP_XCHG)
        insn_reg_write(i, r, i->reg, w->size, old);
    else if (w->op == OP_CMPXCHG && !o->store)
        insn_reg_write(i, r, 0, w->size, old);
    r->rflags = (r->rflags & ~o->flags_mask) | o->flags;
}

/* The instruction at rip, if it writes to `cr2` what may be written there. */
static bool fetch_write(const struct regs *r, uint64_t cr2, struct insn *i, struct pte_write *w)
{
    uint8_t bytes[16];

    return emulate_in_64bit_code(r) && !insn_decode(i, bytes, pv_fetch_insn(r, bytes)) &&
           decode_write(i, r, w) && w->va == cr2 && !(w->va & (w->size - 1));
}

bool pv_emulate_pte_write(struct regs *r, uint64_t cr2)
{
    struct vcpu *v = current;
    struct domain *d = v->domain;
    struct pte_write w;
    struct outcome o;
    struct insn i;
    uint64_t old = 0;
    pte_t *slot;
    int rc = -EINVAL;

    spin_lock(&d->mmu_lock);
    slot = written_slot(v, cr2);
    if (slot && fetch_write(r, cr2, &i, &w))
        rc = write_entry(d, &w, r, slot, &old, &o);
    pv_mmu_unlock(d);
    if (rc)
        return false;
    write_back(&i, &w, r, old, &o);
    emulate_retire(v, r, i.length, 0);
    return true;
}
