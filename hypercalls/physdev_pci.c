/* SPDX-License-Identifier: MIT */
#include "hypercalls/physdev.h"
#include "hv/io/acpi.h"
#include "hv/io/irq.h"
#include "hv/io/pci.h"

/* A device that is reported again is the same device. */
static int64_t add_device(struct pci_address a)
{
    int rc = pci_device_add(a);

    return rc == -EEXIST ? 0 : rc;
}

static int64_t manage_pci(gva_t arg, bool add)
{
    struct physdev_manage_pci manage;

    if (read_guest(&manage, arg))
        return -EFAULT;
    return add ? add_device(pci_address(0, manage.bus, manage.devfn))
               : pci_device_remove(pci_address(0, manage.bus, manage.devfn));
}

static int64_t manage_pci_add_ext(gva_t arg)
{
    struct physdev_manage_pci_ext manage;

    if (read_guest(&manage, arg))
        return -EFAULT;
    if (manage.is_extfn > 1 || manage.is_virtfn > 1)
        return -EINVAL;
    return add_device(pci_address(0, manage.bus, manage.devfn));
}

static int64_t device_add(gva_t arg)
{
    struct physdev_pci_device_add add;

    if (copy_from_guest(&add, arg, offsetof(struct physdev_pci_device_add, optarr)))
        return -EFAULT;
    return add_device(pci_address(add.seg, add.bus, add.devfn));
}

static int64_t device_op(uint32_t cmd, gva_t arg)
{
    struct physdev_pci_device device;
    struct pci_address a;

    if (read_guest(&device, arg))
        return -EFAULT;
    a = pci_address(device.seg, device.bus, device.devfn);
    if (cmd == PHYSDEVOP_pci_device_remove)
        return pci_device_remove(a);
    if (!pci_device_known(a))
        return -ENODEV;
    if (cmd == PHYSDEVOP_restore_msi_ext)
        return irq_restore_msi(a);
    /* prepare_msix, release_msix: nothing has to be done before a device is handed on. */
    return pci_find_capability(a, PCI_CAP_MSIX) ? 0 : -ENODEV;
}

static int64_t restore_msi(gva_t arg)
{
    struct physdev_restore_msi restore;

    if (read_guest(&restore, arg))
        return -EFAULT;
    if (!pci_device_known(pci_address(0, restore.bus, restore.devfn)))
        return -ENODEV;
    return irq_restore_msi(pci_address(0, restore.bus, restore.devfn));
}

/* dom0 found the window also reserved in the ACPI name space; the MCFG table was enough for us. */
static int64_t mmcfg_reserved(gva_t arg)
{
    struct physdev_pci_mmcfg_reserved info;

    if (read_guest(&info, arg))
        return -EFAULT;
    for (uint32_t i = 0; i < acpi_info.nr_mcfg; i++)
        if (acpi_info.mcfg[i].address == info.address && acpi_info.mcfg[i].segment == info.segment)
            return 0;
    return -ENODEV;
}

static int64_t dbgp_op(gva_t arg)
{
    struct physdev_dbgp_op op;

    /* The hypervisor uses no USB debug port: resetting the controller disturbs nothing. */
    return read_guest(&op, arg);
}

int64_t physdev_pci_op(uint32_t cmd, gva_t arg)
{
    static const uint32_t known[] = {
        PHYSDEVOP_manage_pci_add,     PHYSDEVOP_manage_pci_remove, PHYSDEVOP_manage_pci_add_ext,
        PHYSDEVOP_pci_device_add,     PHYSDEVOP_pci_device_remove, PHYSDEVOP_prepare_msix,
        PHYSDEVOP_release_msix,       PHYSDEVOP_restore_msi_ext,   PHYSDEVOP_restore_msi,
        PHYSDEVOP_pci_mmcfg_reserved, PHYSDEVOP_dbgp_op,
    };
    unsigned int i = 0;

    while (i < ARRAY_SIZE(known) && known[i] != cmd)
        i++;
    if (i == ARRAY_SIZE(known))
        return -ENOSYS;
    if (may(current->domain, ACTION_HARDWARE, NULL))
        return -EPERM;
    switch (cmd) {
    case PHYSDEVOP_manage_pci_add:
    case PHYSDEVOP_manage_pci_remove:
        return manage_pci(arg, cmd == PHYSDEVOP_manage_pci_add);
    case PHYSDEVOP_manage_pci_add_ext:
        return manage_pci_add_ext(arg);
    case PHYSDEVOP_pci_device_add:
        return device_add(arg);
    case PHYSDEVOP_restore_msi:
        return restore_msi(arg);
    case PHYSDEVOP_pci_mmcfg_reserved:
        return mmcfg_reserved(arg);
    case PHYSDEVOP_dbgp_op:
        return dbgp_op(arg);
    default:
        return device_op(cmd, arg);
    }
}
