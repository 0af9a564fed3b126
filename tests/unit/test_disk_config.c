/* SPDX-License-Identifier: MIT */
/* Disk specifications as in xl-disk-configuration(5), and names of virtual disks. */
/* unit-sources: dom0_tools/device/disk_config.c split_drivers/vbd_number.c */
#include <criterion/criterion.h>
#include <string.h>

#include "dom0_tools/device/disk.h"
#include "split_drivers/vbd_number.h"

static struct disk_config config;
static char error[128];

static void expect(const char *spec, const char *target, bool file, const char *vdev, bool write)
{
    cr_assert_eq(disk_config_parse(spec, &config, error, sizeof(error)), 0, "%s: %s", spec, error);
    cr_assert_str_eq(config.target, target, "%s", spec);
    cr_assert_str_eq(config.vdev, vdev, "%s", spec);
    cr_assert_eq(config.file, file, "%s", spec);
    cr_assert_eq(config.write, write, "%s", spec);
}

Test(disk_config, forms)
{
    expect("phy:vda,xvda,w", "vda", false, "xvda", true);
    expect("phy:/dev/vda1,xvda,r", "vda1", false, "xvda", false);
    expect("file:/images/a.img,xvdb,r", "/images/a.img", true, "xvdb", false);
    expect("/dev/vg/guest,raw,xvda,rw", "vg/guest", false, "xvda", true);
    expect("/dev/vda,,hda", "vda", false, "hda", true);
    expect("format=raw, vdev=xvda, access=ro, target=/a, b=c.img", "/a, b=c.img", true, "xvda", false);
    expect("vda,raw,xvdc,w,no-discard", "vda", false, "xvdc", true);
    cr_assert(!config.discard);
    expect("/cd.iso,,hdc:cdrom,", "/cd.iso", true, "hdc", false);
    cr_assert_str_empty(config.backend);
    expect("backend=drv, vdev=xvda, access=w, target=ram", "ram", false, "xvda", true);
    cr_assert_str_eq(config.backend, "drv");
}

Test(disk_config, cdrom_is_read_only)
{
    expect("/cd.iso,,hdc,cdrom", "/cd.iso", true, "hdc", false);
    cr_assert(config.cdrom);
}

static void refuse(const char *spec)
{
    error[0] = '\0';
    cr_assert_neq(disk_config_parse(spec, &config, error, sizeof(error)), 0, "%s", spec);
    cr_assert_neq(error[0], '\0');
}

Test(disk_config, refusals)
{
    char longer[600];

    refuse("");
    refuse("phy:vda");
    refuse("phy:vda,nonsense,w");
    refuse("phy:vda,xvda,x");
    refuse("phy:vda,xvda,w,more");
    refuse("vda,qcow2,xvda,w");
    refuse("vda,raw,xvda,w,script=foo");
    memset(longer, 'a', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    refuse(longer);
    memcpy(longer, "target=", 7);
    refuse(longer);
    memcpy(longer, "backend=", 8);
    refuse(longer);
}

static unsigned number(const char *name)
{
    unsigned id = 0;

    cr_assert(vbd_number(name, &id), "%s", name);
    return id;
}

Test(disk_config, numbers)
{
    unsigned id;
    static const char *const bad[] = { "",      "xvd",    "xvda0", "xvda256", "xvdA", "hde", "sdq",
                                       "sda16", "xvdab_", "d",     "d0p",     "d0px", "1x",  "xvdzzzzzzzz" };

    cr_assert_eq(number("xvda"), 51712);
    cr_assert_eq(number("xvdb1"), 51729);
    cr_assert_eq(number("xvdq"), 268439552); /* the 17th disk */
    cr_assert_eq(number("xvda16"), 268435472);
    cr_assert_eq(number("hda"), 768);
    cr_assert_eq(number("hdd"), 5696);
    cr_assert_eq(number("sda2"), 2050);
    cr_assert_eq(number("d0p1"), 51713);
    cr_assert_eq(number("51712"), 51712);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert(!vbd_number(bad[i], &id), "%s", bad[i]);
}

Test(disk_config, names)
{
    static const char *const names[] = { "xvda", "xvda1", "xvdb15", "xvdq", "xvdaa", "xvda16", "xvdabc3" };
    char out[16];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        vbd_name(number(names[i]), out, sizeof(out));
        cr_assert_str_eq(out, names[i]);
    }
    vbd_name(768, out, sizeof(out));
    cr_assert_str_eq(out, "768");
}
