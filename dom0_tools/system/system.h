/* SPDX-License-Identifier: MIT */
/* Commands on dom0 itself: its clock, memory, threads and end. */
#ifndef DOM0_SYSTEM_SYSTEM_H
#define DOM0_SYSTEM_SYSTEM_H

#include "dom0_tools/shell/command.h"

extern const struct command system_commands[];
extern const size_t system_nr_commands;

#endif
