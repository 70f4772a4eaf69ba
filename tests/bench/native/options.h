/* What the load loop is told: pairs of an option and its value. */
#include <stdlib.h>
#include <string.h>

enum { MAX_STREAMS = 256 };

static struct {
    int port, connections, streams, server;
    const char *path, *bodies;
    double seconds, warm_up, rate;
    uint64_t first, count, samples;
    const char *sample_file;
} args = {.connections = 1, .streams = 1, .seconds = 1};

static void parse(int count, char **given) {
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = given[i], *value = given[i + 1];
        if (!strcmp(name, "--port")) args.port = atoi(value);
        else if (!strcmp(name, "--path")) args.path = value;
        else if (!strcmp(name, "--bodies")) args.bodies = value;
        else if (!strcmp(name, "--connections")) args.connections = atoi(value);
        else if (!strcmp(name, "--streams")) args.streams = atoi(value);
        else if (!strcmp(name, "--seconds")) args.seconds = atof(value);
        else if (!strcmp(name, "--warm-up")) args.warm_up = atof(value);
        else if (!strcmp(name, "--rate")) args.rate = atof(value);
        else if (!strcmp(name, "--first")) args.first = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--count")) args.count = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--server")) args.server = atoi(value);
        else if (!strcmp(name, "--samples")) args.samples = strtoull(value, NULL, 10);
        else if (!strcmp(name, "--sample-file")) args.sample_file = value;
        else die("%s: unknown option", name);
    }
    if (!args.port || !args.path || !args.bodies || args.streams > MAX_STREAMS) die("--port, --path, --bodies; 256 streams");
}
