/* SPDX-License-Identifier: MIT */
/*
 * After a domain has ended without unmounting, the bitmaps and counts on the device are older than the
 * inodes. They are made again from the inodes: a block or inode is in use if an inode with a name says so.
 * What an interrupted call has left without a name is thereby free again, or, if its link count was already
 * written, stays until e2fsck finds it.
 */
#include "pvguest/ext4/ext4_internal.h"
#include <errno.h>

struct recount {
    bool contradiction;
};

static int mark_block(ext2_filsys fs, blk64_t *block, e2_blkcnt_t index, blk64_t ref_block, int ref_offset,
                      void *context)
{
    struct recount *recount = context;

    (void)index, (void)ref_block, (void)ref_offset;
    if (*block < fs->super->s_first_data_block || *block >= ext2fs_blocks_count(fs->super) ||
        ext2fs_test_block_bitmap2(fs->block_map, *block)) {
        recount->contradiction = true; /* outside the file system, or in use twice */
        return BLOCK_ABORT;
    }
    ext2fs_mark_block_bitmap2(fs->block_map, *block);
    return 0;
}

/* The resize inode stands for blocks that mark_metadata() has reserved, and for the block that lists them. */
static int mark_reserved_block(ext2_filsys fs, blk64_t *block, e2_blkcnt_t index, blk64_t ref_block,
                               int ref_offset, void *context)
{
    (void)index, (void)ref_block, (void)ref_offset, (void)context;
    if (*block < ext2fs_blocks_count(fs->super))
        ext2fs_mark_block_bitmap2(fs->block_map, *block);
    return 0;
}

/* The blocks that belong to no inode. */
static void mark_metadata(ext2_filsys fs)
{
    for (dgrp_t group = 0; group < fs->group_desc_count; group++) {
        ext2fs_reserve_super_and_bgd(fs, group, fs->block_map);
        ext2fs_mark_block_bitmap2(fs->block_map, ext2fs_block_bitmap_loc(fs, group));
        ext2fs_mark_block_bitmap2(fs->block_map, ext2fs_inode_bitmap_loc(fs, group));
        ext2fs_mark_block_bitmap_range2(fs->block_map, ext2fs_inode_table_loc(fs, group),
                                        (blk_t)fs->inode_blocks_per_group);
        ext2fs_bg_used_dirs_count_set(fs, group, 0);
    }
}

static errcode_t mark_inode(ext2_filsys fs, ext2_ino_t ino, struct ext2_inode *inode, struct recount *recount)
{
    dgrp_t group = (ino - 1) / EXT2_INODES_PER_GROUP(fs->super);
    blk64_t attributes = ext2fs_file_acl_block(fs, inode);

    ext2fs_mark_inode_bitmap2(fs->inode_map, ino);
    if (LINUX_S_ISDIR(inode->i_mode))
        ext2fs_bg_used_dirs_count_set(fs, group, ext2fs_bg_used_dirs_count(fs, group) + 1);
    /* Attribute blocks may be shared. */
    if (attributes && attributes < ext2fs_blocks_count(fs->super))
        ext2fs_mark_block_bitmap2(fs->block_map, attributes);
    if (!ext2fs_inode_has_valid_blocks2(fs, inode) && !(inode->i_flags & EXT4_EXTENTS_FL))
        return 0;
    return ext2fs_block_iterate3(fs, ino, BLOCK_FLAG_READ_ONLY, NULL,
                                 ino == EXT2_RESIZE_INO ? mark_reserved_block : mark_block, recount);
}

static errcode_t mark_inodes(ext2_filsys fs, struct recount *recount)
{
    struct ext2_inode inode;
    ext2_inode_scan scan;
    ext2_ino_t ino = 1;
    errcode_t error = ext2fs_open_inode_scan(fs, 0, &scan);

    if (error)
        return error;
    for (ext2_ino_t reserved = 1; reserved < EXT2_FIRST_INODE(fs->super); reserved++)
        ext2fs_mark_inode_bitmap2(fs->inode_map, reserved);
    while (!error && ino && !recount->contradiction) {
        error = ext2fs_get_next_inode(scan, &ino, &inode);
        if (!error && ino && ino != EXT2_BAD_INO && inode.i_links_count)
            error = mark_inode(fs, ino, &inode, recount);
    }
    ext2fs_close_inode_scan(scan);
    return error;
}

/* The counts of free blocks and inodes, of each group and of all. */
static void count_free(ext2_filsys fs)
{
    blk64_t all_blocks = 0;
    ext2_ino_t all_inodes = 0, ino = 1;

    for (dgrp_t group = 0; group < fs->group_desc_count; group++) {
        blk64_t last = ext2fs_group_last_block2(fs, group);
        __u32 blocks = 0, inodes = 0;

        for (blk64_t block = ext2fs_group_first_block2(fs, group); block <= last; block++)
            blocks += !ext2fs_test_block_bitmap2(fs->block_map, block);
        for (__u32 i = 0; i < EXT2_INODES_PER_GROUP(fs->super); i++, ino++)
            inodes += !ext2fs_test_inode_bitmap2(fs->inode_map, ino);
        ext2fs_bg_flags_clear(fs, group, EXT2_BG_BLOCK_UNINIT);
        if (inodes < EXT2_INODES_PER_GROUP(fs->super))
            ext2fs_bg_flags_clear(fs, group, EXT2_BG_INODE_UNINIT);
        ext2fs_bg_free_blocks_count_set(fs, group, blocks);
        ext2fs_bg_free_inodes_count_set(fs, group, inodes);
        ext2fs_group_desc_csum_set(fs, group);
        all_blocks += blocks;
        all_inodes += inodes;
    }
    ext2fs_free_blocks_count_set(fs->super, all_blocks);
    fs->super->s_free_inodes_count = all_inodes;
}

int ext4_recount(ext2_filsys fs)
{
    struct recount recount = { false };
    errcode_t error;

    ext2fs_clear_block_bitmap(fs->block_map);
    ext2fs_clear_inode_bitmap(fs->inode_map);
    mark_metadata(fs);
    error = mark_inodes(fs, &recount);
    if (error)
        return ext4_errno(error);
    if (recount.contradiction)
        return -EBADMSG;
    count_free(fs);
    ext2fs_mark_bb_dirty(fs);
    ext2fs_mark_ib_dirty(fs);
    ext2fs_mark_super_dirty(fs);
    return 0;
}
