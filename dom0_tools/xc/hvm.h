/* SPDX-License-Identifier: MIT */
/* What hardware guests have besides. Returns as domain.h says. */
#ifndef DOM0_XC_HVM_H
#define DOM0_XC_HVM_H

#include <stdint.h>
#include <xen/xen.h>
#include <xen/hvm/save.h>

/* Sets HVM_PARAM_* (<xen/hvm/params.h>). */
int xc_hvm_param_set(domid_t domid, uint32_t index, uint64_t value);
/* Memory for its second-level page tables, in bytes, from the machine's. */
int xc_hvm_table_memory(domid_t domid, uint64_t bytes);

/* Registers and MTRRs that vCPU 0 starts with; it is up then. The further vCPUs get the MTRRs of vCPU 0. */
int xc_hvm_start(domid_t domid, uint32_t vcpus, const struct hvm_hw_cpu *cpu, const struct hvm_hw_mtrr *mtrr);

/* Registers of a vCPU that is up; the domain is paused for the moment. */
int xc_hvm_cpu(domid_t domid, uint32_t vcpu, struct hvm_hw_cpu *cpu);

#endif
