/* SPDX-License-Identifier: MIT */
#include "dom0_tools/toolstack/create.h"
#include "dom0_tools/device/disk.h"
#include "dom0_tools/device/vif.h"
#include "dom0_tools/builder/kernel_image.h"
#include "dom0_tools/builder/pv_domain.h"
#include "dom0_tools/builder/pvh_domain.h"
#include "dom0_tools/toolstack/cpu_list.h"
#include "dom0_tools/toolstack/domain_nodes.h"
#include "dom0_tools/toolstack/file_data.h"
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/xc/domain.h"
#include "dom0_tools/xc/host.h"
#include "dom0_tools/xc/memory.h"
#include "dom0_tools/xc/vcpu.h"
#include "pvguest/xen_errno.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

/* As libxl: a domain may have a little more than it is promised, for what its kernel gets and gives back. */
#define SLACK_KIB 1024

#define PAGE_KIB 4

struct creation {
    struct xs_handle *h;
    const struct domain_config *config;
    domid_t domid;
    struct file_data kernel, ramdisk;
    struct kernel_image image;
    struct build_request request;
    struct build_result built;
    char *error;
};

static bool fail(const struct creation *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(const struct creation *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(c->error, TOOLSTACK_ERROR_SIZE, format, args);
    va_end(args);
    return false;
}

/* Whether a call to the hypervisor went well. */
static bool check(const struct creation *c, int error, const char *what)
{
    return error == 0 || fail(c, "%s: %s", what, strerror(xen_errno_to_c(error)));
}

/* ---- files ---- */

static bool read_files(struct creation *c)
{
    const struct domain_config *config = c->config;
    const char *bad;

    if (!file_data_read(&c->kernel, config->kernel))
        return fail(c, "the kernel '%s' cannot be read: %s", config->kernel, strerror(errno));
    if (config->ramdisk != NULL && !file_data_read(&c->ramdisk, config->ramdisk))
        return fail(c, "the RAM disk '%s' cannot be read: %s", config->ramdisk, strerror(errno));
    bad = kernel_image_open(&c->image, c->kernel.data, c->kernel.size);
    return bad == NULL || fail(c, "the kernel '%s' cannot be used: %s", config->kernel, bad);
}

static void free_files(struct creation *c)
{
    kernel_image_close(&c->image);
    file_data_free(&c->kernel);
    file_data_free(&c->ramdisk);
}

/* ---- the domain ---- */

/* Before anything is made: a list of frames that there are not costs time and memory too. */
static bool check_memory(const struct creation *c)
{
    struct xen_sysctl_physinfo phys;
    uint64_t free_kib;

    if (!check(c, xc_physinfo(&phys), "the machine's memory is not known"))
        return false;
    free_kib = (phys.free_pages + phys.scrub_pages) * PAGE_KIB;
    return free_kib >= c->config->memory_kib ||
           fail(c, "the machine has only %lu KiB free for its %lu KiB of memory", (unsigned long)free_kib,
                (unsigned long)c->config->memory_kib);
}

static bool make_domain(struct creation *c)
{
    struct xen_domctl_createdomain create = { .max_vcpus = c->config->max_vcpus,
                                              .max_evtchn_port = c->config->max_event_channels,
                                              .max_grant_frames = c->config->max_grant_frames,
                                              .max_maptrack_frames = c->config->max_maptrack_frames,
                                              .grant_opts = XEN_DOMCTL_GRANT_version(1) };

    if (c->config->type == DOMAIN_PVH) {
        create.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
        create.arch.emulation_flags = XEN_X86_EMU_LAPIC;
    }
    memcpy(create.handle, c->config->uuid, sizeof(create.handle));
    return check(c, xc_domain_create(&create, &c->domid), "the hypervisor makes no domain");
}

static bool set_affinity(const struct creation *c)
{
    uint32_t nr_cpus = 0;
    uint8_t *map;
    bool ok = true;

    if (c->config->nr_cpus == 0)
        return true;
    if (!check(c, xc_cpu_topology(NULL, &nr_cpus), "the number of CPUs is not known"))
        return false;
    map = calloc(1, nr_cpus / 8 + 1);
    if (map == NULL)
        return fail(c, "out of memory");
    for (uint32_t vcpu = 0; ok && vcpu < c->config->max_vcpus; vcpu++) {
        const char *list = c->config->cpus[vcpu < c->config->nr_cpus ? vcpu : c->config->nr_cpus - 1];
        const char *bad = cpu_list_parse(list, map, nr_cpus);

        ok = bad == NULL ? check(c, xc_vcpu_set_affinity(c->domid, vcpu, map, NULL, nr_cpus), "cpus")
                         : fail(c, "cpus is '%s': %s", list, bad);
    }
    free(map);
    return ok;
}

static bool set_schedule(const struct creation *c)
{
    uint16_t weight = 0, cap = 0;

    if (c->config->weight == 0 && c->config->cap == 0)
        return true;
    if (!check(c, xc_domain_schedule(c->domid, &weight, &cap), "its share of CPU time cannot be read"))
        return false;
    weight = c->config->weight != 0 ? c->config->weight : weight;
    cap = c->config->cap;
    return check(c, xc_domain_schedule(c->domid, &weight, &cap), "cpu_weight or cap was refused");
}

static bool set_limits(const struct creation *c)
{
    const struct domain_config *config = c->config;

    return check(c, xc_domain_max_vcpus(c->domid, config->max_vcpus), "its vCPUs cannot be made") &&
           check(c, xc_memory_max(c->domid, config->max_memory_kib + SLACK_KIB),
                 "its memory limit was refused") &&
           (config->type != DOMAIN_PV || check(c, xc_memory_set_map(c->domid, config->max_memory_kib * 1024),
                                               "its memory map was refused")) &&
           set_affinity(c) && set_schedule(c);
}

static bool build(struct creation *c)
{
    c->request = (struct build_request){ .domid = c->domid,
                                         .kernel = c->image.elf,
                                         .kernel_size = c->image.size,
                                         .initrd = c->ramdisk.data,
                                         .initrd_size = c->ramdisk.size,
                                         .cmdline = c->config->cmdline,
                                         .pages = c->config->memory_kib / PAGE_KIB,
                                         .vcpus = c->config->max_vcpus };
    if (!check(c, xc_evtchn_alloc_unbound(c->domid, 0, &c->request.store_port),
               "it gets no port to xenstore") ||
        !check(c, xc_evtchn_alloc_unbound(c->domid, 0, &c->request.console_port),
               "it gets no port to its console"))
        return false;
    return c->config->type == DOMAIN_PVH ? pvh_domain_build(&c->request, &c->built, c->error)
                                         : pv_domain_build(&c->request, &c->built, c->error);
}

static bool introduce(const struct creation *c)
{
    const struct domain_nodes nodes = { .domid = c->domid,
                                        .name = c->config->name,
                                        .uuid = c->config->uuid,
                                        .type = domain_type_name(c->config->type),
                                        .max_memory_kib = c->config->max_memory_kib,
                                        .memory_kib = c->config->memory_kib,
                                        .vcpus = c->config->vcpus,
                                        .max_vcpus = c->config->max_vcpus,
                                        .store_ring = c->built.store_frame,
                                        .store_port = c->request.store_port,
                                        .console_ring = c->built.console_frame,
                                        .console_port = c->request.console_port };

    if (!domain_nodes_write(c->h, &nodes))
        return fail(c, "its nodes cannot be written to xenstore: %s", strerror(errno));
    return xs_introduce_domain(c->h, c->domid, c->built.store_frame, c->request.store_port) ||
           fail(c, "xenstored does not take it: %s", strerror(errno));
}

static bool attach_disks(const struct creation *c)
{
    for (size_t i = 0; i < c->config->nr_disks; i++) {
        struct disk_config disk;

        if (disk_config_parse(c->config->disk[i], &disk, c->error, TOOLSTACK_ERROR_SIZE) != 0 ||
            disk_attach(c->domid, &disk, c->error, TOOLSTACK_ERROR_SIZE) != 0)
            return false;
    }
    return true;
}

static bool attach_vifs(const struct creation *c)
{
    for (size_t i = 0; i < c->config->nr_vifs; i++) {
        struct vif_config vif;

        if (!vif_config_parse(c->config->vif[i], &vif, c->error, TOOLSTACK_ERROR_SIZE) ||
            !vif_attach(c->domid, &vif, NULL, c->error, TOOLSTACK_ERROR_SIZE))
            return false;
    }
    return true;
}

/* A random one (RFC 4122, version 4). */
static void make_uuid(struct domain_config *config)
{
    if (config->has_uuid || getentropy(config->uuid, sizeof(config->uuid)) != 0)
        return;
    config->uuid[6] = (uint8_t)((config->uuid[6] & 0x0f) | 0x40);
    config->uuid[8] = (uint8_t)((config->uuid[8] & 0x3f) | 0x80);
    config->has_uuid = true;
}

bool domain_create(struct xs_handle *h, struct domain_config *config, domid_t *domid, char *error)
{
    struct creation c = { .h = h, .config = config, .error = error };
    bool ok;

    if (config->type == DOMAIN_HVM)
        return fail(&c, "domains of type %s cannot be made here", domain_type_name(config->type));
    make_uuid(config);
    ok = check_memory(&c) && read_files(&c) && make_domain(&c);
    if (ok) {
        ok = set_limits(&c) && build(&c) && introduce(&c) && attach_disks(&c) && attach_vifs(&c);
        if (!ok)
            domain_destroy(h, c.domid);
    }
    free_files(&c);
    *domid = c.domid;
    return ok;
}

int domain_destroy(struct xs_handle *h, domid_t domid)
{
    int error = xc_domain_destroy(domid);

    if (error != 0 && error != -XEN_ESRCH)
        return error;
    /* It lets go of the domain's ring, without which the domain could not go. */
    xs_release_domain(h, domid);
    domain_nodes_remove(h, domid);
    return error;
}
