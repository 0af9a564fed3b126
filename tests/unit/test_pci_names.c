/* SPDX-License-Identifier: MIT */
/* Names out of a file in the format of pci.ids. */
/* unit-sources: dom0_tools/pci/pci_names.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "dom0_tools/pci/pci_names.h"

static const char ids[] = "# comment\n"
                          "1af4  Red Hat, Inc.\n"
                          "\t1000  Virtio network device\r\n"
                          "\t\t1af4 0001  a subsystem\n"
                          "# between\n"
                          "\t1001  Virtio block device\n"
                          "8086  Intel\n"
                          "\t10d3  82574L\n"
                          "C 02  Network controller\n"
                          "\t00  Ethernet controller\n"
                          "C 0c  Serial bus controller\n"
                          "\t03  USB controller";

static void device_is(uint16_t vendor, uint16_t device, const char *vendor_name, const char *device_name)
{
    char v[PCI_NAME_SIZE], d[PCI_NAME_SIZE];

    pci_name_of_device(ids, vendor, device, v, d);
    cr_expect_str_eq(v, vendor_name, "%s", v);
    cr_expect_str_eq(d, device_name, "%s", d);
}

Test(pci_names, devices)
{
    device_is(0x1af4, 0x1000, "Red Hat, Inc.", "Virtio network device");
    device_is(0x1af4, 0x1001, "Red Hat, Inc.", "Virtio block device");
    device_is(0x8086, 0x10d3, "Intel", "82574L");
    device_is(0x1af4, 0x10d3, "Red Hat, Inc.", "");
    device_is(0x1234, 0x1000, "", "");
}

Test(pci_names, classes)
{
    char name[PCI_NAME_SIZE];

    pci_name_of_class(ids, 0x02, 0x00, name);
    cr_expect_str_eq(name, "Ethernet controller");
    pci_name_of_class(ids, 0x02, 0x80, name);
    cr_expect_str_eq(name, "Network controller", "the class, if the subclass has no name");
    pci_name_of_class(ids, 0x0c, 0x03, name);
    cr_expect_str_eq(name, "USB controller", "the last line needs no end");
    pci_name_of_class(ids, 0xff, 0x00, name);
    cr_expect_str_eq(name, "");
    pci_name_of_class("", 0x02, 0x00, name);
    cr_expect_str_eq(name, "");
}

Test(pci_names, long_names_are_cut)
{
    char text[300], vendor[PCI_NAME_SIZE], device[PCI_NAME_SIZE];

    snprintf(text, sizeof(text), "abcd  %0200d\n", 0);
    pci_name_of_device(text, 0xabcd, 0, vendor, device);
    cr_expect_eq(strlen(vendor), PCI_NAME_SIZE - 1);
}
