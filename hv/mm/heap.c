/* SPDX-License-Identifier: MIT */
/*
 * Small objects. A page holds objects of one size class; its struct frame says which (`aux`) and keeps the
 * page's state in `type`: the number of free objects and the byte offset of the first one, whose first 2
 * bytes give the next. Pages with free objects are linked by class. Requests above half a page take whole
 * pages.
 */
#include "hv/mm/heap.h"
#include "hv/lib/bug.h"
#include "hv/lib/spinlock.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"

static const uint16_t class_bytes[] = { 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 1344, 2048 };
#define CLASSES   ARRAY_SIZE(class_bytes)
#define AUX_PAGES 0x100 /* aux of the first frame of whole pages: this plus the order */
#define NO_OBJECT 0xffff

static struct spinlock heap_lock = SPINLOCK_INIT(LOCK_HEAP);
static uint32_t partial[CLASSES]; /* first page with free objects, 0 = none; under heap_lock */

static uint16_t free_count(const struct frame *f)
{
    return (uint16_t)f->type;
}

static uint16_t free_first(const struct frame *f)
{
    return (uint16_t)(f->type >> 16);
}

static void free_set(struct frame *f, uint16_t count, uint16_t first)
{
    f->type = count | (uint64_t)first << 16;
}

static uint16_t *object_link(const struct frame *f, uint16_t offset)
{
    return (uint16_t *)(void *)((char *)frame_to_virt(f) + offset);
}

static void partial_add(struct frame *f, unsigned int c)
{
    f->prev = 0;
    f->next = partial[c];
    if (f->next)
        mfn_to_frame(mfn(f->next))->prev = (uint32_t)frame_to_mfn(f).m;
    partial[c] = (uint32_t)frame_to_mfn(f).m;
}

static void partial_del(struct frame *f, unsigned int c)
{
    if (f->prev)
        mfn_to_frame(mfn(f->prev))->next = f->next;
    else
        partial[c] = f->next;
    if (f->next)
        mfn_to_frame(mfn(f->next))->prev = f->prev;
}

static struct frame *class_grow(unsigned int c)
{
    void *page = hv_alloc_pages(0, 0);
    uint16_t size = class_bytes[c], count = (uint16_t)(PAGE_SIZE / size);
    struct frame *f;

    if (!page)
        return NULL;
    f = mfn_to_frame(virt_to_mfn(page));
    f->aux = (uint16_t)c;
    for (uint16_t i = 0; i < count; i++)
        *object_link(f, i * size) = i + 1 < count ? (uint16_t)((i + 1) * size) : NO_OBJECT;
    free_set(f, count, 0);
    partial_add(f, c);
    return f;
}

static void *object_alloc(unsigned int c)
{
    struct frame *f;
    uint16_t *object;

    f = partial[c] ? mfn_to_frame(mfn(partial[c])) : class_grow(c);
    if (!f)
        return NULL;
    object = object_link(f, free_first(f));
    free_set(f, free_count(f) - 1, *object);
    if (!free_count(f))
        partial_del(f, c);
    return object;
}

/* Returns the page when its last object went and it is to be freed, else NULL. */
static void *object_free(struct frame *f, void *p)
{
    unsigned int c = f->aux;
    uint16_t count = free_count(f), offset = (uint16_t)((uint64_t)p & ~PAGE_MASK);

    BUG_ON(c >= CLASSES || offset % class_bytes[c] || count >= PAGE_SIZE / class_bytes[c]);
    *object_link(f, offset) = count ? free_first(f) : NO_OBJECT;
    free_set(f, count + 1, offset);
    if (!count)
        partial_add(f, c);
    if (count + 1u < PAGE_SIZE / class_bytes[c])
        return NULL;
    partial_del(f, c);
    free_set(f, 0, 0);
    return frame_to_virt(f);
}

static void *pages_zalloc(size_t bytes)
{
    unsigned int order = bytes <= PAGE_SIZE ? 0 : bit_highest((bytes - 1) >> PAGE_SHIFT) + 1;
    void *p = hv_alloc_pages(order, ALLOC_ZERO);

    if (p)
        mfn_to_frame(virt_to_mfn(p))->aux = (uint16_t)(AUX_PAGES + order);
    return p;
}

void *hv_zalloc(size_t bytes)
{
    unsigned int c = 0;
    void *p;

    if (bytes > class_bytes[CLASSES - 1])
        return pages_zalloc(bytes);
    while (class_bytes[c] < bytes)
        c++;
    spin_lock(&heap_lock);
    p = object_alloc(c);
    spin_unlock(&heap_lock);
    return p ? memset(p, 0, class_bytes[c]) : NULL;
}

void *hv_zalloc_array(size_t n, size_t bytes)
{
    size_t total;

    return __builtin_mul_overflow(n, bytes, &total) ? NULL : hv_zalloc(total);
}

void hv_free(void *p)
{
    struct frame *f;
    void *page;

    if (!p)
        return;
    f = mfn_to_frame(virt_to_mfn(p));
    if (f->aux >= AUX_PAGES) {
        unsigned int order = f->aux - AUX_PAGES;

        BUG_ON((uint64_t)p & ~PAGE_MASK);
        hv_free_pages(p, order);
        return;
    }
    spin_lock(&heap_lock);
    page = object_free(f, p);
    spin_unlock(&heap_lock);
    if (page)
        hv_free_pages(page, 0);
}
