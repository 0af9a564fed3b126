/* SPDX-License-Identifier: MIT */
/* The virtual address space, also read by the assembler and the linker script: numbers only. */
#ifndef PVGUEST_LAYOUT_H
#define PVGUEST_LAYOUT_H

/* The linear area, below 512 GiB. The image is its start and must end below 2 GiB (the small code model); the
 * first 16 MiB of the address space stay unmapped, so that a NULL pointer with any offset faults. */
#define PVG_VIRT_BASE 0x1000000

/* One level-3 table holds these: the C heap, and the areas given out by vmap.h. */
#define PVG_HEAP_BASE 0x8000000000
#define PVG_HEAP_END  0xf000000000
#define PVG_MAP_BASE  0xf000000000
#define PVG_MAP_END   0x10000000000

#endif
