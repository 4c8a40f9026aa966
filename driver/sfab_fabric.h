/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The accelerator as a member of the fabric: what its parts offer each other and
 * the rest of the driver.  One section for each source file.
 */
#ifndef _SFAB_FABRIC_H_
#define _SFAB_FABRIC_H_

#include "sfab_bo.h"
#include "sfab_regs.h"

struct sfab_link;

/**
 * struct sfab_mgmt_box - the management mailbox
 */
struct sfab_mgmt_box {
	/** @tx_lock: one datagram is written at a time */
	struct mutex tx_lock;
	/** @listen_lock: makes LISTEN follow what files ask for */
	struct mutex listen_lock;
	/** @waiters_lock: protects @waiters, and what they wait for */
	spinlock_t waiters_lock;
	/** @waiters: who waits for an answer, struct sfab_mgmt_waiter.link */
	struct list_head waiters;
	/** @transaction: the last transaction id used */
	atomic64_t transaction;
	/** @listeners: files that want traps; changed under @listen_lock */
	u32 listeners;
};

/**
 * struct sfab_fabric - the fabric part of a device that has ports
 *
 * Lives as long as the DRM device.
 */
struct sfab_fabric {
	/** @sdev: device */
	struct sfab_device *sdev;
	/** @num_ports: NUM_PORTS */
	u32 num_ports;
	/** @num_segments: NUM_SEGMENTS */
	u32 num_segments;
	/** @num_imports: NUM_IMPORTS */
	u32 num_imports;
	/** @num_eids: NUM_EIDS */
	u32 num_eids;

	/** @vm: maps what is exported and nothing else; see sfab_segment.c */
	struct sfab_vm *vm;
	/**
	 * @segment_lock: protects the files' tables of exports, the hardware's
	 * table of segments, and @segment_inv; outside of sfab_vm.lock
	 */
	struct mutex segment_lock;
	/** @segment_inv: last sequence number written to SEG_INV */
	u32 segment_inv;
	/** @exports: struct sfab_export by segment number; XA_FLAGS_ALLOC */
	struct xarray exports;
	/** @imports: struct sfab_bo by import number; XA_FLAGS_ALLOC */
	struct xarray imports;

	/** @config_lock: a change of P_CTRL reads it first; outside of reset_lock */
	struct mutex config_lock;
	/** @ports_lock: protects the next two; inside of reset_lock, outside of check_lock */
	struct mutex ports_lock;
	/** @port_status: P_STATUS that files were told last */
	u32 port_status[SFAB_NUM_PORTS_MAX];
	/** @port_downs: how often each had gone down then */
	u64 port_downs[SFAB_NUM_PORTS_MAX];
	/** @links: the ports as devices, from sfab_links_register() to unregister */
	struct sfab_link *links[SFAB_NUM_PORTS_MAX];
	/** @mgmt: see sfab_mgmt.c */
	struct sfab_mgmt_box mgmt;
};

/**
 * struct sfab_target - what a FABRIC mapping leads to
 * @eid: accelerator; 0: not known
 * @segment: segment there
 */
struct sfab_target {
	u32 eid;
	u32 segment;
};

/* sfab_fabric.c: the whole */
int sfab_fabric_admin(const struct sfab_fabric *fabric);

/* What requests are checked against, also those that are refused as there is no fabric */
static inline u32 sfab_num_eids(const struct sfab_fabric *fabric)
{
	return fabric ? fabric->num_eids : SFAB_NUM_EIDS_MAX;
}

/* sfab_segment.c: segments, exported ranges of BOs */
int sfab_segment_start(struct sfab_fabric *fabric);
void sfab_segment_stop(struct sfab_fabric *fabric);
void sfab_segment_lost(struct sfab_fabric *fabric);	/* a device reset */

/* sfab_import.c: segments of others as BOs */
void sfab_import_release(struct sfab_bo *bo);
void sfab_import_restore(struct sfab_fabric *fabric);	/* after a device reset */
void sfab_import_target(struct sfab_vm *vm, u64 va, struct sfab_target *target);

/* sfab_port.c: ports */
void sfab_port_check(struct sfab_fabric *fabric, u32 events);

/* How much a counter of a port has counted since; one that is lower has been cleared meanwhile */
static inline u64 sfab_counted(u64 was, u64 now)
{
	return now < was ? now : now - was;
}

const char *sfab_port_state_name(u32 state);
const char *sfab_port_reason_name(u32 reason);
const char *sfab_port_peer_name(u32 kind);

/* sfab_link_event.c: the ports as devices, sfab_link.h; those of the bits in @ports */
void sfab_links_check(struct sfab_fabric *fabric, u32 ports);

/* sfab_mgmt.c: management datagrams */
int sfab_mgmt_init(struct sfab_fabric *fabric);
bool sfab_mgmt_receive(struct sfab_fabric *fabric);
void sfab_mgmt_fail(struct sfab_fabric *fabric, int error);
void sfab_mgmt_restore(struct sfab_fabric *fabric);
void sfab_mgmt_listen(struct sfab_fabric *fabric, int files);

#endif /* _SFAB_FABRIC_H_ */
