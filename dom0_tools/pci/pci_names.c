/* SPDX-License-Identifier: MIT */
#include "dom0_tools/pci/pci_names.h"

#include <stdio.h>
#include <string.h>

/* Copies the name behind a line's key and its spaces. */
static void copy_name(const char *line, size_t key_len, char *name)
{
    const char *start = line + key_len + strspn(line + key_len, " ");

    snprintf(name, PCI_NAME_SIZE, "%.*s", (int)strcspn(start, "\r\n"), start);
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');

    return end == NULL ? line + strlen(line) : end + 1;
}

static int begins_with(const char *line, const char *key)
{
    return strncmp(line, key, strlen(key)) == 0;
}

/* Finds the line that begins with `key`, and below it the one that begins with a tab and `subkey`. */
static void look_up(const char *text, const char *key, const char *subkey, char *name, char *subname)
{
    const char *line = text;

    name[0] = subname[0] = '\0';
    while (*line != '\0' && !begins_with(line, key))
        line = next_line(line);
    if (*line == '\0')
        return;
    copy_name(line, strlen(key), name);
    for (line = next_line(line); *line == '\t' || *line == '#'; line = next_line(line)) {
        if (*line == '\t' && begins_with(line + 1, subkey)) {
            copy_name(line + 1, strlen(subkey), subname);
            return;
        }
    }
}

void pci_name_of_device(const char *text, uint16_t vendor, uint16_t device, char *vendor_name,
                        char *device_name)
{
    char key[8], subkey[8];

    snprintf(key, sizeof(key), "%04x ", vendor);
    snprintf(subkey, sizeof(subkey), "%04x ", device);
    look_up(text, key, subkey, vendor_name, device_name);
}

void pci_name_of_class(const char *text, uint8_t class, uint8_t subclass, char *name)
{
    char key[8], subkey[8], class_name[PCI_NAME_SIZE];

    snprintf(key, sizeof(key), "C %02x ", class);
    snprintf(subkey, sizeof(subkey), "%02x ", subclass);
    look_up(text, key, subkey, class_name, name);
    if (name[0] == '\0')
        snprintf(name, PCI_NAME_SIZE, "%s", class_name);
}
