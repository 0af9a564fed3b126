/* SPDX-License-Identifier: MIT */
/* Numbers shared by C and assembly: addresses, per-vCPU area, pseudo vectors. */
#ifndef GUESTS_LAYOUT_H
#define GUESTS_LAYOUT_H

#define VIRT_BASE 0xffffffff80000000

/* One area a vCPU, aligned to its size: struct cpu at the bottom, then the trap stack, the kernel stack on
 * top. */
#define CPU_AREA_SIZE      0x8000
#define CPU_TRAP_STACK_TOP 0x4000
#define MAX_CPUS           64

/* Entry points that are not exceptions get vector numbers above 255. */
#define TRAP_UPCALL    256
#define TRAP_SYSCALL   257
#define TRAP_SYSCALL32 258
#define TRAP_SYSENTER  259
#define TRAP_FAILSAFE  260
#define TRAP_COUNT     261

/* Value of eax with which user_start() asks to leave user mode. */
#define USER_EXIT 0x55e0

#endif
