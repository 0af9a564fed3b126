/* SPDX-License-Identifier: MIT */
/* From the entry point to main(), in order. */
#include "pvguest/archive.h"
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/entry.h"
#include "pvguest/event_channel.h"
#include "pvguest/libc.h"
#include "pvguest/memory.h"
#include "pvguest/panic.h"
#include "pvguest/pvh.h"
#include "pvguest/shared_info.h"
#include "pvguest/smp.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/timer.h"
#include "pvguest/trap.h"
#include <stdlib.h>
#include <xen/memory.h>

/* A page of the image whose mapping is replaced by the hypervisor's page. */
static char shared_info_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
struct shared_info *const shared_info = (struct shared_info *)shared_info_page;

void __libc_init_array(void);
int main(int argc, char **argv);

void shared_info_init(uint64_t machine_address)
{
    const uint64_t flags = 0x8000000000000063; /* present, writable, accessed, dirty, no-execute */

    if (guest_is_pvh) {
        if (pvh_add_to_physmap(XENMAPSPACE_shared_info, 0, virt_to_mfn(shared_info_page)))
            panic("start of day: cannot have shared_info mapped");
        return;
    }
    if (hypercall_update_va_mapping((unsigned long)shared_info_page, machine_address | flags, UVMF_INVLPG))
        panic("start of day: cannot map shared_info at machine address %#lx", machine_address);
}

/* The first thread. */
static void run_main(void *arg)
{
    char **argv;
    int argc;

    (void)arg;
    timer_init();
    console_init();
    libc_init();
    archive_init();
    argc = libc_parse_command_line((const char *)start_info->cmd_line, &argv);
    __libc_init_array();
    exit(main(argc, argv));
}

void start_of_day(struct start_info *si)
{
    time_start_tsc = rdtsc();
    smp_init_boot_cpu(&shared_info->vcpu_info[0]);
    shared_info_init(si->shared_info);
    start_info = si;
    console_early_init();
    trap_init();
    evtchn_init();
    memory_init(si);
    thread_init(run_main, NULL);
}
