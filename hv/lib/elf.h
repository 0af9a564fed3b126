/* SPDX-License-Identifier: MIT */
/*
 * Reads an untrusted ELF image (x86-64, or 32-bit x86, ET_EXEC or ET_DYN) that lies in memory.
 * elf_parse() checks everything that the other functions rely on; they cannot fail. Nothing here allocates.
 */
#ifndef HV_LIB_ELF_H
#define HV_LIB_ELF_H

#include "hv/lib/types.h"

#define ELF_MAX_SEGMENTS 32
/* No image may reach over more memory than this, from its lowest to its highest segment. */
#define ELF_MAX_SPAN (1ULL << 30)
/* Room for the sentence that says why an image was refused. */
#define ELF_WHY_SIZE 160

#define ELF_PF_X 1U
#define ELF_PF_W 2U
#define ELF_PF_R 4U

/* One PT_LOAD segment: memory [paddr, paddr + memsz) begins with the file's [offset, offset + filesz). */
struct elf_segment {
    uint64_t offset;
    uint64_t filesz;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t memsz; /* never 0 */
    uint32_t flags; /* ELF_PF_* */
};

/* Where a table of equal entries lies in the file. */
struct elf_table {
    uint64_t offset;
    uint32_t entry_size;
    uint32_t nr;
};

struct elf_image {
    const uint8_t *data;
    size_t size;
    bool is_32bit;  /* class 32, machine 386: only PVH kernels can be so */
    uint64_t entry; /* e_entry: a virtual address, not checked against the segments */
    struct elf_table phdrs;
    struct elf_table shdrs; /* nr is 0 if the file has none that can be used */
    uint32_t shstrndx;
    unsigned nr_segments;                         /* at least 1 */
    struct elf_segment segment[ELF_MAX_SEGMENTS]; /* by rising paddr, without overlap */
    uint64_t paddr_start;                         /* of the lowest segment */
    uint64_t paddr_end;                           /* one past the highest segment */
};

/* One note, inside the image. */
struct elf_note {
    const char *name; /* terminated */
    uint32_t type;
    const uint8_t *desc;
    uint32_t desc_size;
};

/* Calls back for each note; a false return ends the walk, and the walker returns false. */
typedef bool (*elf_note_fn)(void *ctx, const struct elf_note *note);

/*
 * Reads and checks the headers. Returns false with a sentence in why[ELF_WHY_SIZE] if the image cannot be
 * loaded. The image refers to data, which must stay.
 */
bool elf_parse(struct elf_image *elf, const void *data, size_t size, char *why);

/*
 * Puts the segments where they belong: dst is the place of paddr_start and has room for paddr_end -
 * paddr_start bytes. What no segment's file contents cover is zeroed.
 */
void elf_load(const struct elf_image *elf, void *dst);

/*
 * Walks the notes of all PT_NOTE segments, or of all SHT_NOTE sections. A table or note that does not lie
 * within the file ends the walk of that table: what came before counts. Returns false only if fn did.
 */
bool elf_for_each_segment_note(const struct elf_image *elf, elf_note_fn fn, void *ctx);
bool elf_for_each_section_note(const struct elf_image *elf, elf_note_fn fn, void *ctx);

/* The contents of the section of that name; NULL if there is none inside the file. */
const uint8_t *elf_find_section(const struct elf_image *elf, const char *name, size_t *size);

#endif
