/* SPDX-License-Identifier: MIT */
#include "dom0_tools/coredump/elf_core.h"
#include "pvguest/hypercall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/elfnote.h>
#include <xen/version.h>

#define PAGE           4096U
#define ET_CORE        4
#define EM_X86_64      62
#define PT_LOAD        1
#define PT_NOTE        4
#define SHT_PROGBITS   1
#define SHT_STRTAB     3
#define SHT_NOTE       7
#define NT_PRSTATUS    1
#define MAX_SEGMENTS   65000U /* a 16-bit field counts them */
#define PV_MAGIC       0xF00FEBEDUL
#define HVM_MAGIC      0xF00FEBEEUL
#define FORMAT_VERSION 1U

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct elf_section {
    uint32_t name, type;
    uint64_t flags, addr, offset, size;
    uint32_t link, info;
    uint64_t addralign, entsize;
};

/* Linux's struct elf_prstatus, which gdb knows. */
struct prstatus {
    uint8_t signal[32];
    uint32_t pid, ppid, pgrp, sid;
    uint64_t times[8];
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs,
        rflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
    uint32_t fpvalid, padding;
};
_Static_assert(sizeof(struct prstatus) == 336, "struct elf_prstatus of x86-64");

struct note {
    uint32_t name_size, size, type;
};

struct xen_header_note {
    uint64_t magic, nr_vcpus, nr_pages, page_size;
};

struct xen_version_note {
    uint64_t major, minor;
    xen_extraversion_t extra;
    struct xen_compile_info compile;
    xen_capabilities_info_t capabilities;
    xen_changeset_info_t changeset;
    xen_platform_parameters_t platform;
    uint64_t page_size;
};

static const char section_names[] =
    "\0.shstrtab\0.note.Xen\0.xen_prstatus\0.xen_shared_info\0.xen_p2m\0.xen_pfn\0.xen_pages";

/* NUMBERS: .xen_p2m has a page's pfn and mfn; .xen_pfn the pfn, for domains that know no other. */
enum section { NONE, NAMES, NOTES, PRSTATUS, SHARED_INFO, NUMBERS, PAGES, NR_SECTIONS };

/* Offsets in the file. */
struct layout {
    size_t nr_segments; /* PT_LOAD */
    uint64_t core_notes, core_notes_size;
    struct elf_section section[NR_SECTIONS];
};

struct writer {
    FILE *file;
    uint64_t at;
    bool ok;
    const struct layout *layout;
};

static void put(struct writer *w, const void *data, size_t size)
{
    w->ok = w->ok && fwrite(data, 1, size, w->file) == size;
    w->at += size;
}

/* Zeroes up to that offset. */
static void pad_to(struct writer *w, uint64_t offset)
{
    static const char zeroes[PAGE];

    while (w->ok && w->at < offset)
        put(w, zeroes, offset - w->at < PAGE ? (size_t)(offset - w->at) : PAGE);
}

/* ---- notes: names and contents are padded to 4 bytes ---- */

static size_t note_size(const char *name, size_t size)
{
    return sizeof(struct note) + ((strlen(name) + 1 + 3) & ~3UL) + ((size + 3) & ~3UL);
}

static void put_note(struct writer *w, const char *name, uint32_t type, const void *data, size_t size)
{
    struct note note = { (uint32_t)strlen(name) + 1, (uint32_t)size, type };

    put(w, &note, sizeof(note));
    put(w, name, note.name_size);
    pad_to(w, (w->at + 3) & ~3UL);
    put(w, data, size);
    pad_to(w, (w->at + 3) & ~3UL);
}

static void put_thread(struct writer *w, const struct vcpu_guest_context *context, uint32_t number)
{
    const struct cpu_user_regs *r = &context->user_regs;
    struct prstatus status = {
        .pid = number,
        .r15 = r->r15,
        .r14 = r->r14,
        .r13 = r->r13,
        .r12 = r->r12,
        .rbp = r->rbp,
        .rbx = r->rbx,
        .r11 = r->r11,
        .r10 = r->r10,
        .r9 = r->r9,
        .r8 = r->r8,
        .rax = r->rax,
        .rcx = r->rcx,
        .rdx = r->rdx,
        .rsi = r->rsi,
        .rdi = r->rdi,
        .orig_rax = r->rax,
        .rip = r->rip,
        .cs = r->cs,
        .rflags = r->rflags,
        .rsp = r->rsp,
        .ss = r->ss,
        .ds = r->ds,
        .es = r->es,
        .fs = r->fs,
        .gs = r->gs,
        .fs_base = context->fs_base,
    };

    status.gs_base = (context->flags & VGCF_in_kernel) != 0 ? context->gs_base_kernel : context->gs_base_user;
    put_note(w, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

static void put_xen_notes(struct writer *w, const struct elf_core *core)
{
    static struct xen_version_note version;
    const struct xen_header_note header = { core->hvm ? HVM_MAGIC : PV_MAGIC, core->nr_vcpus, core->list->nr,
                                            PAGE };
    const uint64_t format = FORMAT_VERSION;
    long number = hypercall_xen_version(XENVER_version, NULL);

    version.major = (uint64_t)number >> 16;
    version.minor = (uint64_t)number & 0xffff;
    version.page_size = PAGE;
    hypercall_xen_version(XENVER_extraversion, version.extra);
    hypercall_xen_version(XENVER_compile_info, &version.compile);
    hypercall_xen_version(XENVER_capabilities, version.capabilities);
    hypercall_xen_version(XENVER_changeset, version.changeset);
    hypercall_xen_version(XENVER_platform_parameters, &version.platform);
    put_note(w, "Xen", XEN_ELFNOTE_DUMPCORE_NONE, NULL, 0);
    put_note(w, "Xen", XEN_ELFNOTE_DUMPCORE_HEADER, &header, sizeof(header));
    put_note(w, "Xen", XEN_ELFNOTE_DUMPCORE_XEN_VERSION, &version, sizeof(version));
    put_note(w, "Xen", XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION, &format, sizeof(format));
}

/* ---- the plan ---- */

/* A kernel that has mapped its memory page by page in disorder is shown as far as there is room. */
static bool count_segment(void *arg, const struct dump_segment *segment)
{
    struct layout *l = arg;

    (void)segment;
    l->nr_segments++;
    return l->nr_segments < MAX_SEGMENTS;
}

static uint64_t plan_section(struct layout *l, enum section which, const char *name, uint32_t type,
                             uint64_t offset, uint64_t size, uint64_t entry)
{
    const char *at = section_names + 1;

    while (strcmp(at, name) != 0)
        at += strlen(at) + 1;
    l->section[which] = (struct elf_section){ .name = (uint32_t)(at - section_names),
                                              .type = type,
                                              .offset = offset,
                                              .size = size,
                                              .addralign = 1,
                                              .entsize = entry };
    return offset + size;
}

static void plan(struct layout *l, const struct elf_core *core)
{
    uint64_t end = sizeof(struct elf_header), nr = core->list->nr;

    *l = (struct layout){ 0 };
    page_list_segments(core->list, core->walk, count_segment, l);
    end += (l->nr_segments + 1) * sizeof(struct elf_segment) + NR_SECTIONS * sizeof(struct elf_section);
    l->core_notes = end;
    l->core_notes_size = core->nr_vcpus * note_size("CORE", sizeof(struct prstatus));
    end = plan_section(l, NAMES, ".shstrtab", SHT_STRTAB, end + l->core_notes_size, sizeof(section_names), 0);
    end = plan_section(l, NOTES, ".note.Xen", SHT_NOTE, (end + 3) & ~3UL,
                       note_size("Xen", 0) + note_size("Xen", sizeof(struct xen_header_note)) +
                           note_size("Xen", sizeof(struct xen_version_note)) +
                           note_size("Xen", sizeof(uint64_t)),
                       0);
    end = plan_section(l, PRSTATUS, ".xen_prstatus", SHT_PROGBITS, (end + 7) & ~7UL,
                       core->nr_vcpus * sizeof(*core->vcpu), sizeof(*core->vcpu));
    end = plan_section(l, SHARED_INFO, ".xen_shared_info", SHT_PROGBITS, end, PAGE, PAGE);
    end = core->hvm ? plan_section(l, NUMBERS, ".xen_pfn", SHT_PROGBITS, end, nr * sizeof(uint64_t),
                                   sizeof(uint64_t))
                    : plan_section(l, NUMBERS, ".xen_p2m", SHT_PROGBITS, end, nr * sizeof(struct dump_page),
                                   sizeof(struct dump_page));
    plan_section(l, PAGES, ".xen_pages", SHT_PROGBITS, (end + PAGE - 1) & ~(uint64_t)(PAGE - 1), nr * PAGE,
                 PAGE);
}

/* ---- the headers ---- */

static void put_header(struct writer *w)
{
    const struct layout *l = w->layout;
    const struct elf_header header = {
        .ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 },
        .type = ET_CORE,
        .machine = EM_X86_64,
        .version = 1,
        .phoff = sizeof(header),
        .shoff = sizeof(header) + (l->nr_segments + 1) * sizeof(struct elf_segment),
        .ehsize = sizeof(header),
        .phentsize = sizeof(struct elf_segment),
        .phnum = (uint16_t)(l->nr_segments + 1),
        .shentsize = sizeof(struct elf_section),
        .shnum = NR_SECTIONS,
        .shstrndx = NAMES,
    };

    put(w, &header, sizeof(header));
}

static bool put_segment(void *arg, const struct dump_segment *segment)
{
    struct writer *w = arg;
    const struct layout *l = w->layout;
    const struct elf_segment load = {
        .type = PT_LOAD,
        .flags = 7,
        .offset = l->section[PAGES].offset + (uint64_t)segment->place * PAGE,
        .vaddr = segment->va,
        .filesz = segment->count * PAGE,
        .memsz = segment->count * PAGE,
        .align = PAGE,
    };

    put(w, &load, sizeof(load));
    return w->at < sizeof(struct elf_header) + (l->nr_segments + 1) * sizeof(load);
}

static void put_headers(struct writer *w, const struct elf_core *core)
{
    const struct layout *l = w->layout;
    const struct elf_segment note = { .type = PT_NOTE,
                                      .offset = l->core_notes,
                                      .filesz = l->core_notes_size,
                                      .memsz = l->core_notes_size,
                                      .align = 4 };

    put_header(w);
    put(w, &note, sizeof(note));
    page_list_segments(core->list, core->walk, put_segment, w);
    put(w, l->section, sizeof(l->section));
}

static void put_numbers(struct writer *w, const struct elf_core *core)
{
    if (!core->hvm)
        put(w, core->list->page, core->list->nr * sizeof(*core->list->page));
    for (size_t i = 0; core->hvm && i < core->list->nr; i++)
        put(w, &core->list->page[i].pfn, sizeof(core->list->page[i].pfn));
}

static void put_pages(struct writer *w, const struct elf_core *core)
{
    char *data = malloc((size_t)ELF_CORE_PAGES_ONCE * PAGE);

    if (data == NULL) {
        errno = ENOMEM;
        w->ok = false;
    }
    for (size_t place = 0, count; w->ok && place < core->list->nr; place += count) {
        count = core->list->nr - place < ELF_CORE_PAGES_ONCE ? core->list->nr - place : ELF_CORE_PAGES_ONCE;
        core->read_pages(core->arg, place, count, data);
        put(w, data, count * PAGE);
    }
    free(data);
}

bool elf_core_write(FILE *file, const struct elf_core *core)
{
    struct layout layout;
    struct writer w = { .file = file, .ok = true, .layout = &layout };

    plan(&layout, core);
    put_headers(&w, core);
    for (unsigned int i = 0; i < core->nr_vcpus; i++)
        put_thread(&w, &core->vcpu[i], i + 1);
    put(&w, section_names, sizeof(section_names));
    pad_to(&w, layout.section[NOTES].offset);
    put_xen_notes(&w, core);
    pad_to(&w, layout.section[PRSTATUS].offset);
    put(&w, core->vcpu, core->nr_vcpus * sizeof(*core->vcpu));
    put(&w, core->shared_info, PAGE);
    put_numbers(&w, core);
    pad_to(&w, layout.section[PAGES].offset);
    put_pages(&w, core);
    return w.ok && fflush(file) == 0;
}
