/* SPDX-License-Identifier: MIT */
/* Event channels with the 2-level ABI: hv/domain/event.c and hypercalls/event_channel.c on a machine of two
 * domains. */
#include "tests/unit/fake_hypervisor.h"

#include "hv/domain/event.c"
#include "hv/domain/event_compat.c"
#include "hypercalls/event_channel.c"

static unsigned int console_notified, pirq_bound, pirq_unbound;
static int pirq_answer;
static int fifo_answer = -EINVAL;

void vcpu_clear_pause_flags(struct vcpu *v, uint64_t flags)
{
    v->pause_flags &= ~flags;
}

void vcpu_kick(struct vcpu *v)
{
    fake_kicks[v->domain->id][v->id]++;
    vcpu_unblock(v);
}

void console_domain_notify(struct domain *d)
{
    (void)d;
    console_notified++;
}
unsigned int pirq_count(const struct domain *d)
{
    (void)d;
    return 16;
}
int pirq_bind(struct domain *d, unsigned int pirq, bool share)
{
    (void)d, (void)pirq, (void)share;
    pirq_bound++;
    return pirq_answer;
}
void pirq_unbind(struct domain *d, unsigned int pirq)
{
    (void)d, (void)pirq;
    pirq_unbound++;
}
void pirq_set_affinity(struct domain *d, unsigned int pirq, const struct vcpu *v)
{
    (void)d, (void)pirq, (void)v;
}
int evtchn_fifo_init_control(struct vcpu *v, gfn_t frame, uint32_t offset)
{
    (void)v, (void)frame, (void)offset;
    return fifo_answer;
}
int evtchn_fifo_expand_array(struct domain *d, gfn_t frame)
{
    (void)d, (void)frame;
    return fifo_answer;
}

static void setup(void)
{
    fake_start();
    fake_heap_left = -1;
    console_notified = pirq_bound = pirq_unbound = 0;
    pirq_answer = 0;
    for (unsigned int i = 0; i < FAKE_DOMAINS; i++)
        cr_assert_eq(evtchn_init(&fake_domain[i], 4096), 0);
}

static void check_end(void)
{
    for (unsigned int i = 0; i < FAKE_DOMAINS; i++) {
        evtchn_close_all(&fake_domain[i]);
        cr_assert_eq(fake_domain[i].evtchn.active, 0);
        evtchn_free(&fake_domain[i]);
        cr_assert_eq(fake_domain[i].refcount, 1, "domain %u: a reference is lost", i);
    }
}

/* A test, which ends with nothing in use: Criterion does not count failures of a .fini function. */
#define TEST(name)                           \
    static void name(void);                  \
    Test(event_channel, name, .init = setup) \
    {                                        \
        name();                              \
        check_end();                         \
    }                                        \
    static void name(void)

static int64_t op(unsigned int cmd, void *arg)
{
    uint64_t args[6] = { cmd, (uint64_t)arg };

    return do_event_channel_op(args);
}

static int64_t alloc_unbound(domid_t dom, domid_t remote)
{
    struct evtchn_alloc_unbound a = { .dom = dom, .remote_dom = remote, .port = 0 };
    int64_t rc = op(EVTCHNOP_alloc_unbound, &a);

    return rc ? rc : a.port;
}

static int64_t bind(domid_t remote, uint32_t port)
{
    struct evtchn_bind_interdomain b = { .remote_dom = remote, .remote_port = port };
    int64_t rc = op(EVTCHNOP_bind_interdomain, &b);

    return rc ? rc : b.local_port;
}

static int64_t bind_virq(uint32_t virq, uint32_t vcpu)
{
    struct evtchn_bind_virq b = { .virq = virq, .vcpu = vcpu };
    int64_t rc = op(EVTCHNOP_bind_virq, &b);

    return rc ? rc : b.port;
}

static int64_t bind_ipi(uint32_t vcpu)
{
    struct evtchn_bind_ipi b = { .vcpu = vcpu };
    int64_t rc = op(EVTCHNOP_bind_ipi, &b);

    return rc ? rc : b.port;
}

static int64_t with_port(unsigned int cmd, uint32_t port)
{
    return op(cmd, &port);
}

static struct evtchn_status query(domid_t dom, uint32_t port)
{
    struct evtchn_status s = { .dom = dom, .port = port };

    cr_assert_eq(op(EVTCHNOP_status, &s), 0);
    return s;
}

static bool pending(unsigned int domain, uint32_t port)
{
    return fake_domain[domain].shared_info->evtchn_pending[port / 64] >> (port % 64) & 1;
}

static void set_mask(unsigned int domain, uint32_t port)
{
    fake_domain[domain].shared_info->evtchn_mask[port / 64] |= 1UL << (port % 64);
}

/* Forget what was raised. */
static void clear_events(unsigned int domain)
{
    struct shared_info *s = fake_domain[domain].shared_info;

    memset(s->evtchn_pending, 0, sizeof(s->evtchn_pending));
    for (unsigned int i = 0; i < FAKE_VCPUS; i++) {
        s->vcpu_info[i].evtchn_upcall_pending = 0;
        s->vcpu_info[i].evtchn_pending_sel = 0;
        fake_kicks[domain][i] = 0;
    }
}

/* A channel between domain 0 (current, port *a) and domain 1 (port *b). */
static void connect(uint32_t *a, uint32_t *b)
{
    fake_become(1, 0);
    *b = (uint32_t)alloc_unbound(DOMID_SELF, 0);
    fake_become(0, 0);
    *a = (uint32_t)bind(1, *b);
    clear_events(0);
}

TEST(ports_are_taken_lowest_first_and_never_0)
{
    cr_assert_eq(alloc_unbound(DOMID_SELF, 1), 1);
    cr_assert_eq(alloc_unbound(DOMID_SELF, 1), 2);
    cr_assert_eq(alloc_unbound(DOMID_SELF, 1), 3);
    cr_assert_eq(with_port(EVTCHNOP_close, 2), 0);
    cr_assert_eq(alloc_unbound(DOMID_SELF, 1), 2);
    cr_assert_eq(alloc_unbound(DOMID_SELF, 1), 4);
    cr_assert_eq(with_port(EVTCHNOP_close, 0), -EINVAL);
}

TEST(quota_and_abi_limit)
{
    fake_domain[0].evtchn.max_ports = 5;
    for (int i = 1; i < 5; i++)
        cr_assert_eq(alloc_unbound(DOMID_SELF, 1), i);
    cr_assert_eq(alloc_unbound(DOMID_SELF, 1), -ENOSPC);
    fake_domain[0].evtchn.max_ports = 1 << 17;
    for (int i = 5; i < 4096; i++)
        cr_assert_eq(alloc_unbound(DOMID_SELF, 1), i);
    cr_assert_eq(alloc_unbound(DOMID_SELF, 1), -ENOSPC);
}

TEST(no_memory_for_ports)
{
    for (int i = 1; i < 128; i++)
        cr_assert_eq(alloc_unbound(DOMID_SELF, 1), i);
    fake_heap_left = 0;
    cr_assert_eq(alloc_unbound(DOMID_SELF, 1), -ENOMEM);
    fake_heap_left = -1;
    cr_assert_eq(alloc_unbound(DOMID_SELF, 1), 128);
}

TEST(who_may_allocate_for_whom)
{
    cr_assert_eq(alloc_unbound(9, 0), -ESRCH);
    fake_become(1, 0);
    cr_assert_eq(alloc_unbound(2, 0), -EPERM);
    cr_assert_gt(alloc_unbound(1, 0), 0);
    fake_become(0, 0);
    cr_assert_gt(alloc_unbound(2, 1), 0);
}

TEST(dying_domain_gets_no_ports)
{
    fake_domain[1].dying = 1;
    cr_assert_eq(alloc_unbound(1, 0), -EINVAL);
    fake_domain[1].dying = 0;
}

TEST(bind_needs_a_port_that_waits_for_us)
{
    uint32_t port;

    fake_become(1, 0);
    port = (uint32_t)alloc_unbound(DOMID_SELF, 2);
    fake_become(0, 0);
    cr_assert_eq(bind(1, port), -EINVAL, "meant for domain 2");
    cr_assert_eq(bind(1, port + 1), -EINVAL, "free port");
    cr_assert_eq(bind(1, 1 << 20), -EINVAL, "beyond the table");
    cr_assert_eq(bind(9, port), -ESRCH);
    cr_assert_eq(fake_domain[0].evtchn.active, 0, "a failed bind leaves no port");
    fake_become(2, 0);
    cr_assert_gt(bind(1, port), 0);
    cr_assert_eq(bind(1, port), -EINVAL, "no longer unbound");
}

TEST(bind_raises_the_new_end_once)
{
    uint32_t remote;
    int64_t local;

    fake_become(1, 0);
    remote = (uint32_t)alloc_unbound(DOMID_SELF, 0);
    fake_become(0, 0);
    local = bind(1, remote);
    cr_assert(pending(0, (uint32_t)local));
    cr_assert(!pending(1, remote));
}

TEST(send_sets_pending_selector_and_upcall)
{
    struct vcpu_info *info = &fake_domain[1].shared_info->vcpu_info[0];
    uint32_t a, b;

    connect(&a, &b);
    cr_assert_eq(with_port(EVTCHNOP_send, a), 0);
    cr_assert(pending(1, b));
    cr_assert_eq(info->evtchn_pending_sel, 1UL << (b / 64));
    cr_assert_eq(info->evtchn_upcall_pending, 1);
    cr_assert_eq(fake_kicks[1][0], 1);
    cr_assert_eq(with_port(EVTCHNOP_send, a), 0);
    cr_assert_eq(fake_kicks[1][0], 1, "already pending: nobody is told again");
    cr_assert(!pending(0, a));
}

TEST(masked_port_becomes_pending_only)
{
    uint32_t a, b;

    connect(&a, &b);
    set_mask(1, b);
    cr_assert_eq(with_port(EVTCHNOP_send, a), 0);
    cr_assert(pending(1, b));
    cr_assert_eq(fake_domain[1].shared_info->vcpu_info[0].evtchn_upcall_pending, 0);
    cr_assert_eq(fake_kicks[1][0], 0);
    fake_become(1, 0);
    cr_assert_eq(with_port(EVTCHNOP_unmask, b), 0);
    cr_assert_eq(fake_domain[1].shared_info->vcpu_info[0].evtchn_upcall_pending, 1);
    cr_assert_eq(with_port(EVTCHNOP_unmask, 1 << 20), -EINVAL);
}

TEST(send_by_state)
{
    uint32_t unbound = (uint32_t)alloc_unbound(DOMID_SELF, 1), virq = (uint32_t)bind_virq(VIRQ_TIMER, 0);
    uint32_t ipi = (uint32_t)bind_ipi(1);

    cr_assert_eq(with_port(EVTCHNOP_send, unbound), 0);
    cr_assert(!pending(0, unbound));
    cr_assert_eq(with_port(EVTCHNOP_send, virq), -EINVAL);
    cr_assert_eq(with_port(EVTCHNOP_send, 0), -EINVAL);
    cr_assert_eq(with_port(EVTCHNOP_send, ipi + 1), -EINVAL, "free");
    cr_assert_eq(with_port(EVTCHNOP_send, 1 << 20), -EINVAL);
    cr_assert_eq(with_port(EVTCHNOP_send, ipi), 0);
    cr_assert_eq(fake_domain[0].shared_info->vcpu_info[1].evtchn_upcall_pending, 1);
    cr_assert_eq(fake_domain[0].shared_info->vcpu_info[0].evtchn_upcall_pending, 0);
}

TEST(unreadable_argument_changes_nothing)
{
    cr_assert_eq(op(EVTCHNOP_send, NULL), -EFAULT);
    cr_assert_eq(op(EVTCHNOP_alloc_unbound, NULL), -EFAULT);
    cr_assert_eq(fake_domain[0].evtchn.active, 0);
    cr_assert_eq(op(99, NULL), -ENOSYS);
}

TEST(close_leaves_the_remote_end_waiting_for_the_closer)
{
    uint32_t a, b;

    connect(&a, &b);
    fake_become(1, 0);
    cr_assert_eq(query(DOMID_SELF, b).status, EVTCHNSTAT_interdomain);
    fake_become(0, 0);
    cr_assert_eq(with_port(EVTCHNOP_send, a), 0);
    cr_assert_eq(with_port(EVTCHNOP_close, a), 0);
    cr_assert_eq(with_port(EVTCHNOP_close, a), -EINVAL);
    cr_assert_eq(query(1, b).status, EVTCHNSTAT_unbound);
    cr_assert_eq(query(1, b).u.unbound.dom, 0);
    cr_assert_eq(bind(1, b), a, "and can be bound again");
}

TEST(close_from_the_domain_with_the_higher_id)
{
    uint32_t a, b;

    connect(&a, &b);
    fake_become(1, 0);
    cr_assert_eq(with_port(EVTCHNOP_close, b), 0);
    cr_assert_eq(query(DOMID_SELF, b).status, EVTCHNSTAT_closed);
    fake_become(0, 0);
    cr_assert_eq(query(DOMID_SELF, a).status, EVTCHNSTAT_unbound);
    cr_assert_eq(query(DOMID_SELF, a).u.unbound.dom, 1);
}

TEST(close_clears_pending)
{
    uint32_t ipi = (uint32_t)bind_ipi(0);

    cr_assert_eq(with_port(EVTCHNOP_send, ipi), 0);
    cr_assert(pending(0, ipi));
    cr_assert_eq(with_port(EVTCHNOP_close, ipi), 0);
    cr_assert(!pending(0, ipi));
}

TEST(loop_to_self)
{
    uint32_t a = (uint32_t)alloc_unbound(DOMID_SELF, DOMID_SELF);
    int64_t b = bind(DOMID_SELF, a);

    cr_assert_gt(b, 0);
    clear_events(0);
    cr_assert_eq(with_port(EVTCHNOP_send, a), 0);
    cr_assert(pending(0, (uint32_t)b));
    cr_assert_eq(with_port(EVTCHNOP_close, a), 0);
    cr_assert_eq(query(DOMID_SELF, (uint32_t)b).status, EVTCHNSTAT_unbound);
}

TEST(virqs)
{
    int64_t timer0 = bind_virq(VIRQ_TIMER, 0), timer1 = bind_virq(VIRQ_TIMER, 1);

    cr_assert_gt(timer0, 0);
    cr_assert_gt(timer1, 0);
    cr_assert_eq(bind_virq(VIRQ_TIMER, 0), -EEXIST);
    cr_assert_eq(bind_virq(VIRQ_TIMER, 2), -ENOENT);
    cr_assert_eq(bind_virq(NR_VIRQS, 0), -EINVAL);
    cr_assert_eq(bind_virq(VIRQ_CONSOLE, 1), -EINVAL, "global ones live on vCPU 0");
    evtchn_send_vcpu_virq(&fake_vcpu[0][1], VIRQ_TIMER);
    cr_assert(pending(0, (uint32_t)timer1));
    cr_assert(!pending(0, (uint32_t)timer0));
    cr_assert_eq(with_port(EVTCHNOP_close, (uint32_t)timer1), 0);
    clear_events(0);
    evtchn_send_vcpu_virq(&fake_vcpu[0][1], VIRQ_TIMER);
    cr_assert(!pending(0, (uint32_t)timer1));
    cr_assert_eq(bind_virq(VIRQ_TIMER, 1), timer1);
}

TEST(global_virq_goes_to_dom0_or_its_handler)
{
    int64_t ours = bind_virq(VIRQ_DOM_EXC, 0), theirs;

    fake_become(1, 0);
    theirs = bind_virq(VIRQ_DOM_EXC, 0);
    evtchn_send_global_virq(VIRQ_DOM_EXC);
    cr_assert(pending(0, (uint32_t)ours));
    cr_assert(!pending(1, (uint32_t)theirs));
    clear_events(0);
    cr_assert_eq(evtchn_set_virq_handler(&fake_domain[1], VIRQ_TIMER), -EINVAL);
    cr_assert_eq(evtchn_set_virq_handler(&fake_domain[1], VIRQ_DOM_EXC), 0);
    evtchn_send_global_virq(VIRQ_DOM_EXC);
    cr_assert(!pending(0, (uint32_t)ours));
    cr_assert(pending(1, (uint32_t)theirs));
    evtchn_close_all(&fake_domain[1]);
    evtchn_send_global_virq(VIRQ_DOM_EXC);
    cr_assert(pending(0, (uint32_t)ours), "a dead handler's virq comes back to dom0");
}

TEST(bind_vcpu_rules)
{
    uint32_t a, b;
    struct evtchn_bind_vcpu op_vcpu = { .vcpu = 1 };

    connect(&a, &b);
    op_vcpu.port = a;
    cr_assert_eq(op(EVTCHNOP_bind_vcpu, &op_vcpu), 0);
    cr_assert_eq(query(DOMID_SELF, a).vcpu, 1);
    fake_become(1, 0);
    cr_assert_eq(with_port(EVTCHNOP_send, b), 0);
    cr_assert_eq(fake_domain[0].shared_info->vcpu_info[1].evtchn_upcall_pending, 1);
    fake_become(0, 0);
    op_vcpu.port = (uint32_t)bind_virq(VIRQ_TIMER, 0);
    cr_assert_eq(op(EVTCHNOP_bind_vcpu, &op_vcpu), -EINVAL, "a per-vCPU virq stays");
    op_vcpu.port = (uint32_t)bind_ipi(0);
    cr_assert_eq(op(EVTCHNOP_bind_vcpu, &op_vcpu), -EINVAL);
    op_vcpu.port = a;
    op_vcpu.vcpu = 2;
    cr_assert_eq(op(EVTCHNOP_bind_vcpu, &op_vcpu), -ENOENT);
}

TEST(pirqs)
{
    struct evtchn_bind_pirq b = { .pirq = 3 };

    cr_assert_eq(op(EVTCHNOP_bind_pirq, &b), 0);
    cr_assert_eq(op(EVTCHNOP_bind_pirq, &b), -EEXIST);
    evtchn_send_pirq(&fake_domain[0], 3);
    cr_assert(pending(0, b.port));
    cr_assert_eq(with_port(EVTCHNOP_close, b.port), 0);
    cr_assert_eq(pirq_unbound, 1);
    clear_events(0);
    evtchn_send_pirq(&fake_domain[0], 3);
    cr_assert(!pending(0, b.port));
    pirq_answer = -EBUSY;
    cr_assert_eq(op(EVTCHNOP_bind_pirq, &b), -EBUSY);
    cr_assert_eq(fake_domain[0].evtchn.active, 0);
    b.pirq = 16;
    cr_assert_eq(op(EVTCHNOP_bind_pirq, &b), -EINVAL);
}

TEST(polling_ends_with_the_polled_port)
{
    struct vcpu *v = &fake_vcpu[1][0];
    uint32_t a, b, a2, b2;

    connect(&a, &b);
    connect(&a2, &b2);
    set_mask(1, b);
    set_mask(1, b2);
    v->pause_flags = VPF_BLOCKED;
    v->poll_port = (int32_t)b;
    fake_domain[1].evtchn.poll_mask = 1;
    cr_assert_eq(with_port(EVTCHNOP_send, a2), 0);
    cr_assert_eq(v->pause_flags, VPF_BLOCKED, "another port");
    cr_assert_eq(with_port(EVTCHNOP_send, a), 0);
    cr_assert_eq(v->pause_flags, 0, "masked ports end polls too");
    cr_assert_eq(v->poll_port, 0);
    cr_assert_eq(fake_domain[1].evtchn.poll_mask, 0);
    cr_assert_eq(evtchn_port_poll(&fake_domain[1], b), 1);
    cr_assert_eq(evtchn_port_poll(&fake_domain[1], b2 + 1), -EINVAL);
}

TEST(reset_closes_everything)
{
    struct evtchn_reset self = { .dom = DOMID_SELF }, other = { .dom = 1 };
    uint32_t a, b;

    connect(&a, &b);
    bind_virq(VIRQ_TIMER, 0);
    cr_assert_eq(op(EVTCHNOP_reset, &other), -EINVAL, "it runs");
    cr_assert_eq(op(EVTCHNOP_reset, &self), 0);
    cr_assert_eq(fake_domain[0].evtchn.active, 0);
    cr_assert_eq(query(1, b).status, EVTCHNSTAT_unbound);
    cr_assert_eq(fake_vcpu[0][0].virq_port[VIRQ_TIMER], 0);
}

TEST(reset_is_preemptible)
{
    struct evtchn_reset self = { .dom = DOMID_SELF };
    unsigned int rounds = 1;

    for (int i = 1; i < 4096; i++)
        cr_assert_eq(alloc_unbound(DOMID_SELF, 1), i);
    current->work = 0;
    while (op(EVTCHNOP_reset, &self) == HYPERCALL_RESTART) {
        current->work = 0;
        rounds++;
    }
    cr_assert_gt(rounds, 1);
    cr_assert_eq(fake_domain[0].evtchn.active, 0);
}

TEST(priority_belongs_to_the_other_abi)
{
    struct evtchn_set_priority p = { .port = (uint32_t)bind_ipi(0), .priority = 3 };

    cr_assert_eq(op(EVTCHNOP_set_priority, &p), -ENOSYS);
}

TEST(console_of_a_boot_domain)
{
    static struct xencons_interface *ring = (void *)1;
    int port = evtchn_alloc_unbound_for(&fake_domain[1], DOMID_XEN);

    fake_domain[1].console_ring = ring;
    fake_domain[1].console_port = (uint32_t)port;
    fake_become(1, 0);
    cr_assert_eq(with_port(EVTCHNOP_send, (uint32_t)port), 0);
    cr_assert_eq(console_notified, 1);
    evtchn_send_console(&fake_domain[1]);
    cr_assert(pending(1, (uint32_t)port));
}

TEST(moved_vcpu_info_raises_everything_again)
{
    evtchn_vcpu_info_moved(&fake_vcpu[1][1]);
    cr_assert_eq(fake_vcpu[1][1].info->evtchn_pending_sel, ~0UL);
    cr_assert_eq(fake_vcpu[1][1].info->evtchn_upcall_pending, 1);
    cr_assert(vcpu_event_deliverable(&fake_vcpu[1][1]));
    fake_vcpu[1][1].info->evtchn_upcall_mask = 1;
    cr_assert(!vcpu_event_deliverable(&fake_vcpu[1][1]));
}
