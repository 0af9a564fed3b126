/* SPDX-License-Identifier: MIT */
/* The text of com1= and com2=. Apart from serial.c, so that it can be tested without ports. */
#include "hv/io/serial.h"
#include "hv/lib/errno.h"
#include "hv/lib/parse.h"
#include "hv/lib/string.h"

#define BAUD_MAX 4000000

/* Takes `c` off the text if it stands there. */
static bool accept(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

static bool parse_rate(const char **s, struct serial_config *cfg)
{
    uint64_t baud, clock = cfg->clock;

    if (strncmp(*s, "auto", 4) == 0) {
        *s += 4;
        cfg->baud = 0;
        return true;
    }
    if (!parse_u64(s, 10, &baud) || baud == 0 || baud > BAUD_MAX)
        return false;
    if (accept(s, '/') && (!parse_u64(s, 10, &clock) || clock > BAUD_MAX))
        return false;
    if (clock < baud || clock / baud > 0xffff)
        return false;
    cfg->baud = (uint32_t)baud;
    cfg->clock = (uint32_t)clock;
    return true;
}

/* Data bits, parity and stop bits, as in 8n1. */
static bool parse_frame(const char **s, struct serial_config *cfg)
{
    static const char letters[] = "noems";
    static const uint8_t lcr_parity[] = { 0, 1, 3, 5, 7 };
    const char *p = *s, *letter;

    if (p[0] < '5' || p[0] > '8' || p[1] == '\0')
        return false;
    letter = strchr(letters, p[1]);
    if (letter == NULL || (p[2] != '1' && p[2] != '2'))
        return false;
    cfg->data_bits = (uint8_t)(p[0] - '0');
    cfg->parity = lcr_parity[letter - letters];
    cfg->stop_bits = (uint8_t)(p[2] - '0');
    *s += 3;
    return true;
}

static bool parse_io_base(const char **s, struct serial_config *cfg)
{
    uint64_t base;

    if (!parse_u64(s, 0, &base) || base < 0x100 || base > 0xfff8)
        return false;
    cfg->io_base = (uint16_t)base;
    return true;
}

static bool parse_irq(const char **s, struct serial_config *cfg)
{
    uint64_t irq;

    if (!parse_u64(s, 10, &irq) || irq > 15 || irq == 2)
        return false;
    cfg->irq = (uint8_t)irq;
    return true;
}

int serial_parse_config(const char *value, struct serial_config *cfg)
{
    static bool (*const fields[])(const char **, struct serial_config *) = { parse_rate, parse_frame,
                                                                             parse_io_base, parse_irq };
    struct serial_config parsed = *cfg;

    parsed.disabled = strcmp(value, "none") == 0 || strcmp(value, "no") == 0;
    if (!parsed.disabled) {
        for (unsigned int i = 0; *value != '\0'; i++) {
            if (i == ARRAY_SIZE(fields))
                return -EINVAL;
            if (*value != ',' && !fields[i](&value, &parsed))
                return -EINVAL;
            if (!accept(&value, ',') && *value != '\0')
                return -EINVAL;
        }
    }
    *cfg = parsed;
    return 0;
}
