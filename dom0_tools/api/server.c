/* SPDX-License-Identifier: MIT */
/* The API's sockets: one thread that takes one connection after the other, one request from each. */
#include "dom0_tools/api/api.h"
#include "dom0_tools/api/http_request.h"
#include "dom0_tools/api/response.h"
#include "lwip/sockets.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STACK_SIZE (128U << 10)
/* Whoever has not sent its request by then is not waited for, since others wait behind it. */
#define REQUEST_TIME   (5 * NSEC_PER_SEC)
#define SEND_TIMEOUT_S 5

struct server {
    const char *secret;
    int listener;
};

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
    default:
        return "Internal Server Error";
    }
}

static bool send_all(int connection, const char *data, size_t length)
{
    while (length != 0) {
        ssize_t done = lwip_send(connection, data, length, 0);

        if (done <= 0)
            return false;
        data += done;
        length -= (size_t)done;
    }
    return true;
}

/* The next bytes before the deadline; 0: nobody is there any more, < 0: none came. */
static ssize_t receive_until(int connection, char *data, size_t size, uint64_t deadline)
{
    uint64_t now = time_ns(), left = now < deadline ? deadline - now : 0;
    struct timeval timeout = { .tv_sec = (time_t)(left / NSEC_PER_SEC),
                               .tv_usec = (suseconds_t)(left % NSEC_PER_SEC / 1000) };
    ssize_t got;

    if (left < NSEC_PER_MSEC) /* 0 would be without end */
        return -1;
    lwip_setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    got = lwip_recv(connection, data, size, 0);
    return got < 0 && errno != EAGAIN && errno != EWOULDBLOCK ? 0 : got;
}

/* Reads until the request is whole, is refused, or its time is over. False: nobody is there any more. */
static bool receive(int connection, struct http_request *request)
{
    uint64_t deadline = time_ns() + REQUEST_TIME;
    char data[1024];
    ssize_t got;

    do {
        got = receive_until(connection, data, sizeof(data), deadline);
        if (got == 0)
            return false;
        if (got < 0)
            request->status = 408;
    } while (got > 0 && http_request_feed(request, data, (size_t)got));
    return true;
}

/* A connection that is closed with bytes unread is reset, and the answer may be lost with it. */
static void read_to_the_end(int connection)
{
    uint64_t deadline = time_ns() + REQUEST_TIME;
    char data[1024];

    lwip_shutdown(connection, SHUT_WR);
    while (receive_until(connection, data, sizeof(data), deadline) > 0)
        ;
}

static void answer(const struct server *server, const struct http_request *request,
                   struct http_response *response)
{
    if (request->status != 0)
        api_answer_error(response, request->status, reason(request->status));
    else if (!http_secret_equal(request->secret, server->secret))
        api_answer_error(response, 401, "the request has not the right secret");
    else
        api_answer(request, response);
}

static void send_response(int connection, const struct http_response *response, const char *body,
                          size_t length)
{
    char head[256];
    int head_length = snprintf(head, sizeof(head),
                               "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                               "%sConnection: close\r\n\r\n",
                               response->status, reason(response->status), response->type, length,
                               response->status == 401 ? "WWW-Authenticate: Bearer\r\n" : "");

    if (send_all(connection, head, (size_t)head_length))
        send_all(connection, body, length);
}

static void serve(const struct server *server, int connection)
{
    struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
    struct http_response response = { .status = 500, .type = "text/plain" };
    struct http_request request;
    char *body = NULL;
    size_t length = 0;

    lwip_setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    http_request_init(&request);
    response.body = open_memstream(&body, &length);
    if (response.body != NULL && receive(connection, &request)) {
        answer(server, &request, &response);
        fclose(response.body);
        send_response(connection, &response, body, length);
        if (request.status != 0)
            read_to_the_end(connection);
    } else if (response.body != NULL) {
        fclose(response.body);
    }
    free(body);
    http_request_free(&request);
}

static void accept_all(void *arg)
{
    const struct server *server = arg;

    for (;;) {
        int connection = lwip_accept(server->listener, NULL, NULL);

        if (connection < 0)
            continue;
        serve(server, connection);
        lwip_close(connection);
    }
}

static int open_listener(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = lwip_htons(port) };
    int listener = lwip_socket(AF_INET, SOCK_STREAM, 0);

    if (listener < 0)
        return -1;
    if (lwip_bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        lwip_listen(listener, 8) == 0)
        return listener;
    lwip_close(listener);
    return -1;
}

static int start(const char *secret, uint16_t port)
{
    struct server *server = malloc(sizeof(*server));
    struct thread *thread;

    if (server == NULL)
        return ENOMEM;
    server->secret = secret;
    server->listener = open_listener(port);
    if (server->listener < 0) {
        free(server);
        return errno;
    }
    thread = thread_create("api", accept_all, server, STACK_SIZE);
    if (thread == NULL) {
        lwip_close(server->listener);
        free(server);
        return ENOMEM;
    }
    thread_detach(thread);
    return 0;
}

/* What stands behind the name among the arguments, or NULL. */
static const char *argument(int argc, char **argv, const char *name)
{
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], name, strlen(name)) == 0)
            return argv[i] + strlen(name);
    return NULL;
}

int api_start(int argc, char **argv)
{
    const char *secret = argument(argc, argv, "api.secret="), *port = argument(argc, argv, "api.port=");
    unsigned long number = port != NULL ? strtoul(port, NULL, 10) : API_DEFAULT_PORT;

    if (secret == NULL)
        return 0;
    if (*secret == '\0' || strlen(secret) >= HTTP_SECRET_SIZE || number == 0 || number > UINT16_MAX)
        return EINVAL;
    return start(secret, (uint16_t)number);
}
