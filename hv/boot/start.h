/* SPDX-License-Identifier: MIT */
/* The steps of the boot, in files of their own. */
#ifndef HV_BOOT_START_H
#define HV_BOOT_START_H

#include "hv/lib/types.h"

/* Build dom0 from module 0 and whatever domain= options ask for, and let them run; panics when dom0 cannot be
 * built. */
void boot_build_domains(void);
/* Hand the boot modules, which no domain uses any more, to the frame allocator. */
void boot_free_memory(void);

/* hv/boot/image.c: map the image W^X; at the end of the boot, give back its boot-only part and write-protect
 * .data.ro_after_init. */
void image_protect(void);
void image_finish(void);

#endif
