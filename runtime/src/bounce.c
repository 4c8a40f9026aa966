// SPDX-License-Identifier: MIT
/*
 * Commands with an operand that the queue's device cannot reach
 *
 * Where one other device reaches all operands the command runs there as it is.
 * Else it becomes two stages with a buffer in system memory between them: the
 * device that reaches the source produces into the buffer, the one that reaches
 * the destination consumes from it.  The buffer has two halves, so that both
 * stages work at the same time.
 *
 * Other devices work on an internal queue each.  The kernel orders the queues by
 * their timelines: everything is queued at once and nobody waits here.  As work
 * waits only for work that was submitted before it, it cannot wait in a circle.
 */
#include <errno.h>

#include "internal.h"

#define HALF	(4ULL << 20)

/* One of the two stages of a command */
struct stage {
	struct sfab_queue *queue;	/* holds a reference */
	struct sfab_mem *mem;		/* its operand, NULL: none */
	uint64_t va;			/* of the operand */
	uint64_t buffer;		/* address of the buffer */
};

/* ---- queues on other devices ---- */

/* Drops the internal queue of a device if it has halted */
static int check_internal(struct sfab_device *dev)
{
	struct sfab_queue_query query;
	int ret;

	if (!dev->bounce)
		return 0;
	ret = queue_query(dev->bounce, &query);
	if (ret || query.state == SFAB_QUEUE_OK)
		return ret;
	queue_stop(dev->bounce);
	queue_put(dev->bounce);
	dev->bounce = NULL;
	return 0;
}

/* The internal queue of a device, with a reference; a halted one is replaced */
static int internal_queue(struct sfab_device *dev, struct sfab_queue **queue)
{
	int ret;

	pthread_mutex_lock(&dev->bounce_lock);
	ret = check_internal(dev);
	if (!ret && !dev->bounce)
		ret = queue_new(dev, VM_NORMAL, true, (struct loss){ 0 }, &dev->bounce);
	if (!ret)
		*queue = queue_get(dev->bounce);
	pthread_mutex_unlock(&dev->bounce_lock);
	return ret;
}

/* The queue that works for an operand: the user's, or one of the owner's device */
static int queue_for(struct submission *sub, const struct place *place, struct sfab_queue **queue)
{
	if (place->far)
		return internal_queue(place->mem->dev, queue);
	*queue = queue_get(sub->queue);
	return 0;
}

/* All that can fail for want of memory, so that what was submitted is known */
static int prepare(struct submission *sub, struct sfab_queue *queue, struct sfab_mem *mem)
{
	int ret = 0;

	if (mem)
		ret = mem_reserve_use(mem, queue);
	if (!ret)
		ret = points_reserve(&sub->parts, queue);
	if (!ret && queue != sub->queue)
		ret = points_reserve(&sub->queue->remote, queue);
	return ret;
}

/* The user's queue is locked already */
static int stage_submit(struct submission *sub, struct sfab_queue *queue,
			const struct sfab_command *cmd, const struct points *waits,
			uint64_t *seqno)
{
	int ret;

	if (queue != sub->queue)
		pthread_mutex_lock(&queue->lock);
	ret = queue_submit(queue, cmd, 1, waits, seqno);
	if (queue != sub->queue)
		pthread_mutex_unlock(&queue->lock);
	if (ret)
		return ret;
	points_set(&sub->parts, queue, *seqno);
	points_set(&sub->queue->remote, queue, *seqno);
	return 0;
}

/* What other devices do for this command comes after earlier work of the queue */
static int leave(struct submission *sub, struct points *waits)
{
	static const struct sfab_command nop = { .opcode = SFAB_OP_NOP };
	unsigned int n;
	int ret;

	if (sub->waits.count) {
		ret = submission_run(sub, &nop, 1, &n);
		if (ret)
			return ret;
	}
	ret = points_reserve(waits, sub->queue);
	points_set(waits, sub->queue, sub->queue->submitted);
	return ret;
}

static int address_on(const struct place *place, struct sfab_device *dev, uint64_t *va)
{
	int ret;

	*va = 0;
	if (!place->mem)
		return 0;
	ret = mem_address(place->mem, dev, VM_NORMAL, va);
	if (!ret && *va)
		*va += place->offset;
	return ret;
}

/* ---- the whole command on another device ---- */

static int run_on(struct submission *sub, struct sfab_queue *queue,
		  const struct sfab_command *cmd, const struct op *op)
{
	struct points waits = { 0 };
	uint64_t seqno;
	int ret;

	ret = prepare(sub, queue, op->dst.mem);
	if (!ret)
		ret = prepare(sub, queue, op->src.mem);
	if (!ret)
		ret = leave(sub, &waits);
	if (!ret)
		ret = points_reserve(&sub->waits, queue);
	if (!ret)
		ret = stage_submit(sub, queue, cmd, &waits, &seqno);
	points_clear(&waits);
	if (ret)
		return ret;

	points_set(&sub->waits, queue, seqno);
	mem_used(op->dst.mem, queue, seqno);
	if (op->src.mem)
		mem_used(op->src.mem, queue, seqno);
	return 0;
}

/* Sets done if dev reaches all operands */
static int try_on(struct submission *sub, struct sfab_device *dev, const struct sfab_command *cmd,
		  const struct op *op, bool *done)
{
	struct sfab_command there = *cmd;
	struct sfab_queue *queue;
	uint64_t dst, src;
	int ret;

	ret = internal_queue(dev, &queue);
	if (ret)
		return ret;
	ret = address_on(&op->dst, dev, &dst);
	if (!ret)
		ret = address_on(&op->src, dev, &src);
	if (!ret && dst && (!op->src.mem || src)) {
		there.dst = dst;
		there.src = src;
		ret = run_on(sub, queue, &there, op);
		*done = !ret;
	}
	queue_put(queue);
	return ret;
}

/* ---- two stages ---- */

static int make_buffer(struct sfab_queue *queue)
{
	if (queue->buffer)
		return 0;
	return sfab_mem_alloc(queue->dev, SFAB_MEM_SYSTEM, 2 * HALF, 0, &queue->buffer);
}

static int stage_open(struct submission *sub, struct stage *stage, const struct place *place)
{
	struct sfab_mem *buffer = sub->queue->buffer;
	struct sfab_device *dev;
	char what[128];
	int ret;

	ret = queue_for(sub, place, &stage->queue);
	if (ret)
		return ret;
	dev = stage->queue->dev;
	stage->mem = place->mem;
	ret = address_on(place, dev, &stage->va);
	if (!ret)
		ret = mem_address(buffer, dev, VM_NORMAL, &stage->buffer);
	if (!ret && (!stage->buffer || (place->mem && !stage->va)))
		ret = fail(-EXDEV, "%s: the device cannot reach %s", dev->label,
			   mem_describe(stage->buffer ? place->mem : buffer, what,
					sizeof(what)));
	if (!ret)
		ret = prepare(sub, stage->queue, stage->mem);
	if (!ret)
		ret = prepare(sub, stage->queue, buffer);
	return ret;
}

/*
 * The pair of commands that does the part of cmd from done on, through half a
 * buffer.  Returns how much that is: bytes, rows, or 1 for a command of one part.
 */
static uint64_t make_piece(const struct sfab_command *cmd, uint64_t done, const struct stage *in,
			   const struct stage *out, uint64_t half, struct sfab_command *produce,
			   struct sfab_command *consume)
{
	uint64_t n = 1;

	*produce = *cmd;
	*consume = *cmd;
	switch (cmd->opcode) {
	case SFAB_OP_COPY:
	case SFAB_OP_REDUCE:
		n = cmd->len - done < HALF ? cmd->len - done : HALF;
		*produce = (struct sfab_command){ .opcode = SFAB_OP_COPY };
		produce->src = in->va + done;
		produce->len = n;
		consume->dst = out->va + done;
		consume->len = n;
		break;
	case SFAB_OP_COPY_2D:
		n = HALF / cmd->len;
		if (n > cmd->arg0 - done)
			n = cmd->arg0 - done;
		produce->src = in->va + done * cmd->arg2;
		produce->arg0 = n;
		produce->arg1 = cmd->len;
		consume->dst = out->va + done * cmd->arg1;
		consume->arg0 = n;
		consume->arg2 = cmd->len;
		break;
	default:
		/* A result of a few bytes: from the buffer to its place */
		*consume = (struct sfab_command){ .opcode = SFAB_OP_COPY };
		consume->dst = out->va;
		consume->len = cmd->opcode == SFAB_OP_ATOMIC ? cmd->dtype : 8;
		break;
	}

	if (cmd->opcode == SFAB_OP_ATOMIC) {
		produce->dst = in->va;
		produce->src = in->buffer + half;
	} else {
		produce->dst = in->buffer + half;
	}
	consume->src = out->buffer + half;
	return n;
}

static uint64_t command_units(const struct sfab_command *cmd)
{
	switch (cmd->opcode) {
	case SFAB_OP_COPY:
	case SFAB_OP_REDUCE:
		return cmd->len;
	case SFAB_OP_COPY_2D:
		return cmd->arg0;
	default:
		return 1;
	}
}

/* Submits one stage of a piece, and notes who uses what until when */
static int stage_run(struct submission *sub, const struct stage *stage,
		     const struct sfab_command *cmd, const struct points *waits, uint64_t *seqno)
{
	int ret = stage_submit(sub, stage->queue, cmd, waits, seqno);

	if (ret)
		return ret;
	if (stage->mem)
		mem_used(stage->mem, stage->queue, *seqno);
	mem_used(sub->queue->buffer, stage->queue, *seqno);
	return 0;
}

/* Nothing is allocated any more, so that the lists of points are right */
static int relay(struct submission *sub, const struct sfab_command *cmd, const struct stage *in,
		 const struct stage *out, struct points *ready)
{
	uint64_t done, n, seqno, total = command_units(cmd);
	struct sfab_command produce, consume;
	unsigned int half = 0;
	int ret;

	for (done = 0; done < total; done += n, half ^= 1) {
		struct points *uses = &sub->queue->buffer_uses[half];

		n = make_piece(cmd, done, in, out, half * HALF, &produce, &consume);
		ret = stage_run(sub, in, &produce, uses, &seqno);
		if (ret)
			return ret;
		points_set(ready, in->queue, seqno);
		ret = stage_run(sub, out, &consume, ready, &seqno);
		if (ret)
			return ret;
		points_set(uses, out->queue, seqno);
		points_set(&sub->waits, out->queue, seqno);
	}
	return 0;
}

static int run_relayed(struct submission *sub, const struct sfab_command *cmd,
		       const struct place *in_place, const struct place *out_place)
{
	struct points *uses = sub->queue->buffer_uses;
	struct stage in = { 0 }, out = { 0 };
	struct points ready = { 0 };
	int ret;

	ret = make_buffer(sub->queue);
	if (!ret)
		ret = stage_open(sub, &in, in_place);
	if (!ret)
		ret = stage_open(sub, &out, out_place);
	if (!ret)
		ret = leave(sub, &uses[0]);
	if (!ret)
		ret = leave(sub, &uses[1]);
	if (!ret)
		ret = points_reserve(&uses[0], out.queue);
	if (!ret)
		ret = points_reserve(&uses[1], out.queue);
	if (!ret)
		ret = points_reserve(&ready, in.queue);
	if (!ret && out.queue != sub->queue)
		ret = points_reserve(&sub->waits, out.queue);
	if (!ret)
		ret = relay(sub, cmd, &in, &out, &ready);

	points_clear(&ready);
	if (in.queue)
		queue_put(in.queue);
	if (out.queue)
		queue_put(out.queue);
	return ret;
}

/* Rows that do not fit half a buffer go one by one */
static int bounce_rows(struct submission *sub, const struct sfab_command *cmd, const struct op *op)
{
	struct sfab_command row = { .opcode = SFAB_OP_COPY, .len = cmd->len };
	struct op at = *op;
	uint64_t i;
	int ret;

	for (i = 0; i < cmd->arg0; i++) {
		ret = bounce(sub, &row, &at);
		if (ret)
			return ret;
		at.dst.offset += cmd->arg1;
		at.src.offset += cmd->arg2;
	}
	return 0;
}

int bounce(struct submission *sub, const struct sfab_command *cmd, const struct op *op)
{
	static const struct place nowhere;
	bool done = false;
	int ret = 0;

	/* The clock is that of the user's device */
	if (cmd->opcode == SFAB_OP_TIMESTAMP)
		return run_relayed(sub, cmd, &nowhere, &op->dst);

	if (op->dst.far)
		ret = try_on(sub, op->dst.mem->dev, cmd, op, &done);
	if (!ret && !done && op->src.far)
		ret = try_on(sub, op->src.mem->dev, cmd, op, &done);
	if (ret || done)
		return ret;

	if (cmd->opcode == SFAB_OP_COPY_2D && cmd->len > HALF)
		return bounce_rows(sub, cmd, op);
	if (cmd->opcode == SFAB_OP_ATOMIC)
		return run_relayed(sub, cmd, &op->dst, &op->src);
	return run_relayed(sub, cmd, &op->src, &op->dst);
}
