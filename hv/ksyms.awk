# SPDX-License-Identifier: MIT
#
# `nm | sort` in, the assembly of the hypervisor's text-symbol table out (see hv.mk).

$2 == "t" || $2 == "T" {
    if ($3 ~ /^\.L/)
        next
    table = table sprintf("    .quad 0x%s\n    .long %d, 0\n", $1, offset)
    names = names sprintf("    .asciz \"%s\"\n", $3)
    offset += length($3) + 1
    count++
}

END {
    print "    .section .rodata.ksyms, \"a\", @progbits"
    print "    .globl ksym_table, ksym_names, ksym_count"
    print "    .hidden ksym_table, ksym_names, ksym_count"
    print "    .balign 8"
    print "ksym_table:"
    printf "%s", table
    print "ksym_count:"
    printf "    .long %d\n", count
    print "ksym_names:"
    printf "%s", names
    print "    .byte 0"
    print "    .section .note.GNU-stack, \"\", @progbits"
}
