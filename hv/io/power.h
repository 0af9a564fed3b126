/* SPDX-License-Identifier: MIT */
/* The machine's end by ACPI: soft off and reset. machine_power_off() and machine_reboot() are declared in
 * hv/cpu/crash.h. */
#ifndef HV_IO_POWER_H
#define HV_IO_POWER_H

#include "hv/lib/types.h"

/*
 * Soft off with the values that dom0 found for the PM1 control registers (XENPF_enter_acpi_sleep); false when
 * there is no such register. Does not return when the machine obeys; returns true when it goes on after a
 * second.
 */
bool power_off_with(uint16_t pm1a, uint16_t pm1b);

#endif
