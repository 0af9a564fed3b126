/* SPDX-License-Identifier: MIT */
/*
 * The library is compiled without locks and called under one: keys and random numbers are shared by all
 * sessions. So its reads and writes of sockets never wait; what they lack is waited for here, without the
 * lock.
 */
#include "dom0_tools/api/tls.h"
#include "dom0_tools/toolstack/file_data.h"
#include "lwip/sockets.h"
#include "pvguest/libc.h"
#include "pvguest/sync.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"

#include <errno.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WRITE_TIME  (5 * NSEC_PER_SEC)
#define WRITE_PAUSE (5 * NSEC_PER_MSEC)

struct tls_session {
    int socket;
    mbedtls_ssl_context ssl;
};

static struct {
    bool on;
    struct mutex lock;
    mbedtls_ssl_config config;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    mbedtls_ctr_drbg_context random;
} tls = { .lock = MUTEX_INITIALIZER(tls.lock) };

static int entropy(void *arg, unsigned char *data, size_t size)
{
    (void)arg;
    return getentropy(data, size);
}

/* The library tells PEM from DER by a NUL at the end. */
static int parse_file(const char *path, int (*parse)(const unsigned char *data, size_t size))
{
    struct file_data file;
    unsigned char *text;
    int error = -1;

    if (!file_data_read(&file, path))
        return -1;
    text = calloc(1, file.size + 1);
    if (text != NULL) {
        memcpy(text, file.data, file.size);
        error = parse(text, file.size + 1);
    }
    free(text);
    file_data_free(&file);
    return error;
}

static int parse_certificate(const unsigned char *data, size_t size)
{
    return mbedtls_x509_crt_parse(&tls.certificate, data, size);
}

static int parse_key(const unsigned char *data, size_t size)
{
    return mbedtls_pk_parse_key(&tls.key, data, size, NULL, 0);
}

static bool configure(void)
{
    mbedtls_ssl_config_init(&tls.config);
    if (mbedtls_ssl_config_defaults(&tls.config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
        mbedtls_ssl_conf_own_cert(&tls.config, &tls.certificate, &tls.key) != 0)
        return false;
    mbedtls_ssl_conf_rng(&tls.config, mbedtls_ctr_drbg_random, &tls.random);
    return true;
}

const char *tls_start(const char *certificate_path, const char *key_path)
{
    if (!libc_entropy_is_good())
        return "TLS needs a CPU that makes random numbers (RDRAND)";
    mbedtls_x509_crt_init(&tls.certificate);
    mbedtls_pk_init(&tls.key);
    mbedtls_ctr_drbg_init(&tls.random);
    if (mbedtls_ctr_drbg_seed(&tls.random, entropy, NULL, NULL, 0) != 0)
        return "TLS gets no random numbers";
    if (parse_file(certificate_path, parse_certificate) != 0)
        return "the file of api.certificate= is not there, or has no certificate in PEM form";
    if (parse_file(key_path, parse_key) != 0)
        return "the file of api.key= is not there, or has no key in PEM form without a password";
    if (mbedtls_pk_check_pair(&tls.certificate.pk, &tls.key) != 0)
        return "the key of api.key= is not that of the certificate";
    if (!configure())
        return "TLS cannot be set up with this certificate";
    tls.on = true;
    return NULL;
}

bool tls_is_on(void)
{
    return tls.on;
}

static int send_now(void *arg, const unsigned char *data, size_t size)
{
    const struct tls_session *session = arg;
    ssize_t done = lwip_send(session->socket, data, size, MSG_DONTWAIT);

    if (done >= 0)
        return (int)done;
    return errno == EAGAIN || errno == EWOULDBLOCK ? MBEDTLS_ERR_SSL_WANT_WRITE
                                                   : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int receive_now(void *arg, unsigned char *data, size_t size)
{
    const struct tls_session *session = arg;
    ssize_t got = lwip_recv(session->socket, data, size, MSG_DONTWAIT);

    if (got >= 0)
        return (int)got;
    return errno == EAGAIN || errno == EWOULDBLOCK ? MBEDTLS_ERR_SSL_WANT_READ
                                                   : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

struct tls_session *tls_open(int socket)
{
    struct tls_session *session = calloc(1, sizeof(*session));
    int error;

    if (session == NULL)
        return NULL;
    session->socket = socket;
    mutex_lock(&tls.lock);
    mbedtls_ssl_init(&session->ssl);
    error = mbedtls_ssl_setup(&session->ssl, &tls.config);
    mbedtls_ssl_set_bio(&session->ssl, session, send_now, receive_now, NULL);
    mutex_unlock(&tls.lock);
    if (error == 0)
        return session;
    tls_close(session);
    return NULL;
}

void tls_shutdown(struct tls_session *session)
{
    mutex_lock(&tls.lock);
    mbedtls_ssl_close_notify(&session->ssl);
    mutex_unlock(&tls.lock);
}

void tls_close(struct tls_session *session)
{
    mutex_lock(&tls.lock);
    mbedtls_ssl_free(&session->ssl);
    mutex_unlock(&tls.lock);
    free(session);
}

static int read_now(struct tls_session *session, void *data, size_t size)
{
    int got;

    mutex_lock(&tls.lock);
    got = mbedtls_ssl_read(&session->ssl, data, size);
    mutex_unlock(&tls.lock);
    return got;
}

ssize_t tls_read(struct tls_session *session, void *data, size_t size)
{
    int got = read_now(session, data, size);
    char first;

    if (got == MBEDTLS_ERR_SSL_WANT_READ) {
        ssize_t there = lwip_recv(session->socket, &first, 1, MSG_PEEK);

        if (there <= 0)
            return there;
        got = read_now(session, data, size);
    } else if (got == MBEDTLS_ERR_SSL_WANT_WRITE) {
        thread_sleep(WRITE_PAUSE);
    }
    if (got == MBEDTLS_ERR_SSL_WANT_READ || got == MBEDTLS_ERR_SSL_WANT_WRITE) {
        errno = EAGAIN;
        return -1;
    }
    return got > 0 ? got : 0;
}

bool tls_write(struct tls_session *session, const void *data, size_t size)
{
    uint64_t deadline = time_ns() + WRITE_TIME;
    const unsigned char *at = data;

    while (size != 0) {
        int done;

        mutex_lock(&tls.lock);
        done = mbedtls_ssl_write(&session->ssl, at, size);
        mutex_unlock(&tls.lock);
        if (done > 0) {
            at += done;
            size -= (size_t)done;
            deadline = time_ns() + WRITE_TIME;
        } else if (done != MBEDTLS_ERR_SSL_WANT_WRITE || time_ns() >= deadline) {
            return false;
        } else {
            thread_sleep(WRITE_PAUSE);
        }
    }
    return true;
}
