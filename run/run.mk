# SPDX-License-Identifier: MIT
#
# `make run` and the CD image.

CPUS      ?= 2
MEM       ?= 1G
MACHINE   ?= q35
GDB       ?= 0
GDB_PORT  ?= 1234
ISO       ?= 0
UEFI      ?= 0
ARGS      ?=
DOM0_ARGS ?=
QEMU_ARGS ?=
NET       ?= 0
FORWARD   ?=
DISK      ?=
GUEST         ?=
GUEST_CFG     ?=
GUEST_ARGS    ?=
GUEST_RAMDISK ?=
GUEST_MEM     ?=
GUEST_VCPUS   ?=

# NET=1: a network adapter on QEMU's user network, which has a DHCP server (dom0 is 10.0.2.15, guests follow) and reaches the world.
# FORWARD: ports of this machine that lead into it, as PORT:PORT (to dom0) or PORT:ADDRESS:PORT.
space := $(subst ,, )
comma := ,
forward_rule = ,hostfwd=tcp:127.0.0.1:$(firstword $(1))-$(if $(word 3,$(1)),$(word 2,$(1))):$(lastword $(1))
RUN_NET = $(if $(filter 1,$(NET)),-netdev user$(comma)id=net0$(subst $(space),,$(foreach rule,$(FORWARD),$(call \
          forward_rule,$(subst :, ,$(rule))))) -device virtio-net-pci$(comma)netdev=net0$(comma)disable-legacy=on)

# DISK="a.img b.img": raw images of this machine as the disks vda, vdb ... of dom0.
RUN_DISK = $(foreach image,$(DISK),-drive if=none$(comma)id=$(notdir $(image))$(comma)format=raw$(comma)discard=unmap$(comma)file=$(image) \
           -device virtio-blk-pci$(comma)drive=$(notdir $(image)))

# The hypervisor's own command line; ARGS comes last, so that it wins.
RUN_APPEND = com1=115200,8n1 console=com1 $(ARGS)

# A text as one word of the shell; and a variable's: what the user gives is not expanded, so that `$` too reaches the guest.
quote = '$(subst ','\'',$(1))'
given = $(call quote,$(if $(filter command environment,$(firstword $(origin $(1)))),$(value $(1)),$($(1))))

# A guest's files are looked for where the user is (make -C changes CURDIR and not PWD), then here.
RUN_GUEST = $(if $(value GUEST)$(value GUEST_CFG),--folder=$(call given,PWD) --folder=$(call given,CURDIR) --guest=$(call given,GUEST) \
            --guest-cfg=$(call given,GUEST_CFG) --guest-ramdisk=$(call given,GUEST_RAMDISK) --guest-args=$(call given,GUEST_ARGS) \
            --guest-mem=$(call given,GUEST_MEM) --guest-vcpus=$(call given,GUEST_VCPUS))

ISO_IMAGE   := $(B)/ryokan.iso

.PHONY: run
run: hv dom0 $(if $(filter 1,$(ISO)),iso) ## boot it: CPUS=4 MEM=2G MACHINE=q35|pc GDB=1 ISO=1 UEFI=1 DEBUG=1 NET=1 FORWARD="8080:80" DISK="image..." ARGS="..."; with one guest: GUEST=kernel GUEST_CFG=file GUEST_ARGS="..." GUEST_RAMDISK=file GUEST_MEM=256M GUEST_VCPUS=1
	$(Q)python3 run/run.py --hv $(HV) --elf $(HV_ELF) --append=$(call quote,$(RUN_APPEND)) \
	    --module=$(call quote,$(strip $(DOM0_ELF) $(DOM0_ARGS))) --module $(DOM0_INITRD) $(RUN_GUEST) \
	    --cpus $(CPUS) --mem $(MEM) --machine $(MACHINE) --build $(B) --qemu=$(call quote,$(strip $(RUN_DISK) $(RUN_NET) $(QEMU_ARGS))) \
	    $(if $(filter 1,$(GDB)),--gdb-port $(GDB_PORT)) \
	    $(if $(filter 1,$(ISO)),--iso $(ISO_IMAGE)) $(if $(filter 1,$(UEFI)),--uefi)

.PHONY: iso
iso: $(ISO_IMAGE) ## one CD image, build/ryokan.iso, that boots by BIOS and by UEFI

# The command lines stand in GRUB's menu, so a change of ARGS makes a new image.
ISO_DIR := $(B)/iso
$(ISO_DIR)/boot/grub/grub.cfg: run/grub.cfg FORCE
	$(Q)mkdir -p $(@D)
	$(Q)sed 's|@HV_ARGS@|$(RUN_APPEND)|; s|@DOM0_ARGS@|$(DOM0_ARGS)|' $< > $@.new
	$(Q)cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# GRUB loads an ELF symbol table too, and on UEFI fails to where it begins at some places of the CD: without, as the
# hypervisor has its own in the image.
$(ISO_IMAGE): $(ISO_DIR)/boot/grub/grub.cfg $(HV_ELF) $(DOM0_ELF) $(DOM0_INITRD) | $(SETUP)
	$(call step,ISO,$@)
	$(Q)$(OBJCOPY) --strip-all $(HV_ELF) $(ISO_DIR)/boot/ryokan.elf
	$(Q)cp $(DOM0_ELF) $(ISO_DIR)/boot/dom0.elf
	$(Q)cp $(DOM0_INITRD) $(ISO_DIR)/boot/initrd.tar
	$(Q)grub-mkrescue -o $@ $(ISO_DIR) > $(B)/log/iso.log 2>&1 || { tail -n 20 $(B)/log/iso.log; exit 1; }

.PHONY: FORCE
FORCE:
