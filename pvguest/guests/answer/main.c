/* SPDX-License-Identifier: MIT */
/*
 * A guest that answers: each line that is typed at its console, and what is written to data/question in
 * xenstore (in data/answer). It ends when control/shutdown says so. Some lines make it misbehave, for tests
 * of what is at the other end; `share D` lets domain D map a page of it, `map D REF` maps such a page until
 * `unmap`.
 */
#include "pvguest/balloon.h"
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/event_channel.h"
#include "pvguest/grant_table.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "pvguest/panic.h"
#include "pvguest/thread.h"
#include "pvguest/smp.h"
#include "pvguest/time.h"
#include "pvguest/vcpu_set.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/sched.h>
#include <xen/io/console.h>
#include <xenstore.h>

#define STACK_SIZE 16384

static void answer_question(struct xs_handle *h)
{
    unsigned int length;
    char *question = xs_read(h, XBT_NULL, "data/question", &length);

    if (question != NULL)
        xs_write(h, XBT_NULL, "data/answer", question, length);
    free(question);
}

/* What `xl shutdown` and `xl reboot` write. */
static void obey_toolstack(struct xs_handle *h)
{
    unsigned int length;
    char *word = xs_read(h, XBT_NULL, "control/shutdown", &length);

    if (word != NULL && strcmp(word, "poweroff") == 0)
        domain_shutdown(SHUTDOWN_poweroff);
    if (word != NULL && strcmp(word, "reboot") == 0)
        domain_shutdown(SHUTDOWN_reboot);
    free(word);
}

static void serve_xenstore(void *arg)
{
    struct xs_handle *h = xs_open(0);
    unsigned int nr;
    char **event;

    (void)arg;
    if (h == NULL || !xs_watch(h, "data/question", "question") ||
        !xs_watch(h, "control/shutdown", "shutdown"))
        return;
    while ((event = xs_read_watch(h, &nr)) != NULL) {
        if (strcmp(event[XS_WATCH_TOKEN], "question") == 0)
            answer_question(h);
        else
            obey_toolstack(h);
        free(event);
    }
}

static void share_with(const char *domid)
{
    void *page = page_alloc_zeroed();
    int ref = page != NULL ? gnttab_grant_access((domid_t)atoi(domid), virt_to_mfn(page), false) : -1;

    printf("shared: reference %d\n", ref);
}

static struct grant_mapping mapping;

static void map_shared(const char *words)
{
    char *end;
    domid_t domid = (domid_t)strtoul(words, &end, 10);
    const grant_ref_t ref = (grant_ref_t)strtoul(end, NULL, 10);

    printf("mapped: %d\n", gnttab_map(&mapping, domid, &ref, 1, false));
}

/* As if the kernel hung: its watchdog timer runs out after a second. */
static void arm_watchdog(void)
{
    struct sched_watchdog op = { .timeout = 1 };

    printf("watchdog: %ld\n", hypercall_sched_op(SCHEDOP_watchdog, &op));
}

static void unmap_shared(void)
{
    gnttab_unmap(&mapping);
    printf("unmapped\n");
}

static void print_without_end(void)
{
    for (unsigned long i = 0;; i++)
        console_printf("flood %lu\n", i);
}

static void send_without_end(void)
{
    for (;;)
        evtchn_send(start_info->console.domU.evtchn);
}

/* More than the ring can hold, as if it were full many times over. */
static void corrupt_ring(void)
{
    struct xencons_interface *ring = mfn_to_virt(start_info->console.domU.mfn);

    ring->out_prod += 0x80000000U;
    evtchn_send(start_info->console.domU.evtchn);
}

static void print_bytes(const char *number)
{
    for (unsigned long left = strtoul(number, NULL, 10), line = 0; left >= 16; left -= 16, line++)
        console_printf("line %9lu\n", line);
}

/* ---- what xenstore costs: requests of each kind in a million ticks of the time stamp counter ---- */

static bool write_once(struct xs_handle *h)
{
    return xs_write(h, XBT_NULL, "data/x", "value", 5);
}

static bool read_once(struct xs_handle *h)
{
    char *value = xs_read(h, XBT_NULL, "data/x", NULL);

    free(value);
    return value != NULL;
}

static bool transaction_once(struct xs_handle *h)
{
    xs_transaction_t t = xs_transaction_start(h);

    return t != XBT_NULL && xs_write(h, t, "data/x", "value", 5) && xs_transaction_end(h, t, false);
}

/* What it read is changed before its end. */
static bool conflict_once(struct xs_handle *h)
{
    xs_transaction_t t = xs_transaction_start(h);
    char *value = xs_read(h, t, "data/x", NULL);

    free(value);
    return value != NULL && write_once(h) && xs_write(h, t, "data/y", "value", 5) &&
           !xs_transaction_end(h, t, false);
}

static void measure_xenstore(const char *number)
{
    static const struct {
        const char *name;
        bool (*once)(struct xs_handle *h);
    } kinds[] = {
        { "write", write_once },
        { "read", read_once },
        { "transaction", transaction_once },
        { "conflict", conflict_once },
    };
    unsigned long rounds = strtoul(number, NULL, 10), failures = 0;
    struct xs_handle *h = xs_open(0);

    for (size_t kind = 0; h != NULL && kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        uint64_t ticks = rdtsc();

        for (unsigned long i = 0; i < rounds; i++)
            failures += !kinds[kind].once(h);
        ticks = rdtsc() - ticks;
        printf("xenstore %s: %.1f\n", kinds[kind].name, (double)rounds * 1e6 / (double)ticks);
    }
    printf("xenstore failures: %lu\n", failures);
    xs_close(h);
}

/* Takes that much memory at once, page by page, and sees that each page is one of its own. */
static void fill_memory(const char *mib)
{
    size_t wanted = strtoul(mib, NULL, 10) << (20 - PAGE_SHIFT), got = 0, wrong = 0;
    void **last = NULL, **page;

    for (; got < wanted && (page = page_alloc(0)) != NULL; got++) {
        page[0] = last; /* and a mark that only this page has */
        page[1] = page;
        last = page;
    }
    for (size_t i = got; i > 0; i--) {
        page = last;
        wrong += page[1] != page;
        last = page[0];
        page_free(page, 0);
    }
    printf("filled: %zu MiB, %zu pages wrong\n", got >> (20 - PAGE_SHIFT), wrong);
}

static volatile uint64_t counted[XEN_LEGACY_MAX_VCPUS];

static void count_up(void *arg)
{
    volatile uint64_t *count = arg;

    while (!smp_should_stop())
        ++*count;
}

/* Has a vCPU count until it is taken offline. */
static void start_counting(const char *number)
{
    unsigned int id = (unsigned int)strtoul(number, NULL, 10) % XEN_LEGACY_MAX_VCPUS;

    printf("vCPU %u: %d\n", id, smp_start(id, count_up, (void *)(uintptr_t)&counted[id]));
}

static uint64_t first_line; /* time stamp counter before `ready` was printed */

static void obey(const char *line)
{
    if (strcmp(line, "quit") == 0)
        exit(0);
    else if (strcmp(line, "abort") == 0)
        abort();
    else if (strcmp(line, "flood") == 0)
        print_without_end();
    else if (strcmp(line, "events") == 0)
        send_without_end();
    else if (strcmp(line, "corrupt") == 0)
        corrupt_ring();
    else if (strncmp(line, "bytes=", 6) == 0)
        print_bytes(line + 6);
    else if (strcmp(line, "reboot") == 0)
        domain_shutdown(SHUTDOWN_reboot);
    else if (strncmp(line, "share ", 6) == 0)
        share_with(line + 6);
    else if (strncmp(line, "map ", 4) == 0)
        map_shared(line + 4);
    else if (strcmp(line, "watchdog") == 0)
        arm_watchdog();
    else if (strcmp(line, "unmap") == 0)
        unmap_shared();
    else if (strncmp(line, "fill ", 5) == 0)
        fill_memory(line + 5);
    else if (strncmp(line, "count ", 6) == 0)
        start_counting(line + 6);
    else if (strcmp(line, "ticks") == 0)
        printf("ticks: first instruction %lu, first line %lu\n", time_start_tsc, first_line);
    else if (strncmp(line, "xenstore=", 9) == 0)
        measure_xenstore(line + 9);
    else
        printf("answer: %s\n", line);
}

static bool read_line(char *line, size_t size)
{
    size_t length = 0;
    char c;

    while (console_read(&c, 1, TIME_NEVER) == 1 && c != '\r' && c != '\n')
        if (length < size - 1)
            line[length++] = c;
    line[length] = '\0';
    return length != 0;
}

int main(int argc, char **argv)
{
    struct thread *thread = thread_create("xenstore", serve_xenstore, NULL, STACK_SIZE);
    char line[80];

    if (thread == NULL || balloon_start() != 0 || vcpu_set_start() != 0)
        return 1;
    thread_detach(thread);
    first_line = rdtsc();
    printf("ready\n");
    for (int i = 1; i < argc; i++)
        obey(argv[i]);
    for (;;)
        if (read_line(line, sizeof(line)))
            obey(line);
}
