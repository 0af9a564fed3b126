/* SPDX-License-Identifier: MIT */
/* platform_op: what the control domain asks of the machine itself. One function a sub-operation. */
#include "hypercalls/hypercall.h"
#include "hv/cpu/apic.h"
#include "hv/cpu/cpuid.h"
#include "hv/cpu/crash.h"
#include "hv/domain/wallclock.h"
#include "hv/io/acpi.h"
#include "hv/io/console.h"
#include "hv/io/power.h"
#include "hv/lib/string.h"
#include <xen/platform.h>

#define NS_PER_S 1000000000ULL
#define ACPI_S1  1
#define ACPI_S5  5

static int64_t settime(uint64_t seconds, uint32_t ns, uint64_t system_time)
{
    wallclock_set(seconds * NS_PER_S + ns - system_time);
    return 0;
}

static int64_t settime64(const struct xenpf_settime64 *t)
{
    return t->mbz ? -EINVAL : settime(t->secs, t->nsecs, t->system_time);
}

static int64_t platform_quirk(const struct xenpf_platform_quirk *q)
{
    /* Interrupts are not balanced and the I/O APIC's register number is written for each access: nothing to
     * change. */
    switch (q->quirk_id) {
    case QUIRK_NOIRQBALANCING:
    case QUIRK_IOAPIC_BAD_REGSEL:
    case QUIRK_IOAPIC_GOOD_REGSEL:
        return 0;
    default:
        return -EINVAL;
    }
}

/* The BIOS was not asked for any of this, and EFI's run-time services are not used. */
static int64_t firmware_info(const struct xenpf_firmware_info *info)
{
    switch (info->type) {
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
    case XEN_FW_VBEDDC_INFO:
    case XEN_FW_KBD_SHIFT_FLAGS:
        return -ESRCH;
    case XEN_FW_EFI_INFO:
        return -ENOSYS;
    default:
        return -EINVAL;
    }
}

static int64_t enter_acpi_sleep(const struct xenpf_enter_acpi_sleep *s)
{
    if (s->sleep_state < ACPI_S1 || s->sleep_state > ACPI_S5 || (s->flags & ~XENPF_ACPI_SLEEP_EXTENDED))
        return -EINVAL;
    if (s->sleep_state != ACPI_S5 || (s->flags & XENPF_ACPI_SLEEP_EXTENDED))
        return -EPERM;
    printk(LOG_INFO "d%u switches the machine off\n", current->domain->id);
    return power_off_with(s->val_a, s->val_b) ? -EIO : -ENODEV;
}

static uint32_t last_cpu(void)
{
    return bit_highest(cpu_online_map.bits);
}

static bool cpu_present(uint32_t cpu)
{
    return cpu < NR_CPUS && cpumask_test(&cpu_online_map, cpu);
}

static int64_t get_cpuinfo(struct xenpf_pcpuinfo *info)
{
    info->max_present = last_cpu();
    if (!cpu_present(info->xen_cpuid)) {
        info->flags = XEN_PCPU_FLAGS_INVALID;
        return 0;
    }
    info->flags = XEN_PCPU_FLAGS_ONLINE;
    info->apic_id = info->acpi_id = cpu_apic_id[info->xen_cpuid];
    for (uint32_t i = 0; i < acpi_info.nr_cpus; i++)
        if (acpi_info.cpu[i].apic_id == info->apic_id)
            info->acpi_id = acpi_info.cpu[i].uid;
    return 0;
}

static int64_t get_cpu_version(struct xenpf_pcpu_version *v)
{
    v->max_present = last_cpu();
    memset(v->vendor_id, 0, sizeof(v->vendor_id));
    v->family = v->model = v->stepping = 0;
    if (!cpu_present(v->xen_cpuid))
        return 0;
    memcpy(v->vendor_id, host_cpu.vendor, sizeof(v->vendor_id));
    v->family = host_cpu.family;
    v->model = host_cpu.model;
    v->stepping = host_cpu.stepping;
    return 0;
}

/* All CPUs run from boot on. */
static int64_t cpu_online(const struct xenpf_cpu_ol *ol)
{
    return cpu_present(ol->cpuid) ? 0 : -EINVAL;
}

static int64_t cpu_offline(const struct xenpf_cpu_ol *ol)
{
    return cpu_present(ol->cpuid) ? -EOPNOTSUPP : -EINVAL;
}

static int64_t core_parking(struct xenpf_core_parking *p)
{
    if (p->type != XEN_CORE_PARKING_GET)
        return p->type == XEN_CORE_PARKING_SET ? -EOPNOTSUPP : -EINVAL;
    p->idle_nums = 0;
    return 0;
}

static int64_t get_symbol(struct xenpf_symdata *s)
{
    const char *name = "";
    uint32_t room = s->namelen, len;

    s->address = 0;
    s->type = 0;
    if (symbol_by_index(s->symnum, &s->address, &name)) {
        s->symnum++;
        s->type = 't';
    }
    len = (uint32_t)strlen(name);
    s->namelen = len;
    return copy_to_guest(gva_of_handle(s->name), name, min(len + 1, room));
}

/* The sub-operations, on the hypervisor's copy; *answer: the copy is to be written back. */
static int64_t platform_op(struct xen_platform_op *op, bool *answer)
{
    *answer = false;
    switch (op->cmd) {
    case XENPF_settime32:
        return settime(op->u.settime32.secs, op->u.settime32.nsecs, op->u.settime32.system_time);
    case XENPF_settime64:
        return settime64(&op->u.settime64);
    case XENPF_platform_quirk:
        return platform_quirk(&op->u.platform_quirk);
    case XENPF_efi_runtime_call:
        return -EOPNOTSUPP;
    case XENPF_firmware_info:
        return firmware_info(&op->u.firmware_info);
    case XENPF_enter_acpi_sleep:
        return enter_acpi_sleep(&op->u.enter_acpi_sleep);
    case XENPF_cpu_online:
        return cpu_online(&op->u.cpu_ol);
    case XENPF_cpu_offline:
        return cpu_offline(&op->u.cpu_ol);
    default:
        break;
    }
    *answer = true;
    switch (op->cmd) {
    case XENPF_get_cpuinfo:
        return get_cpuinfo(&op->u.pcpu_info);
    case XENPF_get_cpu_version:
        return get_cpu_version(&op->u.pcpu_version);
    case XENPF_core_parking:
        return core_parking(&op->u.core_parking);
    case XENPF_get_symbol:
        return get_symbol(&op->u.symdata);
    default:
        return -ENOSYS;
    }
}

/* arg: struct xen_platform_op. -EACCES for another version of the interface. Control domains only (the
 * hypercall table). */
int64_t do_platform_op(uint64_t arg[6])
{
    struct xen_platform_op op;
    gva_t at = gva(arg[0]);
    bool answer;
    int64_t rc;

    if (read_guest(&op, at))
        return -EFAULT;
    if (op.interface_version != XENPF_INTERFACE_VERSION)
        return -EACCES;
    rc = platform_op(&op, &answer);
    if (rc == 0 && answer && write_guest(at, &op))
        return -EFAULT;
    return rc;
}
