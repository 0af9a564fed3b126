# SPDX-License-Identifier: MIT
#
# The decompressors that the boot-time domain builder needs for bzImage kernels: liblzma's decoder and LZ4, from Debian's source
# packages xz-utils and lz4. Only the upstream tarballs are used, so those are what is pinned. The result is one object in which
# everything stands in .init sections: it is freed with the rest of the boot code.

XZ_ORIG     := $(SRC)/xz-utils_5.4.1.orig.tar.xz
XZ_SHA256   := 5d9827aa1875b21c288f78864bb26d2650b436ea8d2cad364e4921eb6266a5a5
LZ4_ORIG    := $(SRC)/lz4_1.9.4.orig.tar.gz
LZ4_SHA256  := 0b0e3aa07c8c063ddf40b082bdf7e37a1562bda40a0ff5272957f3e987e0e54b
DECOMPRESS_SRC := $(SRC)/decompress
DECOMPRESS_DIR := $(B)/decompress
DECOMPRESS_OBJ := $(DECOMPRESS_DIR)/decompress.o

XZ_FILES := check/check check/crc32_fast check/crc32_table common/block_decoder common/block_header_decoder \
            common/block_util common/common common/filter_common common/filter_decoder common/filter_flags_decoder \
            common/index_hash common/stream_buffer_decoder common/stream_decoder common/stream_flags_common \
            common/stream_flags_decoder common/vli_decoder common/vli_size lz/lz_decoder lzma/lzma2_decoder \
            lzma/lzma_decoder simple/simple_coder simple/simple_decoder simple/x86
XZ_DEFINES := -DHAVE_STDBOOL_H -DHAVE_STDINT_H -DHAVE_INTTYPES_H -DHAVE_STRING_H -DHAVE_LIMITS_H -DHAVE_DECODERS \
              -DHAVE_DECODER_LZMA2 -DHAVE_DECODER_X86 -DHAVE_CHECK_CRC32 -DHAVE_VISIBILITY=0 -DSIZEOF_SIZE_T=8 -DNDEBUG \
              -DTUKLIB_FAST_UNALIGNED_ACCESS -DPACKAGE_NAME='"xz"' -DPACKAGE_URL='""' -DPACKAGE_BUGREPORT='""' \
              -Dmalloc=decompress_malloc -Dcalloc=decompress_calloc -Dfree=decompress_free
XZ_INCLUDES := $(addprefix -I$(DECOMPRESS_SRC)/xz-5.4.1/src/, common liblzma/api liblzma/common liblzma/check liblzma/lz \
               liblzma/lzma liblzma/rangecoder liblzma/simple liblzma/delta)
LZ4_DEFINES := -DLZ4_FREESTANDING=1 -DLZ4_memcpy=memcpy -DLZ4_memmove=memmove -DLZ4_memset=memset -include string.h

DECOMPRESS_CFLAGS := $(FREE_FLAGS) -w -O2 -fpie -include hv/lib/hidden.h -mgeneral-regs-only -mno-sse \
                     -mpreferred-stack-boundary=3 -fomit-frame-pointer -isystem $(NEWLIB)/include

$(DECOMPRESS_SRC)/.unpacked: | $(SETUP)
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)$(QUIET) 'fetch the sources of xz and lz4' $(B)/log/decompress-fetch.log \
	    $(FETCH) $(SRC) source --download-only xz-utils lz4
	$(Q)$(call check_sha256,$(XZ_SHA256),$(XZ_ORIG))
	$(Q)$(call check_sha256,$(LZ4_SHA256),$(LZ4_ORIG))
	$(Q)tar -C $(@D) -xf $(XZ_ORIG) && tar -C $(@D) -xf $(LZ4_ORIG)
	$(Q)touch $@

$(DECOMPRESS_DIR)/xz/%.o: $(DECOMPRESS_SRC)/.unpacked $(NEWLIB_LIBC) setup/decompress.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(DECOMPRESS_CFLAGS) $(XZ_DEFINES) $(XZ_INCLUDES) -c $(DECOMPRESS_SRC)/xz-5.4.1/src/liblzma/$*.c -o $@

$(DECOMPRESS_DIR)/lz4.o: $(DECOMPRESS_SRC)/.unpacked $(NEWLIB_LIBC) setup/decompress.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(DECOMPRESS_CFLAGS) $(LZ4_DEFINES) -ffunction-sections -c $(DECOMPRESS_SRC)/lz4-1.9.4/lib/lz4.c -o $@

# Drop what is not reached from the two entry points, then move everything to .init.
$(DECOMPRESS_OBJ): $(XZ_FILES:%=$(DECOMPRESS_DIR)/xz/%.o) $(DECOMPRESS_DIR)/lz4.o
	$(call step,LD,$@)
	$(Q)$(LD) -r --gc-sections -u LZ4_decompress_safe -u lzma_stream_buffer_decode \
	    --entry=lzma_stream_buffer_decode $^ -o $(DECOMPRESS_DIR)/all.o
	$(Q)$(OBJCOPY) $$(readelf -SW $(DECOMPRESS_DIR)/all.o | sed -n \
	    -e 's/.* \(\.text[^ ]*\) .*/--rename-section \1=.init\1,contents,alloc,load,code,readonly/p' \
	    -e 's/.* \(\.rodata[^ ]*\) .*/--rename-section \1=.init.data\1,contents,alloc,load,data/p' \
	    -e 's/.* \(\.data[^ ]*\) .*/--rename-section \1=.init.data\1,contents,alloc,load,data/p') $(DECOMPRESS_DIR)/all.o $@
