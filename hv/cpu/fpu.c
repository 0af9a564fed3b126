/* SPDX-License-Identifier: MIT */
/*
 * FPU and extended state of vCPUs. SDM Vol. 1 ch. 13 (XSAVE), Vol. 2 FXSAVE.
 *
 * Saving is eager: state is stored when a vCPU leaves its CPU, so no register of one guest is ever live under
 * another. Loading is skipped when the registers still hold what this vCPU left here, which is the way
 * through the idle loop and back.
 *
 * The area always has the standard format for xfeature_mask. XSAVE and XRSTOR work under the guest's own
 * XCR0; components that a guest switches off by XSETBV are stored first and those it switches on are loaded,
 * so that no stale register shows up.
 */
#include "hv/cpu/fpu.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/domain/domain.h"
#include "hv/lib/bug.h"
#include "hv/lib/errno.h"
#include "hv/lib/string.h"
#include "hv/mm/heap.h"

uint64_t xfeature_mask __ro_after_init;
uint32_t xsave_size __ro_after_init = 512;

#define XCR0_X87    BIT(0)
#define XCR0_SSE    BIT(1)
#define XCR0_AVX    BIT(2)
#define XCR0_MPX    (BIT(3) | BIT(4))
#define XCR0_AVX512 (BIT(5) | BIT(6) | BIT(7))
/* Components that guests may use. MPX and PKRU are not offered to PV guests (hv/domain/cpuid_policy.c hides
 * them). */
#define XCR0_SUPPORTED (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

#define XSAVE_HEADER_OFFSET 512
#define FCW_DEFAULT         0x37f
#define MXCSR_DEFAULT       0x1f80
#define FXSAVE_MXCSR        24
#define FXSAVE_ST0          32
#define FXSAVE_XMM0         160
#define FXSAVE_BYTES        512
#define MXCSR_VALID         0xffffu

/* Whose state the registers of this CPU hold, and the XCR0 that is loaded. */
DEFINE_PER_CPU(struct vcpu *, fpu_owner);
DEFINE_PER_CPU(uint64_t, loaded_xcr0);

static void xsetbv(uint64_t v)
{
    __asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static void xsave(void *area, uint64_t mask)
{
    __asm__ volatile("xsave64 (%0)" ::"r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32)) : "memory");
}

static void xsaveopt(void *area, uint64_t mask)
{
    __asm__ volatile("xsaveopt64 (%0)" ::"r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}

static void xrstor(const void *area, uint64_t mask)
{
    __asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}

static void load_xcr0(uint64_t value)
{
    if (this_cpu(loaded_xcr0) == value)
        return;
    xsetbv(value);
    this_cpu(loaded_xcr0) = value;
}

void fpu_init_cpu(void)
{
    uint32_t a, b, c, d;

    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | (host_cpu.xsave ? CR4_OSXSAVE : 0));
    write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE);
    __asm__ volatile("fninit");
    if (!host_cpu.xsave)
        return;
    if (!xfeature_mask) {
        cpuid_count(13, 0, &a, &b, &c, &d);
        xfeature_mask = (a | ((uint64_t)d << 32)) & XCR0_SUPPORTED;
        if ((xfeature_mask & XCR0_AVX512) != XCR0_AVX512 || !(xfeature_mask & XCR0_AVX))
            xfeature_mask &= ~XCR0_AVX512;
    }
    load_xcr0(xfeature_mask);
    /* EBX: size for the components that are enabled in XCR0 now. */
    cpuid_count(13, 0, &a, &b, &c, &d);
    if (xsave_size > 512 && b != xsave_size)
        panic("CPU%u: XSAVE area of %u bytes, the boot CPU's has %u", this_cpu_id(), b, xsave_size);
    xsave_size = b;
}

int fpu_vcpu_init(struct vcpu *v)
{
    if (xsave_size > 2 * PAGE_SIZE)
        return -E2BIG;
    v->xsave = hv_zalloc(xsave_size);
    if (!v->xsave)
        return -ENOMEM;
    fpu_vcpu_reset(v);
    return 0;
}

void fpu_vcpu_free(struct vcpu *v)
{
    hv_free(v->xsave);
    v->xsave = NULL;
}

/* The state after FNINIT: an XSAVE header of zeros puts every component into its initial configuration. */
void fpu_vcpu_reset(struct vcpu *v)
{
    uint16_t fcw = FCW_DEFAULT;
    uint32_t mxcsr = MXCSR_DEFAULT;

    memset(v->xsave, 0, xsave_size);
    memcpy(v->xsave, &fcw, sizeof(fcw));
    memcpy((char *)v->xsave + FXSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
    v->xcr0 = xfeature_mask ? XCR0_X87 | XCR0_SSE : 0; /* what a guest finds on Xen, too */
    v->fpu_cpu = 0;
}

/* The components that may hold the guest's values: a guest needs no XCR0 to use SSE (CR4.OSFXSR is always
 * set), so that one is among them even if the guest's XCR0 lacks it. */
static uint64_t live_components(const struct vcpu *v)
{
    return v->xcr0 | XCR0_SSE;
}

/* Both need CR0.TS clear. */
static void fpu_store(struct vcpu *v)
{
    if (!xfeature_mask) {
        __asm__ volatile("fxsave64 (%0)" ::"r"(v->xsave) : "memory");
        return;
    }
    load_xcr0(live_components(v));
    if (host_cpu.xsaveopt)
        xsaveopt(v->xsave, ~0ULL);
    else
        xsave(v->xsave, ~0ULL);
}

static uint64_t stored_components(const struct vcpu *v)
{
    return *(const uint64_t *)((const char *)v->xsave + XSAVE_HEADER_OFFSET);
}

/* XRSTOR faults when the area holds a component that XCR0 lacks: load under the full XCR0 when the guest
 * switched one off. */
static void fpu_load(struct vcpu *v)
{
    if (!xfeature_mask) {
        __asm__ volatile("fxrstor64 (%0)" ::"r"(v->xsave) : "memory");
        return;
    }
    load_xcr0(unlikely(stored_components(v) & ~live_components(v)) ? xfeature_mask : live_components(v));
    xrstor(v->xsave, ~0ULL);
    load_xcr0(v->xcr0);
}

void fpu_switch_from(struct vcpu *v)
{
    __asm__ volatile("clts");
    fpu_store(v);
    v->fpu_cpu = this_cpu_id() + 1;
    this_cpu(fpu_owner) = v;
}

void fpu_switch_to(struct vcpu *v)
{
    __asm__ volatile("clts");
    if (xfeature_mask)
        load_xcr0(v->xcr0);
    if (this_cpu(fpu_owner) == v && v->fpu_cpu == this_cpu_id() + 1)
        return;
    fpu_load(v);
}

/* SDM Vol. 1 §13.3: x87 always; AVX needs SSE; AVX-512 is all three parts on top of AVX. */
static bool xcr0_valid(uint64_t x)
{
    if ((x & ~xfeature_mask) || !(x & XCR0_X87))
        return false;
    if ((x & XCR0_AVX) && !(x & XCR0_SSE))
        return false;
    if ((x & XCR0_AVX512) && ((x & XCR0_AVX512) != XCR0_AVX512 || !(x & XCR0_AVX)))
        return false;
    return true;
}

bool fpu_set_xcr0(struct vcpu *v, uint64_t value)
{
    uint64_t on, off, cr0;

    if (!xfeature_mask || !xcr0_valid(value))
        return false;
    on = value & ~live_components(v);
    off = v->xcr0 & ~value & ~XCR0_SSE;
    cr0 = read_cr0();
    __asm__ volatile("clts");
    if (off)
        xsave(v->xsave, off);
    load_xcr0(xfeature_mask);
    if (on)
        xrstor(v->xsave, on);
    load_xcr0(value);
    write_cr0(cr0);
    v->xcr0 = value;
    return true;
}

void fpu_sync_xcr0(struct vcpu *v)
{
    uint32_t lo, hi;

    if (!xfeature_mask)
        return;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    this_cpu(loaded_xcr0) = lo | (uint64_t)hi << 32;
    v->xcr0 = this_cpu(loaded_xcr0) & xfeature_mask;
}

void fpu_import_legacy(struct vcpu *v, const void *image)
{
    uint64_t components = xfeature_mask & (XCR0_X87 | XCR0_SSE);
    uint32_t mxcsr;

    fpu_vcpu_reset(v);
    memcpy(v->xsave, image, FXSAVE_BYTES);
    memcpy(&mxcsr, (char *)v->xsave + FXSAVE_MXCSR, sizeof(mxcsr));
    mxcsr &= MXCSR_VALID;
    memcpy((char *)v->xsave + FXSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
    if (xfeature_mask)
        memcpy((char *)v->xsave + XSAVE_HEADER_OFFSET, &components, sizeof(components));
}

/* XSAVE need not write what is in its initial configuration: the header tells which parts of the area are
 * stale. */
void fpu_export_legacy(const struct vcpu *v, void *image)
{
    uint16_t fcw = FCW_DEFAULT;
    char *to = image;

    memcpy(to, v->xsave, FXSAVE_BYTES);
    if (!xfeature_mask)
        return;
    if (!(stored_components(v) & XCR0_X87)) {
        memset(to, 0, FXSAVE_MXCSR);
        memcpy(to, &fcw, sizeof(fcw));
        memset(to + FXSAVE_ST0, 0, FXSAVE_XMM0 - FXSAVE_ST0);
    }
    if (!(stored_components(v) & XCR0_SSE))
        memset(to + FXSAVE_XMM0, 0, FXSAVE_BYTES - FXSAVE_XMM0);
}
