// SPDX-License-Identifier: GPL-2.0-or-later
/* What RS(544,514) makes of bit errors. */
#include <string.h>

#include "draw.h"
#include "fec.h"
#include "smath.h"

/* The tail is summed up to here: of a mean of 16 symbols, 1e-19 is left. */
#define MOST	80

/* That @k bursts begin in a codeword, for k = 0 to MOST, if a symbol begins one with @s. */
static void burst_counts(double *begin, double s)
{
	double odds = s / (1 - s);

	begin[0] = sfab_exp(SFAB_FEC_SYMBOLS * sfab_log1m(s));
	for (unsigned int k = 0; k < MOST; k++)
		begin[k + 1] = begin[k] * odds * (SFAB_FEC_SYMBOLS - k) / (k + 1);
}

/*
 * That a codeword has @k wrong symbols, in any number of bursts: of j bursts with
 * geometric lengths it is C(k - 1, k - j) a^(k - j) (1 - a)^j.
 */
static double wrong_symbols(const double *begin, unsigned int k, double a)
{
	double part = 1, sum = 0;

	if (!k || a <= 0)
		return begin[k];
	for (unsigned int i = 0; i < k; i++)
		part *= 1 - a;
	for (unsigned int j = k; j; j--) {
		sum += begin[j] * part;
		part *= (double)(j - 1) / (k - j + 1) * a / (1 - a);
	}
	return sum;
}

void sfab_fec_of(struct sfab_fec *fec, double ber, double burst, unsigned int t)
{
	double wrong = sfab_once_in(ber, SFAB_FEC_SYMBOL_BITS), sum = 0;
	double begin[MOST + 1];

	memset(fec, 0, sizeof(*fec));
	/* There is no use in precision where nothing gets through. */
	if (wrong > 0.5)
		wrong = 0.5;
	burst_counts(begin, wrong * (1 - burst));
	for (unsigned int k = 0; k <= t; k++) {
		fec->bin[k] = wrong_symbols(begin, k, burst);
		sum += fec->bin[k];
	}
	if (wrong * SFAB_FEC_SYMBOLS > t + 1) {
		fec->lost = 1 - sum;
		return;
	}
	for (unsigned int k = t + 1; k <= MOST; k++)
		fec->lost += wrong_symbols(begin, k, burst);
}

double sfab_fec_packet(double lost, uint32_t bytes)
{
	uint32_t flits = (bytes + SFAB_FLIT_BYTES - 1) / SFAB_FLIT_BYTES;

	return lost < 1 ? sfab_once_in(lost, flits) : 1;
}

/* One bin after the other, the rarest first, each of what the former have left. */
static uint64_t draw_bin(uint64_t *state, double chance, double *rest, uint64_t *left)
{
	double p = *rest > 0 ? chance / *rest : 1;
	uint64_t n = sfab_draw_binomial(state, *left, p < 1 ? p : 1);

	*rest -= chance;
	*left -= n;
	return n;
}

void sfab_fec_draw(struct sfab_fec_count *count, const struct sfab_fec *fec,
		   uint64_t codewords, uint64_t *state)
{
	uint64_t left = codewords, n;
	double rest = 1;

	n = draw_bin(state, fec->lost, &rest, &left);
	count->codewords += codewords;
	count->lost += n;
	count->symbols += n * (SFAB_FEC_T + 1);
	for (unsigned int i = SFAB_FEC_T; i; i--) {
		n = draw_bin(state, fec->bin[i], &rest, &left);
		count->bin[i] += n;
		count->corrected += n;
		count->symbols += n * i;
	}
	count->bin[0] += left;
}
