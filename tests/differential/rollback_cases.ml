(* SPDX-License-Identifier: MIT *)
(* Patches in plain form: src/rollback beside spec/Rollback.v; page trees beside spec/Merkle.v. *)
open Harness
module R = Rollback
module M = Merkle

type i = int

(* ---- The C functions: stubs.h --------------------------------------------------------------- *)

external patch_run : (i[@untagged]) -> string -> string -> bytes -> (i[@untagged])
  = "none" "diff_patch_run" [@@noalloc]
external patch_run_pieces : (i[@untagged]) -> string -> string -> bytes -> (i[@untagged])
  = "none" "diff_patch_run_pieces" [@@noalloc]
external patch_rewrite : string -> bytes -> (i[@untagged]) = "none" "diff_patch_rewrite"
  [@@noalloc]
external pages_set : (i[@untagged]) -> string -> (i[@untagged]) = "none" "diff_pages_set"
  [@@noalloc]
external pages_build : (i[@untagged]) -> bytes -> (i[@untagged]) = "none" "diff_pages_build"
  [@@noalloc]
external pages_update : (i[@untagged]) -> (i[@untagged]) -> string -> bytes -> (i[@untagged])
  = "none" "diff_pages_update" [@@noalloc]
external empty_hash : bytes -> (i[@untagged]) = "none" "diff_empty_hash" [@@noalloc]
external leaf_hash : string -> bytes -> (i[@untagged]) = "none" "diff_leaf_hash" [@@noalloc]
external node_hash : string -> string -> bytes -> (i[@untagged])
  = "none" "diff_node_hash" [@@noalloc]

(* enum pp_error *)
let format = 4
let mismatch = 5
let result_max = 4096

(* ---- Random patches ------------------------------------------------------------------------- *)

let random_bytes n = List.init n (fun _ -> Z.of_int (below 256))
let random_length () = 1 + (if chance 8 then below 40 else below 6)

let random_operation () =
  let n = random_length () in
  match below 4 with
  | 0 -> R.Copy (Z.of_int n, Z.of_int (if chance 2 then 0 else below 256))
  | 1 -> R.Pair (random_bytes n)
  | 2 -> R.New (random_bytes n)
  | _ -> R.Old (random_bytes n)

let random_script () = List.init (below 6) (fun _ -> random_operation ())

(* An image that a script can start from: literals of that side, anything else at random. *)
let source_for direction script =
  List.concat_map
    (fun operation ->
      match operation, direction with
      | R.Copy (n, _), _ -> random_bytes (Z.to_int n)
      | R.Pair deltas, _ -> random_bytes (List.length deltas)
      | R.New literal, R.Backward | R.Old literal, R.Forward -> literal
      | R.New _, R.Forward | R.Old _, R.Backward -> [])
    script

let size_of direction script = R.source_size direction script

let random_patch () =
  let script = random_script () in
  { R.old_size = size_of R.Forward script; new_size = size_of R.Backward script;
    old_hash = random_bytes 32; new_hash = random_bytes 32; edits = script }

let flip_bit s =
  let b = Bytes.of_string s and at = below (8 * String.length s) in
  Bytes.set_uint8 b (at / 8) (Bytes.get_uint8 b (at / 8) lxor (1 lsl (at mod 8)));
  Bytes.unsafe_to_string b

let set_number s at z =
  let b = Bytes.of_string s in
  Bytes.set_int64_be b at (to_c z);
  Bytes.unsafe_to_string b

let number s at = of_c (String.get_int64_be s at)

(* Where sizes stand in the header. *)
let size_places = [| 8; 16; 88; 96; 104; 112 |]

(* A number near the one that is there, or one where overflows lie. *)
let hostile z =
  if chance 2 then u64 () else clamp Z.zero u64_max (Z.add z (Z.of_int (between (-11) 11)))

let hostile_count file =
  let operations = (String.length file - 120) / 10 in
  if operations = 0 then file
  else
    let at = 120 + (10 * below operations) + 2 in
    if at + 8 > String.length file then file else set_number file at (hostile (number file at))

(* Two operations speak of what one did, or counts sum up to the right size modulo 2^64. *)
let wrapping_counts file =
  if Z.lt (number file 88) (Z.of_int 20) then file
  else
    let z = random_bits 64 in
    let first = number file 122 and second = number file 132 in
    let file = set_number file 122 (Z.rem (Z.add first z) two64) in
    set_number file 132 (Z.rem (Z.add (Z.sub second z) two64) two64)

let damage file =
  match below 9 with
  | _ when String.length file < 140 -> file ^ random_string (1 + below 12)
  | 0 -> String.sub file 0 (below (String.length file))
  | 1 -> file ^ random_string (1 + below 12)
  | 2 -> let at = pick size_places in set_number file at (hostile (number file at))
  | 3 | 4 -> hostile_count file
  | 5 -> wrapping_counts file
  | 6 -> random_string (below 140)
  | _ -> flip_bit file

let damage_image image =
  if image = "" || chance 4 then image ^ random_string (1 + below 3)
  else if chance 4 then String.sub image 0 (below (String.length image))
  else flip_bit image

let random_case () =
  let patch = random_patch () in
  let direction = if chance 2 then R.Forward else R.Backward in
  let image = string_of (source_for direction patch.R.edits) in
  let file = string_of (R.write_patch patch) in
  let file = if chance 2 then file else damage file in
  let file = if chance 8 then damage file else file in
  (direction, file, if chance 4 then damage_image image else image)

(* ---- What the model says -------------------------------------------------------------------- *)

type answer = Result of Z.t list | Refused of int

let model direction file image =
  match R.read_patch (bytes_of file) with
  | None -> Refused format
  | Some patch ->
    let source = bytes_of image and script = patch.R.edits in
    let opposite = R.opposite direction in
    let fits d = Z.equal (R.size_at d patch) (R.source_size d script) in
    if not (fits direction && fits opposite) then Refused format
    else if not (Z.equal (R.size_at direction patch) (Z.of_int (String.length image))) then
      Refused format
    else
      match R.run direction script source with
      | Some result -> Result result
      | None -> Refused mismatch

let same_answer answer code out =
  match answer with
  | Refused error -> code = -error
  | Result bytes -> code >= 0 && same_bytes (Bytes.sub_string out 0 code) bytes

let show = function Refused e -> Printf.sprintf "error %d" e | Result b -> hex (string_of b)
let number_of = function R.Forward -> 0 | R.Backward -> 1

let compare c run (direction, file, image) answer =
  let out = Bytes.create result_max in
  let code = run (number_of direction) file image out in
  count c;
  saw c (if code >= 0 then 0 else -code);
  check c (same_answer answer code out) (fun () ->
    Printf.sprintf "direction %d of %s on %s: model %s, C %d" (number_of direction) (hex file)
      (hex image) (show answer) code)

(* ---- Groups --------------------------------------------------------------------------------- *)

let run_count = counter "pp_rollback_run"
let pieces_count = counter "pp_rollback_run_step"
let back_count = counter "pp_rollback_run there and back"
let rewrite_count = counter "pp_rollback_header_write, pp_rollback_operation_write"

let check_back (direction, file, image) = function
  | Refused _ -> ()
  | Result result ->
    compare back_count patch_run (R.opposite direction, file, string_of result)
      (Result (bytes_of image))

let check_rewrite file =
  let out = Bytes.create (String.length file + 10) in
  let len = patch_rewrite file out in
  count rewrite_count;
  saw rewrite_count (if len = 0 then 0 else 1);
  match R.read_patch (bytes_of file) with
  | None -> ()
  | Some patch ->
    let again = string_of (R.write_patch patch) in
    check rewrite_count
      (len > 0 && Bytes.sub_string out 0 len = String.sub again 0 len && again = file)
      (fun () -> Printf.sprintf "%s is written again as %s" (hex file) (hex (Bytes.to_string out)))

let patches () =
  let case = random_case () in
  let direction, file, image = case in
  let answer = model direction file image in
  compare run_count patch_run case answer;
  compare pieces_count patch_run_pieces case answer;
  check_back case answer;
  check_rewrite file

let digest f =
  let out = Bytes.create 32 in
  ignore (f out);
  Bytes.unsafe_to_string out

let hash = function
  | M.Empty -> digest empty_hash
  | M.Leaf entry -> digest (leaf_hash (string_of entry))
  | M.Node (left, right) -> digest (node_hash left right)

let tree_count = counter "pp_rollback_tree_build, pp_rollback_tree_update"

let check_root pages root =
  let expected = M.root hash (List.map bytes_of (Array.to_list pages)) in
  count tree_count;
  check tree_count (String.equal root expected) (fun () ->
    Printf.sprintf "%d pages: %s, not %s" (Array.length pages) (hex root) (hex expected))

let trees () =
  let n = if chance 4 then below 65 else below 12 in
  let pages = Array.init n (fun _ -> random_string (1 + below 4)) in
  Array.iteri (fun k page -> ignore (pages_set k page)) pages;
  check_root pages (digest (pages_build n));
  if n > 0 then begin
    for _ = 1 to 4 do
      let k = below n in
      pages.(k) <- random_string (1 + below 4);
      check_root pages (digest (pages_update n k pages.(k)))
    done
  end

let run () =
  group "patches" [ run_count; pieces_count; back_count; rewrite_count ] patches;
  group "page trees" [ tree_count ] trees
