/* SPDX-License-Identifier: MIT */
#include "hv/io/console.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/time.h"
#include "hv/domain/domain.h"
#include "hv/io/console_xen.h"
#include "hv/io/log_level.h"
#include "hv/io/serial.h"
#include "hv/lib/cmdline.h"
#include "hv/lib/errno.h"
#include "hv/lib/printf.h"
#include "hv/lib/spinlock.h"
#include "hv/lib/string.h"

#define PREFIX       "(RYO) "
#define MESSAGE_SIZE 512

/* Options. */
static struct log_threshold loglvl = { LEVEL_WARNING, LEVEL_WARNING };
static struct log_threshold guest_loglvl = { LEVEL_NONE, LEVEL_WARNING };
static uint64_t conring_size = KIB(16);
static bool console_to_ring;
static uint8_t console_ports = BIT(0) | BIT(PORT_XEN); /* bit n: COMn+1 */
static enum { STAMP_NONE, STAMP_BOOT, STAMP_RAW } timestamps;

size_param("conring_size", conring_size);
boolean_param("console_to_ring", console_to_ring);

static int __init parse_loglvl(const char *value)
{
    return log_threshold_parse(value, &loglvl);
}
custom_param("loglvl", parse_loglvl, "loglvl=" LOG_THRESHOLD_FORM);

static int __init parse_guest_loglvl(const char *value)
{
    return log_threshold_parse(value, &guest_loglvl);
}
custom_param("guest_loglvl", parse_guest_loglvl, "guest_loglvl=" LOG_THRESHOLD_FORM);

static int __init parse_console(const char *value)
{
    static const char names[][5] = { "com1", "com2", "xen", "vga", "none" };
    /* There is no VGA output: Xen's usual com1,vga is accepted. */
    static const uint8_t ports[] = { BIT(0), BIT(1), BIT(PORT_XEN), 0, 0 };
    uint8_t mask = 0;

    while (*value != '\0') {
        size_t len = strchr(value, ',') ? (size_t)(strchr(value, ',') - value) : strlen(value);
        unsigned int i = 0;

        while (i < ARRAY_SIZE(names) && (strlen(names[i]) != len || strncmp(value, names[i], len) != 0))
            i++;
        if (i == ARRAY_SIZE(names))
            return -EINVAL;
        mask |= ports[i];
        value += len + (value[len] == ',');
    }
    console_ports = mask;
    return 0;
}
custom_param("console", parse_console, "console=<line>[,<line>...], lines com1, com2, xen, vga or none");

static int __init parse_timestamps(const char *value)
{
    if (strcmp(value, "none") == 0 || strcmp(value, "no") == 0)
        timestamps = STAMP_NONE;
    else if (strcmp(value, "boot") == 0 || *value == '\0')
        timestamps = STAMP_BOOT;
    else if (strcmp(value, "raw") == 0)
        timestamps = STAMP_RAW;
    else
        return -EINVAL;
    return 0;
}
custom_param("console_timestamps", parse_timestamps, "console_timestamps=none|boot|raw");

/* Everything below is protected by this lock; the panicking CPU goes without it. */
static struct spinlock console_lock = SPINLOCK_INIT(LOCK_CONSOLE);
static int panic_cpu = -1;

static char first_ring[KIB(16)];
static char *ring = first_ring;
static uint32_t ring_size = sizeof(first_ring); /* a power of two */
static uint32_t ring_oldest;                    /* position of the oldest byte kept */
static uint32_t ring_end;                       /* position behind the newest byte */
static uint32_t ring_first;                     /* where readers without an index start */
static bool ports_open;
static bool at_line_start = true;
static const void *line_owner; /* whose output, not the hypervisor's, stands in the line; NULL: nobody's */
static struct log_bucket bucket;

/* False: this message must not be printed, because another CPU is panicking. */
static bool console_enter(void)
{
    int dying = READ_ONCE(panic_cpu);

    if (dying >= 0)
        return dying == (int)this_cpu_id();
    spin_lock(&console_lock);
    return true;
}

static void console_leave(void)
{
    if (READ_ONCE(panic_cpu) != (int)this_cpu_id())
        spin_unlock(&console_lock);
}

bool console_start_panic(void)
{
    int me = (int)this_cpu_id(), none = -1;

    return atomic_cmpxchg(&panic_cpu, &none, me) || none == me;
}

static void ring_put(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ring[ring_end++ & (ring_size - 1)] = s[i];
    if (ring_end - ring_oldest > ring_size)
        ring_oldest = ring_end - ring_size;
    if (ring_end - ring_first > ring_size)
        ring_first = ring_oldest;
}

static bool port_open(unsigned int port)
{
    return port == PORT_XEN ? console_xen_init() : serial_init(port);
}

static bool port_present(unsigned int port)
{
    return port == PORT_XEN ? console_xen_present() : serial_present(port);
}

static void port_write(unsigned int port, const char *s, size_t n)
{
    if (port == PORT_XEN)
        console_xen_write(s, n);
    else
        serial_write(port, s, n);
}

/* Out on all lines; a line feed gets its carriage return. */
static void ports_put(const char *s, size_t n)
{
    for (unsigned int port = 0; port <= PORT_XEN; port++) {
        if (!(console_ports & BIT(port)) || !port_present(port))
            continue;
        for (size_t from = 0, to; from < n; from = to) {
            const char *lf = memchr(s + from, '\n', n - from);

            to = lf ? (size_t)(lf - s) : n;
            port_write(port, s + from, to - from);
            if (lf) {
                port_write(port, "\r\n", 2);
                to++;
            }
        }
    }
    console_xen_flush();
}

static void put(const char *s, size_t n)
{
    ring_put(s, n);
    if (ports_open)
        ports_put(s, n);
}

static void put_line_prefix(void)
{
    char stamp[40];
    uint64_t now;

    put(PREFIX, sizeof(PREFIX) - 1);
    if (timestamps == STAMP_NONE)
        return;
    now = now_ns();
    if (timestamps == STAMP_BOOT)
        snprintf(stamp, sizeof(stamp), "[%5llu.%06llu] ", (unsigned long long)(now / 1000000000),
                 (unsigned long long)(now / 1000 % 1000000));
    else
        snprintf(stamp, sizeof(stamp), "[%016llx] ", (unsigned long long)rdtsc());
    put(stamp, strlen(stamp));
}

/* Something else begins: not in the middle of a domain's line. */
static void close_line_of(const void *except)
{
    if (line_owner == NULL || line_owner == except)
        return;
    put("\n", 1);
    line_owner = NULL;
    at_line_start = true;
}

static void put_message(const char *s)
{
    close_line_of(NULL);
    while (*s != '\0') {
        const char *lf = strchr(s, '\n');
        size_t n = lf ? (size_t)(lf - s) + 1 : strlen(s);

        if (at_line_start)
            put_line_prefix();
        put(s, n);
        at_line_start = lf != NULL;
        s += n;
    }
}

/* Takes the class off the message. */
static enum log_level message_level(const char **s, bool *guest)
{
    static const char letters[] = "EWID";
    const char *letter;

    *guest = **s == LOG_GUEST[0];
    if (*guest)
        (*s)++;
    if (**s != LOG_ERR[0] || (*s)[1] == '\0')
        return LEVEL_NONE;
    letter = strchr(letters, (*s)[1]);
    *s += 2;
    return letter ? (enum log_level)(LEVEL_ERR + (letter - letters)) : LEVEL_NONE;
}

static void message(const char *s, const char *who)
{
    uint32_t dropped = 0;
    bool guest;
    enum log_level level = message_level(&s, &guest);
    enum log_verdict verdict = log_verdict(guest ? &guest_loglvl : &loglvl, level);
    char note[64];

    if (verdict == LOG_DROP || !console_enter())
        return;
    if (verdict == LOG_PRINT || log_bucket_take(&bucket, now_ns(), &dropped)) {
        if (dropped) {
            snprintf(note, sizeof(note), "%u messages about guests were left out\n", dropped);
            put_message(note);
        }
        put_message(who);
        put_message(s);
    }
    console_leave();
}

void printk(const char *fmt, ...)
{
    char buf[MESSAGE_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(buf, sizeof(buf), fmt, args);
    va_end(args);
    message(buf, "");
}

void guest_printk(const char *fmt, ...)
{
    char buf[MESSAGE_SIZE], who[24];
    va_list args;

    va_start(args, fmt);
    vsnprintf(buf, sizeof(buf), fmt, args);
    va_end(args);
    snprintf(who, sizeof(who), "d%uv%u ", current->domain->id, current->id);
    message(buf, who);
}

void console_write_raw(const char *s, size_t n)
{
    if (!console_enter())
        return;
    close_line_of(&dom0);
    if (console_to_ring)
        ring_put(s, n);
    ports_put(s, n);
    if (n) {
        at_line_start = s[n - 1] == '\n';
        line_owner = at_line_start ? NULL : &dom0;
    }
    console_leave();
}

void console_write_line(const void *owner, const char *prefix, const char *s, size_t n, bool ends)
{
    if (!console_enter())
        return;
    close_line_of(owner);
    if (at_line_start)
        put_message(prefix);
    put(s, n);
    if (ends)
        put("\n", 1);
    at_line_start = ends;
    line_owner = ends ? NULL : owner;
    console_leave();
}

void __init console_init(void)
{
    char chunk[256];
    uint32_t index = 0, n;

    for (unsigned int port = 0; port <= PORT_XEN; port++)
        if (console_ports & BIT(port))
            port_open(port);
    while ((n = console_ring_read(&index, chunk, sizeof(chunk))) != 0)
        ports_put(chunk, n);
    ports_open = true;
}

void __init console_init_ring(void)
{
    uint64_t size = PAGE_SIZE << 2;
    unsigned int order = 2;
    char *bigger;

    while (size < conring_size && size < MIB(16)) {
        size <<= 1;
        order++;
    }
    if (size == ring_size)
        return;
    bigger = hv_alloc_pages(order, ALLOC_ZERO);
    if (bigger == NULL) {
        printk(LOG_WARNING "console: no memory for a log of %llu KiB\n", (unsigned long long)(size >> 10));
        return;
    }
    spin_lock(&console_lock);
    for (uint32_t i = ring_oldest; i != ring_end; i++)
        bigger[i & (size - 1)] = ring[i & (ring_size - 1)];
    ring = bigger;
    ring_size = (uint32_t)size;
    spin_unlock(&console_lock);
}

uint32_t console_ring_read(uint32_t *index, char *buf, uint32_t size)
{
    uint32_t n = 0;

    spin_lock(&console_lock);
    if (*index - ring_oldest > ring_end - ring_oldest)
        *index = ring_oldest;
    while (n < size && *index != ring_end)
        buf[n++] = ring[(*index)++ & (ring_size - 1)];
    spin_unlock(&console_lock);
    return n;
}

uint32_t console_ring_start(void)
{
    return READ_ONCE(ring_first);
}

void console_ring_clear(uint32_t index)
{
    spin_lock(&console_lock);
    if (index - ring_first <= ring_end - ring_first)
        ring_first = index;
    spin_unlock(&console_lock);
}
