/* SPDX-License-Identifier: MIT */
/* What a user says about a domain: the keys of xl.cfg(5) that there are here. Pure logic. */
#ifndef DOM0_TOOLSTACK_DOMAIN_CONFIG_H
#define DOM0_TOOLSTACK_DOMAIN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

#include "dom0_tools/config/config_file.h"

#define DOMAIN_NAME_SIZE 64
#define UUID_TEXT_SIZE   37

enum domain_type { DOMAIN_PV, DOMAIN_PVH, DOMAIN_HVM };

/* What happens to a domain that has ended. */
enum domain_action {
    DOMAIN_DESTROY,
    DOMAIN_RESTART,
    DOMAIN_RENAME_RESTART,
    DOMAIN_PRESERVE,
    DOMAIN_COREDUMP_DESTROY,
    DOMAIN_COREDUMP_RESTART,
};

/* The ways to end, each with its key on_... */
enum domain_end {
    DOMAIN_END_POWEROFF,
    DOMAIN_END_REBOOT,
    DOMAIN_END_CRASH,
    DOMAIN_END_WATCHDOG,
    DOMAIN_NR_ENDS
};

struct domain_config {
    char name[DOMAIN_NAME_SIZE];
    bool has_uuid; /* else it gets one when it is created */
    xen_domain_handle_t uuid;
    enum domain_type type;
    char *kernel, *ramdisk, *cmdline; /* ramdisk NULL = none */
    uint64_t memory_kib, max_memory_kib;
    uint32_t vcpus, max_vcpus; /* online at the start, and at most */
    char **cpus;               /* hard affinity: one list for all vCPUs, or one for each; see cpu_list.h */
    size_t nr_cpus;
    uint16_t weight, cap;                          /* 0 = as it comes */
    int32_t max_grant_frames, max_maptrack_frames; /* < 0: the hypervisor's own limit */
    uint32_t max_event_channels;
    char **disk, **vif; /* as they are written */
    size_t nr_disks, nr_vifs;
    enum domain_action on[DOMAIN_NR_ENDS];
};

/* Takes what is said in a file and marks it as used there. False with a message in error[CONFIG_ERROR_SIZE],
 * and nothing to free. */
bool domain_config_read(struct domain_config *config, struct config_file *file, char *error);
void domain_config_free(struct domain_config *config);

/* xl's words. */
const char *domain_type_name(enum domain_type type);
const char *domain_action_name(enum domain_action action);
const char *domain_end_name(enum domain_end end);

/* 8-4-4-4-12 hexadecimal digits; reading takes them without dashes too. */
void uuid_format(char text[UUID_TEXT_SIZE], const xen_domain_handle_t uuid);
bool uuid_parse(xen_domain_handle_t uuid, const char *text);

#endif
