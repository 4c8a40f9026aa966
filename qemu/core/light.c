// SPDX-License-Identifier: GPL-2.0-or-later
/* The physics of one lane; each number's source is in docs/specs/sfab-optics.rst. */
#include "light.h"
#include "smath.h"

const struct sfab_module sfab_module_dr = {
	.launch = 2.2, .tdecq = 1.6, .s0 = -5.3, .los = -15, .los_clear = -10,
};

const struct sfab_module sfab_module_fr = {
	.launch = 2.2, .tdecq = 1.6, .s0 = -6.0, .los = -15, .los_clear = -9.5,
};

/* ---- transmitter ---- */

#define THRESHOLD_MA	25.0	/* of a new laser at NOMINAL_C */
#define DRIVE_MA	75.0	/* above the threshold, for nominal power */
#define LIMIT_MA	130.0
#define NOMINAL_C	45.0
#define THRESHOLD_C	60.0	/* the threshold grows e-fold in so many degrees */
#define WEAR_GROWTH	1.2	/* at the end of its life: then the limit is reached */

struct sfab_laser sfab_laser_at(double celsius, double wear)
{
	double threshold = THRESHOLD_MA * (1 + WEAR_GROWTH * wear) *
			   sfab_exp((celsius - NOMINAL_C) / THRESHOLD_C);
	struct sfab_laser laser = { .bias = threshold + DRIVE_MA };

	/* The power is kept by more and more current, until there is no more. */
	if (laser.bias <= LIMIT_MA)
		return laser;
	laser.bias = LIMIT_MA;
	laser.loss = -SFAB_DARK;
	if (threshold < LIMIT_MA)
		laser.loss = -sfab_to_db((LIMIT_MA - threshold) / DRIVE_MA);
	if (laser.loss > -SFAB_DARK)
		laser.loss = -SFAB_DARK;
	return laser;
}

/* ---- between the ends ---- */

#define CODE_OF_0_DBM	201
#define CODES_PER_DB	10

uint8_t sfab_launch_code(double dbm)
{
	double code = dbm * CODES_PER_DB + CODE_OF_0_DBM + 0.5;

	return code < 1 ? 0 : code > 255 ? 255 : (uint8_t)code;
}

double sfab_launch_power(uint8_t code)
{
	return code ? (code - CODE_OF_0_DBM) / (double)CODES_PER_DB : SFAB_DARK;
}

#define FIBRE_KM		0.1
#define FIBRE_DB_PER_KM		0.4
#define CONNECTORS		2
#define CONNECTOR_DB		0.3
#define SWITCHES		2
#define SWITCH_DB		1.5

double sfab_path_loss(void)
{
	return FIBRE_KM * FIBRE_DB_PER_KM + CONNECTORS * CONNECTOR_DB +
	       SWITCHES * SWITCH_DB;
}

/* ---- receiver ---- */

#define Q_AT_0			3.414	/* 2.4e-4 bit errors */
#define SNR_AT_0		17.655	/* 10 log10(5 Q^2) */
#define BER_FLOOR		(1 / 1e10)	/* of noise that grows with the signal */
#define AVERAGE_DB		0.16	/* of OMA, at an extinction ratio of 5 dB */

double sfab_light_margin(const struct sfab_module *module, double oma)
{
	return oma - (module->s0 + module->tdecq);
}

double sfab_light_q(double margin)
{
	return Q_AT_0 * sfab_from_db(margin);
}

double sfab_light_snr(double margin)
{
	return SNR_AT_0 + 2 * margin;
}

double sfab_light_ber(double q)
{
	const double root_half = 0x1.6a09e667f3bcdp0 / 2;

	return 0.375 * sfab_erfc(q * root_half) + BER_FLOOR;
}

double sfab_light_average(double oma)
{
	return oma - AVERAGE_DB;
}
