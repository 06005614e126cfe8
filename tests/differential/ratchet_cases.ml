(* SPDX-License-Identifier: MIT *)
(* The key ratchet of src/ledger/ratchet.c beside spec/Ratchet.v, which is given HKDF-Expand and
   HMAC-SHA-256 as the C computes them. *)
open Harness
module R = Ratchet

type i = int
type j = int64

(* ---- The C functions: stubs.h --------------------------------------------------------------- *)

external c_expand : string -> (i[@untagged]) -> bytes -> (i[@untagged])
  = "none" "diff_expand" [@@noalloc]
external ratchet_set : (j[@unboxed]) -> string -> string -> (i[@untagged])
  = "none" "diff_ratchet_set" [@@noalloc]
external ratchet_init : string -> (i[@untagged]) = "none" "diff_ratchet_init" [@@noalloc]
external ratchet_step : (i[@untagged]) -> (i[@untagged]) = "none" "diff_ratchet_step" [@@noalloc]
external ratchet_forward : (j[@unboxed]) -> (i[@untagged])
  = "none" "diff_ratchet_forward" [@@noalloc]
external ratchet_epoch : (i[@untagged]) -> (j[@unboxed])
  = "none" "diff_ratchet_epoch" [@@noalloc]
external ratchet_secrets : bytes -> bytes -> (i[@untagged])
  = "none" "diff_ratchet_secrets" [@@noalloc]
external ratchet_macs : string -> bytes -> bytes -> (i[@untagged])
  = "none" "diff_ratchet_macs" [@@noalloc]
external mac_under : string -> string -> bytes -> (i[@untagged])
  = "none" "diff_mac_under" [@@noalloc]

(* enum pp_error *)
let ok = 0
let argument = 1

let expand secret label =
  let out = Bytes.create 32 in
  let number = match label with
    | R.OuterLabel -> 0 | R.InnerLabel -> 1 | R.NextLabel -> 2 | R.TagLabel -> 3
    | R.SealLabel -> 4 in
  ignore (c_expand secret number out);
  Bytes.unsafe_to_string out

(* ---- States --------------------------------------------------------------------------------- *)

let init_count = counter "pp_ratchet_init"
let step_count = counter "pp_ratchet_step"
let forward_count = counter "pp_ratchet_forward"
let keys_count = counter "pp_epoch_keys_init"

let block = 4096

(* Near the end of a block, or anywhere; at most 2^36, as the C is asked for. *)
let random_epoch () =
  let blocks = match below 4 with
    | 0 -> below 3
    | 1 -> (1 lsl 24) - 1 - below 3
    | _ -> below (1 lsl 24) in
  let within = if chance 2 then (block + between (-3) 2) mod block else below block in
  Z.of_int ((blocks * block) + within)

let random_state () =
  { R.epoch = random_epoch (); outer = random_string 32; inner = random_string 32 }

let set (r : string R.ratchet) = ignore (ratchet_set (to_c r.epoch) r.outer r.inner)

let same_state (r : string R.ratchet) =
  let outer = Bytes.create 32 and inner = Bytes.create 32 in
  ignore (ratchet_secrets outer inner);
  Z.equal r.epoch (of_c (ratchet_epoch 0))
  && String.equal r.outer (Bytes.to_string outer)
  && String.equal r.inner (Bytes.to_string inner)

let show (r : string R.ratchet) =
  Printf.sprintf "epoch %s outer %s inner %s" (Z.to_string r.epoch) (hex r.outer) (hex r.inner)

(* ---- Traces --------------------------------------------------------------------------------- *)

let init_trace () =
  let seed = random_string 32 in
  count init_count;
  ignore (ratchet_init seed);
  check init_count (same_state (R.pp_ratchet_init expand seed)) (fun () -> hex seed)

let step_trace () =
  let r = random_state () in
  count step_count;
  set r;
  ignore (ratchet_step 0);
  check step_count (same_state (R.pp_ratchet_step expand r)) (fun () -> show r)

(* A few steps; over a few blocks to near their begin; back; and once in a while anything, which
   costs up to 4,095 steps. *)
let random_target (r : string R.ratchet) =
  let e = Z.to_int r.epoch in
  let block_start k = ((e / block) + k) * block in
  Z.of_int
    (max 0
       (if chance 2000 then e + below (4 * block)
        else match below 4 with
          | 0 -> e + below 6
          | 1 -> e - below 6
          | _ -> block_start (1 + below 3) + below 6))

let forward_trace () =
  let r = random_state () in
  let target = random_target r in
  count forward_count;
  set r;
  let error = ratchet_forward (to_c target) in
  saw forward_count error;
  let same = match R.pp_ratchet_forward expand r target with
    | Some there -> error = ok && same_state there
    | None -> error = argument && same_state r in
  check forward_count same (fun () ->
      Printf.sprintf "C error %d, %s, to epoch %s" error (show r) (Z.to_string target))

let keys_trace () =
  let r = random_state () and data = random_string (below 40) in
  let by_tag_key = Bytes.create 32 and by_seal_key = Bytes.create 32 in
  count keys_count;
  set r;
  ignore (ratchet_macs data by_tag_key by_seal_key);
  let same key by_c =
    let out = Bytes.create 32 in
    ignore (mac_under key data out);
    Bytes.equal out by_c in
  let tag, seal = R.epoch_keys expand r in
  check keys_count (same tag by_tag_key && same seal by_seal_key) (fun () -> show r)

let run () =
  group "ratchet-init" [ init_count ] init_trace;
  group "ratchet-step" [ step_count ] step_trace;
  group "ratchet-forward" [ forward_count ] forward_trace;
  group "epoch-keys" [ keys_count ] keys_trace
