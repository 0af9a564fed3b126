/* SPDX-License-Identifier: MIT */
#include "dom0_tools/device/disk.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
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

struct parser {
    struct disk_config *out;
    char *error;
    size_t size;
    bool has_format, has_access, had_prefix;
};

static int __attribute__((format(printf, 2, 3))) fail(struct parser *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(p->error, p->size, format, args);
    va_end(args);
    return EINVAL;
}

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

    if (sscanf(vdev, "d%u%n", &disk, &length) != 1 || length == 0)
        return false;
    if (vdev[length] != '\0' &&
        (sscanf(vdev + length, "p%u%n", &part, &with_part) != 1 || vdev[length + with_part] != '\0'))
        return false;
    return encode(disk, part, id);
}

bool disk_number(const char *vdev, unsigned *id)
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

void disk_name(unsigned id, char *out, size_t size)
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

static int set_text(struct parser *p, char *out, size_t room, const char *what, const char *value)
{
    if (strlen(value) >= room)
        return fail(p, "%s '%s' is too long", what, value);
    strcpy(out, value);
    return 0;
}

static int set_format(struct parser *p, const char *value)
{
    if (*value != '\0' && strcmp(value, "raw") != 0)
        return fail(p, "format '%s' is not known; there is raw", value);
    p->has_format = true;
    return 0;
}

static int set_access(struct parser *p, const char *value)
{
    bool write = strcmp(value, "rw") == 0 || strcmp(value, "w") == 0;

    if (!write && strcmp(value, "r") != 0 && strcmp(value, "ro") != 0)
        return fail(p, "access '%s' is not known; there are r, ro, w and rw", value);
    p->out->write = write;
    p->has_access = true;
    return 0;
}

static int set_vdev(struct parser *p, char *value)
{
    char *colon = strchr(value, ':');

    if (colon != NULL && strcmp(colon, ":cdrom") == 0) {
        p->out->cdrom = true;
        *colon = '\0';
    }
    if (!disk_number(value, &p->out->id))
        return fail(p, "'%s' is no virtual device: xvda, xvda1, hda, sda, d0p1 or a number", value);
    return set_text(p, p->out->vdev, sizeof(p->out->vdev), "vdev", value);
}

/* A target, perhaps behind one of the old prefixes, which say that it is raw. */
static int set_target(struct parser *p, const char *value)
{
    static const char *const prefixes[] = { "phy:", "file:", "raw:" };

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(value, prefixes[i], strlen(prefixes[i])) == 0) {
            p->had_prefix = true;
            value += strlen(prefixes[i]);
            break;
        }
    }
    if (strncmp(value, "/dev/", 5) == 0)
        value += 5;
    p->out->file = value[0] == '/';
    return set_text(p, p->out->target, sizeof(p->out->target), "target", value);
}

static int set_key(struct parser *p, const char *key, char *value)
{
    if (strcmp(key, "format") == 0)
        return set_format(p, value);
    if (strcmp(key, "vdev") == 0)
        return set_vdev(p, value);
    if (strcmp(key, "access") == 0)
        return set_access(p, value);
    if (strcmp(key, "backendtype") == 0 && (strcmp(value, "phy") == 0 || strcmp(value, "qdisk") == 0))
        return 0;
    if (strcmp(key, "devtype") == 0 && (strcmp(value, "disk") == 0 || strcmp(value, "cdrom") == 0)) {
        p->out->cdrom = value[0] == 'c';
        return 0;
    }
    return fail(p, "%s=%s is not known here", key, value);
}

static int set_flag(struct parser *p, const char *word, bool *known)
{
    *known = true;
    if (strcmp(word, "cdrom") == 0)
        p->out->cdrom = true;
    else if (strcmp(word, "discard") == 0)
        p->out->discard = true;
    else if (strcmp(word, "no-discard") == 0)
        p->out->discard = false;
    else
        *known = strcmp(word, "direct-io-safe") == 0;
    return 0;
}

/* A word without a key: the next of target, format, vdev, access that has not been said. */
static int set_positional(struct parser *p, char *word)
{
    if (p->out->target[0] == '\0')
        return set_target(p, word);
    if (!p->had_prefix && !p->has_format)
        return set_format(p, word);
    if (p->out->vdev[0] == '\0')
        return set_vdev(p, word);
    if (!p->has_access)
        return set_access(p, word);
    return fail(p, "'%s' is one word too many", word);
}

static int parse_word(struct parser *p, char *word)
{
    char *equals = strchr(word, '=');
    bool known = false;

    if (equals != NULL) {
        *equals = '\0';
        return set_key(p, word, equals + 1);
    }
    set_flag(p, word, &known);
    return known ? 0 : set_positional(p, word);
}

static char *trim(char *word)
{
    size_t length;

    word += strspn(word, " \t");
    length = strlen(word);
    while (length > 0 && isspace((unsigned char)word[length - 1]))
        word[--length] = '\0';
    return word;
}

static int parse_words(struct parser *p, char *text)
{
    int error = 0;

    for (char *next = text; next != NULL && error == 0;) {
        char *word = next + strspn(next, " \t");

        /* All that follows belongs to the target, commas included. */
        if (strncmp(word, "target=", 7) == 0)
            return set_target(p, trim(word + 7));
        next = strchr(word, ',');
        if (next != NULL)
            *next++ = '\0';
        error = parse_word(p, trim(word));
    }
    return error;
}

int disk_config_parse(const char *spec, struct disk_config *out, char *error, size_t size)
{
    struct parser p = { .out = out, .error = error, .size = size };
    char *text = strdup(spec);
    int result;

    *out = (struct disk_config){ .write = true, .discard = true };
    result = text == NULL ? fail(&p, "out of memory") : parse_words(&p, text);
    free(text);
    if (result == 0 && out->target[0] == '\0')
        result = fail(&p, "'%s' names no target", spec);
    if (result == 0 && out->vdev[0] == '\0')
        result = fail(&p, "'%s' names no virtual device (vdev)", spec);
    if (out->cdrom && !p.has_access)
        out->write = false;
    return result;
}
