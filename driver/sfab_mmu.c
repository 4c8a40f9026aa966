// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables: qemu/docs/specs/sfab.rst, "Memory management unit"
 *
 * A shadow of the upper levels is kept on the CPU's side, as reading HBM over
 * PCIe is slow.  A table that becomes empty is unlinked, so the tables of a VM
 * never hold more than its mappings need.
 *
 * Whatever touches HBM (map, unmap, flush) is called between sfab_hw_get() and
 * sfab_hw_put(): a reset would lose writes.  A reserved table is therefore
 * cleared when it is linked, not when it is allocated.
 */
#include <linux/bitfield.h>
#include <linux/io-64-nonatomic-lo-hi.h>

#include "sfab_mmu.h"
#include "sfab_regs.h"

#define SFAB_TABLE_ENTRIES	512
#define SFAB_TABLE_SIZE		SZ_4K
#define SFAB_TOP_LEVEL		3
#define SFAB_LARGE_LEVEL	1

/**
 * struct sfab_table - one page table
 * @link: in a list of struct sfab_tables while not in use
 * @block: the block of HBM, a list of one
 * @offset: where that is
 * @used: valid entries
 * @child: tables that the entries point to; NULL for a leaf; levels 1 to 3 only
 */
struct sfab_table {
	struct list_head link;
	struct list_head block;
	u64 offset;
	u32 used;
	struct sfab_table *child[];
};

/* Bytes that one entry of a table of @level covers */
static u64 sfab_entry_size(int level)
{
	return 1ULL << (12 + 9 * level);
}

static unsigned int sfab_entry_index(u64 va, int level)
{
	return (va >> (12 + 9 * level)) % SFAB_TABLE_ENTRIES;
}

static void __iomem *sfab_entry_ptr(struct sfab_mmu *mmu, const struct sfab_table *table,
				    unsigned int index)
{
	return mmu->sdev->hbm.bar + table->offset + index * sizeof(u64);
}

static void sfab_entry_write(struct sfab_mmu *mmu, struct sfab_table *table,
			     unsigned int index, u64 entry)
{
	writeq(entry, sfab_entry_ptr(mmu, table, index));
}

static u64 sfab_entry_read(struct sfab_mmu *mmu, struct sfab_table *table, unsigned int index)
{
	return readq(sfab_entry_ptr(mmu, table, index));
}

static void sfab_table_clear(struct sfab_mmu *mmu, struct sfab_table *table)
{
	memset_io(mmu->sdev->hbm.bar + table->offset, 0, SFAB_TABLE_SIZE);
}

static void sfab_table_link(struct sfab_mmu *mmu, struct sfab_table *table,
			    unsigned int index, struct sfab_table *child)
{
	/* The device must not follow the new pointer into old content */
	wmb();
	table->child[index] = child;
	sfab_entry_write(mmu, table, index, child->offset | SFAB_PTE_VALID);
}

static struct sfab_table *sfab_table_alloc(struct sfab_device *sdev, bool leaf)
{
	struct sfab_table *table;
	int ret;

	table = kzalloc(struct_size(table, child, leaf ? 0 : SFAB_TABLE_ENTRIES),
			GFP_KERNEL_ACCOUNT);
	if (!table)
		return ERR_PTR(-ENOMEM);

	ret = sfab_hbm_alloc(sdev, SFAB_TABLE_SIZE, &table->block);
	if (ret) {
		kfree(table);
		return ERR_PTR(ret);
	}
	table->offset = drm_buddy_block_offset(list_first_entry(&table->block,
								struct drm_buddy_block, link));
	return table;
}

static void sfab_table_free(struct sfab_device *sdev, struct sfab_table *table)
{
	sfab_hbm_free(sdev, &table->block);
	kfree(table);
}

/* ---- reserve ---- */

void sfab_tables_init(struct sfab_tables *tables)
{
	INIT_LIST_HEAD(&tables->leaves);
	INIT_LIST_HEAD(&tables->nodes);
	INIT_LIST_HEAD(&tables->retired);
}

static void sfab_table_list_free(struct sfab_device *sdev, struct list_head *list)
{
	struct sfab_table *table, *next;

	list_for_each_entry_safe(table, next, list, link)
		sfab_table_free(sdev, table);
	INIT_LIST_HEAD(list);
}

/**
 * sfab_tables_free - free what is left over
 * @sdev: device
 * @tables: after an invalidation, if there are retired ones
 */
void sfab_tables_free(struct sfab_device *sdev, struct sfab_tables *tables)
{
	sfab_table_list_free(sdev, &tables->leaves);
	sfab_table_list_free(sdev, &tables->nodes);
	sfab_table_list_free(sdev, &tables->retired);
}

static int sfab_tables_add(struct sfab_device *sdev, struct list_head *list, bool leaf, u64 count)
{
	while (count--) {
		struct sfab_table *table = sfab_table_alloc(sdev, leaf);

		if (IS_ERR(table))
			return PTR_ERR(table);
		list_add(&table->link, list);
	}
	return 0;
}

/* How many entries of @level the range touches: as many tables one level down */
static u64 sfab_entries_touched(u64 va, u64 size, int level)
{
	int shift = 12 + 9 * level;

	return ((va + size - 1) >> shift) - (va >> shift) + 1;
}

static bool sfab_fits_large(u64 addr, u64 va, u64 size)
{
	return IS_ALIGNED(addr | va, SZ_2M) && size >= SZ_2M;
}

struct sfab_count_arg {
	u64 va;
	u64 last_small;		/* 2 MiB page last counted, plus 1 */
	u64 leaves;
};

/* Counts the 2 MiB pages in which at least one 4 KiB entry is needed */
static void sfab_count_leaves(const struct sfab_extent *extent, void *p)
{
	struct sfab_count_arg *arg = p;
	u64 addr = extent->addr, left = extent->size;

	while (left) {
		u64 step = min(left, SZ_2M - arg->va % SZ_2M);

		if (sfab_fits_large(addr, arg->va, left)) {
			step = SZ_2M;
		} else if (arg->va / SZ_2M + 1 != arg->last_small) {
			arg->leaves++;
			arg->last_small = arg->va / SZ_2M + 1;
		}
		arg->va += step;
		addr += step;
		left -= step;
	}
}

static int sfab_tables_reserve(struct sfab_device *sdev, struct sfab_tables *tables,
			       u64 leaves, u64 va, u64 size)
{
	int ret;

	ret = sfab_tables_add(sdev, &tables->leaves, true, leaves);
	if (ret)
		return ret;
	return sfab_tables_add(sdev, &tables->nodes, false,
			       sfab_entries_touched(va, size, 2) +
			       sfab_entries_touched(va, size, 3));
}

/**
 * sfab_tables_reserve_map - reserve what sfab_mmu_map() can need at most
 * @sdev: device
 * @tables: reserve to add to
 * @bo: BO
 * @offset: start within @bo
 * @va: VM address
 * @size: bytes
 */
int sfab_tables_reserve_map(struct sfab_device *sdev, struct sfab_tables *tables,
			    struct sfab_bo *bo, u64 offset, u64 va, u64 size)
{
	struct sfab_count_arg arg = { .va = va };

	/* What is not live any more maps to nothing and needs no tables */
	mutex_lock(&bo->dma_lock);
	if (bo->dma_live)
		sfab_bo_walk_extents(bo, offset, size, sfab_count_leaves, &arg);
	mutex_unlock(&bo->dma_lock);

	return sfab_tables_reserve(sdev, tables, arg.leaves, va, size);
}

/**
 * sfab_tables_reserve_unmap - reserve what sfab_mmu_unmap() can need at most
 * @sdev: device
 * @tables: reserve to add to
 *
 * A range can cut a 2 MiB page at each of its ends.
 */
int sfab_tables_reserve_unmap(struct sfab_device *sdev, struct sfab_tables *tables)
{
	return sfab_tables_add(sdev, &tables->leaves, true, 2);
}

/**
 * sfab_tables_reserve_extent - reserve what sfab_mmu_map_extent() can need at most
 * @sdev: device
 * @tables: reserve to add to
 * @extent: memory
 * @va: VM address
 */
int sfab_tables_reserve_extent(struct sfab_device *sdev, struct sfab_tables *tables,
			       const struct sfab_extent *extent, u64 va)
{
	struct sfab_count_arg arg = { .va = va };

	sfab_count_leaves(extent, &arg);
	return sfab_tables_reserve(sdev, tables, arg.leaves, va, extent->size);
}

static struct sfab_table *sfab_tables_take(struct sfab_tables *tables, int level)
{
	struct list_head *list = level ? &tables->nodes : &tables->leaves;
	struct sfab_table *table = list_first_entry(list, struct sfab_table, link);

	list_del_init(&table->link);
	return table;
}

/* ---- map ---- */

/* The table of @level that covers @va, made if needed */
static struct sfab_table *sfab_mmu_walk_alloc(struct sfab_mmu *mmu, struct sfab_tables *tables,
					      u64 va, int level)
{
	struct sfab_table *table = mmu->root;
	int l;

	for (l = SFAB_TOP_LEVEL; l > level; l--) {
		unsigned int index = sfab_entry_index(va, l);

		if (!table->child[index]) {
			struct sfab_table *child = sfab_tables_take(tables, l - 1);

			sfab_table_clear(mmu, child);
			sfab_table_link(mmu, table, index, child);
			table->used++;
		}
		table = table->child[index];
	}
	return table;
}

static u64 sfab_pte(const struct sfab_extent *extent, u64 done, u32 rights)
{
	u64 pte = (extent->addr + done) | SFAB_PTE_VALID |
		  FIELD_PREP(SFAB_PTE_APERTURE, extent->aperture);

	if (rights & SFAB_RIGHT_READ)
		pte |= SFAB_PTE_READ;
	if (rights & SFAB_RIGHT_WRITE)
		pte |= SFAB_PTE_WRITE;
	return pte;
}

/**
 * sfab_mmu_map_extent - map contiguous memory
 * @mmu: page table; the range is not mapped
 * @tables: reserve
 * @extent: memory
 * @va: VM address
 * @rights: SFAB_RIGHT_*
 */
void sfab_mmu_map_extent(struct sfab_mmu *mmu, struct sfab_tables *tables,
			 const struct sfab_extent *extent, u64 va, u32 rights)
{
	u64 done = 0;

	while (done < extent->size) {
		bool large = sfab_fits_large(extent->addr + done, va + done, extent->size - done);
		int level = large ? SFAB_LARGE_LEVEL : 0;
		struct sfab_table *table = sfab_mmu_walk_alloc(mmu, tables, va + done, level);

		/* As many entries as this table has */
		do {
			sfab_entry_write(mmu, table, sfab_entry_index(va + done, level),
					 sfab_pte(extent, done, rights) |
					 (large ? SFAB_PTE_LARGE : 0));
			table->used++;
			done += sfab_entry_size(level);
		} while (done + sfab_entry_size(level) <= extent->size &&
			 sfab_entry_index(va + done, level));
	}
}

struct sfab_map_arg {
	struct sfab_mmu *mmu;
	struct sfab_tables *tables;
	u64 va;
	u32 rights;
};

static void sfab_map_one(const struct sfab_extent *extent, void *p)
{
	struct sfab_map_arg *arg = p;

	sfab_mmu_map_extent(arg->mmu, arg->tables, extent, arg->va, arg->rights);
	arg->va += extent->size;
}

/**
 * sfab_mmu_map - map a range of a BO
 * @mmu: page table; the range is not mapped
 * @tables: reserve, see sfab_tables_reserve_map()
 * @bo: BO; if its DMA has ended the range stays unmapped
 * @offset: start within @bo
 * @va: VM address
 * @size: bytes
 * @rights: SFAB_RIGHT_*
 */
void sfab_mmu_map(struct sfab_mmu *mmu, struct sfab_tables *tables, struct sfab_bo *bo,
		  u64 offset, u64 va, u64 size, u32 rights)
{
	struct sfab_map_arg arg = {
		.mmu = mmu,
		.tables = tables,
		.va = va,
		.rights = rights,
	};

	mutex_lock(&bo->dma_lock);
	if (bo->dma_live)
		sfab_bo_walk_extents(bo, offset, size, sfab_map_one, &arg);
	mutex_unlock(&bo->dma_lock);
}

/* ---- unmap ---- */

/* Replaces the 2 MiB leaf at @index by a table of 4 KiB leaves */
static void sfab_mmu_split(struct sfab_mmu *mmu, struct sfab_tables *tables,
			   struct sfab_table *table, unsigned int index)
{
	struct sfab_table *child = sfab_tables_take(tables, 0);
	u64 pte = sfab_entry_read(mmu, table, index) & ~SFAB_PTE_LARGE;
	unsigned int i;

	for (i = 0; i < SFAB_TABLE_ENTRIES; i++)
		sfab_entry_write(mmu, child, i, pte + (u64)i * SZ_4K);
	child->used = SFAB_TABLE_ENTRIES;
	sfab_table_link(mmu, table, index, child);
}

static bool sfab_entry_present(struct sfab_mmu *mmu, struct sfab_table *table,
			       int level, unsigned int index)
{
	if (level && table->child[index])
		return true;
	if (level > SFAB_LARGE_LEVEL)
		return false;
	return sfab_entry_read(mmu, table, index) & SFAB_PTE_VALID;
}

/* Depth is bounded by the levels: at most four frames */
static void sfab_mmu_unmap_level(struct sfab_mmu *mmu, struct sfab_tables *tables,
				 struct sfab_table *table, int level, u64 va, u64 end)
{
	u64 next;

	for (; va < end; va = next) {
		unsigned int index = sfab_entry_index(va, level);
		struct sfab_table *child;
		bool whole;

		next = min(end, ALIGN_DOWN(va, sfab_entry_size(level)) + sfab_entry_size(level));
		whole = next - va == sfab_entry_size(level);

		if (!sfab_entry_present(mmu, table, level, index))
			continue;

		if (level == SFAB_LARGE_LEVEL && !table->child[index] && !whole)
			sfab_mmu_split(mmu, tables, table, index);

		child = level ? table->child[index] : NULL;
		if (child) {
			sfab_mmu_unmap_level(mmu, tables, child, level - 1, va, next);
			if (child->used)
				continue;
			table->child[index] = NULL;
			list_add(&child->link, &tables->retired);
		}
		sfab_entry_write(mmu, table, index, 0);
		table->used--;
	}
}

/**
 * sfab_mmu_unmap - unmap whatever is mapped in a range
 * @mmu: page table
 * @tables: reserve, see sfab_tables_reserve_unmap(); gets the retired tables
 * @va: VM address
 * @size: bytes
 *
 * Takes effect with the next invalidation.
 */
void sfab_mmu_unmap(struct sfab_mmu *mmu, struct sfab_tables *tables, u64 va, u64 size)
{
	sfab_mmu_unmap_level(mmu, tables, mmu->root, SFAB_TOP_LEVEL, va, va + size);
}

/**
 * sfab_mmu_flush - push all writes to the tables out to the device
 * @mmu: page table
 */
void sfab_mmu_flush(struct sfab_mmu *mmu)
{
	/* Drains the write-combining buffers, which the read below does not */
	wmb();
	/* A PCIe read pushes the posted writes before it */
	sfab_entry_read(mmu, mmu->root, 0);
}

int sfab_mmu_init(struct sfab_mmu *mmu, struct sfab_device *sdev)
{
	struct sfab_table *root = sfab_table_alloc(sdev, false);

	if (IS_ERR(root))
		return PTR_ERR(root);
	mmu->sdev = sdev;
	mmu->root = root;
	return 0;
}

static void sfab_mmu_free_level(struct sfab_mmu *mmu, struct sfab_table *table, int level)
{
	int i;

	for (i = 0; level && i < SFAB_TABLE_ENTRIES; i++) {
		if (table->child[i])
			sfab_mmu_free_level(mmu, table->child[i], level - 1);
	}
	sfab_table_free(mmu->sdev, table);
}

/**
 * sfab_mmu_fini - free all tables
 * @mmu: page table that the device has left, or whose device is gone
 */
void sfab_mmu_fini(struct sfab_mmu *mmu)
{
	sfab_mmu_free_level(mmu, mmu->root, SFAB_TOP_LEVEL);
}

void sfab_mmu_clear_root(struct sfab_mmu *mmu)
{
	sfab_table_clear(mmu, mmu->root);
}

u64 sfab_mmu_root_offset(const struct sfab_mmu *mmu)
{
	return mmu->root->offset;
}
