/* SPDX-License-Identifier: MIT */
#include "hv/io/console_input.h"
#include "hv/cpu/current.h"
#include "hv/cpu/time.h"
#include "hv/cpu/timer.h"
#include "hv/domain/domain.h"
#include "hv/io/console.h"
#include "hv/io/console_domain.h"
#include "hv/io/console_xen.h"
#include "hv/io/debug_keys.h"
#include "hv/io/irq.h"
#include "hv/io/serial.h"
#include "hv/lib/cmdline.h"
#include "hv/lib/errno.h"
#include "hv/lib/spinlock.h"

#define INPUT_SIZE     4096 /* a power of two */
#define BOOT_DOMAINS   16
#define SWITCH_PRESSES 3
#define POLL_NS        10000000ULL

/* Who gets the input: the hypervisor, dom0, then FOCUS_BOOT_DOMAIN + n. */
enum { FOCUS_HYPERVISOR, FOCUS_DOM0, FOCUS_BOOT_DOMAIN };

static char switch_key = 'a' & 0x1f;
static bool stay_with_hypervisor;

static int __init parse_conswitch(const char *value)
{
    if (value[0] < 'a' || value[0] > 'z' || (value[1] != '\0' && (value[1] != 'x' || value[2] != '\0')))
        return -EINVAL;
    switch_key = value[0] & 0x1f;
    stay_with_hypervisor = value[1] == 'x';
    return 0;
}
custom_param("conswitch", parse_conswitch, "conswitch=<letter>[x]");

/* Protected by input_lock. dom0's bytes wait here until it reads them. */
static struct spinlock input_lock = SPINLOCK_INIT(LOCK_CONSOLE);
static char input[INPUT_SIZE];
static uint32_t input_prod, input_cons;
static unsigned int focus = FOCUS_DOM0;
static unsigned int switch_presses;
static domid_t boot_domains[BOOT_DOMAINS];
static unsigned int nr_boot_domains;

static struct timer poll_timer;
static bool poll_needed; /* some line has no interrupt */

void console_input_add_domain(const struct domain *d)
{
    spin_lock(&input_lock);
    if (nr_boot_domains < BOOT_DOMAINS)
        boot_domains[nr_boot_domains++] = d->id;
    spin_unlock(&input_lock);
}

/* The domain that has the input, with a reference; NULL for the hypervisor, or when it is gone. */
static struct domain *focus_domain(void)
{
    if (focus == FOCUS_DOM0 && dom0 && domain_get(dom0))
        return dom0;
    return focus < FOCUS_BOOT_DOMAIN ? NULL : domain_by_id(boot_domains[focus - FOCUS_BOOT_DOMAIN]);
}

bool console_input_goes_to(const struct domain *d)
{
    unsigned int now = READ_ONCE(focus);

    return now >= FOCUS_BOOT_DOMAIN && boot_domains[now - FOCUS_BOOT_DOMAIN] == d->id;
}

static void announce_focus(void)
{
    struct domain *d = focus_domain();
    char key = (char)(switch_key | 0x40);

    if (focus == FOCUS_HYPERVISOR)
        printk("*** Input goes to the hypervisor ('h' for help; three times Ctrl-%c switches)\n", key);
    else if (focus == FOCUS_DOM0)
        printk("*** Input goes to dom0 (three times Ctrl-%c switches)\n", key);
    else if (d)
        printk("*** Input goes to %s, domain %u (three times Ctrl-%c switches)\n", d->name, d->id, key);
    if (d)
        domain_put(d);
}

/* To the next receiver that still exists. */
static void switch_focus(void)
{
    struct domain *d = NULL;

    do {
        if (d)
            domain_put(d);
        focus = focus + 1 == FOCUS_BOOT_DOMAIN + nr_boot_domains ? FOCUS_HYPERVISOR : focus + 1;
        d = focus_domain();
    } while (focus >= FOCUS_BOOT_DOMAIN && d == NULL);
    if (d)
        domain_put(d);
    announce_focus();
}

static bool input_full(void)
{
    return READ_ONCE(input_prod) - READ_ONCE(input_cons) == INPUT_SIZE;
}

static void deliver(char c)
{
    struct domain *d;

    if (focus == FOCUS_HYPERVISOR) {
        debug_key_press(c);
        return;
    }
    if (focus == FOCUS_DOM0) {
        spin_lock(&input_lock);
        if (!input_full())
            input[input_prod++ & (INPUT_SIZE - 1)] = c;
        spin_unlock(&input_lock);
        return;
    }
    d = focus_domain();
    if (d == NULL)
        return;
    if (console_domain_input(d, c))
        evtchn_send_console(d);
    domain_put(d);
}

void console_input_byte(char c)
{
    if (c == switch_key) {
        if (++switch_presses == SWITCH_PRESSES) {
            switch_presses = 0;
            switch_focus();
        }
        return;
    }
    for (; switch_presses; switch_presses--)
        deliver(switch_key);
    deliver(c);
}

/* Takes what a line has received, as long as there is room: what does not fit stays in the line and is not
 * lost. */
static void drain(unsigned int port)
{
    uint32_t before = input_prod;
    int c = 0;

    while (!input_full() && (c = port == PORT_XEN ? console_xen_getc() : serial_getc(port)) >= 0)
        console_input_byte((char)c);
    /* With no room left the interrupt would come back at once. The ring says nothing until it is read again.
     */
    if (input_full() && port != PORT_XEN && serial_irq(port))
        serial_rx_interrupt(port, false);
    if (input_prod != before)
        evtchn_send_global_virq(VIRQ_CONSOLE);
}

static void xen_event(void)
{
    drain(PORT_XEN);
}

static void rx_interrupt(void *port)
{
    drain((unsigned int)(uintptr_t)port);
}

static void poll(void *arg __unused)
{
    for (unsigned int port = 0; port < SERIAL_PORTS; port++)
        if (serial_present(port))
            drain(port);
    if (console_xen_present())
        drain(PORT_XEN);
    if (poll_needed)
        timer_set(&poll_timer, now_ns() + POLL_NS);
}

size_t console_input_read(char *buf, size_t size)
{
    size_t n = 0;
    bool was_full;

    spin_lock(&input_lock);
    was_full = input_full();
    while (n < size && input_cons != input_prod)
        buf[n++] = input[input_cons++ & (INPUT_SIZE - 1)];
    spin_unlock(&input_lock);
    for (unsigned int port = 0; was_full && n && port < SERIAL_PORTS; port++)
        if (serial_present(port) && serial_irq(port))
            serial_rx_interrupt(port, true);
    if (was_full && n && console_xen_present())
        timer_set(&poll_timer, now_ns());
    return n;
}

void console_input_init(void)
{
    for (unsigned int port = 0; port < SERIAL_PORTS; port++) {
        int rc;

        if (!serial_present(port))
            continue;
        rc = serial_irq(port) ? irq_request_isa(serial_irq(port), rx_interrupt, (void *)(uintptr_t)port)
                              : -ENOENT;
        if (rc == 0) {
            serial_rx_interrupt(port, true);
            continue;
        }
        printk(LOG_INFO "com%u: input is polled (no interrupt: error %d)\n", port + 1, -rc);
        poll_needed = true;
    }
    poll_needed |= console_xen_present() && console_xen_listen(xen_event) != 0;
    timer_init(&poll_timer, poll, NULL, 0);
    if (poll_needed)
        timer_set(&poll_timer, now_ns() + POLL_NS);
}

void console_input_to_dom0(void)
{
    focus = stay_with_hypervisor ? FOCUS_HYPERVISOR : FOCUS_DOM0;
    announce_focus();
}
