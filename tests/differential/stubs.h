/* SPDX-License-Identifier: MIT */
/* What the OCaml side of the differential test calls: the shipped functions, on state kept here.
   Numbers come as intnat or int64_t, bytes as OCaml strings, which are copied to memory of their
   exact size so that a sanitizer sees an access beyond them. */
#ifndef PP_DIFFERENTIAL_STUBS_H
#define PP_DIFFERENTIAL_STUBS_H

#define CAML_NAME_SPACE
#include <caml/mlvalues.h>
#include <stdint.h>

#include <postproof/bytes.h>

/* The bytes of a string, alone in memory of their exact size; diff_release frees them. */
struct pp_bytes diff_copy_of(value string);
void diff_release(struct pp_bytes bytes);

intnat diff_window_init(intnat limit, intnat window_ticks, intnat capacity, int64_t now);
intnat diff_window_set(int64_t newest, intnat mark, intnat head, intnat count, intnat young);
intnat diff_window_set_stamp(intnat slot, intnat stamp);
intnat diff_window_peek(int64_t now, intnat weight);
intnat diff_window_admit(int64_t now, intnat weight);
int64_t diff_window_wait(int64_t now, intnat weight);
intnat diff_window_used(int64_t now);
intnat diff_window_is_idle(int64_t now);
intnat diff_window_capacity_for(intnat weight);
intnat diff_window_grow(intnat capacity);
int64_t diff_window_newest(intnat unused);
intnat diff_window_field(intnat which);
intnat diff_window_stamp(intnat slot);

intnat diff_wide_init(intnat limit, int64_t window_ticks, intnat capacity, int64_t now);
intnat diff_wide_set(int64_t newest, intnat head, intnat count);
intnat diff_wide_set_stamp(intnat slot, int64_t stamp);
intnat diff_wide_peek(int64_t now, intnat weight);
intnat diff_wide_admit(int64_t now, intnat weight);
int64_t diff_wide_wait(int64_t now, intnat weight);
intnat diff_wide_capacity_for(intnat weight);
intnat diff_wide_grow(intnat capacity);
int64_t diff_wide_newest(intnat unused);
intnat diff_wide_field(intnat which);
int64_t diff_wide_stamp(intnat slot);

intnat diff_slot_set(int64_t stamp, intnat used);
intnat diff_slot_peek(int64_t now, int64_t window_ticks);
intnat diff_slot_admit(int64_t now, int64_t window_ticks);
int64_t diff_slot_stamp(intnat unused);
intnat diff_slot_used(intnat unused);

intnat diff_buckets_init(intnat buckets, intnat limit, int64_t bucket_ticks, int64_t now);
intnat diff_buckets_set(int64_t current, intnat slot, intnat total);
intnat diff_buckets_set_count(intnat slot, intnat units);
intnat diff_buckets_admit(int64_t now, intnat weight);
int64_t diff_buckets_current(intnat unused);
intnat diff_buckets_total(intnat unused);
intnat diff_buckets_slot(intnat unused);
intnat diff_buckets_count(intnat slot);

intnat diff_entry_encode(intnat kind, int64_t seq, int64_t time_ns, intnat level, value source,
                         value body, value out);
intnat diff_entry_decode(value data);
int64_t diff_entry_number(intnat which);
intnat diff_frame_put_head(intnat type, intnat len, value out);
intnat diff_frame_read(value data);
intnat diff_frame_field(intnat which);
intnat diff_seal_decode(value content);
intnat diff_seal_set_kind(intnat kind);
intnat diff_seal_kind(intnat unused);
intnat diff_seal_set_number(intnat which, int64_t number);
int64_t diff_seal_number(intnat which);
intnat diff_seal_set_array(intnat which, value bytes);
intnat diff_seal_array(intnat which, value out);
intnat diff_seal_write(intnat key, value out);
intnat diff_seal_mac_valid(intnat key, value content);
intnat diff_mac(intnat key, value data, value out);
intnat diff_chain_tag(intnat key, value previous, value leaf, value out);

intnat diff_expand(value secret, intnat label, value out);
intnat diff_ratchet_set(int64_t epoch, value outer, value inner);
intnat diff_ratchet_init(value seed);
intnat diff_ratchet_step(intnat unused);
intnat diff_ratchet_forward(int64_t epoch);
int64_t diff_ratchet_epoch(intnat unused);
intnat diff_ratchet_secrets(value outer, value inner);
intnat diff_ratchet_macs(value data, value by_tag_key, value by_seal_key);
intnat diff_mac_under(value secret, value data, value out);

intnat diff_empty_hash(value out);
intnat diff_leaf_hash(value data, value out);
intnat diff_node_hash(value left, value right, value out);
intnat diff_tree_load(int64_t size, value peaks);
intnat diff_tree_append(value leaves);
int64_t diff_tree_size(intnat unused);
intnat diff_tree_peak(intnat height, value out);
intnat diff_tree_root(value out);
intnat diff_inclusion_root(value leaf, int64_t index, int64_t size, value path, value out);
intnat diff_consistency_check(int64_t old_size, value old_root, int64_t new_size, value new_root,
                              value path);
intnat diff_inclusion_ranges(int64_t index, int64_t size);
intnat diff_consistency_ranges(int64_t old_size, int64_t new_size);
int64_t diff_range_start(intnat i);
int64_t diff_range_end(intnat i);

intnat diff_patch_run(intnat direction, value file, value image, value out);
intnat diff_patch_run_pieces(intnat direction, value file, value image, value out);
intnat diff_patch_rewrite(value file, value out);
intnat diff_pages_set(intnat page, value bytes);
intnat diff_pages_build(intnat pages, value root);
intnat diff_pages_update(intnat pages, intnat page, value bytes, value root);

intnat diff_name_compare(value left, value right);
intnat diff_manifest_clear(intnat unused);
intnat diff_manifest_line(value name, int64_t bytes, value digest);
intnat diff_manifest_file(value name, value content);
intnat diff_manifest_sort(intnat unused);
intnat diff_manifest(value out);
intnat diff_sha256(value data, value out);
intnat diff_dashboard_reset(intnat unused);
intnat diff_dashboard_push(intnat kind, intnat operation, intnat left, intnat right, int64_t number,
                           value metric);
intnat diff_dashboard_rule(intnat lost, value each, value out);
intnat diff_dashboard_set(value metric, intnat there, intnat number, intnat moves, int64_t shown);
intnat diff_dashboard_holds(intnat unused);
intnat diff_dashboard_read(value input);

#endif
