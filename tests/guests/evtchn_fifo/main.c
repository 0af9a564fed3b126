/* SPDX-License-Identifier: MIT */
/*
 * evtchn_fifo: the FIFO event ABI.
 *
 * What:     init_control, expand_array, set_priority, delivery order by priority, masking, and reset
 *           back to 2-level.
 * Why:      Linux uses it when offered; once init_control succeeds, expand_array must too.
 * Method:   error cases first; then one vCPU's control block; send ports of three priorities and walk
 *           the queues.
 * Expected: events stand in the queue of their port's priority with LINKED set, highest bit in `ready`
 *           first; a masked event is pending but not linked; unmask links it; -ENOENT for a bad vCPU;
 *           -EINVAL for a bad offset, priority, frame; -EACCES for the reserved port 0; -EOPNOTSUPP for
 *           expand_array before init_control.
 * Xen:      the same. A hypervisor without FIFO answers -ENOSYS to init_control: SKIP.
 */
#include "tests/guests/framework/guest.h"

static struct evtchn_fifo_control_block *control;
static event_word_t *words;

static long init_control(unsigned int vcpu, uint64_t gfn, uint32_t offset)
{
    struct evtchn_init_control op = { .control_gfn = gfn, .offset = offset, .vcpu = vcpu };

    return hc_evtchn(EVTCHNOP_init_control, &op);
}

static long expand_array(uint64_t gfn)
{
    struct evtchn_expand_array op = { .array_gfn = gfn };

    return hc_evtchn(EVTCHNOP_expand_array, &op);
}

static long set_priority(long port, unsigned int priority)
{
    struct evtchn_set_priority op = { .port = (evtchn_port_t)port, .priority = priority };

    return hc_evtchn(EVTCHNOP_set_priority, &op);
}

static bool word_bit(long port, unsigned int bit)
{
    return (__atomic_load_n(&words[port], __ATOMIC_SEQ_CST) >> bit) & 1;
}

/* Takes the head of a queue as a guest does; returns its port. */
static unsigned int consume(unsigned int queue)
{
    unsigned int port = control->head[queue];
    event_word_t old = __atomic_fetch_and(&words[port], ~((1u << EVTCHN_FIFO_LINKED) | EVTCHN_FIFO_LINK_MASK),
                                          __ATOMIC_SEQ_CST);

    control->head[queue] = old & EVTCHN_FIFO_LINK_MASK;
    if (!control->head[queue])
        __atomic_fetch_and(&control->ready, ~(1u << queue), __ATOMIC_SEQ_CST);
    __atomic_fetch_and(&words[port], ~(1u << EVTCHN_FIFO_PENDING), __ATOMIC_SEQ_CST);
    return port;
}

static void check_errors_before(void *page)
{
    CHECK_EQ(init_control(4000, va_to_mfn(page), 0), -XEN_ENOENT);
    CHECK_EQ(init_control(0, va_to_mfn(page), 4095), -XEN_EINVAL);
    CHECK_EQ(init_control(0, va_to_mfn(page), 4), -XEN_EINVAL);
    CHECK_EQ(init_control(0, 0xfffffffffful, 0), -XEN_EINVAL);
    CHECK_EQ(expand_array(va_to_mfn(page)), -XEN_EOPNOTSUPP);
}

static void check_queues(long low, long mid, long high)
{
    CHECK_EQ(set_priority(low, 12), 0);
    CHECK_EQ(set_priority(high, EVTCHN_FIFO_PRIORITY_MAX), 0);
    CHECK_EQ(set_priority(mid, EVTCHN_FIFO_PRIORITY_MIN + 1), -XEN_EINVAL);
    CHECK_EQ(set_priority(0, 3), -XEN_EACCES);
    CHECK_EQ(event_send((evtchn_port_t)low), 0);
    CHECK_EQ(event_send((evtchn_port_t)mid), 0);
    CHECK_EQ(event_send((evtchn_port_t)high), 0);
    CHECK_EQ(control->ready, 1u << 12 | 1u << EVTCHN_FIFO_PRIORITY_DEFAULT | 1u << EVTCHN_FIFO_PRIORITY_MAX);
    CHECK(word_bit(low, EVTCHN_FIFO_LINKED) && word_bit(low, EVTCHN_FIFO_PENDING));
    CHECK_EQ(this_cpu()->info->evtchn_upcall_pending, 1);
    CHECK_EQ(consume(EVTCHN_FIFO_PRIORITY_MAX), high);
    CHECK_EQ(consume(EVTCHN_FIFO_PRIORITY_DEFAULT), mid);
    CHECK_EQ(consume(12), low);
    CHECK_EQ(control->ready, 0);
}

static void check_order_and_mask(long a, long b, long c)
{
    struct evtchn_unmask unmask = { .port = (evtchn_port_t)c };

    set_priority(a, 7);
    set_priority(b, 7);
    set_priority(c, 7);
    __atomic_fetch_or(&words[c], 1u << EVTCHN_FIFO_MASKED, __ATOMIC_SEQ_CST);
    CHECK_EQ(event_send((evtchn_port_t)b), 0);
    CHECK_EQ(event_send((evtchn_port_t)c), 0);
    CHECK_EQ(event_send((evtchn_port_t)a), 0);
    CHECK_EQ(event_send((evtchn_port_t)b), 0);
    CHECK(word_bit(c, EVTCHN_FIFO_PENDING) && !word_bit(c, EVTCHN_FIFO_LINKED));
    CHECK_EQ(consume(7), b);
    CHECK_EQ(consume(7), a);
    CHECK_EQ(control->ready, 0);
    CHECK_EQ(hc_evtchn(EVTCHNOP_unmask, &unmask), 0);
    CHECK(!word_bit(c, EVTCHN_FIFO_MASKED) && word_bit(c, EVTCHN_FIFO_LINKED));
    CHECK_EQ(consume(7), c);
}

static void run_fifo(void)
{
    struct evtchn_reset reset = { .dom = DOMID_SELF };
    long a, b, c;

    CHECK_EQ(init_control(0, va_to_mfn(control), 0), -XEN_EINVAL);
    CHECK_EQ(expand_array(0xfffffffffful), -XEN_EINVAL);
    CHECK_EQ(expand_array(va_to_mfn(words)), 0);
    a = event_bind_ipi(0);
    b = event_bind_ipi(0);
    c = event_bind_ipi(0);
    check_queues(a, b, c);
    check_order_and_mask(a, b, c);
    CHECK_EQ(hc_evtchn(EVTCHNOP_reset, &reset), 0);
}

static void test(void)
{
    long ret;

    if (!console_close_port()) {
        test_skip("this domain has ports that a reset would close");
        return;
    }
    control = page_alloc();
    words = page_alloc();
    check_errors_before(control);
    ret = init_control(0, va_to_mfn(control), 0);
    if (ret == -XEN_ENOSYS) {
        test_skip("no FIFO event channels");
    } else if (CHECK_EQ(ret, 0)) {
        run_fifo();
    }
    page_free(control);
    page_free(words);
    this_cpu()->info->evtchn_upcall_pending = 0;
    CHECK(console_reopen_port());
}

GUEST_TEST(test);
