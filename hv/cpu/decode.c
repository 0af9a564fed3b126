/* SPDX-License-Identifier: MIT */
/*
 * Why not a library: Zydis does all of x86 and is the oracle of this decoder's tests, but its tables are some
 * 300 KiB in ring 0 and decoding costs well over a thousand instructions, while a guest's direct page-table
 * write, the hottest user of this file, is to cost a few hundred in all. The encoding of the legacy maps is
 * regular: one attribute byte for each opcode gives the length and operands of an instruction, and nothing
 * here depends on what it does. Hardware guests' MMIO comes in all modes: what differs there from 64-bit code
 * is decided by a constant argument, so that each kind of code has a decoder without tests for the others.
 */
#include "hv/cpu/decode.h"
#include "hv/lib/errno.h"

/* Attributes: low four bits the kind of immediate. */
enum imm_kind {
    IMM_NONE,
    IMM_B,     /* 1 byte, sign-extended */
    IMM_Z,     /* 4 bytes, 2 with the operand-size prefix */
    IMM_V,     /* mov reg, imm: as the operand, up to 8 */
    IMM_W,     /* 2 bytes */
    IMM_WB,    /* enter: 2 + 1 */
    IMM_MOFFS, /* an address of the address size */
    IMM_J,     /* near branch: 4 bytes */
    IMM_GRP3,  /* test only (reg 0, 1): B or Z */
    IMM_BB,    /* SSE4a extrq, insertq */
};
#define IMM_MASK 15
#define M        0x10 /* has ModRM */
#define BYTE     0x20 /* byte operands */
#define D64      0x40 /* operand size is 8 without REX.W */
#define BAD      0x80

/* A row of arithmetic: six forms, two opcodes that are prefixes or do not exist. */
#define ARITH M | BYTE, M, M | BYTE, M, BYTE | IMM_B, IMM_Z, BAD, BAD
#define X8(a) a, a, a, a, a, a, a, a
#define X4(a) a, a, a, a

/* Prefixes, REX and escapes never reach the table. */
/* clang-format off */
static const uint8_t map_1b[256] = {
    /* 00 */ ARITH, ARITH, ARITH, ARITH, ARITH, ARITH, ARITH, ARITH,
    /* 40 */ X8(BAD), X8(BAD),
    /* 50 push, pop */ X8(D64), X8(D64),
    /* 60 */ BAD, BAD, BAD, M, X4(BAD), D64 | IMM_Z, M | IMM_Z, D64 | IMM_B, M | IMM_B, BYTE, 0, BYTE, 0,
    /* 70 jcc */ X8(D64 | IMM_B), X8(D64 | IMM_B),
    /* 80 */ M | BYTE | IMM_B, M | IMM_Z, BAD, M | IMM_B, M | BYTE, M, M | BYTE, M,
    /* 88 */ M | BYTE, M, M | BYTE, M, M, M, M, M | D64,
    /* 90 */ X8(0), 0, 0, BAD, 0, D64, D64, 0, 0,
    /* a0 */ BYTE | IMM_MOFFS, IMM_MOFFS, BYTE | IMM_MOFFS, IMM_MOFFS, BYTE, 0, BYTE, 0,
    /* a8 */ BYTE | IMM_B, IMM_Z, BYTE, 0, BYTE, 0, BYTE, 0,
    /* b0 */ X8(BYTE | IMM_B), X8(IMM_V),
    /* c0 */ M | BYTE | IMM_B, M | IMM_B, D64 | IMM_W, D64, BAD, BAD, M | BYTE | IMM_B, M | IMM_Z,
    /* c8 */ D64 | IMM_WB, D64, IMM_W, 0, 0, IMM_B, BAD, 0,
    /* d0 */ M | BYTE, M, M | BYTE, M, BAD, BAD, BAD, 0, X8(M),
    /* e0 */ X4(D64 | IMM_B), BYTE | IMM_B, IMM_B, BYTE | IMM_B, IMM_B,
    /* e8 */ D64 | IMM_J, D64 | IMM_J, BAD, D64 | IMM_B, BYTE, 0, BYTE, 0,
    /* f0 */ BAD, 0, BAD, BAD, 0, 0, M | BYTE | IMM_GRP3, M | IMM_GRP3, X4(0), 0, 0, M | BYTE, M,
};

static const uint8_t map_0f[256] = {
    /* 00 */ M, M, M, M, BAD, 0, 0, 0, 0, 0, BAD, 0, BAD, M, 0, M | IMM_B,
    /* 10 */ X8(M), X8(M),
    /* 20 */ X4(M), X4(BAD), X8(M),
    /* 30 */ X4(0), 0, 0, BAD, 0, BAD, BAD, BAD, BAD, X4(BAD),
    /* 40 */ X8(M), X8(M),
    /* 50 */ X8(M), X8(M),
    /* 60 */ X8(M), X8(M),
    /* 70 */ X4(M | IMM_B), M, M, M, 0, M | IMM_BB, M, BAD, BAD, X4(M),
    /* 80 */ X8(D64 | IMM_J), X8(D64 | IMM_J),
    /* 90 setcc */ X8(M | BYTE), X8(M | BYTE),
    /* a0 */ D64, D64, 0, M, M | IMM_B, M, M, M, D64, D64, 0, M, M | IMM_B, M, M, M,
    /* b0 */ M | BYTE, M, M, M, M, M, M, M, M, M, M | IMM_B, M, X4(M),
    /* c0 */ M | BYTE, M, M | IMM_B, M, M | IMM_B, M | IMM_B, M | IMM_B, M, X8(0),
    /* d0 */ X8(M), X8(M),
    /* e0 */ X8(M), X8(M),
    /* f0 */ X8(M), X8(M),
};
/* clang-format on */

/* Reads the instruction's bytes; `bad` is set once and for all by reading behind the end. */
struct cursor {
    const uint8_t *p, *end;
    bool bad;
};

static uint64_t take(struct cursor *c, unsigned int bytes)
{
    uint64_t v = 0;

    if (unlikely((size_t)(c->end - c->p) < bytes)) {
        c->bad = true;
        return 0;
    }
    __builtin_memcpy(&v, c->p, 1);
    for (unsigned int i = 1; i < bytes; i++)
        v |= (uint64_t)c->p[i] << (8 * i);
    c->p += bytes;
    return v;
}

static int64_t take_signed(struct cursor *c, unsigned int bytes)
{
    unsigned int shift = 64 - 8 * bytes;

    return (int64_t)(take(c, bytes) << shift) >> shift;
}

/* Bits for each legacy prefix; 0 for bytes that are none. Segment overrides other than FS and GS only count
 * as a prefix. */
#define SEEN_NULL BIT(7)

static uint8_t prefix_bit(uint8_t b)
{
    switch (b) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
        return SEEN_NULL;
    case 0x66:
        return INSN_OPSIZE;
    case 0x67:
        return INSN_ADDRSIZE;
    case 0xf0:
        return INSN_LOCK;
    case 0xf2:
        return INSN_REPNE;
    case 0xf3:
        return INSN_REP;
    default:
        return 0;
    }
}

static void add_prefix(struct insn *i, uint8_t b, uint8_t bit)
{
    if (bit & (INSN_REP | INSN_REPNE))
        i->prefixes &= (uint8_t) ~(INSN_REP | INSN_REPNE);
    i->prefixes |= bit & (uint8_t)~SEEN_NULL;
    if (b == 0x64)
        i->segment = INSN_SEG_FS;
    else if (b == 0x65)
        i->segment = INSN_SEG_GS;
}

/* Prefixes and REX; the first byte of the opcode is returned. A REX that is not the last prefix is ignored.
 */
static __always_inline uint8_t take_prefixes(struct insn *i, struct cursor *c, enum insn_mode mode)
{
    for (;;) {
        uint8_t b = (uint8_t)take(c, 1), bit;

        if (mode == INSN_64BIT && (b & 0xf0) == 0x40) {
            i->rex = b;
            continue;
        }
        /* Most opcodes are behind the last prefix below f0 or below the first. */
        bit = prefix_bit(b);
        if (likely(!bit) || c->bad)
            return b;
        i->rex = 0;
        add_prefix(i, b, bit);
    }
}

/* One-byte opcodes that mean something else, or anything at all, outside of 64-bit code. LES, LDS and BOUND
 * are VEX and EVEX there too when ModRM names a register. */
static uint8_t legacy_attributes(uint8_t b, uint8_t next)
{
    switch (b) {
    case 0x06:
    case 0x0e:
    case 0x16:
    case 0x17:
    case 0x1e:
    case 0x1f:
    case 0x07:
    case 0x27:
    case 0x2f:
    case 0x37:
    case 0x3f:
    case 0x60:
    case 0x61:
    case 0xce:
    case 0xd6:
        return 0;
    case 0x82:
        return M | BYTE | IMM_B;
    case 0x62:
    case 0xc4:
    case 0xc5:
        return next < 0xc0 ? M : BAD;
    case 0xd4:
    case 0xd5:
        return IMM_B;
    default:
        return (b & 0xf0) == 0x40 ? 0 : map_1b[b];
    }
}

/* The opcode's attributes. */
static __always_inline uint8_t take_opcode(struct insn *i, struct cursor *c, uint8_t b, enum insn_mode mode)
{
    i->opcode = b;
    if (b != 0x0f)
        return mode == INSN_64BIT ? map_1b[b] : legacy_attributes(b, c->p < c->end ? *c->p : 0xff);
    i->opcode = (uint8_t)take(c, 1);
    i->map = INSN_MAP_0F;
    if (i->opcode == 0x38) {
        i->map = INSN_MAP_0F38;
        i->opcode = (uint8_t)take(c, 1);
        return M;
    }
    if (i->opcode == 0x3a) {
        i->map = INSN_MAP_0F3A;
        i->opcode = (uint8_t)take(c, 1);
        return M | IMM_B;
    }
    return map_0f[i->opcode];
}

static void take_sib(struct insn *i, struct cursor *c, uint8_t mod)
{
    uint8_t sib = (uint8_t)take(c, 1);

    i->scale = sib >> 6;
    i->index = ((sib >> 3) & 7) | (i->rex & 2 ? 8 : 0);
    if (i->index == 4)
        i->index = INSN_NO_REG;
    i->base = (sib & 7) | (i->rex & 1 ? 8 : 0);
    if ((sib & 7) == 5 && mod == 0) {
        i->base = INSN_NO_REG;
        i->disp = (int32_t)take(c, 4);
    }
}

/* mov to and from control and debug registers ignores mod: both operands are registers. */
static bool registers_only(const struct insn *i)
{
    return i->map == INSN_MAP_0F && (i->opcode & 0xfc) == 0x20;
}

/* 16-bit forms: bx or bp, si or di, and at most both. */
static void take_address16(struct insn *i, struct cursor *c, uint8_t rm, uint8_t mod)
{
    static const uint8_t base[8] = { 3, 3, 5, 5, 6, 7, 5, 3 };
    static const uint8_t index[4] = { 6, 7, 6, 7 };

    i->memory = true;
    i->base = base[rm];
    if (rm < 4)
        i->index = index[rm];
    if (rm == 6 && mod == 0)
        i->base = INSN_NO_REG;
    if (mod == 1)
        i->disp = (int8_t)take(c, 1);
    else if (mod == 2 || i->base == INSN_NO_REG)
        i->disp = (int16_t)take(c, 2);
}

static __always_inline void take_modrm(struct insn *i, struct cursor *c, enum insn_mode mode)
{
    uint8_t modrm = (uint8_t)take(c, 1), mod = modrm >> 6;

    i->has_modrm = true;
    i->reg = ((modrm >> 3) & 7) | (i->rex & 4 ? 8 : 0);
    i->rm = (modrm & 7) | (i->rex & 1 ? 8 : 0);
    if (mod == 3 || registers_only(i))
        return;
    if (mode != INSN_64BIT && i->addrsize == 2) {
        take_address16(i, c, modrm & 7, mod);
        return;
    }
    i->memory = true;
    if ((modrm & 7) == 4) {
        take_sib(i, c, mod);
    } else if ((modrm & 7) == 5 && mod == 0) {
        i->base = mode == INSN_64BIT ? INSN_REG_RIP : INSN_NO_REG;
        i->disp = (int32_t)take(c, 4);
    } else {
        i->base = i->rm;
    }
    if (mod == 1)
        i->disp = (int8_t)take(c, 1);
    else if (mod == 2)
        i->disp = (int32_t)take(c, 4);
}

static __always_inline void set_opsize(struct insn *i, uint8_t attr, enum insn_mode mode)
{
    if (attr & BYTE)
        i->opsize = 1;
    else if (mode != INSN_64BIT)
        i->opsize = !(i->prefixes & INSN_OPSIZE) == (mode == INSN_32BIT) ? 4 : 2;
    else if (i->rex & 8)
        i->opsize = 8;
    else if (i->prefixes & INSN_OPSIZE)
        i->opsize = 2;
    else
        i->opsize = attr & D64 ? 8 : 4;
}

static __always_inline void set_addrsize(struct insn *i, enum insn_mode mode)
{
    bool other = i->prefixes & INSN_ADDRSIZE;

    if (mode == INSN_64BIT)
        i->addrsize = other ? 4 : 8;
    else
        i->addrsize = other == (mode == INSN_32BIT) ? 2 : 4;
}

static __always_inline uint8_t imm_bytes(const struct insn *i, uint8_t attr, enum insn_mode mode)
{
    bool narrow = mode == INSN_16BIT ? !(i->prefixes & INSN_OPSIZE) : i->prefixes & INSN_OPSIZE;
    uint8_t z = narrow && !(i->rex & 8) ? 2 : 4;

    switch (attr & IMM_MASK) {
    case IMM_B:
        return 1;
    case IMM_Z:
        return z;
    case IMM_V:
        return i->opsize;
    case IMM_W:
        return 2;
    case IMM_WB:
        return 3;
    case IMM_MOFFS:
        return i->addrsize;
    case IMM_J:
        return mode == INSN_64BIT ? 4 : z;
    case IMM_GRP3:
        return (i->reg & 6) ? 0 : (attr & BYTE ? 1 : z);
    case IMM_BB:
        return i->prefixes & (INSN_OPSIZE | INSN_REPNE) ? 2 : 0;
    default:
        return 0;
    }
}

static __always_inline void take_immediate(struct insn *i, struct cursor *c, uint8_t attr,
                                           enum insn_mode mode)
{
    i->imm_bytes = imm_bytes(i, attr, mode);
    if (!i->imm_bytes)
        return;
    if ((attr & IMM_MASK) == IMM_WB || (attr & IMM_MASK) == IMM_MOFFS) {
        i->imm = (int64_t)take(c, i->imm_bytes);
        i->memory = (attr & IMM_MASK) == IMM_MOFFS;
    } else {
        i->imm = take_signed(c, i->imm_bytes);
    }
}

/* Encodings of other maps that share an opcode: XOP with pop r/m; the JMPE and group holes of 0F. */
static bool other_encoding(const struct insn *i)
{
    return i->map == INSN_MAP_1B && i->opcode == 0x8f && (i->reg & 7) != 0;
}

static __always_inline int decode(struct insn *i, const uint8_t *bytes, unsigned int len, enum insn_mode mode)
{
    struct cursor c = { .p = bytes, .end = bytes + min(len, (unsigned int)INSN_MAX_BYTES) };
    uint8_t attr;

    *i = (struct insn){ .base = INSN_NO_REG, .index = INSN_NO_REG };
    attr = take_opcode(i, &c, take_prefixes(i, &c, mode), mode);
    if (unlikely(c.bad || (attr & BAD)))
        return -EINVAL;
    set_addrsize(i, mode);
    if (attr & M)
        take_modrm(i, &c, mode);
    set_opsize(i, attr, mode);
    if (attr & IMM_MASK)
        take_immediate(i, &c, attr, mode);
    if (unlikely(c.bad || other_encoding(i)))
        return -EINVAL;
    i->length = (uint8_t)(c.p - bytes);
    return 0;
}

/* in and out without prefixes: kernels that look for devices execute hardly anything else, by ten thousands.
 */
static __always_inline bool decode_port_io(struct insn *i, const uint8_t *bytes, unsigned int len)
{
    bool immediate = !(bytes[0] & 8);

    if ((bytes[0] & 0xf4) != 0xe4 || len < 2)
        return false;
    *i = (struct insn){ .length = immediate ? 2 : 1,
                        .map = INSN_MAP_1B,
                        .opcode = bytes[0],
                        .addrsize = 8,
                        .opsize = bytes[0] & 1 ? 4 : 1,
                        .base = INSN_NO_REG,
                        .index = INSN_NO_REG,
                        .imm_bytes = immediate,
                        .imm = immediate ? (int8_t)bytes[1] : 0 };
    return true;
}

int insn_decode(struct insn *i, const uint8_t *bytes, unsigned int len)
{
    return len && decode_port_io(i, bytes, len) ? 0 : decode(i, bytes, len, INSN_64BIT);
}

int insn_decode_in(enum insn_mode mode, struct insn *i, const uint8_t *bytes, unsigned int len)
{
    switch (mode) {
    case INSN_16BIT:
        return decode(i, bytes, len, INSN_16BIT);
    case INSN_32BIT:
        return decode(i, bytes, len, INSN_32BIT);
    default:
        return decode(i, bytes, len, INSN_64BIT);
    }
}

/* struct regs has its own order. */
#define SLOT(reg) (offsetof(struct regs, reg) / sizeof(uint64_t))
static const uint8_t gpr_slot[16] = {
    SLOT(rax), SLOT(rcx), SLOT(rdx), SLOT(rbx), SLOT(rsp), SLOT(rbp), SLOT(rsi), SLOT(rdi),
    SLOT(r8),  SLOT(r9),  SLOT(r10), SLOT(r11), SLOT(r12), SLOT(r13), SLOT(r14), SLOT(r15),
};

uint64_t *regs_gpr(struct regs *r, unsigned int nr)
{
    return (uint64_t *)(void *)r + gpr_slot[nr & 15];
}

static uint64_t gpr_value(const struct regs *r, unsigned int nr)
{
    return ((const uint64_t *)(const void *)r)[gpr_slot[nr & 15]];
}

uint64_t insn_address(const struct insn *i, const struct regs *r)
{
    uint64_t a = (uint64_t)(int64_t)i->disp;

    if (!i->has_modrm)
        return (uint64_t)i->imm;
    if (i->base == INSN_REG_RIP)
        a += r->rip + i->length;
    else if (i->base != INSN_NO_REG)
        a += gpr_value(r, i->base);
    if (i->index != INSN_NO_REG)
        a += gpr_value(r, i->index) << i->scale;
    if (likely(i->addrsize == 8))
        return a;
    return i->addrsize == 4 ? (uint32_t)a : (uint16_t)a;
}

/* Numbers 4..7 at size 1 are ah, ch, dh, bh unless any REX is there. */
static bool high_byte(const struct insn *i, unsigned int nr, unsigned int size)
{
    return size == 1 && !i->rex && nr - 4 < 4;
}

uint64_t insn_reg_read(const struct insn *i, const struct regs *r, unsigned int nr, unsigned int size)
{
    if (high_byte(i, nr, size))
        return (gpr_value(r, nr - 4) >> 8) & 0xff;
    return size == 8 ? gpr_value(r, nr) : gpr_value(r, nr) & ((1ULL << (8 * size)) - 1);
}

void insn_reg_write(const struct insn *i, struct regs *r, unsigned int nr, unsigned int size, uint64_t value)
{
    uint64_t mask = size == 8 ? ~0ULL : (1ULL << (8 * size)) - 1, *slot;
    unsigned int shift = 0;

    if (high_byte(i, nr, size)) {
        nr -= 4;
        shift = 8;
    }
    slot = regs_gpr(r, nr);
    if (size == 4)
        *slot = value & mask;
    else
        *slot = (*slot & ~(mask << shift)) | (value & mask) << shift;
}
