/* SPDX-License-Identifier: MIT */
/*
 * An NVMe controller (NVM Express 1.4, PCI transport) and its queues, shared by the files of its driver:
 * nvme.c finds and starts controllers and keeps them alive, nvme_admin.c asks them what they are,
 * nvme_queue.c moves data.
 */
#ifndef DOM0_DRIVERS_NVME_H
#define DOM0_DRIVERS_NVME_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0_tools/drivers/nvme_prp.h"
#include "dom0_tools/pci/pci_function.h"
#include "pvguest/block.h"
#include "pvguest/pirq.h"
#include "pvguest/sync.h"

/* Registers (3.1). */
#define NVME_CAP  0x00
#define NVME_CC   0x14
#define NVME_CSTS 0x1c
#define NVME_AQA  0x24
#define NVME_ASQ  0x28
#define NVME_ACQ  0x30
/* Doorbells begin here: for queue n the submission queue's tail and the completion queue's head. */
#define NVME_DOORBELLS 0x1000

#define NVME_CSTS_READY  1U
#define NVME_CSTS_FATAL  2U
#define NVME_CSTS_ABSENT UINT32_MAX

/* Operation codes (5, 6). */
#define NVME_ADMIN_CREATE_SQ    0x01
#define NVME_ADMIN_CREATE_CQ    0x05
#define NVME_ADMIN_IDENTIFY     0x06
#define NVME_ADMIN_SET_FEATURES 0x09
#define NVME_IO_FLUSH           0x00
#define NVME_IO_WRITE           0x01
#define NVME_IO_READ            0x02
#define NVME_IO_DATASET         0x09

/* A submission queue entry (4.2). */
struct nvme_command {
    uint8_t opcode, flags;
    uint16_t id;
    uint32_t nsid;
    uint64_t reserved, metadata;
    uint64_t prp1, prp2;
    uint32_t dw10, dw11, dw12, dw13, dw14, dw15;
};
_Static_assert(sizeof(struct nvme_command) == 64, "as the controller has it");

/* A completion queue entry (4.6); status: bit 0 is the phase. */
struct nvme_completion {
    uint32_t result, reserved;
    uint16_t sq_head, sq_id, id, status;
};
_Static_assert(sizeof(struct nvme_completion) == 16, "as the controller has it");

#define NVME_STATUS(status) ((status) >> 1 & 0x7ff) /* type and code; 0: success */

#define NVME_DEPTH  64U              /* entries of a queue: a page of commands */
#define NVME_SLOTS  (NVME_DEPTH - 1) /* commands under way at once: a full queue looks like an empty one */
#define NVME_PAGES  32U              /* of one command */
#define NVME_QUEUES 4U               /* for data, at most */
#define NVME_SPACES 16U              /* namespaces, at most */

/* A pair of queues. */
struct nvme_ring {
    volatile struct nvme_command *sq;
    volatile struct nvme_completion *cq;
    uint64_t sq_bus, cq_bus;
    uint16_t tail, head; /* of the submission and the completion queue */
    uint16_t rung;       /* the tail that the controller knows */
    uint16_t phase;      /* that new completions have */
};

struct nvme_controller;

/* A command under way, by its id. */
struct nvme_slot {
    struct nvme_transfer *transfer; /* NULL: the slot is free */
    uint64_t *list;                 /* NVME_PAGES entries that do not cross a page */
    uint64_t list_bus;
};

/* A request under way. */
struct nvme_transfer {
    struct block_request *request; /* NULL: free */
    struct nvme_namespace *space;
    struct nvme_position position;
    uint64_t lba;
    unsigned commands; /* under way */
    bool issued;       /* all commands */
    int error;
};

struct nvme_queue {
    struct nvme_controller *controller;
    unsigned id; /* from 1; 0 is the admin queue */
    struct nvme_ring ring;
    struct pirq pirq;
    struct nvme_slot slots[NVME_SLOTS];
    struct nvme_transfer transfers[NVME_SLOTS];
    struct nvme_transfer *partial; /* whose commands did not all find a slot */
    unsigned under_way;            /* commands */
    unsigned next_space;           /* whose requests come next */
    uint64_t stalled_since; /* time_ns() of the last completion, or of the first command after an idle time */
    void *pages[2 + NVME_SLOTS / 16 + 1];
};

struct nvme_namespace {
    struct block_device block;
    struct nvme_controller *controller;
    uint32_t id;
    unsigned lba_shift; /* log2 of its block's bytes */
    struct block_queue waiting[NVME_QUEUES];
};

struct nvme_controller {
    const char *name; /* "nvme0" */
    struct pci_function function;
    volatile uint8_t *registers;
    size_t length; /* of the mapping */
    uint64_t msix_table;
    unsigned nr_vectors;
    unsigned doorbell_stride; /* bytes */
    uint64_t ready_time;      /* ns a change of its state may take */
    struct nvme_ring admin;
    void *admin_pages[3]; /* commands, completions, data */
    uint64_t data_bus;
    uint32_t max_bytes; /* of one command */
    bool has_cache, has_dataset;
    char model[41];
    struct nvme_queue *queues;
    unsigned nr_queues;
    struct nvme_namespace *spaces;
    unsigned nr_spaces;
    bool failed;
    struct semaphore revive;
};

uint32_t nvme_read32(const struct nvme_controller *controller, unsigned offset);
void nvme_write32(struct nvme_controller *controller, unsigned offset, uint32_t value);
uint64_t nvme_read64(const struct nvme_controller *controller, unsigned offset);
void nvme_write64(struct nvme_controller *controller, unsigned offset, uint64_t value);

/* Says why the device is not used; returns false. */
bool nvme_refuse(const struct nvme_controller *controller, const char *why);

/* ---- nvme_admin.c: threads only; false: refused, or no answer in time ---- */

/* The controller's own properties, and its namespaces on the first call. */
bool nvme_identify(struct nvme_controller *controller);
/* Asks for n pairs of queues; returns how many there will be, 0 on a fault. */
unsigned nvme_request_queues(struct nvme_controller *controller, unsigned n);
bool nvme_create_queue(struct nvme_controller *controller, struct nvme_queue *queue, unsigned vector);

/* ---- nvme_queue.c ---- */

extern const struct block_ops nvme_block_ops;

/* Memory of a queue; false without. nvme_queue_free() also takes back what a failed call left. */
bool nvme_queue_alloc(struct nvme_queue *queue, struct nvme_controller *controller, unsigned id);
void nvme_queue_free(struct nvme_queue *queue);
/* Empties the rings, for a controller that was reset. */
void nvme_ring_reset(struct nvme_ring *ring);
void nvme_doorbell(struct nvme_controller *controller, unsigned queue, bool completion, uint16_t value);
/* Takes the next completion; false: there is none. */
bool nvme_ring_take(struct nvme_ring *ring, struct nvme_completion *completion);
void nvme_ring_add(struct nvme_ring *ring, const struct nvme_command *command);
/* Event context: the queue's interrupt. */
void nvme_queue_interrupt(evtchn_port_t port, void *queue);
/* Ends everything that waits or is under way with EIO. The controller has been stopped. Upcalls masked. */
void nvme_queue_drop(struct nvme_queue *queue);
/* The controller is at fault: no more is sent to it, and its thread resets it. Any context. */
void nvme_fail(struct nvme_controller *controller, const char *why);

#endif
