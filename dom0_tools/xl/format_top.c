/* SPDX-License-Identifier: MIT */
/* xentop's lines. */
#include "dom0_tools/xl/domain_exits.h"
#include "dom0_tools/xl/domain_io.h"
#include "dom0_tools/xl/format.h"

#include <inttypes.h>
#include <xen/sched.h>

#define PAGE_KIB 4

static bool crashed(const struct xen_domctl_getdomaininfo *info)
{
    return (info->flags & XEN_DOMINF_shutdown) != 0 &&
           (info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask) == SHUTDOWN_crash;
}

void format_top_summary(FILE *out, const struct xen_domctl_getdomaininfo *info, size_t nr,
                        const struct xen_sysctl_physinfo *host)
{
    unsigned int running = 0, blocked = 0, paused = 0, crashes = 0, dying = 0, shutdown = 0;
    uint64_t total = host->total_pages * PAGE_KIB, free = host->free_pages * PAGE_KIB;

    for (size_t i = 0; i < nr; i++) {
        running += (info[i].flags & XEN_DOMINF_running) != 0;
        blocked += (info[i].flags & XEN_DOMINF_blocked) != 0;
        paused += (info[i].flags & XEN_DOMINF_paused) != 0;
        dying += (info[i].flags & XEN_DOMINF_dying) != 0;
        shutdown += (info[i].flags & XEN_DOMINF_shutdown) != 0 && !crashed(&info[i]);
        crashes += crashed(&info[i]);
    }
    fprintf(out, "%zu domains: %u running, %u blocked, %u paused, %u crashed, %u dying, %u shutdown\n", nr,
            running, blocked, paused, crashes, dying, shutdown);
    fprintf(out, "Mem: %" PRIu64 "k total, %" PRIu64 "k used, %" PRIu64 "k free    CPUs: %u @ %uMHz\n", total,
            total - free, free, host->nr_cpus, host->cpu_khz / 1000);
}

void format_top_heading(FILE *out)
{
    fprintf(out, "%10s %6s %10s %6s %10s %6s %10s %9s %5s %4s %8s %8s %4s %8s %8s %8s %10s %10s %4s\n",
            "NAME", "STATE", "CPU(sec)", "CPU(%)", "MEM(k)", "MEM(%)", "MAXMEM(k)", "MAXMEM(%)", "VCPUS",
            "NETS", "NETTX(k)", "NETRX(k)", "VBDS", "VBD_OO", "VBD_RD", "VBD_WR", "VBD_RSECT", "VBD_WSECT",
            "SSID");
}

/* A maximum beyond the machine's memory is none. */
static void put_maximum(FILE *out, uint64_t pages, uint64_t host_pages)
{
    if (pages > host_pages)
        fprintf(out, " %10s %9s", "no limit", "n/a");
    else
        fprintf(out, " %10" PRIu64 " %9.1f", pages * PAGE_KIB, (double)pages * 100 / (double)host_pages);
}

void format_top_domain(FILE *out, const struct xen_domctl_getdomaininfo *info, const char *name, double cpu,
                       uint64_t host_pages, const struct domain_io *io)
{
    const uint32_t flags = info->flags;

    fprintf(out, "%10.10s %c%c%c%c%c%c", name, (flags & XEN_DOMINF_dying) != 0 ? 'd' : '-',
            (flags & XEN_DOMINF_shutdown) != 0 ? 's' : '-', (flags & XEN_DOMINF_blocked) != 0 ? 'b' : '-',
            crashed(info) ? 'c' : '-', (flags & XEN_DOMINF_paused) != 0 ? 'p' : '-',
            (flags & XEN_DOMINF_running) != 0 ? 'r' : '-');
    fprintf(out, " %10" PRIu64 " %6.1f %10" PRIu64 " %6.1f", info->cpu_time / 1000000000, cpu,
            info->tot_pages * PAGE_KIB, (double)info->tot_pages * 100 / (double)host_pages);
    put_maximum(out, info->max_pages, host_pages);
    fprintf(out, " %5u %4u %8" PRIu64 " %8" PRIu64 " %4u", info->nr_online_vcpus, io->nets,
            io->sent_bytes / 1024, io->received_bytes / 1024, io->vbds);
    /* A request that could not be served at once is not put off here, and domains have no labels. */
    fprintf(out, " %8u %8" PRIu64 " %8" PRIu64 " %10" PRIu64 " %10" PRIu64 " %4u\n", 0U, io->reads,
            io->writes, io->sectors_read, io->sectors_written, 0U);
}

void format_top_exits(FILE *out, const struct domain_exits *now, const struct domain_exits *before,
                      double seconds)
{
    if (!now->counted)
        return;
    fputs("    exits:", out);
    for (unsigned int i = 0; i < HVM_EXITS; i++) {
        uint64_t count = now->counts[i];

        if (count == 0)
            continue;
        fprintf(out, "  %s %" PRIu64, hvm_exit_names[i], count);
        if (before != NULL && seconds > 0)
            fprintf(out, " (%.0f/s)", (double)(count - before->counts[i]) / seconds);
    }
    fputc('\n', out);
}
