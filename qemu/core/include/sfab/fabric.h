/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab fabric: ports, links, router and management agent of one device, as of
 * docs/specs/sfab-fabric.rst and sfab-fibre.rst.
 *
 * An accelerator's core has one (sfab_core_fabric()); a switch is one by itself
 * (sfab_fabric_create()). Like the core it owns no thread; its only global is a list of
 * the fibres that have an end here, under a lock.
 *
 * Threads
 *	sfab_fabric_run(), _help(), _sleep() and _attach() are for one thread at a time,
 *	the *fabric worker*; _help() may be tried by any. The register functions may be
 *	called from any thread at any time: what both sides touch is atomic, or under
 *	the fabric's mutex, a leaf: nothing is called with it held. Fabrics with a fibre
 *	between them may have workers of their own, which work for each other (near.c).
 */
#ifndef SFAB_FABRIC_H
#define SFAB_FABRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sfab/core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SFAB_MAX_PORTS		64	/* of a switch; an accelerator has 16 */
#define SFAB_MAX_PATHS		4
#define SFAB_MAX_EIDS		65536
#define SFAB_FIBRE_SIZE		(2 * (size_t)0x80a000)

struct sfab_fabric;

enum sfab_kind { SFAB_KIND_ACCEL = 1, SFAB_KIND_SWITCH = 2 };

/**
 * struct sfab_fabric_config - fixed for the fabric's life
 * @kind: accelerator or switch
 * @ports: 1 to 16 for an accelerator, to SFAB_MAX_PORTS for a switch
 * @paths: light paths a port, 1 to SFAB_MAX_PATHS
 * @eids: NUM_EIDS, 2 to SFAB_MAX_EIDS
 * @lanes: lanes a port, 1 to 16
 * @lane_rate: Gb/s a lane
 * @rate_scale: 0: not paced; else the fraction of lanes * lane_rate at which a
 *	port sends
 * @crc_errors: packets of a million that arrive damaged
 * @seed: of the damage that is drawn
 * @entropy: of incarnations and psn: another number, best a random one, at every
 *	power-on. A clock would not do: that of a virtual machine may begin at 0
 * @serial, @uuid: identity, as in &struct sfab_config
 * @solo: no other fabric of this process works for this one, nor this one for others:
 *	where the worker is called with a lock that others' need, or has no thread
 */
struct sfab_fabric_config {
	enum sfab_kind kind;
	unsigned int ports;
	unsigned int paths;
	unsigned int eids;
	unsigned int lanes;
	unsigned int lane_rate;
	double rate_scale;
	unsigned int crc_errors;
	uint64_t seed;
	uint64_t entropy;
	uint64_t serial;
	uint8_t uuid[16];
	bool solo;
};

/**
 * struct sfab_fabric_ops - the surroundings of a fabric
 *
 * @wake: there is work for the fabric worker: call sfab_fabric_run(). Sticky,
 *	like &sfab_ops.kick. From any thread.
 * @ring: the doorbell of the other end of what is attached at @port, @path.
 *	From the fabric worker. Neither of the two may take a lock with which run,
 *	sleep or attach is called, of this fabric or another one.
 * @now: as &sfab_ops.now
 * @port_event: something of @port has changed. From the fabric worker, no lock.
 * @mgmt_event: a datagram became readable. Likewise.
 *
 * None may be NULL, and none may call back.
 */
struct sfab_fabric_ops {
	void (*wake)(void *opaque);
	void (*ring)(void *opaque, unsigned int port, unsigned int path);
	uint64_t (*now)(void *opaque);
	void (*port_event)(void *opaque, unsigned int port);
	void (*mgmt_event)(void *opaque);
};

/* For a switch; NULL and *why as sfab_core_create(). */
struct sfab_fabric *sfab_fabric_create(const struct sfab_fabric_config *config,
				       const struct sfab_fabric_ops *ops,
				       void *opaque, const char **why);
void sfab_fabric_destroy(struct sfab_fabric *fabric);

/**
 * sfab_fabric_attach() - put the end of a fibre into a light path
 * @memory: SFAB_FIBRE_SIZE bytes, page aligned, shared with the other end, which is
 *	not trusted; zero when both ends attach for the first time. NULL: the fibre
 *	is cut or gone, and its memory no longer touched on return.
 * @end: 0 or 1
 *
 * Where both ends are attached with the same @memory, and neither is solo, one fabric's worker may
 * do work of the other one: packets need not lie in a ring between the two.
 */
void sfab_fabric_attach(struct sfab_fabric *fabric, unsigned int port,
			unsigned int path, void *memory, unsigned int end);

/**
 * sfab_fabric_pull() - the card is pulled, or back
 *
 * One that is pulled refuses nothing any more, it is silent: call this before the reset
 * that goes with it, or partners hear of that. From any thread.
 */
void sfab_fabric_pull(struct sfab_fabric *fabric, bool pulled);

/* What can go wrong with the light, of docs/specs/sfab-optics.rst, "Faults". */
enum sfab_inject {
	SFAB_INJECT_LOSS,	/* mdB of extra loss, of what a lane of a path receives */
	SFAB_INJECT_DEAD,	/* 1: the laser of a lane gives no light */
	SFAB_INJECT_UNLOCK,	/* 1: the receiver of a lane finds no clock */
	SFAB_INJECT_AGEING,	/* the laser loses millionths of its life a second */
	SFAB_INJECT_AGE,	/* it has lost so many millionths */
	SFAB_INJECT_HEAT,	/* m°C that the module is warmer */
	SFAB_INJECT_RAMP,	/* m°C a second that it gets warmer */
	SFAB_INJECT_MODULE,	/* serial number of the module that is plugged; 0: pulled */
	SFAB_INJECT_HANG,	/* 1: the DataPath of the module stays in Init */
	SFAB_INJECT_DAMAGE,	/* packets of a million that arrive damaged */
	SFAB_INJECT_STICK,	/* 1: the optical switch moves only back; 2: it sticks half way */
	SFAB_INJECT_FLAP,	/* ms: once in so long what comes in is dark for a moment */
};

#define SFAB_INJECT_ALL		(~0u)

/* @path is for SFAB_INJECT_LOSS, @lane for what a lane has; SFAB_INJECT_ALL: each */
struct sfab_injection {
	enum sfab_inject kind;
	unsigned int port, path, lane;
	int32_t value;
};

/**
 * sfab_fabric_inject() - make something go wrong with the light, or right again
 *
 * From any thread; it takes effect when the worker runs next. Returns -EINVAL, and a
 * static text in *why, for what there is none of.
 */
int sfab_fabric_inject(struct sfab_fabric *fabric, const struct sfab_injection *inject,
		       const char **why);

/**
 * sfab_fabric_pace() - another rate_scale (0 or more), from now on
 *
 * From any thread; it takes effect when the worker runs next.
 */
void sfab_fabric_pace(struct sfab_fabric *fabric, double rate_scale);

/**
 * sfab_fabric_run() - do what there is to do, for a bounded time
 * @due: set for SFAB_RUN_POLL: call again then (in @now's time), or when woken or
 *	rung
 *
 * Moves at most 4 MiB. Trains links, forwards and delivers packets, sends, repeats,
 * times out, answers datagrams.
 */
enum sfab_run sfab_fabric_run(struct sfab_fabric *fabric, uint64_t *due);

/**
 * sfab_fabric_help() - sfab_fabric_run() by a thread that has something else to do
 *
 * @bytes: to move, and a packet or two more
 *
 * SFAB_RUN_MORE: there is more, or another thread is at it already; wake
 * the worker, which may sleep meanwhile.
 */
enum sfab_run sfab_fabric_help(struct sfab_fabric *fabric, uint64_t *due, uint64_t bytes);

/**
 * sfab_fabric_linger() - after sfab_fabric_run(): look again instead of sleeping?
 * @now: real time in ns, not &sfab_fabric_ops.now
 *
 * To wake a thread on another CPU of a virtual machine takes longer than many a packet.
 * So a worker that has found something runs again for a moment, at most 50 us at a time,
 * and only while it pays: where nothing comes it sleeps at once the next times, up to 128.
 * In between it lets others run: its partner may wait for this very CPU. If somebody keeps
 * the CPU to itself then, and little is moved, it sleeps at once the next 1024 times, as who
 * wakes up is let in.
 */
bool sfab_fabric_linger(struct sfab_fabric *fabric, uint64_t now);

/**
 * sfab_fabric_sleep() - the fabric worker is about to sleep, or is awake again
 *
 * With @asleep: tells the partners to ring. False: something came up in between,
 * run again (and the partners believe it awake).
 */
bool sfab_fabric_sleep(struct sfab_fabric *fabric, bool asleep);

#ifdef __cplusplus
}
#endif
#endif /* SFAB_FABRIC_H */
