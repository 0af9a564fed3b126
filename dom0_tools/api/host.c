/* SPDX-License-Identifier: MIT */
/* GET /v1/host: the machine and the hypervisor. */
#include "dom0_tools/api/response.h"
#include "dom0_tools/xc/host.h"
#include "pvguest/hypercall.h"

void api_host(struct http_response *response)
{
    struct xen_sysctl_physinfo info;
    long version = hypercall_xen_version(XENVER_version, NULL);
    xen_extraversion_t extra = "";
    cJSON *object;
    char text[64];

    if (xc_physinfo(&info) != 0) {
        api_answer_error(response, 500, "the hypervisor does not answer");
        return;
    }
    hypercall_xen_version(XENVER_extraversion, extra);
    snprintf(text, sizeof(text), "%ld.%ld%s", version >> 16, version & 0xffff, extra);
    object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "xen_version", text);
    cJSON_AddNumberToObject(object, "cpus", info.nr_cpus);
    cJSON_AddNumberToObject(object, "cpu_khz", info.cpu_khz);
    cJSON_AddNumberToObject(object, "total_memory_kib", (double)info.total_pages * 4);
    cJSON_AddNumberToObject(object, "free_memory_kib", (double)info.free_pages * 4);
    api_answer_json(response, 200, object);
}
