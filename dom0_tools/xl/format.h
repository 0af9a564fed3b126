/* SPDX-License-Identifier: MIT */
/* xl's output, in the columns that Xen's xl 4.17 has, from what the hypervisor answered. No hypercalls here.
 */
#ifndef DOM0_XL_FORMAT_H
#define DOM0_XL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>

/* What `xl list` shows beside the usual: UUID, shutdown reason and security label; that label; the CPU pool;
 * the NUMA nodes that a domain prefers. */
struct list_columns {
    bool verbose, context, cpupool, numa;
};

/* `xl list`: its heading, and one domain. There is one CPU pool, one NUMA node, and no security label. */
void format_list_heading(FILE *out, const struct list_columns *columns);
void format_list_domain(FILE *out, const struct xen_domctl_getdomaininfo *info, const char *name,
                        const struct list_columns *columns);

/* `xl vcpu-list`. hard and soft are CPU maps of nr_cpus bits. */
void format_vcpu_heading(FILE *out);
void format_vcpu(FILE *out, const char *name, domid_t domid, const struct xen_domctl_getvcpuinfo *vcpu,
                 const uint8_t *hard, const uint8_t *soft, uint32_t nr_cpus);

/* `xl sched-credit2`: a domain's share. */
void format_schedule_heading(FILE *out);
void format_schedule(FILE *out, const char *name, domid_t domid, uint16_t weight, uint16_t cap);

struct domain_io;

/* `xl top`: the lines above the table, its heading, and a domain; cpu is in percent of one CPU. */
void format_top_summary(FILE *out, const struct xen_domctl_getdomaininfo *info, size_t nr,
                        const struct xen_sysctl_physinfo *host);
void format_top_heading(FILE *out);
void format_top_domain(FILE *out, const struct xen_domctl_getdomaininfo *info, const char *name, double cpu,
                       uint64_t host_pages, const struct domain_io *io);

struct domain_exits;

/* Below it, for a hardware guest, each reason for exits: how often, and how often a second since `before`,
 * which may be NULL. */
void format_top_exits(FILE *out, const struct domain_exits *now, const struct domain_exits *before,
                      double seconds);

/* A size as xl takes it: a number of MiB, or with b, k, m, g, t behind it of bytes, KiB ... TiB. False when
 * it is none, or 0. */
bool parse_size_kib(const char *text, uint64_t *kib);

/* "all", "none", or ranges as "0-3,5". */
void format_cpumap(FILE *out, const uint8_t *map, uint32_t nr_cpus);

/* "3 days, 12:34:56" into buf, or without the seconds. */
void format_uptime(char *buf, size_t size, uint64_t seconds, bool brief);

/* The name that xl has for a scheduler (XEN_SCHEDULER_*). */
const char *format_scheduler(uint32_t id);

/* The words of xl info's virt_caps, each after a space. */
void format_virt_caps(char *buf, size_t size, const struct xen_sysctl_physinfo *info);

#endif
