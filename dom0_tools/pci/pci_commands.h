/* SPDX-License-Identifier: MIT */
/* Commands on PCI devices: lspci and pcitest. */
#ifndef DOM0_PCI_PCI_COMMANDS_H
#define DOM0_PCI_PCI_COMMANDS_H

#include "dom0_tools/shell/command.h"

extern const struct command pci_commands[];
extern const size_t pci_nr_commands;

int pci_lspci(int argc, char **argv);
int pci_test(int argc, char **argv);

#endif
