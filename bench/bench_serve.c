/* SPDX-License-Identifier: MIT */
/* Load for `postproof serve` and its peers: HTTP or RESP over TCP or a unix socket, as fast as it
   is answered or at a rate that does not wait for answers, with hot, cold and new keys, over
   restarts of the server.  Prints one line of name=value; see usage. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    KEY_BYTES = 16,
    TEMPLATE_MAX = 4096,
    PIPELINE_MAX = 64,
    CONNECTIONS_MAX = 1024,
    INPUT_BYTES = 32768,
    OUTPUT_BYTES = PIPELINE_MAX * TEMPLATE_MAX,
    EVENTS = 256,
    SUB_BUCKETS = 64, /* of a power of two: latencies to 1.6 % */
    HISTOGRAM = 64 * SUB_BUCKETS
};
static const uint64_t second_ns = 1000000000, retry_ns = 5000000;

enum verdict { ADMITTED, DENIED, UNDECIDED, FAILED, LOST, VERDICTS };
static const char *const verdict_names[VERDICTS] = {"admitted", "denied", "undecided", "failed",
                                                    "lost"};

struct request {
    uint64_t due_ns, sent_ns;
    char key[KEY_BYTES + 1];
};

struct connection {
    int fd; /* -1: closed until retry_ns */
    uint64_t retry_ns;
    struct request flying[PIPELINE_MAX]; /* a ring, oldest at first */
    unsigned first, count;
    size_t in_len, out_len;
    char in[INPUT_BYTES], out[OUTPUT_BYTES];
};

struct load {
    const char *address, *log_path;
    bool resp;
    unsigned connection_count, pipeline, shares[3]; /* hot, cold, new keys: hundredths */
    uint64_t rate, duration_ns, count, hot, cold, seed, pid;
    char template[TEMPLATE_MAX];
    size_t template_len, key_at; /* key_at == template_len: there is none */
    FILE *log;
    int epoll;
    struct connection *connections;
    unsigned next; /* the connection to use next */
    uint64_t random, fresh, issued, unsent, outstanding;
    uint64_t verdicts[VERDICTS], histogram[HISTOGRAM], latencies;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * second_ns + (uint64_t)now.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_serve: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(2);
}

/* ---- Latencies ---- */

static unsigned bucket_of(uint64_t ns)
{
    unsigned power = 0;
    while (ns >> power >= 2 * SUB_BUCKETS)
        power++;
    return power * SUB_BUCKETS + (unsigned)(ns >> power);
}

/* The upper end of the bucket that holds this share of the answers, in microseconds. */
static double percentile_us(const struct load *load, double share)
{
    uint64_t wanted = (uint64_t)((double)load->latencies * share), seen = 0;
    for (unsigned i = 0; i < HISTOGRAM; i++) {
        seen += load->histogram[i];
        if (seen <= wanted)
            continue;
        unsigned power = i < 2 * SUB_BUCKETS ? 0 : i / SUB_BUCKETS - 1;
        return (double)((uint64_t)(i - power * SUB_BUCKETS + 1) << power) / 1000;
    }
    return 0;
}

/* ---- Requests ---- */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t random_next(struct load *load)
{
    uint64_t z = (load->random += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* "h", "c" or "n" and a number: few keys, many keys, each key once. */
static void choose_key(struct load *load, char key[KEY_BYTES + 1])
{
    uint64_t draw = random_next(load);
    unsigned share = (unsigned)(draw % 100);
    uint64_t number = draw / 100;
    if (share < load->shares[0])
        snprintf(key, KEY_BYTES + 1, "h%015" PRIx64, number % load->hot);
    else if (share < load->shares[0] + load->shares[1])
        snprintf(key, KEY_BYTES + 1, "c%015" PRIx64, number % load->cold);
    else
        snprintf(key, KEY_BYTES + 1, "n%03" PRIx64 "%012" PRIx64, load->seed & 0xfff,
                 load->fresh++);
}

static void issue(struct load *load, struct connection *connection, uint64_t due_ns)
{
    struct request *request =
        &connection->flying[(connection->first + connection->count++) % PIPELINE_MAX];
    choose_key(load, request->key);
    request->due_ns = due_ns;
    request->sent_ns = now_ns();
    char *to = connection->out + connection->out_len;
    memcpy(to, load->template, load->template_len);
    if (load->key_at < load->template_len)
        memcpy(to + load->key_at, request->key, KEY_BYTES);
    connection->out_len += load->template_len;
    load->issued++;
    load->outstanding++;
}

static void finish_request(struct load *load, struct connection *connection, enum verdict verdict)
{
    const struct request *request = &connection->flying[connection->first];
    uint64_t now = now_ns();
    load->verdicts[verdict]++;
    load->outstanding--;
    if (verdict != LOST) {
        load->histogram[bucket_of(now - request->due_ns)]++;
        load->latencies++;
    }
    if (load->log != NULL)
        fprintf(load->log, "%s %" PRIu64 " %" PRIu64 " %s\n", request->key, request->sent_ns, now,
                verdict_names[verdict]);
    connection->first = (connection->first + 1) % PIPELINE_MAX;
    connection->count--;
}

/* ---- Answers: bytes of the first whole one, 0 when there is none ---- */

static size_t read_http(const char *data, size_t len, enum verdict *verdict)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end - data) + 4, body = 0;
    int status = head > 12 ? atoi(data + 9) : 0;
    const char *length = memmem(data, head, "\r\nContent-Length: ", 18);
    if (length != NULL)
        body = strtoul(length + 18, NULL, 10);
    *verdict = status == 200 || status == 204   ? ADMITTED
               : status == 429 || status == 403 ? DENIED
               : status == 503                  ? UNDECIDED
                                                : FAILED;
    return len < head + body ? 0 : head + body;
}

/* A line, or an array of lines. */
static size_t read_resp(const char *data, size_t len, enum verdict *verdict)
{
    const char *at = data, *end = data + len;
    long lines = 1;
    *verdict = len != 0 && data[0] == '-' ? FAILED : ADMITTED;
    for (long i = 0; i < lines; i++) {
        const char *stop = at == end ? NULL : memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL)
            return 0;
        if (i == 0 && *at == '*')
            lines += atol(at + 1);
        else if (i == 1 && memcmp(at, ":1\r", 3) == 0)
            *verdict = DENIED;
        at = stop + 1;
    }
    return (size_t)(at - data);
}

/* ---- Connections ---- */

static int open_socket(const char *address)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in remote = {.sin_family = AF_INET};
    const char *colon = strrchr(address, ':');
    bool is_unix = strncmp(address, "unix:", 5) == 0;
    char host[64];
    int one = 1;
    if (colon == NULL)
        die("the address is neither HOST:PORT nor unix:PATH");
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    snprintf(local.sun_path, sizeof local.sun_path, "%s", address + 5 * is_unix);
    if (!is_unix && inet_pton(AF_INET, host, &remote.sin_addr) != 1)
        die("the host is no IPv4 address");
    remote.sin_port = htons((uint16_t)atoi(colon + 1));
    int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = is_unix ? connect(fd, (const struct sockaddr *)&local, sizeof local)
                         : connect(fd, (const struct sockaddr *)&remote, sizeof remote);
    if (!is_unix)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (result == 0)
        return fd;
    close(fd);
    return -1;
}

static void connect_again(struct load *load, struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    connection->retry_ns = now_ns() + retry_ns;
    connection->fd = open_socket(load->address);
    if (connection->fd >= 0)
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event);
}

/* What was not answered may have been decided or not. */
static void disconnect(struct load *load, struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
    connection->retry_ns = now_ns() + retry_ns;
    connection->in_len = connection->out_len = 0;
    while (connection->count != 0)
        finish_request(load, connection, LOST);
}

static void flush(struct load *load, struct connection *connection)
{
    if (connection->out_len == 0 || connection->fd < 0)
        return;
    ssize_t sent =
        send(connection->fd, connection->out, connection->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        disconnect(load, connection);
        return;
    }
    sent = sent < 0 ? 0 : sent;
    connection->out_len -= (size_t)sent;
    memmove(connection->out, connection->out + sent, connection->out_len);
}

static void receive(struct load *load, struct connection *connection)
{
    enum verdict verdict;
    size_t at = 0, used;
    ssize_t got = recv(connection->fd, connection->in + connection->in_len,
                       INPUT_BYTES - connection->in_len, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        disconnect(load, connection);
        return;
    }
    connection->in_len += (size_t)got;
    while (connection->count != 0 &&
           (used = (load->resp ? read_resp : read_http)(connection->in + at,
                                                        connection->in_len - at, &verdict)) != 0) {
        finish_request(load, connection, verdict);
        at += used;
    }
    connection->in_len -= at;
    memmove(connection->in, connection->in + at, connection->in_len);
}

/* ---- The run ---- */

/* A connection that takes one more request; NULL: none does now. */
static struct connection *free_connection(struct load *load)
{
    for (unsigned i = 0; i < load->connection_count; i++) {
        struct connection *c = &load->connections[load->next];
        load->next = (load->next + 1) % load->connection_count;
        if (c->fd >= 0 && c->count < load->pipeline)
            return c;
    }
    return NULL;
}

static bool is_down(const struct load *load)
{
    for (unsigned i = 0; i < load->connection_count; i++)
        if (load->connections[i].fd >= 0)
            return false;
    return true;
}

/* Requests whose time has come; without a rate, as many as may fly where none does any more. */
static void issue_due(struct load *load, uint64_t start, uint64_t now)
{
    struct connection *c;
    for (unsigned i = 0; load->rate == 0 && i < load->connection_count; i++) {
        c = &load->connections[i];
        if (c->fd >= 0 && c->count == 0)
            while (c->count < load->pipeline)
                issue(load, c, now_ns());
    }
    while (load->rate != 0) {
        uint64_t number = load->issued + load->unsent;
        uint64_t due = start + (uint64_t)((unsigned __int128)number * second_ns / load->rate);
        if (due > now)
            break;
        c = free_connection(load);
        if (c != NULL)
            issue(load, c, due);
        else if (is_down(load))
            load->unsent++; /* nobody is there to be asked */
        else
            break; /* it is late, and its latency says so */
    }
    for (unsigned i = 0; i < load->connection_count; i++)
        flush(load, &load->connections[i]);
}

static void take_events(struct load *load)
{
    struct epoll_event events[EVENTS];
    struct timespec wait = {.tv_nsec = load->rate == 0 ? 1000000 : 20000};
    int n = epoll_pwait2(load->epoll, events, EVENTS, &wait, NULL);
    for (int i = 0; i < n; i++)
        receive(load, events[i].data.ptr);
}

static void run(struct load *load)
{
    uint64_t start = now_ns(), end = start + load->duration_ns, now = start;
    while (now < end || (load->outstanding != 0 && now < end + second_ns)) {
        if (load->issued >= load->count && now < end)
            end = now;
        for (unsigned i = 0; i < load->connection_count; i++)
            if (load->connections[i].fd < 0 && now >= load->connections[i].retry_ns && now < end)
                connect_again(load, &load->connections[i]);
        if (now < end)
            issue_due(load, start, now);
        take_events(load);
        now = now_ns();
    }
    for (unsigned i = 0; i < load->connection_count; i++)
        if (load->connections[i].fd >= 0)
            disconnect(load, &load->connections[i]);
}

/* Nanoseconds on a processor of all threads of a process. */
static uint64_t processor_ns(uint64_t pid)
{
    char path[300];
    uint64_t sum = 0, one;
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/task", pid);
    DIR *tasks = pid == 0 ? NULL : opendir(path);
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        snprintf(path, sizeof path, "/proc/%" PRIu64 "/task/%s/schedstat", pid, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
        if (file != NULL && fscanf(file, "%" SCNu64, &one) == 1)
            sum += one;
        if (file != NULL)
            fclose(file);
    }
    if (tasks != NULL)
        closedir(tasks);
    return sum;
}

static void report(const struct load *load, uint64_t taken_ns, uint64_t server_ns)
{
    uint64_t answered = load->latencies, offered = load->issued + load->unsent;
    if (load->rate != 0)
        offered = (uint64_t)((unsigned __int128)load->duration_ns * load->rate / second_ns);
    printf("offered=%" PRIu64 " sent=%" PRIu64 " answered=%" PRIu64, offered, load->issued,
           answered);
    for (int i = 0; i < VERDICTS; i++)
        printf(" %s=%" PRIu64, verdict_names[i], load->verdicts[i]);
    printf(" rate=%.0f p50_us=%.1f p99_us=%.1f p999_us=%.1f server_ns=%.0f\n",
           (double)answered * 1e9 / (double)taken_ns, percentile_us(load, 0.5),
           percentile_us(load, 0.99), percentile_us(load, 0.999),
           answered == 0 ? 0 : (double)server_ns / (double)answered);
}

/* ---- Settings ---- */

static const char usage[] =
    "usage: bench_serve -a HOST:PORT|unix:PATH -q REQUEST [-R] [-c CONNECTIONS] [-p IN_FLIGHT]\n"
    "           [-d SECONDS] [-r RATE] [-m HOT,COLD,NEW] [-H HOT_KEYS] [-C COLD_KEYS] [-s SEED]\n"
    "           [-l LOG] [-n REQUESTS] [-P SERVER_PID]\n"
    "REQUEST is a file with the bytes of one request; '@' and 15 dots in it give way to a key.\n"
    "-R: RESP, else HTTP.  -r 0: IN_FLIGHT requests at once, when all of them are answered again.\n"
    "-m: hundredths of requests with hot, cold and new keys.  -l: a line for each request: key,\n"
    "when it was sent, when it was answered (CLOCK_MONOTONIC), and how.\n";

static void read_template(struct load *load, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        die(path);
    load->template_len = fread(load->template, 1, TEMPLATE_MAX, file);
    fclose(file);
    const char *key = memmem(load->template, load->template_len, "@...............", KEY_BYTES);
    load->key_at = key == NULL ? load->template_len : (size_t)(key - load->template);
}

static void parse(struct load *load, int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "a:q:Rc:p:d:r:m:H:C:s:l:n:P:")) != -1) {
        uint64_t number = optarg == NULL ? 0 : strtoull(optarg, NULL, 10);
        switch (option) {
        case 'a':
            load->address = optarg;
            break;
        case 'q':
            read_template(load, optarg);
            break;
        case 'R':
            load->resp = true;
            break;
        case 'c':
            load->connection_count = (unsigned)number;
            break;
        case 'p':
            load->pipeline = (unsigned)number;
            break;
        case 'd':
            load->duration_ns = (uint64_t)(atof(optarg) * 1e9);
            break;
        case 'r':
            load->rate = number;
            break;
        case 'm':
            if (sscanf(optarg, "%u,%u,%u", &load->shares[0], &load->shares[1], &load->shares[2]) !=
                3)
                load->shares[0] = 101;
            break;
        case 'H':
            load->hot = number;
            break;
        case 'C':
            load->cold = number;
            break;
        case 's':
            load->seed = number;
            break;
        case 'l':
            load->log_path = optarg;
            break;
        case 'n':
            load->count = number;
            break;
        case 'P':
            load->pid = number;
            break;
        default:
            load->address = NULL;
            optind = argc;
            break;
        }
    }
    if (load->address == NULL || load->template_len == 0 || load->connection_count == 0 ||
        load->connection_count > CONNECTIONS_MAX || load->pipeline == 0 ||
        load->pipeline > PIPELINE_MAX || load->hot == 0 || load->cold == 0 ||
        load->shares[0] + load->shares[1] + load->shares[2] != 100) {
        fputs(usage, stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static struct load load = {.connection_count = 64,
                               .pipeline = 1,
                               .shares = {0, 100, 0},
                               .duration_ns = 2000000000,
                               .count = UINT64_MAX,
                               .hot = 10,
                               .cold = 1000000,
                               .seed = 1};
    parse(&load, argc, argv);
    load.random = load.seed;
    load.connections = calloc(load.connection_count, sizeof *load.connections);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.log = load.log_path == NULL ? NULL : fopen(load.log_path, "we");
    if (load.connections == NULL || load.epoll < 0 || (load.log_path != NULL && load.log == NULL))
        die("it can't begin");
    for (unsigned i = 0; i < load.connection_count; i++)
        load.connections[i].fd = -1;
    prctl(PR_SET_TIMERSLACK, 1);
    uint64_t start = now_ns(), server_ns = processor_ns(load.pid);
    run(&load);
    uint64_t taken = now_ns() - start;
    report(&load, taken, processor_ns(load.pid) - server_ns);
    if (load.log != NULL && fclose(load.log) != 0)
        die(load.log_path);
    free(load.connections);
    return load.latencies == 0;
}
