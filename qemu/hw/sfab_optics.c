/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab accelerator: what goes wrong with its light, on request
 *
 * The property x-inject takes one fault at a time, to be set at run time, as
 * docs/specs/sfab-optics.rst tells:
 *
 *   KIND,port=P[,path=L][,lane=N],value=V
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qemu/cutils.h"
#include "qemu/keyval.h"
#include "sfab_accel.h"
#include "trace.h"

static const struct {
    const char *name;
    enum sfab_inject kind;
    unsigned int scale;     /* from units to what the core counts in */
    bool path;
    bool lane;
} sfab_optics_kinds[] = {
    { "loss", SFAB_INJECT_LOSS, 1000, true, true },
    { "dead", SFAB_INJECT_DEAD, 1, false, true },
    { "unlock", SFAB_INJECT_UNLOCK, 1, false, true },
    { "ageing", SFAB_INJECT_AGEING, 1000000, false, true },
    { "age", SFAB_INJECT_AGE, 1000000, false, true },
    { "heat", SFAB_INJECT_HEAT, 1000, false, false },
    { "ramp", SFAB_INJECT_RAMP, 1000, false, false },
    { "module", SFAB_INJECT_MODULE, 1, false, false },
    { "hang", SFAB_INJECT_HANG, 1, false, false },
    { "stick", SFAB_INJECT_STICK, 1, false, false },
    { "damage", SFAB_INJECT_DAMAGE, 1, false, false },
    { "flap", SFAB_INJECT_FLAP, 1000, false, false },
};

/* Take a number out of @dict; 0 or more, @missing if there is none. */
static bool sfab_optics_number(QDict *dict, const char *key, bool allowed,
                               unsigned int missing, unsigned int *number,
                               Error **errp)
{
    const char *text = qdict_get_try_str(dict, key);

    *number = missing;
    if (!qdict_haskey(dict, key)) {
        return true;
    }
    if (!allowed || !text || qemu_strtoui(text, NULL, 10, number) < 0 ||
        *number == SFAB_INJECT_ALL) {
        error_setg(errp, "'%s' of property '" TYPE_SFAB_ACCEL ".x-inject' %s",
                   key, allowed ? "must be a whole number" :
                   "does not belong to this kind of fault");
        return false;
    }
    qdict_del(dict, key);
    return true;
}

static bool sfab_optics_value(QDict *dict, unsigned int scale, int32_t *number,
                              Error **errp)
{
    const char *text = qdict_get_try_str(dict, "value");
    double value;

    if (!text || qemu_strtod_finite(text, NULL, &value) < 0) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".x-inject' needs "
                   "value=NUMBER");
        return false;
    }
    value *= scale;
    value = MIN(MAX(value, INT32_MIN), INT32_MAX);
    *number = value + (value < 0 ? -0.5 : 0.5);
    qdict_del(dict, "value");
    return true;
}

static bool sfab_optics_parse(QDict *dict, struct sfab_injection *inject,
                              Error **errp)
{
    const char *kind = qdict_get_try_str(dict, "kind");
    unsigned int k;

    for (k = 0; k < ARRAY_SIZE(sfab_optics_kinds); k++) {
        if (!g_strcmp0(kind, sfab_optics_kinds[k].name)) {
            break;
        }
    }
    if (k == ARRAY_SIZE(sfab_optics_kinds)) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".x-inject' knows no "
                   "fault '%s'; give loss, dead, unlock, ageing, age, heat, "
                   "ramp, module, hang, stick, damage or flap",
                   kind ? kind : "");
        return false;
    }
    inject->kind = sfab_optics_kinds[k].kind;
    qdict_del(dict, "kind");
    if (!qdict_haskey(dict, "port")) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".x-inject' needs "
                   "port=NUMBER");
        return false;
    }
    if (!sfab_optics_number(dict, "port", true, 0, &inject->port, errp) ||
        !sfab_optics_number(dict, "path", sfab_optics_kinds[k].path,
                            SFAB_INJECT_ALL, &inject->path, errp) ||
        !sfab_optics_number(dict, "lane", sfab_optics_kinds[k].lane,
                            SFAB_INJECT_ALL, &inject->lane, errp) ||
        !sfab_optics_value(dict, sfab_optics_kinds[k].scale, &inject->value,
                           errp)) {
        return false;
    }
    if (qdict_size(dict)) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".x-inject' knows no "
                   "'%s'; give port, path, lane and value",
                   qdict_first(dict)->key);
        return false;
    }
    return true;
}

static void sfab_optics_inject(Object *obj, const char *text, Error **errp)
{
    SfabAccelState *s = SFAB_ACCEL(obj);
    struct sfab_injection inject;
    const char *why;
    QDict *dict;

    if (!DEVICE(s)->realized || !s->ports.fabric) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".x-inject' can be set "
                   "on a plugged device with ports only; use qom-set");
        return;
    }
    dict = keyval_parse(text, "kind", NULL, errp);
    if (!dict) {
        return;
    }
    if (sfab_optics_parse(dict, &inject, errp)) {
        if (sfab_fabric_inject(s->ports.fabric, &inject, &why) < 0) {
            error_setg(errp, "property '" TYPE_SFAB_ACCEL ".x-inject' is '%s': "
                       "%s", text, why);
        } else {
            trace_sfab_optics_inject(s->id, text);
            sfab_engines_settle(s);
        }
    }
    qobject_unref(dict);
}

void sfab_optics_add_properties(ObjectClass *oc)
{
    object_class_property_add_str(oc, "x-inject", NULL, sfab_optics_inject);
    object_class_property_set_description(oc, "x-inject",
        "a fault of the light, KIND,port=P[,path=L][,lane=N],value=V; to be set "
        "at run time");
}
