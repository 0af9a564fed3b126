/* SPDX-License-Identifier: MIT */
/* Run states, time areas and wall clock as guests see them. */
#include "hv/cpu/current.h"
#include "hv/cpu/time.h"
#include "hv/domain/runstate.h"
#include "hv/lib/errno.h"
#include "hv/mm/guest_access.h"
#include "hv/sched/sched.h"

void runstate_init(struct vcpu *v, int state)
{
    v->runstate = (struct vcpu_runstate_info){ .state = state, .state_entry_time = now_ns() };
}

void runstate_change(struct vcpu *v, int state, uint64_t now)
{
    struct vcpu_runstate_info *r = &v->runstate;

    if (v->is_idle || r->state == state)
        return;
    r->time[r->state] += now - r->state_entry_time;
    r->state_entry_time = now;
    r->state = state;
}

int runstate_of_sleeper(const struct vcpu *v)
{
    return READ_ONCE(v->pause_flags) & VPF_BLOCKED ? RUNSTATE_blocked : RUNSTATE_offline;
}

void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
    *out = v->runstate;
    out->time[out->state] += now_ns() - out->state_entry_time;
}

void vcpu_update_time(struct vcpu *v)
{
    time_update_vcpu_info(&v->info->time);
}

/* With vm_assist runstate_update_flag the guest may read another vCPU's area: bit 63 of the entry time marks
 * a write in progress. */
static int write_runstate(struct vcpu *v)
{
    struct vcpu_runstate_info r = v->runstate;

    if (!(v->domain->vm_assist & BIT(VMASST_TYPE_runstate_update_flag)))
        return write_guest(v->runstate_guest, &r);
    r.state_entry_time |= XEN_RUNSTATE_UPDATE;
    if (write_guest_field(v->runstate_guest, struct vcpu_runstate_info, state_entry_time, r.state_entry_time))
        return -EFAULT;
    smp_wmb();
    if (write_guest(v->runstate_guest, &r))
        return -EFAULT;
    smp_wmb();
    r.state_entry_time &= ~XEN_RUNSTATE_UPDATE;
    return write_guest_field(v->runstate_guest, struct vcpu_runstate_info, state_entry_time,
                             r.state_entry_time);
}

/* The secondary time area is copied whole from vcpu_info, under its own version, odd while it changes. */
static int write_time(struct vcpu *v)
{
    struct vcpu_time_info t = v->info->time;
    uint32_t version;

    if (copy_from_guest(&version, gva_add(v->time_guest, offsetof(struct vcpu_time_info, version)),
                        sizeof(version)))
        return -EFAULT;
    version |= 1;
    if (write_guest_field(v->time_guest, struct vcpu_time_info, version, version))
        return -EFAULT;
    smp_wmb();
    t.version = version;
    if (write_guest(v->time_guest, &t))
        return -EFAULT;
    smp_wmb();
    return write_guest_field(v->time_guest, struct vcpu_time_info, version, version + 1);
}

/*
 * Both areas are virtual addresses in the kernel's page tables: in user mode they cannot be reached, and the
 * entry into kernel mode tries again (guest_areas_stale). An address that faults is the guest's own loss.
 */
void vcpu_update_guest_areas(struct vcpu *v)
{
    if (likely(!(v->runstate_guest.va | v->time_guest.va)))
        return;
    if (is_pv_domain(v->domain) && !v->pv.in_kernel) {
        v->guest_areas_stale = true;
        return;
    }
    v->guest_areas_stale = false;
    if (v->runstate_guest.va && write_runstate(v))
        return;
    if (v->time_guest.va && write_time(v))
        return;
}
