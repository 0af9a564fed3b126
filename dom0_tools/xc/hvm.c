/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xc/hvm.h"
#include "dom0_tools/xc/call.h"
#include "pvguest/hypercall.h"

#include <stdlib.h>
#include <string.h>
#include <xen/errno.h>
#include <xen/hvm/hvm_op.h>

int xc_hvm_param_set(domid_t domid, uint32_t index, uint64_t value)
{
    struct xen_hvm_param op = { .domid = domid, .index = index, .value = value };

    return (int)hypercall_hvm_op(HVMOP_set_param, &op);
}

int xc_hvm_table_memory(domid_t domid, uint64_t bytes)
{
    struct xen_domctl op = { .u.paging_mempool.size = bytes };

    return xc_domctl(&op, XEN_DOMCTL_set_paging_mempool_size, domid);
}

static int get_context(domid_t domid, void *buffer, uint32_t *size)
{
    struct xen_domctl op = { .u.hvmcontext.size = *size };
    int rc;

    set_xen_guest_handle(op.u.hvmcontext.buffer, (uint8_t *)buffer);
    rc = xc_domctl(&op, XEN_DOMCTL_gethvmcontext, domid);
    *size = op.u.hvmcontext.size;
    return rc;
}

static size_t put_record(uint8_t *buffer, size_t at, uint16_t type, uint16_t instance, const void *data,
                         uint32_t length)
{
    const struct hvm_save_descriptor head = { .typecode = type, .instance = instance, .length = length };

    memcpy(buffer + at, &head, sizeof(head));
    if (length != 0)
        memcpy(buffer + at + sizeof(head), data, length);
    return at + sizeof(head) + length;
}

/* The first record says who wrote the state and is checked when it comes back: it is taken from the domain
 * itself. */
int xc_hvm_start(domid_t domid, uint32_t vcpus, const struct hvm_hw_cpu *cpu, const struct hvm_hw_mtrr *mtrr)
{
    struct xen_domctl op = { 0 };
    uint32_t size = 0, head = sizeof(struct hvm_save_descriptor);
    size_t used = head + sizeof(struct hvm_save_header);
    uint8_t *buffer;
    int rc = get_context(domid, NULL, &size);
    size_t need = used + head + sizeof(*cpu) + vcpus * (head + sizeof(*mtrr)) + head;

    if (rc != 0)
        return rc;
    size = size < need ? (uint32_t)need : size;
    buffer = calloc(1, size);
    if (buffer == NULL)
        return -XEN_ENOMEM;
    rc = get_context(domid, buffer, &size);
    if (rc == 0) {
        used = put_record(buffer, used, HVM_SAVE_CODE(CPU), 0, cpu, sizeof(*cpu));
        for (uint32_t i = 0; i < vcpus; i++)
            used = put_record(buffer, used, HVM_SAVE_CODE(MTRR), (uint16_t)i, mtrr, sizeof(*mtrr));
        used = put_record(buffer, used, HVM_SAVE_CODE(END), 0, NULL, 0);
        op.u.hvmcontext.size = (uint32_t)used;
        set_xen_guest_handle(op.u.hvmcontext.buffer, buffer);
        rc = xc_domctl(&op, XEN_DOMCTL_sethvmcontext, domid);
    }
    free(buffer);
    return rc;
}

int xc_hvm_cpu(domid_t domid, uint32_t vcpu, struct hvm_hw_cpu *cpu)
{
    struct xen_domctl op = { 0 };

    op.u.hvmcontext_partial.type = HVM_SAVE_CODE(CPU);
    op.u.hvmcontext_partial.instance = vcpu;
    op.u.hvmcontext_partial.bufsz = sizeof(*cpu);
    set_xen_guest_handle(op.u.hvmcontext_partial.buffer, (uint8_t *)cpu);
    return xc_domctl(&op, XEN_DOMCTL_gethvmcontext_partial, domid);
}
