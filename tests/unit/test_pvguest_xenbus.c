/* SPDX-License-Identifier: MIT */
/* The two ends of a split device, against the store daemon's core. */
/* unit-sources: pvguest/xenbus.c pvguest/xenstore.c */
/* unit-sources: dom0_tools/xenstored/connection.c dom0_tools/xenstored/control.c */
/* unit-sources: dom0_tools/xenstored/domains.c dom0_tools/xenstored/path.c */
/* unit-sources: dom0_tools/xenstored/permission_text.c */
/* unit-sources: dom0_tools/xenstored/request.c dom0_tools/xenstored/store.c */
/* unit-sources: dom0_tools/xenstored/transaction.c dom0_tools/xenstored/watch.c */
#include <criterion/criterion.h>

#include "pvguest/xenbus.h"
#include "tests/unit/xenstore_core_transport.h"

#define BACK  "/local/domain/0/backend/vif/3/0"
#define FRONT "/local/domain/3/device/vif/0"

static struct xs_handle *xs;

static void put(const char *path, const char *value)
{
    cr_assert(xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value)));
}

static void expect(const char *path, const char *value)
{
    char *text = xs_read(xs, XBT_NULL, path, NULL);

    if (value == NULL)
        cr_expect_null(text, "%s is there", path);
    else
        cr_expect_str_eq(text != NULL ? text : "nothing", value, "%s", path);
    free(text);
}

static void setup(void)
{
    cr_assert_eq(xenstored_init(&test_store, &test_ops, NULL, 42), 0);
    xs = xs_open(0);
    cr_assert_not_null(xs);
    put(BACK "/frontend", FRONT);
    put(BACK "/frontend-id", "3");
    put(BACK "/state", "1");
    put(FRONT "/backend", BACK);
    put(FRONT "/backend-id", "0");
    put(FRONT "/state", "1");
}

static void teardown(void)
{
    xs_close(xs);
    xenstored_free(&test_store);
}

TestSuite(xenbus, .init = setup, .fini = teardown);

Test(xenbus, numbers)
{
    static const struct {
        const char *text;
        int error;
        uint64_t value;
    } cases[] = {
        { "0", 0, 0 },
        { "17", 0, 17 },
        { "100", 0, 100 },
        { "101", EINVAL, 7 },
        { "", EINVAL, 7 },
        { "-1", EINVAL, 7 },
        { "+1", EINVAL, 7 },
        { " 1", EINVAL, 7 },
        { "1 ", EINVAL, 7 },
        { "0x10", EINVAL, 7 },
        { "99999999999999999999999", EINVAL, 7 },
    };
    uint64_t value = 7;

    cr_expect_eq(xenbus_read_number(xs, XBT_NULL, FRONT, "none", 100, &value), ENOENT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        value = 7;
        put(FRONT "/n", cases[i].text);
        cr_expect_eq(xenbus_read_number(xs, XBT_NULL, FRONT, "n", 100, &value), cases[i].error, "'%s'",
                     cases[i].text);
        cr_expect_eq(value, cases[i].value, "'%s'", cases[i].text);
    }
}

Test(xenbus, flags)
{
    cr_expect(xenbus_read_flag(xs, XBT_NULL, FRONT, "feature-sg", true));
    cr_expect_not(xenbus_read_flag(xs, XBT_NULL, FRONT, "feature-sg", false));
    put(FRONT "/feature-sg", "1");
    cr_expect(xenbus_read_flag(xs, XBT_NULL, FRONT, "feature-sg", false));
    put(FRONT "/feature-sg", "0");
    cr_expect_not(xenbus_read_flag(xs, XBT_NULL, FRONT, "feature-sg", true));
    put(FRONT "/feature-sg", "perhaps");
    cr_expect(xenbus_read_flag(xs, XBT_NULL, FRONT, "feature-sg", true));
}

Test(xenbus, writes_and_removes)
{
    char *text = xenbus_read(xs, XBT_NULL, FRONT, "mac");

    cr_expect_null(text);
    cr_expect_eq(xenbus_write(xs, XBT_NULL, FRONT, "ring-ref", "%u", 12U), 0);
    expect(FRONT "/ring-ref", "12");
    cr_expect_eq(xenbus_write(xs, XBT_NULL, FRONT, "long", "%1024s", "x"), E2BIG);
    expect(FRONT "/long", NULL);
    cr_expect_eq(xenbus_remove(xs, XBT_NULL, FRONT, "ring-ref"), 0);
    cr_expect_eq(xenbus_remove(xs, XBT_NULL, FRONT, "ring-ref"), 0);
    expect(FRONT "/ring-ref", NULL);
}

struct runs {
    unsigned int number, disturbed;
    int result;
};

static int disturbed_run(struct xs_handle *h, xs_transaction_t t, void *arg)
{
    struct runs *runs = arg;
    char *old = xenbus_read(h, t, FRONT, "state");

    free(old);
    runs->number++;
    if (runs->disturbed > 0) {
        runs->disturbed--;
        put(FRONT "/state", "2");
    }
    cr_expect_eq(xenbus_write(h, t, FRONT, "state", "4"), 0);
    return runs->result;
}

Test(xenbus, transactions_are_repeated)
{
    struct runs runs = { .disturbed = 2 };

    cr_expect_eq(xenbus_transaction(xs, disturbed_run, &runs), 0);
    cr_expect_eq(runs.number, 3);
    expect(FRONT "/state", "4");
}

Test(xenbus, transactions_are_given_up)
{
    struct runs runs = { .result = EPERM };

    cr_expect_eq(xenbus_transaction(xs, disturbed_run, &runs), EPERM);
    cr_expect_eq(runs.number, 1);
    expect(FRONT "/state", "1");
}

Test(xenbus, both_ends)
{
    struct xenbus_device front, back;

    cr_assert_eq(xenbus_init_frontend(&front, xs, FRONT), 0);
    cr_assert_eq(xenbus_init_backend(&back, xs, BACK), 0);
    cr_expect_str_eq(front.other, BACK);
    cr_expect_str_eq(back.other, FRONT);
    cr_expect_eq(front.other_id, 0);
    cr_expect_eq(back.other_id, 3);
    cr_expect_eq(front.state, XenbusStateInitialising);
    cr_expect_eq(xenbus_switch_state(&back, XBT_NULL, XenbusStateInitWait), 0);
    cr_expect_eq(xenbus_read_state(xs, front.other), XenbusStateInitWait);
    put(FRONT "/state", "nonsense");
    cr_expect_eq(xenbus_read_state(xs, back.other), XenbusStateUnknown);
}

Test(xenbus, malformed_devices)
{
    struct xenbus_device device;
    char long_path[XENBUS_PATH_MAX + 1];

    put(BACK "/frontend-id", "32752");
    cr_expect_eq(xenbus_init_backend(&device, xs, BACK), EINVAL);
    put(BACK "/frontend-id", "3");
    memset(long_path, 'x', sizeof(long_path));
    long_path[0] = '/';
    long_path[XENBUS_PATH_MAX] = '\0';
    put(BACK "/frontend", long_path);
    cr_expect_eq(xenbus_init_backend(&device, xs, BACK), E2BIG);
    xs_rm(xs, XBT_NULL, BACK "/frontend");
    cr_expect_eq(xenbus_init_backend(&device, xs, BACK), ENOENT);
}

Test(xenbus, removed_devices_stay_removed)
{
    struct xenbus_device back;

    cr_assert_eq(xenbus_init_backend(&back, xs, BACK), 0);
    cr_assert(xs_rm(xs, XBT_NULL, BACK));
    cr_expect_eq(xenbus_switch_state(&back, XBT_NULL, XenbusStateClosed), ENOENT);
    expect(BACK, NULL);
}

Test(xenbus, waiting)
{
    struct xenbus_device front;
    enum xenbus_state state;

    cr_assert_eq(xenbus_init_frontend(&front, xs, FRONT), 0);
    cr_expect_eq(xenbus_wait_other(&front, XENBUS_STATE(XenbusStateConnected), 1, &state), ETIMEDOUT);
    cr_expect_eq(state, XenbusStateInitialising);
    put(BACK "/state", "4");
    cr_expect_eq(xenbus_wait_other(&front, XENBUS_STATE(XenbusStateConnected), 1, &state), 0);
    cr_expect_eq(state, XenbusStateConnected);
}

Test(xenbus, errors_are_reported)
{
    struct xenbus_device back;

    cr_assert_eq(xenbus_init_backend(&back, xs, BACK), 0);
    xenbus_error(&back, 22, "slot %u", 7U);
    expect("/local/domain/0/error/backend/vif/3/0/error", "22 slot 7");
    expect(BACK "/state", "1");
    xenbus_fatal(&back, 5, "ring");
    expect("/local/domain/0/error/backend/vif/3/0/error", "5 ring");
    expect(BACK "/state", "5");
    xenbus_clear_error(&back);
    expect("/local/domain/0/error/backend/vif/3/0/error", NULL);
}
