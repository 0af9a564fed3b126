/* SPDX-License-Identifier: MIT */
/* Address translation for domains on an inside network. */
/* unit-sources: split_drivers/nat.c split_drivers/packet.c */
#include <criterion/criterion.h>

#include "split_drivers/nat.h"
#include "tests/unit/fake_pages.h"
#include "tests/unit/frames.h"

#define OUTSIDE 0x0a00020fU
#define SECOND  1000000000ULL

static struct nat nat;
static struct frame frame;

static void setup(void)
{
    nat_init(&nat);
}

static void teardown(void)
{
    nat_free(&nat);
    cr_expect_eq(nat.nr, 0);
}

TestSuite(nat, .init = setup, .fini = teardown);

static uint8_t *make(uint8_t protocol, uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port)
{
    uint8_t *ip = frame.data + 14;

    frame_make(&frame, false, protocol, 64);
    put32(ip + 12, from);
    put32(ip + 16, to);
    put16(ip + 20, from_port);
    put16(ip + 22, to_port);
    ip[33] = 0x10;
    return ip;
}

static uint8_t *make_echo(uint8_t type, uint32_t from, uint32_t to, uint16_t number)
{
    uint8_t *ip = make(PROTOCOL_UDP, from, 0, to, 0);

    ip[9] = 1;
    memset(ip + 20, 0, 8);
    ip[20] = type;
    put16(ip + 24, number);
    put16(ip + 22, (uint16_t)~frame_sum(0, ip + 20, 72));
    return ip;
}

static bool header_is_right(const uint8_t *ip)
{
    return frame_sum(0, ip, 20) == 0xffff;
}

static enum nat_verdict out(uint8_t *ip, uint64_t now)
{
    return nat_outwards(&nat, ip, frame.length - 14, OUTSIDE, now);
}

static enum nat_verdict in(uint8_t *ip, uint64_t now)
{
    return nat_inwards(&nat, ip, frame.length - 14, now);
}

Test(nat, there_and_back)
{
    static const uint8_t protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP };

    for (size_t i = 0; i < 2; i++) {
        uint8_t *ip = make(protocols[i], 0xc0a84d0a, 4000, 0x01020304, 80);
        uint16_t port;

        cr_assert_eq(out(ip, SECOND), NAT_PASS);
        cr_expect_eq(get32(ip + 12), OUTSIDE);
        cr_expect_eq(get32(ip + 16), 0x01020304);
        cr_expect_eq(get16(ip + 22), 80);
        cr_expect_eq(ip[8], 63);
        cr_expect(header_is_right(ip));
        port = get16(ip + 20);
        cr_expect(port >= NAT_FIRST_PORT && port < NAT_FIRST_PORT + NAT_PORTS);
        ip = make(protocols[i], 0x01020304, 80, OUTSIDE, port);
        cr_assert_eq(in(ip, SECOND), NAT_PASS);
        cr_expect_eq(get32(ip + 16), 0xc0a84d0a);
        cr_expect_eq(get16(ip + 22), 4000);
        cr_expect(header_is_right(ip));
        /* The same connection keeps its port. */
        ip = make(protocols[i], 0xc0a84d0a, 4000, 0x01020304, 80);
        out(ip, SECOND);
        cr_expect_eq(get16(ip + 20), port);
    }
}

Test(nat, echo)
{
    uint8_t *ip = make_echo(8, 0xc0a84d0a, 0x01020304, 7);
    uint16_t number;

    cr_assert_eq(out(ip, SECOND), NAT_PASS);
    cr_expect_eq(frame_sum(0, ip + 20, 72), 0xffff);
    number = get16(ip + 24);
    ip = make_echo(0, 0x01020304, OUTSIDE, number);
    cr_assert_eq(in(ip, SECOND), NAT_PASS);
    cr_expect_eq(get16(ip + 24), 7);
    cr_expect_eq(get32(ip + 16), 0xc0a84d0a);
    cr_expect_eq(frame_sum(0, ip + 20, 72), 0xffff);
}

Test(nat, only_who_was_called_gets_in)
{
    uint8_t *ip = make(PROTOCOL_TCP, 0xc0a84d0a, 4000, 0x01020304, 80);
    uint16_t port;

    out(ip, SECOND);
    port = get16(ip + 20);
    cr_expect_eq(in(make(PROTOCOL_TCP, 0x01020305, 80, OUTSIDE, port), SECOND), NAT_NONE);
    cr_expect_eq(in(make(PROTOCOL_TCP, 0x01020304, 81, OUTSIDE, port), SECOND), NAT_NONE);
    cr_expect_eq(in(make(PROTOCOL_UDP, 0x01020304, 80, OUTSIDE, port), SECOND), NAT_NONE);
    cr_expect_eq(in(make(PROTOCOL_TCP, 0x01020304, 80, OUTSIDE, (uint16_t)(port + 1)), SECOND), NAT_NONE);
    cr_expect_eq(in(make(PROTOCOL_TCP, 0x01020304, 80, OUTSIDE, port), SECOND), NAT_PASS);
}

Test(nat, entries_expire)
{
    uint8_t *ip = make(PROTOCOL_UDP, 0xc0a84d0a, 4000, 0x01020304, 53);
    uint16_t port;

    out(ip, SECOND);
    port = get16(ip + 20);
    cr_expect_eq(in(make(PROTOCOL_UDP, 0x01020304, 53, OUTSIDE, port), 100 * SECOND), NAT_PASS);
    cr_expect_eq(in(make(PROTOCOL_UDP, 0x01020304, 53, OUTSIDE, port), 219 * SECOND), NAT_PASS);
    cr_expect_eq(in(make(PROTOCOL_UDP, 0x01020304, 53, OUTSIDE, port), 400 * SECOND), NAT_NONE);
    /* A closed connection goes soon. */
    ip = make(PROTOCOL_TCP, 0xc0a84d0a, 4000, 0x01020304, 80);
    ip[33] = 0x04;
    out(ip, 500 * SECOND);
    port = get16(ip + 20);
    cr_expect_eq(in(make(PROTOCOL_TCP, 0x01020304, 80, OUTSIDE, port), 559 * SECOND), NAT_PASS);
    cr_expect_eq(in(make(PROTOCOL_TCP, 0x01020304, 80, OUTSIDE, port), 700 * SECOND), NAT_NONE);
}

Test(nat, one_host_cannot_take_all)
{
    uint8_t *ip = make(PROTOCOL_TCP, 0xc0a84d0b, 4000, 0x01020304, 80);
    uint16_t port;

    out(ip, SECOND);
    port = get16(ip + 20);
    for (unsigned i = 0; i < 3 * NAT_ENTRIES; i++)
        cr_assert_eq(out(make(PROTOCOL_UDP, 0xc0a84d0a, (uint16_t)i, 0x01020304, 53), SECOND), NAT_PASS);
    cr_expect_eq(nat.nr, NAT_PER_HOST + 1);
    cr_expect_eq(in(make(PROTOCOL_TCP, 0x01020304, 80, OUTSIDE, port), SECOND), NAT_PASS);
}

Test(nat, what_cannot_be_translated)
{
    uint8_t *ip = make(PROTOCOL_UDP, 0xc0a84d0a, 4000, 0x01020304, 53);

    ip[6] = 0x20; /* a fragment */
    cr_expect_eq(out(ip, SECOND), NAT_DROP);
    ip = make(PROTOCOL_UDP, 0xc0a84d0a, 4000, 0x01020304, 53);
    ip[8] = 1;
    cr_expect_eq(out(ip, SECOND), NAT_DROP);
    ip = make(PROTOCOL_UDP, 0xc0a84d0a, 4000, 0x01020304, 53);
    ip[9] = 47;
    cr_expect_eq(out(ip, SECOND), NAT_DROP);
    ip = make(PROTOCOL_TCP, 0xc0a84d0a, 4000, 0x01020304, 80);
    for (size_t length = 0; length < 40; length++)
        cr_expect_eq(nat_outwards(&nat, ip, length, OUTSIDE, SECOND), NAT_DROP, "%zu bytes", length);
    ip[0] = 0x44;
    cr_expect_eq(out(ip, SECOND), NAT_DROP);
}
