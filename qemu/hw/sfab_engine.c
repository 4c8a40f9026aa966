/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab accelerator: what makes the core's engines run
 *
 * Each engine has a thread that sleeps until it is kicked. To wake a thread of
 * another CPU takes longer than most small commands: so the vCPU that rings a
 * doorbell first does some microseconds of the work itself, under the BQL.
 *
 * Where a run must be reproducible (icount, x-engine-sync) there is no thread:
 * the call into the core that gave an engine work also does it all, likewise.
 *
 * Nothing waits for a thread under the BQL, which the thread may need in order
 * to get on: a reset only tells the core; unrealize leaves threads to a bottom
 * half that joins them when they have ended; and parking, when the VM stops,
 * gives up the BQL while it waits.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "sfab_accel.h"
#include "trace.h"

/* An engine leaves its slice within milliseconds, unless its host hangs. */
#define SFAB_PARK_MS            2000

/* How much a synchronous call does, and when the rest goes on. */
#define SFAB_SYNC_SLICES        4
#define SFAB_SYNC_PAUSE_NS      100000

/* What a vCPU does in a doorbell: so many slices of 4 KiB. */
#define SFAB_DOORBELL_SLICES    4

/* Of the thread of a vCPU: the device of which it writes a register. */
static __thread SfabAccelState *sfab_engines_writing;

/* The thread has nothing left to do but to return. */
static void sfab_engine_join(void *opaque)
{
    SfabEngine *e = opaque;

    qemu_thread_join(&e->thread);
    object_unref(OBJECT(e->s));
}

/* One slice, be it the @last that this thread does; a WAIT polls by a timer. */
static enum sfab_run sfab_engine_run(SfabEngine *e, bool brief, bool last)
{
    SfabAccelState *s = e->s;
    enum sfab_run next;
    uint64_t due = 0;

    sfab_ports_help_begin(s);
    qatomic_set_mb(&e->running, true);
    if (brief) {
        next = sfab_core_help(s->core, e->index, &due);
    } else {
        next = sfab_core_run(s->core, e->index, &due);
    }
    qatomic_set_mb(&e->running, false);
    sfab_ports_help_end(s, next == SFAB_RUN_MORE && !last);
    if (next == SFAB_RUN_POLL) {
        timer_mod_ns(e->timer, due);
    }
    return next;
}

static void sfab_engine_tell_left(SfabAccelState *s)
{
    bql_lock();
    qemu_cond_broadcast(&s->left);
    bql_unlock();
}

static void *sfab_engine_thread(void *opaque)
{
    SfabEngine *e = opaque;
    SfabAccelState *s = e->s;
    enum sfab_run next;

    sfab_fibre_hasten();
    rcu_register_thread();
    while (!qatomic_read(&s->stop)) {
        /* Before the work: a kick from now on means one more round. */
        qemu_event_reset(&e->kicked);
        qemu_mutex_lock(&e->run);
        next = sfab_engine_run(e, false, false);
        qemu_mutex_unlock(&e->run);
        if (qatomic_read(&s->parking)) {
            sfab_engine_tell_left(s);
        }
        if (next != SFAB_RUN_MORE && !qatomic_read(&s->stop)) {
            qemu_event_wait(&e->kicked);
        }
    }
    aio_bh_schedule_oneshot(qemu_get_aio_context(), sfab_engine_join, e);
    rcu_unregister_thread();
    return NULL;
}

void sfab_engine_kick(void *opaque, unsigned int engine)
{
    SfabAccelState *s = opaque;
    SfabEngine *e = &s->engines[engine];

    if (s->sync || sfab_engines_writing == s) {
        e->pending = true;
    } else {
        qemu_event_set(&e->kicked);
    }
}

/* True if there is nothing left for the thread, at least not now. */
static bool sfab_engine_try(SfabEngine *e)
{
    enum sfab_run next;
    unsigned int slices = 0;

    if (qemu_mutex_trylock(&e->run)) {
        return false;
    }
    do {
        slices++;
        next = sfab_engine_run(e, true, slices == SFAB_DOORBELL_SLICES);
    } while (next == SFAB_RUN_MORE && slices < SFAB_DOORBELL_SLICES);
    qemu_mutex_unlock(&e->run);
    return next != SFAB_RUN_MORE;
}

static SfabEngine *sfab_engines_pending(SfabAccelState *s)
{
    unsigned int i;

    for (i = 0; i < s->num_engines; i++) {
        if (s->engines[i].pending) {
            s->engines[i].pending = false;
            return &s->engines[i];
        }
    }
    return NULL;
}

/*
 * The guest writes a register. The first engine that has work then is not
 * woken: what it would begin with is done here. For more a vCPU has no time,
 * nor for any of it where the "guest" is the IOMMU that tells an engine's fault
 * by a write to another device.
 */
void sfab_engines_write(SfabAccelState *s, hwaddr addr, uint64_t value,
                        unsigned int size)
{
    SfabEngine *e;

    if (s->sync || sfab_ports_is_helping()) {
        sfab_core_write(s->core, addr, value, size);
        sfab_engines_settle(s);
        return;
    }
    sfab_engines_writing = s;
    sfab_core_write(s->core, addr, value, size);
    e = sfab_engines_pending(s);
    if (e && !sfab_engine_try(e)) {
        e->pending = true;
    }
    sfab_engines_writing = NULL;
    while ((e = sfab_engines_pending(s))) {
        qemu_event_set(&e->kicked);
    }
}

static void sfab_engine_timer(void *opaque)
{
    SfabEngine *e = opaque;

    sfab_engine_kick(e->s, e->index);
    sfab_engines_settle(e->s);
}

/* One slice of each engine that has work; whether there is more to do. */
static bool sfab_engines_step(SfabAccelState *s)
{
    bool more;
    uint64_t due = 0;
    unsigned int i;

    for (i = 0; i < s->num_engines; i++) {
        SfabEngine *e = &s->engines[i];

        if (!e->pending) {
            continue;
        }
        e->pending = false;
        switch (sfab_core_run(s->core, i, &due)) {
        case SFAB_RUN_MORE:
            e->pending = true;
            break;
        case SFAB_RUN_POLL:
            timer_mod_ns(e->timer, due);
            break;
        case SFAB_RUN_IDLE:
            break;
        }
    }
    more = sfab_ports_step(s);
    for (i = 0; i < s->num_engines; i++) {
        more |= s->engines[i].pending;
    }
    return more;
}

/*
 * To be called after every call into the core that may have kicked: does the
 * work where there are no threads. It is bounded; what is left is done by the
 * timers, so that a guest that asks for very much keeps running.
 */
void sfab_engines_settle(SfabAccelState *s)
{
    int64_t later;
    unsigned int i, slices = 0;
    bool more;

    if (!s->sync || s->in_sync) {
        return;
    }
    s->in_sync = true;
    do {
        more = sfab_engines_step(s);
    } while (more && ++slices < SFAB_SYNC_SLICES);
    s->in_sync = false;

    if (more) {
        later = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + SFAB_SYNC_PAUSE_NS;
        for (i = 0; i < s->num_engines; i++) {
            if (s->engines[i].pending) {
                timer_mod_ns(s->engines[i].timer, later);
            }
        }
        sfab_ports_step_at(s, later);
    }
}

/* An engine, or the fabric worker, may touch the memory of the VM. */
static bool sfab_engines_running(SfabAccelState *s)
{
    unsigned int i;

    for (i = 0; i < s->num_engines; i++) {
        if (qatomic_read(&s->engines[i].running)) {
            return true;
        }
    }
    return s->ports.fabric && sfab_core_busy(s->core);
}

/* On return the VM's memory does not change any more, nor does the core. */
static void sfab_engines_park(SfabAccelState *s)
{
    int64_t end = qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + SFAB_PARK_MS;

    qatomic_set_mb(&s->parking, true);
    sfab_core_pause(s->core, true);
    while (sfab_engines_running(s) &&
           qemu_clock_get_ms(QEMU_CLOCK_REALTIME) < end) {
        qemu_cond_timedwait_bql(&s->left, 100);
    }
    qatomic_set(&s->parking, false);

    qatomic_set(&s->parked, !sfab_engines_running(s));
    if (!s->parked) {
        warn_report("%s %s: an engine has not left its slice in %d ms; its "
                    "state cannot be saved until the VM is stopped again",
                    TYPE_SFAB_ACCEL, s->id, SFAB_PARK_MS);
    }
    /* What the engines have announced belongs to the state of the guest. */
    sfab_bus_flush_irqs(s);
    trace_sfab_engine_parked(s->id, s->parked);
}

static void sfab_engines_vm_change(void *opaque, bool running, RunState state)
{
    SfabAccelState *s = opaque;

    if (running) {
        qatomic_set(&s->parked, false);
        trace_sfab_engine_parked(s->id, false);
        sfab_core_pause(s->core, false);
        sfab_engines_settle(s);
    } else {
        sfab_engines_park(s);
    }
}

void sfab_engines_start(SfabAccelState *s)
{
    unsigned int i;

    qemu_cond_init(&s->left);
    for (i = 0; i < s->num_engines; i++) {
        SfabEngine *e = &s->engines[i];

        e->s = s;
        e->index = i;
        e->pending = s->sync;   /* the first run tells the core it is idle */
        e->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, sfab_engine_timer, e);
        qemu_mutex_init(&e->run);
        qemu_event_init(&e->kicked, false);
    }
    /* Live: the last that the handler would have been told is "running". */
    if (!runstate_is_live(runstate_get())) {
        sfab_core_pause(s->core, true);
        s->parked = true;
    }
    s->vm_change = qdev_add_vm_change_state_handler(DEVICE(s),
                                                    sfab_engines_vm_change, s);
    for (i = 0; i < s->num_engines && !s->sync; i++) {
        g_autofree char *name = g_strdup_printf("sfab/%u", i);

        object_ref(OBJECT(s));
        qemu_thread_create(&s->engines[i].thread, name, sfab_engine_thread,
                           &s->engines[i], QEMU_THREAD_JOINABLE);
    }
    sfab_engines_settle(s);
}

/* Ends the threads, each of which holds a reference on the device. */
void sfab_engines_stop(SfabAccelState *s)
{
    unsigned int i;

    qemu_del_vm_change_state_handler(s->vm_change);
    if (!s->parked) {
        sfab_core_pause(s->core, true);
    }
    qatomic_set(&s->stop, true);
    for (i = 0; i < s->num_engines; i++) {
        timer_del(s->engines[i].timer);
        qemu_event_set(&s->engines[i].kicked);
    }
}

void sfab_engines_finalize(SfabAccelState *s)
{
    unsigned int i;

    if (!s->vm_change) {
        return;
    }
    for (i = 0; i < s->num_engines; i++) {
        timer_free(s->engines[i].timer);
        qemu_event_destroy(&s->engines[i].kicked);
        qemu_mutex_destroy(&s->engines[i].run);
    }
    qemu_cond_destroy(&s->left);
}
