/* SPDX-License-Identifier: MIT */
/*
 * 16550-compatible serial ports COM1 and COM2 (National Semiconductor PC16550D data sheet). Output is polled;
 * input is polled or driven by the port's interrupt. The console (hv/io/console.c) serialises all calls for
 * one port.
 */
#ifndef HV_IO_SERIAL_H
#define HV_IO_SERIAL_H

#include "hv/lib/types.h"

#define SERIAL_PORTS 2

struct serial_config {
    uint32_t baud;     /* 0: leave the rate that firmware set */
    uint32_t clock;    /* what the divisor divides: bits per second at divisor 1 */
    uint8_t data_bits; /* 5..8 */
    uint8_t parity;    /* LCR bits: 0 none, 1 odd, 3 even, 5 mark, 7 space */
    uint8_t stop_bits; /* 1 or 2 */
    uint16_t io_base;
    uint8_t irq;   /* ISA interrupt, 0: poll */
    bool disabled; /* comN=none */
};

#define SERIAL_FORM                                                                                          \
    "comN=<baud>|auto[,<data bits><parity><stop bits>[,<io base>[,<irq>]]] or comN=none; parity n, o, e, m " \
    "or s"

/*
 * Parses the value of com1= or com2= over the defaults in *cfg: `115200,8n1,0x3f8,4`; `115200/115200` gives
 * the clock too; fields may be left empty. Returns 0, or -EINVAL with *cfg unchanged.
 */
int serial_parse_config(const char *value, struct serial_config *cfg);

/* Detects and programs the port (0 = COM1). False when it is absent or disabled; nothing else may be called
 * for it then. */
bool serial_init(unsigned int port);
bool serial_present(unsigned int port);

/* Writes bytes as they are; waits for room. A port that takes nothing for about a second is given up. */
void serial_write(unsigned int port, const char *s, size_t n);

/* The next received byte, or -1. */
int serial_getc(unsigned int port);

/* The ISA interrupt to use for input, 0 = none configured. */
unsigned int serial_irq(unsigned int port);
/* The I/O ports of a UART that the hypervisor uses, 0 when it uses none as `port`. */
uint16_t serial_io_base(unsigned int port);
#define SERIAL_IO_SIZE 8
/* Let the port raise its interrupt on received data. */
void serial_rx_interrupt(unsigned int port, bool on);

#endif
