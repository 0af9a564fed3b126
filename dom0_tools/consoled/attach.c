/* SPDX-License-Identifier: MIT */
#include "dom0_tools/consoled/attach.h"
#include "dom0_tools/consoled/consoled.h"
#include "pvguest/console.h"
#include "pvguest/time.h"

#include <stdio.h>
#include <string.h>

/* What was typed and the domain has not taken yet; what is beyond that is lost, as on a serial line. */
struct typed {
    char data[1024];
    size_t length;
};

static void wake(void *arg)
{
    (void)arg;
    console_interrupt();
}

static void show_output(struct console_reader *reader)
{
    char data[1024];
    uint64_t lost;
    size_t got;

    while ((got = console_reader_read(reader, data, sizeof(data), &lost)) != 0) {
        if (lost != 0)
            console_printf("[%lu bytes of earlier output were not kept]\n", (unsigned long)lost);
        console_write(data, got);
    }
}

/* False when the user leaves. */
static bool take_input(struct typed *typed)
{
    char data[256];
    size_t got = console_read(data, sizeof(data), TIME_NEVER);

    for (size_t i = 0; i < got; i++) {
        if (data[i] == CONSOLE_LEAVE)
            return false;
        if (typed->length < sizeof(typed->data))
            typed->data[typed->length++] = data[i];
    }
    return true;
}

static void pass_input(struct console_reader *reader, struct typed *typed)
{
    size_t done = console_reader_write(reader, typed->data, typed->length);

    typed->length -= done;
    memmove(typed->data, typed->data + done, typed->length);
}

/* Until the user leaves, which it returns, or the domain has gone. */
static bool relay(struct console_reader *reader)
{
    struct typed typed = { .length = 0 };
    bool ended, left = false;

    do {
        ended = console_reader_ended(reader); /* before its last output is shown */
        show_output(reader);
        if (!ended) {
            left = !take_input(&typed);
            pass_input(reader, &typed);
        }
    } while (!ended && !left);
    return left;
}

int console_attach(domid_t domid, int (*begin)(domid_t domid), bool *left)
{
    struct console_reader *reader;
    int error = console_reader_open(&reader, domid, wake, NULL);

    if (error != 0)
        return error;
    fflush(stdout);
    if (begin != NULL)
        error = begin(domid);
    if (error == 0)
        *left = relay(reader);
    console_reader_close(reader);
    return error;
}
