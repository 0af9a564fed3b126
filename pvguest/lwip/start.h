/* SPDX-License-Identifier: MIT */
#ifndef PVGUEST_LWIP_START_H
#define PVGUEST_LWIP_START_H

/* Starts lwIP's thread, the first time; returns when it runs. Threads only. */
void lwip_start(void);

#endif
