/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hardware contract as numbers: written by hand from docs/specs/sfab.rst,
 * where everything is explained. The driver has its own, also written by hand;
 * tests/unit/regs_match.py compares the three.
 */
#ifndef SFAB_CORE_REGS_H
#define SFAB_CORE_REGS_H

/* BAR 0 */
#define SFAB_REGS_END			0x10000
#define SFAB_DOORBELL_BASE		0x10000
#define SFAB_DOORBELL_STRIDE		0x1000
#define SFAB_DOORBELL_END		0x90000
#define SFAB_REG_DOORBELL_TAIL		0x00
#define SFAB_REG_DOORBELL_ARM		0x08

/* Global registers */
#define SFAB_REG_MAGIC			0x0000
#define SFAB_REG_VERSION		0x0004
#define SFAB_REG_CAPS			0x0008
#define SFAB_REG_HBM_SIZE		0x0010
#define SFAB_REG_NUM_QUEUES		0x0018
#define SFAB_REG_NUM_VMS		0x001c
#define SFAB_REG_NUM_ENGINES		0x0020
#define SFAB_REG_NUM_VECTORS		0x0024
#define SFAB_REG_SERIAL			0x0028
#define SFAB_REG_UUID_0			0x0030
#define SFAB_REG_UUID_1			0x0038
#define SFAB_REG_VA_BITS		0x0040
#define SFAB_REG_MAX_RING_LOG2		0x0044
#define SFAB_REG_NUM_SEGMENTS		0x004c
#define SFAB_REG_NUM_IMPORTS		0x0050
#define SFAB_REG_SEG_INV		0x0080
#define SFAB_REG_SEG_INV_DONE		0x0084
#define SFAB_REG_CTRL			0x0100
#define SFAB_REG_STATUS			0x0104
#define SFAB_REG_RESET			0x0108
#define SFAB_REG_SCRATCH		0x010c
#define SFAB_REG_TIME			0x0110
#define SFAB_REG_INT_STATUS		0x0200
#define SFAB_REG_INT_ENABLE		0x0204
#define SFAB_REG_QUEUE_EVENT_0		0x0208
#define SFAB_REG_QUEUE_EVENT_1		0x0210
#define SFAB_REG_QUEUE_FAULT_0		0x0218
#define SFAB_REG_QUEUE_FAULT_1		0x0220
#define SFAB_REG_COUNTER_0		0x0300
#define SFAB_REG_COUNTER_1		0x0308
#define SFAB_REG_COUNTER_2		0x0310
#define SFAB_REG_COUNTER_3		0x0318
#define SFAB_REG_COUNTER_4		0x0320
#define SFAB_REG_COUNTER_5		0x0328
#define SFAB_REG_COUNTER_6		0x0330
#define SFAB_REG_COUNTER_7		0x0338
#define SFAB_REG_COUNTER_8		0x0340
#define SFAB_REG_COUNTER_9		0x0348
#define SFAB_REG_COUNTER_10		0x0350
#define SFAB_REG_COUNTER_11		0x0358
#define SFAB_REG_COUNTER_12		0x0360
#define SFAB_REG_COUNTER_13		0x0368
#define SFAB_REG_COUNTER_14		0x0370
#define SFAB_REG_COUNTER_15		0x0378

#define SFAB_MAGIC			0x42414653
#define SFAB_VERSION			0x00010002
#define SFAB_RESET_MAGIC		0x54455352
#define SFAB_VA_BITS			48
#define SFAB_MIN_RING_LOG2		2
#define SFAB_MAX_RING_LOG2		16

#define SFAB_CAPS_PEER			(1u << 0)
#define SFAB_CAPS_REDUCE		(1u << 1)
#define SFAB_CAPS_ATOMIC		(1u << 2)
#define SFAB_CAPS_COPY_2D		(1u << 3)
#define SFAB_CAPS_FABRIC		(1u << 4)
#define SFAB_CAPS_NOTIFY		(1u << 5)
#define SFAB_CAPS_POLICY		(1u << 6)

#define SFAB_CTRL_ENABLE		(1u << 0)

#define SFAB_STATUS_READY		(1u << 0)
#define SFAB_STATUS_BUSY		(1u << 1)
#define SFAB_STATUS_RESETTING		(1u << 2)

#define SFAB_INT_QUEUE			(1u << 0)
#define SFAB_INT_FAULT			(1u << 1)
#define SFAB_INT_RESET			(1u << 2)
#define SFAB_INT_INVALIDATE		(1u << 3)
#define SFAB_INT_PORT			(1u << 4)
#define SFAB_INT_SEGMENT		(1u << 5)
#define SFAB_INT_MGMT			(1u << 6)
#define SFAB_INT_NO_PORTS		0x0fu	/* all of a device without */
#define SFAB_INT_ALL			0x7fu

/* Indices of COUNTER */
#define SFAB_COUNTER_COMMANDS		0
#define SFAB_COUNTER_HBM_BYTES		1
#define SFAB_COUNTER_SYSTEM_BYTES	2
#define SFAB_COUNTER_PEER_BYTES		3
#define SFAB_COUNTER_FAULTS		4
#define SFAB_COUNTER_QUEUE_RESETS	5
#define SFAB_COUNTER_INTERRUPTS		6
#define SFAB_COUNTER_RESETS		7
#define SFAB_COUNTER_FABRIC_BYTES	8
#define SFAB_COUNTER_REQUESTS		9
#define SFAB_COUNTER_REPEATED		10
#define SFAB_COUNTER_FAILED		11
#define SFAB_COUNTER_EXECUTED		12
#define SFAB_COUNTER_DUPLICATES		13
#define SFAB_COUNTER_REFUSED		14
#define SFAB_COUNTER_FORWARDED		15

/* Address space registers: offsets within the block of a VM */
#define SFAB_VM_BASE			0x1000
#define SFAB_VM_STRIDE			0x20
#define SFAB_REG_VM_ROOT		0x00
#define SFAB_REG_VM_INV			0x08
#define SFAB_REG_VM_INV_DONE		0x0c

#define SFAB_VM_ROOT_VALID		(1ull << 0)
#define SFAB_VM_ROOT_ADDR		0x0000fffffffff000ull

/* Segments and imports: offsets within the block of one */
#define SFAB_SEGMENT_BASE		0xc0000
#define SFAB_SEGMENT_STRIDE		0x40
#define SFAB_REG_S_VA			0x00
#define SFAB_REG_S_LEN			0x08
#define SFAB_REG_S_TOKEN		0x10
#define SFAB_REG_S_VM			0x18
#define SFAB_REG_S_EPOCH		0x1c
#define SFAB_REG_S_CTRL			0x20

#define SFAB_S_CTRL_VALID		(1u << 0)
#define SFAB_S_CTRL_READ		(1u << 1)
#define SFAB_S_CTRL_WRITE		(1u << 2)
#define SFAB_S_CTRL_ATOMIC		(1u << 3)

#define SFAB_IMPORT_BASE		0xd0000
#define SFAB_IMPORT_STRIDE		0x20
#define SFAB_REG_I_TOKEN		0x00
#define SFAB_REG_I_BASE			0x08
#define SFAB_REG_I_TARGET		0x10
#define SFAB_REG_I_EPOCH		0x14
#define SFAB_REG_I_CTRL			0x18

#define SFAB_I_CTRL_VALID		(1u << 0)

/* Queue registers: offsets within the block of a queue */
#define SFAB_QUEUE_BASE			0x4000
#define SFAB_QUEUE_STRIDE		0x40
#define SFAB_REG_Q_BASE			0x00
#define SFAB_REG_Q_TIMELINE		0x08
#define SFAB_REG_Q_SIZE			0x10
#define SFAB_REG_Q_VM			0x14
#define SFAB_REG_Q_VECTOR		0x18
#define SFAB_REG_Q_CTRL			0x1c
#define SFAB_REG_Q_STATUS		0x20
#define SFAB_REG_Q_HEAD			0x24
#define SFAB_REG_Q_TAIL			0x28
#define SFAB_REG_Q_FAULT		0x2c
#define SFAB_REG_Q_FAULT_INDEX		0x30
#define SFAB_REG_Q_POLICY		0x34
#define SFAB_REG_Q_FAULT_ADDR		0x38

#define SFAB_Q_CTRL_ENABLE		(1u << 0)
#define SFAB_Q_CTRL_RESET		(1u << 1)

/* What the requests of a queue do when their way is lost. */
#define SFAB_Q_POLICY_REROUTE		0u
#define SFAB_Q_POLICY_WAIT		1u
#define SFAB_Q_POLICY_FAIL		2u
#define SFAB_Q_POLICY_MASK		0xffffu
#define SFAB_Q_POLICY_LIMIT_SHIFT	16	/* ms, 0: OP_TIMEOUT */
#define SFAB_Q_POLICY_LIMIT_MAX		60000u

#define SFAB_Q_STATUS_ENABLED		(1u << 0)
#define SFAB_Q_STATUS_BUSY		(1u << 1)
#define SFAB_Q_STATUS_HALTED		(1u << 2)
#define SFAB_Q_STATUS_WAITING		(1u << 3)
#define SFAB_Q_STATUS_IDLE		(1u << 4)

#define SFAB_Q_FAULT_VALID		(1u << 31)
#define SFAB_Q_FAULT_STATUS_SHIFT	18
#define SFAB_Q_FAULT_STATUS_MASK	0x3f
#define SFAB_Q_FAULT_ACCESS_SHIFT	16
#define SFAB_Q_FAULT_ACCESS_MASK	0x3
#define SFAB_Q_FAULT_OPCODE_SHIFT	8
#define SFAB_Q_FAULT_OPCODE_MASK	0xff
#define SFAB_Q_FAULT_CAUSE_MASK		0xff

#define SFAB_ACCESS_NONE		0
#define SFAB_ACCESS_READ		1
#define SFAB_ACCESS_WRITE		2
#define SFAB_ACCESS_RING		3

#define SFAB_FAULT_UNMAPPED		1
#define SFAB_FAULT_NO_READ		2
#define SFAB_FAULT_NO_WRITE		3
#define SFAB_FAULT_BAD_PTE		4
#define SFAB_FAULT_APERTURE		5
#define SFAB_FAULT_BUS_ERROR		6
#define SFAB_FAULT_BAD_COMMAND		7
#define SFAB_FAULT_BAD_RANGE		8
#define SFAB_FAULT_DOORBELL		9
#define SFAB_FAULT_WAIT_TIMEOUT		10
#define SFAB_FAULT_BAD_VM		11
#define SFAB_FAULT_FABRIC		12
#define SFAB_FAULT_POISON		13

/* Commands */
#define SFAB_CMD_SIZE			64
#define SFAB_CMD_NOP			0x00
#define SFAB_CMD_COPY			0x01
#define SFAB_CMD_COPY_2D		0x02
#define SFAB_CMD_FILL			0x03
#define SFAB_CMD_REDUCE			0x04
#define SFAB_CMD_ATOMIC			0x05
#define SFAB_CMD_WRITE			0x06
#define SFAB_CMD_WAIT			0x07
#define SFAB_CMD_TIMESTAMP		0x08

#define SFAB_CMD_COMPLETE		(1u << 0)
#define SFAB_CMD_IRQ			(1u << 1)
#define SFAB_CMD_NOTIFY			(1u << 2)

#define SFAB_REDUCE_I32			0
#define SFAB_REDUCE_FP32		1
#define SFAB_REDUCE_FP16		2
#define SFAB_REDUCE_BF16		3

#define SFAB_REDUCE_SUM			0
#define SFAB_REDUCE_MIN			1
#define SFAB_REDUCE_MAX			2

#define SFAB_ATOMIC_ADD			0
#define SFAB_ATOMIC_SWAP		1
#define SFAB_ATOMIC_CAS			2

#define SFAB_WAIT_EQ			0
#define SFAB_WAIT_NE			1
#define SFAB_WAIT_GE			2
#define SFAB_WAIT_LT			3

/* Page table entries */
#define SFAB_PTE_VALID			(1ull << 0)
#define SFAB_PTE_READ			(1ull << 1)
#define SFAB_PTE_WRITE			(1ull << 2)
#define SFAB_PTE_LARGE			(1ull << 3)
#define SFAB_PTE_APERTURE_SHIFT		4
#define SFAB_PTE_APERTURE_MASK		(3ull << 4)
#define SFAB_PTE_ADDR_MASK		0x000ffffffffff000ull
#define SFAB_PTE_LARGE_ADDR_MASK	0x000fffffffe00000ull
/* Of a FABRIC leaf */
#define SFAB_PTE_IMPORT_SHIFT		36
#define SFAB_PTE_PAGE_MASK		0x0000000ffffff000ull

#define SFAB_APERTURE_HBM		0
#define SFAB_APERTURE_SYSTEM		1
#define SFAB_APERTURE_PEER		2
#define SFAB_APERTURE_FABRIC		3

#endif /* SFAB_CORE_REGS_H */
