/* SPDX-License-Identifier: MIT */
/* Fuzzes what the daemon reads from the network: requests of HTTP and RESP.  However the bytes are
   cut, the verdict is the same; everything borrowed lies inside the request; a RESP command that is
   written again reads the same.  Input: a byte that says which protocol, the bytes that came in. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../daemon/address.h"
#include "../daemon/http.h"
#include "../daemon/resp.h"
#include "../daemon/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool inside(struct pp_bytes part, struct pp_bytes whole)
{
    return part.len == 0 || ((uintptr_t)part.data >= (uintptr_t)whole.data &&
                             (uintptr_t)part.data + part.len <= (uintptr_t)whole.data + whole.len);
}

/* Memory of exactly this size, so that the sanitizer sees a read behind the end. */
static uint8_t *copy_of(struct pp_bytes input)
{
    uint8_t *copy = malloc(input.len == 0 ? 1 : input.len);
    require(copy != NULL);
    if (input.len != 0)
        memcpy(copy, input.data, input.len);
    return copy;
}

/* ---- HTTP ---- */

static enum serve_parse http_verdict(struct pp_bytes input, size_t *used)
{
    struct http_request request;
    uint8_t *copy = copy_of(input);
    struct pp_bytes exact = {copy, input.len};
    enum serve_parse parse = http_parse(exact, &request, used);
    if (parse == SERVE_PARSE_DONE) {
        struct pp_bytes whole = {copy, *used};
        require(*used > 0 && *used <= input.len);
        require(inside(request.path, whole) && inside(request.query, whole) &&
                inside(request.body, whole));
        require(request.path.len != 0 && request.path.data[0] == '/');
    } else if (parse == SERVE_PARSE_BAD) {
        require(request.status >= 400 && request.status <= 505 && request.error != NULL);
        require(request.close);
    }
    free(copy);
    return parse;
}

/* ---- RESP ---- */

/* The command as an array of bulk strings reads the same; `input` is what it was read from. */
static void write_again(const struct resp_command *command)
{
    static char room[1 << 21];
    struct serve_out out = {room, 0, sizeof room, false};
    struct resp_command again;
    size_t used;
    serve_put_text(&out, "*");
    serve_put_number(&out, command->count);
    serve_put_text(&out, "\r\n");
    for (size_t i = 0; i < command->count; i++) {
        serve_put_text(&out, "$");
        serve_put_number(&out, command->argument[i].len);
        serve_put_text(&out, "\r\n");
        serve_put(&out, command->argument[i].data, command->argument[i].len);
        serve_put_text(&out, "\r\n");
    }
    require(!out.overflow);
    struct pp_bytes input = {(const uint8_t *)room, out.len};
    require(resp_parse(input, &again, &used) == SERVE_PARSE_DONE && used == out.len);
    require(again.count == command->count);
    for (size_t i = 0; i < again.count; i++)
        require(again.argument[i].len == command->argument[i].len &&
                (again.argument[i].len == 0 ||
                 memcmp(again.argument[i].data, command->argument[i].data, again.argument[i].len) ==
                     0));
}

static enum serve_parse resp_verdict(struct pp_bytes input, size_t *used)
{
    struct resp_command command;
    uint8_t *copy = copy_of(input);
    enum serve_parse parse = resp_parse((struct pp_bytes){copy, input.len}, &command, used);
    if (parse == SERVE_PARSE_DONE) {
        struct pp_bytes whole = {copy, *used};
        require(*used > 0 && *used <= input.len && command.count <= RESP_ARGUMENTS_MAX);
        for (size_t i = 0; i < command.count; i++)
            require(inside(command.argument[i], whole));
        write_again(&command);
    } else if (parse == SERVE_PARSE_BAD) {
        require(command.error != NULL);
    }
    free(copy);
    return parse;
}

/* ---- Both ---- */

/* A prefix of a whole request waits for more; what is refused is refused however much follows. */
static void check_cuts(enum serve_parse (*verdict)(struct pp_bytes, size_t *),
                       struct pp_bytes input)
{
    size_t used, cut_used, step = input.len / 64 + 1;
    enum serve_parse parse = verdict(input, &used);
    size_t end = parse == SERVE_PARSE_DONE ? used : input.len;
    for (size_t cut = 0; cut < end; cut += step) {
        enum serve_parse part = verdict((struct pp_bytes){input.data, cut}, &cut_used);
        require(part == SERVE_PARSE_MORE || (part == SERVE_PARSE_BAD && part == parse));
    }
    if (parse == SERVE_PARSE_DONE) {
        require(verdict((struct pp_bytes){input.data, used}, &cut_used) == SERVE_PARSE_DONE);
        require(cut_used == used);
    }
}

static void check_values(struct pp_bytes input)
{
    uint8_t *copy = copy_of(input);
    size_t len = input.len;
    uint64_t number;
    char prefix[SERVE_PREFIX_BYTES], again[SERVE_PREFIX_BYTES];
    if (serve_address_prefix(input, 20, 52, prefix)) {
        struct pp_bytes address = {(const uint8_t *)prefix, strcspn(prefix, "/")};
        require(serve_address_prefix(address, 20, 52, again) && strcmp(prefix, again) == 0);
    }
    if (serve_unescape(copy, &len))
        require(len <= input.len);
    (void)!serve_parse_number(input, UINT64_MAX, &number);
    (void)!serve_parse_duration(input, &number);
    (void)!serve_parse_size(input, &number);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct pp_bytes input = {data + 1, size - 1};
    if (data[0] % 3 == 0)
        check_cuts(http_verdict, input);
    else if (data[0] % 3 == 1)
        check_cuts(resp_verdict, input);
    else
        check_values(input);
    return 0;
}
