/* SPDX-License-Identifier: MIT */
/* The commands that are about the shell itself. */
#include "dom0_tools/shell/shell.h"
#include "pvguest/cpu.h"
#include "pvguest/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run_help(int argc, char **argv)
{
    int result = command_help(shell_command_set(), argc - 1, argv + 1);

    if (argc == 1)
        printf("'help COMMAND' says more. Tab completes, the arrow keys bring back earlier lines.\n");
    return result;
}

static int run_history(int argc, char **argv)
{
    const struct history *history = shell_history();
    size_t first = history_first(history);

    if (argc > 2 || (argc == 2 && strspn(argv[1], "0123456789") != strlen(argv[1]))) {
        fprintf(stderr, "history: '%s' is not a number of lines\n", argv[argc - 1]);
        return COMMAND_USAGE;
    }
    if (argc == 2 && strtoul(argv[1], NULL, 10) < history->next - first)
        first = history->next - strtoul(argv[1], NULL, 10);
    for (size_t n = first; n < history->next; n++)
        printf("%5zu  %s\n", n + 1, history_get(history, n));
    return COMMAND_OK;
}

static int run_clear(int argc, char **argv)
{
    (void)argv;
    if (argc != 1) {
        fprintf(stderr, "clear: takes no arguments\n");
        return COMMAND_USAGE;
    }
    printf("\33[H\33[2J");
    return COMMAND_OK;
}

static int run_echo(int argc, char **argv)
{
    int first = argc > 1 && strcmp(argv[1], "-n") == 0 ? 2 : 1;

    for (int i = first; i < argc; i++)
        printf("%s%s", i == first ? "" : " ", argv[i]);
    if (first == 1)
        printf("\n");
    return COMMAND_OK;
}

/* Under an emulator that counts instructions the time stamp counter is their number. */
static int run_time(int argc, char **argv)
{
    uint64_t start = time_ns(), first = rdtsc(), ticks;
    int result;

    if (argc < 2) {
        fprintf(stderr, "time: name a command\n");
        return COMMAND_USAGE;
    }
    result = command_run(shell_command_set(), argc - 1, argv + 1);
    ticks = rdtsc() - first;
    start = time_ns() - start;
    fprintf(stderr, "real %lu.%06lu s, %lu ticks from %lu\n", (unsigned long)(start / NSEC_PER_SEC),
            (unsigned long)(start % NSEC_PER_SEC / 1000), (unsigned long)ticks, (unsigned long)first);
    return result;
}

const struct command shell_commands[] = {
    { .name = "help",
      .arguments = "[COMMAND [SUBCOMMAND]]",
      .summary = "list the commands, or explain one",
      .run = run_help },
    { .name = "history",
      .arguments = "[N]",
      .summary = "show the lines entered (the last N)",
      .run = run_history },
    { .name = "clear", .arguments = "", .summary = "clear the screen", .run = run_clear },
    { .name = "echo",
      .arguments = "[-n] [WORD...]",
      .summary = "print words",
      .options = "  -n  without a line end\n",
      .run = run_echo },
    { .name = "time",
      .arguments = "COMMAND [ARGUMENT...]",
      .summary = "run a command, and say how long it took",
      .run = run_time },
};
const size_t shell_nr_commands = sizeof(shell_commands) / sizeof(shell_commands[0]);
