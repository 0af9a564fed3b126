/* SPDX-License-Identifier: MIT */
/*
 * One HTTP request as it comes in, piece by piece: the parser is http_parser's, the limits are ours. No
 * sockets here; the text is a stranger's.
 */
#ifndef DOM0_API_HTTP_REQUEST_H
#define DOM0_API_HTTP_REQUEST_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#define HTTP_PATH_SIZE   256
#define HTTP_SECRET_SIZE 128
#define HTTP_HEAD_BYTES  8192  /* of request line and headers */
#define HTTP_BODY_BYTES  65536 /* the largest body */

struct http_request {
    http_parser parser;
    size_t head_bytes;
    bool complete;
    int status; /* 0, or what to answer instead of doing anything: 400, 413, 414, 431, 500 */
    /* The header that is being read: is it Authorization? */
    char field[16];
    size_t field_len;
    bool in_value;
    /* What came. */
    char path[HTTP_PATH_SIZE]; /* without its query; ends with NUL */
    size_t path_len;
    const char *query;             /* what stands behind its question mark, or "" */
    bool excess;                   /* more has come than this request */
    char secret[HTTP_SECRET_SIZE]; /* behind "Authorization: Bearer "; ends with NUL */
    char authorization[HTTP_SECRET_SIZE + 8];
    size_t authorization_len;
    char *body; /* with a NUL behind it; NULL: none */
    size_t body_len;
};

void http_request_init(struct http_request *request);
void http_request_free(struct http_request *request);

/* Takes more of it in. False when no more is wanted: it is complete, or `status` says what is wrong. */
bool http_request_feed(struct http_request *request, const char *data, size_t length);

/* HTTP_GET, HTTP_POST, ...; of a complete request. */
unsigned int http_request_method(const struct http_request *request);

/* Whether whoever sent the request wants to send another by the same connection, and can be understood then.
 */
bool http_request_keeps_connection(const struct http_request *request);

/* The query's value for the name, in value[size]. NULL: it has not the name, or a value that is too long. */
const char *http_request_query(const struct http_request *request, const char *name, char *value,
                               size_t size);

/* Whether both are the same, in a time that depends on the length of the first only. */
bool http_secret_equal(const char *given, const char *expected);

#endif
