/* SPDX-License-Identifier: MIT */
/*
 * The ELF image in a kernel's file: the file itself, or what is packed in it: a Linux bzImage (gzip, xz, LZ4,
 * zstd), or an ELF file packed by gzip, as Mini-OS's build makes it.
 */
#ifndef DOM0_BUILDER_KERNEL_IMAGE_H
#define DOM0_BUILDER_KERNEL_IMAGE_H

#include <stddef.h>

struct kernel_image {
    const void *elf;
    size_t size;
    void *unpacked; /* what to free; NULL when elf lies in the file */
};

/* Finds or unpacks it. NULL, or a sentence that says why not, with nothing allocated. The file's bytes must
 * stay. */
const char *kernel_image_open(struct kernel_image *image, const void *file, size_t size);
void kernel_image_close(struct kernel_image *image);

#endif
