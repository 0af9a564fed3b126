/* SPDX-License-Identifier: MIT */
/* HTTP requests as they come in: in any pieces, too long, and nonsense. */
/* unit-sources: dom0_tools/api/http_request.c build/http-parser/http-parser-2.9.4/http_parser.c */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0_tools/api/http_request.h"

static struct http_request request;

/* Feeds the text in pieces of that size. */
static void feed(const char *text, size_t length, size_t piece)
{
    http_request_init(&request);
    for (size_t at = 0; at < length; at += piece)
        if (!http_request_feed(&request, text + at, length - at < piece ? length - at : piece))
            break;
}

static void all(const char *text)
{
    feed(text, strlen(text), strlen(text));
}

static void teardown(void)
{
    http_request_free(&request);
}

TestSuite(http_request, .fini = teardown);

Test(http_request, in_any_pieces)
{
    static const char text[] = "POST /v1/domains?x=1#y HTTP/1.1\r\nHost: a\r\nauthorization: bearer word \r\n"
                               "Content-Length: 5\r\nAuthorizationX: no\r\n\r\nhello";

    for (size_t piece = 1; piece <= strlen(text); piece++) {
        feed(text, strlen(text), piece);
        cr_assert(request.complete, "pieces of %zu", piece);
        cr_expect_eq(request.status, 0);
        cr_expect_eq(http_request_method(&request), HTTP_POST);
        cr_expect_str_eq(request.path, "/v1/domains");
        cr_expect_str_eq(request.secret, "word");
        cr_expect_eq(request.body_len, 5);
        cr_expect_str_eq(request.body, "hello");
        http_request_free(&request);
    }
}

Test(http_request, chunks)
{
    all("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    cr_expect(request.complete);
    cr_expect_str_eq(request.body, "abcde");
    cr_expect_str_eq(request.secret, "");
}

Test(http_request, without_body)
{
    all("GET /metrics HTTP/1.0\r\n\r\n");
    cr_expect(request.complete);
    cr_expect_null(request.body);
}

static void refused(const char *head, size_t fill, const char *tail, int status)
{
    char *text = malloc(strlen(head) + fill + strlen(tail) + 1);

    sprintf(text, "%s%*s%s", head, (int)fill, "", tail);
    for (char *at = text + strlen(head); at < text + strlen(head) + fill; at++)
        *at = 'x';
    for (size_t piece = 1; piece < 5000; piece += 1111) {
        feed(text, strlen(text), piece);
        cr_expect_not(request.complete, "%.40s", text);
        cr_expect_eq(request.status, status, "%.40s: status %d", text, request.status);
        http_request_free(&request);
    }
    free(text);
}

Test(http_request, refusals)
{
    refused("GET /", HTTP_PATH_SIZE, " HTTP/1.1\r\n\r\n", 414);
    refused("GET / HTTP/1.1\r\nAuthorization: Bearer ", HTTP_SECRET_SIZE + 1, "\r\n\r\n", 431);
    refused("POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", 0, "", 413);
    refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n", 65537, "\r\n", 413);
    refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 0, "", 400);
    refused("nonsense\r\n\r\n", 0, "", 400);
}

Test(http_request, secrets)
{
    cr_expect(http_secret_equal("word", "word"));
    cr_expect(http_secret_equal("", ""));
    cr_expect_not(http_secret_equal("", "word"));
    cr_expect_not(http_secret_equal("wor", "word"));
    cr_expect_not(http_secret_equal("words", "word"));
    cr_expect_not(http_secret_equal("worm", "word"));
    cr_expect_not(http_secret_equal("wordword", "word"));
}

static void expect_query(const char *name, const char *expected)
{
    char value[6];
    const char *found = http_request_query(&request, name, value, sizeof(value));

    if (expected == NULL)
        cr_expect_null(found, "%s is '%s'", name, found);
    else
        cr_expect_str_eq(found, expected);
}

Test(http_request, queries)
{
    all("GET /v1?wait=exit&x=&&long=123456&wait=2#wait=3 HTTP/1.1\r\n\r\n");
    cr_expect_str_eq(request.path, "/v1");
    expect_query("wait", "exit");
    expect_query("x", "");
    expect_query("long", NULL);
    expect_query("wai", NULL);
    expect_query("exit", NULL);
    http_request_free(&request);
    all("GET /v1#a?wait=exit HTTP/1.1\r\n\r\n");
    expect_query("wait", NULL);
}

Test(http_request, kept_connections)
{
    all("GET / HTTP/1.1\r\n\r\n");
    cr_expect(http_request_keeps_connection(&request));
    all("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    cr_expect_not(http_request_keeps_connection(&request));
    all("GET / HTTP/1.0\r\n\r\n");
    cr_expect_not(http_request_keeps_connection(&request));
    all("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    cr_expect(http_request_keeps_connection(&request));
    all("GET / HTTP/1.1\r\n\r\nG");
    cr_expect_not(http_request_keeps_connection(&request));
    all("nonsense");
    cr_expect_not(http_request_keeps_connection(&request));
}
