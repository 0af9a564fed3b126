/* SPDX-License-Identifier: MIT */
/* Creation, references, pausing, shutdown and destruction of domains. */
#include "hv/domain/domain.h"
#include "hv/cpu/current.h"
#include "hv/cpu/fpu.h"
#include "hv/cpu/ipi.h"
#include "hv/cpu/time.h"
#include "hv/cpu/trace.h"
#include "hv/domain/domain_changes.h"
#include "hv/domain/runstate.h"
#include "hv/domain/wallclock.h"
#include "hv/io/console.h"
#include "hv/lib/bug.h"
#include "hv/lib/errno.h"
#include "hv/lib/printf.h"
#include "hv/lib/string.h"
#include "hv/mm/heap.h"
#include "hv/sched/sched.h"

struct spinlock domlist_lock = SPINLOCK_INIT(LOCK_DOMLIST);
struct list domain_list = LIST_INIT(domain_list); /* domlist_lock; ordered by id */
struct domain *dom0;
struct domain idle_domain = { .id = DOMID_IDLE, .is_idle = true, .refcount = 1, .name = "idle" };
const struct domain_hooks *domain_hooks __ro_after_init;

#define IDS_PER_TABLE 512

static domid_t next_id = 1;     /* domlist_lock */
static uint64_t last_unique_id; /* domlist_lock */
/* Live domains by id, two levels: what domain_by_id reads. Written under domlist_lock. */
static struct domain **by_id[0x10000 / IDS_PER_TABLE];

static struct domain *lookup(domid_t id)
{
    struct domain **table = by_id[id / IDS_PER_TABLE];

    return table ? table[id % IDS_PER_TABLE] : NULL;
}

bool domain_get(struct domain *d)
{
    uint32_t n = READ_ONCE(d->refcount);

    while (n)
        if (atomic_cmpxchg(&d->refcount, &n, n + 1))
            return true;
    return false;
}

static void domain_destroy(void *domain);

void domain_put(struct domain *d)
{
    if (atomic_sub_return(&d->refcount, 1) == 0)
        domain_destroy(d);
}

/* The domain is dead, and its watchdog with it: one of its timers serves once more. */
void domain_put_locked(struct domain *d)
{
    if (atomic_sub_return(&d->refcount, 1))
        return;
    timer_init(&d->watchdog[0], domain_destroy, d, this_cpu_id());
    timer_set(&d->watchdog[0], 0);
    cpu_raise(CPU_PENDING_TIMER); /* not only when the hardware says that the time is over */
}

struct domain *domain_by_id(domid_t id)
{
    struct domain *d;

    if (id >= DOMID_FIRST_RESERVED)
        return NULL;
    if (current && current->domain->id == id) { /* its own reference keeps it alive */
        atomic_add_return(&current->domain->refcount, 1);
        return current->domain;
    }
    spin_lock(&domlist_lock);
    d = lookup(id);
    if (d && !domain_get(d))
        d = NULL;
    spin_unlock(&domlist_lock);
    return d;
}

struct domain *domain_from_id(uint32_t first)
{
    struct domain *found = NULL;

    spin_lock(&domlist_lock);
    for (uint32_t id = first; !found && id < DOMID_FIRST_RESERVED; id++) {
        if (!by_id[id / IDS_PER_TABLE]) {
            id |= IDS_PER_TABLE - 1;
            continue;
        }
        found = lookup((domid_t)id);
        if (found && !domain_get(found))
            found = NULL;
    }
    spin_unlock(&domlist_lock);
    return found;
}

domid_t domid_alloc(void)
{
    domid_t id = DOMID_INVALID;

    spin_lock(&domlist_lock);
    for (unsigned int tries = 1; tries < DOMID_FIRST_RESERVED; tries++) {
        if (next_id >= DOMID_FIRST_RESERVED)
            next_id = 1;
        if (!lookup(next_id++)) {
            id = (domid_t)(next_id - 1);
            break;
        }
    }
    spin_unlock(&domlist_lock);
    return id;
}

/* Enter d into the list (ordered by id) and the table: 0, -EEXIST, -ENOMEM. */
static int domain_publish(struct domain *d)
{
    struct domain **table = by_id[d->id / IDS_PER_TABLE], **fresh = NULL;
    struct list *at;
    int rc = 0;

    if (!table) {
        fresh = hv_zalloc_array(IDS_PER_TABLE, sizeof(*fresh));
        if (!fresh)
            return -ENOMEM;
    }
    spin_lock(&domlist_lock);
    if (!by_id[d->id / IDS_PER_TABLE]) {
        by_id[d->id / IDS_PER_TABLE] = fresh;
        fresh = NULL;
    }
    if (lookup(d->id)) {
        rc = -EEXIST;
    } else {
        by_id[d->id / IDS_PER_TABLE][d->id % IDS_PER_TABLE] = d;
        d->unique_id = ++last_unique_id;
        /* From the end: ids mostly rise. */
        for (at = domain_list.prev; at != &domain_list; at = at->prev)
            if (list_entry(at, struct domain, all)->id < d->id)
                break;
        list_add(&d->all, at);
    }
    spin_unlock(&domlist_lock);
    hv_free(fresh);
    return rc;
}

static void watchdog_expired(void *arg)
{
    struct domain *d = arg;

    printk(LOG_GUEST LOG_WARNING "d%u: its watchdog timer ran out\n", d->id);
    domain_shutdown(d, SHUTDOWN_watchdog);
}

static void domain_init_fields(struct domain *d, domid_t id, const struct guest_ops *ops, uint32_t max_vcpus)
{
    d->id = id;
    d->ops = ops;
    d->max_vcpus = max_vcpus;
    d->refcount = 1; /* for being alive: dropped by domain_kill */
    d->pause_count = 1;
    d->sched = (struct sched_domain){ .weight = 256 };
    d->page_list = FRAME_LIST_END;
    d->shutdown_code = SHUTDOWN_CODE_NONE;
    d->create_time = now_ns();
    list_init(&d->all);
    spin_lock_init(&d->lock, LOCK_DOMAIN);
    spin_lock_init(&d->page_lock, LOCK_PAGE_ALLOC);
    spin_lock_init(&d->mmu_lock, LOCK_MMU);
    for (unsigned int i = 0; i < ARRAY_SIZE(d->watchdog); i++)
        timer_init(&d->watchdog[i], watchdog_expired, d, 0);
    snprintf(d->name, sizeof(d->name), "d%u", id);
}

static int domain_init_parts(struct domain *d)
{
    int rc;

    d->shared_info = hv_alloc_pages(0, ALLOC_ZERO);
    if (!d->shared_info)
        return -ENOMEM;
    /* All slots start masked, those of vCPUs that the domain does not have too. */
    for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        d->shared_info->vcpu_info[i].evtchn_upcall_mask = 1;
    frame_share_with_domain(d->shared_info, d, true);
    domain_update_wallclock(d);
    rc = evtchn_init(d, EVTCHN_FIFO_NR_CHANNELS);
    if (!rc)
        rc = d->ops->domain_init(d);
    if (!rc)
        rc = domain_hooks->init(d);
    return rc;
}

/* Memory of everything that domain_init_parts made; each step tolerates that it was never made. */
static void domain_free_parts(struct domain *d)
{
    domain_hooks->free(d);
    d->ops->domain_free(d);
    hv_free(d->memory_map);
    evtchn_free(d);
    if (d->shared_info) {
        frame_unshare(d->shared_info);
        d->shared_info = NULL;
    }
    for (uint32_t i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i]) {
            d->ops->vcpu_free(d->vcpu[i]);
            fpu_vcpu_free(d->vcpu[i]);
            sched_vcpu_free(d->vcpu[i]);
            vcpu_free(d->vcpu[i]);
        }
    hv_free(d);
}

struct domain *domain_create(domid_t id, const struct guest_ops *ops, uint32_t max_vcpus, int *rc)
{
    struct domain *d;

    *rc = -EINVAL;
    if (!max_vcpus || max_vcpus > MAX_VCPUS || id >= DOMID_FIRST_RESERVED)
        return NULL;
    *rc = -ENOMEM;
    d = hv_zalloc(offsetof(struct domain, vcpu) + max_vcpus * sizeof(d->vcpu[0]));
    if (!d)
        return NULL;
    domain_init_fields(d, id, ops, max_vcpus);
    *rc = domain_init_parts(d);
    if (!*rc)
        *rc = domain_publish(d);
    if (*rc) {
        domain_free_parts(d);
        return NULL;
    }
    domain_changed(id);
    trace(TRACE_DOMAIN, id, 1);
    return d;
}

/* The last reference is gone: nothing maps, pages or names the domain any more. */
static void domain_destroy(void *domain)
{
    struct domain *d = domain;

    spin_lock(&domlist_lock);
    by_id[d->id / IDS_PER_TABLE][d->id % IDS_PER_TABLE] = NULL;
    list_del(&d->all);
    spin_unlock(&domlist_lock);
    domain_changed(d->id);
    trace(TRACE_DOMAIN, d->id, 3);
    domain_free_parts(d);
}

void vcpu_pause_nosync(struct vcpu *v)
{
    atomic_add_return(&v->pause_count, 1);
    vcpu_sleep_nosync(v);
}

void vcpu_pause(struct vcpu *v)
{
    ASSERT(v != current);
    atomic_add_return(&v->pause_count, 1);
    vcpu_sleep_sync(v);
}

void vcpu_unpause(struct vcpu *v)
{
    if (atomic_sub_return(&v->pause_count, 1) == 0)
        vcpu_wake(v);
}

void domain_pause_nosync(struct domain *d)
{
    struct vcpu *v;

    atomic_add_return(&d->pause_count, 1);
    for_each_vcpu (d, v)
        vcpu_sleep_nosync(v);
}

void domain_pause(struct domain *d)
{
    struct vcpu *v;

    ASSERT(d != current->domain);
    domain_pause_nosync(d);
    for_each_vcpu (d, v)
        vcpu_sleep_sync(v);
}

void domain_unpause(struct domain *d)
{
    struct vcpu *v;

    if (atomic_sub_return(&d->pause_count, 1) == 0)
        for_each_vcpu (d, v)
            vcpu_wake(v);
}

void domain_shutdown(struct domain *d, uint32_t reason)
{
    spin_lock(&d->lock);
    if (d->shutting_down) {
        spin_unlock(&d->lock);
        return;
    }
    d->shutting_down = true;
    if (d->shutdown_code == SHUTDOWN_CODE_NONE)
        d->shutdown_code = reason;
    reason = d->shutdown_code;
    domain_pause_nosync(d); /* under the lock, as domain_resume() undoes both */
    d->shut_down = true;
    spin_unlock(&d->lock);
    trace(TRACE_DOMAIN, d->id, 4);
    if (d->hardware)
        domain_hooks->hardware_shutdown(reason);
    domain_changed(d->id);
    evtchn_send_global_virq(VIRQ_DOM_EXC);
}

void domain_resume(struct domain *d)
{
    bool was;

    spin_lock(&d->lock);
    was = d->shutting_down;
    d->shutting_down = d->shut_down = false;
    d->shutdown_code = SHUTDOWN_CODE_NONE;
    spin_unlock(&d->lock);
    if (was)
        domain_unpause(d);
}

void domain_crash(struct domain *d, const char *why, ...)
{
    char text[160];
    va_list ap;

    if (d->shutting_down)
        return;
    va_start(ap, why);
    vsnprintf(text, sizeof(text), why, ap);
    va_end(ap);
    if (current && current->domain == d) {
        gprintk(LOG_ERR, "crashed: %s\n", text);
        gprintk(LOG_ERR, "at rip %04x:%016lx rsp %016lx\n", guest_regs()->cs, guest_regs()->rip,
                guest_regs()->rsp);
        d->ops->dump_vcpu(current);
    } else {
        printk(LOG_GUEST LOG_ERR "d%u crashed: %s\n", d->id, text);
    }
    trace(TRACE_DOMAIN, d->id, 2);
    domain_shutdown(d, SHUTDOWN_crash);
}

enum relinquish_step {
    STEP_EVENTS,
    STEP_HOOKS,
    STEP_MEMORY,
    STEP_DONE,
};

int domain_kill(struct domain *d)
{
    struct vcpu *v;
    int rc = 0;

    if (d == current->domain || d->hardware)
        return -EINVAL;
    if (d->dying == 2)
        return -ESRCH;
    if (!d->dying) {
        domain_pause(d);
        d->dying = 1;
        for (unsigned int i = 0; i < ARRAY_SIZE(d->watchdog); i++)
            timer_kill(&d->watchdog[i]);
        for_each_vcpu (d, v)
            vcpu_stop_timers(v);
    }
    if (d->relinquish_step == STEP_EVENTS) {
        evtchn_close_all(d);
        d->relinquish_step = STEP_HOOKS;
    }
    if (d->relinquish_step == STEP_HOOKS) {
        rc = domain_hooks->relinquish(d);
        if (rc)
            return rc;
        for_each_vcpu (d, v)
            vcpu_info_unregister(v);
        d->relinquish_step = STEP_MEMORY;
    }
    if (d->relinquish_step == STEP_MEMORY) {
        rc = d->ops->relinquish(d);
        if (rc)
            return rc;
        d->relinquish_step = STEP_DONE;
    }
    d->dying = 2;
    domain_changed(d->id);
    evtchn_send_global_virq(VIRQ_DOM_EXC);
    domain_put(d);
    return 0;
}
