/* SPDX-License-Identifier: MIT */
/* The syntax of xl-network-configuration(5). */
#include "dom0_tools/device/vif.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_INTERVAL_US 50000 /* as libxl's */
#define MAX_DEVID           255
#define MIN_MTU             68
#define MAX_MTU             65521 /* with the Ethernet header, what a request of a ring can say */

static bool __attribute__((format(printf, 3, 4))) refuse(char *error, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, size, format, args);
    va_end(args);
    return false;
}

static bool parse_mac(const char *text, struct vif_config *config)
{
    unsigned int byte[6];
    int end = 0;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3], &byte[4], &byte[5],
               &end) != 6 ||
        text[end] != '\0' || end != 17)
        return false;
    for (int i = 0; i < 6; i++)
        config->mac[i] = (uint8_t)byte[i];
    config->has_mac = (byte[0] & 1) == 0;
    return config->has_mac;
}

/* Bytes a second: a number, a decimal prefix, bits or bytes, "/s". */
static bool parse_speed(const char *text, const char **end, uint64_t *bytes)
{
    static const char prefixes[] = "KMG";
    char *after;
    uint64_t number = strtoull(text, &after, 10);
    const char *prefix = *after != '\0' ? strchr(prefixes, toupper((unsigned char)*after)) : NULL;

    if (!isdigit((unsigned char)*text) || number > UINT32_MAX)
        return false;
    for (; prefix != NULL && prefix >= prefixes; prefix--)
        number *= 1000;
    if (strchr(prefixes, toupper((unsigned char)*after)) != NULL && *after != '\0')
        after++;
    if (*after == 'b')
        number /= 8;
    else if (*after != 'B')
        return false;
    if (strncmp(after + 1, "/s", 2) != 0)
        return false;
    *end = after + 3;
    *bytes = number;
    return number != 0;
}

static bool parse_interval(const char *text, unsigned int *us)
{
    static const struct {
        const char *unit;
        uint64_t us;
    } units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 } };
    char *unit;
    uint64_t number = strtoull(text, &unit, 10);

    if (!isdigit((unsigned char)*text) || number > UINT32_MAX)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].unit) == 0) {
            number *= units[i].us;
            *us = (unsigned int)number;
            return number != 0 && number <= UINT32_MAX;
        }
    }
    return false;
}

static bool parse_rate(const char *text, struct vif_config *config)
{
    uint64_t speed;
    const char *end;

    config->rate_interval_us = DEFAULT_INTERVAL_US;
    if (!parse_speed(text, &end, &speed))
        return false;
    if (*end != '\0' && (*end != '@' || !parse_interval(end + 1, &config->rate_interval_us)))
        return false;
    config->rate_bytes = (uint64_t)((unsigned __int128)speed * config->rate_interval_us / 1000000);
    return config->rate_bytes != 0;
}

static bool parse_number(const char *text, unsigned long max, unsigned long *number)
{
    char *end;

    *number = strtoul(text, &end, 10);
    return isdigit((unsigned char)*text) && *end == '\0' && *number <= max;
}

/* Text for a node: what fits and has no characters that a script or a path would take for others. */
static bool parse_text(const char *text, char *to, size_t size)
{
    if (strlen(text) >= size)
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("._-/: ", *c) == NULL)
            return false;
    strcpy(to, text);
    return true;
}

/* No scripts are run: a name stands for what the script of that name would do, where that exists here. */
static bool apply_script(struct vif_config *config)
{
    const char *slash = strrchr(config->script, '/');
    const char *name = slash != NULL ? slash + 1 : config->script;

    if (strcmp(name, "vif-nat") == 0 && config->bridge[0] == '\0')
        strcpy(config->bridge, "natbr0");
    return *name == '\0' || strcmp(name, "vif-bridge") == 0 || strcmp(name, "vif-nat") == 0;
}

static bool parse_key(const char *key, const char *value, struct vif_config *config, bool *known)
{
    unsigned long number = 0;
    bool good = true;

    *known = true;
    if (strcmp(key, "mac") == 0)
        return parse_mac(value, config);
    if (strcmp(key, "bridge") == 0)
        return parse_text(value, config->bridge, sizeof(config->bridge));
    if (strcmp(key, "script") == 0)
        return parse_text(value, config->script, sizeof(config->script));
    if (strcmp(key, "ip") == 0)
        return parse_text(value, config->ip, sizeof(config->ip));
    if (strcmp(key, "vifname") == 0)
        return parse_text(value, config->name, sizeof(config->name));
    if (strcmp(key, "model") == 0)
        return parse_text(value, config->model, sizeof(config->model));
    if (strcmp(key, "rate") == 0)
        return parse_rate(value, config);
    if (strcmp(key, "type") == 0) {
        config->emulated = strcmp(value, "ioemu") == 0;
        return config->emulated || strcmp(value, "vif") == 0;
    }
    if (strcmp(key, "backend") == 0)
        return parse_text(value, config->backend, sizeof(config->backend));
    if (strcmp(key, "devid") == 0) {
        good = parse_number(value, MAX_DEVID, &number);
        config->devid = (int)number;
    } else if (strcmp(key, "mtu") == 0) {
        good = parse_number(value, MAX_MTU, &number) && number >= MIN_MTU;
        config->mtu = (unsigned int)number;
    } else if (strcmp(key, "trusted") == 0) {
        good = parse_number(value, 1, &number);
        config->trusted = number != 0;
    } else {
        *known = false;
    }
    return good;
}

static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (isspace((unsigned char)*text))
        text++;
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

bool vif_config_parse(const char *text, struct vif_config *config, char *error, size_t size)
{
    char copy[256], *rest = copy, *word;

    *config = (struct vif_config){ .devid = -1, .trusted = true };
    if (strlen(text) >= sizeof(copy))
        return refuse(error, size, "vif: more than %zu characters", sizeof(copy) - 1);
    strcpy(copy, text);
    while ((word = strsep(&rest, ",")) != NULL) {
        char *value = strchr(word, '=');
        bool known;

        if (*trim(word) == '\0')
            continue;
        if (value == NULL)
            return refuse(error, size, "vif: '%s' is no KEY=VALUE", trim(word));
        *value++ = '\0';
        word = trim(word);
        value = trim(value);
        if (!parse_key(word, value, config, &known) || !known)
            return refuse(error, size,
                          known ? "vif: %s: '%s' is not valid" : "vif: there is no key '%s' (%s)", word,
                          value);
    }
    if (!apply_script(config))
        return refuse(error, size,
                      "vif: script: '%s' cannot be run: there are vif-bridge, which is a port of a switch, "
                      "and vif-nat, which is bridge=natbr0",
                      config->script);
    return true;
}
