/* SPDX-License-Identifier: MIT */
/* I/O ports. The hypervisor checks each access; the initial domain may use the ports that it does not keep
 * for itself. */
#ifndef PVGUEST_IOPORT_H
#define PVGUEST_IOPORT_H

#include <stdint.h>

/* Raises the I/O privilege level, without which the instructions fault with #GP. 0 or a negated Xen errno. */
int ioport_enable(void);

/* Port input and output of 8, 16 and 32 bits. #GP for a port that the domain was not given. */
static inline uint8_t inb(uint16_t port)
{
    uint8_t value;

    __asm__ __volatile__("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* As inb(). */
static inline uint16_t inw(uint16_t port)
{
    uint16_t value;

    __asm__ __volatile__("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* As inb(). */
static inline uint32_t inl(uint16_t port)
{
    uint32_t value;

    __asm__ __volatile__("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* As inb(). */
static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ __volatile__("outb %0, %1" : : "a"(value), "Nd"(port));
}

/* As inb(). */
static inline void outw(uint16_t port, uint16_t value)
{
    __asm__ __volatile__("outw %0, %1" : : "a"(value), "Nd"(port));
}

/* As inb(). */
static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ __volatile__("outl %0, %1" : : "a"(value), "Nd"(port));
}

#endif
