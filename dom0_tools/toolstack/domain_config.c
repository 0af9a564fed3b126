/* SPDX-License-Identifier: MIT */
#include "dom0_tools/toolstack/domain_config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY_MIB     32
#define DEFAULT_EVENT_CHANNELS 1023
#define MAX_MEMORY_MIB         (1LL << 30)
#define MAX_VCPUS              512

static const char *const action_names[] = {
    [DOMAIN_DESTROY] = "destroy",
    [DOMAIN_RESTART] = "restart",
    [DOMAIN_RENAME_RESTART] = "rename-restart",
    [DOMAIN_PRESERVE] = "preserve",
    [DOMAIN_COREDUMP_DESTROY] = "coredump-destroy",
    [DOMAIN_COREDUMP_RESTART] = "coredump-restart",
};

static const char *const type_names[] = { [DOMAIN_PV] = "pv", [DOMAIN_PVH] = "pvh", [DOMAIN_HVM] = "hvm" };

static const struct {
    const char *name, *key;
    enum domain_action otherwise;
} ends[DOMAIN_NR_ENDS] = {
    [DOMAIN_END_POWEROFF] = { "poweroff", "on_poweroff", DOMAIN_DESTROY },
    [DOMAIN_END_REBOOT] = { "reboot", "on_reboot", DOMAIN_RESTART },
    [DOMAIN_END_CRASH] = { "crash", "on_crash", DOMAIN_DESTROY },
    [DOMAIN_END_WATCHDOG] = { "watchdog", "on_watchdog", DOMAIN_DESTROY },
};

const char *domain_type_name(enum domain_type type)
{
    return type_names[type];
}

const char *domain_action_name(enum domain_action action)
{
    return action_names[action];
}

const char *domain_end_name(enum domain_end end)
{
    return ends[end].name;
}

void uuid_format(char text[UUID_TEXT_SIZE], const xen_domain_handle_t uuid)
{
    for (size_t i = 0; i < sizeof(xen_domain_handle_t); i++)
        text += sprintf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid[i]);
}

bool uuid_parse(xen_domain_handle_t uuid, const char *text)
{
    for (size_t i = 0; i < sizeof(xen_domain_handle_t); i++) {
        char digits[3] = "";

        if (*text == '-')
            text++;
        if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
            return false;
        memcpy(digits, text, 2);
        uuid[i] = (uint8_t)strtoul(digits, NULL, 16);
        text += 2;
    }
    return *text == '\0';
}

/* ---- helpers: each reads one key; false with a message ---- */

static bool copy(char **to, const char *text, char *error)
{
    *to = text != NULL ? strdup(text) : NULL;
    if (text == NULL || *to != NULL)
        return true;
    snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
    return false;
}

static bool read_text(struct config_file *file, const char *key, char **to, char *error)
{
    const char *text = NULL;

    return config_string(file, key, &text, error) && copy(to, text, error);
}

/* A word of a list as its index. */
static bool read_word(struct config_file *file, const char *key, const char *const *words, size_t nr,
                      unsigned int *index, char *error)
{
    const char *text = NULL;
    char known[128] = "";

    if (!config_string(file, key, &text, error))
        return false;
    for (size_t i = 0; i < nr; i++) {
        if (text == NULL || strcmp(text, words[i]) == 0) {
            *index = text == NULL ? *index : (unsigned int)i;
            return true;
        }
        strcat(strcat(known, i == 0 ? "" : ", "), words[i]);
    }
    return config_error(file, config_find(file, key), error, "%s is '%s' and has to be one of %s", key, text,
                        known);
}

static bool copy_item(struct config_file *file, const struct config_value *item, const char *key, char **to,
                      char *error)
{
    if (item->type == CONFIG_LIST)
        return config_error(file, item, error, "%s is a list of strings, and this item is a list", key);
    return copy(to, item->text, error);
}

/* A list of strings, or one in its place. */
static bool read_texts(struct config_file *file, const char *key, char ***texts, size_t *nr, char *error)
{
    const struct config_value *value = config_find(file, key);
    size_t items = value == NULL ? 0 : value->type == CONFIG_LIST ? value->nr : 1;

    if (items == 0)
        return true;
    *texts = calloc(items, sizeof(**texts));
    if (*texts == NULL)
        return config_error(file, value, error, "out of memory");
    for (; *nr < items; (*nr)++)
        if (!copy_item(file, value->type == CONFIG_LIST ? &value->item[*nr] : value, key, &(*texts)[*nr],
                       error))
            return false;
    return true;
}

/* ---- the keys ---- */

static bool name_is_fine(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("_-.:+", *c) == NULL)
            return false;
    return true;
}

static bool read_identity(struct domain_config *c, struct config_file *file, char *error)
{
    const char *name = NULL, *uuid = NULL;

    if (!config_string(file, "name", &name, error) || !config_string(file, "uuid", &uuid, error))
        return false;
    if (name == NULL || *name == '\0') {
        snprintf(error, CONFIG_ERROR_SIZE, "%s: there is no name: give the domain one with name=\"...\"",
                 file->name);
        return false;
    }
    if (strlen(name) >= sizeof(c->name))
        return config_error(file, config_find(file, "name"), error, "the name has more than %zu characters",
                            sizeof(c->name) - 1);
    if (!name_is_fine(name))
        return config_error(file, config_find(file, "name"), error,
                            "the name '%s' holds something else than letters, digits and _ - . : +", name);
    strcpy(c->name, name);
    c->has_uuid = uuid != NULL;
    if (uuid != NULL && !uuid_parse(c->uuid, uuid))
        return config_error(file, config_find(file, "uuid"), error,
                            "uuid is '%s' and has to be 32 hexadecimal digits", uuid);
    return true;
}

/* cmdline is the whole; otherwise root and extra make it. */
static bool read_cmdline(struct domain_config *c, struct config_file *file, char *error)
{
    const char *cmdline = NULL, *root = NULL, *extra = NULL;
    size_t size;

    if (!config_string(file, "cmdline", &cmdline, error) || !config_string(file, "root", &root, error) ||
        !config_string(file, "extra", &extra, error))
        return false;
    if (cmdline != NULL || root == NULL)
        return copy(&c->cmdline, cmdline != NULL ? cmdline : extra != NULL ? extra : "", error);
    size = strlen(root) + (extra != NULL ? strlen(extra) : 0) + sizeof("root= ");
    c->cmdline = malloc(size);
    if (c->cmdline == NULL)
        return copy(&c->cmdline, NULL, error);
    snprintf(c->cmdline, size, "root=%s%s%s", root, extra != NULL ? " " : "", extra != NULL ? extra : "");
    return true;
}

static bool read_kernel(struct domain_config *c, struct config_file *file, char *error)
{
    unsigned int type = DOMAIN_PV;

    if (!read_word(file, "type", type_names, sizeof(type_names) / sizeof(type_names[0]), &type, error) ||
        !read_text(file, "kernel", &c->kernel, error) || !read_text(file, "ramdisk", &c->ramdisk, error) ||
        !read_cmdline(c, file, error))
        return false;
    c->type = (enum domain_type)type;
    if (c->kernel != NULL)
        return true;
    snprintf(error, CONFIG_ERROR_SIZE, "%s: there is no kernel: name its file with kernel=\"...\"",
             file->name);
    return false;
}

static bool read_size(struct domain_config *c, struct config_file *file, char *error)
{
    int64_t memory = DEFAULT_MEMORY_MIB, max_memory, vcpus = 1, max_vcpus;

    if (!config_number(file, "memory", 1, MAX_MEMORY_MIB, &memory, error) ||
        !config_number(file, "vcpus", 1, MAX_VCPUS, &vcpus, error))
        return false;
    max_memory = memory;
    max_vcpus = vcpus;
    if (!config_number(file, "maxmem", memory, MAX_MEMORY_MIB, &max_memory, error) ||
        !config_number(file, "maxvcpus", vcpus, MAX_VCPUS, &max_vcpus, error))
        return false;
    c->memory_kib = (uint64_t)memory << 10;
    c->max_memory_kib = (uint64_t)max_memory << 10;
    c->vcpus = (uint32_t)vcpus;
    c->max_vcpus = (uint32_t)max_vcpus;
    return true;
}

static bool read_limits(struct domain_config *c, struct config_file *file, char *error)
{
    int64_t weight = 0, cap = 0, grants = -1, maptrack = -1, ports = DEFAULT_EVENT_CHANNELS;

    if (!config_number(file, "cpu_weight", 1, 65535, &weight, error) ||
        !config_number(file, "cap", 0, 65535, &cap, error) ||
        !config_number(file, "max_grant_frames", 1, 1 << 20, &grants, error) ||
        !config_number(file, "max_maptrack_frames", 0, 1 << 20, &maptrack, error) ||
        !config_number(file, "event_channels", 3, 131071, &ports, error))
        return false;
    c->weight = (uint16_t)weight;
    c->cap = (uint16_t)cap;
    c->max_grant_frames = (int32_t)grants;
    c->max_maptrack_frames = (int32_t)maptrack;
    c->max_event_channels = (uint32_t)ports;
    return true;
}

static bool read_ends(struct domain_config *c, struct config_file *file, char *error)
{
    for (unsigned int end = 0; end < DOMAIN_NR_ENDS; end++) {
        unsigned int action = ends[end].otherwise;

        if (!read_word(file, ends[end].key, action_names, sizeof(action_names) / sizeof(action_names[0]),
                       &action, error))
            return false;
        c->on[end] = (enum domain_action)action;
    }
    return true;
}

bool domain_config_read(struct domain_config *config, struct config_file *file, char *error)
{
    bool ok;

    *config = (struct domain_config){ 0 };
    ok = read_identity(config, file, error) && read_kernel(config, file, error) &&
         read_size(config, file, error) && read_texts(file, "cpus", &config->cpus, &config->nr_cpus, error) &&
         read_limits(config, file, error) &&
         read_texts(file, "disk", &config->disk, &config->nr_disks, error) &&
         read_texts(file, "vif", &config->vif, &config->nr_vifs, error) && read_ends(config, file, error);
    if (!ok)
        domain_config_free(config);
    return ok;
}

static void free_texts(char **texts, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        free(texts[i]);
    free(texts);
}

void domain_config_free(struct domain_config *config)
{
    free(config->kernel);
    free(config->ramdisk);
    free(config->cmdline);
    free_texts(config->cpus, config->nr_cpus);
    free_texts(config->disk, config->nr_disks);
    free_texts(config->vif, config->nr_vifs);
    *config = (struct domain_config){ 0 };
}
