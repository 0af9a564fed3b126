/* SPDX-License-Identifier: MIT */
#include "dom0_tools/api/http_request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct http_request *of(http_parser *parser)
{
    return parser->data;
}

/* Ends the parsing: the parser stops when a callback returns a negative number. */
static int refuse(struct http_request *request, int status)
{
    request->status = status;
    return -1;
}

static int on_url(http_parser *parser, const char *at, size_t length)
{
    struct http_request *request = of(parser);

    if (length >= sizeof(request->path) - request->path_len)
        return refuse(request, 414);
    memcpy(request->path + request->path_len, at, length);
    request->path_len += length;
    request->path[request->path_len] = '\0';
    return 0;
}

/* A name longer than any that matters is remembered as too long for that. */
static int on_header_field(http_parser *parser, const char *at, size_t length)
{
    struct http_request *request = of(parser);

    if (request->in_value)
        request->field_len = 0;
    request->in_value = false;
    for (size_t i = 0; i < length; i++, request->field_len++)
        if (request->field_len < sizeof(request->field))
            request->field[request->field_len] = at[i];
    return 0;
}

static bool field_is(const struct http_request *request, const char *name)
{
    return request->field_len == strlen(name) && strncasecmp(request->field, name, strlen(name)) == 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t length)
{
    struct http_request *request = of(parser);
    size_t room = sizeof(request->authorization) - 1 - request->authorization_len;

    request->in_value = true;
    if (!field_is(request, "authorization"))
        return 0;
    if (length > room)
        return refuse(request, 431);
    memcpy(request->authorization + request->authorization_len, at, length);
    request->authorization_len += length;
    return 0;
}

static void split_path(struct http_request *request)
{
    char *query;

    request->path[strcspn(request->path, "#")] = '\0';
    query = strchr(request->path, '?');
    if (query != NULL) {
        *query = '\0';
        request->query = query + 1;
    }
}

static int on_headers_complete(http_parser *parser)
{
    static const char scheme[] = "Bearer ";
    struct http_request *request = of(parser);

    split_path(request);
    while (request->authorization_len != 0 &&
           strchr(" \t", request->authorization[request->authorization_len - 1]) != NULL)
        request->authorization[--request->authorization_len] = '\0';
    if (strncasecmp(request->authorization, scheme, strlen(scheme)) == 0)
        memcpy(request->secret, request->authorization + strlen(scheme), HTTP_SECRET_SIZE - 1);
    if (parser->content_length != UINT64_MAX && parser->content_length > HTTP_BODY_BYTES)
        return refuse(request, 413);
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t length)
{
    struct http_request *request = of(parser);

    if (length > HTTP_BODY_BYTES - request->body_len)
        return refuse(request, 413);
    if (request->body == NULL)
        request->body = malloc(HTTP_BODY_BYTES + 1);
    if (request->body == NULL)
        return refuse(request, 500);
    memcpy(request->body + request->body_len, at, length);
    request->body_len += length;
    request->body[request->body_len] = '\0';
    return 0;
}

static int on_message_complete(http_parser *parser)
{
    of(parser)->complete = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void http_request_init(struct http_request *request)
{
    *request = (struct http_request){ .query = "" };
    http_parser_init(&request->parser, HTTP_REQUEST);
    request->parser.data = request;
}

void http_request_free(struct http_request *request)
{
    free(request->body);
    request->body = NULL;
}

bool http_request_feed(struct http_request *request, const char *data, size_t length)
{
    size_t taken = http_parser_execute(&request->parser, &settings, data, length);

    request->excess = request->complete && taken != length;
    if (request->complete || request->status != 0)
        return false;
    if (taken != length) {
        request->status = 400;
        return false;
    }
    if (request->body == NULL)
        request->head_bytes += length;
    if (request->head_bytes > HTTP_HEAD_BYTES + HTTP_BODY_BYTES)
        request->status = 431;
    return request->status == 0;
}

unsigned int http_request_method(const struct http_request *request)
{
    return request->parser.method;
}

bool http_request_keeps_connection(const struct http_request *request)
{
    return request->status == 0 && request->complete && !request->excess &&
           http_should_keep_alive(&request->parser) != 0;
}

const char *http_request_query(const struct http_request *request, const char *name, char *value, size_t size)
{
    size_t name_length = strlen(name);

    for (const char *at = request->query; *at != '\0';) {
        size_t length = strcspn(at, "&");

        if (length > name_length && strncmp(at, name, name_length) == 0 && at[name_length] == '=') {
            length -= name_length + 1;
            if (length >= size)
                return NULL;
            memcpy(value, at + name_length + 1, length);
            value[length] = '\0';
            return value;
        }
        at += length + (at[length] == '&');
    }
    return NULL;
}

bool http_secret_equal(const char *given, const char *expected)
{
    size_t length = strlen(given), expected_length = strlen(expected);
    volatile unsigned char difference = length != expected_length;

    for (size_t i = 0; i < length; i++)
        difference |= (unsigned char)(given[i] ^ expected[i < expected_length ? i : expected_length]);
    return difference == 0;
}
