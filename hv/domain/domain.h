/* SPDX-License-Identifier: MIT */
/*
 * Domains and vCPUs. Fields are grouped under the lock that protects them.
 *
 * Life of a domain: created (paused by the creator) -> runs -> shut down (vCPUs stopped, reason recorded) or
 * dying (domain_kill, preemptible: events, grants, memory go back) -> freed when the last reference is
 * dropped.
 */
#ifndef HV_DOMAIN_DOMAIN_H
#define HV_DOMAIN_DOMAIN_H

#include "hv/cpu/regs.h"
#include "hv/cpu/timer.h"
#include "hv/domain/event.h"
#include "hv/domain/pv_state.h"
#include "hv/lib/cpumask.h"
#include "hv/lib/list.h"
#include "hv/lib/nospec.h"
#include "hv/lib/spinlock.h"
#include "hv/mm/frame.h"
#include "hv/sched/sched_state.h"
#include <xen/vcpu.h>
#include <xen/sched.h>

#define MAX_VCPUS 64 /* per domain */

struct domain;
struct grant_table;
struct rangeset;
struct cpuid_policy;
struct hvm_vcpu;
struct hvm_domain;
struct memory_map;

/* v->pause_flags: a vCPU runs only while all are clear and no pause count is held. */
#define VPF_BLOCKED BIT(0) /* SCHEDOP_block / poll: woken by an event */
#define VPF_DOWN    BIT(1) /* not brought up, or VCPUOP_down */
#define VPF_PARKED  BIT(2) /* scheduler: over its cap */

#define SHUTDOWN_CODE_NONE (~0U)

struct vcpu {
    struct domain *domain;
    uint16_t id;
    bool initialised; /* has a register state to run with */
    bool is_idle;

    /* Shared with the guest. Never NULL: a private dummy page until the guest has a place for it. */
    struct vcpu_info *info;
    struct frame *info_frame; /* reference held while registered by VCPUOP_register_vcpu_info */
    bool info_registered;

    /* Scheduling: hv/sched. pause_flags by atomic operations; the rest under the run queue's lock. */
    uint64_t pause_flags;
    uint32_t pause_count;
    struct sched_vcpu sched;
    cpumask_t pin_saved; /* hard affinity to return to after SCHEDOP_pin_override, empty = none is in force */
    struct vcpu_runstate_info runstate; /* state, entry time and accumulated times, ns */
    gva_t runstate_guest;               /* .va 0 = not registered; guest virtual, kernel page tables */
    gva_t time_guest;                   /* secondary vcpu_time_info; as above */
    bool guest_areas_stale; /* runstate_guest/time_guest could not be written in user mode: retry */
    cpumask_t dirty_cpus;   /* CPUs that may hold this vCPU's address space in their TLB */

    /* Timers; run on the vCPU's CPU. */
    struct timer singleshot, periodic, poll;
    uint64_t periodic_period; /* ns, 0 = off */
    uint64_t periodic_last;
    /* SCHEDOP_poll: > 0 the one port polled, < 0 any of several, 0 not polling. */
    int32_t poll_port;

    /* Events (d->evtchn.lock) */
    uint32_t virq_port[NR_VIRQS];
    struct evtchn_fifo_vcpu *fifo;

    uint8_t nmi_pending;
    bool nmi_masked;
    bool upcall_raised; /* evtchn_upcall_pending went from 0 to 1 since a hardware guest's vCPU last looked */

    struct regs regs; /* while not running; live ones are in cpu_info.guest_regs */
    struct pv_vcpu pv;
    struct hvm_vcpu *hvm; /* hardware guests: hv/hvm/hvm.h */
    void *xsave;          /* FPU and extended state */
    uint64_t xcr0;
    uint32_t fpu_cpu; /* CPU + 1 whose registers may still hold this state (hv/cpu/fpu.c); 0 = none */
    uint64_t work;    /* budget used in the present hypercall (hypercall_preempt_check) */
};

/* How a kind of guest (PV, or in hardware virtualization) is run; chosen once at creation. */
struct guest_ops {
    const char *name;
    int (*domain_init)(struct domain *d);
    void (*domain_free)(struct domain *d);
    int (*vcpu_init)(struct vcpu *v);
    void (*vcpu_free)(struct vcpu *v);
    void (*switch_from)(struct vcpu *v);       /* save live state, v->regs too */
    void (*switch_to)(struct vcpu *v);         /* load it, page tables included */
    void __noreturn (*resume)(void);           /* enter the guest: current vCPU */
    void (*take_nmi)(void);                    /* current vCPU, which may */
    int (*relinquish)(struct domain *d);       /* drop page-table and mapping references; -ERESTART */
    void (*dump_vcpu)(const struct vcpu *v);   /* registers and stack on the console */
    void (*show_counts)(const struct vcpu *v); /* what is counted of it, a line; may be NULL */
    /* A reference to the frame of d that the guest calls `g`; NULL: none, or not `write`able by the guest. */
    struct frame *(*get_frame)(struct domain *d, gfn_t g, bool write);
    bool (*event_deliverable)(const struct vcpu *v); /* hardware guests: something can interrupt v */
};

struct domain {
    domid_t id;
    bool privileged;    /* control domain: may use domctl, sysctl, platform_op, foreign mappings */
    bool hardware;      /* owns the machine's devices: dom0 */
    bool direct_mapped; /* a hardware guest whose frames have their machine's numbers, for devices without an
                           IOMMU */
    bool is_idle;
    const struct guest_ops *ops;
    uint32_t max_vcpus;
    struct shared_info *shared_info; /* FRAME_HV_SHARED page */
    bool narrow_layout;              /* shared_info and vcpu_info are in the layout of 32-bit guests */
    uint8_t handle[16];              /* uuid */
    char name[32];                   /* for logs and the boot console prefix */
    uint32_t ssidref;
    struct sched_domain sched;
    uint64_t create_time;
    uint64_t unique_id; /* which no other domain ever has */

    uint32_t refcount; /* atomic; domain_get/domain_put */
    struct list all;   /* LOCK_DOMLIST */

    /* d->lock */
    struct spinlock lock;
    uint32_t pause_count; /* by the control domain or the hypervisor; 0 = may run */
    uint8_t tool_pauses;  /* of these, by domctl, under its lock */
    bool creation_finished;
    uint8_t dying; /* 0 alive, 1 being torn down, 2 dead */
    bool shutting_down, shut_down;
    uint32_t shutdown_code;   /* SHUTDOWN_*, SHUTDOWN_CODE_NONE before anybody gave one */
    struct timer watchdog[2]; /* SCHEDOP_watchdog */
    uint32_t watchdog_inuse;
    uint32_t relinquish_step;

    /* d->page_lock */
    struct spinlock page_lock;
    uint32_t page_list; /* first frame's mfn, FRAME_LIST_END when empty */
    uint64_t tot_pages, max_pages;
    uint64_t shared_pages; /* FRAME_HV_SHARED */

    struct spinlock mmu_lock; /* LOCK_MMU: page-table updates and typing, see hv/pv/page_type.c */
    struct pv_domain pv;
    struct hvm_domain *hvm; /* NULL for PV domains */

    struct evtchn_domain evtchn;
    struct grant_table *grant;     /* hypercalls/grant_table.c */
    struct memory_map *memory_map; /* d->lock; hypercalls/memory_map.c; NULL: none was set */
    uint64_t vm_assist;            /* VMASST_TYPE_* bits */
    int64_t time_offset_seconds;   /* wall clock of the guest, domctl settimeoffset */

    /* Hardware access, checked by emulation, mapping and physdev_op. */
    struct rangeset *ioports, *iomem, *irqs;
    struct pirq_table *pirqs; /* hypercalls/physdev.c */
    uint32_t pci_cf8;         /* the hardware domain's own PCI address register */
    const struct cpuid_policy *cpuid;

    /* Console of a domain that was built at boot (io/console.c): line assembly for the prefix. */
    char console_line[160];
    uint16_t console_len;
    uint8_t console_lock; /* one vCPU at a time reads the ring; inside it comes printing */
    struct xencons_interface *console_ring;
    uint32_t console_port;

    struct vcpu *vcpu[MAX_VCPUS]; /* the last: there is memory for max_vcpus of them only */
};

/*
 * What layers above keep per domain (grant tables, physical irqs): called at creation, during domain_kill and
 * when the last reference goes. Set once at boot.
 */
struct domain_hooks {
    int (*init)(struct domain *d);
    int (*relinquish)(struct domain *d); /* preemptible: -ERESTART */
    void (*free)(struct domain *d);
    void (*hardware_shutdown)(uint32_t reason); /* the hardware domain ended */
};
extern const struct domain_hooks *domain_hooks;

extern struct domain *dom0; /* the hardware domain */
extern struct domain idle_domain;

/*
 * Create / build. domain_create: a paused domain with no vCPUs and no memory; vcpu_create adds vCPU `id`
 * (down) on a CPU. NULL and *rc = -errno on failure, with nothing left behind.
 */
struct domain *domain_create(domid_t id, const struct guest_ops *ops, uint32_t max_vcpus, int *rc);
struct vcpu *vcpu_create(struct domain *d, uint16_t id, unsigned int cpu);
domid_t domid_alloc(void); /* a free id in 1..DOMID_FIRST_RESERVED-1, or DOMID_INVALID */

/* References. domain_by_id takes one (NULL when there is no such live domain). */
struct domain *domain_by_id(domid_t id);
/* The first with an id of at least `first`, with a reference, or NULL: going over all costs nothing for those
 * before. */
struct domain *domain_from_id(uint32_t first);
bool __must_check domain_get(struct domain *d);
void domain_put(struct domain *d);
/* The same where locks are held: the end, if this was the last, comes on the way back to the guest. */
void domain_put_locked(struct domain *d);
extern struct spinlock domlist_lock;
extern struct list domain_list;
#define for_each_domain(d) list_for_each (d, &domain_list, all)
#define for_each_vcpu(d, v)                                                                     \
    for (uint32_t fev_i = 0; fev_i < (d)->max_vcpus && ((v) = (d)->vcpu[fev_i], true); fev_i++) \
        if (v)

/* The vCPU of that number, which may come from a guest; NULL when there is none. */
static inline struct vcpu *domain_vcpu(const struct domain *d, uint32_t id)
{
    uint32_t n = d->max_vcpus;

    return id < n ? d->vcpu[index_nospec(id, n)] : NULL;
}

/* Stop all vCPUs of d (waits until none runs); nested. The caller must not be a vCPU of d for the _sync form.
 */
void domain_pause(struct domain *d);
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);
void vcpu_pause(struct vcpu *v);
void vcpu_pause_nosync(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);

/* A vCPU of d asked for, or the hypervisor decides on, the end with SHUTDOWN_*; d's vCPUs stop. */
void domain_shutdown(struct domain *d, uint32_t reason);
void domain_resume(struct domain *d);
/* Tear down; 0 when everything that can be released now is, -ERESTART to be called again. */
int domain_kill(struct domain *d);

/*
 * The guest broke the rules for good: log vCPU, RIP and the reason, and stop it with SHUTDOWN_crash. Returns;
 * the caller unwinds to the guest exit path, where the vCPU is descheduled.
 */
void domain_crash(struct domain *d, const char *why, ...) __printf(2, 3);

/* May `d` do `action` to `target`? The one place that answers this (hv/domain/permission.c). 0 or -EPERM. */
enum action {
    ACTION_CONTROL,     /* domctl on target */
    ACTION_SET_UP,      /* event ports and grant table of target: its own, or a control domain's business */
    ACTION_SYSTEM,      /* sysctl, platform_op: target NULL */
    ACTION_MAP_FOREIGN, /* map or change target's memory */
    ACTION_HARDWARE,    /* physdev_op: target NULL */
    ACTION_CONSOLE,     /* hypervisor console */
};
int may(const struct domain *d, enum action a, const struct domain *target);

/*
 * The domain a hypercall names: DOMID_SELF or an id that `current` may do `a` to. NULL and *rc =
 * -ESRCH/-EPERM. Drop with domain_put.
 */
struct domain *domain_for_hypercall(domid_t id, enum action a, int *rc);

static inline bool is_hvm_domain(const struct domain *d)
{
    return d->hvm;
}

static inline bool is_pv_domain(const struct domain *d)
{
    return !d->is_idle && !d->hvm;
}

/* vcpu_info slot in shared_info of vCPUs below 32. */
void vcpu_info_init(struct vcpu *v);
/* VCPUOP_register_vcpu_info: 0, -EINVAL, -ENXIO. Lock: d->lock, of two at once one would be forgotten. */
int vcpu_info_register(struct vcpu *v, gfn_t gfn, uint32_t offset);
void vcpu_info_unregister(struct vcpu *v);
void vcpu_free(struct vcpu *v);
void vcpu_stop_timers(struct vcpu *v); /* for good: the domain is dying */
/* Bring an offline vCPU back to its initial state (VCPUOP_initialise may follow). */
void vcpu_reset(struct vcpu *v);

/* Fill time and runstate areas of the current vCPU (on schedule-in, on registration). */
void vcpu_update_time(struct vcpu *v);
void vcpu_update_guest_areas(struct vcpu *v);

#endif
