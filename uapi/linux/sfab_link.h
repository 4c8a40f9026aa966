/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * sfab accelerator driver: ioctls and events of /dev/sfab_linkN
 */
#ifndef _UAPI_SFAB_LINK_H_
#define _UAPI_SFAB_LINK_H_

#include <linux/ioctl.h>
#include <linux/types.h>

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: overview
 *
 * Each port of an accelerator is a *link*: an optical module with lanes, one fibre or
 * several (light paths) that it can send its light into, and a partner at the other end.
 * It has a device file of its own, of class sfab_link; udev names it
 * /dev/sfab/by-uuid/UUID-portP as well.  What the numbers mean physically is in
 * qemu/docs/specs/sfab-optics.rst.
 *
 * The device file needs nobody's memory and no context.  Whoever may read it can ask
 * whatever there is to know; asking changes nothing, in the hardware neither.  Who changes
 * something (CONTROL, SWITCH, TEST, CLEAR) needs CAP_SYS_ADMIN and a file that was opened
 * for writing.  A manager elsewhere in the fabric may change the same things at any time.
 *
 * Numbers are integers in the unit that is told for them.  Powers are average optical
 * powers.  Bit n of a mask of lanes is lane n.  Times are CLOCK_BOOTTIME in ns, but
 * where the device's clock is named: that counts ns from when the device was powered on.
 *
 * Each struct begins with its size, as the caller knows it.  What of an answer a caller
 * knows that the kernel does not is 0.
 *
 * Any number of threads may call any ioctl at any time.
 */

/**
 * DOC: errno contract
 *
 * Each ioctl does all it was asked or changes nothing.  The first of these that applies
 * is returned:
 *
 * ==============  ==========================================================
 * ENODEV          the device is gone, being removed, or offline
 * ENOTTY          no such ioctl
 * EFAULT          a user pointer that cannot be read or written
 * EINVAL          a struct shorter than its first version; an unknown flag, enum
 *                 value, or non-zero reserved field; a value for what is not
 *                 to be set; a lane, a light path or a range beyond what there is;
 *                 an array stride smaller than the first version of the element
 * E2BIG           a struct longer than 4096 bytes; a non-zero byte beyond the part
 *                 of a struct that this kernel knows; an array stride above 4096
 * EBADF           an ioctl that changes something, on a file not opened for writing
 * EPERM           the same without CAP_SYS_ADMIN
 * EOPNOTSUPP      it is not offered (see &struct sfab_link_info.caps)
 * ENXIO           MAP: no module is plugged
 * EBUSY           SWITCH: another one was asked for and has not ended; TEST: another one runs
 * EAGAIN          INFO, READINGS, MAP, TEST: what is told changed each time while it
 *                 was read
 * ENOMEM          no kernel memory
 * ETIME           SWITCH: the timeout passed; what was begun goes on; CLEAR: the
 *                 hardware did not clear in time; TEST: nor begin or end one
 * EINTR           SWITCH: a signal came; what was begun goes on
 * ==============  ==========================================================
 */

/** enum sfab_link_state - traffic passes in UP and DEGRADED; as &enum sfab_port_state */
enum sfab_link_state {
	/** @SFAB_LINK_DOWN: no light */
	SFAB_LINK_DOWN = 0,
	/** @SFAB_LINK_TRAINING: light, no partner yet */
	SFAB_LINK_TRAINING = 1,
	/** @SFAB_LINK_UP: works */
	SFAB_LINK_UP = 2,
	/** @SFAB_LINK_DEGRADED: works with a part of its lanes */
	SFAB_LINK_DEGRADED = 3,
	/** @SFAB_LINK_FAILED: stays so until it is trained anew or enabled */
	SFAB_LINK_FAILED = 4,
};

/** enum sfab_link_why - why a link carries no traffic; as &enum sfab_port_reason */
enum sfab_link_why {
	/** @SFAB_LINK_WHY_NONE: it does */
	SFAB_LINK_WHY_NONE = 0,
	/** @SFAB_LINK_WHY_DISABLED: it was disabled */
	SFAB_LINK_WHY_DISABLED = 1,
	/** @SFAB_LINK_WHY_NO_LIGHT: nothing attached, cut, or the partner is dark */
	SFAB_LINK_WHY_NO_LIGHT = 2,
	/** @SFAB_LINK_WHY_TRAINING: the partner has not answered yet */
	SFAB_LINK_WHY_TRAINING = 3,
	/** @SFAB_LINK_WHY_PROTOCOL: the partner broke the protocol */
	SFAB_LINK_WHY_PROTOCOL = 4,
	/** @SFAB_LINK_WHY_REPLAY: a packet failed too often; it trains again */
	SFAB_LINK_WHY_REPLAY = 5,
	/** @SFAB_LINK_WHY_VERSION: the partner speaks another version */
	SFAB_LINK_WHY_VERSION = 6,
	/** @SFAB_LINK_WHY_NO_PATH: the light path does not exist */
	SFAB_LINK_WHY_NO_PATH = 7,
	/** @SFAB_LINK_WHY_NO_LOCK: light, but no lane finds its clock */
	SFAB_LINK_WHY_NO_LOCK = 8,
	/** @SFAB_LINK_WHY_NO_ALIGNMENT: lanes have lock, but no codewords come through */
	SFAB_LINK_WHY_NO_ALIGNMENT = 9,
	/** @SFAB_LINK_WHY_NO_MODULE: no module is plugged */
	SFAB_LINK_WHY_NO_MODULE = 10,
	/** @SFAB_LINK_WHY_LOW_POWER: the module was put into low power */
	SFAB_LINK_WHY_LOW_POWER = 11,
	/** @SFAB_LINK_WHY_MODULE_FAULT: see &struct sfab_link_status.module_fault */
	SFAB_LINK_WHY_MODULE_FAULT = 12,
	/** @SFAB_LINK_WHY_TEST: a pattern test runs */
	SFAB_LINK_WHY_TEST = 13,
	/** @SFAB_LINK_WHY_SWITCHING: the light path is being switched */
	SFAB_LINK_WHY_SWITCHING = 14,
	/** @SFAB_LINK_WHY_PARTNER: all is well here, but the partner hears nothing */
	SFAB_LINK_WHY_PARTNER = 15,
};

/** enum sfab_link_partner - what is at the other end; as &enum sfab_port_peer */
enum sfab_link_partner {
	/** @SFAB_LINK_PARTNER_NONE: none */
	SFAB_LINK_PARTNER_NONE = 0,
	/** @SFAB_LINK_PARTNER_ACCEL: an accelerator; by loopback also itself */
	SFAB_LINK_PARTNER_ACCEL = 1,
	/** @SFAB_LINK_PARTNER_SWITCH: a packet switch */
	SFAB_LINK_PARTNER_SWITCH = 2,
};

/** enum sfab_link_module - state of the module, as CMIS numbers them */
enum sfab_link_module {
	/** @SFAB_LINK_MODULE_NONE: not plugged, or just so */
	SFAB_LINK_MODULE_NONE = 0,
	/** @SFAB_LINK_MODULE_LOW_POWER: it answers, and does nothing else */
	SFAB_LINK_MODULE_LOW_POWER = 1,
	/** @SFAB_LINK_MODULE_POWER_UP: on its way to READY */
	SFAB_LINK_MODULE_POWER_UP = 2,
	/** @SFAB_LINK_MODULE_READY: works */
	SFAB_LINK_MODULE_READY = 3,
	/** @SFAB_LINK_MODULE_POWER_DOWN: on its way to LOW_POWER */
	SFAB_LINK_MODULE_POWER_DOWN = 4,
	/** @SFAB_LINK_MODULE_FAULT: does not work, see the fault */
	SFAB_LINK_MODULE_FAULT = 5,
};

/** enum sfab_link_fault - what the module has */
enum sfab_link_fault {
	/** @SFAB_LINK_FAULT_NONE: nothing */
	SFAB_LINK_FAULT_NONE = 0,
	/** @SFAB_LINK_FAULT_TOO_HOT: it has switched itself off until it is cooler */
	SFAB_LINK_FAULT_TOO_HOT = 1,
	/** @SFAB_LINK_FAULT_STUCK: a data path does not come up */
	SFAB_LINK_FAULT_STUCK = 2,
};

/** enum sfab_link_datapath - state of the data path of a lane, as CMIS numbers them */
enum sfab_link_datapath {
	/** @SFAB_LINK_DATAPATH_NONE: no such lane, or no module */
	SFAB_LINK_DATAPATH_NONE = 0,
	/** @SFAB_LINK_DATAPATH_DEACTIVATED: off */
	SFAB_LINK_DATAPATH_DEACTIVATED = 1,
	/** @SFAB_LINK_DATAPATH_INIT: on its way to INITIALIZED */
	SFAB_LINK_DATAPATH_INIT = 2,
	/** @SFAB_LINK_DATAPATH_DEINIT: on its way to DEACTIVATED */
	SFAB_LINK_DATAPATH_DEINIT = 3,
	/** @SFAB_LINK_DATAPATH_ACTIVATED: works, with its laser on */
	SFAB_LINK_DATAPATH_ACTIVATED = 4,
	/** @SFAB_LINK_DATAPATH_TX_ON: the laser is being turned on */
	SFAB_LINK_DATAPATH_TX_ON = 5,
	/** @SFAB_LINK_DATAPATH_TX_OFF: the laser is being turned off */
	SFAB_LINK_DATAPATH_TX_OFF = 6,
	/** @SFAB_LINK_DATAPATH_INITIALIZED: works, with its laser off */
	SFAB_LINK_DATAPATH_INITIALIZED = 7,
};

/** SFAB_LINK_LANES - the most lanes that a link can have */
#define SFAB_LINK_LANES		16

/**
 * struct sfab_link_info - SFAB_LINK_INFO: what the link is
 *
 * Texts end with a NUL.  Those of the module are empty when none is plugged, and all but
 * @module_serial without SFAB_LINK_CAP_MAP; what is no ASCII text in them is shown as '?'.
 */
struct sfab_link_info {
	/** @size: in: size of the struct */
	__u32 size;
	/** @flags: in: must be 0 */
	__u32 flags;
	/** @uuid: of the accelerator, RFC 9562 order */
	__u8 uuid[16];
	/** @serial: of the accelerator */
	__u64 serial;
	/** @pci: address of the accelerator, "0000:01:00.0" */
	char pci[24];
	/** @accel: N of the accelerator's /dev/accel/accelN */
	__u32 accel;
	/** @port: number of the port, from 0 */
	__u32 port;
	/** @lanes: lanes, at most SFAB_LINK_LANES */
	__u32 lanes;
	/** @lane_rate: Gb/s a lane */
	__u32 lane_rate;
	/** @paths: light paths */
	__u32 paths;
	/** @reserved: 0 */
	__u32 reserved;
	/** @caps: what can be done with it, SFAB_LINK_CAP_* */
	__u64 caps;
#define SFAB_LINK_CAP_MODULE	(1ULL << 0)	/* module states, LOW_POWER, TX_OFF */
#define SFAB_LINK_CAP_MAP	(1ULL << 1)	/* SFAB_LINK_MAP */
#define SFAB_LINK_CAP_SWITCH	(1ULL << 2)	/* SFAB_LINK_SWITCH */
#define SFAB_LINK_CAP_TEST	(1ULL << 3)	/* SFAB_LINK_TEST */
#define SFAB_LINK_CAP_CLEAR	(1ULL << 4)	/* SFAB_LINK_CLEAR */
	/**
	 * @kept: what the hardware keeps when the device is reset or the driver is
	 * loaded anew, SFAB_LINK_KEPT_*; the rest begins anew with the driver
	 */
	__u64 kept;
#define SFAB_LINK_KEPT_PACKETS	(1ULL << 0)	/* counters of packets */
#define SFAB_LINK_KEPT_FEC	(1ULL << 1)	/* counters of codewords, the histogram, relocks */
#define SFAB_LINK_KEPT_MODULE	(1ULL << 2)	/* insertions, flags of the CMIS map */
#define SFAB_LINK_KEPT_CONFIG	(1ULL << 3)	/* what CONTROL and SWITCH have set */
#define SFAB_LINK_KEPT_HISTORY	(1ULL << 4)	/* events, changes, CLEARs, last partner */
	/** @insertions: modules plugged since power-on, modulo 2^16; 0: none so far */
	__u32 insertions;
	/** @present: 1: a module is plugged; 0: none */
	__u32 present;
	/** @vendor: of the module */
	char vendor[20];
	/** @part: of the module, the vendor's part number */
	char part[20];
	/** @module_serial: of the module */
	char module_serial[20];
	/** @revision: of the module */
	char revision[4];
};

/* Of &struct sfab_link_status.config and &struct sfab_link_control.config */
#define SFAB_LINK_ENABLE	(1U << 0)	/* it is to carry traffic */
#define SFAB_LINK_LOOPBACK	(1U << 1)	/* it hears itself */
#define SFAB_LINK_LOW_POWER	(1U << 2)	/* the module is to do nothing */

/** struct sfab_link_status - SFAB_LINK_STATE: how the link is */
struct sfab_link_status {
	/** @size: in: size of the struct */
	__u32 size;
	/** @flags: in: must be 0 */
	__u32 flags;
	/** @state: &enum sfab_link_state */
	__u32 state;
	/** @reason: &enum sfab_link_why */
	__u32 reason;
	/** @lanes: lanes in use, the smaller number of both directions */
	__u32 lanes;
	/** @rx_lanes: mask of the lanes in use for receiving */
	__u32 rx_lanes;
	/** @capable: mask of the lanes that could receive when the link last trained */
	__u32 capable;
	/** @path: light path that was configured */
	__u32 path;
	/** @path_in_use: the one in use */
	__u32 path_in_use;
	/** @config: as it was configured, SFAB_LINK_ENABLE, _LOOPBACK, _LOW_POWER */
	__u32 config;
	/** @tx_off: mask of the lanes whose laser is to be off */
	__u32 tx_off;
	/** @partner: &enum sfab_link_partner; what else is told of it is 0 if none */
	__u32 partner;
	/** @partner_eid: EID of the partner */
	__u32 partner_eid;
	/** @partner_port: port of the partner */
	__u32 partner_port;
	/** @partner_uuid: identity of the partner, RFC 9562 order */
	__u8 partner_uuid[16];
	/** @module_state: &enum sfab_link_module */
	__u32 module_state;
	/** @module_fault: &enum sfab_link_fault */
	__u32 module_fault;
	/** @insertions: as in &struct sfab_link_info */
	__u32 insertions;
	/** @reserved: 0 */
	__u32 reserved;
	/** @datapath: &enum sfab_link_datapath of each lane */
	__u8 datapath[SFAB_LINK_LANES];
	/** @changed_ns: when state, reason, lanes or path changed last; 0: not since probe */
	__u64 changed_ns;
	/** @sequence: of the newest event; 0: none yet */
	__u64 sequence;
	/** @downs: times that the link went down, since power-on or CLEAR */
	__u64 downs;
	/**
	 * @last_partner: &enum sfab_link_partner when traffic passed last, which may be now, as
	 * the driver saw it then, at an event or a STATE; NONE: not since it was bound
	 */
	__u32 last_partner;
	/** @last_partner_eid: its EID then */
	__u32 last_partner_eid;
	/** @last_partner_port: its port */
	__u32 last_partner_port;
	/** @last_reserved: 0 */
	__u32 last_reserved;
	/** @last_partner_uuid: its identity, RFC 9562 order */
	__u8 last_partner_uuid[16];
};

/** struct sfab_link_lane - readings of a lane */
struct sfab_link_lane {
	/** @tx_power_nw: launched, nW */
	__u32 tx_power_nw;
	/** @rx_power_nw: received, nW */
	__u32 rx_power_nw;
	/** @bias_ua: current of the laser, uA */
	__u32 bias_ua;
	/** @snr_mdb: signal to noise, 0.001 dB; 0 while the lane has no lock */
	__u32 snr_mdb;
	/** @ber: bit errors before correction, in 10^18 bits */
	__u64 ber;
	/** @temperature_mc: of the laser, 0.001 C */
	__s32 temperature_mc;
	/** @age_percent: of the life of the laser that is gone; may exceed 100 */
	__u32 age_percent;
};

/** struct sfab_link_limits - limits of a reading, in its unit */
struct sfab_link_limits {
	/** @high_alarm: above it: alarm */
	__s32 high_alarm;
	/** @low_alarm: below it: alarm */
	__s32 low_alarm;
	/** @high_warning: above it: warning */
	__s32 high_warning;
	/** @low_warning: below it: warning */
	__s32 low_warning;
};

/**
 * struct sfab_link_readings - SFAB_LINK_READINGS: what the module measures
 *
 * It measures once in an interval of 1 s of the device's clock, and when something
 * changes.  All readings of an answer are of the same moment.
 */
struct sfab_link_readings {
	/** @size: in: size of the struct */
	__u32 size;
	/** @flags: in: must be 0 */
	__u32 flags;
	/** @interval: intervals that have ended since power-on */
	__u64 interval;
	/** @status: SFAB_LINK_LASERS_ON, _TOO_HOT, _ALIGNED, _LIMITS */
	__u32 status;
#define SFAB_LINK_LASERS_ON	(1U << 0)	/* the lasers are meant to be on */
#define SFAB_LINK_TOO_HOT	(1U << 1)	/* the module is off, because it is too hot */
#define SFAB_LINK_ALIGNED	(1U << 2)	/* codewords come through */
#define SFAB_LINK_LIMITS	(1U << 3)	/* the module tells its limits; else they are 0 */
	/** @lanes: lanes, as in &struct sfab_link_info */
	__u32 lanes;
	/** @temperature_mc: of the case, 0.001 C */
	__s32 temperature_mc;
	/** @supply_mv: mV */
	__u32 supply_mv;
	/** @ber: estimate, bit errors before correction in 10^18 bits; 0 if not ALIGNED */
	__u64 ber;
	/** @ber_bits: bits of the last whole interval that were counted */
	__u64 ber_bits;
	/** @ber_errors: wrong ones of them, as the error correction has found them */
	__u64 ber_errors;
	/** @ber_ns: length of that interval by the device's clock */
	__u64 ber_ns;
	/** @used: mask of the lanes in use for receiving */
	__u32 used;
	/** @los: mask of the lanes that see no light */
	__u32 los;
	/** @lol: mask of the lanes that have no lock */
	__u32 lol;
	/** @tx_fail: mask of the lanes whose laser is meant to be on, and is dark */
	__u32 tx_fail;
	/** @temperature_limits: for @temperature_mc */
	struct sfab_link_limits temperature_limits;
	/** @supply_limits: for @supply_mv */
	struct sfab_link_limits supply_limits;
	/** @tx_power_limits: for &struct sfab_link_lane.tx_power_nw */
	struct sfab_link_limits tx_power_limits;
	/** @rx_power_limits: for &struct sfab_link_lane.rx_power_nw */
	struct sfab_link_limits rx_power_limits;
	/** @bias_limits: for &struct sfab_link_lane.bias_ua */
	struct sfab_link_limits bias_limits;
	/** @lane: the lanes; 0 from @lanes on */
	struct sfab_link_lane lane[SFAB_LINK_LANES];
};

/**
 * struct sfab_link_counters - SFAB_LINK_COUNTERS: since power-on, or CLEAR
 *
 * Which of them outlive the driver says &struct sfab_link_info.kept.  They count what the link
 * receives, and go on when another module is plugged: CLEAR then tells the new one's alone.
 */
struct sfab_link_counters {
	/** @size: in: size of the struct */
	__u32 size;
	/** @flags: in: must be 0 */
	__u32 flags;
	/** @time_ns: when they were read */
	__u64 time_ns;
	/** @clears: how often CLEAR has cleared any of them since the driver was bound */
	__u64 clears;
	/** @packets_cleared_ns: when it cleared those of packets; 0: not since then */
	__u64 packets_cleared_ns;
	/** @fec_cleared_ns: when it cleared those of codewords; 0: not since then */
	__u64 fec_cleared_ns;
	/** @tx_bytes: bytes sent */
	__u64 tx_bytes;
	/** @tx_packets: packets sent */
	__u64 tx_packets;
	/** @rx_bytes: bytes received */
	__u64 rx_bytes;
	/** @rx_packets: packets received */
	__u64 rx_packets;
	/** @replays: packets sent again on the link */
	__u64 replays;
	/** @crc_errors: packets that arrived damaged */
	__u64 crc_errors;
	/** @credit_stalls: packets that had to wait for room */
	__u64 credit_stalls;
	/** @dropped_no_route: packets dropped, no way to their EID */
	__u64 dropped_no_route;
	/** @dropped_hop_limit: packets dropped, too many hops */
	__u64 dropped_hop_limit;
	/** @dropped_stalled: packets dropped, they stood for too long */
	__u64 dropped_stalled;
	/** @dropped_malformed: packets dropped, malformed */
	__u64 dropped_malformed;
	/** @dropped_down: packets dropped as the link went down */
	__u64 dropped_down;
	/** @link_downs: times that the link went down */
	__u64 link_downs;
	/** @failovers: packets sent here as a better port was down */
	__u64 failovers;
	/** @codewords: codewords received */
	__u64 codewords;
	/** @corrected: those with wrong symbols, all of which were corrected */
	__u64 corrected;
	/** @uncorrectable: those with too many */
	__u64 uncorrectable;
	/** @symbols: symbols that were wrong; an uncorrectable codeword counts 16 */
	__u64 symbols;
	/** @histogram: codewords that had as many wrong symbols as the index */
	__u64 histogram[16];
	/** @relocks: times that the receiver found lock again, modulo 2^32 */
	__u64 relocks;
};

/**
 * struct sfab_link_control - SFAB_LINK_CONTROL: set up the link; changes
 *
 * What is set stays when the device is reset or the driver leaves, not over a power
 * cycle.
 */
struct sfab_link_control {
	/** @size: in: size of the struct */
	__u32 size;
	/** @set: what to set, SFAB_LINK_SET_* and _RETRAIN, one at least */
	__u32 set;
#define SFAB_LINK_SET_ENABLE	(1U << 0)	/* SFAB_LINK_ENABLE of @config */
#define SFAB_LINK_SET_LOOPBACK	(1U << 1)	/* SFAB_LINK_LOOPBACK of @config */
#define SFAB_LINK_SET_LOW_POWER	(1U << 2)	/* SFAB_LINK_LOW_POWER of @config */
#define SFAB_LINK_SET_TX_OFF	(1U << 3)	/* @tx_off */
#define SFAB_LINK_RETRAIN	(1U << 4)	/* train anew */
	/** @config: SFAB_LINK_ENABLE, _LOOPBACK, _LOW_POWER; 0 for what is not to be set */
	__u32 config;
	/** @tx_off: mask of the lanes whose laser is to be off; 0 if not to be set */
	__u32 tx_off;
};

/** enum sfab_link_phase - of a switch of the light path */
enum sfab_link_phase {
	/** @SFAB_LINK_PHASE_NONE: none */
	SFAB_LINK_PHASE_NONE = 0,
	/** @SFAB_LINK_PHASE_PREPARE: is there such a path, does the partner agree */
	SFAB_LINK_PHASE_PREPARE = 1,
	/** @SFAB_LINK_PHASE_DRAIN: what is under way arrives, what comes is held */
	SFAB_LINK_PHASE_DRAIN = 2,
	/** @SFAB_LINK_PHASE_SWITCH: the optical switch moves */
	SFAB_LINK_PHASE_SWITCH = 3,
	/** @SFAB_LINK_PHASE_LOCK: the receiver finds its clock */
	SFAB_LINK_PHASE_LOCK = 4,
	/** @SFAB_LINK_PHASE_TRAIN: the partners find each other */
	SFAB_LINK_PHASE_TRAIN = 5,
	/** @SFAB_LINK_PHASE_RESUME: what was held goes on */
	SFAB_LINK_PHASE_RESUME = 6,
};

/** enum sfab_link_result - of a switch of the light path */
enum sfab_link_result {
	/** @SFAB_LINK_RESULT_NONE: there was none, or it is under way */
	SFAB_LINK_RESULT_NONE = 0,
	/** @SFAB_LINK_RESULT_DONE: the new path works */
	SFAB_LINK_RESULT_DONE = 1,
	/** @SFAB_LINK_RESULT_ROLLED_BACK: the new one does not, the old one works again */
	SFAB_LINK_RESULT_ROLLED_BACK = 2,
	/** @SFAB_LINK_RESULT_FAILED: neither works */
	SFAB_LINK_RESULT_FAILED = 3,
};

/** enum sfab_link_cause - why a switch of the light path went wrong */
enum sfab_link_cause {
	/** @SFAB_LINK_CAUSE_NONE: it did not */
	SFAB_LINK_CAUSE_NONE = 0,
	/** @SFAB_LINK_CAUSE_NO_PATH: no such path, or no fibre there */
	SFAB_LINK_CAUSE_NO_PATH = 1,
	/** @SFAB_LINK_CAUSE_NOT_UP: the link carried no traffic to begin with */
	SFAB_LINK_CAUSE_NOT_UP = 2,
	/** @SFAB_LINK_CAUSE_DRAIN_TIMEOUT: what was under way did not arrive in time */
	SFAB_LINK_CAUSE_DRAIN_TIMEOUT = 3,
	/** @SFAB_LINK_CAUSE_NO_LIGHT: none on the new path */
	SFAB_LINK_CAUSE_NO_LIGHT = 4,
	/** @SFAB_LINK_CAUSE_NO_LOCK: light, but no clock in it */
	SFAB_LINK_CAUSE_NO_LOCK = 5,
	/** @SFAB_LINK_CAUSE_NO_TRAINING: nobody answers there */
	SFAB_LINK_CAUSE_NO_TRAINING = 6,
	/** @SFAB_LINK_CAUSE_STUCK: the optical switch did not move */
	SFAB_LINK_CAUSE_STUCK = 7,
	/** @SFAB_LINK_CAUSE_REFUSED: by the partner */
	SFAB_LINK_CAUSE_REFUSED = 8,
	/** @SFAB_LINK_CAUSE_ABORTED: somebody gave it up */
	SFAB_LINK_CAUSE_ABORTED = 9,
};

/**
 * struct sfab_link_switch - SFAB_LINK_SWITCH: send the light another way; changes
 *
 * A transaction of six phases, each with the time it began; what is sent meanwhile waits
 * or takes another route, and is not lost.  Without flags, or with TOGETHER, it is begun,
 * after what the partner has under way, and waited for.  If that takes the link TOGETHER to
 * @path, it is the one.  0 as soon as it has ended, whatever its result: look at @result.  A
 * signal or the timeout ends the waiting alone: ask with QUERY what became of it; a
 * SWITCH event comes in any case.
 */
struct sfab_link_switch {
	/** @size: in: size of the struct */
	__u32 size;
	/** @flags: in: SFAB_LINK_SWITCH_*; but for TOGETHER, one alone */
	__u32 flags;
#define SFAB_LINK_SWITCH_TOGETHER	(1U << 0)	/* the partner goes to @partner_path */
#define SFAB_LINK_SWITCH_QUERY		(1U << 1)	/* only tell of the last; changes nothing */
#define SFAB_LINK_SWITCH_ABORT		(1U << 2)	/* give up the one under way, and wait */
	/** @path: in: path to go to; 0 with QUERY or ABORT */
	__u32 path;
	/** @partner_path: in: with TOGETHER: the partner's, 0 to 15; else 0 */
	__u32 partner_path;
	/** @timeout_ms: in: how long to wait, 1 to 60000; 0 with QUERY */
	__u32 timeout_ms;
	/** @count: out: how many have ended since power-on, modulo 2^16 */
	__u32 count;
	/** @phase: out: &enum sfab_link_phase under way; NONE if it has ended */
	__u32 phase;
	/** @result: out: &enum sfab_link_result of the last that has ended */
	__u32 result;
	/** @failed_phase: out: &enum sfab_link_phase in which that went wrong */
	__u32 failed_phase;
	/** @cause: out: &enum sfab_link_cause */
	__u32 cause;
	/**
	 * @begin_ns: out: device's clock when PREPARE ([0]) to RESUME ([5]) began, and
	 * when it ended ([6]); 0 for what was not reached
	 */
	__u64 begin_ns[7];
	/** @model_ns: out: what SWITCH ([0]) and LOCK ([1]) take by the physics of the model */
	__u64 model_ns[2];
};

/**
 * struct sfab_link_map - SFAB_LINK_MAP: read the CMIS memory map of the module
 *
 * The map as one range, as other drivers of modules show it: byte b of page p of bank k,
 * b from 128 to 255, is at (k * 256 + p) * 128 + b, and the lower page at 0.  Pages that the
 * module does not have read as zeros.  What one call reads is of one moment.
 *
 * The attribute "cmis" in sysfs is the same as a file.  One read() of it gives 4096 bytes at
 * most, and these are of one moment.
 */
struct sfab_link_map {
	/** @size: in: size of the struct */
	__u32 size;
	/** @flags: in: must be 0 */
	__u32 flags;
	/** @data: in: user pointer to @length bytes, which are filled in */
	__u64 data;
	/** @offset: in: first byte; @offset + @length is at most SFAB_LINK_MAP_SIZE */
	__u32 offset;
	/** @length: in: bytes, not 0 */
	__u32 length;
	/** @interval: out: as in &struct sfab_link_readings */
	__u64 interval;
};

/** SFAB_LINK_MAP_SIZE - bytes of the map: a lower page, and the upper pages of bank 0 */
#define SFAB_LINK_MAP_SIZE	((256 + 1) * 128)

/** enum sfab_link_pattern - pseudo-random patterns, PAM4, Gray coded */
enum sfab_link_pattern {
	/** @SFAB_LINK_PRBS31Q: x^31 + x^28 + 1 */
	SFAB_LINK_PRBS31Q = 0,
	/** @SFAB_LINK_PRBS23Q: x^23 + x^18 + 1 */
	SFAB_LINK_PRBS23Q = 1,
	/** @SFAB_LINK_PRBS15Q: x^15 + x^14 + 1 */
	SFAB_LINK_PRBS15Q = 2,
	/** @SFAB_LINK_PRBS13Q: x^13 + x^12 + x^2 + x + 1 */
	SFAB_LINK_PRBS13Q = 3,
	/** @SFAB_LINK_PRBS9Q: x^9 + x^5 + 1 */
	SFAB_LINK_PRBS9Q = 4,
	/** @SFAB_LINK_PRBS7Q: x^7 + x^6 + 1 */
	SFAB_LINK_PRBS7Q = 5,
};

/** enum sfab_link_role - where the pattern that is checked comes from */
enum sfab_link_role {
	/** @SFAB_LINK_ROLE_PARTNER: the partner sends it, which has such a test too */
	SFAB_LINK_ROLE_PARTNER = 0,
	/** @SFAB_LINK_ROLE_NEAR_END: looped back within the own module */
	SFAB_LINK_ROLE_NEAR_END = 1,
	/** @SFAB_LINK_ROLE_REFLECT: the far end of somebody's FAR_END: send back what comes */
	SFAB_LINK_ROLE_REFLECT = 2,
	/** @SFAB_LINK_ROLE_FAR_END: the partner reflects: errors of both directions */
	SFAB_LINK_ROLE_FAR_END = 3,
};

/** enum sfab_link_test_op - what to do about a test */
enum sfab_link_test_op {
	/** @SFAB_LINK_TEST_READ: tell how it goes; changes nothing */
	SFAB_LINK_TEST_READ = 0,
	/** @SFAB_LINK_TEST_START: from zero */
	SFAB_LINK_TEST_START = 1,
	/** @SFAB_LINK_TEST_STOP: end it, if one runs; the results stay */
	SFAB_LINK_TEST_STOP = 2,
};

/**
 * struct sfab_link_test - SFAB_LINK_TEST: test the lanes with a pattern; changes
 *
 * While a test runs the link carries no traffic.  A device reset stops it.  The result is
 * that of the moment, after START or STOP.
 */
struct sfab_link_test {
	/** @size: in: size of the struct */
	__u32 size;
	/** @op: in: &enum sfab_link_test_op */
	__u32 op;
	/** @pattern: &enum sfab_link_pattern; in: for START, else 0; out: of the test */
	__u32 pattern;
	/** @role: &enum sfab_link_role; likewise */
	__u32 role;
	/** @running: out: 1 while it runs, else 0 */
	__u32 running;
	/** @locked: out: mask of the lanes whose checker has found the pattern */
	__u32 locked;
	/** @bits: out: bits checked on each locked lane */
	__u64 bits;
	/** @ns: out: for so long, by the device's clock */
	__u64 ns;
	/** @errors: out: wrong bits of each lane */
	__u64 errors[SFAB_LINK_LANES];
};

/** struct sfab_link_clear - SFAB_LINK_CLEAR: set counters back to 0; changes */
struct sfab_link_clear {
	/** @size: in: size of the struct */
	__u32 size;
	/** @what: SFAB_LINK_CLEAR_*, one at least */
	__u32 what;
#define SFAB_LINK_CLEAR_PACKETS	(1U << 0)	/* counters of packets, up to failovers */
#define SFAB_LINK_CLEAR_FEC	(1U << 1)	/* counters of codewords, and the histogram */
#define SFAB_LINK_CLEAR_FLAGS	(1U << 2)	/* latched flags of the CMIS map */
};

/**
 * DOC: events
 *
 * A link has its events numbered from 1 when the driver is bound, the same for all who
 * listen.  The newest SFAB_LINK_EVENTS are kept: read() on the device file delivers them in
 * order, whole ones only, from those on that come after it was opened; HISTORY gives those
 * that are kept.  Who reads so slowly that events he has not read are given up goes on with
 * the oldest that is there, and learns by @lost how many there were between.
 *
 * An event as read() delivers it has SFAB_LINK_EVENT_SIZE bytes and always will: members that
 * are added to the struct later are told by HISTORY, whose stride says what the caller knows.
 *
 * read() waits for an event unless O_NONBLOCK is set (EAGAIN); a buffer too small for one
 * gives EINVAL.  poll() tells EPOLLIN when one is there; once the device is gone, EPOLLHUP
 * and EPOLLERR, and read() gives ENODEV when all have been read.
 */

/** SFAB_LINK_EVENTS - how many events of a link are kept */
#define SFAB_LINK_EVENTS	128
/** SFAB_LINK_EVENT_SIZE - bytes of an event that is read */
#define SFAB_LINK_EVENT_SIZE	56

/** enum sfab_link_event_type - what has happened */
enum sfab_link_event_type {
	/** @SFAB_LINK_EVENT_STATE: another state, reason or path; or down and up; value: path */
	SFAB_LINK_EVENT_STATE = 1,
	/** @SFAB_LINK_EVENT_LANES: nothing but lanes in use changed; value: mask for receiving */
	SFAB_LINK_EVENT_LANES = 2,
	/**
	 * @SFAB_LINK_EVENT_MODULE: the module came, went, or has another state; value:
	 * &enum sfab_link_module, and from bit 8 on &enum sfab_link_fault
	 */
	SFAB_LINK_EVENT_MODULE = 3,
	/**
	 * @SFAB_LINK_EVENT_SWITCH: a switch of the light path has ended; value:
	 * &enum sfab_link_result, from bit 8 on the phase it failed in, from bit 16 on
	 * &enum sfab_link_cause, from bit 32 on the count.  Of those that the partner
	 * has asked for quickly one after the other it may tell the last alone: the
	 * count says how many there were
	 */
	SFAB_LINK_EVENT_SWITCH = 4,
	/** @SFAB_LINK_EVENT_CLEAR: counters were cleared; value: SFAB_LINK_CLEAR_* */
	SFAB_LINK_EVENT_CLEAR = 5,
	/** @SFAB_LINK_EVENT_TEST: a test began or ended here; value: 1 or 0 */
	SFAB_LINK_EVENT_TEST = 6,
	/** @SFAB_LINK_EVENT_FLAG: too hot, or no longer; value: SFAB_LINK_TOO_HOT or 0 */
	SFAB_LINK_EVENT_FLAG = 7,
};

/** struct sfab_link_event - one event, as read() and HISTORY deliver it */
struct sfab_link_event {
	/** @size: bytes of this event */
	__u32 size;
	/** @type: &enum sfab_link_event_type */
	__u32 type;
	/** @sequence: its number */
	__u64 sequence;
	/** @lost: events that this file lost just before it; 0 in HISTORY */
	__u64 lost;
	/** @time_ns: when the driver saw it */
	__u64 time_ns;
	/** @state: &enum sfab_link_state then */
	__u32 state;
	/** @reason: &enum sfab_link_why then */
	__u32 reason;
	/** @lanes: lanes in use then */
	__u32 lanes;
	/** @insertions: of modules; tells what happened to which of them */
	__u32 insertions;
	/** @value: of the type */
	__u64 value;
};

/**
 * struct sfab_link_history - SFAB_LINK_HISTORY: the events that are kept
 *
 * With @count 0 it only stores @count and @stride.  Otherwise it stores the newest @count
 * events, or all if there are fewer, oldest first, @stride bytes apart: cut to @stride, or
 * followed by zeros up to it.
 */
struct sfab_link_history {
	/** @size: in: size of the struct */
	__u32 size;
	/** @flags: in: must be 0 */
	__u32 flags;
	/** @data: in: user pointer to &struct sfab_link_event; ignored when @count is 0 */
	__u64 data;
	/** @count: in: events that fit; out: events stored, or kept if it was 0 */
	__u32 count;
	/**
	 * @stride: in: bytes from one to the next, ignored when @count is 0; out: bytes of
	 * an event that this kernel knows
	 */
	__u32 stride;
};

#define SFAB_LINK_IOC		0xfb

#define SFAB_LINK_INFO		_IO(SFAB_LINK_IOC, 0x00)
#define SFAB_LINK_STATE		_IO(SFAB_LINK_IOC, 0x01)
#define SFAB_LINK_READINGS	_IO(SFAB_LINK_IOC, 0x02)
#define SFAB_LINK_COUNTERS	_IO(SFAB_LINK_IOC, 0x03)
#define SFAB_LINK_CONTROL	_IO(SFAB_LINK_IOC, 0x04)
#define SFAB_LINK_SWITCH	_IO(SFAB_LINK_IOC, 0x05)
#define SFAB_LINK_MAP		_IO(SFAB_LINK_IOC, 0x06)
#define SFAB_LINK_TEST		_IO(SFAB_LINK_IOC, 0x07)
#define SFAB_LINK_CLEAR		_IO(SFAB_LINK_IOC, 0x08)
#define SFAB_LINK_HISTORY	_IO(SFAB_LINK_IOC, 0x09)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_SFAB_LINK_H_ */
