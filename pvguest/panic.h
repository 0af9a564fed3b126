/* SPDX-License-Identifier: MIT */
/* The end of the guest, wanted or not. */
#ifndef PVGUEST_PANIC_H
#define PVGUEST_PANIC_H

struct trap_frame;

/* Prints the message and a backtrace on the console, then ends the domain with SHUTDOWN_crash. Any context.
 */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Ends the domain: reason is SHUTDOWN_poweroff, _reboot, _crash ... (<xen/sched.h>). In the initial domain
 * this ends or restarts the whole machine. Does not flush stdio: exit() does. Any context. */
void domain_shutdown(unsigned int reason) __attribute__((noreturn));

/* Prints that code address and the return addresses found from the frame pointer upwards, with their
 * functions' names. */
void backtrace(unsigned long rip, unsigned long rbp);

/* Prints words of the stack from rsp upwards. */
void stack_dump(unsigned long rsp);

#endif
