/* SPDX-License-Identifier: MIT */
/* The page of stubs that older guests call: 32 bytes for each hypercall number (xen/xen.h "hypercall page").
 */
#include "hv/lib/string.h"
#include "hv/pv/pv.h"
#include <xen/xen.h>

#define STUB_SIZE 32
#define STUBS     (PAGE_SIZE / STUB_SIZE)

/* push rcx; push r11; mov nr, eax; syscall; pop r11; pop rcx; ret */
static const uint8_t call_stub[] = { 0x51, 0x41, 0x53, 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3 };
/* iret takes rax, r11, rcx from the stack and does not come back: push rcx; push r11; push rax; mov nr, eax;
 * syscall */
static const uint8_t iret_stub[] = { 0x51, 0x41, 0x53, 0x50, 0xb8, __HYPERVISOR_iret, 0, 0, 0, 0x0f, 0x05 };

void pv_fill_hypercall_page(void *page)
{
    memset(page, 0xcc, PAGE_SIZE);
    for (unsigned int nr = 0; nr < STUBS; nr++) {
        uint8_t *stub = (uint8_t *)page + nr * STUB_SIZE;

        if (nr == __HYPERVISOR_iret) {
            memcpy(stub, iret_stub, sizeof(iret_stub));
            continue;
        }
        memcpy(stub, call_stub, sizeof(call_stub));
        stub[4] = (uint8_t)nr;
    }
}
