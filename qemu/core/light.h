/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One lane of light, of docs/specs/sfab-optics.rst: from the current of a laser to the
 * bit errors at the other end. Powers are of the modulation (OMA), in dBm.
 */
#ifndef SFAB_CORE_LIGHT_H
#define SFAB_CORE_LIGHT_H

#include <stdbool.h>
#include <stdint.h>

/* What a kind of module is like. */
struct sfab_module {
	double launch;		/* typical, dBm */
	double tdecq;		/* its penalty, typical, dB */
	double s0;		/* dBm that a receiver needs of a signal without penalty */
	double los, los_clear;	/* average dBm: loss of signal, and its end */
};

extern const struct sfab_module sfab_module_dr;		/* 500 m */
extern const struct sfab_module sfab_module_fr;		/* 2 km */

/* Below it there is nothing: less is not told from dark. */
#define SFAB_DARK		-40.0

/* ---- transmitter ---- */

struct sfab_laser {
	double bias;		/* mA */
	double loss;		/* dB below its nominal power; -SFAB_DARK: dark */
};

/* @celsius: of the case; @wear: 0 new, 1 at the end of its life */
struct sfab_laser sfab_laser_at(double celsius, double wear);

/* ---- between the ends ---- */

/* How a launch power is told to the other end: 0 is dark, else in steps of 0.1 dB. */
uint8_t sfab_launch_code(double dbm);
double sfab_launch_power(uint8_t code);

/* dB of a path without faults: fibre, connectors, two optical switches. */
double sfab_path_loss(void);

/* ---- receiver ---- */

/* dB that @oma is above what gives 2.4e-4 bit errors. */
double sfab_light_margin(const struct sfab_module *module, double oma);
double sfab_light_q(double margin);
double sfab_light_snr(double margin);	/* dB */
double sfab_light_ber(double q);

/* Average power of a signal of this modulation, dBm. */
double sfab_light_average(double oma);

#endif /* SFAB_CORE_LIGHT_H */
