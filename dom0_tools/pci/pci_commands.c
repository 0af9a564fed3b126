/* SPDX-License-Identifier: MIT */
#include "dom0_tools/pci/pci_commands.h"

const struct command pci_commands[] = {
    { .name = "lspci",
      .arguments = "[-n] [-v] [-x] [-s BUS:DEVICE.FUNCTION]",
      .summary = "list the PCI devices",
      .options = "  -n  numbers only, no names\n"
                 "  -v  with regions, interrupt and capabilities\n"
                 "  -x  with the first 64 bytes of configuration space\n"
                 "  -s  only that device\n",
      .run = pci_lspci },
    { .name = "pcitest",
      .arguments = "",
      .summary = "test device memory and interrupts on the devices edu and e1000e of QEMU",
      .options = "dom0 must have been started with DRIVERS=0: its own driver uses the e1000e else.\n",
      .run = pci_test },
};
const size_t pci_nr_commands = sizeof(pci_commands) / sizeof(pci_commands[0]);
