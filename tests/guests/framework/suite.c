/* SPDX-License-Identifier: MIT */
/*
 * The suite: runs the tests that the command line names (tests=all or tests=a,b), one after another in one
 * boot, and checks after each that it left the domain as it found it.
 */
#include "tests/guests/framework/test.h"
#include "tests/guests/framework/console.h"
#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/event.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/memory.h"
#include "tests/guests/framework/print.h"
#include "tests/guests/framework/trap.h"

#include <xen/memory.h>
#include <xen/sched.h>

#define HYGIENE_PORTS 64u

extern const struct test tests_start[], tests_end[];
void guest_main(start_info_t *si);

static const char *const result_names[] = { "SUCCESS", "SKIP", "ERROR", "FAILURE" };
static enum result current_result;

struct hygiene {
    long reservation;
    unsigned long free_pages, unwritable;
    unsigned int ports;
};

static void raise_result(enum result result, const char *fmt, va_list args)
{
    char line[400];

    vformat(line, sizeof(line), fmt, args);
    print("  %s: %s\n", result_names[result], line);
    if (result > current_result)
        current_result = result;
}

void test_failure(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    raise_result(RESULT_FAILURE, fmt, args);
    va_end(args);
}

void test_error(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    raise_result(RESULT_ERROR, fmt, args);
    va_end(args);
}

void test_skip(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    raise_result(RESULT_SKIP, fmt, args);
    va_end(args);
}

void test_shutdown(unsigned int reason)
{
    struct sched_shutdown op = { .reason = reason };

    for (;;)
        hc_sched(SCHEDOP_shutdown, &op);
}

void test_abort(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    raise_result(RESULT_ERROR, fmt, args);
    va_end(args);
    print("Test result: %s\n", result_names[current_result]);
    test_shutdown(SHUTDOWN_crash);
}

bool test_check(bool ok, const char *file, int line, const char *what)
{
    if (!ok)
        test_failure("%s:%d: %s", file, line, what);
    return ok;
}

bool test_check_equal(int64_t actual, int64_t expected, const char *file, int line, const char *what)
{
    if (actual != expected)
        test_failure("%s:%d: %s: got %ld (%lx), expected %ld (%lx)", file, line, what, actual, actual,
                     expected, expected);
    return actual == expected;
}

bool is_initial_domain(void)
{
    return start_info->flags & SIF_INITDOMAIN;
}

bool is_ryokan(void)
{
    xen_extraversion_t extra = "";

    hc_xen_version(XENVER_extraversion, extra);
    for (unsigned int i = 0; i + 6 <= sizeof(extra); i++)
        if ((extra[i] == 'r' || extra[i] == 'R') && !strncmp(&extra[i + 1], "yokan", 5))
            return true;
    return false;
}

uint16_t own_domid(void)
{
    static uint16_t id = DOMID_INVALID;
    struct evtchn_status status;
    long port;

    if (id != DOMID_INVALID)
        return id;
    /* A port that waits for DOMID_SELF shows the id it waits for. */
    port = event_alloc_unbound(DOMID_SELF, DOMID_SELF);
    if (port < 0 || event_status((evtchn_port_t)port, &status))
        test_abort("cannot learn the domain id");
    id = status.u.unbound.dom;
    event_close((evtchn_port_t)port);
    return id;
}

static void hygiene_take(struct hygiene *h)
{
    domid_t self = DOMID_SELF;

    h->reservation = hc_memory_op(XENMEM_current_reservation, &self);
    h->free_pages = page_count_free();
    h->unwritable = page_count_unwritable();
    h->ports = event_count_open(HYGIENE_PORTS);
}

static void hygiene_compare(const struct hygiene *before, const struct hygiene *after)
{
    if (before->reservation != after->reservation)
        test_error("leak: reservation %ld, was %ld", after->reservation, before->reservation);
    if (before->free_pages != after->free_pages)
        test_error("leak: %lu pool pages free, were %lu", after->free_pages, before->free_pages);
    if (before->unwritable != after->unwritable)
        test_error("leak: %lu pool pages not writable, were %lu", after->unwritable, before->unwritable);
    if (before->ports != after->ports)
        test_error("leak: %u ports open, were %u", after->ports, before->ports);
}

static enum result run_test(const struct test *test)
{
    struct hygiene before, after;

    current_result = RESULT_SUCCESS;
    hygiene_take(&before);
    test->run();
    event_disable();
    trap_install();
    hygiene_take(&after);
    hygiene_compare(&before, &after);
    print("%s: %s\n", test->name, result_names[current_result]);
    return current_result;
}

/* Whether the comma-separated list contains the name. */
static bool list_has(const char *list, const char *name)
{
    size_t len = strlen(name);

    for (; *list && *list != ' '; list++) {
        if (!strncmp(list, name, len) &&
            (!list[len] || list[len] == ',' || list[len] == '+' || list[len] == ' '))
            return true;
        while (list[1] && *list != ',' && *list != '+' && *list != ' ')
            list++;
    }
    return false;
}

static const char *find_option(const char *line, const char *option)
{
    for (; *line; line++)
        if (!strncmp(line, option, strlen(option)))
            return line + strlen(option);
    return NULL;
}

static void run_suite(const char *list)
{
    bool all = !list || list_has(list, "all");
    enum result worst = RESULT_SUCCESS;
    unsigned int counts[4] = { 0 };

    for (const struct test *test = tests_start; test < tests_end; test++) {
        enum result result;

        if (!(all && !test->crashes) && !(list && list_has(list, test->name)))
            continue;
        result = run_test(test);
        counts[result]++;
        if (result > worst)
            worst = result;
    }
    print("%u passed, %u skipped, %u errors, %u failed\n", counts[0], counts[1], counts[2], counts[3]);
    print("Test result: %s\n", result_names[worst]);
}

void guest_main(start_info_t *si)
{
    struct cpu *cpu = this_cpu();

    memory_init(si);
    console_init(si);
    cpu->info = &shared_info->vcpu_info[0];
    cpu->started = true;
    event_init();
    trap_install();
    mmuext(MMUEXT_NEW_USER_BASEPTR, l4_mfn(), 0);
    print("Guest tests: %u in this image, command line \"%s\"\n", (unsigned int)(tests_end - tests_start),
          (const char *)si->cmd_line);
    run_suite(find_option((const char *)si->cmd_line, "tests="));
    test_shutdown(SHUTDOWN_poweroff);
}
