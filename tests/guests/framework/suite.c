/* SPDX-License-Identifier: MIT */
/*
 * The suite: runs the tests that the command line names (tests=all or tests=a,b), one after another in one
 * boot, and checks after each that it left the domain as it found it.
 */
#include "tests/guests/framework/test.h"
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

struct hygiene {
    long reservation;
    unsigned long free_pages, unwritable;
    unsigned int ports;
};

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

    test_result_reset();
    hygiene_take(&before);
    test->run();
    event_disable();
    trap_install();
    hygiene_take(&after);
    hygiene_compare(&before, &after);
    print("%s: %s\n", test->name, test_result_name(test_result()));
    return test_result();
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

uint64_t test_option(const char *name, uint64_t otherwise)
{
    const char *text = find_option((const char *)start_info->cmd_line, name);
    uint64_t value = 0;

    if (!text)
        return otherwise;
    while (*text >= '0' && *text <= '9')
        value = value * 10 + (uint64_t)(*text++ - '0');
    return value;
}

/* With `from` the tests before that name are left out. */
static void run_suite(const char *list, const char *from)
{
    bool all = !list || list_has(list, "all"), started = !from;
    enum result worst = RESULT_SUCCESS;
    unsigned int counts[4] = { 0 };

    for (const struct test *test = tests_start; test < tests_end; test++) {
        enum result result;

        started = started || list_has(from, test->name);
        if (!started)
            continue;
        if (!(all && !test->crashes) && !(list && list_has(list, test->name)))
            continue;
        result = run_test(test);
        counts[result]++;
        if (result > worst)
            worst = result;
    }
    print("%u passed, %u skipped, %u errors, %u failed\n", counts[0], counts[1], counts[2], counts[3]);
    print("Test result: %s\n", test_result_name(worst));
}

/* Takes the initial domain's place without doing anything, for the sake of a domain beside it. */
static void idle(void)
{
    for (;;) {
        event_disable();
        hc_sched(SCHEDOP_block, 0);
    }
}

void guest_main(start_info_t *si)
{
    guest_init(si);
    if (find_option((const char *)si->cmd_line, "idle"))
        idle();
    print("Guest tests: %u in this image\n", (unsigned int)(tests_end - tests_start));
    if (find_option((const char *)si->cmd_line, "invert"))
        test_invert_checks();
    run_suite(find_option((const char *)si->cmd_line, "tests="),
              find_option((const char *)si->cmd_line, "from="));
    test_shutdown(SHUTDOWN_poweroff);
}
