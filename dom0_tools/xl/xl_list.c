/* SPDX-License-Identifier: MIT */
/* xl list, vcpu-list, uptime: what there is about domains. */
#include "dom0_tools/xl/xl.h"
#include "dom0_tools/xc/host.h"
#include "dom0_tools/xc/vcpu.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/xen_errno.h"
#include "dom0_tools/xl/format.h"
#include "pvguest/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

/* Calls fn for the domains that the words name, or for all. Stops at the first failure. */
static int for_domains(int nr_words, char **words,
                       int (*fn)(const struct xen_domctl_getdomaininfo *info, void *arg), void *arg)
{
    struct domain_list list;
    int error = domain_list_get(&list), result = COMMAND_OK;

    if (error != 0)
        result = xl_fail("cannot list the domains", error);
    for (size_t i = 0; nr_words == 0 && i < list.nr && result == COMMAND_OK; i++)
        result = fn(&list.info[i], arg);
    for (int i = 0; i < nr_words && result == COMMAND_OK; i++) {
        const struct xen_domctl_getdomaininfo *info = domain_list_find(&list, words[i]);

        result = info == NULL ? xl_no_domain(words[i]) : fn(info, arg);
    }
    domain_list_free(&list);
    return result;
}

/* Takes at most one option letter; sets *given if it is there. */
static int take_option(int argc, char **argv, const char *letter, bool *given)
{
    int c;

    while ((c = getopt(argc, argv, letter)) != -1) {
        if (c == '?')
            return COMMAND_USAGE;
        *given = true;
    }
    return COMMAND_OK;
}

struct list_output {
    struct list_columns columns;
    bool begun;
};

static int list_domain(const struct xen_domctl_getdomaininfo *info, void *arg)
{
    struct list_output *output = arg;

    if (!output->begun)
        format_list_heading(stdout, &output->columns);
    output->begun = true;
    format_list_domain(stdout, info, domain_name(info->domain), &output->columns);
    return COMMAND_OK;
}

int xl_list(int argc, char **argv)
{
    struct list_output output = { 0 };
    bool json = false;
    int c;

    while ((c = getopt(argc, argv, "lvZcn")) != -1) {
        if (c == '?')
            return COMMAND_USAGE;
        json |= c == 'l';
        output.columns.verbose |= c == 'v';
        output.columns.context |= c == 'Z';
        output.columns.cpupool |= c == 'c';
        output.columns.numa |= c == 'n';
    }
    if (json)
        return xl_list_json(argc - optind, argv + optind);
    return for_domains(argc - optind, argv + optind, list_domain, &output);
}

static int list_vcpu(domid_t domid, uint32_t vcpu, uint32_t nr_cpus)
{
    uint8_t *maps = calloc(2, nr_cpus / 8 + 1);
    struct xen_domctl_getvcpuinfo info;
    int error, result = COMMAND_OK;

    if (maps == NULL)
        return xl_fail("cannot list a vCPU", -XEN_ENOMEM);
    error = xc_vcpu_info(domid, vcpu, &info);
    if (error == 0)
        error = xc_vcpu_affinity(domid, vcpu, maps, maps + nr_cpus / 8 + 1, nr_cpus);
    if (error == 0)
        format_vcpu(stdout, domain_name(domid), domid, &info, maps, maps + nr_cpus / 8 + 1, nr_cpus);
    else if (error != -XEN_ESRCH) /* numbers without a vCPU are possible, and the domain may be gone */
        result = xl_fail("cannot list a vCPU", error);
    free(maps);
    return result;
}

static int list_vcpus(const struct xen_domctl_getdomaininfo *info, void *arg)
{
    const uint32_t *nr_cpus = arg;
    int result = COMMAND_OK;

    if (info->max_vcpu_id == XEN_INVALID_MAX_VCPU_ID)
        return COMMAND_OK;
    for (uint32_t vcpu = 0; vcpu <= info->max_vcpu_id && result == COMMAND_OK; vcpu++)
        result = list_vcpu(info->domain, vcpu, *nr_cpus);
    return result;
}

int xl_vcpu_list(int argc, char **argv)
{
    struct xen_sysctl_physinfo phys;
    uint32_t nr_cpus;
    bool unused;
    int error;

    if (take_option(argc, argv, "", &unused) != COMMAND_OK)
        return COMMAND_USAGE;
    error = xc_physinfo(&phys);
    if (error != 0)
        return xl_fail("cannot ask for the number of CPUs", error);
    nr_cpus = phys.max_cpu_id + 1;
    format_vcpu_heading(stdout);
    return for_domains(argc - optind, argv + optind, list_vcpus, &nr_cpus);
}

struct uptime_output {
    bool brief, begun;
};

/* Since when the domain has been there, as its toolstack has noted it; 0: nobody knows. */
static time_t start_time(domid_t domid)
{
    struct xs_handle *h = xs_open(0);
    char path[80], *vm, *text = NULL;
    time_t start;

    snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
    vm = h != NULL ? xs_read(h, XBT_NULL, path, NULL) : NULL;
    if (vm != NULL) {
        snprintf(path, sizeof(path), "%s/start_time", vm);
        text = xs_read(h, XBT_NULL, path, NULL);
    }
    start = text != NULL ? (time_t)strtoll(text, NULL, 10) : 0;
    free(text);
    free(vm);
    xs_close(h);
    return start;
}

/* The initial domain has run since the host started. */
static int domain_uptime(const struct xen_domctl_getdomaininfo *info, void *arg)
{
    struct uptime_output *output = arg;
    char text[48] = "-", clock[16];
    time_t now = time(NULL), start = info->domain != 0 ? start_time(info->domain) : 0;

    if (start != 0 && start <= now)
        format_uptime(text, sizeof(text), (uint64_t)(now - start), output->brief);
    else if (info->domain == 0)
        format_uptime(text, sizeof(text), time_ns() / NSEC_PER_SEC, output->brief);
    if (output->brief) {
        strftime(clock, sizeof(clock), "%H:%M:%S", gmtime(&now));
        printf(" %s up %s, %s (%u)\n", clock, text, domain_name(info->domain), info->domain);
        return COMMAND_OK;
    }
    if (!output->begun)
        printf("%-33s %4s %s\n", "Name", "ID", "Uptime");
    output->begun = true;
    printf("%-33s %4u %s\n", domain_name(info->domain), info->domain, text);
    return COMMAND_OK;
}

int xl_uptime(int argc, char **argv)
{
    struct uptime_output output = { 0 };
    int result = take_option(argc, argv, "s", &output.brief);

    return result != COMMAND_OK ? result : for_domains(argc - optind, argv + optind, domain_uptime, &output);
}
