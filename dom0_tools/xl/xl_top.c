/* SPDX-License-Identifier: MIT */
/* xl top: who uses the machine now, in xentop's columns. */
#include "dom0_tools/xc/host.h"
#include "dom0_tools/xl/domain_exits.h"
#include "dom0_tools/xl/domain_io.h"
#include "dom0_tools/xl/domain_list.h"
#include "dom0_tools/xl/format.h"
#include "dom0_tools/xl/xl.h"
#include "pvguest/console.h"
#include "pvguest/time.h"
#include "pvguest/xen_errno.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEAR_SCREEN "\033[H\033[2J"

struct options {
    bool batch, exits;
    unsigned long rounds; /* 0: without end */
    uint64_t delay;       /* ns */
};

/* The domains at one moment. */
struct sample {
    uint64_t time;
    struct domain_list domains;
    struct domain_io *io;
    struct domain_exits *exits; /* in the order of domains */
    struct xen_sysctl_physinfo host;
};

static int take_sample(struct sample *sample)
{
    int error = domain_list_get(&sample->domains);

    sample->time = time_ns();
    if (error == 0)
        error = xc_physinfo(&sample->host);
    if (error == 0) {
        sample->io = domain_io_get(&sample->domains);
        sample->exits = domain_exits_get(&sample->domains);
        error = sample->io != NULL && sample->exits != NULL ? 0 : -XEN_ENOMEM;
    }
    return error;
}

static void free_sample(struct sample *sample)
{
    domain_list_free(&sample->domains);
    free(sample->io);
    free(sample->exits);
    sample->io = NULL;
    sample->exits = NULL;
}

/* Whether the domain was there at the earlier moment, as number *at; both lists are in the order of domids.
 */
static bool was_there(const struct sample *before, size_t *at, domid_t domid)
{
    while (*at < before->domains.nr && before->domains.info[*at].domain < domid)
        ++*at;
    return *at < before->domains.nr && before->domains.info[*at].domain == domid;
}

static void print_sample(const struct sample *now, const struct sample *before, const struct options *options)
{
    double seconds = (double)(now->time - before->time) / (double)NSEC_PER_SEC;
    size_t at = 0;

    if (!options->batch) {
        printf(CLEAR_SCREEN);
        format_top_summary(stdout, &now->domains.info[0], now->domains.nr, &now->host);
    }
    format_top_heading(stdout);
    for (size_t i = 0; i < now->domains.nr; i++) {
        const struct xen_domctl_getdomaininfo *info = &now->domains.info[i];
        bool known = was_there(before, &at, info->domain);
        uint64_t then = known ? before->domains.info[at].cpu_time : 0;
        double used = seconds > 0 && info->cpu_time > then ? (double)(info->cpu_time - then) / 1e9 : 0;

        format_top_domain(stdout, info, domain_name(info->domain), seconds > 0 ? used / seconds * 100 : 0,
                          now->host.total_pages, &now->io[i]);
        if (options->exits)
            format_top_exits(stdout, &now->exits[i], known ? &before->exits[at] : NULL, seconds);
    }
    if (!options->batch)
        printf("  q leaves\n");
    fflush(stdout);
}

/* False when the user has had enough. */
static bool wait_for_key(uint64_t until)
{
    char key = '\0';

    while (time_ns() < until)
        if (console_read(&key, 1, until) != 0 && (key == 'q' || key == 'Q' || key == '\x03'))
            return false;
    return true;
}

static int show(const struct options *options)
{
    struct sample before = { .time = time_ns() }, now = { 0 };
    int error = take_sample(&now);

    before.time = now.time;
    for (unsigned long round = 1; error == 0; round++) {
        print_sample(&now, &before, options);
        if (round == options->rounds || !wait_for_key(now.time + options->delay))
            break;
        free_sample(&before);
        before = now;
        now = (struct sample){ 0 };
        error = take_sample(&now);
    }
    free_sample(&before);
    free_sample(&now);
    return error == 0 ? COMMAND_OK : xl_fail("cannot ask for the domains", error);
}

int xl_top(int argc, char **argv)
{
    struct options options = { .delay = 3 * NSEC_PER_SEC };
    int c;

    while ((c = getopt(argc, argv, "bed:i:")) != -1) {
        if (c == 'b')
            options.batch = true;
        else if (c == 'e')
            options.exits = true;
        else if (c == 'd' && strtoul(optarg, NULL, 10) != 0)
            options.delay = strtoul(optarg, NULL, 10) * NSEC_PER_SEC;
        else if (c == 'i')
            options.rounds = strtoul(optarg, NULL, 10);
        else
            return COMMAND_USAGE;
    }
    if (optind != argc) {
        fprintf(stderr, "top: '%s' is one argument too many\n", argv[optind]);
        return COMMAND_USAGE;
    }
    return show(&options);
}
