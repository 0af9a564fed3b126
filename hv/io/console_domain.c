/* SPDX-License-Identifier: MIT */
#include "hv/io/console_domain.h"
#include "hv/domain/domain.h"
#include "hv/io/console.h"
#include "hv/io/console_input.h"
#include "hv/io/console_line.h"
#include "hv/lib/atomic.h"

#include <xen/io/console.h>

static struct console_line line_of(struct domain *d)
{
    return (struct console_line){ .buf = d->console_line,
                                  .len = &d->console_len,
                                  .size = sizeof(d->console_line) };
}

static void print_line(struct domain *d, struct console_line *line)
{
    if (d->name[0] != '\0')
        printk("(%s) %s\n", d->name, line->buf);
    else
        printk("(d%u) %s\n", d->id, line->buf);
    console_line_reset(line);
}

void console_domain_write(struct domain *d, const char *s, size_t n)
{
    struct console_line line = line_of(d);

    for (size_t i = 0; i < n; i++)
        if (console_line_add(&line, s[i]))
            print_line(d, &line);
}

void console_domain_flush(struct domain *d)
{
    struct console_line line = line_of(d);

    if (*line.len)
        print_line(d, &line);
}

void console_domain_attach(struct domain *d)
{
    console_input_add_domain(d);
}

/* The guest writes both indices at will: only what fits into the ring is believed. */
void console_domain_notify(struct domain *d)
{
    struct xencons_interface *ring = d->console_ring;
    XENCONS_RING_IDX cons, prod;

    if (ring == NULL)
        return;
    cons = READ_ONCE(ring->out_cons);
    prod = READ_ONCE(ring->out_prod);
    if (prod - cons > sizeof(ring->out))
        cons = prod;
    for (; cons != prod; cons++) {
        char c = READ_ONCE(ring->out[MASK_XENCONS_IDX(cons, ring->out)]);

        console_domain_write(d, &c, 1);
    }
    WRITE_ONCE(ring->out_cons, cons);
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
