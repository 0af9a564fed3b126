/* SPDX-License-Identifier: MIT */
/* What a domain's configuration means: defaults, limits, and what is refused. Lists of CPUs. */
/* unit-sources: dom0_tools/toolstack/domain_config.c dom0_tools/toolstack/cpu_list.c dom0_tools/config/config_file.c */
#include <criterion/criterion.h>
#include <string.h>

#include "dom0_tools/toolstack/cpu_list.h"
#include "dom0_tools/toolstack/domain_config.h"

#define LEAST "name='n'; kernel='/k'\n"

static char error[CONFIG_ERROR_SIZE];

static bool read_config(struct domain_config *config, const char *text)
{
    struct config_file file;
    bool ok;

    config_init(&file, "f");
    ok = config_parse(&file, text, strlen(text), error) && domain_config_read(config, &file, error);
    config_free(&file);
    return ok;
}

static void expect_error(const char *text, const char *expected)
{
    struct domain_config config;

    cr_expect_not(read_config(&config, text), "'%s' is taken", text);
    cr_expect_str_eq(error, expected);
}

Test(domain_config, defaults)
{
    struct domain_config c;

    cr_assert(read_config(&c, LEAST), "%s", error);
    cr_expect_str_eq(c.name, "n");
    cr_expect_str_eq(c.kernel, "/k");
    cr_expect_str_eq(c.cmdline, "");
    cr_expect_null(c.ramdisk);
    cr_expect_eq(c.type, DOMAIN_PV);
    cr_expect_eq(c.memory_kib, 32768);
    cr_expect_eq(c.max_memory_kib, 32768);
    cr_expect_eq(c.vcpus, 1);
    cr_expect_eq(c.max_vcpus, 1);
    cr_expect_not(c.has_uuid);
    cr_expect_eq(c.on[DOMAIN_END_POWEROFF], DOMAIN_DESTROY);
    cr_expect_eq(c.on[DOMAIN_END_REBOOT], DOMAIN_RESTART);
    cr_expect_eq(c.on[DOMAIN_END_CRASH], DOMAIN_DESTROY);
    cr_expect_eq(c.on[DOMAIN_END_WATCHDOG], DOMAIN_DESTROY);
    cr_expect_eq(c.max_event_channels, 1023);
    domain_config_free(&c);
}

Test(domain_config, everything)
{
    struct domain_config c;
    char uuid[UUID_TEXT_SIZE];

    cr_assert(read_config(&c, LEAST
                          "type='pvh'; ramdisk='/r'; memory=64; maxmem=128; vcpus=2; maxvcpus=4\n"
                          "cpus=['0', 1]; cpu_weight=512; cap=50; disk='d'; vif=['a','b']\n"
                          "uuid='01234567-89AB-cdef-0123-456789abcdef'; on_crash='preserve'\n"
                          "root='/dev/xvda1 ro'; extra='quiet'; max_grant_frames=8; event_channels=100"),
              "%s", error);
    uuid_format(uuid, c.uuid);
    cr_expect_str_eq(uuid, "01234567-89ab-cdef-0123-456789abcdef");
    cr_expect_eq(c.type, DOMAIN_PVH);
    cr_expect_str_eq(c.ramdisk, "/r");
    cr_expect_str_eq(c.cmdline, "root=/dev/xvda1 ro quiet");
    cr_expect_eq(c.max_memory_kib, 131072);
    cr_expect_eq(c.max_vcpus, 4);
    cr_assert_eq(c.nr_cpus, 2);
    cr_expect_str_eq(c.cpus[1], "1");
    cr_expect_eq(c.weight, 512);
    cr_expect_eq(c.cap, 50);
    cr_assert_eq(c.nr_disks, 1);
    cr_expect_str_eq(c.disk[0], "d");
    cr_expect_eq(c.nr_vifs, 2);
    cr_expect_eq(c.on[DOMAIN_END_CRASH], DOMAIN_PRESERVE);
    cr_expect_eq(c.max_grant_frames, 8);
    cr_expect_eq(c.max_event_channels, 100);
    domain_config_free(&c);
}

Test(domain_config, cmdline_is_the_whole)
{
    struct domain_config c;

    cr_assert(read_config(&c, LEAST "cmdline='all'; root='/x'; extra='y'"));
    cr_expect_str_eq(c.cmdline, "all");
    domain_config_free(&c);
}

Test(domain_config, refusals)
{
    expect_error("kernel='/k'", "f: there is no name: give the domain one with name=\"...\"");
    expect_error("name='n'", "f: there is no kernel: name its file with kernel=\"...\"");
    expect_error("kernel='/k'; name='a b'",
                 "f:1:19: the name 'a b' holds something else than letters, digits and _ - . : +");
    expect_error("kernel='/k'; name='1234567890123456789012345678901234567890123456789012345678901234'",
                 "f:1:19: the name has more than 63 characters");
    expect_error(LEAST "memory=0", "f:2:8: memory is 0 and has to be between 1 and 1073741824");
    expect_error(LEAST "memory=10\nmaxmem=9", "f:3:8: maxmem is 9 and has to be between 10 and 1073741824");
    expect_error(LEAST "vcpus=4; maxvcpus=2", "f:2:19: maxvcpus is 2 and has to be between 4 and 512");
    expect_error(LEAST "type='arm'", "f:2:6: type is 'arm' and has to be one of pv, pvh, hvm");
    expect_error(LEAST "uuid='x'", "f:2:6: uuid is 'x' and has to be 32 hexadecimal digits");
    expect_error(LEAST "vif=[['a']]", "f:2:6: vif is a list of strings, and this item is a list");
    expect_error(LEAST "disk=['a', ['b']]", "f:2:12: disk is a list of strings, and this item is a list");
    expect_error(LEAST "cpu_weight=0", "f:2:12: cpu_weight is 0 and has to be between 1 and 65535");
    expect_error(LEAST "on_reboot='sleep'",
                 "f:2:11: on_reboot is 'sleep' and has to be one of destroy, restart, "
                 "rename-restart, preserve, coredump-destroy, coredump-restart");
}

Test(domain_config, uuids)
{
    xen_domain_handle_t uuid;

    cr_expect(uuid_parse(uuid, "00000000000000000000000000000001"));
    cr_expect_eq(uuid[15], 1);
    cr_expect_not(uuid_parse(uuid, "0000000000000000000000000000000"));
    cr_expect_not(uuid_parse(uuid, "000000000000000000000000000000012"));
    cr_expect_not(uuid_parse(uuid, "g0000000000000000000000000000000"));
}

static void expect_cpus(const char *text, uint32_t nr_cpus, uint32_t expected)
{
    uint8_t map[5] = { 0 };

    cr_assert_null(cpu_list_parse(text, map, nr_cpus), "%s", text);
    cr_expect_eq(map[0] | map[1] << 8, expected, "%s: %x", text, (unsigned int)(map[0] | map[1] << 8));
}

Test(cpu_list, lists)
{
    expect_cpus("0", 4, 0x1);
    expect_cpus("all", 4, 0xf);
    expect_cpus("0-2,5", 8, 0x27);
    expect_cpus("0-3,^1", 8, 0xd);
    expect_cpus("all,^0", 12, 0xffe);
    expect_cpus("2-99", 4, 0xc);
}

Test(cpu_list, refusals)
{
    static const char *const bad[] = { "", "x", "1-", "3-1", "1,", "-1", "1 2", "^", "4", "0,^0", "alle" };
    uint8_t map[2];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_not_null(cpu_list_parse(bad[i], map, 4), "'%s' is taken", bad[i]);
}
