/* SPDX-License-Identifier: MIT */
#include "hv/cpu/crash.h"
#include "hv/cpu/current.h"
#include "hv/cpu/insn.h"
#include "hv/cpu/nmi.h"
#include "hv/cpu/trace.h"
#include "hv/cpu/xen_guest.h"
#include "hv/domain/domain.h"
#include "hv/io/console.h"
#include "hv/lib/bug.h"
#include "hv/lib/cmdline.h"
#include "hv/lib/printf.h"
#include "hv/lib/string.h"
#include "hv/mm/guest_access.h"

bool opt_noreboot;
boolean_param("noreboot", opt_noreboot);

/* The symbol table that the build links in (hv/ksyms.awk). */
struct ksym {
    uint64_t addr;
    uint32_t name_off;
};
extern const struct ksym ksym_table[];
extern const char ksym_names[];
extern const uint32_t ksym_count;

extern const char text_start[], text_end[], init_start[], init_text_end[];

static bool is_text(uint64_t addr)
{
    return (addr >= (uint64_t)text_start && addr < (uint64_t)text_end) ||
           (addr >= (uint64_t)init_start && addr < (uint64_t)init_text_end);
}

const char *symbol_name(uint64_t addr, char *buf, size_t n)
{
    uint32_t lo = 0, hi = ksym_count;

    while (lo < hi) { /* first symbol above addr */
        uint32_t mid = lo + (hi - lo) / 2;

        if (ksym_table[mid].addr <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!lo || !is_text(addr))
        snprintf(buf, n, "%#lx", addr);
    else if (lo == ksym_count)
        snprintf(buf, n, "%s+%#lx", ksym_names + ksym_table[lo - 1].name_off, addr - ksym_table[lo - 1].addr);
    else
        snprintf(buf, n, "%s+%#lx/%#lx", ksym_names + ksym_table[lo - 1].name_off,
                 addr - ksym_table[lo - 1].addr, ksym_table[lo].addr - ksym_table[lo - 1].addr);
    return buf;
}

bool symbol_by_index(uint32_t i, uint64_t *addr, const char **name)
{
    if (i >= ksym_count)
        return false;
    *addr = ksym_table[i].addr;
    *name = ksym_names + ksym_table[i].name_off;
    return true;
}

static void show_current(void)
{
    struct vcpu *v = current_vcpu();

    if (!v)
        printk(LOG_ERR "CPU%u, before the first vCPU\n", this_cpu_id());
    else if (v->is_idle)
        printk(LOG_ERR "CPU%u, idle\n", this_cpu_id());
    else
        printk(LOG_ERR "CPU%u, vCPU d%uv%u\n", this_cpu_id(), v->domain->id, v->id);
}

void show_registers(const struct regs *r)
{
    char name[96];

    show_current();
    printk(LOG_ERR "RIP %04x:%016lx %s\n", r->cs, r->rip,
           regs_from_guest(r) ? "(guest)" : symbol_name(r->rip, name, sizeof(name)));
    printk(LOG_ERR "RSP %04x:%016lx RFLAGS %016lx vector %u error %#x\n", r->ss, r->rsp, r->rflags, r->vector,
           r->error_code);
    printk(LOG_ERR "rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r->rax, r->rbx, r->rcx, r->rdx);
    printk(LOG_ERR "rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", r->rsi, r->rdi, r->rbp, r->r8);
    printk(LOG_ERR "r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", r->r9, r->r10, r->r11, r->r12);
    printk(LOG_ERR "r13 %016lx r14 %016lx r15 %016lx\n", r->r13, r->r14, r->r15);
    printk(LOG_ERR "cr0 %016lx cr2 %016lx cr3 %016lx cr4 %016lx\n", read_cr0(), read_cr2(), read_cr3(),
           read_cr4());
}

static void show_frame(uint64_t rip)
{
    char name[96];

    printk(LOG_ERR "  [<%016lx>] %s\n", rip, symbol_name(rip, name, sizeof(name)));
}

/* Follow the frame pointers; a frame lies above the last one and returns into our text. */
static void follow_frames(uint64_t rbp)
{
    uint64_t frame[2];

    for (unsigned int depth = 0; depth < 32; depth++) {
        if (!rbp || copy_from_hv_nofault(frame, (const void *)rbp, sizeof(frame)) || !is_text(frame[1]))
            break;
        show_frame(frame[1]);
        if (frame[0] <= rbp)
            break;
        rbp = frame[0];
    }
}

/* Whether the bytes before `addr` are a call instruction: e8 rel32, or ff /2 with 2 to 7 bytes. */
static bool follows_call(uint64_t addr)
{
    uint8_t code[7];

    if (!is_text(addr) || !is_text(addr - sizeof(code)) ||
        copy_from_hv_nofault(code, (const void *)(addr - sizeof(code)), sizeof(code)))
        return false;
    if (code[2] == 0xe8)
        return true;
    for (unsigned int i = 0; i < sizeof(code) - 1; i++)
        if (code[i] == 0xff && (code[i + 1] & 0x38) == 0x10)
            return true;
    return false;
}

/*
 * Without frame pointers, which the release build leaves out because they cost several per cent of each
 * hypercall: every word on the stack that returns behind a call. Some may be left over from earlier calls.
 */
static void scan_stack(uint64_t rsp)
{
    uint64_t end = (rsp | (STACK_SIZE - 1)) - sizeof(struct cpu_info), word;
    unsigned int shown = 0;

    for (rsp &= ~7ULL; rsp < end && shown < 32; rsp += sizeof(word)) {
        if (copy_from_hv_nofault(&word, (const void *)rsp, sizeof(word)))
            break;
        if (follows_call(word)) {
            show_frame(word);
            shown++;
        }
    }
}

void show_backtrace(const struct regs *r)
{
    printk(LOG_ERR "backtrace%s:\n", CONFIG_DEBUG ? "" : " (from the words on the stack)");
    if (is_text(r->rip))
        show_frame(r->rip);
    if (CONFIG_DEBUG)
        follow_frames(r->rbp);
    else
        scan_stack(r->rsp);
}

/* A domain has no reset button: what happens next is its configuration's to say. */
static void __noreturn end_as_crashed(void)
{
    printk(LOG_ERR "This machine is a domain: it ends as crashed.\n");
    nmi_stop_others();
    xen_guest_shutdown(SHUTDOWN_crash);
}

static void __noreturn end_of_machine(void)
{
    if (xen_guest)
        end_as_crashed();
    if (opt_noreboot) {
        printk(LOG_ERR "noreboot is given: the machine stops here. Reset it by hand.\n");
        machine_halt();
    }
    printk(LOG_ERR "rebooting (noreboot on the command line stops instead)\n");
    machine_reboot();
}

static void begin_panic(void)
{
    irq_disable();
    if (!console_start_panic())
        for (;;)
            __asm__ volatile("hlt");
    nmi_stop_others();
}

void __noreturn fatal_trap(const struct regs *r, const char *what)
{
    static const char *const names[] = {
        [TRAP_DE] = "divide error",
        [TRAP_DB] = "debug trap",
        [TRAP_BP] = "breakpoint",
        [TRAP_UD] = "invalid opcode",
        [TRAP_NM] = "FPU not available",
        [TRAP_DF] = "double fault",
        [TRAP_TS] = "invalid TSS",
        [TRAP_NP] = "segment not present",
        [TRAP_SS] = "stack fault",
        [TRAP_GP] = "general protection fault",
        [TRAP_PF] = "page fault",
        [TRAP_MC] = "machine check",
        [TRAP_NMI] = "NMI",
    };

    begin_panic();
    if (!what && r->vector < ARRAY_SIZE(names))
        what = names[r->vector];
    printk(LOG_ERR "*** Ryokan: %s in the hypervisor ***\n", what ? what : "unexpected trap");
    show_registers(r);
    show_backtrace(r);
    trace_dump_recent(8);
    end_of_machine();
}

/* The registers as they are here, for BUG() and panic(). */
static __always_inline void capture(struct regs *r)
{
    *r = (struct regs){ .cs = 0, .rbp = (uint64_t)__builtin_frame_address(0) };
    __asm__ volatile("mov %%rsp, %0" : "=m"(r->rsp));
    __asm__ volatile("pushfq; popq %0" : "=m"(r->rflags));
    r->rip = (uint64_t)__builtin_return_address(0);
}

void __noreturn bug(const char *file, unsigned int line, const char *what)
{
    struct regs r;

    capture(&r);
    begin_panic();
    printk(LOG_ERR "*** Ryokan: %s at %s:%u ***\n", what, file, line);
    show_current();
    show_backtrace(&r);
    trace_dump_recent(8);
    end_of_machine();
}

void __noreturn panic(const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    begin_panic();
    printk(LOG_ERR "*** Ryokan cannot go on: %s%s", text, strchr(text, '\n') ? "" : "\n");
    if (xen_guest)
        end_as_crashed();
    /* The same machine would end here again: no reboot, whatever the command line says. */
    printk(LOG_ERR "The machine stops here. Reset it by hand.\n");
    machine_halt();
}

void __noreturn machine_halt(void)
{
    nmi_stop_others();
    for (;;)
        __asm__ volatile("cli; hlt");
}

void __noreturn hardware_domain_shutdown(unsigned int reason)
{
    switch (reason) {
    case SHUTDOWN_poweroff:
        printk(LOG_INFO "dom0 powered off: the machine goes off\n");
        machine_power_off();
    case SHUTDOWN_crash:
        printk(LOG_ERR "dom0 crashed\n");
        end_of_machine();
    case SHUTDOWN_reboot:
        printk(LOG_INFO "dom0 asked for a reboot\n");
        machine_reboot();
    default:
        printk(LOG_INFO "dom0 shut down with reason %u: rebooting\n", reason);
        machine_reboot();
    }
}

/* The compiler's stack protector: one guard value, set once from the TSC and RDRAND at boot. */
uint64_t __stack_chk_guard = 0x595e9fbd94fda766;
void __noreturn __stack_chk_fail(void);

void __noreturn __stack_chk_fail(void)
{
    bug(__FILE__, __LINE__, "a stack buffer was overrun");
}
