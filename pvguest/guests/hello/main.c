/* SPDX-License-Identifier: MIT */
/* The smallest program: a greeting, its arguments, and exit code 0, which powers the domain off. */
#include <stdio.h>

int main(int argc, char **argv)
{
    printf("Hello from a paravirtual guest.\n");
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    return 0;
}
