(* SPDX-License-Identifier: MIT *)
(* Entries, frames, seals and tags of src/ledger beside spec/Encoding.v and spec/Ledger.v.  Decoders
   get encodings, encodings with a few bytes changed, and bytes at random. *)
open Harness
module E = Encoding

type i = int
type j = int64

(* ---- The C functions: stubs.h --------------------------------------------------------------- *)

external entry_encode : (i[@untagged]) -> (j[@unboxed]) -> (j[@unboxed]) -> (i[@untagged])
  -> string -> string -> bytes -> (i[@untagged]) = "none" "diff_entry_encode" [@@noalloc]
external entry_decode : string -> (i[@untagged]) = "none" "diff_entry_decode" [@@noalloc]
external entry_number : (i[@untagged]) -> (j[@unboxed]) = "none" "diff_entry_number" [@@noalloc]
external frame_put_head : (i[@untagged]) -> (i[@untagged]) -> bytes -> (i[@untagged])
  = "none" "diff_frame_put_head" [@@noalloc]
external frame_read : string -> (i[@untagged]) = "none" "diff_frame_read" [@@noalloc]
external frame_field : (i[@untagged]) -> (i[@untagged]) = "none" "diff_frame_field" [@@noalloc]
external seal_decode : string -> (i[@untagged]) = "none" "diff_seal_decode" [@@noalloc]
external seal_set_kind : (i[@untagged]) -> (i[@untagged])
  = "none" "diff_seal_set_kind" [@@noalloc]
external seal_kind : (i[@untagged]) -> (i[@untagged]) = "none" "diff_seal_kind" [@@noalloc]
external seal_set_number : (i[@untagged]) -> (j[@unboxed]) -> (i[@untagged])
  = "none" "diff_seal_set_number" [@@noalloc]
external seal_number : (i[@untagged]) -> (j[@unboxed]) = "none" "diff_seal_number" [@@noalloc]
external seal_set_array : (i[@untagged]) -> string -> (i[@untagged])
  = "none" "diff_seal_set_array" [@@noalloc]
external seal_array : (i[@untagged]) -> bytes -> (i[@untagged])
  = "none" "diff_seal_array" [@@noalloc]
external seal_write : (i[@untagged]) -> bytes -> (i[@untagged])
  = "none" "diff_seal_write" [@@noalloc]
external seal_mac_valid : (i[@untagged]) -> string -> (i[@untagged])
  = "none" "diff_seal_mac_valid" [@@noalloc]
external c_mac : (i[@untagged]) -> string -> bytes -> (i[@untagged])
  = "none" "diff_mac" [@@noalloc]
external c_chain_tag : (i[@untagged]) -> string -> string -> bytes -> (i[@untagged])
  = "none" "diff_chain_tag" [@@noalloc]

(* enum pp_error *)
let ok = 0
let argument = 1
let too_large = 2
let format = 4
let not_found = 6

(* ---- Changing bytes ------------------------------------------------------------------------- *)

(* One byte set, flipped by a bit, dropped or doubled, or the end cut off or lengthened. *)
let mutate_once s =
  let n = String.length s in
  if n = 0 then random_string 1
  else
    (* Most meaning is in the first bytes. *)
    let at = if chance 2 then below n else below (min n 25) in
    let set c = String.mapi (fun k old -> if k = at then c else old) s in
    match below 7 with
    | 0 -> set (Char.chr (below 256))
    | 1 -> set (Char.chr (Char.code s.[at] lxor (1 lsl below 8)))
    | 2 -> set (Char.chr ((Char.code s.[at] + pick [| 1; 255 |]) land 255))
    | 3 -> String.sub s 0 at
    | 4 -> s ^ random_string (1 + below 3)
    | 5 -> String.sub s 0 at ^ String.sub s (at + 1) (n - at - 1)
    | _ -> String.sub s 0 at ^ String.sub s (max 0 (at - 1)) (n - max 0 (at - 1))

let mutate s =
  let rec go k s = if k = 0 then s else go (k - 1) (mutate_once s) in
  go (pick [| 0; 1; 1; 1; 2; 3 |]) s

(* ---- Entries -------------------------------------------------------------------------------- *)

let entry_encode_count = counter "pp_entry_encode"
let entry_decode_count = counter "pp_entry_decode"

(* Any fields, also such as the format forbids.  Once in a while as long as can be: costly. *)
let random_entry () =
  let longest = chance 3000 in
  let kind =
    if longest then pick [| 1; 3 |]
    else if chance 20 then below 256
    else pick [| 0; 1; 1; 1; 2; 2; 2; 3; 3; 4 |] in
  let level = if longest then below 6 else if chance 20 then below 256 else below 7 in
  let source_len =
    if longest then between 1 9 else if chance 200 then between 250 258 else below 12 in
  let body_len =
    if longest then 65535 - 24 - source_len + between (-1) 1
    else if kind = 2 then pick [| 39; 40; 40; 40; 40; 41 |]
    else below 24 in
  { E.kind = Z.of_int kind; seq = u64 (); time_ns = u64 (); level = Z.of_int level;
    source = bytes_of (random_string source_len); body = bytes_of (random_string body_len) }

let room = Bytes.create 66000

let encode_c (e : E.entry) =
  let len = entry_encode (Z.to_int e.kind) (to_c e.seq) (to_c e.time_ns) (Z.to_int e.level)
      (string_of e.source) (string_of e.body) room in
  if len < 0 then Error (-len) else Ok (Bytes.sub_string room 0 len)

let show_entry (e : E.entry) =
  Printf.sprintf "kind %s seq %s time %s level %s source %s body %s" (Z.to_string e.kind)
    (Z.to_string e.seq) (Z.to_string e.time_ns) (Z.to_string e.level) (hex (string_of e.source))
    (hex (string_of e.body))

let entry_encode_trace () =
  let e = random_entry () in
  count entry_encode_count;
  let model = E.pp_entry_encode e and c = encode_c e in
  saw entry_encode_count (match c with Ok _ -> ok | Error error -> error);
  let same = match model, c with
    | Some b, Ok s -> same_bytes s b
    | None, Error error -> error = argument || error = too_large
    | _ -> false in
  check entry_encode_count same (fun () -> show_entry e)

let entry_matches data (e : E.entry) =
  let view at = let start = Int64.to_int (entry_number at) in
    String.sub data start (Int64.to_int (entry_number (at + 1))) in
  Z.equal e.kind (of_c (entry_number 0)) && Z.equal e.seq (of_c (entry_number 1))
  && Z.equal e.time_ns (of_c (entry_number 2)) && Z.equal e.level (of_c (entry_number 3))
  && same_bytes (view 4) e.source && same_bytes (view 6) e.body

(* As pp_entry_encode, but of any fields, so that the decoder has to refuse them. *)
let encoding_of (e : E.entry) =
  let put n v = string_of (E.pp_put (Z.of_int n) v) in
  String.concat ""
    [ put 1 Z.one; put 1 e.kind; put 8 e.seq; put 8 e.time_ns; put 1 e.level;
      put 1 (E.size e.source); string_of e.source; put 4 (E.size e.body); string_of e.body ]

let entry_decode_trace () =
  let data =
    match below 10 with
    | 0 -> random_string (below 60)
    | 1 | 2 | 3 -> encoding_of (random_entry ())
    | _ -> mutate (encoding_of (random_entry ())) in
  count entry_decode_count;
  let error = entry_decode data in
  saw entry_decode_count error;
  let same = match E.pp_entry_decode (bytes_of data) with
    | Some e -> error = ok && entry_matches data e
    | None -> error = format in
  check entry_decode_count same (fun () -> Printf.sprintf "C error %d for %s" error (hex data))

(* ---- Frames --------------------------------------------------------------------------------- *)

let frame_head_count = counter "pp_frame_put_head"
let frame_read_count = counter "pp_frame_read"

let frame_head_trace () =
  let kind = below 256 in
  let len = if chance 2 then below 65536 else pick [| 0; 1; 255; 256; 65535 |] in
  count frame_head_count;
  let out = Bytes.create 4 in
  ignore (frame_put_head kind len out);
  check frame_head_count
    (same_bytes (Bytes.to_string out) (E.pp_frame_put_head (Z.of_int kind) (Z.of_int len)))
    (fun () -> Printf.sprintf "type %d length %d" kind len)

let random_frame () =
  let content = bytes_of (random_string (if chance 300 then between 250 600 else 1 + below 20)) in
  match below 3 with
  | 0 -> E.EntryFrame (content, bytes_of (random_string 16))
  | 1 -> E.HeaderFrame content
  | _ -> E.SealFrame content

let frame_matches data frame rest =
  let f = frame_field in
  let content = String.sub data (f 1) (f 2) in
  let kind, expected, tag = match frame with
    | E.EntryFrame (c, t) -> 'E', c, Some t
    | E.HeaderFrame c -> 'H', c, None
    | E.SealFrame c -> 'S', c, None in
  f 0 = Char.code kind && same_bytes content expected
  && (match tag with None -> f 3 = -1 | Some t -> same_bytes (String.sub data (f 3) 16) t)
  && same_bytes (String.sub data (f 4) (String.length data - f 4)) rest

let frame_read_trace () =
  let data =
    match below 12 with
    | 0 -> random_string (below 24)
    | 1 -> String.make (below 3) '\000'
    | _ ->
      let written = string_of (E.pp_frame_write (random_frame ())) in
      let behind = if chance 2 then "" else random_string (below 6) in
      if chance 2 then mutate written ^ behind else mutate (written ^ behind) in
  count frame_read_count;
  let error = frame_read data in
  saw frame_read_count error;
  let same = match E.pp_frame_read (bytes_of data) with
    | E.FrameRead (frame, rest) -> error = ok && frame_matches data frame rest
    | E.FrameEnd -> error = not_found
    | E.FrameBad -> error = format in
  check frame_read_count same (fun () -> Printf.sprintf "C error %d for %s" error (hex data))

(* ---- Seals ---------------------------------------------------------------------------------- *)

let seal_decode_count = counter "pp_seal_decode"
let seal_write_count = counter "pp_seal_write"
let seal_mac_count = counter "pp_seal_mac_valid"
let chain_tag_count = counter "pp_chain_tag"

let zeros n = List.init n (fun _ -> Z.zero)
let random_bytes n = bytes_of (random_string n)

(* Near the table of section 6, so that about half of them decode. *)
let random_seal () =
  let kind = if chance 20 then below 256 else between 0 5 in
  let edge power = if chance 10 then Z.add (two_to power) (Z.of_int (between (-2) 1))
    else if chance 20 then u64 () else random_bits (between 1 (power - 1)) in
  let first_seq = edge 63 in
  let empty = if chance 12 then chance 2 else kind <> 1 in
  let next_seq =
    if empty then first_seq
    else clamp Z.zero u64_max (Z.add first_seq (Z.of_int (pick [| 1; 1; 1; 2; 9; -1 |]))) in
  { E.seal_kind = Z.of_int kind; log_id = random_bytes 32; epoch = edge 36; first_seq; next_seq;
    root = random_bytes 32; previous_tag = random_bytes 16; tag = random_bytes 16;
    realtime_ns = u64 (); monotonic_ns = u64 (); boot_id = random_bytes 16;
    detail_number = if kind = 1 && not (chance 12) then Z.zero else u64 ();
    detail_hash = (match below 16 with
        | 0 -> List.mapi (fun k x -> if k = 31 then Z.one else x) (zeros 32)
        | 1 -> random_bytes 32
        | _ -> if kind = 2 || kind = 3 then random_bytes 32 else zeros 32);
    seal_mac = random_bytes 32 }

let numbers_of (s : E.seal) =
  [ s.epoch; s.first_seq; s.next_seq; s.realtime_ns; s.monotonic_ns; s.detail_number ]

let arrays_of (s : E.seal) =
  [ s.log_id; s.root; s.previous_tag; s.tag; s.boot_id; s.detail_hash; s.seal_mac ]

let seal_matches (s : E.seal) =
  let array k = let out = Bytes.create 32 in
    let len = seal_array k out in
    Bytes.sub_string out 0 len in
  let rec all k f = function [] -> true | x :: rest -> f k x && all (k + 1) f rest in
  Z.to_int s.seal_kind = seal_kind 0
  && all 0 (fun k x -> Z.equal x (of_c (seal_number k))) (numbers_of s)
  && all 0 (fun k x -> same_bytes (array k) x) (arrays_of s)

let set_seal (s : E.seal) =
  ignore (seal_set_kind (Z.to_int s.seal_kind));
  List.iteri (fun k x -> ignore (seal_set_number k (to_c x))) (numbers_of s);
  List.iteri (fun k x -> ignore (seal_set_array k (string_of x))) (arrays_of s)

let seal_decode_trace () =
  let encoded = string_of (E.pp_seal_encode (random_seal ())) in
  let data = if chance 2 then encoded else mutate encoded in
  count seal_decode_count;
  let error = seal_decode data in
  saw seal_decode_count error;
  let same = match E.pp_seal_decode (bytes_of data) with
    | Some s -> error = ok && seal_matches s
    | None -> error = format in
  check seal_decode_count same (fun () -> Printf.sprintf "C error %d for %s" error (hex data))

(* The models are given HMAC-SHA-256 as the C computes it. *)
let mac key data =
  let out = Bytes.create 32 in
  ignore (c_mac key (string_of data) out);
  bytes_of (Bytes.unsafe_to_string out)

let write_seal key s =
  let out = Bytes.create 230 in
  set_seal s;
  ignore (seal_write key out);
  Bytes.unsafe_to_string out

let seal_write_trace () =
  let key = below 4 and s = random_seal () in
  count seal_write_count;
  let written = write_seal key s in
  let sealed = { s with E.seal_mac = mac key (Ledger.seal_domain @ E.seal_covered s) } in
  check seal_write_count
    (same_bytes written (E.pp_frame_write (E.SealFrame (E.pp_seal_encode sealed))))
    (fun () -> Printf.sprintf "key %d C %s" key (hex written))

let seal_mac_trace () =
  let key = below 4 in
  let content = String.sub (write_seal key (random_seal ())) 4 226 in
  let data = if chance 3 then content
    else if chance 2 then String.mapi (fun k c ->
        if k = 225 then Char.chr (Char.code c lxor 1) else c) content
    else
      (* The C is never asked about another length, and the model says nothing of it. *)
      String.sub (mutate content ^ content) 0 226 in
  let asked = if chance 6 then below 4 else key in
  count seal_mac_count;
  let c = seal_mac_valid asked data in
  saw seal_mac_count c;
  check seal_mac_count
    (Bool.to_int (Ledger.pp_seal_mac_valid mac (bytes_of data) asked) = c)
    (fun () -> Printf.sprintf "key %d content %s" asked (hex data))

let chain_tag_trace () =
  let key = below 4 and previous = random_string 16 and leaf = random_string 32 in
  let out = Bytes.create 16 in
  count chain_tag_count;
  ignore (c_chain_tag key previous leaf out);
  check chain_tag_count
    (same_bytes (Bytes.to_string out)
       (Ledger.pp_chain_tag mac key (bytes_of previous) (bytes_of leaf)))
    (fun () -> Printf.sprintf "key %d previous %s leaf %s" key (hex previous) (hex leaf))

let run () =
  group "entry-encode" [ entry_encode_count ] entry_encode_trace;
  group "entry-decode" [ entry_decode_count ] entry_decode_trace;
  group "frame-head" [ frame_head_count ] frame_head_trace;
  group "frame-read" [ frame_read_count ] frame_read_trace;
  group "seal-decode" [ seal_decode_count ] seal_decode_trace;
  group "seal-write" [ seal_write_count ] seal_write_trace;
  group "seal-mac" [ seal_mac_count ] seal_mac_trace;
  group "chain-tag" [ chain_tag_count ] chain_tag_trace
