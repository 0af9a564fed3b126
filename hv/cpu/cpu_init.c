/* SPDX-License-Identifier: MIT */
#include "hv/cpu/cpu_init.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/msr_index.h"
#include "hv/cpu/smap.h"
#include "hv/io/console.h"
#include "hv/lib/cmdline.h"
#include "hv/lib/string.h"

bool opt_smap = true;
bool opt_smep = true;
boolean_param("smap", opt_smap);
boolean_param("smep", opt_smep);

static bool smap_on __ro_after_init;

struct smap_site {
    uint64_t addr, opcode;
};
extern const struct smap_site smap_sites_start[], smap_sites_end[];

/*
 * QEMU's TCG takes #PF on the stack of a guest's native iretq while SMAP is on (it reads the frame as the
 * supervisor), so guests that return with iretq die. Leave SMAP off there.
 */
void smap_enable(void)
{
    if (!host_cpu.smap || !opt_smap)
        return;
    if (host_cpu.tcg) {
        printk(LOG_INFO "SMAP: off, because QEMU's TCG breaks a guest's iretq with it\n");
        return;
    }
    for (const struct smap_site *s = smap_sites_start; s < smap_sites_end; s++) {
        uint8_t insn[3] = { 0x0f, 0x01, (uint8_t)s->opcode };

        memcpy((void *)s->addr, insn, sizeof(insn));
    }
    smap_on = true;
}

void cpu_init_features(void)
{
    uint64_t cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_DE;

    if (host_cpu.pge)
        cr4 |= CR4_PGE;
    if (host_cpu.smep && opt_smep)
        cr4 |= CR4_SMEP;
    if (smap_on)
        cr4 |= CR4_SMAP;
    if (host_cpu.umip)
        cr4 |= CR4_UMIP;
    if (host_cpu.fsgsbase)
        cr4 |= CR4_FSGSBASE;
    if (host_cpu.xsave)
        cr4 |= CR4_OSXSAVE;
    write_cr4(cr4);
    write_cr0(CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    wrmsr(MSR_PAT, PV_PAT);
    fpu_init_cpu();
}
