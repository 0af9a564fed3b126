/* SPDX-License-Identifier: MIT */
/*
 * The bench guest: the same binary on Ryokan and on Debian's Xen 4.17, in the initial domain's place. Meant
 * for QEMU with -icount shift=0,sleep=off and one CPU, where results repeat exactly; two vCPUs for the
 * switches. With the command line "2", and two CPUs, it measures what differs there, in nanoseconds.
 */
#include "tests/bench/guest/bench.h"
#include "tests/guests/framework/guest.h"

void guest_main(start_info_t *si);

void bench_report(const char *name, uint64_t value)
{
    print("BENCH %s %lu instructions\n", name, value);
}

void bench_report_ns(const char *name, uint64_t value)
{
    print("BENCH %s %lu ns\n", name, value);
}

static void bench_one_cpu(void)
{
    bench_calls();
    bench_events();
    bench_memory();
    bench_traps();
    bench_grants();
    bench_tables();
    bench_switches(false);
    bench_domains(false);
}

void guest_main(start_info_t *si)
{
    guest_init(si);
    print("Bench guest\n");
    if (start_info->cmd_line[0] == '2') {
        bench_switches(true);
        bench_domains(true);
    } else {
        bench_one_cpu();
    }
    print("Bench done\n");
    print("Test result: SUCCESS\n");
    test_shutdown(SHUTDOWN_poweroff);
}
