/* SPDX-License-Identifier: MIT */
/*
 * emul_ports: in, out, ins and outs under virtual IOPL and the I/O bitmap.
 *
 * What:     set_iopl, set_iobitmap, and port access of all sizes from kernel and user mode.
 * Why:      X servers and drivers in PV guests; and nobody may reach a port that is not his.
 * Method:   port 0x80 (POST code), with IOPL 0, 1 and 3, then by bitmap from user mode.
 * Expected: IOPL 0: #GP in both modes; 1: the kernel may; 3: user mode too; a clear bit in the bitmap
 *           lets user mode in. -EINVAL for IOPL 4. A denied or absent port reads all-ones. cli and sti
 *           are ignored when IOPL allows.
 * Xen:      the same. Access in a domain without rights to the port reads all-ones.
 */
#include "tests/guests/framework/guest.h"

#define PORT 0xee00

static uint8_t bitmap[8192];

static void use_port(void *unused)
{
    uint32_t value = 0;

    (void)unused;
    asm volatile("in %w1, %b0" : "=a"(value) : "d"(PORT));
    asm volatile("out %b0, %w1" : : "a"(0), "d"(PORT));
    asm volatile("in %w1, %w0" : "=a"(value) : "d"(PORT));
    asm volatile("in %w1, %0" : "=a"(value) : "d"(PORT));
    if (value != 0xffffffff)
        asm volatile("ud2");
}

static void use_string(void *unused)
{
    uint8_t buffer[8] = { 0 };
    void *to = buffer;
    uint64_t count = 4;

    (void)unused;
    asm volatile("rep insb" : "+D"(to), "+c"(count) : "d"(PORT) : "memory");
    if (to != buffer + 4 || count || buffer[3] != 0xff || buffer[4])
        asm volatile("ud2");
    to = buffer;
    count = 4;
    asm volatile("rep outsb" : "+S"(to), "+c"(count) : "d"(PORT) : "memory");
    if (to != buffer + 4 || count)
        asm volatile("ud2");
}

static void use_cli(void *unused)
{
    (void)unused;
    asm volatile("cli; sti");
}

static long in_user(uint64_t fn)
{
    ((void (*)(void *))fn)(NULL);
    return 0;
}

static int user_vector(void (*fn)(void *))
{
    const struct trap_record *r = user_catch(in_user, (uint64_t)fn, NULL);

    return r ? (int)r->regs.vector : -1;
}

static long set_iopl(uint32_t iopl)
{
    struct physdev_set_iopl op = { .iopl = iopl };

    return hc_physdev(PHYSDEVOP_set_iopl, &op);
}

static void check_level(uint32_t iopl, int kernel, int user)
{
    CHECK_EQ(set_iopl(iopl), 0);
    CHECK_EQ(trap_vector_of(use_port, NULL), kernel);
    CHECK_EQ(trap_vector_of(use_string, NULL), kernel);
    CHECK_EQ(trap_vector_of(use_cli, NULL), kernel);
    CHECK_EQ(user_vector(use_port), user);
    CHECK_EQ(user_vector(use_string), user);
    CHECK_EQ(user_vector(use_cli), user);
    CHECK_EQ(this_cpu()->info->evtchn_upcall_mask, 1);
}

static long set_bitmap(void *map, uint32_t ports)
{
    struct physdev_set_iobitmap op = { .nr_ports = ports };

    set_xen_guest_handle_raw(op.bitmap, map);
    return hc_physdev(PHYSDEVOP_set_iobitmap, &op);
}

static void test(void)
{
    check_level(0, VEC_GP, VEC_GP);
    check_level(1, -1, VEC_GP);
    check_level(2, -1, VEC_GP);
    check_level(3, -1, -1);
    CHECK_EQ(set_iopl(4), -XEN_EINVAL);
    CHECK_EQ(set_iopl(0), 0);
    memset(bitmap, 0xff, sizeof(bitmap));
    CHECK_EQ(set_bitmap(bitmap, 65536), 0);
    CHECK_EQ(user_vector(use_port), VEC_GP);
    bitmap[PORT / 8] = 0xf0;
    CHECK_EQ(user_vector(use_port), -1);
    CHECK_EQ(trap_vector_of(use_port, NULL), -1);
    bitmap[PORT / 8] = 0xf8;
    CHECK_EQ(user_vector(use_port), VEC_GP);
    CHECK_EQ(set_bitmap(bitmap, PORT), 0);
    CHECK_EQ(user_vector(use_port), VEC_GP);
    CHECK_EQ(set_bitmap(bitmap, 65537), -XEN_EINVAL);
    CHECK_EQ(set_bitmap(NULL, 0), 0);
}

GUEST_TEST(test);
