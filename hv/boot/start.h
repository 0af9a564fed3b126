/* SPDX-License-Identifier: MIT */
/* The steps of the boot, in files of their own. */
#ifndef HV_BOOT_START_H
#define HV_BOOT_START_H

#include "hv/lib/types.h"

/* Build dom0 from module 0 and whatever domain= options ask for, and let them run; panics when dom0 cannot be built. */
void boot_build_domains(void);
/* Hand modules that no domain uses any more, and the boot-only part of the image, to the frame allocator. */
void boot_free_memory(void);

#endif
