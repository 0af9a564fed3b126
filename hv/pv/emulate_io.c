/* SPDX-License-Identifier: MIT */
/*
 * Port I/O of PV guests. The guest's own rule comes first: virtual IOPL or the bitmap it set by
 * PHYSDEVOP_set_iobitmap, else #GP. Then the domain's: hv/io/domain_ports.h.
 */
#include "hv/pv/emulate.h"
#include "hv/cpu/alu.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/io/domain_ports.h"
#include "hv/mm/guest_access.h"
#include "hv/pv/pv.h"

/* Repetitions of a string instruction before events get a chance. */
#define STRING_BATCH 512

/* Bytes that a breakpoint covers, by its length field in DR7. */
static const uint8_t breakpoint_bytes[4] = { 1, 2, 8, 4 };

/* Bits of DR6 for the I/O breakpoints that [port, port + bytes) touches. */
static uint64_t io_breakpoints(const struct vcpu *v, uint32_t port, unsigned int bytes)
{
    uint64_t hit = 0;

    for (unsigned int i = 0; i < 4; i++) {
        uint64_t width = breakpoint_bytes[(v->pv.dr7 >> (18 + 4 * i)) & 3];

        if (((v->pv.dr7_io >> (2 * i)) & 3) && port < v->pv.dr[i] + width && v->pv.dr[i] < port + bytes)
            hit |= BIT(i);
    }
    return hit;
}

/* The bitmap lies in guest-kernel memory, which user page tables need not map. */
static bool read_bitmap(const struct vcpu *v, uint32_t port, uint8_t bits[2], unsigned int bytes)
{
    int rc;

    if (!v->pv.in_kernel)
        write_cr3(v->pv.kernel_table.m << PAGE_SHIFT);
    rc = copy_from_guest(bits, gva(v->pv.iobmp + port / 8), bytes);
    if (!v->pv.in_kernel)
        write_cr3(v->pv.cr3);
    return rc == 0;
}

static bool guest_allows(const struct vcpu *v, uint32_t port, unsigned int bytes)
{
    uint8_t bits[2] = { 0xff, 0xff };
    unsigned int shift = port & 7;

    if (emulate_iopl_ok(v))
        return true;
    if (port + bytes > v->pv.iobmp_limit || !read_bitmap(v, port, bits, shift + bytes > 8 ? 2 : 1))
        return false;
    return (((bits[0] | (uint32_t)bits[1] << 8) >> shift) & ((1u << bytes) - 1)) == 0;
}

/* in to a register; out of one. */
static enum emulation register_io(struct vcpu *v, struct regs *r, const struct insn *i, uint32_t port,
                                  unsigned int bytes)
{
    if (i->opcode & 2)
        domain_port_out(v->domain, port, bytes, (uint32_t)(r->rax & alu_mask(bytes)));
    else
        insn_reg_write(i, r, 0, bytes, domain_port_in(v->domain, port, bytes));
    return EMULATE_DONE;
}

static void advance(const struct insn *i, uint64_t *reg, int64_t by)
{
    *reg += (uint64_t)by;
    if (i->prefixes & INSN_ADDRSIZE)
        *reg = (uint32_t)*reg;
}

/* One item of ins or outs; false: a fault was delivered. ins goes to ES:rdi, outs comes from an overridable
 * DS:rsi. */
static bool string_item(struct vcpu *v, struct regs *r, const struct insn *i, uint32_t port,
                        unsigned int bytes)
{
    uint64_t address_mask = i->prefixes & INSN_ADDRSIZE ? 0xffffffffUL : ~0UL;
    int64_t step = r->rflags & X86_EFLAGS_DF ? -(int64_t)bytes : (int64_t)bytes;
    uint64_t base = 0;
    uint32_t value = 0;

    if (i->opcode & 2) {
        if (i->segment != INSN_SEG_NONE)
            base = rdmsr(i->segment == INSN_SEG_FS ? MSR_FS_BASE : MSR_GS_BASE);
        if (!emulate_read(base + (r->rsi & address_mask), &value, bytes))
            return false;
        domain_port_out(v->domain, port, bytes, value);
        advance(i, &r->rsi, step);
    } else {
        value = domain_port_in(v->domain, port, bytes);
        if (!emulate_write(r->rdi & address_mask, &value, bytes))
            return false;
        advance(i, &r->rdi, step);
    }
    return true;
}

static enum emulation string_io(struct vcpu *v, struct regs *r, const struct insn *i, uint32_t port,
                                unsigned int bytes)
{
    uint64_t count_mask = i->prefixes & INSN_ADDRSIZE ? 0xffffffffUL : ~0UL;

    if (!(i->prefixes & (INSN_REP | INSN_REPNE)))
        return string_item(v, r, i, port, bytes) ? EMULATE_DONE : EMULATE_DELIVERED;
    for (unsigned int n = 0; n < STRING_BATCH; n++) {
        if ((r->rcx & count_mask) == 0)
            return EMULATE_DONE;
        if (!string_item(v, r, i, port, bytes))
            return EMULATE_DELIVERED;
        r->rcx = (r->rcx - 1) & count_mask;
    }
    return r->rcx & count_mask ? EMULATE_REPEAT : EMULATE_DONE;
}

enum emulation emulate_port_io(struct vcpu *v, struct regs *r, const struct insn *i, uint64_t *dr6)
{
    bool string = i->opcode < 0x70;
    uint32_t port = i->imm_bytes ? (uint8_t)i->imm : (uint16_t)r->rdx;
    unsigned int bytes = i->opsize == 8 ? 4 : i->opsize;
    enum emulation result;

    if (!guest_allows(v, port, bytes))
        return EMULATE_FAULT;
    result = string ? string_io(v, r, i, port, bytes) : register_io(v, r, i, port, bytes);
    if (result == EMULATE_DONE && unlikely(v->pv.dr7_io))
        *dr6 |= io_breakpoints(v, port, bytes);
    return result;
}
