/* SPDX-License-Identifier: MIT */
/* TLS over a socket of the API, by Mbed TLS. Threads only. */
#ifndef DOM0_API_TLS_H
#define DOM0_API_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tls_session;

/* Takes a certificate (with those that lead to its issuer) and its key, which may not be encrypted, from PEM
 * files. Once. NULL, or a sentence that says what is wrong. */
const char *tls_start(const char *certificate_path, const char *key_path);

/* Whether tls_start() has succeeded: then every connection has to have a session. */
bool tls_is_on(void);

/* The session of a connected socket, which stays the caller's; NULL: no memory. The first reads make it
 * secure. */
struct tls_session *tls_open(int socket);

/* Tells the peer that nothing more comes. */
void tls_shutdown(struct tls_session *session);
void tls_close(struct tls_session *session);

/* Reads what there is, waiting for the peer at most once, and no longer than the socket's SO_RCVTIMEO. 0:
 * there is no more, or it is no TLS; < 0 with errno EAGAIN: nothing so far. */
ssize_t tls_read(struct tls_session *session, void *data, size_t size);

/* Writes all of it. False when the peer does not take it for SO_SNDTIMEO's usual 5 seconds, or has gone. */
bool tls_write(struct tls_session *session, const void *data, size_t size);

#endif
