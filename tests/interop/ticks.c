/* SPDX-License-Identifier: MIT */
/*
 * Prints the time stamp counter, which counts instructions under QEMU's `-icount shift=0`.
 */
#include <stdio.h>
#include <x86intrin.h>

int main(void)
{
    printf("%llu\n", __rdtsc());
    return 0;
}
