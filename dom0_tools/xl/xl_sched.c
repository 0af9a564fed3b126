/* SPDX-License-Identifier: MIT */
/* xl sched-credit, sched-credit2: the domains' shares of the CPUs. */
#include "dom0_tools/xc/domain.h"
#include "dom0_tools/xc/host.h"
#include "dom0_tools/xl/domain_list.h"
#include "dom0_tools/xl/format.h"
#include "dom0_tools/xl/xl.h"
#include "pvguest/xen_errno.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct sched_options {
    const char *domain;
    long weight, cap; /* < 0: not given */
    bool pool;
};

static bool parse_number(const char *word, long most, long *number)
{
    char *end;

    *number = strtol(word, &end, 10);
    if (*word != '\0' && *end == '\0' && *number >= 0 && *number <= most)
        return true;
    fprintf(stderr, "'%s' is not between 0 and %ld\n", word, most);
    return false;
}

static int take_options(struct sched_options *options, int argc, char **argv)
{
    bool ok = true;
    int c;

    while (ok && (c = getopt(argc, argv, "d:w:c:s")) != -1) {
        switch (c) {
        case 'd':
            options->domain = optarg;
            break;
        case 'w':
            ok = parse_number(optarg, UINT16_MAX, &options->weight);
            break;
        case 'c':
            ok = parse_number(optarg, UINT16_MAX, &options->cap);
            break;
        case 's':
            options->pool = true;
            break;
        default:
            ok = false;
        }
    }
    if (ok && optind != argc)
        fprintf(stderr, "%s: '%s' is one argument too many\n", argv[0], argv[optind]);
    if (ok && options->domain == NULL && (options->weight >= 0 || options->cap >= 0))
        fprintf(stderr, "Must specify a domain.\n");
    return ok && optind == argc && (options->domain != NULL || (options->weight < 0 && options->cap < 0))
               ? COMMAND_OK
               : COMMAND_USAGE;
}

static int print_domain(domid_t domid)
{
    uint16_t weight = 0, cap = 0;
    int error = xc_domain_schedule(domid, &weight, &cap);

    if (error != 0)
        return xl_fail("cannot ask for a domain's share", error);
    format_schedule(stdout, domain_name(domid), domid, weight, cap);
    return COMMAND_OK;
}

static void print_pool(void)
{
    uint32_t us;

    if (xc_scheduler_ratelimit(&us) == 0)
        printf("Cpupool Pool-0: ratelimit=%uus\n", us);
    else
        printf("Cpupool Pool-0: [sched params unavailable]\n");
}

static int print_all(void)
{
    struct domain_list list;
    int error = domain_list_get(&list), result = COMMAND_OK;

    if (error != 0)
        result = xl_fail("cannot list the domains", error);
    else
        format_schedule_heading(stdout);
    for (size_t i = 0; result == COMMAND_OK && i < list.nr; i++)
        result = print_domain(list.info[i].domain);
    domain_list_free(&list);
    return result;
}

/* What is not given stays as it is. */
static int set_domain(const struct sched_options *options, domid_t domid)
{
    uint16_t weight = 0, cap = 0;
    int error = xc_domain_schedule(domid, &weight, &cap);

    if (options->weight >= 0)
        weight = (uint16_t)options->weight;
    if (options->cap >= 0)
        cap = (uint16_t)options->cap;
    if (error == 0)
        error = weight != 0 ? xc_domain_schedule(domid, &weight, &cap) : -XEN_EINVAL;
    return error == 0 ? COMMAND_OK : xl_fail("cannot set the domain's share", error);
}

static int run(int argc, char **argv, uint32_t scheduler)
{
    struct sched_options options = { .weight = -1, .cap = -1 };
    uint32_t id;
    domid_t domid;
    int error = xc_scheduler(&id), result = take_options(&options, argc, argv);

    if (result != COMMAND_OK)
        return result;
    if (error != 0)
        return xl_fail("cannot ask for the scheduler", error);
    if (id != scheduler) {
        fprintf(stderr, "%s: the scheduler is %s here: see xl sched-%s\n", argv[0], format_scheduler(id),
                format_scheduler(id));
        return COMMAND_FAIL;
    }
    if (options.domain == NULL) {
        print_pool();
        return options.pool ? COMMAND_OK : print_all();
    }
    if (!domain_find(options.domain, &domid))
        return xl_no_domain(options.domain);
    if (options.weight >= 0 || options.cap >= 0)
        return set_domain(&options, domid);
    format_schedule_heading(stdout);
    return print_domain(domid);
}

int xl_sched_credit(int argc, char **argv)
{
    return run(argc, argv, XEN_SCHEDULER_CREDIT);
}

int xl_sched_credit2(int argc, char **argv)
{
    return run(argc, argv, XEN_SCHEDULER_CREDIT2);
}
