// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports: configuration, state, counters, and events when a state changes
 */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/nospec.h>
#include <linux/unaligned.h>

#include "sfab_fabric.h"
#include "sfab_trace.h"

static void __iomem *sfab_port_regs(const struct sfab_fabric *fabric, u32 port)
{
	return fabric->sdev->regs + SFAB_P_BLOCK(port);
}

static u64 sfab_port_counter(void __iomem *regs, u32 counter)
{
	return readq(regs + SFAB_P_COUNTER + counter * sizeof(u64));
}

static void sfab_port_read_counters(void __iomem *regs, struct sfab_query_port *answer)
{
	answer->tx_bytes = sfab_port_counter(regs, SFAB_P_COUNTER_TX_BYTES);
	answer->tx_packets = sfab_port_counter(regs, SFAB_P_COUNTER_TX_PACKETS);
	answer->rx_bytes = sfab_port_counter(regs, SFAB_P_COUNTER_RX_BYTES);
	answer->rx_packets = sfab_port_counter(regs, SFAB_P_COUNTER_RX_PACKETS);
	answer->replays = sfab_port_counter(regs, SFAB_P_COUNTER_REPLAYS);
	answer->crc_errors = sfab_port_counter(regs, SFAB_P_COUNTER_CRC_ERRORS);
	answer->credit_stalls = sfab_port_counter(regs, SFAB_P_COUNTER_STALLS);
	answer->dropped_no_route = sfab_port_counter(regs, SFAB_P_COUNTER_NO_ROUTE);
	answer->dropped_hop_limit = sfab_port_counter(regs, SFAB_P_COUNTER_HOP_LIMIT);
	answer->dropped_stalled = sfab_port_counter(regs, SFAB_P_COUNTER_HOQ);
	answer->dropped_malformed = sfab_port_counter(regs, SFAB_P_COUNTER_MALFORMED);
	answer->dropped_down = sfab_port_counter(regs, SFAB_P_COUNTER_LINK_DOWN);
	answer->link_downs = sfab_port_counter(regs, SFAB_P_COUNTER_DOWNS);
	answer->failovers = sfab_port_counter(regs, SFAB_P_COUNTER_FAILOVERS);
}

static void sfab_port_read(struct sfab_fabric *fabric, u32 port, struct sfab_query_port *answer)
{
	void __iomem *regs = sfab_port_regs(fabric, port);
	u32 ctrl = readl(regs + SFAB_P_CTRL);
	u32 status = readl(regs + SFAB_P_STATUS);
	u32 cap = readl(regs + SFAB_P_CAP);
	u32 peer = readl(regs + SFAB_P_PEER);

	answer->port = port;
	answer->config = (ctrl & SFAB_P_CTRL_ENABLE ? SFAB_PORT_ENABLE : 0) |
			 (ctrl & SFAB_P_CTRL_LOOPBACK ? SFAB_PORT_LOOPBACK : 0);
	answer->path = FIELD_GET(SFAB_P_CTRL_PATH, ctrl);
	answer->state = FIELD_GET(SFAB_P_STATUS_STATE, status);
	answer->reason = FIELD_GET(SFAB_P_STATUS_REASON, status);
	answer->path_in_use = FIELD_GET(SFAB_P_STATUS_PATH, status);
	answer->lanes_in_use = FIELD_GET(SFAB_P_STATUS_LANES, status);
	answer->paths = FIELD_GET(SFAB_P_CAP_PATHS, cap);
	answer->lanes = FIELD_GET(SFAB_P_CAP_LANES, cap);
	answer->lane_rate = FIELD_GET(SFAB_P_CAP_RATE, cap);
	answer->peer_kind = FIELD_GET(SFAB_P_PEER_KIND, peer);
	answer->peer_eid = FIELD_GET(SFAB_P_PEER_EID, peer);
	answer->peer_port = FIELD_GET(SFAB_P_PEER_PORT, peer);
	put_unaligned_le64(readq(regs + SFAB_P_PEER_UUID_0), answer->peer_uuid);
	put_unaligned_le64(readq(regs + SFAB_P_PEER_UUID_1), answer->peer_uuid + sizeof(u64));
	sfab_port_read_counters(regs, answer);
}

/**
 * sfab_port_query - answer SFAB_QUERY_PORTS
 * @fabric: fabric
 * @answer: one for each port, zeroed
 *
 * Return: 0, or -ENODEV.
 */
int sfab_port_query(struct sfab_fabric *fabric, struct sfab_query_port *answer)
{
	int ret, idx;
	u32 port;

	ret = sfab_hw_get(fabric->sdev, &idx);
	if (ret)
		return ret;
	for (port = 0; port < fabric->num_ports; port++)
		sfab_port_read(fabric, port, &answer[port]);
	sfab_hw_put(fabric->sdev, idx);
	return 0;
}

static const char *sfab_port_name(const char * const *names, size_t count, u32 value)
{
	return value < count && names[value] ? names[value] : "unknown";
}

/**
 * sfab_port_state_name - a state of a port, for people
 * @state: &enum sfab_port_state
 *
 * Return: a string constant.
 */
const char *sfab_port_state_name(u32 state)
{
	static const char * const names[] = {
		[SFAB_PORT_DOWN] = "down",
		[SFAB_PORT_TRAINING] = "training",
		[SFAB_PORT_UP] = "up",
		[SFAB_PORT_DEGRADED] = "degraded",
		[SFAB_PORT_FAILED] = "failed",
	};

	return sfab_port_name(names, ARRAY_SIZE(names), state);
}

/**
 * sfab_port_reason_name - why a port carries no traffic, for people
 * @reason: &enum sfab_port_reason
 *
 * Return: a string constant.
 */
const char *sfab_port_reason_name(u32 reason)
{
	static const char * const names[] = {
		[SFAB_REASON_NONE] = "none",
		[SFAB_REASON_DISABLED] = "disabled",
		[SFAB_REASON_NO_LIGHT] = "no-light",
		[SFAB_REASON_TRAINING] = "training",
		[SFAB_REASON_PROTOCOL] = "protocol",
		[SFAB_REASON_REPLAY] = "replay",
		[SFAB_REASON_VERSION] = "version",
		[SFAB_REASON_NO_PATH] = "no-path",
		[SFAB_REASON_NO_LOCK] = "no-lock",
		[SFAB_REASON_NO_ALIGNMENT] = "no-alignment",
		[SFAB_REASON_NO_MODULE] = "no-module",
		[SFAB_REASON_LOW_POWER] = "low-power",
		[SFAB_REASON_MODULE_FAULT] = "module-fault",
		[SFAB_REASON_TEST] = "test",
		[SFAB_REASON_SWITCHING] = "switching",
		[SFAB_REASON_PARTNER] = "partner",
	};

	return sfab_port_name(names, ARRAY_SIZE(names), reason);
}

/**
 * sfab_port_peer_name - what a port is connected to, for people
 * @kind: &enum sfab_port_peer
 *
 * Return: a string constant.
 */
const char *sfab_port_peer_name(u32 kind)
{
	static const char * const names[] = {
		[SFAB_PEER_NONE] = "none",
		[SFAB_PEER_ACCEL] = "accel",
		[SFAB_PEER_SWITCH] = "switch",
	};

	return sfab_port_name(names, ARRAY_SIZE(names), kind);
}

static void sfab_port_tell(struct sfab_fabric *fabric, u32 port, u32 status)
{
	struct sfab_event_fabric event = {
		.base.type = SFAB_EVENT_PORT,
		.base.length = sizeof(event),
		.port = port,
		.state = FIELD_GET(SFAB_P_STATUS_STATE, status),
		.reason = FIELD_GET(SFAB_P_STATUS_REASON, status),
	};

	trace_sfab_port(fabric->sdev, port, event.state, event.reason);
	sfab_event_broadcast(fabric->sdev, &event.base, SFAB_EVENTS_PORT);
}

/**
 * sfab_port_check - tell files what has become of the ports
 * @fabric: fabric; reset_lock is held
 * @events: ports of which the hardware says that they have changed, as bits
 *
 * A port that went and came again has its event, although it looks as before.  What else the
 * hardware tells of a port, of its module or of replays, concerns the link only.
 */
void sfab_port_check(struct sfab_fabric *fabric, u32 events)
{
	u32 port;

	lockdep_assert_held(&fabric->sdev->reset_lock);

	mutex_lock(&fabric->ports_lock);
	for (port = 0; port < fabric->num_ports; port++) {
		void __iomem *regs = sfab_port_regs(fabric, port);
		u32 status = readl(regs + SFAB_P_STATUS);
		u64 downs;

		if (!(events & BIT(port)) && status == fabric->port_status[port])
			continue;
		events |= BIT(port);
		downs = sfab_port_counter(regs, SFAB_P_COUNTER_DOWNS);
		if (status != fabric->port_status[port] ||
		    sfab_counted(fabric->port_downs[port], downs))
			sfab_port_tell(fabric, port, status);
		fabric->port_status[port] = status;
		fabric->port_downs[port] = downs;
	}
	mutex_unlock(&fabric->ports_lock);
	sfab_links_check(fabric, events);
}

static int sfab_port_config_check(const struct sfab_fabric *fabric,
				  const struct sfab_port_config *args)
{
	const u32 known = SFAB_PORT_SET_ENABLE | SFAB_PORT_SET_LOOPBACK | SFAB_PORT_SET_PATH |
			  SFAB_PORT_RETRAIN;
	u32 allowed = 0;

	if (args->set & SFAB_PORT_SET_ENABLE)
		allowed |= SFAB_PORT_ENABLE;
	if (args->set & SFAB_PORT_SET_LOOPBACK)
		allowed |= SFAB_PORT_LOOPBACK;
	if (!args->set || (args->set & ~known) || (args->config & ~allowed) || args->flags)
		return -EINVAL;
	if (args->port >= (fabric ? fabric->num_ports : SFAB_NUM_PORTS_MAX))
		return -EINVAL;
	if (args->path > (args->set & SFAB_PORT_SET_PATH ? FIELD_MAX(SFAB_P_CTRL_PATH) : 0))
		return -EINVAL;
	return 0;
}

static u32 sfab_port_new_ctrl(const struct sfab_port_config *args, u32 ctrl)
{
	if (args->set & SFAB_PORT_SET_ENABLE)
		u32p_replace_bits(&ctrl, !!(args->config & SFAB_PORT_ENABLE), SFAB_P_CTRL_ENABLE);
	if (args->set & SFAB_PORT_SET_LOOPBACK)
		u32p_replace_bits(&ctrl, !!(args->config & SFAB_PORT_LOOPBACK),
				  SFAB_P_CTRL_LOOPBACK);
	if (args->set & SFAB_PORT_SET_PATH)
		u32p_replace_bits(&ctrl, args->path, SFAB_P_CTRL_PATH);
	if (args->set & SFAB_PORT_RETRAIN)
		ctrl |= SFAB_P_CTRL_RETRAIN;
	return ctrl;
}

int sfab_port_config_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_device *sdev = to_sfab(drm);
	struct sfab_fabric *fabric = sdev->fabric;
	struct sfab_port_config *args = data;
	void __iomem *regs;
	int ret, idx;

	ret = sfab_port_config_check(fabric, args);
	if (ret)
		return ret;
	ret = sfab_fabric_admin(fabric);
	if (ret)
		return ret;

	regs = sfab_port_regs(fabric, array_index_nospec(args->port, fabric->num_ports));
	mutex_lock(&fabric->config_lock);
	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		goto out_unlock;
	if (args->path && args->path >= FIELD_GET(SFAB_P_CAP_PATHS, readl(regs + SFAB_P_CAP)))
		ret = -EINVAL;
	else
		writel(sfab_port_new_ctrl(args, readl(regs + SFAB_P_CTRL)), regs + SFAB_P_CTRL);
	sfab_hw_put(sdev, idx);
out_unlock:
	mutex_unlock(&fabric->config_lock);
	return ret;
}
