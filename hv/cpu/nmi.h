/* SPDX-License-Identifier: MIT */
/* Non-maskable interrupts: the watchdog's tick and requests to stop or to show a CPU's state. */
#ifndef HV_CPU_NMI_H
#define HV_CPU_NMI_H

#include "hv/cpu/regs.h"

/* Called on the NMI stack; may interrupt anything, so it takes no locks. */
void nmi_handle(struct regs *r);
/* The watchdog's part of an NMI (hv/io/watchdog.c), NULL while it is off; returns true when the NMI was its
 * tick. */
extern bool (*nmi_watchdog_tick)(const struct regs *r);
/* Ask all other CPUs, by NMI, to stop for good; they print nothing. Used once the machine is lost. */
void nmi_stop_others(void);

#endif
