/* SPDX-License-Identifier: MIT */
#include "dom0_tools/api/connection.h"
#include "dom0_tools/api/exit_wait.h"
#include "dom0_tools/api/http_request.h"
#include "dom0_tools/api/response.h"
#include "dom0_tools/api/tls.h"
#include "lwip/sockets.h"
#include "pvguest/sync.h"
#include "pvguest/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A connection is given up when its first request is not whole after that, or no other follows. */
#define FIRST_TIME     (10 * NSEC_PER_SEC)
#define NEXT_TIME      (15 * NSEC_PER_SEC)
#define GIVE_WAY_TIME  (NSEC_PER_SEC / 20) /* how soon it sees that it is to give way */
#define SEND_TIMEOUT_S 5

/* Commands of all connections are carried out one by one: what they call is xl's, which is made for one user.
 */
static struct mutex answering = MUTEX_INITIALIZER(answering);

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 413:
        return "Payload Too Large";
    case 414:
        return "URI Too Long";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

static bool send_all(const struct api_connection *c, const char *data, size_t length)
{
    if (c->tls != NULL)
        return tls_write(c->tls, data, length);
    while (length != 0) {
        ssize_t done = lwip_send(c->socket, data, length, 0);

        if (done <= 0)
            return false;
        data += done;
        length -= (size_t)done;
    }
    return true;
}

/* The next bytes before the deadline; 0: nobody is there any more, or somebody else needs the room; < 0: none
 * came. */
static ssize_t receive_until(const struct api_connection *c, char *data, size_t size, uint64_t deadline)
{
    ssize_t got = -1;

    for (uint64_t now = time_ns(); got < 0 && now < deadline; now = time_ns()) {
        uint64_t left = deadline - now < GIVE_WAY_TIME ? deadline - now : GIVE_WAY_TIME;
        struct timeval timeout = { .tv_usec =
                                       (suseconds_t)(left / 1000 + 1000) }; /* 0 would be without end */

        if (c->give_way)
            return 0;
        lwip_setsockopt(c->socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        got = c->tls != NULL ? tls_read(c->tls, data, size) : lwip_recv(c->socket, data, size, 0);
        if (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return 0;
    }
    return got;
}

/* Reads until the request is whole, is refused, or its time is over. False: there is none. */
static bool receive(struct api_connection *c, struct http_request *request, bool first)
{
    uint64_t deadline = time_ns() + (first ? FIRST_TIME : NEXT_TIME);
    bool begun = false;
    char data[1024];
    ssize_t got;

    c->idle_since = time_ns();
    do {
        got = receive_until(c, data, sizeof(data), deadline);
        if (got == 0 || (got < 0 && !begun && !first))
            return false;
        if (got < 0)
            request->status = 408;
        begun = true;
    } while (got > 0 && http_request_feed(request, data, (size_t)got));
    c->idle_since = 0;
    return true;
}

/* A connection that is closed with bytes unread is reset, and the answer may be lost with it. */
static void read_to_the_end(struct api_connection *c)
{
    uint64_t deadline = time_ns() + FIRST_TIME;
    char data[1024];

    if (c->tls != NULL)
        tls_shutdown(c->tls);
    lwip_shutdown(c->socket, SHUT_WR);
    c->idle_since = time_ns();
    while (receive_until(c, data, sizeof(data), deadline) > 0)
        ;
}

static void answer(const char *secret, const struct http_request *request, struct http_response *response)
{
    if (request->status != 0) {
        api_answer_error(response, request->status, reason(request->status));
    } else if (!http_secret_equal(request->secret, secret)) {
        api_answer_error(response, 401, "the request has not the right secret");
    } else if (!api_exit_wait(request, response)) {
        mutex_lock(&answering);
        api_answer(request, response);
        mutex_unlock(&answering);
    }
}

static bool send_response(const struct api_connection *c, const struct http_response *response, bool keep,
                          const char *body, size_t length)
{
    char head[256];
    int head_length = snprintf(head, sizeof(head),
                               "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                               "%sConnection: %s\r\n\r\n",
                               response->status, reason(response->status), response->type, length,
                               response->status == 401 ? "WWW-Authenticate: Bearer\r\n" : "",
                               keep ? "keep-alive" : "close");

    return send_all(c, head, (size_t)head_length) && send_all(c, body, length);
}

/* Answers a request that has come. True if the connection may have another one. */
static bool serve_request(struct api_connection *c, const struct http_request *request)
{
    bool keep = http_request_keeps_connection(request), sent = false;
    struct http_response response = { .status = 500, .type = "text/plain" };
    char *body = NULL;
    size_t length = 0;

    response.body = open_memstream(&body, &length);
    if (response.body != NULL) {
        answer(c->secret, request, &response);
        fclose(response.body);
        sent = send_response(c, &response, keep, body, length);
    }
    free(body);
    if (sent && request->status != 0)
        read_to_the_end(c);
    return keep && sent;
}

void api_connection_serve(struct api_connection *c)
{
    struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
    bool first = true, more;

    if (tls_is_on() && (c->tls = tls_open(c->socket)) == NULL)
        return;
    lwip_setsockopt(c->socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    do {
        struct http_request request;

        http_request_init(&request);
        more = receive(c, &request, first) && serve_request(c, &request);
        http_request_free(&request);
        first = false;
    } while (more);
    if (c->tls != NULL) {
        tls_shutdown(c->tls);
        tls_close(c->tls);
    }
}
