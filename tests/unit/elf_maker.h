/* SPDX-License-Identifier: MIT */
/* Makes small ELF images in memory, field by field, for tests that then spoil them. */
#ifndef TESTS_UNIT_ELF_MAKER_H
#define TESTS_UNIT_ELF_MAKER_H

#include <elf.h>
#include <stdint.h>
#include <string.h>

#define MAKER_PHDRS 40
#define MAKER_NOTES 0x2000 /* where the notes lie in the file */
#define MAKER_TEXT  0x3000 /* where the contents of segments lie */
#define MAKER_SHDRS 0x4000

struct elf_maker {
    union {
        uint8_t bytes[0x5000];
        Elf64_Ehdr eh;
    };
    size_t size;
    size_t notes_size;
};

static inline Elf64_Phdr *maker_phdr(struct elf_maker *m, unsigned i)
{
    return (Elf64_Phdr *)(m->bytes + sizeof(Elf64_Ehdr)) + i;
}

static inline Elf64_Shdr *maker_shdr(struct elf_maker *m, unsigned i)
{
    return (Elf64_Shdr *)(m->bytes + MAKER_SHDRS) + i;
}

static inline void maker_init(struct elf_maker *m, uint64_t entry)
{
    memset(m, 0, sizeof(*m));
    m->size = sizeof(m->bytes);
    memcpy(m->eh.e_ident, ELFMAG, SELFMAG);
    m->eh.e_ident[EI_CLASS] = ELFCLASS64;
    m->eh.e_ident[EI_DATA] = ELFDATA2LSB;
    m->eh.e_ident[EI_VERSION] = EV_CURRENT;
    m->eh.e_type = ET_EXEC;
    m->eh.e_machine = EM_X86_64;
    m->eh.e_version = EV_CURRENT;
    m->eh.e_entry = entry;
    m->eh.e_phoff = sizeof(Elf64_Ehdr);
    m->eh.e_ehsize = sizeof(Elf64_Ehdr);
    m->eh.e_phentsize = sizeof(Elf64_Phdr);
    m->eh.e_shentsize = sizeof(Elf64_Shdr);
    for (unsigned i = 0; i < 0x100; i++)
        m->bytes[MAKER_TEXT + i] = (uint8_t)(i ^ 0x5a);
}

static inline Elf64_Phdr *maker_segment(struct elf_maker *m, uint64_t paddr, uint64_t filesz, uint64_t memsz)
{
    Elf64_Phdr *ph = maker_phdr(m, m->eh.e_phnum++);

    *ph = (Elf64_Phdr){ .p_type = PT_LOAD,
                        .p_flags = PF_R | PF_W | PF_X,
                        .p_offset = MAKER_TEXT,
                        .p_vaddr = paddr,
                        .p_paddr = paddr,
                        .p_filesz = filesz,
                        .p_memsz = memsz,
                        .p_align = 4096 };
    return ph;
}

static inline void maker_note(struct elf_maker *m, const char *name, uint32_t type, const void *desc,
                              uint32_t size)
{
    uint8_t *at = m->bytes + MAKER_NOTES + m->notes_size;
    uint32_t namesz = (uint32_t)strlen(name) + 1;
    const Elf64_Nhdr nh = { .n_namesz = namesz, .n_descsz = size, .n_type = type };

    memcpy(at, &nh, sizeof(nh));
    memcpy(at + sizeof(nh), name, namesz);
    memcpy(at + sizeof(nh) + (namesz + 3) / 4 * 4, desc, size);
    m->notes_size += sizeof(nh) + (namesz + 3) / 4 * 4 + (size + 3) / 4 * 4;
}

static inline void maker_number(struct elf_maker *m, uint32_t type, uint64_t value)
{
    maker_note(m, "Xen", type, &value, sizeof(value));
}

static inline void maker_text(struct elf_maker *m, uint32_t type, const char *text)
{
    maker_note(m, "Xen", type, text, (uint32_t)strlen(text) + 1);
}

/* Presents the notes made so far as a PT_NOTE segment. */
static inline void maker_note_segment(struct elf_maker *m)
{
    Elf64_Phdr *ph = maker_phdr(m, m->eh.e_phnum++);

    *ph = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = MAKER_NOTES, .p_filesz = m->notes_size, .p_align = 4 };
}

/* Adds a section; the names' section must be the first, see maker_sections(). */
static inline Elf64_Shdr *maker_section(struct elf_maker *m, uint32_t name, uint32_t type, uint64_t offset,
                                        uint64_t size)
{
    Elf64_Shdr *sh = maker_shdr(m, m->eh.e_shnum++);

    *sh = (Elf64_Shdr){ .sh_name = name, .sh_type = type, .sh_offset = offset, .sh_size = size };
    return sh;
}

/* Begins the section table with the table of names. */
static inline void maker_sections(struct elf_maker *m, const char *names, size_t size)
{
    m->eh.e_shoff = MAKER_SHDRS;
    m->eh.e_shstrndx = 0;
    memcpy(m->bytes + MAKER_SHDRS + 0x800, names, size);
    maker_section(m, 0, SHT_STRTAB, MAKER_SHDRS + 0x800, size);
}

#endif
