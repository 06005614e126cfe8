/* SPDX-License-Identifier: MIT */
/* Tests of seals, segment headers and the log id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/base/base.h"
#include "../../src/ledger/ledger_internal.h"
#include "../lib/tamper.h"

static struct pp_mac_key some_key(void)
{
    struct pp_digest secret;
    struct pp_mac_key key;
    tamper_random_bytes(&secret, sizeof secret);
    pp_mac_key_init(&key, &secret);
    return key;
}

static struct pp_seal some_seal(enum pp_seal_kind kind)
{
    struct pp_seal seal;
    tamper_random_bytes(&seal, sizeof seal);
    seal.kind = (uint8_t)kind;
    seal.epoch &= PP_EPOCH_MAX;
    seal.first_seq >>= 2;
    seal.next_seq = seal.first_seq + (kind == PP_SEAL_COMMIT ? 1 + tamper_random_below(1000) : 0);
    if (kind == PP_SEAL_COMMIT)
        seal.detail_number = 0;
    if (kind == PP_SEAL_COMMIT || kind == PP_SEAL_PRUNE)
        memset(&seal.detail_hash, 0, sizeof seal.detail_hash);
    return seal;
}

static struct pp_bytes content_of(const uint8_t *frame, size_t len)
{
    return (struct pp_bytes){frame + PP_FRAME_HEAD_BYTES, len - PP_FRAME_HEAD_BYTES};
}

/* ---- Seals ---------------------------------------------------------------------------------- */

static void assert_same_seal(const struct pp_seal *a, const struct pp_seal *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(a->epoch == b->epoch && a->first_seq == b->first_seq);
    assert_true(a->next_seq == b->next_seq && a->detail_number == b->detail_number);
    assert_true(a->realtime_ns == b->realtime_ns && a->monotonic_ns == b->monotonic_ns);
    assert_memory_equal(&a->log_id, &b->log_id, sizeof a->log_id);
    assert_memory_equal(&a->root, &b->root, sizeof a->root);
    assert_memory_equal(&a->previous_tag, &b->previous_tag, sizeof a->previous_tag);
    assert_memory_equal(&a->tag, &b->tag, sizeof a->tag);
    assert_memory_equal(a->boot_id, b->boot_id, sizeof a->boot_id);
    assert_memory_equal(&a->detail_hash, &b->detail_hash, sizeof a->detail_hash);
    assert_memory_equal(&a->mac, &b->mac, sizeof a->mac);
}

static void test_seal_round_trips(void **state)
{
    (void)state;
    uint8_t out[PP_SEAL_FRAME_BYTES];
    for (int round = 0; round < 4000; round++) {
        struct pp_mac_key key = some_key(), other = some_key();
        struct pp_seal seal = some_seal((enum pp_seal_kind)(1 + round % 4)), again;
        struct pp_frame frame;
        pp_seal_write(&seal, &key, out);
        assert_int_equal(pp_frame_read((struct pp_bytes){out, sizeof out}, &frame), PP_OK);
        assert_int_equal(frame.type, PP_FRAME_SEAL);
        assert_int_equal(frame.bytes, sizeof out);
        assert_int_equal(pp_seal_decode(frame.content, &again), PP_OK);
        assert_same_seal(&seal, &again);
        assert_true(pp_seal_mac_valid(frame.content, &key));
        assert_false(pp_seal_mac_valid(frame.content, &other));
    }
}

static void test_every_bit_of_a_seal(void **state)
{
    (void)state;
    uint8_t out[PP_SEAL_FRAME_BYTES];
    for (int kind = PP_SEAL_COMMIT; kind <= PP_SEAL_PRUNE; kind++) {
        struct pp_mac_key key = some_key();
        struct pp_seal seal = some_seal((enum pp_seal_kind)kind), again;
        pp_seal_write(&seal, &key, out);
        struct pp_bytes content = content_of(out, sizeof out);
        for (size_t bit = 0; bit < 8 * content.len; bit++) {
            uint8_t *byte = &out[PP_FRAME_HEAD_BYTES + bit / 8];
            *byte ^= (uint8_t)(1 << bit % 8);
            assert_false(pp_seal_mac_valid(content, &key));
            if (bit < 8)
                assert_int_equal(pp_seal_decode(content, &again), PP_ERROR_FORMAT);
            *byte ^= (uint8_t)(1 << bit % 8);
        }
        assert_true(pp_seal_mac_valid(content, &key));
    }
}

static void test_lengths_of_seals(void **state)
{
    (void)state;
    uint8_t out[PP_SEAL_FRAME_BYTES + 8] = {0};
    struct pp_mac_key key = some_key();
    struct pp_seal seal = some_seal(PP_SEAL_COMMIT), again;
    pp_seal_write(&seal, &key, out);
    for (size_t len = 0; len <= PP_SEAL_BYTES + 8; len++) {
        struct pp_bytes content = {out + PP_FRAME_HEAD_BYTES, len};
        bool whole = len == PP_SEAL_BYTES;
        assert_int_equal(pp_seal_decode(content, &again), whole ? PP_OK : PP_ERROR_FORMAT);
        assert_int_equal(pp_seal_mac_valid(content, &key), whole);
    }
}

static enum pp_error decode_again(struct pp_seal seal)
{
    uint8_t out[PP_SEAL_FRAME_BYTES];
    struct pp_mac_key key = some_key();
    pp_seal_write(&seal, &key, out);
    return pp_seal_decode(content_of(out, sizeof out), &seal);
}

/* The table "Kind" of the format document. */
static void test_kinds(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++) {
        bool known = kind >= PP_SEAL_COMMIT && kind <= PP_SEAL_PRUNE;
        for (unsigned form = 0; form < 8; form++) {
            struct pp_seal seal = some_seal(PP_SEAL_COMMIT);
            bool entries = form & 1, number = form & 2, hash = form & 4;
            seal.kind = (uint8_t)kind;
            seal.next_seq = seal.first_seq + entries;
            seal.detail_number = number ? 1 + tamper_random_below(1000) : 0;
            if (hash)
                seal.detail_hash.b[tamper_random_below(PP_DIGEST_BYTES)] = 1;
            bool good = known && entries == (kind == PP_SEAL_COMMIT) &&
                        (!number || kind != PP_SEAL_COMMIT) &&
                        (!hash || kind == PP_SEAL_RECOVERY || kind == PP_SEAL_ROTATION);
            assert_int_equal(decode_again(seal), good ? PP_OK : PP_ERROR_FORMAT);
        }
    }
}

static void test_ranges_of_seals(void **state)
{
    (void)state;
    struct pp_seal seal = some_seal(PP_SEAL_COMMIT);
    seal.next_seq = seal.first_seq - 1;
    assert_int_equal(decode_again(seal), PP_ERROR_FORMAT);
    seal.first_seq = 0;
    seal.next_seq = INT64_MAX;
    assert_int_equal(decode_again(seal), PP_OK);
    seal.next_seq = (uint64_t)INT64_MAX + 1;
    assert_int_equal(decode_again(seal), PP_ERROR_FORMAT);
    seal = some_seal(PP_SEAL_COMMIT);
    seal.epoch = PP_EPOCH_MAX;
    assert_int_equal(decode_again(seal), PP_OK);
    seal.epoch = PP_EPOCH_MAX + 1;
    assert_int_equal(decode_again(seal), PP_ERROR_FORMAT);
}

/* ---- Segment headers ------------------------------------------------------------------------ */

static size_t one_bits(uint64_t n)
{
    size_t count = 0;
    for (; n != 0; n >>= 1)
        count += n & 1;
    return count;
}

static uint8_t origin_bytes[PP_ORIGIN_BYTES_MAX];

static struct pp_segment_header some_header(uint64_t first_seq, size_t origin_len)
{
    struct pp_segment_header header;
    tamper_random_bytes(&header, sizeof header);
    tamper_random_bytes(origin_bytes, sizeof origin_bytes);
    header.segment = 1 + header.segment / 2;
    header.epoch &= PP_EPOCH_MAX;
    header.first_seq = first_seq;
    header.origin = (struct pp_bytes){origin_bytes, origin_len};
    header.peak_count = one_bits(first_seq);
    return header;
}

static void assert_same_header(const struct pp_segment_header *a, const struct pp_segment_header *b)
{
    assert_memory_equal(&a->log_id, &b->log_id, sizeof a->log_id);
    assert_memory_equal(a->key_id, b->key_id, sizeof a->key_id);
    assert_true(a->segment == b->segment && a->epoch == b->epoch);
    assert_true(a->first_seq == b->first_seq && a->realtime_ns == b->realtime_ns);
    assert_memory_equal(&a->tag, &b->tag, sizeof a->tag);
    assert_int_equal(a->origin.len, b->origin.len);
    assert_memory_equal(a->origin.data, b->origin.data, a->origin.len);
    assert_int_equal(a->peak_count, b->peak_count);
    assert_memory_equal(a->peaks, b->peaks, a->peak_count * sizeof a->peaks[0]);
}

static void test_header_round_trips(void **state)
{
    (void)state;
    static uint8_t out[PP_SEGMENT_HEADER_FRAME_BYTES_MAX];
    for (int round = 0; round < 4000; round++) {
        uint64_t first_seq = tamper_random_u64() >> (1 + tamper_random_below(63));
        if (round == 0)
            first_seq = INT64_MAX; /* the largest header */
        struct pp_mac_key key = some_key(), other = some_key();
        struct pp_segment_header again;
        struct pp_segment_header header =
            some_header(first_seq, round == 0 ? 255 : 1 + tamper_random_below(255));
        size_t len = pp_segment_header_write(&header, &key, out);
        assert_true(len <= sizeof out);
        struct pp_bytes content = content_of(out, len);
        assert_int_equal(pp_segment_header_decode(content, &again), PP_OK);
        assert_same_header(&header, &again);
        assert_true(pp_segment_header_mac_valid(content, &key));
        assert_false(pp_segment_header_mac_valid(content, &other));
    }
}

static void test_every_bit_of_a_header(void **state)
{
    (void)state;
    static uint8_t out[PP_SEGMENT_HEADER_FRAME_BYTES_MAX];
    struct pp_mac_key key = some_key();
    struct pp_segment_header header = some_header(0x2b, 11), again;
    size_t len = pp_segment_header_write(&header, &key, out);
    struct pp_bytes content = content_of(out, len);
    for (size_t bit = 0; bit < 8 * content.len; bit++) {
        uint8_t *byte = &out[PP_FRAME_HEAD_BYTES + bit / 8];
        *byte ^= (uint8_t)(1 << bit % 8);
        assert_false(pp_segment_header_mac_valid(content, &key));
        /* The lengths have one valid value each. */
        if (bit / 8 == 0 || bit / 8 == 97 || bit / 8 == 98 + 11)
            assert_int_equal(pp_segment_header_decode(content, &again), PP_ERROR_FORMAT);
        *byte ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < content.len; n++) {
        struct pp_bytes cut = {content.data, n};
        assert_int_equal(pp_segment_header_decode(cut, &again), PP_ERROR_FORMAT);
        assert_false(pp_segment_header_mac_valid(cut, &key));
    }
}

static enum pp_error decode_header_with(uint64_t epoch, uint64_t first_seq)
{
    static uint8_t out[PP_SEGMENT_HEADER_FRAME_BYTES_MAX];
    struct pp_mac_key key = some_key();
    struct pp_segment_header header = some_header(first_seq, 3), again;
    header.epoch = epoch;
    size_t len = pp_segment_header_write(&header, &key, out);
    return pp_segment_header_decode(content_of(out, len), &again);
}

static void test_ranges_of_headers(void **state)
{
    (void)state;
    assert_int_equal(decode_header_with(PP_EPOCH_MAX, 5), PP_OK);
    assert_int_equal(decode_header_with(PP_EPOCH_MAX + 1, 5), PP_ERROR_FORMAT);
    assert_int_equal(decode_header_with(0, INT64_MAX), PP_OK);
    assert_int_equal(decode_header_with(0, (uint64_t)INT64_MAX + 1), PP_ERROR_FORMAT);
}

/* A seal's MAC is no header's MAC under the same key: the domains differ. */
static void test_domains(void **state)
{
    (void)state;
    uint8_t out[PP_SEAL_FRAME_BYTES];
    struct pp_mac_key key = some_key();
    struct pp_seal seal = some_seal(PP_SEAL_COMMIT);
    pp_seal_write(&seal, &key, out);
    assert_true(pp_seal_mac_valid(content_of(out, sizeof out), &key));
    assert_false(pp_segment_header_mac_valid(content_of(out, sizeof out), &key));
}

static void test_log_id(void **state)
{
    (void)state;
    uint8_t input[16 + PP_KEY_ID_BYTES + 32 + 5] = "postproof-log-id";
    tamper_random_bytes(input + 16, PP_KEY_ID_BYTES + 32);
    memcpy(input + 16 + PP_KEY_ID_BYTES + 32, "a.b/c", 5);
    struct pp_digest expected = pp_sha256((struct pp_bytes){input, sizeof input});
    struct pp_digest got =
        pp_log_id(input + 16, input + 16 + PP_KEY_ID_BYTES, pp_bytes_of("a.b/c"));
    assert_true(pp_digest_equal(&expected, &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal_round_trips),
        cmocka_unit_test(test_every_bit_of_a_seal),
        cmocka_unit_test(test_lengths_of_seals),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_ranges_of_seals),
        cmocka_unit_test(test_header_round_trips),
        cmocka_unit_test(test_every_bit_of_a_header),
        cmocka_unit_test(test_ranges_of_headers),
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_log_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
