/* Calls on a connection: their streams, what flow control lets them send, and what comes back. */
enum { IN_SIZE = 1 << 20, DRAIN_S = 30 };

struct body {
    const uint8_t *at;
    uint32_t length;
};

struct stream {
    uint32_t id; /* 0: free */
    uint32_t body, sent, got;
    int64_t window, due;
    uint8_t head[7]; /* how the answer begins: gRPC's prefix and two bytes of the message */
};

struct connection {
    int socket, stuck, greeted;
    uint32_t next_id, active, initial_window, consumed;
    int64_t window;
    struct stream streams[MAX_STREAMS];
    struct buffer out, block_first, block;
    uint8_t *in;
    size_t filled;
};

static struct body *bodies;
static uint64_t body_count, issued, completed, timed, failed, yes, latency_room;
static uint32_t *latencies;
static int64_t began, mark, end_at, last_answer;
static struct buffer samples;
static uint64_t sampled;
static int stopping, poller;

static double server_cpu(void) {
    /* The clock's number is what clock_getcpuclockid(3) makes of a process id. */
    return args.server ? seconds_of((clockid_t)((~(unsigned)args.server << 3) | 2)) : 0;
}

static void load_bodies(void) {
    int file = open(args.bodies, O_RDONLY);
    struct stat about;
    if (file < 0 || fstat(file, &about)) die("cannot read %s", args.bodies);
    uint8_t *all = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    uint64_t room = 0;
    for (off_t at = 0; at < about.st_size; at += 4 + bodies[body_count++].length) {
        if (body_count == room) bodies = realloc(bodies, (room = room ? 2 * room : 1024) * sizeof *bodies);
        bodies[body_count] = (struct body){all + at + 4, number(all + at, 4)};
    }
    if (!body_count) die("%s is empty", args.bodies);
}

/* Send what the two windows allow of a stream's message. */
static void pump(struct connection *c, struct stream *s) {
    const struct body *b = &bodies[s->body];
    uint32_t total = b->length + 5;
    while (s->sent < total && c->window > 0 && s->window > 0) {
        int64_t part = total - s->sent;
        if (part > 16384) part = 16384;
        if (part > c->window) part = c->window;
        if (part > s->window) part = s->window;
        frame(&c->out, DATA, s->sent + part == total ? END_STREAM : 0, s->id, part);
        uint8_t prefix[5] = {0, b->length >> 24, b->length >> 16, b->length >> 8, b->length};
        uint32_t past = s->sent + part;
        for (; s->sent < 5 && s->sent < past; s->sent++) put(&c->out, prefix + s->sent, 1);
        put(&c->out, b->at + s->sent - 5, past - s->sent);
        s->sent = past;
        c->window -= part;
        s->window -= part;
    }
}

static int exhausted(void) { return args.count && issued >= args.count; }

static void issue(struct connection *c, int64_t due) {
    struct stream *s = c->streams;
    while (s->id) s++;
    *s = (struct stream){.id = c->next_id, .window = c->initial_window, .due = due};
    s->body = (args.first + issued++) % body_count;
    const struct buffer *block = c->next_id == 1 ? &c->block_first : &c->block;
    frame(&c->out, HEADERS, END_HEADERS, s->id, block->length);
    put(&c->out, block->bytes, block->length);
    c->next_id += 2;
    c->active++;
    pump(c, s);
}

static void complete(struct connection *c, struct stream *s, const uint8_t *block, uint32_t length) {
    int64_t at = now();
    if (!succeeded(block, length)) {
        if (!failed++) fprintf(stderr, "a call failed; its trailers: "), print_text(block, length);
    }
    if (s->got >= 7 && s->head[5] == 0x08 && s->head[6] == 0x01) yes++;
    last_answer = at;
    if (at >= mark && at < end_at && completed < latency_room) {
        int64_t took = at - s->due;
        latencies[timed++] = took > UINT32_MAX ? UINT32_MAX : took;
    }
    completed++;
    s->id = 0;
    c->active--;
    if (at >= end_at) stopping = 1;
    if (!args.rate && !stopping && !exhausted()) issue(c, now());
}

static struct stream *find(struct connection *c, uint32_t id) {
    for (int i = 0; i < args.streams; i++)
        if (c->streams[i].id == id) return &c->streams[i];
    return NULL;
}

static void settings(struct connection *c, const uint8_t *payload, uint32_t length) {
    int table = 4096;
    for (uint32_t at = 0; at + 6 <= length; at += 6) {
        uint32_t value = number(payload + at + 2, 4);
        if (number(payload + at, 2) == 1) table = value > 4096 ? 4096 : value;
        if (number(payload + at, 2) == 4) {
            for (int i = 0; i < args.streams; i++) c->streams[i].window += (int64_t)value - c->initial_window;
            c->initial_window = value;
        }
    }
    frame(&c->out, SETTINGS, ACK, 0, 0);
    if (!c->greeted) header_blocks(&c->block_first, &c->block, args.path, args.port, table);
    c->greeted = 1;
}

static void data(struct connection *c, struct stream *s, const uint8_t *payload, uint32_t length) {
    for (uint32_t i = 0; i < length && s->got + i < sizeof s->head; i++) s->head[s->got + i] = payload[i];
    s->got += length;
    c->consumed += length;
    if (c->consumed > 1u << 29) {
        uint32_t grant = htonl(c->consumed);
        frame(&c->out, WINDOW_UPDATE, 0, 0, 4);
        put(&c->out, &grant, 4);
        c->consumed = 0;
    }
    if (sampled < args.samples) { /* a piece of an answer; the reader joins the pieces of a connection's stream */
        uint32_t head[4] = {htonl(c->socket), htonl(s->id), htonl(s->body), htonl(length)};
        put(&samples, head, sizeof head);
        put(&samples, payload, length);
        sampled++;
    }
}

static void window_update(struct connection *c, uint32_t id, uint32_t grant) {
    struct stream *s = id ? find(c, id) : NULL;
    if (s) s->window += grant, pump(c, s);
    if (id) return;
    c->window += grant;
    for (int i = 0; i < args.streams; i++)
        if (c->streams[i].id) pump(c, &c->streams[i]);
}

static void take(struct connection *c, const uint8_t *f, uint32_t length) {
    uint8_t kind = f[3], flags = f[4];
    uint32_t id = number(f + 5, 4) & 0x7fffffff;
    const uint8_t *payload = f + 9;
    struct stream *s;
    if (kind == DATA || kind == HEADERS) {
        if (!(s = find(c, id))) die("an answer to no call, stream %u", id);
        if (kind == DATA) data(c, s, payload, length);
        if (flags & END_STREAM) complete(c, s, payload, kind == HEADERS ? length : 0);
    } else if (kind == RST_STREAM) {
        if ((s = find(c, id))) complete(c, s, NULL, 0);
    } else if (kind == SETTINGS && !(flags & ACK)) {
        settings(c, payload, length);
        for (int i = 0; i < args.streams; i++)
            if (c->streams[i].id) pump(c, &c->streams[i]);
    } else if (kind == PING && !(flags & ACK)) {
        frame(&c->out, PING, ACK, 0, length);
        put(&c->out, payload, length);
    } else if (kind == WINDOW_UPDATE) {
        window_update(c, id, number(payload, 4) & 0x7fffffff);
    } else if (kind == GOAWAY) {
        die("the server said GOAWAY, code %u", number(payload + 4, 4));
    }
}
