/* SPDX-License-Identifier: MIT */
#include "dom0_tools/pci/pci_commands.h"
#include "dom0_tools/pci/pci_function.h"
#include "dom0_tools/pci/pci_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_FILE "/usr/share/pci.ids"

struct listing {
    bool numbers, verbose, hex, chosen;
    unsigned bus, device, function; /* if chosen */
    char *names;                    /* contents of NAMES_FILE, "" without it */
    unsigned listed;
};

/* The whole file as a text to be freed; an empty one if it cannot be read. */
static char *read_names(void)
{
    FILE *file = fopen(NAMES_FILE, "r");
    long size = 0;
    char *text;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    text = calloc(1, (size_t)size + 1);
    if (text != NULL && size > 0) {
        rewind(file);
        text[fread(text, 1, (size_t)size, file)] = '\0';
    }
    if (file != NULL)
        fclose(file);
    return text;
}

static void print_heading(const struct listing *listing, const struct pci_function *f)
{
    char class[PCI_NAME_SIZE], vendor[PCI_NAME_SIZE], device[PCI_NAME_SIZE];

    printf("%02x:%02x.%u ", f->address.bus, f->address.device, f->address.function);
    if (listing->numbers) {
        printf("%02x%02x: %04x:%04x", f->class, f->subclass, f->vendor, f->device);
    } else {
        pci_name_of_class(listing->names, f->class, f->subclass, class);
        pci_name_of_device(listing->names, f->vendor, f->device, vendor, device);
        printf("%s [%02x%02x]: %s%s%s%s[%04x:%04x]", class[0] == '\0' ? "Class" : class, f->class,
               f->subclass, vendor, vendor[0] == '\0' ? "" : " ", device, device[0] == '\0' ? "" : " ",
               f->vendor, f->device);
    }
    if (f->revision != 0)
        printf(" (rev %02x)", f->revision);
    printf("\n");
}

static void print_size(uint64_t size)
{
    static const char units[] = "\0KMGT";
    unsigned unit = 0;

    while (size >= 1024 && size % 1024 == 0 && unit < 4) {
        size /= 1024;
        unit++;
    }
    printf(" [size=%lu%.1s]\n", size, &units[unit]);
}

static void print_bars(const struct pci_function *f)
{
    for (unsigned i = 0; i < f->nr_bars; i++) {
        struct pci_bar bar;

        pci_read_bar(f, i, &bar);
        if (!bar.present)
            continue;
        printf("\tRegion %u: ", i);
        if (bar.io)
            printf("I/O ports at %04lx", bar.address);
        else
            printf("Memory at %08lx (%s-bit, %sprefetchable)", bar.address, bar.wide ? "64" : "32",
                   bar.prefetchable ? "" : "non-");
        print_size(bar.size);
    }
}

static const char *capability_name(uint8_t id)
{
    static const struct {
        uint8_t id;
        const char *name;
    } names[] = {
        { 0x01, "Power Management" },
        { 0x05, "MSI" },
        { 0x09, "Vendor Specific" },
        { 0x0a, "Debug port" },
        { 0x0d, "Subsystem" },
        { 0x10, "PCI Express" },
        { 0x11, "MSI-X" },
        { 0x12, "SATA HBA" },
        { 0x13, "Advanced Features" },
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].id == id)
            return names[i].name;
    return "capability";
}

static void print_capabilities(const struct pci_function *f)
{
    uint8_t at = 0;

    if (pci_config_read(f->address, PCI_COMMAND + 2, 2) & 0x10)
        at = (uint8_t)pci_config_read(f->address, PCI_CAPABILITIES, 1) & 0xfc;
    /* A list that runs in a circle ends with the last that could be there. */
    for (unsigned n = 0; at != 0 && n < 48; n++) {
        uint8_t id = (uint8_t)pci_config_read(f->address, at, 1);

        printf("\tCapabilities: [%02x] %s", at, capability_name(id));
        if (id == PCI_CAP_MSI)
            printf(": Count=1/%u", 1U << (pci_config_read(f->address, at + 2U, 2) >> 1 & 7));
        if (id == PCI_CAP_MSIX)
            printf(": Count=%u", (pci_config_read(f->address, at + 2U, 2) & 0x7ff) + 1);
        printf("\n");
        at = (uint8_t)pci_config_read(f->address, at + 1U, 1) & 0xfc;
    }
}

static void print_details(const struct pci_function *f)
{
    if (f->subsystem_vendor != 0)
        printf("\tSubsystem: %04x:%04x\n", f->subsystem_vendor, f->subsystem);
    printf("\tCommand: %04x, status: %04x\n", pci_config_read(f->address, PCI_COMMAND, 2),
           pci_config_read(f->address, PCI_COMMAND + 2, 2));
    if (f->interrupt_pin != 0)
        printf("\tInterrupt: pin %c, line %u\n", 'A' + f->interrupt_pin - 1, f->interrupt_line);
    print_bars(f);
    print_capabilities(f);
}

static void print_hex(const struct pci_function *f)
{
    for (unsigned row = 0; row < 64; row += 16) {
        printf("%02x:", row);
        for (unsigned i = 0; i < 16; i++)
            printf(" %02x", pci_config_read(f->address, row + i, 1));
        printf("\n");
    }
}

static bool list_function(struct pci_address address, void *arg)
{
    struct listing *listing = arg;
    struct pci_function f;

    if (listing->chosen && (address.bus != listing->bus || address.device != listing->device ||
                            address.function != listing->function))
        return true;
    listing->listed++;
    pci_read_function(&f, address);
    print_heading(listing, &f);
    if (listing->verbose)
        print_details(&f);
    if (listing->hex)
        print_hex(&f);
    if (listing->verbose || listing->hex)
        printf("\n");
    return true;
}

static int parse_options(struct listing *listing, int argc, char **argv)
{
    char rest;
    int c;

    while ((c = getopt(argc, argv, "nvxs:")) != -1) {
        if (c == '?')
            return COMMAND_USAGE;
        listing->numbers |= c == 'n';
        listing->verbose |= c == 'v';
        listing->hex |= c == 'x';
        if (c != 's')
            continue;
        listing->chosen = true;
        if (sscanf(optarg, "%x:%x.%u%c", &listing->bus, &listing->device, &listing->function, &rest) != 3) {
            fprintf(stderr, "lspci: '%s' is not of the form 00:1f.2\n", optarg);
            return COMMAND_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "lspci: '%s' is one argument too many\n", argv[optind]);
        return COMMAND_USAGE;
    }
    return COMMAND_OK;
}

int pci_lspci(int argc, char **argv)
{
    struct listing listing = { 0 };
    int result = parse_options(&listing, argc, argv);

    if (result != COMMAND_OK)
        return result;
    listing.names = read_names();
    if (listing.names == NULL) {
        fprintf(stderr, "lspci: no memory\n");
        return COMMAND_FAIL;
    }
    pci_for_each(list_function, &listing);
    free(listing.names);
    if (listing.listed == 0) {
        fprintf(stderr, listing.chosen ? "lspci: there is no such device\n" : "lspci: no PCI devices\n");
        return COMMAND_FAIL;
    }
    return COMMAND_OK;
}
