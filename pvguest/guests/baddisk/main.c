/* SPDX-License-Identifier: MIT */
/*
 * A guest that treats the backend of its first virtual disk badly. Arguments, in the order in which they are
 * done; each begins anew:
 *
 *     lasting      from now on lasting requests are agreed on (blkif_ring.h), and half of the requests are
 *     requests     rings full of random requests, all of which must be answered
 *     index        a request index that runs ahead
 *     nodes        ring and port numbers that are none
 *     states       every state, and what is none, in place of Connected with requests under way
 *     die-STATE    ends in that state: initialising, initialised, connected, closing, closed, or `again`: in
 *                  Initialising after Connected; from `connected` on with requests under way
 */
#include "pvguest/event_channel.h"
#include "pvguest/grant_table.h"
#include "pvguest/memory.h"
#include "pvguest/panic.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/xenbus.h"
#include "split_drivers/blkif_ring.h"
#include "split_drivers/ring.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/blkif.h>
#include <xen/sched.h>

#define ROUNDS   200
#define PATIENCE (20 * NSEC_PER_SEC)
#define PAGES    8 /* granted, for requests that are to be half right */

struct victim {
    struct xenbus_device bus;
    struct blkif_sring *shared;
    blkif_front_ring_t ring;
    grant_ref_t ring_ref, refs[PAGES];
    void *pages[PAGES];
    evtchn_port_t port;
    struct semaphore event;
    bool lasting;
};

static uint32_t seed = 1;

static uint32_t noise(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

static void ring_event(evtchn_port_t port, void *arg)
{
    struct victim *victim = arg;

    (void)port;
    semaphore_up(&victim->event);
}

static int wait_backend(struct victim *victim, unsigned int states)
{
    enum xenbus_state reached;

    return xenbus_wait_other(&victim->bus, states, time_ns() + PATIENCE, &reached);
}

/* From whatever state: the backend waits for us. */
static void begin(struct victim *victim)
{
    xenbus_switch_state(&victim->bus, XBT_NULL, XenbusStateClosed);
    wait_backend(victim, XENBUS_STATE(XenbusStateClosed) | XENBUS_STATE(XenbusStateInitWait));
    xenbus_switch_state(&victim->bus, XBT_NULL, XenbusStateInitialising);
    if (wait_backend(victim, XENBUS_STATE(XenbusStateInitWait)))
        panic("the backend does not take us any more");
}

static void publish(struct victim *victim, const char *ref, const char *port)
{
    struct xs_handle *xs = victim->bus.xs;

    xenbus_write(xs, XBT_NULL, victim->bus.node, "ring-ref", "%s", ref);
    xenbus_write(xs, XBT_NULL, victim->bus.node, "event-channel", "%s", port);
    xenbus_write(xs, XBT_NULL, victim->bus.node, "protocol", "x86_64-abi");
    xenbus_write(xs, XBT_NULL, victim->bus.node, "feature-persistent", "1");
    xenbus_write(xs, XBT_NULL, victim->bus.node, "lasting-requests", "%d", victim->lasting);
    xenbus_switch_state(&victim->bus, XBT_NULL, XenbusStateInitialised);
}

static void connect(struct victim *victim)
{
    char ref[16], port[16];

    begin(victim);
    memset(victim->shared, 0, PAGE_SIZE);
    XEN_FRONT_RING_INIT(&victim->ring, victim->shared, PAGE_SIZE);
    if (victim->port)
        evtchn_close(victim->port);
    if (evtchn_alloc_unbound(victim->bus.other_id, &victim->port) ||
        evtchn_set_handler(victim->port, ring_event, victim))
        panic("no port");
    evtchn_unmask(victim->port);
    snprintf(ref, sizeof(ref), "%u", victim->ring_ref);
    snprintf(port, sizeof(port), "%u", victim->port);
    publish(victim, ref, port);
    if (wait_backend(victim, XENBUS_STATE(XenbusStateConnected)))
        panic("the backend does not connect");
    xenbus_switch_state(&victim->bus, XBT_NULL, XenbusStateConnected);
}

static uint8_t lasting_mark(const struct victim *victim)
{
    return victim->lasting && noise() % 2 ? BLKIF_LASTING : 0;
}

/* Segments on a page to which the disk's own reads may write at the same time. */
static void fill_indirect(struct victim *victim, struct blkif_request_indirect *request)
{
    unsigned int page = noise() % PAGES;
    struct blkif_request_segment *segments = victim->pages[page];

    request->indirect_op = (uint8_t)(noise() % 8 ? noise() % 2 : noise());
    request->nr_segments = (uint16_t)(noise() % 8 ? 1 + noise() % 40 : noise());
    request->nr_segments |= lasting_mark(victim);
    request->sector_number = noise() % 4096;
    request->indirect_grefs[0] = noise() % 8 ? victim->refs[page] : noise() % 5000;
    for (unsigned int i = 0; i < 40; i++)
        segments[i] = (struct blkif_request_segment){ .gref = victim->refs[noise() % PAGES],
                                                      .first_sect = (uint8_t)(noise() % 64 ? 0 : noise()),
                                                      .last_sect = (uint8_t)(noise() % 64 ? 7 : noise()) };
}

/* Takes pages away that are in use, as far as the hypervisor lets us, and grants them anew. */
static void pull_grants(struct victim *victim)
{
    for (unsigned int i = 0; i < PAGES; i++) {
        unsigned int page = noise() % PAGES;

        gnttab_revoke_reserved(victim->refs[page]);
        gnttab_grant_reserved(victim->refs[page], victim->bus.other_id, virt_to_mfn(victim->pages[page]),
                              page % 4 == 3);
    }
}

/* Anything from noise to nearly right. */
static void put_request(struct victim *victim)
{
    blkif_request_t *request = RING_GET_REQUEST(&victim->ring, victim->ring.req_prod_pvt++);
    uint8_t *bytes = (uint8_t *)request;

    for (size_t i = 0; i < sizeof(*request); i++)
        bytes[i] = (uint8_t)noise();
    if (noise() % 8 == 0)
        return;
    request->operation = (uint8_t)(noise() % 8);
    if (request->operation == BLKIF_OP_INDIRECT) {
        fill_indirect(victim, (struct blkif_request_indirect *)request);
        return;
    }
    request->nr_segments = (uint8_t)(noise() % 14);
    request->nr_segments |= lasting_mark(victim);
    request->sector_number = noise() % 2 ? noise() % 4096 : (uint64_t)noise() << 40 | noise();
    for (unsigned int i = 0; i < BLKIF_MAX_SEGMENTS_PER_REQUEST; i++)
        request->seg[i] = (struct blkif_request_segment){
            .gref = noise() % 4 ? victim->refs[noise() % PAGES] : noise() % 5000,
            .first_sect = (uint8_t)(noise() % 9),
            .last_sect = (uint8_t)(noise() % 9),
        };
}

static bool all_answered(struct victim *victim)
{
    uint64_t deadline = time_ns() + PATIENCE;
    int notify;

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&victim->ring, notify);
    if (notify)
        evtchn_send(victim->port);
    pull_grants(victim);
    while (*(volatile RING_IDX *)&victim->shared->rsp_prod != victim->ring.req_prod_pvt) {
        victim->shared->rsp_event = victim->shared->rsp_prod + 1;
        if (*(volatile RING_IDX *)&victim->shared->rsp_prod != victim->ring.req_prod_pvt &&
            semaphore_down_until(&victim->event, deadline))
            return false;
    }
    return true;
}

static void do_requests(struct victim *victim)
{
    unsigned int good = 0, bad = 0;

    connect(victim);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned int count = 1 + noise() % RING_SIZE(&victim->ring);

        for (unsigned int i = 0; i < count; i++)
            put_request(victim);
        if (!all_answered(victim))
            panic("a request was not answered");
        for (; victim->ring.rsp_cons != victim->shared->rsp_prod; victim->ring.rsp_cons++)
            if (RING_GET_RESPONSE(&victim->ring, victim->ring.rsp_cons)->status == BLKIF_RSP_OKAY)
                good++;
            else
                bad++;
    }
    printf("baddisk: requests: %u done, %u refused\n", good, bad);
}

static void expect_closing(struct victim *victim, const char *what)
{
    if (wait_backend(victim, XENBUS_STATE(XenbusStateClosing)))
        panic("%s: the backend goes on", what);
    printf("baddisk: %s: closed\n", what);
}

static void do_lasting(struct victim *victim)
{
    victim->lasting = true;
}

static void do_index(struct victim *victim)
{
    connect(victim);
    victim->shared->req_prod = 1000;
    evtchn_send(victim->port);
    expect_closing(victim, "index");
}

static void do_nodes(struct victim *victim)
{
    static const char *const pairs[][2] = { { "x", "1" },     { "4294967295", "1" }, { "8", "99999999" },
                                            { "-1", "-1" },   { "8", "0" },          { "", "" },
                                            { "123456", "7" } };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        begin(victim);
        publish(victim, pairs[i][0], pairs[i][1]);
        expect_closing(victim, "nodes");
    }
}

static void fill_ring(struct victim *victim)
{
    connect(victim);
    for (unsigned int i = 0; i < RING_SIZE(&victim->ring); i++)
        put_request(victim);
    RING_PUSH_REQUESTS(&victim->ring);
    evtchn_send(victim->port);
}

static void do_states(struct victim *victim)
{
    static const char *const states[] = { "1", "2", "3", "4", "5", "6", "7", "8", "9", "-1", "x", "", "0" };

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        fill_ring(victim);
        xenbus_write(victim->bus.xs, XBT_NULL, victim->bus.node, "state", "%s", states[i]);
    }
    printf("baddisk: states: survived\n");
}

static void die(const char *where)
{
    printf("baddisk: %s\n", where);
    domain_shutdown(SHUTDOWN_poweroff);
}

static void die_initialising(struct victim *victim)
{
    begin(victim);
    die("initialising");
}

/* The backend may be mapping the ring meanwhile. */
static void die_initialised(struct victim *victim)
{
    char ref[16];

    begin(victim);
    snprintf(ref, sizeof(ref), "%u", victim->ring_ref);
    publish(victim, ref, "1");
    die("initialised");
}

static void die_connected(struct victim *victim)
{
    fill_ring(victim);
    die("connected");
}

static void die_closing(struct victim *victim)
{
    fill_ring(victim);
    xenbus_switch_state(&victim->bus, XBT_NULL, XenbusStateClosing);
    die("closing");
}

static void die_closed(struct victim *victim)
{
    fill_ring(victim);
    xenbus_switch_state(&victim->bus, XBT_NULL, XenbusStateClosed);
    die("closed");
}

static void die_again(struct victim *victim)
{
    fill_ring(victim);
    xenbus_switch_state(&victim->bus, XBT_NULL, XenbusStateInitialising);
    die("again");
}

static void init(struct victim *victim)
{
    static const char *const dir = "device/vbd";
    struct xs_handle *xs = xs_open(0);
    unsigned int nr = 0;
    char node[64], **names = xs ? xs_directory(xs, XBT_NULL, dir, &nr) : NULL;

    if (!nr)
        panic("there is no disk");
    snprintf(node, sizeof(node), "%s/%.20s", dir, names[0]);
    free(names);
    if (xenbus_init_frontend(&victim->bus, xs, node))
        panic("the disk has no backend");
    semaphore_init(&victim->event, 0);
    victim->shared = page_alloc_zeroed();
    victim->ring_ref =
        (grant_ref_t)gnttab_grant_access(victim->bus.other_id, virt_to_mfn(victim->shared), false);
    for (unsigned int i = 0; i < PAGES; i++) {
        victim->pages[i] = page_alloc_zeroed();
        victim->refs[i] =
            (grant_ref_t)gnttab_grant_access(victim->bus.other_id, virt_to_mfn(victim->pages[i]), i % 4 == 3);
    }
}

static const struct task {
    const char *name;
    void (*run)(struct victim *victim);
} tasks[] = {
    { "lasting", do_lasting },
    { "requests", do_requests },
    { "index", do_index },
    { "nodes", do_nodes },
    { "states", do_states },
    { "die-initialising", die_initialising },
    { "die-initialised", die_initialised },
    { "die-connected", die_connected },
    { "die-closing", die_closing },
    { "die-closed", die_closed },
    { "die-again", die_again },
};

/* A misspelt word must not look like a backend that bore everything. */
static const struct task *find_task(const char *name)
{
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
        if (!strcmp(name, tasks[i].name))
            return &tasks[i];
    panic("baddisk: '%s' is no task: see the head of pvguest/guests/baddisk/main.c", name);
}

int main(int argc, char **argv)
{
    static struct victim victim;

    for (int i = 1; i < argc; i++)
        find_task(argv[i]);
    init(&victim);
    for (int i = 1; i < argc; i++)
        find_task(argv[i])->run(&victim);
    return 0;
}
