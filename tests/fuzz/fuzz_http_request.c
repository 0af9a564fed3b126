/* SPDX-License-Identifier: MIT */
/* Any bytes as an HTTP request, in pieces that the first byte tells: no crash, everything within its limits.
 */
/* fuzz-sources: dom0_tools/api/http_request.c build/http-parser/http-parser-2.9.4/http_parser.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0_tools/api/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_request request;
    size_t piece = size != 0 ? data[0] + 1U : 1;

    http_request_init(&request);
    for (size_t at = 1; at < size; at += piece)
        if (!http_request_feed(&request, (const char *)data + at, size - at < piece ? size - at : piece))
            break;
    if (request.body_len > HTTP_BODY_BYTES || strlen(request.path) >= sizeof(request.path) ||
        strlen(request.secret) >= sizeof(request.secret))
        abort();
    if (request.body != NULL && strlen(request.body) > request.body_len)
        abort();
    http_secret_equal(request.secret, "word");
    http_request_free(&request);
    return 0;
}
