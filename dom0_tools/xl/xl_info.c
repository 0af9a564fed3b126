/* SPDX-License-Identifier: MIT */
/* xl info: the machine and the hypervisor, as "key : value" lines or one value. */
#include "dom0_tools/xl/xl.h"
#include "dom0_tools/xc/host.h"
#include "pvguest/xen_errno.h"
#include "dom0_tools/xl/format.h"
#include "pvguest/hypercall.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGES_PER_MIB (1UL << 8)

/* Everything that is asked for, before the first line is printed. */
struct host {
    struct xen_sysctl_physinfo phys;
    uint32_t scheduler;
    unsigned free_cpus;
    long version;
    xen_extraversion_t extra;
    xen_capabilities_info_t caps;
    xen_changeset_info_t changeset;
    xen_platform_parameters_t platform;
    xen_commandline_t commandline;
    struct xen_compile_info compile;
    struct {
        struct xen_build_id head;
        unsigned char bytes[32];
    } build_id;
    long build_id_len;
};

/* Which lines to print: all, or the value of one key. */
struct selection {
    const char *key; /* NULL: all */
    bool found;
};

static void line(struct selection *selection, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void line(struct selection *selection, const char *key, const char *fmt, ...)
{
    va_list args;

    if (selection->key != NULL && strcmp(selection->key, key) != 0)
        return;
    selection->found = true;
    if (selection->key == NULL)
        printf("%-22s : ", key);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
}

static unsigned count_bits(const uint8_t *map, size_t bytes)
{
    unsigned n = 0;

    for (size_t i = 0; i < bytes; i++)
        n += (unsigned)__builtin_popcount(map[i]);
    return n;
}

/* Hypervisors without CPU pools have no CPU outside one. */
static unsigned ask_free_cpus(uint32_t nr_cpus)
{
    uint8_t *map = calloc(1, nr_cpus / 8 + 1);
    unsigned free_cpus = 0;

    if (map != NULL && xc_free_cpus(map, nr_cpus) == 0)
        free_cpus = count_bits(map, nr_cpus / 8 + 1);
    free(map);
    return free_cpus;
}

static int ask_host(struct host *host)
{
    int error = xc_physinfo(&host->phys);

    if (error == 0)
        error = xc_scheduler(&host->scheduler);
    if (error != 0)
        return error;
    host->free_cpus = ask_free_cpus(host->phys.max_cpu_id + 1);
    host->version = hypercall_xen_version(XENVER_version, NULL);
    hypercall_xen_version(XENVER_extraversion, host->extra);
    hypercall_xen_version(XENVER_capabilities, host->caps);
    hypercall_xen_version(XENVER_changeset, host->changeset);
    hypercall_xen_version(XENVER_platform_parameters, &host->platform);
    hypercall_xen_version(XENVER_commandline, host->commandline);
    hypercall_xen_version(XENVER_compile_info, &host->compile);
    host->build_id.head.len = sizeof(host->build_id.bytes);
    host->build_id_len = hypercall_xen_version(XENVER_build_id, &host->build_id);
    return 0;
}

static void print_machine(struct selection *sel, const struct host *host)
{
    const struct xen_sysctl_physinfo *phys = &host->phys;
    char caps[160];

    line(sel, "host", "dom0");
    line(sel, "release", "pvguest");
    line(sel, "version", "1");
    line(sel, "machine", "x86_64");
    line(sel, "nr_cpus", "%u", phys->nr_cpus);
    line(sel, "max_cpu_id", "%u", phys->max_cpu_id);
    line(sel, "nr_nodes", "%u", phys->nr_nodes);
    line(sel, "cores_per_socket", "%u", phys->cores_per_socket);
    line(sel, "threads_per_core", "%u", phys->threads_per_core);
    line(sel, "cpu_mhz", "%u.%03u", phys->cpu_khz / 1000, phys->cpu_khz % 1000);
    line(sel, "hw_caps", "%08x:%08x:%08x:%08x:%08x:%08x:%08x:%08x", phys->hw_cap[0], phys->hw_cap[1],
         phys->hw_cap[2], phys->hw_cap[3], phys->hw_cap[4], phys->hw_cap[5], phys->hw_cap[6],
         phys->hw_cap[7]);
    format_virt_caps(caps, sizeof(caps), phys);
    line(sel, "virt_caps", "%s", caps[0] == ' ' ? caps + 1 : caps);
    line(sel, "total_memory", "%lu", phys->total_pages / PAGES_PER_MIB);
    line(sel, "free_memory", "%lu", (phys->free_pages - phys->outstanding_pages) / PAGES_PER_MIB);
    line(sel, "sharing_freed_memory", "0");
    line(sel, "sharing_used_memory", "0");
    line(sel, "outstanding_claims", "%lu", phys->outstanding_pages / PAGES_PER_MIB);
    line(sel, "free_cpus", "%u", host->free_cpus);
}

static void print_hypervisor(struct selection *sel, const struct host *host)
{
    char id[2 * sizeof(host->build_id.bytes) + 1] = "";

    line(sel, "xen_major", "%ld", host->version >> 16);
    line(sel, "xen_minor", "%ld", host->version & 0xffff);
    line(sel, "xen_extra", "%s", host->extra);
    line(sel, "xen_version", "%ld.%ld%s", host->version >> 16, host->version & 0xffff, host->extra);
    line(sel, "xen_caps", "%s", host->caps);
    line(sel, "xen_scheduler", "%s", format_scheduler(host->scheduler));
    line(sel, "xen_pagesize", "4096");
    line(sel, "platform_params", "virt_start=0x%lx", (unsigned long)host->platform.virt_start);
    line(sel, "xen_changeset", "%s", host->changeset);
    line(sel, "xen_commandline", "%s", host->commandline);
    line(sel, "cc_compiler", "%s", host->compile.compiler);
    line(sel, "cc_compile_by", "%s", host->compile.compile_by);
    line(sel, "cc_compile_domain", "%s", host->compile.compile_domain);
    line(sel, "cc_compile_date", "%s", host->compile.compile_date);
    for (long i = 0; i < host->build_id_len && i < (long)sizeof(host->build_id.bytes); i++)
        snprintf(id + 2 * i, 3, "%02x", host->build_id.head.buf[i]);
    line(sel, "build_id", "%s", id);
    line(sel, "xend_config_format", "4");
}

static int print_cpu_topology(uint32_t nr)
{
    struct xen_sysctl_cputopo *topo = calloc(nr, sizeof(*topo));
    int error = topo == NULL ? -XEN_ENOMEM : xc_cpu_topology(topo, &nr);

    if (error == 0)
        printf("cpu_topology           :\ncpu:    core    socket     node\n");
    for (uint32_t i = 0; error == 0 && i < nr; i++)
        if (topo[i].core != XEN_INVALID_CORE_ID)
            printf("%3u:    %4u     %4u     %4u\n", i, topo[i].core, topo[i].socket, topo[i].node);
    free(topo);
    return error;
}

static int print_numa(uint32_t nr)
{
    struct xen_sysctl_meminfo *info = calloc(nr, sizeof(*info));
    uint32_t *distances = calloc((size_t)nr * nr, sizeof(*distances));
    uint32_t nodes = nr;
    int error = info == NULL || distances == NULL ? -XEN_ENOMEM : xc_numa(info, distances, &nodes);

    if (error == 0)
        printf("numa_info              :\nnode:    memsize    memfree    distances\n");
    for (uint32_t i = 0; error == 0 && i < nodes && i < nr; i++) {
        printf("%4u:    %6lu     %6lu      ", i, info[i].memsize >> 20, info[i].memfree >> 20);
        for (uint32_t j = 0; j < nodes && j < nr; j++)
            printf("%s%u", j == 0 ? "" : ",", distances[i * nodes + j]);
        printf("\n");
    }
    free(info);
    free(distances);
    return error;
}

static int print_topology(const struct host *host)
{
    int error = print_cpu_topology(host->phys.max_cpu_id + 1);

    /* The hypervisor knows no node of any device. */
    printf("device topology        :\ndevice           node\nNo device topology data available\n");
    if (error == 0)
        error = print_numa(host->phys.max_node_id + 1);
    return error == 0 ? COMMAND_OK : xl_fail("cannot ask for the topology", error);
}

int xl_info(int argc, char **argv)
{
    struct selection selection = { 0 };
    struct host *host;
    int c, error, result = COMMAND_OK;
    bool topology = false;

    while ((c = getopt(argc, argv, "n")) != -1) {
        if (c == '?')
            return COMMAND_USAGE;
        topology = true;
    }
    if (argc - optind > 1) {
        fprintf(stderr, "info: at most one key\n");
        return COMMAND_USAGE;
    }
    selection.key = argv[optind];
    host = calloc(1, sizeof(*host));
    error = host == NULL ? -XEN_ENOMEM : ask_host(host);
    if (error != 0) {
        free(host);
        return xl_fail("cannot ask for the machine", error);
    }
    print_machine(&selection, host);
    if (topology && selection.key == NULL)
        result = print_topology(host);
    print_hypervisor(&selection, host);
    if (selection.key != NULL && !selection.found)
        fprintf(stderr, "info: there is no key '%s'\n", selection.key);
    free(host);
    return selection.key != NULL && !selection.found ? COMMAND_FAIL : result;
}
