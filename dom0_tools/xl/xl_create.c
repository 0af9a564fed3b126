/* SPDX-License-Identifier: MIT */
/* xl create, config-update: a configuration and what comes of it. */
#include "dom0_tools/xl/xl.h"
#include "dom0_tools/config/config_file.h"
#include "dom0_tools/shell/shell.h"
#include "dom0_tools/toolstack/file_data.h"
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/xc/domain.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/console.h"
#include "pvguest/time.h"
#include "pvguest/xen_errno.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CTRL_C          3
#define FOREGROUND_POLL (100 * NSEC_PER_MSEC)

struct create_options {
    bool console, paused, dry_run, quiet, debug, forsaken, foreground;
    const char *path; /* of the file, or NULL */
};

static bool read_file(struct config_file *file, const char *path, char *error)
{
    struct file_data data;
    bool ok;

    if (!file_data_read(&data, path)) {
        snprintf(error, CONFIG_ERROR_SIZE, "%s: %s", path, strerror(errno));
        return false;
    }
    ok = config_parse(file, data.data, data.size, error);
    file_data_free(&data);
    return ok;
}

static void warn_unused(void *arg, const struct config_setting *setting)
{
    char where[CONFIG_WHERE_SIZE];

    config_where(arg, &setting->value, where);
    fprintf(stderr, "%s: warning: '%s' is not known here and means nothing\n", where, setting->key);
}

/* A file, if there is one, and the settings of the command line, which count more. */
bool xl_read_config(struct domain_config *config, const char *path, char **settings, char *error)
{
    struct config_file file;
    bool ok;

    config_init(&file, path != NULL ? path : "command line");
    ok = path == NULL || read_file(&file, path, error);
    for (; ok && *settings != NULL; settings++)
        ok = strchr(*settings, '=') == NULL || config_override(&file, *settings, error);
    ok = ok && domain_config_read(config, &file, error);
    if (ok)
        config_unused(&file, warn_unused, &file);
    config_free(&file);
    return ok;
}

/* The words that are neither options nor settings: at most one, the file. */
static int find_path(struct create_options *options, char **words)
{
    for (; *words != NULL; words++) {
        if (strchr(*words, '=') != NULL)
            continue;
        if (options->path != NULL) {
            fprintf(stderr, "create: '%s' is a second file\n", *words);
            return COMMAND_USAGE;
        }
        options->path = *words;
    }
    return COMMAND_OK;
}

static int take_options(struct create_options *options, int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "cdef:FinpqVA")) != -1) {
        if (c == '?')
            return COMMAND_USAGE;
        if (c == 'V' || c == 'A') {
            fprintf(stderr, "create: -%c: no domain has a screen; -c shows its console\n", c);
            return COMMAND_USAGE;
        }
        options->console |= c == 'c';
        options->debug |= c == 'd';
        options->forsaken |= c == 'e';
        options->foreground |= c == 'F';
        options->paused |= c == 'p';
        options->dry_run |= c == 'n';
        options->quiet |= c == 'q';
        options->path = c == 'f' ? optarg : options->path;
    }
    return find_path(options, argv + optind);
}

static int unpause(domid_t domid)
{
    return xen_errno_to_c(xc_domain_unpause(domid));
}

/* Until the domain has ended and does not start again, or the user leaves. */
static int wait_for_end(struct domain_follower *follower)
{
    bool ended = false;
    char c;

    while (!ended && (console_read(&c, 1, 0) == 0 || c != CTRL_C))
        ended = toolstack_await(follower, follower->starts, time_ns() + FOREGROUND_POLL) && follower->ended;
    toolstack_unfollow(follower);
    if (!ended)
        return COMMAND_OK;
    printf("Domain %u has ended: %s\n", follower->domid,
           follower->destroyed ? "destroyed" : domain_end_name(follower->end));
    return COMMAND_OK;
}

/* As nobody acts on the domain's ends, it stays to be looked at. */
static void forsake(struct domain_config *config)
{
    for (size_t end = 0; end < sizeof(config->on) / sizeof(config->on[0]); end++)
        config->on[end] = DOMAIN_PRESERVE;
}

/* Takes *config over. With its console, the domain starts when that is open. */
static int create(struct domain_config *config, const struct create_options *options)
{
    struct domain_follower follower;
    char error[TOOLSTACK_ERROR_SIZE];
    int result = COMMAND_OK;
    domid_t domid;

    if (options->forsaken)
        forsake(config);
    if (!toolstack_create(config, options->paused || options->console, &domid, error)) {
        fprintf(stderr, "xl: the domain is not made: %s\n", error);
        return COMMAND_FAIL;
    }
    if (options->foreground)
        toolstack_follow(&follower, domid);
    if (options->console)
        result = xl_attach(domid, options->paused ? NULL : unpause);
    return options->foreground ? wait_for_end(&follower) : result;
}

int xl_create(int argc, char **argv)
{
    struct create_options options = { 0 };
    struct domain_config config;
    char error[TOOLSTACK_ERROR_SIZE];
    int result = take_options(&options, argc, argv);

    if (result != COMMAND_OK)
        return result;
    if (options.path != NULL && !options.quiet)
        printf("Parsing config from %s\n", options.path);
    if (!xl_read_config(&config, options.path, argv + optind, error)) {
        fprintf(stderr, "xl: %s\n", error);
        return COMMAND_FAIL;
    }
    if (options.dry_run || options.debug)
        result = xl_print_config(&config);
    if (!options.dry_run)
        return create(&config, &options);
    domain_config_free(&config);
    return result;
}

void xl_create_complete(const char *word, struct completions *list)
{
    const char *sign = strchr(word, '=');

    if (sign == NULL) {
        shell_complete_path(word, list);
    } else if (strncmp(word, "kernel=", 7) == 0 || strncmp(word, "ramdisk=", 8) == 0) {
        list->start += (size_t)(sign + 1 - word);
        shell_complete_path(sign + 1, list);
    }
}

int xl_config_update(int argc, char **argv)
{
    struct create_options options = { 0 };
    struct domain_config config;
    char error[TOOLSTACK_ERROR_SIZE];
    domid_t domid;
    int result;

    if (argc < 3) {
        fprintf(stderr, "config-update: name a domain, and a file or settings\n");
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[1], &domid))
        return xl_no_domain(argv[1]);
    result = take_options(&options, argc - 1, argv + 1);
    if (result != COMMAND_OK)
        return result;
    if (xl_read_config(&config, options.path, argv + 1 + optind, error) &&
        toolstack_config_update(domid, &config, error))
        return COMMAND_OK;
    fprintf(stderr, "xl: the configuration stays as it is: %s\n", error);
    return COMMAND_FAIL;
}
