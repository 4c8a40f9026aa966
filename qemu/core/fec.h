/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The code RS(544,514) over symbols of 10 bits ("KP4"), of docs/specs/sfab-optics.rst,
 * "Error correction": what it makes of a bit error ratio.
 */
#ifndef SFAB_CORE_FEC_H
#define SFAB_CORE_FEC_H

#include <stdint.h>

#define SFAB_FEC_SYMBOLS	544
#define SFAB_FEC_SYMBOL_BITS	10
#define SFAB_FEC_CODEWORD_BITS	(SFAB_FEC_SYMBOLS * SFAB_FEC_SYMBOL_BITS)
#define SFAB_FEC_T		15	/* symbols that it corrects */
#define SFAB_FEC_BINS		(SFAB_FEC_T + 1)

/* Link-level retry sends flits of 640 bytes, one in a codeword. */
#define SFAB_FLIT_BYTES		640

/* Of a symbol error, that the next symbol is wrong as well. */
#define SFAB_FEC_BURST		0.05

/* Of a codeword: that it has i wrong symbols; that it has more than can be corrected. */
struct sfab_fec {
	double bin[SFAB_FEC_BINS];
	double lost;
};

/**
 * sfab_fec_of() - the distribution of wrong symbols
 * @ber: pre-FEC bit error ratio, 0 to 0.5
 * @burst: see SFAB_FEC_BURST; 0: symbols are wrong independently
 * @t: symbols that the code corrects, to SFAB_FEC_T; bins above it stay 0
 */
void sfab_fec_of(struct sfab_fec *fec, double ber, double burst, unsigned int t);

/* That a packet of so many bytes is hit, if codewords are lost at the ratio @lost. */
double sfab_fec_packet(double lost, uint32_t bytes);

/* What codewords were found to have: registers, so they only grow. */
struct sfab_fec_count {
	uint64_t codewords;
	uint64_t corrected;		/* codewords with wrong symbols, all corrected */
	uint64_t lost;
	uint64_t symbols;		/* wrong ones; a lost codeword counts t + 1 */
	uint64_t bin[SFAB_FEC_BINS];
};

/* Draw what @codewords of them have. */
void sfab_fec_draw(struct sfab_fec_count *count, const struct sfab_fec *fec,
		   uint64_t codewords, uint64_t *state);

#endif /* SFAB_CORE_FEC_H */
