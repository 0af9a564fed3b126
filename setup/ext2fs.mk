# SPDX-License-Identifier: MIT
#
# libext2fs (ext2, ext3, ext4; LGPL) from Debian's source package e2fsprogs, compiled for newlib into $(EXT2FS_LIB). Only the
# upstream tarball is used, so that is what is pinned. Its configure script is not run:
# setup/ext2fs/ has the two headers that it would make.

EXT2FS_VERSION := 1.47.0
EXT2FS_ORIG    := $(SRC)/e2fsprogs_$(EXT2FS_VERSION).orig.tar.gz
EXT2FS_SHA256  := 6667afde56eef0c6af26684974400e4d2288ea49e9441bf5e6229195d51a3578
EXT2FS_SRC     := $(SRC)/e2fsprogs
EXT2FS_DIR     := $(B)/ext2fs
EXT2FS_LIB     := $(EXT2FS_DIR)/libext2fs.a

# What a file that uses libext2fs is compiled with, besides newlib's flags.
EXT2FS_CPPFLAGS := -isystem setup/ext2fs -isystem $(EXT2FS_DIR)/include -isystem $(EXT2FS_SRC)/lib

# It refuses to free an extent that ends with the file system's last block (punch_extent_blocks() compares the block behind).
EXT2FS_OFF_BY_ONE := (free_start + free_count) >= ext2fs_blocks_count

.PHONY: ext2fs
ext2fs: $(EXT2FS_LIB)

$(EXT2FS_SRC)/.unpacked: | $(SETUP)
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)$(QUIET) 'fetch the sources of e2fsprogs' $(B)/log/ext2fs-fetch.log \
	    $(FETCH) $(SRC) source --download-only e2fsprogs
	$(Q)$(call check_sha256,$(EXT2FS_SHA256),$(EXT2FS_ORIG))
	$(Q)tar -C $(@D) --strip-components=1 -xf $(EXT2FS_ORIG)
	$(Q)grep -q '$(EXT2FS_OFF_BY_ONE)' $(@D)/lib/ext2fs/punch.c
	$(Q)sed -i '/$(EXT2FS_OFF_BY_ONE)/s/>=/>/' $(@D)/lib/ext2fs/punch.c
	$(Q)touch $@

$(EXT2FS_LIB): $(EXT2FS_SRC)/.unpacked setup/ext2fs.mk setup/ext2fs-objects.mk $(wildcard setup/ext2fs/*.h setup/ext2fs/*/*.h) \
    $(NEWLIB_LIBC)
	$(Q)MAKEFLAGS= $(QUIET) 'compile libext2fs' $(B)/log/ext2fs-make.log $(MAKE) -j$$(nproc) -f setup/ext2fs-objects.mk \
	    LIB=$@ SRC=$(EXT2FS_SRC) CC='$(CC)' \
	    CFLAGS='-O2 -w $(FREE_FLAGS) -ffunction-sections -fdata-sections $(NEWLIB_CFLAGS) -DHAVE_CONFIG_H -Isetup/ext2fs'

# The same for the unit tests on the host, with the sanitizers and with its own generated headers.
EXT2FS_HOST_DIR      := $(B)/ext2fs-host
EXT2FS_HOST_LIB      := $(EXT2FS_HOST_DIR)/libext2fs.a
EXT2FS_HOST_CPPFLAGS := -isystem setup/ext2fs -isystem $(EXT2FS_HOST_DIR)/include -isystem $(EXT2FS_SRC)/lib
$(EXT2FS_HOST_LIB): $(EXT2FS_SRC)/.unpacked setup/ext2fs.mk setup/ext2fs-objects.mk $(wildcard setup/ext2fs/*.h setup/ext2fs/*/*.h) \
    | $(SETUP_TEST)
	$(Q)MAKEFLAGS= $(QUIET) 'compile libext2fs for the host' $(B)/log/ext2fs-host-make.log $(MAKE) -j$$(nproc) \
	    -f setup/ext2fs-objects.mk LIB=$@ SRC=$(EXT2FS_SRC) CC='$(CC)' \
	    CFLAGS='-O1 -g -w -fsanitize=address -DHAVE_CONFIG_H -Isetup/ext2fs'
