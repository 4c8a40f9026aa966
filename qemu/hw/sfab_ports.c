/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab accelerator: its ports, the fibres at them, and the fabric worker
 *
 * The worker is a thread like those of the engines (sfab_engine.c): it runs the
 * core's fabric, looks after the ends of the fibres, and sleeps in poll() until
 * one of them has something to say. Where engines have no threads it has none:
 * the main loop watches the fibres then, and the work is done under the BQL.
 *
 * It takes and gives back the ends of the fibres itself: a device that is
 * plugged in while its predecessor is still on its way out waits for it here.
 *
 * While it sleeps, who runs an engine that has work for the fabric runs this,
 * too, be it the engine's thread or a vCPU: to wake another thread takes longer
 * than most of what is to be sent. Who runs the fabric, or touches the ends of
 * its fibres, holds @run; with the BQL it is only tried.
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "hw/qdev-properties.h"
#include "migration/blocker.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "sfab_accel.h"
#include "trace.h"

/* An end that is not free yet is asked for again. */
#define SFAB_TAKE_NS            (20 * SCALE_MS)
#define SFAB_TAKE_PATIENCE      100

/*
 * What an engine sends has to be sent again if no answer comes: so that it need
 * not wake the worker for that, that wakes up so often for a while anyway.
 */
#define SFAB_HELPED_NS          (1000 * SCALE_MS)
#define SFAB_NAP_NS             (20 * SCALE_MS)

/* While the VM is stopped its clock and the fabric's times stand still. */
#define SFAB_STOPPED_NS         (10 * SCALE_MS)

static void sfab_ports_readable(void *opaque)
{
    SfabEnd *e = opaque;

    sfab_fibre_service(e->end);
    sfab_ports_wake(e->s);
    sfab_engines_settle(e->s);
}

static void sfab_ports_attach(void *opaque, void *memory, unsigned int index)
{
    SfabEnd *e = opaque;

    trace_sfab_ports_light(e->s->id, e->port, e->path, memory != NULL);
    sfab_fabric_attach(e->s->ports.fabric, e->port, e->path, memory, index);
}

static void sfab_ports_report(void *opaque, const char *text)
{
    SfabEnd *e = opaque;

    warn_report(TYPE_SFAB_ACCEL " %s: port %u, light path %u: fibre '%s': %s",
                e->s->id, e->port, e->path,
                object_get_canonical_path_component(OBJECT(e->fibre)), text);
}

static const struct sfab_fibre_ops sfab_ports_fibre_ops = {
    .attach = sfab_ports_attach,
    .report = sfab_ports_report,
};

/* What a helper moves: the thread of an engine, or a vCPU within a write. */
#define SFAB_HELP_BYTES         (256 * KiB)
#define SFAB_HELP_BYTES_BQL     (16 * KiB)

/* Of the thread that runs an engine. */
static __thread SfabAccelState *sfab_ports_helper;  /* from begin to end */
static __thread bool sfab_ports_to_do;              /* the fabric has work */
static __thread bool sfab_ports_put_off;            /* ... since the last end */

void sfab_ports_wake(void *opaque)
{
    SfabPorts *p = &((SfabAccelState *)opaque)->ports;

    if (sfab_ports_helper == opaque) {
        sfab_ports_to_do = true;
        return;
    }
    if (!qatomic_xchg(&p->woken, true) && qatomic_read(&p->waiting)) {
        event_notifier_set(&p->wake);
    }
}

void sfab_ports_help_begin(SfabAccelState *s)
{
    sfab_ports_helper = s;
}

bool sfab_ports_is_helping(void)
{
    return sfab_ports_helper;
}

static bool sfab_ports_is_slow(const SfabPorts *p)
{
    unsigned int i;

    for (i = 0; i < p->num_ends; i++) {
        if (p->ends[i].end && sfab_fibre_is_slow(p->ends[i].end)) {
            return true;
        }
    }
    return false;
}

static void sfab_ports_help(SfabPorts *p)
{
    uint64_t due = 0, bytes = bql_locked() ? SFAB_HELP_BYTES_BQL :
                                             SFAB_HELP_BYTES;

    if (qemu_mutex_trylock(&p->run)) {
        return;
    }
    if (bql_locked() && sfab_ports_is_slow(p)) {
        qemu_mutex_unlock(&p->run);
        return;
    }
    sfab_ports_to_do = false;
    p->helped = get_clock();
    switch (sfab_fabric_help(p->fabric, &due, bytes)) {
    case SFAB_RUN_MORE:
        sfab_ports_to_do = true;
        break;
    case SFAB_RUN_POLL:
        sfab_ports_to_do |= (int64_t)due < p->due;
        break;
    case SFAB_RUN_IDLE:
        break;
    }
    qemu_mutex_unlock(&p->run);
}

/*
 * An engine that has more to do first looks what: others rely on that, and have
 * woken nobody. If it still has, the fabric is not for it.
 */
void sfab_ports_help_end(SfabAccelState *s, bool more)
{
    bool put_off = sfab_ports_to_do && more && !sfab_ports_put_off;

    sfab_ports_put_off = put_off;
    if (sfab_ports_to_do && !more) {
        sfab_ports_help(&s->ports);
    }
    sfab_ports_helper = NULL;
    if (sfab_ports_to_do && !put_off) {
        sfab_ports_to_do = false;
        sfab_ports_wake(s);
    }
}

void sfab_ports_ring(void *opaque, unsigned int port, unsigned int path)
{
    SfabPorts *p = &((SfabAccelState *)opaque)->ports;
    unsigned int i;

    for (i = 0; i < p->num_ends; i++) {
        SfabEnd *e = &p->ends[i];

        if (e->port == port && e->path == path && e->end) {
            sfab_fibre_ring(e->end);
        }
    }
}

static bool sfab_ports_take(SfabEnd *e)
{
    SfabAccelState *s = e->s;
    char why[256];

    e->end = sfab_fibre_open(e->fibre->fibre, &sfab_ports_fibre_ops, e, why,
                             sizeof(why));
    if (!e->end) {
        if (++s->ports.refused == SFAB_TAKE_PATIENCE) {
            sfab_ports_report(e, why);
        }
        return false;
    }
    if (s->sync) {
        qemu_set_fd_handler(sfab_fibre_fd(e->end), sfab_ports_readable, NULL,
                            e);
    }
    sfab_fibre_service(e->end);
    return true;
}

static void sfab_ports_give_back(SfabEnd *e)
{
    if (!e->end) {
        return;
    }
    if (e->s->sync) {
        qemu_set_fd_handler(sfab_fibre_fd(e->end), NULL, NULL, NULL);
    }
    sfab_fibre_close(e->end);
    e->end = NULL;
}

/* Take the ends, or give them back if the card was pulled. False: try again. */
static bool sfab_ports_take_all(SfabPorts *p)
{
    bool pulled = qatomic_read(&p->pulled), all = true;
    unsigned int i;

    for (i = 0; i < p->num_ends; i++) {
        if (pulled) {
            sfab_ports_give_back(&p->ends[i]);
        } else if (!p->ends[i].end) {
            all &= sfab_ports_take(&p->ends[i]);
        }
    }
    return all;
}

static void sfab_ports_give_back_all(SfabPorts *p)
{
    unsigned int i;

    for (i = 0; i < p->num_ends; i++) {
        sfab_ports_give_back(&p->ends[i]);
    }
}

/* In how many ns to run again, -1 for not before something happens. */
static int64_t sfab_ports_run(SfabAccelState *s)
{
    SfabPorts *p = &s->ports;
    bool all = sfab_ports_take_all(p);
    int64_t ns = -1;
    uint64_t due = 0;

    switch (sfab_fabric_run(p->fabric, &due)) {
    case SFAB_RUN_MORE:
        ns = 0;
        break;
    case SFAB_RUN_POLL:
        ns = MAX((int64_t)due - qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), 0);
        break;
    case SFAB_RUN_IDLE:
        break;
    }
    if (!all && (ns < 0 || ns > SFAB_TAKE_NS)) {
        ns = SFAB_TAKE_NS;
    }
    return ns;
}

/* Until @ns have passed, somebody wakes us or a fibre has something to say. */
static void sfab_ports_wait(SfabPorts *p, int64_t ns)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    GPollFD fds[ARRAY_SIZE(p->ends) + 1];
    unsigned int i;

    fds[0] = (GPollFD) {
        .fd = event_notifier_get_fd(&p->wake),
        .events = G_IO_IN,
    };
    for (i = 0; i < p->num_ends; i++) {
        fds[i + 1] = (GPollFD) {
            .fd = p->ends[i].end ? sfab_fibre_fd(p->ends[i].end) : -1,
            .events = G_IO_IN,
        };
    }
    p->asleep = ns && sfab_fabric_sleep(p->fabric, true);
    if (get_clock() - p->helped < SFAB_HELPED_NS &&
        (ns < 0 || ns > SFAB_NAP_NS)) {
        ns = SFAB_NAP_NS;
    }
    p->due = ns < 0 ? INT64_MAX : now + ns;
    /* First, so that an engine that finds it taken is seen to have woken us. */
    qemu_mutex_unlock(&p->run);
    qatomic_set_mb(&p->waiting, true);
    if (!p->asleep || qatomic_read(&p->woken)) {
        ns = 0;
    }
    qemu_poll_ns(fds, p->num_ends + 1, ns);
    qatomic_set(&p->waiting, false);
    qemu_mutex_lock(&p->run);
    if (p->asleep) {
        sfab_fabric_sleep(p->fabric, false);
    }
    if (fds[0].revents) {
        event_notifier_test_and_clear(&p->wake);
    }
    for (i = 0; i < p->num_ends; i++) {
        if (fds[i + 1].revents) {
            sfab_fibre_service(p->ends[i].end);
        }
    }
}

static void sfab_ports_join(void *opaque)
{
    SfabAccelState *s = opaque;

    qemu_thread_join(&s->ports.thread);
    object_unref(OBJECT(s));
}

static void *sfab_ports_thread(void *opaque)
{
    SfabAccelState *s = opaque;
    SfabPorts *p = &s->ports;
    int64_t ns;

    sfab_fibre_hasten();
    rcu_register_thread();
    qemu_mutex_lock(&p->run);
    while (!qatomic_read(&s->stop)) {
        /* Before the work: a wake from now on means one more round. */
        qatomic_xchg(&p->woken, false);
        ns = sfab_ports_run(s);
        if (qatomic_read(&s->parking)) {
            bql_lock();
            qemu_cond_broadcast(&s->left);
            bql_unlock();
        }
        if (ns > 0 && ns < SFAB_STOPPED_NS && qatomic_read(&s->parked)) {
            ns = SFAB_STOPPED_NS;
        }
        if (ns && sfab_fabric_linger(p->fabric, get_clock())) {
            ns = 0;
        }
        sfab_ports_wait(p, ns);
    }
    sfab_ports_give_back_all(p);
    qemu_mutex_unlock(&p->run);
    aio_bh_schedule_oneshot(qemu_get_aio_context(), sfab_ports_join, s);
    rcu_unregister_thread();
    return NULL;
}

/* ---- without a thread ---- */

void sfab_ports_step_at(SfabAccelState *s, int64_t ns)
{
    if (s->ports.fabric && qatomic_read(&s->ports.woken)) {
        timer_mod_ns(s->ports.timer, ns);
    }
}

bool sfab_ports_step(SfabAccelState *s)
{
    SfabPorts *p = &s->ports;
    int64_t ns;

    if (!p->fabric || !qatomic_xchg(&p->woken, false)) {
        return false;
    }
    if (p->asleep) {
        sfab_fabric_sleep(p->fabric, false);
    }
    ns = sfab_ports_run(s);
    p->asleep = ns && sfab_fabric_sleep(p->fabric, true);
    if (!p->asleep) {
        qatomic_set(&p->woken, true);
    } else if (ns > 0) {
        timer_mod_ns(p->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + ns);
    }
    return qatomic_read(&p->woken);
}

static void sfab_ports_timer(void *opaque)
{
    sfab_ports_wake(opaque);
    sfab_engines_settle(opaque);
}

/* ---- life ---- */

/* How many ends of a fibre there are for devices of this QEMU. */
static unsigned int sfab_ports_capacity(const SfabFibre *f)
{
    return f->path || f->host ? 1 : 2;
}

static bool sfab_ports_claim_fibre(SfabAccelState *s, unsigned int port,
                                   unsigned int path, Error **errp)
{
    SfabPorts *p = &s->ports;
    SfabFibre *f = p->fibre[port][path];

    if (!f) {
        return true;
    }
    if (port >= p->num || path >= p->paths) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".port%u-path%u' names a "
                   "fibre, but the device has %u ports with %u light paths; "
                   "give it more of them, or the fibre to another one", port,
                   path, p->num, p->num ? p->paths : 0);
        return false;
    }
    if (f->users == sfab_ports_capacity(f)) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".port%u-path%u' is "
                   "'%s', which has no free end; a fibre joins two ports",
                   port, path,
                   object_get_canonical_path_component(OBJECT(f)));
        return false;
    }
    f->users++;
    p->ends[p->num_ends++] = (SfabEnd) {
        .s = s, .port = port, .path = path, .fibre = f,
    };
    return true;
}

void sfab_ports_release(SfabAccelState *s)
{
    unsigned int i;

    for (i = 0; i < s->ports.num_ends; i++) {
        s->ports.ends[i].fibre->users--;
    }
    migrate_del_blocker(&s->ports.blocker);
}

/* After the core is made. */
bool sfab_ports_claim(SfabAccelState *s, Error **errp)
{
    SfabPorts *p = &s->ports;
    unsigned int port, path;
    int error;

    for (port = 0; port < SFAB_ACCEL_PORTS; port++) {
        for (path = 0; path < SFAB_MAX_PATHS; path++) {
            if (!sfab_ports_claim_fibre(s, port, path, errp)) {
                sfab_ports_release(s);
                return false;
            }
        }
    }
    if (!p->num) {
        return true;
    }
    error_setg(&p->blocker, TYPE_SFAB_ACCEL " %s has ports, and the other ends "
               "of fibres do not move along; with ports=0 it could", s->id);
    if (migrate_add_blocker(&p->blocker, errp) < 0) {
        sfab_ports_release(s);
        return false;
    }
    error = event_notifier_init(&p->wake, false);
    if (error < 0) {
        error_setg_errno(errp, -error, TYPE_SFAB_ACCEL " %s: no eventfd",
                         s->id);
        sfab_ports_release(s);
        return false;
    }
    qemu_mutex_init(&p->run);
    p->fabric = sfab_core_fabric(s->core);
    return true;
}

void sfab_ports_start(SfabAccelState *s)
{
    SfabPorts *p = &s->ports;

    if (!p->fabric) {
        return;
    }
    p->woken = true;
    if (s->sync) {
        p->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, sfab_ports_timer, s);
        return;
    }
    object_ref(OBJECT(s));
    qemu_thread_create(&p->thread, "sfab/ports", sfab_ports_thread, s,
                       QEMU_THREAD_JOINABLE);
}

/* After s->stop is set. */
void sfab_ports_stop(SfabAccelState *s)
{
    SfabPorts *p = &s->ports;

    sfab_ports_release(s);
    if (!p->fabric) {
        return;
    }
    if (s->sync) {
        sfab_ports_give_back_all(p);
        timer_del(p->timer);
    } else {
        sfab_ports_wake(s);
    }
}

void sfab_ports_finalize(SfabAccelState *s)
{
    SfabPorts *p = &s->ports;

    if (!p->fabric) {
        return;
    }
    if (p->timer) {
        timer_free(p->timer);
    }
    event_notifier_cleanup(&p->wake);
    qemu_mutex_destroy(&p->run);
}

void sfab_ports_pull(SfabAccelState *s, bool pulled)
{
    if (s->ports.fabric) {
        sfab_fabric_pull(s->ports.fabric, pulled);
        qatomic_set(&s->ports.pulled, pulled);
        sfab_ports_wake(s);
    }
}

/* portP-pathL of every P and L: which of them there are is known later. */
void sfab_ports_add_properties(Object *obj)
{
    SfabPorts *p = &SFAB_ACCEL(obj)->ports;
    unsigned int port, path;

    for (port = 0; port < SFAB_ACCEL_PORTS; port++) {
        for (path = 0; path < SFAB_MAX_PATHS; path++) {
            g_autofree char *name = g_strdup_printf("port%u-path%u", port,
                                                    path);
            g_autofree char *text = g_strdup_printf(
                "the fibre at light path %u of port %u", path, port);

            object_property_add_link(obj, name, TYPE_SFAB_FIBRE,
                                     (Object **)&p->fibre[port][path],
                                     qdev_prop_allow_set_link_before_realize,
                                     OBJ_PROP_LINK_STRONG);
            object_property_set_description(obj, name, text);
        }
    }
}
