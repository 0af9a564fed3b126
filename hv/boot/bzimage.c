/* SPDX-License-Identifier: MIT */
#include "hv/boot/bzimage.h"
#include "hv/boot/unpack.h"
#include "hv/lib/bug.h"
#include "hv/lib/bzimage_payload.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"
#include "hv/mm/heap.h"

/* What liblzma calls in place of malloc, calloc and free (setup/decompress.mk). Sizes stand in front of the
 * memory. */
void *decompress_malloc(size_t bytes);
void *decompress_calloc(size_t n, size_t bytes);
void decompress_free(void *p);

static unsigned int order_of(uint64_t bytes)
{
    unsigned int order = 0;

    while ((PAGE_SIZE << order) < bytes)
        order++;
    return order;
}

void *decompress_malloc(size_t bytes)
{
    unsigned int order = order_of(bytes + 16);
    unsigned int *p = hv_alloc_pages(order, 0);

    if (!p)
        return NULL;
    *p = order;
    return (char *)p + 16;
}

void *decompress_calloc(size_t n, size_t bytes)
{
    void *p = decompress_malloc(n * bytes);

    return p ? memset(p, 0, n * bytes) : NULL;
}

void decompress_free(void *p)
{
    unsigned int *start = p ? (void *)((char *)p - 16) : NULL;

    if (start)
        hv_free_pages(start, *start);
}

static const char *__init unpack(const struct bzimage_payload *p, struct bzimage *out)
{
    if (unpack_is_xz(p->data, p->size))
        return unpack_xz(p->data, p->size, out->elf, out->size);
    if (unpack_is_lz4(p->data, p->size))
        return unpack_lz4(p->data, p->size, out->elf, out->size);
    return "its bzImage is packed by something else than xz or LZ4: unpack it first";
}

const char *__init bzimage_unpack(const void *kernel, size_t size, struct bzimage *out)
{
    struct bzimage_payload payload;
    const char *bad = bzimage_find_payload(kernel, size, &payload);

    *out = (struct bzimage){ 0 };
    if (bad || !payload.data)
        return bad;
    out->size = payload.unpacked;
    out->order = order_of(out->size);
    out->elf = hv_alloc_pages(out->order, 0);
    if (!out->elf)
        return "there is no contiguous memory to unpack its bzImage";
    bad = unpack(&payload, out);
    if (bad)
        bzimage_free(out);
    return bad;
}

void bzimage_free(struct bzimage *b)
{
    if (b->elf)
        hv_free_pages(b->elf, b->order);
    b->elf = NULL;
}
