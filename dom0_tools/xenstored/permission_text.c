/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstored/permission_text.h"
#include "dom0_tools/xenstored/request.h"

#include <stdio.h>
#include <string.h>
#include <xen/xen.h>

/* By ACCESS_*. */
static const char letters[] = "nrwb";

bool permission_parse(const char *text, struct permission *permission)
{
    const char *letter = *text != '\0' ? strchr(letters, *text) : NULL;
    uint64_t domid;

    if (letter == NULL || !request_number(text + 1, DOMID_SELF, &domid))
        return false;
    *permission = (struct permission){ .domid = (uint16_t)domid, .access = (uint8_t)(letter - letters) };
    return true;
}

size_t permission_print(const struct permission *entry, unsigned int nr, char *out, size_t size)
{
    size_t len = 0;

    for (unsigned int i = 0; i < nr && size - len > sizeof("n65535"); i++)
        len +=
            (size_t)snprintf(out + len, size - len, "%c%u", letters[entry[i].access & 3], entry[i].domid) + 1;
    return len;
}
