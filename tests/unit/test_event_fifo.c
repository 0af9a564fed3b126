/* SPDX-License-Identifier: MIT */
/* The FIFO ABI of event channels: the test plays the guest that consumes the queues. */
#include "tests/unit/fake_hypervisor.h"

#include "hv/domain/event.c"
#include "hv/domain/event_compat.c"
#include "hypercalls/event_fifo.c"

static event_word_t *array;
static struct evtchn_fifo_control_block *control[FAKE_VCPUS];
static unsigned int frames_before;

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
}
void pirq_unbind(struct domain *d, unsigned int pirq)
{
    (void)d, (void)pirq;
}

static struct frame *fake_get_frame(struct domain *owner, gfn_t g, bool write)
{
    (void)write;
    return frame_get_from_mfn(mfn(g.g), owner) ? mfn_to_frame(mfn(g.g)) : NULL;
}
static const struct guest_ops fake_ops = { .get_frame = fake_get_frame };

static struct domain *const d = &fake_domain[0];

/* Give vCPU `vcpu` a control block in a fresh page of the domain. */
static void give_control(unsigned int vcpu)
{
    struct frame *f = fake_take_frame(d->id);

    cr_assert_eq(evtchn_fifo_init_control(d->vcpu[vcpu], gfn(frame_to_mfn(f).m), 64), 0);
    control[vcpu] = (void *)((char *)frame_to_virt(f) + 64);
}

static void give_array(void)
{
    struct frame *f = fake_take_frame(d->id);

    cr_assert_eq(evtchn_fifo_expand_array(d, gfn(frame_to_mfn(f).m)), 0);
    array = frame_to_virt(f);
}

static void setup(void)
{
    fake_start();
    for (unsigned int i = 0; i < FAKE_DOMAINS; i++)
        fake_domain[i].ops = &fake_ops;
    fake_heap_left = -1;
    cr_assert_eq(evtchn_init(d, 1 << 17), 0);
    frames_before = fake_frames_used();
}

static void check_end(void)
{
    evtchn_close_all(d);
    cr_assert_eq(d->evtchn.ops, &evtchn_2l_ops);
    evtchn_free(d);
    for (unsigned int i = 0; i < FAKE_FRAMES; i++)
        cr_assert(fake_frame[i].writable == 0 && fake_frame[i].count <= 1, "frame %u is still in use", i);
}

/* A test, which ends with nothing in use: Criterion does not count failures of a .fini function. */
#define TEST(name)                        \
    static void name(void);               \
    Test(event_fifo, name, .init = setup) \
    {                                     \
        name();                           \
        check_end();                      \
    }                                     \
    static void name(void)

static uint32_t new_ipi(unsigned int vcpu)
{
    struct evtchn u = { 0 };
    int port = evtchn_alloc_port(d);

    cr_assert_gt(port, 0);
    evtchn_bind_port(d, (uint32_t)port, ECS_IPI, (uint16_t)vcpu, &u);
    return (uint32_t)port;
}

static void send(uint32_t port)
{
    cr_assert_eq(evtchn_send(d, port), 0);
}

/* Take the first port off a queue as a guest does; 0 when it is empty. */
static uint32_t consume(unsigned int vcpu, unsigned int priority)
{
    static uint32_t head[FAKE_VCPUS][EVTCHN_FIFO_MAX_QUEUES];
    uint32_t *h = &head[vcpu][priority], port;

    if (control[vcpu]->ready & (1U << priority)) {
        control[vcpu]->ready &= ~(1U << priority);
        *h = control[vcpu]->head[priority];
    }
    port = *h;
    if (!port)
        return 0;
    *h = array[port] & EVTCHN_FIFO_LINK_MASK;
    array[port] &= ~(WORD_LINKED | EVTCHN_FIFO_LINK_MASK | WORD_PENDING);
    return port;
}

TEST(control_block_errors)
{
    struct frame *f = fake_take_frame(d->id), *table = fake_take_frame(d->id), *foreign = fake_take_frame(1);
    struct vcpu *v = d->vcpu[0];
    gfn_t g = gfn(frame_to_mfn(f).m);

    table->table = true;
    cr_assert_eq(evtchn_fifo_expand_array(d, g), -EOPNOTSUPP, "2-level");
    cr_assert_eq(evtchn_fifo_init_control(v, g, 4), -EINVAL, "not aligned");
    cr_assert_eq(evtchn_fifo_init_control(v, g, PAGE_SIZE - 64), -EINVAL, "crosses the page");
    cr_assert_eq(evtchn_fifo_init_control(v, gfn(frame_to_mfn(table).m), 0), -EINVAL);
    cr_assert_eq(evtchn_fifo_init_control(v, gfn(frame_to_mfn(foreign).m), 0), -EINVAL);
    cr_assert_eq(evtchn_fifo_init_control(v, gfn(1 << 20), 0), -EINVAL);
    cr_assert_eq(d->evtchn.ops, &evtchn_2l_ops, "a refused one does not switch");
    cr_assert_eq(f->writable, 0);
    cr_assert_eq(evtchn_fifo_init_control(v, g, 0), 0);
    cr_assert_eq(evtchn_fifo_init_control(v, g, 0), -EINVAL, "only once");
    cr_assert_eq(evtchn_fifo_expand_array(d, gfn(frame_to_mfn(table).m)), -EINVAL);
}

TEST(out_of_memory_switches_nothing)
{
    struct frame *f = fake_take_frame(d->id);

    for (int left = 0; left < 3; left++) {
        fake_heap_left = left;
        cr_assert_eq(evtchn_fifo_init_control(d->vcpu[0], gfn(frame_to_mfn(f).m), 0), -ENOMEM);
        cr_assert_eq(d->evtchn.ops, &evtchn_2l_ops);
        cr_assert_null(d->evtchn.fifo);
        cr_assert_null(d->vcpu[0]->fifo);
    }
    fake_heap_left = -1;
}

TEST(events_come_in_order)
{
    uint32_t a, b, c;

    give_control(0);
    give_array();
    a = new_ipi(0), b = new_ipi(0), c = new_ipi(0);
    send(b);
    cr_assert_eq(control[0]->ready, 1U << EVTCHN_FIFO_PRIORITY_DEFAULT);
    cr_assert_eq(d->vcpu[0]->info->evtchn_upcall_pending, 1);
    send(a);
    send(b);
    send(c);
    cr_assert_eq(consume(0, 7), b);
    cr_assert_eq(consume(0, 7), a);
    cr_assert_eq(consume(0, 7), c);
    cr_assert_eq(consume(0, 7), 0);
    send(c);
    cr_assert_eq(consume(0, 7), c, "an emptied queue starts anew");
}

TEST(appending_behind_a_consumed_tail)
{
    uint32_t a, b;

    give_control(0);
    give_array();
    a = new_ipi(0), b = new_ipi(0);
    send(a);
    cr_assert_eq(consume(0, 7), a);
    send(b);
    cr_assert_eq(control[0]->head[7], b, "the tail had left: a new head");
    cr_assert_eq(consume(0, 7), b);
}

TEST(masked_events_are_linked_at_unmask)
{
    uint32_t a;

    give_control(0);
    give_array();
    a = new_ipi(0);
    array[a] |= WORD_MASKED;
    send(a);
    cr_assert_eq(array[a], WORD_MASKED | WORD_PENDING);
    cr_assert_eq(control[0]->ready, 0);
    d->evtchn.ops->unmask(d, evtchn_of(&d->evtchn, a));
    cr_assert_eq(array[a], WORD_PENDING | WORD_LINKED);
    cr_assert_eq(consume(0, 7), a);
}

TEST(priorities_and_vcpus_are_queues_of_their_own)
{
    uint32_t a, b;

    give_control(0);
    give_control(1);
    give_array();
    a = new_ipi(0), b = new_ipi(1);
    cr_assert_eq(d->evtchn.ops->set_priority(d, evtchn_of(&d->evtchn, a), 16), -EINVAL);
    cr_assert_eq(d->evtchn.ops->set_priority(d, evtchn_of(&d->evtchn, a), 0), 0);
    send(a);
    send(b);
    cr_assert_eq(control[0]->ready, 1);
    cr_assert_eq(control[1]->ready, 1U << 7);
    cr_assert_eq(consume(0, 0), a);
    cr_assert_eq(consume(1, 7), b);
}

TEST(tail_that_moves_leaves_its_old_queue)
{
    uint32_t a, b;

    give_control(0);
    give_array();
    a = new_ipi(0), b = new_ipi(0);
    send(a);
    cr_assert_eq(consume(0, 7), a);
    d->evtchn.ops->set_priority(d, evtchn_of(&d->evtchn, a), 3);
    send(a);
    send(b);
    cr_assert_eq(control[0]->head[7], b, "b must not be appended behind a, which is in queue 3 now");
    cr_assert_eq(consume(0, 3), a);
    cr_assert_eq(consume(0, 7), b);
    cr_assert_eq(consume(0, 3), 0);
}

TEST(vcpu_without_control_block_keeps_the_event_pending)
{
    uint32_t a;

    give_control(0);
    give_array();
    a = new_ipi(1);
    send(a);
    cr_assert_eq(array[a], WORD_PENDING);
}

TEST(events_before_the_array_page_are_kept)
{
    uint32_t a = new_ipi(0), b;

    send(a);
    cr_assert(d->shared_info->evtchn_pending[0] & (1UL << a), "still 2-level");
    give_control(0);
    b = new_ipi(0);
    send(b);
    cr_assert_eq(control[0]->ready, 0);
    give_array();
    cr_assert_eq(consume(0, 7), a);
    cr_assert_eq(consume(0, 7), b);
}

TEST(linked_ports_are_not_reused)
{
    uint32_t a, b;

    give_control(0);
    give_array();
    a = new_ipi(0);
    send(a);
    cr_assert_eq(evtchn_close_port(d, a), 0);
    cr_assert_eq(array[a], WORD_LINKED, "not pending, but the guest still has it in its queue");
    b = new_ipi(0);
    cr_assert_neq(b, a);
    array[a] = 0;
    cr_assert_eq(new_ipi(0), a);
}

TEST(hostile_words_end_the_loop)
{
    uint32_t a, b;

    give_control(0);
    give_array();
    a = new_ipi(0), b = new_ipi(0);
    send(a);
    array[a] = ~0U; /* linked to nowhere, busy */
    send(b);
    cr_assert_eq(array[a] & (EVTCHN_FIFO_LINK_MASK | WORD_BUSY), b,
                 "the tail's link is overwritten whatever it was");
    array[a] = 0;
    array[b] = 0;
}

TEST(array_has_an_end)
{
    struct frame *f = fake_take_frame(d->id);

    give_control(0);
    for (unsigned int i = 0; i < EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE; i++)
        cr_assert_eq(evtchn_fifo_expand_array(d, gfn(frame_to_mfn(f).m)), 0);
    cr_assert_eq(evtchn_fifo_expand_array(d, gfn(frame_to_mfn(f).m)), -ENOSPC);
}

TEST(release_returns_to_2_level)
{
    give_control(0);
    give_array();
    new_ipi(0);
    evtchn_close_all(d);
    cr_assert_eq(d->evtchn.ops, &evtchn_2l_ops);
    cr_assert_eq(d->evtchn.abi_ports, 4096);
    give_control(0);
}
