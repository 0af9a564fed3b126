/* SPDX-License-Identifier: MIT */
/* Where assembly finds the fields of struct cpu (cpu.h) by the GS base. */
#ifndef PVGUEST_CPU_LAYOUT_H
#define PVGUEST_CPU_LAYOUT_H

#define CPU_SELF    0
#define CPU_IDLE_SP 8
#define CPU_INFO    16

#endif
