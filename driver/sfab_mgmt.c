// SPDX-License-Identifier: GPL-2.0-only
/*
 * Management datagrams: one out and its answer in; traps to whoever listens
 *
 * The mailbox is shared by all callers.  What tells the answers apart are transaction
 * ids, so the driver puts its own ones into the datagrams and gives the callers theirs
 * back.
 */
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/random.h>
#include <linux/string.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include "sfab_fabric.h"

#define SFAB_MGMT_MAX_HOPS		32
#define SFAB_MGMT_MAX_TIMEOUT_MS	60000
/* How long the device may take to accept a datagram */
#define SFAB_MGMT_SEND_POLL_US		10
#define SFAB_MGMT_SEND_TIMEOUT_US	(100 * USEC_PER_MSEC)
/* Datagrams that are read before others get their turn; the device keeps as many */
#define SFAB_MGMT_BATCH			16

#define SFAB_MGMT_WORDS			(sizeof(struct sfab_datagram) / sizeof(u32))

/**
 * struct sfab_mgmt_waiter - one who waits for an answer
 * @link: in sfab_mgmt_box.waiters until there is one
 * @transaction: what the answer carries
 * @done: completed with the answer or the error
 * @error: 0 or a negative errno
 * @answer: answer
 */
struct sfab_mgmt_waiter {
	struct list_head link;
	__le64 transaction;
	struct completion done;
	int error;
	struct sfab_datagram answer;
};

int sfab_mgmt_init(struct sfab_fabric *fabric)
{
	struct sfab_mgmt_box *mgmt = &fabric->mgmt;
	int ret;

	BUILD_BUG_ON(sizeof(struct sfab_datagram) != 256);

	spin_lock_init(&mgmt->waiters_lock);
	INIT_LIST_HEAD(&mgmt->waiters);
	/* An answer to somebody before us must not look like one to us */
	atomic64_set(&mgmt->transaction, get_random_u64());
	ret = drmm_mutex_init(&fabric->sdev->drm, &mgmt->tx_lock);
	if (ret)
		return ret;
	return drmm_mutex_init(&fabric->sdev->drm, &mgmt->listen_lock);
}

/* ---- receive ---- */

static void sfab_mgmt_answered(struct sfab_mgmt_box *mgmt, const struct sfab_datagram *datagram)
{
	struct sfab_mgmt_waiter *waiter;

	spin_lock(&mgmt->waiters_lock);
	list_for_each_entry(waiter, &mgmt->waiters, link) {
		if (waiter->transaction != datagram->transaction)
			continue;
		list_del_init(&waiter->link);
		waiter->answer = *datagram;
		complete(&waiter->done);
		break;
	}
	spin_unlock(&mgmt->waiters_lock);
}

static void sfab_mgmt_trapped(struct sfab_device *sdev, const struct sfab_datagram *datagram)
{
	const struct sfab_event_trap event = {
		.base.type = SFAB_EVENT_TRAP,
		.base.length = sizeof(event),
		.datagram = *datagram,
	};

	sfab_event_broadcast(sdev, &event.base, SFAB_EVENTS_TRAP);
}

static void sfab_mgmt_read(struct sfab_device *sdev, struct sfab_datagram *datagram)
{
	__le32 *words = (__le32 *)datagram;
	unsigned int i;

	for (i = 0; i < SFAB_MGMT_WORDS; i++)
		words[i] = cpu_to_le32(readl(sdev->regs + SFAB_REG_MGMT_RX + i * sizeof(u32)));
	writel(SFAB_MGMT_CTRL_NEXT, sdev->regs + SFAB_REG_MGMT_CTRL);
}

/**
 * sfab_mgmt_receive - take datagrams out of the mailbox
 * @fabric: fabric; between sfab_hw_get() and put, by one thread at a time
 *
 * Return: whether there may be more.
 */
bool sfab_mgmt_receive(struct sfab_fabric *fabric)
{
	struct sfab_device *sdev = fabric->sdev;
	struct sfab_datagram datagram;
	unsigned int i;
	u32 status;

	for (i = 0; i < SFAB_MGMT_BATCH; i++) {
		status = readl(sdev->regs + SFAB_REG_MGMT_STATUS);
		if (!(status & SFAB_MGMT_STATUS_READABLE) || status == ~0U)
			return false;
		sfab_mgmt_read(sdev, &datagram);
		if (datagram.method & SFAB_MGMT_RESPONSE)
			sfab_mgmt_answered(&fabric->mgmt, &datagram);
		else if (datagram.method == SFAB_MGMT_TRAP)
			sfab_mgmt_trapped(sdev, &datagram);
	}
	return true;
}

/**
 * sfab_mgmt_fail - no answer will come any more
 * @fabric: fabric
 * @error: what waiters get
 */
void sfab_mgmt_fail(struct sfab_fabric *fabric, int error)
{
	struct sfab_mgmt_box *mgmt = &fabric->mgmt;
	struct sfab_mgmt_waiter *waiter, *next;

	spin_lock(&mgmt->waiters_lock);
	list_for_each_entry_safe(waiter, next, &mgmt->waiters, link) {
		list_del_init(&waiter->link);
		waiter->error = error;
		complete(&waiter->done);
	}
	spin_unlock(&mgmt->waiters_lock);
}

/* ---- traps ---- */

static void sfab_mgmt_write_listen(struct sfab_fabric *fabric)
{
	writel(READ_ONCE(fabric->mgmt.listeners) ? SFAB_MGMT_CTRL_LISTEN_ON :
						   SFAB_MGMT_CTRL_LISTEN_OFF,
	       fabric->sdev->regs + SFAB_REG_MGMT_CTRL);
}

/**
 * sfab_mgmt_listen - a file wants traps, or does so no more
 * @fabric: fabric
 * @files: 1 or -1
 *
 * Takes effect later if the device is offline.
 */
void sfab_mgmt_listen(struct sfab_fabric *fabric, int files)
{
	struct sfab_mgmt_box *mgmt = &fabric->mgmt;
	int idx;

	mutex_lock(&mgmt->listen_lock);
	WRITE_ONCE(mgmt->listeners, mgmt->listeners + files);
	if (!sfab_hw_get(fabric->sdev, &idx)) {
		sfab_mgmt_write_listen(fabric);
		sfab_hw_put(fabric->sdev, idx);
	}
	mutex_unlock(&mgmt->listen_lock);
}

/**
 * sfab_mgmt_restore - set up the mailbox after a reset
 * @fabric: fabric; reset_lock is held for writing
 */
void sfab_mgmt_restore(struct sfab_fabric *fabric)
{
	sfab_mgmt_write_listen(fabric);
}

/* ---- send ---- */

static int sfab_mgmt_write(struct sfab_device *sdev, const struct sfab_datagram *datagram)
{
	const __le32 *words = (const __le32 *)datagram;
	unsigned int i;
	u32 status;
	int ret;

	ret = readl_poll_timeout(sdev->regs + SFAB_REG_MGMT_STATUS, status,
				 !(status & SFAB_MGMT_STATUS_BUSY),
				 SFAB_MGMT_SEND_POLL_US, SFAB_MGMT_SEND_TIMEOUT_US);
	if (ret)
		return -ETIME;

	for (i = 0; i < SFAB_MGMT_WORDS; i++)
		writel(le32_to_cpu(words[i]), sdev->regs + SFAB_REG_MGMT_TX + i * sizeof(u32));
	writel(SFAB_MGMT_CTRL_SEND, sdev->regs + SFAB_REG_MGMT_CTRL);
	return 0;
}

/* The waiter is on the list before an answer can come, and before a reset can fail it */
static int sfab_mgmt_send(struct sfab_fabric *fabric, struct sfab_mgmt_waiter *waiter,
			  const struct sfab_datagram *datagram)
{
	struct sfab_mgmt_box *mgmt = &fabric->mgmt;
	int ret, idx;

	ret = mutex_lock_interruptible(&mgmt->tx_lock);
	if (ret)
		return ret;
	ret = sfab_hw_get(fabric->sdev, &idx);
	if (ret)
		goto out_unlock;

	spin_lock(&mgmt->waiters_lock);
	list_add_tail(&waiter->link, &mgmt->waiters);
	spin_unlock(&mgmt->waiters_lock);
	ret = sfab_mgmt_write(fabric->sdev, datagram);
	sfab_hw_put(fabric->sdev, idx);
out_unlock:
	mutex_unlock(&mgmt->tx_lock);
	return ret;
}

static int sfab_mgmt_transact(struct sfab_fabric *fabric, struct sfab_datagram *datagram,
			      unsigned int timeout_ms)
{
	struct sfab_mgmt_box *mgmt = &fabric->mgmt;
	struct sfab_mgmt_waiter waiter = {
		.transaction = cpu_to_le64(atomic64_inc_return(&mgmt->transaction)),
	};
	struct sfab_datagram request = *datagram;
	long ret;

	INIT_LIST_HEAD(&waiter.link);
	init_completion(&waiter.done);
	request.transaction = waiter.transaction;

	ret = sfab_mgmt_send(fabric, &waiter, &request);
	/* A jiffy more, as the one that it begins in has begun already */
	if (!ret)
		ret = wait_for_completion_interruptible_timeout(&waiter.done,
								msecs_to_jiffies(timeout_ms) + 1);
	spin_lock(&mgmt->waiters_lock);
	list_del(&waiter.link);
	spin_unlock(&mgmt->waiters_lock);

	/* It may have come at the last moment */
	if (!completion_done(&waiter.done) && ret <= 0)
		return ret ?: -ETIME;
	if (waiter.error)
		return waiter.error;
	waiter.answer.transaction = datagram->transaction;
	*datagram = waiter.answer;
	return 0;
}

static bool sfab_mgmt_is_valid(const struct sfab_fabric *fabric,
			       const struct sfab_datagram *datagram)
{
	u32 dst = le16_to_cpu(datagram->dst_eid);

	if (datagram->version != SFAB_MGMT_VERSION || datagram->status || datagram->src_eid ||
	    datagram->hop_pointer || datagram->reserved1 || datagram->reserved2 ||
	    memchr_inv(datagram->return_path, 0, sizeof(datagram->return_path)) ||
	    memchr_inv(datagram->reserved3, 0, sizeof(datagram->reserved3)))
		return false;
	if (datagram->method != SFAB_MGMT_GET && datagram->method != SFAB_MGMT_SET)
		return false;

	switch (datagram->mode) {
	case SFAB_MGMT_BY_EID:
		return !datagram->hop_count && dst && dst < sfab_num_eids(fabric);
	case SFAB_MGMT_DIRECTED:
		return datagram->hop_count <= SFAB_MGMT_MAX_HOPS && !dst;
	default:
		return false;
	}
}

int sfab_mgmt_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_fabric *fabric = to_sfab(drm)->fabric;
	struct sfab_mgmt *args = data;
	int ret;

	if (args->flags || !args->timeout_ms || args->timeout_ms > SFAB_MGMT_MAX_TIMEOUT_MS)
		return -EINVAL;
	if (!sfab_mgmt_is_valid(fabric, &args->datagram))
		return -EINVAL;
	ret = sfab_fabric_admin(fabric);
	if (ret)
		return ret;
	return sfab_mgmt_transact(fabric, &args->datagram, args->timeout_ms);
}
