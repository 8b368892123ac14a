/*
 * kqueue(2) and kevent(2) over epoll, as much of them as the server's kqueue backend asks for: EVFILT_READ and
 * EVFILT_WRITE, level-triggered. Test equipment for machines that have neither a BSD kernel nor libkqueue: compiled as
 * libkqueue.so.0, it lets the backend serve real connections.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

#define FILTER_READ (-1)
#define FILTER_WRITE (-2)
#define FLAG_ADD 0x1
#define FLAG_DELETE 0x2
#define FLAG_EOF 0x8000
#define MAX_FDS 65536
#define MAX_QUEUES 1024
#define MAX_EVENTS 256

struct kevent64 { uintptr_t ident; int16_t filter; uint16_t flags; uint32_t fflags; intptr_t data; void *udata; };

/* What each queue (by its descriptor) watches of each descriptor. */
static uint8_t watched[MAX_QUEUES][MAX_FDS];

int kqueue(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}

static int change(int queue, const struct kevent64 *asked)
{
    uint32_t bit = asked->filter == FILTER_READ ? EPOLLIN : asked->filter == FILTER_WRITE ? EPOLLOUT : 0;
    int fd = (int)asked->ident;
    struct epoll_event event = { .data.fd = fd };
    uint32_t bits;

    if (bit == 0 || fd < 0 || fd >= MAX_FDS || queue >= MAX_QUEUES) return errno = EINVAL, -1;
    if ((asked->flags & FLAG_DELETE) && !(watched[queue][fd] & bit)) return errno = ENOENT, -1;
    bits = asked->flags & FLAG_ADD ? watched[queue][fd] | bit : watched[queue][fd] & ~bit;
    watched[queue][fd] = (uint8_t)bits;
    event.events = bits;
    if (bits == 0) return epoll_ctl(queue, EPOLL_CTL_DEL, fd, &event);
    if (epoll_ctl(queue, EPOLL_CTL_MOD, fd, &event) == 0) return 0;
    if (errno != ENOENT) return -1;
    /* New here, or closed since and opened again: then nothing of before is watched. */
    event.events = bit;
    watched[queue][fd] = (uint8_t)bit;
    return epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event);
}

static void report(struct kevent64 *into, int fd, int16_t filter, uint32_t seen)
{
    *into = (struct kevent64){ .ident = (uintptr_t)fd, .filter = filter };
    if (seen & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) into->flags = FLAG_EOF;
}

int kevent(int queue, const struct kevent64 *changes, int nchanges, struct kevent64 *events, int nevents,
           const struct timespec *timeout)
{
    struct epoll_event got[MAX_EVENTS];
    int i, count, answered = 0, ms = timeout ? (int)(timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000) : -1;

    for (i = 0; i < nchanges; i++) if (change(queue, &changes[i]) < 0) return -1;
    if (nevents == 0) return 0;
    count = epoll_wait(queue, got, nevents / 2 < MAX_EVENTS ? nevents / 2 : MAX_EVENTS, ms);
    for (i = 0; i < count; i++) {
        int fd = got[i].data.fd;
        uint32_t seen = got[i].events, ended = seen & (EPOLLHUP | EPOLLERR);
        if ((watched[queue][fd] & EPOLLIN) && ((seen & EPOLLIN) || ended)) report(&events[answered++], fd, FILTER_READ, seen);
        if ((watched[queue][fd] & EPOLLOUT) && ((seen & EPOLLOUT) || ended)) report(&events[answered++], fd, FILTER_WRITE, seen);
    }
    return count < 0 ? -1 : answered;
}
