// SPDX-License-Identifier: GPL-2.0-or-later
/* Where software hands in a datagram, and reads those that came for it. */
#include "fabric_internal.h"

static void lock(struct sfab_fabric *fabric)
{
	pthread_mutex_lock(&fabric->lock);
}

static void unlock(struct sfab_fabric *fabric)
{
	pthread_mutex_unlock(&fabric->lock);
}

/* The 32-bit register at @offset of a datagram. */
static uint32_t *word(struct sfab_datagram *datagram, uint64_t offset)
{
	return (uint32_t *)datagram + offset / 4;
}

/* ---- the worker's side ---- */

void sfab_mailbox_receive(struct sfab_fabric *fabric,
			  const struct sfab_datagram *datagram)
{
	struct sfab_mailbox *box = &fabric->mailbox;
	bool trap = datagram->method == SFAB_MGMT_TRAP, readable = false;

	lock(fabric);
	if (trap && !box->listen) {
		/* Nobody wants it. */
	} else if (box->unread < SFAB_MAILBOX_DEPTH) {
		box->rx[(box->first + box->unread++) % SFAB_MAILBOX_DEPTH] = *datagram;
		readable = true;
	} else if (box->dropped < UINT16_MAX) {
		box->dropped++;
	}
	unlock(fabric);
	if (readable)
		fabric->ops->mgmt_event(fabric->opaque);
}

bool sfab_mailbox_sending(struct sfab_fabric *fabric, struct sfab_datagram *datagram)
{
	bool sending;

	lock(fabric);
	sending = fabric->mailbox.sending;
	if (sending)
		*datagram = fabric->mailbox.sent;
	unlock(fabric);
	return sending;
}

void sfab_mailbox_taken(struct sfab_fabric *fabric)
{
	lock(fabric);
	fabric->mailbox.sending = false;
	unlock(fabric);
}

/* ---- software's side ---- */

void sfab_mailbox_reset(struct sfab_fabric *fabric)
{
	lock(fabric);
	fabric->mailbox = (struct sfab_mailbox){ 0 };
	unlock(fabric);
}

static uint32_t status(const struct sfab_mailbox *box)
{
	return (box->sending ? SFAB_MGMT_STATUS_BUSY : 0) |
	       (box->unread ? SFAB_MGMT_STATUS_READABLE : 0) |
	       box->dropped << SFAB_MGMT_STATUS_DROPPED_SHIFT;
}

bool sfab_mailbox_read(struct sfab_fabric *fabric, uint64_t offset, uint32_t *value)
{
	struct sfab_mailbox *box = &fabric->mailbox;
	bool known = true;

	lock(fabric);
	if (offset - SFAB_REG_MGMT_TX < sizeof(box->tx))
		*value = *word(&box->tx, offset - SFAB_REG_MGMT_TX);
	else if (offset - SFAB_REG_MGMT_RX < sizeof(box->tx))
		*value = box->unread ?
			 *word(&box->rx[box->first], offset - SFAB_REG_MGMT_RX) : 0;
	else if (offset == SFAB_REG_MGMT_STATUS)
		*value = status(box);
	else if (offset == SFAB_REG_MGMT_CTRL)
		*value = 0;	/* write only */
	else
		known = false;
	unlock(fabric);
	return known;
}

static void control(struct sfab_mailbox *box, uint32_t value)
{
	if (value & SFAB_MGMT_CTRL_SEND && !box->sending) {
		box->sent = box->tx;
		box->sending = true;
	}
	if (value & SFAB_MGMT_CTRL_NEXT && box->unread) {
		box->first = (box->first + 1) % SFAB_MAILBOX_DEPTH;
		box->unread--;
	}
	if (value & SFAB_MGMT_CTRL_LISTEN_ON)
		box->listen = true;
	if (value & SFAB_MGMT_CTRL_LISTEN_OFF)
		box->listen = false;
}

bool sfab_mailbox_write(struct sfab_fabric *fabric, uint64_t offset, uint32_t value)
{
	struct sfab_mailbox *box = &fabric->mailbox;

	if (offset - SFAB_REG_MGMT_TX < sizeof(box->tx)) {
		lock(fabric);
		*word(&box->tx, offset - SFAB_REG_MGMT_TX) = value;
		unlock(fabric);
		return true;
	}
	if (offset != SFAB_REG_MGMT_CTRL)
		return false;
	lock(fabric);
	control(box, value);
	unlock(fabric);
	if (value & SFAB_MGMT_CTRL_SEND)
		fabric->ops->wake(fabric->opaque);
	return true;
}
