/* SPDX-License-Identifier: MIT */
#include "dom0_tools/coredump/coredump.h"
#include "dom0_tools/coredump/elf_core.h"
#include "dom0_tools/coredump/hvm_domain.h"
#include "dom0_tools/xc/domain.h"
#include "dom0_tools/xc/hvm.h"
#include "dom0_tools/xc/vcpu.h"
#include "pvguest/flavour.h"
#include "pvguest/hypercall.h"
#include "pvguest/memory.h"
#include "pvguest/vmap.h"
#include "pvguest/xen_errno.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xen/memory.h>

struct dump {
    domid_t domid;
    char *error;
    size_t error_size;
    struct xen_domctl_getdomaininfo info;
    bool hvm;
    struct vcpu_guest_context *vcpu;
    unsigned int nr_vcpus;
    enum paging paging; /* of vCPU 0 */
    struct page_walk walk;
    struct page_list list;
};

static bool __attribute__((format(printf, 2, 3))) fail(struct dump *dump, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(dump->error, dump->error_size, format, args);
    va_end(args);
    return false;
}

/* What the frame is to its domain, or itself where the machine-to-physical table does not reach, as in a PVH
 * domain. */
static uint64_t pfn_of(uint64_t mfn)
{
    static uint64_t last;

    if (last == 0)
        last = (uint64_t)hypercall_memory_op(XENMEM_maximum_ram_page, NULL);
    return mfn <= last && !guest_is_pvh ? mfn_to_pfn(mfn) : mfn;
}

/* Pages that cannot be mapped (any more) are zeroes. */
static void read_pages(void *arg, size_t place, size_t count, char *data)
{
    const struct dump *dump = arg;
    xen_pfn_t frames[ELF_CORE_PAGES_ONCE] = { 0 };
    int errors[ELF_CORE_PAGES_ONCE];
    char *window;

    for (size_t i = 0; i < count; i++)
        frames[i] = dump->list.page[place + i].mfn;
    window = map_foreign(dump->domid, frames, count, PTE_RO, errors);
    for (size_t i = 0; i < count; i++) {
        if (window != NULL && errors[i] == 0)
            memcpy(data + i * PAGE_SIZE, window + i * PAGE_SIZE, PAGE_SIZE);
        else
            memset(data + i * PAGE_SIZE, 0, PAGE_SIZE);
    }
    if (window != NULL)
        unmap_frames(window, count);
}

/* False: it has never been up, or is down. */
static bool read_hvm_vcpu(struct dump *dump, unsigned int id, struct vcpu_guest_context *context)
{
    struct xen_domctl_getvcpuinfo info;
    struct hvm_hw_cpu cpu;

    if (xc_vcpu_info(dump->domid, id, &info) != 0 || !info.online || xc_hvm_cpu(dump->domid, id, &cpu) != 0)
        return false;
    if (dump->nr_vcpus == 0)
        dump->paging = hvm_paging(&cpu);
    hvm_context(context, &cpu);
    return true;
}

static bool read_vcpu(struct dump *dump, unsigned int id, struct vcpu_guest_context *context)
{
    return dump->hvm ? read_hvm_vcpu(dump, id, context) : xc_vcpu_get_context(dump->domid, id, context) == 0;
}

static bool read_vcpus(struct dump *dump)
{
    unsigned int most = dump->info.max_vcpu_id + 1;

    dump->vcpu = calloc(most, sizeof(*dump->vcpu));
    if (dump->vcpu == NULL)
        return fail(dump, "out of memory");
    for (unsigned int i = 0; i < most; i++)
        if (read_vcpu(dump, i, &dump->vcpu[dump->nr_vcpus]))
            dump->nr_vcpus++;
    return dump->nr_vcpus != 0 || fail(dump, "none of its vCPUs has been started");
}

/* A PV domain's memory is what its tables show: where else a frame could be is unknown. */
static bool read_memory(struct dump *dump)
{
    bool ok =
        page_walk(&dump->walk, dump->domid, dump->paging, dump->vcpu[0].ctrlreg[3], dump->info.tot_pages);

    if (ok && dump->hvm)
        ok = hvm_page_list(&dump->list, &dump->info);
    else if (ok)
        ok = page_list_init(&dump->list, dump->walk.pages) &&
             page_list_add_walk(&dump->list, &dump->walk, pfn_of) && page_list_finish(&dump->list);
    return ok || fail(dump, "its page tables are too much for this domain's memory");
}

static bool write_file(struct dump *dump, const char *path)
{
    xen_pfn_t frame = dump->info.shared_info_frame;
    void *shared_info = dump->hvm ? NULL : map_foreign(dump->domid, &frame, 1, PTE_RO, NULL);
    void *nothing = page_alloc_zeroed();
    const struct elf_core core = { .hvm = dump->hvm,
                                   .vcpu = dump->vcpu,
                                   .nr_vcpus = dump->nr_vcpus,
                                   .shared_info = shared_info != NULL ? shared_info : nothing,
                                   .walk = &dump->walk,
                                   .list = &dump->list,
                                   .read_pages = read_pages,
                                   .arg = dump };
    FILE *file = nothing != NULL ? fopen(path, "wb") : NULL;
    bool ok = file != NULL && elf_core_write(file, &core);

    if (!ok)
        fail(dump, "%s: %s", path, nothing != NULL ? strerror(errno) : "out of memory");
    if (file != NULL && fclose(file) != 0 && ok)
        ok = fail(dump, "%s: %s", path, strerror(errno));
    if (file != NULL && !ok)
        unlink(path);
    if (nothing != NULL)
        page_free(nothing, 0);
    if (shared_info != NULL)
        unmap_frames(shared_info, 1);
    return ok;
}

bool coredump_write(domid_t domid, const char *path, char *error, size_t size)
{
    struct dump dump = { .domid = domid, .error = error, .error_size = size };
    int rc = xc_domain_info(domid, &dump.info);
    bool ok;

    if (rc == 0)
        rc = xc_domain_pause(domid);
    if (rc != 0)
        return fail(&dump, "%s", strerror(xen_errno_to_c(rc)));
    dump.hvm = (dump.info.flags & XEN_DOMINF_hvm_guest) != 0;
    ok = read_vcpus(&dump) && read_memory(&dump) && write_file(&dump, path);
    xc_domain_unpause(domid);
    page_list_free(&dump.list);
    page_walk_free(&dump.walk);
    free(dump.vcpu);
    return ok;
}
