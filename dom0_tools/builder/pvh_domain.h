/* SPDX-License-Identifier: MIT */
/* Builds a PVH domain (arch-x86/hvm/start_info.h): memory, kernel, ACPI tables, start of day, first vCPU. */
#ifndef DOM0_BUILDER_PVH_DOMAIN_H
#define DOM0_BUILDER_PVH_DOMAIN_H

#include "dom0_tools/builder/pv_domain.h"

/* As pv_domain_build(); the frames of the result are guest frames. */
bool pvh_domain_build(const struct build_request *request, struct build_result *result, char *why);

#endif
