/* SPDX-License-Identifier: MIT */
#include "dom0_tools/shell/shell.h"
#include "dom0_tools/shell/words.h"
#include "pvguest/console.h"
#include "pvguest/thread.h"
#include "pvguest/time.h"

#include <stdio.h>
#include <string.h>

#define PROMPT     "dom0# "
#define STACK_SIZE (256U << 10)

/* The console's shell. There is one console. */
static struct {
    struct thread *thread;
    const struct command_set *commands;
    struct history history;
    struct line_editor editor;
} shell;

static void write_console(void *ctx, const char *data, size_t len)
{
    (void)ctx;
    console_write(data, len);
}

static void complete(void *ctx, const char *before_cursor, struct completions *list)
{
    (void)ctx;
    command_complete(shell.commands, before_cursor, list);
}

/* The next byte of input, however long it takes to come. What is typed behind a line is left for the command
 * on that line to read. */
static char next_byte(void)
{
    char byte;

    while (console_read(&byte, 1, TIME_NEVER) == 0)
        ;
    return byte;
}

/* Prompts and reads a line, which is then in the editor. False if there is nothing to run. */
static bool read_line(void)
{
    enum line_state state;

    fflush(stdout);
    line_editor_begin(&shell.editor, PROMPT);
    do {
        state = line_editor_feed(&shell.editor, next_byte());
    } while (state == LINE_MORE);
    if (state == LINE_TOO_LONG)
        fprintf(stderr, "the line is longer than %d bytes and is not run\n", LINE_MAX_BYTES - 1);
    return state == LINE_DONE;
}

static void run_line(const char *line)
{
    struct words words;
    const char *error = words_split(&words, line);

    if (error != NULL)
        fprintf(stderr, "%s\n", error);
    else if (words.argc > 0)
        command_run(shell.commands, words.argc, words.argv);
}

static void run_shell(void *arg)
{
    (void)arg;
    for (;;) {
        if (read_line()) {
            history_add(&shell.history, shell.editor.text);
            run_line(shell.editor.text);
        }
    }
}

int shell_start(const struct command_set *commands)
{
    const struct line_editor_ops ops = { .write = write_console, .complete = complete };

    shell.commands = commands;
    line_editor_init(&shell.editor, &ops, &shell.history);
    shell.thread = thread_create("shell", run_shell, NULL, STACK_SIZE);
    return shell.thread == NULL ? -1 : 0;
}

void shell_join(void)
{
    thread_join(shell.thread);
}

const struct command_set *shell_command_set(void)
{
    return shell.commands;
}

const struct history *shell_history(void)
{
    return &shell.history;
}
