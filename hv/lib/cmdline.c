/* SPDX-License-Identifier: MIT */
#include "hv/lib/cmdline.h"
#include "hv/lib/parse.h"
#include "hv/lib/printf.h"
#include "hv/lib/string.h"

/* One option of the line, cut into its parts. */
struct option {
    char text[CMDLINE_OPTION_SIZE]; /* unquoted, the '=' replaced by a terminator */
    const char *name;               /* into text, as written */
    const char *value;              /* into text; NULL without '=' */
    bool too_long;
    bool open_quote;
};

struct parser {
    cmdline_report_t report;
    void *ctx;
    unsigned bad;
};

static const char *skip_spaces(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n')
        p++;
    return p;
}

/* Takes the next option off the line; false at its end. */
static bool next_option(const char **line, struct option *opt)
{
    const char *p = skip_spaces(*line);
    size_t len = 0;
    bool quoted = false;
    char *equals;

    if (*p == '\0')
        return false;
    *opt = (struct option){ .name = opt->text };
    for (; *p != '\0' && (quoted || skip_spaces(p) == p); p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (len + 1 < sizeof(opt->text))
            opt->text[len++] = *p;
        else
            opt->too_long = true;
    }
    opt->text[len] = '\0';
    opt->open_quote = quoted;
    equals = strchr(opt->text, '=');
    if (equals != NULL) {
        *equals = '\0';
        opt->value = equals + 1;
    }
    *line = p;
    return true;
}

static const struct cmdline_param *find_param(const struct cmdline_param *table, size_t nr, const char *name)
{
    for (size_t i = 0; i < nr; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* How an option is written when its declaration does not say. */
static void describe_form(const struct cmdline_param *param, char *buf, size_t size)
{
    if (param->form != NULL)
        snprintf(buf, size, "%s", param->form);
    else if (param->type == PARAM_BOOL)
        snprintf(buf, size, "%s, no-%s or %s=<yes|no>", param->name, param->name, param->name);
    else if (param->type == PARAM_UINT)
        snprintf(buf, size, "%s=<number below 2^%zu>", param->name, 8 * param->size);
    else if (param->type == PARAM_SIZE)
        snprintf(buf, size, "%s=<size>[B|K|M|G|T]", param->name);
    else
        snprintf(buf, size, "%s=<text of at most %zu characters>", param->name, param->size - 1);
}

static void report_unknown(struct parser *parser, const char *name)
{
    char text[CMDLINE_OPTION_SIZE + 32];

    snprintf(text, sizeof(text), "unknown option '%s'", name);
    parser->report(parser->ctx, CMDLINE_UNKNOWN, text);
}

static void report_bad(struct parser *parser, const struct option *opt, const struct cmdline_param *param)
{
    char text[2 * CMDLINE_OPTION_SIZE + 64], form[CMDLINE_OPTION_SIZE];
    const char *equals = opt->value == NULL ? "" : "=", *value = opt->value == NULL ? "" : opt->value;

    describe_form(param, form, sizeof(form));
    snprintf(text, sizeof(text), "bad option '%s%s%s': write %s", opt->name, equals, value, form);
    parser->report(parser->ctx, CMDLINE_BAD_VALUE, text);
    parser->bad++;
}

static void report_malformed(struct parser *parser, const struct option *opt)
{
    char text[CMDLINE_OPTION_SIZE + 64];

    if (opt->too_long)
        snprintf(text, sizeof(text), "option '%.40s...' is longer than %d characters", opt->name,
                 CMDLINE_OPTION_SIZE - 1);
    else
        snprintf(text, sizeof(text), "option '%.40s' has an opening quote without a closing one", opt->name);
    parser->report(parser->ctx, CMDLINE_BAD_VALUE, text);
    parser->bad++;
}

/* Stores v into the parameter's variable if it fits. */
static bool store_integer(const struct cmdline_param *param, uint64_t v)
{
    if (param->size < sizeof(v) && v >> (8 * param->size) != 0)
        return false;
    memcpy(param->var, &v, param->size);
    return true;
}

static bool set_bool(const struct cmdline_param *param, const char *value, bool negated)
{
    bool on = true;

    if (value != NULL && !parse_bool(value, &on))
        return false;
    on ^= negated;
    memcpy(param->var, &on, sizeof(on));
    return true;
}

static bool set_integer(const struct cmdline_param *param, const char *value)
{
    uint64_t v;
    bool ok = param->type == PARAM_SIZE ? parse_size(&value, &v) : parse_u64(&value, 0, &v);

    return ok && *value == '\0' && store_integer(param, v);
}

static bool set_string(const struct cmdline_param *param, const char *value)
{
    if (strlen(value) >= param->size)
        return false;
    strlcpy(param->var, value, param->size);
    return true;
}

/* Only booleans and custom parameters can stand without a value or behind `no-`. */
static bool set_param(const struct cmdline_param *param, const char *value, bool negated)
{
    if (param->type == PARAM_BOOL)
        return set_bool(param, value, negated);
    if (param->type == PARAM_CUSTOM) {
        if (negated && value != NULL)
            return false;
        return param->parse(negated ? "no" : value == NULL ? "" : value) == 0;
    }
    if (negated || value == NULL)
        return false;
    return param->type == PARAM_STRING ? set_string(param, value) : set_integer(param, value);
}

unsigned cmdline_parse(const char *line, const struct cmdline_param *table, size_t nr,
                       cmdline_report_t report, void *ctx)
{
    struct parser parser = { .report = report, .ctx = ctx };
    struct option opt;

    while (next_option(&line, &opt)) {
        const struct cmdline_param *param = find_param(table, nr, opt.name);
        bool negated = param == NULL && strncmp(opt.name, "no-", 3) == 0;

        if (negated)
            param = find_param(table, nr, opt.name + 3);
        if (opt.too_long || opt.open_quote)
            report_malformed(&parser, &opt);
        else if (param == NULL)
            report_unknown(&parser, opt.name);
        else if (!set_param(param, opt.value, negated))
            report_bad(&parser, &opt, param);
    }
    return parser.bad;
}

char *cmdline_split_dom0(char *line)
{
    bool quoted = false, word_start = true;
    char *p;

    for (p = line; *p != '\0'; p++) {
        if (!quoted && word_start && strncmp(p, "--", 2) == 0 && (p[2] == '\0' || p[2] == ' ')) {
            *p = '\0';
            p += 2;
            break;
        }
        if (*p == '"')
            quoted = !quoted;
        word_start = *p == ' ';
    }
    while (*p == ' ')
        p++;
    return p;
}
