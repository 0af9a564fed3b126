/* SPDX-License-Identifier: MIT */
/*
 * The image: linked at IMAGE_START + physical address, loaded at 2 MiB. Sections stand in pages of one access right each, so that
 * hv/mm/paging.c can map them W^X.
 */
#include "hv/mm/layout.h"

#define LOAD_PHYS 0x200000
#define AT_PHYS(s) AT(ADDR(s) - IMAGE_START)

ENTRY(boot_entry)

PHDRS
{
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    data PT_LOAD FLAGS(6);
    note PT_NOTE FLAGS(4);
}

SECTIONS
{
    . = IMAGE_START + LOAD_PHYS;
    image_start = .;
    text_start = .;
    .text : AT_PHYS(.text) {
        *(.multiboot)
        *(.text.entry)
        *(.text .text.*)
        . = ALIGN(4096);
    } :text
    text_end = .;

    rodata_start = .;
    .rodata : AT_PHYS(.rodata) {
        *(.rodata .rodata.*)
        . = ALIGN(8);
        ex_table_start = .;
        KEEP(*(.ex_table))
        ex_table_end = .;
        smap_sites_start = .;
        KEEP(*(.smap_sites))
        smap_sites_end = .;
        __param_start = .;
        KEEP(*(.data.params))
        __param_end = .;
        . = ALIGN(4);
    } :rodata
    .note : AT_PHYS(.note) {
        note_start = .;
        KEEP(*(.note.Xen))
        KEEP(*(.note.gnu.build-id))
        note_end = .;
    } :rodata :note
    . = ALIGN(4096);
    rodata_end = .;

    data_start = .;
    .data : AT_PHYS(.data) {
        *(.data .data.rel .data.rel.* .data.[a-oq-z]*)
        . = ALIGN(64);
        percpu_start = .;
        *(.data.percpu)
        . = ALIGN(64);
        percpu_end = .;
        . = ALIGN(4096);
    } :data
    .data.ro_after_init : AT_PHYS(.data.ro_after_init) {
        ro_after_init_start = .;
        *(.data.ro_after_init)
        . = ALIGN(4096);
        ro_after_init_end = .;
    } :data

    init_start = .;
    .init : AT_PHYS(.init) {
        *(.init.text .init.text.*)
        . = ALIGN(4096);
        init_text_end = .;
        *(.init.data .init.data.*)
        . = ALIGN(4096);
    } :data
    init_end = .;

    .bss : AT_PHYS(.bss) {
        bss_start = .;
        *(.bss.page_aligned)
        *(.bss .bss.* COMMON)
        . = ALIGN(4096);
    } :data
    bss_end = .;
    image_end = .;

    /DISCARD/ : { *(.comment) *(.eh_frame) *(.note.GNU-stack) *(.interp) *(.dynamic) *(.dynsym) *(.dynstr) *(.gnu.hash) *(.hash) }
}

ASSERT(image_end - image_start < 0x2000000, "the image must fit the early map")
ASSERT((ex_table_end - ex_table_start) % 16 == 0, "exception table entries are 16 bytes")
