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
#include <unistd.h>

#include "server.h"

enum { FILES_BESIDE = 1500 };

static void say(const char *text)
{
    fprintf(stderr, "postproof serve: %s\n", text);
}

/* ---- Reload ---- */

/* A setting that only a restart can change, if it is another one in the file. */
static const char *changed_setting(const struct serve_config *now, const struct serve_config *fresh)
{
    if (strcmp(fresh->state, now->state) != 0)
        return "state";
    if (fresh->threads != now->threads)
        return "threads";
    return memcmp(&fresh->record, &now->record, sizeof now->record) == 0 ? NULL : "record";
}

static void reload(struct serve *serve)
{
    char error[SERVE_ERROR_BYTES];
    struct serve_config *fresh = malloc(sizeof *fresh);
    bool good = fresh != NULL;
    snprintf(error, sizeof error, "no memory is left");
    good = good && serve_config_load(serve->config_path, fresh, error);
    const char *fixed = good ? changed_setting(&serve->config, fresh) : NULL;
    if (fixed != NULL) {
        snprintf(error, sizeof error, "%s: %s can't change without a restart", serve->config_path,
                 fixed);
        good = false;
    }
    good = good && serve_rules_apply(&serve->rules, fresh, error);
    if (good) {
        /* Sockets and their number stay as they are until a restart. */
        memcpy(fresh->listen, serve->config.listen, sizeof fresh->listen);
        fresh->listens = serve->config.listens;
        fresh->connections = serve->config.connections;
        pthread_rwlock_wrlock(&serve->rules.lock);
        serve->config = *fresh;
        pthread_rwlock_unlock(&serve->rules.lock);
        atomic_fetch_add(&serve->reloads, 1);
        fprintf(stderr, "postproof serve: %zu rules are in force\n", serve->rules.named_count);
    } else {
        atomic_fetch_add(&serve->bad_reloads, 1);
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
            serve_workers_stop(serve);
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

/* The first thread's loop takes signals; every later thread inherits that they are blocked. */
static bool open_signals(struct serve *serve)
{
    sigset_t set;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = SERVE_SIGNAL_EVENT};
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        serve->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (serve->signals >= 0 &&
        epoll_ctl(serve->workers[0].epoll, EPOLL_CTL_ADD, serve->signals, &event) == 0)
        return true;
    say("no file descriptor is left");
    return false;
}

static bool open_journal(struct serve *serve)
{
    if (serve->config.record.ledger[0] == '\0')
        return true;
    serve->rules.journal = serve_journal_open(&serve->config.record);
    return serve->rules.journal != NULL;
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

/* What the ledger must still be told, before the rules go. */
static bool finish_journal(struct serve_rules *rules)
{
    if (rules->journal == NULL)
        return true;
    serve_journal_drain(rules->journal);
    serve_rules_sweep(rules);
    bool good = serve_journal_close(rules->journal);
    rules->journal = NULL;
    return good;
}

static bool finish(struct serve *serve)
{
    serve_listen_close(serve);
    serve_workers_close(serve);
    bool good = finish_journal(&serve->rules);
    if (serve->config.state[0] != '\0' && serve->rules.started_ns != 0)
        serve_state_save(&serve->rules, serve->config.state);
    serve_rules_free(&serve->rules);
    if (serve->signals >= 0)
        close(serve->signals);
    free(serve);
    return good;
}

static bool serve_until_stopped(struct serve *serve)
{
    bool good = reserve_files(serve->config.connections) && serve_workers_open(serve) &&
                open_signals(serve) && open_journal(serve) && serve_listen_open(serve) &&
                start_rules(serve);
    if (!good)
        return false;
    puts("ready");
    fflush(stdout);
    good = serve_workers_run(serve, take_signals);
    if (!atomic_load(&serve->failed))
        return good;
    say("a decision could not be recorded");
    return false;
}

int serve_run(const struct serve_options *options)
{
    char error[SERVE_ERROR_BYTES];
    struct serve *serve = calloc(1, sizeof *serve);
    if (serve == NULL || !serve_rules_init(&serve->rules)) {
        say("no memory is left");
        free(serve);
        return 2;
    }
    serve->signals = -1;
    serve->config_path = options->config;
    serve->rules.record = options->record;
    serve->rules.first_start = options->first_start;
    bool good = serve_config_load(options->config, &serve->config, error);
    if (!good)
        say(error);
    if (good && !options->check_config)
        good = serve_until_stopped(serve);
    good = finish(serve) && good;
    return good ? 0 : 2;
}
