/* SPDX-License-Identifier: MIT */
/*
 * A network frontend that misbehaves: rings that say the impossible, wrong keys in xenstore, a kernel that is
 * replaced at any time. After each the backend must have closed the device, or answered with an error, and
 * must take the next frontend; at the end an ordinary one. Prints "Test result: ...".
 */
#include "pvguest/event_channel.h"
#include "pvguest/grant_table.h"
#include "pvguest/memory.h"
#include "pvguest/panic.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/xenbus.h"
#include "split_drivers/ring.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/netif.h>
#include <xen/sched.h>

#define PATIENCE  (30 * NSEC_PER_SEC)
#define FRAME     60
#define BAD_GRANT 0xdeadU

static struct xs_handle *xs;
static struct xenbus_device device;
static netif_tx_sring_t *tx;
static netif_rx_sring_t *rx;
static uint8_t *data;
static grant_ref_t tx_ref, rx_ref, data_ref;
static evtchn_port_t port;

static void check(bool good, const char *what)
{
    if (good)
        return;
    printf("%s\nTest result: FAILURE\n", what);
    fflush(stdout);
    domain_shutdown(SHUTDOWN_crash);
}

static void wait_for(unsigned int states, const char *what)
{
    enum xenbus_state state;

    check(xenbus_wait_other(&device, states, time_ns() + PATIENCE, &state) == 0, what);
}

static void set(const char *key, const char *value)
{
    check(xenbus_write(xs, XBT_NULL, device.node, key, "%s", value) == 0, key);
}

static void set_number(const char *key, unsigned int value)
{
    check(xenbus_write(xs, XBT_NULL, device.node, key, "%u", value) == 0, key);
}

/* Right keys, for fresh rings. */
static void prepare(void)
{
    device.state = XenbusStateUnknown;
    xenbus_switch_state(&device, XBT_NULL, XenbusStateInitialising);
    wait_for(XENBUS_STATE(XenbusStateInitWait), "the backend does not wait for a new frontend");
    SHARED_RING_INIT(tx);
    SHARED_RING_INIT(rx);
    check(evtchn_alloc_unbound(device.other_id, &port) == 0, "event channel");
    xenbus_remove(xs, XBT_NULL, device.node, "multi-queue-num-queues");
    set_number("tx-ring-ref", tx_ref);
    set_number("rx-ring-ref", rx_ref);
    set_number("event-channel", port);
    set("request-rx-copy", "1");
    set("feature-sg", "1");
}

static void connect(void)
{
    xenbus_switch_state(&device, XBT_NULL, XenbusStateConnected);
}

static void close_down(void)
{
    xenbus_switch_state(&device, XBT_NULL, XenbusStateClosed);
    wait_for(XENBUS_STATE(XenbusStateClosed), "the backend does not close");
    evtchn_close(port);
}

static void push(grant_ref_t ref, uint16_t offset, uint16_t size, uint16_t flags)
{
    tx->ring[tx->req_prod & 255].req =
        (netif_tx_request_t){ .gref = ref, .offset = offset, .flags = flags, .id = 1, .size = size };
    xen_wmb();
    tx->req_prod++;
}

static void push_extra(uint8_t type, uint16_t size)
{
    netif_extra_info_t extra = { .type = type };

    extra.u.gso.size = size;
    extra.u.gso.type = XEN_NETIF_GSO_TYPE_TCPV4;
    memcpy(&tx->ring[tx->req_prod & 255], &extra, sizeof(extra));
    xen_wmb();
    tx->req_prod++;
}

/* ---- what it does to the rings of a connected device ---- */

static void impossible_index(void)
{
    tx->req_prod = 0x80000000;
}

static void across_a_page(void)
{
    push(data_ref, 4090, FRAME, 0);
}

static void no_last_slot(void)
{
    for (unsigned int i = 0; i < 3; i++)
        push(data_ref, 0, FRAME, NETTXF_more_data);
}

static void endless_packet(void)
{
    for (unsigned int i = 0; i < 256; i++)
        push(data_ref, 0, i ? 1 : 60000, NETTXF_more_data);
}

static void unknown_extra(void)
{
    push(data_ref, 0, FRAME, NETTXF_extra_info);
    push_extra(200, 0);
}

static void segments_of_nothing(void)
{
    push(data_ref, 0, FRAME, NETTXF_extra_info);
    push_extra(XEN_NETIF_EXTRA_TYPE_GSO, 0);
}

static void garbage(void)
{
    uint8_t *bytes = (uint8_t *)tx;

    for (size_t i = 64; i < PAGE_SIZE; i++)
        bytes[i] = (uint8_t)(rand() >> 7);
    tx->req_prod = 256;
}

static const struct {
    const char *name;
    void (*fn)(void);
} attacks[] = {
    { "impossible index", impossible_index },
    { "slot across a page", across_a_page },
    { "no last slot", no_last_slot },
    { "endless packet", endless_packet },
    { "unknown extra", unknown_extra },
    { "segments of nothing", segments_of_nothing },
    { "garbage", garbage },
};

static void attack(size_t i)
{
    prepare();
    connect();
    wait_for(XENBUS_STATE(XenbusStateConnected), "the backend does not connect");
    attacks[i].fn();
    evtchn_send(port);
    wait_for(XENBUS_STATE(XenbusStateClosing), attacks[i].name);
    close_down();
    printf("netbad: %s: closed\n", attacks[i].name);
}

/* ---- wrong keys ---- */

static const struct {
    const char *key, *value;
} wrong[] = {
    { "tx-ring-ref", "4000000000" }, { "rx-ring-ref", "-1" },
    { "tx-ring-ref", "" },           { "event-channel", "99999999" },
    { "event-channel", "port" },     { "multi-queue-num-queues", "100000" },
    { "request-rx-copy", "0" },      { "multi-queue-num-queues", "2" },
};

static void attack_keys(size_t i)
{
    prepare();
    set(wrong[i].key, wrong[i].value);
    connect();
    wait_for(XENBUS_STATE(XenbusStateClosing), wrong[i].key);
    close_down();
    printf("netbad: %s=%s: closed\n", wrong[i].key, wrong[i].value);
}

/* ---- what costs a packet only, and the end ---- */

static int16_t answer_to(grant_ref_t ref)
{
    uint64_t end = time_ns() + PATIENCE;
    RING_IDX at = tx->req_prod;

    memset(data, 0xff, 6);
    push(ref, 0, FRAME, 0);
    evtchn_send(port);
    while (*(volatile RING_IDX *)&tx->rsp_prod != at + 1)
        check(time_ns() < end, "no response");
    return tx->ring[at & 255].rsp.status;
}

/* The rings are full of live requests when a new kernel takes over, which says so by its state. */
static void be_replaced(void)
{
    prepare();
    connect();
    wait_for(XENBUS_STATE(XenbusStateConnected), "the backend does not connect");
    for (unsigned int i = 0; i < 100; i++)
        push(data_ref, 0, FRAME, 0);
    evtchn_send(port);
    evtchn_close(port);
    printf("netbad: replaced\n");
}

static void make_pages(void)
{
    tx = page_alloc_zeroed();
    rx = page_alloc_zeroed();
    data = page_alloc_zeroed();
    tx_ref = (grant_ref_t)gnttab_grant_access(device.other_id, virt_to_mfn(tx), false);
    rx_ref = (grant_ref_t)gnttab_grant_access(device.other_id, virt_to_mfn(rx), false);
    data_ref = (grant_ref_t)gnttab_grant_access(device.other_id, virt_to_mfn(data), true);
}

/* It is attached whenever whoever does so finds the time. */
static void find_device(void)
{
    xs = xs_open(0);
    check(xs != NULL, "xenstore");
    while (xenbus_init_frontend(&device, xs, "device/vif/0") != 0)
        thread_sleep(10 * NSEC_PER_MSEC);
}

int main(void)
{
    find_device();
    make_pages();
    for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
        attack(i);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        attack_keys(i);
    be_replaced();
    prepare();
    connect();
    wait_for(XENBUS_STATE(XenbusStateConnected), "the backend does not connect at the end");
    check(answer_to(BAD_GRANT) == NETIF_RSP_ERROR, "a bad grant is taken for good");
    check(answer_to(data_ref) == NETIF_RSP_OKAY, "a good packet is refused");
    close_down();
    printf("Test result: SUCCESS\n");
    return 0;
}
