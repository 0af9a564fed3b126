/* SPDX-License-Identifier: MIT */
/*
 * hvm_context_refused: registers of a hardware guest that no CPU can hold.
 *
 * What:     domctl sethvmcontext with MSRs that wrmsr would refuse.
 * Why:      on VT-x the hypervisor itself loads some of them when the vCPU comes to a CPU, and would fault.
 * Method:   one wrong register at a time; at last all right.
 * Expected: -EINVAL; the domain can still be started, runs, and is destroyed.
 * Xen:      not run: it takes them.
 */
#include "tests/guests/framework/guest.h"
#include "hvm_domain.h"

#define NOWHERE (1ull << 47) /* not canonical */

/* 32-bit protected mode, at address 0. */
static struct hvm_hw_cpu good(void)
{
    struct hvm_hw_cpu cpu = { .rflags = 2, .cr0 = 0x11, .dr6 = 0xffff0ff0, .dr7 = 0x400 };

    cpu.cs_limit = cpu.ds_limit = cpu.es_limit = cpu.ss_limit = cpu.fs_limit = cpu.gs_limit = ~0u;
    cpu.cs_arbytes = 0xc9b;
    cpu.ds_arbytes = cpu.es_arbytes = cpu.ss_arbytes = cpu.fs_arbytes = cpu.gs_arbytes = 0xc93;
    cpu.tr_arbytes = 0x8b;
    cpu.tr_limit = 0x67;
    return cpu;
}

static void check_refused(uint64_t *field, uint64_t value, const struct hvm_hw_cpu *cpu)
{
    *field = value;
    CHECK_EQ(hvm_domain_start(cpu, 1), -XEN_EINVAL);
    *field = 0;
}

/* A jump to itself. */
static void load_code(void)
{
    volatile uint8_t *code;

    hvm_domain_populate(0, 1, 0);
    code = hvm_domain_map(0, 0);
    code[0] = 0xeb;
    code[1] = 0xfe;
    hvm_domain_unmap(0);
}

static void test(void)
{
    struct hvm_hw_cpu cpu = good();
    unsigned int reason;

    if (!is_initial_domain() || !is_ryokan() || !hvm_domain_create(1, 1024)) {
        test_skip("only the initial domain may, where there are hardware guests");
        return;
    }
    load_code();
    check_refused(&cpu.msr_lstar, NOWHERE, &cpu);
    check_refused(&cpu.msr_cstar, NOWHERE, &cpu);
    check_refused(&cpu.shadow_gs, NOWHERE, &cpu);
    check_refused(&cpu.sysenter_esp, NOWHERE, &cpu);
    check_refused(&cpu.sysenter_eip, NOWHERE, &cpu);
    check_refused(&cpu.msr_syscall_mask, 1ull << 32, &cpu);
    CHECK_EQ(hvm_domain_start(&cpu, 1), 0);
    CHECK(!hvm_domain_has_ended(&reason));
    hvm_domain_destroy();
}

GUEST_TEST(test);
