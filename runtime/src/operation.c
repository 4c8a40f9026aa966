// SPDX-License-Identifier: MIT
/*
 * The operations: each checks what its command needs and records it
 */
#include <errno.h>

#include "internal.h"

#define SAME(ours, kernels)	_Static_assert((int)(ours) == (int)(kernels), #ours)

SAME(SFAB_TYPE_I32, SFAB_I32);
SAME(SFAB_TYPE_FP32, SFAB_FP32);
SAME(SFAB_TYPE_FP16, SFAB_FP16);
SAME(SFAB_TYPE_BF16, SFAB_BF16);
SAME(SFAB_SUM, SFAB_REDUCE_SUM);
SAME(SFAB_MIN, SFAB_REDUCE_MIN);
SAME(SFAB_MAX, SFAB_REDUCE_MAX);
SAME(SFAB_ADD, SFAB_ATOMIC_ADD);
SAME(SFAB_SWAP, SFAB_ATOMIC_SWAP);
SAME(SFAB_CAS, SFAB_ATOMIC_CAS);
SAME(SFAB_EQ, SFAB_WAIT_EQ);
SAME(SFAB_NE, SFAB_WAIT_NE);
SAME(SFAB_GE, SFAB_WAIT_GE);
SAME(SFAB_LT, SFAB_WAIT_LT);

/* Read, modify and write: of remote memory that is a right of its own */
#define UPDATE	(SFAB_READ | SFAB_WRITE | SFAB_ATOMIC)

static int need_feature(struct sfab_batch *batch, uint64_t feature, const char *what)
{
	if (batch->queue->dev->identity.caps & feature)
		return 0;
	return fail(-EOPNOTSUPP, "%s: the device has no %s", batch->queue->dev->label, what);
}

static bool bad_width(unsigned int width)
{
	return width != 4 && width != 8;
}

static int fail_width(const char *function, unsigned int width)
{
	return fail(-EINVAL, "%s: a width of %u bytes is none that the operation has", function,
		    width);
}

static bool too_wide(uint64_t value, unsigned int width)
{
	return width < 8 && value >> (8 * width);
}

static int fail_value(const char *function, uint64_t value, unsigned int width)
{
	return fail(-EINVAL, "%s: %#llx does not fit into %u bytes", function,
		    (unsigned long long)value, width);
}

static bool overlap(const struct operand *a, const struct operand *b)
{
	return a->mem == b->mem && a->offset < b->offset + b->size &&
	       b->offset < a->offset + a->size;
}

static int fail_overlap(const char *function)
{
	return fail(-EINVAL, "%s: source and destination overlap", function);
}

/* What only memory of this node can be used for */
static int need_near(struct sfab_mem *mem, const char *function)
{
	char what[128];

	if (!mem || mem->kind != SFAB_MEM_REMOTE)
		return 0;
	return fail(-EOPNOTSUPP, "%s: not possible on %s: use memory of this node, and copy",
		    function, mem_describe(mem, what, sizeof(what)));
}

static int copy(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		struct sfab_mem *src, uint64_t src_offset, uint64_t size)
{
	struct sfab_command cmd = { .opcode = SFAB_OP_COPY, .len = size };
	struct operand to = { dst, dst_offset, size, SFAB_WRITE, 1 };
	struct operand from = { src, src_offset, size, SFAB_READ, 1 };

	if (overlap(&to, &from))
		return fail_overlap("sfab_copy");
	return batch_record(batch, &cmd, &to, &from);
}

int sfab_batch_copy(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		    struct sfab_mem *src, uint64_t src_offset, uint64_t size)
{
	if (!batch)
		return fail_null(__func__);
	return copy(batch, dst, dst_offset, src, src_offset, size);
}

static int copy_notify(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		       struct sfab_mem *src, uint64_t src_offset, uint64_t size,
		       struct sfab_mem *flag, uint64_t flag_offset, uint64_t value)
{
	struct sfab_command cmd = { .opcode = SFAB_OP_COPY, .len = size };
	struct operand to = { dst, dst_offset, size, SFAB_WRITE, 1 };
	struct operand from = { src, src_offset, size, SFAB_READ, 1 };
	struct operand tell = { flag, flag_offset, 8, SFAB_WRITE, 8 };

	if (overlap(&to, &from))
		return fail_overlap("sfab_copy_notify");
	if (overlap(&to, &tell))
		return fail(-EINVAL, "sfab_copy_notify: the flag lies where the copy goes");
	return batch_record_notify(batch, &cmd, &to, &from, &tell, value);
}

int sfab_batch_copy_notify(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
			   struct sfab_mem *src, uint64_t src_offset, uint64_t size,
			   struct sfab_mem *flag, uint64_t flag_offset, uint64_t value)
{
	if (!batch)
		return fail_null(__func__);
	return copy_notify(batch, dst, dst_offset, src, src_offset, size, flag, flag_offset, value);
}

/* Bytes from the start of the first row to the end of the last */
static bool extent_2d(uint64_t pitch, uint64_t width, uint64_t rows, uint64_t *size)
{
	*size = 0;
	if (!width || !rows)
		return true;
	return !__builtin_mul_overflow(pitch, rows - 1, size) &&
	       !__builtin_add_overflow(*size, width, size);
}

int sfab_batch_copy_2d(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		       uint64_t dst_pitch, struct sfab_mem *src, uint64_t src_offset,
		       uint64_t src_pitch, uint64_t width, uint64_t rows)
{
	struct sfab_command cmd = {
		.opcode = SFAB_OP_COPY_2D,
		.len = width,
		.arg0 = width ? rows : 0,
		.arg1 = dst_pitch,
		.arg2 = src_pitch,
	};
	struct operand to = { dst, dst_offset, 0, SFAB_WRITE, 1 };
	struct operand from = { src, src_offset, 0, SFAB_READ, 1 };
	int ret;

	if (!batch)
		return fail_null(__func__);
	ret = need_feature(batch, SFAB_CAP_COPY_2D, "2-D copy");
	if (ret)
		return ret;
	if (dst_pitch < width || src_pitch < width)
		return fail(-EINVAL, "%s: a pitch is less than the width of %llu bytes",
			    __func__, (unsigned long long)width);
	if (rows > UINT32_MAX || !extent_2d(dst_pitch, width, rows, &to.size) ||
	    !extent_2d(src_pitch, width, rows, &from.size))
		return fail(-ERANGE, "%s: %llu rows are too many", __func__,
			    (unsigned long long)rows);
	return batch_record(batch, &cmd, &to, &from);
}

int sfab_batch_fill(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		    uint64_t size, uint64_t value, unsigned int width)
{
	struct sfab_command cmd = {
		.opcode = SFAB_OP_FILL,
		.dtype = width,
		.len = size,
		.arg0 = value,
	};
	struct operand to = { dst, dst_offset, size, SFAB_WRITE, 1 };

	if (!batch)
		return fail_null(__func__);
	if (width != 1 && width != 2 && bad_width(width))
		return fail_width(__func__, width);
	if (too_wide(value, width))
		return fail_value(__func__, value, width);
	if (size % width)
		return fail(-EINVAL, "%s: %llu bytes are no multiple of the width %u", __func__,
			    (unsigned long long)size, width);
	return batch_record(batch, &cmd, &to, NULL);
}

int sfab_batch_reduce(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		      struct sfab_mem *src, uint64_t src_offset, uint64_t count,
		      enum sfab_type type, enum sfab_reduction op)
{
	unsigned int width = type == SFAB_TYPE_I32 || type == SFAB_TYPE_FP32 ? 4 : 2;
	struct sfab_command cmd = {
		.opcode = SFAB_OP_REDUCE,
		.dtype = type,
		.op = op,
		.len = count * width,
	};
	struct operand to = { dst, dst_offset, cmd.len, UPDATE, width };
	struct operand from = { src, src_offset, cmd.len, SFAB_READ, width };
	int ret;

	if (!batch)
		return fail_null(__func__);
	if ((unsigned int)type > SFAB_TYPE_BF16 || (unsigned int)op > SFAB_MAX)
		return fail(-EINVAL, "%s: type %d or operation %d does not exist", __func__,
			    (int)type, (int)op);
	ret = need_feature(batch, SFAB_CAP_REDUCE, "reduction");
	if (ret)
		return ret;
	if (count > UINT64_MAX / width)
		return fail(-ERANGE, "%s: %llu elements are too many", __func__,
			    (unsigned long long)count);
	if (overlap(&to, &from) && dst_offset != src_offset)
		return fail_overlap(__func__);
	return batch_record(batch, &cmd, &to, &from);
}

int sfab_batch_atomic(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		      unsigned int width, enum sfab_atomic_op op, uint64_t operand,
		      uint64_t comparand, struct sfab_mem *old, uint64_t old_offset)
{
	struct sfab_command cmd = {
		.opcode = SFAB_OP_ATOMIC,
		.dtype = width,
		.op = op,
		.arg0 = operand,
		.arg1 = comparand,
	};
	struct operand to = { dst, dst_offset, width, UPDATE, width };
	struct operand result = { old, old_offset, width, SFAB_WRITE, width };
	bool wanted = old != SFAB_HOST || old_offset != SFAB_DISCARD;
	int ret;

	if (!batch)
		return fail_null(__func__);
	if ((unsigned int)op > SFAB_CAS)
		return fail(-EINVAL, "%s: operation %d does not exist", __func__, (int)op);
	ret = need_feature(batch, SFAB_CAP_ATOMIC, "atomic operations");
	if (ret)
		return ret;
	if (bad_width(width))
		return fail_width(__func__, width);
	if (too_wide(operand, width))
		return fail_value(__func__, operand, width);
	if (too_wide(comparand, width))
		return fail_value(__func__, comparand, width);
	if (comparand && op != SFAB_CAS)
		return fail(-EINVAL, "%s: only SFAB_CAS has a comparand", __func__);
	if (wanted && overlap(&to, &result))
		return fail(-EINVAL, "%s: the old value cannot go where the new one is",
			    __func__);
	ret = wanted ? need_near(old, __func__) : 0;
	if (ret)
		return ret;
	return batch_record(batch, &cmd, &to, wanted ? &result : NULL);
}

int sfab_batch_write(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		     uint64_t value, unsigned int width)
{
	struct sfab_command cmd = { .opcode = SFAB_OP_WRITE, .dtype = width, .arg0 = value };
	struct operand to = { dst, dst_offset, width, SFAB_WRITE, width };

	if (!batch)
		return fail_null(__func__);
	if (bad_width(width))
		return fail_width(__func__, width);
	if (too_wide(value, width))
		return fail_value(__func__, value, width);
	return batch_record(batch, &cmd, &to, NULL);
}

int sfab_batch_wait(struct sfab_batch *batch, struct sfab_mem *src, uint64_t src_offset,
		    unsigned int width, enum sfab_compare compare, uint64_t value,
		    uint64_t mask, uint64_t timeout_ns)
{
	struct sfab_command cmd = {
		.opcode = SFAB_OP_WAIT,
		.dtype = width,
		.op = compare,
		.arg0 = value,
		.arg1 = mask,
		.arg2 = timeout_ns,
	};
	struct operand from = { src, src_offset, width, SFAB_READ, width };
	int ret;

	if (!batch)
		return fail_null(__func__);
	if (batch->queue->vm != VM_LONG_RUNNING)
		return fail(-EOPNOTSUPP, "%s: queue %u does not wait for memory: create it with SFAB_LONG_RUNNING",
			    batch->queue->dev->label, batch->queue->id);
	if ((unsigned int)compare > SFAB_LT)
		return fail(-EINVAL, "%s: comparison %d does not exist", __func__,
			    (int)compare);
	if (bad_width(width))
		return fail_width(__func__, width);
	if (too_wide(value, width))
		return fail_value(__func__, value, width);
	if (too_wide(mask, width))
		return fail_value(__func__, mask, width);
	ret = need_near(src, __func__);
	return ret ? ret : batch_record(batch, &cmd, NULL, &from);
}

int sfab_batch_timestamp(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset)
{
	struct sfab_command cmd = { .opcode = SFAB_OP_TIMESTAMP };
	struct operand to = { dst, dst_offset, 8, SFAB_WRITE, 8 };
	int ret;

	if (!batch)
		return fail_null(__func__);
	ret = need_near(dst, __func__);
	return ret ? ret : batch_record(batch, &cmd, &to, NULL);
}

int sfab_copy(struct sfab_queue *queue, struct sfab_mem *dst, uint64_t dst_offset,
	      struct sfab_mem *src, uint64_t src_offset, uint64_t size,
	      struct sfab_fence **fence)
{
	struct sfab_batch batch;
	int ret;

	if (!queue)
		return fail_null(__func__);
	batch_init(&batch, queue);
	ret = copy(&batch, dst, dst_offset, src, src_offset, size);
	if (!ret)
		ret = batch_submit(&batch, NULL, 0, fence);
	batch_fini(&batch);
	return ret;
}

int sfab_copy_notify(struct sfab_queue *queue, struct sfab_mem *dst, uint64_t dst_offset,
		     struct sfab_mem *src, uint64_t src_offset, uint64_t size,
		     struct sfab_mem *flag, uint64_t flag_offset, uint64_t value,
		     struct sfab_fence **fence)
{
	struct sfab_batch batch;
	int ret;

	if (!queue)
		return fail_null(__func__);
	batch_init(&batch, queue);
	ret = copy_notify(&batch, dst, dst_offset, src, src_offset, size, flag, flag_offset, value);
	if (!ret)
		ret = batch_submit(&batch, NULL, 0, fence);
	batch_fini(&batch);
	return ret;
}
