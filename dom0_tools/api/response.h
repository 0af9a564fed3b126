/* SPDX-License-Identifier: MIT */
/* What answers a request, and who gives it. */
#ifndef DOM0_API_RESPONSE_H
#define DOM0_API_RESPONSE_H

#include <cJSON.h>
#include <stdio.h>

#include "dom0_tools/api/http_request.h"

struct http_response {
    int status;
    const char *type; /* of the body */
    FILE *body;       /* what is written here */
};

/* Answers a request whose secret was right. */
void api_answer(const struct http_request *request, struct http_response *response);

/* The body is that object, which is freed; NULL: no memory. */
void api_answer_json(struct http_response *response, int status, cJSON *object);
/* {"error": "the sentence"}. */
void api_answer_error(struct http_response *response, int status, const char *sentence);

/* ---- one file for each subject; `rest` is the path behind what names the subject ---- */

void api_domains(const struct http_request *request, const char *rest, struct http_response *response);
void api_host(struct http_response *response);
void api_metrics(struct http_response *response);

#endif
