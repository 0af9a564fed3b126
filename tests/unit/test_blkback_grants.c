/* SPDX-License-Identifier: MIT */
/* A disk's grants: which mappings stay, which go first, and that nothing is left, with a hypervisor that
 * counts. */
/* unit-sources: split_drivers/blkback_grants.c */
#include <criterion/criterion.h>

#include "pvguest/grant_table.h"
#include "split_drivers/blkback_grants.h"

#define REFS   4096
#define BAD    4095 /* a reference that grants nothing */
#define FRAMES 0x1000

static unsigned int uses[REFS], times[REFS]; /* mappings of a reference: that there are, that there were */
static bool readonly[REFS];
static unsigned int nr_mapped, nr_map_calls;

static void map(struct gnttab_map_grant_ref *op)
{
    op->status = op->ref == BAD ? GNTST_bad_gntref : GNTST_okay;
    if (op->ref == BAD)
        return;
    uses[op->ref]++;
    times[op->ref]++;
    readonly[op->ref] = op->flags & GNTMAP_readonly;
    nr_mapped++;
    op->handle = op->ref;
    op->dev_bus_addr = (FRAMES + op->ref) * 4096UL;
}

static void unmap(struct gnttab_unmap_grant_ref *op)
{
    cr_assert_eq(op->dev_bus_addr, (FRAMES + op->handle) * 4096UL);
    cr_assert_gt(uses[op->handle], 0);
    uses[op->handle]--;
    nr_mapped--;
}

__attribute__((used)) static long hypercall(long command, void *ops, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        if (command == GNTTABOP_map_grant_ref)
            map((struct gnttab_map_grant_ref *)ops + i);
        else
            unmap((struct gnttab_unmap_grant_ref *)ops + i);
    nr_map_calls += command == GNTTABOP_map_grant_ref;
    return 0;
}

/* As the guest library's: it changes rax, rcx and r11 only. */
__asm__(".text\n.globl hypercall_gate\nhypercall_gate:\n"
        "push %rbp; mov %rsp, %rbp; push %rdi; push %rsi; push %rdx; push %r8; push %r9; push %r10\n"
        "and $-16, %rsp; call hypercall; lea -48(%rbp), %rsp\n"
        "pop %r10; pop %r9; pop %r8; pop %rdx; pop %rsi; pop %rdi; pop %rbp; ret\n");

/* The disk works by DMA, so nothing is mapped here. */
uint64_t grant_host_address(const void *page)
{
    (void)page;
    abort();
}

void *grant_windows_create(size_t count)
{
    (void)count;
    abort();
}

void grant_windows_destroy(void *windows, size_t count)
{
    (void)windows, (void)count;
    abort();
}

static struct blkback_mapper mapper;
static struct blkback_grant grants[BLKIF_SEGMENTS];
static struct blkif_work work;

static void request(grant_ref_t first, unsigned int count, uint8_t action, bool lasting)
{
    work = (struct blkif_work){ .action = action, .nr_segments = (uint16_t)count, .lasting = lasting };
    for (unsigned int i = 0; i < count; i++)
        work.segments[i] = (struct blkif_request_segment){ first + i, 1, 6 };
}

/* Maps and unmaps what request() has made. */
static bool use(void)
{
    struct block_segment segments[BLKIF_SEGMENTS];
    bool ok;

    blkback_grants_map(&mapper, grants, &work, 0);
    blkback_grants_run_map();
    ok = blkback_grants_segments(grants, &work, segments);
    for (unsigned int i = 0; ok && i < work.nr_segments; i++) {
        cr_assert_eq(segments[i].bus, (FRAMES + work.segments[i].gref) * 4096UL + 512);
        cr_assert_eq(segments[i].length, 6 * 512);
        cr_assert_null(segments[i].virt);
    }
    blkback_grants_unmap(&mapper, grants, work.nr_segments);
    blkback_grants_run_unmap();
    return ok;
}

static bool use_refs(grant_ref_t first, unsigned int count, uint8_t action, bool lasting)
{
    request(first, count, action, lasting);
    return use();
}

static void begin(enum blkback_keep keep)
{
    cr_assert_eq(blkback_mapper_init(&mapper, 1, true, 64, keep), 0);
}

static void end(void)
{
    blkback_mapper_end(&mapper);
    cr_assert_eq(nr_mapped, 0);
}

Test(blkback_grants, nothing_stays)
{
    begin(BLKBACK_KEEP_NONE);
    cr_assert(use_refs(10, 32, BLKIF_OP_WRITE, true));
    cr_assert(readonly[10]);
    cr_assert_eq(nr_mapped, 0);
    end();
}

Test(blkback_grants, lasting_requests_stay_and_others_do_not)
{
    begin(BLKBACK_KEEP_LASTING);
    cr_assert(use_refs(10, 4, BLKIF_OP_WRITE, true));
    cr_assert(!readonly[10]);
    cr_assert_eq(nr_mapped, 4);
    cr_assert(use_refs(10, 4, BLKIF_OP_READ, true));
    cr_assert_eq(nr_map_calls, 1, "what stays is not mapped again");
    cr_assert(use_refs(100, 3, BLKIF_OP_READ, false));
    cr_assert(use_refs(12, 3, BLKIF_OP_READ, false), "one of a lasting request in another one");
    cr_assert_eq(nr_mapped, 4);
    end();
}

Test(blkback_grants, all_stay)
{
    begin(BLKBACK_KEEP_ALL);
    cr_assert(use_refs(10, 4, BLKIF_OP_READ, false));
    cr_assert_eq(nr_mapped, 4);
    end();
}

Test(blkback_grants, one_page_twice_in_a_batch)
{
    begin(BLKBACK_KEEP_LASTING);
    request(10, 2, BLKIF_OP_READ, true);
    work.segments[1].gref = 10;
    cr_assert(use());
    cr_assert_eq(nr_mapped, 1);
    end();
}

Test(blkback_grants, what_cannot_be_mapped_is_forgotten)
{
    begin(BLKBACK_KEEP_LASTING);
    cr_assert(!use_refs(BAD - 2, 3, BLKIF_OP_READ, true));
    cr_assert_eq(nr_mapped, 2);
    cr_assert(!use_refs(BAD, 1, BLKIF_OP_READ, false));
    cr_assert(use_refs(BAD - 2, 2, BLKIF_OP_READ, true));
    end();
}

/* More than may stay, with pages that are used all the time: those do. */
Test(blkback_grants, what_is_not_used_goes)
{
    begin(BLKBACK_KEEP_LASTING);
    for (grant_ref_t ref = 32; ref + 32 <= BAD; ref += 32) {
        cr_assert(use_refs(ref, 32, BLKIF_OP_READ, true));
        cr_assert_leq(nr_mapped, BLKBACK_PERSISTENT);
        cr_assert(use_refs(0, 32, BLKIF_OP_READ, true));
    }
    cr_assert_eq(nr_mapped, BLKBACK_PERSISTENT);
    cr_assert_eq(times[0], 1, "a page that is used all the time was given up");
    end();
}

/* What is in use cannot go: the rest is mapped for the request alone. */
Test(blkback_grants, all_in_use)
{
    enum { REQUESTS = BLKBACK_PERSISTENT / BLKIF_SEGMENTS + 1 };
    static struct blkback_grant held[REQUESTS][BLKIF_SEGMENTS];

    begin(BLKBACK_KEEP_LASTING);
    for (unsigned int i = 0; i < REQUESTS; i++) {
        request(i * 32, 32, BLKIF_OP_READ, true);
        blkback_grants_map(&mapper, held[i], &work, 0);
        blkback_grants_run_map();
    }
    cr_assert_eq(nr_mapped, REQUESTS * 32);
    for (unsigned int i = 0; i < REQUESTS; i++)
        blkback_grants_unmap(&mapper, held[i], 32);
    blkback_grants_run_unmap();
    cr_assert_eq(nr_mapped, BLKBACK_PERSISTENT);
    end();
}

/* Disks that have filled what all of them may keep leave the next one what it needs for a request, no more.
 */
Test(blkback_grants, limit_of_all_disks)
{
    enum { DISKS = BLKBACK_ALL_PERSISTENT / BLKBACK_PERSISTENT };
    static struct blkback_mapper mappers[DISKS];

    for (unsigned int i = 0; i < DISKS; i++) {
        begin(BLKBACK_KEEP_LASTING);
        for (unsigned int k = 0; k < BLKBACK_PERSISTENT; k += 32)
            cr_assert(use_refs(k, 32, BLKIF_OP_READ, true));
        mappers[i] = mapper;
    }
    cr_assert_eq(nr_mapped, BLKBACK_ALL_PERSISTENT);
    begin(BLKBACK_KEEP_LASTING);
    cr_assert(use_refs(0, 32, BLKIF_OP_READ, true));
    cr_assert_eq(nr_mapped, BLKBACK_ALL_PERSISTENT);
    blkback_mapper_end(&mapper);
    for (unsigned int i = 0; i < DISKS; i++)
        blkback_mapper_end(&mappers[i]);
    cr_assert_eq(nr_mapped, 0);
}
