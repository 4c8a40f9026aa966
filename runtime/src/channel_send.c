// SPDX-License-Identifier: MIT
/*
 * Channels: the sender's end
 */
#include <errno.h>
#include <string.h>

#include "channel.h"

static int run(struct sfab_channel *ch)
{
	struct sfab_fence *fence;
	int ret;

	ret = sfab_batch_submit(ch->batch, NULL, 0, &fence);
	if (ret)
		return ret;
	ret = sfab_fence_wait(fence, SFAB_NO_TIMEOUT);
	sfab_fence_free(fence);
	return ret;
}

/* Learns what the channel is, and makes it ours */
static int greet(struct sfab_channel *ch)
{
	uint64_t owner = offsetof(struct header, owner);
	struct header *h = ch->header;
	int ret = 0;

	if (sfab_mem_size(ch->ring) >= sizeof(*h)) {
		ret = sfab_batch_copy(ch->batch, ch->local, 0, ch->ring, 0, sizeof(*h));
		if (!ret)
			ret = run(ch);
	}
	if (ret)
		return ret;
	if (h->magic != MAGIC || h->version != VERSION ||
	    !channel_set_geometry(ch, h->slot_size, h->slots) ||
	    ring_size(ch) != sfab_mem_size(ch->ring))
		return fail(-EPROTO, "the handle is of a memory that is no channel, or of another version: use what sfab_channel_create() gave");
	ret = sfab_batch_atomic(ch->batch, ch->ring, owner, 8, SFAB_CAS, 1, 0, ch->local, owner);
	if (!ret)
		ret = run(ch);
	if (!ret && h->owner)
		ret = fail(-EBUSY, "another sender has opened the channel: make one for each");
	return ret;
}

int sfab_channel_open(struct sfab_queue *queue, const struct sfab_handle *handle,
		      struct sfab_channel **channel)
{
	struct sfab_channel *ch;
	void *local;
	int ret;

	if (!queue || !handle || !channel)
		return fail_null(__func__);
	ret = context_check(queue->dev->ctx);
	if (ret)
		return ret;
	ch = channel_new(queue->dev->ctx);
	if (!ch)
		return -ENOMEM;
	ch->queue = queue;
	ret = sfab_mem_import(queue->dev, handle, 0, &ch->ring);
	if (!ret)
		ret = sfab_mem_alloc(queue->dev, SFAB_MEM_SYSTEM, SFAB_PAGE, 0, &ch->local);
	if (!ret)
		ret = sfab_mem_map(ch->local, &local);
	if (!ret)
		ret = sfab_batch_create(queue, &ch->batch);
	if (!ret) {
		ch->header = local;
		ret = greet(ch);
	}
	if (ret)
		return channel_abandon(ch, ret);
	*channel = ch;
	return 0;
}

/* What the receiver has taken, as far as it has come here */
static int learn(struct sfab_channel *ch)
{
	uint64_t word = load(&ch->header->taken);
	uint32_t more = (uint32_t)word - (uint32_t)ch->taken;

	if (word != taken_word(word))
		return 0;
	if (more > ch->count - ch->taken)
		return fail(-EPROTO, "the receiver claims to have taken more than the %llu messages that were sent: it is broken, close the channel",
			    (unsigned long long)ch->count);
	ch->taken += more;
	return 0;
}

static int reap(struct sfab_channel *ch)
{
	int ret = ch->refresh ? sfab_fence_wait(ch->refresh, 0) : 0;

	if (ret == -ETIME)
		return learn(ch);
	sfab_fence_free(ch->refresh);
	ch->refresh = NULL;
	return ret ? ret : learn(ch);
}

static int record_refresh(struct sfab_channel *ch)
{
	uint64_t at = offsetof(struct header, taken);

	return sfab_batch_copy(ch->batch, ch->local, at, ch->ring, at, 8);
}

static int submit(struct sfab_channel *ch, int ret, struct sfab_fence **fence)
{
	if (!ret)
		ret = sfab_batch_submit(ch->batch, NULL, 0, fence);
	if (ret)
		sfab_batch_clear(ch->batch);
	return ret;
}

/* -EAGAIN: nothing is known yet */
static int ask(struct sfab_channel *ch)
{
	int ret = ch->refresh ? 0 : submit(ch, record_refresh(ch), &ch->refresh);

	return ret ? ret : -EAGAIN;
}

/* Slots in use; an error if it is clear that no more will become free */
static int in_use(struct sfab_channel *ch)
{
	int ret = learn(ch);

	if (!ret && 2 * (ch->count - ch->taken) >= ch->slots)
		ret = reap(ch);
	return ret ? ret : (int)(ch->count - ch->taken);
}

/* Copies a message to where it stays until the receiver has taken it */
static int stage(struct sfab_channel *ch, struct message *m)
{
	uint64_t offset = ch->count % ch->slots * ch->stride;
	void *slots;
	int ret = 0;

	if (!ch->staging)
		ret = sfab_mem_alloc(ch->queue->dev, SFAB_MEM_SYSTEM, ch->slots * ch->stride, 0,
				     &ch->staging);
	if (!ret)
		ret = sfab_mem_map(ch->staging, &slots);
	if (ret)
		return ret;
	memcpy((char *)slots + offset, m->data, m->size);
	m->mem = ch->staging;
	m->offset = offset;
	return 0;
}

static int try_send(struct sfab_channel *ch, struct message *m)
{
	uint64_t slot = slot_offset(ch, ch->count);
	uint64_t flag = m->size << 32 | (uint32_t)(ch->count + 1);
	int used = in_use(ch), ret = 0;
	bool refresh;

	if (used < 0)
		return used;
	if ((uint32_t)used == ch->slots)
		return ask(ch);
	refresh = 2 * (uint32_t)used >= ch->slots && !ch->refresh && !m->fence;
	if (m->data)
		ret = stage(ch, m);
	if (!ret)
		ret = sfab_batch_copy_notify(ch->batch, ch->ring, slot + 8, m->mem, m->offset,
					     m->size, ch->ring, slot, flag);
	if (!ret && refresh)
		ret = record_refresh(ch);
	ret = submit(ch, ret, refresh ? &ch->refresh : m->fence);
	if (!ret)
		ch->count++;
	return ret;
}

static int send_message(struct sfab_channel *ch, struct message *m, int64_t timeout_ns)
{
	if (m->size > ch->slot_size)
		return fail(-EMSGSIZE, "a message of %llu bytes does not fit into a slot of %u",
			    (unsigned long long)m->size, ch->slot_size);
	if (!m->size) {
		m->data = NULL;
		m->mem = ch->local;
		m->offset = 0;
	}
	return channel_repeat(ch, try_send, m, timeout_ns);
}

int sfab_channel_send(struct sfab_channel *ch, const void *data, uint64_t size, int64_t timeout_ns)
{
	struct message m = { .data = data, .size = size };
	int ret = channel_check(ch, true, __func__);

	if (!ret && !data && size)
		ret = fail_null(__func__);
	return ret ? ret : send_message(ch, &m, timeout_ns);
}

int sfab_channel_send_mem(struct sfab_channel *ch, struct sfab_mem *src, uint64_t src_offset,
			  uint64_t size, int64_t timeout_ns, struct sfab_fence **fence)
{
	struct message m = { .mem = src, .offset = src_offset, .size = size, .fence = fence };
	int ret = channel_check(ch, true, __func__);

	return ret ? ret : send_message(ch, &m, timeout_ns);
}

static int try_flush(struct sfab_channel *ch, struct message *m)
{
	int ret = reap(ch);

	(void)m;
	if (ret || ch->taken == ch->count)
		return ret;
	return ask(ch);
}

int sfab_channel_flush(struct sfab_channel *ch, int64_t timeout_ns)
{
	int ret = channel_check(ch, true, __func__);

	return ret ? ret : channel_repeat(ch, try_flush, NULL, timeout_ns);
}

/* What was sent before comes before it; the receiver may be gone */
void channel_say_end(struct sfab_channel *ch)
{
	int64_t since = now_ns();
	int ret;

	ret = sfab_batch_write(ch->batch, ch->ring, offsetof(struct header, end), ch->count + 1, 8);
	while (!ret && (ret = sfab_batch_submit(ch->batch, NULL, 0, NULL)) == -EAGAIN) {
		channel_rest(since, INT64_MAX);
		ret = 0;
	}
	sfab_batch_clear(ch->batch);
	sfab_queue_wait(ch->queue, SFAB_NO_TIMEOUT);
}
