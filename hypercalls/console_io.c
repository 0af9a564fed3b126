/* SPDX-License-Identifier: MIT */
/* console_io: the hypervisor's console for the hardware domain. */
#include "hypercalls/hypercall.h"
#include "hv/io/console.h"
#include "hv/io/console_domain.h"
#include "hv/io/console_input.h"

#define CHUNK 256

/*
 * arg: count, buffer. Long texts are written piece by piece; arg[1] and arg[2] are what is left. Returns 0,
 * not the count (as Xen does), or -EFAULT; what stands before the bad address is printed.
 */
static int64_t console_write(uint64_t arg[6])
{
    uint32_t count = (uint32_t)arg[1];
    gva_t from = gva(arg[2]);
    char chunk[CHUNK];

    while (count) {
        uint32_t n = min(count, (uint32_t)sizeof(chunk));

        if (copy_from_guest(chunk, from, n))
            return -EFAULT;
        if (current->domain->hardware)
            console_write_raw(chunk, n);
        else
            console_domain_write(current->domain, chunk, n);
        count -= n;
        from = gva_add(from, n);
        if (count && hypercall_preempt_check(n)) {
            arg[1] = count;
            arg[2] = from.va;
            return HYPERCALL_RESTART;
        }
    }
    return 0;
}

/* Returns the number of bytes read. A bad buffer loses the bytes taken for it. */
static int64_t console_read(uint32_t count, gva_t to)
{
    char chunk[CHUNK];
    uint32_t done = 0;
    size_t n;

    if (count > INT32_MAX)
        return -E2BIG; /* the result could not be told from an error */
    while (done < count && (n = console_input_read(chunk, min(count - done, (uint32_t)sizeof(chunk)))) != 0) {
        if (copy_to_guest(gva_add(to, done), chunk, n))
            return -EFAULT;
        done += (uint32_t)n;
    }
    return done;
}

/* arg: CONSOLEIO_*, count, buffer. -EPERM for domains without the console, -ENOSYS for other commands. */
int64_t do_console_io(uint64_t arg[6])
{
    if (may(current->domain, ACTION_CONSOLE, NULL))
        return -EPERM;
    switch ((uint32_t)arg[0]) {
    case CONSOLEIO_write:
        return console_write(arg);
    case CONSOLEIO_read:
        return console_read((uint32_t)arg[1], gva(arg[2]));
    default:
        return -ENOSYS;
    }
}
