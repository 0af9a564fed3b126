/* SPDX-License-Identifier: MIT */
/* Commands on block devices: lsblk. */
#ifndef DOM0_BLOCK_BLOCK_COMMANDS_H
#define DOM0_BLOCK_BLOCK_COMMANDS_H

#include "dom0_tools/shell/command.h"

extern const struct command block_commands[];
extern const size_t block_nr_commands;

#endif
