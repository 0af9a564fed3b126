/* SPDX-License-Identifier: MIT */
#include "dom0_tools/system/system.h"
#include "dom0_tools/xc/host.h"
#include "dom0_tools/xl/format.h"
#include "pvguest/memory.h"
#include "pvguest/panic.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/xen_errno.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xen/sched.h>

/* For commands without arguments: says so if there is one. */
static bool too_many(int argc, char **argv, int allowed)
{
    if (argc - 1 <= allowed)
        return false;
    fprintf(stderr, "%s: '%s' is one argument too many\n", argv[0], argv[allowed + 1]);
    return true;
}

static int run_date(int argc, char **argv)
{
    const char *format = "%a %b %e %H:%M:%S UTC %Y";
    time_t now = time(NULL);
    char text[256];

    if (too_many(argc, argv, 1))
        return COMMAND_USAGE;
    if (argc == 2 && argv[1][0] != '+') {
        fprintf(stderr, "date: '%s' is no format: it begins with +\n", argv[1]);
        return COMMAND_USAGE;
    }
    if (argc == 2)
        format = argv[1] + 1;
    if (strftime(text, sizeof(text), format, gmtime(&now)) == 0)
        text[0] = '\0';
    printf("%s\n", text);
    return COMMAND_OK;
}

static void count_thread(const struct thread *thread, void *arg)
{
    (void)thread;
    (*(unsigned *)arg)++;
}

static int run_uptime(int argc, char **argv)
{
    unsigned threads = 0;
    time_t now = time(NULL);
    char up[48], clock[16];

    if (too_many(argc, argv, 0))
        return COMMAND_USAGE;
    thread_for_each(count_thread, &threads);
    format_uptime(up, sizeof(up), time_ns() / NSEC_PER_SEC, false);
    strftime(clock, sizeof(clock), "%H:%M:%S", gmtime(&now));
    printf(" %s up %s, %u threads\n", clock, up, threads);
    return COMMAND_OK;
}

static void print_memory(const char *what, uint64_t total_kib, uint64_t free_kib)
{
    printf("%-12s %12lu %12lu %12lu\n", what, total_kib, total_kib - free_kib, free_kib);
}

static int run_mem(int argc, char **argv)
{
    struct xen_sysctl_physinfo phys;
    int error;

    if (too_many(argc, argv, 0))
        return COMMAND_USAGE;
    printf("%-12s %12s %12s %12s   (KiB)\n", "", "total", "used", "free");
    error = xc_physinfo(&phys);
    if (error == 0)
        print_memory("machine", phys.total_pages * (PAGE_SIZE / 1024), phys.free_pages * (PAGE_SIZE / 1024));
    else
        fprintf(stderr, "mem: cannot ask for the machine's memory: %s\n", strerror(xen_errno_to_c(error)));
    print_memory("dom0", memory_total_pages() * (PAGE_SIZE / 1024), memory_free_pages() * (PAGE_SIZE / 1024));
    printf("of which dom0's heap has %lu\n", ((unsigned long)sbrk(0) - PVG_HEAP_BASE) / 1024);
    return error == 0 ? COMMAND_OK : COMMAND_FAIL;
}

/* What is printed of a thread: copied while nothing can change, printed afterwards. */
struct thread_row {
    char name[24];
    enum thread_state state;
    uint64_t runtime; /* rdtsc() ticks */
    size_t stack_size;
};

struct thread_rows {
    struct thread_row *row;
    size_t nr, room;
};

static void copy_thread(const struct thread *thread, void *arg)
{
    struct thread_rows *rows = arg;

    if (rows->nr < rows->room) {
        struct thread_row *row = &rows->row[rows->nr++];

        /* The idle thread counts as running in its own eyes whenever nothing else does. */
        *row = (struct thread_row){ .state = thread->state == THREAD_RUNNING && thread != thread_current()
                                                 ? THREAD_READY
                                                 : thread->state,
                                    .runtime = thread->runtime,
                                    .stack_size = thread->stack_size };
        strncpy(row->name, thread->name, sizeof(row->name) - 1);
    }
}

static int run_ps(int argc, char **argv)
{
    static const char *const states[] = { [THREAD_READY] = "ready",
                                          [THREAD_RUNNING] = "running",
                                          [THREAD_BLOCKED] = "blocked",
                                          [THREAD_EXITED] = "exited" };
    struct thread_rows rows = { 0 };
    unsigned threads = 0;

    if (too_many(argc, argv, 0))
        return COMMAND_USAGE;
    thread_for_each(count_thread, &threads);
    rows.room = threads + 8;
    rows.row = calloc(rows.room, sizeof(*rows.row));
    if (rows.row == NULL) {
        fprintf(stderr, "ps: %s\n", strerror(ENOMEM));
        return COMMAND_FAIL;
    }
    thread_for_each(copy_thread, &rows);
    printf("%-24s %-8s %10s %8s\n", "THREAD", "STATE", "TIME(ms)", "STACK(K)");
    for (size_t i = 0; i < rows.nr; i++)
        printf("%-24s %-8s %10lu %8zu\n", rows.row[i].name, states[rows.row[i].state],
               (unsigned long)(rows.row[i].runtime / time_tsc_khz()), rows.row[i].stack_size / 1024);
    free(rows.row);
    return COMMAND_OK;
}

static int end_machine(int argc, char **argv, unsigned reason)
{
    if (too_many(argc, argv, 0))
        return COMMAND_USAGE;
    fflush(stdout);
    domain_shutdown(reason);
}

static int run_reboot(int argc, char **argv)
{
    return end_machine(argc, argv, SHUTDOWN_reboot);
}

static int run_poweroff(int argc, char **argv)
{
    return end_machine(argc, argv, SHUTDOWN_poweroff);
}

/* A fault as a bug would make it, below a named function. */
static __attribute__((noinline)) void write_to_null(void)
{
    volatile char *volatile nowhere = NULL;

    *nowhere = 1;
}

static int run_crash(int argc, char **argv)
{
    if (too_many(argc, argv, 0))
        return COMMAND_USAGE;
    fflush(stdout);
    write_to_null();
    return COMMAND_FAIL;
}

const struct command system_commands[] = {
    { .name = "date",
      .arguments = "[+FORMAT]",
      .summary = "print date and time (UTC)",
      .options = "  FORMAT is strftime's, such as +%F\n",
      .run = run_date },
    { .name = "uptime", .arguments = "", .summary = "print how long the machine has run", .run = run_uptime },
    { .name = "mem",
      .arguments = "",
      .summary = "show the memory of the machine and of dom0",
      .run = run_mem },
    { .name = "ps", .arguments = "", .summary = "list dom0's threads", .run = run_ps },
    { .name = "reboot", .arguments = "", .summary = "restart the machine", .run = run_reboot },
    { .name = "crash",
      .arguments = "",
      .summary = "make dom0 write to address 0, to see what a crash prints",
      .run = run_crash },
    { .name = "poweroff", .arguments = "", .summary = "switch the machine off", .run = run_poweroff },
};
const size_t system_nr_commands = sizeof(system_commands) / sizeof(system_commands[0]);
