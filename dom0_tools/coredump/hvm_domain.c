/* SPDX-License-Identifier: MIT */
#include "dom0_tools/coredump/hvm_domain.h"
#include "hv/lib/pvh_layout.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "pvguest/pagetable.h"
#include "pvguest/vmap.h"

#include <string.h>
#include <xen/memory.h>

#define CR0_PG    (1UL << 31)
#define CR4_PAE   (1UL << 5)
#define CR4_LA57  (1UL << 12)
#define EFER_LMA  (1UL << 10)
#define RPL       3U
#define FOUR_GIB  (1UL << 32)
#define PROBE     64U /* pages looked for at once */
#define ACPI_MOST 16U /* pages for ACPI tables by any toolstack */
/* Pages that are the hypervisor's and stand in a domain's memory: shared_info, grant tables. */
#define SHARED_MOST 1024U

enum paging hvm_paging(const struct hvm_hw_cpu *cpu)
{
    if ((cpu->cr0 & CR0_PG) == 0)
        return PAGING_NONE;
    if ((cpu->msr_efer & EFER_LMA) != 0)
        return (cpu->cr4 & CR4_LA57) != 0 ? PAGING_5_LEVELS : PAGING_4_LEVELS;
    return (cpu->cr4 & CR4_PAE) != 0 ? PAGING_PAE : PAGING_32;
}

void hvm_context(struct vcpu_guest_context *context, const struct hvm_hw_cpu *cpu)
{
    bool kernel = (cpu->cs_sel & RPL) == 0;

    *context = (struct vcpu_guest_context){
        .flags = VGCF_i387_valid | VGCF_online | (kernel ? VGCF_in_kernel : 0),
        .user_regs = { .r15 = cpu->r15,
                       .r14 = cpu->r14,
                       .r13 = cpu->r13,
                       .r12 = cpu->r12,
                       .rbp = cpu->rbp,
                       .rbx = cpu->rbx,
                       .r11 = cpu->r11,
                       .r10 = cpu->r10,
                       .r9 = cpu->r9,
                       .r8 = cpu->r8,
                       .rax = cpu->rax,
                       .rcx = cpu->rcx,
                       .rdx = cpu->rdx,
                       .rsi = cpu->rsi,
                       .rdi = cpu->rdi,
                       .rip = cpu->rip,
                       .cs = (uint16_t)cpu->cs_sel,
                       .rflags = cpu->rflags,
                       .rsp = cpu->rsp,
                       .ss = (uint16_t)cpu->ss_sel,
                       .es = (uint16_t)cpu->es_sel,
                       .ds = (uint16_t)cpu->ds_sel,
                       .fs = (uint16_t)cpu->fs_sel,
                       .gs = (uint16_t)cpu->gs_sel },
        .ctrlreg = { [0] = cpu->cr0, [2] = cpu->cr2, [3] = cpu->cr3, [4] = cpu->cr4 },
        .debugreg = { cpu->dr0, cpu->dr1, cpu->dr2, cpu->dr3, [6] = cpu->dr6, [7] = cpu->dr7 },
        .fs_base = cpu->fs_base,
        .gs_base_kernel = kernel ? cpu->gs_base : cpu->shadow_gs,
        .gs_base_user = kernel ? cpu->shadow_gs : cpu->gs_base,
    };
    memcpy(&context->fpu_ctxt, cpu->fpu_regs, sizeof(context->fpu_ctxt));
}

/* Adds what is there of at most PROBE pages. */
static bool add_present(struct page_list *list, domid_t domid, uint64_t pfn, size_t count)
{
    xen_pfn_t frames[PROBE];
    int errors[PROBE];
    bool ok = true;
    void *window;

    for (size_t i = 0; i < count; i++)
        frames[i] = pfn + i;
    window = map_foreign(domid, frames, count, PTE_RO, errors);
    for (size_t i = 0; window != NULL && ok && i < count; i++)
        ok = errors[i] != 0 || page_list_add(list, pfn + i, pfn + i);
    if (window != NULL)
        unmap_frames(window, count);
    return ok;
}

static bool add_range(struct page_list *list, domid_t domid, uint64_t pfn, uint64_t end)
{
    bool ok = true;

    for (; ok && pfn < end; pfn += PROBE)
        ok = add_present(list, domid, pfn, end - pfn < PROBE ? (size_t)(end - pfn) : PROBE);
    return ok;
}

bool hvm_page_list(struct page_list *list, const struct xen_domctl_getdomaininfo *info)
{
    domid_t domid = info->domain;
    long last = hypercall_memory_op(XENMEM_maximum_gpfn, &domid);
    uint64_t end = last < 0 ? 0 : (uint64_t)last + 1, low = PVH_LOW_RAM_MAX / PAGE_SIZE;
    uint64_t acpi = PVH_ACPI_START / PAGE_SIZE, special = PVH_SPECIAL_PFN;

    return page_list_init(list, info->tot_pages + SHARED_MOST) &&
           add_range(list, domid, 0, info->max_pages < low ? info->max_pages : low) &&
           add_range(list, domid, acpi, acpi + ACPI_MOST) &&
           add_range(list, domid, special, special + PVH_SPECIAL_PAGES) &&
           add_range(list, domid, FOUR_GIB / PAGE_SIZE, end) && page_list_finish(list);
}
