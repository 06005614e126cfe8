(* SPDX-License-Identifier: MIT *)
(* Turns the definitions of spec/ that mirror C functions into OCaml, for tests/differential/run.

   Integers of every kind (Z, N, positive, nat) become Zarith's, which have no largest value. The
   standard library's arithmetic is replaced by Zarith's, here and in the two Extr files; whatever
   spec/ defines is translated as it stands. *)
From Coq Require Import ZArith NArith List Extraction ExtrOcamlBasic.
From Coq Require Import ExtrOcamlZBigInt ExtrOcamlNatBigInt.
From PostProof.Spec Require Bundle Dashboard Encoding Ledger Limiter Merkle Ratchet Rollback.

(* Names of OCaml's own library. *)
Extraction Blacklist Bool List Nat Option String Z.

(* The Extr files leave these out, and they would count up to their result or go bit by bit. *)
Extract Constant Z.ltb => "Big_int_Z.lt_big_int".
Extract Constant Z.leb => "Big_int_Z.le_big_int".
Extract Constant Z.of_nat => "(fun n -> n)".
Extract Constant Z.to_nat => "(fun z -> Big_int_Z.max_big_int Big_int_Z.zero_big_int z)".
Extract Constant N.eqb => "Big_int_Z.eq_big_int".
Extract Constant N.ltb => "Big_int_Z.lt_big_int".
Extract Constant N.leb => "Big_int_Z.le_big_int".
Extract Constant N.of_nat => "(fun n -> n)".
Extract Constant N.to_nat => "(fun n -> n)".

Separate Extraction
  Limiter.window_init Limiter.window_peek Limiter.window_admit Limiter.window_wait
  Limiter.window_used Limiter.window_is_idle Limiter.window_grow Limiter.capacity_for
  Limiter.wide_init Limiter.wide_peek Limiter.wide_admit Limiter.grow
  Limiter.slot_peek Limiter.slot_admit Limiter.buckets_init Limiter.bucket_admit
  Encoding.pp_entry_encode Encoding.pp_entry_decode Encoding.pp_seal_encode
  Encoding.pp_seal_decode Encoding.pp_frame_put_head Encoding.pp_frame_read
  Encoding.pp_frame_write Encoding.pp_put Encoding.seal_covered
  Ledger.seal_domain
  Merkle.root Merkle.append_run Merkle.tree_init Merkle.tree_root Merkle.inclusion_root
  Merkle.pp_path_len Merkle.consistency_start Merkle.consistency_loop Merkle.consistency_check
  Merkle.inclusion_ranges Merkle.consistency_ranges Merkle.path_over
  Ledger.pp_chain_tag Ledger.pp_seal_mac_valid
  Ratchet.pp_ratchet_init Ratchet.pp_ratchet_step Ratchet.pp_ratchet_forward Ratchet.epoch_keys
  Bundle.name_leb Bundle.encode Bundle.manifest Bundle.produce Bundle.verify
  Rollback.read_patch Rollback.write_patch Rollback.run Rollback.source_size Rollback.size_at
  Rollback.opposite
  Dashboard.alert Dashboard.signal_lost Dashboard.print Dashboard.satisfied Dashboard.holds.
