/* SPDX-License-Identifier: MIT */
/*
 * Names of PCI vendors, devices and classes, from a file in the format of the pci.ids of the PCI ID
 * Repository: vvvv  vendor name          C cc  class name <tab>dddd  device name     <tab>ss  subclass name
 */
#ifndef DOM0_PCI_PCI_NAMES_H
#define DOM0_PCI_PCI_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define PCI_NAME_SIZE 80

/* The name of "vvvv" or "vvvv/dddd", of "Ccc" or "Ccc/ss" in the text; "" if it is not there. Cut to
 * PCI_NAME_SIZE. */
void pci_name_of_device(const char *text, uint16_t vendor, uint16_t device, char *vendor_name,
                        char *device_name);
void pci_name_of_class(const char *text, uint8_t class, uint8_t subclass, char *name);

#endif
