/* SPDX-License-Identifier: MIT */
/* What entry.S and head.S share with the C sources; for the library itself. */
#ifndef PVGUEST_ENTRY_H
#define PVGUEST_ENTRY_H

#include <stdint.h>
#include <xen/xen.h>

struct trap_frame;

struct trap_stub {
    uint8_t code[16];
};

extern const struct trap_stub trap_stubs[256];
void event_callback(void);
void failsafe_callback(void);
void thread_switch(unsigned long *save_sp, unsigned long load_sp);
void thread_entry(void);
/* Sleeps until an event comes. Called and returns with upcalls masked: the event is still to be taken, by
 * evtchn_take(). */
void cpu_idle(void);
extern char boot_stack_guard[], boot_stack_top[];

/* Called from assembly. */
void trap_dispatch(struct trap_frame *frame);
void evtchn_upcall(void);
void start_of_day(struct start_info *si);

/* The 32 entries for the hypervisor's trap table, also for further vCPUs. */
void trap_fill_table(struct trap_info *table);

#endif
