/* SPDX-License-Identifier: MIT */
/* What a Redis client gets: CL.THROTTLE with the reply of redis-cell, and the usual courtesies. */
#include "server.h"

#include <string.h>

static void put_integer(struct serve_out *out, uint64_t value)
{
    serve_put_text(out, ":");
    serve_put_number(out, value);
    serve_put_text(out, "\r\n");
}

void serve_answer_resp_error(struct serve_worker *worker, const char *error)
{
    serve_put_text(&worker->out, "-ERR ");
    serve_put_text(&worker->out, error);
    serve_put_text(&worker->out, "\r\n");
}

/* limited, limit, remaining, seconds to wait before this request (-1: none), to be full again. */
static void put_throttle(struct serve_out *out, const struct serve_decision *decision)
{
    bool limited = decision->verdict != PP_LIMITER_ADMIT;
    serve_put_text(out, limited ? "*5\r\n:1\r\n" : "*5\r\n:0\r\n");
    put_integer(out, decision->limit);
    put_integer(out, decision->remaining);
    if (!limited || decision->retry_ns == PP_LIMITER_NEVER)
        serve_put_text(out, ":-1\r\n");
    else /* memory that is full says 0: ask again, but not at once */
        put_integer(out, decision->retry_ns == 0 ? 1 : serve_seconds(decision->retry_ns));
    put_integer(out, serve_seconds(decision->reset_ns));
}

static bool throttle(struct serve_worker *worker, const struct resp_command *command)
{
    const struct pp_bytes *argument = command->argument;
    uint64_t burst, count, period_s, quantity = 1;
    const char *error;
    struct serve_decision decision;
    if (command->count < 5 || command->count > 6) {
        serve_answer_resp_error(
            worker, "CL.THROTTLE takes key max_burst count_per_period period [quantity]");
        return true;
    }
    if (argument[1].len == 0) {
        serve_answer_resp_error(worker, "the key is empty");
        return true;
    }
    if (!serve_parse_number(argument[2], UINT64_MAX, &burst) ||
        !serve_parse_number(argument[3], UINT64_MAX, &count) ||
        !serve_parse_number(argument[4], UINT64_MAX, &period_s) ||
        (command->count == 6 && !serve_parse_number(argument[5], UINT64_MAX, &quantity))) {
        serve_answer_resp_error(
            worker, "max_burst, count_per_period, period and quantity are whole numbers from 0");
        return true;
    }
    struct serve_rule *rule = serve_rules_throttle(&worker->serve->rules, &worker->serve->config,
                                                   burst, count, period_s, &error);
    if (rule == NULL) {
        serve_answer_resp_error(worker, error);
        return true;
    }
    /* A quantity of 0 asks for one unit without taking it. */
    serve_rule_decide(&worker->serve->rules, rule, argument[1], quantity == 0 ? 1 : quantity,
                      quantity != 0, &decision);
    put_throttle(&worker->out, &decision);
    return true;
}

static bool ping(struct serve_worker *worker, const struct resp_command *command)
{
    struct serve_out *out = &worker->out;
    if (command->count == 1) {
        serve_put_text(out, "+PONG\r\n");
        return true;
    }
    serve_put_text(out, "$");
    serve_put_number(out, command->argument[1].len);
    serve_put_text(out, "\r\n");
    serve_put(out, command->argument[1].data, command->argument[1].len);
    serve_put_text(out, "\r\n");
    return true;
}

bool serve_answer_resp(struct serve_worker *worker, const struct resp_command *command)
{
    struct pp_bytes name = command->argument[0];
    if (command->count == 0)
        return true;
    serve_count(&worker->counters.requests[SERVE_RESP]);
    if (serve_is_word(name, "cl.throttle"))
        return throttle(worker, command);
    if (serve_is_word(name, "ping"))
        return ping(worker, command);
    if (serve_is_word(name, "command")) {
        serve_put_text(&worker->out, "*0\r\n");
        return true;
    }
    if (serve_is_word(name, "quit")) {
        serve_put_text(&worker->out, "+OK\r\n");
        return false;
    }
    serve_answer_resp_error(worker, "unknown command; there are CL.THROTTLE, PING, COMMAND, QUIT");
    return true;
}
