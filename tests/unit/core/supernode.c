// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>

#include "fibre.h"
#include "supernode.h"

/* ---- told by devices ---- */

static void wake(struct sn_device *device)
{
	device->woken = true;
}

static void ring(struct sn_device *device, unsigned int port)
{
	struct supernode *sn = device->sn;

	for (unsigned int c = 0; c < sn->cables; c++) {
		const struct sn_cable *cable = &sn->cable[c];

		for (unsigned int end = 0; end < 2; end++)
			if (cable->device[end] == device->index &&
			    cable->port[end] == port)
				sn->device[cable->device[!end]].rung = true;
	}
}

static struct sn_device *device_of(struct rig *rig)
{
	struct supernode *sn = rig->supernode;

	for (unsigned int i = 0; i < sn->nodes; i++)
		if (sn->rig[i] == rig)
			return &sn->device[i];
	return &sn->device[sn->nodes];	/* the node that is being made */
}

static void on_wake(struct rig *rig)
{
	wake(device_of(rig));
}

static void on_ring(struct rig *rig, unsigned int port, unsigned int path)
{
	assert_int_equal(path, 0);
	ring(device_of(rig), port);
}

/* ---- the middle man ---- */

static void middle_wake(void *opaque)
{
	wake(opaque);
}

static void middle_ring(void *opaque, unsigned int port, unsigned int path)
{
	(void)path;
	ring(opaque, port);
}

static uint64_t middle_now(void *opaque)
{
	return ((struct sn_device *)opaque)->sn->clock;
}

static void middle_port_event(void *opaque, unsigned int port)
{
	(void)opaque;
	(void)port;
}

static void middle_mgmt_event(void *opaque)
{
	(void)opaque;
}

static const struct sfab_fabric_ops middle_ops = {
	.wake = middle_wake,
	.ring = middle_ring,
	.now = middle_now,
	.port_event = middle_port_event,
	.mgmt_event = middle_mgmt_event,
};

static struct sn_device *other_side(struct sn_device *device)
{
	return &device->sn->device[device->sn->nodes +
				   !(device->index - device->sn->nodes)];
}

static void send_on(struct sn_device *side, const struct sfab_packet *packet,
		    const void *payload)
{
	struct sfab_packet copy = *packet;
	struct sfab_slot slot;
	int error;

	copy.class_vc &= SFAB_CLASS_MASK;
	error = sfab_fabric_reserve(side->fabric, &copy, &slot);
	/* No room for what is sent twice: lost, which is allowed as well. */
	if (error == -EAGAIN)
		return;
	assert_int_equal(error, 0);
	memcpy(slot.payload, payload, copy.payload);
	sfab_fabric_commit(side->fabric, &copy, &slot);
	side->woken = true;
}

static void hold(struct sn_device *side, const struct sfab_packet *packet,
		 const void *payload)
{
	struct supernode *sn = side->sn;

	for (unsigned int i = 0; i < SN_HELD; i++) {
		struct sn_held *held = &sn->held[i];

		if (held->used)
			continue;
		held->used = true;
		held->side = side->index;
		held->when = sn->clock + sn->late;
		held->packet = *packet;
		memcpy(held->payload, payload, packet->payload);
		side->woken = true;
		return;
	}
	/* More than can be held: lost, which is allowed as well. */
}

static bool middle_deliver(void *opaque, const struct sfab_packet *packet,
			   const void *payload)
{
	struct sn_device *side = other_side(opaque);
	struct supernode *sn = side->sn;
	struct sfab_packet copy = *packet;

	sn->seen++;
	switch (sn->fate ? sn->fate(sn, &copy) : SN_PASS) {
	case SN_TWICE:
		send_on(side, &copy, payload);
		/* fall through */
	case SN_PASS:
		send_on(side, &copy, payload);
		break;
	case SN_LATE:
		hold(side, &copy, payload);
		break;
	case SN_DROP:
		break;
	}
	return true;
}

static bool middle_work(void *opaque, uint64_t *due)
{
	struct sn_device *side = opaque;
	struct supernode *sn = side->sn;
	bool busy = false;

	for (unsigned int i = 0; i < SN_HELD; i++) {
		struct sn_held *held = &sn->held[i];

		if (!held->used || held->side != side->index)
			continue;
		if (held->when > sn->clock) {
			if (held->when < *due)
				*due = held->when;
			continue;
		}
		held->used = false;
		send_on(side, &held->packet, held->payload);
		busy = true;
	}
	return busy;
}

static const struct sfab_sink middle_sink = {
	.deliver = middle_deliver, .work = middle_work,
};

/* ---- life ---- */

static void route(struct sfab_fabric *fabric, unsigned int eid, uint64_t candidates)
{
	assert_true(sfab_fabric_write(fabric, SFAB_ROUTE_BASE + 8 * eid, candidates, 8));
}

static uint64_t candidate(unsigned int port, unsigned int hops)
{
	return port | hops << SFAB_ROUTE_HOPS_SHIFT;
}

static void attach(struct supernode *sn, unsigned int c, bool light)
{
	const struct sn_cable *cable = &sn->cable[c];

	for (unsigned int end = 0; end < 2; end++) {
		struct sn_device *device = &sn->device[cable->device[end]];

		sfab_fabric_attach(device->fabric, cable->port[end], 0,
				   light ? cable->view[end] : NULL, end);
		device->woken = true;
	}
}

void sn_cut(struct supernode *sn, unsigned int c)
{
	sn->cable[c].cut = true;
	attach(sn, c, false);
}

void sn_join(struct supernode *sn, unsigned int c)
{
	sn->cable[c].cut = false;
	attach(sn, c, true);
}

static void cable(struct supernode *sn, unsigned int a, unsigned int port_a,
		  unsigned int b, unsigned int port_b)
{
	struct sn_cable *cable = &sn->cable[sn->cables];

	*cable = (struct sn_cable) {
		.device = { a, b }, .port = { port_a, port_b },
	};
	fibre_new(cable->view);
	attach(sn, sn->cables++, true);
}

static void (*also)(struct sfab_config *config);
static struct {
	unsigned int index;
	uint64_t entropy;	/* never the same number twice */
} making;

static void with_ports(struct sfab_config *config)
{
	config->ports = 2;
	config->paths = 1;
	config->segments = 8;
	config->imports = 8;
	config->eids = 16;
	config->lanes = 8;
	config->lane_rate = 112;
	config->seed = 1;
	config->serial += making.index;
	config->entropy = making.entropy;
	if (also)
		also(config);
}

static void make_node(struct supernode *sn, unsigned int i)
{
	struct rig *rig;

	making.index = i;
	making.entropy++;
	rig = rig_with(with_ports);
	rig->supernode = sn;
	rig->on_wake = on_wake;
	rig->on_ring = on_ring;
	rig->clock = sn->clock;
	sn->rig[i] = rig;
	sn->device[i] = (struct sn_device) {
		.sn = sn, .index = i, .rig = rig, .woken = true,
		.fabric = sfab_core_fabric(rig->core),
	};
	wr32(rig, SFAB_REG_EID, i + 1);
}

static void ring_routes(struct supernode *sn, unsigned int i)
{
	unsigned int n = sn->nodes;

	for (unsigned int to = 0; to < n; to++) {
		unsigned int up = (to + n - i) % n, down = n - up;

		if (to == i)
			continue;
		route(sn->device[i].fabric, to + 1, up <= down ?
		      candidate(0, up) | candidate(1, down) << 16 :
		      candidate(1, down) | candidate(0, up) << 16);
	}
}

struct supernode *sn_with(unsigned int nodes, void (*change)(struct sfab_config *config))
{
	struct supernode *sn = calloc(1, sizeof(*sn));

	assert_non_null(sn);
	sn->clock = 1000000;
	sn->random = 1;
	also = change;
	for (; sn->nodes < nodes; sn->nodes++)
		make_node(sn, sn->nodes);
	sn->devices = nodes;
	for (unsigned int i = 0; i < nodes; i++)
		ring_routes(sn, i);
	for (unsigned int i = 0; i < nodes && nodes > 1; i++)
		cable(sn, i, 0, (i + 1) % nodes, 1);
	sn_run(sn, MS);
	return sn;
}

struct supernode *sn_new(unsigned int nodes)
{
	return sn_with(nodes, NULL);
}

struct supernode *sn_middle(void)
{
	struct supernode *sn = calloc(1, sizeof(*sn));

	assert_non_null(sn);
	sn->clock = 1000000;
	sn->random = 1;
	also = NULL;
	for (; sn->nodes < 2; sn->nodes++)
		make_node(sn, sn->nodes);
	for (unsigned int i = 0; i < 2; i++) {
		struct sn_device *side = &sn->device[2 + i];
		struct sfab_fabric_config config = {
			.kind = SFAB_KIND_ACCEL, .ports = 1, .paths = 1, .eids = 16,
			.lanes = 8, .lane_rate = 112, .serial = 100 + i,
		};

		*side = (struct sn_device) { .sn = sn, .index = 2 + i };
		side->fabric = sfab_fabric_create_with(&config, &middle_ops, side,
						       &middle_sink, side, NULL);
		assert_non_null(side->fabric);
		/* To each accelerator this side is the other accelerator. */
		sfab_fabric_write(side->fabric, SFAB_REG_EID, 2 - i, 4);
		route(side->fabric, 1 + i, candidate(0, 1));
		route(sn->device[i].fabric, 2 - i, candidate(0, 1));
	}
	sn->devices = 4;
	cable(sn, 0, 0, 2, 0);
	cable(sn, 1, 0, 3, 0);
	sn_run(sn, MS);
	return sn;
}

void sn_free(struct supernode *sn)
{
	for (unsigned int i = 0; i < sn->nodes; i++)
		rig_free(sn->rig[i]);
	for (unsigned int i = sn->nodes; i < sn->devices; i++)
		sfab_fabric_destroy(sn->device[i].fabric);
	for (unsigned int c = 0; c < sn->cables; c++)
		fibre_free(sn->cable[c].view);
	free(sn);
}

void sn_restart(struct supernode *sn, unsigned int node)
{
	rig_free(sn->rig[node]);
	make_node(sn, node);
	ring_routes(sn, node);
	for (unsigned int c = 0; c < sn->cables; c++)
		for (unsigned int end = 0; end < 2; end++)
			if (sn->cable[c].device[end] == node)
				sfab_fabric_attach(sn->device[node].fabric,
						   sn->cable[c].port[end], 0,
						   sn->cable[c].view[end], end);
	sn_run(sn, MS);
}

/* ---- running ---- */

static bool run_engines(struct sn_device *device)
{
	struct rig *rig = device->rig;
	bool worked = false;

	device->engine_due = UINT64_MAX;
	for (unsigned int i = 0; i < rig->config.engines; i++) {
		uint64_t due = UINT64_MAX;
		enum sfab_run run = sfab_core_run(rig->core, i, &due);

		worked |= run == SFAB_RUN_MORE;
		if (run == SFAB_RUN_POLL && due < device->engine_due)
			device->engine_due = due;
	}
	return worked;
}

static void run_router(struct sn_device *device)
{
	uint64_t due = UINT64_MAX;
	enum sfab_run run;

	sfab_fabric_sleep(device->fabric, false);
	device->rung = false;
	device->woken = false;
	run = sfab_fabric_run(device->fabric, &due);
	if (run == SFAB_RUN_MORE || !sfab_fabric_sleep(device->fabric, true))
		device->woken = true;
	device->due = run == SFAB_RUN_POLL ? due : UINT64_MAX;
}

static bool run_all(struct supernode *sn)
{
	bool busy = false;

	for (unsigned int i = 0; i < sn->devices; i++) {
		struct sn_device *device = &sn->device[i];

		if (device->rig)
			busy |= run_engines(device);
		if (device->woken || device->rung || device->due <= sn->clock)
			run_router(device);
		if (sn->between)
			sn->between(sn);
	}
	for (unsigned int i = 0; i < sn->devices; i++)
		busy |= sn->device[i].woken || sn->device[i].rung;
	return busy;
}

static void set_clock(struct supernode *sn, uint64_t clock)
{
	sn->clock = clock;
	for (unsigned int i = 0; i < sn->nodes; i++)
		sn->rig[i]->clock = clock;
}

static uint64_t next_due(const struct supernode *sn)
{
	uint64_t next = UINT64_MAX;

	for (unsigned int i = 0; i < sn->devices; i++) {
		const struct sn_device *device = &sn->device[i];

		if (device->due < next)
			next = device->due;
		if (device->rig && device->engine_due < next)
			next = device->engine_due;
	}
	return next;
}

static bool settled(struct rig *rig, unsigned int q)
{
	return rd32(rig, Q_REG(q, Q_STATUS)) &
	       (SFAB_Q_STATUS_IDLE | SFAB_Q_STATUS_HALTED);
}

static bool run_until(struct supernode *sn, uint64_t end, struct rig *rig, unsigned int q)
{
	unsigned int rounds = 0;

	for (;;) {
		bool busy = run_all(sn);
		uint64_t next;

		if (rig && settled(rig, q))
			return true;
		assert_true(++rounds < 10000000);
		if (busy)
			continue;
		next = next_due(sn);
		if (next > end)
			break;
		assert_true(next > sn->clock);
		set_clock(sn, next);
	}
	set_clock(sn, end);
	return false;
}

void sn_run(struct supernode *sn, uint64_t ns)
{
	run_until(sn, sn->clock + ns, NULL, 0);
}

bool sn_wait(struct supernode *sn, struct rig *rig, unsigned int q, uint64_t ns)
{
	return run_until(sn, sn->clock + ns, rig, q);
}

/* ---- segments, imports ---- */

void sn_export(struct rig *rig, unsigned int n, uint64_t va, uint64_t len,
	       uint32_t ctrl)
{
	wr32(rig, S_REG(n, S_CTRL), 0);
	wr64(rig, S_REG(n, S_VA), va);
	wr64(rig, S_REG(n, S_LEN), len);
	wr64(rig, S_REG(n, S_TOKEN), TOKEN);
	wr32(rig, S_REG(n, S_VM), 0);
	wr32(rig, S_REG(n, S_EPOCH), EPOCH);
	wr32(rig, S_REG(n, S_CTRL), ctrl);
}

void sn_import(struct rig *rig, unsigned int i, unsigned int eid, unsigned int segment,
	       uint64_t base)
{
	wr32(rig, I_REG(i, I_CTRL), 0);
	wr64(rig, I_REG(i, I_TOKEN), TOKEN);
	wr64(rig, I_REG(i, I_BASE), base);
	wr32(rig, I_REG(i, I_TARGET), eid | segment << 16);
	wr32(rig, I_REG(i, I_EPOCH), EPOCH);
	wr32(rig, I_REG(i, I_CTRL), SFAB_I_CTRL_VALID);
}

static void share(struct supernode *sn, struct rig *rig)
{
	rig_map_all(rig, 0);
	rig_queue(rig, 0, 0);
	rig_queue(rig, 1, 0);
	wr32(rig, SFAB_REG_INT_ENABLE, SFAB_INT_ALL);
	sn_export(rig, 0, VA_HBM, rig->config.hbm_size, S_ALL);
	for (unsigned int n = 0; n < sn->nodes; n++) {
		sn_import(rig, n, n + 1, 0, SHARED);
		rig_map(rig, 0, VA_FAR(n), FAR_ADDR(n), FAR_SIZE, FABRIC_PTE(RW));
	}
}

void sn_share(struct supernode *sn)
{
	for (unsigned int i = 0; i < sn->nodes; i++)
		if (!rd32(sn->rig[i], Q_REG(0, Q_CTRL)))
			share(sn, sn->rig[i]);
}

/* ---- commands ---- */

void sn_do(struct supernode *sn, struct rig *rig, const struct cmd *cmd)
{
	uint32_t head = rd32(rig, Q_REG(0, Q_HEAD));

	rig_submit(rig, 0, cmd);
	assert_true(sn_wait(sn, rig, 0, 10000 * MS));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0);
	assert_int_equal(rd32(rig, Q_REG(0, Q_HEAD)), head + 1);
}

static void expect_fault(struct supernode *sn, struct rig *rig, const struct cmd *cmd,
			 uint32_t fault, uint64_t addr)
{
	uint32_t head = rd32(rig, Q_REG(0, Q_HEAD));

	rig_submit(rig, 0, cmd);
	assert_true(sn_wait(sn, rig, 0, 10000 * MS));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)),
			 SFAB_Q_FAULT_VALID | (uint32_t)cmd->opcode << 8 | fault);
	assert_int_equal(rd64(rig, Q_REG(0, Q_FAULT_ADDR)), addr);
	assert_int_equal(rd32(rig, Q_REG(0, Q_HEAD)), head);
	rig_queue(rig, 0, 0);
}

void sn_fault(struct supernode *sn, struct rig *rig, const struct cmd *cmd,
	      unsigned int cause, unsigned int access, uint64_t addr)
{
	expect_fault(sn, rig, cmd, access << 16 | cause, addr);
}

void sn_status(struct supernode *sn, struct rig *rig, const struct cmd *cmd,
	       enum sfab_status status, unsigned int access, uint64_t addr)
{
	expect_fault(sn, rig, cmd, (uint32_t)status << SFAB_Q_FAULT_STATUS_SHIFT |
		     access << 16 | SFAB_FAULT_FABRIC, addr);
}
