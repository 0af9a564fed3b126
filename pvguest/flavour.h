/* SPDX-License-Identifier: MIT */
/*
 * One image starts either as a paravirtual guest or, by its other ELF note, as a PVH guest on hardware
 * virtualisation. pvh_start.c makes the latter look like the former: a start_info, page frames as machine
 * frames, the same exception frames. What is left to tell apart asks this flag.
 */
#ifndef PVGUEST_FLAVOUR_H
#define PVGUEST_FLAVOUR_H

#include <stdbool.h>

extern bool guest_is_pvh;

#endif
