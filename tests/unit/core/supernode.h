/* SPDX-License-Identifier: MIT */
/*
 * A few accelerators in one process, each a rig (rig.h) with ports, in a ring of
 * memory fibres under one virtual clock; and a middle man for packets, who does to them
 * what a test tells.
 */
#ifndef SUPERNODE_H
#define SUPERNODE_H

#include "fabric.h"
#include "fabric_regs.h"
#include "rig.h"

#define MS		1000000ull
#define SN_NODES	4
#define SN_DEVICES	(SN_NODES + 2)
#define SN_CABLES	8
#define SN_HELD		8

/* Import i is mapped here, 4 MiB of it; and as much again read-only. */
#define VA_FAR(i)	(0x0000100000000000ull + (uint64_t)(i) * 0x1000000000ull)
#define FAR_SIZE	(4 * MIB)
#define FAR_ADDR(i)	((uint64_t)(i) << SFAB_PTE_IMPORT_SHIFT)

/* What is exported by sn_share(): HBM from here on, as segment and import. */
#define SHARED		(4 * MIB)
#define TOKEN		0x1122334455667788ull
#define EPOCH		0xabcd0001u

#define S_REG(n, r)	(SFAB_SEGMENT_BASE + (n) * SFAB_SEGMENT_STRIDE + (SFAB_REG_##r))
#define I_REG(i, r)	(SFAB_IMPORT_BASE + (i) * SFAB_IMPORT_STRIDE + (SFAB_REG_##r))
#define S_ALL		(SFAB_S_CTRL_VALID | SFAB_S_CTRL_READ | SFAB_S_CTRL_WRITE | \
			 SFAB_S_CTRL_ATOMIC)

struct supernode;

/* A router in the run loop: that of a rig, or one side of the middle man. */
struct sn_device {
	struct supernode *sn;
	unsigned int index;
	struct rig *rig;		/* NULL: middle man */
	struct sfab_fabric *fabric;
	bool woken, rung;
	uint64_t due, engine_due;
};

struct sn_cable {
	void *view[2];			/* of its memory, by end */
	unsigned int device[2], port[2];
	bool cut;
};

/* A packet that the middle man has not sent on yet. */
struct sn_held {
	bool used;
	unsigned int side;		/* where it leaves */
	uint64_t when;
	struct sfab_packet packet;
	uint8_t payload[SFAB_MTU];
};

/* What happens to a packet. */
enum sn_fate { SN_PASS, SN_DROP, SN_TWICE, SN_LATE };

struct supernode {
	uint64_t clock;
	unsigned int nodes, devices, cables;
	struct rig *rig[SN_NODES];
	struct sn_device device[SN_DEVICES];
	struct sn_cable cable[SN_CABLES];

	/* Called after each device's turn: the place to cut a fibre. */
	void (*between)(struct supernode *sn);

	/* The middle man: what to do with a packet, which may be changed; SN_LATE:
	 * after so long.
	 */
	enum sn_fate (*fate)(struct supernode *sn, struct sfab_packet *packet);
	uint64_t late;
	unsigned int seen;
	uint64_t random;
	struct sn_held held[SN_HELD];
};

/*
 * @nodes accelerators, EIDs 1, 2, ...: port 0 of each to port 1 of the next, the last
 * to the first; routes both ways round, the shorter first. Links are up.
 */
struct supernode *sn_new(unsigned int nodes);
struct supernode *sn_with(unsigned int nodes, void (*change)(struct sfab_config *config));
/* Two accelerators with the middle man between them. */
struct supernode *sn_middle(void);
void sn_free(struct supernode *sn);

void sn_cut(struct supernode *sn, unsigned int cable);
void sn_join(struct supernode *sn, unsigned int cable);

/* Power one node off and on: another core on the same fibres. */
void sn_restart(struct supernode *sn, unsigned int node);

/* Let everybody work for so long. */
void sn_run(struct supernode *sn, uint64_t ns);
/* The same until queue @q of @rig has nothing left or halts; false: not in @ns. */
bool sn_wait(struct supernode *sn, struct rig *rig, unsigned int q, uint64_t ns);

void sn_export(struct rig *rig, unsigned int n, uint64_t va, uint64_t len,
	       uint32_t ctrl);
void sn_import(struct rig *rig, unsigned int i, unsigned int eid, unsigned int segment,
	       uint64_t base);

/*
 * Every node: all its memory mapped in VM 0 (rig_map_all), queues 0 and 1 on it; its HBM
 * exported whole as segment 0 with all rights; import n, of node n's segment 0 from
 * offset SHARED on, at VA_FAR(n).
 */
void sn_share(struct supernode *sn);

/* Submit to queue 0, and expect it done; or halted so, then enabled again. */
void sn_do(struct supernode *sn, struct rig *rig, const struct cmd *cmd);
void sn_fault(struct supernode *sn, struct rig *rig, const struct cmd *cmd,
	      unsigned int cause, unsigned int access, uint64_t addr);
void sn_status(struct supernode *sn, struct rig *rig, const struct cmd *cmd,
	       enum sfab_status status, unsigned int access, uint64_t addr);

#endif /* SUPERNODE_H */
