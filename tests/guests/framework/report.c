/* SPDX-License-Identifier: MIT */
/* Results, the end of the domain, and what every image of this framework does first. */
#include "tests/guests/framework/test.h"
#include "tests/guests/framework/console.h"
#include "tests/guests/framework/cpu.h"
#include "tests/guests/framework/event.h"
#include "tests/guests/framework/hypercall.h"
#include "tests/guests/framework/memory.h"
#include "tests/guests/framework/print.h"
#include "tests/guests/framework/trap.h"

static const char *const result_names[] = { "SUCCESS", "SKIP", "ERROR", "FAILURE" };
static enum result current_result;
static bool inverted;

const char *test_result_name(enum result result)
{
    return result_names[result];
}

enum result test_result(void)
{
    return current_result;
}

void test_invert_checks(void)
{
    inverted = true;
}

void test_result_reset(void)
{
    current_result = RESULT_SUCCESS;
}

void guest_init(start_info_t *si)
{
    struct cpu *cpu = this_cpu();

    memory_init(si);
    console_init(si);
    cpu->info = &shared_info->vcpu_info[0];
    cpu->started = true;
    event_init();
    trap_install();
}

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
    if (ok == inverted)
        test_failure("%s:%d: %s", file, line, what);
    return ok;
}

bool test_expect(bool ok, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (ok == inverted)
        raise_result(RESULT_FAILURE, fmt, args);
    va_end(args);
    return ok;
}

bool test_check_equal(int64_t actual, int64_t expected, const char *file, int line, const char *what)
{
    if ((actual == expected) == inverted)
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
