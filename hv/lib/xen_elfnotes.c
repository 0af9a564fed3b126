/* SPDX-License-Identifier: MIT */
#include <xen/elfnote.h>
#include <xen/features.h>

#include "hv/lib/xen_elfnotes.h"
#include "hv/lib/parse.h"
#include "hv/lib/printf.h"
#include "hv/lib/string.h"

struct reader {
    struct xen_notes *notes;
    char *why;
};

static bool refuse(char *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(char *why, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(why, ELF_WHY_SIZE, fmt, args);
    va_end(args);
    return false;
}

/* Copies text of at most `size` bytes, which need not be terminated. */
static void copy_text(char *dst, size_t dst_size, const void *src, size_t size)
{
    size_t n = min(strnlen(src, size), dst_size - 1);

    memcpy(dst, src, n);
    dst[n] = '\0';
}

static const struct {
    unsigned bit;
    const char *name;
} feature_names[] = {
    { XENFEAT_writable_page_tables, "writable_page_tables" },
    { XENFEAT_writable_descriptor_tables, "writable_descriptor_tables" },
    { XENFEAT_auto_translated_physmap, "auto_translated_physmap" },
    { XENFEAT_supervisor_mode_kernel, "supervisor_mode_kernel" },
    { XENFEAT_pae_pgdir_above_4gb, "pae_pgdir_above_4gb" },
    { XENFEAT_hvm_callback_vector, "hvm_callback_vector" },
    { XENFEAT_dom0, "dom0" },
    { XENFEAT_memory_op_vnode_supported, "memory_op_vnode_supported" },
    { XENFEAT_linux_rsdp_unrestricted, "linux_rsdp_unrestricted" },
};

static uint64_t feature_bit(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(feature_names); i++)
        if (strcmp(feature_names[i].name, name) == 0)
            return BIT(feature_names[i].bit);
    return 0;
}

static const char *feature_name(unsigned bit)
{
    for (size_t i = 0; i < ARRAY_SIZE(feature_names); i++)
        if (feature_names[i].bit == bit)
            return feature_names[i].name;
    return "unnamed";
}

/* Takes the text up to one of the separators out of data[size] as a terminated word; returns the bytes used.
 */
static size_t next_word(char *word, size_t word_size, const char *data, size_t size, char separator)
{
    size_t n = 0;

    while (n < size && data[n] != '\0' && data[n] != separator)
        n++;
    copy_text(word, word_size, data, n);
    return n < size && data[n] == separator ? n + 1 : n;
}

/* "a|!b": the kernel can use a and b, and needs b. What is not known can be ignored if it is not needed. */
static bool read_features(const struct reader *r, const char *data, size_t size)
{
    char word[48];
    size_t used;

    while ((used = next_word(word, sizeof(word), data, size, '|')) != 0) {
        bool required = word[0] == '!';
        uint64_t bit = feature_bit(word + required);

        if (required && bit == 0)
            return refuse(r->why, "the kernel requires the unknown Xen feature '%s'", word + 1);
        r->notes->features_supported |= bit;
        if (required)
            r->notes->features_required |= bit;
        data += used;
        size -= used;
    }
    return true;
}

static bool note_number(const struct reader *r, const struct elf_note *note, uint64_t *value)
{
    uint64_t v = 0;

    if (note->desc_size != 1 && note->desc_size != 2 && note->desc_size != 4 && note->desc_size != 8)
        return refuse(r->why, "Xen ELF note %u is a number of %u bytes", note->type, note->desc_size);
    memcpy(&v, note->desc, note->desc_size);
    *value = v;
    return true;
}

static bool note_flag(const struct reader *r, const struct elf_note *note, bool *value)
{
    uint64_t v;

    if (!note_number(r, note, &v))
        return false;
    *value = v != 0;
    return true;
}

/* Adds to what a FEATURES text says, in either order. */
static bool note_feature_bits(const struct reader *r, const struct elf_note *note)
{
    uint64_t bits;

    if (!note_number(r, note, &bits))
        return false;
    r->notes->features_supported |= bits;
    return true;
}

static bool note_text(const struct elf_note *note, char *text)
{
    copy_text(text, XEN_NOTE_TEXT_SIZE, note->desc, note->desc_size);
    return true;
}

static bool read_note(void *ctx, const struct elf_note *note)
{
    const struct reader *r = ctx;
    struct xen_notes *n = r->notes;

    if (strcmp(note->name, "Xen") != 0 || note->type > XEN_ELFNOTE_MAX)
        return true;
    n->seen |= 1U << note->type;
    switch (note->type) {
    case XEN_ELFNOTE_ENTRY:
        return note_number(r, note, &n->virt_entry);
    case XEN_ELFNOTE_HYPERCALL_PAGE:
        return note_number(r, note, &n->hypercall_page);
    case XEN_ELFNOTE_VIRT_BASE:
        return note_number(r, note, &n->virt_base);
    case XEN_ELFNOTE_PADDR_OFFSET:
        return note_number(r, note, &n->paddr_offset);
    case XEN_ELFNOTE_INIT_P2M:
        return note_number(r, note, &n->init_p2m);
    case XEN_ELFNOTE_PHYS32_ENTRY:
        return note_number(r, note, &n->phys32_entry);
    case XEN_ELFNOTE_MOD_START_PFN:
        return note_flag(r, note, &n->mod_start_pfn);
    case XEN_ELFNOTE_SUSPEND_CANCEL:
        return note_flag(r, note, &n->suspend_cancel);
    case XEN_ELFNOTE_SUPPORTED_FEATURES:
        return note_feature_bits(r, note);
    case XEN_ELFNOTE_FEATURES:
        return read_features(r, (const char *)note->desc, note->desc_size);
    case XEN_ELFNOTE_XEN_VERSION:
        return note_text(note, n->xen_version);
    case XEN_ELFNOTE_GUEST_OS:
        return note_text(note, n->guest_os);
    case XEN_ELFNOTE_GUEST_VERSION:
        return note_text(note, n->guest_version);
    case XEN_ELFNOTE_LOADER:
        return note_text(note, n->loader);
    default: /* PAE_MODE, BSD_SYMTAB, HV_START_LOW, L1_MFN_VALID: nothing to know for 64 bits */
        return true;
    }
}

/* The keys of __xen_guest whose value is a number or a text, and the note each stands for. */
static const struct {
    const char *key;
    unsigned type;
    size_t number; /* offset in struct xen_notes, or 0 */
    size_t text;
} legacy_keys[] = {
    { "VIRT_BASE", XEN_ELFNOTE_VIRT_BASE, offsetof(struct xen_notes, virt_base), 0 },
    { "VIRT_ENTRY", XEN_ELFNOTE_ENTRY, offsetof(struct xen_notes, virt_entry), 0 },
    { "ELF_PADDR_OFFSET", XEN_ELFNOTE_PADDR_OFFSET, offsetof(struct xen_notes, paddr_offset), 0 },
    { "HYPERCALL_PAGE", XEN_ELFNOTE_HYPERCALL_PAGE, offsetof(struct xen_notes, hypercall_page), 0 },
    { "GUEST_OS", XEN_ELFNOTE_GUEST_OS, 0, offsetof(struct xen_notes, guest_os) },
    { "GUEST_VER", XEN_ELFNOTE_GUEST_VERSION, 0, offsetof(struct xen_notes, guest_version) },
    { "XEN_VER", XEN_ELFNOTE_XEN_VERSION, 0, offsetof(struct xen_notes, xen_version) },
    { "LOADER", XEN_ELFNOTE_LOADER, 0, offsetof(struct xen_notes, loader) },
};

static bool read_legacy_key(const struct reader *r, const char *key, const char *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(legacy_keys); i++) {
        char *field = (char *)r->notes;
        uint64_t v;
        const char *p = value;

        if (strcmp(legacy_keys[i].key, key) != 0)
            continue;
        r->notes->seen |= 1U << legacy_keys[i].type;
        if (legacy_keys[i].text != 0) {
            copy_text(field + legacy_keys[i].text, XEN_NOTE_TEXT_SIZE, value, strlen(value));
            return true;
        }
        if (!parse_u64(&p, 0, &v) || *p != '\0')
            return refuse(r->why, "__xen_guest: %s='%s' is not a number", key, value);
        memcpy(field + legacy_keys[i].number, &v, sizeof(v));
        return true;
    }
    return true;
}

/* KEY=value,KEY=value: a text of data[size], terminated or not. */
static bool read_legacy(const struct reader *r, const char *data, size_t size)
{
    struct xen_notes *n = r->notes;
    char word[128];
    size_t used;

    n->legacy = true;
    while ((used = next_word(word, sizeof(word), data, size, ',')) != 0) {
        char *value = strchr(word, '=');

        if (value != NULL)
            *value++ = '\0';
        if (value != NULL && strcmp(word, "FEATURES") == 0) {
            if (!read_features(r, value, strlen(value)))
                return false;
        } else if (value != NULL && !read_legacy_key(r, word, value)) {
            return false;
        }
        data += used;
        size -= used;
    }
    /* In this form the page is a frame number counted from VIRT_BASE, and p_paddr is a virtual address by
     * default. */
    if (xen_notes_have(n, XEN_ELFNOTE_HYPERCALL_PAGE))
        n->hypercall_page = n->virt_base + (n->hypercall_page << PAGE_SHIFT);
    if (!xen_notes_have(n, XEN_ELFNOTE_PADDR_OFFSET))
        n->paddr_offset = n->virt_base;
    return true;
}

bool xen_notes_parse(struct xen_notes *notes, const struct elf_image *elf, char *why)
{
    struct reader r = { .notes = notes, .why = why };
    const uint8_t *legacy;
    size_t size;

    *notes = (struct xen_notes){ .virt_entry = elf->entry };
    if (!elf_for_each_segment_note(elf, read_note, &r))
        return false;
    if (notes->seen == 0 && !elf_for_each_section_note(elf, read_note, &r))
        return false;
    if (notes->seen != 0)
        return true;
    legacy = elf_find_section(elf, "__xen_guest", &size);
    if (legacy == NULL)
        return refuse(why, "not a Xen kernel: it has neither Xen ELF notes nor a section __xen_guest");
    return read_legacy(&r, (const char *)legacy, size);
}

static bool check_identity(const struct xen_notes *n, uint64_t refused, char *why)
{
    uint64_t missing = n->features_required & refused;

    if (strncmp(n->xen_version, "xen-3.0", 7) != 0)
        return refuse(why, "the kernel's note XEN_VERSION is '%s': a PV kernel has 'xen-3.0'",
                      n->xen_version);
    if (strncmp(n->loader, "generic", 7) != 0 && strncmp(n->guest_os, "linux", 5) != 0)
        return refuse(why, "the kernel's note LOADER is '%s' and GUEST_OS '%s': need 'generic' or 'linux'",
                      n->loader, n->guest_os);
    if (missing != 0)
        return refuse(why, "the kernel requires the Xen feature '%s', which it cannot have here",
                      feature_name((unsigned)__builtin_ctzll(missing)));
    return true;
}

bool xen_notes_check_pv(const struct xen_notes *notes, const struct elf_image *elf, uint64_t refused,
                        struct xen_pv_range *range, char *why)
{
    uint64_t delta = notes->virt_base - notes->paddr_offset;

    if (elf->is_32bit)
        return refuse(why, "a 32-bit kernel cannot start as a PV guest");
    if (!check_identity(notes, refused, why))
        return false;
    if (!IS_ALIGNED(notes->virt_base, PAGE_SIZE) || !IS_ALIGNED(notes->paddr_offset, PAGE_SIZE))
        return refuse(why,
                      "the kernel's VIRT_BASE 0x%lx or PADDR_OFFSET 0x%lx is not a multiple of the page size",
                      (unsigned long)notes->virt_base, (unsigned long)notes->paddr_offset);
    range->start = elf->paddr_start + delta;
    range->end = elf->paddr_end + delta;
    if (range->start > range->end || range->start < notes->virt_base)
        return refuse(
            why, "the kernel's paddr 0x%lx to 0x%lx is not above its VIRT_BASE 0x%lx (PADDR_OFFSET 0x%lx)",
            (unsigned long)elf->paddr_start, (unsigned long)elf->paddr_end, (unsigned long)notes->virt_base,
            (unsigned long)notes->paddr_offset);
    if (notes->virt_entry < range->start || notes->virt_entry >= range->end)
        return refuse(why, "the kernel's entry 0x%lx lies outside its image 0x%lx to 0x%lx",
                      (unsigned long)notes->virt_entry, (unsigned long)range->start,
                      (unsigned long)range->end);
    if (xen_notes_have(notes, XEN_ELFNOTE_HYPERCALL_PAGE) &&
        (!IS_ALIGNED(notes->hypercall_page, PAGE_SIZE) || notes->hypercall_page < range->start ||
         notes->hypercall_page > range->end - min(range->end, (uint64_t)PAGE_SIZE)))
        return refuse(why, "the kernel's hypercall page 0x%lx is not a page of its image 0x%lx to 0x%lx",
                      (unsigned long)notes->hypercall_page, (unsigned long)range->start,
                      (unsigned long)range->end);
    return true;
}

bool xen_notes_use_init_p2m(const struct xen_notes *notes)
{
    return xen_notes_have(notes, XEN_ELFNOTE_INIT_P2M) && IS_ALIGNED(notes->init_p2m, PAGE_SIZE) &&
           notes->init_p2m < notes->virt_base;
}
