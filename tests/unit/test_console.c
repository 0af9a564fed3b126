/* SPDX-License-Identifier: MIT */
/* The console's pure parts: line assembly of domains' output, log levels and rate limit, serial options,
 * date. */
/* unit-sources: hv/io/console_line.c hv/io/log_level.c hv/io/serial_config.c hv/lib/parse.c */
#include <criterion/criterion.h>
#include <string.h>

#include "hv/io/console_line.h"
#include "hv/io/log_level.h"
#include "hv/io/serial.h"

static char storage[8];
static uint16_t length;
static struct console_line line = { .buf = storage, .len = &length, .size = sizeof(storage) };

/* Adds a text; the number of lines that became complete, the last one of them in `seen`. */
static unsigned add(const char *text, char *seen)
{
    unsigned lines = 0;

    for (; *text; text++) {
        if (!console_line_add(&line, *text))
            continue;
        strcpy(seen, storage);
        console_line_reset(&line);
        lines++;
    }
    return lines;
}

Test(console_line, whole_lines)
{
    char seen[16] = "";

    cr_expect_eq(add("one\ntwo\n", seen), 2);
    cr_expect_str_eq(seen, "two");
    cr_expect_eq(add("begun", seen), 0);
    cr_expect_str_eq(storage, "begun");
    cr_expect_eq(add("\r\n", seen), 1);
    cr_expect_str_eq(seen, "begun");
    cr_expect_eq(add("\n", seen), 1);
    cr_expect_str_eq(seen, "");
}

Test(console_line, long_lines_are_cut_into_pieces)
{
    char seen[16] = "";

    cr_expect_eq(add("1234567", seen), 1);
    cr_expect_str_eq(seen, "1234567");
    cr_expect_eq(add("89\n", seen), 1);
    cr_expect_str_eq(seen, "89");
}

Test(console_line, control_characters_are_dropped)
{
    char seen[16] = "";

    cr_expect_eq(add("\033[2J\a\tx\177\n", seen), 1);
    cr_expect_str_eq(seen, "[2J\tx");
}

Test(log_level, thresholds)
{
    struct log_threshold t = { 9, 9 };

    cr_expect_eq(log_threshold_parse("warning", &t), 0);
    cr_expect_eq(t.always, LEVEL_WARNING);
    cr_expect_eq(t.limited, LEVEL_WARNING);
    cr_expect_eq(log_threshold_parse("none/all", &t), 0);
    cr_expect_eq(t.always, LEVEL_NONE);
    cr_expect_eq(t.limited, LEVEL_DEBUG);
    cr_expect_neq(log_threshold_parse("loud", &t), 0);
    cr_expect_neq(log_threshold_parse("", &t), 0);
    cr_expect_neq(log_threshold_parse("all/none", &t), 0);
    cr_expect_neq(log_threshold_parse("error/", &t), 0);
    cr_expect_neq(log_threshold_parse("errors", &t), 0);
    cr_expect_eq(t.limited, LEVEL_DEBUG, "a refused value changes nothing");
}

Test(log_level, verdicts)
{
    struct log_threshold t = { LEVEL_ERR, LEVEL_INFO };

    cr_expect_eq(log_verdict(&t, LEVEL_NONE), LOG_PRINT);
    cr_expect_eq(log_verdict(&t, LEVEL_ERR), LOG_PRINT);
    cr_expect_eq(log_verdict(&t, LEVEL_WARNING), LOG_LIMITED);
    cr_expect_eq(log_verdict(&t, LEVEL_INFO), LOG_LIMITED);
    cr_expect_eq(log_verdict(&t, LEVEL_DEBUG), LOG_DROP);
}

Test(log_level, bucket)
{
    struct log_bucket b = { 0 };
    uint64_t now = 5 * LOG_REFILL_NS;
    uint32_t dropped;

    for (unsigned i = 0; i < LOG_BURST; i++)
        cr_expect(log_bucket_take(&b, now, &dropped));
    for (unsigned i = 0; i < 3; i++)
        cr_expect_not(log_bucket_take(&b, now, &dropped));
    now += LOG_REFILL_NS;
    cr_expect(log_bucket_take(&b, now, &dropped));
    cr_expect_eq(dropped, 3);
    cr_expect_not(log_bucket_take(&b, now, &dropped));
    now += 1000 * LOG_REFILL_NS; /* no more than the burst is saved up */
    for (unsigned i = 0; i < LOG_BURST; i++)
        cr_expect(log_bucket_take(&b, now, &dropped));
    cr_expect_not(log_bucket_take(&b, now, &dropped));
    cr_expect_not(log_bucket_take(&b, now - 1, &dropped), "a clock that runs backwards does no harm");
}

static const struct serial_config com1 = {
    .baud = 115200, .clock = 115200, .data_bits = 8, .stop_bits = 1, .io_base = 0x3f8, .irq = 4
};

Test(serial_config, good)
{
    struct serial_config c = com1;

    cr_expect_eq(serial_parse_config("38400,7e2,0x2e8,11", &c), 0);
    cr_expect_eq(c.baud, 38400);
    cr_expect_eq(c.data_bits, 7);
    cr_expect_eq(c.parity, 3);
    cr_expect_eq(c.stop_bits, 2);
    cr_expect_eq(c.io_base, 0x2e8);
    cr_expect_eq(c.irq, 11);
    cr_expect_eq(serial_parse_config("auto,,,0", &c), 0);
    cr_expect_eq(c.baud, 0);
    cr_expect_eq(c.data_bits, 7, "an empty field keeps its value");
    cr_expect_eq(c.irq, 0);
    cr_expect_eq(serial_parse_config("921600/1843200", &c), 0);
    cr_expect_eq(c.clock, 1843200);
    cr_expect_eq(serial_parse_config("none", &c), 0);
    cr_expect(c.disabled);
    cr_expect_eq(serial_parse_config("115200,8n1", &c), 0);
    cr_expect_not(c.disabled);
}

Test(serial_config, refused)
{
    static const char *const bad[] = { "0",
                                       "115200,8x1",
                                       "115200,9n1",
                                       "115200,8n3",
                                       "115200,8n",
                                       "115200,8n1,0x10",
                                       "115200,8n1,0x3f8,16",
                                       "115200,8n1,0x3f8,2",
                                       "115200 8n1",
                                       "115200,8n1,0x3f8,4,5",
                                       "230400",
                                       "99999999",
                                       "fast",
                                       "115200/9600",
                                       "115200,8n1x" };

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct serial_config c = com1;

        cr_expect_neq(serial_parse_config(bad[i], &c), 0, "%s", bad[i]);
        cr_expect_eq(memcmp(&c, &com1, sizeof(c)), 0, "%s changed the configuration", bad[i]);
    }
}
