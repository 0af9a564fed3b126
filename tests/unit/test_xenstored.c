/* SPDX-License-Identifier: MIT */
/* The store daemon: requests and their answers, rights, watches, transactions, limits, the ring. */
/* unit-sources: dom0_tools/xenstored/connection.c dom0_tools/xenstored/control.c */
/* unit-sources: dom0_tools/xenstored/domains.c dom0_tools/xenstored/path.c */
/* unit-sources: dom0_tools/xenstored/permission_text.c */
/* unit-sources: dom0_tools/xenstored/request.c dom0_tools/xenstored/ring.c dom0_tools/xenstored/store.c */
/* unit-sources: dom0_tools/xenstored/transaction.c dom0_tools/xenstored/watch.c */
#include <criterion/criterion.h>
#include <errno.h>

#include "dom0_tools/xenstored/ring.h"
#include "tests/unit/xenstored_client.h"

static struct xenstored xs;
static struct connection *dom0, *d1, *d2;

static void setup(void)
{
    cr_assert_eq(xenstored_init(&xs, &test_ops, NULL, 42), 0);
    dom0 = xenstored_open(&xs, 0);
    d1 = introduced(&xs, 1);
    d2 = introduced(&xs, 2);
    ask(dom0, XS_MKDIR, "/local/domain/1|");
    ask(dom0, XS_SET_PERMS, "/local/domain/1|n1|");
    ask(dom0, XS_MKDIR, "/local/domain/2|");
    ask(dom0, XS_SET_PERMS, "/local/domain/2|n2|");
}

static void teardown(void)
{
    cr_expect_str_eq(ask(dom0, XS_CONTROL, "check|"), "OK|");
    xenstored_free(&xs);
}

TestSuite(xenstored, .init = setup, .fini = teardown);

#define EXPECT(conn, type, payload, expected)       cr_expect_str_eq(ask(conn, type, payload), expected)
#define EXPECT_T(conn, type, tx, payload, expected) cr_expect_str_eq(ask_t(conn, type, tx, payload), expected)

Test(xenstored, nodes)
{
    EXPECT(dom0, XS_WRITE, "/a/b/c|value", "OK|");
    EXPECT(dom0, XS_READ, "/a/b/c|", "value");
    EXPECT(dom0, XS_READ, "/a/b|", "");
    EXPECT(dom0, XS_READ, "/a/x|", "ENOENT");
    EXPECT(dom0, XS_MKDIR, "/a/d|", "OK|");
    EXPECT(dom0, XS_MKDIR, "/a/d|", "OK|");
    EXPECT(dom0, XS_DIRECTORY, "/a|", "b|d|");
    EXPECT(dom0, XS_DIRECTORY, "/a/d|", "");
    EXPECT(dom0, XS_RM, "/a/b|", "OK|");
    EXPECT(dom0, XS_READ, "/a/b/c|", "ENOENT");
    EXPECT(dom0, XS_RM, "/a/b|", "OK|");
    EXPECT(dom0, XS_RM, "/x/y|", "ENOENT");
    EXPECT(dom0, XS_RM, "/|", "EINVAL");
    EXPECT(dom0, XS_DIRECTORY, "/|", "local|a|");
}

Test(xenstored, bad_names_are_refused)
{
    static const char *const bad[] = { "/a//b|", "/a/|", "|", "/a b|", "/a", "@releaseDomain|", "/a|x|" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_str_eq(ask(dom0, XS_READ, bad[i]), "EINVAL", "%s", bad[i]);
    EXPECT(dom0, XS_MKDIR, "/a//b|", "EINVAL");
    EXPECT(dom0, 99, "/|", "ENOSYS");
    EXPECT(dom0, XS_WATCH_EVENT, "/|", "ENOSYS");
    EXPECT_T(dom0, XS_READ, 5, "/|", "ENOENT");
}

Test(xenstored, long_directories_come_in_parts)
{
    char path[64];
    size_t offset = 0, names = 0;
    bool end = false;

    for (unsigned int i = 0; i < 1000; i++) {
        snprintf(path, sizeof(path), "/many/child-%u|", i);
        ask(dom0, XS_MKDIR, path);
    }
    EXPECT(dom0, XS_DIRECTORY, "/many|", "E2BIG");
    while (!end) {
        const char *part, *list;
        size_t len;

        snprintf(path, sizeof(path), "/many|%zu|", offset);
        part = ask(dom0, XS_DIRECTORY_PART, path);
        list = strchr(part, '|') + 1;
        len = strlen(list);
        cr_assert_leq(strlen(part), XENSTORE_PAYLOAD_MAX);
        end = len < 2 || list[len - 2] == '|';
        offset += len - (end ? 1 : 0);
        for (size_t i = 0; i < len - (end ? 1 : 0); i++)
            names += list[i] == '|';
    }
    cr_expect_eq(names, 1000);
}

Test(xenstored, domains_have_what_they_are_given)
{
    EXPECT(d1, XS_WRITE, "data/x|1", "OK|");
    EXPECT(dom0, XS_READ, "/local/domain/1/data/x|", "1");
    EXPECT(d1, XS_GET_PERMS, "data/x|", "n1|");
    EXPECT(d2, XS_READ, "/local/domain/1/data/x|", "EACCES");
    EXPECT(d2, XS_WRITE, "/local/domain/1/data/y|1", "EACCES");
    EXPECT(d2, XS_READ, "/local/domain/1/nothing|", "EACCES");
    EXPECT(d1, XS_READ, "nothing|", "ENOENT");
    EXPECT(d1, XS_DIRECTORY, "/|", "EACCES");
    EXPECT(d1, XS_SET_PERMS, "data/x|n1|r2|", "OK|");
    EXPECT(d2, XS_READ, "/local/domain/1/data/x|", "1");
    EXPECT(d2, XS_WRITE, "/local/domain/1/data/x|2", "EACCES");
    EXPECT(d1, XS_SET_PERMS, "data/x|b2|", "EPERM");
    EXPECT(d2, XS_SET_PERMS, "/local/domain/1/data/x|n2|", "EACCES");
    EXPECT(d1, XS_SET_PERMS, "data/x|n1|b2|", "OK|");
    EXPECT(d2, XS_WRITE, "/local/domain/1/data/x|2", "OK|");
    EXPECT(d1, XS_SET_PERMS, "data/x|q1|", "EINVAL");
    EXPECT(d1, XS_SET_PERMS, "data/x|n1|r2|r3|r4|r5|r6|", "ENOSPC");
}

Test(xenstored, only_dom0_manages_domains)
{
    EXPECT(d1, XS_INTRODUCE, "3|1|1|", "EACCES");
    EXPECT(d1, XS_RELEASE, "2|", "EACCES");
    EXPECT(d1, XS_CONTROL, "check|", "EACCES");
    EXPECT(d1, XS_SET_TARGET, "1|2|", "EACCES");
    EXPECT(d1, XS_GET_DOMAIN_PATH, "9|", "/local/domain/9|");
    EXPECT(dom0, XS_IS_DOMAIN_INTRODUCED, "3|", "F|");
    EXPECT(dom0, XS_INTRODUCE, "3|1|1|", "OK|");
    EXPECT(dom0, XS_IS_DOMAIN_INTRODUCED, "3|", "T|");
    EXPECT(dom0, XS_RELEASE, "3|", "OK|");
    EXPECT(dom0, XS_RELEASE, "3|", "ENOENT");
    EXPECT(dom0, XS_RELEASE, "0|", "EINVAL");
    EXPECT(dom0, XS_INTRODUCE, "40000|1|1|", "EINVAL");
}

Test(xenstored, a_target_lends_its_rights)
{
    EXPECT(d1, XS_WRITE, "x|1", "OK|");
    EXPECT(dom0, XS_SET_TARGET, "2|1|", "OK|");
    EXPECT(d2, XS_READ, "/local/domain/1/x|", "1");
}

Test(xenstored, a_release_takes_all_that_was_the_domains)
{
    EXPECT(dom0, XS_WRITE, "/shared|1", "OK|");
    EXPECT(dom0, XS_SET_PERMS, "/shared|n0|r1|", "OK|");
    EXPECT(d1, XS_READ, "/shared|", "1");
    EXPECT(d1, XS_WRITE, "x/y|1", "OK|");
    EXPECT(dom0, XS_RELEASE, "1|", "OK|");
    EXPECT(dom0, XS_READ, "/local/domain/1|", "ENOENT");
    cr_expect_eq(store_account(&xs.store, 1)->nodes, 0);
    d1 = introduced(&xs, 1);
    EXPECT(d1, XS_READ, "/shared|", "EACCES");
    EXPECT(dom0, XS_SET_PERMS, "/shared|n0|r1|", "OK|");
    EXPECT(d1, XS_READ, "/shared|", "1");
}

/* ---- watches ---- */

Test(xenstored, watches)
{
    EXPECT(dom0, XS_WATCH, "/a|t|", "OK|");
    cr_expect_str_eq(event(dom0), "/a|t|");
    EXPECT(dom0, XS_WATCH, "/a|t|", "EEXIST");
    EXPECT(dom0, XS_WRITE, "/a/b/c|1", "OK|");
    EXPECT(dom0, XS_WRITE, "/ab|1", "OK|");
    cr_expect_str_eq(event(dom0), "/a/b/c|t|");
    cr_expect_str_eq(event(dom0), "");
    EXPECT(dom0, XS_UNWATCH, "/a|u|", "ENOENT");
    EXPECT(dom0, XS_UNWATCH, "/a|t|", "OK|");
    EXPECT(dom0, XS_WRITE, "/a/b/c|2", "OK|");
    cr_expect_str_eq(event(dom0), "");
}

Test(xenstored, a_removal_tells_those_who_watch_below)
{
    ask(dom0, XS_WRITE, "/a/b/c|1");
    ask(dom0, XS_WATCH, "/a/b/c|t|");
    ask(dom0, XS_WATCH, "/a/b/none|n|");
    event(dom0);
    event(dom0);
    EXPECT(dom0, XS_RM, "/a|", "OK|");
    cr_expect_str_eq(event(dom0), "/a/b/c|t|");
    cr_expect_str_eq(event(dom0), "");
    ask(dom0, XS_WRITE, "/a/b/none|1");
    cr_expect_str_eq(event(dom0), "/a/b/none|n|");
}

Test(xenstored, relative_watches_speak_relatively)
{
    EXPECT(d1, XS_WATCH, "data|t|", "OK|");
    cr_expect_str_eq(event(d1), "data|t|");
    ask(dom0, XS_WRITE, "/local/domain/1/data|1");
    cr_expect_str_eq(event(d1), "data|t|", "with the permissions of the parent, which it owns");
}

Test(xenstored, nobody_hears_of_what_he_may_not_read)
{
    EXPECT(d2, XS_WATCH, "/local/domain/1|t|", "OK|");
    event(d2);
    ask(d1, XS_WRITE, "x|1");
    cr_expect_str_eq(event(d2), "");
    ask(d1, XS_SET_PERMS, "x|r1|");
    cr_expect_str_eq(event(d2), "/local/domain/1/x|t|");
    ask(d1, XS_SET_PERMS, "x|n1|");
    cr_expect_str_eq(event(d2), "/local/domain/1/x|t|", "it could read it before");
}

Test(xenstored, special_watches)
{
    EXPECT(dom0, XS_WATCH, "@introduceDomain|i|", "OK|");
    EXPECT(dom0, XS_WATCH, "@releaseDomain|r|", "OK|");
    EXPECT(d1, XS_WATCH, "@releaseDomain|r|", "OK|");
    event(dom0);
    event(dom0);
    event(d1);
    introduced(&xs, 5);
    cr_expect_str_eq(event(dom0), "@introduceDomain|i|");
    xenstored_release(&xs, 5);
    cr_expect_str_eq(event(dom0), "@releaseDomain|r|");
    cr_expect_str_eq(event(d1), "", "only whom dom0 allows it");
    EXPECT(dom0, XS_SET_PERMS, "@releaseDomain|n0|r1|", "OK|");
    event(dom0);
    event(d1);
    introduced(&xs, 5);
    xenstored_release(&xs, 5);
    cr_expect_str_eq(event(d1), "@releaseDomain|r|");
}

Test(xenstored, reset_watches)
{
    ask(d1, XS_WATCH, "a|t|");
    event(d1);
    cr_expect_neq(begin(d1), 0);
    EXPECT(d1, XS_RESET_WATCHES, "|", "OK|");
    ask(d1, XS_WRITE, "a|1");
    cr_expect_str_eq(event(d1), "");
    cr_expect_eq(store_account(&xs.store, 1)->transactions, 0);
}

/* ---- transactions ---- */

Test(xenstored, a_transaction_is_alone_until_it_ends)
{
    uint32_t t;

    ask(dom0, XS_WRITE, "/a/b|1");
    ask(dom0, XS_WATCH, "/a|w|");
    event(dom0);
    t = begin(dom0);
    EXPECT_T(dom0, XS_WRITE, t, "/a/c/d|2", "OK|");
    EXPECT_T(dom0, XS_RM, t, "/a/b|", "OK|");
    EXPECT_T(dom0, XS_DIRECTORY, t, "/a|", "c|");
    EXPECT_T(dom0, XS_READ, t, "/a/b|", "ENOENT");
    EXPECT(dom0, XS_DIRECTORY, "/a|", "b|");
    cr_expect_str_eq(event(dom0), "");
    EXPECT_T(dom0, XS_TRANSACTION_END, t, "T|", "OK|");
    cr_expect_str_eq(event(dom0), "/a/b|w|");
    cr_expect_str_eq(event(dom0), "/a/c/d|w|");
    cr_expect_str_eq(event(dom0), "");
    EXPECT(dom0, XS_DIRECTORY, "/a|", "c|");
    EXPECT_T(dom0, XS_TRANSACTION_END, t, "T|", "ENOENT");
}

Test(xenstored, an_aborted_transaction_leaves_nothing)
{
    uint32_t t = begin(dom0);

    EXPECT_T(dom0, XS_WRITE, t, "/a/b/c|2", "OK|");
    EXPECT_T(dom0, XS_TRANSACTION_START, t, "|", "EBUSY");
    EXPECT_T(dom0, XS_TRANSACTION_END, t, "X|", "EINVAL");
    EXPECT_T(dom0, XS_TRANSACTION_END, t, "F|", "OK|");
    EXPECT(dom0, XS_READ, "/a|", "ENOENT");
}

/* What another client does between a transaction's look and its end, and whether that is a conflict. */
static const char *race(uint32_t look, const char *what, uint32_t change, const char *how)
{
    uint32_t t;

    ask(dom0, XS_RM, "/r|");
    ask(dom0, XS_WRITE, "/r/a|1");
    ask(dom0, XS_WRITE, "/r/b|1");
    t = begin(dom0);
    ask_t(dom0, look, t, what);
    ask(dom0, change, how);
    return ask_t(dom0, XS_TRANSACTION_END, t, "T|");
}

Test(xenstored, only_real_conflicts_are_conflicts)
{
    cr_expect_str_eq(race(XS_READ, "/r/a|", XS_WRITE, "/r/a|2"), "EAGAIN");
    cr_expect_str_eq(race(XS_READ, "/r/a|", XS_WRITE, "/r/b|2"), "OK|");
    cr_expect_str_eq(race(XS_READ, "/r/a|", XS_RM, "/r/a|"), "EAGAIN");
    cr_expect_str_eq(race(XS_READ, "/r/c|", XS_WRITE, "/r/c|"), "EAGAIN");
    cr_expect_str_eq(race(XS_READ, "/r/c|", XS_WRITE, "/r/d|"), "OK|");
    cr_expect_str_eq(race(XS_DIRECTORY, "/r|", XS_WRITE, "/r/c|"), "EAGAIN");
    cr_expect_str_eq(race(XS_DIRECTORY, "/r|", XS_WRITE, "/r/a|2"), "OK|");
    cr_expect_str_eq(race(XS_WRITE, "/r/c|1", XS_WRITE, "/r/d|1"), "OK|");
    cr_expect_str_eq(race(XS_WRITE, "/r/c|1", XS_WRITE, "/r/c|2"), "EAGAIN");
    cr_expect_str_eq(race(XS_WRITE, "/r/a|3", XS_WRITE, "/r/a|2"), "OK|");
    cr_expect_str_eq(race(XS_WRITE, "/r/a|3", XS_SET_PERMS, "/r/a|n1|"), "EAGAIN");
    cr_expect_str_eq(race(XS_RM, "/r|", XS_WRITE, "/r/c|2"), "OK|");
    EXPECT(dom0, XS_READ, "/r|", "ENOENT");
}

Test(xenstored, a_transaction_may_remove_and_create_again)
{
    uint32_t t;

    ask(dom0, XS_WRITE, "/a/old/x|1");
    t = begin(dom0);
    EXPECT_T(dom0, XS_WRITE, t, "/a/old/y|1", "OK|");
    EXPECT_T(dom0, XS_RM, t, "/a|", "OK|");
    EXPECT_T(dom0, XS_READ, t, "/a/old/x|", "ENOENT");
    EXPECT_T(dom0, XS_WRITE, t, "/a/old/y|2", "OK|");
    EXPECT_T(dom0, XS_DIRECTORY, t, "/a/old|", "y|");
    EXPECT_T(dom0, XS_TRANSACTION_END, t, "T|", "OK|");
    EXPECT(dom0, XS_DIRECTORY, "/a/old|", "y|");
    EXPECT(dom0, XS_READ, "/a/old/y|", "2");
}

/* ---- limits ---- */

Test(xenstored, limits)
{
    char text[4000];
    uint32_t last = 0;

    xs.limits.nodes = 20;
    xs.limits.watches = 3;
    for (unsigned int i = 0; i < 19; i++) { /* and its home directory */
        snprintf(text, sizeof(text), "n%u|", i);
        EXPECT(d1, XS_MKDIR, text, "OK|");
    }
    EXPECT(d1, XS_MKDIR, "one-more|", "ENOSPC");
    EXPECT(d1, XS_WRITE, "n0|still", "OK|");
    EXPECT(d1, XS_RM, "n0|", "OK|");
    EXPECT(d1, XS_WRITE, "a/b|two at once", "ENOSPC");
    EXPECT(d1, XS_WATCH, "a|1|", "OK|");
    EXPECT(d1, XS_WATCH, "a|2|", "OK|");
    EXPECT(d1, XS_WATCH, "b/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/a/b/c/d/e/f/g|3|", "ENOSPC");
    EXPECT(d1, XS_WATCH, "a|3|", "OK|");
    EXPECT(d1, XS_WATCH, "a|4|", "E2BIG");
    for (unsigned int i = 0; i < 10; i++)
        last = begin(d1);
    cr_expect_neq(last, 0);
    EXPECT(d1, XS_TRANSACTION_START, "|", "ENOSPC");
    EXPECT_T(d1, XS_WRITE, last, "a|1", "OK|");
    EXPECT_T(d1, XS_WRITE, last, "b|1", "ENOSPC");
    memset(text, 'x', 2100);
    memcpy(text, "n1|", 3);
    text[2100] = '\0';
    EXPECT(d1, XS_WRITE, text, "ENOSPC");
    EXPECT(dom0, XS_WRITE, "/local/domain/1/zero|1", "OK|");
}

Test(xenstored, events_that_nobody_reads_do_not_pile_up)
{
    EXPECT(d2, XS_WATCH, "x|t|", "OK|");
    for (unsigned int i = 0; i < 1000; i++)
        ask(d2, XS_WRITE, "x|1");
    cr_expect_lt(d2->queued, 200, "%zu", d2->queued);
}

Test(xenstored, who_floods_dom0_is_not_listened_to)
{
    char text[32];
    unsigned int i;

    ask(dom0, XS_WATCH, "/local/domain/1|t|");
    event(dom0);
    for (i = 0; i < 100 && xenstored_may_feed(d1); i++) {
        snprintf(text, sizeof(text), "n%u|", i);
        ask(d1, XS_MKDIR, text);
    }
    cr_expect_eq(i, xs.limits.outstanding);
    cr_expect(xenstored_may_feed(d2));
    event(dom0);
    cr_expect(xenstored_may_feed(d1));
}

Test(xenstored, who_does_not_read_loses_his_connection)
{
    char text[32];

    EXPECT(d2, XS_WATCH, "/local/domain/2|t|", "OK|");
    for (unsigned int i = 0; i < 20000 && d2->error == XENSTORE_ERROR_NONE; i++) {
        snprintf(text, sizeof(text), "/local/domain/2/n%u|", i);
        ask(dom0, XS_MKDIR, text);
    }
    cr_expect_eq(d2->error, XENSTORE_ERROR_COMM);
    cr_expect_lt(d2->queued, xs.limits.queued + 4096);
}

/* ---- the ring ---- */

static struct xenstore_domain_interface page;

static void to_ring(const void *data, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        page.req[MASK_XENSTORE_IDX(page.req_prod++)] = ((const char *)data)[i];
}

static void ring_request(uint32_t type, const char *path)
{
    struct xsd_sockmsg header = { .type = type, .len = (uint32_t)strlen(path) + 1 };

    to_ring(&header, sizeof(header));
    to_ring(path, header.len);
}

Test(xenstored, ring)
{
    struct xsd_sockmsg header;

    page = (struct xenstore_domain_interface){
        .req_prod = 0xffffffe0, .req_cons = 0xffffffe0, .rsp_prod = 1020, .rsp_cons = 1020
    };
    ring_open(&page);
    ring_request(XS_MKDIR, "a");
    ring_request(XS_DIRECTORY, "/local/domain/1");
    cr_expect_eq(ring_serve(d1, &page), RING_NOTIFY);
    cr_expect_eq(page.req_cons, page.req_prod);
    cr_expect_eq(page.rsp_prod - page.rsp_cons, 2 * sizeof(header) + 3 + 2);
    for (size_t i = 0; i < sizeof(header); i++)
        ((char *)&header)[i] = page.rsp[MASK_XENSTORE_IDX(1020 + i)];
    cr_expect_eq(header.type, XS_MKDIR);
    cr_expect_eq(ring_serve(d1, &page), 0);
}

Test(xenstored, a_hostile_ring_loses_itself_only)
{
    struct xsd_sockmsg header = { .type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1 };

    page = (struct xenstore_domain_interface){ .req_prod = 1025 };
    cr_expect_eq(ring_serve(d1, &page), RING_NOTIFY);
    cr_expect_eq(page.error, XENSTORE_ERROR_RINGIDX);
    page.req_cons = page.req_prod = 0;
    cr_expect_eq(ring_serve(d1, &page), 0, "it is not served any more");
    page.connection = XENSTORE_RECONNECT;
    cr_expect_eq(ring_serve(d1, &page), RING_NOTIFY);
    cr_expect_eq(page.connection, XENSTORE_CONNECTED);
    cr_expect_eq(page.error, XENSTORE_ERROR_NONE);
    to_ring(&header, sizeof(header));
    ring_serve(d1, &page);
    cr_expect_eq(page.error, XENSTORE_ERROR_PROTO);
    EXPECT(d2, XS_MKDIR, "x|", "OK|");
}

Test(xenstored, a_full_ring_holds_the_requests_back)
{
    page = (struct xenstore_domain_interface){ 0 };
    ask(dom0, XS_SET_PERMS, "/local/domain/1|n1|");
    for (unsigned int i = 0; i < 10; i++)
        ask(d1, XS_WRITE, "v|0123456789012345678901234567890123456789012345678901234567890123456789");
    for (unsigned int round = 0; round < 200; round++) {
        while (page.req_prod - page.req_cons + 32 <= XENSTORE_RING_SIZE)
            ring_request(XS_READ, "v");
        ring_serve(d1, &page);
        cr_assert_leq(page.rsp_prod - page.rsp_cons, XENSTORE_RING_SIZE);
    }
    cr_expect_eq(page.rsp_prod - page.rsp_cons, XENSTORE_RING_SIZE);
    cr_expect_lt(d1->queued, 2 * XENSTORE_PAYLOAD_MAX);
}
