/* SPDX-License-Identifier: MIT */
/* Names: of the system, and of files as text. */
#include "pvguest/fs.h"
#include "pvguest/path.h"
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The environment's HOSTNAME, from the guest's command line, or "guest". */
static const char *host_name(void)
{
    const char *name = getenv("HOSTNAME");

    return name ? name : "guest";
}

int gethostname(char *name, size_t size)
{
    if (strlen(host_name()) >= size) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(name, host_name());
    return 0;
}

int uname(struct utsname *name)
{
    *name =
        (struct utsname){ .sysname = "Ryokan", .release = "1", .version = "pvguest", .machine = "x86_64" };
    strncpy(name->nodename, host_name(), sizeof(name->nodename) - 1);
    return 0;
}

char *realpath(const char *path, char *resolved)
{
    char out[FS_PATH_MAX + 1], folder[FS_PATH_MAX + 1];
    size_t length = 0;
    struct stat st;

    if (!path) {
        errno = EINVAL;
        return NULL;
    }
    if (stat(path, &st) || !getcwd(folder, sizeof(folder)))
        return NULL;
    if ((*path != '/' && !path_append(out, &length, FS_PATH_MAX, folder, strlen(folder))) ||
        !path_append(out, &length, FS_PATH_MAX, path, strlen(path))) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    path_end(out, length);
    return resolved ? strcpy(resolved, out) : strdup(out);
}

/* The end of `path` without slashes at its end; at least one character is left. */
static char *trim_slashes(char *path, char *end)
{
    while (end > path + 1 && end[-1] == '/')
        end--;
    *end = '\0';
    return end;
}

/* basename() and dirname() change what they are given, and may return a constant. */
char *basename(char *path)
{
    char *slash;

    if (!path || !*path)
        return (char *)(uintptr_t) ".";
    trim_slashes(path, path + strlen(path));
    slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

char *dirname(char *path)
{
    char *slash;

    if (!path || !*path)
        return (char *)(uintptr_t) ".";
    trim_slashes(path, path + strlen(path));
    slash = strrchr(path, '/');
    if (!slash)
        return (char *)(uintptr_t) ".";
    trim_slashes(path, slash == path ? path + 1 : slash);
    return path;
}
