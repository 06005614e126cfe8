(* SPDX-License-Identifier: MIT *)
(* The Merkle functions of src/ledger beside spec/Merkle.v, whose hash is the C's SHA-256. *)
open Harness
module M = Merkle

type i = int
type j = int64

(* ---- The C functions: stubs.h --------------------------------------------------------------- *)

external empty_hash : bytes -> (i[@untagged]) = "none" "diff_empty_hash" [@@noalloc]
external leaf_hash : string -> bytes -> (i[@untagged]) = "none" "diff_leaf_hash" [@@noalloc]
external node_hash : string -> string -> bytes -> (i[@untagged])
  = "none" "diff_node_hash" [@@noalloc]
external tree_load : (j[@unboxed]) -> string -> (i[@untagged])
  = "none" "diff_tree_load" [@@noalloc]
external tree_append : string -> (i[@untagged]) = "none" "diff_tree_append" [@@noalloc]
external tree_size : (i[@untagged]) -> (j[@unboxed]) = "none" "diff_tree_size" [@@noalloc]
external tree_peak : (i[@untagged]) -> bytes -> (i[@untagged])
  = "none" "diff_tree_peak" [@@noalloc]
external tree_root : bytes -> (i[@untagged]) = "none" "diff_tree_root" [@@noalloc]
external c_inclusion_root : string -> (j[@unboxed]) -> (j[@unboxed]) -> string -> bytes
  -> (i[@untagged]) = "none" "diff_inclusion_root" [@@noalloc]
external c_consistency_check : (j[@unboxed]) -> string -> (j[@unboxed]) -> string -> string
  -> (i[@untagged]) = "none" "diff_consistency_check" [@@noalloc]
external c_inclusion_ranges : (j[@unboxed]) -> (j[@unboxed]) -> (i[@untagged])
  = "none" "diff_inclusion_ranges" [@@noalloc]
external c_consistency_ranges : (j[@unboxed]) -> (j[@unboxed]) -> (i[@untagged])
  = "none" "diff_consistency_ranges" [@@noalloc]
external range_start : (i[@untagged]) -> (j[@unboxed]) = "none" "diff_range_start" [@@noalloc]
external range_end : (i[@untagged]) -> (j[@unboxed]) = "none" "diff_range_end" [@@noalloc]

(* enum pp_error *)
let ok = 0
let argument = 1
let mismatch = 5

(* 2^63 - 1 leaves at most. *)
let leaves_max = Z.pred (two_to 63)

let digest f =
  let out = Bytes.create 32 in
  ignore (f out);
  Bytes.unsafe_to_string out

let hash = function
  | M.Empty -> digest empty_hash
  | M.Leaf entry -> digest (leaf_hash (string_of entry))
  | M.Node (left, right) -> digest (node_hash left right)

let same_digest = String.equal
let random_digest () = random_string 32

(* A size of a tree: small, or near a power of two, or anything. *)
let random_size () =
  match below 4 with
  | 0 -> Z.of_int (below 20)
  | 1 -> clamp Z.zero leaves_max (Z.add (two_to (below 64)) (Z.of_int (between (-3) 3)))
  | _ -> random_bits (between 1 63)

let show_path path = String.concat " " (List.map hex path)

(* ---- The growing tree ----------------------------------------------------------------------- *)

let append_count = counter "pp_merkle_tree_append"
let root_count = counter "pp_merkle_tree_root"
let rfc_count = counter "pp_merkle_tree_root beside RFC 6962"

let random_entry_bytes () = bytes_of (random_string (below 4))

let peaks_same (t : string M.tree) =
  let bit h = Z.testbit t.size h in
  let rec same h = function
    | [] -> true
    | peak :: above ->
      (not (bit h) || same_digest peak (digest (tree_peak h))) && same (h + 1) above in
  Z.equal t.size (of_c (tree_size 0)) && same 0 t.peaks

(* A tree that cannot be built in a test: any size with any peaks. *)
let load_tree () =
  let size = random_size () in
  let peaks = List.init 64 (fun _ -> random_digest ()) in
  let listed = List.filteri (fun h _ -> Z.testbit size h) peaks in
  if tree_load (to_c size) (String.concat "" (List.rev listed)) <> ok then failwith "tree_load";
  { M.size; peaks }

let empty_tree () =
  if tree_load 0L "" <> ok then failwith "tree_load";
  M.tree_init (String.make 32 '\000')

let append (t : string M.tree) entries =
  let leaves = String.concat "" (List.map (fun e -> hash (M.Leaf e)) entries) in
  let error = tree_append leaves in
  count append_count;
  saw append_count error;
  let show () = Printf.sprintf "size %s, %d appended" (Z.to_string t.size) (List.length entries) in
  if Z.gt (Z.add t.size (Z.of_int (List.length entries))) leaves_max then begin
    check append_count (error <> ok && Z.equal t.size (of_c (tree_size 0))) show;
    t
  end
  else begin
    let after = M.append_run hash t entries in
    check append_count (error = ok && peaks_same after) show;
    after
  end

let check_root (t : string M.tree) =
  count root_count;
  check root_count (same_digest (M.tree_root hash t) (digest tree_root))
    (fun () -> Printf.sprintf "size %s" (Z.to_string t.size))

let random_run () =
  List.init (pick [| 0; 1; 1; 1; 2; 3; 4; 5; 8 |]) (fun _ -> random_entry_bytes ())

let loaded_trace () =
  let t = ref (load_tree ()) in
  check_root !t;
  for _ = 1 to 4 do
    t := append !t (random_run ());
    check_root !t
  done

let built_trace () =
  let t = ref (empty_tree ()) and entries = ref [] in
  for _ = 1 to 4 do
    let run = random_run () in
    t := append !t run;
    entries := !entries @ run;
    count rfc_count;
    check rfc_count (same_digest (M.root hash !entries) (digest tree_root))
      (fun () -> Printf.sprintf "%d entries" (List.length !entries))
  done

(* ---- Inclusion ------------------------------------------------------------------------------ *)

let inclusion_count = counter "pp_merkle_inclusion_root"
let inclusion_ranges_count = counter "pp_merkle_inclusion_ranges"

let random_place () =
  let size = if chance 8 then u64 () else random_size () in
  let index =
    match below 8 with
    | 0 -> u64 ()
    | 1 -> size
    | 2 -> Z.max Z.zero (Z.pred size)
    | 3 -> Z.of_int (below 4)
    | _ -> if Z.sign size = 0 then Z.zero else z_below size in
  index, size

(* Any digests make a path; what counts is how many there are. *)
let inclusion_trace () =
  let index, size = random_place () in
  let right = if Z.lt index size then Z.to_int (M.pp_path_len index (Z.pred size)) else below 4 in
  let len = max 0 (right + pick [| 0; 0; 0; 0; 0; 0; 1; -1; 2; -2 |]) in
  let leaf = random_digest () and path = List.init len (fun _ -> random_digest ()) in
  let out = Bytes.create 32 in
  count inclusion_count;
  let error = c_inclusion_root leaf (to_c index) (to_c size) (String.concat "" path) out in
  saw inclusion_count error;
  let same = match M.inclusion_root hash leaf index size path with
    | Some root -> error = ok && same_digest root (Bytes.to_string out)
    | None -> error = mismatch in
  check inclusion_count same (fun () -> Printf.sprintf "C error %d index %s size %s leaf %s path %s"
      error (Z.to_string index) (Z.to_string size) (hex leaf) (show_path path))

let ranges_same n ranges =
  let rec same k = function
    | [] -> k = n
    | (first, last) :: rest ->
      k < n && Z.equal first (of_c (range_start k)) && Z.equal last (of_c (range_end k))
      && same (k + 1) rest in
  same 0 ranges

let inclusion_ranges_trace () =
  let index, size = random_place () in
  count inclusion_ranges_count;
  let n = c_inclusion_ranges (to_c index) (to_c size) in
  saw inclusion_ranges_count (if n < 0 then 0 else 1);
  let same = if Z.geq index size || Z.gt size leaves_max then n = -argument
    else ranges_same n (M.inclusion_ranges index size) in
  check inclusion_ranges_count same (fun () ->
      Printf.sprintf "index %s size %s" (Z.to_string index) (Z.to_string size))

(* ---- Consistency ---------------------------------------------------------------------------- *)

let consistency_count = counter "pp_merkle_consistency_check"
let consistency_ranges_count = counter "pp_merkle_consistency_ranges"

let random_sizes () =
  let new_size = if chance 8 then u64 () else random_size () in
  let old_size =
    match below 8 with
    | 0 -> u64 ()
    | 1 -> new_size
    | 2 -> Z.max Z.zero (Z.pred new_size)
    | 3 -> two_to (below 64)
    | 4 -> Z.of_int (below 4)
    | _ -> if Z.sign new_size = 0 then Z.zero else z_below new_size in
  old_size, new_size

(* The proof that a real tree gives, as (old size, old root, new size, new root, path). *)
let real_proof () =
  let n = 1 + below 12 in
  let m = below (n + 1) in
  let entries = List.init n (fun _ -> random_entry_bytes ()) in
  let olds = List.filteri (fun k _ -> k < m) entries in
  let old_size = Z.of_int m and new_size = Z.of_int n in
  let path = M.path_over hash entries (M.consistency_ranges old_size new_size) in
  old_size, M.root hash olds, new_size, M.root hash entries, path

(* For any sizes: digests at random are a path, and the roots are those which it leads to.  For an
   old tree that is one complete subtree the path leads back to its root only with that root. *)
let made_proof () =
  let old_size, new_size = random_sizes () in
  let len =
    if Z.sign old_size = 0 || Z.geq old_size new_size then pick [| 0; 0; 0; 1 |]
    else List.length (M.consistency_ranges old_size new_size) in
  let path = List.init len (fun _ -> random_digest ()) in
  let old_root = if chance 3 then hash M.Empty else random_digest () in
  if Z.sign old_size = 0 || Z.geq old_size new_size then
    old_size, old_root, new_size, (if chance 2 then old_root else random_digest ()), path
  else
    match M.consistency_start old_size old_root new_size path with
    | None -> old_size, old_root, new_size, random_digest (), path
    | Some (start, rest) ->
      match M.consistency_loop hash rest start with
      | None -> old_size, old_root, new_size, random_digest (), path
      | Some climb -> old_size, climb.M.old_root, new_size, climb.M.new_root, path

let flip_bit s =
  let at = below 32 in
  String.mapi (fun k c -> if k = at then Char.chr (Char.code c lxor (1 lsl below 8)) else c) s

let spoil (old_size, old_root, new_size, new_root, path) =
  let nudge z = clamp Z.zero u64_max (Z.add z (Z.of_int (pick [| 1; -1 |]))) in
  let at = below (max 1 (List.length path)) in
  match below 16 with
  | 0 -> nudge old_size, old_root, new_size, new_root, path
  | 1 -> old_size, flip_bit old_root, new_size, new_root, path
  | 2 -> old_size, old_root, nudge new_size, new_root, path
  | 3 -> old_size, old_root, new_size, flip_bit new_root, path
  | 4 -> old_size, old_root, new_size, new_root, path @ [ random_digest () ]
  | 5 -> old_size, old_root, new_size, new_root, List.filteri (fun k _ -> k <> at) path
  | 6 -> old_size, old_root, new_size, new_root,
         List.mapi (fun k d -> if k = at then flip_bit d else d) path
  | 7 -> new_size, new_root, old_size, old_root, path
  | _ -> old_size, old_root, new_size, new_root, path

let consistency_trace () =
  let old_size, old_root, new_size, new_root, path =
    spoil (if chance 6 then real_proof () else made_proof ()) in
  count consistency_count;
  let error = c_consistency_check (to_c old_size) old_root (to_c new_size) new_root
      (String.concat "" path) in
  let model = M.consistency_check hash same_digest old_size old_root new_size new_root path in
  saw consistency_count error;
  check consistency_count (error = if model then ok else mismatch) (fun () ->
      Printf.sprintf "C error %d model %b old %s %s new %s %s path %s" error model
        (Z.to_string old_size) (hex old_root) (Z.to_string new_size) (hex new_root)
        (show_path path))

let consistency_ranges_trace () =
  let old_size, new_size = random_sizes () in
  count consistency_ranges_count;
  let n = c_consistency_ranges (to_c old_size) (to_c new_size) in
  saw consistency_ranges_count (if n < 0 then 0 else 1);
  let same = if Z.gt old_size new_size || Z.gt new_size leaves_max then n = -argument
    else ranges_same n (M.consistency_ranges old_size new_size) in
  check consistency_ranges_count same (fun () ->
      Printf.sprintf "old %s new %s" (Z.to_string old_size) (Z.to_string new_size))

let run () =
  group "tree" [ append_count; root_count ] loaded_trace;
  group "tree-rfc6962" [ rfc_count ] built_trace;
  group "inclusion" [ inclusion_count ] inclusion_trace;
  group "inclusion-ranges" [ inclusion_ranges_count ] inclusion_ranges_trace;
  group "consistency" [ consistency_count ] consistency_trace;
  group "consistency-ranges" [ consistency_ranges_count ] consistency_ranges_trace
