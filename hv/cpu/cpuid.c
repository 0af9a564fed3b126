/* SPDX-License-Identifier: MIT */
/* Detection of the host's CPU. SDM Vol. 2 CPUID, APM Vol. 3 App. E; hypervisor leaves: the convention at
 * 0x40000000. */
#include "hv/cpu/cpuid.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/lib/bug.h"
#include "hv/lib/string.h"

struct host_cpu host_cpu __ro_after_init;

struct leaf {
    uint32_t a, b, c, d;
};

static __init struct leaf cpuid_leaf(uint32_t leaf, uint32_t sub)
{
    struct leaf l;

    cpuid_count(leaf, sub, &l.a, &l.b, &l.c, &l.d);
    return l;
}

/* The 12-character name that leaves 0 and 0x40000000 hold in three registers. */
static __init void leaf_name(char name[13], uint32_t w0, uint32_t w1, uint32_t w2)
{
    memcpy(name, &w0, 4);
    memcpy(name + 4, &w1, 4);
    memcpy(name + 8, &w2, 4);
    name[12] = '\0';
}

static __init void detect_vendor(void)
{
    struct leaf l = cpuid_leaf(0, 0);

    host_cpu.max_leaf = l.a;
    leaf_name(host_cpu.vendor, l.b, l.d, l.c);
    host_cpu.intel = strcmp(host_cpu.vendor, "GenuineIntel") == 0;
    host_cpu.amd = strcmp(host_cpu.vendor, "AuthenticAMD") == 0;
    host_cpu.hygon = strcmp(host_cpu.vendor, "HygonGenuine") == 0;
    host_cpu.centaur = strcmp(host_cpu.vendor, "CentaurHauls") == 0;
}

/* Leaf 1 and what depends on it; TCG tells its name behind the hypervisor bit. */
static __init void detect_basic(void)
{
    struct leaf l = cpuid_leaf(1, 0);
    uint32_t base_family = (l.a >> 8) & 15;

    host_cpu.stepping = l.a & 15;
    host_cpu.family = base_family == 15 ? 15 + ((l.a >> 20) & 0xff) : base_family;
    host_cpu.model = ((l.a >> 4) & 15) | (base_family >= 6 ? ((l.a >> 12) & 0xf0) : 0);
    host_cpu.pge = l.d & BIT(13);
    host_cpu.sysenter = l.d & BIT(11);
    host_cpu.mwait = l.c & BIT(3);
    host_cpu.vmx = l.c & BIT(5);
    host_cpu.pcid = l.c & BIT(17);
    host_cpu.x2apic = l.c & BIT(21);
    host_cpu.tsc_deadline = l.c & BIT(24);
    host_cpu.xsave = l.c & BIT(26);
    host_cpu.rdrand = l.c & BIT(30);
    if (!(l.d & BIT(24)) || !(l.d & BIT(26)))
        panic("CPU: FXSR and SSE2 are needed");
    if (l.c & BIT(31)) {
        struct leaf h = cpuid_leaf(0x40000000, 0);
        char name[13];

        leaf_name(name, h.b, h.c, h.d);
        host_cpu.tcg = strcmp(name, "TCGTCGTCGTCG") == 0;
    }
}

/* Below another hypervisor, which stands at 0x40000000 then, TCG is known by the name of its own CPU model.
 */
static __init bool named_tcg(void)
{
    static const char tcg[] = "QEMU TCG CPU";
    struct leaf l;

    if (host_cpu.max_ext_leaf < 0x80000004)
        return false;
    l = cpuid_leaf(0x80000002, 0);
    return memcmp(&l, tcg, sizeof(tcg) - 1) == 0;
}

static __init void detect_structured(void)
{
    struct leaf l;

    if (host_cpu.max_leaf >= 7) {
        l = cpuid_leaf(7, 0);
        host_cpu.fsgsbase = l.b & BIT(0);
        host_cpu.smep = l.b & BIT(7);
        host_cpu.invpcid = l.b & BIT(10);
        host_cpu.smap = l.b & BIT(20);
        host_cpu.umip = l.c & BIT(2);
        host_cpu.pku = l.c & BIT(3);
    }
    if (host_cpu.xsave && host_cpu.max_leaf >= 13) {
        l = cpuid_leaf(13, 1);
        host_cpu.xsaveopt = l.a & BIT(0);
        host_cpu.xsavec = l.a & BIT(1);
    } else {
        host_cpu.xsave = false;
    }
}

/* SDM Vol. 4, IA32_ARCH_CAPABILITIES: what newer CPUs say of themselves, and hypervisors of those below. */
static __init void detect_l1tf(void)
{
    uint32_t features = host_cpu.max_leaf >= 7 ? cpuid_leaf(7, 0).d : 0;
    uint64_t said = features & BIT(29) ? rdmsr(MSR_ARCH_CAPS) : 0;

    host_cpu.l1tf = host_cpu.intel && host_cpu.family == 6 && !(said & ARCH_RDCL_NO);
    host_cpu.l1d_flush = host_cpu.l1tf && (features & BIT(28)) && !(said & ARCH_SKIP_L1DFL_VMENTRY);
}

static __init void detect_extended(void)
{
    struct leaf l;

    host_cpu.max_ext_leaf = cpuid_leaf(0x80000000, 0).a;
    if (host_cpu.max_ext_leaf < 0x80000001 || host_cpu.max_ext_leaf > 0x8000ffff)
        panic("CPU: no extended CPUID leaves, so no long mode");
    host_cpu.tcg |= named_tcg();
    l = cpuid_leaf(0x80000001, 0);
    host_cpu.syscall = l.d & BIT(11);
    host_cpu.nx = l.d & BIT(20);
    host_cpu.page1gb = l.d & BIT(26);
    host_cpu.rdtscp = l.d & BIT(27);
    host_cpu.svm = l.c & BIT(2);
    if (!(l.d & BIT(29)) || !host_cpu.syscall)
        panic("CPU: long mode with SYSCALL is needed");
    if (!host_cpu.nx)
        panic("CPU: the NX bit is needed (switched off in the firmware?)");
    host_cpu.phys_bits = 36;
    host_cpu.virt_bits = 48;
    if (host_cpu.max_ext_leaf >= 0x80000007)
        host_cpu.tsc_invariant = cpuid_leaf(0x80000007, 0).d & BIT(8);
    if (host_cpu.max_ext_leaf >= 0x80000008) {
        l = cpuid_leaf(0x80000008, 0);
        host_cpu.phys_bits = (uint8_t)l.a;
        host_cpu.virt_bits = (uint8_t)(l.a >> 8);
    }
}

__init void host_cpu_detect(void)
{
    detect_vendor();
    detect_basic();
    detect_structured();
    detect_extended();
    detect_l1tf();
}
