/* SPDX-License-Identifier: MIT */
/*
 * The console daemon: the other end of the PV console rings of all domains that have one. It takes what they
 * print from their first byte on, so that whoever reads a console later reads it from the beginning, as far
 * as the domain's quota kept it.
 *
 * Domains that the hypervisor built from boot modules are not among them: the hypervisor serves their ring,
 * prints it on its own serial line and gives them the keyboard.
 *
 * Functions return 0 or an errno of <errno.h>. Threads only.
 */
#ifndef DOM0_CONSOLED_CONSOLED_H
#define DOM0_CONSOLED_CONSOLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

/* Starts the daemon, once; xenstored runs already. */
int consoled_start(void);

/* Somebody who reads a domain's console, and may type to it. */
struct console_reader;

/*
 * Begins to read the domain's console, from the oldest byte that is kept. While output is unread that the
 * quota could not keep, the domain has to wait. wake(arg) is called, from another thread and not for long,
 * whenever there is something new to read and when the console has ended.
 * ESRCH: no such domain; ENXIO: it has no console yet; EBUSY: another serves it (the hypervisor, for domains
 * that it built); ENOMEM.
 */
int console_reader_open(struct console_reader **reader, domid_t domid, void (*wake)(void *arg), void *arg);
void console_reader_close(struct console_reader *reader);

/* Up to `length` bytes of output, 0 if there are none now. *lost: bytes before them that were not kept.
 * What a domain printed stays readable here when the domain has gone. */
size_t console_reader_read(struct console_reader *reader, char *data, size_t length, uint64_t *lost);

/* True once the domain has gone: nothing comes any more behind what is still to be read. */
bool console_reader_ended(const struct console_reader *reader);

/* Types to the domain: returns how many of the bytes its ring had room for. */
size_t console_reader_write(struct console_reader *reader, const char *data, size_t length);

#endif
