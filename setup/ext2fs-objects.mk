# SPDX-License-Identifier: MIT
#
# Compiles libext2fs and what it generates into LIB (see ext2fs.mk for the variables).

DIR     := $(dir $(LIB))
OBJ_DIR := $(DIR)obj
INCLUDE := $(DIR)include

LIBRARY := alloc alloc_sb alloc_stats alloc_tables badblocks bb_inode bitmaps bitops blkmap64_ba blkmap64_rb blknum block bmap \
    check_desc closefs crc16 crc32c csum dblist dblist_dir dir_iterate dirblock dirhash expanddir ext_attr extent fallocate \
    fileio freefs gen_bitmap gen_bitmap64 get_num_dirs get_pathname hashmap i_block icount ind_block initialize inline \
    inline_data inode io_manager link lookup mkdir mmp namei native newdir nls_utf8 openfs orphan progress punch rbtree \
    read_bb read_bb_file res_gdt rw_bitmaps sha512 swapfs symlink unlink valid_blk version

OBJECTS   := $(LIBRARY:%=$(OBJ_DIR)/lib/ext2fs/%.o) $(OBJ_DIR)/ext2_err.o
GENERATED := $(INCLUDE)/ext2fs/ext2_err.h $(INCLUDE)/crc32c_table.h

CPPFLAGS := -I$(INCLUDE) -I$(INCLUDE)/ext2fs -I$(SRC)/lib -I$(SRC)/lib/ext2fs

$(LIB): $(OBJECTS)
	rm -f $@
	ar rcs $@ $^

$(OBJ_DIR)/%.o: $(SRC)/%.c $(GENERATED)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -c $< -o $@

$(OBJ_DIR)/ext2_err.o: $(INCLUDE)/ext2fs/ext2_err.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -c $(INCLUDE)/ext2fs/ext2_err.c -o $@

# The error table is written in a notation of its own; the library brings the translator, in awk.
$(INCLUDE)/ext2fs/ext2_err.h: $(SRC)/lib/ext2fs/ext2_err.et.in
	@mkdir -p $(@D)
	sed 's/@E2FSPROGS_VERSION@/$(VERSION)/' $< > $(@D)/ext2_err.et
	awk -f $(SRC)/lib/et/et_c.awk outfile=$(@D)/ext2_err.c outfn=ext2_err.c $(@D)/ext2_err.et
	awk -f $(SRC)/lib/et/et_h.awk outfile=$@ outfn=ext2_err.h $(@D)/ext2_err.et

# Made by a program of the library that runs on the host.
$(INCLUDE)/crc32c_table.h: $(SRC)/lib/ext2fs/gen_crc32ctable.c
	@mkdir -p $(@D)
	gcc -O1 -w -I$(SRC)/lib -I$(SRC)/lib/ext2fs -o $(DIR)gen_crc32ctable $<
	$(DIR)gen_crc32ctable > $@
