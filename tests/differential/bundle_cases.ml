(* SPDX-License-Identifier: MIT *)
(* Manifests of src/bundle beside spec/Bundle.v, which is given SHA-256 as the C computes it. *)
open Harness
module B = Bundle

type i = int
type j = int64

(* ---- The C functions: stubs.h --------------------------------------------------------------- *)

external name_compare : string -> string -> (i[@untagged])
  = "none" "diff_name_compare" [@@noalloc]
external manifest_clear : (i[@untagged]) -> (i[@untagged])
  = "none" "diff_manifest_clear" [@@noalloc]
external manifest_line : string -> (j[@unboxed]) -> string -> (i[@untagged])
  = "none" "diff_manifest_line" [@@noalloc]
external manifest_file : string -> string -> (i[@untagged])
  = "none" "diff_manifest_file" [@@noalloc]
external manifest_sort : (i[@untagged]) -> (i[@untagged])
  = "none" "diff_manifest_sort" [@@noalloc]
external c_manifest : bytes -> (i[@untagged]) = "none" "diff_manifest" [@@noalloc]
external c_sha256 : string -> bytes -> (i[@untagged]) = "none" "diff_sha256" [@@noalloc]

(* enum pp_error *)
let ok = 0
let argument = 1
let no_space = 3

let hash bytes =
  let out = Bytes.create 32 in
  ignore (c_sha256 (string_of bytes) out);
  bytes_of (Bytes.unsafe_to_string out)

(* ---- Names ---------------------------------------------------------------------------------- *)

(* Few letters, so that names are often alike, each other's beginning, or the same; 0x7f and 0x80
   are in another order where bytes have a sign. *)
let random_name () =
  String.init (below 5) (fun _ -> pick [| 'a'; 'b'; '/'; '\x00'; '\x7f'; '\x80'; '\xff' |])

let name_count = counter "pp_bundle_name_compare"

let name_trace () =
  let left = random_name () in
  let right = match below 4 with
    | 0 -> left
    | 1 -> left ^ random_name ()
    | _ -> random_name () in
  count name_count;
  let order = name_compare left right in
  saw name_count (order + 1);
  let leb a b = B.name_leb (bytes_of a) (bytes_of b) in
  check name_count
    (leb left right = (order <= 0) && leb right left = (order >= 0))
    (fun () -> Printf.sprintf "C %d for %s and %s" order (hex left) (hex right))

(* ---- Manifests ------------------------------------------------------------------------------ *)

let lines_count = counter "pp_bundle_manifest, lines as given"
let files_count = counter "pp_bundle_manifest, files sorted"

let cap = 1 lsl 14

(* The manifest of the lines that C holds. *)
let manifest_of_c room =
  let out = Bytes.create room in
  let len = c_manifest out in
  if len < 0 then Error (-len) else Ok (Bytes.sub_string out 0 len)

let rec ascends = function
  | a :: (b :: _ as rest) ->
    B.name_leb (bytes_of a) (bytes_of b) && not (String.equal a b) && ascends rest
  | _ -> true

(* Lines in any order, with any length; now and then with too little room. *)
let lines_trace () =
  let names = List.init (below 6) (fun _ -> random_name ()) in
  let names = if chance 4 then names else List.sort_uniq String.compare names in
  let lines = List.map (fun name -> (name, u64 (), random_string 32)) names in
  let model = B.encode (List.map (fun (name, bytes, digest) ->
      { B.line_name = bytes_of name; line_length = bytes; line_digest = bytes_of digest }) lines) in
  let needed = List.length model in
  let room = if chance 8 then below (needed + 2) else cap in
  count lines_count;
  ignore (manifest_clear 0);
  List.iter (fun (name, bytes, digest) -> ignore (manifest_line name (to_c bytes) digest)) lines;
  let c = manifest_of_c room in
  saw lines_count (match c with Ok _ -> ok | Error error -> error);
  let same = match c with
    | Ok s -> ascends names && needed <= room && same_bytes s model
    | Error error when error = argument -> not (ascends names)
    | Error error -> error = no_space && needed > room in
  check lines_count same (fun () ->
      Printf.sprintf "room %d, names %s" room (String.concat " " (List.map hex names)))

(* Files in any order, sorted as the producer and the verifier sort them. *)
let files_trace () =
  let files = List.init (below 6) (fun _ -> (random_name (), random_string (below 12))) in
  let model = List.map (fun (name, content) ->
      { B.name = bytes_of name; content = bytes_of content }) files in
  count files_count;
  ignore (manifest_clear 0);
  List.iter (fun (name, content) -> ignore (manifest_file name content)) files;
  ignore (manifest_sort 0);
  let c = manifest_of_c cap in
  saw files_count (match c with Ok _ -> ok | Error error -> error);
  let same = match B.produce hash model, c with
    | Some root, Ok s ->
      same_bytes s (B.manifest hash model)
      && string_of root = string_of (hash (bytes_of s)) && B.verify hash root model
    | None, Error error -> error = argument
    | _ -> false in
  check files_count same (fun () ->
      String.concat " " (List.map (fun (name, content) -> hex name ^ ":" ^ hex content) files))

let run () =
  group "bundle-names" [ name_count ] name_trace;
  group "bundle-lines" [ lines_count ] lines_trace;
  group "bundle-files" [ files_count ] files_trace
