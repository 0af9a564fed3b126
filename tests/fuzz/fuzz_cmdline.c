/* SPDX-License-Identifier: MIT */
/* Any command line: no crash, every report terminated, no variable touched beyond its size. */
/* fuzz-sources: hv/lib/cmdline.c hv/lib/parse.c hv/lib/strlcpy.c */
#include <stdlib.h>
#include <string.h>

#include "hv/lib/cmdline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    bool flag;
    uint8_t byte;
    uint8_t canary;
    uint64_t mem;
    char text[8];
    char canary_text;
} vars;

static int parse_custom(const char *value)
{
    return strlen(value) > 4 ? -22 : 0;
}

static const struct cmdline_param table[] = {
    { .name = "f", .type = PARAM_BOOL, .var = &vars.flag, .size = sizeof(vars.flag) },
    { .name = "b", .type = PARAM_UINT, .var = &vars.byte, .size = sizeof(vars.byte) },
    { .name = "m", .type = PARAM_SIZE, .var = &vars.mem, .size = sizeof(vars.mem) },
    { .name = "t", .type = PARAM_STRING, .var = vars.text, .size = sizeof(vars.text) },
    { .name = "c", .type = PARAM_CUSTOM, .parse = parse_custom, .form = "c=<short>" },
};

static void report(void *ctx, enum cmdline_problem problem, const char *text)
{
    *(size_t *)ctx += strlen(text) + (problem == CMDLINE_UNKNOWN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);
    size_t reported = 0;
    char *rest;

    memcpy(line, data, size);
    line[size] = '\0';
    rest = cmdline_split_dom0(line);
    if (rest < line || rest > line + size)
        abort();
    cmdline_parse(line, table, ARRAY_SIZE(table), report, &reported);
    if (vars.canary != 0 || vars.canary_text != 0 || memchr(vars.text, '\0', sizeof(vars.text)) == NULL)
        abort();
    free(line);
    return 0;
}
