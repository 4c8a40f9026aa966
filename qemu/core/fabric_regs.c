// SPDX-License-Identifier: GPL-2.0-or-later
/* The router's part of BAR 0, of docs/specs/sfab-fabric.rst. */
#include "fabric_internal.h"

/* A 64-bit register, or the half of it at @offset, as an access of @size sees it. */
static uint64_t part(uint64_t value, uint64_t offset, unsigned int size)
{
	if (size == 8)
		return value;
	return (uint32_t)(offset & 4 ? value >> 32 : value);
}

static bool aligned(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && offset % size == 0;
}

/* ---- reading ---- */

static bool global_read(struct sfab_fabric *fabric, uint64_t offset,
			unsigned int size, uint64_t *value)
{
	if ((offset & ~4ull) == SFAB_REG_M_KEY) {
		*value = 0;	/* write only */
		return true;
	}
	if (size != 4)
		return false;
	switch (offset) {
	case SFAB_REG_NUM_PORTS:
		*value = fabric->config.ports;
		return true;
	case SFAB_REG_NUM_EIDS:
		*value = fabric->config.eids;
		return true;
	case SFAB_REG_INCARNATION:
		*value = relaxed_load(fabric->incarnation);
		return true;
	case SFAB_REG_EID:
		*value = relaxed_load(fabric->eid);
		return true;
	case SFAB_REG_OP_TIMEOUT:
		*value = relaxed_load(fabric->op_timeout);
		return true;
	case SFAB_REG_RETRY_TIMEOUT:
		*value = relaxed_load(fabric->retry_timeout);
		return true;
	case SFAB_REG_HOQ_TIMEOUT:
		*value = relaxed_load(fabric->hoq_timeout);
		return true;
	case SFAB_REG_PORT_EVENT:
		*value = (uint32_t)atomic_load(&fabric->port_event);
		return true;
	default:
		return false;
	}
}

uint32_t sfab_port_cap(const struct sfab_fabric *fabric)
{
	return fabric->config.lanes | fabric->config.paths << 8 |
	       fabric->config.lane_rate << 16;
}

static bool port_read(struct sfab_fabric *fabric, const struct sfab_port *port,
		      uint64_t reg, unsigned int size, uint64_t *value)
{
	uint64_t counter = (reg - SFAB_REG_P_COUNTER) / 8;

	switch (reg & ~4ull) {
	case SFAB_REG_P_PEER_UUID_0:
	case SFAB_REG_P_PEER_UUID_1:
		*value = part(relaxed_load(port->peer_uuid[(reg >> 3) & 1]), reg, size);
		return true;
	case SFAB_REG_P_DATAPATH:
	case SFAB_REG_P_MODULE_SERIAL:
	case SFAB_REG_P_TEST_BITS:
	case SFAB_REG_P_TEST_NS:
	case SFAB_REG_P_SWITCH_MODEL:
	case SFAB_REG_P_SWITCH_MODEL + 8:
		*value = part(relaxed_load(port->low[reg / 8]), reg, size);
		return true;
	}
	if (reg >= SFAB_REG_P_COUNTER && counter < SFAB_P_COUNTERS) {
		*value = part(relaxed_load(port->counter[counter]), reg, size);
		return true;
	}
	if (reg - SFAB_REG_P_SWITCH_BEGIN < 8 * SFAB_PHASES ||
	    reg - SFAB_REG_P_TEST_ERRORS < 8 * SFAB_OPTICS_LANES) {
		*value = part(relaxed_load(port->low[reg / 8]), reg, size);
		return true;
	}
	if (reg >= SFAB_REG_P_OPTICS) {
		*value = part(atomic_load(&port->reading[(reg - SFAB_REG_P_OPTICS) / 8]),
			      reg, size);
		return true;
	}
	if (size != 4)
		return false;
	switch (reg) {
	case SFAB_REG_P_CTRL:
		*value = atomic_load(&port->ctrl);
		return true;
	case SFAB_REG_P_STATUS:
		*value = relaxed_load(port->status);
		return true;
	case SFAB_REG_P_CAP:
		*value = sfab_port_cap(fabric);
		return true;
	case SFAB_REG_P_PEER:
		*value = relaxed_load(port->peer);
		return true;
	case SFAB_REG_P_MODULE_CTRL:
		*value = atomic_load(&port->module_ctrl);
		return true;
	case SFAB_REG_P_SWITCH:
		*value = relaxed_load(port->switching.wish);
		return true;
	case SFAB_REG_P_TEST:
		*value = atomic_load(&port->pattern.ctrl);
		return true;
	case SFAB_REG_P_TEST_STATUS:
	case SFAB_REG_P_MODULE:
	case SFAB_REG_P_SWITCH_STATUS:
		*value = part(atomic_load(&port->low[reg / 8]), reg, size);
		return true;
	case SFAB_REG_P_CLEAR:
		*value = sfab_port_clears(port);
		return true;
	default:
		return false;
	}
}

/* Where a page is not there its bytes are 0. */
static uint64_t image_read(const struct sfab_port *port, uint64_t offset, unsigned int size)
{
	if (offset >= SFAB_CMIS_BYTES)
		return 0;
	return part(atomic_load(&port->image[offset / 8]), offset, size);
}

bool sfab_fabric_read(struct sfab_fabric *fabric, uint64_t offset, unsigned int size,
		      uint64_t *value)
{
	uint64_t at;

	if (!aligned(offset, size))
		return false;
	at = offset - SFAB_PORT_BASE;
	if (at < (uint64_t)fabric->config.ports * SFAB_PORT_STRIDE)
		return port_read(fabric, &fabric->port[at / SFAB_PORT_STRIDE],
				 at % SFAB_PORT_STRIDE, size, value);
	at = offset - SFAB_CMIS_BASE;
	if (fabric->config.kind == SFAB_KIND_ACCEL &&
	    at < (uint64_t)fabric->config.ports * SFAB_CMIS_STRIDE) {
		*value = image_read(&fabric->port[at / SFAB_CMIS_STRIDE],
				    at % SFAB_CMIS_STRIDE, size);
		return true;
	}
	at = (offset - SFAB_ROUTE_BASE) / 8;
	if (offset >= SFAB_ROUTE_BASE && at < fabric->config.eids &&
	    offset < SFAB_ROUTE_END) {
		*value = part(relaxed_load(fabric->route[at]), offset, size);
		return true;
	}
	if (offset >= SFAB_REG_MGMT_TX) {
		uint32_t word;

		if (size != 4 || !sfab_mailbox_read(fabric, offset, &word))
			return false;
		*value = word;
		return true;
	}
	return global_read(fabric, offset, size, value);
}

/* ---- writing ---- */

/*
 * The lower half of a 64-bit register waits for the upper one. True: *value is the
 * whole now.
 */
static bool latch(uint32_t *lo, uint64_t offset, unsigned int size, uint64_t *value)
{
	if (size == 8)
		return true;
	if (!(offset & 4)) {
		*lo = *value;
		return false;
	}
	*value = *value << 32 | *lo;
	return true;
}

static void set_within(_Atomic uint32_t *word, uint64_t value, uint64_t least,
		       uint64_t most)
{
	if (value >= least && value <= most)
		relaxed_store(*word, value);
}

void sfab_set_eid(struct sfab_fabric *fabric, uint32_t eid)
{
	if (eid >= fabric->config.eids)
		return;
	relaxed_store(fabric->eid, eid);
	fabric->ops->wake(fabric->opaque);
}

void sfab_set_port_ctrl(struct sfab_fabric *fabric, struct sfab_port *port,
			uint32_t value)
{
	uint32_t state = relaxed_load(port->status) & SFAB_P_STATUS_STATE;

	atomic_store(&port->ctrl, value & SFAB_P_CTRL_KEPT);
	if (value & SFAB_P_CTRL_RETRAIN ||
	    (state == SFAB_PORT_FAILED && value & SFAB_P_CTRL_ENABLE))
		atomic_fetch_add(&port->retrain, 1);
	fabric->ops->wake(fabric->opaque);
}

void sfab_set_module_ctrl(struct sfab_fabric *fabric, struct sfab_port *port,
			  uint32_t value)
{
	atomic_store(&port->module_ctrl, value & SFAB_P_MODULE_CTRL_KEPT);
	fabric->ops->wake(fabric->opaque);
}

void sfab_clear_port(struct sfab_fabric *fabric, struct sfab_port *port, uint32_t what)
{
	atomic_fetch_or(&port->clear, what & SFAB_P_CLEAR_ALL);
	fabric->ops->wake(fabric->opaque);
}

static bool global_write(struct sfab_fabric *fabric, uint64_t offset, uint64_t value,
			 unsigned int size)
{
	if ((offset & ~4ull) == SFAB_REG_M_KEY) {
		pthread_mutex_lock(&fabric->lock);
		if (latch(&fabric->m_key_lo, offset, size, &value))
			fabric->m_key = value;
		pthread_mutex_unlock(&fabric->lock);
		return true;
	}
	if (size != 4)
		return false;
	switch (offset) {
	case SFAB_REG_EID:
		sfab_set_eid(fabric, value);
		return true;
	case SFAB_REG_OP_TIMEOUT:
		set_within(&fabric->op_timeout, value, SFAB_OP_TIMEOUT_MIN,
			   SFAB_OP_TIMEOUT_MAX);
		return true;
	case SFAB_REG_RETRY_TIMEOUT:
		set_within(&fabric->retry_timeout, value, SFAB_RETRY_TIMEOUT_MIN,
			   SFAB_RETRY_TIMEOUT_MAX);
		return true;
	case SFAB_REG_HOQ_TIMEOUT:
		set_within(&fabric->hoq_timeout, value, SFAB_HOQ_TIMEOUT_MIN,
			   SFAB_HOQ_TIMEOUT_MAX);
		return true;
	case SFAB_REG_PORT_EVENT:
		atomic_fetch_and(&fabric->port_event, ~value);
		return true;
	default:
		return false;
	}
}

static bool set_test(struct sfab_fabric *fabric, struct sfab_port *port, uint32_t value)
{
	if ((value & SFAB_P_TEST_PATTERN) >> SFAB_P_TEST_PATTERN_SHIFT >= SFAB_P_TEST_PATTERNS)
		return false;
	atomic_store(&port->pattern.ctrl, value & SFAB_P_TEST_KEPT);
	fabric->ops->wake(fabric->opaque);
	return true;
}

static bool port_write(struct sfab_fabric *fabric, struct sfab_port *port, uint64_t reg,
		       uint32_t value)
{
	switch (reg) {
	case SFAB_REG_P_CTRL:
		sfab_set_port_ctrl(fabric, port, value);
		return true;
	case SFAB_REG_P_MODULE_CTRL:
		sfab_set_module_ctrl(fabric, port, value);
		return true;
	case SFAB_REG_P_SWITCH:
		return sfab_switching_ask(fabric, port, value);
	case SFAB_REG_P_TEST:
		return set_test(fabric, port, value);
	case SFAB_REG_P_CLEAR:
		sfab_clear_port(fabric, port, value);
		return true;
	default:
		return false;
	}
}

static void route_write(struct sfab_fabric *fabric, unsigned int eid, uint64_t offset,
			uint64_t value, unsigned int size)
{
	pthread_mutex_lock(&fabric->lock);
	if (latch(&fabric->route_lo[eid], offset, size, &value))
		relaxed_store(fabric->route[eid], value);
	pthread_mutex_unlock(&fabric->lock);
}

bool sfab_fabric_write(struct sfab_fabric *fabric, uint64_t offset, uint64_t value,
		       unsigned int size)
{
	uint64_t at;

	if (!aligned(offset, size))
		return false;
	if (size == 4)
		value = (uint32_t)value;
	at = offset - SFAB_PORT_BASE;
	if (at < (uint64_t)fabric->config.ports * SFAB_PORT_STRIDE)
		return size == 4 &&
		       port_write(fabric, &fabric->port[at / SFAB_PORT_STRIDE],
				  at % SFAB_PORT_STRIDE, value);
	at = (offset - SFAB_ROUTE_BASE) / 8;
	if (offset >= SFAB_ROUTE_BASE && at < fabric->config.eids &&
	    offset < SFAB_ROUTE_END) {
		route_write(fabric, at, offset, value, size);
		return true;
	}
	if (offset >= SFAB_REG_MGMT_TX)
		return size == 4 && sfab_mailbox_write(fabric, offset, value);
	return global_write(fabric, offset, value, size);
}
