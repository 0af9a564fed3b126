/* SPDX-License-Identifier: MIT */
/* Grant tables: domain 1 grants, domain 0 uses; page tables are an array of entries. */
#include "tests/unit/fake_hypervisor.h"

#define HV_MM_M2P_H
static uint64_t fake_m2p[FAKE_FIRST_MFN + FAKE_FRAMES];
static void m2p_set(mfn_t m, uint64_t pfn)
{
    fake_m2p[m.m] = pfn;
}

#include "hypercalls/grant_entry.c"
#include "hypercalls/grant_table.c"
#include "hypercalls/grant_map.c"
#include "hypercalls/grant_copy.c"
#include "hypercalls/grant_transfer.c"

#define FAKE_PTES 8
static pte_t fake_pte[FAKE_PTES]; /* addresses of mappings are 1..FAKE_PTES-1 here */
static unsigned int flushes;
static bool fake_accessed;

int pv_grant_map(struct domain *owner, struct grant_place at, pte_t val)
{
    if (at.addr >= FAKE_PTES)
        return -EINVAL;
    cr_assert(frame_get_from_mfn(pte_mfn(val), owner));
    fake_pte[at.addr] = val;
    return 0;
}

int pv_grant_unmap(struct grant_place at, mfn_t m, bool *flush)
{
    *flush = fake_accessed;
    if (at.addr >= FAKE_PTES || !fake_pte[at.addr] || !mfn_eq(pte_mfn(fake_pte[at.addr]), m))
        return -EINVAL;
    frame_put(mfn_to_frame(m));
    fake_pte[at.addr] = 0;
    return 0;
}

int pv_grant_replace(struct grant_place at, uint64_t from, mfn_t m)
{
    bool flush;
    int rc = pv_grant_unmap(at, m, &flush);

    if (!rc) {
        fake_pte[at.addr] = fake_pte[from];
        fake_pte[from] = 0;
    }
    return rc;
}

/* All domains of this test are PV. */
mfn_t p2m_lookup(const struct domain *d, gfn_t g, enum p2m_type *type)
{
    (void)d, (void)g, (void)type;
    return INVALID_MFN;
}
void log_dirty_mark_frame(struct domain *d, mfn_t m)
{
    (void)d, (void)m;
}
void p2m_flush(struct domain *d)
{
    (void)d;
}
int physmap_grant_map(uint64_t addr, mfn_t m, bool readonly)
{
    (void)addr, (void)m, (void)readonly;
    return -EINVAL;
}
int physmap_grant_unmap(uint64_t addr, mfn_t m, bool readonly)
{
    (void)addr, (void)m, (void)readonly;
    return -EINVAL;
}

void pv_grant_flush(void)
{
    flushes++;
}

bool domain_steal_frame(struct domain *d, struct frame *f)
{
    if (f->count != 1 || f->owner != d->id)
        return false;
    f->count = 0;
    return true;
}

bool domain_assign_stolen(struct domain *d, struct frame *f)
{
    if (d->dying)
        return false;
    f->owner = d->id;
    f->count = 1;
    return true;
}

void frame_free_dirty(struct frame *f, unsigned int order)
{
    (void)order;
    cr_assert_eq(f->count, 0);
}

static struct domain *const user = &fake_domain[0], *const granter = &fake_domain[1];
static struct grant_entry_v1 *table; /* domain 1's, as it sees it */
static struct frame *page;           /* a page of domain 1 */

static int64_t op(unsigned int cmd, void *arg, uint32_t count)
{
    uint64_t args[6] = { cmd, (uint64_t)arg, count };

    return do_grant_table_op(args);
}

static void setup(void)
{
    xen_pfn_t pfn;
    struct gnttab_setup_table s = { .dom = DOMID_SELF, .nr_frames = 1 };

    fake_start();
    fake_heap_left = -1;
    memset(fake_pte, 0, sizeof(fake_pte));
    flushes = 0;
    fake_accessed = true;
    for (unsigned int i = 0; i < FAKE_DOMAINS; i++) {
        cr_assert_eq(gnttab_init(&fake_domain[i]), 0);
        cr_assert_eq(gnttab_set_limits(&fake_domain[i], 4, 2), 0);
    }
    fake_become(1, 0);
    s.frame_list.p = &pfn;
    cr_assert_eq(op(GNTTABOP_setup_table, &s, 1), 0);
    cr_assert_eq(s.status, GNTST_okay);
    table = mfn_to_virt(mfn(pfn));
    fake_become(0, 0);
    page = fake_take_frame(granter->id);
}

/* After each test nothing is used any more. */
static void check_end(void)
{
    current->work = 0;
    for (unsigned int i = 0; i < FAKE_DOMAINS; i++) {
        cr_assert_eq(gnttab_release_mappings(&fake_domain[i]), 0);
        cr_assert_eq(fake_domain[i].refcount, 1, "domain %u: a reference is lost", i);
        gnttab_free(&fake_domain[i]);
    }
    for (unsigned int i = 0; i < FAKE_FRAMES; i++)
        cr_assert_eq(fake_frame[i].writable, 0, "frame %u is still writable", i);
}

/* A test, which ends with nothing in use: Criterion does not count failures of a .fini function. */
#define TEST(name)                         \
    static void name(void);                \
    Test(grant_table, name, .init = setup) \
    {                                      \
        name();                            \
        check_end();                       \
    }                                      \
    static void name(void)

static void grant(uint32_t ref, const struct frame *f, uint16_t flags)
{
    table[ref].domid = user->id;
    table[ref].frame = (uint32_t)frame_to_mfn(f).m;
    table[ref].flags = flags;
}

static struct gnttab_map_grant_ref map(uint32_t ref, uint64_t addr, uint32_t flags)
{
    struct gnttab_map_grant_ref m = { .host_addr = addr, .flags = flags, .ref = ref, .dom = granter->id };

    cr_assert_eq(op(GNTTABOP_map_grant_ref, &m, 1), 0);
    return m;
}

static int16_t unmap(uint32_t handle, uint64_t addr, uint64_t bus)
{
    struct gnttab_unmap_grant_ref u = { .host_addr = addr, .dev_bus_addr = bus, .handle = handle };

    cr_assert_eq(op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
    return u.status;
}

/* Who is named by an element is not who was named by the one before. */
TEST(map_from_several)
{
    static const struct {
        domid_t granter;
        int16_t status;
    } wanted[] = { { 1, GNTST_okay }, { 1, GNTST_okay },       { 2, GNTST_bad_gntref },
                   { 1, GNTST_okay }, { 9, GNTST_bad_domain }, { 9, GNTST_bad_domain },
                   { 1, GNTST_okay } };
    struct gnttab_map_grant_ref maps[ARRAY_SIZE(wanted)];

    grant(8, page, GTF_permit_access);
    for (unsigned int i = 0; i < ARRAY_SIZE(wanted); i++)
        maps[i] =
            (struct gnttab_map_grant_ref){ .flags = GNTMAP_device_map, .ref = 8, .dom = wanted[i].granter };
    cr_assert_eq(op(GNTTABOP_map_grant_ref, maps, ARRAY_SIZE(wanted)), 0);
    cr_assert_eq(granter->refcount, 5);
    for (unsigned int i = 0; i < ARRAY_SIZE(wanted); i++) {
        cr_assert_eq(maps[i].status, wanted[i].status, "element %u: %d", i, maps[i].status);
        if (wanted[i].status == GNTST_okay)
            cr_assert_eq(unmap(maps[i].handle, 0, maps[i].dev_bus_addr), GNTST_okay);
    }
    cr_assert_eq(granter->refcount, 1);
}

TEST(sizes)
{
    struct gnttab_query_size q = { .dom = DOMID_SELF };
    struct gnttab_setup_table s = { .dom = DOMID_SELF, .nr_frames = 5 };
    xen_pfn_t pfn[5];

    s.frame_list.p = pfn;
    cr_assert_eq(op(GNTTABOP_query_size, &q, 1), 0);
    cr_assert_eq(q.status, GNTST_okay);
    cr_assert_eq(q.nr_frames, 1);
    cr_assert_eq(q.max_nr_frames, 4);
    cr_assert_eq(op(GNTTABOP_query_size, &q, 2), -EINVAL);
    cr_assert_eq(op(GNTTABOP_setup_table, &s, 2), -EINVAL);
    cr_assert_eq(op(GNTTABOP_setup_table, &s, 1), 0);
    cr_assert_eq(s.status, GNTST_general_error, "more than the limit");
    s.nr_frames = 4;
    cr_assert_eq(op(GNTTABOP_setup_table, &s, 1), 0);
    cr_assert_eq(s.status, GNTST_okay);
    cr_assert_neq(pfn[0], pfn[3]);
    s.frame_list.p = NULL;
    cr_assert_eq(op(GNTTABOP_setup_table, &s, 1), -EFAULT);
    q.dom = 9;
    cr_assert_eq(op(GNTTABOP_query_size, &q, 1), 0);
    cr_assert_eq(q.status, GNTST_bad_domain);
    fake_become(1, 0);
    q.dom = 2;
    cr_assert_eq(op(GNTTABOP_query_size, &q, 1), 0);
    cr_assert_eq(q.status, GNTST_permission_denied);
}

TEST(only_version_1)
{
    struct gnttab_set_version v = { .version = 2 };
    struct gnttab_get_version g = { .dom = DOMID_SELF };

    cr_assert_eq(op(GNTTABOP_set_version, &v, 1), -ENOSYS);
    cr_assert_eq(v.version, 1);
    v.version = 3;
    cr_assert_eq(op(GNTTABOP_set_version, &v, 1), -EINVAL);
    cr_assert_eq(op(GNTTABOP_set_version, &v, 1), 0);
    cr_assert_eq(op(GNTTABOP_get_version, &g, 1), 0);
    cr_assert_eq(g.version, 1);
    cr_assert_eq(op(99, &v, 1), -ENOSYS);
    cr_assert_eq(op(GNTTABOP_map_grant_ref, &v, 0x80000000), -EINVAL);
}

TEST(map_marks_the_entry_and_unmap_clears_it)
{
    struct gnttab_map_grant_ref m;

    grant(8, page, GTF_permit_access);
    m = map(8, 1, GNTMAP_host_map);
    cr_assert_eq(m.status, GNTST_okay);
    cr_assert_eq(m.dev_bus_addr, frame_to_mfn(page).m << PAGE_SHIFT);
    cr_assert_eq(table[8].flags, GTF_permit_access | GTF_reading | GTF_writing);
    cr_assert_eq(fake_pte[1], pte_make(frame_to_mfn(page), PTE_P | PTE_RW | PTE_NX));
    cr_assert_eq(page->writable, 1);
    cr_assert_eq(granter->refcount, 2);
    cr_assert_eq(unmap(m.handle, 1, 0), GNTST_okay);
    cr_assert_eq(table[8].flags, GTF_permit_access);
    cr_assert_eq(page->count, 1);
    cr_assert_eq(flushes, 1, "it was accessed");
    fake_accessed = false;
    m = map(8, 1, GNTMAP_host_map);
    cr_assert_eq(unmap(m.handle, 1, 0), GNTST_okay);
    cr_assert_eq(flushes, 1, "no TLB ever had it");
    cr_assert_eq(unmap(m.handle, 1, 0), GNTST_bad_handle);
}

TEST(read_only_map)
{
    struct gnttab_map_grant_ref ro, rw;

    grant(8, page, GTF_permit_access);
    ro = map(8, 1, GNTMAP_host_map | GNTMAP_readonly);
    cr_assert_eq(table[8].flags, GTF_permit_access | GTF_reading);
    cr_assert_eq(fake_pte[1] & PTE_RW, 0);
    cr_assert_eq(page->writable, 0);
    rw = map(8, 2, GNTMAP_host_map);
    cr_assert_eq(table[8].flags, GTF_permit_access | GTF_reading | GTF_writing);
    cr_assert_eq(unmap(rw.handle, 2, 0), GNTST_okay);
    cr_assert_eq(table[8].flags, GTF_permit_access | GTF_reading, "the reader remains");
    cr_assert_eq(unmap(ro.handle, 1, 0), GNTST_okay);
    cr_assert_eq(table[8].flags, GTF_permit_access);
    grant(9, page, GTF_permit_access | GTF_readonly);
    cr_assert_eq(map(9, 1, GNTMAP_host_map).status, GNTST_general_error);
    cr_assert_eq(table[9].flags, GTF_permit_access | GTF_readonly);
    cr_assert_eq(page->count, 1);
}

TEST(refused_maps_leave_nothing)
{
    struct frame *foreign = fake_take_frame(2), *tables = fake_take_frame(granter->id);

    tables->table = true;
    cr_assert_eq(map(8, 1, GNTMAP_host_map).status, GNTST_general_error, "not granted");
    cr_assert_eq(map(512, 1, GNTMAP_host_map).status, GNTST_bad_gntref, "beyond the table");
    cr_assert_eq(map(8, 1, GNTMAP_readonly).status, GNTST_bad_gntref, "neither host nor device");
    grant(8, page, GTF_permit_access);
    table[8].domid = 2;
    cr_assert_eq(map(8, 1, GNTMAP_host_map).status, GNTST_general_error, "granted to another");
    grant(8, page, GTF_permit_access | GTF_sub_page);
    cr_assert_eq(map(8, 1, GNTMAP_host_map).status, GNTST_general_error, "a part of a page");
    grant(8, page, GTF_accept_transfer);
    cr_assert_eq(map(8, 1, GNTMAP_host_map).status, GNTST_general_error);
    grant(8, foreign, GTF_permit_access);
    cr_assert_eq(map(8, 1, GNTMAP_host_map).status, GNTST_bad_page, "not the granter's");
    cr_assert_eq(table[8].flags, GTF_permit_access);
    grant(8, tables, GTF_permit_access);
    cr_assert_eq(map(8, 1, GNTMAP_host_map).status, GNTST_general_error, "a page table");
    cr_assert_eq(table[8].flags, GTF_permit_access);
    grant(8, page, GTF_permit_access);
    cr_assert_eq(map(8, FAKE_PTES, GNTMAP_host_map | GNTMAP_device_map).status, GNTST_general_error,
                 "no such address");
    cr_assert_eq(table[8].flags, GTF_permit_access);
    cr_assert_eq(page->count, 1);
    cr_assert_eq(user->grant->maptrack_used, 0);
    cr_assert_eq(granter->refcount, 1);
}

TEST(host_and_device_uses_end_apart)
{
    struct gnttab_map_grant_ref m;

    grant(8, page, GTF_permit_access);
    m = map(8, 1, GNTMAP_host_map | GNTMAP_device_map);
    cr_assert_eq(unmap(m.handle, 0, m.dev_bus_addr + PAGE_SIZE), GNTST_bad_dev_addr);
    cr_assert_eq(unmap(m.handle, 0, 0), GNTST_okay, "nothing asked, nothing done");
    cr_assert_eq(unmap(m.handle, 1, 0), GNTST_okay);
    cr_assert_eq(table[8].flags, GTF_permit_access | GTF_reading | GTF_writing, "a device may still write");
    cr_assert_eq(unmap(m.handle, 0, m.dev_bus_addr), GNTST_okay);
    cr_assert_eq(table[8].flags, GTF_permit_access);
    cr_assert_eq(unmap(m.handle, 0, m.dev_bus_addr), GNTST_bad_handle);
}

TEST(unmap_wants_the_address_that_maps)
{
    struct gnttab_map_grant_ref m;

    grant(8, page, GTF_permit_access);
    m = map(8, 1, GNTMAP_host_map);
    cr_assert_eq(unmap(m.handle, 2, 0), GNTST_general_error);
    cr_assert_eq(unmap(m.handle + 1, 1, 0), GNTST_bad_handle);
    cr_assert_eq(unmap(1 << 30, 1, 0), GNTST_bad_handle);
    cr_assert_eq(table[8].flags, GTF_permit_access | GTF_reading | GTF_writing);
    cr_assert_eq(unmap(m.handle, 1, 0), GNTST_okay);
}

TEST(frame_is_read_once_at_the_first_use)
{
    struct frame *other = fake_take_frame(granter->id);
    struct gnttab_map_grant_ref a, b;

    grant(8, page, GTF_permit_access);
    a = map(8, 1, GNTMAP_host_map);
    table[8].frame = (uint32_t)frame_to_mfn(other).m;
    b = map(8, 2, GNTMAP_host_map);
    cr_assert_eq(b.dev_bus_addr, a.dev_bus_addr);
    cr_assert_eq(unmap(a.handle, 1, 0), GNTST_okay);
    cr_assert_eq(unmap(b.handle, 2, 0), GNTST_okay);
    cr_assert_eq(other->count, 1);
}

TEST(unmap_and_replace)
{
    struct gnttab_unmap_and_replace r = { .host_addr = 1, .new_addr = 3 };

    grant(8, page, GTF_permit_access);
    fake_pte[3] = 0x1234;
    r.handle = map(8, 1, GNTMAP_host_map).handle;
    cr_assert_eq(op(GNTTABOP_unmap_and_replace, &r, 1), 0);
    cr_assert_eq(r.status, GNTST_okay);
    cr_assert_eq(fake_pte[1], 0x1234);
    cr_assert_eq(fake_pte[3], 0);
    cr_assert_eq(table[8].flags, GTF_permit_access);
    cr_assert_eq(page->count, 1);
}

TEST(handles_run_out)
{
    struct gnttab_map_grant_ref m[MAPTRACK_PER_PAGE * 2 + 1];
    uint32_t n = ARRAY_SIZE(m);

    grant(8, page, GTF_permit_access);
    for (uint32_t i = 0; i < n; i++) {
        current->work = 0;
        m[i] = map(8, 0, GNTMAP_device_map);
        cr_assert_eq(m[i].status, i + 1 < n ? GNTST_okay : GNTST_no_space);
    }
    current->work = 0;
    cr_assert_eq(unmap(m[7].handle, 0, m[7].dev_bus_addr), GNTST_okay);
    cr_assert_eq(map(8, 0, GNTMAP_device_map).handle, m[7].handle);
    while (gnttab_release_mappings(user) == -ERESTART)
        current->work = 0;
    cr_assert_eq(page->count, 1);
    cr_assert_eq(table[8].flags, GTF_permit_access);
}

TEST(arrays_restart_where_they_stopped)
{
    struct gnttab_map_grant_ref m[600];
    uint64_t args[6] = { GNTTABOP_map_grant_ref, (uint64_t)m, ARRAY_SIZE(m) };
    unsigned int rounds = 1;

    grant(8, page, GTF_permit_access);
    for (unsigned int i = 0; i < ARRAY_SIZE(m); i++)
        m[i] = (struct gnttab_map_grant_ref){
            .flags = GNTMAP_device_map, .ref = 8, .dom = granter->id, .status = 1
        };
    current->work = 0;
    while (do_grant_table_op(args) == HYPERCALL_RESTART) {
        current->work = 0;
        rounds++;
    }
    cr_assert_gt(rounds, 1);
    for (unsigned int i = 0; i < ARRAY_SIZE(m); i++)
        cr_assert_eq(m[i].status, i < MAPTRACK_PER_PAGE * 2 ? GNTST_okay : GNTST_no_space);
    current->work = 0;
    while (gnttab_release_mappings(user) == -ERESTART)
        current->work = 0;
}

static int16_t copy(struct gnttab_copy c)
{
    cr_assert_eq(op(GNTTABOP_copy, &c, 1), 0);
    return c.status;
}

TEST(copy_both_ways)
{
    struct frame *mine = fake_take_frame(user->id);
    struct gnttab_copy in = { .source = { .u.ref = 8, .domid = granter->id, .offset = 16 },
                              .dest = { .u.gmfn = frame_to_mfn(mine).m, .domid = DOMID_SELF, .offset = 4092 },
                              .len = 4,
                              .flags = GNTCOPY_source_gref };
    struct gnttab_copy out = {
        .source = { .u.gmfn = frame_to_mfn(mine).m, .domid = DOMID_SELF, .offset = 4092 },
        .dest = { .u.ref = 9, .domid = granter->id },
        .len = 4,
        .flags = GNTCOPY_dest_gref
    };

    grant(8, page, GTF_permit_access | GTF_readonly);
    grant(9, page, GTF_permit_access);
    memcpy((char *)frame_to_virt(page) + 16, "room", 4);
    cr_assert_eq(copy(in), GNTST_okay);
    cr_assert_eq(memcmp((char *)frame_to_virt(mine) + 4092, "room", 4), 0);
    cr_assert_eq(copy(out), GNTST_okay);
    cr_assert_eq(memcmp(frame_to_virt(page), "room", 4), 0);
    cr_assert_eq(table[8].flags, GTF_permit_access | GTF_readonly);
    cr_assert_eq(table[9].flags, GTF_permit_access);
    in.len = 5;
    cr_assert_eq(copy(in), GNTST_bad_copy_arg, "beyond the destination page");
    out.len = 5;
    cr_assert_eq(copy(out), GNTST_bad_copy_arg, "beyond the source page");
    out.len = 4;
    in.len = 1;
    in.source.u.ref = 10;
    cr_assert_eq(copy(in), GNTST_general_error);
    out.dest.u.ref = 8;
    cr_assert_eq(copy(out), GNTST_general_error, "read-only");
    out.flags = 0;
    cr_assert_eq(copy(out), GNTST_permission_denied, "another domain's frame number");
    cr_assert_eq(page->count, 1);
    cr_assert_eq(mine->count, 1);
}

TEST(transfer)
{
    struct frame *gift = fake_take_frame(user->id), *second = fake_take_frame(user->id);
    struct gnttab_transfer t = { .mfn = frame_to_mfn(page).m, .domid = granter->id, .ref = 8 };

    cr_assert_eq(op(GNTTABOP_transfer, &t, 1), 0);
    cr_assert_eq(t.status, GNTST_bad_page, "not ours");
    table[8] = (struct grant_entry_v1){ .flags = GTF_accept_transfer, .domid = user->id, .frame = 77 };
    t.mfn = frame_to_mfn(gift).m;
    cr_assert_eq(op(GNTTABOP_transfer, &t, 1), 0);
    cr_assert_eq(t.status, GNTST_okay);
    cr_assert_eq(gift->owner, granter->id);
    cr_assert_eq(table[8].frame, frame_to_mfn(gift).m);
    cr_assert_eq(table[8].flags, GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
    cr_assert_eq(fake_m2p[frame_to_mfn(gift).m], 77);
    t.mfn = frame_to_mfn(second).m;
    cr_assert_eq(op(GNTTABOP_transfer, &t, 1), 0);
    cr_assert_eq(t.status, GNTST_general_error, "the entry is used up");
    cr_assert_eq(second->count, 0, "and the frame is gone all the same");
}

TEST(swap)
{
    struct gnttab_swap_grant_ref s = { .ref_a = 8, .ref_b = 9 };
    struct gnttab_map_grant_ref m;

    grant(8, page, GTF_permit_access);
    m = map(8, 1, GNTMAP_host_map);
    fake_become(1, 0);
    cr_assert_eq(op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    cr_assert_eq(s.status, GNTST_eagain, "in use");
    fake_become(0, 0);
    cr_assert_eq(unmap(m.handle, 1, 0), GNTST_okay);
    fake_become(1, 0);
    cr_assert_eq(op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    cr_assert_eq(s.status, GNTST_okay);
    cr_assert_eq(table[9].flags, GTF_permit_access);
    cr_assert_eq(table[8].flags, 0);
    s.ref_b = 512;
    cr_assert_eq(op(GNTTABOP_swap_grant_ref, &s, 1), 0);
    cr_assert_eq(s.status, GNTST_bad_gntref);
    fake_become(0, 0);
}

TEST(limits_can_change_before_first_use)
{
    cr_assert_eq(gnttab_set_limits(granter, 8, 8), -EBUSY);
    cr_assert_eq(gnttab_set_limits(&fake_domain[2], 8, 8), 0);
    cr_assert_eq(fake_domain[2].grant->max_frames, 8);
}
