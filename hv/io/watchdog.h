/* SPDX-License-Identifier: MIT */
/*
 * Finds a CPU that is stuck in the hypervisor. The PIT interrupts all CPUs 18 times a second by NMI, which
 * reaches them even while interrupts are off; a timer on each CPU says once a second that it still gets
 * around to its work. A CPU without that for watchdog_timeout= seconds is stuck: its registers and backtrace
 * are printed and the machine stops or reboots. Costs nothing unless `watchdog` is given.
 */
#ifndef HV_IO_WATCHDOG_H
#define HV_IO_WATCHDOG_H

/* Starts it if the command line asks for it. @pre all CPUs run, timers work, irq_init */
void watchdog_init(void);

#endif
