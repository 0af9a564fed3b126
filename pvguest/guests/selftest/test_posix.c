/* SPDX-License-Identifier: MIT */
/* What a ported program expects of POSIX around threads and files: names, lines, time, and refusals that say
 * so. */
#include "pvguest/guests/selftest/selftest.h"
#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void catch (int number)
{
    caught = number;
}

void test_signals(void)
{
    struct sigaction action = { .sa_handler = catch }, old;

    check(sigaction(SIGUSR1, &action, &old) == 0 && old.sa_handler == SIG_DFL);
    check(raise(SIGUSR1) == 0 && caught == SIGUSR1);
    caught = 0;
    check(raise(SIGUSR1) == 0 && caught == SIGUSR1); /* it is still there */
    action.sa_handler = SIG_IGN;
    check(sigaction(SIGUSR1, &action, &old) == 0 && old.sa_handler == catch);
    check(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_IGN);
    caught = 0;
    check(raise(SIGUSR1) == 0 && caught == 0);
    check(sigaction(SIGKILL, &action, NULL) == -1 && errno == EINVAL);
    check(sigaction(0, NULL, &old) == -1 && errno == EINVAL);
    check(sigprocmask(SIG_BLOCK, NULL, NULL) == -1 && errno == ENOSYS);
    signal(SIGUSR1, SIG_DFL);
}

void test_processes(void)
{
    check(fork() == -1 && errno == ENOSYS);
    check(execve("/etc/motd", NULL, NULL) == -1 && errno == ENOSYS);
    check(!popen("ls", "r") && errno == ENOSYS);
    check(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
    check(wait(NULL) == -1 && errno == ECHILD);
    check(getuid() == 0 && getpid() == 1 && !getpwnam("root"));
    check(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 1, 0) == MAP_FAILED && errno == ENODEV);
}

static bool parts(const char *path, const char *folder, const char *name)
{
    char first[32], second[32];

    strcpy(first, path);
    strcpy(second, path);
    return strcmp(dirname(first), folder) == 0 && strcmp(basename(second), name) == 0;
}

void test_names(void)
{
    struct utsname system;
    char name[64], *path;

    check(parts("/usr/lib", "/usr", "lib") && parts("/usr/", "/", "usr") && parts("usr", ".", "usr"));
    check(parts("/", "/", "/") && parts("..", ".", "..") && parts("a//b//", "a", "b") && parts("", ".", "."));
    check(uname(&system) == 0 && strcmp(system.machine, "x86_64") == 0);
    check(gethostname(name, sizeof(name)) == 0 && strcmp(name, system.nodename) == 0);
    check(gethostname(name, 1) == -1 && errno == ENAMETOOLONG);
    path = realpath("/tmp/.././tmp//", NULL);
    check(path && strcmp(path, "/tmp") == 0);
    free(path);
    check(!realpath("/tmp/nothing", NULL) && errno == ENOENT);
    check(getpagesize() == 4096 && sysconf(_SC_PAGESIZE) == 4096);
}

void test_lines(void)
{
    FILE *file = fopen("/tmp/lines", "w+");
    char *line = NULL;
    size_t size = 0;

    check(file);
    fputs("a longer first line of this file, which makes the buffer grow\nb;c", file);
    rewind(file);
    check(getline(&line, &size, file) == 62 && size > 62 && line[61] == '\n');
    check(getdelim(&line, &size, ';', file) == 2 && strcmp(line, "b;") == 0);
    check(getline(&line, &size, file) == 1 && getline(&line, &size, file) == -1 && feof(file));
    free(line);
    fclose(file);
    unlink("/tmp/lines");
}

void test_sleeping(void)
{
    struct timespec when, after;

    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_nsec += 5000000;
    when.tv_sec += when.tv_nsec / 1000000000;
    when.tv_nsec %= 1000000000;
    check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    check(after.tv_sec > when.tv_sec || (after.tv_sec == when.tv_sec && after.tv_nsec >= when.tv_nsec));
    when.tv_nsec = -1;
    check(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINVAL);
    check(clock_nanosleep(CLOCK_MONOTONIC, 0, &when, NULL) == EINVAL);
}
