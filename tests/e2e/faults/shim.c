/* Preloaded into a gate: lets a test break the disk and the clock under it, and end it at a chosen step.
 *
 * SHIM_CONTROL names a file of `struct control`, mapped here and in the test; SHIM_FILES is how the paths of the
 * files begin that are meant. Each write, truncation and synchronisation of those is a step. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct control {
    volatile int64_t clock_ns;    /* added to the wall clock */
    volatile int64_t sync_errno;  /* with what fsync and fdatasync fail */
    volatile int64_t main_errno;  /* with what they fail on the file that is named, and not on others beside it */
    volatile int64_t write_errno; /* with what writes, truncations and allocations fail */
    volatile int64_t hold;        /* synchronisations wait while it is set */
    volatile int64_t volatile_;   /* what was not synchronised is lost when that fails, and at the end */
    volatile int64_t kill_at;     /* the step at which the process ends; halfway through it if it is a write */
    volatile int64_t steps;       /* so many were begun */
};

/* What a file was before a write that is not synchronised yet. */
struct undo {
    struct undo *before;
    char path[512];
    off_t offset, size;
    size_t length;
    char octets[];
};

static struct control none, *control = &none;
static const char *prefix;
static struct undo *undos;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int (*next_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void map(void) {
    const char *path = getenv("SHIM_CONTROL");
    next_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    prefix = getenv("SHIM_FILES");
    int fd = path && prefix ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (mapped != MAP_FAILED) control = mapped;
}

static int meant(int fd, char *path, size_t size) {
    char link[32];
    if (control == &none) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (strncmp(path, prefix, strlen(prefix))) return 0;
    return !(strstr(path, "-shm") || strstr(path, ".lock"));
}

static void put_back(const char *path) {
    struct undo **place = &undos, *each;
    while ((each = *place)) {
        if (path && strcmp(path, each->path)) {
            place = &each->before;
            continue;
        }
        /* Never closed: that would take SQLite's locks on the file from it. */
        int fd = syscall(SYS_openat, AT_FDCWD, each->path, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
            if (each->length) syscall(SYS_pwrite64, fd, each->octets, each->length, each->offset);
            syscall(SYS_ftruncate, fd, each->size);
        }
        *place = each->before;
        free(each);
    }
}

static void remember(int fd, const char *path, off_t offset, size_t length) {
    struct stat stat;
    if (!control->volatile_ || fstat(fd, &stat)) return;
    struct undo *undo = malloc(sizeof *undo + length);
    snprintf(undo->path, sizeof undo->path, "%s", path);
    undo->offset = offset;
    undo->size = stat.st_size;
    ssize_t got = syscall(SYS_pread64, fd, undo->octets, length, offset);
    undo->length = got > 0 ? got : 0;
    undo->before = undos;
    undos = undo;
}

static void forget(const char *path) {
    struct undo **place = &undos, *each;
    while ((each = *place)) {
        if (strcmp(path, each->path)) {
            place = &each->before;
        } else {
            *place = each->before;
            free(each);
        }
    }
}

static int last_step(void) { return ++control->steps == control->kill_at; }

static void end(void) {
    if (control->volatile_) put_back(NULL);
    syscall(SYS_kill, getpid(), SIGKILL);
}

static ssize_t put(int fd, const void *octets, size_t length, off_t offset, int appends) {
    char path[512];
    if (!meant(fd, path, sizeof path))
        return appends ? syscall(SYS_write, fd, octets, length) : syscall(SYS_pwrite64, fd, octets, length, offset);
    pthread_mutex_lock(&lock);
    int last = last_step();
    ssize_t done = -1;
    if (control->write_errno) {
        errno = control->write_errno;
    } else {
        if (appends) offset = lseek(fd, 0, SEEK_CUR);
        remember(fd, path, offset, length);
        done = syscall(SYS_pwrite64, fd, octets, last ? length / 2 : length, offset);
        if (appends && done > 0) lseek(fd, done, SEEK_CUR);
    }
    if (last) end();
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite64(int fd, const void *octets, size_t length, off_t offset) { return put(fd, octets, length, offset, 0); }
ssize_t pwrite(int fd, const void *octets, size_t length, off_t offset) { return put(fd, octets, length, offset, 0); }
ssize_t write(int fd, const void *octets, size_t length) { return put(fd, octets, length, 0, 1); }

static int cut(int fd, off_t size) {
    char path[512];
    struct stat stat;
    if (!meant(fd, path, sizeof path)) return syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    if (last_step()) end();
    int failed = -1;
    if (control->write_errno) {
        errno = control->write_errno;
    } else {
        if (!fstat(fd, &stat)) remember(fd, path, size, stat.st_size > size ? stat.st_size - size : 0);
        failed = syscall(SYS_ftruncate, fd, size);
    }
    pthread_mutex_unlock(&lock);
    return failed;
}

int ftruncate64(int fd, off_t size) { return cut(fd, size); }
int ftruncate(int fd, off_t size) { return cut(fd, size); }

static int allocate(int fd, off_t offset, off_t length) {
    char path[512];
    if (meant(fd, path, sizeof path) && control->write_errno) return control->write_errno;
    return syscall(SYS_fallocate, fd, 0, offset, length) ? errno : 0;
}

int posix_fallocate64(int fd, off_t offset, off_t length) { return allocate(fd, offset, length); }
int posix_fallocate(int fd, off_t offset, off_t length) { return allocate(fd, offset, length); }

static int synchronise(int fd, long number) {
    char path[512];
    if (!meant(fd, path, sizeof path)) return syscall(number, fd);
    while (control->hold) usleep(1000);
    pthread_mutex_lock(&lock);
    if (last_step()) end();
    int failed = -1;
    int64_t error = control->sync_errno ? control->sync_errno : strcmp(path, prefix) ? 0 : control->main_errno;
    if (error) {
        if (control->volatile_) put_back(path);
        errno = error;
    } else {
        failed = syscall(number, fd);
        if (!failed) forget(path);
    }
    pthread_mutex_unlock(&lock);
    return failed;
}

int fsync(int fd) { return synchronise(fd, SYS_fsync); }
int fdatasync(int fd) { return synchronise(fd, SYS_fdatasync); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = next_clock_gettime(clock, now);
    if (!failed && control->clock_ns && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = now->tv_sec * 1000000000LL + now->tv_nsec + control->clock_ns;
        now->tv_sec = ns / 1000000000;
        now->tv_nsec = ns % 1000000000;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec at;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &at);
    now->tv_sec = at.tv_sec;
    now->tv_usec = at.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (now) *now = at.tv_sec;
    return at.tv_sec;
}
