/* SPDX-License-Identifier: MIT */
/*
 * The address space. Xen's PV ABI gives the hypervisor L4 slots 256..271 of every address space
 * (0xffff800000000000..0xffff87ffffffffff); everything else is the guest's. Usable from assembly.
 *
 *  slot  from                 what
 *  256   0xffff800000000000   machine-to-phys table, readable by guests (MACH2PHYS_VIRT_START)
 *  257   0xffff808000000000   machine-to-phys table, the hypervisor's writable view
 *  258   0xffff810000000000   frame table (struct frame by mfn)
 *  259   0xffff818000000000   virtual areas: CPU stacks with guard pages, device mappings
 *  260   0xffff820000000000   GDT and LDT windows of each vCPU (hv/pv/window.c)
 *  261   0xffff828000000000   hypervisor image
 *  262+  0xffff830000000000   direct map of all RAM (5 TiB)
 */
#ifndef HV_MM_LAYOUT_H
#define HV_MM_LAYOUT_H

#define HV_FIRST_SLOT 256
#define HV_LAST_SLOT  271
#define SLOT_M2P_RO   256
#define SLOT_M2P_RW   257
#define SLOT_FRAMES   258
#define SLOT_VMAP     259
#define SLOT_WINDOWS  260
#define SLOT_IMAGE    261
#define SLOT_DIRECT   262

#define HV_VIRT_START     0xffff800000000000
#define HV_VIRT_END       0xffff880000000000
#define M2P_RO_START      0xffff800000000000
#define M2P_RO_END        0xffff808000000000
#define M2P_RW_START      0xffff808000000000
#define FRAME_TABLE_START 0xffff810000000000
#define VMAP_START        0xffff818000000000
#define VMAP_END          0xffff820000000000
#define WINDOWS_START     0xffff820000000000
#define IMAGE_START       0xffff828000000000
#define DIRECT_MAP_START  0xffff830000000000
#define DIRECT_MAP_END    0xffff880000000000

/* Non-canonical hole: what a guest's user or kernel address must avoid. */
#define CANONICAL_LOW_END    0x0000800000000000
#define CANONICAL_HIGH_START 0xffff800000000000

#endif
