/* SPDX-License-Identifier: MIT */
/*
 * NVMe controllers: found by their PCI class, started, and watched by a thread each. A controller that
 * reports a fatal state, is gone, or does not finish a command in time is reset, its requests end with EIO,
 * and it is taken into use again, a few times. The admin queue is polled; each data queue has an MSI-X vector
 * of its own.
 */
#include "dom0_tools/drivers/nvme.h"
#include "dom0_tools/block/registry.h"
#include "dom0_tools/drivers/drivers.h"
#include "pvguest/console.h"
#include "pvguest/cpu.h"
#include "pvguest/memory.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"
#include "pvguest/vmap.h"

#include <stdio.h>
#include <stdlib.h>

#define CLASS_STORAGE  0x01
#define SUBCLASS_NVM   0x08
#define INTERFACE_NVME 0x02

/* Fields of NVME_CAP (3.1.1). */
#define CAP_DEPTH(cap)    ((unsigned)((cap)&0xffff) + 1)
#define CAP_TIMEOUT(cap)  ((unsigned)((cap) >> 24 & 0xff))
#define CAP_STRIDE(cap)   ((unsigned)((cap) >> 32 & 0xf))
#define CAP_PAGE_MIN(cap) ((unsigned)((cap) >> 48 & 0xf))

/* NVME_CC (3.1.5): entries of 2^6 and 2^4 bytes, pages of 4 KiB, the NVM command set. */
#define CC_ENABLE  1U
#define CC_ENTRIES (4U << 20 | 6U << 16)

#define MAX_CONTROLLERS 16
#define MAX_REVIVALS    5

static unsigned nr_controllers;

uint32_t nvme_read32(const struct nvme_controller *controller, unsigned offset)
{
    return *(volatile uint32_t *)(controller->registers + offset);
}

void nvme_write32(struct nvme_controller *controller, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(controller->registers + offset) = value;
}

uint64_t nvme_read64(const struct nvme_controller *controller, unsigned offset)
{
    return nvme_read32(controller, offset) | (uint64_t)nvme_read32(controller, offset + 4) << 32;
}

void nvme_write64(struct nvme_controller *controller, unsigned offset, uint64_t value)
{
    nvme_write32(controller, offset, (uint32_t)value);
    nvme_write32(controller, offset + 4, (uint32_t)(value >> 32));
}

bool nvme_refuse(const struct nvme_controller *controller, const char *why)
{
    const struct pci_address *at = &controller->function.address;

    fprintf(stderr, "%s: NVMe controller %02x:%02x.%x is not used: %s\n", controller->name, at->bus,
            at->device, at->function, why);
    return false;
}

/* Waits until the controller is ready, or is not. */
static bool wait_ready(const struct nvme_controller *controller, bool ready)
{
    uint64_t deadline = time_ns() + controller->ready_time;
    uint32_t status;

    while (((status = nvme_read32(controller, NVME_CSTS)) & NVME_CSTS_READY) !=
           (ready ? NVME_CSTS_READY : 0)) {
        if (status == NVME_CSTS_ABSENT || time_ns() > deadline)
            return false;
        thread_sleep(NSEC_PER_MSEC);
    }
    return status != NVME_CSTS_ABSENT;
}

/* Switches it off: from then on it touches no memory. */
static bool stop(struct nvme_controller *controller)
{
    nvme_write32(controller, NVME_CC, 0);
    return wait_ready(controller, false);
}

static bool map_registers(struct nvme_controller *controller)
{
    struct pci_bar bar;

    pci_read_bar(&controller->function, 0, &bar);
    controller->nr_vectors = pci_read_msix(&controller->function, &controller->msix_table);
    if (!bar.present || bar.io || bar.size < 2 * PAGE_SIZE || controller->nr_vectors == 0)
        return nvme_refuse(controller, "it has no registers in memory, or no MSI-X interrupts");
    pci_command_bits(controller->function.address, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
                     PCI_COMMAND_INTX_OFF);
    controller->length = 2 * PAGE_SIZE; /* the registers, and the doorbells of a few queues */
    controller->registers = map_machine(bar.address, controller->length, PTE_RW | PTE_UNCACHED);
    return controller->registers || nvme_refuse(controller, "its registers cannot be mapped");
}

static bool read_capabilities(struct nvme_controller *controller)
{
    uint64_t cap = nvme_read64(controller, NVME_CAP);

    controller->doorbell_stride = 4U << CAP_STRIDE(cap);
    controller->ready_time = (uint64_t)(CAP_TIMEOUT(cap) + 1) * 500 * NSEC_PER_MSEC;
    if (CAP_DEPTH(cap) < NVME_DEPTH || CAP_PAGE_MIN(cap) != 0 ||
        2 * (NVME_QUEUES + 1) * controller->doorbell_stride > PAGE_SIZE)
        return nvme_refuse(controller, "its queues or pages are not of a size that this driver has");
    return true;
}

static bool alloc_admin(struct nvme_controller *controller)
{
    struct nvme_ring *ring = &controller->admin;

    for (int i = 0; i < 3; i++) {
        controller->admin_pages[i] = page_alloc_zeroed();
        if (!controller->admin_pages[i])
            return nvme_refuse(controller, "no memory");
    }
    ring->sq = controller->admin_pages[0];
    ring->cq = controller->admin_pages[1];
    ring->sq_bus = (uint64_t)virt_to_mfn(controller->admin_pages[0]) << PAGE_SHIFT;
    ring->cq_bus = (uint64_t)virt_to_mfn(controller->admin_pages[1]) << PAGE_SHIFT;
    controller->data_bus = (uint64_t)virt_to_mfn(controller->admin_pages[2]) << PAGE_SHIFT;
    return true;
}

static bool start(struct nvme_controller *controller)
{
    nvme_ring_reset(&controller->admin);
    nvme_write32(controller, NVME_AQA, (NVME_DEPTH - 1) << 16 | (NVME_DEPTH - 1));
    nvme_write64(controller, NVME_ASQ, controller->admin.sq_bus);
    nvme_write64(controller, NVME_ACQ, controller->admin.cq_bus);
    nvme_write32(controller, NVME_CC, CC_ENTRIES | CC_ENABLE);
    return wait_ready(controller, true) || nvme_refuse(controller, "it does not become ready");
}

/* Memory and interrupts of the data queues, once. */
static bool alloc_queues(struct nvme_controller *controller, unsigned count)
{
    controller->queues = calloc(count, sizeof(*controller->queues));
    if (!controller->queues)
        return nvme_refuse(controller, "no memory");
    for (controller->nr_queues = 0; controller->nr_queues < count; controller->nr_queues++) {
        struct nvme_queue *queue = &controller->queues[controller->nr_queues];
        unsigned vector = controller->nr_queues + 1;

        if (!nvme_queue_alloc(queue, controller, controller->nr_queues + 1) ||
            pirq_map_msix(&queue->pirq, controller->function.address, vector, controller->msix_table) != 0) {
            nvme_queue_free(queue);
            return nvme_refuse(controller, "no memory, or no interrupt for a queue");
        }
        if (pirq_bind(&queue->pirq, false, nvme_queue_interrupt, queue) != 0) {
            pirq_release(&queue->pirq);
            nvme_queue_free(queue);
            return nvme_refuse(controller, "the interrupt of a queue cannot be bound");
        }
    }
    return true;
}

/* From a stopped controller to one that takes requests. */
static bool bring_up(struct nvme_controller *controller)
{
    unsigned wanted = controller->nr_vectors - 1 < NVME_QUEUES ? controller->nr_vectors - 1 : NVME_QUEUES,
             count;

    if (wanted == 0)
        return nvme_refuse(controller, "it has fewer than two MSI-X vectors");
    if (!start(controller) || !nvme_identify(controller))
        return false;
    count = nvme_request_queues(controller, controller->queues ? controller->nr_queues : wanted);
    if (count == 0 || (controller->queues && count < controller->nr_queues))
        return nvme_refuse(controller, "it gives no queues");
    if (!controller->queues && !alloc_queues(controller, count < wanted ? count : wanted))
        return false;
    for (unsigned i = 0; i < controller->nr_queues; i++) {
        nvme_ring_reset(&controller->queues[i].ring);
        if (!nvme_create_queue(controller, &controller->queues[i], i + 1))
            return false;
    }
    return true;
}

static void drop_all(struct nvme_controller *controller)
{
    bool masked = upcalls_disable();

    for (unsigned i = 0; i < controller->nr_queues; i++)
        nvme_queue_drop(&controller->queues[i]);
    upcalls_restore(masked);
}

static void check(struct nvme_controller *controller)
{
    uint32_t status = nvme_read32(controller, NVME_CSTS);
    uint64_t now = time_ns();

    if (status == NVME_CSTS_ABSENT)
        nvme_fail(controller, "does not answer any more");
    else if (status & NVME_CSTS_FATAL)
        nvme_fail(controller, "reports a fatal fault");
    else if (!(status & NVME_CSTS_READY))
        nvme_fail(controller, "is not ready any more");
    for (unsigned i = 0; i < controller->nr_queues; i++) {
        struct nvme_queue *queue = &controller->queues[i];

        if (queue->under_way > 0 && now > queue->stalled_since + driver_disk_timeout())
            nvme_fail(controller, "does not finish a command");
    }
}

/* A thread for each controller. */
static void keep_alive(void *arg)
{
    struct nvme_controller *controller = arg;
    unsigned revivals = 0;

    while (revivals++ < MAX_REVIVALS) {
        while (semaphore_down_until(&controller->revive, time_ns() + DRIVER_WATCH_PERIOD) != 0)
            check(controller);
        /* It may have lost what it was told; and one that does not stop must not reach memory. */
        pci_command_bits(controller->function.address, PCI_COMMAND_MEMORY, PCI_COMMAND_MASTER);
        stop(controller);
        drop_all(controller);
        pci_command_bits(controller->function.address, PCI_COMMAND_MASTER, 0);
        if (!bring_up(controller))
            break;
        controller->failed = false;
        console_printf("%s: the controller works again\n", controller->name);
    }
    controller->failed = true;
    stop(controller);
    drop_all(controller);
    console_printf("%s: the controller stays switched off\n", controller->name);
}

static void free_controller(struct nvme_controller *controller)
{
    if (controller->registers) {
        stop(controller);
        unmap_machine((void *)(uintptr_t)controller->registers, controller->length);
    }
    for (unsigned i = 0; i < controller->nr_queues; i++) {
        pirq_release(&controller->queues[i].pirq);
        nvme_queue_free(&controller->queues[i]);
    }
    for (int i = 0; i < 3; i++)
        if (controller->admin_pages[i])
            page_free(controller->admin_pages[i], 0);
    free(controller->queues);
    free(controller->spaces);
    free(controller);
}

static struct nvme_controller *new_controller(const struct pci_function *function)
{
    static char names[MAX_CONTROLLERS][8];
    struct nvme_controller *controller = calloc(1, sizeof(*controller));

    if (!controller)
        return NULL;
    controller->spaces = calloc(NVME_SPACES, sizeof(*controller->spaces));
    if (!controller->spaces) {
        free(controller);
        return NULL;
    }
    snprintf(names[nr_controllers], sizeof(names[0]), "nvme%u", nr_controllers);
    controller->name = names[nr_controllers];
    controller->function = *function;
    semaphore_init(&controller->revive, 0);
    for (unsigned i = 0; i < NVME_SPACES; i++) {
        controller->spaces[i].controller = controller;
        for (unsigned k = 0; k < NVME_QUEUES; k++)
            TAILQ_INIT(&controller->spaces[i].waiting[k]);
    }
    return controller;
}

static void register_namespaces(struct nvme_controller *controller)
{
    for (unsigned i = 0; i < controller->nr_spaces; i++) {
        struct nvme_namespace *space = &controller->spaces[i];
        struct block_device *block = &space->block;

        snprintf(block->name, sizeof(block->name), "%sn%u", controller->name, (unsigned)space->id);
        block->model = controller->model;
        block->by_dma = true;
        block->ops = &nvme_block_ops;
        block->driver = space;
        block_register(block);
    }
}

void nvme_probe(const struct pci_function *function)
{
    struct nvme_controller *controller;
    struct thread *thread;

    if (function->class != CLASS_STORAGE || function->subclass != SUBCLASS_NVM ||
        function->prog_if != INTERFACE_NVME || nr_controllers == MAX_CONTROLLERS)
        return;
    controller = new_controller(function);
    if (!controller)
        return;
    if (!map_registers(controller) || !read_capabilities(controller) || !stop(controller) ||
        !alloc_admin(controller) || !bring_up(controller)) {
        free_controller(controller);
        return;
    }
    nr_controllers++;
    thread = thread_create("nvme", keep_alive, controller, 0);
    if (thread)
        thread_detach(thread);
    register_namespaces(controller);
}
