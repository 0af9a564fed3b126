/* SPDX-License-Identifier: MIT */
#include "dom0_tools/device/disk.h"
#include "split_drivers/vbd_number.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

    if (*value == '\0')
        return 0;
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
    if (!vbd_number(value, &p->out->id))
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
    if (strcmp(key, "backend") == 0)
        return set_text(p, p->out->backend, sizeof(p->out->backend), "backend", value);
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
