/* SPDX-License-Identifier: MIT */
/* /v1/domains: what `xl` does to domains. */
#include "dom0_tools/api/response.h"
#include "dom0_tools/config/config_file.h"
#include "dom0_tools/consoled/consoled.h"
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/toolstack/tune.h"
#include "dom0_tools/xl/domain_list.h"
#include "pvguest/xen_errno.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/sched.h>

/* A request about one domain. */
struct subject {
    const struct http_request *request;
    struct http_response *response;
    domid_t domid;
};

/* ---- reading ---- */

static const char *state_name(const struct xen_domctl_getdomaininfo *info)
{
    if ((info->flags & XEN_DOMINF_dying) != 0)
        return "dying";
    if ((info->flags & XEN_DOMINF_shutdown) != 0)
        return (info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask) == SHUTDOWN_crash
                   ? "crashed"
                   : "shutdown";
    if ((info->flags & XEN_DOMINF_paused) != 0)
        return "paused";
    return (info->flags & XEN_DOMINF_running) != 0 ? "running" : "blocked";
}

static cJSON *describe(const struct xen_domctl_getdomaininfo *info)
{
    cJSON *object = cJSON_CreateObject();
    char uuid[UUID_TEXT_SIZE];

    uuid_format(uuid, info->handle);
    cJSON_AddNumberToObject(object, "domid", info->domain);
    cJSON_AddStringToObject(object, "name", domain_name(info->domain));
    cJSON_AddStringToObject(object, "uuid", uuid);
    cJSON_AddStringToObject(object, "state", state_name(info));
    cJSON_AddNumberToObject(object, "memory_kib", (double)info->tot_pages * 4);
    cJSON_AddNumberToObject(object, "max_memory_kib", (double)info->max_pages * 4);
    cJSON_AddNumberToObject(object, "vcpus", info->nr_online_vcpus);
    cJSON_AddNumberToObject(object, "cpu_seconds", (double)info->cpu_time / 1e9);
    return object;
}

static void list(struct http_response *response)
{
    struct domain_list domains;
    cJSON *array = cJSON_CreateArray();

    if (domain_list_get(&domains) == 0)
        for (size_t i = 0; i < domains.nr; i++)
            cJSON_AddItemToArray(array, describe(&domains.info[i]));
    domain_list_free(&domains);
    api_answer_json(response, 200, array);
}

static void show(const struct subject *subject)
{
    struct xen_domctl_getdomaininfo info;
    int error = xc_domain_info(subject->domid, &info);

    if (error != 0)
        api_answer_error(subject->response, 404, strerror(xen_errno_to_c(error)));
    else
        api_answer_json(subject->response, 200, describe(&info));
}

/* ---- making ---- */

static bool read_config(struct domain_config *config, const struct http_request *request, char *error)
{
    struct config_file file;
    bool ok;

    config_init(&file, "request");
    ok = config_parse(&file, request->body != NULL ? request->body : "", request->body_len, error) &&
         domain_config_read(config, &file, error);
    config_free(&file);
    return ok;
}

/* The body is a configuration in xl.cfg's syntax. */
static void create(const struct http_request *request, struct http_response *response)
{
    struct domain_config config;
    char error[TOOLSTACK_ERROR_SIZE];
    domid_t domid;
    cJSON *object;

    if (!read_config(&config, request, error)) {
        api_answer_error(response, 400, error);
    } else if (!toolstack_create(&config, false, &domid, error)) {
        api_answer_error(response, 409, error);
    } else {
        object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "domid", domid);
        api_answer_json(response, 201, object);
    }
}

/* ---- acting ---- */

static void done(const struct subject *subject, bool ok, const char *error)
{
    if (ok)
        api_answer_json(subject->response, 200, cJSON_CreateObject());
    else
        api_answer_error(subject->response, 409, error);
}

static void done_xc(const struct subject *subject, int error)
{
    done(subject, error == 0, strerror(xen_errno_to_c(error)));
}

/* The number that the JSON body has for the name. */
static bool number(const struct subject *subject, const char *name, double most, uint64_t *value)
{
    cJSON *body = subject->request->body != NULL ? cJSON_Parse(subject->request->body) : NULL;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, name);
    bool ok = cJSON_IsNumber(item) && item->valuedouble >= 1 && item->valuedouble <= most;
    char error[80];

    if (ok)
        *value = (uint64_t)item->valuedouble;
    cJSON_Delete(body);
    snprintf(error, sizeof(error), "the body is to be {\"%s\": NUMBER}", name);
    if (!ok)
        api_answer_error(subject->response, 400, error);
    return ok;
}

static void act_pause(const struct subject *subject)
{
    done_xc(subject, xc_domain_pause(subject->domid));
}

static void act_unpause(const struct subject *subject)
{
    done_xc(subject, xc_domain_unpause(subject->domid));
}

static void act_shutdown(const struct subject *subject)
{
    char error[TOOLSTACK_ERROR_SIZE];

    done(subject, tune_shutdown(subject->domid, false, error), error);
}

static void act_reboot(const struct subject *subject)
{
    char error[TOOLSTACK_ERROR_SIZE];

    done(subject, tune_shutdown(subject->domid, true, error), error);
}

static void act_destroy(const struct subject *subject)
{
    char error[TOOLSTACK_ERROR_SIZE];

    done(subject, toolstack_destroy(subject->domid, error), error);
}

static void act_memory(const struct subject *subject)
{
    char error[TOOLSTACK_ERROR_SIZE];
    uint64_t kib;

    if (number(subject, "kib", 1e12, &kib))
        done(subject, tune_memory(subject->domid, kib, error), error);
}

static void act_vcpus(const struct subject *subject)
{
    char error[TOOLSTACK_ERROR_SIZE];
    uint64_t online;

    if (number(subject, "online", UINT16_MAX, &online))
        done(subject, tune_vcpus(subject->domid, (uint32_t)online, error), error);
}

/* ---- the console ---- */

static void ignore(void *arg)
{
    (void)arg;
}

/* Opens the domain's console, or answers why not. */
static struct console_reader *open_console(const struct subject *subject)
{
    struct console_reader *reader;
    int error = console_reader_open(&reader, subject->domid, ignore, NULL);

    if (error == 0)
        return reader;
    api_answer_error(subject->response, 409, strerror(error));
    return NULL;
}

/* All that is kept of what the domain has printed. */
static void read_console(const struct subject *subject)
{
    struct console_reader *reader = open_console(subject);
    char data[512];
    uint64_t lost;
    size_t got;

    if (reader == NULL)
        return;
    subject->response->status = 200;
    subject->response->type = "text/plain";
    while ((got = console_reader_read(reader, data, sizeof(data), &lost)) != 0)
        fwrite(data, 1, got, subject->response->body);
    console_reader_close(reader);
}

/* The body's bytes are typed. */
static void act_console(const struct subject *subject)
{
    const struct http_request *request = subject->request;
    struct console_reader *reader = open_console(subject);
    cJSON *object;
    size_t typed;

    if (reader == NULL)
        return;
    typed = console_reader_write(reader, request->body != NULL ? request->body : "", request->body_len);
    console_reader_close(reader);
    object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "typed", (double)typed);
    api_answer_json(subject->response, 200, object);
}

/* ---- finding out what is meant ---- */

static const struct {
    unsigned int method;
    const char *action; /* behind the domain's name */
    void (*run)(const struct subject *subject);
} actions[] = {
    { HTTP_GET, "", show },
    { HTTP_DELETE, "", act_destroy },
    { HTTP_POST, "/pause", act_pause },
    { HTTP_POST, "/unpause", act_unpause },
    { HTTP_POST, "/shutdown", act_shutdown },
    { HTTP_POST, "/reboot", act_reboot },
    { HTTP_POST, "/memory", act_memory },
    { HTTP_POST, "/vcpus", act_vcpus },
    { HTTP_GET, "/console", read_console },
    { HTTP_POST, "/console", act_console },
};
#define NR_ACTIONS (sizeof(actions) / sizeof(actions[0]))

static void one_domain(const struct http_request *request, const char *name, struct http_response *response)
{
    struct subject subject = { .request = request, .response = response };
    size_t length = strcspn(name, "/"), i = 0;
    char text[DOMAIN_NAME_SIZE];

    while (i < NR_ACTIONS && (actions[i].method != http_request_method(request) ||
                              strcmp(actions[i].action, name + length) != 0))
        i++;
    snprintf(text, sizeof(text), "%.*s", (int)(length < sizeof(text) ? length : sizeof(text)), name);
    if (i == NR_ACTIONS)
        api_answer_error(response, 404, "there is no such action");
    else if (!domain_find(text, &subject.domid))
        api_answer_error(response, 404, "there is no such domain");
    else if (subject.domid == 0 && actions[i].run != show)
        api_answer_error(response, 409, "domain 0 is the one that answers here");
    else
        actions[i].run(&subject);
}

void api_domains(const struct http_request *request, const char *rest, struct http_response *response)
{
    unsigned int method = http_request_method(request);

    if (rest[0] == '/' && rest[1] != '\0')
        one_domain(request, rest + 1, response);
    else if (method == HTTP_GET)
        list(response);
    else if (method == HTTP_POST)
        create(request, response);
    else
        api_answer_error(response, 405, "domains are listed by GET and made by POST");
}
