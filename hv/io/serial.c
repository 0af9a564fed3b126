/* SPDX-License-Identifier: MIT */
#include "hv/io/serial.h"
#include "hv/cpu/insn.h"
#include "hv/lib/atomic.h"
#include "hv/lib/cmdline.h"

/* Registers, as offsets from the I/O base. */
#define UART_DATA 0 /* receive and transmit; divisor low while LCR_DLAB */
#define UART_IER  1 /* interrupt enable; divisor high while LCR_DLAB */
#define UART_FCR  2 /* write: FIFO control */
#define UART_IIR  2 /* read: interrupt identification */
#define UART_LCR  3
#define UART_MCR  4
#define UART_LSR  5

#define IER_RX     0x01
#define IIR_FIFO   0xc0
#define FCR_ENABLE 0x01
#define LCR_STOP2  0x04
#define LCR_DLAB   0x80
#define MCR_DTR    0x01
#define MCR_RTS    0x02
#define MCR_OUT2   0x08 /* connects the interrupt line on a PC */
#define LSR_DATA   0x01
#define LSR_THRE   0x20

#define FIFO_BYTES 16
/* One read of the port takes about a microsecond. */
#define STUCK_POLLS 1000000

struct uart {
    struct serial_config cfg;
    bool present;
    bool stuck;   /* took nothing for STUCK_POLLS reads */
    uint8_t fifo; /* bytes that an empty transmitter takes */
    uint8_t room; /* bytes it takes now without asking */
    int early;    /* a byte that came before the FIFO was switched on, -1 = none */
};

static struct uart uarts[SERIAL_PORTS] = {
    { .cfg = { .baud = 115200,
               .clock = 115200,
               .data_bits = 8,
               .stop_bits = 1,
               .io_base = 0x3f8,
               .irq = 4 } },
    { .cfg = { .baud = 115200,
               .clock = 115200,
               .data_bits = 8,
               .stop_bits = 1,
               .io_base = 0x2f8,
               .irq = 3 } },
};

static int __init parse_com1(const char *value)
{
    return serial_parse_config(value, &uarts[0].cfg);
}
custom_param("com1", parse_com1, SERIAL_FORM);

static int __init parse_com2(const char *value)
{
    return serial_parse_config(value, &uarts[1].cfg);
}
custom_param("com2", parse_com2, SERIAL_FORM);

static uint8_t uart_read(const struct uart *u, unsigned int reg)
{
    return inb((uint16_t)(u->cfg.io_base + reg));
}

static void uart_write(const struct uart *u, unsigned int reg, uint8_t v)
{
    outb((uint16_t)(u->cfg.io_base + reg), v);
}

/* An empty bus reads as all ones and keeps nothing that is written. */
static bool uart_answers(const struct uart *u)
{
    for (uint8_t pattern = 0x0f; pattern != 0; pattern = (uint8_t)(pattern >> 2)) {
        uart_write(u, UART_IER, pattern);
        if (uart_read(u, UART_IER) != pattern)
            return false;
    }
    uart_write(u, UART_IER, 0);
    return uart_read(u, UART_IER) == 0 && uart_read(u, UART_LSR) != 0xff;
}

static void uart_program(struct uart *u)
{
    uint8_t lcr =
        (uint8_t)((u->cfg.data_bits - 5) | (u->cfg.stop_bits == 2 ? LCR_STOP2 : 0) | (u->cfg.parity << 3));

    if (u->cfg.baud != 0) {
        uint32_t divisor = u->cfg.clock / u->cfg.baud;

        uart_write(u, UART_LCR, (uint8_t)(lcr | LCR_DLAB));
        uart_write(u, UART_DATA, (uint8_t)divisor);
        uart_write(u, UART_IER, (uint8_t)(divisor >> 8));
    }
    uart_write(u, UART_LCR, lcr);
    uart_write(u, UART_MCR, MCR_DTR | MCR_RTS);
    /* Switching the FIFO on drops what was received. */
    u->early = (uart_read(u, UART_LSR) & LSR_DATA) ? uart_read(u, UART_DATA) : -1;
    uart_write(u, UART_FCR, FCR_ENABLE);
    u->fifo = (uart_read(u, UART_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_BYTES : 1;
}

bool serial_init(unsigned int port)
{
    struct uart *u = &uarts[port];

    u->present = !u->cfg.disabled && uart_answers(u);
    if (u->present)
        uart_program(u);
    return u->present;
}

bool serial_present(unsigned int port)
{
    return uarts[port].present;
}

/* True when the transmitter has room; false when the port is stuck. */
static bool uart_wait_for_room(struct uart *u)
{
    for (unsigned int polls = 0; polls < STUCK_POLLS; polls++) {
        if (uart_read(u, UART_LSR) & LSR_THRE) {
            u->room = u->fifo;
            return true;
        }
        cpu_relax();
    }
    u->stuck = true;
    return false;
}

void serial_write(unsigned int port, const char *s, size_t n)
{
    struct uart *u = &uarts[port];

    if (u->stuck && (uart_read(u, UART_LSR) & LSR_THRE))
        u->stuck = false;
    for (size_t i = 0; i < n && !u->stuck; i++) {
        if (u->room == 0 && !uart_wait_for_room(u))
            return;
        u->room--;
        uart_write(u, UART_DATA, (uint8_t)s[i]);
    }
}

int serial_getc(unsigned int port)
{
    struct uart *u = &uarts[port];
    int early = u->early;

    u->early = -1;
    if (early >= 0)
        return early;
    return (uart_read(u, UART_LSR) & LSR_DATA) ? uart_read(u, UART_DATA) : -1;
}

unsigned int serial_irq(unsigned int port)
{
    return uarts[port].cfg.irq;
}

void serial_rx_interrupt(unsigned int port, bool on)
{
    const struct uart *u = &uarts[port];

    uart_write(u, UART_MCR, (uint8_t)(MCR_DTR | MCR_RTS | (on ? MCR_OUT2 : 0)));
    uart_write(u, UART_IER, on ? IER_RX : 0);
}

uint16_t serial_io_base(unsigned int port)
{
    return serial_present(port) ? uarts[port].cfg.io_base : 0;
}
