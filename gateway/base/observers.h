/* base/observers.h: who wants to hear of a thing.
 *
 * An observer belongs to whoever waits and must be removed before its memory goes. While it is
 * being told, any observer may be added or removed, the one told included. Not thread-safe. */
#ifndef SANDGATE_BASE_OBSERVERS_H
#define SANDGATE_BASE_OBSERVERS_H

struct observer {
    struct observer *next, **link;
    void (*fn)(void *arg);
    void *arg;
};

struct observers {
    struct observer *first;
};

void observers_add(struct observers *list, struct observer *observer);
/* Fine when it observes nothing. */
void observer_remove(struct observer *observer);
/* Calls each that is on the list now, once. */
void observers_tell(struct observers *list);

#endif
