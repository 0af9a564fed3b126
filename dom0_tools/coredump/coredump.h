/* SPDX-License-Identifier: MIT */
/* A domain's memory and registers as a file, for gdb and for Xen's tools. */
#ifndef DOM0_COREDUMP_COREDUMP_H
#define DOM0_COREDUMP_COREDUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

/*
 * Writes the file; the domain stands still meanwhile, and may have crashed. Of a PV domain it has what the
 * first vCPU's kernel has mapped, of a hardware guest all its memory. False with a sentence in error[size],
 * and no file.
 */
bool coredump_write(domid_t domid, const char *path, char *error, size_t size);

#endif
