#include "desktop/damage.h"

#include <X11/extensions/Xdamage.h>
#include <X11/extensions/Xfixes.h>

void damage_watch(struct damage *damage, struct xserver *x)
{
    if (damage->object)
        return;
    damage->x = x;
    damage->region = XFixesCreateRegion(x->display, NULL, 0);
    damage->object = XDamageCreate(x->display, x->root, XDamageReportNonEmpty);
    damage->waiting = false;
    /* It begins with the whole screen damaged; whoever looks from now on sees that anyway. */
    XDamageSubtract(x->display, damage->object, None, None);
    (void)XSync(x->display, False);
}

void damage_ignore(struct damage *damage)
{
    if (!damage->object)
        return;
    XDamageDestroy(damage->x->display, damage->object);
    XFixesDestroyRegion(damage->x->display, damage->region);
    damage->object = damage->region = 0;
    damage->waiting = false;
    (void)XFlush(damage->x->display);
}

void damage_event(struct damage *damage)
{
    damage->waiting = damage->object != 0;
}

static struct rect rect_of(const XRectangle *from)
{
    return (struct rect){from->x, from->y, from->width, from->height};
}

int damage_take(struct damage *damage, struct rect rects[static DAMAGE_MAX_RECTS])
{
    XRectangle all;
    int count = 0;
    if (!damage->waiting)
        return 0;
    damage->waiting = false;
    XDamageSubtract(damage->x->display, damage->object, None, damage->region);
    XRectangle *list = XFixesFetchRegionAndBounds(damage->x->display, damage->region, &count, &all);
    if (!list)
        return 0;
    if (count > DAMAGE_MAX_RECTS) {
        rects[0] = rect_of(&all);
        count = 1;
    } else {
        for (int i = 0; i < count; i++)
            rects[i] = rect_of(&list[i]);
    }
    (void)XFree(list);
    return count;
}
