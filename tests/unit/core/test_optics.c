// SPDX-License-Identifier: MIT
/* The physics of a port's light, without a port. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "draw.h"
#include "fec.h"
#include "light.h"
#include "optics.h"
#include "optics_table.h"
#include "smath.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define SECOND		SFAB_OPTICS_TICK_NS
#define BER_FLOOR	(1 / 1e10)

static void assert_near(double value, double wanted, double relative)
{
	if (!(fabs(value - wanted) <= fabs(wanted) * relative))
		fail_msg("%.17g is not %.17g within %g of it", value, wanted, relative);
}

/* Inside of the interval that holds @n binomial draws in 99 of 100 cases. */
static void assert_drawn(double got, double n, double p)
{
	double mean = n * p, sigma = sqrt(mean * (1 - p));

	if (fabs(got - mean) > 2.576 * sigma)
		fail_msg("%g of %g were drawn; expected %g +- %g", got, n, mean, sigma);
}

/* ---- functions ---- */

static void functions_are_right(void **state)
{
	(void)state;
	for (double x = -700; x < 700; x += 0.37)
		assert_near(sfab_exp(x), exp(x), 1 / 1e13);
	for (double p = 1 / 1e18; p < 1; p *= 1.09)
		assert_near(sfab_log1m(p), log1p(-p), 1 / 1e14);
	assert_near(sfab_log1m(1 - 1 / 0x1p53), log(1 / 0x1p53), 1 / 1e14);
	for (double x = 1 / 1e200; x < 1e200; x *= 37)
		assert_near(sfab_sqrt(x), sqrt(x), 1 / 1e15);
	for (double x = 0; x < 25; x += 0.01)
		assert_near(sfab_erfc(x), erfc(x), 1 / 1e12);
	for (double p = 1 / 1e18; p < 0.9; p *= 3)
		for (double n = 1; n < 1000; n *= 3)
			assert_near(sfab_once_in(p, n), -expm1(n * log1p(-p)), 1 / 1e9);
	assert_near(sfab_from_db(-3), pow(10, -0.3), 1 / 1e14);
	assert_near(sfab_to_db(0.001), -30, 1 / 1e12);
	assert_true(sfab_exp(-1e9) == 0 && sfab_log1m(0) == 0 && sfab_sqrt(0) == 0);
}

static void bit_errors_agree_with_the_table(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNT(errors); i++)
		assert_near(sfab_light_ber(errors[i].q), errors[i].ber + BER_FLOOR, 1 / 1e12);
}

/* ---- error correction ---- */

static void lost_codewords_agree_with_the_table(void **state)
{
	struct sfab_fec fec;

	(void)state;
	for (unsigned int i = 0; i < COUNT(lost); i++) {
		sfab_fec_of(&fec, lost[i].ber, lost[i].burst, lost[i].t);
		if (fabs(log(fec.lost) - lost[i].log) > 1 / 1e6)
			fail_msg("BER %g, bursts %g, t = %u: log %.9f, not %.9f",
				 lost[i].ber, lost[i].burst, lost[i].t, log(fec.lost),
				 lost[i].log);
	}
}

static void every_codeword_is_somewhere(void **state)
{
	struct sfab_fec fec;
	double last = 0;

	(void)state;
	for (double ber = 1 / 1e12; ber < 0.5; ber *= 1.3) {
		double sum;

		sfab_fec_of(&fec, ber, SFAB_FEC_BURST, SFAB_FEC_T);
		sum = fec.lost;
		for (unsigned int i = 0; i < SFAB_FEC_BINS; i++)
			sum += fec.bin[i];
		assert_near(sum, 1, 1 / 1e10);
		assert_true(fec.lost >= last);
		last = fec.lost;
	}
	assert_near(last, 1, 1 / 1e10);
	sfab_fec_of(&fec, 0, SFAB_FEC_BURST, SFAB_FEC_T);
	assert_true(fec.bin[0] == 1 && fec.lost == 0);
}

static void packets_have_flits(void **state)
{
	(void)state;
	assert_near(sfab_fec_packet(0.001, 64), 0.001, 1 / 1e9);
	assert_near(sfab_fec_packet(0.001, 640), 0.001, 1 / 1e9);
	assert_near(sfab_fec_packet(0.001, 641), 0.001999, 1 / 1e9);
	assert_near(sfab_fec_packet(1 / 1e6, 65600), 103 / 1e6, 0.0001);
	assert_true(sfab_fec_packet(1, 64) == 1);
}

/* ---- drawing ---- */

static void binomials_have_their_moments(void **state)
{
	static const struct { uint64_t n; double p; } of[] = {
		{ 10, 0.3 }, { 10, 0.9 }, { 1000, 0.001 }, { 1000000000, 3 / 1e8 },
		{ 1000000000, 7 / 1e8 }, { 1000, 0.5 }, { 160000000, 0.3 },
	};
	uint64_t draws = sfab_draw_seed(1, 1);

	(void)state;
	for (unsigned int i = 0; i < COUNT(of); i++) {
		double mean = of[i].n * of[i].p, sigma = sqrt(mean * (1 - of[i].p));
		double sum = 0, squares = 0;
		unsigned int times = 20000;

		for (unsigned int k = 0; k < times; k++) {
			double off = sfab_draw_binomial(&draws, of[i].n, of[i].p) - mean;

			sum += off;
			squares += off * off;
		}
		assert_true(fabs(sum / times) < 3 * sigma / sqrt(times));
		assert_near(sqrt(squares / times), sigma, 0.03);
	}
	assert_int_equal(sfab_draw_binomial(&draws, 5, 0), 0);
	assert_int_equal(sfab_draw_binomial(&draws, 5, 1), 5);
	assert_int_equal(sfab_draw_binomial(&draws, 0, 0.5), 0);
}

/* One interval after the other, as a port draws them. */
static void counts_are_as_likely_as_they_should(void **state)
{
	static const double bers[] = { 0.00001, 0.00024, 0.0007, 0.0008, 0.001 };
	uint64_t draws = sfab_draw_seed(7, 7);

	(void)state;
	for (unsigned int i = 0; i < COUNT(bers); i++) {
		struct sfab_fec_count count = { 0 };
		uint64_t symbols = 0, corrected = 0;
		struct sfab_fec fec;
		double n = 2e9;

		sfab_fec_of(&fec, bers[i], SFAB_FEC_BURST, SFAB_FEC_T);
		for (unsigned int k = 0; k < 100; k++)
			sfab_fec_draw(&count, &fec, n / 100, &draws);
		assert_int_equal(count.codewords, (uint64_t)n);
		assert_drawn(count.lost, n, fec.lost);
		for (unsigned int b = 0; b < SFAB_FEC_BINS; b++) {
			assert_drawn(count.bin[b], n, fec.bin[b]);
			symbols += count.bin[b] * b;
			corrected += b ? count.bin[b] : 0;
		}
		assert_int_equal(count.corrected, corrected);
		assert_int_equal(count.symbols, symbols + 16 * count.lost);
		assert_int_equal(count.bin[0] + corrected + count.lost, count.codewords);
	}
}

/* Wrong symbols of a codeword, each by lot: where one is wrong, the next one may be too. */
static unsigned int codeword(double wrong, double burst, uint64_t *draws)
{
	unsigned int n = 0;

	for (unsigned int s = 0; s < SFAB_FEC_SYMBOLS; s++) {
		if (sfab_draw_uniform(draws) >= wrong * (1 - burst))
			continue;
		do
			n++;
		while (sfab_draw_uniform(draws) < burst);
	}
	return n;
}

/* Symbol by symbol, with a code so weak that there is something to see. */
static void a_weak_code_fails_as_often_as_told(void **state)
{
	static const struct { double ber, burst; unsigned int t; } of[] = {
		{ 0.00005, 0, 2 }, { 0.0001, 0, 2 }, { 0.0001, 0.05, 2 }, { 0.0003, 0.3, 2 },
		{ 0.001, 0.05, 8 },
	};
	const unsigned int codewords = 20000;
	uint64_t draws = sfab_draw_seed(4, 3);

	(void)state;
	for (unsigned int i = 0; i < COUNT(of); i++) {
		double wrong = sfab_once_in(of[i].ber, SFAB_FEC_SYMBOL_BITS);
		unsigned int failed = 0;
		struct sfab_fec fec;

		for (unsigned int k = 0; k < codewords; k++)
			failed += codeword(wrong, of[i].burst, &draws) > of[i].t;
		sfab_fec_of(&fec, of[i].ber, of[i].burst, of[i].t);
		assert_drawn(failed, codewords, fec.lost);
	}
}

/* ---- light ---- */

/* What the data sheets guarantee is where 2.4e-4 errors are reached. */
static void budgets_are_those_of_the_modules(void **state)
{
	static const struct {
		const struct sfab_module *module;
		double weakest;		/* OMA - TDECQ, dBm */
		double budget;		/* dB */
	} of[] = { { &sfab_module_dr, -2.2, 3.1 }, { &sfab_module_fr, -1.7, 4.3 } };

	(void)state;
	for (unsigned int i = 0; i < COUNT(of); i++) {
		double oma = of[i].weakest + of[i].module->tdecq - of[i].budget;
		double margin = sfab_light_margin(of[i].module, oma);

		assert_true(fabs(margin) < 1 / 1e9);
		assert_near(sfab_light_ber(sfab_light_q(margin)), 0.00024, 0.005);
		assert_near(sfab_light_snr(margin), 17.66, 0.001);
		/* A typical module over a typical path has room. */
		margin = sfab_light_margin(of[i].module, of[i].module->launch -
					   sfab_path_loss());
		assert_true(margin > 2 && margin < 4);
	}
	/* 5 Q^2 */
	assert_near(pow(10, sfab_light_snr(1) / 10), 5 * pow(sfab_light_q(1), 2), 0.0001);
}

/* optics.md: dB of margin, errors, codewords lost without bursts. */
static void the_cliff_is_where_it_should_be(void **state)
{
	static const double of[][3] = {
		{ 1.38, 1 / 1e6, 2 / 1e50 }, { 0.90, 0.00001, 2 / 1e34 },
		{ 0.28, 0.0001, 1.4 / 1e18 }, { 0, 0.00024, 8.1 / 1e13 },
		{ -0.27, 0.0005, 2.8 / 1e8 }, { -0.40, 0.0007, 2.3 / 1e6 },
		{ -0.56, 0.001, 0.00015 },
	};

	(void)state;
	for (unsigned int i = 0; i < COUNT(of); i++) {
		struct sfab_fec fec;

		assert_near(sfab_light_ber(sfab_light_q(of[i][0])), of[i][1], 0.07);
		sfab_fec_of(&fec, of[i][1], 0, SFAB_FEC_T);
		assert_near(fec.lost, of[i][2], 0.2);
	}
}

static void light_only_gets_worse(void **state)
{
	double ber = 0, bias = 0, loss = 0;

	(void)state;
	for (double oma = 5; oma > -30; oma -= 0.1) {
		double margin = sfab_light_margin(&sfab_module_dr, oma);
		double now = sfab_light_ber(sfab_light_q(margin));

		assert_true(now >= ber && now < 0.5);
		ber = now;
	}
	for (double wear = 0; wear < 4; wear += 0.01) {
		struct sfab_laser laser = sfab_laser_at(45, wear);

		/* Either the current grows at the same power, or the power falls. */
		assert_true(laser.bias >= bias && laser.loss >= loss);
		assert_true(wear < 0.99 ? laser.bias > bias && laser.loss == 0 :
			    wear < 1.01 ? 1 : laser.bias == 130 && laser.loss > loss);
		bias = laser.bias;
		loss = laser.loss;
		if (loss == -SFAB_DARK)
			break;
	}
	assert_true(loss == -SFAB_DARK);
	assert_true(sfab_laser_at(70, 0).bias > sfab_laser_at(45, 0).bias);
	assert_near(sfab_laser_at(45, 0).bias, 100, 1 / 1e9);
}

static void powers_are_told_in_tenths(void **state)
{
	(void)state;
	assert_int_equal(sfab_launch_code(SFAB_DARK), 0);
	assert_true(sfab_launch_power(0) == SFAB_DARK);
	assert_int_equal(sfab_launch_code(90), 255);
	for (double dbm = -20; dbm < 5.4; dbm += 0.03)
		assert_true(fabs(sfab_launch_power(sfab_launch_code(dbm)) - dbm) < 0.051);
}

/* ---- a module ---- */

/* Two modules with their lasers on, each hearing the other over path 0. */
struct pair {
	struct sfab_optics a, b;
};

static void both(struct pair *pair)
{
	sfab_optics_transmit(&pair->a, true);
	sfab_optics_transmit(&pair->b, true);
	sfab_optics_receive(&pair->a, pair->b.code, 0, 8);
	sfab_optics_receive(&pair->b, pair->a.code, 0, 8);
}

static void pass(struct pair *pair, unsigned int seconds)
{
	for (; seconds; seconds--) {
		sfab_optics_advance(&pair->a, pair->a.now + SECOND);
		sfab_optics_advance(&pair->b, pair->b.now + SECOND);
		sfab_optics_tick(&pair->a);
		sfab_optics_tick(&pair->b);
		both(pair);
	}
}

static void pair_init(struct pair *pair, uint64_t seed)
{
	memset(pair, 0, sizeof(*pair));
	sfab_optics_init(&pair->a, 8, 112, seed);
	sfab_optics_init(&pair->b, 8, 112, seed + 1000);
	both(pair);
}

static void a_healthy_pair_is_clean(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct pair pair;

		pair_init(&pair, seed);
		pass(&pair, 10);
		assert_int_equal(pair.b.width, 8);
		assert_true(pair.b.aligned && pair.b.ber < 1 / 1e6);
		assert_true(sfab_optics_lost(&pair.b) == 0);
		assert_int_equal(pair.b.count.lost, 0);
		/* 896 Gb/s for ten seconds */
		assert_int_equal(pair.b.count.codewords, 8960000000000ull / 5440);
		assert_true(pair.b.count.bin[0] > pair.b.count.codewords * 0.999);
	}
}

static void seeds_decide(void **state)
{
	struct sfab_optics_faults faults = { .ramp = 500, .ageing = { 30000 } };
	struct pair one, two, other;

	(void)state;
	for (unsigned int l = 0; l < 8; l++)
		faults.loss[0][l] = 2000;
	pair_init(&one, 5);
	pair_init(&two, 5);
	pair_init(&other, 6);
	sfab_optics_fail(&one.b, &faults);
	sfab_optics_fail(&two.b, &faults);
	sfab_optics_fail(&other.b, &faults);
	pass(&one, 50);
	pass(&two, 50);
	pass(&other, 50);
	assert_memory_equal(&one, &two, sizeof(one));
	assert_true(one.b.count.symbols != other.b.count.symbols);
	assert_true(one.b.lane[0].spread != other.b.lane[0].spread);
}

static _Atomic uint64_t reading[SFAB_OPTICS_WORDS];

/*
 * Another compiler or C library must not give other numbers. (Another model does: then
 * the sum is to be renewed, from a run of gcc and one of clang that agree.)
 */
static void bits_are_the_same_everywhere(void **state)
{
	struct sfab_optics_faults faults = { .ramp = 70 };
	uint64_t sum = 1, bits;
	struct sfab_optics o;

	(void)state;
	sfab_optics_init(&o, 8, 112, 1);
	for (unsigned int l = 0; l < 8; l++) {
		faults.loss[0][l] = 2000 + 100 * l;
		faults.ageing[l] = 5000 * l;
	}
	sfab_optics_fail(&o, &faults);
	for (unsigned int i = 1; i <= 400; i++) {
		sfab_optics_advance(&o, i * SECOND);
		sfab_optics_tick(&o);
		sfab_optics_transmit(&o, true);
		sfab_optics_receive(&o, o.code, 0, 8);
		sfab_optics_show(&o, reading);
		/* What an interval counted follows from what is counted. */
		memset((void *)&reading[7], 0, 4 * sizeof(reading[0]));
		for (unsigned int k = 0; k < SFAB_OPTICS_WORDS; k++)
			sum = (sum ^ reading[k]) * 0x100000001b3ull;
		memcpy(&bits, &o.fec.lost, sizeof(bits));
		sum = (sum ^ bits) * 0x100000001b3ull;
	}
	assert_true(o.count.lost > 100000);
	assert_true(sum == 0x73c09e5eb479b49eull);
}

/* What so many dead lanes leave. */
static void width_without(unsigned int dead, unsigned int left)
{
	struct sfab_optics_faults faults = { 0 };
	struct pair pair;

	pair_init(&pair, 1);
	for (unsigned int l = 0; l < dead; l++)
		faults.dead[(5 * l + 3) % 8] = true;
	sfab_optics_fail(&pair.a, &faults);
	both(&pair);
	assert_int_equal(pair.b.width, left);
	assert_int_equal(pair.b.used, left);
	assert_int_equal(pair.b.aligned, left != 0);
	for (unsigned int l = 0; l < dead; l++)
		assert_false(pair.b.lane[(5 * l + 3) % 8].used);
	/* What is mended is used when it trains. */
	sfab_optics_fail(&pair.a, &(struct sfab_optics_faults){ 0 });
	both(&pair);
	assert_int_equal(pair.b.width, left ? left : 8);
	sfab_optics_train(&pair.b);
	both(&pair);
	assert_int_equal(pair.b.width, 8);
}

static void lanes_are_lost_by_halves(void **state)
{
	(void)state;
	width_without(0, 8);
	width_without(1, 4);
	width_without(4, 4);
	width_without(5, 2);
	width_without(6, 2);
	width_without(7, 1);
	width_without(8, 0);
}

/* Dirt on lanes: half of them are given up exactly when half carries more. */
static void dirt_costs_what_it_must(void **state)
{
	unsigned int last = 8;
	double carried = 1e9;

	(void)state;
	for (unsigned int mdb = 0; mdb < 12000; mdb += 50) {
		struct sfab_optics_faults faults = { .loss = { { 0, 0, mdb, mdb } } };
		struct pair pair;
		double worth;

		pair_init(&pair, 2);
		sfab_optics_fail(&pair.b, &faults);
		both(&pair);
		worth = pair.b.used / (1 + SFAB_OPTICS_REPLAY * pair.b.fec.lost);
		assert_true(worth <= carried && worth >= 4 - 1 / 1e6);
		assert_true(pair.b.width <= last);
		assert_true(pair.b.width == 8 || pair.b.width == 4);
		carried = worth;
		last = pair.b.width;
	}
	assert_int_equal(last, 4);
}

static void losses_and_locks_are_told_apart(void **state)
{
	struct sfab_optics_faults faults = { .unlocked = { [2] = true },
					     .loss = { { [5] = 20000 } } };
	struct pair pair;

	(void)state;
	pair_init(&pair, 1);
	sfab_optics_fail(&pair.b, &faults);
	both(&pair);
	assert_true(pair.b.lane[2].lol && !pair.b.lane[2].los);
	assert_true(pair.b.lane[5].lol && pair.b.lane[5].los);
	assert_true(pair.b.lane[2].power > -3 && pair.b.lane[5].power < -18);
	/* A signal is found again well above where it is lost. */
	faults.loss[0][5] = 11000;	/* -12.4 dBm on average */
	sfab_optics_fail(&pair.b, &faults);
	both(&pair);
	assert_true(pair.b.lane[5].los);
	faults.loss[0][5] = 8000;
	sfab_optics_fail(&pair.b, &faults);
	both(&pair);
	assert_false(pair.b.lane[5].los);
	assert_true(sfab_optics_lit(&pair.b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_right),
		cmocka_unit_test(bit_errors_agree_with_the_table),
		cmocka_unit_test(lost_codewords_agree_with_the_table),
		cmocka_unit_test(every_codeword_is_somewhere),
		cmocka_unit_test(packets_have_flits),
		cmocka_unit_test(binomials_have_their_moments),
		cmocka_unit_test(counts_are_as_likely_as_they_should),
		cmocka_unit_test(a_weak_code_fails_as_often_as_told),
		cmocka_unit_test(budgets_are_those_of_the_modules),
		cmocka_unit_test(the_cliff_is_where_it_should_be),
		cmocka_unit_test(light_only_gets_worse),
		cmocka_unit_test(powers_are_told_in_tenths),
		cmocka_unit_test(a_healthy_pair_is_clean),
		cmocka_unit_test(seeds_decide),
		cmocka_unit_test(bits_are_the_same_everywhere),
		cmocka_unit_test(lanes_are_lost_by_halves),
		cmocka_unit_test(dirt_costs_what_it_must),
		cmocka_unit_test(losses_and_locks_are_told_apart),
	};

	return cmocka_run_group_tests_name("optics", tests, NULL, NULL);
}
