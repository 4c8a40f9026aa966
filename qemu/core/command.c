// SPDX-License-Identifier: GPL-2.0-or-later
/* What the 64 bytes of a command mean, and which of them are well formed. */
#include "internal.h"

#define VA_END	(1ull << SFAB_VA_BITS)

enum { DST = 1, SRC = 2, LEN = 4, ARG0 = 8, ARG1 = 16, ARG2 = 32 };

/*
 * Which fields a command names; and the values of dtype and op that it takes,
 * as bit masks. A command that does not name them takes only 0.
 */
struct format {
	uint8_t fields;
	uint16_t dtypes;
	uint16_t ops;
};

#define ANY_WIDTH	(1 << 1 | 1 << 2 | 1 << 4 | 1 << 8)
#define WORD_WIDTH	(1 << 4 | 1 << 8)
#define NONE		(1 << 0)

static const struct format formats[] = {
	[SFAB_CMD_NOP]		= { 0, NONE, NONE },
	[SFAB_CMD_COPY]		= { DST | SRC | LEN, NONE, NONE },
	[SFAB_CMD_COPY_2D]	= { DST | SRC | LEN | ARG0 | ARG1 | ARG2,
				    NONE, NONE },
	[SFAB_CMD_FILL]		= { DST | LEN | ARG0, ANY_WIDTH, NONE },
	[SFAB_CMD_REDUCE]	= { DST | SRC | LEN,
				    1 << SFAB_REDUCE_I32 | 1 << SFAB_REDUCE_FP32 |
				    1 << SFAB_REDUCE_FP16 |
				    1 << SFAB_REDUCE_BF16,
				    1 << SFAB_REDUCE_SUM | 1 << SFAB_REDUCE_MIN |
				    1 << SFAB_REDUCE_MAX },
	[SFAB_CMD_ATOMIC]	= { DST | SRC | ARG0 | ARG1, WORD_WIDTH,
				    1 << SFAB_ATOMIC_ADD |
				    1 << SFAB_ATOMIC_SWAP |
				    1 << SFAB_ATOMIC_CAS },
	[SFAB_CMD_WRITE]	= { DST | ARG0, WORD_WIDTH, NONE },
	[SFAB_CMD_WAIT]		= { SRC | ARG0 | ARG1 | ARG2, WORD_WIDTH,
				    1 << SFAB_WAIT_EQ | 1 << SFAB_WAIT_NE |
				    1 << SFAB_WAIT_GE | 1 << SFAB_WAIT_LT },
	[SFAB_CMD_TIMESTAMP]	= { DST, NONE, NONE },
};

static bool in_mask(unsigned int mask, unsigned int value)
{
	return value < 16 && mask & 1u << value;
}

static bool good_flags(const struct sfab_command *cmd)
{
	unsigned int known = SFAB_CMD_COMPLETE | SFAB_CMD_IRQ;

	if (cmd->opcode == SFAB_CMD_COPY)
		known |= SFAB_CMD_NOTIFY;
	if (cmd->flags & ~known)
		return false;
	return cmd->flags & SFAB_CMD_COMPLETE ||
	       (!(cmd->flags & SFAB_CMD_IRQ) && !cmd->timeline);
}

static bool well_formed(const struct sfab_command *cmd)
{
	unsigned int fields;

	if (cmd->opcode >= sizeof(formats) / sizeof(formats[0]) ||
	    cmd->reserved || !good_flags(cmd))
		return false;

	fields = formats[cmd->opcode].fields;
	if (cmd->flags & SFAB_CMD_NOTIFY)
		fields |= ARG0 | ARG1;
	if (!in_mask(formats[cmd->opcode].dtypes, cmd->dtype) ||
	    !in_mask(formats[cmd->opcode].ops, cmd->op))
		return false;
	if (cmd->opcode == SFAB_CMD_ATOMIC && cmd->op != SFAB_ATOMIC_CAS)
		fields &= ~ARG1;
	if (cmd->opcode == SFAB_CMD_FILL && cmd->dtype < 8 &&
	    cmd->arg0 >> (cmd->dtype * 8))
		return false;

	return (fields & DST || !cmd->dst) && (fields & SRC || !cmd->src) &&
	       (fields & LEN || !cmd->len) && (fields & ARG0 || !cmd->arg0) &&
	       (fields & ARG1 || !cmd->arg1) && (fields & ARG2 || !cmd->arg2);
}

/* All rows lie within the address space, aligned, and do not overlap. */
static bool in_range(const struct sfab_operand *o, uint64_t align)
{
	if (o->va >= VA_END || o->len > VA_END - o->va || o->va % align)
		return false;
	if (o->rows == 1)
		return true;
	return o->rows <= UINT32_MAX && o->pitch >= o->len &&
	       o->rows - 1 <= (VA_END - o->va - o->len) / o->pitch;
}

static void linear(struct sfab_operand *o, uint64_t va, uint64_t len,
		   uint64_t need)
{
	*o = (struct sfab_operand) {
		.va = va, .len = len, .rows = 1, .pitch = len, .need = need,
	};
}

/*
 * Fill in the operands. Returns what their addresses, and the bytes in all,
 * must be a multiple of.
 */
static uint64_t find_operands(const struct sfab_command *cmd,
			      struct sfab_operand *dst, struct sfab_operand *src)
{
	const uint64_t rw = SFAB_NEED_READ | SFAB_NEED_WRITE;
	const uint64_t local = SFAB_NEED_LOCAL;

	switch (cmd->opcode) {
	case SFAB_CMD_COPY:
		linear(dst, cmd->dst, cmd->len, SFAB_NEED_WRITE);
		linear(src, cmd->src, cmd->len, SFAB_NEED_READ);
		break;
	case SFAB_CMD_COPY_2D:
		linear(dst, cmd->dst, cmd->len, SFAB_NEED_WRITE);
		linear(src, cmd->src, cmd->len, SFAB_NEED_READ);
		dst->rows = cmd->arg0;
		src->rows = cmd->arg0;
		dst->pitch = cmd->arg1;
		src->pitch = cmd->arg2;
		break;
	case SFAB_CMD_FILL:
		linear(dst, cmd->dst, cmd->len, SFAB_NEED_WRITE);
		break;
	case SFAB_CMD_REDUCE:
		linear(dst, cmd->dst, cmd->len, rw);
		linear(src, cmd->src, cmd->len, SFAB_NEED_READ);
		return 1u << sfab_reduce_shift(cmd->dtype);
	case SFAB_CMD_ATOMIC:
		linear(dst, cmd->dst, cmd->dtype, rw);
		if (cmd->src)
			linear(src, cmd->src, cmd->dtype,
			       SFAB_NEED_WRITE | local);
		return cmd->dtype;
	case SFAB_CMD_WRITE:
		linear(dst, cmd->dst, cmd->dtype, SFAB_NEED_WRITE);
		return cmd->dtype;
	case SFAB_CMD_WAIT:
		linear(src, cmd->src, cmd->dtype, SFAB_NEED_READ | local);
		return cmd->dtype;
	case SFAB_CMD_TIMESTAMP:
		linear(dst, cmd->dst, 8, SFAB_NEED_WRITE | local);
		return 8;
	}
	return 1;
}

static bool bad_range(struct sfab_fault *fault, const struct sfab_operand *o)
{
	fault->cause = SFAB_FAULT_BAD_RANGE;
	fault->access = o->need & SFAB_NEED_WRITE ? SFAB_ACCESS_WRITE :
						    SFAB_ACCESS_READ;
	fault->addr = o->va;
	return false;
}

bool sfab_decode(const struct sfab_command *cmd,
		 struct sfab_operand operand[SFAB_OPERANDS],
		 struct sfab_fault *fault)
{
	uint64_t align;

	memset(operand, 0, SFAB_OPERANDS * sizeof(*operand));
	if (!well_formed(cmd)) {
		fault->cause = SFAB_FAULT_BAD_COMMAND;
		fault->access = SFAB_ACCESS_NONE;
		fault->addr = 0;
		return false;
	}
	align = find_operands(cmd, &operand[SFAB_DST], &operand[SFAB_SRC]);
	if (cmd->opcode == SFAB_CMD_FILL && cmd->len % cmd->dtype)
		return bad_range(fault, &operand[SFAB_DST]);

	for (unsigned int i = 0; i < SFAB_SIDES; i++) {
		struct sfab_operand *o = &operand[i];

		if (!o->need)
			continue;
		if (!o->len || !o->rows) {
			o->need = 0;
			continue;
		}
		if (!in_range(o, align) || o->len % align)
			return bad_range(fault, o);
		if (o->rows == 1 || o->pitch == o->len) {
			o->len *= o->rows;
			o->rows = 1;
			o->pitch = o->len;
		}
	}
	if (cmd->flags & SFAB_CMD_NOTIFY) {
		linear(&operand[SFAB_NOTIFY], cmd->arg0, 8, SFAB_NEED_WRITE);
		if (!in_range(&operand[SFAB_NOTIFY], 8))
			return bad_range(fault, &operand[SFAB_NOTIFY]);
	}
	return true;
}
