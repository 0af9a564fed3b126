/* SPDX-License-Identifier: MIT */
/* ELF images. Format: System V ABI (gABI) chapter 4 and 5, i386 and x86-64 supplements. */
#include "hv/lib/elf.h"
#include "hv/lib/printf.h"
#include "hv/lib/string.h"

#define CLASS_32   1
#define CLASS_64   2
#define EM_386     3
#define EM_X86_64  62
#define ET_EXEC    2
#define ET_DYN     3
#define PT_LOAD    1
#define PT_NOTE    4
#define SHT_NOTE   7
#define SHT_NOBITS 8

struct ehdr {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t phoff;
    uint64_t shoff;
    uint32_t flags;
    uint16_t ehsize;
    uint16_t phentsize;
    uint16_t phnum;
    uint16_t shentsize;
    uint16_t shnum;
    uint16_t shstrndx;
};
_Static_assert(sizeof(struct ehdr) == 64, "ELF header");

struct phdr {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t vaddr;
    uint64_t paddr;
    uint64_t filesz;
    uint64_t memsz;
    uint64_t align;
};
_Static_assert(sizeof(struct phdr) == 56, "ELF program header");

struct shdr {
    uint32_t name;
    uint32_t type;
    uint64_t flags;
    uint64_t addr;
    uint64_t offset;
    uint64_t size;
    uint32_t link;
    uint32_t info;
    uint64_t addralign;
    uint64_t entsize;
};
_Static_assert(sizeof(struct shdr) == 64, "ELF section header");

/* The same of 32-bit images; they are widened when read. */
struct ehdr32 {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint32_t entry;
    uint32_t phoff;
    uint32_t shoff;
    uint32_t flags;
    uint16_t ehsize;
    uint16_t phentsize;
    uint16_t phnum;
    uint16_t shentsize;
    uint16_t shnum;
    uint16_t shstrndx;
};
_Static_assert(sizeof(struct ehdr32) == 52, "ELF header");

struct phdr32 {
    uint32_t type;
    uint32_t offset;
    uint32_t vaddr;
    uint32_t paddr;
    uint32_t filesz;
    uint32_t memsz;
    uint32_t flags;
    uint32_t align;
};
_Static_assert(sizeof(struct phdr32) == 32, "ELF program header");

struct shdr32 {
    uint32_t name;
    uint32_t type;
    uint32_t flags;
    uint32_t addr;
    uint32_t offset;
    uint32_t size;
    uint32_t link;
    uint32_t info;
    uint32_t addralign;
    uint32_t entsize;
};
_Static_assert(sizeof(struct shdr32) == 40, "ELF section header");

struct nhdr {
    uint32_t namesz;
    uint32_t descsz;
    uint32_t type;
};

static bool in_file(const struct elf_image *elf, uint64_t offset, uint64_t size)
{
    return offset <= elf->size && size <= elf->size - offset;
}

static bool table_in_file(const struct elf_image *elf, const struct elf_table *table, size_t min_entry)
{
    return table->entry_size >= min_entry &&
           in_file(elf, table->offset, (uint64_t)table->entry_size * table->nr);
}

/* The headers may lie unaligned in the file: they are copied out. */
static void read_phdr(const struct elf_image *elf, unsigned i, struct phdr *ph)
{
    const uint8_t *at = elf->data + elf->phdrs.offset + (uint64_t)i * elf->phdrs.entry_size;
    struct phdr32 narrow;

    if (!elf->is_32bit) {
        memcpy(ph, at, sizeof(*ph));
        return;
    }
    memcpy(&narrow, at, sizeof(narrow));
    *ph = (struct phdr){
        .type = narrow.type,
        .flags = narrow.flags,
        .offset = narrow.offset,
        .vaddr = narrow.vaddr,
        .paddr = narrow.paddr,
        .filesz = narrow.filesz,
        .memsz = narrow.memsz,
        .align = narrow.align,
    };
}

static void read_shdr(const struct elf_image *elf, unsigned i, struct shdr *sh)
{
    const uint8_t *at = elf->data + elf->shdrs.offset + (uint64_t)i * elf->shdrs.entry_size;
    struct shdr32 narrow;

    if (!elf->is_32bit) {
        memcpy(sh, at, sizeof(*sh));
        return;
    }
    memcpy(&narrow, at, sizeof(narrow));
    *sh = (struct shdr){
        .name = narrow.name,
        .type = narrow.type,
        .flags = narrow.flags,
        .addr = narrow.addr,
        .offset = narrow.offset,
        .size = narrow.size,
    };
}

static bool refuse(char *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Writes the sentence; always false, so that a check can return it. */
static bool refuse(char *why, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, ELF_WHY_SIZE, fmt, args);
    va_end(args);
    return false;
}

static bool check_ident(const struct ehdr *eh, char *why)
{
    static const uint8_t magic[4] = { 0x7f, 'E', 'L', 'F' };

    if (memcmp(eh->ident, magic, sizeof(magic)) != 0)
        return refuse(why, "not an ELF file: it begins with %02x %02x %02x %02x", eh->ident[0], eh->ident[1],
                      eh->ident[2], eh->ident[3]);
    if ((eh->ident[4] != CLASS_64 && eh->ident[4] != CLASS_32) || eh->ident[5] != 1)
        return refuse(why, "ELF class %u, data encoding %u: only little endian (1 or 2, 1) can be loaded",
                      eh->ident[4], eh->ident[5]);
    if (eh->machine != (eh->ident[4] == CLASS_64 ? EM_X86_64 : EM_386))
        return refuse(why, "ELF machine %u: only x86-64 (%u), or 32-bit x86 (%u), can be loaded", eh->machine,
                      EM_X86_64, EM_386);
    if (eh->type != ET_EXEC && eh->type != ET_DYN)
        return refuse(why, "ELF type %u: only executables (%u, %u) can be loaded", eh->type, ET_EXEC, ET_DYN);
    return true;
}

/* The header, widened. @pre the file has at least as many bytes as the larger form */
static void read_ehdr(struct elf_image *elf, struct ehdr *eh)
{
    struct ehdr32 narrow;

    memcpy(eh, elf->data, sizeof(*eh));
    elf->is_32bit = eh->ident[4] == CLASS_32;
    if (!elf->is_32bit)
        return;
    memcpy(&narrow, elf->data, sizeof(narrow));
    eh->entry = narrow.entry;
    eh->phoff = narrow.phoff;
    eh->shoff = narrow.shoff;
    eh->phentsize = narrow.phentsize;
    eh->phnum = narrow.phnum;
    eh->shentsize = narrow.shentsize;
    eh->shnum = narrow.shnum;
    eh->shstrndx = narrow.shstrndx;
}

static bool read_header(struct elf_image *elf, char *why)
{
    struct ehdr eh;
    size_t phdr_size, shdr_size;

    if (elf->size < sizeof(eh))
        return refuse(why, "%zu bytes are too few for an ELF header", elf->size);
    read_ehdr(elf, &eh);
    if (!check_ident(&eh, why))
        return false;

    phdr_size = elf->is_32bit ? sizeof(struct phdr32) : sizeof(struct phdr);
    shdr_size = elf->is_32bit ? sizeof(struct shdr32) : sizeof(struct shdr);
    elf->entry = eh.entry;
    elf->phdrs = (struct elf_table){ .offset = eh.phoff, .entry_size = eh.phentsize, .nr = eh.phnum };
    elf->shdrs = (struct elf_table){ .offset = eh.shoff, .entry_size = eh.shentsize, .nr = eh.shnum };
    elf->shstrndx = eh.shstrndx;
    if (eh.phnum == 0)
        return refuse(why, "the ELF file has no program headers");
    if (eh.phentsize < phdr_size)
        return refuse(why, "ELF program headers of %u bytes are too small", eh.phentsize);
    if (!table_in_file(elf, &elf->phdrs, phdr_size))
        return refuse(why, "%u ELF program headers at offset 0x%lx reach beyond the file's end at 0x%lx",
                      eh.phnum, (unsigned long)eh.phoff, (unsigned long)elf->size);
    /* Sections are optional information: an unusable table is as none. */
    if (!table_in_file(elf, &elf->shdrs, shdr_size))
        elf->shdrs.nr = 0;
    return true;
}

static bool check_segment(const struct elf_image *elf, unsigned i, const struct phdr *ph, char *why)
{
    if (!in_file(elf, ph->offset, ph->filesz))
        return refuse(why,
                      "ELF segment %u (offset 0x%lx, 0x%lx bytes) reaches beyond the file's end at 0x%lx", i,
                      (unsigned long)ph->offset, (unsigned long)ph->filesz, (unsigned long)elf->size);
    if (ph->memsz < ph->filesz)
        return refuse(why, "ELF segment %u has 0x%lx bytes in memory but 0x%lx in the file", i,
                      (unsigned long)ph->memsz, (unsigned long)ph->filesz);
    if (ph->memsz > ELF_MAX_SPAN)
        return refuse(why, "ELF segment %u has 0x%lx bytes, more than 0x%lx", i, (unsigned long)ph->memsz,
                      (unsigned long)ELF_MAX_SPAN);
    if (ph->paddr + ph->memsz < ph->paddr || ph->vaddr + ph->memsz < ph->vaddr)
        return refuse(why,
                      "ELF segment %u (paddr 0x%lx, vaddr 0x%lx, 0x%lx bytes) wraps around the address space",
                      i, (unsigned long)ph->paddr, (unsigned long)ph->vaddr, (unsigned long)ph->memsz);
    return true;
}

static bool overlap(const struct elf_segment *a, const struct elf_segment *b)
{
    return a->paddr < b->paddr + b->memsz && b->paddr < a->paddr + a->memsz;
}

/* Keeps the segments sorted by paddr. */
static bool insert_segment(struct elf_image *elf, const struct elf_segment *seg, char *why)
{
    unsigned at = elf->nr_segments;

    for (unsigned i = 0; i < elf->nr_segments; i++) {
        const struct elf_segment *other = &elf->segment[i];

        if (overlap(seg, other))
            return refuse(why, "ELF segments at paddr 0x%lx (0x%lx bytes) and 0x%lx (0x%lx bytes) overlap",
                          (unsigned long)seg->paddr, (unsigned long)seg->memsz, (unsigned long)other->paddr,
                          (unsigned long)other->memsz);
    }
    while (at > 0 && elf->segment[at - 1].paddr > seg->paddr)
        at--;
    memmove(&elf->segment[at + 1], &elf->segment[at], (elf->nr_segments - at) * sizeof(*seg));
    elf->segment[at] = *seg;
    elf->nr_segments++;
    return true;
}

static bool add_segment(struct elf_image *elf, unsigned i, const struct phdr *ph, char *why)
{
    const struct elf_segment seg = {
        .offset = ph->offset,
        .filesz = ph->filesz,
        .vaddr = ph->vaddr,
        .paddr = ph->paddr,
        .memsz = ph->memsz,
        .flags = ph->flags,
    };

    if (ph->memsz == 0 && ph->filesz == 0)
        return true;
    if (!check_segment(elf, i, ph, why))
        return false;
    if (elf->nr_segments == ELF_MAX_SEGMENTS)
        return refuse(why, "the ELF file has more than %u loadable segments", ELF_MAX_SEGMENTS);
    return insert_segment(elf, &seg, why);
}

bool elf_parse(struct elf_image *elf, const void *data, size_t size, char *why)
{
    const struct elf_segment *last;

    *elf = (struct elf_image){ .data = data, .size = size };
    if (!read_header(elf, why))
        return false;
    for (unsigned i = 0; i < elf->phdrs.nr; i++) {
        struct phdr ph;

        read_phdr(elf, i, &ph);
        if (ph.type == PT_LOAD && !add_segment(elf, i, &ph, why))
            return false;
    }
    if (elf->nr_segments == 0)
        return refuse(why, "the ELF file has no loadable segment");
    last = &elf->segment[elf->nr_segments - 1];
    elf->paddr_start = elf->segment[0].paddr;
    elf->paddr_end = last->paddr + last->memsz;
    if (elf->paddr_end - elf->paddr_start > ELF_MAX_SPAN)
        return refuse(why, "the ELF file's segments span paddr 0x%lx to 0x%lx, more than 0x%lx bytes",
                      (unsigned long)elf->paddr_start, (unsigned long)elf->paddr_end,
                      (unsigned long)ELF_MAX_SPAN);
    return true;
}

void elf_load(const struct elf_image *elf, void *dst)
{
    uint8_t *base = dst;
    uint64_t done = 0; /* bytes from base that are final */

    for (unsigned i = 0; i < elf->nr_segments; i++) {
        const struct elf_segment *seg = &elf->segment[i];
        uint64_t start = seg->paddr - elf->paddr_start;

        memset(base + done, 0, start - done);
        memcpy(base + start, elf->data + seg->offset, seg->filesz);
        done = start + seg->filesz;
    }
    memset(base + done, 0, elf->paddr_end - elf->paddr_start - done);
}

/* Length of a note's field with its padding to 4 bytes; the sum cannot overflow 64 bits. */
static uint64_t padded(uint32_t size)
{
    return ALIGN_UP((uint64_t)size, 4);
}

/* Walks the notes in data[size]; ends at the first that does not fit. */
static bool walk_notes(const uint8_t *data, uint64_t size, elf_note_fn fn, void *ctx)
{
    while (size >= sizeof(struct nhdr)) {
        struct nhdr nh;
        struct elf_note note;
        uint64_t len;

        memcpy(&nh, data, sizeof(nh));
        len = sizeof(nh) + padded(nh.namesz) + padded(nh.descsz);
        /* The last note's padding may be missing. */
        if (sizeof(nh) + padded(nh.namesz) + nh.descsz > size)
            return true;
        note.name = (const char *)data + sizeof(nh);
        note.type = nh.type;
        note.desc = data + sizeof(nh) + padded(nh.namesz);
        note.desc_size = nh.descsz;
        if (nh.namesz != 0 && note.name[nh.namesz - 1] == '\0' && !fn(ctx, &note))
            return false;
        len = min(len, size);
        data += len;
        size -= len;
    }
    return true;
}

bool elf_for_each_segment_note(const struct elf_image *elf, elf_note_fn fn, void *ctx)
{
    for (unsigned i = 0; i < elf->phdrs.nr; i++) {
        struct phdr ph;

        read_phdr(elf, i, &ph);
        /* Some linkers leave an empty note segment at offset 0, which is the ELF header. */
        if (ph.type != PT_NOTE || ph.offset == 0 || !in_file(elf, ph.offset, ph.filesz))
            continue;
        if (!walk_notes(elf->data + ph.offset, ph.filesz, fn, ctx))
            return false;
    }
    return true;
}

bool elf_for_each_section_note(const struct elf_image *elf, elf_note_fn fn, void *ctx)
{
    for (unsigned i = 0; i < elf->shdrs.nr; i++) {
        struct shdr sh;

        read_shdr(elf, i, &sh);
        if (sh.type != SHT_NOTE || !in_file(elf, sh.offset, sh.size))
            continue;
        if (!walk_notes(elf->data + sh.offset, sh.size, fn, ctx))
            return false;
    }
    return true;
}

/* Whether the string table holds exactly `name` at an offset, with its terminator. */
static bool string_is(const struct elf_image *elf, const struct shdr *strtab, uint32_t offset,
                      const char *name)
{
    size_t size = strlen(name) + 1;

    return offset < strtab->size && size <= strtab->size - offset &&
           memcmp(elf->data + strtab->offset + offset, name, size) == 0;
}

const uint8_t *elf_find_section(const struct elf_image *elf, const char *name, size_t *size)
{
    struct shdr strtab, sh;

    if (elf->shstrndx >= elf->shdrs.nr)
        return NULL;
    read_shdr(elf, elf->shstrndx, &strtab);
    if (!in_file(elf, strtab.offset, strtab.size))
        return NULL;
    for (unsigned i = 0; i < elf->shdrs.nr; i++) {
        read_shdr(elf, i, &sh);
        if (sh.type == SHT_NOBITS || !string_is(elf, &strtab, sh.name, name) ||
            !in_file(elf, sh.offset, sh.size))
            continue;
        *size = sh.size;
        return elf->data + sh.offset;
    }
    return NULL;
}
