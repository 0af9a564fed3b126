/* SPDX-License-Identifier: MIT */
#include "pvguest/vcpu_set.h"
#include "pvguest/console.h"
#include "pvguest/smp.h"
#include "pvguest/thread.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#define STACK_SIZE 16384

static unsigned int nr_vcpus;

static void follow_one(struct xs_handle *h, unsigned int id)
{
    char path[32], *word;
    int error = 0;

    snprintf(path, sizeof(path), "cpu/%u/availability", id);
    word = xs_read(h, XBT_NULL, path, NULL);
    if (word != NULL && strcmp(word, "online") == 0)
        error = smp_set_online(id, true);
    else if (word != NULL && strcmp(word, "offline") == 0)
        error = smp_set_online(id, false);
    if (error != 0)
        console_printf("vcpu-set: vCPU %u cannot be %s: error %d\n", id, word, error);
    free(word);
}

static void follow(void *arg)
{
    struct xs_handle *h = arg;
    unsigned int nr;
    char **event;

    while ((event = xs_read_watch(h, &nr)) != NULL) {
        free(event);
        for (unsigned int id = 1; id < nr_vcpus; id++)
            follow_one(h, id);
    }
}

int vcpu_set_start(void)
{
    struct thread *thread = NULL;
    struct xs_handle *h;

    nr_vcpus = smp_cpu_count();
    if (nr_vcpus == 1)
        return 0;
    h = xs_open(0);
    if (h == NULL)
        return errno;
    if (xs_watch(h, "cpu", "cpu"))
        thread = thread_create("vcpu-set", follow, h, STACK_SIZE);
    if (thread == NULL) {
        xs_close(h);
        return ENOMEM;
    }
    thread_detach(thread);
    return 0;
}
