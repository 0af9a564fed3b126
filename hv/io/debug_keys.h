/* SPDX-License-Identifier: MIT */
/* Single keys that make the hypervisor print its state; typed while the hypervisor has the input, or sent by
 * sysctl. */
#ifndef HV_IO_DEBUG_KEYS_H
#define HV_IO_DEBUG_KEYS_H

#include "hv/lib/types.h"

/*
 * Registers `fn` for a printable ASCII key; the description is one line for the key 'h'. A later registration
 * of the same key replaces the earlier one. fn runs with no lock held, on whichever CPU the key came in.
 */
void debug_key_register(char key, void (*fn)(char key), const char *desc);

/* Acts on a key; an unknown one prints a hint. No lock may be held. */
void debug_key_press(char key);

/* Registers the keys that belong to no other part: help, registers, trace, reboot, crash. */
void debug_keys_init(void);

#endif
