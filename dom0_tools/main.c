/* SPDX-License-Identifier: MIT */
/* dom0: the control domain's program. It starts its services, each a library of its own. */
#include "dom0_tools/block/backing.h"
#include "dom0_tools/api/api.h"
#include "dom0_tools/block/block_commands.h"
#include "dom0_tools/consoled/consoled.h"
#include "dom0_tools/drivers/drivers.h"
#include "dom0_tools/mount/mount_commands.h"
#include "dom0_tools/network/network.h"
#include "dom0_tools/pci/pci_commands.h"
#include "dom0_tools/shell/shell.h"
#include "dom0_tools/system/system.h"
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/xenstore/xenstore_commands.h"
#include "dom0_tools/xenstored/service.h"
#include "dom0_tools/xl/lsevtchn.h"
#include "dom0_tools/xl/run_guest.h"
#include "dom0_tools/xl/xl.h"
#include "pvguest/memory.h"
#include "pvguest/panic.h"
#include "pvguest/pci.h"
#include "pvguest/xen_errno.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the console's shell offers. */
static struct command_set commands;

static void print_file(const char *path)
{
    FILE *file = fopen(path, "r");
    int c;

    if (file == NULL)
        return;
    while ((c = getc(file)) != EOF)
        putchar(c);
    fclose(file);
}

static void start(const char *name, int (*service)(void))
{
    int error = service();

    if (error != 0)
        fprintf(stderr, "dom0: no %s: %s\n", name, strerror(error));
}

static void start_pci(void)
{
    const char *drivers = getenv("DRIVERS"); /* 0 leaves the devices to pcitest */
    int error = pci_init();

    if (error != 0)
        fprintf(stderr, "dom0: no access to PCI devices: %s\n", strerror(xen_errno_to_c(error)));
    else if (drivers == NULL || strcmp(drivers, "0") != 0)
        drivers_start();
}

/* As an ordinary domain this program is a client of dom0's. */
static void start_services(void)
{
    if ((start_info->flags & SIF_INITDOMAIN) == 0)
        return;
    start("xenstored", xenstored_start);
    start("consoled", consoled_start);
    start("network back ends", network_start_backends);
    start("virtual disks", block_start_backends);
    start("toolstack", toolstack_start);
}

static void start_api(int argc, char **argv)
{
    int error = (start_info->flags & SIF_INITDOMAIN) != 0 ? api_start(argc, argv) : 0;

    if (error != 0)
        fprintf(stderr, "dom0: no HTTP API: %s\n", strerror(error));
}

/* The file that guest=FILE among the arguments names, or NULL. */
static const char *guest_to_run(int argc, char **argv)
{
    static const char option[] = "guest=";

    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], option, strlen(option)) == 0)
            return argv[i] + strlen(option);
    return NULL;
}

int main(int argc, char **argv)
{
    const char *guest = guest_to_run(argc, argv);

    start("network", network_start);
    start_pci();
    start_services();
    start_api(argc, argv);
    command_register(&commands, shell_commands, shell_nr_commands);
    command_register(&commands, file_commands, file_nr_commands);
    command_register(&commands, file_change_commands, file_change_nr_commands);
    command_register(&commands, mount_commands, mount_nr_commands);
    command_register(&commands, system_commands, system_nr_commands);
    command_register(&commands, xl_commands, xl_nr_commands);
    command_register(&commands, lsevtchn_commands, lsevtchn_nr_commands);
    command_register(&commands, pci_commands, pci_nr_commands);
    command_register(&commands, block_commands, block_nr_commands);
    command_register(&commands, network_commands, network_nr_commands);
    command_register(&commands, xenstore_commands, xenstore_nr_commands);
    if (guest != NULL)
        run_guest(guest);
    print_file("/etc/motd");
    if (shell_start(&commands) != 0)
        panic("dom0: no memory for the shell");
    shell_join();
    return 1;
}
