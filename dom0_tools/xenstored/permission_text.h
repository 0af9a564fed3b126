/* SPDX-License-Identifier: MIT */
/* Permissions as the wire and users write them: a letter and a domid, "n0", "r1", "w2", "b3". */
#ifndef DOM0_XENSTORED_PERMISSION_TEXT_H
#define DOM0_XENSTORED_PERMISSION_TEXT_H

#include "dom0_tools/xenstored/store.h"

bool permission_parse(const char *text, struct permission *permission);

/* Writes as many as have room, each with a NUL behind. Returns the bytes written. */
size_t permission_print(const struct permission *entry, unsigned int nr, char *out, size_t size);

#endif
