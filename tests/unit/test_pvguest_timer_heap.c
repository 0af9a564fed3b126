/* SPDX-License-Identifier: MIT */
/* The guest library's timers come out in the order of their deadlines, whatever is removed in between. */
/* unit-sources: pvguest/timer_heap.c */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "pvguest/timer_heap.h"

#define COUNT 500

static struct timer timers[COUNT];

/* The heap's own rule, and that the back links are right. */
static int verify(const struct timer *timer, uint64_t above)
{
    int count = 0;

    for (; timer; timer = timer->next) {
        cr_assert_geq(timer->deadline, above);
        cr_assert(timer->active);
        if (timer->link)
            cr_assert_eq(*timer->link, timer);
        count += 1 + verify(timer->child, timer->deadline);
    }
    return count;
}

Test(pvguest_timer_heap, sorts)
{
    struct timer *root = NULL;
    unsigned int seed = 7;
    uint64_t last = 0;

    for (int i = 0; i < COUNT; i++) {
        timers[i].deadline = (uint64_t)rand_r(&seed) % 1000;
        timer_heap_add(&root, &timers[i]);
        cr_assert_eq(verify(root, 0), i + 1);
    }
    for (int i = 0; i < COUNT; i++) {
        struct timer *first = root;

        cr_assert_not_null(first);
        cr_assert_geq(first->deadline, last);
        last = first->deadline;
        timer_heap_remove(&root, first);
        cr_assert_not(first->active);
        cr_assert_eq(verify(root, 0), COUNT - 1 - i);
    }
    cr_expect_null(root);
}

Test(pvguest_timer_heap, any_timer_can_be_removed)
{
    struct timer *root = NULL;
    unsigned int seed = 3;
    int active = 0;

    for (int step = 0; step < 5000; step++) {
        struct timer *timer = &timers[(unsigned int)rand_r(&seed) % COUNT];

        if (timer->active) {
            timer_heap_remove(&root, timer);
            active--;
        } else {
            timer->deadline = (uint64_t)rand_r(&seed) % 1000;
            timer_heap_add(&root, timer);
            active++;
        }
        cr_assert_eq(verify(root, 0), active);
    }
}
