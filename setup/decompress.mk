# SPDX-License-Identifier: MIT
#
# Decompressors of bzImage kernels from Debian's source packages. Only the upstream tarballs are used, so those are what is
# pinned. The boot-time domain builder has liblzma's decoder and LZ4, as one object in which everything stands in .init
# sections: it is freed with the rest of the boot code. dom0's builder has them, zlib's and zstd's in a library.

XZ_ORIG     := $(SRC)/xz-utils_5.4.1.orig.tar.xz
XZ_SHA256   := 5d9827aa1875b21c288f78864bb26d2650b436ea8d2cad364e4921eb6266a5a5
LZ4_ORIG    := $(SRC)/lz4_1.9.4.orig.tar.gz
LZ4_SHA256  := 0b0e3aa07c8c063ddf40b082bdf7e37a1562bda40a0ff5272957f3e987e0e54b
ZLIB_ORIG   := $(SRC)/zlib_1.2.13.dfsg.orig.tar.bz2
ZLIB_SHA256 := 71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1
ZSTD_ORIG   := $(SRC)/libzstd_1.5.4+dfsg2.orig.tar.xz
ZSTD_SHA256 := 8cf4bbb65e77ec348d052c8d6230eba66d435bddf64c8b5be2fcb16880c19953
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
              -DTUKLIB_FAST_UNALIGNED_ACCESS -DPACKAGE_NAME='"xz"' -DPACKAGE_URL='""' -DPACKAGE_BUGREPORT='""'
XZ_BOOT_HEAP := -Dmalloc=decompress_malloc -Dcalloc=decompress_calloc -Dfree=decompress_free
XZ_INCLUDES := $(addprefix -I$(DECOMPRESS_SRC)/xz-5.4.1/src/, common liblzma/api liblzma/common liblzma/check liblzma/lz \
               liblzma/lzma liblzma/rangecoder liblzma/simple liblzma/delta)
LZ4_DEFINES := -DLZ4_FREESTANDING=1 -DLZ4_memcpy=memcpy -DLZ4_memmove=memmove -DLZ4_memset=memset -include string.h

DECOMPRESS_CFLAGS := $(FREE_FLAGS) -w -O2 -fpie -include hv/lib/hidden.h -mgeneral-regs-only -mno-sse \
                     -mpreferred-stack-boundary=3 -fomit-frame-pointer -isystem $(NEWLIB)/include

$(DECOMPRESS_SRC)/.unpacked: setup/decompress.mk | $(SETUP)
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)$(QUIET) 'fetch the sources of xz, lz4, zlib and zstd' $(B)/log/decompress-fetch.log \
	    $(FETCH) $(SRC) source --download-only xz-utils lz4 zlib libzstd
	$(Q)$(call check_sha256,$(XZ_SHA256),$(XZ_ORIG))
	$(Q)$(call check_sha256,$(LZ4_SHA256),$(LZ4_ORIG))
	$(Q)$(call check_sha256,$(ZLIB_SHA256),$(ZLIB_ORIG))
	$(Q)$(call check_sha256,$(ZSTD_SHA256),$(ZSTD_ORIG))
	$(Q)for orig in $(XZ_ORIG) $(LZ4_ORIG) $(ZLIB_ORIG) $(ZSTD_ORIG); do tar -C $(@D) -xf $$orig || exit 1; done
	$(Q)touch $@

$(DECOMPRESS_DIR)/xz/%.o: $(DECOMPRESS_SRC)/.unpacked $(NEWLIB_LIBC) setup/decompress.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(DECOMPRESS_CFLAGS) $(XZ_DEFINES) $(XZ_BOOT_HEAP) $(XZ_INCLUDES) -c $(DECOMPRESS_SRC)/xz-5.4.1/src/liblzma/$*.c -o $@

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

# The library for guests. Each object's own folder says which source it is of.
UNPACK_LIB := $(DECOMPRESS_DIR)/libunpack.a
UNPACK_XZ   := $(XZ_FILES:%=xz-5.4.1/src/liblzma/%)
UNPACK_LZ4  := lz4-1.9.4/lib/lz4
UNPACK_ZLIB := $(addprefix zlib-1.2.13.dfsg/,adler32 crc32 inffast inflate inftrees zutil)
UNPACK_ZSTD := $(addprefix zstd-1.5.4/lib/,common/entropy_common common/error_private common/fse_decompress \
               common/xxhash common/zstd_common decompress/huf_decompress decompress/zstd_ddict \
               decompress/zstd_decompress decompress/zstd_decompress_block)
UNPACK_OBJ  := $(patsubst %,$(DECOMPRESS_DIR)/guest/%.o,$(UNPACK_XZ) $(UNPACK_LZ4) $(UNPACK_ZLIB) $(UNPACK_ZSTD))

# What a source that calls them is compiled with.
UNPACK_CPPFLAGS := $(addprefix -isystem $(DECOMPRESS_SRC)/,xz-5.4.1/src/liblzma/api lz4-1.9.4/lib zlib-1.2.13.dfsg \
                   zstd-1.5.4/lib)

$(DECOMPRESS_DIR)/guest/xz-%.o: UNPACK_DEFINES := $(XZ_DEFINES) $(XZ_INCLUDES)
$(DECOMPRESS_DIR)/guest/zstd-%.o: UNPACK_DEFINES := -DZSTD_DISABLE_ASM -DXXH_NAMESPACE=ZSTD_

$(UNPACK_OBJ): $(DECOMPRESS_DIR)/guest/%.o: $(DECOMPRESS_SRC)/.unpacked $(NEWLIB_LIBC) setup/decompress.mk
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(FREE_FLAGS) $(NEWLIB_CFLAGS) -w -O2 -ffunction-sections -fdata-sections $(UNPACK_DEFINES) \
	    -c $(DECOMPRESS_SRC)/$*.c -o $@

$(UNPACK_LIB): $(UNPACK_OBJ)
	$(call step,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
