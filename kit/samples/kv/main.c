/* SPDX-License-Identifier: MIT */
/*
 * A key-value store that is spoken to on the console: `set KEY VALUE`, `get KEY`, `del KEY`, `count`, `quit`.
 * What it has answered `ok` to is on the disk (its name is the argument), whatever happens to the machine
 * afterwards.
 */
#include "log.h"
#include "pvguest/time.h"
#include "split_drivers/blkfront.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE (30 * NSEC_PER_SEC)
#define BUCKETS  4096

struct pair {
    struct pair *next;
    char *value;
    char key[];
};

static struct pair *buckets[BUCKETS];
static unsigned long pairs;

static struct pair **find(const char *key)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    struct pair **link;

    for (const char *c = key; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619U;
    for (link = &buckets[hash % BUCKETS]; *link && strcmp((*link)->key, key) != 0; link = &(*link)->next)
        ;
    return link;
}

static void apply(const char *key, const char *value)
{
    struct pair **link = find(key), *pair = *link;

    if (!value && pair) {
        *link = pair->next;
        free(pair->value);
        free(pair);
        pairs--;
    } else if (value) {
        char *copy = strdup(value);

        if (!pair) {
            pair = calloc(1, sizeof(*pair) + strlen(key) + 1);
            if (pair)
                strcpy(pair->key, key);
        }
        if (!pair || !copy) {
            fprintf(stderr, "kv: out of memory\n");
            exit(1);
        }
        pairs += !*link;
        free(pair->value);
        pair->value = copy;
        *link = pair;
    }
}

static int for_each(int (*put)(const char *key, const char *value))
{
    int error = 0;

    for (size_t i = 0; i < BUCKETS && !error; i++)
        for (struct pair *pair = buckets[i]; pair && !error; pair = pair->next)
            error = put(pair->key, pair->value);
    return error;
}

static void change(const char *key, const char *value)
{
    int error = log_append(key, value, for_each);

    if (error) {
        printf("error: %s\n", strerror(-error));
        return;
    }
    apply(key, value);
    printf("ok\n");
}

static void execute(char *line)
{
    char *rest = line, *word = strsep(&rest, " "), *key = strsep(&rest, " ");

    if (strcmp(word, "count") == 0)
        printf("%lu\n", pairs);
    else if (!key || !*key || strlen(key) > KV_KEY_MAX)
        printf("error: set KEY VALUE | get KEY | del KEY | count | quit\n");
    else if (strcmp(word, "get") == 0)
        printf("%s\n", *find(key) ? (*find(key))->value : "(none)");
    else if (strcmp(word, "del") == 0)
        change(key, NULL);
    else if (strcmp(word, "set") == 0 && rest && strlen(rest) <= KV_VALUE_MAX)
        change(key, rest);
    else
        printf("error: no such command, or the value is too long\n");
}

int main(int argc, char **argv)
{
    static char line[KV_KEY_MAX + KV_VALUE_MAX + 16];
    static struct blockdev dev;
    struct block_device *device;
    int error = blkfront_open(argc > 1 ? argv[1] : NULL, time_ns() + PATIENCE, &device);

    if (!error) {
        block_as_blockdev(device, &dev);
        error = -log_open(&dev, apply);
    }
    if (error) {
        fprintf(stderr, "kv: %s\n", strerror(error));
        return 1;
    }
    printf("kv: ready, %lu pairs\n", pairs);
    while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n") != 0) {
        line[strcspn(line, "\n")] = '\0';
        execute(line);
    }
    return 0;
}
