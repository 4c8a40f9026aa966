/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of a fibre, of docs/specs/sfab-fibre.rst, "Memory". Each word has one
 * writer; whoever reads a word of the other end loads it once and trusts nothing.
 */
#ifndef SFAB_CORE_FIBRE_MEMORY_H
#define SFAB_CORE_FIBRE_MEMORY_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "sfab/fabric.h"
#include "packet.h"

#define SFAB_FIBRE_MAGIC	0x52424653u
#define SFAB_FIBRE_VERSION	3u
#define SFAB_FIBRE_RINGS	(2u * SFAB_CLASSES)	/* ring VC * 3 + class */
#define SFAB_FRAME_ALIGN	64u
#define SFAB_FRAME_HEADER	64u
#define SFAB_PACKET_HEADER	64u

struct sfab_fibre_sender {
	_Atomic uint32_t magic;
	_Atomic uint32_t version;
	_Atomic uint32_t light;
	_Atomic uint32_t locked;
	_Atomic uint32_t sleeping;
	_Atomic uint32_t launch;
	_Atomic uint32_t identity;
	_Atomic uint32_t lanes;
	_Atomic uint64_t uuid[2];
	_Atomic uint64_t power[2];	/* 16 lanes of 8 bits */
	struct {
		_Atomic uint64_t head;
		_Atomic uint32_t replayed;
		uint8_t reserved[52];
	} ring[SFAB_FIBRE_RINGS];
	_Atomic uint64_t ask;		/* of a change of light paths, SFAB_ASK_* */
	_Atomic uint64_t part;		/* what the sender does about the other end's */
	_Atomic uint64_t test;		/* P_TEST; while it reflects, how it receives: */
	uint64_t reserved;
	_Atomic uint64_t ber[4];
};

/* SLEEPING of an end that does not count: each change is to be rung for. */
#define SFAB_SLEEPING_ALWAYS	1u
/* A bit of it: to be rung for room, too, not for what else is stored alone. */
#define SFAB_SLEEPING_ROOM	1u

/* ASK and PART; bits 63:32 are the number of the transaction. */
#define SFAB_ASK_STAGE		0xfull
#define SFAB_ASK_TOGETHER	(1ull << 4)
#define SFAB_ASK_PATH_SHIFT	8
#define SFAB_ASK_PATH		(0xfull << 8)
/* Of the number: its sender has not given way yet. */
#define SFAB_ASK_LATE		(1u << 31)

enum sfab_stage_of_switch {
	SFAB_STAGE_NONE,
	SFAB_STAGE_BEGUN,	/* asked; or accepted: no more requests are sent */
	SFAB_STAGE_QUIET,	/* all that were sent have been taken */
	SFAB_STAGE_EMPTY,	/* nothing more is sent, and all has been taken */
	SFAB_STAGE_REFUSED = 15,
};

struct sfab_fibre_receiver {
	uint8_t reserved[64];
	struct {
		_Atomic uint64_t tail;
		_Atomic uint32_t refused;
		uint8_t reserved[52];
	} ring[SFAB_FIBRE_RINGS];
};

/*
 * More than a CPU keeps in a cache of its own: what lies in the one that all share, the other
 * end reads twice as fast as what it must ask another CPU for (tests/bench/fabric_copy).
 */
#define SFAB_RING_BYTES		0x200000u
#define SFAB_RING_BYTES_MGMT	0x4000u
#define SFAB_RINGS_OF_VC	(2 * SFAB_RING_BYTES + SFAB_RING_BYTES_MGMT)

struct sfab_fibre_half {
	union {
		struct sfab_fibre_sender sender;
		uint8_t sender_page[4096];
	};
	union {
		struct sfab_fibre_receiver receiver;
		uint8_t receiver_page[4096];
	};
	uint8_t rings[2 * SFAB_RINGS_OF_VC];
};

/* What stands before each packet in a ring. */
struct sfab_frame {
	uint32_t length;	/* of the packet; 0: skip to the ring's beginning */
	uint32_t number;
	uint32_t crc;
	uint8_t reserved[52];
};

static_assert(offsetof(struct sfab_fibre_sender, light) == 0x08, "format");
static_assert(offsetof(struct sfab_fibre_sender, identity) == 0x18, "format");
static_assert(offsetof(struct sfab_fibre_sender, uuid) == 0x20, "format");
static_assert(offsetof(struct sfab_fibre_sender, power) == 0x30, "format");
static_assert(offsetof(struct sfab_fibre_sender, ring[1]) == 0x80, "format");
static_assert(offsetof(struct sfab_fibre_sender, ask) == 0x1c0, "format");
static_assert(offsetof(struct sfab_fibre_sender, ber) == 0x1e0, "format");
static_assert(sizeof(struct sfab_fibre_sender) == 0x200, "format");
static_assert(offsetof(struct sfab_fibre_receiver, ring[1]) == 0x80, "format");
static_assert(offsetof(struct sfab_fibre_half, receiver) == 0x1000, "format");
static_assert(offsetof(struct sfab_fibre_half, rings) == 0x2000, "format");
static_assert(2 * sizeof(struct sfab_fibre_half) == SFAB_FIBRE_SIZE, "format");
static_assert(sizeof(struct sfab_frame) == SFAB_FRAME_HEADER, "format");

static inline uint32_t sfab_ring_bytes(unsigned int ring)
{
	return ring % SFAB_CLASSES == SFAB_CLASS_MANAGEMENT ?
	       SFAB_RING_BYTES_MGMT : SFAB_RING_BYTES;
}

/* Where ring @ring begins within &sfab_fibre_half.rings. */
static inline uint32_t sfab_ring_offset(unsigned int ring)
{
	return ring / SFAB_CLASSES * SFAB_RINGS_OF_VC +
	       ring % SFAB_CLASSES * SFAB_RING_BYTES;
}

/* What a packet with @payload bytes takes from a ring. */
static inline uint32_t sfab_frame_bytes(uint32_t payload)
{
	return SFAB_FRAME_HEADER +
	       ((SFAB_PACKET_HEADER + payload + SFAB_FRAME_ALIGN - 1) &
		-SFAB_FRAME_ALIGN);
}

/* Payload as it is sent. */
static inline uint32_t sfab_padded(uint32_t payload)
{
	return (payload + 7) & -8u;
}

#endif /* SFAB_CORE_FIBRE_MEMORY_H */
