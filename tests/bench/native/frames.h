/* What the load loop knows of HTTP/2 frames (RFC 9113, section 4) and header blocks (RFC 7541), and small things. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };

struct buffer {
    uint8_t *bytes;
    size_t length, room;
};

static void die(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    vfprintf(stderr, format, rest);
    fputc('\n', stderr);
    exit(1);
}

static double seconds_of(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t)) die("the server is gone");
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static uint32_t number(const uint8_t *at, int length) {
    uint32_t value = 0;
    while (length--) value = value << 8 | *at++;
    return value;
}

static void put(struct buffer *b, const void *bytes, size_t length) {
    if (b->length + length > b->room) {
        b->room = 2 * (b->length + length);
        b->bytes = realloc(b->bytes, b->room);
    }
    memcpy(b->bytes + b->length, bytes, length);
    b->length += length;
}

static void frame(struct buffer *b, uint8_t kind, uint8_t flags, uint32_t id, uint32_t length) {
    uint8_t head[9] = {length >> 16, length >> 8, length, kind, flags, id >> 24, id >> 16, id >> 8, id};
    put(b, head, sizeof head);
}

/* The client's preface: no dynamic table for the answers, and windows that never run out. */
static void greet(struct buffer *out) {
    static const uint8_t values[] = {0, 1, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff};
    static const uint8_t grant[] = {0x7f, 0xff, 0, 0};
    put(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    frame(out, SETTINGS, 0, 0, sizeof values);
    put(out, values, sizeof values);
    frame(out, WINDOW_UPDATE, 0, 0, sizeof grant);
    put(out, grant, sizeof grant);
}

static void text(struct buffer *b, const char *text) {
    uint8_t length = strlen(text);
    put(b, &length, 1);
    put(b, text, length);
}

/* The block of a connection's first request and that of all later ones. Fields stand in the order in which they
 * enter the dynamic table, whose newest entry is number 62. Without a table both blocks are literals. */
static void header_blocks(struct buffer *first, struct buffer *later, const char *path, int port, uint32_t table) {
    static const uint8_t post_http[] = {0x83, 0x86}, newest_last[] = {0x83, 0x86, 62 + 3 + 128, 62 + 2 + 128, 62 + 1 + 128, 62 + 128};
    static const uint8_t no_table = 0x20;
    int indexed = table >= 4096; /* a smaller one would have to be acknowledged in the block */
    uint8_t kind = indexed ? 0x40 : 0;
    char authority[32];
    snprintf(authority, sizeof authority, "127.0.0.1:%d", port);
    if (!indexed) put(first, &no_table, 1);
    put(first, post_http, sizeof post_http);
    put(first, (uint8_t[]){kind | 4}, 1), text(first, path);
    put(first, (uint8_t[]){kind | 1}, 1), text(first, authority);
    put(first, indexed ? (uint8_t[]){kind | 31, 0} : (uint8_t[]){15, 16}, indexed ? 1 : 2), text(first, "application/grpc");
    put(first, (uint8_t[]){kind}, 1), text(first, "te"), text(first, "trailers");
    if (indexed) put(later, newest_last, sizeof newest_last);
    else put(later, first->bytes + 1, first->length - 1);
}

/* Whether trailers say grpc-status 0. The name may be plain or in Huffman's code, and so may the value be. */
static int succeeded(const uint8_t *block, uint32_t length) {
    static const uint8_t huffman[] = {0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f};
    static uint8_t good[256];
    static uint32_t good_length;
    if (length && length == good_length && !memcmp(block, good, length)) return 1;
    const uint8_t *name = memmem(block, length, "grpc-status", 11);
    const uint8_t *value = name ? name + 11 : (name = memmem(block, length, huffman, sizeof huffman)) ? name + 8 : NULL;
    if (!value || value + 2 > block + length || !((value[0] == 1 && value[1] == '0') || (value[0] == 0x81 && value[1] == 0x07)))
        return 0;
    if (length <= sizeof good) memcpy(good, block, good_length = length);
    return 1;
}

static void print_text(const uint8_t *bytes, uint32_t length) {
    for (uint32_t i = 0; i < length; i++) fputc(bytes[i] >= 32 && bytes[i] < 127 ? bytes[i] : '.', stderr);
    fputc('\n', stderr);
}

static void save(const char *path, const struct buffer *what) {
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(what->bytes, 1, what->length, file) != what->length || fclose(file)) die("cannot write %s", path);
}

static int ascending(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

static void print_percentiles(const uint32_t *sorted_ns, uint64_t count) {
    static const double shares[] = {0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100};
    for (size_t i = 0; count && i < sizeof shares / sizeof *shares; i++) {
        uint64_t place = count * shares[i] / 100;
        printf("%s\"%g\": %.3f", i ? ", " : "", shares[i], sorted_ns[place < count ? place : count - 1] / 1e3);
    }
}
