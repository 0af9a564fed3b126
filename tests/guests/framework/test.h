/* SPDX-License-Identifier: MIT */
/*
 * What a test writes: one function, one registration, checks.
 *
 * A test is a folder tests/guests/NAME with a main.c; NAME comes from the folder (TEST_NAME, set by
 * guests.mk). Its result is the worst of SUCCESS, SKIP, ERROR (the test could not be carried out) and FAILURE
 * (the hypervisor did wrong).
 */
#ifndef GUESTS_TEST_H
#define GUESTS_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>

enum result { RESULT_SUCCESS, RESULT_SKIP, RESULT_ERROR, RESULT_FAILURE };

struct test {
    const char *name;
    void (*run)(void);
    bool crashes; /* a pass is the hypervisor crashing this domain: runs only when named */
};

#define GUEST_TEST(fn)                  \
    static const struct test guest_test \
        __attribute__((section(".tests"), used, aligned(8))) = { .name = TEST_NAME, .run = (fn) }
/* The text is for the runner, which looks for it in the hypervisor's log of the crash. */
#define CRASH_TEST(fn, text)                            \
    static const struct test guest_test __attribute__(( \
        section(".tests"), used, aligned(8))) = { .name = TEST_NAME, .run = (fn), .crashes = true }

/* Records a result with a reason, printed as "RESULT: text". */
void test_failure(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void test_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void test_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* For the framework: nothing can go on. Reports ERROR and ends the domain. */
void test_abort(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Ends the domain: power off, or crash when that is what a test is to show. */
void test_shutdown(unsigned int reason) __attribute__((noreturn));

bool test_check(bool ok, const char *file, int line, const char *what);
bool test_check_equal(int64_t actual, int64_t expected, const char *file, int line, const char *what);

/* A check with a message of its own. */
bool test_expect(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define CHECK(condition) test_check(condition, __FILE__, __LINE__, #condition)
#define CHECK_EQ(actual, expected) \
    test_check_equal((int64_t)(actual), (int64_t)(expected), __FILE__, __LINE__, #actual " == " #expected)

/* The worst result since the last reset, and its name. */
enum result test_result(void);
void test_result_reset(void);
/* From now on a check that holds is a failure: shows that each test has checks that can fail. */
void test_invert_checks(void);
const char *test_result_name(enum result result);

/* First call of every image: memory, console, events and traps of vCPU 0. */
void guest_init(start_info_t *si);

/* The number behind `name` ("seed=") on the command line, decimal; `otherwise` if it is not there. */
uint64_t test_option(const char *name, uint64_t otherwise);

bool is_initial_domain(void);
/* Whether the hypervisor calls itself Ryokan. Only for the few results that QEMU's faults change under Xen.
 */
bool is_ryokan(void);
/* This domain's own id. */
uint16_t own_domid(void);

#endif
