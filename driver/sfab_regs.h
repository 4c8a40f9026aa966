/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers, command format and fault record, written from the hardware
 * contract (qemu/docs/specs/sfab.rst and sfab-fabric.rst), in the order of their
 * sections.
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
#define SFAB_DOORBELL_TAIL		0x0
#define SFAB_DOORBELL_ARM		0x8	/* 64 bit */

/* Global registers */
#define SFAB_REG_MAGIC			0x0000
#define   SFAB_MAGIC			0x42414653	/* "SFAB" */
#define SFAB_REG_VERSION		0x0004
#define   SFAB_VERSION_MAJOR		GENMASK(31, 16)
#define   SFAB_VERSION_ARM		0x00010002	/* from this on there is ARM */
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
#define   SFAB_INT_PORT			BIT(4)
#define   SFAB_INT_SEGMENT		BIT(5)
#define   SFAB_INT_MGMT			BIT(6)
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
#define   SFAB_COUNTER_BYTES_FABRIC	8
#define   SFAB_COUNTER_REQUESTS		9
#define   SFAB_COUNTER_RETRIES		10
#define   SFAB_COUNTER_FAILURES		11
#define   SFAB_COUNTER_SERVED		12
#define   SFAB_COUNTER_DUPLICATES	13
#define   SFAB_COUNTER_REFUSED		14
#define   SFAB_COUNTER_FORWARDED	15

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
#define   SFAB_Q_FAULT_STATUS		GENMASK(23, 18)
#define   SFAB_Q_FAULT_VALID		BIT(31)
#define SFAB_Q_FAULT_INDEX		0x30
#define SFAB_Q_POLICY			0x34
#define   SFAB_Q_POLICY_POLICY		GENMASK(1, 0)	/* enum sfab_on_loss */
#define   SFAB_Q_POLICY_LIMIT		GENMASK(31, 16)	/* ms */
#define SFAB_Q_FAULT_ADDR		0x38	/* 64 bit */

/* Command ring */
#define SFAB_CMD_FLAG_COMPLETE		BIT(0)
#define SFAB_CMD_FLAG_IRQ		BIT(1)
#define SFAB_CMD_FLAG_NOTIFY		BIT(2)

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

/* Fabric registers */
#define SFAB_REG_NUM_PORTS		0x0048
#define   SFAB_NUM_PORTS_MAX		16
#define SFAB_REG_NUM_SEGMENTS		0x004c
#define   SFAB_NUM_SEGMENTS_MAX		1024
#define SFAB_REG_NUM_IMPORTS		0x0050
#define   SFAB_NUM_IMPORTS_MAX		1024
#define SFAB_REG_NUM_EIDS		0x0054
#define   SFAB_NUM_EIDS_MAX		4096
#define SFAB_REG_INCARNATION		0x0058
#define SFAB_REG_EID			0x005c
#define SFAB_REG_M_KEY			0x0060	/* 64 bit */
#define SFAB_REG_OP_TIMEOUT		0x0068	/* ms, as the two below */
#define   SFAB_OP_TIMEOUT_MIN		10
#define   SFAB_OP_TIMEOUT_MAX		60000
#define SFAB_REG_RETRY_TIMEOUT		0x006c
#define   SFAB_RETRY_TIMEOUT_MIN	1
#define   SFAB_RETRY_TIMEOUT_MAX	10000
#define SFAB_REG_HOQ_TIMEOUT		0x0070
#define   SFAB_HOQ_TIMEOUT_MIN		1
#define   SFAB_HOQ_TIMEOUT_MAX		10000
#define SFAB_REG_SEG_INV		0x0080
#define SFAB_REG_SEG_INV_DONE		0x0084
#define SFAB_REG_PORT_EVENT		0x0228

/* Ports */
#define SFAB_P_BLOCK(p)			(0x90000 + (p) * 0x400)
#define SFAB_P_CTRL			0x00
#define   SFAB_P_CTRL_ENABLE		BIT(0)
#define   SFAB_P_CTRL_LOOPBACK		BIT(1)
#define   SFAB_P_CTRL_PATH		GENMASK(7, 4)
#define   SFAB_P_CTRL_RETRAIN		BIT(8)
#define SFAB_P_STATUS			0x04
#define   SFAB_P_STATUS_STATE		GENMASK(3, 0)
#define   SFAB_P_STATUS_PATH		GENMASK(7, 4)
#define   SFAB_P_STATUS_REASON		GENMASK(15, 8)
#define   SFAB_P_STATUS_LANES		GENMASK(23, 16)
#define SFAB_P_CAP			0x08
#define   SFAB_P_CAP_LANES		GENMASK(7, 0)
#define   SFAB_P_CAP_PATHS		GENMASK(15, 8)
#define   SFAB_P_CAP_RATE		GENMASK(31, 16)
#define SFAB_P_PEER			0x0c
#define   SFAB_P_PEER_EID		GENMASK(15, 0)
#define   SFAB_P_PEER_PORT		GENMASK(23, 16)
#define   SFAB_P_PEER_KIND		GENMASK(31, 24)
#define SFAB_P_PEER_UUID_0		0x10	/* 64 bit */
#define SFAB_P_PEER_UUID_1		0x18	/* 64 bit */
#define SFAB_P_MODULE_CTRL		0x20
#define   SFAB_P_MODULE_CTRL_LOW_POWER	BIT(0)
#define   SFAB_P_MODULE_CTRL_TX_OFF	GENMASK(31, 16)
#define SFAB_P_MODULE			0x24
#define   SFAB_P_MODULE_PRESENT		BIT(0)
#define   SFAB_P_MODULE_STATE		GENMASK(7, 4)
#define   SFAB_P_MODULE_FAULT		GENMASK(15, 8)
#define   SFAB_P_MODULE_INSERTIONS	GENMASK(31, 16)
#define SFAB_P_DATAPATH			0x28	/* 64 bit, 4 bits a lane */
#define   SFAB_P_DATAPATH_BITS		4
#define SFAB_P_MODULE_SERIAL		0x30	/* 64 bit */
#define SFAB_P_CLEAR			0x38
#define   SFAB_P_CLEAR_COUNTERS		BIT(0)
#define   SFAB_P_CLEAR_CODEWORDS	BIT(1)
#define   SFAB_P_CLEAR_FLAGS		BIT(2)
#define SFAB_P_TEST			0x40
#define   SFAB_P_TEST_RUN		BIT(0)
#define   SFAB_P_TEST_PATTERN		GENMASK(3, 1)
#define   SFAB_P_TEST_ROLE		GENMASK(5, 4)
#define SFAB_P_TEST_STATUS		0x44
#define   SFAB_P_TEST_STATUS_LOCKED	GENMASK(15, 0)
#define   SFAB_P_TEST_STATUS_RUNNING	BIT(16)
#define SFAB_P_TEST_BITS		0x48	/* 64 bit */
#define SFAB_P_TEST_NS			0x50	/* 64 bit */
#define SFAB_P_TEST_ERRORS		0x80	/* 64 bit each, 8 apart */
#define SFAB_P_COUNTER			0x100	/* 64 bit each, 8 apart */
#define   SFAB_P_COUNTER_TX_BYTES	0
#define   SFAB_P_COUNTER_TX_PACKETS	1
#define   SFAB_P_COUNTER_RX_BYTES	2
#define   SFAB_P_COUNTER_RX_PACKETS	3
#define   SFAB_P_COUNTER_REPLAYS	4
#define   SFAB_P_COUNTER_CRC_ERRORS	5
#define   SFAB_P_COUNTER_STALLS		6
#define   SFAB_P_COUNTER_NO_ROUTE	7
#define   SFAB_P_COUNTER_HOP_LIMIT	8
#define   SFAB_P_COUNTER_HOQ		9
#define   SFAB_P_COUNTER_MALFORMED	10
#define   SFAB_P_COUNTER_LINK_DOWN	11
#define   SFAB_P_COUNTER_DOWNS		12
#define   SFAB_P_COUNTER_FAILOVERS	13
#define SFAB_P_SWITCH			0x180
#define   SFAB_P_SWITCH_PATH		GENMASK(3, 0)
#define   SFAB_P_SWITCH_TOGETHER	BIT(4)
#define   SFAB_P_SWITCH_PARTNER		GENMASK(11, 8)
#define   SFAB_P_SWITCH_WANTED		BIT(30)
#define   SFAB_P_SWITCH_ABORT		BIT(31)
#define SFAB_P_SWITCH_STATUS		0x184
#define   SFAB_P_SWITCH_STATUS_PHASE	GENMASK(3, 0)
#define   SFAB_P_SWITCH_STATUS_RESULT	GENMASK(7, 4)
#define   SFAB_P_SWITCH_STATUS_WHERE	GENMASK(11, 8)
#define   SFAB_P_SWITCH_STATUS_CAUSE	GENMASK(15, 12)
#define   SFAB_P_SWITCH_STATUS_COUNT	GENMASK(31, 16)
#define SFAB_P_SWITCH_BEGIN		0x188	/* 64 bit each, 8 apart */
#define SFAB_P_SWITCH_MODEL		0x1c0	/* 64 bit each, 8 apart */

/* Optics of a port (sfab-optics.rst) */
#define SFAB_P_OPTICS			0x200	/* 64 bit */
#define   SFAB_P_OPTICS_TEMPERATURE	GENMASK_ULL(15, 0)
#define   SFAB_P_OPTICS_SUPPLY		GENMASK_ULL(31, 16)
#define   SFAB_P_OPTICS_BER		GENMASK_ULL(47, 32)
#define   SFAB_P_OPTICS_ON		BIT_ULL(48)
#define   SFAB_P_OPTICS_SHUT		BIT_ULL(49)
#define   SFAB_P_OPTICS_ALIGNED		BIT_ULL(50)
#define SFAB_P_LANE_MASKS		0x208	/* 64 bit */
#define   SFAB_P_LANE_MASKS_USED	GENMASK_ULL(15, 0)
#define   SFAB_P_LANE_MASKS_LOS		GENMASK_ULL(31, 16)
#define   SFAB_P_LANE_MASKS_LOL		GENMASK_ULL(47, 32)
#define   SFAB_P_LANE_MASKS_TXFAIL	GENMASK_ULL(63, 48)
#define SFAB_P_TICKS			0x210	/* 64 bit */
#define SFAB_P_CODEWORDS		0x218	/* 64 bit */
#define SFAB_P_CORRECTED		0x220	/* 64 bit */
#define SFAB_P_UNCORRECTABLE		0x228	/* 64 bit */
#define SFAB_P_SYMBOLS			0x230	/* 64 bit */
#define SFAB_P_BER_BITS			0x238	/* 64 bit */
#define SFAB_P_BER_ERRORS		0x240	/* 64 bit */
#define SFAB_P_BER_NS			0x248	/* 64 bit */
#define SFAB_P_RELOCKS			0x250
#define SFAB_P_CAPABLE			0x254
#define   SFAB_P_CAPABLE_LANES		GENMASK(15, 0)
#define SFAB_P_CHANGES			0x258	/* 64 bit, odd while it changes */
#define SFAB_P_HISTOGRAM		0x280	/* 64 bit each, 8 apart */
#define SFAB_P_LANE_STRIDE		16
#define SFAB_P_LANE_POWER		0x300	/* 64 bit each, 16 apart */
#define   SFAB_P_LANE_POWER_TX		GENMASK_ULL(15, 0)
#define   SFAB_P_LANE_POWER_RX		GENMASK_ULL(31, 16)
#define   SFAB_P_LANE_POWER_BIAS	GENMASK_ULL(47, 32)
#define   SFAB_P_LANE_POWER_SNR		GENMASK_ULL(63, 48)
#define SFAB_P_LANE_STATE		0x308	/* 64 bit each, 16 apart */
#define   SFAB_P_LANE_STATE_BER		GENMASK_ULL(15, 0)
#define   SFAB_P_LANE_STATE_TEMPERATURE	GENMASK_ULL(31, 16)
#define   SFAB_P_LANE_STATE_AGE		GENMASK_ULL(39, 32)
#define   SFAB_P_LANE_STATE_TXFAIL	BIT_ULL(40)
#define   SFAB_P_LANE_STATE_LOS		BIT_ULL(41)
#define   SFAB_P_LANE_STATE_LOL		BIT_ULL(42)
#define   SFAB_P_LANE_STATE_USED	BIT_ULL(43)

/* The CMIS image of a port's module: 32 slots of 128 bytes */
#define SFAB_CMIS(p)			(0xb0000 + (p) * 0x1000)

/* Routes: four candidates of 16 bits, the first lowest */
#define SFAB_ROUTE(e)			(0xa0000 + (e) * 8)	/* 64 bit */
#define SFAB_ROUTE_CANDIDATES		4
#define SFAB_ROUTE_PORT			GENMASK(5, 0)
#define SFAB_ROUTE_VC			GENMASK(7, 6)
#define SFAB_ROUTE_HOPS			GENMASK(15, 8)

/* Segments */
#define SFAB_S_BLOCK(n)			(0xc0000 + (n) * 0x40)
#define SFAB_S_VA			0x00	/* 64 bit */
#define SFAB_S_LEN			0x08	/* 64 bit */
#define SFAB_S_TOKEN			0x10	/* 64 bit */
#define SFAB_S_VM			0x18
#define SFAB_S_EPOCH			0x1c
#define SFAB_S_CTRL			0x20
#define   SFAB_S_CTRL_VALID		BIT(0)
#define   SFAB_S_CTRL_READ		BIT(1)
#define   SFAB_S_CTRL_WRITE		BIT(2)
#define   SFAB_S_CTRL_ATOMIC		BIT(3)

/* Imports */
#define SFAB_I_BLOCK(i)			(0xd0000 + (i) * 0x20)
#define SFAB_I_TOKEN			0x00	/* 64 bit */
#define SFAB_I_BASE			0x08	/* 64 bit */
#define SFAB_I_TARGET			0x10
#define   SFAB_I_TARGET_EID		GENMASK(15, 0)
#define   SFAB_I_TARGET_SEGMENT		GENMASK(31, 16)
#define SFAB_I_EPOCH			0x14
#define SFAB_I_CTRL			0x18
#define   SFAB_I_CTRL_VALID		BIT(0)

/* Address of a page table entry of aperture FABRIC */
#define SFAB_FABRIC_IMPORT		GENMASK_ULL(51, 36)
#define SFAB_FABRIC_PAGE		GENMASK_ULL(35, 12)

/* Management mailbox */
#define SFAB_REG_MGMT_TX		0xe0000
#define SFAB_REG_MGMT_RX		0xe0100
#define SFAB_REG_MGMT_CTRL		0xe0200
#define   SFAB_MGMT_CTRL_SEND		BIT(0)
#define   SFAB_MGMT_CTRL_NEXT		BIT(1)
#define   SFAB_MGMT_CTRL_LISTEN_ON	BIT(2)
#define   SFAB_MGMT_CTRL_LISTEN_OFF	BIT(3)
#define SFAB_REG_MGMT_STATUS		0xe0204
#define   SFAB_MGMT_STATUS_BUSY		BIT(0)
#define   SFAB_MGMT_STATUS_READABLE	BIT(1)
#define   SFAB_MGMT_STATUS_DROPPED	GENMASK(31, 16)

/* Bound of a reset of a queue or of the device, the spec's "Killing a queue" */
#define SFAB_RESET_TIMEOUT_US		(1000 * 1000)

#endif /* _SFAB_REGS_H_ */
