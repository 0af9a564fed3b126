/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xl/format.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <xen/sched.h>

#define NSEC_PER_SEC  1000000000.0
#define PAGES_PER_MIB (1UL << 8)
#define DAY           86400U

void format_list_heading(FILE *out, const struct list_columns *columns)
{
    fprintf(out, "Name                                        ID   Mem VCPUs\tState\tTime(s)");
    if (columns->verbose)
        fprintf(out, "   UUID                            Reason-Code\tSecurity Label");
    else if (columns->context)
        fprintf(out, "   Security Label");
    if (columns->cpupool)
        fprintf(out, "         Cpupool");
    if (columns->numa)
        fprintf(out, " NODE Affinity");
    fprintf(out, "\n");
}

static unsigned shutdown_reason(const struct xen_domctl_getdomaininfo *info)
{
    return (info->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
}

/* Six letters, as in "r-----". */
static void state_letters(char *letters, const struct xen_domctl_getdomaininfo *info)
{
    bool shutdown = info->flags & XEN_DOMINF_shutdown;
    const bool on[] = {
        info->flags & XEN_DOMINF_running,
        info->flags & XEN_DOMINF_blocked,
        info->flags & XEN_DOMINF_paused,
        shutdown,
        shutdown && shutdown_reason(info) == SHUTDOWN_crash,
        info->flags & XEN_DOMINF_dying,
    };

    for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++)
        letters[i] = on[i] ? "rbpscd"[i] : '-';
    letters[sizeof(on) / sizeof(on[0])] = '\0';
}

static void format_uuid(FILE *out, const uint8_t *uuid)
{
    for (unsigned i = 0; i < 16; i++)
        fprintf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

void format_list_domain(FILE *out, const struct xen_domctl_getdomaininfo *info, const char *name,
                        const struct list_columns *columns)
{
    char letters[8];

    state_letters(letters, info);
    fprintf(out, "%-40s %5u %5lu %5u     %s  %8.1f", name, info->domain,
            (unsigned long)((info->tot_pages + info->outstanding_pages) / PAGES_PER_MIB),
            info->nr_online_vcpus, letters, (double)info->cpu_time / NSEC_PER_SEC);
    if (columns->verbose) {
        fprintf(out, " ");
        format_uuid(out, info->handle);
        if (info->flags & XEN_DOMINF_shutdown)
            fprintf(out, " %8x", shutdown_reason(info));
        else
            fprintf(out, " %8s", "-");
    }
    if (columns->verbose || columns->context)
        fprintf(out, " %16s", "-");
    if (columns->cpupool)
        fprintf(out, "%16s", "Pool-0");
    if (columns->numa)
        fprintf(out, " all");
    fprintf(out, "\n");
}

void format_vcpu_heading(FILE *out)
{
    fprintf(out, "%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU", "CPU", "State", "Time(s)",
            "Affinity (Hard / Soft)");
}

void format_vcpu(FILE *out, const char *name, domid_t domid, const struct xen_domctl_getvcpuinfo *vcpu,
                 const uint8_t *hard, const uint8_t *soft, uint32_t nr_cpus)
{
    fprintf(out, "%-32s %5u %5u", name, domid, vcpu->vcpu);
    if (vcpu->online)
        fprintf(out, "%5u %3c%c- ", vcpu->cpu, vcpu->running ? 'r' : '-', vcpu->blocked ? 'b' : '-');
    else
        fprintf(out, "%5c %3c%cp ", '-', '-', '-');
    fprintf(out, "%9.1f  ", (double)vcpu->cpu_time / NSEC_PER_SEC);
    format_cpumap(out, hard, nr_cpus);
    fprintf(out, " / ");
    format_cpumap(out, soft, nr_cpus);
    fprintf(out, "\n");
}

void format_schedule_heading(FILE *out)
{
    fprintf(out, "%-33s %4s %6s %4s\n", "Name", "ID", "Weight", "Cap");
}

void format_schedule(FILE *out, const char *name, domid_t domid, uint16_t weight, uint16_t cap)
{
    fprintf(out, "%-33s %4u %6u %4u\n", name, domid, weight, cap);
}

bool parse_size_kib(const char *text, uint64_t *kib)
{
    static const char units[] = "bkmgt";
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, tolower((unsigned char)*end)) : strchr(units, 'm');
    unsigned int shift;

    if (end == text || !isdigit((unsigned char)*text) || unit == NULL || (*end != '\0' && end[1] != '\0'))
        return false;
    shift = 10 * (unsigned int)(unit - units);
    if (number == 0 || number > UINT64_MAX >> shift)
        return false;
    *kib = (number << shift) >> 10;
    return *kib != 0;
}

static bool cpu_in(const uint8_t *map, uint32_t cpu)
{
    return (map[cpu / 8] >> (cpu % 8)) & 1;
}

void format_cpumap(FILE *out, const uint8_t *map, uint32_t nr_cpus)
{
    const char *comma = "";
    uint32_t set = 0;

    for (uint32_t cpu = 0; cpu < nr_cpus; cpu++)
        set += cpu_in(map, cpu);
    if (set == 0 || set == nr_cpus) {
        fprintf(out, set == 0 ? "none" : "all");
        return;
    }
    for (uint32_t first = 0, last; first < nr_cpus; first = last + 1) {
        last = first;
        if (!cpu_in(map, first))
            continue;
        while (last + 1 < nr_cpus && cpu_in(map, last + 1))
            last++;
        fprintf(out, "%s%u", comma, first);
        if (last > first)
            fprintf(out, "-%u", last);
        comma = ",";
    }
}

void format_uptime(char *buf, size_t size, uint64_t seconds, bool brief)
{
    unsigned days = (unsigned)(seconds / DAY), rest = (unsigned)(seconds % DAY);
    char day_text[32] = "";

    if (days > 0)
        snprintf(day_text, sizeof(day_text), "%u day%s, ", days, days == 1 ? "" : "s");
    if (brief)
        snprintf(buf, size, "%s%2u:%02u", day_text, rest / 3600, rest / 60 % 60);
    else
        snprintf(buf, size, "%s%2u:%02u:%02u", day_text, rest / 3600, rest / 60 % 60, rest % 60);
}

const char *format_scheduler(uint32_t id)
{
    static const char *const names[] = {
        [XEN_SCHEDULER_CREDIT] = "credit",     [XEN_SCHEDULER_CREDIT2] = "credit2",
        [XEN_SCHEDULER_ARINC653] = "arinc653", [XEN_SCHEDULER_RTDS] = "rtds",
        [XEN_SCHEDULER_NULL] = "null",
    };

    return id < sizeof(names) / sizeof(names[0]) && names[id] != NULL ? names[id] : "unknown";
}

void format_virt_caps(char *buf, size_t size, const struct xen_sysctl_physinfo *info)
{
    static const struct {
        uint32_t needed;
        const char *name;
    } words[] = {
        { XEN_SYSCTL_PHYSCAP_pv, "pv" },
        { XEN_SYSCTL_PHYSCAP_hvm, "hvm" },
        { XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_directio, "hvm_directio" },
        { XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_directio, "pv_directio" },
        { XEN_SYSCTL_PHYSCAP_hap, "hap" },
        { XEN_SYSCTL_PHYSCAP_shadow, "shadow" },
        { XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share, "iommu_hap_pt_share" },
        { XEN_SYSCTL_PHYSCAP_vmtrace, "vmtrace" },
        { XEN_SYSCTL_PHYSCAP_gnttab_v1, "gnttab-v1" },
        { XEN_SYSCTL_PHYSCAP_gnttab_v2, "gnttab-v2" },
    };
    size_t len = 0;

    buf[0] = '\0';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if ((info->capabilities & words[i].needed) == words[i].needed && len < size)
            len += (size_t)snprintf(buf + len, size - len, " %s", words[i].name);
}
