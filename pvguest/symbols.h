/* SPDX-License-Identifier: MIT */
/* Names of code addresses, from a table that pvguest_link (pvguest.mk) adds to an image. */
#ifndef PVGUEST_SYMBOLS_H
#define PVGUEST_SYMBOLS_H

/* Prints "0x1002374 main+0x24" on the console; without the name for an address outside the image's text. Any
 * context. */
void symbols_print(unsigned long address);

#endif
