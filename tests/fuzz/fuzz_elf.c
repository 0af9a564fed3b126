/* SPDX-License-Identifier: MIT */
/* Any ELF image: what is accepted can be loaded and its notes read without touching a byte that is not its
 * own. */
/* fuzz-sources: hv/lib/elf.c hv/lib/xen_elfnotes.c hv/lib/parse.c */
#include <stdlib.h>
#include <string.h>

#include "hv/lib/xen_elfnotes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Images that span more than this are only read, not loaded: the fuzzer's time is better spent. */
#define LOAD_LIMIT (1UL << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[ELF_WHY_SIZE];
    struct elf_image elf;
    struct xen_notes notes;
    struct xen_pv_range range;
    size_t section;

    memset(why, 'x', sizeof(why));
    if (!elf_parse(&elf, data, size, why)) {
        if (memchr(why, '\0', sizeof(why)) == NULL)
            abort();
        return 0;
    }
    if (elf.paddr_end - elf.paddr_start <= LOAD_LIMIT) {
        void *mem = malloc(elf.paddr_end - elf.paddr_start);

        elf_load(&elf, mem);
        free(mem);
    }
    elf_find_section(&elf, ".symtab", &section);
    if (xen_notes_parse(&notes, &elf, why))
        xen_notes_check_pv(&notes, &elf, 0, &range, why);
    return 0;
}
