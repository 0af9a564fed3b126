/* SPDX-License-Identifier: MIT */
/* unit-sources: hv/cpu/decode.c */
/* unit-libs: -lZydis */
/*
 * The instruction decoder against Zydis. What: each instruction with legacy encoding that Zydis accepts is
 * accepted, with the same length, prefixes, operands and operand size, and the same address for random
 * registers. Method: millions of byte strings, half of them random, half built from a prefix, a REX and an
 * opcode, so that every opcode of every map is met with every prefix.
 */
#include "hv/lib/types.h"
#include "hv/cpu/decode.h"
#include <Zydis/Zydis.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define RANDOM_ROUNDS 3000000

static uint64_t seed = 0x9e3779b97f4a7c15ULL;
static ZydisDecoder decoder;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void random_bytes(uint8_t *p, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        p[i] = (uint8_t)(next_random() >> 32);
}

/* Registers of the test: both sides get the same values. */
static struct regs regs;
static ZydisRegisterContext zregs;

static void random_registers(void)
{
    for (unsigned int nr = 0; nr < 16; nr++) {
        uint64_t v = next_random();

        *regs_gpr(&regs, nr) = v;
        zregs.values[ZYDIS_REGISTER_RAX + nr] = v;
        zregs.values[ZYDIS_REGISTER_EAX + nr] = (uint32_t)v;
    }
    regs.rip = next_random() & 0x7fffffffffff;
}

static const char *hex(const uint8_t *b, unsigned int n)
{
    static char text[64];

    for (unsigned int i = 0; i < n; i++)
        snprintf(text + 3 * i, 4, "%02x ", b[i]);
    return text;
}

static unsigned int map_of(const ZydisDecodedInstruction *z)
{
    switch (z->opcode_map) {
    case ZYDIS_OPCODE_MAP_DEFAULT:
        return INSN_MAP_1B;
    case ZYDIS_OPCODE_MAP_0F:
        return INSN_MAP_0F;
    case ZYDIS_OPCODE_MAP_0F38:
        return INSN_MAP_0F38;
    default:
        return INSN_MAP_0F3A;
    }
}

/* The operand that ModRM, or the offset of a0..a3, puts in memory. */
static const ZydisDecodedOperand *memory_operand(const ZydisDecodedInstruction *z,
                                                 const ZydisDecodedOperand *ops)
{
    for (unsigned int i = 0; i < z->operand_count; i++)
        if (ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
            ops[i].visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT)
            return &ops[i];
    return NULL;
}

/* Instructions of the one-byte map whose operand size is a fact about the encoding: not branches, x87,
 * strings of their own rules, far transfers. */
static bool opsize_defined(const ZydisDecodedInstruction *z)
{
    uint8_t op = z->opcode;

    if (z->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
        return op < 0x40 || op == 0x69 || op == 0x6b || (op >= 0x80 && op <= 0x8b) ||
               (op >= 0xa0 && op <= 0xaf) || (op >= 0xb0 && op <= 0xbf) || op == 0xc0 || op == 0xc1 ||
               ((op == 0xc6 || op == 0xc7) && z->raw.modrm.reg == 0) || (op >= 0xd0 && op <= 0xd3) ||
               op == 0xf6 || op == 0xf7 || op == 0xfe || (op == 0xff && z->raw.modrm.reg < 2);
    if (z->opcode_map == ZYDIS_OPCODE_MAP_0F)
        return (op >= 0x40 && op <= 0x4f) || (op >= 0x90 && op <= 0x9f) || op == 0xa3 || op == 0xab ||
               op == 0xb0 || op == 0xb1 || op == 0xb3 || op == 0xba || op == 0xbb || op == 0xc0 || op == 0xc1;
    return false;
}

/* Zydis 4.0 lets REX.B make r13 of a base that is not there (SIB base 5 with mod 0); the SDM says that the
 * bit is not decoded. */
static bool zydis_base_defect(const ZydisDecodedInstruction *z)
{
    return (z->attributes & ZYDIS_ATTRIB_HAS_SIB) && z->raw.sib.base == 5 && z->raw.modrm.mod == 0 &&
           z->raw.rex.B;
}

static void check_address(const struct insn *i, const ZydisDecodedInstruction *z,
                          const ZydisDecodedOperand *op, const uint8_t *bytes)
{
    uint64_t want = 0;

    zregs.values[ZYDIS_REGISTER_RIP] = regs.rip;
    zregs.values[ZYDIS_REGISTER_EIP] = (uint32_t)regs.rip;
    if (!ZYAN_SUCCESS(ZydisCalcAbsoluteAddressEx(z, op, regs.rip, &zregs, &want)))
        return;
    cr_assert_eq(insn_address(i, &regs), want, "address of %s: %lx, Zydis %lx", hex(bytes, z->length),
                 insn_address(i, &regs), want);
}

static unsigned int expected_segment(const ZydisDecodedInstruction *z)
{
    if (z->attributes & ZYDIS_ATTRIB_HAS_SEGMENT_FS)
        return INSN_SEG_FS;
    return z->attributes & ZYDIS_ATTRIB_HAS_SEGMENT_GS ? INSN_SEG_GS : INSN_SEG_NONE;
}

static void check_operands(const struct insn *i, const ZydisDecodedInstruction *z,
                           const ZydisDecodedOperand *ops, const uint8_t *bytes)
{
    const ZydisDecodedOperand *mem = memory_operand(z, ops);
    bool has_modrm = z->attributes & ZYDIS_ATTRIB_HAS_MODRM;

    cr_assert_eq(i->has_modrm, has_modrm, "ModRM of %s", hex(bytes, z->length));
    if (has_modrm) {
        cr_assert_eq(i->reg & 7, z->raw.modrm.reg, "reg of %s", hex(bytes, z->length));
        cr_assert_eq(i->memory, mem != NULL || (z->mnemonic == ZYDIS_MNEMONIC_NOP && z->raw.modrm.mod != 3),
                     "memory operand of %s", hex(bytes, z->length));
        if (!i->memory)
            cr_assert_eq(i->rm & 7, z->raw.modrm.rm, "rm of %s", hex(bytes, z->length));
    }
    if (mem && i->memory && mem->mem.type != ZYDIS_MEMOP_TYPE_MIB && !zydis_base_defect(z)) {
        check_address(i, z, mem, bytes);
        if (mem->mem.type == ZYDIS_MEMOP_TYPE_MEM)
            cr_assert_eq(i->segment, expected_segment(z), "segment of %s", hex(bytes, z->length));
    }
    if (opsize_defined(z))
        cr_assert_eq(i->opsize * 8, z->operand_width, "operand size of %s: %u, Zydis %u",
                     hex(bytes, z->length), i->opsize * 8, z->operand_width);
}

static void check_immediate(const struct insn *i, const ZydisDecodedInstruction *z, const uint8_t *bytes)
{
    const struct ZydisDecodedInstructionRawImm_ *imm = &z->raw.imm[0];
    uint64_t mask;

    if (z->raw.imm[1].size || i->memory != !!(z->attributes & ZYDIS_ATTRIB_HAS_MODRM))
        return; /* enter and extrq have two; an offset counts as displacement in Zydis */
    cr_assert_eq(i->imm_bytes * 8, imm->size, "immediate size of %s", hex(bytes, z->length));
    if (!imm->size)
        return;
    mask = imm->size == 64 ? ~0ULL : (1ULL << imm->size) - 1;
    cr_assert_eq((uint64_t)i->imm & mask, imm->value.u & mask, "immediate of %s", hex(bytes, z->length));
}

/* True when the bytes are an instruction that both must know. */
static bool check(const uint8_t *bytes, unsigned int len)
{
    ZydisDecodedInstruction z;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
    struct insn i;
    int rc = insn_decode(&i, bytes, len);

    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, len, &z, ops)))
        return false;
    if (z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) {
        cr_assert(z.encoding == ZYDIS_INSTRUCTION_ENCODING_3DNOW || rc != 0,
                  "VEX or XOP taken for legacy: %s", hex(bytes, z.length));
        return false;
    }
    cr_assert_eq(rc, 0, "refused: %s", hex(bytes, z.length));
    cr_assert_eq(i.length, z.length, "length of %s: %u", hex(bytes, z.length), i.length);
    cr_assert_eq(i.map, map_of(&z), "map of %s", hex(bytes, z.length));
    cr_assert_eq(i.opcode, z.opcode, "opcode of %s", hex(bytes, z.length));
    cr_assert_eq(!!(i.prefixes & INSN_LOCK), !!(z.attributes & ZYDIS_ATTRIB_HAS_LOCK), "lock of %s",
                 hex(bytes, z.length));
    check_operands(&i, &z, ops, bytes);
    check_immediate(&i, &z, bytes);
    return true;
}

static void init_decoder(void)
{
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    random_registers();
}

TestSuite(decode, .init = init_decoder);

Test(decode, random_bytes)
{
    uint8_t b[15];
    unsigned int known = 0;

    for (unsigned int n = 0; n < RANDOM_ROUNDS; n++) {
        random_bytes(b, sizeof(b));
        known += check(b, sizeof(b));
        if (n % 1000 == 0)
            random_registers();
    }
    cr_assert_gt(known, RANDOM_ROUNDS / 2, "only %u of the random strings were instructions", known);
}

/* Every opcode of each map with every choice of one prefix, REX or none, and random ModRM and rest. */
Test(decode, every_opcode)
{
    static const uint8_t prefixes[] = { 0, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x64, 0x65, 0x2e, 0x36 };
    static const uint8_t escapes[][3] = { { 0 }, { 1, 0x0f }, { 2, 0x0f, 0x38 }, { 2, 0x0f, 0x3a } };
    unsigned int known = 0;

    for (unsigned int map = 0; map < 4; map++)
        for (unsigned int opcode = 0; opcode < 256; opcode++)
            for (unsigned int n = 0; n < 2000; n++) {
                uint8_t b[15], len = 0, prefix = prefixes[n % sizeof(prefixes)];

                random_bytes(b, sizeof(b));
                if (prefix)
                    b[len++] = prefix;
                if (n & 16)
                    b[len++] = 0x40 | (b[14] & 15);
                memcpy(b + len, &escapes[map][1], escapes[map][0]);
                b[len + escapes[map][0]] = (uint8_t)opcode;
                known += check(b, sizeof(b));
            }
    cr_assert_gt(known, 500000, "only %u were instructions", known);
}

/* Cut short at each length: the same answer as with all bytes, or a refusal, and no byte read behind the end.
 */
Test(decode, truncated)
{
    for (unsigned int n = 0; n < 200000; n++) {
        uint8_t b[15];
        struct insn whole, part;

        random_bytes(b, sizeof(b));
        if (insn_decode(&whole, b, sizeof(b)))
            continue;
        for (unsigned int len = 0; len < whole.length; len++) {
            uint8_t *exact = malloc(len + !len);

            memcpy(exact, b, len);
            cr_assert_neq(insn_decode(&part, exact, len), 0, "%s decoded from %u bytes", hex(b, whole.length),
                          len);
            free(exact);
        }
        cr_assert_eq(insn_decode(&part, b, whole.length), 0);
        cr_assert_eq(memcmp(&part, &whole, sizeof(part)), 0);
    }
}

/* mov rax, [rbp*2 + 0x1000] with a REX.B that means nothing. */
Test(decode, no_base_with_rex_b)
{
    static const uint8_t b[] = { 0x49, 0x8b, 0x04, 0x6d, 0x00, 0x10, 0x00, 0x00 };
    struct insn i;

    cr_assert_eq(insn_decode(&i, b, sizeof(b)), 0);
    cr_assert_eq(i.base, INSN_NO_REG);
    cr_assert_eq(insn_address(&i, &regs), 2 * regs.rbp + 0x1000);
}

/* Code of older modes: lengths, operands and addresses as there, where a REX is an increment. */

static unsigned int register_nr(ZydisRegister r)
{
    if (r >= ZYDIS_REGISTER_AX && r <= ZYDIS_REGISTER_R15W)
        return r - ZYDIS_REGISTER_AX;
    return r >= ZYDIS_REGISTER_EAX && r <= ZYDIS_REGISTER_R15D ? r - ZYDIS_REGISTER_EAX : INSN_NO_REG;
}

static void check_legacy_operands(const struct insn *i, const ZydisDecodedInstruction *z,
                                  const ZydisDecodedOperand *ops, const uint8_t *bytes)
{
    const ZydisDecodedOperand *mem = memory_operand(z, ops);

    cr_assert_eq(i->addrsize * 8, z->address_width, "address size of %s", hex(bytes, z->length));
    if (i->has_modrm)
        cr_assert_eq(i->reg, z->raw.modrm.reg, "reg of %s", hex(bytes, z->length));
    if (opsize_defined(z))
        cr_assert_eq(i->opsize * 8, z->operand_width, "operand size of %s: %u, Zydis %u",
                     hex(bytes, z->length), i->opsize * 8, z->operand_width);
    if (!mem || !i->has_modrm || mem->mem.type == ZYDIS_MEMOP_TYPE_MIB)
        return;
    cr_assert(i->memory, "memory operand of %s", hex(bytes, z->length));
    cr_assert_eq(i->base, register_nr(mem->mem.base), "base of %s", hex(bytes, z->length));
    cr_assert_eq(i->index, register_nr(mem->mem.index), "index of %s", hex(bytes, z->length));
    cr_assert_eq(i->index == INSN_NO_REG ? 0 : 1U << i->scale, mem->mem.scale, "scale of %s",
                 hex(bytes, z->length));
    cr_assert_eq(i->disp, (int32_t)mem->mem.disp.value, "displacement of %s", hex(bytes, z->length));
}

static bool check_legacy(enum insn_mode mode, const uint8_t *bytes, unsigned int len)
{
    ZydisDecodedInstruction z;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
    struct insn i;
    int rc = insn_decode_in(mode, &i, bytes, len);

    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, len, &z, ops)) ||
        z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
        return false;
    if (z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && (z.opcode == 0x9a || z.opcode == 0xea)) {
        cr_assert_neq(rc, 0, "far branch taken: %s", hex(bytes, z.length));
        return false;
    }
    cr_assert_eq(rc, 0, "refused: %s", hex(bytes, z.length));
    cr_assert_eq(i.length, z.length, "length of %s: %u", hex(bytes, z.length), i.length);
    cr_assert_eq(i.map, map_of(&z), "map of %s", hex(bytes, z.length));
    cr_assert_eq(i.opcode, z.opcode, "opcode of %s", hex(bytes, z.length));
    check_legacy_operands(&i, &z, ops, bytes);
    check_immediate(&i, &z, bytes);
    return true;
}

static void legacy_mode(enum insn_mode mode, ZydisMachineMode machine, ZydisStackWidth stack)
{
    uint8_t b[15];
    unsigned int known = 0;

    ZydisDecoderInit(&decoder, machine, stack);
    for (unsigned int n = 0; n < RANDOM_ROUNDS / 2; n++) {
        random_bytes(b, sizeof(b));
        if (n & 1)
            b[0] = n & 2 ? 0x66 : 0x67;
        known += check_legacy(mode, b, sizeof(b));
    }
    cr_assert_gt(known, RANDOM_ROUNDS / 4, "only %u of the random strings were instructions", known);
}

Test(decode, code_of_32_bits)
{
    legacy_mode(INSN_32BIT, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
}

Test(decode, code_of_16_bits)
{
    legacy_mode(INSN_16BIT, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
}

/* mov ax, [bp+si-1] in 16-bit code wraps at 64 KiB. */
Test(decode, address_of_16_bits)
{
    static const uint8_t b[] = { 0x8b, 0x42, 0xff };
    struct regs r = { .rbp = 0x12340000, .rsi = 0 };
    struct insn i;

    cr_assert_eq(insn_decode_in(INSN_16BIT, &i, b, sizeof(b)), 0);
    cr_assert_eq(insn_address(&i, &r), 0xffff);
}

Test(decode, registers)
{
    struct regs r = { .rax = 0x1122334455667788, .rsp = 0x99aabbccddeeff00 };
    struct insn plain = { 0 }, rex = { .rex = 0x40 };

    cr_assert_eq(insn_reg_read(&plain, &r, 0, 1), 0x88);
    cr_assert_eq(insn_reg_read(&plain, &r, 4, 1), 0x77, "number 4 is ah without REX");
    cr_assert_eq(insn_reg_read(&rex, &r, 4, 1), 0x00, "and spl with it");
    cr_assert_eq(insn_reg_read(&plain, &r, 0, 4), 0x55667788);
    insn_reg_write(&plain, &r, 4, 1, 0xabcd);
    cr_assert_eq(r.rax, 0x112233445566cd88);
    insn_reg_write(&plain, &r, 0, 2, 0xffff);
    cr_assert_eq(r.rax, 0x112233445566ffff);
    insn_reg_write(&plain, &r, 0, 4, 0x1ffffffff);
    cr_assert_eq(r.rax, 0xffffffff, "a 4-byte write clears the upper half");
    insn_reg_write(&rex, &r, 4, 8, 1);
    cr_assert_eq(r.rsp, 1);
}
