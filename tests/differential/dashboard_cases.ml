(* SPDX-License-Identifier: MIT *)
(* The generator of rules in src/dashboard beside spec/Dashboard.v: the text of both rules byte for
   byte, whether a formula holds for given values, and that what is written is read back. *)
open Harness
module D = Dashboard

type i = int
type j = int64

(* ---- The C functions: stubs.h --------------------------------------------------------------- *)

external reset : (i[@untagged]) -> (i[@untagged]) = "none" "diff_dashboard_reset" [@@noalloc]
external push : (i[@untagged]) -> (i[@untagged]) -> (i[@untagged]) -> (i[@untagged])
  -> (j[@unboxed]) -> string -> (i[@untagged]) = "none" "diff_dashboard_push" [@@noalloc]
external rule : (i[@untagged]) -> string -> bytes -> (i[@untagged]) = "none" "diff_dashboard_rule"
  [@@noalloc]
external set : string -> (i[@untagged]) -> (i[@untagged]) -> (i[@untagged]) -> (j[@unboxed])
  -> (i[@untagged]) = "none" "diff_dashboard_set" [@@noalloc]
external holds : (i[@untagged]) -> (i[@untagged]) = "none" "diff_dashboard_holds" [@@noalloc]
external read : string -> (i[@untagged]) = "none" "diff_dashboard_read" [@@noalloc]

let nodes_max = 64

(* ---- Strings of the model ------------------------------------------------------------------- *)

let ascii_of c =
  let bit k = Char.code c land (1 lsl k) <> 0 in
  Ascii.Ascii (bit 0, bit 1, bit 2, bit 3, bit 4, bit 5, bit 6, bit 7)

let char_of (Ascii.Ascii (a, b, c, d, e, f, g, h)) =
  let bit k set = if set then 1 lsl k else 0 in
  Char.unsafe_chr
    (bit 0 a lor bit 1 b lor bit 2 c lor bit 3 d lor bit 4 e lor bit 5 f lor bit 6 g lor bit 7 h)

let model_string s =
  let rec from i =
    if i = String.length s then String0.EmptyString else String0.String (ascii_of s.[i], from (i + 1))
  in
  from 0

let ocaml_string model =
  let buffer = Buffer.create 256 in
  let rec add = function
    | String0.EmptyString -> Buffer.contents buffer
    | String0.String (c, rest) -> Buffer.add_char buffer (char_of c); add rest
  in
  add model

(* ---- Random formulas, with OCaml's strings ---------------------------------------------------- *)

type term =
  | Reading of string
  | Compute of int * term * term
  | Compute_number of int * term * Z.t

type invariant =
  | Holds of int * term * term
  | Holds_number of int * term * Z.t
  | Never_counts of string * Z.t
  | Both of invariant * invariant
  | Either of invariant * invariant

type source = { metric : unit -> string; number : unit -> Z.t; window : unit -> Z.t }

let rec random_term source size =
  if size <= 1 then Reading (source.metric ())
  else if chance 3 then Compute_number (below 3, random_term source (size - 1), source.number ())
  else
    let left = between 1 (size - 1) in
    Compute (below 3, random_term source left, random_term source (size - left))

let rec random_invariant source size =
  if size <= 1 || chance 3 then
    match below 3 with
    | 0 -> Never_counts (source.metric (), source.window ())
    | 1 -> Holds_number (below 6, random_term source size, source.number ())
    | _ ->
      let left = between 1 (max 1 (size - 1)) in
      Holds (below 6, random_term source left, random_term source (max 1 (size - left)))
  else
    let left = between 1 (size - 1) in
    let p = random_invariant source left and q = random_invariant source (size - left) in
    if chance 2 then Both (p, q) else Either (p, q)

(* Mostly small; chains as deep as there is room for nodes, to either side. *)
let random_size () = match below 12 with 0 -> between 8 18 | _ -> between 1 6

let rec chain source left n =
  if n = 0 then Never_counts (source.metric (), source.window ())
  else
    let p = Never_counts (source.metric (), source.window ()) and q = chain source left (n - 1) in
    if left then Both (q, p) else Either (p, q)

let random_formula source =
  match below 200 with
  | 0 -> chain source true (between 20 31)
  | 1 -> chain source false (between 20 31)
  | 2 ->
    let rec deep n = if n = 0 then Reading (source.metric ())
      else Compute_number (below 3, deep (n - 1), source.number ()) in
    Holds_number (5, deep (between 40 62), source.number ())
  | _ -> random_invariant source (random_size ())

(* ---- The same for the model and for C ------------------------------------------------------- *)

let arithmetic = [| D.Plus; D.Minus; D.Times |]
let comparison = [| D.Lt; D.Le; D.Eq; D.Ge; D.Gt; D.Ne |]

let rec model_term = function
  | Reading m -> D.Reading (model_string m)
  | Compute (o, a, b) -> D.Compute (arithmetic.(o), model_term a, model_term b)
  | Compute_number (o, a, z) -> D.ComputeNumber (arithmetic.(o), model_term a, z)

let rec model = function
  | Holds (o, a, b) -> D.Holds (comparison.(o), model_term a, model_term b)
  | Holds_number (o, a, z) -> D.HoldsNumber (comparison.(o), model_term a, z)
  | Never_counts (m, window) -> D.NeverCounts (model_string m, window)
  | Both (p, q) -> D.Both (model p, model q)
  | Either (p, q) -> D.Either (model p, model q)

exception Too_long

let pushed kind operation left right number metric =
  let at = push kind operation left right (Z.to_int64 number) metric in
  if at < 0 then raise Too_long else at

let rec push_term = function
  | Reading m -> pushed 0 0 0 0 Z.zero m
  | Compute (o, a, b) ->
    let a = push_term a in
    let b = push_term b in
    pushed 1 o a b Z.zero ""
  | Compute_number (o, a, z) -> let a = push_term a in pushed 2 o a 0 z ""

let rec push_invariant = function
  | Holds (o, a, b) ->
    let a = push_term a in
    let b = push_term b in
    pushed 3 o a b Z.zero ""
  | Holds_number (o, a, z) -> let a = push_term a in pushed 4 o a 0 z ""
  | Never_counts (m, window) -> pushed 5 0 0 0 window m
  | Both (p, q) -> push_two 6 p q
  | Either (p, q) -> push_two 7 p q

and push_two kind p q =
  let p = push_invariant p in
  let q = push_invariant q in
  pushed kind 0 p q Z.zero ""

(* A formula that C has room for, pushed. *)
let rec fitting source =
  let p = random_formula source in
  ignore (reset 0);
  match push_invariant p with
  | _ -> p
  | exception Too_long -> fitting source

(* ---- The text of the rules ------------------------------------------------------------------ *)

let int64_edge () =
  match below 4 with
  | 0 -> Z.of_int64 Int64.min_int
  | 1 -> Z.of_int64 Int64.max_int
  | 2 -> Z.of_int (between (-11) 11)
  | _ ->
    let z = random_bits (between 1 63) in
    if chance 2 then z else Z.neg z

(* Any bytes at all: the text of a metric is not looked into. *)
let any_metric () =
  if chance 3 then random_string (between 1 20)
  else pick [| "up"; "x"; "a_total"; "up{job=\"a\"}"; "("; "unless"; " "; "b:c_2" |]

let hostile =
  { metric = any_metric; number = int64_edge;
    window = (fun () -> if chance 2 then Z.succ (random_bits 40) else Z.of_int (between 1 99999)) }

let alert_text = counter "pp_dashboard_alert"
let lost_text = counter "pp_dashboard_signal_lost"
let out = Bytes.create (1 lsl 16)

let check_rule c lost each wanted =
  count c;
  let len = rule (if lost then 1 else 0) each out in
  let got = if len < 0 || len > Bytes.length out then "" else Bytes.sub_string out 0 len in
  let wanted = ocaml_string (D.print wanted) in
  check c (got = wanted) (fun () -> Printf.sprintf "model: %s\n  C (%d): %s" wanted len got)

let text_trace () =
  let p = fitting hostile in
  let each = any_metric () in
  check_rule alert_text false each (D.alert (model_string each) (model p));
  check_rule lost_text true each (D.signal_lost (model_string each) (model p))

(* ---- Whether it holds ----------------------------------------------------------------------- *)

let few_metrics = [| "a"; "b"; "c"; "d" |]
let small =
  { metric = (fun () -> pick few_metrics); number = (fun () -> Z.of_int (between (-3) 5));
    window = (fun () -> Z.of_int (between 2 5000)) }

let holds_case = counter "pp_dashboard_holds"

(* The last two samples of a metric, at time 999 and 1000. *)
let random_samples m =
  let z = Z.of_int (between (-2) 5) in
  let at t v = (Z.of_int t, v) in
  match below 6 with
  | 0 -> ignore (set m 0 1 0 (Z.to_int64 z)); []
  | 1 -> ignore (set m 1 0 (below 2) (Z.to_int64 z)); [ at 999 D.NaN; at 1000 D.NaN ]
  | 2 ->
    ignore (set m 1 1 1 (Z.to_int64 z));
    [ at 999 (D.Num (Z.pred z)); at 1000 (D.Num z) ]
  | _ ->
    ignore (set m 1 1 0 (Z.to_int64 z));
    [ at 999 (D.Num z); at 1000 (D.Num z) ]

let holds_trace () =
  let p = fitting small in
  let shown = Array.map (fun m -> (model_string m, random_samples m)) few_metrics in
  let samples m _ = snd (List.find (fun (n, _) -> n = m) (Array.to_list shown)) in
  let database = { D.labels = [ Z.zero ]; samples } in
  count holds_case;
  let got = holds 0 = 1 in
  saw holds_case (if got then 1 else 0);
  check holds_case
    (D.holds database (Z.of_int 1000) (model p) Z.zero = got)
    (fun () -> Printf.sprintf "C says %b: %s" got (ocaml_string (D.print (D.satisfied (model p)))))

(* ---- What is written is read ---------------------------------------------------------------- *)

let readable =
  { metric = (fun () -> pick [| "up"; "a_total"; "x:y"; "andy"; "b{job=\"a b\"}"; "never_in";
                                "c{job=\"a b\",zone=\"1\"}" |]);
    number = (fun () -> Z.of_int (match below 3 with 0 -> between (-9) 9
      | 1 -> between (-9007199254740992) 9007199254740992 | _ -> 9007199254740992));
    window = (fun () -> Z.of_int (between 10 100000)) }

let blanks () = pick [| ""; " "; "  " |]
let between_words () = pick [| " "; "   " |]
let in_parentheses s = "(" ^ blanks () ^ s ^ blanks () ^ ")"

(* In parentheses where that is needed, and sometimes where it is not.  Strength: or 1, and 2,
   comparisons 3, + and - 4, * 5. *)
let wrap strength needed s =
  if strength < needed || chance 6 then in_parentheses s else s

let arithmetic_sign = [| "+"; "-"; "*" |]
let comparison_sign = [| "<"; "<="; "=="; ">="; ">"; "!=" |]
let strength_of operation = if operation = 2 then 5 else 4
let joined a sign b = a ^ blanks () ^ sign ^ blanks () ^ b

let rec write_term needed = function
  | Reading m -> wrap 6 needed m
  | Compute (o, a, b) ->
    let s = strength_of o in
    wrap s needed (joined (write_term s a) arithmetic_sign.(o) (write_term (s + 1) b))
  | Compute_number (o, a, z) ->
    let s = strength_of o in
    wrap s needed (joined (write_term s a) arithmetic_sign.(o) (Z.to_string z))

let unit_of window =
  let z = Z.to_int window in
  if z mod 60000 = 0 && chance 2 then Printf.sprintf "%dm" (z / 60000)
  else if z mod 1000 = 0 && chance 2 then Printf.sprintf "%ds" (z / 1000)
  else Printf.sprintf "%dms" z

let rec write needed = function
  | Holds (o, a, b) ->
    wrap 3 needed (joined (write_term 4 a) comparison_sign.(o) (write_term 4 b))
  | Holds_number (o, a, z) ->
    wrap 3 needed (joined (write_term 4 a) comparison_sign.(o) (Z.to_string z))
  | Never_counts (m, window) ->
    wrap 3 needed
      (String.concat (between_words ()) [ m; "never"; "counts"; "in"; unit_of window ])
  | Both (p, q) -> write_two needed 2 "and" p q
  | Either (p, q) -> write_two needed 1 "or" p q

and write_two needed strength word p q =
  wrap strength needed
    (write strength p ^ between_words () ^ word ^ between_words () ^ write (strength + 1) q)

let read_case = counter "pp_dashboard_read"

let read_trace () =
  let p = fitting readable in
  let holds = write 0 p in
  let input =
    Printf.sprintf
      "# one\ninvariant x\n  summary s\n  theorem spec/X.v t\n  each e{zone=\"1\",job=\"a b\"}\n  holds %s\n"
      holds
  in
  count read_case;
  let got = read input in
  saw read_case (got + 1);
  check read_case (got = 1) (fun () -> Printf.sprintf "answer %d: %s" got holds)

let run () =
  group "dashboard" [ alert_text; lost_text ] text_trace;
  group "dashboard-holds" [ holds_case ] holds_trace;
  group "dashboard-read" [ read_case ] read_trace
