/* SPDX-License-Identifier: MIT */
/*
 * Virtual network interfaces as the toolstack sees them: the syntax of xl-network-configuration(5), and the
 * nodes that libxl 4.17 writes for a device. netback does the rest. Functions that can fail return false
 * with a sentence in error. Threads only.
 */
#ifndef DOM0_DEVICE_VIF_H
#define DOM0_DEVICE_VIF_H

#include "dom0_tools/device/device.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

#define VIF_TEXT 64

struct vif_config {
    int devid; /* -1: the first that is free */
    bool has_mac;
    uint8_t mac[6]; /* else a random one of Xen's range, 00:16:3e */
    char bridge[16];
    char script[VIF_TEXT];
    char ip[VIF_TEXT]; /* IPv4 addresses, blanks in between */
    char name[16];     /* vifname= */
    char model[16];
    char backend[VIF_TEXT]; /* a domain's name or number; empty: this domain's */
    bool emulated;          /* type=ioemu */
    bool trusted;
    unsigned int mtu;              /* 0: not said */
    uint64_t rate_bytes;           /* in each interval; 0: no limit */
    unsigned int rate_interval_us; /* of at least 1 */
};

/* Reads "mac=...,bridge=...,rate=10Mb/s@50ms,ip=...". */
bool vif_config_parse(const char *text, struct vif_config *config, char *error, size_t size);

/* Adds the interface to a running or new domain; *devid, if not NULL, gets its number. Whether a frontend
 * takes it into use is not waited for, but that a backend in another domain does. */
bool vif_attach(domid_t domid, const struct vif_config *config, int *devid, char *error, size_t size);

/* Asks the guest to let go of it, and removes it: also when the guest has not within some seconds. */
bool vif_detach(domid_t domid, int devid, char *error, size_t size);

struct vif_info {
    int devid;
    domid_t owner;      /* the backend's domain */
    unsigned int state; /* the frontend's, XenbusState... */
    unsigned int event_channel, tx_ring, rx_ring;
    char mac[20];
    char backend[DEVICE_PATH_SIZE];
};

/* Calls fn for each of the domain's interfaces. */
void vif_for_each(domid_t domid, void (*fn)(const struct vif_info *vif, void *arg), void *arg);

/* The devid that a number or a MAC address names; -1: none. */
int vif_find(domid_t domid, const char *text);

#endif
