/* SPDX-License-Identifier: MIT */
#ifndef DOM0_XENSTORE_LS_H
#define DOM0_XENSTORE_LS_H

#include <stdbool.h>

struct xs_handle;

/* Prints what is below the path, as Xen's xenstore-ls: full paths or indented names, with permissions or
 * without. Nodes that go meanwhile are left out. False with errno set: the path itself cannot be read. */
bool xenstore_ls(struct xs_handle *h, const char *path, bool full, bool permissions);

#endif
