/* SPDX-License-Identifier: MIT */
/*
 * Accesses of hardware guests to guest-physical addresses without memory: the local APIC's page, and nothing
 * at all, which reads as ones and swallows writes. The decoder is the one that PV emulation uses,
 * hv/cpu/decode.c; its head says why it is our own. Emulated are the instructions that compilers and kernels
 * use on device registers: moves, exchanges, tests and logic with one memory operand. A guest that uses
 * others there is ended.
 */
#include "hv/cpu/alu.h"
#include "hv/cpu/decode.h"
#include "hv/hvm/guest_walk.h"
#include "hv/hvm/hvm.h"

enum mmio_op { OP_LOAD, OP_LOAD_SIGNED, OP_STORE, OP_XCHG, OP_OR, OP_AND, OP_XOR, OP_TEST, OP_CMP };

struct mmio {
    enum mmio_op op;
    unsigned int size; /* bytes in memory */
    uint64_t operand;  /* what is stored, or the other operand */
    bool to_register;  /* of two operands the register is the destination */
};

/* Group 1 and the rows of arithmetic: bits 3 to 5 of ModRM or the opcode. */
static bool logic_op(unsigned int n, enum mmio_op *op)
{
    switch (n) {
    case 1:
        *op = OP_OR;
        return true;
    case 4:
        *op = OP_AND;
        return true;
    case 6:
        *op = OP_XOR;
        return true;
    case 7:
        *op = OP_CMP;
        return true;
    default:
        return false;
    }
}

static bool decode_one_byte(const struct insn *i, const struct regs *r, struct mmio *m)
{
    m->size = i->opsize;
    m->operand = i->imm_bytes && i->has_modrm ? (uint64_t)i->imm : insn_reg_read(i, r, i->reg, i->opsize);
    switch (i->opcode) {
    case 0x88:
    case 0x89:
        m->op = OP_STORE;
        return true;
    case 0xc6:
    case 0xc7:
        m->op = OP_STORE;
        return (i->reg & 7) == 0;
    case 0xa2:
    case 0xa3:
        m->op = OP_STORE;
        m->operand = r->rax;
        return true;
    case 0x8a:
    case 0x8b:
    case 0xa0:
    case 0xa1:
        m->op = OP_LOAD;
        return true;
    case 0x86:
    case 0x87:
        m->op = OP_XCHG;
        return true;
    case 0x84:
    case 0x85:
        m->op = OP_TEST;
        return true;
    case 0xf6:
    case 0xf7:
        m->op = OP_TEST;
        return (i->reg & 7) < 2;
    case 0x80:
    case 0x81:
    case 0x83:
        return logic_op(i->reg & 7, &m->op);
    default:
        m->to_register = i->opcode & 2;
        return i->opcode < 0x40 && (i->opcode & 7) < 4 && logic_op(i->opcode >> 3, &m->op);
    }
}

static bool decode_two_byte(const struct insn *i, struct mmio *m)
{
    m->op = i->opcode & 8 ? OP_LOAD_SIGNED : OP_LOAD;
    m->size = i->opcode & 1 ? 2 : 1;
    return (i->opcode & 0xf6) == 0xb6; /* movzx, movsx */
}

static bool decode_access(const struct insn *i, const struct regs *r, struct mmio *m)
{
    *m = (struct mmio){ 0 };
    if (!i->memory)
        return false;
    if (i->map == INSN_MAP_1B)
        return decode_one_byte(i, r, m);
    return i->map == INSN_MAP_0F && decode_two_byte(i, m);
}

static struct vlapic *apic_at(const struct vcpu *v, uint64_t gpa)
{
    struct vlapic *a = vcpu_vlapic(v);

    return (gpa & PAGE_MASK) == VLAPIC_PAGE_ADDRESS && vlapic_mmio_enabled(a) ? a : NULL;
}

static uint64_t read_at(const struct vcpu *v, uint64_t gpa, unsigned int size)
{
    struct vlapic *a = apic_at(v, gpa);

    return a ? vlapic_mmio_read(a, gpa & ~PAGE_MASK, size) : alu_mask(size);
}

static void write_at(const struct vcpu *v, uint64_t gpa, unsigned int size, uint64_t value)
{
    struct vlapic *a = apic_at(v, gpa);

    if (a)
        vlapic_mmio_write(a, gpa & ~PAGE_MASK, size, value);
}

static uint64_t sign_extend(uint64_t value, unsigned int size)
{
    unsigned int shift = 64 - 8 * size;

    return (uint64_t)((int64_t)(value << shift) >> shift);
}

/* Flags, and the result: to the register or to memory. */
static void perform_logic(struct vcpu *v, const struct insn *i, const struct mmio *m, struct regs *r,
                          uint64_t gpa)
{
    uint64_t mask = alu_mask(m->size), memory = read_at(v, gpa, m->size), other = m->operand & mask;
    uint64_t left = m->to_register ? other : memory, right = m->to_register ? memory : other, value, flags;

    switch (m->op) {
    case OP_OR:
        value = left | right;
        break;
    case OP_XOR:
        value = left ^ right;
        break;
    case OP_CMP:
        value = (left - right) & mask;
        break;
    default:
        value = left & right;
        break;
    }
    flags = m->op == OP_CMP ? alu_sub_flags(left, right, value, m->size) : alu_result_flags(value, m->size);
    r->rflags = (r->rflags & ~(uint64_t)ALU_FLAGS) | flags;
    if (m->op == OP_TEST || m->op == OP_CMP)
        return;
    if (m->to_register)
        insn_reg_write(i, r, i->reg, m->size, value);
    else
        write_at(v, gpa, m->size, value);
}

static void perform(struct vcpu *v, const struct insn *i, const struct mmio *m, struct regs *r, uint64_t gpa)
{
    unsigned int to = i->has_modrm ? i->reg : 0; /* the accumulator of a0 and a1 */
    uint64_t value;

    switch (m->op) {
    case OP_LOAD:
        insn_reg_write(i, r, to, i->opsize, read_at(v, gpa, m->size));
        break;
    case OP_LOAD_SIGNED:
        insn_reg_write(i, r, to, i->opsize, sign_extend(read_at(v, gpa, m->size), m->size));
        break;
    case OP_STORE:
        write_at(v, gpa, m->size, m->operand);
        break;
    case OP_XCHG:
        value = read_at(v, gpa, m->size);
        write_at(v, gpa, m->size, m->operand);
        insn_reg_write(i, r, to, m->size, value);
        break;
    default:
        perform_logic(v, i, m, r, gpa);
        break;
    }
}

bool hvm_mmio(struct vcpu *v, uint64_t gpa)
{
    static const enum insn_mode mode_of_size[] = { [2] = INSN_16BIT, [4] = INSN_32BIT, [8] = INSN_64BIT };
    struct regs *r = guest_regs();
    uint8_t bytes[INSN_MAX_BYTES];
    unsigned int n = guest_fetch(v, bytes, sizeof(bytes));
    struct insn i;
    struct mmio m;

    if (insn_decode_in(mode_of_size[hvm_guest_mode(v)], &i, bytes, n) || !decode_access(&i, r, &m))
        return false;
    perform(v, &i, &m, r, gpa);
    hvm_skip(v, i.length);
    return true;
}
