/* SPDX-License-Identifier: MIT */
/*
 * A guest of hypercalls only: no library, no interrupts, not even a trap table. It says hello on its console,
 * looks around, and ends with a reason. As the initial domain it has the hypervisor's serial line; any other
 * domain has a ring in a page that it shares with the console service in dom0.
 */
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/io/console.h>
#include <xen/sched.h>
#include <xen/version.h>

/* Number in the page's slot, arguments in rdi, rsi, rdx; rcx and r11 are lost, the others kept, the result
 * comes in rax. */
static long hypercall(unsigned long number, unsigned long a, unsigned long b, unsigned long c)
{
    extern const char hypercall_page[];
    long result;

    __asm__ __volatile__("call *%[slot]"
                         : "=a"(result), "+D"(a), "+S"(b), "+d"(c)
                         : [slot] "r"(hypercall_page + 32 * number)
                         : "rcx", "r8", "r9", "r10", "r11", "memory");
    return result;
}

static const struct start_info *info;

/* The ring's frame is known by its machine number. The hypervisor's table, readable at a fixed address, turns
 * it into the number of the page in this domain, and the builder has mapped page n at virtual address n *
 * 4096. */
static volatile struct xencons_interface *console_ring(void)
{
    const uint64_t *machine_to_page = (const uint64_t *)MACH2PHYS_VIRT_START;

    return (volatile struct xencons_interface *)(machine_to_page[info->console.domU.mfn] << 12);
}

static void ring_write(const char *text, size_t length)
{
    volatile struct xencons_interface *ring = console_ring();
    struct evtchn_send notice = { .port = info->console.domU.evtchn };

    for (size_t i = 0; i < length; i++) {
        while (ring->out_prod - ring->out_cons == sizeof(ring->out)) /* full: let dom0 run */
            hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0);
        ring->out[MASK_XENCONS_IDX(ring->out_prod, ring->out)] = text[i];
        __asm__ __volatile__("" ::: "memory"); /* the data before the index: x86 keeps the order of stores */
        ring->out_prod++;
    }
    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (unsigned long)&notice, 0);
}

static void print(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    if (info->flags & SIF_INITDOMAIN)
        hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, length, (unsigned long)text);
    else
        ring_write(text, length);
}

static void print_number(unsigned long number)
{
    char digits[21], *first = digits + sizeof(digits) - 1;

    *first = '\0';
    do
        *--first = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    print(first);
}

/* The domain ends with what it has said still in the ring: the console service takes it out. */
static void shut_down(unsigned int reason)
{
    struct sched_shutdown shutdown = { .reason = reason };

    hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&shutdown, 0);
    __builtin_trap();
}

void bare_main(const struct start_info *start_info);

void bare_main(const struct start_info *start_info)
{
    unsigned long version = (unsigned long)hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0);

    info = start_info;
    print("Hello from bare metal that is none.\r\n");
    print("The hypervisor speaks Xen ");
    print_number(version >> 16);
    print(".");
    print_number(version & 0xffff);
    print("; this domain has ");
    print_number(info->nr_pages / 256);
    print(" MiB.\r\nCommand line: ");
    print((const char *)info->cmd_line);
    print("\r\n");
    shut_down(SHUTDOWN_poweroff);
}
