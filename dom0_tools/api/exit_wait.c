/* SPDX-License-Identifier: MIT */
#include "dom0_tools/api/exit_wait.h"
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/sync.h"
#include "pvguest/time.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX          "/v1/domains/"
#define SECONDS_DEFAULT 60
#define SECONDS_MOST    300
/* Others shall find room beside those who wait. */
#define MOST_WAITING 12

static struct semaphore room = SEMAPHORE_INITIALIZER(room, MOST_WAITING);

/* False: the request says no time that can be waited for. */
static bool seconds_of(const struct http_request *request, unsigned long *seconds)
{
    char text[8], *end;

    *seconds = SECONDS_DEFAULT;
    if (strstr(request->query, "seconds=") == NULL)
        return true;
    if (http_request_query(request, "seconds", text, sizeof(text)) == NULL)
        return false;
    *seconds = strtoul(text, &end, 10);
    return *end == '\0' && *seconds >= 1 && *seconds <= SECONDS_MOST;
}

static cJSON *describe(domid_t domid, const struct domain_follower *follower)
{
    bool ended = follower->ended || follower->starts != 0;
    cJSON *object = cJSON_CreateObject();

    cJSON_AddNumberToObject(object, "domid", domid);
    cJSON_AddBoolToObject(object, "ended", ended);
    if (ended)
        cJSON_AddStringToObject(object, "how",
                                follower->destroyed ? "destroyed" : domain_end_name(follower->end));
    if (follower->starts != 0)
        cJSON_AddNumberToObject(object, "successor", follower->domid);
    return object;
}

/* A number may be that of a domain that is gone already; a name is one of those that are there. */
static bool find(const char *name, domid_t *domid)
{
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    if (*name == '\0' || *end != '\0')
        return toolstack_find(name, domid);
    *domid = (domid_t)number;
    return number != 0 && number < DOMID_FIRST_RESERVED;
}

static void wait(domid_t domid, unsigned long seconds, struct http_response *response)
{
    struct domain_follower follower;
    domid_t there = domid;
    char text[8];

    snprintf(text, sizeof(text), "%u", domid);
    toolstack_follow(&follower, domid);
    if (!follower.ended && follower.starts == 0 && !domain_find(text, &there)) {
        toolstack_unfollow(&follower);
        api_answer_error(response, 404, "there is no such domain");
        return;
    }
    toolstack_await(&follower, 0, time_ns() + seconds * NSEC_PER_SEC);
    toolstack_unfollow(&follower);
    api_answer_json(response, 200, describe(domid, &follower));
}

bool api_exit_wait(const struct http_request *request, struct http_response *response)
{
    const char *name = request->path + strlen(PREFIX);
    char text[8];
    unsigned long seconds;
    domid_t domid;

    if (http_request_method(request) != HTTP_GET || strncmp(request->path, PREFIX, strlen(PREFIX)) != 0 ||
        strchr(name, '/') != NULL || http_request_query(request, "wait", text, sizeof(text)) == NULL)
        return false;
    if (strcmp(text, "exit") != 0) {
        api_answer_error(response, 400, "what can be waited for is wait=exit");
    } else if (!seconds_of(request, &seconds)) {
        api_answer_error(response, 400, "seconds= is a number from 1 to 300");
    } else if (!find(name, &domid)) {
        api_answer_error(response, 404, "there is no such domain");
    } else if (!semaphore_trydown(&room)) {
        api_answer_error(response, 503, "too many wait already");
    } else {
        wait(domid, seconds, response);
        semaphore_up(&room);
    }
    return true;
}
