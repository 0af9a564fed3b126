/* SPDX-License-Identifier: MIT */
/*
 * Each port has an event word in guest memory: PENDING, MASKED, LINKED, BUSY and the next port in its queue.
 * A vCPU has a queue for each priority; the guest reads its head from the control block and unlinks from
 * there, we append at the tail. LINKED says that a port is in some queue, or was and the guest has not yet
 * let go of it. Words change under the guest's hands: every change here is a locked operation, and loops over
 * them are bounded. Which queue a port was last put in is kept on our side, so that a guest can at most
 * garble its own queues.
 */
#include "hypercalls/event_fifo.h"
#include "hv/lib/errno.h"
#include "hv/mm/heap.h"
#include "hv/pv/page_type.h"

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))

#define WORD_PENDING (1U << EVTCHN_FIFO_PENDING)
#define WORD_MASKED  (1U << EVTCHN_FIFO_MASKED)
#define WORD_LINKED  (1U << EVTCHN_FIFO_LINKED)
#define WORD_BUSY    (1U << EVTCHN_FIFO_BUSY)

/* How often a word is tried that the guest keeps changing. */
#define LINK_TRIES 4

struct fifo_queue {
    struct spinlock
        lock; /* LOCK_EVTCHN_QUEUE: tail, head, and last_vcpu/last_priority of the ports last put in here */
    uint32_t tail; /* last port appended; 0 = none, or it left for another queue */
};

struct evtchn_fifo_vcpu {
    struct evtchn_fifo_control_block
        *control; /* in the guest's page; NULL before EVTCHNOP_init_control for this vCPU */
    struct fifo_queue queue[EVTCHN_FIFO_MAX_QUEUES];
};

struct evtchn_fifo_domain {
    uint32_t pages, max_pages;
    event_word_t *page[]; /* max_pages: as many as the domain's ports need at most */
};

/* The word of a port, NULL while its array page is missing. */
static event_word_t *word_of(const struct domain *d, uint32_t port)
{
    const struct evtchn_fifo_domain *f = d->evtchn.fifo;
    event_word_t *page;

    if (unlikely(port / WORDS_PER_PAGE >= f->max_pages))
        return NULL;
    page = __atomic_load_n(&f->page[port / WORDS_PER_PAGE], __ATOMIC_ACQUIRE);
    return page ? page + port % WORDS_PER_PAGE : NULL;
}

static bool word_test(const event_word_t *word, event_word_t bit)
{
    return word && (READ_ONCE(*word) & bit);
}

/* Point a queue's last word to the next port. False: the guest has already taken it out. */
static bool set_link(event_word_t *word, uint32_t next)
{
    event_word_t w = READ_ONCE(*word);

    for (int i = 0; i < 2 * LINK_TRIES; i++) {
        if (!(w & WORD_LINKED))
            return false;
        if (atomic_cmpxchg(word, &w, (w & ~(WORD_BUSY | EVTCHN_FIFO_LINK_MASK)) | next))
            return true;
        /* BUSY asks the guest to keep its hands off. */
        if (i == LINK_TRIES - 1)
            w = atomic_fetch_or(word, WORD_BUSY) | WORD_BUSY;
    }
    atomic_and(word, ~WORD_BUSY);
    return true; /* the guest breaks the protocol: its queue is broken now */
}

static struct fifo_queue *lock_last_queue(const struct domain *d, const struct evtchn *chn)
{
    for (;;) {
        uint16_t vcpu = READ_ONCE(chn->last_vcpu);
        uint8_t priority = READ_ONCE(chn->last_priority);
        struct fifo_queue *q = &d->vcpu[vcpu]->fifo->queue[priority];

        spin_lock(&q->lock);
        if (likely(vcpu == chn->last_vcpu && priority == chn->last_priority))
            return q;
        spin_unlock(&q->lock);
    }
}

/* Append the port behind q's tail. True when it became the head, which is then to be announced. Lock:
 * q->lock. */
static bool append(struct vcpu *v, struct fifo_queue *q, uint32_t port)
{
    event_word_t *tail = q->tail ? word_of(v->domain, q->tail) : NULL;
    bool linked = tail && set_link(tail, port);

    if (!linked)
        WRITE_ONCE(v->fifo->control->head[q - v->fifo->queue], port);
    q->tail = port;
    return !linked;
}

static void link_port(struct vcpu *v, struct evtchn *chn, event_word_t *word)
{
    struct fifo_queue *last = lock_last_queue(v->domain, chn), *q = last;
    uint8_t priority = READ_ONCE(chn->priority);
    bool announce = false;

    if (v->fifo->control && !(atomic_fetch_or(word, WORD_LINKED) & WORD_LINKED)) {
        /* As the last one of its former queue it is no place to append at any more. */
        if (last->tail == chn->port)
            last->tail = 0;
        q = &v->fifo->queue[priority];
        if (q != last) {
            chn->last_vcpu = v->id;
            chn->last_priority = priority;
            spin_unlock(&last->lock);
            spin_lock(&q->lock);
        }
        announce = append(v, q, chn->port);
    }
    spin_unlock(&q->lock);

    if (announce && !(atomic_fetch_or(&v->fifo->control->ready, 1U << priority) & (1U << priority)))
        vcpu_mark_events_pending(v);
}

/* While the array page is missing, the event is kept in the channel; expand_array raises it again. */
static event_word_t *word_or_keep(struct domain *d, struct evtchn *chn)
{
    event_word_t *word = word_of(d, chn->port);

    if (likely(word))
        return word;
    (void)atomic_xchg(&chn->pending, true);
    word = word_of(d, chn->port);
    return word && atomic_xchg(&chn->pending, false) ? word : NULL;
}

static void fifo_set_pending(struct vcpu *v, struct evtchn *chn)
{
    event_word_t *word = word_or_keep(v->domain, chn);
    event_word_t old;

    if (!word)
        return;
    old = atomic_fetch_or(word, WORD_PENDING);
    if (!(old & (WORD_MASKED | WORD_LINKED)))
        link_port(v, chn, word);
    if (!(old & WORD_PENDING) && unlikely(READ_ONCE(v->domain->evtchn.poll_mask)))
        evtchn_wake_pollers(v->domain, chn->port);
}

static void fifo_init(struct domain *d __unused, struct evtchn *chn)
{
    chn->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
}

static void fifo_clear_pending(struct domain *d, const struct evtchn *chn)
{
    event_word_t *word = word_of(d, chn->port);

    if (word)
        atomic_and(word, ~WORD_PENDING);
}

static void fifo_unmask(struct domain *d, struct evtchn *chn)
{
    event_word_t *word = word_of(d, chn->port);

    if (word && (atomic_fetch_and(word, ~WORD_MASKED) & WORD_PENDING))
        fifo_set_pending(d->vcpu[chn->notify_vcpu], chn);
}

static bool fifo_is_pending(const struct domain *d, uint32_t port)
{
    return word_test(word_of(d, port), WORD_PENDING);
}

static bool fifo_is_masked(const struct domain *d, uint32_t port)
{
    const event_word_t *word = word_of(d, port);

    return !word || word_test(word, WORD_MASKED);
}

static bool fifo_is_busy(const struct domain *d, uint32_t port)
{
    return word_test(word_of(d, port), WORD_LINKED);
}

/* An event that is already queued stays where it is. */
static int fifo_set_priority(struct domain *d __unused, struct evtchn *chn, uint32_t priority)
{
    if (priority > EVTCHN_FIFO_PRIORITY_MIN)
        return -EINVAL;
    WRITE_ONCE(chn->priority, (uint8_t)priority);
    return 0;
}

/* Guest pages */

static void *map_guest_page(struct domain *d, gfn_t frame)
{
    struct frame *f;

    f = d->ops->get_frame(d, frame, true);
    if (!f)
        return NULL;
    if (page_get_writable(f))
        return frame_to_virt(f);
    frame_put(f);
    return NULL;
}

static void unmap_guest_page(void *va)
{
    struct frame *f = mfn_to_frame(virt_to_mfn(va));

    page_put_writable(f);
    frame_put(f);
}

unsigned int evtchn_fifo_frames(struct domain *d, mfn_t *frames, unsigned int max)
{
    const struct evtchn_fifo_domain *f;
    unsigned int n = 0;
    struct vcpu *v;

    spin_lock(&d->evtchn.lock);
    f = d->evtchn.fifo;
    for (uint32_t i = 0; f && i < f->pages && n < max; i++)
        frames[n++] = virt_to_mfn(f->page[i]);
    for_each_vcpu (d, v)
        if (f && v->fifo && v->fifo->control && n < max)
            frames[n++] = virt_to_mfn((void *)((uintptr_t)v->fifo->control & PAGE_MASK));
    spin_unlock(&d->evtchn.lock);
    return n;
}

static void free_vcpus(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        if (!v->fifo)
            continue;
        if (v->fifo->control)
            unmap_guest_page((void *)((uintptr_t)v->fifo->control & PAGE_MASK));
        hv_free(v->fifo);
        v->fifo = NULL;
    }
}

static void fifo_release(struct domain *d)
{
    struct evtchn_fifo_domain *f = d->evtchn.fifo;

    free_vcpus(d);
    for (uint32_t i = 0; i < f->pages; i++)
        unmap_guest_page(f->page[i]);
    hv_free(f);
    d->evtchn.fifo = NULL;
    d->evtchn.ops = &evtchn_2l_ops;
    d->evtchn.abi_ports = EVTCHN_2L_NR_CHANNELS;
}

static const struct evtchn_port_ops evtchn_fifo_ops = {
    .init = fifo_init,
    .set_pending = fifo_set_pending,
    .clear_pending = fifo_clear_pending,
    .unmask = fifo_unmask,
    .is_pending = fifo_is_pending,
    .is_masked = fifo_is_masked,
    .is_busy = fifo_is_busy,
    .set_priority = fifo_set_priority,
    .release = fifo_release,
};

static int map_control(struct vcpu *v, gfn_t frame, uint32_t offset)
{
    char *page;

    if (v->fifo->control)
        return -EINVAL;
    page = map_guest_page(v->domain, frame);
    if (!page)
        return -EINVAL;
    v->fifo->control = (struct evtchn_fifo_control_block *)(void *)(page + offset);
    return 0;
}

static int alloc_vcpus(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v) {
        v->fifo = hv_zalloc(sizeof(*v->fifo));
        if (!v->fifo) {
            free_vcpus(d);
            return -ENOMEM;
        }
        for (unsigned int i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++)
            spin_lock_init(&v->fifo->queue[i].lock, LOCK_EVTCHN_QUEUE);
    }
    return 0;
}

/* Ports in use keep their pending state until the array page comes that they are in. */
static void carry_over(struct domain *d)
{
    for (uint32_t port = 1; port < d->evtchn.ports; port++) {
        struct evtchn *chn = evtchn_of(&d->evtchn, port);

        evtchn_lock(chn);
        chn->priority = chn->last_priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
        chn->last_vcpu = 0;
        if (evtchn_usable(chn) && evtchn_2l_ops.is_pending(d, port))
            chn->pending = true;
        evtchn_unlock(chn);
    }
}

static int switch_to_fifo(struct vcpu *v, gfn_t frame, uint32_t offset)
{
    struct domain *d = v->domain;
    uint32_t pages = (uint32_t)DIV_ROUND_UP(d->evtchn.max_ports, WORDS_PER_PAGE);
    struct evtchn_fifo_domain *f = hv_zalloc(sizeof(*f) + pages * sizeof(f->page[0]));
    int rc;

    if (!f)
        return -ENOMEM;
    f->max_pages = pages;
    rc = alloc_vcpus(d);
    if (!rc)
        rc = map_control(v, frame, offset);
    if (rc) {
        free_vcpus(d);
        hv_free(f);
        return rc;
    }
    d->evtchn.fifo = f;
    smp_wmb();
    d->evtchn.ops = &evtchn_fifo_ops;
    d->evtchn.abi_ports = EVTCHN_FIFO_NR_CHANNELS;
    carry_over(d);
    return 0;
}

int evtchn_fifo_init_control(struct vcpu *v, gfn_t frame, uint32_t offset)
{
    struct domain *d = v->domain;
    int rc;

    if (offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || offset % 8)
        return -EINVAL;
    spin_lock(&d->evtchn.lock);
    rc = d->evtchn.fifo ? map_control(v, frame, offset) : switch_to_fifo(v, frame, offset);
    spin_unlock(&d->evtchn.lock);
    return rc;
}

/* Raise again what came while the page with these ports was missing. */
static void raise_kept(struct domain *d, uint32_t first)
{
    for (uint32_t port = first; port < first + WORDS_PER_PAGE; port++) {
        struct evtchn *chn = evtchn_of(&d->evtchn, port);

        if (!chn)
            return;
        evtchn_lock(chn);
        if (atomic_xchg(&chn->pending, false) && d->vcpu[chn->notify_vcpu])
            fifo_set_pending(d->vcpu[chn->notify_vcpu], chn);
        evtchn_unlock(chn);
    }
}

int evtchn_fifo_expand_array(struct domain *d, gfn_t frame)
{
    struct evtchn_fifo_domain *f;
    event_word_t *page;
    int rc = 0;

    spin_lock(&d->evtchn.lock);
    f = d->evtchn.fifo;
    if (!f) {
        rc = -EOPNOTSUPP;
    } else if (f->pages == f->max_pages) {
        rc = -ENOSPC;
    } else if (!(page = map_guest_page(d, frame))) {
        rc = -EINVAL;
    } else {
        __atomic_store_n(&f->page[f->pages], page, __ATOMIC_RELEASE);
        raise_kept(d, f->pages++ * (uint32_t)WORDS_PER_PAGE);
    }
    spin_unlock(&d->evtchn.lock);
    return rc;
}
