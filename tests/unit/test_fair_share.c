/* SPDX-License-Identifier: MIT */
/* Fair sharing of a device, with clients that keep so many requests under way and a device that serves one
 * after the other in the order in which it got them. */
/* unit-sources: split_drivers/fair_share.c */
#include <criterion/criterion.h>
#include <stddef.h>

#include "split_drivers/fair_share.h"

#define CLIENTS 8
#define QUEUE   1024

struct client {
    struct fair_flow flow; /* first: one is found by the other */
    unsigned int depth;    /* requests that it has at the device or waiting; 0: it sends no more */
    uint64_t cost;
    unsigned int waiting;
    uint64_t served; /* sum of costs */
};

static struct fair_share share;
static struct client clients[CLIENTS];
static struct client *queue[QUEUE]; /* at the device, first come first served */
static unsigned int head, tail;
static uint64_t now;

static void add_client(unsigned int n, unsigned int depth, uint64_t cost)
{
    clients[n] = (struct client){ .depth = depth, .cost = cost, .waiting = depth };
    fair_share_join(&share, &clients[n].flow);
}

static void begin(void)
{
    fair_share_init(&share);
    head = tail = 0;
    now = 1;
}

static bool ready(const struct fair_flow *flow)
{
    return ((const struct client *)flow)->waiting;
}

static void dispatch(void)
{
    struct fair_flow *flow;

    while (fair_share_has_room(&share, now) && (flow = fair_share_next(&share, ready)) && ready(flow)) {
        struct client *client = (struct client *)flow;

        client->waiting--;
        fair_share_begin(&share, flow, client->cost, now);
        queue[tail++ % QUEUE] = client;
        cr_assert_leq(tail - head, QUEUE);
    }
}

/* The device serves `count` requests, each for 1000 ns a unit of cost; a client sends the next at once. */
static void serve(unsigned int count)
{
    for (dispatch(); count-- && head != tail; dispatch()) {
        struct client *client = queue[head++ % QUEUE];

        now += client->cost * 1000;
        client->served += client->cost;
        client->waiting += client->depth != 0;
        fair_share_end(&share, &client->flow, now);
    }
}

static void check_shares(unsigned int a, unsigned int b)
{
    double ratio = (double)clients[a].served / (double)clients[b].served;

    cr_assert(ratio > 0.9 && ratio < 1.1, "client %u got %lu, client %u %lu", a,
              (unsigned long)clients[a].served, b, (unsigned long)clients[b].served);
}

Test(fair_share, a_lone_client_is_not_limited)
{
    begin();
    add_client(0, 64, 5);
    serve(0);
    cr_assert_eq(share.under_way, 64);
}

Test(fair_share, depth_buys_nothing)
{
    begin();
    add_client(0, 64, 5);
    add_client(1, 8, 5);
    serve(10000);
    check_shares(0, 1);
}

Test(fair_share, service_is_equal_not_requests)
{
    begin();
    add_client(0, 64, 36);
    add_client(1, 8, 5);
    add_client(2, 16, 12);
    serve(20000);
    check_shares(0, 1);
    check_shares(0, 2);
}

Test(fair_share, who_comes_late_gets_the_same_from_then_on)
{
    begin();
    add_client(0, 64, 5);
    serve(10000);
    cr_assert_eq(share.under_way, 64);
    clients[0].served = 0;
    add_client(1, 8, 5);
    serve(10000);
    check_shares(0, 1);
}

Test(fair_share, who_was_idle_has_no_credit)
{
    begin();
    add_client(0, 64, 5);
    add_client(1, 0, 5);
    serve(10000);
    clients[0].served = 0;
    clients[1].depth = clients[1].waiting = 8;
    serve(10000);
    check_shares(0, 1);
}

Test(fair_share, the_limit_goes_when_the_other_has_been_idle)
{
    begin();
    add_client(0, 64, 5);
    add_client(1, 8, 5);
    serve(100);
    cr_assert_leq(share.under_way, 2 * FAIR_SHARE_SLOTS);
    clients[1].depth = clients[1].waiting = 0;
    while (clients[1].flow.under_way)
        serve(1);
    cr_assert_leq(share.under_way, 2 * FAIR_SHARE_SLOTS, "it may still come back");
    now += FAIR_SHARE_LINGER;
    serve(1);
    cr_assert_eq(share.under_way, 64);
}

Test(fair_share, many_clients_and_one_that_leaves)
{
    begin();
    for (unsigned int i = 0; i < CLIENTS; i++)
        add_client(i, 1U << i % 7, 5);
    serve(30000);
    /* Those that have always something to wait for. */
    for (unsigned int i = 4; i < 7; i++)
        check_shares(3, i);
    clients[6].depth = clients[6].waiting = 0;
    while (clients[6].flow.under_way)
        serve(1);
    fair_share_leave(&share, &clients[6].flow);
    for (unsigned int i = 0; i < CLIENTS; i++)
        clients[i].served = 0;
    serve(30000);
    check_shares(3, 5);
}
