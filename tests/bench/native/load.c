/* A load loop for one unary gRPC method: bodies from a file, HTTP/2 frames on TCP, and nothing else.
 *
 * It must cost a fraction of what it measures, and send another body with each call, which h2load cannot. Requests
 * are what a gRPC client sends: the first on a connection puts its header fields into the server's dynamic table, as
 * far as the server has one, and the others refer to them (RFC 7541, section 6). The server is told to answer
 * without a table (SETTINGS_HEADER_TABLE_SIZE 0), so that grpc-status can be read from each trailer by itself.
 *
 * Closed loop: each answer is followed by the next call at once. With --rate calls are due at fixed times, whatever
 * the server does, and a latency counts from when the call was due.
 *
 * The file holds bodies one after the other, each after its length (4 bytes, big-endian). The result is one line of
 * JSON. Built by tests/bench/load.py.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "frames.h"
#include "options.h"

#include "calls.h"

static void flush(struct connection *c) {
    while (c->out.length) {
        ssize_t n = send(c->socket, c->out.bytes, c->out.length, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) die("cannot send: %s", strerror(errno));
        memmove(c->out.bytes, c->out.bytes + n, c->out.length -= n);
    }
    if (c->stuck != (c->out.length > 0)) {
        c->stuck = !c->stuck;
        struct epoll_event event = {.events = EPOLLIN | (c->stuck ? EPOLLOUT : 0), .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_MOD, c->socket, &event);
    }
}

static void receive(struct connection *c) {
    ssize_t n = recv(c->socket, c->in + c->filled, IN_SIZE - c->filled, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) die("the server hung up");
    if (n < 0) return;
    size_t at = 0;
    c->filled += n;
    while (c->filled - at >= 9) {
        uint32_t length = number(c->in + at, 3);
        if (c->filled - at < 9 + length) break;
        take(c, c->in + at, length);
        at += 9 + length;
    }
    memmove(c->in, c->in + at, c->filled -= at);
}

static void open_connection(struct connection *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(args.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    c->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->socket, (struct sockaddr *)&to, sizeof to)) die("cannot connect to port %d", args.port);
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->socket, F_SETFL, O_NONBLOCK);
    c->in = malloc(IN_SIZE);
    c->next_id = 1;
    c->window = c->initial_window = 65535;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->socket, &event);
    greet(&c->out);
    flush(c);
}

static void wait_and_take(void) {
    struct epoll_event ready[64];
    int count = epoll_wait(poller, ready, 64, 1000);
    for (int i = 0; i < count; i++) {
        struct connection *c = ready[i].data.ptr;
        if (c) receive(c), flush(c);
    }
    if (!count && now() > end_at + DRAIN_S * 1000000000ll) die("the server does not answer");
}

/* Issue what is due on whichever connection has a stream free, and set the timer for what is next. Where no stream is
 * free the next answer will wake us, not the timer. */
static void issue_due(struct connection *all, int timer, int64_t interval) {
    static uint64_t number_due, turn;
    uint64_t reached;
    if (read(timer, &reached, sizeof reached) < 0 && errno != EAGAIN) die("timer");
    int64_t due = began + (int64_t)number_due * interval;
    int full = 0;
    while (due <= now() && now() < end_at && !exhausted() && full < args.connections) {
        struct connection *c = &all[turn++ % args.connections];
        if ((int)c->active == args.streams) {
            full++;
            continue;
        }
        issue(c, due);
        flush(c);
        full = 0;
        due = began + (int64_t)++number_due * interval;
    }
    if (due >= end_at || now() >= end_at) stopping = 1;
    struct itimerspec at = {.it_value = {due / 1000000000, due % 1000000000}};
    if (full == args.connections) at = (struct itimerspec){0};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

int main(int count, char **given) {
    parse(count, given);
    load_bodies();
    latency_room = (uint64_t)((args.seconds + args.warm_up + 1) * 1e6);
    latencies = calloc(latency_room, sizeof *latencies);
    struct connection *all = calloc(args.connections, sizeof *all);
    poller = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    for (int i = 0; i < args.connections; i++) open_connection(&all[i]);
    end_at = now();
    for (int greeted = 0; greeted < args.connections;) {
        wait_and_take();
        greeted = 0;
        for (int i = 0; i < args.connections; i++) greeted += all[i].greeted;
    }
    began = now();
    mark = began + (int64_t)(args.warm_up * 1e9);
    end_at = mark + (int64_t)(args.seconds * 1e9);
    double cpu = server_cpu(), own = seconds_of(CLOCK_PROCESS_CPUTIME_ID), cpu_end = 0, own_end = 0;
    int warm = !args.warm_up;
    if (args.rate) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
        epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    }
    for (int i = 0; !args.rate && i < args.connections; i++) {
        for (int j = 0; j < args.streams && !exhausted(); j++) issue(&all[i], now());
        flush(&all[i]);
    }
    while (completed < issued || (args.rate && !stopping && !exhausted())) {
        if (args.rate) issue_due(all, timer, (int64_t)(1e9 / args.rate));
        wait_and_take();
        if (!warm && now() >= mark) warm = 1, cpu = server_cpu(), own = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        if (!cpu_end && now() >= end_at) cpu_end = server_cpu(), own_end = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    }
    if (!cpu_end) cpu_end = server_cpu(), own_end = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    int64_t until = last_answer < end_at ? last_answer : end_at;
    if (args.sample_file) save(args.sample_file, &samples);
    qsort(latencies, timed, sizeof *latencies, ascending);
    printf("{\"seconds\": %.6f, \"calls\": %lu, \"completed\": %lu, \"failed\": %lu, \"yes\": %lu, ", (until - mark) / 1e9, timed,
           completed, failed, yes);
    printf("\"server_cpu\": %.6f, \"load_cpu\": %.6f, \"percentiles_us\": {", cpu_end - cpu, own_end - own);
    print_percentiles(latencies, timed);
    printf("}}\n");
    return 0;
}
