/* SPDX-License-Identifier: MIT */
/* Commands to the controller itself: one at a time, and the thread polls for the answer. */
#include "dom0_tools/drivers/nvme.h"
#include "pvguest/memory.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"

#include <stdio.h>
#include <string.h>

/* What to identify (5.15). */
#define CNS_NAMESPACE  0
#define CNS_CONTROLLER 1
#define CNS_ACTIVE     2

/* Offsets in what a controller says of itself (5.15.2.2). */
#define CONTROLLER_MODEL 24
#define CONTROLLER_MDTS  77
#define CONTROLLER_ONCS  520
#define CONTROLLER_VWC   525
#define ONCS_DATASET     4U
#define VWC_PRESENT      1U
#define MODEL_LENGTH     40

/* And of a namespace (5.15.2.1). */
#define SPACE_SIZE     0
#define SPACE_FLBAS    26
#define SPACE_ATTR     99
#define SPACE_LBAF     128
#define ATTR_PROTECTED 1U

#define FEATURE_QUEUES   7
#define CQ_INTERRUPTS    2U
#define QUEUE_CONTIGUOUS 1U

/* Longer than a controller takes for any of these. */
#define ADMIN_TIME (5 * NSEC_PER_SEC)
#define POLL_TIME  (100 * NSEC_PER_USEC)

static uint64_t field(const struct nvme_controller *controller, unsigned offset, unsigned size)
{
    uint64_t value = 0;

    memcpy(&value, (const char *)controller->admin_pages[2] + offset, size);
    return value;
}

static bool run(struct nvme_controller *controller, const struct nvme_command *command, uint32_t *result)
{
    uint64_t deadline = time_ns() + ADMIN_TIME;
    struct nvme_completion completion;

    nvme_ring_add(&controller->admin, command);
    nvme_doorbell(controller, 0, false, controller->admin.tail);
    while (!nvme_ring_take(&controller->admin, &completion)) {
        if (time_ns() > deadline)
            return nvme_refuse(controller, "it does not answer");
        thread_sleep(POLL_TIME);
    }
    nvme_doorbell(controller, 0, true, controller->admin.head);
    if (result)
        *result = completion.result;
    return NVME_STATUS(completion.status) == 0;
}

static bool identify(struct nvme_controller *controller, unsigned what, uint32_t nsid)
{
    struct nvme_command command = {
        .opcode = NVME_ADMIN_IDENTIFY, .nsid = nsid, .prp1 = controller->data_bus, .dw10 = what
    };

    memset(controller->admin_pages[2], 0, PAGE_SIZE);
    return run(controller, &command, NULL);
}

static void read_controller(struct nvme_controller *controller)
{
    unsigned mdts = (unsigned)field(controller, CONTROLLER_MDTS, 1);
    uint32_t most = NVME_PAGES * NVME_PAGE;

    controller->max_bytes = mdts > 0 && mdts < 5 ? NVME_PAGE << mdts : most;
    controller->has_cache = field(controller, CONTROLLER_VWC, 1) & VWC_PRESENT;
    controller->has_dataset = field(controller, CONTROLLER_ONCS, 2) & ONCS_DATASET;
    memcpy(controller->model, (const char *)controller->admin_pages[2] + CONTROLLER_MODEL, MODEL_LENGTH);
    for (int i = 0; i < MODEL_LENGTH; i++)
        if (controller->model[i] < ' ' || controller->model[i] > '~')
            controller->model[i] = ' ';
    for (int i = MODEL_LENGTH; i > 0 && controller->model[i - 1] == ' '; i--)
        controller->model[i - 1] = '\0';
}

/* Reads a namespace's geometry; false with a message if it cannot be used. */
static bool read_namespace(struct nvme_namespace *space, uint32_t id)
{
    struct nvme_controller *controller = space->controller;
    struct block_device *block = &space->block;
    uint32_t format;

    if (!identify(controller, CNS_NAMESPACE, id))
        return nvme_refuse(controller, "it does not say what a namespace is");
    format = (uint32_t)field(controller, SPACE_LBAF + 4 * (field(controller, SPACE_FLBAS, 1) & 15), 4);
    space->id = id;
    space->lba_shift = format >> 16 & 0xff;
    if ((format & 0xffff) != 0 || (space->lba_shift != 9 && space->lba_shift != 12)) {
        fprintf(stderr,
                "%s: namespace %u is not used: its blocks are not of 512 or 4096 bytes without metadata\n",
                controller->name, (unsigned)id);
        return false;
    }
    block->sector_size = 1U << space->lba_shift;
    block->sectors = field(controller, SPACE_SIZE, 8) << (space->lba_shift - BLOCK_SECTOR_SHIFT);
    block->read_only = field(controller, SPACE_ATTR, 1) & ATTR_PROTECTED;
    block->can_flush = controller->has_cache;
    block->can_discard = controller->has_dataset && !block->read_only;
    block->discard_granularity = 1U << (space->lba_shift - BLOCK_SECTOR_SHIFT);
    block->discard_max = UINT32_MAX & ~(block->discard_granularity - 1);
    return block->sectors > 0;
}

static bool identify_namespaces(struct nvme_controller *controller)
{
    uint32_t ids[NVME_SPACES];

    if (!identify(controller, CNS_ACTIVE, 0))
        return nvme_refuse(controller, "it does not list its namespaces");
    memcpy(ids, controller->admin_pages[2], sizeof(ids));
    for (unsigned i = 0; i < NVME_SPACES && ids[i] != 0; i++) {
        struct nvme_namespace *space = &controller->spaces[controller->nr_spaces];

        if (read_namespace(space, ids[i]))
            controller->nr_spaces++;
    }
    return controller->nr_spaces > 0 || nvme_refuse(controller, "it has no usable namespace");
}

bool nvme_identify(struct nvme_controller *controller)
{
    if (!identify(controller, CNS_CONTROLLER, 0))
        return nvme_refuse(controller, "it does not identify itself");
    read_controller(controller);
    /* What users know of the namespaces stays as it was when the controller was reset. */
    return controller->nr_spaces > 0 || identify_namespaces(controller);
}

unsigned nvme_request_queues(struct nvme_controller *controller, unsigned n)
{
    struct nvme_command command = { .opcode = NVME_ADMIN_SET_FEATURES,
                                    .dw10 = FEATURE_QUEUES,
                                    .dw11 = (n - 1) << 16 | (n - 1) };
    uint32_t result;
    unsigned submission, completion;

    if (!run(controller, &command, &result))
        return 0;
    submission = (result & 0xffff) + 1;
    completion = (result >> 16) + 1;
    n = n < submission ? n : submission;
    return n < completion ? n : completion;
}

bool nvme_create_queue(struct nvme_controller *controller, struct nvme_queue *queue, unsigned vector)
{
    struct nvme_command command = {
        .opcode = NVME_ADMIN_CREATE_CQ,
        .prp1 = queue->ring.cq_bus,
        .dw10 = (NVME_DEPTH - 1) << 16 | queue->id,
        .dw11 = vector << 16 | CQ_INTERRUPTS | QUEUE_CONTIGUOUS,
    };

    if (!run(controller, &command, NULL))
        return nvme_refuse(controller, "it refuses a completion queue");
    command.opcode = NVME_ADMIN_CREATE_SQ;
    command.prp1 = queue->ring.sq_bus;
    command.dw11 = queue->id << 16 | QUEUE_CONTIGUOUS;
    return run(controller, &command, NULL) || nvme_refuse(controller, "it refuses a submission queue");
}
