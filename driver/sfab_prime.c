// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf: exchange of BOs with other devices, accelerators and foreign ones
 *
 * HBM is exported without struct pages: the importer gets bus addresses of BAR 2
 * that dma_map_resource() made for it, so that it works with and without
 * CONFIG_PCI_P2PDMA and an IOMMU.  Between two accelerators a DMA self-test
 * (sfab_peer.c) says whether that really works.
 */
#include <linux/dma-resv.h>
#include <linux/pci-p2pdma.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>

#include "sfab_bo.h"

MODULE_IMPORT_NS(DMA_BUF);

static const struct dma_buf_attach_ops sfab_attach_ops;

static bool sfab_is_sfab_attachment(const struct dma_buf_attachment *attach)
{
	return attach->importer_ops == &sfab_attach_ops;
}

/* ---- export ---- */

static int sfab_dmabuf_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct sfab_bo *bo = to_sfab_bo(dmabuf->priv);
	struct pci_dev *pdev = to_sfab(bo->base.dev)->pdev;

	if (bo->kind != SFAB_BO_HBM || sfab_is_sfab_attachment(attach))
		return 0;

	/* HBM does not move to system memory for one who cannot reach the BAR */
	if (!attach->peer2peer || pci_p2pdma_distance(pdev, attach->dev, true) < 0)
		return -EOPNOTSUPP;
	return 0;
}

static int sfab_dmabuf_pin(struct dma_buf_attachment *attach)
{
	return 0;	/* nothing ever moves */
}

static void sfab_dmabuf_unpin(struct dma_buf_attachment *attach)
{
}

static void sfab_unmap_hbm(struct device *dev, struct sg_table *sgt,
			   enum dma_data_direction dir)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (sg_dma_len(sg))
			dma_unmap_resource(dev, sg_dma_address(sg), sg_dma_len(sg), dir, 0);
	}
	sg_free_table(sgt);
	kfree(sgt);
}

/* The length field of a scatterlist has 32 bits */
#define SFAB_MAX_SEGMENT	SZ_1G

static struct sg_table *sfab_map_hbm(struct sfab_bo *bo, struct device *dev,
				     enum dma_data_direction dir)
{
	struct sfab_hbm *hbm = &to_sfab(bo->base.dev)->hbm;
	struct drm_buddy_block *block;
	struct scatterlist *sg;
	struct sg_table *sgt;
	unsigned int count = 0;
	int ret;

	list_for_each_entry(block, &bo->blocks, link)
		count += DIV_ROUND_UP_ULL(drm_buddy_block_size(&hbm->mm, block),
					  SFAB_MAX_SEGMENT);

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table(sgt, count, GFP_KERNEL);
	if (ret) {
		kfree(sgt);
		return ERR_PTR(ret);
	}

	sg = sgt->sgl;
	list_for_each_entry(block, &bo->blocks, link) {
		phys_addr_t phys = hbm->bar_phys + drm_buddy_block_offset(block);
		u64 left = drm_buddy_block_size(&hbm->mm, block);

		while (left) {
			u32 size = min_t(u64, left, SFAB_MAX_SEGMENT);
			dma_addr_t addr = dma_map_resource(dev, phys, size, dir, 0);

			ret = dma_mapping_error(dev, addr);
			if (ret) {
				sfab_unmap_hbm(dev, sgt, dir);
				return ERR_PTR(ret);
			}
			/* No struct page: only the DMA side means something */
			sg_set_page(sg, NULL, size, 0);
			sg_dma_address(sg) = addr;
			sg_dma_len(sg) = size;
			sg = sg_next(sg);
			phys += size;
			left -= size;
		}
	}
	return sgt;
}

static struct sg_table *sfab_dmabuf_map(struct dma_buf_attachment *attach,
					enum dma_data_direction dir)
{
	struct sfab_bo *bo = to_sfab_bo(attach->dmabuf->priv);
	struct drm_device *drm = bo->base.dev;
	struct sg_table *sgt;
	int ret, idx;

	if (!drm_dev_enter(drm, &idx))
		return ERR_PTR(-ENODEV);

	if (bo->kind == SFAB_BO_HBM) {
		sgt = sfab_map_hbm(bo, attach->dev, dir);
		goto out_exit;
	}

	sgt = drm_prime_pages_to_sg(drm, bo->pages, PHYS_PFN(bo->base.size));
	if (IS_ERR(sgt))
		goto out_exit;
	ret = dma_map_sgtable(attach->dev, sgt, dir, SFAB_DMA_ATTRS);
	if (ret) {
		sg_free_table(sgt);
		kfree(sgt);
		sgt = ERR_PTR(ret);
	}
out_exit:
	drm_dev_exit(idx);
	return sgt;
}

static void sfab_dmabuf_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			      enum dma_data_direction dir)
{
	struct sfab_bo *bo = to_sfab_bo(attach->dmabuf->priv);

	if (bo->kind == SFAB_BO_HBM) {
		sfab_unmap_hbm(attach->dev, sgt, dir);
		return;
	}
	dma_unmap_sgtable(attach->dev, sgt, dir, SFAB_DMA_ATTRS);
	sg_free_table(sgt);
	kfree(sgt);
}

static void sfab_dmabuf_release(struct dma_buf *dmabuf)
{
	struct sfab_bo *bo = to_sfab_bo(dmabuf->priv);

	/* Compared as the BO may have a newer dma-buf already */
	cmpxchg(&bo->exported, dmabuf->file, NULL);
	drm_gem_dmabuf_release(dmabuf);
}

static const struct dma_buf_ops sfab_dmabuf_ops = {
	.attach = sfab_dmabuf_attach,
	.pin = sfab_dmabuf_pin,
	.unpin = sfab_dmabuf_unpin,
	.map_dma_buf = sfab_dmabuf_map,
	.unmap_dma_buf = sfab_dmabuf_unmap,
	.release = sfab_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
};

/**
 * sfab_gem_prime_export - make a dma-buf of a BO
 * @obj: HBM or SYSTEM BO; DRM itself re-exports imported ones
 * @flags: of the file
 *
 * Registered memory is not exported: its pins are charged to one process.
 */
struct dma_buf *sfab_gem_prime_export(struct drm_gem_object *obj, int flags)
{
	struct sfab_bo *bo = to_sfab_bo(obj);
	struct dma_buf_export_info info = {
		.exp_name = KBUILD_MODNAME,
		.owner = THIS_MODULE,
		.ops = &sfab_dmabuf_ops,
		.size = obj->size,
		.flags = flags,
		.priv = obj,
		.resv = obj->resv,
	};
	struct dma_buf *dmabuf;
	int ret;

	if (bo->kind != SFAB_BO_HBM && bo->kind != SFAB_BO_SYSTEM)
		return ERR_PTR(-EOPNOTSUPP);

	/* A mapping counts from it: it must not change once there may be one of the dma-buf */
	ret = drm_gem_create_mmap_offset(obj);
	if (ret)
		return ERR_PTR(ret);
	dmabuf = drm_gem_dmabuf_export(obj->dev, &info);
	if (!IS_ERR(dmabuf))
		WRITE_ONCE(bo->exported, dmabuf->file);
	return dmabuf;
}

/**
 * sfab_prime_evict_importers - end all use of an exported BO elsewhere
 * @bo: HBM BO of a device that is going
 */
void sfab_prime_evict_importers(struct sfab_bo *bo)
{
	struct file *file = get_file_active(&bo->exported);
	struct dma_buf *dmabuf;

	if (!file)
		return;

	dmabuf = file->private_data;
	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_move_notify(dmabuf);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
}

/* ---- import ---- */

/*
 * Only the removal of the exporter moves a BO of ours: end its use for good.
 * Called with the dma_resv lock held.
 */
static void sfab_import_move_notify(struct dma_buf_attachment *attach)
{
	struct sfab_bo *bo = attach->importer_priv;
	bool was;

	mutex_lock(&bo->dma_lock);
	was = bo->dma_live;
	bo->dma_live = false;
	mutex_unlock(&bo->dma_lock);
	if (!was)
		return;

	sfab_vm_zap_bo(bo);
	dma_buf_unmap_attachment(attach, bo->sgt, bo->dir);
}

static const struct dma_buf_attach_ops sfab_attach_ops = {
	.allow_peer2peer = true,
	.move_notify = sfab_import_move_notify,
};

/**
 * sfab_prime_unmap - end the DMA mapping of an imported BO
 * @bo: BO whose dma_live the caller has turned off
 */
void sfab_prime_unmap(struct sfab_bo *bo)
{
	dma_buf_unmap_attachment_unlocked(bo->base.import_attach, bo->sgt, bo->dir);
}

/**
 * sfab_prime_release - detach an imported BO from its dma-buf
 * @bo: BO without DMA mapping
 */
void sfab_prime_release(struct sfab_bo *bo)
{
	struct dma_buf_attachment *attach = bo->base.import_attach;
	struct dma_buf *dmabuf;

	if (!attach)
		return;

	dmabuf = attach->dmabuf;
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

/* Foreign exporters are attached statically: what they pin does not move */
static struct dma_buf_attachment *sfab_import_attach(struct sfab_bo *bo, struct dma_buf *dmabuf)
{
	struct device *dev = bo->base.dev->dev;

	if (dmabuf->ops == &sfab_dmabuf_ops)
		return dma_buf_dynamic_attach(dmabuf, dev, &sfab_attach_ops, bo);
	return dma_buf_attach(dmabuf, dev);
}

/* Returns an enum sfab_path or a negative errno */
static int sfab_import_path(struct sfab_device *sdev, struct dma_buf *dmabuf)
{
	struct sfab_bo *peer_bo;

	if (dmabuf->ops != &sfab_dmabuf_ops)
		return SFAB_PATH_SYSTEM;
	peer_bo = to_sfab_bo(dmabuf->priv);
	if (peer_bo->kind != SFAB_BO_HBM)
		return SFAB_PATH_SYSTEM;
	return sfab_peer_path(sdev, to_sfab(peer_bo->base.dev));
}

/* What the page tables cannot express */
static bool sfab_sgt_is_aligned(struct sg_table *sgt)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (!IS_ALIGNED(sg_dma_address(sg) | sg_dma_len(sg), SZ_4K))
			return false;
	}
	return true;
}

static int sfab_import_map(struct sfab_bo *bo)
{
	struct dma_buf_attachment *attach = bo->base.import_attach;
	struct sg_table *sgt;
	int ret = 0;

	if (bo->path == SFAB_PATH_NONE)
		return 0;

	/* Under the lock, so that a move is seen either here or by the notifier */
	dma_resv_lock(attach->dmabuf->resv, NULL);
	sgt = dma_buf_map_attachment(attach, bo->dir);
	if (IS_ERR(sgt)) {
		ret = PTR_ERR(sgt);
	} else if (!sfab_sgt_is_aligned(sgt)) {
		dma_buf_unmap_attachment(attach, sgt, bo->dir);
		ret = -EINVAL;
	} else {
		bo->sgt = sgt;
		bo->dma_live = true;
	}
	dma_resv_unlock(attach->dmabuf->resv);
	return ret;
}

static int sfab_import_fill(struct sfab_bo *bo, struct dma_buf *dmabuf)
{
	struct sfab_device *sdev = to_sfab(bo->base.dev);
	struct dma_buf_attachment *attach;
	int ret;

	ret = sfab_import_path(sdev, dmabuf);
	if (ret < 0)
		return ret;
	bo->path = ret;

	attach = sfab_import_attach(bo, dmabuf);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	get_dma_buf(dmabuf);
	bo->base.import_attach = attach;
	bo->base.resv = dmabuf->resv;

	ret = sfab_import_map(bo);
	if (!ret)
		sfab_bo_publish(bo);
	return ret;
}

/**
 * sfab_gem_prime_import - make a BO of a dma-buf
 * @drm: importing device
 * @dmabuf: anybody's
 *
 * HBM of a peer that cannot be reached gives a BO with SFAB_PATH_NONE, so that
 * user space can ask why; VM_BIND refuses it.
 */
struct drm_gem_object *sfab_gem_prime_import(struct drm_device *drm, struct dma_buf *dmabuf)
{
	struct drm_gem_object *obj;
	struct sfab_bo *bo;
	int ret, idx;

	if (dmabuf->ops == &sfab_dmabuf_ops) {
		obj = dmabuf->priv;
		if (obj->dev == drm) {
			drm_gem_object_get(obj);
			return obj;
		}
	}

	if (!dmabuf->size || !PAGE_ALIGNED(dmabuf->size))
		return ERR_PTR(-EINVAL);

	bo = sfab_bo_alloc(to_sfab(drm), SFAB_BO_IMPORTED, dmabuf->size);
	if (IS_ERR(bo))
		return ERR_CAST(bo);

	ret = -ENODEV;
	if (drm_dev_enter(drm, &idx)) {
		ret = sfab_import_fill(bo, dmabuf);
		drm_dev_exit(idx);
	}
	if (ret) {
		drm_gem_object_put(&bo->base);
		return ERR_PTR(ret);
	}
	return &bo->base;
}
