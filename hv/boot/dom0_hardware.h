/* SPDX-License-Identifier: MIT */
/* What of the machine the hardware domain may touch: everything but what the hypervisor drives itself. */
#ifndef HV_BOOT_DOM0_HARDWARE_H
#define HV_BOOT_DOM0_HARDWARE_H

#include "hv/domain/domain.h"

/* Fill d->ioports, d->iomem and d->irqs; panics when memory is out. */
void dom0_grant_hardware(struct domain *d);

#endif
