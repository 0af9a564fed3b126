/* SPDX-License-Identifier: MIT */
/* xl's columns, to the letter: scripts read them. */
/* unit-sources: dom0_tools/xl/format.c dom0_tools/xl/format_top.c hv/lib/hvm_exit_names.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0_tools/xl/domain_exits.h"
#include "dom0_tools/xl/domain_io.h"
#include "dom0_tools/xl/format.h"
#include <xen/sched.h>

static char *text;
static size_t text_size;
static FILE *out;

static void setup(void)
{
    out = open_memstream(&text, &text_size);
}

static void teardown(void)
{
    fclose(out);
    free(text);
}

static void printed(const char *expected)
{
    fflush(out);
    cr_expect_str_eq(text, expected, "got:\n%s\nexpected:\n%s", text, expected);
}

TestSuite(xl_format, .init = setup, .fini = teardown);

static const struct list_columns usual, verbose = { .verbose = true };

Test(xl_format, list)
{
    struct xen_domctl_getdomaininfo info = { .domain = 0,
                                             .flags = XEN_DOMINF_running,
                                             .tot_pages = 512 << 8,
                                             .nr_online_vcpus = 4,
                                             .cpu_time = 12345678901 };

    format_list_heading(out, &usual);
    format_list_domain(out, &info, "Domain-0", &usual);
    info = (struct xen_domctl_getdomaininfo){ .domain = 12,
                                              .flags = XEN_DOMINF_blocked,
                                              .tot_pages = 1000,
                                              .outstanding_pages = 24,
                                              .nr_online_vcpus = 1 };
    format_list_domain(out, &info, "a-domain-with-a-name-of-more-than-forty-letters", &usual);
    printed("Name                                        ID   Mem VCPUs\tState\tTime(s)\n"
            "Domain-0                                     0   512     4     r-----      12.3\n"
            "a-domain-with-a-name-of-more-than-forty-letters    12     4     1     -b----       0.0\n");
}

Test(xl_format, list_verbose)
{
    struct xen_domctl_getdomaininfo info = { .domain = 1,
                                             .flags = XEN_DOMINF_shutdown | SHUTDOWN_crash
                                                                                << XEN_DOMINF_shutdownshift };

    for (unsigned i = 0; i < 16; i++)
        info.handle[i] = (uint8_t)(i * 17);
    format_list_heading(out, &verbose);
    format_list_domain(out, &info, "vm", &verbose);
    info = (struct xen_domctl_getdomaininfo){ .domain = 2, .flags = XEN_DOMINF_paused | XEN_DOMINF_dying };
    format_list_domain(out, &info, "wm", &verbose);
    printed("Name                                        ID   Mem VCPUs\tState\tTime(s)"
            "   UUID                            Reason-Code\tSecurity Label\n"
            "vm                                           1     0     0     ---sc-       0.0"
            " 00112233-4455-6677-8899-aabbccddeeff        3                -\n"
            "wm                                           2     0     0     --p--d       0.0"
            " 00000000-0000-0000-0000-000000000000        -                -\n");
}

Test(xl_format, list_all_columns)
{
    const struct list_columns all = { .verbose = true, .context = true, .cpupool = true, .numa = true };
    const struct list_columns context = { .context = true };
    struct xen_domctl_getdomaininfo info = { .domain = 2, .flags = XEN_DOMINF_paused };

    format_list_heading(out, &all);
    format_list_domain(out, &info, "vm", &all);
    format_list_heading(out, &context);
    format_list_domain(out, &info, "vm", &context);
    printed(
        "Name                                        ID   Mem VCPUs\tState\tTime(s)"
        "   UUID                            Reason-Code\tSecurity Label         Cpupool NODE Affinity\n"
        "vm                                           2     0     0     --p---       0.0"
        " 00000000-0000-0000-0000-000000000000        -                -          Pool-0 all\n"
        "Name                                        ID   Mem VCPUs\tState\tTime(s)   Security Label\n"
        "vm                                           2     0     0     --p---       0.0                -\n");
}

Test(xl_format, shutdown_without_crash)
{
    struct xen_domctl_getdomaininfo info = { .flags = XEN_DOMINF_shutdown | SHUTDOWN_poweroff
                                                                                << XEN_DOMINF_shutdownshift };

    format_list_domain(out, &info, "vm", &usual);
    printed("vm                                           0     0     0     ---s--       0.0\n");
}

Test(xl_format, vcpu_list)
{
    const struct xen_domctl_getvcpuinfo running = {
        .vcpu = 0, .online = 1, .running = 1, .cpu = 3, .cpu_time = 78600000000
    };
    const struct xen_domctl_getvcpuinfo blocked = { .vcpu = 1, .online = 1, .blocked = 1, .cpu = 10 };
    const struct xen_domctl_getvcpuinfo offline = { .vcpu = 2 };
    const uint8_t all = 0x0f, some = 0x0b;

    format_vcpu_heading(out);
    format_vcpu(out, "Domain-0", 0, &running, &all, &all, 4);
    format_vcpu(out, "Domain-0", 0, &blocked, &some, &all, 4);
    format_vcpu(out, "Domain-0", 0, &offline, &all, &all, 4);
    printed("Name                                ID  VCPU   CPU State   Time(s) Affinity (Hard / Soft)\n"
            "Domain-0                             0     0    3   r--      78.6  all / all\n"
            "Domain-0                             0     1   10   -b-       0.0  0-1,3 / all\n"
            "Domain-0                             0     2    -   --p       0.0  all / all\n");
}

Test(xl_format, cpumaps)
{
    static const struct {
        uint8_t map[2];
        const char *text;
    } cases[] = { { { 0x00, 0x00 }, "none" }, { { 0xff, 0x0f }, "all" }, { { 0x01, 0x00 }, "0" },
                  { { 0x00, 0x08 }, "11" },   { { 0x80, 0x01 }, "7-8" }, { { 0x55, 0x05 }, "0,2,4,6,8,10" },
                  { { 0xfe, 0x0f }, "1-11" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        format_cpumap(out, cases[i].map, 12);
        printed(cases[i].text);
        rewind(out);
        memset(text, 0, text_size);
    }
}

Test(xl_format, uptimes)
{
    char buf[48];

    format_uptime(buf, sizeof(buf), 5, false);
    cr_expect_str_eq(buf, " 0:00:05");
    format_uptime(buf, sizeof(buf), 86400 + 3661, false);
    cr_expect_str_eq(buf, "1 day,  1:01:01");
    format_uptime(buf, sizeof(buf), 10 * 86400 + 86399, false);
    cr_expect_str_eq(buf, "10 days, 23:59:59");
    format_uptime(buf, sizeof(buf), 86400 + 3661, true);
    cr_expect_str_eq(buf, "1 day,  1:01");
}

Test(xl_format, names_of_capabilities_and_schedulers)
{
    struct xen_sysctl_physinfo info = { .capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_directio |
                                                        XEN_SYSCTL_PHYSCAP_gnttab_v1 };
    char buf[160], small[8];

    format_virt_caps(buf, sizeof(buf), &info);
    cr_expect_str_eq(buf, " pv pv_directio gnttab-v1");
    format_virt_caps(small, sizeof(small), &info);
    cr_expect_str_eq(small, " pv pv_");
    info.capabilities = 0;
    format_virt_caps(buf, sizeof(buf), &info);
    cr_expect_str_eq(buf, "");
    cr_expect_str_eq(format_scheduler(XEN_SCHEDULER_CREDIT2), "credit2");
    cr_expect_str_eq(format_scheduler(4), "unknown");
    cr_expect_str_eq(format_scheduler(1000), "unknown");
}

Test(xl_format, shares)
{
    format_schedule_heading(out);
    format_schedule(out, "Domain-0", 0, 256, 0);
    format_schedule(out, "vm", 12, 65535, 50);
    printed("Name                                ID Weight  Cap\n"
            "Domain-0                             0    256    0\n"
            "vm                                  12  65535   50\n");
}

Test(xl_format, sizes)
{
    static const struct {
        const char *text;
        uint64_t kib; /* 0: refused */
    } sizes[] = { { "64", 65536 },   { "64m", 65536 }, { "64M", 65536 }, { "2g", 2 << 20 },
                  { "1t", 1 << 30 }, { "8192b", 8 },   { "100k", 100 },  { "", 0 },
                  { "m", 0 },        { "-1", 0 },      { "1mb", 0 },     { "1x", 0 },
                  { "0", 0 },        { "100b", 0 },    { " 5", 0 },      { "99999999999t", 0 } };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t kib = 0;

        cr_expect_eq(parse_size_kib(sizes[i].text, &kib), sizes[i].kib != 0, "%s", sizes[i].text);
        cr_expect_eq(kib, sizes[i].kib, "%s: %lu", sizes[i].text, (unsigned long)kib);
    }
}

Test(xl_format, top)
{
    const struct xen_domctl_getdomaininfo info[] = {
        { .domain = 0,
          .flags = XEN_DOMINF_running,
          .tot_pages = 25600,
          .max_pages = UINT64_MAX >> 4,
          .nr_online_vcpus = 2,
          .cpu_time = 12000000000 },
        { .domain = 3,
          .flags = XEN_DOMINF_blocked,
          .tot_pages = 1024,
          .max_pages = 2048,
          .nr_online_vcpus = 1,
          .cpu_time = 999999999 },
    };
    const struct xen_sysctl_physinfo host = {
        .nr_cpus = 4, .cpu_khz = 2400123, .total_pages = 262144, .free_pages = 200000
    };
    const struct domain_io io = { .nets = 1,
                                  .vbds = 2,
                                  .sent_bytes = 4096,
                                  .received_bytes = 10000,
                                  .reads = 7,
                                  .writes = 8,
                                  .sectors_read = 70,
                                  .sectors_written = 80 };

    format_top_summary(out, info, 2, &host);
    format_top_heading(out);
    format_top_domain(out, &info[0], "Domain-0", 12.34, host.total_pages, &(struct domain_io){ 0 });
    format_top_domain(out, &info[1], "a-long-name-of-it", 0, host.total_pages, &io);
    printed("2 domains: 1 running, 1 blocked, 0 paused, 0 crashed, 0 dying, 0 shutdown\n"
            "Mem: 1048576k total, 248576k used, 800000k free    CPUs: 4 @ 2400MHz\n"
            "      NAME  STATE   CPU(sec) CPU(%)     MEM(k) MEM(%)  MAXMEM(k) MAXMEM(%) VCPUS NETS NETTX(k) "
            "NETRX(k) VBDS"
            "   VBD_OO   VBD_RD   VBD_WR  VBD_RSECT  VBD_WSECT SSID\n"
            "  Domain-0 -----r         12   12.3     102400    9.8   no limit       n/a     2    0        0  "
            "      0    0"
            "        0        0        0          0          0    0\n"
            "a-long-nam --b---          0    0.0       4096    0.4       8192       0.8     1    1        4  "
            "      9    2"
            "        0        7        8         70         80    0\n");
}

/* Why a hardware guest was left: since its start, and then also how often a second. */
Test(xl_format, top_exits)
{
    struct domain_exits before = { .counted = true }, now = { .counted = true };

    before.counts[HVM_EXIT_CPUID] = now.counts[HVM_EXIT_CPUID] = 20;
    before.counts[HVM_EXIT_HLT] = 100;
    now.counts[HVM_EXIT_HLT] = 130;
    format_top_exits(out, &now, NULL, 0);
    format_top_exits(out, &now, &before, 2);
    format_top_exits(out, &(struct domain_exits){ 0 }, NULL, 0);
    printed("    exits:  cpuid 20  hlt 130\n"
            "    exits:  cpuid 20 (0/s)  hlt 130 (15/s)\n");
}
