# SPDX-License-Identifier: MIT
#
# The hypervisor: every hv/*/*.c, hv/*/*.S and hypercalls/*.c, linked three times.
#
# The backtrace wants a table of all text symbols inside the image, and the table's size moves what lies behind it.
# So: link with an empty table, link with a table of the right size, link with the final addresses. That the last
# two agree is checked.

HV_DIR := $(B)/hv$(VARIANT)
HV_ELF := $(HV_DIR)/ryokan.elf
HV     := $(HV_DIR)/ryokan

HV_OFFSETS_C := hv/cpu/asm_offsets.c
HV_C    := $(filter-out $(HV_OFFSETS_C),$(sort $(wildcard hv/*/*.c hypercalls/*.c)))
HV_S    := $(sort $(wildcard hv/*/*.S))
HV_LDS  := hv/boot/ryokan.lds.S
HV_S    := $(filter-out $(HV_LDS),$(HV_S))
HV_OBJ  := $(HV_C:%.c=$(HV_DIR)/%.o) $(HV_S:%.S=$(HV_DIR)/%.o)

HV_CPPFLAGS := -I. -I$(HV_DIR)/include -I$(B)/include $(XEN_CPPFLAGS) $(CONFIG_FLAGS)
HV_CFLAGS   := $(FREE_FLAGS) $(WARN_FLAGS) -O2 -fpie -include hv/lib/hidden.h -mgeneral-regs-only -mno-sse -mpreferred-stack-boundary=3 \
               $(if $(filter 1,$(DEBUG)),-fno-omit-frame-pointer -momit-leaf-frame-pointer,-fomit-frame-pointer) \
               -fstack-protector-strong \
               -mstack-protector-guard=global
HV_LDFLAGS  := -nostdlib -static --no-dynamic-linker -z noexecstack -z max-page-size=4096 --build-id=none --no-warn-rwx-segments

.PHONY: hv
hv: $(HV_ELF) $(HV) ## build the hypervisor (DEBUG=1: with assertions and lock checks, in build/hv-debug)

HV_DEPS := Makefile hv/hv.mk

# The one file that calls third-party code in the hypervisor: the decompressors, which are freed after boot.
$(HV_DIR)/hv/boot/unpack.o: HV_CPPFLAGS += -isystem $(DECOMPRESS_SRC)/xz-5.4.1/src/liblzma/api \
    -isystem $(DECOMPRESS_SRC)/lz4-1.9.4/lib -isystem $(NEWLIB)/include
$(HV_DIR)/hv/boot/unpack.o: $(DECOMPRESS_SRC)/.unpacked $(NEWLIB_LIBC)

$(HV_DIR)/%.o: %.c $(HV_DEPS) | $(SETUP) $(XEN_HEADERS)
	$(call step,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HV_CPPFLAGS) $(HV_CFLAGS) -MMD -MP -c $< -o $@

$(HV_DIR)/%.o: %.S $(HV_DIR)/include/asm_offsets.h $(HV_DEPS) | $(SETUP) $(XEN_HEADERS)
	$(call step,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HV_CPPFLAGS) -D__ASSEMBLY__ $(HV_CFLAGS) -MMD -MP -c $< -o $@

# hv/cpu/asm_offsets.c emits `->NAME value` markers through inline assembly; they become #defines for the .S files.
$(HV_DIR)/asm_offsets.s: $(HV_OFFSETS_C) $(HV_DEPS) | $(SETUP) $(XEN_HEADERS)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HV_CPPFLAGS) $(HV_CFLAGS) -g0 -MMD -MP -MF $(HV_DIR)/asm_offsets.d -MT $@ -S $< -o $@

$(HV_DIR)/include/asm_offsets.h: $(HV_DIR)/asm_offsets.s
	$(call step,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)sed -n 's/^.*->\([A-Za-z_][A-Za-z0-9_]*\)[[:space:]]*[$$]*\([-0-9a-fx]*\).*/#define \1 \2/p' $< > $@

$(HV_DIR)/ryokan.lds: $(HV_LDS) $(HV_DIR)/include/asm_offsets.h $(HV_DEPS) | $(XEN_HEADERS)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HV_CPPFLAGS) -D__ASSEMBLY__ -D__LINKER_SCRIPT__ -E -P -x assembler-with-cpp \
	    -MMD -MP -MF $@.d -MT $@ $< -o $@

# The symbol table: `struct { uint64_t addr; uint32_t name_off; } ksym_table[]`, sorted by address.
$(HV_DIR)/ksyms.0.S: hv/ksyms.awk
	$(Q)mkdir -p $(@D)
	$(Q)awk -f hv/ksyms.awk /dev/null > $@
$(HV_DIR)/ksyms.%.S: $(HV_DIR)/ryokan.link% hv/ksyms.awk
	$(Q)$(NM) $< | LC_ALL=C sort | awk -f hv/ksyms.awk > $@
$(HV_DIR)/ksyms.%.o: $(HV_DIR)/ksyms.%.S
	$(Q)$(CC) -c $< -o $@

HV_LINK = $(LD) $(HV_LDFLAGS) -T $(HV_DIR)/ryokan.lds $(HV_OBJ) $(DECOMPRESS_OBJ)

$(HV_DIR)/ryokan.link1: $(HV_OBJ) $(DECOMPRESS_OBJ) $(HV_DIR)/ryokan.lds $(HV_DIR)/ksyms.0.o
	$(Q)$(HV_LINK) $(HV_DIR)/ksyms.0.o -o $@
$(HV_DIR)/ryokan.link2: $(HV_OBJ) $(DECOMPRESS_OBJ) $(HV_DIR)/ryokan.lds $(HV_DIR)/ksyms.1.o
	$(Q)$(HV_LINK) $(HV_DIR)/ksyms.1.o -o $@
$(HV_ELF): $(HV_OBJ) $(DECOMPRESS_OBJ) $(HV_DIR)/ryokan.lds $(HV_DIR)/ksyms.2.o
	$(call step,LD,$@)
	$(Q)$(HV_LINK) $(HV_DIR)/ksyms.2.o -Map=$(HV_DIR)/ryokan.map -o $@
	$(Q)$(NM) $@ | LC_ALL=C sort | awk -f hv/ksyms.awk | cmp -s - $(HV_DIR)/ksyms.2.S || \
	    { echo '$@: the symbol table does not match the image'; exit 1; }

.PRECIOUS: $(HV_DIR)/ksyms.%.S $(HV_DIR)/ksyms.%.o

# QEMU's -kernel takes a multiboot 1 image only in a 32-bit ELF container.
$(HV): $(HV_ELF)
	$(call step,OBJCOPY,$@)
	$(Q)$(OBJCOPY) -O elf32-i386 $< $@

-include $(HV_OBJ:.o=.d) $(HV_DIR)/asm_offsets.d $(HV_DIR)/ryokan.lds.d
