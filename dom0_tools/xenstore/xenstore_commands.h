/* SPDX-License-Identifier: MIT */
/* xenstore-ls, -read, -write, -list, -rm, -exists, -watch, -chmod: Xen's options and output. */
#ifndef DOM0_XENSTORE_COMMANDS_H
#define DOM0_XENSTORE_COMMANDS_H

#include "dom0_tools/shell/command.h"

extern const struct command xenstore_commands[];
extern const size_t xenstore_nr_commands;

#endif
