/* SPDX-License-Identifier: MIT */
/*
 * The console: what the hypervisor prints, the ring that keeps it, and the lines it goes out on.
 *
 * A message starts with its class: printk(LOG_WARNING "..."). Without one it is always printed. Messages that
 * a guest can cause are of the guest class, which has its own thresholds and a rate limit: gprintk(LOG_ERR,
 * "...") names the current vCPU by itself.
 */
#ifndef HV_IO_CONSOLE_H
#define HV_IO_CONSOLE_H

#include "hv/lib/types.h"

#define LOG_ERR     "\001E"
#define LOG_WARNING "\001W"
#define LOG_INFO    "\001I"
#define LOG_DEBUG   "\001D"
/* In front of a level: the guest class, without naming a vCPU. */
#define LOG_GUEST "\002"

/* May be called in any context, with any lock held, NMI excepted. Lines are cut at 511 characters. */
void printk(const char *fmt, ...) __printf(1, 2);
void guest_printk(const char *fmt, ...) __printf(1, 2);
#define gprintk(level, fmt, ...) guest_printk(LOG_GUEST level fmt, ##__VA_ARGS__)

/*
 * Opens the serial lines that com1=, com2= and console= ask for and prints what was logged so far. Before it,
 * printk only fills the ring. @pre the command line is parsed.
 */
void console_init(void);
/* Enlarges the ring to conring_size=; needs the frame allocator. */
void console_init_ring(void);

/* Bytes of dom0's own output: no prefix; into the ring as well if console_to_ring is given. */
void console_write_raw(const char *s, size_t n);

/*
 * A piece of a line of a domain's output, behind `prefix` where the line begins anew: at its start, and when
 * something else was printed in between. `owner` tells domains apart. The line ends with this piece, or stays
 * open for the next one.
 */
void console_write_line(const void *owner, const char *prefix, const char *s, size_t n, bool ends);

/*
 * Makes this CPU the only one that prints, without locks, from now on. True for the first CPU that asks (and
 * again for the same one); false: another CPU is dying already, and the caller should just stop.
 */
bool console_start_panic(void);

/*
 * Reads the ring from position *index on (0: from the oldest byte kept), at most `size` bytes, and advances
 * *index. Returns the number of bytes read. Positions count all bytes ever logged since the last clear,
 * modulo 2^32.
 */
uint32_t console_ring_read(uint32_t *index, char *buf, uint32_t size);
/* The oldest position that a reader without its own index starts at. */
uint32_t console_ring_start(void);
/* Readers that start at the oldest byte start behind `index` from now on. */
void console_ring_clear(uint32_t index);

#endif
