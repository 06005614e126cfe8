/* SPDX-License-Identifier: MIT */
/* Tests of the rollback core: both directions of random scripts, whole and piece by piece, and what
   must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/base.h"
#include "../../src/base/hash.h"
#include <postproof/rollback.h>

#include "../lib/rollback_pieces.h"

enum { IMAGE_MAX = 4096, OPERATIONS_MAX = 24, SCRIPTS = 3000 };

/* A script with its images, made operation by operation. */
struct script {
    uint8_t old[IMAGE_MAX], new[IMAGE_MAX];
    uint8_t control[OPERATIONS_MAX * PP_ROLLBACK_OPERATION_BYTES];
    uint8_t deltas[IMAGE_MAX], new_literals[IMAGE_MAX], old_literals[IMAGE_MAX];
    struct pp_rollback_sizes sizes;
};

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % n;
}

static struct pp_rollback_streams streams_of(const struct script *s)
{
    return (struct pp_rollback_streams){
        .control = {s->control, s->sizes.control_bytes},
        .deltas = {s->deltas, s->sizes.delta_bytes},
        .new_literals = {s->new_literals, s->sizes.new_literal_bytes},
        .old_literals = {s->old_literals, s->sizes.old_literal_bytes},
    };
}

static struct pp_bytes image_of(const struct script *s, bool is_old)
{
    return is_old ? (struct pp_bytes){s->old, s->sizes.old_bytes}
                  : (struct pp_bytes){s->new, s->sizes.new_bytes};
}

static void add_control(struct script *s, uint8_t kind, uint8_t delta, uint64_t count)
{
    assert_true(s->sizes.control_bytes < sizeof s->control);
    pp_rollback_operation_write(s->control + s->sizes.control_bytes,
                                (struct pp_rollback_operation){count, kind, delta});
    s->sizes.control_bytes += PP_ROLLBACK_OPERATION_BYTES;
}

static void add_shifted(struct script *s, uint8_t kind, uint8_t delta, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t old = (uint8_t)random_below(256);
        uint8_t d = kind == PP_ROLLBACK_COPY ? delta : (uint8_t)random_below(256);
        s->old[s->sizes.old_bytes++] = old;
        s->new[s->sizes.new_bytes++] = (uint8_t)(old + d);
        if (kind == PP_ROLLBACK_PAIR)
            s->deltas[s->sizes.delta_bytes++] = d;
    }
    add_control(s, kind, delta, count);
}

static void add_literal(struct script *s, uint8_t kind, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = (uint8_t)random_below(256);
        if (kind == PP_ROLLBACK_NEW)
            s->new[s->sizes.new_bytes++] = s->new_literals[s->sizes.new_literal_bytes++] = byte;
        else
            s->old[s->sizes.old_bytes++] = s->old_literals[s->sizes.old_literal_bytes++] = byte;
    }
    add_control(s, kind, 0, count);
}

static void add_operation(struct script *s, uint8_t kind, size_t count)
{
    if (kind == PP_ROLLBACK_COPY)
        add_shifted(s, kind, (uint8_t)(random_below(2) * random_below(256)), count);
    else if (kind == PP_ROLLBACK_PAIR)
        add_shifted(s, kind, 0, count);
    else
        add_literal(s, kind, count);
}

static void make_script(struct script *s, size_t operations)
{
    memset(s, 0, sizeof *s);
    for (size_t k = 0; k < operations; k++)
        add_operation(s, (uint8_t)random_below(4), 1 + random_below(random_below(4) ? 12 : 160));
}

static enum pp_error run(const struct script *s, enum pp_rollback_direction direction,
                         uint8_t *result)
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    struct pp_rollback_streams streams = streams_of(s);
    return pp_rollback_run(direction, &streams, image_of(s, apply), result,
                           image_of(s, !apply).len);
}

static void assert_image(const struct script *s, bool is_old, const uint8_t *result)
{
    struct pp_bytes image = image_of(s, is_old);
    assert_memory_equal(result, image.data, image.len);
}

/* ---- Operations and headers ------------------------------------------------------------------ */

static void operation_has_one_encoding(void **state)
{
    uint8_t p[PP_ROLLBACK_OPERATION_BYTES] = {0}, again[PP_ROLLBACK_OPERATION_BYTES];
    struct pp_rollback_operation operation, untouched = {7, 7, 7};
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++) {
        for (unsigned delta = 0; delta < 256; delta += 15) {
            for (uint64_t count = 0; count < 4; count++) {
                p[0] = (uint8_t)kind;
                p[1] = (uint8_t)delta;
                pp_put_u64(p + 2, count == 3 ? UINT64_MAX : count);
                operation = untouched;
                bool valid = count != 0 && kind <= 3 && (kind == 0 || delta == 0);
                enum pp_error error = pp_rollback_operation_read(p, &operation);
                assert_int_equal(error, valid ? PP_OK : PP_ERROR_FORMAT);
                if (!valid)
                    assert_memory_equal(&operation, &untouched, sizeof operation);
                if (!valid)
                    continue;
                pp_rollback_operation_write(again, operation);
                assert_memory_equal(again, p, sizeof p);
            }
        }
    }
}

static void header_is_read_back(void **state)
{
    struct pp_rollback_header header, again;
    uint8_t bytes[PP_ROLLBACK_HEADER_BYTES];
    (void)state;
    memset(&header, 0, sizeof header);
    for (size_t i = 0; i < sizeof header; i++)
        ((uint8_t *)&header)[i] = (uint8_t)(i + 1);
    header.sizes.control_bytes = 1230;
    pp_rollback_header_write(bytes, &header);
    assert_memory_equal(bytes, "PPRBPT01", 8);
    assert_int_equal(pp_rollback_header_read(bytes, &again), PP_OK);
    assert_memory_equal(&again, &header, sizeof header);
    pp_put_u64(bytes + 88, 1231);
    assert_int_equal(pp_rollback_header_read(bytes, &again), PP_ERROR_FORMAT);
    pp_put_u64(bytes + 88, 1230);
    for (unsigned bit = 0; bit < 64; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(pp_rollback_header_read(bytes, &again), PP_ERROR_FORMAT);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_memory_equal(&again, &header, sizeof header);
}

/* ---- Whole scripts --------------------------------------------------------------------------- */

static void both_directions_lead_back(void **state)
{
    static struct script s;
    uint8_t result[IMAGE_MAX];
    (void)state;
    for (int i = 0; i < SCRIPTS; i++) {
        make_script(&s, random_below(OPERATIONS_MAX + 1));
        assert_int_equal(run(&s, PP_ROLLBACK_APPLY, result), PP_OK);
        assert_image(&s, false, result);
        assert_int_equal(run(&s, PP_ROLLBACK_REVERT, result), PP_OK);
        assert_image(&s, true, result);
    }
}

static void empty_images(void **state)
{
    struct pp_rollback_streams none = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    struct pp_bytes nothing = {NULL, 0};
    uint8_t byte = 7;
    (void)state;
    assert_int_equal(pp_rollback_run(PP_ROLLBACK_APPLY, &none, nothing, NULL, 0), PP_OK);
    assert_int_equal(pp_rollback_run(PP_ROLLBACK_REVERT, &none, nothing, NULL, 0), PP_OK);
    assert_int_equal(pp_rollback_run(PP_ROLLBACK_APPLY, &none, nothing, &byte, 1), PP_ERROR_FORMAT);
    assert_int_equal(
        pp_rollback_run(PP_ROLLBACK_APPLY, &none, (struct pp_bytes){&byte, 1}, NULL, 0),
        PP_ERROR_FORMAT);
    assert_int_equal(byte, 7);
}

/* Each literal of the source is compared: one wrong bit is refused. */
static void wrong_base_is_refused(void **state)
{
    static struct script s;
    uint8_t result[IMAGE_MAX];
    (void)state;
    memset(&s, 0, sizeof s);
    add_literal(&s, PP_ROLLBACK_OLD, 9);
    add_shifted(&s, PP_ROLLBACK_COPY, 0, 5);
    add_literal(&s, PP_ROLLBACK_NEW, 300);
    add_literal(&s, PP_ROLLBACK_OLD, 300);
    for (size_t at = 0; at < s.sizes.old_bytes; at++) {
        s.old[at] ^= 0x10;
        bool in_copy = at >= 9 && at < 14;
        assert_int_equal(run(&s, PP_ROLLBACK_APPLY, result), in_copy ? PP_OK : PP_ERROR_MISMATCH);
        s.old[at] ^= 0x10;
    }
    for (size_t at = 0; at < s.sizes.new_bytes; at++) {
        s.new[at] ^= 1;
        assert_int_equal(run(&s, PP_ROLLBACK_REVERT, result), at < 5 ? PP_OK : PP_ERROR_MISMATCH);
        s.new[at] ^= 1;
    }
}

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* What does not add up is refused before a byte is written. */
static void sums_must_fit(void **state)
{
    static struct script s;
    uint8_t result[IMAGE_MAX + 1];
    (void)state;
    for (int i = 0; i < SCRIPTS; i++) {
        make_script(&s, 1 + random_below(OPERATIONS_MAX));
        uint8_t *count = s.control + 2 + 10 * random_below((uint32_t)s.sizes.control_bytes / 10);
        uint64_t right = pp_get_u64(count);
        const uint64_t wrong[] = {right + 1,
                                  right - 1,
                                  0,
                                  UINT64_MAX,
                                  UINT64_MAX - right + 1,
                                  right + (UINT64_C(1) << 32),
                                  right + (UINT64_C(1) << 63)};
        pp_put_u64(count, wrong[random_below(7)]);
        memset(result, 0, sizeof result);
        assert_int_equal(run(&s, PP_ROLLBACK_APPLY, result), PP_ERROR_FORMAT);
        assert_int_equal(run(&s, PP_ROLLBACK_REVERT, result), PP_ERROR_FORMAT);
        assert_true(is_zero(result, sizeof result));
        pp_put_u64(count, right);
        uint64_t *sizes[] = {&s.sizes.old_bytes,         &s.sizes.new_bytes,
                             &s.sizes.delta_bytes,       &s.sizes.new_literal_bytes,
                             &s.sizes.old_literal_bytes, &s.sizes.control_bytes};
        uint64_t *size = sizes[random_below(6)];
        *size += *size == 0 || random_below(2) ? 1 : UINT64_MAX;
        assert_int_equal(run(&s, PP_ROLLBACK_APPLY, result), PP_ERROR_FORMAT);
        assert_int_equal(run(&s, PP_ROLLBACK_REVERT, result), PP_ERROR_FORMAT);
        assert_true(is_zero(result, sizeof result));
    }
}

/* Counts whose sum modulo 2^64 would be right. */
static void sums_do_not_wrap(void **state)
{
    struct pp_rollback_sizes left = {.old_bytes = 4, .new_bytes = 4, .control_bytes = 20};
    uint8_t control[20];
    (void)state;
    pp_rollback_operation_write(control, (struct pp_rollback_operation){UINT64_MAX - 3, 0, 0});
    pp_rollback_operation_write(control + 10, (struct pp_rollback_operation){8, 0, 0});
    assert_int_equal(pp_rollback_control_check((struct pp_bytes){control, 20}, &left),
                     PP_ERROR_FORMAT);
    left = (struct pp_rollback_sizes){
        .old_bytes = UINT64_MAX, .new_bytes = UINT64_MAX, .control_bytes = 20};
    pp_rollback_operation_write(control + 10, (struct pp_rollback_operation){3, 0, 0});
    assert_int_equal(pp_rollback_control_check((struct pp_bytes){control, 13}, &left),
                     PP_ERROR_FORMAT);
    assert_int_equal(pp_rollback_control_check((struct pp_bytes){control, 10}, &left), PP_OK);
    assert_false(pp_rollback_sizes_done(&left));
    assert_int_equal(pp_rollback_control_check((struct pp_bytes){control + 10, 10}, &left), PP_OK);
    assert_true(pp_rollback_sizes_done(&left));
    assert_int_equal(pp_rollback_control_check((struct pp_bytes){control + 10, 10}, &left),
                     PP_ERROR_FORMAT);
    assert_true(pp_rollback_sizes_done(&left));
}

/* ---- Piece by piece -------------------------------------------------------------------------- */

static void give_what_is_needed(struct pp_rollback_window *window, enum pp_rollback_state need,
                                const struct pp_rollback_streams *all, struct pp_bytes source)
{
    size_t n = 1 + random_below(random_below(2) ? 3 : 100);
    if (need == PP_ROLLBACK_NEEDS_ROOM)
        window->room += n;
    else
        assert_true(give_input(window, need, all, source, n));
}

static enum pp_rollback_state run_in_pieces(const struct script *s,
                                            enum pp_rollback_direction direction, uint8_t *result)
{
    bool apply = direction == PP_ROLLBACK_APPLY;
    const struct pp_rollback_streams all = streams_of(s);
    const struct pp_bytes source = image_of(s, apply);
    struct pp_rollback_window window = {
        .control = {all.control.data, 0},
        .deltas = {all.deltas.data, 0},
        .new_literals = {all.new_literals.data, 0},
        .old_literals = {all.old_literals.data, 0},
        .source = {source.data, 0},
        .out = result,
    };
    struct pp_rollback_run state;
    pp_rollback_run_init(&state, direction, &s->sizes);
    for (;;) {
        enum pp_rollback_state need = pp_rollback_run_step(&state, &window);
        if (need == PP_ROLLBACK_DONE)
            assert_ptr_equal(window.out, result + image_of(s, !apply).len);
        if (need == PP_ROLLBACK_DONE || need == PP_ROLLBACK_BAD_SCRIPT ||
            need == PP_ROLLBACK_WRONG_BASE)
            return need;
        give_what_is_needed(&window, need, &all, source);
    }
}

static void pieces_give_the_same(void **state)
{
    static struct script s;
    uint8_t result[IMAGE_MAX + 100];
    (void)state;
    for (int i = 0; i < SCRIPTS; i++) {
        make_script(&s, random_below(OPERATIONS_MAX + 1));
        assert_int_equal(run_in_pieces(&s, PP_ROLLBACK_APPLY, result), PP_ROLLBACK_DONE);
        assert_image(&s, false, result);
        assert_int_equal(run_in_pieces(&s, PP_ROLLBACK_REVERT, result), PP_ROLLBACK_DONE);
        assert_image(&s, true, result);
    }
}

static void pieces_refuse_the_same(void **state)
{
    static struct script s;
    uint8_t result[IMAGE_MAX + 100];
    (void)state;
    for (int i = 0; i < SCRIPTS; i++) {
        make_script(&s, 1 + random_below(OPERATIONS_MAX));
        if (s.sizes.old_literal_bytes > 0) {
            size_t at = random_below((uint32_t)s.sizes.old_literal_bytes);
            s.old_literals[at] ^= 4;
            assert_int_equal(run_in_pieces(&s, PP_ROLLBACK_APPLY, result), PP_ROLLBACK_WRONG_BASE);
            s.old_literals[at] ^= 4;
        }
        uint8_t *operation = s.control + 10 * random_below((uint32_t)s.sizes.control_bytes / 10);
        uint64_t right = pp_get_u64(operation + 2);
        operation[0] ^= 4;
        assert_int_equal(run_in_pieces(&s, PP_ROLLBACK_REVERT, result), PP_ROLLBACK_BAD_SCRIPT);
        operation[0] ^= 4;
        pp_put_u64(operation + 2, UINT64_MAX - random_below(9));
        assert_int_equal(run_in_pieces(&s, PP_ROLLBACK_APPLY, result), PP_ROLLBACK_BAD_SCRIPT);
        pp_put_u64(operation + 2, right);
        s.sizes.old_bytes++;
        assert_int_equal(run_in_pieces(&s, PP_ROLLBACK_APPLY, result), PP_ROLLBACK_BAD_SCRIPT);
    }
}

/* ---- A patch as a file ----------------------------------------------------------------------- */

enum { FILE_MAX = PP_ROLLBACK_HEADER_BYTES + 4 * IMAGE_MAX };

static size_t put(uint8_t *file, size_t at, struct pp_bytes part)
{
    memcpy(file + at, part.data, part.len);
    return at + part.len;
}

static size_t write_file(const struct script *s, uint8_t *file)
{
    const struct pp_rollback_streams all = streams_of(s);
    const struct pp_rollback_header header = {s->sizes, pp_sha256(image_of(s, true)),
                                              pp_sha256(image_of(s, false))};
    size_t at = PP_ROLLBACK_HEADER_BYTES;
    pp_rollback_header_write(file, &header);
    at = put(file, at, all.control);
    at = put(file, at, all.deltas);
    at = put(file, at, all.new_literals);
    return put(file, at, all.old_literals);
}

static struct pp_bytes cut(struct pp_bytes *rest, uint64_t len)
{
    struct pp_bytes part = {rest->data, len <= rest->len ? (size_t)len : SIZE_MAX};
    if (part.len == SIZE_MAX)
        return part;
    *rest = (struct pp_bytes){rest->data + len, rest->len - (size_t)len};
    return part;
}

/* As any caller: header, streams, hash of the source, script, hash of the result. */
static bool run_file(struct pp_bytes file, enum pp_rollback_direction direction,
                     struct pp_bytes source, uint8_t *result)
{
    struct pp_rollback_header header;
    struct pp_bytes head = cut(&file, PP_ROLLBACK_HEADER_BYTES);
    if (head.len == SIZE_MAX || pp_rollback_header_read(head.data, &header) != PP_OK)
        return false;
    struct pp_rollback_streams all = {.control = cut(&file, header.sizes.control_bytes)};
    all.deltas = cut(&file, header.sizes.delta_bytes);
    all.new_literals = cut(&file, header.sizes.new_literal_bytes);
    all.old_literals = cut(&file, header.sizes.old_literal_bytes);
    if (all.control.len == SIZE_MAX || all.deltas.len == SIZE_MAX ||
        all.new_literals.len == SIZE_MAX || all.old_literals.len == SIZE_MAX || file.len != 0)
        return false;
    bool apply = direction == PP_ROLLBACK_APPLY;
    uint64_t out_bytes = apply ? header.sizes.new_bytes : header.sizes.old_bytes;
    struct pp_digest before = pp_sha256(source);
    if (source.len != (apply ? header.sizes.old_bytes : header.sizes.new_bytes) ||
        !pp_digest_equal(&before, apply ? &header.old_hash : &header.new_hash) ||
        out_bytes > IMAGE_MAX ||
        pp_rollback_run(direction, &all, source, result, (size_t)out_bytes) != PP_OK)
        return false;
    struct pp_digest after = pp_sha256((struct pp_bytes){result, (size_t)out_bytes});
    return pp_digest_equal(&after, apply ? &header.new_hash : &header.old_hash);
}

static void make_small_file(struct script *s, uint8_t *file, size_t *len)
{
    memset(s, 0, sizeof *s);
    add_shifted(s, PP_ROLLBACK_COPY, 3, 20);
    add_literal(s, PP_ROLLBACK_OLD, 7);
    add_shifted(s, PP_ROLLBACK_PAIR, 0, 11);
    add_literal(s, PP_ROLLBACK_NEW, 9);
    add_shifted(s, PP_ROLLBACK_COPY, 0, 30);
    *len = write_file(s, file);
}

static void every_bit_of_a_patch_counts(void **state)
{
    static struct script s;
    static uint8_t file[FILE_MAX];
    uint8_t result[IMAGE_MAX];
    size_t len;
    (void)state;
    make_small_file(&s, file, &len);
    assert_true(run_file((struct pp_bytes){file, len}, 0, image_of(&s, true), result));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        file[bit / 8] ^= (uint8_t)(1U << bit % 8);
        for (int direction = 0; direction < 2; direction++)
            assert_false(run_file((struct pp_bytes){file, len},
                                  (enum pp_rollback_direction)direction,
                                  image_of(&s, direction == 0), result));
        file[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void every_length_of_a_patch_counts(void **state)
{
    static struct script s;
    static uint8_t file[FILE_MAX];
    uint8_t result[IMAGE_MAX];
    size_t whole;
    (void)state;
    make_small_file(&s, file, &whole);
    for (size_t len = 0; len <= whole + 1; len++)
        assert_int_equal(run_file((struct pp_bytes){file, len}, 0, image_of(&s, true), result),
                         len == whole);
}

/* ---- Page trees ------------------------------------------------------------------------------ */

enum { PAGES_MAX = 70 };

/* RFC 6962 section 2.1, as the RFC writes it. */
static struct pp_digest rfc_root(const struct pp_digest *leaves, size_t n)
{
    size_t k = 1;
    if (n == 0)
        return pp_empty_hash();
    if (n == 1)
        return leaves[0];
    while (2 * k < n)
        k *= 2;
    struct pp_digest left = rfc_root(leaves, k), right = rfc_root(leaves + k, n - k);
    return pp_node_hash(&left, &right);
}

static void page_counts(void **state)
{
    (void)state;
    assert_int_equal(pp_rollback_pages(0), 0);
    assert_int_equal(pp_rollback_pages(1), 1);
    assert_int_equal(pp_rollback_pages(4096), 1);
    assert_int_equal(pp_rollback_pages(4097), 2);
    assert_true(pp_rollback_pages(UINT64_MAX) == UINT64_C(1) << 52);
    assert_int_equal(pp_rollback_tree_nodes(0), 0);
    assert_int_equal(pp_rollback_tree_nodes(1), 1);
    assert_int_equal(pp_rollback_tree_nodes(5), 5 + 3 + 2 + 1);
    assert_true(pp_rollback_tree_nodes(UINT64_C(1) << 52) == (UINT64_C(1) << 53) - 1);
}

static void roots_are_those_of_the_rfc(void **state)
{
    struct pp_digest nodes[2 * PAGES_MAX + 64], leaves[PAGES_MAX];
    (void)state;
    for (size_t pages = 0; pages <= PAGES_MAX; pages++) {
        for (size_t i = 0; i < pages; i++) {
            uint8_t page[PP_ROLLBACK_PAGE_BYTES];
            memset(page, (int)(i + pages), sizeof page);
            leaves[i] = pp_rollback_page_hash((struct pp_bytes){page, 1 + i * 40});
        }
        memcpy(nodes, leaves, pages * sizeof leaves[0]);
        pp_rollback_tree_build(nodes, pages);
        struct pp_digest expected = rfc_root(leaves, pages);
        struct pp_digest root = pp_rollback_tree_root(nodes, pages);
        assert_memory_equal(&root, &expected, sizeof root);
        for (size_t i = 0; i < pages; i++) {
            leaves[i].b[i % 32] ^= 1;
            pp_rollback_tree_update(nodes, pages, i, leaves[i]);
            expected = rfc_root(leaves, pages);
            root = pp_rollback_tree_root(nodes, pages);
            assert_memory_equal(&root, &expected, sizeof root);
        }
    }
}

/* For every number of pages: no page, each one alone, and many in any order, some of them twice. */
static void a_refreshed_tree_is_the_one_that_is_built(void **state)
{
    struct pp_digest nodes[2 * PAGES_MAX + 64], built[2 * PAGES_MAX + 64];
    size_t changed[2 * PAGES_MAX];
    uint64_t random = 1;
    (void)state;
    memset(nodes, 0, sizeof nodes);
    for (size_t pages = 0; pages <= PAGES_MAX; pages++) {
        size_t tree_bytes = (size_t)pp_rollback_tree_nodes(pages) * sizeof nodes[0];
        pp_rollback_tree_build(nodes, pages);
        for (size_t round = 0; round < 2 * pages + 1; round++) {
            size_t n = round == 0 ? 0 : round <= pages ? 1 : round - pages;
            for (size_t k = 0; k < n; k++) {
                random = random * UINT64_C(6364136223846793005) + 1;
                changed[k] = n == 1 ? round % pages : (size_t)(random >> 33) % pages;
                nodes[changed[k]].b[random >> 59] ^= (uint8_t)(random >> 40 | 1);
            }
            memcpy(built, nodes, pages * sizeof nodes[0]);
            pp_rollback_tree_build(built, pages);
            pp_rollback_tree_refresh(nodes, pages, changed, n);
            assert_memory_equal(nodes, built, tree_bytes);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operation_has_one_encoding),
        cmocka_unit_test(header_is_read_back),
        cmocka_unit_test(both_directions_lead_back),
        cmocka_unit_test(empty_images),
        cmocka_unit_test(wrong_base_is_refused),
        cmocka_unit_test(sums_must_fit),
        cmocka_unit_test(sums_do_not_wrap),
        cmocka_unit_test(pieces_give_the_same),
        cmocka_unit_test(pieces_refuse_the_same),
        cmocka_unit_test(every_bit_of_a_patch_counts),
        cmocka_unit_test(every_length_of_a_patch_counts),
        cmocka_unit_test(page_counts),
        cmocka_unit_test(roots_are_those_of_the_rfc),
        cmocka_unit_test(a_refreshed_tree_is_the_one_that_is_built),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
