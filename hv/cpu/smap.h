/* SPDX-License-Identifier: MIT */
/*
 * stac and clac that cost nothing on CPUs without SMAP: each use is a 3-byte nop recorded in .smap_sites, and
 * smap_enable() turns them into the instructions before the text becomes read-only. Usable from C asm strings
 * and from .S files.
 */
#ifndef HV_CPU_SMAP_H
#define HV_CPU_SMAP_H

#ifdef __ASSEMBLY__
/* clang-format off */
.macro SMAP_SITE opcode
661:    .byte 0x0f, 0x1f, 0x00
        .pushsection .smap_sites, "a"
        .quad 661b, \opcode
        .popsection
.endm
/* clang-format on */
#define ASM_STAC SMAP_SITE 0xcb
#define ASM_CLAC SMAP_SITE 0xca
#else
#define SMAP_SITE(opcode)                 \
    "661: .byte 0x0f, 0x1f, 0x00\n\t"     \
    ".pushsection .smap_sites, \"a\"\n\t" \
    ".quad 661b, " opcode "\n\t"          \
    ".popsection\n\t"
#define ASM_STAC SMAP_SITE("0xcb")
#define ASM_CLAC SMAP_SITE("0xca")

/* Decide whether SMAP is used and patch all sites. Boot CPU, once, while the text is still writable;
 * cpu_init_features sets CR4. */
void smap_enable(void);
#endif

#endif
