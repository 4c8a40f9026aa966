/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers, command format and fault record, written from the hardware
 * contract (qemu/docs/specs/sfab.rst), in the order of its sections.
 */
#ifndef _SFAB_REGS_H_
#define _SFAB_REGS_H_

#include <linux/bits.h>

/* PCI */
#define SFAB_PCI_VENDOR			0x1234
#define SFAB_PCI_DEVICE			0x5fab
#define SFAB_BAR_REGS			0
#define SFAB_BAR_HBM			2

/* BAR 0 */
#define SFAB_BAR0_SIZE			0x100000
#define SFAB_DOORBELL(q)		(0x10000 + (q) * 0x1000)

/* Global registers */
#define SFAB_REG_MAGIC			0x0000
#define   SFAB_MAGIC			0x42414653	/* "SFAB" */
#define SFAB_REG_VERSION		0x0004
#define   SFAB_VERSION_MAJOR		GENMASK(31, 16)
#define SFAB_REG_CAPS			0x0008	/* 64 bit; bits in the UAPI */
#define SFAB_REG_HBM_SIZE		0x0010	/* 64 bit */
#define SFAB_REG_NUM_QUEUES		0x0018
#define   SFAB_NUM_QUEUES_MAX		128
#define SFAB_REG_NUM_VMS		0x001c
#define   SFAB_NUM_VMS_MAX		128
#define SFAB_REG_NUM_ENGINES		0x0020
#define   SFAB_NUM_ENGINES_MAX		8
#define SFAB_REG_NUM_VECTORS		0x0024
#define SFAB_REG_SERIAL			0x0028	/* 64 bit */
#define SFAB_REG_UUID_0			0x0030	/* 64 bit */
#define SFAB_REG_UUID_1			0x0038	/* 64 bit */
#define SFAB_REG_VA_BITS		0x0040
#define SFAB_REG_MAX_RING_LOG2		0x0044
#define SFAB_REG_CTRL			0x0100
#define   SFAB_CTRL_ENABLE		BIT(0)
#define SFAB_REG_STATUS			0x0104
#define   SFAB_STATUS_READY		BIT(0)
#define   SFAB_STATUS_BUSY		BIT(1)
#define   SFAB_STATUS_RESETTING		BIT(2)
#define SFAB_REG_RESET			0x0108
#define   SFAB_RESET_KEY		0x54455352	/* "RSET" */
#define SFAB_REG_SCRATCH		0x010c
#define SFAB_REG_TIME			0x0110	/* 64 bit */
#define SFAB_REG_INT_STATUS		0x0200
#define SFAB_REG_INT_ENABLE		0x0204
#define   SFAB_INT_QUEUE		BIT(0)
#define   SFAB_INT_FAULT		BIT(1)
#define   SFAB_INT_RESET		BIT(2)
#define   SFAB_INT_INVALIDATE		BIT(3)
#define   SFAB_INT_ALL			GENMASK(3, 0)
#define SFAB_REG_QUEUE_EVENT_0		0x0208	/* 64 bit, queues 0 to 63 */
#define SFAB_REG_QUEUE_EVENT_1		0x0210	/* 64 bit, queues 64 to 127 */
#define SFAB_REG_QUEUE_FAULT_0		0x0218	/* 64 bit, queues 0 to 63 */
#define SFAB_REG_QUEUE_FAULT_1		0x0220	/* 64 bit, queues 64 to 127 */
#define SFAB_REG_COUNTER_0		0x0300	/* 64 bit each, 8 apart */
#define   SFAB_COUNTER_COMMANDS		0
#define   SFAB_COUNTER_BYTES_HBM	1
#define   SFAB_COUNTER_BYTES_SYSTEM	2
#define   SFAB_COUNTER_BYTES_PEER	3
#define   SFAB_COUNTER_FAULTS		4
#define   SFAB_COUNTER_QUEUE_RESETS	5
#define   SFAB_COUNTER_INTERRUPTS	6
#define   SFAB_COUNTER_DEVICE_RESETS	7
#define   SFAB_NUM_COUNTERS		8

/* Address space registers */
#define SFAB_VM_BLOCK(v)		(0x1000 + (v) * 0x20)
#define SFAB_VM_ROOT			0x00	/* 64 bit */
#define   SFAB_VM_ROOT_VALID		BIT_ULL(0)
#define   SFAB_VM_ROOT_ADDR		GENMASK_ULL(47, 12)
#define SFAB_VM_INV			0x08
#define SFAB_VM_INV_DONE		0x0c

/* Queue registers */
#define SFAB_Q_BLOCK(q)			(0x4000 + (q) * 0x40)
#define SFAB_Q_BASE			0x00	/* 64 bit */
#define SFAB_Q_TIMELINE			0x08	/* 64 bit */
#define SFAB_Q_SIZE			0x10
#define SFAB_Q_VM			0x14
#define SFAB_Q_VECTOR			0x18
#define SFAB_Q_CTRL			0x1c
#define   SFAB_Q_CTRL_ENABLE		BIT(0)
#define   SFAB_Q_CTRL_RESET		BIT(1)
#define SFAB_Q_STATUS			0x20
#define   SFAB_Q_STATUS_ENABLED		BIT(0)
#define   SFAB_Q_STATUS_BUSY		BIT(1)
#define   SFAB_Q_STATUS_HALTED		BIT(2)
#define   SFAB_Q_STATUS_WAITING		BIT(3)
#define   SFAB_Q_STATUS_IDLE		BIT(4)
#define SFAB_Q_HEAD			0x24
#define SFAB_Q_TAIL			0x28
#define SFAB_Q_FAULT			0x2c
#define   SFAB_Q_FAULT_CAUSE		GENMASK(7, 0)
#define   SFAB_Q_FAULT_OPCODE		GENMASK(15, 8)
#define   SFAB_Q_FAULT_ACCESS		GENMASK(17, 16)
#define   SFAB_Q_FAULT_VALID		BIT(31)
#define SFAB_Q_FAULT_INDEX		0x30
#define SFAB_Q_FAULT_ADDR		0x38	/* 64 bit */

/* Command ring */
#define SFAB_CMD_FLAG_COMPLETE		BIT(0)
#define SFAB_CMD_FLAG_IRQ		BIT(1)

/**
 * struct sfab_ring_entry - a command as the device reads it
 *
 * &struct sfab_command of the UAPI has the same layout in the CPU's order.
 *
 * @opcode: &enum sfab_opcode
 * @flags: SFAB_CMD_FLAG_*
 * @dtype: element type or operand width
 * @op: operation
 * @reserved: 0
 * @dst: virtual address
 * @src: virtual address
 * @len: bytes
 * @arg: see each command
 * @timeline: stored when done, if SFAB_CMD_FLAG_COMPLETE is set
 */
struct sfab_ring_entry {
	u8 opcode;
	u8 flags;
	u8 dtype;
	u8 op;
	__le32 reserved;
	__le64 dst;
	__le64 src;
	__le64 len;
	__le64 arg[3];
	__le64 timeline;
};

/* Page tables: four levels of 4 KiB tables in HBM */
#define SFAB_VA_BITS			48
#define SFAB_PTE_VALID			BIT_ULL(0)
#define SFAB_PTE_READ			BIT_ULL(1)
#define SFAB_PTE_WRITE			BIT_ULL(2)
#define SFAB_PTE_LARGE			BIT_ULL(3)
#define SFAB_PTE_APERTURE		GENMASK_ULL(5, 4)
#define SFAB_PTE_ADDR			GENMASK_ULL(51, 12)
#define SFAB_APERTURE_HBM		0
#define SFAB_APERTURE_SYSTEM		1
#define SFAB_APERTURE_PEER		2
#define SFAB_APERTURE_FABRIC		3

/* Bound of a reset of a queue or of the device, the spec's "Killing a queue" */
#define SFAB_RESET_TIMEOUT_US		(1000 * 1000)

#endif /* _SFAB_REGS_H_ */
