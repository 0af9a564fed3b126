/* SPDX-License-Identifier: MIT */
#include "dom0_tools/xenstore/xenstore_commands.h"
#include "dom0_tools/xenstore/xenstore_ls.h"
#include "dom0_tools/xenstore/xenstore_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

/* What the commands have in common: options, then paths, on one handle. */
struct call {
    struct xs_handle *h;
    xs_transaction_t t;
    bool prefix, raw, tidy, upto, recurse, full, permissions;
    long events; /* -n of xenstore-watch; 0: no end */
    int argc;    /* what follows the options */
    char **argv;
};

static int fail(const char *command, const char *path)
{
    fprintf(stderr, "%s: %s: %s\n", command, path, strerror(errno));
    return COMMAND_FAIL;
}

static bool parse_option(struct call *call, int option)
{
    switch (option) {
    case 'p':
        call->prefix = call->permissions = true;
        return true;
    case 'f':
        call->full = true;
        return true;
    case 'R':
        call->raw = true;
        return true;
    case 't':
        call->tidy = true;
        return true;
    case 'u':
        call->upto = true;
        return true;
    case 'r':
        call->recurse = true;
        return true;
    case 's': /* Xen: by the socket, which is the only way here */
        return true;
    case 'n':
        call->events = atol(optarg);
        return call->events > 0;
    default:
        return false;
    }
}

/* COMMAND_OK, and the handle is open; COMMAND_USAGE, COMMAND_FAIL. */
static int begin(struct call *call, int argc, char **argv, const char *options, int least)
{
    int option;

    *call = (struct call){ .h = NULL };
    while ((option = getopt(argc, argv, options)) != -1)
        if (!parse_option(call, option))
            return COMMAND_USAGE;
    call->argc = argc - optind;
    call->argv = argv + optind;
    if (call->argc < least) {
        fprintf(stderr, "%s: %s\n", argv[0],
                least == 2 ? "a path and a value are missing" : "a path is missing");
        return COMMAND_USAGE;
    }
    call->h = xs_open(0);
    return call->h != NULL ? COMMAND_OK : fail(argv[0], "xs_open");
}

/* Runs fn in a transaction, again while others interfere. */
static int transact(struct call *call, const char *command, int (*fn)(struct call *call, const char *command))
{
    int result;
    bool again;

    do {
        call->t = xs_transaction_start(call->h);
        if (call->t == XBT_NULL)
            return fail(command, "transaction");
        result = fn(call, command);
        again = !xs_transaction_end(call->h, call->t, result != COMMAND_OK) && errno == EAGAIN;
    } while (result == COMMAND_OK && again);
    return result;
}

/* ---- xenstore-read, -exists, -list ---- */

static int read_one(const struct call *call, const char *command, const char *path)
{
    unsigned int len;
    char *value = xs_read(call->h, XBT_NULL, path, &len);
    char *text = value != NULL && !call->raw ? xenstore_escape(value, len) : NULL;

    if (value == NULL)
        return fail(command, path);
    if (call->prefix)
        printf("%s: ", path);
    if (call->raw)
        fwrite(value, 1, len, stdout);
    else
        printf("%s\n", text != NULL ? text : "");
    free(text);
    free(value);
    return COMMAND_OK;
}

static int run_read(int argc, char **argv)
{
    struct call call;
    int result = begin(&call, argc, argv, "psR", 1);

    for (int i = 0; result == COMMAND_OK && i < call.argc; i++)
        result = read_one(&call, argv[0], call.argv[i]);
    xs_close(call.h);
    return result;
}

static int run_exists(int argc, char **argv)
{
    struct call call;
    int result = begin(&call, argc, argv, "s", 1);

    for (int i = 0; result == COMMAND_OK && i < call.argc; i++) {
        char *value = xs_read(call.h, XBT_NULL, call.argv[i], NULL);

        result = value != NULL ? COMMAND_OK : COMMAND_FAIL;
        free(value);
    }
    xs_close(call.h);
    return result;
}

static int list_one(const struct call *call, const char *command, const char *path)
{
    unsigned int nr;
    char **names = xs_directory(call->h, XBT_NULL, path, &nr);

    if (names == NULL)
        return fail(command, path);
    for (unsigned int i = 0; i < nr; i++)
        if (call->prefix)
            printf("%s/%s\n", strcmp(path, "/") == 0 ? "" : path, names[i]);
        else
            printf("%s\n", names[i]);
    free(names);
    return COMMAND_OK;
}

static int run_list(int argc, char **argv)
{
    struct call call;
    int result = begin(&call, argc, argv, "ps", 1);

    for (int i = 0; result == COMMAND_OK && i < call.argc; i++)
        result = list_one(&call, argv[0], call.argv[i]);
    xs_close(call.h);
    return result;
}

static int run_ls(int argc, char **argv)
{
    static char root[] = "/";
    struct call call;
    int result = begin(&call, argc, argv, "fpsR", 0);

    for (int i = 0; result == COMMAND_OK && i < (call.argc != 0 ? call.argc : 1); i++) {
        const char *path = call.argc != 0 ? call.argv[i] : root;

        if (!xenstore_ls(call.h, path, call.full, call.permissions))
            result = fail(argv[0], path);
    }
    xs_close(call.h);
    return result;
}

/* ---- xenstore-write, -rm ---- */

static int write_all(struct call *call, const char *command)
{
    for (int i = 0; i + 1 < call->argc; i += 2) {
        char *value = strdup(call->argv[i + 1]);
        size_t len = value != NULL ? strlen(value) : 0;
        bool good = value != NULL && (call->raw || xenstore_unescape(value, &len));
        bool written = good && xs_write(call->h, call->t, call->argv[i], value, (unsigned int)len);

        free(value);
        if (!good) {
            fprintf(stderr, "%s: '%s' has a \\ that is not \\n, \\t, \\r, \\\\ or \\xHH\n", command,
                    call->argv[i + 1]);
            return COMMAND_FAIL;
        }
        if (!written)
            return fail(command, call->argv[i]);
    }
    return COMMAND_OK;
}

static int run_write(int argc, char **argv)
{
    struct call call;
    int result = begin(&call, argc, argv, "sR", 2);

    if (result == COMMAND_OK && call.argc % 2 != 0) {
        fprintf(stderr, "%s: '%s' has no value\n", argv[0], call.argv[call.argc - 1]);
        result = COMMAND_USAGE;
    }
    if (result == COMMAND_OK)
        result = transact(&call, argv[0], write_all);
    xs_close(call.h);
    return result;
}

/* -t: also the directories above that are then empty and have no value. */
static void tidy(const struct call *call, const char *path)
{
    char *above = strdup(path), *slash;

    while (above != NULL && (slash = strrchr(above, '/')) != NULL && slash != above) {
        unsigned int nr = 0, len = 0;
        char **names;
        void *value;

        *slash = '\0';
        names = xs_directory(call->h, call->t, above, &nr);
        value = xs_read(call->h, call->t, above, &len);
        free(names);
        free(value);
        if (names == NULL || value == NULL || nr != 0 || len != 0 || !xs_rm(call->h, call->t, above))
            break;
    }
    free(above);
}

static int remove_all(struct call *call, const char *command)
{
    for (int i = 0; i < call->argc; i++) {
        if (!xs_rm(call->h, call->t, call->argv[i]))
            return fail(command, call->argv[i]);
        if (call->tidy)
            tidy(call, call->argv[i]);
    }
    return COMMAND_OK;
}

static int run_rm(int argc, char **argv)
{
    struct call call;
    int result = begin(&call, argc, argv, "st", 1);

    if (result == COMMAND_OK)
        result = transact(&call, argv[0], remove_all);
    xs_close(call.h);
    return result;
}

/* ---- xenstore-chmod ---- */

#define MAX_PERMISSIONS 16

struct chmod {
    struct call *call;
    struct xs_permissions perms[MAX_PERMISSIONS];
    unsigned int nr;
};

static bool chmod_below(struct chmod *chmod, const char *path)
{
    unsigned int nr = 0;
    char **names = xs_directory(chmod->call->h, chmod->call->t, path, &nr);
    bool good =
        names != NULL && xs_set_permissions(chmod->call->h, chmod->call->t, path, chmod->perms, chmod->nr);

    for (unsigned int i = 0; good && i < nr; i++) {
        char *child = malloc(strlen(path) + strlen(names[i]) + 2);

        good = child != NULL;
        if (good) {
            sprintf(child, "%s/%s", strcmp(path, "/") == 0 ? "" : path, names[i]);
            good = chmod_below(chmod, child);
        }
        free(child);
    }
    free(names);
    return good;
}

static bool chmod_above(struct chmod *chmod, const char *path)
{
    char *above = strdup(path), *slash;
    bool good = above != NULL;

    while (good && (slash = strrchr(above, '/')) != NULL && slash != above) {
        *slash = '\0';
        good = xs_set_permissions(chmod->call->h, chmod->call->t, above, chmod->perms, chmod->nr);
    }
    free(above);
    return good;
}

static int chmod_all(struct call *call, const char *command)
{
    struct chmod chmod = { .call = call, .nr = (unsigned int)call->argc - 1 };
    const char *path = call->argv[0];
    bool good;

    if (chmod.nr > MAX_PERMISSIONS) {
        fprintf(stderr, "%s: more than %u permissions\n", command, MAX_PERMISSIONS);
        return COMMAND_FAIL;
    }
    for (unsigned int i = 0; i < chmod.nr; i++)
        if (!xs_strings_to_perms(&chmod.perms[i], 1, call->argv[i + 1])) {
            fprintf(stderr, "%s: '%s' is no permission: n, r, w or b and a domain's number\n", command,
                    call->argv[i + 1]);
            return COMMAND_FAIL;
        }
    good = call->recurse ? chmod_below(&chmod, path)
                         : xs_set_permissions(call->h, call->t, path, chmod.perms, chmod.nr);
    if (good && call->upto)
        good = chmod_above(&chmod, path);
    return good ? COMMAND_OK : fail(command, path);
}

static int run_chmod(int argc, char **argv)
{
    struct call call;
    int result = begin(&call, argc, argv, "sur", 2);

    if (result == COMMAND_OK)
        result = transact(&call, argv[0], chmod_all);
    xs_close(call.h);
    return result;
}

/* ---- xenstore-watch ---- */

static int run_watch(int argc, char **argv)
{
    struct call call;
    int result = begin(&call, argc, argv, "sn:", 1);

    for (int i = 0; result == COMMAND_OK && i < call.argc; i++)
        if (!xs_watch(call.h, call.argv[i], call.argv[i]))
            result = fail(argv[0], call.argv[i]);
    for (long n = 0; result == COMMAND_OK && (call.events == 0 || n < call.events); n++) {
        unsigned int num;
        char **event = xs_read_watch(call.h, &num);

        if (event == NULL)
            result = fail(argv[0], "xs_read_watch");
        else
            printf("%s\n", event[XS_WATCH_PATH]);
        fflush(stdout);
        free(event);
    }
    xs_close(call.h);
    return result;
}

/* ---- the table ---- */

static void complete_path(const char *word, struct completions *list)
{
    const char *slash = strrchr(word, '/');
    struct xs_handle *h = xs_open(0);
    char path[256];
    char **names = NULL;
    unsigned int nr = 0;
    size_t len = slash != NULL ? (size_t)(slash - word) : 0;

    if (h != NULL && slash != NULL && len < sizeof(path) / 2) {
        snprintf(path, sizeof(path), "%.*s", len != 0 ? (int)len : 1, word);
        names = xs_directory(h, XBT_NULL, path, &nr);
    }
    for (unsigned int i = 0; names != NULL && i < nr; i++)
        if (strncmp(names[i], slash + 1, strlen(slash + 1)) == 0 &&
            snprintf(path, sizeof(path), "%.*s/%s", (int)len, word, names[i]) < (int)sizeof(path))
            completions_add(list, path);
    free(names);
    xs_close(h);
}

const struct command xenstore_commands[] = {
    { .name = "xenstore-chmod",
      .arguments = "[-u] [-r] PATH PERMISSION...",
      .summary = "say who may read and write a node of xenstore",
      .options =
          "  -u  all nodes above too\n  -r  all nodes below too\n"
          "PERMISSION is n (none), r (read), w (write) or b (both) and a domain's number. The first one\n"
          "names the owner and what all others may.\n",
      .run = run_chmod,
      .complete = complete_path },
    { .name = "xenstore-exists",
      .arguments = "PATH...",
      .summary = "fail if a node of xenstore does not exist",
      .run = run_exists,
      .complete = complete_path },
    { .name = "xenstore-list",
      .arguments = "[-p] PATH...",
      .summary = "list the names in a directory of xenstore",
      .options = "  -p  with the whole path\n",
      .run = run_list,
      .complete = complete_path },
    { .name = "xenstore-ls",
      .arguments = "[-f] [-p] [PATH...]",
      .summary = "show xenstore's nodes, with all below",
      .options = "  -f  with the whole path of each\n  -p  with their permissions\n",
      .run = run_ls,
      .complete = complete_path },
    { .name = "xenstore-read",
      .arguments = "[-p] [-R] PATH...",
      .summary = "show the value of a node of xenstore",
      .options = "  -p  with the path\n  -R  as it is, without escapes and line ends\n",
      .run = run_read,
      .complete = complete_path },
    { .name = "xenstore-rm",
      .arguments = "[-t] PATH...",
      .summary = "remove a node of xenstore, with all below",
      .options = "  -t  remove directories above that are empty then\n",
      .run = run_rm,
      .complete = complete_path },
    { .name = "xenstore-watch",
      .arguments = "[-n NUMBER] PATH...",
      .summary = "show changes in xenstore as they come",
      .options = "  -n  end after so many\n",
      .run = run_watch,
      .complete = complete_path },
    { .name = "xenstore-write",
      .arguments = "[-R] PATH VALUE...",
      .summary = "write nodes of xenstore, all at once",
      .options = "  -R  take \\ in values as it is, not as the head of \\n, \\t, \\r, \\\\ or \\xHH\n",
      .run = run_write,
      .complete = complete_path },
};
const size_t xenstore_nr_commands = sizeof(xenstore_commands) / sizeof(xenstore_commands[0]);
