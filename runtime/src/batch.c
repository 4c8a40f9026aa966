// SPDX-License-Identifier: MIT
/*
 * Batches: recording commands.  Everything that can be wrong with an operand is
 * found here, so that what is submitted does not fault.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* ---- life ---- */

void batch_init(struct sfab_batch *batch, struct sfab_queue *queue)
{
	memset(batch, 0, sizeof(*batch));
	batch->queue = queue;
	pthread_mutex_init(&batch->lock, NULL);
}

void batch_fini(struct sfab_batch *batch)
{
	batch_drop(batch, batch->count);
	free(batch->cmds);
	free(batch->ops);
}

int sfab_batch_create(struct sfab_queue *queue, struct sfab_batch **batch)
{
	struct sfab_batch *b;
	int ret;

	if (!queue || !batch)
		return fail_null(__func__);
	ret = context_check(queue->dev->ctx);
	if (ret)
		return ret;
	b = malloc(sizeof(*b));
	if (!b)
		return fail_nomem("a batch");
	batch_init(b, queue_get(queue));
	pthread_mutex_lock(&queue->lock);
	LIST_INSERT_HEAD(&queue->batches, b, link);
	pthread_mutex_unlock(&queue->lock);
	*batch = b;
	return 0;
}

void sfab_batch_free(struct sfab_batch *batch)
{
	struct sfab_queue *queue;

	if (!batch || context_check(batch->queue->dev->ctx))
		return;
	queue = batch->queue;
	pthread_mutex_lock(&queue->lock);
	LIST_REMOVE(batch, link);
	pthread_mutex_unlock(&queue->lock);
	batch_fini(batch);
	free(batch);
	queue_put(queue);
}

static void drop_place(const struct place *place)
{
	if (place->mem)
		place->mem->recorded--;
}

static void drop_op(const struct op *op)
{
	drop_place(&op->dst);
	drop_place(&op->src);
	drop_place(&op->flag);
}

void batch_drop(struct sfab_batch *batch, unsigned int count)
{
	unsigned int i, left = batch->count - count;

	for (i = 0; i < count; i++)
		drop_op(&batch->ops[i]);
	if (left) {
		memmove(batch->cmds, batch->cmds + count, left * sizeof(*batch->cmds));
		memmove(batch->ops, batch->ops + count, left * sizeof(*batch->ops));
	}
	batch->count = left;
}

/* Forgets the newest commands, down to count */
static void batch_truncate(struct sfab_batch *batch, unsigned int count)
{
	while (batch->count > count) {
		batch->count--;
		drop_op(&batch->ops[batch->count]);
	}
}

int sfab_batch_clear(struct sfab_batch *batch)
{
	int ret;

	if (!batch)
		return fail_null(__func__);
	ret = context_check(batch->queue->dev->ctx);
	if (ret)
		return ret;
	pthread_mutex_lock(&batch->lock);
	batch_truncate(batch, 0);
	pthread_mutex_unlock(&batch->lock);
	return 0;
}

/* ---- operands ---- */

static int find_mem(struct sfab_device *dev, const struct operand *o, struct place *place)
{
	place->mem = o->mem;
	place->offset = o->offset;
	if (o->mem)
		return 0;

	place->mem = registered_find(dev->ctx, o->offset, o->size);
	if (!place->mem)
		return fail(-EFAULT, "%s: %llu bytes at host address %#llx are not in one registration of this context: call sfab_mem_register() first",
			    dev->label, (unsigned long long)o->size,
			    (unsigned long long)o->offset);
	place->offset = o->offset - (uintptr_t)place->mem->host;
	return 0;
}

/* Rights that an operation needs and a memory does not give */
static unsigned int missing_rights(const struct operand *o, const struct sfab_mem *mem)
{
	if (mem->kind != SFAB_MEM_REMOTE)
		return o->rights & ~mem->rights & ~SFAB_ATOMIC;
	return (o->rights & SFAB_ATOMIC ? SFAB_ATOMIC : o->rights) & ~mem->rights;
}

static int check_rights(const struct operand *o, const struct sfab_mem *mem)
{
	unsigned int missing = missing_rights(o, mem);
	char what[128];

	if (!missing)
		return 0;
	mem_describe(mem, what, sizeof(what));
	if (mem->kind != SFAB_MEM_REMOTE)
		return fail(-EACCES, "%s may only be read by devices: register it with SFAB_WRITE",
			    what);
	return fail(-EACCES, "%s was exported without %s: its owner can export it with more rights",
		    what, missing == SFAB_READ ? "SFAB_READ" :
		    missing == SFAB_WRITE ? "SFAB_WRITE" : "SFAB_ATOMIC");
}

static int check_range(const struct operand *o, const struct place *place)
{
	struct sfab_mem *mem = place->mem;
	char what[128];

	if (place->offset > mem->size || o->size > mem->size - place->offset)
		return fail(-ERANGE, "%llu bytes at offset %#llx do not fit into %s",
			    (unsigned long long)o->size, (unsigned long long)place->offset,
			    mem_describe(mem, what, sizeof(what)));
	if ((mem->skew + place->offset) & (o->align - 1))
		return fail(-EINVAL, "offset %#llx of %s is not aligned to %u bytes",
			    (unsigned long long)place->offset,
			    mem_describe(mem, what, sizeof(what)), o->align);
	return check_rights(o, mem);
}

/* Checks an operand, maps it, and gives its address; 0 if it is far or empty */
static int resolve(struct sfab_batch *batch, const struct operand *o, struct place *place,
		   uint64_t *va)
{
	struct sfab_queue *queue = batch->queue;
	struct sfab_device *dev = queue->dev;
	char what[128];
	int ret;

	*va = 0;
	ret = find_mem(dev, o, place);
	if (ret)
		return ret;
	if (place->mem->ctx != dev->ctx)
		return fail(-EINVAL, "%s: a memory and queue %u are of different contexts",
			    dev->label, queue->id);
	ret = check_range(o, place);
	if (ret || !o->size)
		return ret;

	ret = mem_address(place->mem, dev, queue->vm, va);
	if (!ret)
		ret = mem_reserve_use(place->mem, queue);
	if (ret)
		return ret;
	if (*va) {
		*va += place->offset;
		return 0;
	}
	place->far = true;
	if (queue->vm == VM_LONG_RUNNING)
		return fail(-EXDEV, "%s: the device cannot reach %s, and long-running queue %u does not bounce: use an ordinary queue, or system memory",
			    dev->label, mem_describe(place->mem, what, sizeof(what)),
			    queue->id);
	return 0;
}

/* ---- appending ---- */

static bool make_room(struct sfab_batch *batch)
{
	unsigned int capacity = batch->capacity ? 2 * batch->capacity : 8;
	struct sfab_command *cmds;
	struct op *ops;

	if (batch->count < batch->capacity)
		return true;
	cmds = realloc(batch->cmds, capacity * sizeof(*cmds));
	if (!cmds)
		return false;
	batch->cmds = cmds;
	ops = realloc(batch->ops, capacity * sizeof(*ops));
	if (!ops)
		return false;
	batch->ops = ops;
	batch->capacity = capacity;
	return true;
}

static int append(struct sfab_batch *batch, const struct sfab_command *cmd, const struct op *op)
{
	if (!make_room(batch))
		return fail_nomem("the commands of a batch");
	batch->cmds[batch->count] = *cmd;
	batch->ops[batch->count] = *op;
	batch->count++;
	if (op->dst.mem)
		op->dst.mem->recorded++;
	if (op->src.mem)
		op->src.mem->recorded++;
	return 0;
}

uint64_t command_bytes(const struct sfab_command *cmd)
{
	return cmd->opcode == SFAB_OP_COPY_2D ? cmd->len * cmd->arg0 : cmd->len;
}

/*
 * Work that may run into the job timeout goes in pieces.  What is not linear is
 * left alone unless its rows can be split.
 */
static uint64_t piece_units(const struct sfab_batch *batch, const struct sfab_command *cmd,
			    uint64_t left)
{
	uint64_t max;

	if (batch->queue->vm == VM_LONG_RUNNING)
		return left;
	max = PIECE_BYTES;
	if (cmd->opcode == SFAB_OP_COPY_2D)
		max = cmd->len < PIECE_BYTES ? PIECE_BYTES / cmd->len : 1;
	return left < max ? left : max;
}

/* Appends a command in pieces of rows or bytes */
static int append_pieces(struct sfab_batch *batch, struct sfab_command cmd, struct op op)
{
	bool rows = cmd.opcode == SFAB_OP_COPY_2D;
	uint64_t left = rows ? cmd.arg0 : cmd.len;
	uint64_t dst_step = rows ? cmd.arg1 : 1;
	uint64_t src_step = rows ? cmd.arg2 : 1;
	unsigned int before = batch->count;
	int ret;

	while (left) {
		uint64_t n = piece_units(batch, &cmd, left);

		if (rows)
			cmd.arg0 = n;
		else
			cmd.len = n;
		ret = append(batch, &cmd, &op);
		if (ret) {
			batch_truncate(batch, before);
			return ret;
		}
		cmd.dst += op.dst.far ? 0 : n * dst_step;
		op.dst.offset += n * dst_step;
		if (op.src.mem) {
			cmd.src += op.src.far ? 0 : n * src_step;
			op.src.offset += n * src_step;
		}
		left -= n;
	}
	return 0;
}

/* Resolves the operands of a command (src may be NULL) and appends it */
static int record(struct sfab_batch *batch, struct sfab_command *cmd, const struct operand *dst,
		  const struct operand *src)
{
	uint64_t dst_va = 0, src_va = 0;
	struct op op = { 0 };
	int ret = 0;

	if (batch->queue->destroyed)
		return fail(-ECANCELED, "%s: queue %u of this batch was destroyed",
			    batch->queue->dev->label, batch->queue->id);
	if (dst)
		ret = resolve(batch, dst, &op.dst, &dst_va);
	if (!ret && src)
		ret = resolve(batch, src, &op.src, &src_va);
	if (ret)
		return ret;
	cmd->dst = dst_va;
	cmd->src = src_va;
	if (cmd->opcode == SFAB_OP_COPY || cmd->opcode == SFAB_OP_COPY_2D ||
	    cmd->opcode == SFAB_OP_FILL || cmd->opcode == SFAB_OP_REDUCE)
		return append_pieces(batch, *cmd, op);
	return append(batch, cmd, &op);
}

/* Whether the command at index can carry a notification of its own */
static bool can_notify(const struct sfab_batch *batch, unsigned int index)
{
	return index < batch->count && batch->queue->dev->identity.caps & SFAB_CAP_NOTIFY &&
	       !batch->ops[index].dst.far && !batch->ops[index].src.far;
}

/* Stores value at flag after the commands from first on: with the last of them, or by another */
static int record_flag(struct sfab_batch *batch, unsigned int first, const struct operand *flag,
		       uint64_t value)
{
	struct sfab_command write = { .opcode = SFAB_OP_WRITE, .dtype = 8, .arg0 = value };
	struct place place = { 0 };
	unsigned int last;
	uint64_t va;
	int ret;

	ret = resolve(batch, flag, &place, &va);
	if (ret)
		return ret;
	last = batch->count > first ? batch->count - 1 : UINT_MAX;
	if (place.far || !can_notify(batch, last))
		return record(batch, &write, flag, NULL);
	batch->cmds[last].flags |= SFAB_COMMAND_NOTIFY;
	batch->cmds[last].arg0 = va;
	batch->cmds[last].arg1 = value;
	batch->ops[last].flag = place;
	place.mem->recorded++;
	return 0;
}

int batch_record_notify(struct sfab_batch *batch, struct sfab_command *cmd,
			const struct operand *dst, const struct operand *src,
			const struct operand *flag, uint64_t value)
{
	unsigned int before;
	int ret;

	ret = context_check(batch->queue->dev->ctx);
	if (ret)
		return ret;
	pthread_mutex_lock(&batch->lock);
	before = batch->count;
	ret = record(batch, cmd, dst, src);
	if (!ret)
		ret = record_flag(batch, before, flag, value);
	if (ret)
		batch_truncate(batch, before);
	pthread_mutex_unlock(&batch->lock);
	return ret;
}

int batch_record(struct sfab_batch *batch, struct sfab_command *cmd, const struct operand *dst,
		 const struct operand *src)
{
	int ret;

	ret = context_check(batch->queue->dev->ctx);
	if (ret)
		return ret;
	pthread_mutex_lock(&batch->lock);
	ret = record(batch, cmd, dst, src);
	pthread_mutex_unlock(&batch->lock);
	return ret;
}

/* ---- submitting ---- */

int sfab_batch_submit(struct sfab_batch *batch, struct sfab_fence *const *after,
		      unsigned int after_count, struct sfab_fence **fence)
{
	int ret;

	if (!batch || (after_count && !after))
		return fail_null(__func__);
	ret = context_check(batch->queue->dev->ctx);
	if (ret)
		return ret;
	pthread_mutex_lock(&batch->lock);
	ret = batch_submit(batch, after, after_count, fence);
	pthread_mutex_unlock(&batch->lock);
	return ret;
}
