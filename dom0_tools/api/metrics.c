/* SPDX-License-Identifier: MIT */
/* GET /metrics: figures in Prometheus' text format, version 0.0.4. */
#include "dom0_tools/api/response.h"
#include "dom0_tools/network/network.h"
#include "dom0_tools/xc/host.h"
#include "dom0_tools/xl/domain_exits.h"
#include "dom0_tools/xl/domain_io.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "pvguest/time.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xen/event_channel.h>
#include <xen/sched.h>

static void describe(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value, in which quotes, backslashes and line ends are escaped. */
static void put_label(FILE *out, const char *label, const char *value)
{
    fprintf(out, "%s=\"", label);
    for (; *value != '\0'; value++) {
        if (*value == '\n')
            fputs("\\n", out);
        else
            fprintf(out, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
    }
    fputc('"', out);
}

/* ---- domains ---- */

static double cpu_seconds(const struct xen_domctl_getdomaininfo *info)
{
    return (double)info->cpu_time / 1e9;
}

static double memory_bytes(const struct xen_domctl_getdomaininfo *info)
{
    return (double)info->tot_pages * PAGE_SIZE;
}

static double online_vcpus(const struct xen_domctl_getdomaininfo *info)
{
    return info->nr_online_vcpus;
}

static double is_running(const struct xen_domctl_getdomaininfo *info)
{
    return (info->flags & (XEN_DOMINF_paused | XEN_DOMINF_shutdown | XEN_DOMINF_dying)) == 0;
}

static double has_crashed(const struct xen_domctl_getdomaininfo *info)
{
    return (info->flags & XEN_DOMINF_shutdown) != 0 &&
           (info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask) == SHUTDOWN_crash;
}

static const struct {
    const char *name, *type, *help;
    double (*value)(const struct xen_domctl_getdomaininfo *info);
} domain_metrics[] = {
    { "ryokan_domain_cpu_seconds_total", "counter", "CPU time that the domain has used.", cpu_seconds },
    { "ryokan_domain_memory_bytes", "gauge", "Memory that the domain has.", memory_bytes },
    { "ryokan_domain_vcpus", "gauge", "Virtual CPUs that are online.", online_vcpus },
    { "ryokan_domain_running", "gauge", "1 unless the domain is paused or has ended.", is_running },
    { "ryokan_domain_crashed", "gauge", "1 when the domain has crashed and is kept.", has_crashed },
};

static void put_domains(FILE *out, const struct domain_list *domains)
{
    describe(out, "ryokan_domains", "gauge", "Domains that exist.");
    fprintf(out, "ryokan_domains %zu\n", domains->nr);
    for (size_t m = 0; m < sizeof(domain_metrics) / sizeof(domain_metrics[0]); m++) {
        describe(out, domain_metrics[m].name, domain_metrics[m].type, domain_metrics[m].help);
        for (size_t i = 0; i < domains->nr; i++) {
            const struct xen_domctl_getdomaininfo *info = &domains->info[i];

            fprintf(out, "%s{domid=\"%u\",", domain_metrics[m].name, info->domain);
            put_label(out, "name", domain_name(info->domain));
            fprintf(out, "} %.15g\n", domain_metrics[m].value(info));
        }
    }
}

static uint64_t disk_read(const struct domain_io *io)
{
    return io->sectors_read * 512;
}

static uint64_t disk_written(const struct domain_io *io)
{
    return io->sectors_written * 512;
}

static uint64_t disk_reads(const struct domain_io *io)
{
    return io->reads;
}

static uint64_t disk_writes(const struct domain_io *io)
{
    return io->writes;
}

static const struct {
    const char *name, *help, *direction[2];
    uint64_t (*value[2])(const struct domain_io *io);
} disk_metrics[] = {
    { "ryokan_domain_disk_bytes_total",
      "Bytes moved by the domain's disks that are served here.",
      { "read", "write" },
      { disk_read, disk_written } },
    { "ryokan_domain_disk_requests_total",
      "Requests of the domain's disks that are served here.",
      { "read", "write" },
      { disk_reads, disk_writes } },
};

static void put_disks(FILE *out, const struct domain_list *domains, const struct domain_io *io)
{
    for (size_t m = 0; m < sizeof(disk_metrics) / sizeof(disk_metrics[0]); m++) {
        describe(out, disk_metrics[m].name, "counter", disk_metrics[m].help);
        for (size_t i = 0; i < domains->nr; i++)
            for (unsigned int d = 0; io[i].vbds != 0 && d < 2; d++) {
                fprintf(out, "%s{domid=\"%u\",", disk_metrics[m].name, domains->info[i].domain);
                put_label(out, "name", domain_name(domains->info[i].domain));
                fprintf(out, ",direction=\"%s\"} %" PRIu64 "\n", disk_metrics[m].direction[d],
                        disk_metrics[m].value[d](&io[i]));
            }
    }
}

static void put_exits(FILE *out, const struct domain_list *domains, const struct domain_exits *exits)
{
    describe(out, "ryokan_domain_exits_total", "counter",
             "How often the hardware guest was left for the hypervisor.");
    for (size_t i = 0; i < domains->nr; i++)
        for (unsigned int reason = 0; exits[i].counted && reason < HVM_EXITS; reason++) {
            fprintf(out, "ryokan_domain_exits_total{domid=\"%u\",", domains->info[i].domain);
            put_label(out, "name", domain_name(domains->info[i].domain));
            fprintf(out, ",reason=\"%s\"} %" PRIu64 "\n", hvm_exit_names[reason], exits[i].counts[reason]);
        }
}

/* ---- event channels ---- */

#define PORT_STATES (EVTCHNSTAT_ipi + 1)

/* How many ports of the domain are in each state; the hypervisor's table has no holes. */
static void count_ports(domid_t domid, unsigned int count[PORT_STATES])
{
    struct evtchn_status status;

    memset(count, 0, PORT_STATES * sizeof(count[0]));
    for (evtchn_port_t port = 0;; port++) {
        status = (struct evtchn_status){ .dom = domid, .port = port };
        if (hypercall_event_channel_op(EVTCHNOP_status, &status) != 0)
            return;
        if (status.status < PORT_STATES)
            count[status.status]++;
    }
}

static void put_event_channels(FILE *out, const struct domain_list *domains)
{
    static const char *const states[PORT_STATES] = { [EVTCHNSTAT_unbound] = "unbound",
                                                     [EVTCHNSTAT_interdomain] = "interdomain",
                                                     [EVTCHNSTAT_pirq] = "pirq",
                                                     [EVTCHNSTAT_virq] = "virq",
                                                     [EVTCHNSTAT_ipi] = "ipi" };

    describe(out, "ryokan_domain_event_channels", "gauge", "Ports that the domain has in use.");
    for (size_t i = 0; i < domains->nr; i++) {
        unsigned int count[PORT_STATES];

        count_ports(domains->info[i].domain, count);
        for (unsigned int state = EVTCHNSTAT_closed + 1; state < PORT_STATES; state++) {
            fprintf(out, "ryokan_domain_event_channels{domid=\"%u\",", domains->info[i].domain);
            put_label(out, "name", domain_name(domains->info[i].domain));
            fprintf(out, ",state=\"%s\"} %u\n", states[state], count[state]);
        }
    }
}

/* ---- the machine ---- */

static void put_host(FILE *out)
{
    struct xen_sysctl_physinfo info;

    if (xc_physinfo(&info) != 0)
        return;
    describe(out, "ryokan_cpus", "gauge", "CPUs of the machine.");
    fprintf(out, "ryokan_cpus %u\n", info.nr_cpus);
    describe(out, "ryokan_memory_bytes", "gauge", "Memory of the machine.");
    fprintf(out, "ryokan_memory_bytes{state=\"total\"} %.15g\n", (double)info.total_pages * PAGE_SIZE);
    fprintf(out, "ryokan_memory_bytes{state=\"free\"} %.15g\n", (double)info.free_pages * PAGE_SIZE);
    describe(out, "ryokan_uptime_seconds", "gauge", "Time since the hypervisor started.");
    fprintf(out, "ryokan_uptime_seconds %.15g\n", (double)time_ns() / 1e9);
}

/* ---- the network ---- */

/* One counter of all ports; those of domains are called vifDOMID.NUMBER. */
struct port_counter {
    FILE *out;
    const char *name, *direction;
    uint64_t (*value)(const struct switch_port_counters *counters);
};

static void put_ports(struct net_switch *net_switch, void *arg)
{
    const struct port_counter *counter = arg;
    const struct switch_port *port;

    LIST_FOREACH(port, &net_switch->ports, next)
    {
        fprintf(counter->out, "%s{", counter->name);
        put_label(counter->out, "switch", net_switch->name);
        fputc(',', counter->out);
        put_label(counter->out, "port", port->name);
        fprintf(counter->out, ",direction=\"%s\"} %" PRIu64 "\n", counter->direction,
                counter->value(&port->counters));
    }
}

static uint64_t in_bytes(const struct switch_port_counters *counters)
{
    return counters->rx_bytes;
}

static uint64_t out_bytes(const struct switch_port_counters *counters)
{
    return counters->tx_bytes;
}

static uint64_t in_packets(const struct switch_port_counters *counters)
{
    return counters->rx_packets;
}

static uint64_t out_packets(const struct switch_port_counters *counters)
{
    return counters->tx_packets;
}

static void put_network(FILE *out)
{
    static const struct {
        const char *name, *help;
        uint64_t (*in)(const struct switch_port_counters *counters);
        uint64_t (*out)(const struct switch_port_counters *counters);
    } counters[] = {
        { "ryokan_port_bytes_total", "Bytes from (in) and to (out) a port of a switch.", in_bytes,
          out_bytes },
        { "ryokan_port_packets_total", "Packets from (in) and to (out) a port of a switch.", in_packets,
          out_packets },
    };

    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        struct port_counter counter = { out, counters[i].name, "in", counters[i].in };

        describe(out, counters[i].name, "counter", counters[i].help);
        network_for_each_switch(put_ports, &counter);
        counter.direction = "out";
        counter.value = counters[i].out;
        network_for_each_switch(put_ports, &counter);
    }
}

void api_metrics(struct http_response *response)
{
    struct domain_list domains;
    struct domain_exits *exits = NULL;
    struct domain_io *io = NULL;

    if (domain_list_get(&domains) == 0 && (io = domain_io_get(&domains)) != NULL &&
        (exits = domain_exits_get(&domains)) != NULL) {
        response->status = 200;
        response->type = "text/plain; version=0.0.4";
        put_host(response->body);
        put_domains(response->body, &domains);
        put_event_channels(response->body, &domains);
        put_disks(response->body, &domains, io);
        put_exits(response->body, &domains, exits);
        put_network(response->body);
    } else {
        api_answer_error(response, 500, "the hypervisor does not answer");
    }
    domain_list_free(&domains);
    free(io);
    free(exits);
}
