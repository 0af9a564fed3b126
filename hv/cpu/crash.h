/* SPDX-License-Identifier: MIT */
/* What is printed when something dies: registers, symbolised backtrace, trace records. */
#ifndef HV_CPU_CRASH_H
#define HV_CPU_CRASH_H

#include "hv/cpu/regs.h"

void show_registers(const struct regs *r);
void show_backtrace(const struct regs *r);
/* "symbol+0x12/0x80" into buf, or the bare address; returns buf. */
const char *symbol_name(uint64_t addr, char *buf, size_t n);
/* Symbol number i in the order of addresses; false behind the last one. */
bool symbol_by_index(uint32_t i, uint64_t *addr, const char **name);
/* The hypervisor itself failed: dump everything, then reboot or stop as the command line says. */
void __noreturn fatal_trap(const struct regs *r, const char *what);
void __noreturn machine_halt(void);   /* stop all CPUs for good */
void __noreturn machine_reboot(void); /* also when `noreboot` is given: callers check opt_noreboot */
void __noreturn machine_power_off(void);
/* After dom0 ended: act on its SHUTDOWN_* reason. */
void __noreturn hardware_domain_shutdown(unsigned int reason);

extern bool opt_noreboot;

#endif
