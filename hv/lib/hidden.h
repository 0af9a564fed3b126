/* SPDX-License-Identifier: MIT */
/*
 * Forced into every file of the hypervisor (hv/hv.mk): all symbols, declared ones too, are inside this one
 * image, so that position-independent code reaches them directly and not through a table of addresses.
 */
#ifndef HV_LIB_HIDDEN_H
#define HV_LIB_HIDDEN_H

#ifndef __ASSEMBLY__
#pragma GCC visibility push(hidden)
#endif

#endif
