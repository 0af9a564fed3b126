/* SPDX-License-Identifier: MIT */
/* The command `lsevtchn`: a domain's event channels, and with them dom0's interrupts. */
#ifndef DOM0_XL_LSEVTCHN_H
#define DOM0_XL_LSEVTCHN_H

#include "dom0_tools/shell/command.h"

extern const struct command lsevtchn_commands[];
extern const size_t lsevtchn_nr_commands;

#endif
