#include "base/observers.h"

#include <stddef.h>

static void put(struct observer **at, struct observer *o)
{
    o->next = *at;
    if (o->next)
        o->next->link = &o->next;
    o->link = at;
    *at = o;
}

void observers_add(struct observers *list, struct observer *o)
{
    put(&list->first, o);
}

void observer_remove(struct observer *o)
{
    if (!o->link)
        return;
    *o->link = o->next;
    if (o->next)
        o->next->link = o->link;
    o->link = NULL;
    o->next = NULL;
}

void observers_tell(struct observers *list)
{
    /* Each is moved over before its call, so that any may come or go meanwhile. */
    struct observer *told = NULL;
    while (list->first) {
        struct observer *o = list->first;
        observer_remove(o);
        put(&told, o);
        o->fn(o->arg);
    }
    list->first = told;
    if (told)
        told->link = &list->first;
}
