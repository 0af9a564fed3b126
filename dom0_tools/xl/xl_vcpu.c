/* SPDX-License-Identifier: MIT */
/* xl vcpu-pin, vcpu-set, trigger: what is done to virtual CPUs. */
#include "dom0_tools/toolstack/cpu_list.h"
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/toolstack/tune.h"
#include "dom0_tools/xc/domain.h"
#include "dom0_tools/xc/host.h"
#include "dom0_tools/xc/vcpu.h"
#include "dom0_tools/xl/domain_list.h"
#include "dom0_tools/xl/xl.h"
#include "pvguest/xen_errno.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- vcpu-pin ---- */

/* Where vCPUs may run (hard) and should run (soft); NULL leaves one as it is. */
struct pinning {
    domid_t domid;
    uint8_t *hard, *soft;
    uint32_t nr_cpus;
};

/* "-" leaves the map as it is, as does a word that is not there. */
static bool parse_map(const char *word, uint8_t *map, uint8_t **use, uint32_t nr_cpus)
{
    const char *wrong;

    *use = NULL;
    if (word == NULL || strcmp(word, "-") == 0)
        return true;
    wrong = cpu_list_parse(word, map, nr_cpus);
    if (wrong != NULL)
        fprintf(stderr, "vcpu-pin: '%s': %s\n", word, wrong);
    else
        *use = map;
    return wrong == NULL;
}

static int pin_all(const struct pinning *pinning)
{
    struct xen_domctl_getdomaininfo info;
    int error = xc_domain_info(pinning->domid, &info);

    for (uint32_t vcpu = 0; error == 0 && vcpu <= info.max_vcpu_id; vcpu++)
        error = xc_vcpu_set_affinity(pinning->domid, vcpu, pinning->hard, pinning->soft, pinning->nr_cpus);
    return error;
}

static int pin(const struct pinning *pinning, const char *vcpu)
{
    char *end;
    unsigned long number = strtoul(vcpu, &end, 10);
    int error;

    if (strcmp(vcpu, "all") == 0) {
        error = pin_all(pinning);
    } else if (*vcpu == '\0' || *end != '\0') {
        fprintf(stderr, "vcpu-pin: '%s' is no vCPU\n", vcpu);
        return COMMAND_USAGE;
    } else {
        error = xc_vcpu_set_affinity(pinning->domid, (uint32_t)number, pinning->hard, pinning->soft,
                                     pinning->nr_cpus);
    }
    return error == 0 ? COMMAND_OK : xl_fail("cannot pin the vCPU", error);
}

/* words: DOMAIN, VCPU, CPUs, perhaps CPUs again. */
static int pin_words(char **words, const char *soft, uint32_t nr_cpus, uint8_t *maps)
{
    struct pinning pinning = { .nr_cpus = nr_cpus };

    if (!domain_find(words[0], &pinning.domid))
        return xl_no_domain(words[0]);
    if (!parse_map(words[2], maps, &pinning.hard, nr_cpus) ||
        !parse_map(soft, maps + nr_cpus / 8 + 1, &pinning.soft, nr_cpus))
        return COMMAND_FAIL;
    if (pinning.hard == NULL && pinning.soft == NULL) {
        fprintf(stderr, "vcpu-pin: name the CPUs\n");
        return COMMAND_USAGE;
    }
    return pin(&pinning, words[1]);
}

int xl_vcpu_pin(int argc, char **argv)
{
    struct xen_sysctl_physinfo phys;
    uint8_t *maps;
    int error, result;

    /* Against dom0's temporary pinnings in Xen, which there are none of. */
    if (argc > 1 && strcmp(argv[1], "-f") == 0)
        argc--, argv++;
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "vcpu-pin: name a domain, a vCPU, and CPUs\n");
        return COMMAND_USAGE;
    }
    error = xc_physinfo(&phys);
    maps = calloc(2, phys.max_cpu_id / 8 + 2);
    if (error == 0 && maps == NULL)
        error = -XEN_ENOMEM;
    result = error != 0 ? xl_fail("cannot ask for the number of CPUs", error)
                        : pin_words(argv + 1, argc == 5 ? argv[4] : NULL, phys.max_cpu_id + 1, maps);
    free(maps);
    return result;
}

/* ---- vcpu-set ---- */

static bool host_is_large_enough(uint32_t vcpus)
{
    struct xen_sysctl_physinfo phys;

    if (xc_physinfo(&phys) != 0 || vcpus <= phys.nr_cpus)
        return true;
    fprintf(stderr,
            "You are overcommmitting! You have %u physical CPUs and want %u vCPUs! Aborting, use "
            "--ignore-host to continue\n",
            phys.nr_cpus, vcpus);
    return false;
}

int xl_vcpu_set(int argc, char **argv)
{
    bool ignore_host = argc > 1 && strcmp(argv[1], "-i") == 0;
    char **words = argv + 1 + ignore_host, *end;
    char error[TOOLSTACK_ERROR_SIZE];
    unsigned long nr;
    domid_t domid;

    if (argc - ignore_host != 3) {
        fprintf(stderr, "vcpu-set: name a domain and a number of vCPUs\n");
        return COMMAND_USAGE;
    }
    nr = strtoul(words[1], &end, 10);
    if (*end != '\0' || nr == 0 || nr > UINT16_MAX) {
        fprintf(stderr, "vcpu-set: '%s' is no number of vCPUs\n", words[1]);
        return COMMAND_USAGE;
    }
    if (!domain_find(words[0], &domid))
        return xl_no_domain(words[0]);
    if (!ignore_host && !host_is_large_enough((uint32_t)nr))
        return COMMAND_FAIL;
    if (tune_vcpus(domid, (uint32_t)nr, error))
        return COMMAND_OK;
    fprintf(stderr, "xl: the vCPUs stay as they are: %s\n", error);
    return COMMAND_FAIL;
}

/* ---- trigger ---- */

static const struct {
    const char *name;
    uint32_t trigger;
} triggers[] = {
    { "nmi", XEN_DOMCTL_SENDTRIGGER_NMI },     { "reset", XEN_DOMCTL_SENDTRIGGER_RESET },
    { "init", XEN_DOMCTL_SENDTRIGGER_INIT },   { "power", XEN_DOMCTL_SENDTRIGGER_POWER },
    { "sleep", XEN_DOMCTL_SENDTRIGGER_SLEEP },
};
#define NR_TRIGGERS (sizeof(triggers) / sizeof(triggers[0]))

int xl_trigger(int argc, char **argv)
{
    size_t i = 0;
    domid_t domid;
    int error;

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "trigger: name a domain and a trigger\n");
        return COMMAND_USAGE;
    }
    while (i < NR_TRIGGERS && strcmp(triggers[i].name, argv[2]) != 0)
        i++;
    if (i == NR_TRIGGERS) {
        fprintf(stderr, "Invalid trigger \"%s\"\n", argv[2]);
        return COMMAND_FAIL;
    }
    if (!domain_find(argv[1], &domid))
        return xl_no_domain(argv[1]);
    error = xc_vcpu_trigger(domid, argc == 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0, triggers[i].trigger);
    return error == 0 ? COMMAND_OK : xl_fail("cannot send the trigger", error);
}
