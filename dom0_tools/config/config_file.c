/* SPDX-License-Identifier: MIT */
#include "dom0_tools/config/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is being read, and how far. */
struct reader {
    const struct config_file *file;
    const char *at, *end;
    unsigned int line, column;
    bool overrides; /* it is a word of a command line */
    char *error;
};

/* ---- messages ---- */

static bool write_message(char *error, const char *where, const char *format, va_list args)
{
    int len = snprintf(error, CONFIG_ERROR_SIZE, "%s: ", where);

    if (len > 0 && len < CONFIG_ERROR_SIZE)
        vsnprintf(error + len, CONFIG_ERROR_SIZE - (size_t)len, format, args);
    return false;
}

void config_where(const struct config_file *file, const struct config_value *at,
                  char where[CONFIG_WHERE_SIZE])
{
    if (at->line != 0)
        snprintf(where, CONFIG_WHERE_SIZE, "%s:%u:%u", file->name, at->line, at->column);
    else
        snprintf(where, CONFIG_WHERE_SIZE, "command line");
}

bool config_error(const struct config_file *file, const struct config_value *at, char *error,
                  const char *format, ...)
{
    char where[CONFIG_WHERE_SIZE];
    va_list args;

    config_where(file, at, where);
    va_start(args, format);
    write_message(error, where, format, args);
    va_end(args);
    return false;
}

static bool fail(const struct reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(const struct reader *r, const char *format, ...)
{
    char where[CONFIG_WHERE_SIZE];
    va_list args;

    snprintf(where, sizeof(where), "%s:%u:%u", r->file->name, r->line, r->column);
    va_start(args, format);
    write_message(r->error, where, format, args);
    va_end(args);
    return false;
}

/* ---- characters ---- */

/* The next character, or -1 at the end. */
static int peek(const struct reader *r)
{
    return r->at < r->end ? (unsigned char)*r->at : -1;
}

static void advance(struct reader *r)
{
    if (*r->at++ == '\n') {
        r->line++;
        r->column = 1;
    } else {
        r->column++;
    }
}

static bool take(struct reader *r, int c)
{
    if (peek(r) != c)
        return false;
    advance(r);
    return true;
}

/* Passes over blanks and comments, and over ends of lines if they mean nothing here. */
static void skip(struct reader *r, bool lines)
{
    for (;;) {
        int c = peek(r);

        if (c == '#') {
            while (peek(r) != -1 && peek(r) != '\n')
                advance(r);
        } else if (c == ' ' || c == '\t' || c == '\r' || (lines && c == '\n')) {
            advance(r);
        } else if (c == '\\' && r->at + 1 < r->end && r->at[1] == '\n') {
            advance(r);
            advance(r);
        } else {
            return;
        }
    }
}

static bool fail_here(const struct reader *r, const char *expected)
{
    int c = peek(r);

    if (c == -1)
        return fail(r, "the text ends where %s is expected", expected);
    if (c == '\n')
        return fail(r, "the line ends where %s is expected", expected);
    return isprint(c)
               ? fail(r, "'%c' stands where %s is expected", c, expected)
               : fail(r, "the character 0x%02x stands where %s is expected", (unsigned int)c, expected);
}

/* ---- values ---- */

static void free_value(struct config_value *value)
{
    for (size_t i = 0; i < value->nr; i++)
        free_value(&value->item[i]);
    free(value->item);
    free(value->text);
    *value = (struct config_value){ 0 };
}

static char escaped(int c)
{
    static const char letters[] = "abfnrtv", meaning[] = "\a\b\f\n\r\t\v";
    const char *at = strchr(letters, c);

    return at != NULL ? meaning[at - letters] : (char)c;
}

/* The rest of a string up to the quotation mark that it began with. */
static bool read_string(struct reader *r, struct config_value *value)
{
    int quote = peek(r);
    size_t len = 0;

    value->type = CONFIG_STRING;
    value->text = malloc((size_t)(r->end - r->at) + 1);
    if (value->text == NULL)
        return fail(r, "out of memory");
    advance(r);
    while (!take(r, quote)) {
        int c = peek(r);

        if (c == -1 || c == '\n')
            return r->overrides
                       ? fail(r, "the string that begins in column %u has no end", value->column)
                       : fail(r, "the string that begins at %u:%u has no end", value->line, value->column);
        if (c == '\0')
            return fail(r, "a string cannot hold the character 0");
        advance(r);
        if (c == '\\' && peek(r) > 0 && peek(r) != '\n') {
            c = escaped(peek(r));
            advance(r);
        }
        value->text[len++] = (char)c;
    }
    value->text[len] = '\0';
    return true;
}

static bool read_number(struct reader *r, struct config_value *value)
{
    char text[32], *end;
    size_t len = 0;

    value->type = CONFIG_NUMBER;
    if (peek(r) == '-' || peek(r) == '+') {
        text[len++] = *r->at;
        advance(r);
    }
    while (isalnum(peek(r)) || peek(r) == '_' || peek(r) == '.') {
        if (len == sizeof(text) - 1)
            return config_error(r->file, value, r->error, "the number is too long");
        text[len++] = *r->at;
        advance(r);
    }
    text[len] = '\0';
    errno = 0;
    value->number = strtoll(text, &end, 0);
    if (end == text || *end != '\0')
        return config_error(r->file, value, r->error, "'%s' is no number; a string stands in quotation marks",
                            text);
    if (errno == ERANGE)
        return config_error(r->file, value, r->error, "the number %s is too large", text);
    value->text = strdup(text);
    return value->text != NULL || fail(r, "out of memory");
}

static bool read_value(struct reader *r, struct config_value *value, unsigned int depth);

/* Up to the closing bracket. */
static bool read_list(struct reader *r, struct config_value *list, unsigned int depth)
{
    list->type = CONFIG_LIST;
    if (depth == CONFIG_MAX_DEPTH)
        return fail(r, "lists stand in lists more than %u deep", CONFIG_MAX_DEPTH);
    advance(r);
    for (skip(r, true); !take(r, ']'); skip(r, true)) {
        struct config_value *grown = realloc(list->item, (list->nr + 1) * sizeof(*grown));

        if (grown == NULL)
            return fail(r, "out of memory");
        list->item = grown;
        grown[list->nr++] = (struct config_value){ 0 };
        if (!read_value(r, &grown[list->nr - 1], depth + 1))
            return false;
        skip(r, true);
        if (!take(r, ',') && peek(r) != ']')
            return fail_here(r, "',' or ']'");
    }
    return true;
}

static bool read_value(struct reader *r, struct config_value *value, unsigned int depth)
{
    int c = peek(r);

    value->line = r->overrides ? 0 : r->line;
    value->column = r->column;
    if (c == '\'' || c == '"')
        return read_string(r, value);
    if (c == '[')
        return read_list(r, value, depth);
    if (c == '-' || c == '+' || isalnum(c))
        return read_number(r, value);
    return fail_here(r, "a value");
}

/* ---- settings ---- */

static struct config_setting *find(const struct config_file *file, const char *key)
{
    for (size_t i = 0; i < file->nr; i++)
        if (strcmp(file->setting[i].key, key) == 0)
            return &file->setting[i];
    return NULL;
}

/* Puts the value in place of the key's earlier one; takes key and value over, also when it fails. */
static bool set(struct config_file *file, char *key, struct config_value *value)
{
    struct config_setting *setting = find(file, key);

    if (setting != NULL) {
        free_value(&setting->value);
        setting->value = *value;
        free(key);
        return true;
    }
    if (file->nr == file->room) {
        size_t room = file->room == 0 ? 16 : 2 * file->room;
        struct config_setting *grown = realloc(file->setting, room * sizeof(*grown));

        if (grown == NULL) {
            free(key);
            free_value(value);
            return false;
        }
        file->setting = grown;
        file->room = room;
    }
    file->setting[file->nr++] = (struct config_setting){ .key = key, .value = *value };
    return true;
}

/* Moves the items of `more` behind those of `list`. */
static bool append_items(struct config_value *list, struct config_value *more)
{
    struct config_value *grown;

    if (more->nr == 0)
        return true;
    grown = realloc(list->item, (list->nr + more->nr) * sizeof(*grown));
    if (grown == NULL)
        return false;
    memcpy(grown + list->nr, more->item, more->nr * sizeof(*grown));
    list->item = grown;
    list->nr += more->nr;
    free(more->item);
    *more = (struct config_value){ 0 };
    return true;
}

static bool append_text(struct config_value *string, const struct config_value *more)
{
    char *grown = realloc(string->text, strlen(string->text) + strlen(more->text) + 1);

    if (grown == NULL)
        return false;
    strcat(grown, more->text);
    string->text = grown;
    return true;
}

/* += on a key that is there. Takes the value over, also when it fails. */
static bool append(const struct reader *r, struct config_setting *setting, struct config_value *value)
{
    bool ok;

    if (setting->value.type != value->type || value->type == CONFIG_NUMBER)
        ok = config_error(r->file, value, r->error, "%s: += joins two strings or two lists", setting->key);
    else if (value->type == CONFIG_LIST)
        ok = append_items(&setting->value, value) || fail(r, "out of memory");
    else
        ok = append_text(&setting->value, value) || fail(r, "out of memory");
    free_value(value);
    return ok;
}

static bool store(struct reader *r, struct config_file *file, char *key, bool joins,
                  struct config_value *value)
{
    struct config_setting *setting = joins ? find(file, key) : NULL;

    if (setting == NULL)
        return set(file, key, value) || fail(r, "out of memory");
    free(key);
    return append(r, setting, value);
}

/* The key and the sign behind it. NULL with a message. */
static char *read_key(struct reader *r, bool *joins)
{
    const char *start = r->at;
    char *key;

    if (!isalpha(peek(r)) && peek(r) != '_') {
        fail_here(r, "a key");
        return NULL;
    }
    while (isalnum(peek(r)) || peek(r) == '_')
        advance(r);
    key = strndup(start, (size_t)(r->at - start));
    skip(r, false);
    *joins = take(r, '+');
    if (key != NULL && take(r, '='))
        return key;
    if (key == NULL)
        fail(r, "out of memory");
    else
        fail_here(r, "'=' or '+='");
    free(key);
    return NULL;
}

static bool read_setting(struct reader *r, struct config_file *file)
{
    struct config_value value = { 0 };
    bool joins;
    char *key = read_key(r, &joins);

    if (key == NULL)
        return false;
    skip(r, false);
    if (!read_value(r, &value, 0)) {
        free(key);
        free_value(&value);
        return false;
    }
    if (!store(r, file, key, joins, &value))
        return false;
    skip(r, false);
    return peek(r) == -1 || take(r, '\n') || take(r, ';') || fail_here(r, "the end of the line or ';'");
}

void config_init(struct config_file *file, const char *name)
{
    *file = (struct config_file){ .name = strdup(name) };
}

void config_free(struct config_file *file)
{
    for (size_t i = 0; i < file->nr; i++) {
        free(file->setting[i].key);
        free_value(&file->setting[i].value);
    }
    free(file->setting);
    free(file->name);
    *file = (struct config_file){ 0 };
}

bool config_parse(struct config_file *file, const char *text, size_t size, char *error)
{
    struct reader r = {
        .file = file, .at = text, .end = text + size, .line = 1, .column = 1, .error = error
    };

    if (size > CONFIG_MAX_BYTES)
        return fail(&r, "the text has %zu bytes, more than %d", size, CONFIG_MAX_BYTES);
    for (;;) {
        skip(&r, true);
        if (take(&r, ';'))
            continue;
        if (peek(&r) == -1)
            return true;
        if (!read_setting(&r, file))
            return false;
    }
}

/* Whether the text is a value as a file has it. */
static bool is_written_out(const char *text)
{
    char *end;

    if (*text == '\'' || *text == '"' || *text == '[')
        return true;
    strtoll(text, &end, 0);
    return end != text && *end == '\0';
}

bool config_override(struct config_file *file, const char *assignment, char *error)
{
    struct config_file named = { .name = (char *)(uintptr_t)assignment };
    struct reader r = {
        .file = &named, .at = assignment, .line = 1, .column = 1, .overrides = true, .error = error
    };
    struct config_value value = { .type = CONFIG_STRING };
    bool joins;
    char *key;

    r.end = assignment + strlen(assignment);
    if ((size_t)(r.end - r.at) > CONFIG_MAX_BYTES)
        return fail(&r, "the value is too long");
    key = read_key(&r, &joins);
    if (key == NULL)
        return false;
    if (is_written_out(r.at)) {
        free(key);
        r.at = assignment;
        r.column = 1;
        return read_setting(&r, file) && (peek(&r) == -1 || fail_here(&r, "the end"));
    }
    value.text = strdup(r.at);
    if (value.text == NULL) {
        free(key);
        return fail(&r, "out of memory");
    }
    return store(&r, file, key, joins, &value);
}

/* ---- questions ---- */

const struct config_value *config_find(struct config_file *file, const char *key)
{
    struct config_setting *setting = find(file, key);

    if (setting == NULL)
        return NULL;
    setting->used = true;
    return &setting->value;
}

bool config_string(struct config_file *file, const char *key, const char **value, char *error)
{
    const struct config_value *v = config_find(file, key);

    if (v == NULL)
        return true;
    if (v->type == CONFIG_LIST)
        return config_error(file, v, error, "%s is a list and has to be a string", key);
    *value = v->text;
    return true;
}

bool config_number(struct config_file *file, const char *key, int64_t min, int64_t max, int64_t *value,
                   char *error)
{
    const struct config_value *v = config_find(file, key);
    int64_t number;

    if (v == NULL)
        return true;
    number = v->number;
    /* xl takes "1024" for 1024. */
    if (v->type == CONFIG_STRING) {
        char *end;

        number = strtoll(v->text, &end, 0);
        if (end == v->text || *end != '\0')
            return config_error(file, v, error, "%s is '%s' and has to be a number", key, v->text);
    } else if (v->type != CONFIG_NUMBER) {
        return config_error(file, v, error, "%s is a list and has to be a number", key);
    }
    if (number < min || number > max)
        return config_error(file, v, error, "%s is %lld and has to be between %lld and %lld", key,
                            (long long)number, (long long)min, (long long)max);
    *value = number;
    return true;
}

void config_unused(const struct config_file *file,
                   void (*fn)(void *arg, const struct config_setting *setting), void *arg)
{
    for (size_t i = 0; i < file->nr; i++)
        if (!file->setting[i].used)
            fn(arg, &file->setting[i]);
}
