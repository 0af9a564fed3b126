/* SPDX-License-Identifier: MIT */
/* Any configuration: it is understood or refused with a message that fits, and nothing is left behind. */
/* fuzz-sources: dom0_tools/config/config_file.c dom0_tools/toolstack/domain_config.c dom0_tools/toolstack/cpu_list.c */
#include <stdlib.h>
#include <string.h>

#include "dom0_tools/config/config_file.h"
#include "dom0_tools/toolstack/cpu_list.h"
#include "dom0_tools/toolstack/domain_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const char *error)
{
    if (memchr(error, '\0', CONFIG_ERROR_SIZE) == NULL || *error == '\0')
        abort();
}

static void use(const struct domain_config *config)
{
    uint8_t map[65 / 8 + 1];

    for (size_t i = 0; i < config->nr_cpus; i++)
        cpu_list_parse(config->cpus[i], map, 65);
    if (config->kernel == NULL || config->cmdline == NULL || config->vcpus > config->max_vcpus)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), error[CONFIG_ERROR_SIZE] = "";
    struct domain_config config;
    struct config_file file;

    memcpy(text, data, size);
    text[size] = '\0';
    config_init(&file, "fuzz");
    if (!config_parse(&file, text, size, error))
        check_message(error);
    if (!config_override(&file, text, error))
        check_message(error);
    if (domain_config_read(&config, &file, error)) {
        use(&config);
        domain_config_free(&config);
    } else {
        check_message(error);
    }
    config_free(&file);
    free(text);
    return 0;
}
