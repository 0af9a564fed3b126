/* SPDX-License-Identifier: MIT */
/*
 * What POSIX says about processes and users, where there is one of each: the program is process 1 of root. It
 * cannot start others, and what it asks about them fails as POSIX says.
 */
#include "pvguest/file.h"
#include "pvguest/time.h"
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES 4096

static int fail(int error)
{
    errno = error;
    return -1;
}

uid_t getuid(void)
{
    return 0;
}

uid_t geteuid(void)
{
    return 0;
}

gid_t getgid(void)
{
    return 0;
}

gid_t getegid(void)
{
    return 0;
}

pid_t getppid(void)
{
    return 0;
}

/* There is no list of users. */
struct passwd *getpwuid(uid_t uid)
{
    (void)uid;
    return NULL;
}

struct passwd *getpwnam(const char *name)
{
    (void)name;
    return NULL;
}

FILE *popen(const char *command, const char *mode)
{
    (void)command, (void)mode;
    errno = ENOSYS;
    return NULL;
}

int pclose(FILE *stream)
{
    (void)stream;
    return fail(ECHILD);
}

/* User time is the time since the host's start; no system time is told apart. */
int getrusage(int who, struct rusage *usage)
{
    uint64_t ns = time_ns();

    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN)
        return fail(EINVAL);
    memset(usage, 0, sizeof(*usage));
    if (who == RUSAGE_SELF) {
        usage->ru_utime.tv_sec = (time_t)(ns / NSEC_PER_SEC);
        usage->ru_utime.tv_usec = (suseconds_t)(ns % NSEC_PER_SEC / NSEC_PER_USEC);
    }
    return 0;
}

int getpagesize(void)
{
    return PAGE_BYTES;
}

/* Permissions are neither kept nor asked for. */
mode_t umask(mode_t mask)
{
    (void)mask;
    return 0;
}

long sysconf(int name)
{
    switch (name) {
    case _SC_PAGESIZE:
        return PAGE_BYTES;
    case _SC_NPROCESSORS_CONF:
    case _SC_NPROCESSORS_ONLN:
        return 1; /* threads run on vCPU 0 */
    case _SC_CLK_TCK:
        return CLOCKS_PER_SEC;
    case _SC_OPEN_MAX:
        return FILE_MAX;
    default:
        return fail(EINVAL);
    }
}

/* ---- owners and symbolic links, which the file systems do not have or do not show ---- */

int lstat(const char *path, struct stat *st)
{
    return stat(path, st);
}

ssize_t readlink(const char *restrict path, char *restrict buf, size_t size)
{
    struct stat st;

    (void)buf, (void)size;
    return stat(path, &st) ? -1 : fail(EINVAL);
}

int symlink(const char *target, const char *path)
{
    (void)target, (void)path;
    return fail(EPERM);
}

int chown(const char *path, uid_t owner, gid_t group)
{
    struct stat st;

    if (stat(path, &st))
        return -1;
    return owner + 1 > 1 || group + 1 > 1 ? fail(EPERM) : 0;
}

int fchown(int fd, uid_t owner, gid_t group)
{
    struct stat st;

    if (fstat(fd, &st))
        return -1;
    return owner + 1 > 1 || group + 1 > 1 ? fail(EPERM) : 0;
}

/* An open file does not know its path; its permissions stay, which nobody looks at. */
int fchmod(int fd, mode_t mode)
{
    struct stat st;

    (void)mode;
    return fstat(fd, &st);
}
