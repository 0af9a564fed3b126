/* SPDX-License-Identifier: MIT */
/* xl list -l: what is known of domains as JSON, with the names that libxl's output has. */
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

static void add_identity(cJSON *config, const struct xen_domctl_getdomaininfo *info)
{
    cJSON *c_info = cJSON_AddObjectToObject(config, "c_info");
    bool hvm = (info->flags & XEN_DOMINF_hvm_guest) != 0;
    char uuid[UUID_TEXT_SIZE];

    uuid_format(uuid, info->handle);
    cJSON_AddStringToObject(c_info, "type", hvm ? "pvh" : "pv");
    cJSON_AddStringToObject(c_info, "name", domain_name(info->domain));
    cJSON_AddStringToObject(c_info, "uuid", uuid);
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

static void add_config(void *arg, const struct domain_config *c)
{
    const struct describer *d = arg;
    cJSON *b_info = cJSON_AddObjectToObject(d->config, "b_info");

    if (c == NULL) {
        cJSON_AddNumberToObject(b_info, "max_vcpus", d->info->max_vcpu_id + 1);
        add_online_vcpus(b_info, d->info->nr_online_vcpus);
        cJSON_AddNumberToObject(b_info, "max_memkb", (double)d->info->max_pages * PAGE_KIB);
        cJSON_AddNumberToObject(b_info, "target_memkb", (double)d->info->tot_pages * PAGE_KIB);
        return;
    }
    add_build(b_info, c);
    add_texts(d->config, "disks", "spec", c->disk, c->nr_disks);
    add_texts(d->config, "nics", "spec", c->vif, c->nr_vifs);
    for (unsigned int end = 0; end < DOMAIN_NR_ENDS; end++) {
        char key[24];

        snprintf(key, sizeof(key), "on_%s", domain_end_name((enum domain_end)end));
        cJSON_AddStringToObject(d->config, key, domain_action_name(c->on[end]));
    }
}

static cJSON *describe(const struct xen_domctl_getdomaininfo *info)
{
    cJSON *domain = cJSON_CreateObject();
    struct describer d = { .config = cJSON_CreateObject(), .info = info };

    cJSON_AddNumberToObject(domain, "domid", info->domain);
    add_identity(d.config, info);
    toolstack_with_config(info->domain, add_config, &d);
    cJSON_AddItemToObject(domain, "config", d.config);
    return domain;
}

static int print(const cJSON *array)
{
    char *text = cJSON_Print(array);

    if (text == NULL)
        return xl_fail("cannot describe the domains", -XEN_ENOMEM);
    printf("%s\n", text);
    free(text);
    return COMMAND_OK;
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
