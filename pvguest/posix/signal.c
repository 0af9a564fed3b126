/* SPDX-License-Identifier: MIT */
/*
 * Signals: nobody sends any to a guest. A handler is there for raise(), in the thread that raises; who waits
 * for a signal waits for ever; masks are refused.
 */
#include "pvguest/sync.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

static int refuse(int error)
{
    errno = error;
    return -1;
}

static _sig_func_ptr handlers[NSIG]; /* NULL is SIG_DFL */

static bool valid(int number)
{
    return number > 0 && number < NSIG;
}

int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    if (!valid(number) || (action && (number == SIGKILL || number == SIGSTOP)))
        return refuse(EINVAL);
    if (old)
        *old = (struct sigaction){ .sa_handler = handlers[number] };
    if (action)
        handlers[number] = action->sa_handler;
    return 0;
}

_sig_func_ptr signal(int number, _sig_func_ptr handler)
{
    struct sigaction action = { .sa_handler = handler }, old;

    return sigaction(number, &action, &old) ? SIG_ERR : old.sa_handler;
}

/* By default a signal ends the program, as kill() says. */
int raise(int number)
{
    if (!valid(number))
        return refuse(EINVAL);
    if (handlers[number] == SIG_DFL)
        return kill(getpid(), number);
    if (handlers[number] != SIG_IGN)
        handlers[number](number);
    return 0;
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    (void)how, (void)set, (void)old;
    return refuse(ENOSYS);
}

int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    (void)how, (void)set, (void)old;
    return ENOSYS;
}

static void wait_for_ever(void)
{
    struct semaphore never;

    semaphore_init(&never, 0);
    semaphore_down(&never);
}

int pause(void)
{
    wait_for_ever();
    return refuse(EINTR);
}

int sigsuspend(const sigset_t *mask)
{
    (void)mask;
    return pause();
}

int sigwait(const sigset_t *set, int *number)
{
    (void)set, (void)number;
    wait_for_ever();
    return EINTR;
}
