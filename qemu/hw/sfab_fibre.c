/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab fibre: the object that joins two ports
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "qom/object_interfaces.h"
#include "sfab_fibre.h"
#include "trace.h"

static void sfab_fibre_complete(UserCreatable *uc, Error **errp)
{
    SfabFibre *f = SFAB_FIBRE(uc);
    struct sfab_fibre_config config = {
        .name = object_get_canonical_path_component(OBJECT(f)),
        .path = f->path,
        .host = f->host,
        .port = f->port,
        .server = f->server,
        .mirror = f->mirror,
    };
    char why[256];

    if (f->path && f->host) {
        error_setg(errp, TYPE_SFAB_FIBRE " '%s' has both a path and a host; "
                   "give one of them", config.name);
        return;
    }
    if (!f->path && !f->host && (f->server || f->port)) {
        error_setg(errp, TYPE_SFAB_FIBRE " '%s' has no path and no host, so "
                   "both its ends are here: server and port make no sense",
                   config.name);
        return;
    }
    f->fibre = sfab_fibre_create(&config, why, sizeof(why));
    if (!f->fibre) {
        error_setg(errp, TYPE_SFAB_FIBRE " '%s': %s", config.name, why);
        return;
    }
    sfab_fibre_cut(f->fibre, f->cut);
}

static bool sfab_fibre_can_be_deleted(UserCreatable *uc)
{
    return !SFAB_FIBRE(uc)->users;
}

static bool sfab_fibre_get_cut(Object *obj, Error **errp)
{
    return SFAB_FIBRE(obj)->cut;
}

static void sfab_fibre_set_cut(Object *obj, bool cut, Error **errp)
{
    SfabFibre *f = SFAB_FIBRE(obj);

    f->cut = cut;
    if (f->fibre) {
        trace_sfab_fibre_cut(object_get_canonical_path_component(obj), cut);
        sfab_fibre_cut(f->fibre, cut);
    }
}

/* All but "cut" are fixed once the object is complete. */
#define SFAB_FIBRE_STRING(what)                                             \
    static char *sfab_fibre_get_##what(Object *obj, Error **errp)           \
    {                                                                       \
        return g_strdup(SFAB_FIBRE(obj)->what);                             \
    }                                                                       \
    static void sfab_fibre_set_##what(Object *obj, const char *value,       \
                                      Error **errp)                         \
    {                                                                       \
        SfabFibre *f = SFAB_FIBRE(obj);                                     \
                                                                            \
        if (f->fibre) {                                                     \
            error_setg(errp, "property '" TYPE_SFAB_FIBRE "." #what         \
                       "' cannot change any more; make another fibre");     \
            return;                                                         \
        }                                                                   \
        g_free(f->what);                                                    \
        f->what = g_strdup(value);                                          \
    }

#define SFAB_FIBRE_BOOL(what)                                               \
    static bool sfab_fibre_get_##what(Object *obj, Error **errp)            \
    {                                                                       \
        return SFAB_FIBRE(obj)->what;                                       \
    }                                                                       \
    static void sfab_fibre_set_##what(Object *obj, bool value,              \
                                      Error **errp)                         \
    {                                                                       \
        SfabFibre *f = SFAB_FIBRE(obj);                                     \
                                                                            \
        if (f->fibre) {                                                     \
            error_setg(errp, "property '" TYPE_SFAB_FIBRE "." #what         \
                       "' cannot change any more; make another fibre");     \
            return;                                                         \
        }                                                                   \
        f->what = value;                                                    \
    }

SFAB_FIBRE_STRING(path)
SFAB_FIBRE_STRING(host)
SFAB_FIBRE_STRING(port)
SFAB_FIBRE_BOOL(server)
SFAB_FIBRE_BOOL(mirror)

static void sfab_fibre_finalize(Object *obj)
{
    SfabFibre *f = SFAB_FIBRE(obj);

    sfab_fibre_destroy(f->fibre);
    g_free(f->path);
    g_free(f->host);
    g_free(f->port);
}

static const struct {
    const char *name;
    const char *description;
} sfab_fibre_descriptions[] = {
    { "path", "path of the Unix socket to the other end; without path and host "
              "both ends are in this QEMU" },
    { "host", "host of the TCP socket to the other end" },
    { "port", "number of the TCP port" },
    { "server", "listen, instead of connecting" },
    { "mirror", "do not share memory over the Unix socket, mirror it" },
    { "cut", "whether the fibre is cut; may be changed at run time" },
};

static void sfab_fibre_class_init(ObjectClass *oc, void *data)
{
    UserCreatableClass *ucc = USER_CREATABLE_CLASS(oc);
    unsigned int i;

    ucc->complete = sfab_fibre_complete;
    ucc->can_be_deleted = sfab_fibre_can_be_deleted;
    object_class_property_add_str(oc, "path", sfab_fibre_get_path,
                                  sfab_fibre_set_path);
    object_class_property_add_str(oc, "host", sfab_fibre_get_host,
                                  sfab_fibre_set_host);
    object_class_property_add_str(oc, "port", sfab_fibre_get_port,
                                  sfab_fibre_set_port);
    object_class_property_add_bool(oc, "server", sfab_fibre_get_server,
                                   sfab_fibre_set_server);
    object_class_property_add_bool(oc, "mirror", sfab_fibre_get_mirror,
                                   sfab_fibre_set_mirror);
    object_class_property_add_bool(oc, "cut", sfab_fibre_get_cut,
                                   sfab_fibre_set_cut);
    for (i = 0; i < ARRAY_SIZE(sfab_fibre_descriptions); i++) {
        object_class_property_set_description(oc,
                                        sfab_fibre_descriptions[i].name,
                                        sfab_fibre_descriptions[i].description);
    }
}

static const TypeInfo sfab_fibre_info = {
    .name = TYPE_SFAB_FIBRE,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(SfabFibre),
    .instance_finalize = sfab_fibre_finalize,
    .class_init = sfab_fibre_class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_USER_CREATABLE },
        { }
    },
};

static void sfab_fibre_register_types(void)
{
    type_register_static(&sfab_fibre_info);
}

type_init(sfab_fibre_register_types)
