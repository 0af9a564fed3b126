/* SPDX-License-Identifier: MIT */
/* What l1tf.h says: which addresses are safe in absent entries, and for whom that is looked at. */
#include "hv/pv/l1tf.h"
#include "hv/cpu/cpuid.h"
#include "hv/io/console.h"
#include "hv/lib/cmdline.h"
#include "hv/lib/errno.h"
#include "hv/lib/parse.h"
#include "hv/lib/string.h"
#include "hv/mm/frame.h"

bool pv_l1tf_check[2] __ro_after_init;

static uint64_t cache_mask __ro_after_init; /* address bits that the cache compares */
static uint64_t safe_addr __ro_after_init;  /* nothing from here on is memory */

/* By pv_l1tf_check's index: -1 is not said, so that it is up to the CPU. */
static int8_t option[2] __initdata = { -1, -1 };

/* One of the words between commas: a boolean for both kinds of domains, or dom0=, domu= and a boolean. */
static bool __init parse_word(const char *word)
{
    bool dom0_word = !strncmp(word, "dom0=", 5), domu_word = !strncmp(word, "domu=", 5), on;

    if (!parse_bool(dom0_word || domu_word ? word + 5 : word, &on))
        return false;
    if (!domu_word)
        option[1] = on;
    if (!dom0_word)
        option[0] = on;
    return true;
}

static int __init parse_pv_l1tf(const char *value)
{
    char word[16];

    if (!*value)
        return parse_word("yes") ? 0 : -EINVAL;
    while (*value) {
        size_t n = 0;

        while (value[n] && value[n] != ',')
            n++;
        if (n >= sizeof(word))
            return -EINVAL;
        memcpy(word, value, n);
        word[n] = '\0';
        if (!parse_word(word))
            return -EINVAL;
        value += value[n] ? n + 1 : n;
    }
    return 0;
}
custom_param("pv-l1tf", parse_pv_l1tf,
             "pv-l1tf=<yes|no>, dom0=<yes|no>, domu=<yes|no>, or several with commas");

/*
 * How many address bits the first-level cache compares: on most CPUs more than CPUID says, which is what
 * makes room for addresses that are safe. Nehalem's generations, then Sandy Bridge's to Cannon Lake's.
 */
static unsigned int __init cache_address_bits(void)
{
    static const uint8_t bits44[] = { 0x17, 0x1a, 0x1d, 0x1e, 0x1f, 0x25, 0x2c, 0x2e, 0x2f };
    static const uint8_t bits46[] = { 0x2a, 0x2d, 0x3a, 0x3c, 0x3d, 0x3e, 0x3f, 0x45, 0x46, 0x47,
                                      0x4e, 0x4f, 0x55, 0x56, 0x5e, 0x66, 0x67, 0x8e, 0x9e };

    for (size_t i = 0; host_cpu.l1tf && i < ARRAY_SIZE(bits44); i++)
        if (host_cpu.model == bits44[i])
            return 44;
    for (size_t i = 0; host_cpu.l1tf && i < ARRAY_SIZE(bits46); i++)
        if (host_cpu.model == bits46[i])
            return 46;
    return host_cpu.phys_bits;
}

void __init pv_l1tf_init(void)
{
    unsigned int bits = cache_address_bits(), phys = host_cpu.phys_bits;

    cache_mask = (BIT(bits) - 1) & PAGE_MASK;
    /* Where the cache compares no more bits than there are, memory is hoped not to be in the last quarter. */
    safe_addr = max(bits > phys ? BIT(phys) : 3 * BIT(phys - 2), max_mfn << PAGE_SHIFT);
    pv_l1tf_check[0] = option[0] < 0 ? host_cpu.l1tf : option[0];
    pv_l1tf_check[1] = option[1] > 0;
    if (host_cpu.l1tf || pv_l1tf_check[0] || pv_l1tf_check[1])
        printk(LOG_INFO "L1TF: the CPU is %saffected; absent page-table entries below %#lx are %s\n",
               host_cpu.l1tf ? "" : "not ", safe_addr,
               pv_l1tf_check[1] ? (pv_l1tf_check[0] ? "refused" : "refused to dom0")
                                : (pv_l1tf_check[0] ? "refused to domains but dom0" : "not refused"));
}

bool pv_l1tf_refuse_table(struct domain *d, const pte_t *table, unsigned int level)
{
    for (unsigned int i = 0; i < PTES_PER_PAGE; i++)
        if (!(table[i] & PTE_P) && !(level == 4 && i >= HV_FIRST_SLOT && i <= HV_LAST_SLOT) &&
            pv_l1tf_refuse(d, table[i], level))
            return true;
    return false;
}

/* Above L1 a superpage's address has other bits, one of which is a cache attribute: none is safe. */
bool pv_l1tf_refuse(struct domain *d, pte_t e, unsigned int level)
{
    uint64_t addr = e & cache_mask;

    if ((!addr || addr >= safe_addr) && !(level > 1 && (e & PTE_PSE)))
        return false;
    d->pv.exposing = e;
    d->pv.exposing_level = (uint8_t)level;
    d->pv.owes |= PV_OWES_CRASH;
    return true;
}
