// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which accelerators reach each other by DMA
 *
 * Nothing tells for sure: pci_p2pdma_distance() knows a list of root complexes
 * and nothing without CONFIG_PCI_P2PDMA, and an IOMMU, ACS or a switch may be in
 * the way.  So the first time that a pair matters, the one copies a page to the
 * other and back, and the outcome is remembered.
 */
#include <linux/dma-mapping.h>
#include <linux/random.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "sfab_kctx.h"
#include "sfab_regs.h"

#define SFAB_PEER_TEST_SIZE	SZ_4K
#define SFAB_PEER_TIMEOUT_MS	1000

/**
 * struct sfab_pair - outcome of the test of an ordered pair
 * @link: in sfab_pairs
 * @from: the device that makes the accesses
 * @to: the device whose HBM is accessed
 * @reachable: outcome
 */
struct sfab_pair {
	struct list_head link;
	struct sfab_device *from;
	struct sfab_device *to;
	bool reachable;
};

/* Protects sfab_pairs, and lets one test run at a time */
static DEFINE_MUTEX(sfab_peers_lock);
static LIST_HEAD(sfab_pairs);

static u64 sfab_block_offset(struct list_head *blocks)
{
	return drm_buddy_block_offset(list_first_entry(blocks, struct drm_buddy_block, link));
}

/* @from writes a random page into @peer's HBM and reads it back; the CPU compares both */
static int sfab_peer_exchange(struct sfab_device *from, struct sfab_device *to,
			      u64 from_offset, u64 to_offset, dma_addr_t bus)
{
	const struct sfab_extent peer = {
		.addr = bus,
		.size = SFAB_PEER_TEST_SIZE,
		.aperture = SFAB_APERTURE_PEER,
	};
	void __iomem *from_page = from->hbm.bar + from_offset;
	void __iomem *to_page = to->hbm.bar + to_offset;
	u8 *sent, *got;
	int ret = -ENOMEM;

	sent = kmalloc(2 * SFAB_PEER_TEST_SIZE, GFP_KERNEL);
	if (!sent)
		return ret;
	got = sent + SFAB_PEER_TEST_SIZE;

	get_random_bytes(sent, SFAB_PEER_TEST_SIZE);
	memcpy_toio(from_page, sent, SFAB_PEER_TEST_SIZE);
	memset_io(to_page, 0, SFAB_PEER_TEST_SIZE);
	/* The device reads what was written through write-combining buffers */
	wmb();
	ret = sfab_kctx_copy(from, &peer, from_offset, false, SFAB_PEER_TIMEOUT_MS);
	if (ret)
		goto out_free;
	memcpy_fromio(got, to_page, SFAB_PEER_TEST_SIZE);
	if (memcmp(sent, got, SFAB_PEER_TEST_SIZE)) {
		ret = -EIO;
		goto out_free;
	}

	memset_io(from_page, 0, SFAB_PEER_TEST_SIZE);
	wmb();	/* as above */
	ret = sfab_kctx_copy(from, &peer, from_offset, true, SFAB_PEER_TIMEOUT_MS);
	if (ret)
		goto out_free;
	memcpy_fromio(got, from_page, SFAB_PEER_TEST_SIZE);
	if (memcmp(sent, got, SFAB_PEER_TEST_SIZE))
		ret = -EIO;
out_free:
	kfree(sent);
	return ret;
}

static int sfab_peer_test(struct sfab_device *from, struct sfab_device *to)
{
	struct device *dev = &from->pdev->dev;
	LIST_HEAD(from_page);
	LIST_HEAD(to_page);
	dma_addr_t bus;
	int ret;

	if (!(from->caps & SFAB_CAP_PEER))
		return -EOPNOTSUPP;

	ret = sfab_hbm_alloc(from, SFAB_PEER_TEST_SIZE, &from_page);
	if (ret)
		return ret;
	ret = sfab_hbm_alloc(to, SFAB_PEER_TEST_SIZE, &to_page);
	if (ret)
		goto out_from;

	bus = dma_map_resource(dev, to->hbm.bar_phys + sfab_block_offset(&to_page),
			       SFAB_PEER_TEST_SIZE, DMA_BIDIRECTIONAL, 0);
	if (dma_mapping_error(dev, bus)) {
		ret = -EXDEV;	/* no shortage of memory, more likely a mask or an IOMMU */
		goto out_to;
	}
	ret = sfab_peer_exchange(from, to, sfab_block_offset(&from_page),
				 sfab_block_offset(&to_page), bus);
	dma_unmap_resource(dev, bus, SFAB_PEER_TEST_SIZE, DMA_BIDIRECTIONAL, 0);
out_to:
	sfab_hbm_free(to, &to_page);
out_from:
	sfab_hbm_free(from, &from_page);
	return ret;
}

static struct sfab_pair *sfab_pair_find(struct sfab_device *from, struct sfab_device *to)
{
	struct sfab_pair *pair;

	list_for_each_entry(pair, &sfab_pairs, link) {
		if (pair->from == from && pair->to == to)
			return pair;
	}
	return NULL;
}

/* What a shortage of memory or a reset prevents says nothing about the pair */
static bool sfab_peer_is_verdict(int ret)
{
	return !ret || ret == -EIO || ret == -ETIMEDOUT || ret == -EOPNOTSUPP;
}

/* Tests the pair, and remembers what is a verdict */
static int sfab_peer_learn(struct sfab_device *from, struct sfab_device *to)
{
	struct sfab_pair *pair;
	int ret;

	/* First, so that a pair that works is not tested anew for want of memory */
	pair = kmalloc(sizeof(*pair), GFP_KERNEL);
	if (!pair)
		return -ENOMEM;

	ret = sfab_peer_test(from, to);
	if (ret == -EIO)
		ret = sfab_peer_test(from, to);	/* a reset may have come in between */
	if (!sfab_peer_is_verdict(ret)) {
		drm_info(&from->drm, "peer DMA to %s: not tested (%d)\n", dev_name(to->drm.dev),
			 ret);
		kfree(pair);
		return ret;
	}

	drm_info(&from->drm, "peer DMA to %s: %s (%d)\n", dev_name(to->drm.dev),
		 ret ? "does not work, copies bounce" : "works", ret);
	*pair = (struct sfab_pair){ .from = from, .to = to, .reachable = !ret };
	list_add(&pair->link, &sfab_pairs);
	return ret;
}

/**
 * sfab_peer_path - how @from accesses the HBM of @to
 * @from: device, entered
 * @to: device
 *
 * Tests it, unless it was tested before.
 *
 * Return: SFAB_PATH_PEER or SFAB_PATH_NONE; -ENOMEM or -ENODEV if it could not be
 * tested for lack of memory or because of a reset of @from.
 */
int sfab_peer_path(struct sfab_device *from, struct sfab_device *to)
{
	struct sfab_pair *pair;
	int ret, idx;

	if (!drm_dev_enter(&to->drm, &idx))
		return SFAB_PATH_NONE;

	mutex_lock(&sfab_peers_lock);
	pair = sfab_pair_find(from, to);
	if (pair)
		ret = pair->reachable ? 0 : -EXDEV;
	else
		ret = sfab_peer_learn(from, to);
	mutex_unlock(&sfab_peers_lock);
	drm_dev_exit(idx);

	if (ret == -ENOMEM || ret == -ENODEV)
		return ret;
	return ret ? SFAB_PATH_NONE : SFAB_PATH_PEER;
}

/**
 * sfab_peer_forget - a device goes
 * @sdev: device, unplugged, so that no test with it starts any more
 */
void sfab_peer_forget(struct sfab_device *sdev)
{
	struct sfab_pair *pair, *next;

	mutex_lock(&sfab_peers_lock);
	list_for_each_entry_safe(pair, next, &sfab_pairs, link) {
		if (pair->from == sdev || pair->to == sdev) {
			list_del(&pair->link);
			kfree(pair);
		}
	}
	mutex_unlock(&sfab_peers_lock);
}
