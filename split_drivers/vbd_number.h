/* SPDX-License-Identifier: MIT */
/* The numbers of virtual disks and their names (Xen's xen-vbd-interface.7). Any context. */
#ifndef SPLIT_DRIVERS_VBD_NUMBER_H
#define SPLIT_DRIVERS_VBD_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* The number of "xvda", "xvda1", "hda", "sda2", "d0p1", or of a number; false: it is none. */
bool vbd_number(const char *vdev, unsigned int *id);

/* The name of a number: "xvda1"; the number itself where it is of another kind of disk. */
void vbd_name(unsigned int id, char *out, size_t size);

#endif
