/* SPDX-License-Identifier: MIT */
/* xl list -l, xl create -n: what is known of domains, or asked for, as JSON, with the names that libxl's
 * output has. */
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/xl/domain_list.h"
#include "dom0_tools/xl/xl.h"

#include <cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <xen/errno.h>

#define PAGE_KIB 4

/* Where one domain's answer is put together. */
struct describer {
    cJSON *config;
    const struct xen_domctl_getdomaininfo *info;
};

static void add_texts(cJSON *to, const char *name, const char *key, char *const *texts, size_t nr)
{
    cJSON *array = cJSON_AddArrayToObject(to, name);

    for (size_t i = 0; i < nr; i++) {
        cJSON *item = cJSON_CreateObject();

        cJSON_AddStringToObject(item, key, texts[i]);
        cJSON_AddItemToArray(array, item);
    }
}

/* uuid NULL: it has none yet. */
static void add_identity(cJSON *config, bool hvm, const char *name, const uint8_t *uuid)
{
    cJSON *c_info = cJSON_AddObjectToObject(config, "c_info");
    char text[UUID_TEXT_SIZE];

    cJSON_AddStringToObject(c_info, "type", hvm ? "pvh" : "pv");
    cJSON_AddStringToObject(c_info, "name", name);
    if (uuid == NULL)
        return;
    uuid_format(text, uuid);
    cJSON_AddStringToObject(c_info, "uuid", text);
}

static void add_online_vcpus(cJSON *b_info, uint32_t nr)
{
    cJSON *array = cJSON_AddArrayToObject(b_info, "avail_vcpus");

    for (uint32_t i = 0; i < nr; i++)
        cJSON_AddItemToArray(array, cJSON_CreateNumber(i));
}

static void add_build(cJSON *b_info, const struct domain_config *c)
{
    cJSON_AddNumberToObject(b_info, "max_vcpus", c->max_vcpus);
    add_online_vcpus(b_info, c->vcpus);
    cJSON_AddNumberToObject(b_info, "max_memkb", (double)c->max_memory_kib);
    cJSON_AddNumberToObject(b_info, "target_memkb", (double)c->memory_kib);
    cJSON_AddStringToObject(b_info, "kernel", c->kernel);
    cJSON_AddStringToObject(b_info, "cmdline", c->cmdline);
    if (c->ramdisk != NULL)
        cJSON_AddStringToObject(b_info, "ramdisk", c->ramdisk);
    if (c->weight != 0 || c->cap != 0) {
        cJSON *sched = cJSON_AddObjectToObject(b_info, "sched_params");

        cJSON_AddNumberToObject(sched, "weight", c->weight);
        cJSON_AddNumberToObject(sched, "cap", c->cap);
    }
}

static void add_settings(cJSON *config, const struct domain_config *c)
{
    add_build(cJSON_AddObjectToObject(config, "b_info"), c);
    add_texts(config, "disks", "spec", c->disk, c->nr_disks);
    add_texts(config, "nics", "spec", c->vif, c->nr_vifs);
    for (unsigned int end = 0; end < DOMAIN_NR_ENDS; end++) {
        char key[24];

        snprintf(key, sizeof(key), "on_%s", domain_end_name((enum domain_end)end));
        cJSON_AddStringToObject(config, key, domain_action_name(c->on[end]));
    }
}

/* A domain that was not made here has no settings: what is seen of it stands in their place. */
static void add_config(void *arg, const struct domain_config *c)
{
    const struct describer *d = arg;
    cJSON *b_info;

    if (c != NULL) {
        add_settings(d->config, c);
        return;
    }
    b_info = cJSON_AddObjectToObject(d->config, "b_info");
    cJSON_AddNumberToObject(b_info, "max_vcpus", d->info->max_vcpu_id + 1);
    add_online_vcpus(b_info, d->info->nr_online_vcpus);
    cJSON_AddNumberToObject(b_info, "max_memkb", (double)d->info->max_pages * PAGE_KIB);
    cJSON_AddNumberToObject(b_info, "target_memkb", (double)d->info->tot_pages * PAGE_KIB);
}

static cJSON *describe(const struct xen_domctl_getdomaininfo *info)
{
    cJSON *domain = cJSON_CreateObject();
    struct describer d = { .config = cJSON_CreateObject(), .info = info };

    cJSON_AddNumberToObject(domain, "domid", info->domain);
    add_identity(d.config, (info->flags & XEN_DOMINF_hvm_guest) != 0, domain_name(info->domain),
                 info->handle);
    toolstack_with_config(info->domain, add_config, &d);
    cJSON_AddItemToObject(domain, "config", d.config);
    return domain;
}

static int print(const cJSON *what)
{
    char *text = cJSON_Print(what);

    if (text == NULL)
        return xl_fail("cannot describe the domains", -XEN_ENOMEM);
    printf("%s\n", text);
    free(text);
    return COMMAND_OK;
}

int xl_print_config(const struct domain_config *config)
{
    cJSON *object = cJSON_CreateObject();
    int result;

    add_identity(object, config->type == DOMAIN_PVH, config->name, config->has_uuid ? config->uuid : NULL);
    add_settings(object, config);
    result = print(object);
    cJSON_Delete(object);
    return result;
}

int xl_list_json(int nr_words, char **words)
{
    struct domain_list list;
    cJSON *array = cJSON_CreateArray();
    int error = domain_list_get(&list);
    int result = error == 0 ? COMMAND_OK : xl_fail("cannot list the domains", error);

    for (size_t i = 0; nr_words == 0 && result == COMMAND_OK && i < list.nr; i++)
        cJSON_AddItemToArray(array, describe(&list.info[i]));
    for (int i = 0; i < nr_words && result == COMMAND_OK; i++) {
        const struct xen_domctl_getdomaininfo *info = domain_list_find(&list, words[i]);

        if (info == NULL)
            result = xl_no_domain(words[i]);
        else
            cJSON_AddItemToArray(array, describe(info));
    }
    if (result == COMMAND_OK)
        result = print(array);
    cJSON_Delete(array);
    domain_list_free(&list);
    return result;
}
