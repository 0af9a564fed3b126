/* SPDX-License-Identifier: MIT */
/*
 * CPUID policies as tools read and set them: a list of leaves (struct xen_cpuid_leaf), or the feature words
 * of arch-x86/cpufeatureset.h. What the host offers and what PV guests get are both built from one way to ask
 * for a leaf.
 */
#include "hypercalls/ctl.h"
#include "hv/cpu/insn.h"
#include "hv/domain/cpuid_policy.h"
#include "hv/hvm/hvm.h"
#include "hv/lib/string.h"
#include "hv/mm/heap.h"

#define EXT_BASE      0x80000000U
#define TOPOLOGY_LEAF 0xbU

enum reg { REG_A, REG_B, REG_C, REG_D };

/* Where each feature word comes from; leaf 0: an MSR that no guest is given. */
static const struct {
    uint32_t leaf, sub;
    enum reg reg;
} feature_word[] = {
    { 1, 0, REG_D },          { 1, 0, REG_C }, { 0x80000001, 0, REG_D }, { 0x80000001, 0, REG_C },
    { 0xd, 1, REG_A },        { 7, 0, REG_B }, { 7, 0, REG_C },          { 0x80000007, 0, REG_D },
    { 0x80000008, 0, REG_B }, { 7, 0, REG_D }, { 7, 1, REG_A },          { 0x80000021, 0, REG_A },
    { 7, 1, REG_B },          { 7, 2, REG_D }, { 7, 1, REG_C },          { 7, 1, REG_D },
    { 0, 0, REG_A },          { 0, 0, REG_A }, { 0x80000021, 0, REG_C },
};

/* A leaf of policy `p`, or of this CPU when that is NULL; zero beyond its end. */
static struct cpuid_leaf leaf_of(const struct cpuid_policy *p, uint32_t leaf, uint32_t sub)
{
    struct cpuid_leaf r = { 0 }, top;

    if (!p) {
        cpuid_count(leaf & EXT_BASE, 0, &top.a, &top.b, &top.c, &top.d);
        if (leaf <= top.a)
            cpuid_count(leaf, sub, &r.a, &r.b, &r.c, &r.d);
        return r;
    }
    if (leaf == 4)
        return sub < CPUID_CACHES ? p->caches[sub] : r;
    if (leaf == 7)
        return sub < CPUID_FEATURES ? p->features[sub] : r;
    if (leaf == 0xd)
        return sub < CPUID_XSTATES ? p->xstate[sub] : r;
    if (leaf < CPUID_BASIC_LEAVES)
        return p->basic[leaf];
    if (leaf >= EXT_BASE && leaf - EXT_BASE < CPUID_EXT_LEAVES)
        return p->ext[leaf - EXT_BASE];
    return r;
}

static uint32_t word_of(const struct cpuid_policy *p, uint32_t i)
{
    struct cpuid_leaf l;

    if (!feature_word[i].leaf)
        return 0;
    l = leaf_of(p, feature_word[i].leaf, feature_word[i].sub);
    return feature_word[i].reg == REG_A   ? l.a
           : feature_word[i].reg == REG_B ? l.b
           : feature_word[i].reg == REG_C ? l.c
                                          : l.d;
}

/* 0; -EINVAL: no such set; -EOPNOTSUPP: there are no hardware guests; -ENOBUFS: not all fitted; -EFAULT. */
static int featureset(struct xen_sysctl_cpu_featureset *op)
{
    bool hvm = op->index == XEN_SYSCTL_cpu_featureset_hvm || op->index == XEN_SYSCTL_cpu_featureset_hvm_max;
    const struct cpuid_policy *p = hvm                                        ? &cpuid_policy_hvm
                                   : op->index < XEN_SYSCTL_cpu_featureset_pv ? NULL
                                                                              : &cpuid_policy_pv;
    uint32_t room = op->nr_features;

    if (op->index > XEN_SYSCTL_cpu_featureset_hvm_max)
        return -EINVAL;
    if (hvm && !hvm_ops)
        return -EOPNOTSUPP;
    op->nr_features = ARRAY_SIZE(feature_word);
    if (!op->features.p)
        return 0;
    op->nr_features = min(room, (uint32_t)ARRAY_SIZE(feature_word));
    for (uint32_t i = 0; i < op->nr_features; i++) {
        uint32_t word = word_of(p, i);

        if (write_guest_elem(gva_of_handle(op->features), i, &word))
            return -EFAULT;
    }
    return room < ARRAY_SIZE(feature_word) ? -ENOBUFS : 0;
}

/* A guest's array of leaves that is being filled. */
struct leaf_list {
    gva_t buf;
    uint32_t room, n;
};

static int add_leaf(struct leaf_list *list, const struct cpuid_policy *p, uint32_t leaf, uint32_t sub)
{
    bool has_subleaves = leaf == 4 || leaf == 7 || leaf == 0xd;
    struct cpuid_leaf l = leaf_of(p, leaf, sub);
    struct xen_cpuid_leaf out = { leaf, has_subleaves ? sub : XEN_CPUID_NO_SUBLEAF, l.a, l.b, l.c, l.d };

    if (list->buf.va) {
        if (list->n >= list->room)
            return -ENOBUFS;
        if (write_guest_elem(list->buf, list->n, &out))
            return -EFAULT;
    }
    list->n++;
    return 0;
}

static uint32_t subleaves(uint32_t leaf)
{
    return leaf == 4 ? CPUID_CACHES : leaf == 7 ? CPUID_FEATURES : leaf == 0xd ? CPUID_XSTATES : 1;
}

/* All leaves of a policy: 0, -ENOBUFS, -EFAULT. */
static int add_leaves(struct leaf_list *list, const struct cpuid_policy *p)
{
    int rc = 0;

    for (uint32_t leaf = 0; leaf < CPUID_BASIC_LEAVES && !rc; leaf++)
        for (uint32_t sub = 0; sub < subleaves(leaf) && !rc; sub++)
            rc = add_leaf(list, p, leaf, sub);
    for (uint32_t leaf = 0; leaf < CPUID_EXT_LEAVES && !rc; leaf++)
        rc = add_leaf(list, p, EXT_BASE + leaf, 0);
    return rc;
}

static int get_policy(struct xen_sysctl_cpu_policy *op)
{
    bool hvm = op->index == XEN_SYSCTL_cpu_policy_hvm_max || op->index == XEN_SYSCTL_cpu_policy_hvm_default;
    const struct cpuid_policy *p = hvm                                        ? &cpuid_policy_hvm
                                   : op->index < XEN_SYSCTL_cpu_policy_pv_max ? NULL
                                                                              : &cpuid_policy_pv;
    struct leaf_list list = { .buf = gva_of_handle(op->leaves), .room = op->nr_leaves };
    int rc;

    if (op->index > XEN_SYSCTL_cpu_policy_hvm_default)
        return -EINVAL;
    if (hvm && !hvm_ops)
        return -EOPNOTSUPP;
    rc = add_leaves(&list, p);
    op->nr_leaves = list.n;
    op->nr_msrs = 0;
    return rc;
}

/* Setting a domain's policy */

static uint32_t *reg_of(struct cpuid_leaf *l, enum reg reg)
{
    return reg == REG_A ? &l->a : reg == REG_B ? &l->b : reg == REG_C ? &l->c : &l->d;
}

/* The place of a leaf in a policy, NULL when that has none. */
static struct cpuid_leaf *leaf_in(struct cpuid_policy *p, uint32_t leaf, uint32_t sub)
{
    if (leaf == 4)
        return sub < CPUID_CACHES ? &p->caches[sub] : NULL;
    if (leaf == 7)
        return sub < CPUID_FEATURES ? &p->features[sub] : NULL;
    if (leaf == 0xd)
        return sub < CPUID_XSTATES ? &p->xstate[sub] : NULL;
    if (leaf < CPUID_BASIC_LEAVES)
        return &p->basic[leaf];
    return leaf >= EXT_BASE && leaf - EXT_BASE < CPUID_EXT_LEAVES ? &p->ext[leaf - EXT_BASE] : NULL;
}

/* Features that the host's policy for its kind of guest does not have are dropped, and so are leaves beyond
 * its ends.
 */
static void clamp_features(struct cpuid_policy *p, const struct cpuid_policy *most)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(feature_word); i++) {
        struct cpuid_leaf *l =
            feature_word[i].leaf ? leaf_in(p, feature_word[i].leaf, feature_word[i].sub) : NULL;

        if (l)
            *reg_of(l, feature_word[i].reg) &= word_of(most, i);
    }
    p->xfeatures = most->xfeatures;
    memcpy(p->xstate, most->xstate, sizeof(p->xstate));
}

/* 0; -EFAULT; -ERANGE: a leaf that no policy has; -EINVAL: more leaves than the host. op->err_leaf and
 * err_subleaf name it. */
static int read_leaves(struct cpuid_policy *p, struct xen_domctl_cpu_policy *op)
{
    for (uint32_t i = 0; i < op->nr_leaves; i++) {
        struct xen_cpuid_leaf in;
        struct cpuid_leaf *l;

        if (read_guest_elem(&in, gva_of_handle(op->leaves), i))
            return -EFAULT;
        op->err_leaf = in.leaf;
        op->err_subleaf = in.subleaf;
        l = leaf_in(p, in.leaf, in.subleaf == XEN_CPUID_NO_SUBLEAF ? 0 : in.subleaf);
        if (in.leaf >> 16 == 0x4000 || in.leaf == TOPOLOGY_LEAF)
            continue; /* made when asked for, not for setting */
        if (!l)
            return -ERANGE;
        if ((in.leaf == 0 || in.leaf == EXT_BASE) && in.a > leaf_of(&cpuid_policy_pv, in.leaf, 0).a)
            return -EINVAL;
        *l = (struct cpuid_leaf){ in.a, in.b, in.c, in.d };
    }
    op->err_leaf = op->err_subleaf = op->err_msr = ~0U;
    return 0;
}

#define LEAVES_MAX 512

static int set_policy(struct domain *d, struct xen_domctl_cpu_policy *op)
{
    struct cpuid_policy *p;
    int rc;

    if (d == current->domain)
        return -EINVAL;
    if (d->creation_finished)
        return -EEXIST;
    if (op->nr_leaves > LEAVES_MAX)
        return -E2BIG;
    p = hv_zalloc(sizeof(*p));
    if (!p)
        return -ENOMEM;
    *p = *d->cpuid;
    rc = read_leaves(p, op);
    if (rc) {
        hv_free(p);
        return rc;
    }
    clamp_features(p, is_hvm_domain(d) ? &cpuid_policy_hvm : &cpuid_policy_pv);
    cpuid_policy_replace(d, p);
    return 0;
}

static int get_domain_policy(const struct domain *d, struct xen_domctl_cpu_policy *op)
{
    struct leaf_list list = { .buf = gva_of_handle(op->leaves), .room = op->nr_leaves };
    int rc = add_leaves(&list, d->cpuid);

    op->nr_leaves = list.n;
    op->nr_msrs = 0;
    return rc;
}

int domctl_policy_op(struct domain *d, struct xen_domctl *op, bool *answer)
{
    switch (op->cmd) {
    case XEN_DOMCTL_get_cpu_policy:
        *answer = true;
        return get_domain_policy(d, &op->u.cpu_policy);
    case XEN_DOMCTL_set_cpu_policy:
        *answer = true;
        return set_policy(d, &op->u.cpu_policy);
    default:
        return -ENOSYS;
    }
}

int sysctl_cpu_policy_op(struct xen_sysctl *op, bool *answer)
{
    switch (op->cmd) {
    case XEN_SYSCTL_get_cpu_levelling_caps:
        op->u.cpu_levelling_caps.caps = 0;
        return 0;
    case XEN_SYSCTL_get_cpu_featureset:
        return featureset(&op->u.cpu_featureset);
    case XEN_SYSCTL_get_cpu_policy:
        return get_policy(&op->u.cpu_policy);
    default:
        *answer = false;
        return -ENOSYS;
    }
}
