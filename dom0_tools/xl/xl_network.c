/* SPDX-License-Identifier: MIT */
/* xl network-attach, network-detach, network-list. */
#include "dom0_tools/device/vif.h"
#include "dom0_tools/xl/domain_list.h"
#include "dom0_tools/xl/xl.h"

#include <stdio.h>
#include <string.h>

#define ERROR_SIZE 256

int xl_network_attach(int argc, char **argv)
{
    char text[256] = "", error[ERROR_SIZE];
    struct vif_config config;
    size_t length = 0;
    domid_t domid;

    if (argc < 2) {
        fprintf(stderr, "%s: name a domain\n", argv[0]);
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[1], &domid))
        return xl_no_domain(argv[1]);
    for (int i = 2; i < argc && length < sizeof(text); i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s,", argv[i]);
    if (vif_config_parse(text, &config, error, sizeof(error)) &&
        vif_attach(domid, &config, NULL, error, sizeof(error)))
        return COMMAND_OK;
    fprintf(stderr, "xl: %s\n", error);
    return COMMAND_FAIL;
}

int xl_network_detach(int argc, char **argv)
{
    char error[ERROR_SIZE];
    domid_t domid;
    int devid;

    if (argc != 3) {
        fprintf(stderr, "%s: name a domain and one of its interfaces\n", argv[0]);
        return COMMAND_USAGE;
    }
    if (!domain_find(argv[1], &domid))
        return xl_no_domain(argv[1]);
    devid = vif_find(domid, argv[2]);
    if (devid < 0)
        snprintf(error, sizeof(error), "the domain has no network interface '%s'", argv[2]);
    else if (vif_detach(domid, devid, error, sizeof(error)))
        return COMMAND_OK;
    fprintf(stderr, "xl: %s\n", error);
    return COMMAND_FAIL;
}

static void print_vif(const struct vif_info *vif, void *arg)
{
    (void)arg;
    printf("%-3d %-2d %-17s %6d %5u %6u %5u/%-11u %s\n", vif->devid, vif->owner, vif->mac, vif->devid,
           vif->state, vif->event_channel, vif->tx_ring, vif->rx_ring, vif->backend);
}

int xl_network_list(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "%s: name a domain\n", argv[0]);
        return COMMAND_USAGE;
    }
    printf("Idx BE Mac Addr.         handle state evt-ch   tx-/rx-ring-ref BE-path\n");
    for (int i = 1; i < argc; i++) {
        domid_t domid;

        if (!domain_find(argv[i], &domid))
            return xl_no_domain(argv[i]);
        vif_for_each(domid, print_vif, NULL);
    }
    return COMMAND_OK;
}
