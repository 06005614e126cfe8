/* SPDX-License-Identifier: MIT */
/* The daemon from its first line to its last: start, event loop, reload, end. */
#include "serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

enum { EVENTS_AT_ONCE = 256, SIGNAL_EVENT = SERVE_LISTEN_MAX, FILES_BESIDE = 1500 };
static const uint64_t second_ns = 1000000000, closing_ns = 2000000000;

static void say(const char *text)
{
    fprintf(stderr, "postproof serve: %s\n", text);
}

/* ---- Reload ---- */

static void reload(struct serve *serve)
{
    char error[SERVE_ERROR_BYTES];
    struct serve_config *fresh = malloc(sizeof *fresh);
    bool good = fresh != NULL;
    snprintf(error, sizeof error, "no memory is left");
    good = good && serve_config_load(serve->config_path, fresh, error);
    if (good && strcmp(fresh->state, serve->config.state) != 0) {
        snprintf(error, sizeof error, "%s: state can't change without a restart",
                 serve->config_path);
        good = false;
    }
    good = good && serve_rules_apply(&serve->rules, fresh, error);
    if (good) {
        /* Sockets and their number stay as they are until a restart. */
        memcpy(fresh->listen, serve->config.listen, sizeof fresh->listen);
        fresh->listens = serve->config.listens;
        fresh->connections = serve->config.connections;
        serve->config = *fresh;
        serve->counters.reloads++;
        fprintf(stderr, "postproof serve: %zu rules are in force\n", serve->rules.named_count);
    } else {
        serve->counters.bad_reloads++;
        fprintf(stderr, "postproof serve: the rules stay as they were: %s\n", error);
    }
    free(fresh);
}

static void take_signals(struct serve *serve)
{
    struct signalfd_siginfo info;
    while (read(serve->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(serve);
        else
            serve->stop = true;
    }
}

/* ---- The loop ---- */

static void each_second(struct serve *serve)
{
    struct serve_connection *next;
    for (struct serve_connection *c = serve->connections; c != NULL; c = next) {
        next = c->next;
        uint64_t allowed = c->closing ? closing_ns : serve->config.idle_ns;
        if (serve->loop_ns - c->active_ns <= allowed)
            continue;
        serve->counters.timed_out += !c->closing;
        serve_connection_close(serve, c);
    }
    serve_rules_sweep(&serve->rules);
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(serve->date, sizeof serve->date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
}

static void take_event(struct serve *serve, const struct epoll_event *event)
{
    if (event->data.u64 < SERVE_LISTEN_MAX)
        serve_listen_accept(serve, &serve->listeners[event->data.u64]);
    else if (event->data.u64 == SIGNAL_EVENT)
        take_signals(serve);
    else
        serve_connection_work(serve, event->data.ptr);
}

static void loop(struct serve *serve)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    uint64_t next_second = 0;
    while (!serve->stop) {
        serve->loop_ns = serve_now_ns();
        if (serve->loop_ns >= next_second) {
            each_second(serve);
            next_second = serve->loop_ns + second_ns;
        }
        int timeout_ms = (int)((next_second - serve->loop_ns) / 1000000) + 1;
        int n = epoll_wait(serve->epoll, events, EVENTS_AT_ONCE, timeout_ms);
        serve->loop_ns = serve_now_ns();
        for (int i = 0; i < n && !serve->failed; i++)
            take_event(serve, &events[i]);
    }
}

/* ---- Start and end ---- */

/* A file descriptor for each connection, and some for the rest. */
static bool reserve_files(uint64_t connections)
{
    struct rlimit limit;
    rlim_t needed = connections + FILES_BESIDE;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return false;
    if (limit.rlim_cur >= needed)
        return true;
    limit.rlim_cur = needed;
    if (limit.rlim_max < needed)
        limit.rlim_max = needed; /* root may */
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return true;
    say("this process may not open so many files: lower connections, or raise ulimit -n");
    return false;
}

static bool open_loop(struct serve *serve)
{
    sigset_t set;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = SIGNAL_EVENT};
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    serve->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        serve->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    serve->input = malloc(SERVE_INPUT_MAX);
    serve->values = malloc(SERVE_INPUT_MAX);
    serve->out = (struct serve_out){malloc(SERVE_OUTPUT_MAX), 0, SERVE_OUTPUT_MAX, false};
    if (serve->epoll >= 0 && serve->signals >= 0 && serve->input != NULL && serve->values != NULL &&
        serve->out.data != NULL &&
        epoll_ctl(serve->epoll, EPOLL_CTL_ADD, serve->signals, &event) == 0)
        return true;
    say("no memory or no file descriptor is left");
    return false;
}

static bool start_rules(struct serve *serve)
{
    char error[SERVE_ERROR_BYTES];
    const char *folder = serve->config.state;
    int locked = folder[0] == '\0' ? 0 : serve_state_lock(folder);
    if (locked < 0) {
        fprintf(stderr,
                "postproof serve: the folder %s can't be used, or another daemon uses it: "
                "%s\n",
                folder, strerror(-locked));
        return false;
    }
    if (!serve_rules_apply(&serve->rules, &serve->config, error)) {
        say(error);
        return false;
    }
    if (folder[0] != '\0' && !serve_state_clear(folder)) {
        say("old states can't be removed from the folder in the setting state");
        return false;
    }
    for (size_t i = 0; i < serve->rules.named_count; i++) {
        const struct serve_rule *rule = serve->rules.named[i];
        if (rule->resumed)
            printf("rule %s goes on with its saved state\n", rule->config.name);
        else if (!serve->rules.first_start)
            printf("rule %s waits for one window\n", rule->config.name);
    }
    return true;
}

static void finish(struct serve *serve)
{
    serve_listen_close(serve);
    while (serve->connections != NULL)
        serve_connection_close(serve, serve->connections);
    if (serve->config.state[0] != '\0' && serve->rules.started_ns != 0)
        serve_state_save(&serve->rules, serve->config.state);
    serve_rules_free(&serve->rules);
    if (serve->epoll >= 0)
        close(serve->epoll);
    if (serve->signals >= 0)
        close(serve->signals);
    free(serve->input);
    free(serve->values);
    free(serve->out.data);
    free(serve);
}

int serve_run(const struct serve_options *options)
{
    char error[SERVE_ERROR_BYTES];
    struct serve *serve = calloc(1, sizeof *serve);
    if (serve == NULL) {
        say("no memory is left");
        return 2;
    }
    serve->epoll = serve->signals = -1;
    serve->config_path = options->config;
    serve->rules.record = options->record;
    serve->rules.first_start = options->first_start;
    bool good = serve_config_load(options->config, &serve->config, error);
    if (!good)
        say(error);
    if (good && !options->check_config) {
        good = reserve_files(serve->config.connections) && open_loop(serve) &&
               serve_listen_open(serve) && start_rules(serve);
        if (good) {
            puts("ready");
            fflush(stdout);
            loop(serve);
        }
        good = good && !serve->failed;
        if (serve->failed)
            say("a decision could not be recorded");
    }
    finish(serve);
    return good ? 0 : 2;
}
