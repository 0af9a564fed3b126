/* SPDX-License-Identifier: MIT */
#include "hv/io/console_domain.h"
#include "hv/domain/domain.h"
#include "hv/io/console.h"
#include "hv/io/console_input.h"
#include "hv/io/console_line.h"
#include "hv/lib/atomic.h"
#include "hv/lib/printf.h"
#include "hv/lib/spinlock.h"
#include "hv/lib/string.h"

#include <xen/io/console.h>

static struct console_line line_of(struct domain *d)
{
    return (struct console_line){ .buf = d->console_line,
                                  .len = &d->console_len,
                                  .size = sizeof(d->console_line) };
}

/* A complete line, or with `ends` false what there is of it. */
static void print(struct domain *d, const char *s, size_t n, bool ends)
{
    char prefix[sizeof(d->name) + 4];

    if (d->name[0] != '\0')
        snprintf(prefix, sizeof(prefix), "(%s) ", d->name);
    else
        snprintf(prefix, sizeof(prefix), "(d%u) ", d->id);
    console_write_line(d, prefix, s, n, ends);
}

static void print_line(struct domain *d, struct console_line *line, bool ends)
{
    print(d, line->buf, *line->len, ends);
    console_line_reset(line);
}

/* The user types to this domain: show prompts and echo at once, and let it move the cursor. */
static void write_as_is(struct domain *d, const char *s, size_t n)
{
    struct console_line line = line_of(d);

    if (*line.len)
        print_line(d, &line, false);
    while (n) {
        const char *lf = memchr(s, '\n', n);
        size_t len = lf ? (size_t)(lf - s) : n;

        print(d, s, len, lf != NULL);
        len += lf != NULL;
        s += len;
        n -= len;
    }
}

void console_domain_write(struct domain *d, const char *s, size_t n)
{
    struct console_line line = line_of(d);

    if (console_input_goes_to(d)) {
        write_as_is(d, s, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (console_line_add(&line, s[i]))
            print_line(d, &line, true);
}

void console_domain_flush(struct domain *d)
{
    struct console_line line = line_of(d);

    if (*line.len)
        print_line(d, &line, true);
}

void console_domain_attach(struct domain *d)
{
    console_input_add_domain(d);
}

/* The guest writes both indices at will: only what fits into the ring is believed. Lock: d->console_lock. */
static void read_ring(struct domain *d, struct xencons_interface *ring)
{
    XENCONS_RING_IDX cons, prod;
    char chunk[128];
    size_t n;

    cons = READ_ONCE(ring->out_cons);
    prod = READ_ONCE(ring->out_prod);
    if (prod - cons > sizeof(ring->out))
        cons = prod;
    while (cons != prod) {
        for (n = 0; n < sizeof(chunk) && cons != prod; cons++)
            chunk[n++] = READ_ONCE(ring->out[MASK_XENCONS_IDX(cons, ring->out)]);
        console_domain_write(d, chunk, n);
    }
    WRITE_ONCE(ring->out_cons, cons);
}

void console_domain_notify(struct domain *d)
{
    struct xencons_interface *ring = d->console_ring;

    if (ring == NULL)
        return;
    byte_lock(&d->console_lock);
    read_ring(d, ring);
    byte_unlock(&d->console_lock);
    evtchn_send_console(d);
}

bool console_domain_input(struct domain *d, char c)
{
    struct xencons_interface *ring = d->console_ring;
    XENCONS_RING_IDX prod;

    if (ring == NULL)
        return false;
    prod = READ_ONCE(ring->in_prod);
    if (prod - READ_ONCE(ring->in_cons) >= sizeof(ring->in))
        return false;
    WRITE_ONCE(ring->in[MASK_XENCONS_IDX(prod, ring->in)], c);
    smp_wmb();
    WRITE_ONCE(ring->in_prod, prod + 1);
    return true;
}
