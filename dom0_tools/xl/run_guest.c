/* SPDX-License-Identifier: MIT */
/* run/run.py waits for these sentences. */
#include "dom0_tools/xl/run_guest.h"
#include "dom0_tools/consoled/attach.h"
#include "dom0_tools/toolstack/toolstack.h"
#include "dom0_tools/xc/domain.h"
#include "dom0_tools/xl/xl.h"
#include "pvguest/panic.h"
#include "pvguest/time.h"
#include "pvguest/xen_errno.h"

#include <stdio.h>
#include <string.h>
#include <xen/sched.h>

static int unpause(domid_t domid)
{
    return xen_errno_to_c(xc_domain_unpause(domid));
}

/* Stays with the guest over its restarts. False when the user has left it. */
static bool stay(struct domain_follower *guest)
{
    int (*begin)(domid_t domid) = unpause;

    do {
        unsigned int starts = guest->starts;
        bool left = false;
        int error = console_attach(guest->domid, begin, &left);

        if (left)
            return false;
        /* A restarted guest may have ended before we came; the first cannot. */
        if (error != 0 && begin != NULL) {
            char ignored[TOOLSTACK_ERROR_SIZE];

            fprintf(stderr, "run: the guest does not start: %s\n", strerror(error));
            toolstack_destroy(guest->domid, ignored);
        }
        begin = NULL;
        toolstack_await(guest, starts, TIME_NEVER);
    } while (!guest->ended);
    return true;
}

/* Makes it, paused. */
static bool make(const char *path, domid_t *domid)
{
    struct domain_config config;
    char error[TOOLSTACK_ERROR_SIZE];
    char *no_settings = NULL;

    if (xl_read_config(&config, path, &no_settings, error) && toolstack_create(&config, true, domid, error))
        return true;
    fprintf(stderr, "run: the guest is not made: %s\n", error);
    return false;
}

void run_guest(const char *path)
{
    struct domain_follower guest;
    domid_t domid;

    if (make(path, &domid)) {
        bool ended;

        toolstack_follow(&guest, domid);
        printf("run: the guest's console; Ctrl-] leads to dom0's prompt\n");
        ended = stay(&guest);
        toolstack_unfollow(&guest);
        if (!ended) {
            printf("\nrun: the guest goes on: `xl list` shows it, `xl console` leads back\n");
            return;
        }
        printf("\nrun: the guest has ended: %s\n",
               guest.destroyed ? "destroyed" : domain_end_name(guest.end));
    }
    fflush(stdout);
    domain_shutdown(SHUTDOWN_poweroff);
}
