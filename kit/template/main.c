/* SPDX-License-Identifier: MIT */
/* @NAME@: a guest. What main() returns is why the domain ends: 0 powers it off, anything else is a crash. */
#include <stdio.h>

int main(int argc, char **argv)
{
    printf("Hello from @NAME@.\n");
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    return 0;
}
