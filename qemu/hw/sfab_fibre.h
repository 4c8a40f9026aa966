/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab fibre: the object that joins two ports
 *
 * -object sfab-fibre,id=NAME[,path=P|host=H,port=P][,server=on][,mirror=on]
 *
 * What it does is the fibre library's (fibre/include/sfab/fibre.h); the
 * protocol is docs/specs/sfab-fibre.rst.
 */

#ifndef HW_MISC_SFAB_FIBRE_H
#define HW_MISC_SFAB_FIBRE_H

#include "qom/object.h"

#include <sfab/fibre.h>

#define TYPE_SFAB_FIBRE "sfab-fibre"
OBJECT_DECLARE_SIMPLE_TYPE(SfabFibre, SFAB_FIBRE)

struct SfabFibre {
    Object parent_obj;

    char *path;
    char *host;
    char *port;
    bool server;
    bool mirror;
    bool cut;

    struct sfab_fibre *fibre;
    unsigned int users;     /* devices; while there are some it stays; BQL */
};

#endif /* HW_MISC_SFAB_FIBRE_H */
