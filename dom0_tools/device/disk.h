/* SPDX-License-Identifier: MIT */
/*
 * Virtual disks of domains, described as in xl-disk-configuration(5):
 *     'phy:vda,xvda,w'     'file:/path/image,xvdb,r'     'format=raw, vdev=xvda, access=rw, target=/dev/vda1'
 * Targets are block devices of this domain, by name with or without /dev/, or image files in its file system;
 * with backend=DOMAIN, what that domain calls so.
 */
#ifndef DOM0_DEVICE_DISK_H
#define DOM0_DEVICE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

#define DISK_TARGET_SIZE 256
#define DISK_VDEV_SIZE   16
#define DISK_NAME_SIZE   64

struct disk_config {
    char target[DISK_TARGET_SIZE]; /* "vda", "/images/a.img" */
    char vdev[DISK_VDEV_SIZE];     /* "xvda" */
    char backend[DISK_NAME_SIZE];  /* whose target it is: a domain's name or number; empty: this domain's */
    unsigned id;                   /* the number of vdev, as <xen/io/blkif.h> wants it */
    bool file, write, cdrom, discard;
};

/* 0, or EINVAL with a sentence. Any thread. */
int disk_config_parse(const char *spec, struct disk_config *out, char *error, size_t size);

/* 0, or an errno with a sentence. Threads only, as the rest. */
int disk_attach(domid_t domid, const struct disk_config *config, char *error, size_t size);
int disk_detach(domid_t domid, unsigned id, bool force, char *error, size_t size);

#endif
