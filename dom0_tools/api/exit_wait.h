/* SPDX-License-Identifier: MIT */
/* GET /v1/domains/D?wait=exit: an answer that comes when the domain has ended. */
#ifndef DOM0_API_EXIT_WAIT_H
#define DOM0_API_EXIT_WAIT_H

#include <stdbool.h>

#include "dom0_tools/api/response.h"

/* Waits and answers, if the request is that one; else false. Any number of threads; the secret was right. */
bool api_exit_wait(const struct http_request *request, struct http_response *response);

#endif
