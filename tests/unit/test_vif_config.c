/* SPDX-License-Identifier: MIT */
/* The syntax of a vif: what xl-network-configuration(5) allows, and what is refused. */
/* unit-sources: dom0_tools/device/vif_config.c */
#include <criterion/criterion.h>
#include <string.h>

#include "dom0_tools/device/vif.h"

static struct vif_config config;
static char error[256];

static bool parse(const char *text)
{
    error[0] = '\0';
    return vif_config_parse(text, &config, error, sizeof(error));
}

Test(vif_config, nothing_said)
{
    cr_assert(parse(""));
    cr_expect_eq(config.devid, -1);
    cr_expect_not(config.has_mac);
    cr_expect(config.trusted);
    cr_expect_eq(config.mtu, 0);
    cr_expect_str_eq(config.bridge, "");
}

Test(vif_config, all_keys)
{
    cr_assert(parse(" mac=00:16:3e:01:02:ff , bridge=natbr0,ip=10.0.0.1 10.0.0.2,vifname=web,model=e1000,"
                    "type=vif,rate=10Mb/s@20ms,devid=3,mtu=9000,trusted=0,backend=Domain-0,"
                    "script=/etc/xen/scripts/vif-bridge"),
              "%s", error);
    cr_expect_eq(memcmp(config.mac, "\0\x16\x3e\x01\x02\xff", 6), 0);
    cr_expect_str_eq(config.bridge, "natbr0");
    cr_expect_str_eq(config.ip, "10.0.0.1 10.0.0.2");
    cr_expect_str_eq(config.name, "web");
    cr_expect_eq(config.rate_bytes, 25000);
    cr_expect_eq(config.rate_interval_us, 20000);
    cr_expect_str_eq(config.backend, "Domain-0");
    cr_expect_eq(config.devid, 3);
    cr_expect_eq(config.mtu, 9000);
    cr_expect_not(config.trusted);
    cr_expect_str_eq(config.script, "/etc/xen/scripts/vif-bridge");
}

/* A script is what it would do. */
Test(vif_config, scripts)
{
    cr_assert(parse("script=vif-nat"));
    cr_expect_str_eq(config.bridge, "natbr0");
    cr_assert(parse("script=vif-nat,bridge=xenbr0"));
    cr_expect_str_eq(config.bridge, "xenbr0");
    cr_assert(parse("script=vif-bridge"));
    cr_expect_str_eq(config.bridge, "");
    cr_expect_not(parse("script=vif-route"));
    cr_expect(strstr(error, "'vif-route' cannot be run"), "%s", error);
    cr_expect_not(parse("script=/bin/vif-bridge/own"));
}

Test(vif_config, what_is_refused)
{
    static const char *const texts[] = {
        "mac=01:16:3e:01:02:ff",
        "mac=00:16:3e:01:02",
        "mtu=67",
        "mtu=65522",
        "mtu=9k",
        "rate=10",
        "rate=0Mb/s",
        "devid=256",
        "type=pci",
        "colour=red",
        "bridge",
        "bridge=a'b",
        "bridge=longer-than-fits",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cr_expect_not(parse(texts[i]), "'%s' is taken", texts[i]);
        cr_expect_neq(error[0], '\0');
    }
}
