/* SPDX-License-Identifier: MIT */
/* Text to numbers, for the command line and for text inside images. */
#ifndef HV_LIB_PARSE_H
#define HV_LIB_PARSE_H

#include "hv/lib/types.h"

/*
 * Parses an unsigned number at *s in `base` (2..16); base 0 takes "0x" for hexadecimal and anything else for
 * decimal. No white space and no sign is accepted. On success stores the number and moves *s behind it;
 * returns false, with nothing changed, if there is no digit or the number does not fit 64 bits.
 */
bool parse_u64(const char **s, unsigned base, uint64_t *value);

/*
 * Parses a size in bytes at *s: a number and one of the suffixes B, K, M, G, T in either case. Without a
 * suffix the unit is KiB, as in all of Xen's sizes. Returns as parse_u64().
 */
bool parse_size(const char **s, uint64_t *bytes);

/* Parses the whole of s as a boolean word: yes/on/true/enable/1 or no/off/false/disable/0. False if it is
 * neither. */
bool parse_bool(const char *s, bool *value);

#endif
