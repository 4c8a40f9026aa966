// SPDX-License-Identifier: MIT
/*
 * Channels: life, waiting, and the receiver's end
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "channel.h"

#define SPIN_NS		50000
#define LONGEST_NAP_NS	1000000

/* ---- waiting ---- */

void channel_rest(int64_t since, int64_t deadline)
{
	int64_t now = now_ns(), nap = (now - since) / 2;
	struct timespec ts = { 0 };

	if (nap < SPIN_NS / 2) {
		sched_yield();
		return;
	}
	if (nap > LONGEST_NAP_NS)
		nap = LONGEST_NAP_NS;
	if (nap > deadline - now)
		nap = deadline > now ? deadline - now : 0;
	ts.tv_nsec = nap;
	nanosleep(&ts, NULL);
}

static int fail_timeout(const struct sfab_channel *ch, int64_t timeout_ns)
{
	if (ch->queue)
		return fail(-ETIME, "the receiver has taken %llu of %llu messages, and no more within %lld ns: it is slow, or gone",
			    (unsigned long long)ch->taken, (unsigned long long)ch->count,
			    (long long)timeout_ns);
	return fail(-ETIME, "no message came within %lld ns, %llu were received before: the sender is silent, or gone",
		    (long long)timeout_ns, (unsigned long long)ch->count);
}

int channel_repeat(struct sfab_channel *ch, int (*try)(struct sfab_channel *, struct message *),
		   struct message *m, int64_t timeout_ns)
{
	int64_t since = now_ns(), deadline = deadline_after(timeout_ns);
	bool again;
	int ret;

	do {
		pthread_mutex_lock(&ch->lock);
		ret = try(ch, m);
		again = ret == -EAGAIN && now_ns() < deadline;
		if (ret == -EAGAIN && !again)
			ret = fail_timeout(ch, timeout_ns);
		pthread_mutex_unlock(&ch->lock);
		if (again)
			channel_rest(since, deadline);
	} while (again);
	return ret;
}

/* ---- making and ending ---- */

bool channel_set_geometry(struct sfab_channel *ch, uint32_t slot_size, uint32_t slots)
{
	ch->slot_size = slot_size;
	ch->slots = slots;
	ch->stride = ((uint64_t)slot_size + 8 + 63) & ~63ULL;
	return slot_size && slot_size <= SFAB_CHANNEL_MAX_SLOT_SIZE && slots &&
	       slots <= SFAB_CHANNEL_MAX_SLOTS;
}

struct sfab_channel *channel_new(struct sfab_context *ctx)
{
	struct sfab_channel *ch = calloc(1, sizeof(*ch));

	if (!ch) {
		fail_nomem("a channel");
		return NULL;
	}
	ch->ctx = ctx;
	pthread_mutex_init(&ch->lock, NULL);
	pthread_mutex_lock(&ctx->lock);
	LIST_INSERT_HEAD(&ctx->channels, ch, link);
	pthread_mutex_unlock(&ctx->lock);
	return ch;
}

void channels_free(struct sfab_context *ctx)
{
	struct sfab_channel *ch, *next;

	list_each_safe(ch, &ctx->channels, link, next)
		free(ch);
}

static int free_mem(struct sfab_mem **mem)
{
	int ret = sfab_mem_free(*mem);

	if (!ret)
		*mem = NULL;
	return ret;
}

/* Can be repeated when it fails */
static int channel_free(struct sfab_channel *ch)
{
	int ret = sfab_export_revoke(ch->exported);

	if (ret)
		return ret;
	ch->exported = NULL;
	sfab_fence_free(ch->refresh);
	ch->refresh = NULL;
	sfab_batch_free(ch->batch);
	ch->batch = NULL;
	ret = free_mem(&ch->ring);
	if (!ret)
		ret = free_mem(&ch->staging);
	if (!ret)
		ret = free_mem(&ch->local);
	if (ret)
		return ret;
	pthread_mutex_lock(&ch->ctx->lock);
	LIST_REMOVE(ch, link);
	pthread_mutex_unlock(&ch->ctx->lock);
	free(ch);
	return 0;
}

int channel_abandon(struct sfab_channel *ch, int err)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s", sfab_last_error());
	channel_free(ch);
	return fail(err, "%s", text);
}

int sfab_channel_close(struct sfab_channel *ch)
{
	int ret;

	if (!ch)
		return 0;
	ret = context_check(ch->ctx);
	if (ret)
		return ret;
	if (ch->batch)
		channel_say_end(ch);
	return channel_free(ch);
}

/* ---- the receiver's end ---- */

/* A full barrier for the CPU's accesses to HBM too, which is mapped write-combined */
static void barrier(void)
{
	__sync_synchronize();
}

static int make_ring(struct sfab_channel *ch, struct sfab_device *dev, enum sfab_mem_kind kind,
		     struct sfab_handle *handle)
{
	void *ring;
	int ret;

	ret = sfab_mem_alloc(dev, kind, ring_size(ch), 0, &ch->ring);
	if (!ret)
		ret = sfab_mem_map(ch->ring, &ring);
	if (ret)
		return ret;
	ch->header = ring;
	*ch->header = (struct header){
		.magic = MAGIC,
		.version = VERSION,
		.slot_size = ch->slot_size,
		.slots = ch->slots,
		.taken = taken_word(0),
	};
	ret = sfab_mem_export(ch->ring, 0, ring_size(ch), SFAB_READ | SFAB_WRITE | SFAB_ATOMIC,
			      &ch->exported, handle);
	if (!ret)
		ch->exported->internal = true;
	return ret;
}

int sfab_channel_create(struct sfab_device *dev, enum sfab_mem_kind kind, uint32_t slot_size,
			uint32_t slots, struct sfab_channel **channel, struct sfab_handle *handle)
{
	struct sfab_channel *ch;
	int ret;

	if (!dev || !channel || !handle)
		return fail_null(__func__);
	ret = context_check(dev->ctx);
	if (ret)
		return ret;
	ch = channel_new(dev->ctx);
	if (!ch)
		return -ENOMEM;
	if (!channel_set_geometry(ch, slot_size, slots))
		ret = fail(-EINVAL, "%s: %u slots of %u bytes: 1 to %u of 1 to %u are possible",
			   __func__, slots, slot_size, SFAB_CHANNEL_MAX_SLOTS,
			   SFAB_CHANNEL_MAX_SLOT_SIZE);
	else if (ring_size(ch) > SFAB_IMPORT_MAX)
		ret = fail(-ERANGE, "%s: %u slots of %u bytes are more than %llu bytes: fewer, or smaller ones",
			   __func__, slots, slot_size, SFAB_IMPORT_MAX);
	else
		ret = make_ring(ch, dev, kind, handle);
	if (ret)
		return channel_abandon(ch, ret);
	*channel = ch;
	return 0;
}

int channel_check(struct sfab_channel *ch, bool sender, const char *function)
{
	if (!ch)
		return fail_null(function);
	if (!!ch->batch != sender)
		return fail(-EINVAL, "%s: this is the end of a channel that %s", function,
			    sender ? "receives" : "sends");
	return context_check(ch->ctx);
}

/* The size of the oldest message; -EAGAIN: none */
static int oldest(struct sfab_channel *ch, uint64_t *offset)
{
	uint64_t flag, end;

	*offset = slot_offset(ch, ch->count);
	flag = load((uint64_t *)((char *)ch->header + *offset));
	if ((uint32_t)flag != (uint32_t)(ch->count + 1)) {
		end = load(&ch->header->end);
		if (end == ch->count + 1)
			return fail(-EPIPE, "the sender has closed the channel, and all of its %llu messages were received",
				    (unsigned long long)ch->count);
		return -EAGAIN;
	}
	barrier();
	if (flag >> 32 > ch->slot_size)
		return fail(-EPROTO, "message %llu claims to have %llu bytes in a slot of %u: the sender is broken, close the channel",
			    (unsigned long long)ch->count, (unsigned long long)(flag >> 32),
			    ch->slot_size);
	*offset += 8;
	return flag >> 32;
}

static void give_back(struct sfab_channel *ch)
{
	ch->count++;
	barrier();
	__atomic_store_n(&ch->header->taken, taken_word(ch->count), __ATOMIC_RELEASE);
	barrier();
}

static int take(struct sfab_channel *ch, void *data, uint64_t size)
{
	uint64_t offset;
	int ret = oldest(ch, &offset);

	if (ret < 0)
		return ret;
	if ((uint64_t)ret > size)
		return fail(-EMSGSIZE, "message %llu has %d bytes, the buffer %llu: use a larger one",
			    (unsigned long long)ch->count, ret, (unsigned long long)size);
	if (ret)
		memcpy(data, (char *)ch->header + offset, ret);
	give_back(ch);
	return ret;
}

static int try_recv(struct sfab_channel *ch, struct message *m)
{
	return take(ch, m->buffer, m->size);
}

int sfab_channel_recv(struct sfab_channel *ch, void *data, uint64_t size, int64_t timeout_ns)
{
	struct message m = { .buffer = data, .size = size };
	int ret = channel_check(ch, false, __func__);

	if (!ret && !data && size)
		ret = fail_null(__func__);
	return ret ? ret : channel_repeat(ch, try_recv, &m, timeout_ns);
}

static int try_peek(struct sfab_channel *ch, struct message *m)
{
	return oldest(ch, &m->offset);
}

int sfab_channel_peek(struct sfab_channel *ch, struct sfab_mem **mem, uint64_t *offset,
		      int64_t timeout_ns)
{
	struct message m = { 0 };
	int ret = channel_check(ch, false, __func__);

	if (!ret && (!mem || !offset))
		ret = fail_null(__func__);
	if (!ret)
		ret = channel_repeat(ch, try_peek, &m, timeout_ns);
	if (ret < 0)
		return ret;
	*mem = ch->ring;
	*offset = m.offset;
	return ret;
}

int sfab_channel_release(struct sfab_channel *ch)
{
	uint64_t offset;
	int ret = channel_check(ch, false, __func__);

	if (ret)
		return ret;
	pthread_mutex_lock(&ch->lock);
	ret = oldest(ch, &offset);
	if (ret >= 0)
		give_back(ch);
	pthread_mutex_unlock(&ch->lock);
	if (ret >= 0)
		return 0;
	return fail(-ENOENT, "%s: no message waits: release once after each sfab_channel_peek()",
		    __func__);
}
