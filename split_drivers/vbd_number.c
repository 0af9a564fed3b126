/* SPDX-License-Identifier: MIT */
#include "split_drivers/vbd_number.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of virtual devices (Xen's docs/man/xen-vbd-interface.7): major and minor of an old kind of disk, or
 * a number of its own for what that has no room for. */
#define XVD_MAJOR      202
#define EXTENDED       (1U << 28)
#define EXTENDED_DISKS (1U << 20)
#define CLASSIC_DISKS  16
#define CLASSIC_PARTS  16
#define EXTENDED_PARTS 256

/* "a" = 0, "z" = 25, "aa" = 26 ...; where the letters end goes to *end. */
static unsigned letters(const char *text, const char **end)
{
    unsigned value = 0;

    while (islower((unsigned char)*text) && value < EXTENDED_DISKS)
        value = value * 26 + (unsigned)(*text++ - 'a') + 1;
    *end = text;
    return value - 1;
}

static bool encode(unsigned disk, unsigned part, unsigned *id)
{
    if (disk >= EXTENDED_DISKS || part >= EXTENDED_PARTS)
        return false;
    if (disk < CLASSIC_DISKS && part < CLASSIC_PARTS)
        *id = XVD_MAJOR << 8 | disk << 4 | part;
    else
        *id = EXTENDED | disk << 8 | part;
    return true;
}

static bool number(const char *text, unsigned long max, unsigned long *value)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    *value = strtoul(text, &end, 0);
    return *end == '\0' && *value <= max;
}

/* "xvda1", "hda", "sdb2". */
static bool parse_letters(const char *vdev, unsigned *id)
{
    bool xvd = strncmp(vdev, "xvd", 3) == 0, hd = strncmp(vdev, "hd", 2) == 0,
         sd = strncmp(vdev, "sd", 2) == 0;
    const char *first, *rest;
    unsigned long part = 0;
    unsigned disk;

    if (!xvd && !hd && !sd)
        return false;
    first = vdev + (xvd ? 3 : 2);
    disk = letters(first, &rest);
    if (rest == first || (*rest != '\0' && (!number(rest, EXTENDED_PARTS - 1, &part) || part == 0)))
        return false;
    if (xvd)
        return encode(disk, (unsigned)part, id);
    if (hd) {
        *id = (disk < 2 ? 3U : 22U) << 8 | (disk & 1) << 6 | (unsigned)part;
        return disk < 4 && part < 64;
    }
    *id = 8U << 8 | disk << 4 | (unsigned)part;
    return disk < CLASSIC_DISKS && part < CLASSIC_PARTS;
}

/* "d0", "d0p1". */
static bool parse_disk_number(const char *vdev, unsigned *id)
{
    unsigned disk, part = 0;
    int length = 0, with_part = 0;

    if (sscanf(vdev, "d%u%n", &disk, &length) != 1 || !length)
        return false;
    if (vdev[length] != '\0' &&
        (sscanf(vdev + length, "p%u%n", &part, &with_part) != 1 || vdev[length + with_part] != '\0'))
        return false;
    return encode(disk, part, id);
}

bool vbd_number(const char *vdev, unsigned *id)
{
    unsigned long value;

    if (number(vdev, EXTENDED | (EXTENDED - 1), &value)) {
        *id = (unsigned)value;
        return true;
    }
    return parse_letters(vdev, id) || parse_disk_number(vdev, id);
}

static void put_letters(unsigned disk, char *out, size_t size)
{
    char text[8];
    size_t at = sizeof(text) - 1;

    text[at] = '\0';
    for (disk++; disk != 0 && at > 0; disk = (disk - 1) / 26)
        text[--at] = (char)('a' + (disk - 1) % 26);
    snprintf(out, size, "xvd%s", text + at);
}

void vbd_name(unsigned id, char *out, size_t size)
{
    bool extended = (id & EXTENDED) != 0;
    unsigned disk = extended ? (id & ~EXTENDED) >> 8 : (id & 0xff) >> 4;
    unsigned part = extended ? id & 0xff : id & 0xf;
    size_t length;

    if (!extended && id >> 8 != XVD_MAJOR) {
        snprintf(out, size, "%u", id);
        return;
    }
    put_letters(disk, out, size);
    length = strlen(out);
    if (part != 0)
        snprintf(out + length, size - length, "%u", part);
}
