# SPDX-License-Identifier: MIT
"""For gdb: how to go on from xen_hypercall_pv(), through which Linux makes its hypercalls. It is in assembly and has no unwind
information for debuggers; around its SYSCALL it keeps two registers on the stack."""

import gdb
from gdb.unwinder import Unwinder, register_unwinder

PUSHED = 2
LONGEST = 32  # bytes of its code
SAVED = "rbx", "rbp", "r12", "r13", "r14", "r15"


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class HypercallUnwinder(Unwinder):
    def __init__(self):
        super().__init__("xen_hypercall_pv")

    def __call__(self, pending):
        start = int(gdb.parse_and_eval("(unsigned long)xen_hypercall_pv"))
        pc, sp = (int(pending.read_register(name)) % 2**64 for name in ("rip", "rsp"))
        if not start < pc < start + LONGEST:
            return None
        word = gdb.lookup_type("unsigned long")
        caller = sp + 8 * PUSHED
        info = pending.create_unwind_info(FrameId(gdb.Value(caller), gdb.Value(pc)))
        info.add_saved_register("rip", gdb.Value(caller).cast(word.pointer()).dereference())
        info.add_saved_register("rsp", gdb.Value(caller + 8).cast(word))
        for name in SAVED:
            info.add_saved_register(name, pending.read_register(name))
        return info


register_unwinder(None, HypercallUnwinder())
