/* SPDX-License-Identifier: MIT */
#include "hv/lib/vcpu_exits_abi.h"

const char *const hvm_exit_names[HVM_EXITS] = {
    [HVM_EXIT_INTERRUPT] = "interrupt",
    [HVM_EXIT_WINDOW] = "window",
    [HVM_EXIT_CPUID] = "cpuid",
    [HVM_EXIT_MSR] = "msr",
    [HVM_EXIT_HYPERCALL] = "hypercall",
    [HVM_EXIT_HLT] = "hlt",
    [HVM_EXIT_NESTED_FAULT] = "nested_fault",
    [HVM_EXIT_MMIO] = "mmio",
    [HVM_EXIT_IO] = "io",
    [HVM_EXIT_CONTROL_REGISTER] = "control_register",
    [HVM_EXIT_DEBUG_REGISTER] = "debug_register",
    [HVM_EXIT_EXCEPTION] = "exception",
    [HVM_EXIT_OTHER] = "other",
};
