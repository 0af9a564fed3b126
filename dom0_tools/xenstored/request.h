/* SPDX-License-Identifier: MIT */
#ifndef DOM0_XENSTORED_REQUEST_H
#define DOM0_XENSTORED_REQUEST_H

#include "dom0_tools/xenstored/xenstored.h"

/* What the words of a request's payload are. */
struct request {
    struct connection *conn;
    struct transaction *transaction; /* NULL: none */
    const char *payload;             /* a NUL stands behind its end */
    size_t len;
};

/* Splits the payload into words that each end with a NUL. The number of words; of them the first max are in
 * word[]. A rest without a NUL does not count. */
unsigned int request_words(const struct request *request, const char **word, unsigned int max);

/* A decimal number that is the whole word, at most max. */
bool request_number(const char *word, uint64_t max, uint64_t *number);

/* Processes conn->header and conn->payload and queues the answer. */
void request_process(struct connection *conn);

/* Requests on domains and on the daemon itself: domains.c, control.c. 0 after the answer was queued, or the
 * errno to answer. */
int request_introduce(const struct request *request);
int request_is_introduced(const struct request *request);
int request_release(const struct request *request);
int request_resume(const struct request *request);
int request_set_target(const struct request *request);
int request_get_domain_path(const struct request *request);
int request_control(const struct request *request);

#endif
