/* SPDX-License-Identifier: MIT */
#include "dom0_tools/api/response.h"

#include <stdlib.h>
#include <string.h>

void api_answer_json(struct http_response *response, int status, cJSON *object)
{
    char *text = object != NULL ? cJSON_PrintUnformatted(object) : NULL;

    response->status = text != NULL ? status : 500;
    response->type = "application/json";
    fprintf(response->body, "%s\n", text != NULL ? text : "{\"error\":\"out of memory\"}");
    free(text);
    cJSON_Delete(object);
}

void api_answer_error(struct http_response *response, int status, const char *sentence)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "error", sentence);
    api_answer_json(response, status, object);
}

static bool only_get(const struct http_request *request, struct http_response *response)
{
    if (http_request_method(request) == HTTP_GET)
        return true;
    api_answer_error(response, 405, "this can only be read");
    return false;
}

void api_answer(const struct http_request *request, struct http_response *response)
{
    static const char domains[] = "/v1/domains";
    const char *path = request->path;

    if (strcmp(path, "/metrics") == 0) {
        if (only_get(request, response))
            api_metrics(response);
    } else if (strcmp(path, "/v1/host") == 0) {
        if (only_get(request, response))
            api_host(response);
    } else if (strncmp(path, domains, strlen(domains)) == 0 && strchr("/", path[strlen(domains)]) != NULL) {
        api_domains(request, path + strlen(domains), response);
    } else {
        api_answer_error(response, 404, "there is no such path");
    }
}
