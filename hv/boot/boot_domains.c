/* SPDX-License-Identifier: MIT */
/*
 * The domains that exist when the boot ends: dom0 from module 0, and for each option
 *
 *     domain=NAME,kernel=MODULE[,type=pv|pvh][,ramdisk=MODULE][,mem=SIZE][,vcpus=N][,xenstore=0][,cmdline=TEXT]
 *
 * a PV or PVH domain from the boot modules of those numbers (dom0's kernel is module 0). cmdline= comes last
 * and takes the rest of the option, which stands in double quotes if there are spaces.
 *
 * A kernel that speaks to xenstore waits for dom0's xenstored, which introduces the domain when it starts.
 * With a dom0 that runs none it would wait for ever: xenstore=0 tells the kernel that there is no xenstore.
 */
#include "hv/boot/boot.h"
#include "hv/boot/bzimage.h"
#include "hv/boot/dom0_hardware.h"
#include "hv/boot/domain_build.h"
#include "hv/boot/start.h"
#include "hv/cpu/crash.h"
#include "hv/hvm/hvm.h"
#include "hv/io/console.h"
#include "hv/io/pirq.h"
#include "hv/lib/bug.h"
#include "hv/lib/cmdline.h"
#include "hv/lib/errno.h"
#include "hv/lib/parse.h"
#include "hv/lib/printf.h"
#include "hv/lib/rangeset.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"
#include "hv/pv/pv.h"
#include "hv/sched/sched.h"
#include "hypercalls/grant_table.h"
#include "hypercalls/memory.h"

#define MAX_BOOT_DOMAINS 16
#define DOM0_MEM_DEFAULT MIB(256)

struct boot_domain {
    char name[32];
    uint64_t mem;
    uint32_t vcpus;
    bool pvh, xenstore;
    int kernel, ramdisk; /* module numbers, -1 = none */
    char cmdline[1024];
};

static struct boot_domain asked[MAX_BOOT_DOMAINS] __initdata;
static unsigned int nr_asked __initdata;

static uint64_t opt_dom0_mem;
static uint32_t opt_dom0_max_vcpus;
integer_param("dom0_max_vcpus", opt_dom0_max_vcpus);

static bool opt_dom0_pvh;

/* dom0=pv or pvh, as on Xen, whose further words, with commas between, do not exist here. */
static int parse_dom0(const char *value)
{
    opt_dom0_pvh = !strcmp(value, "pvh");
    return opt_dom0_pvh || !strcmp(value, "pv") ? 0 : -EINVAL;
}
custom_param("dom0", parse_dom0, "dom0=pv or dom0=pvh");

/* dom0_mem=512M, and Xen's dom0_mem=512M,max:1G: a maximum beyond the start is accepted for dom0's own
 * balloon. */
static int parse_dom0_mem(const char *value)
{
    uint64_t bytes, most;
    bool ok = parse_size(&value, &bytes);

    if (ok && !strncmp(value, ",max:", 5)) {
        value += 5;
        ok = parse_size(&value, &most);
    }
    if (!ok || *value)
        return -EINVAL;
    opt_dom0_mem = ALIGN_DOWN(bytes, PAGE_SIZE);
    return 0;
}
custom_param("dom0_mem", parse_dom0_mem, "dom0_mem=SIZE[,max:SIZE] with a suffix K, M or G");

static bool parse_one(struct boot_domain *d, const char *key, size_t key_len, const char *value, size_t len)
{
    char text[1024];
    const char *end = text;
    uint64_t n = 0;

    if (len >= sizeof(text))
        return false;
    memcpy(text, value, len);
    text[len] = '\0';
    if (key_len == 3 && !memcmp(key, "mem", 3))
        return parse_size(&end, &d->mem) && !*end;
    if (key_len == 7 && !memcmp(key, "cmdline", 7)) {
        memcpy(d->cmdline, text, len + 1);
        return true;
    }
    if (key_len == 4 && !memcmp(key, "type", 4)) {
        d->pvh = !strcmp(text, "pvh");
        return d->pvh || !strcmp(text, "pv");
    }
    if (!parse_u64(&end, 10, &n) || *end || n > 64)
        return false;
    if (key_len == 5 && !memcmp(key, "vcpus", 5))
        d->vcpus = (uint32_t)n;
    else if (key_len == 8 && !memcmp(key, "xenstore", 8) && n <= 1)
        d->xenstore = n;
    else if (key_len == 6 && !memcmp(key, "kernel", 6))
        d->kernel = (int)n;
    else if (key_len == 7 && !memcmp(key, "ramdisk", 7))
        d->ramdisk = (int)n;
    else
        return false;
    return true;
}

static int parse_domain(const char *value)
{
    struct boot_domain *d = &asked[nr_asked];
    const char *comma = strchr(value, ',');
    size_t n = comma ? (size_t)(comma - value) : strlen(value);

    if (nr_asked == MAX_BOOT_DOMAINS || !n || n >= sizeof(d->name))
        return -EINVAL;
    *d = (struct boot_domain){ .mem = MIB(64), .vcpus = 1, .xenstore = true, .kernel = -1, .ramdisk = -1 };
    memcpy(d->name, value, n);
    while (comma) {
        const char *key = comma + 1, *eq = strchr(key, '=');
        bool rest = eq && eq - key == 7 && !memcmp(key, "cmdline", 7);

        comma = eq && !rest ? strchr(eq, ',') : NULL;
        if (!eq ||
            !parse_one(d, key, (size_t)(eq - key), eq + 1, comma ? (size_t)(comma - eq - 1) : strlen(eq + 1)))
            return -EINVAL;
    }
    if (d->kernel < 0 || !d->vcpus)
        return -EINVAL;
    nr_asked++;
    return 0;
}
custom_param("domain", parse_domain,
             "domain=NAME,kernel=MODULE[,type=pv|pvh][,ramdisk=MODULE][,mem=SIZE][,vcpus=N][,xenstore=0]"
             "[,cmdline=TEXT]");

/* What hypercalls and boot keep per domain. */
static int hook_init(struct domain *d)
{
    return gnttab_init(d);
}

static int hook_relinquish(struct domain *d)
{
    ring_release_console(d);
    pirq_domain_free(d); /* it may refer to a page of the domain, which must not outlive the others */
    return gnttab_release_mappings(d);
}

static void hook_free(struct domain *d)
{
    gnttab_free(d);
    memory_map_free(d);
    pirq_domain_free(d);
    rangeset_destroy(d->ioports);
    rangeset_destroy(d->iomem);
    rangeset_destroy(d->irqs);
}

static const struct domain_hooks hooks = {
    .init = hook_init,
    .relinquish = hook_relinquish,
    .free = hook_free,
    .hardware_shutdown = hardware_domain_shutdown,
};

static const char *__init create_vcpus(struct domain *d, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        unsigned int cpu = i % (unsigned int)cpumask_weight(cpu_online_map);

        if (!vcpu_create(d, (uint16_t)i, cpu))
            return "out of memory for its vCPUs";
    }
    return NULL;
}

/* The bytes of a module; the module is then in use until boot_free_memory. */
static const char *__init take_module(int n, const void **data, size_t *size)
{
    const struct boot_module *m;

    if (n < 0)
        return NULL;
    if ((unsigned int)n >= boot_info.nr_modules)
        return "it names a boot module that is not there";
    m = &boot_info.module[n];
    *data = phys_to_virt(m->start);
    *size = m->end - m->start;
    return NULL;
}

static const char *__init build(struct domain *d, const struct boot_domain *b)
{
    struct domain_build p = { .cmdline = b->cmdline, .pages = b->mem >> PAGE_SHIFT, .xenstore = b->xenstore };
    struct bzimage unpacked = { 0 };
    const char *bad = take_module(b->kernel, &p.kernel, &p.kernel_size);

    if (!bad)
        bad = bzimage_unpack(p.kernel, p.kernel_size, &unpacked);
    if (unpacked.elf) {
        p.kernel = unpacked.elf;
        p.kernel_size = unpacked.size;
    }
    if (!bad)
        bad = take_module(b->ramdisk, &p.initrd, &p.initrd_size);
    if (!bad)
        bad = create_vcpus(d, b->vcpus);
    if (!bad)
        bad = b->pvh ? pvh_build(d, &p) : pv_build(d, &p);
    bzimage_free(&unpacked);
    return bad;
}

/* NULL and *rc when there is no memory for it. */
static struct domain *__init new_domain(domid_t id, const struct boot_domain *b, int *rc)
{
    struct domain *d = domain_create(id, b->pvh ? &hvm_guest_ops : &pv_guest_ops, b->vcpus, rc);

    if (d)
        strlcpy(d->name, b->name, sizeof(d->name));
    return d;
}

/* Half of the memory at most, so that there is some left for domains. */
static uint64_t __init dom0_memory(void)
{
    uint64_t half = ALIGN_DOWN(frames_free() << PAGE_SHIFT, MIB(4)) / 2;

    return opt_dom0_mem ? opt_dom0_mem : min(half, DOM0_MEM_DEFAULT);
}

static void __init build_dom0(void)
{
    uint32_t cpus = cpumask_weight(cpu_online_map);
    struct boot_domain b = { .name = "dom0", .kernel = 0, .ramdisk = -1 };
    const char *bad;
    int rc;

    if (!boot_info.nr_modules)
        panic("no dom0: give its kernel as the first boot module (QEMU: -initrd dom0.elf; GRUB: module2 "
              "/dom0.elf)\n");
    b.vcpus = opt_dom0_max_vcpus ? min(opt_dom0_max_vcpus, (uint32_t)MAX_VCPUS) : cpus;
    b.mem = dom0_memory();
    /* Module 1 is dom0's initrd, unless a boot-time domain says that it uses it. */
    if (boot_info.nr_modules > 1)
        b.ramdisk = 1;
    for (unsigned int i = 0; i < nr_asked; i++)
        if (asked[i].kernel == 1 || asked[i].ramdisk == 1)
            b.ramdisk = -1;
    snprintf(b.cmdline, sizeof(b.cmdline), "%s%s%s", boot_info.module[0].cmdline,
             boot_info.module[0].cmdline[0] && boot_info.dom0_cmdline[0] ? " " : "", boot_info.dom0_cmdline);
    b.pvh = opt_dom0_pvh && hvm_ops;
    if (opt_dom0_pvh && !hvm_ops)
        printk(LOG_ERR "dom0=pvh needs a processor with AMD SVM or Intel VT-x: dom0 is a PV guest\n");
    dom0 = new_domain(0, &b, &rc);
    if (!dom0)
        panic("dom0: out of memory (error %d)\n", -rc);
    dom0->privileged = dom0->hardware = true;
    dom0_grant_hardware(dom0);
    if (!gnttab_prepare_maptrack(dom0))
        panic("dom0: out of memory\n");
    bad = build(dom0, &b);
    if (bad)
        panic("dom0 cannot be built: %s\n", bad);
    printk(LOG_INFO "dom0: %lu MiB, %u vCPUs, %s, entry %#lx\n", b.mem >> 20, b.vcpus, dom0->ops->name,
           dom0->vcpu[0]->regs.rip);
}

static void __init build_asked(const struct boot_domain *b)
{
    struct domain *d;
    const char *bad;
    int rc;

    if (b->pvh && !hvm_ops) {
        printk(LOG_ERR "domain %s cannot be built: type=pvh needs a processor with AMD SVM or Intel VT-x\n",
               b->name);
        return;
    }
    d = new_domain(domid_alloc(), b, &rc);
    if (!d) {
        printk(LOG_ERR "domain %s cannot be built: out of memory (error %d)\n", b->name, -rc);
        return;
    }
    bad = build(d, b);
    if (bad) {
        printk(LOG_ERR "domain %s cannot be built: %s\n", b->name, bad);
        while (domain_kill(d) == -ERESTART)
            ;
        return;
    }
    printk(LOG_INFO "d%u: %s, %s, %lu MiB, %u vCPUs\n", d->id, b->name, d->ops->name, b->mem >> 20, b->vcpus);
    domain_unpause(d);
}

void __init boot_build_domains(void)
{
    domain_hooks = &hooks;
    build_dom0();
    for (unsigned int i = 0; i < nr_asked; i++)
        build_asked(&asked[i]);
}

void boot_free_memory(void)
{
    uint64_t total = frames_total();

    for (unsigned int i = 0; i < boot_info.nr_modules; i++) {
        const struct boot_module *m = &boot_info.module[i];

        frame_alloc_add_range(mfn(DIV_ROUND_UP(m->start, PAGE_SIZE)), mfn(m->end >> PAGE_SHIFT));
    }
    printk(LOG_DEBUG "boot modules: %lu KiB freed\n", (frames_total() - total) * 4);
}
