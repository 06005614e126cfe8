(* SPDX-License-Identifier: MIT *)
(* Seeded random values, counting, and reporting for the differential test. *)

let setting name default =
  match Sys.getenv_opt name with None | Some "" -> default | Some text -> int_of_string text

let seed = setting "SEED" 20250101
let cases = setting "CASES" 1_000_000

(* VERBOSE=1 shows how often each verdict or error came up, and the time taken. *)
let verbose = setting "VERBOSE" 0 = 1

(* GROUP and TRACE repeat one trace that was reported. *)
let only_group = Sys.getenv_opt "GROUP"
let only_trace = setting "TRACE" (-1)

(* ---- Random values: SplitMix with 63 bits ------------------------------------------------- *)

let state = ref 0

let mix z =
  let z = (z lxor (z lsr 30)) * 0x3F58476D1CE4E5B9 in
  let z = (z lxor (z lsr 27)) * 0x14D049BB133111EB in
  z lxor (z lsr 31)

let next () =
  state := !state + 0x1E3779B97F4A7C15;
  mix !state

(* Each trace begins anew, so that it can be repeated alone. *)
let start_trace group trace = state := mix (mix (seed + Hashtbl.hash group) + trace)

let below n = next () land max_int mod n
let between low high = low + below (high - low + 1)
let chance n = below n = 0
let pick a = a.(below (Array.length a))

let two_to k = Z.shift_left Z.one k
let two64 = two_to 64
let u64_max = Z.pred two64

let random_bits k =
  let low = Z.of_int (next () land 0xffffffff) and high = Z.of_int (next () land 0xffffffff) in
  Z.extract (Z.add low (Z.shift_left high 32)) 0 (max k 1)

(* Uniform below a positive number of at most 64 bits. *)
let z_below z = Z.rem (random_bits 64) z

let clamp low high z = Z.min high (Z.max low z)

(* Where overflows and wrap-arounds lie, and anything else. *)
let u64 () =
  match below 6 with
  | 0 -> Z.of_int (below 8)
  | 1 -> Z.sub u64_max (Z.of_int (below 8))
  | 2 | 3 -> clamp Z.zero u64_max (Z.add (two_to (below 65)) (Z.of_int (between (-3) 3)))
  | _ -> random_bits (between 1 64)

let random_string len = String.init len (fun _ -> Char.unsafe_chr (next () land 255))

(* ---- Values of C -------------------------------------------------------------------------- *)

(* The 64 bits of a C uint64_t travel as an int64. *)
let to_c z = if Z.fits_int64 z then Z.to_int64 z else Z.to_int64 (Z.sub z two64)
let of_c i = if Int64.compare i 0L >= 0 then Z.of_int64 i else Z.add (Z.of_int64 i) two64

(* Bytes are strings for C and lists of numbers for the models. *)
let bytes_of s = List.init (String.length s) (fun i -> Z.of_int (Char.code s.[i]))

let string_of bytes =
  let b = Buffer.create 64 in
  List.iter (fun x -> Buffer.add_char b (Char.chr (Z.to_int x))) bytes;
  Buffer.contents b

let rec equals_at s i bytes =
  match bytes with
  | [] -> i = String.length s
  | x :: rest -> i < String.length s && Z.to_int x = Char.code s.[i] && equals_at s (i + 1) rest

(* Whether a model's bytes are those of C. *)
let same_bytes s bytes = equals_at s 0 bytes

let hex s =
  String.concat "" (List.init (String.length s) (fun i -> Printf.sprintf "%02x" (Char.code s.[i])))

(* ---- Counting ----------------------------------------------------------------------------- *)

type counter = {
  name : string;
  mutable cases : int;
  mutable differences : int;
  outcomes : int array; (* what C answered, by verdict or error: that all of them come up *)
}

exception Differs of counter * string

let all_counters = ref []
let counter name = { name; cases = 0; differences = 0; outcomes = Array.make 8 0 }
let count c = c.cases <- c.cases + 1
let saw c outcome = c.outcomes.(outcome) <- c.outcomes.(outcome) + 1
let check c same describe = if not same then raise (Differs (c, describe ()))

let report_difference group trace c text =
  c.differences <- c.differences + 1;
  if c.differences = 1 then
    Printf.printf "%s differs: %s\n  again: SEED=%d GROUP=%s TRACE=%d tests/differential/run\n%!"
      c.name text seed group trace

let run_trace group trace f =
  start_trace group trace;
  try f () with
  | Differs (c, text) -> report_difference group trace c text

(* Of PARTS processes, this one takes the groups whose number is PART modulo PARTS. *)
let part = setting "PART" 0
let parts = setting "PARTS" 1
let groups_seen = ref (-1)

let is_mine name =
  incr groups_seen;
  !groups_seen mod parts = part && (only_group = None || only_group = Some name)

(* Runs traces until each of the functions that they call has had its cases. *)
let show_outcomes c =
  Array.iteri
    (fun k n -> if n > 0 then Printf.printf "    outcome %d: %d\n" k n)
    c.outcomes

let report c =
  Printf.printf "%s: %d cases, %d differences\n%!" c.name c.cases c.differences;
  if verbose then show_outcomes c

let group name counters f =
  if is_mine name then begin
    let start = Sys.time () in
    all_counters := !all_counters @ counters;
    if only_trace >= 0 then run_trace name only_trace f
    else begin
      let trace = ref 0 in
      while List.exists (fun c -> c.cases < cases) counters do
        run_trace name !trace f;
        incr trace
      done
    end;
    List.iter report counters;
    if verbose then Printf.printf "    %.1f s\n%!" (Sys.time () -. start)
  end

let finish () =
  let failed = List.length (List.filter (fun c -> c.differences > 0) !all_counters) in
  Printf.printf "%d passed, %d failed\n" (List.length !all_counters - failed) failed;
  exit (if failed = 0 && !all_counters <> [] then 0 else 1)
