// SPDX-License-Identifier: MIT
/*
 * Commands that touch what they may not, or lie.  Each halts its queue, leaves a
 * record and an event, writes no byte and disturbs nobody else.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>

#include "reference.h"

/* Two windows with nothing mapped around them */
#define RW_VA		0x40000000ULL
#define RO_VA		0x50000000ULL
#define SIZE		(2 * SZ_64K)
#define RW_END		(RW_VA + SIZE)
#define RO_END		(RO_VA + SIZE)
#define HOLE		0x60000000ULL
#define END		(1ULL << 48)

#define ANY_ACCESS	~0U
#define READ		1
#define WRITE		2
#define ANY_ADDR	~0ULL

FIXTURE(fault)
{
	int fd;
	uint32_t vm, queue, other_queue;
	struct buffer rw, ro;
	struct window windows[2];
};

FIXTURE_VARIANT(fault)
{
	struct sfab_command cmd;
	uint32_t cause;
	uint32_t access;
	uint64_t page;			/* of the address in the record; 0: the record has 0 */
};

#define FAULT(name, ...)	FIXTURE_VARIANT_ADD(fault, name) { __VA_ARGS__ }

#define UNMAPPED(where, how) \
	.cause = SFAB_FAULT_UNMAPPED, .access = (how), .page = (where)
#define NO_WRITE(where) \
	.cause = SFAB_FAULT_NO_WRITE, .access = WRITE, .page = (where)
#define BAD_COMMAND \
	.cause = SFAB_FAULT_BAD_COMMAND, .access = 0, .page = 0
#define BAD_RANGE \
	.cause = SFAB_FAULT_BAD_RANGE, .access = ANY_ACCESS, .page = ANY_ADDR

#define COMMAND(op, ...) .cmd = { .opcode = SFAB_OP_ ## op, __VA_ARGS__ }

/* Addresses that are not mapped */
FAULT(copy_from_hole, COMMAND(COPY, .dst = RW_VA, .src = HOLE, .len = 64), UNMAPPED(HOLE, READ));
FAULT(copy_to_hole, COMMAND(COPY, .dst = HOLE, .src = RO_VA, .len = 64), UNMAPPED(HOLE, WRITE));
FAULT(fill_hole, COMMAND(FILL, .dtype = 8, .dst = HOLE, .len = 64), UNMAPPED(HOLE, WRITE));
FAULT(reduce_from_hole, COMMAND(REDUCE, .dst = RW_VA, .src = HOLE, .len = 64),
      UNMAPPED(HOLE, READ));
FAULT(reduce_to_hole, COMMAND(REDUCE, .dst = HOLE, .src = RO_VA, .len = 64),
      UNMAPPED(HOLE, ANY_ACCESS));
FAULT(atomic_hole, COMMAND(ATOMIC, .dtype = 8, .dst = HOLE, .arg0 = 1), UNMAPPED(HOLE, ANY_ACCESS));
FAULT(atomic_old_to_hole, COMMAND(ATOMIC, .dtype = 8, .dst = RW_VA, .src = HOLE, .arg0 = 1),
      UNMAPPED(HOLE, WRITE));
FAULT(write_hole, COMMAND(WRITE, .dtype = 8, .dst = HOLE, .arg0 = 1), UNMAPPED(HOLE, WRITE));
FAULT(timestamp_hole, COMMAND(TIMESTAMP, .dst = HOLE), UNMAPPED(HOLE, WRITE));
FAULT(null, COMMAND(COPY, .dst = 0, .src = RO_VA, .len = 64), UNMAPPED(0, WRITE));

/* Longer than the mapping: the first page that lacks is told */
FAULT(copy_past_source, COMMAND(COPY, .dst = RW_VA, .src = RO_END - 64, .len = 65),
      UNMAPPED(RO_END, READ));
FAULT(copy_past_destination, COMMAND(COPY, .dst = RW_END - 4096, .src = RO_VA, .len = 4097),
      UNMAPPED(RW_END, WRITE));
FAULT(copy_long_lie, COMMAND(COPY, .dst = RW_VA, .src = RO_VA, .len = 1ULL << 40),
      .cause = SFAB_FAULT_UNMAPPED, .access = ANY_ACCESS, .page = ANY_ADDR);
FAULT(fill_past_end, COMMAND(FILL, .dtype = 1, .dst = RW_VA, .len = SIZE + 1, .arg0 = 0xee),
      UNMAPPED(RW_END, WRITE));
FAULT(reduce_past_end, COMMAND(REDUCE, .dst = RW_END - 8, .src = RO_VA, .len = 12),
      UNMAPPED(RW_END, ANY_ACCESS));
FAULT(copy_2d_past_source, COMMAND(COPY_2D, .dst = RW_VA, .src = RO_END - SZ_4K, .len = 16,
				   .arg0 = 3, .arg1 = 16, .arg2 = 2048),
      UNMAPPED(RO_END, READ));
FAULT(copy_2d_past_destination, COMMAND(COPY_2D, .dst = RW_VA, .src = RO_VA, .len = 16,
					.arg0 = SIZE / SZ_4K + 1, .arg1 = SZ_4K, .arg2 = 16),
      UNMAPPED(RW_END, WRITE));

/* Read-only */
FAULT(copy_to_read_only, COMMAND(COPY, .dst = RO_VA + 100, .src = RW_VA, .len = 64),
      NO_WRITE(RO_VA));
FAULT(copy_2d_to_read_only, COMMAND(COPY_2D, .dst = RO_VA, .src = RW_VA, .len = 64, .arg0 = 4,
				    .arg1 = SZ_4K, .arg2 = 64), NO_WRITE(RO_VA));
FAULT(fill_read_only, COMMAND(FILL, .dtype = 4, .dst = RO_VA + SZ_4K, .len = 64),
      NO_WRITE(RO_VA + SZ_4K));
FAULT(reduce_to_read_only, COMMAND(REDUCE, .dst = RO_VA, .src = RW_VA, .len = 64),
      NO_WRITE(RO_VA));
FAULT(atomic_read_only, COMMAND(ATOMIC, .dtype = 4, .dst = RO_VA, .arg0 = 1), NO_WRITE(RO_VA));
FAULT(atomic_old_to_read_only, COMMAND(ATOMIC, .dtype = 4, .dst = RW_VA, .src = RO_VA, .arg0 = 1),
      NO_WRITE(RO_VA));
FAULT(write_read_only, COMMAND(WRITE, .dtype = 4, .dst = RO_END - 4, .arg0 = 1),
      NO_WRITE(RO_END - SZ_4K));
FAULT(timestamp_read_only, COMMAND(TIMESTAMP, .dst = RO_VA), NO_WRITE(RO_VA));

/* Ranges that wrap around, end beyond the 48 bits, or are crooked */
FAULT(copy_wraps, COMMAND(COPY, .dst = RW_VA, .src = 0ULL - 64, .len = 128), BAD_RANGE);
FAULT(copy_length_wraps, COMMAND(COPY, .dst = RW_VA, .src = RO_VA, .len = 0ULL - 64), BAD_RANGE);
FAULT(copy_beyond_va, COMMAND(COPY, .dst = END, .src = RO_VA, .len = 64), BAD_RANGE);
FAULT(copy_across_va_end, COMMAND(COPY, .dst = END - 32, .src = RO_VA, .len = 64), BAD_RANGE);
FAULT(copy_half_of_all, COMMAND(COPY, .dst = RW_VA, .src = RO_VA, .len = 1ULL << 63), BAD_RANGE);
FAULT(fill_wraps, COMMAND(FILL, .dtype = 1, .dst = 0ULL - 1, .len = 2), BAD_RANGE);
FAULT(fill_crooked_length, COMMAND(FILL, .dtype = 8, .dst = RW_VA, .len = 12), BAD_RANGE);
FAULT(copy_2d_small_pitch, COMMAND(COPY_2D, .dst = RW_VA, .src = RO_VA, .len = 64, .arg0 = 2,
				   .arg1 = 63, .arg2 = 64), BAD_RANGE);
FAULT(copy_2d_small_source_pitch, COMMAND(COPY_2D, .dst = RW_VA, .src = RO_VA, .len = 64,
					  .arg0 = 2, .arg1 = 64, .arg2 = 0), BAD_RANGE);
FAULT(copy_2d_many_rows, COMMAND(COPY_2D, .dst = RW_VA, .src = RO_VA, .len = 64,
				 .arg0 = 1ULL << 32, .arg1 = 64, .arg2 = 64), BAD_RANGE);
FAULT(copy_2d_wraps, COMMAND(COPY_2D, .dst = RW_VA, .src = RO_VA, .len = 16, .arg0 = 3,
			     .arg1 = 64, .arg2 = 1ULL << 63), BAD_RANGE);
FAULT(reduce_misaligned, COMMAND(REDUCE, .dst = RW_VA + 2, .src = RO_VA, .len = 64), BAD_RANGE);
FAULT(reduce_source_misaligned, COMMAND(REDUCE, .dtype = SFAB_FP16, .dst = RW_VA,
					.src = RO_VA + 1, .len = 64), BAD_RANGE);
FAULT(reduce_crooked_length, COMMAND(REDUCE, .dtype = SFAB_FP32, .dst = RW_VA, .src = RO_VA,
				     .len = 6), BAD_RANGE);
FAULT(atomic_misaligned, COMMAND(ATOMIC, .dtype = 8, .dst = RW_VA + 4, .arg0 = 1), BAD_RANGE);
FAULT(atomic_old_misaligned, COMMAND(ATOMIC, .dtype = 4, .dst = RW_VA, .src = RW_VA + 6,
				     .arg0 = 1), BAD_RANGE);
FAULT(write_misaligned, COMMAND(WRITE, .dtype = 4, .dst = RW_VA + 2, .arg0 = 1), BAD_RANGE);
FAULT(timestamp_misaligned, COMMAND(TIMESTAMP, .dst = RW_VA + 4), BAD_RANGE);

/* Commands that do not exist, fields that do not belong */
FAULT(nop_with_operand, COMMAND(NOP, .dst = RW_VA), BAD_COMMAND);
FAULT(copy_with_dtype, COMMAND(COPY, .dtype = 4, .dst = RW_VA, .src = RO_VA, .len = 64),
      BAD_COMMAND);
FAULT(copy_with_op, COMMAND(COPY, .op = 1, .dst = RW_VA, .src = RO_VA, .len = 64), BAD_COMMAND);
FAULT(copy_with_argument, COMMAND(COPY, .dst = RW_VA, .src = RO_VA, .len = 64, .arg0 = 1),
      BAD_COMMAND);
FAULT(fill_width, COMMAND(FILL, .dtype = 3, .dst = RW_VA, .len = 12), BAD_COMMAND);
FAULT(fill_width_0, COMMAND(FILL, .dtype = 0, .dst = RW_VA, .len = 64), BAD_COMMAND);
FAULT(fill_wide_value, COMMAND(FILL, .dtype = 2, .dst = RW_VA, .len = 64, .arg0 = 0x10000),
      BAD_COMMAND);
FAULT(fill_with_source, COMMAND(FILL, .dtype = 2, .dst = RW_VA, .src = RO_VA, .len = 64),
      BAD_COMMAND);
FAULT(reduce_dtype, COMMAND(REDUCE, .dtype = 4, .dst = RW_VA, .src = RO_VA, .len = 64),
      BAD_COMMAND);
FAULT(reduce_op, COMMAND(REDUCE, .op = 3, .dst = RW_VA, .src = RO_VA, .len = 64), BAD_COMMAND);
FAULT(atomic_width, COMMAND(ATOMIC, .dtype = 2, .dst = RW_VA, .arg0 = 1), BAD_COMMAND);
FAULT(atomic_op, COMMAND(ATOMIC, .dtype = 4, .op = 3, .dst = RW_VA, .arg0 = 1), BAD_COMMAND);
FAULT(atomic_add_comparand, COMMAND(ATOMIC, .dtype = 4, .dst = RW_VA, .arg0 = 1, .arg1 = 1),
      BAD_COMMAND);
FAULT(write_width, COMMAND(WRITE, .dtype = 1, .dst = RW_VA, .arg0 = 1), BAD_COMMAND);
FAULT(write_with_length, COMMAND(WRITE, .dtype = 8, .dst = RW_VA, .len = 8, .arg0 = 1),
      BAD_COMMAND);
FAULT(timestamp_with_value, COMMAND(TIMESTAMP, .dst = RW_VA, .arg0 = 1), BAD_COMMAND);

FIXTURE_SETUP(fault)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->other_queue));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_SYSTEM, SIZE, RW_VA, RIGHT_RW,
				   &self->rw));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_HBM, SIZE, RO_VA, RIGHT_R,
				   &self->ro));
	ASSERT_EQ(0, window_init(&self->windows[0], &self->rw, 1));
	ASSERT_EQ(0, window_init(&self->windows[1], &self->ro, 2));
}

FIXTURE_TEARDOWN(fault)
{
	close(self->fd);
}

TEST_F(fault, halts_its_queue_only)
{
	/* The bad command is the third of the second submission; the fourth must not run */
	struct sfab_command cmds[] = {
		cmd_write(RW_END - 16, 8, 0x11),
		cmd_nop(),
		variant->cmd,
		cmd_write(RW_END - 8, 8, 0x22),
	};
	struct sfab_command later = cmd_fill(RW_VA, SIZE, 8, 0x33), add;
	struct sfab_query_counters before, after;
	struct sfab_queue_query state, again;
	struct sfab_event event;
	uint64_t seqno;
	int ret;

	ASSERT_EQ(0, query_counters(self->fd, &before));
	ASSERT_EQ(0, queue_run(self->fd, self->queue, cmds, 1));
	ASSERT_TRUE(reference_execute(cmds, 2, self->windows, 2));
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, cmds, ARRAY_SIZE(cmds), NULL, 0, &seqno));
	/* Queued before the halt is known, or refused after it */
	ret = queue_submit(self->fd, self->queue, &later, 1, NULL, 0, NULL);
	EXPECT_TRUE(ret == 0 || ret == -EIO);

	EXPECT_EQ(-EIO, queue_wait(self->fd, self->queue, seqno, WAIT_MS));
	EXPECT_EQ(0, queue_wait(self->fd, self->queue, 1, 0));
	if (!ret) {
		EXPECT_EQ(-EIO, queue_wait(self->fd, self->queue, seqno + 1, WAIT_MS));
	}
	EXPECT_EQ(-EIO, queue_submit(self->fd, self->queue, &later, 1, NULL, 0, NULL));

	/* The record */
	ASSERT_EQ(0, queue_query(self->fd, self->queue, &state));
	EXPECT_EQ(SFAB_QUEUE_FAULTED, state.state);
	EXPECT_EQ(1, state.completed);
	EXPECT_EQ(variant->cause, state.fault.cause);
	if (variant->access != ANY_ACCESS) {
		EXPECT_EQ(variant->access, state.fault.access);
	}
	EXPECT_EQ(variant->cmd.opcode, state.fault.opcode);
	EXPECT_EQ(2, state.fault.command);
	EXPECT_EQ(2, state.fault.seqno);
	if (variant->page != ANY_ADDR) {
		EXPECT_EQ(variant->page, state.fault.addr & ~(SZ_4K - 1));
	}
	if (!variant->page && variant->cause == SFAB_FAULT_BAD_COMMAND) {
		EXPECT_EQ(0, state.fault.addr);
	}

	/* The event, which tells the same, once */
	ASSERT_EQ(0, event_read(self->fd, &event, WAIT_MS));
	EXPECT_EQ(SFAB_EVENT_QUEUE_FAULT, event.base.type);
	EXPECT_EQ(sizeof(event), event.base.length);
	EXPECT_EQ(self->queue, event.queue_id);
	EXPECT_EQ(0, event.fabric_status);
	EXPECT_EQ(1, event.sequence);
	EXPECT_EQ(0, event.dropped);
	EXPECT_EQ(0, memcmp(&state.fault, &event.fault, sizeof(event.fault)));
	EXPECT_EQ(-ETIME, event_read(self->fd, &event, 0));

	/* No byte was written but by the commands before the bad one */
	EXPECT_EQ(-1, window_compare(&self->windows[0]));
	EXPECT_EQ(-1, window_compare(&self->windows[1]));

	/* The other queue of the VM works; the record stays */
	add = cmd_atomic(RW_VA, 0, 8, SFAB_ATOMIC_SWAP, 5, 0);
	EXPECT_EQ(0, queue_run(self->fd, self->other_queue, &add, 1));
	EXPECT_EQ(5, *(uint64_t *)self->rw.cpu);
	ASSERT_EQ(0, queue_query(self->fd, self->other_queue, &again));
	EXPECT_EQ(SFAB_QUEUE_OK, again.state);
	EXPECT_EQ(0, again.fault.cause);
	ASSERT_EQ(0, queue_query(self->fd, self->queue, &again));
	EXPECT_EQ(0, memcmp(&state, &again, offsetof(struct sfab_queue_query, submitted)));
	EXPECT_EQ(0, memcmp(&state.fault, &again.fault, sizeof(state.fault)));

	ASSERT_EQ(0, query_counters(self->fd, &after));
	EXPECT_EQ(before.faults + 1, after.faults);
	EXPECT_EQ(before.device_resets, after.device_resets);
	EXPECT_EQ(before.job_timeouts, after.job_timeouts);
	EXPECT_EQ(0, queue_destroy(self->fd, self->queue));
	EXPECT_EQ(0, queue_destroy(self->fd, self->other_queue));
}

/* ---- what one fault does to what depends on it ---- */

FIXTURE(aftermath)
{
	int fd;
	uint32_t vm, queue, syncobj;
	struct buffer memory;
	struct sfab_command bad;
};

FIXTURE_SETUP(aftermath)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_SYSTEM, SZ_64K, RW_VA, RIGHT_RW,
				   &self->memory));
	self->bad = cmd_fill(HOLE, 8, 8, 1);
}

FIXTURE_TEARDOWN(aftermath)
{
	close(self->fd);
}

/* The syncs of the bad submission and of later ones carry the error */
TEST_F(aftermath, syncs_carry_the_error)
{
	struct sfab_command nop = cmd_nop();
	struct sfab_sync sync = sync_signal(self->syncobj, 0), later;
	uint32_t syncobj, fine;

	ASSERT_EQ(0, syncobj_create(self->fd, &syncobj));
	ASSERT_EQ(0, syncobj_create(self->fd, &fine));
	later = sync_signal(fine, 0);
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &nop, 1, &later, 1, NULL));
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &self->bad, 1, &sync, 1, NULL));
	later = sync_signal(syncobj, 0);
	if (!queue_submit(self->fd, self->queue, &nop, 1, &later, 1, NULL)) {
		EXPECT_EQ(0, syncobj_wait(self->fd, syncobj, 0, WAIT_MS));
		EXPECT_EQ(-EIO, syncobj_status(self->fd, syncobj));
	}
	EXPECT_EQ(0, syncobj_wait(self->fd, self->syncobj, 0, WAIT_MS));
	EXPECT_EQ(-EIO, syncobj_status(self->fd, self->syncobj));
	EXPECT_EQ(1, syncobj_status(self->fd, fine));
	/* A refused submission leaves the syncobj as it is */
	EXPECT_EQ(-EIO, queue_submit(self->fd, self->queue, &nop, 1, &later, 1, NULL));
}

/* Whoever depends on a submission that failed does not hang */
TEST_F(aftermath, dependents_do_not_hang)
{
	struct sfab_sync signal = sync_signal(self->syncobj, 0), wait = sync_wait(self->syncobj, 0);
	struct sfab_command write = cmd_write(RW_VA, 8, 1);
	uint32_t queue;
	uint64_t seqno;

	ASSERT_EQ(0, queue_create(self->fd, self->vm, &queue));
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &self->bad, 1, &signal, 1, NULL));
	ASSERT_EQ(0, queue_submit(self->fd, queue, &write, 1, &wait, 1, &seqno));
	EXPECT_NE(-ETIME, queue_wait(self->fd, queue, seqno, WAIT_MS));
	/* That queue has not halted */
	EXPECT_EQ(0, queue_run(self->fd, queue, &write, 1));
}

/* Other processes notice nothing */
TEST_F(aftermath, other_files_go_on)
{
	uint32_t vm, queue, i;
	struct sfab_command fill;
	struct buffer memory;
	struct sfab_event event;
	struct sfab_fault fault;
	int fd = accel_open(0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vm_create(fd, 0, &vm));
	ASSERT_EQ(0, queue_create(fd, vm, &queue));
	ASSERT_EQ(0, buffer_create(fd, vm, SFAB_REGION_HBM, SZ_1M, RW_VA, RIGHT_RW, &memory));
	for (i = 1; i <= 20; i++) {
		uint64_t seqno;

		fill = cmd_fill(RW_VA, SZ_1M, 1, i);
		ASSERT_EQ(0, queue_submit(fd, queue, &fill, 1, NULL, 0, &seqno));
		ASSERT_EQ(0, run_into_fault(self->fd, self->vm, self->bad, &fault));
		ASSERT_EQ(0, queue_wait(fd, queue, seqno, WAIT_MS));
		ASSERT_TRUE(all_bytes(memory.cpu, SZ_1M, i));
	}
	/* Events go to the file whose queue it was */
	EXPECT_EQ(-ETIME, event_read(fd, &event, 0));
	close(fd);
}

/* WAIT with a limit of its own, and with operands that are wrong */
TEST_F(aftermath, wait_commands)
{
	const struct {
		struct sfab_command cmd;
		uint32_t cause;
		uint64_t addr;
	} waits[] = {
		{ cmd_wait(RW_VA, 8, SFAB_WAIT_EQ, 1, ~0ULL, 1000000), SFAB_FAULT_WAIT_TIMEOUT,
		  RW_VA },
		{ cmd_wait(HOLE, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0), SFAB_FAULT_UNMAPPED, HOLE },
		{ cmd_wait(RW_VA + 4, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0), SFAB_FAULT_BAD_RANGE,
		  ANY_ADDR },
		{ cmd_wait(RW_VA, 2, SFAB_WAIT_EQ, 1, ~0ULL, 0), SFAB_FAULT_BAD_COMMAND, 0 },
		{ cmd_wait(RW_VA, 8, 4, 1, ~0ULL, 0), SFAB_FAULT_BAD_COMMAND, 0 },
	};
	struct sfab_event event;
	uint32_t vm, i;

	ASSERT_EQ(0, vm_create(self->fd, SFAB_VM_LONG_RUNNING, &vm));
	ASSERT_EQ(0, vm_map(self->fd, vm, RW_VA, self->memory.handle, 0, SZ_64K, RIGHT_RW));
	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		struct sfab_fault fault;

		ASSERT_EQ(0, run_into_fault(self->fd, vm, waits[i].cmd, &fault)) {
			TH_LOG("wait %u", i);
		}
		EXPECT_EQ(waits[i].cause, fault.cause);
		EXPECT_EQ(SFAB_OP_WAIT, fault.opcode);
		if (waits[i].addr != ANY_ADDR) {
			EXPECT_EQ(waits[i].addr, fault.addr);
		}
		ASSERT_EQ(0, event_read(self->fd, &event, WAIT_MS));
		EXPECT_EQ(waits[i].cause, event.fault.cause);
	}
}

/* A WAIT whose memory is unmapped meanwhile faults; it does not read on */
TEST_F(aftermath, wait_on_memory_that_goes)
{
	struct sfab_command wait = cmd_wait(RW_VA, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0);
	struct sfab_queue_query state;
	uint32_t vm, queue;
	uint64_t seqno;

	ASSERT_EQ(0, vm_create(self->fd, SFAB_VM_LONG_RUNNING, &vm));
	ASSERT_EQ(0, vm_map(self->fd, vm, RW_VA, self->memory.handle, 0, SZ_64K, RIGHT_RW));
	ASSERT_EQ(0, queue_create(self->fd, vm, &queue));
	ASSERT_EQ(0, queue_submit(self->fd, queue, &wait, 1, NULL, 0, &seqno));
	EXPECT_EQ(-ETIME, queue_wait(self->fd, queue, seqno, 20));
	ASSERT_EQ(0, vm_unmap(self->fd, vm, RW_VA, SZ_64K));
	EXPECT_EQ(-EIO, queue_wait(self->fd, queue, seqno, WAIT_MS));
	ASSERT_EQ(0, queue_query(self->fd, queue, &state));
	EXPECT_EQ(SFAB_QUEUE_FAULTED, state.state);
	EXPECT_EQ(SFAB_FAULT_UNMAPPED, state.fault.cause);
}

/* Many faults, one after the other: nothing is used up */
TEST_F(aftermath, repeatedly)
{
	struct sfab_query_counters before, after;
	struct sfab_fault fault;
	struct usage usage;
	unsigned int i;

	ASSERT_EQ(0, query_counters(self->fd, &before));
	ASSERT_EQ(0, usage_get(self->fd, 0, &usage));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, run_into_fault(self->fd, self->vm, self->bad, &fault));
		ASSERT_EQ(SFAB_FAULT_UNMAPPED, fault.cause);
	}
	ASSERT_EQ(0, query_counters(self->fd, &after));
	EXPECT_EQ(before.faults + 200, after.faults);
	EXPECT_EQ(0, usage_wait(self->fd, 0, &usage, WAIT_MS));
}

TEST_HARNESS_MAIN
