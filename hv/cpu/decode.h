/* SPDX-License-Identifier: MIT */
/* A decoder for x86 instructions with legacy encoding, in 64-bit code and in that of older modes. Pure: it
 * reads no guest state. SDM Vol. 2 ch. 2 and App. A. */
#ifndef HV_CPU_DECODE_H
#define HV_CPU_DECODE_H

#include "hv/cpu/regs.h"

#define INSN_MAX_BYTES 15

/* The default sizes of the code that the instruction stands in. */
enum insn_mode { INSN_16BIT, INSN_32BIT, INSN_64BIT };

enum insn_map {
    INSN_MAP_1B, /* one-byte opcodes */
    INSN_MAP_0F,
    INSN_MAP_0F38,
    INSN_MAP_0F3A,
};

#define INSN_LOCK     BIT(0)
#define INSN_REPNE    BIT(1) /* the last of F2 and F3 counts */
#define INSN_REP      BIT(2)
#define INSN_OPSIZE   BIT(3)
#define INSN_ADDRSIZE BIT(4)

enum insn_segment { INSN_SEG_NONE, INSN_SEG_FS, INSN_SEG_GS };

/* insn.base beside register numbers 0..15. */
#define INSN_NO_REG  16
#define INSN_REG_RIP 17

struct insn {
    uint8_t length;   /* bytes, all prefixes included */
    uint8_t map;      /* enum insn_map */
    uint8_t opcode;   /* last opcode byte */
    uint8_t rex;      /* 0x40..0x4f, or 0: none in effect */
    uint8_t prefixes; /* INSN_* */
    uint8_t segment;  /* enum insn_segment: overrides that mean nothing in 64-bit mode do not show */
    uint8_t addrsize; /* 2, 4, 8 */
    /* 1, 2, 4, 8: of integer instructions, but not of branches, the push of group 5, and system ones */
    uint8_t opsize;
    bool has_modrm;
    bool memory;         /* the r/m operand, or the moffs, is in memory */
    uint8_t reg;         /* ModRM.reg with REX.R: 0..15 */
    uint8_t rm;          /* ModRM.rm with REX.B, when !memory */
    uint8_t base, index; /* of the address: 0..15, INSN_NO_REG, base also INSN_REG_RIP */
    uint8_t scale;       /* shift, 0..3 */
    uint8_t imm_bytes;   /* 0: none */
    int32_t disp;
    int64_t imm; /* sign-extended; the offset of a moffs; enter: imm16 | imm8 << 16 */
};

/*
 * Decode the instruction at bytes[0..len). 0; -EINVAL: not an instruction of the supported encodings (VEX,
 * EVEX and XOP are not), or longer than len or 15 bytes. That an opcode decodes does not mean that the CPU
 * would execute it.
 */
int insn_decode(struct insn *i, const uint8_t *bytes, unsigned int len);
/* The same for code of another mode. In 16-bit and 32-bit code far branches with an immediate are not taken.
 */
int insn_decode_in(enum insn_mode mode, struct insn *i, const uint8_t *bytes, unsigned int len);

/* Offset of the memory operand, without the segment base. `r` is the state at the instruction. @pre i->memory
 */
uint64_t insn_address(const struct insn *i, const struct regs *r);

/* General register `nr` as the instruction sees it: ah..bh without REX at size 1; a 4-byte write clears the
 * upper half. */
uint64_t insn_reg_read(const struct insn *i, const struct regs *r, unsigned int nr, unsigned int size);
void insn_reg_write(const struct insn *i, struct regs *r, unsigned int nr, unsigned int size, uint64_t value);

/* General register by number (0 rax, 1 rcx, ... 15 r15). */
uint64_t *regs_gpr(struct regs *r, unsigned int nr);

#endif
