/* SPDX-License-Identifier: MIT */
/* The DHCP server of an inside network. */
/* unit-sources: split_drivers/dhcp_server.c split_drivers/packet.c */
#include <criterion/criterion.h>

#include "split_drivers/dhcp_server.h"
#include "tests/unit/fake_pages.h"
#include "tests/unit/frames.h"

#define SERVER 0xc0a84d01U
#define FIRST  0xc0a84d0aU

static struct dhcp_pool pool;
static uint8_t message[DHCP_MESSAGE], reply[DHCP_MESSAGE];
static uint64_t now;

static void setup(void)
{
    pool = (struct dhcp_pool){ .server = SERVER, .netmask = 0xffffff00, .first = FIRST };
    now = 1;
}

TestSuite(dhcp_server, .init = setup);

/* Type 0: no such option. */
static size_t ask(uint8_t type, unsigned int client, uint32_t requested, uint32_t server)
{
    uint8_t *at = message + 240;

    memset(message, 0, sizeof(message));
    message[0] = message[1] = 1;
    message[2] = 6;
    put32(message + 4, 0xdeadbeef);
    put32(message + 28, 0x00163e00);
    put16(message + 32, (uint16_t)client);
    put32(message + 236, 0x63825363);
    if (type) {
        at[0] = 53, at[1] = 1, at[2] = type;
        at += 3;
    }
    if (requested) {
        at[0] = 50, at[1] = 4;
        put32(at + 2, requested);
        at += 6;
    }
    if (server) {
        at[0] = 54, at[1] = 4;
        put32(at + 2, server);
        at += 6;
    }
    *at++ = 255;
    return dhcp_answer(&pool, message, (size_t)(at - message), now++, reply);
}

static void expect(uint8_t type, uint32_t address)
{
    cr_expect_eq(reply[0], 2);
    cr_expect_eq(get32(reply + 4), 0xdeadbeef);
    cr_expect_eq(reply[242], type);
    cr_expect_eq(get32(reply + 16), address);
}

Test(dhcp_server, four_messages)
{
    cr_assert_geq(ask(1, 1, 0, 0), 300);
    expect(2, FIRST);
    cr_assert(ask(3, 1, FIRST, SERVER));
    expect(5, FIRST);
    cr_assert(ask(1, 2, 0, 0));
    expect(2, FIRST + 1);
    cr_assert(ask(1, 1, 0, 0));
    expect(2, FIRST);
}

Test(dhcp_server, another_address_is_refused)
{
    cr_assert(ask(3, 1, FIRST + 100, 0));
    expect(6, 0);
}

Test(dhcp_server, other_servers_business)
{
    cr_expect_eq(ask(3, 1, FIRST, SERVER + 1), 0);
    cr_expect_eq(ask(0, 1, 0, 0), 0);
    cr_expect_eq(ask(4, 1, 0, 0), 0);
}

Test(dhcp_server, the_longest_unused_makes_room)
{
    for (unsigned int i = 0; i < DHCP_LEASES; i++) {
        cr_assert(ask(1, i, 0, 0));
        expect(2, FIRST + i);
    }
    ask(1, 0, 0, 0);
    ask(1, 1000, 0, 0);
    expect(2, FIRST + 1);
    ask(1, 0, 0, 0);
    expect(2, FIRST);
}

Test(dhcp_server, malformed)
{
    size_t length = 240;

    ask(1, 1, 0, 0);
    for (length = 0; length < 243; length++)
        cr_expect_eq(dhcp_answer(&pool, message, length, 1, reply), 0, "%zu bytes", length);
    message[241] = 200;
    cr_expect_eq(dhcp_answer(&pool, message, 244, 1, reply), 0);
    ask(1, 1, 0, 0);
    message[236] = 0;
    cr_expect_eq(dhcp_answer(&pool, message, 260, 1, reply), 0);
}
