/* SPDX-License-Identifier: MIT */
/*
 * What the files of partner_fuzz share: a device with two fibres at whose other ends
 * we are (partner_machine.c), the programs that we and software follow
 * (partner_fuzz.c), programs taken from real traffic (partner_seeds.c).
 */
#ifndef PARTNER_H
#define PARTNER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fabric.h"
#include "fabric_regs.h"
#include "fibre_memory.h"
#include "mgmt.h"
#include "regs.h"
#include "sfab/core.h"

#define HBM_SIZE	(2u << 20)
#define SYS_SIZE	(16u << 10)
#define SYS_BUS		0x100000000ull
#define PAGE		4096ull
#define MAX_STEPS	200
#define PROGRAM_MAX	4096
#define FIBRES		2

/* VA page p is HBM page DATA + p, but FAR on, which is import 0. */
#define DATA		256
#define LOCAL		8
#define EXPORTED	20
#define FAR		40
#define SEGMENT_AT	64
#define SEGMENT_LEN	2048
#define TOKEN		0x0123456789abcdefull
#define EPOCH		77

#define CHECK(condition) do {						\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: broken promise: %s\n",	\
				__FILE__, __LINE__, #condition);	\
			abort();					\
		}							\
	} while (0)

enum step {
	STEP_RUN,
	STEP_FRAME,
	STEP_TAKE,	/* all that the device has sent */
	STEP_COMMAND,
	STEP_TIME,
	STEP_WORD,
	STEP_BYTES,
	STEP_TRAIN,
	STEP_REGISTER,
	STEP_ANSWER,	/* what the device has asked for, or nearly */
	STEP_LIGHT,	/* attach, detach */
	STEP_MAIL,
	STEP_RESET,
	STEPS,
};

struct input {
	const uint8_t *data;
	size_t size;
};

/* A fibre whose other end (1) is us. */
struct fibre {
	struct sfab_fibre_half *device;	/* what the device sees */
	struct sfab_fibre_half *half;
	uint32_t light;
	uint64_t head[SFAB_FIBRE_RINGS];
	uint32_t number[SFAB_FIBRE_RINGS];
	uint64_t taken[SFAB_FIBRE_RINGS];
	size_t dirty;			/* of the rings, from the start */
};

struct machine {
	struct sfab_core *core;
	struct sfab_fabric *fabric;
	uint8_t *hbm, *sys;
	uint64_t clock;
	int mapped;
	uint32_t tail;
	bool rung;
};

extern struct fibre fibres[FIBRES];

/* ---- partner_machine.c ---- */

/* A device with this EID, for whom the other one of 1 and 2 is far. */
void machine_init(struct machine *m, unsigned int eid, unsigned int crc_errors);
/* Checks what must not have changed. */
void machine_free(struct machine *m);
void machine_run(struct machine *m);
/* What software does after power-on, and after a reset. */
void set_up(struct machine *m, unsigned int eid);
/* A write to BAR 0. */
void reg(struct machine *m, uint64_t at, uint64_t value, unsigned int size);
void submit(struct machine *m, const uint64_t command[8]);

/* The memory is made once; what the last input has stored is cleared. */
void fibre_init(struct fibre *f);
/* @len bytes of our ring; NULL if they do not end within the rings. */
void *ring_at(struct fibre *f, unsigned int ring, uint64_t at, size_t len);
/* Train as is right, but perhaps for a version that there is none of. */
void train(struct fibre *f, struct machine *m, bool lie);
/* Send a frame as it is right, around any packet. */
void frame(struct fibre *f, unsigned int r, const struct sfab_packet *packet,
	   const void *payload, uint32_t bytes, uint32_t spoil);
/* Say that we have taken all that there is. */
void take_all(struct fibre *f);

static inline struct sfab_fibre_sender *page(struct fibre *f)
{
	return &f->half[1].sender;
}

/* ---- partner_fuzz.c ---- */

void do_command(struct machine *m, struct input *in);
void do_mail(struct machine *m, struct input *in);
/* Device 1, with its links up. */
void begin(struct machine *m, unsigned int crc_errors);
void play(struct machine *m, struct input *in);

#endif /* PARTNER_H */
