/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the router and what stands behind it: the endpoint of an accelerator
 * (endpoint.h); a switch has nothing there. All by the fabric worker.
 */
#ifndef SFAB_CORE_FABRIC_H
#define SFAB_CORE_FABRIC_H

#include "sfab/fabric.h"
#include "packet.h"

/**
 * struct sfab_sink - the endpoint
 *
 * @deliver: a REQUEST or RESPONSE for this device. @packet is a checked copy (version,
 *	class that fits the type, payload length within the frame); @payload lies in
 *	the fibre, may change at any time and is readable for @packet->payload bytes
 *	rounded up to 8. Returns false to leave the packet where it is (an answer found
 *	no room): it is delivered again later, until HOQ_TIMEOUT.
 * @work: send what there is to send, look at timeouts. Returns true if it did
 *	something (a packet or so) and wants to go on: it is called again until it has
 *	sent SFAB_MTU bytes, then others who share its way have a turn. Else *due is
 *	lowered to when it must be called again (the caller has set it to UINT64_MAX).
 */
struct sfab_sink {
	bool (*deliver)(void *opaque, const struct sfab_packet *packet,
			const void *payload);
	bool (*work)(void *opaque, uint64_t *due);
};

/* Room in an outgoing ring, from sfab_fabric_reserve() to sfab_fabric_commit(). */
struct sfab_slot {
	void *payload;		/* where the payload goes; 64-byte aligned */
	unsigned int port;
	unsigned int ring;
	uint64_t at;
};

/**
 * sfab_fabric_reserve() - find the way of a packet of this device, and room on it
 * @packet: its dst, class and payload count; VC and hop limit are set here. A packet
 *	to the device's own EID goes through a loop inside of the device.
 *
 * Returns 0; -ENETUNREACH: the table has no candidate; -ENETDOWN: no candidate
 * carries traffic now; -EAGAIN: no room now (counted as a credit stall once for each
 * packet). Nothing else may be called before sfab_fabric_commit(), which cannot fail;
 * a reservation that is not committed is void at the next reserve.
 */
int sfab_fabric_reserve(struct sfab_fabric *fabric, struct sfab_packet *packet,
			struct sfab_slot *slot);
void sfab_fabric_commit(struct sfab_fabric *fabric, const struct sfab_packet *packet,
			const struct sfab_slot *slot);

/* The endpoint has moved so much without a packet: it counts into its turn. */
void sfab_fabric_spend(struct sfab_fabric *fabric, uint64_t bytes);

/* There is time for more: to be asked between two packets. */
bool sfab_fabric_has_time(const struct sfab_fabric *fabric);

/* How often @port has gone down, modulo 2^32. */
uint32_t sfab_fabric_downs(const struct sfab_fabric *fabric, unsigned int port);
/* The first candidate towards @dst carries traffic, or will when it has changed its light path. */
bool sfab_fabric_first_way(const struct sfab_fabric *fabric, uint16_t dst);

/* A fabric with an endpoint behind it; @sink and @opaque outlive it. */
struct sfab_fabric *sfab_fabric_create_with(const struct sfab_fabric_config *config,
					    const struct sfab_fabric_ops *ops,
					    void *opaque, const struct sfab_sink *sink,
					    void *endpoint, const char **why);

/* A number that differs each time, from the seed: incarnations, psn. */
uint64_t sfab_fabric_random(struct sfab_fabric *fabric);

/* Nanoseconds of OP_TIMEOUT and RETRY_TIMEOUT; packets forwarded for others. */
uint64_t sfab_fabric_op_timeout(const struct sfab_fabric *fabric);
uint64_t sfab_fabric_retry_timeout(const struct sfab_fabric *fabric);
uint64_t sfab_fabric_forwarded(const struct sfab_fabric *fabric);

uint16_t sfab_fabric_eid(const struct sfab_fabric *fabric);
bool sfab_fabric_pulled(const struct sfab_fabric *fabric);
uint32_t sfab_fabric_incarnation(const struct sfab_fabric *fabric);

/* RESET, FLR: another incarnation, the mailbox empty; the rest is kept. */
void sfab_fabric_reset(struct sfab_fabric *fabric);

/*
 * The registers of sfab-fabric.rst that are the router's: 0x0048, 0x0054 to 0x0070,
 * PORT_EVENT, ports, routes, the mailbox. False: not one of those, or wrong width.
 */
bool sfab_fabric_read(struct sfab_fabric *fabric, uint64_t offset, unsigned int size,
		      uint64_t *value);
bool sfab_fabric_write(struct sfab_fabric *fabric, uint64_t offset, uint64_t value,
		       unsigned int size);

#endif /* SFAB_CORE_FABRIC_H */
