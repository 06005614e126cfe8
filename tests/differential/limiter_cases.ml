(* SPDX-License-Identifier: MIT *)
(* The limiter of src/limiter beside the models of spec/Limiter.v.  A case is one call in a trace of
   calls; after each the whole state is compared, every slot of the ring included. *)
open Harness
module L = Limiter

type i = int
type j = int64

(* ---- The C functions: stubs.h --------------------------------------------------------------- *)

external window_init : (i[@untagged]) -> (i[@untagged]) -> (i[@untagged]) -> (j[@unboxed])
  -> (i[@untagged]) = "none" "diff_window_init" [@@noalloc]
external window_set : (j[@unboxed]) -> (i[@untagged]) -> (i[@untagged]) -> (i[@untagged])
  -> (i[@untagged]) -> (i[@untagged]) = "none" "diff_window_set" [@@noalloc]
external window_set_stamp : (i[@untagged]) -> (i[@untagged]) -> (i[@untagged])
  = "none" "diff_window_set_stamp" [@@noalloc]
external window_peek : (j[@unboxed]) -> (i[@untagged]) -> (i[@untagged])
  = "none" "diff_window_peek" [@@noalloc]
external window_admit : (j[@unboxed]) -> (i[@untagged]) -> (i[@untagged])
  = "none" "diff_window_admit" [@@noalloc]
external window_wait : (j[@unboxed]) -> (i[@untagged]) -> (j[@unboxed])
  = "none" "diff_window_wait" [@@noalloc]
external window_used : (j[@unboxed]) -> (i[@untagged]) = "none" "diff_window_used" [@@noalloc]
external window_is_idle : (j[@unboxed]) -> (i[@untagged])
  = "none" "diff_window_is_idle" [@@noalloc]
external window_capacity_for : (i[@untagged]) -> (i[@untagged])
  = "none" "diff_window_capacity_for" [@@noalloc]
external window_grow : (i[@untagged]) -> (i[@untagged]) = "none" "diff_window_grow" [@@noalloc]
external window_newest : (i[@untagged]) -> (j[@unboxed]) = "none" "diff_window_newest" [@@noalloc]
external window_field : (i[@untagged]) -> (i[@untagged]) = "none" "diff_window_field" [@@noalloc]
external window_stamp : (i[@untagged]) -> (i[@untagged]) = "none" "diff_window_stamp" [@@noalloc]

external wide_init : (i[@untagged]) -> (j[@unboxed]) -> (i[@untagged]) -> (j[@unboxed])
  -> (i[@untagged]) = "none" "diff_wide_init" [@@noalloc]
external wide_set : (j[@unboxed]) -> (i[@untagged]) -> (i[@untagged]) -> (i[@untagged])
  = "none" "diff_wide_set" [@@noalloc]
external wide_set_stamp : (i[@untagged]) -> (j[@unboxed]) -> (i[@untagged])
  = "none" "diff_wide_set_stamp" [@@noalloc]
external wide_peek : (j[@unboxed]) -> (i[@untagged]) -> (i[@untagged])
  = "none" "diff_wide_peek" [@@noalloc]
external wide_admit : (j[@unboxed]) -> (i[@untagged]) -> (i[@untagged])
  = "none" "diff_wide_admit" [@@noalloc]
external wide_wait : (j[@unboxed]) -> (i[@untagged]) -> (j[@unboxed])
  = "none" "diff_wide_wait" [@@noalloc]
external wide_capacity_for : (i[@untagged]) -> (i[@untagged])
  = "none" "diff_wide_capacity_for" [@@noalloc]
external wide_grow : (i[@untagged]) -> (i[@untagged]) = "none" "diff_wide_grow" [@@noalloc]
external wide_newest : (i[@untagged]) -> (j[@unboxed]) = "none" "diff_wide_newest" [@@noalloc]
external wide_field : (i[@untagged]) -> (i[@untagged]) = "none" "diff_wide_field" [@@noalloc]
external wide_stamp : (i[@untagged]) -> (j[@unboxed]) = "none" "diff_wide_stamp" [@@noalloc]

external slot_set : (j[@unboxed]) -> (i[@untagged]) -> (i[@untagged])
  = "none" "diff_slot_set" [@@noalloc]
external slot_peek : (j[@unboxed]) -> (j[@unboxed]) -> (i[@untagged])
  = "none" "diff_slot_peek" [@@noalloc]
external slot_admit : (j[@unboxed]) -> (j[@unboxed]) -> (i[@untagged])
  = "none" "diff_slot_admit" [@@noalloc]
external slot_stamp : (i[@untagged]) -> (j[@unboxed]) = "none" "diff_slot_stamp" [@@noalloc]
external slot_used : (i[@untagged]) -> (i[@untagged]) = "none" "diff_slot_used" [@@noalloc]

external buckets_init : (i[@untagged]) -> (i[@untagged]) -> (j[@unboxed]) -> (j[@unboxed])
  -> (i[@untagged]) = "none" "diff_buckets_init" [@@noalloc]
external buckets_set : (j[@unboxed]) -> (i[@untagged]) -> (i[@untagged]) -> (i[@untagged])
  = "none" "diff_buckets_set" [@@noalloc]
external buckets_set_count : (i[@untagged]) -> (i[@untagged]) -> (i[@untagged])
  = "none" "diff_buckets_set_count" [@@noalloc]
external buckets_admit : (j[@unboxed]) -> (i[@untagged]) -> (i[@untagged])
  = "none" "diff_buckets_admit" [@@noalloc]
external buckets_current : (i[@untagged]) -> (j[@unboxed])
  = "none" "diff_buckets_current" [@@noalloc]
external buckets_total : (i[@untagged]) -> (i[@untagged])
  = "none" "diff_buckets_total" [@@noalloc]
external buckets_slot : (i[@untagged]) -> (i[@untagged]) = "none" "diff_buckets_slot" [@@noalloc]
external buckets_count : (i[@untagged]) -> (i[@untagged])
  = "none" "diff_buckets_count" [@@noalloc]

(* ---- What is asked ------------------------------------------------------------------------- *)

let verdict_of = function L.Deny -> 0 | L.Admit -> 1 | L.Grow -> 2 | L.Never -> 3
let in_u64 = clamp Z.zero u64_max

(* The next clock reading: around the edges of the window and of 32 bits, also backwards. *)
let next_time tau t =
  let around z = Z.add z (Z.of_int (between (-1) 1)) in
  if chance 60 then u64 ()
  else
    in_u64 (Z.add t
      (match below 12 with
       | 0 | 1 | 2 -> Z.zero
       | 3 -> Z.one
       | 4 -> around tau
       | 5 -> around (Z.div tau (Z.of_int (between 2 4)))
       | 6 -> z_below (Z.add tau tau)
       | 7 | 8 -> z_below (Z.succ (Z.div tau (Z.of_int 4)))
       | 9 -> Z.neg (z_below (Z.add tau tau))
       | 10 when chance 3 -> Z.add (two_to 32) (Z.sub (z_below (Z.add tau tau)) tau)
       | _ -> z_below (Z.succ (Z.div tau (Z.of_int 2)))))

(* Mostly short lists; now and then a limit that only fits the field. *)
let random_limit largest =
  match below 40 with
  | 0 -> largest
  | 1 -> between 8 60
  | _ -> between 1 7

(* Never so large that a ring of thousands of slots would be filled. *)
let random_weight limit =
  match below 12 with
  | 0 -> 0
  | 1 -> min 0xffffffff (limit + 1)
  | 2 -> if chance 2 then 0xffffffff else min 0xffffffff (limit + below 1000)
  | 3 | 4 when limit < 100 -> limit
  | 5 | 6 | 7 -> between 1 (min limit 4)
  | _ -> 1

let show_ring (r : L.ring) =
  Printf.sprintf "next %s filled %s slots [%s]" (Z.to_string r.next) (Z.to_string r.filled)
    (String.concat " " (List.map Z.to_string r.slots))

(* ---- pp_window ----------------------------------------------------------------------------- *)

let peek = counter "pp_window_peek"
let admit = counter "pp_window_admit"
let wait = counter "pp_window_wait"
let used = counter "pp_window_used"
let is_idle = counter "pp_window_is_idle"
let init = counter "pp_window_init"
let capacity_for = counter "pp_window_capacity_for"
let grow = counter "pp_window_grow"

let rec stamps_same i = function
  | [] -> true
  | x :: rest -> Z.equal x (Z.of_int (window_stamp i)) && stamps_same (i + 1) rest

let window_same (s : L.window) =
  let r = s.held in
  Z.equal s.newest (of_c (window_newest 0)) && Z.to_int s.mark = window_field 0
  && Z.to_int r.next = window_field 1 && Z.to_int r.filled = window_field 2
  && Z.to_int s.young = window_field 3 && List.length r.slots = window_field 4
  && stamps_same 0 r.slots

let show_window limit tau (s : L.window) =
  Printf.sprintf "limit %d window %s; model: newest %s mark %s young %s %s; C: %s [%s] [%s]" limit
    (Z.to_string tau) (Z.to_string s.newest) (Z.to_string s.mark) (Z.to_string s.young)
    (show_ring s.held) (Z.to_string (of_c (window_newest 0)))
    (String.concat " " (List.init 5 (fun k -> string_of_int (window_field k))))
    (String.concat " " (List.init (min 64 (window_field 4))
                          (fun k -> string_of_int (window_stamp k))))

(* Any state that pp_window_is_valid accepts, reachable or not. *)
let random_window limit tau capacity =
  let newest = u64 () in
  let stamp () =
    if chance 4 then random_bits 32
    else L.u32 (Z.sub newest (z_below (Z.add tau tau))) in
  let count = below (capacity + 1) in
  let s = { L.newest; mark = L.u32 (Z.sub newest (z_below tau));
            young = Z.of_int (below (count + 1));
            held = { L.slots = List.init capacity (fun _ -> stamp ());
                     next = Z.of_int (below capacity); filled = Z.of_int count } } in
  ignore (window_init limit (Z.to_int tau) capacity 0L);
  let valid = window_set (to_c newest) (Z.to_int s.mark) (Z.to_int s.held.next) count
      (Z.to_int s.young) in
  if valid <> 1 then failwith "the generator made an invalid state";
  List.iteri (fun k x -> ignore (window_set_stamp k (Z.to_int x))) s.held.slots;
  s

let start_window limit tau capacity =
  if chance 8 then random_window limit tau capacity
  else begin
    let now = u64 () in
    ignore (window_init limit (Z.to_int tau) capacity (to_c now));
    L.window_init (Z.of_int capacity) now
  end

let random_window_ticks () =
  match below 4 with
  | 0 -> Z.sub (two_to 31) (Z.of_int (below 3))
  | 1 -> Z.succ (random_bits (between 1 31))
  | _ -> Z.of_int (between 1 9)

let grow_window limit weight (s : L.window) =
  ignore (window_grow (window_capacity_for weight));
  L.window_grow (Z.of_int limit) (Z.of_int weight) s

(* Whether the units stand in the ring by age, as in every state that requests lead to. *)
let is_ordered (s : L.window) =
  let lag k = L.u32 (Z.sub s.newest (L.stamp_of s.held (Z.of_int k))) in
  let rec from k =
    k + 1 >= Z.to_int s.held.filled || (Z.leq (lag k) (lag (k + 1)) && from (k + 1)) in
  from 0

(* Questions, which must change nothing.  pp_window_used searches and needs the order. *)
let ask_window limit tau s now weight =
  let zl = Z.of_int limit and zw = Z.of_int weight and c_now = to_c now in
  let show model c () = Printf.sprintf "now %s weight %d: model %s, C %s; %s" (Z.to_string now)
      weight model c (show_window limit tau s) in
  let same_int counter model c =
    count counter;
    saw counter (min c 7);
    check counter (model = c) (show (string_of_int model) (string_of_int c)) in
  same_int peek (verdict_of (L.window_peek zl tau s now zw)) (window_peek c_now weight);
  if is_ordered s then same_int used (Z.to_int (L.window_used tau s now)) (window_used c_now);
  same_int is_idle (Bool.to_int (L.window_is_idle tau s now)) (window_is_idle c_now);
  count wait;
  let model = match L.window_wait zl tau s now zw with None -> u64_max | Some d -> d in
  let c = of_c (window_wait c_now weight) in
  saw wait (if Z.equal c u64_max then 3 else Z.sign c);
  check wait (Z.equal model c) (show (Z.to_string model) (Z.to_string c))

(* Returns the state after the request and, when the ring must grow, after the growth. *)
let admit_window limit tau s now weight =
  let model, s1 = L.window_admit (Z.of_int limit) tau s now (Z.of_int weight) in
  count admit;
  let c = window_admit (to_c now) weight in
  saw admit c;
  check admit (verdict_of model = c && window_same s1) (fun () ->
      Printf.sprintf "now %s weight %d: model %d, C %d; %s" (Z.to_string now) weight
        (verdict_of model) c (show_window limit tau s1));
  if model <> L.Grow then s1
  else begin
    let grown = grow_window limit weight s1 in
    check grow (window_same grown) (fun () -> show_window limit tau grown);
    grown
  end

let window_trace () =
  let limit = random_limit 65535 and tau = random_window_ticks () in
  let capacity = between 1 (min limit 8) in
  let s = ref (start_window limit tau capacity) and t = ref Z.zero in
  t := !s.L.newest;
  for _ = 1 to 25 do
    t := next_time tau !t;
    ask_window limit tau !s (if chance 2 then !t else next_time tau !t) (random_weight limit);
    s := admit_window limit tau !s !t (random_weight limit)
  done

let window_init_trace () =
  let capacity = between 1 (if chance 50 then 300 else 9) and now = u64 () in
  ignore (window_init capacity 1 capacity (to_c now));
  count init;
  let s = L.window_init (Z.of_int capacity) now in
  check init (window_same s) (fun () -> show_window capacity Z.one s)

let window_grow_trace () =
  let limit = 1 + random_limit 65534 and tau = random_window_ticks () in
  let capacity = between 1 (min (limit - 1) 9) in
  let weight = if limit < 100 then between 1 limit else between 1 9 in
  let s = random_window limit tau capacity in
  count capacity_for;
  count grow;
  let model = Z.to_int (L.capacity_for (Z.of_int limit) (Z.of_int weight) s.held) in
  let c = window_capacity_for weight in
  check capacity_for (model = c) (fun () ->
      Printf.sprintf "weight %d: model %d, C %d; %s" weight model c (show_window limit tau s));
  let grown = grow_window limit weight s in
  check grow (window_same grown) (fun () ->
      Printf.sprintf "weight %d; %s" weight (show_window limit tau grown))

(* ---- pp_wide ------------------------------------------------------------------------------- *)

let wide_peek_count = counter "pp_wide_peek"
let wide_admit_count = counter "pp_wide_admit"
let wide_wait_count = counter "pp_wide_wait"
let wide_capacity_count = counter "pp_wide_capacity_for"
let wide_grow_count = counter "pp_wide_grow"

let rec wide_stamps_same i = function
  | [] -> true
  | x :: rest -> Z.equal x (of_c (wide_stamp i)) && wide_stamps_same (i + 1) rest

let wide_same (s : L.wide) =
  let r = s.wide_held in
  Z.equal s.wide_newest (of_c (wide_newest 0)) && Z.to_int r.next = wide_field 0
  && Z.to_int r.filled = wide_field 1 && List.length r.slots = wide_field 2
  && wide_stamps_same 0 r.slots

let show_wide limit tau (s : L.wide) =
  Printf.sprintf "limit %d window %s; model: newest %s %s; C: %s [%s] [%s]" limit
    (Z.to_string tau) (Z.to_string s.wide_newest) (show_ring s.wide_held)
    (Z.to_string (of_c (wide_newest 0)))
    (String.concat " " (List.init 3 (fun k -> string_of_int (wide_field k))))
    (String.concat " " (List.init (min 64 (wide_field 2))
                          (fun k -> Z.to_string (of_c (wide_stamp k)))))

(* Any numbers in the ring, but no stamp after the newest. *)
let random_wide limit tau capacity =
  let newest = u64 () in
  let stamp () = Z.max Z.zero (Z.sub newest (z_below (Z.add tau tau))) in
  let s = { L.wide_newest = newest;
            wide_held = { L.slots = List.init capacity (fun _ -> stamp ());
                          next = Z.of_int (below capacity);
                          filled = Z.of_int (below (capacity + 1)) } } in
  ignore (wide_init limit (to_c tau) capacity 0L);
  ignore (wide_set (to_c newest) (Z.to_int s.wide_held.next) (Z.to_int s.wide_held.filled));
  List.iteri (fun k x -> ignore (wide_set_stamp k (to_c x))) s.wide_held.slots;
  s

let start_wide limit tau capacity =
  if chance 8 then random_wide limit tau capacity
  else begin
    let now = u64 () in
    ignore (wide_init limit (to_c tau) capacity (to_c now));
    L.wide_init (Z.of_int capacity) now
  end

let random_wide_ticks () =
  match below 4 with
  | 0 -> Z.sub (two_to 63) (Z.of_int (between 1 3))
  | 1 -> Z.succ (random_bits (between 1 62))
  | _ -> Z.of_int (between 1 9)

let grow_wide limit weight (s : L.wide) =
  ignore (wide_grow (wide_capacity_for weight));
  let size = L.capacity_for (Z.of_int limit) (Z.of_int weight) s.wide_held in
  { s with wide_held = L.grow size s.wide_held }

(* The model has no wait of its own: it must deny one tick before the end and not at the end. *)
let wide_wait_fits limit tau (s : L.wide) now weight c =
  let zl = Z.of_int limit and zw = Z.of_int weight in
  if weight = 0 || weight > limit then Z.equal c u64_max
  else begin
    let t = Z.max now s.wide_newest in
    let denied d = L.wide_peek zl tau s (Z.add t d) zw = L.Deny in
    not (denied c) && (Z.equal c Z.zero || denied (Z.pred c))
  end

let ask_wide limit tau s now weight =
  let show model c () = Printf.sprintf "now %s weight %d: model %s, C %s; %s" (Z.to_string now)
      weight model c (show_wide limit tau s) in
  count wide_peek_count;
  let model = verdict_of (L.wide_peek (Z.of_int limit) tau s now (Z.of_int weight)) in
  let c = wide_peek (to_c now) weight in
  saw wide_peek_count c;
  check wide_peek_count (model = c) (show (string_of_int model) (string_of_int c));
  count wide_wait_count;
  let c = of_c (wide_wait (to_c now) weight) in
  saw wide_wait_count (if Z.equal c u64_max then 3 else Z.sign c);
  check wide_wait_count (wide_wait_fits limit tau s now weight c) (show "-" (Z.to_string c))

let admit_wide limit tau s now weight =
  let model, s1 = L.wide_admit (Z.of_int limit) tau s now (Z.of_int weight) in
  count wide_admit_count;
  let c = wide_admit (to_c now) weight in
  saw wide_admit_count c;
  check wide_admit_count (verdict_of model = c && wide_same s1) (fun () ->
      Printf.sprintf "now %s weight %d: model %d, C %d; %s" (Z.to_string now) weight
        (verdict_of model) c (show_wide limit tau s1));
  if model <> L.Grow then s1
  else begin
    let grown = grow_wide limit weight s1 in
    check wide_grow_count (wide_same grown) (fun () -> show_wide limit tau grown);
    grown
  end

let wide_trace () =
  let limit = random_limit 0x7fffffff and tau = random_wide_ticks () in
  let capacity = between 1 (min limit 8) in
  let s = ref (start_wide limit tau capacity) and t = ref Z.zero in
  t := !s.L.wide_newest;
  for _ = 1 to 25 do
    t := next_time tau !t;
    ask_wide limit tau !s (if chance 2 then !t else next_time tau !t) (random_weight limit);
    s := admit_wide limit tau !s !t (random_weight limit)
  done

let wide_grow_trace () =
  let limit = 1 + random_limit 0x7ffffffe and tau = random_wide_ticks () in
  let capacity = between 1 (min (limit - 1) 9) in
  let weight = if limit < 100 then between 1 limit else between 1 9 in
  let s = random_wide limit tau capacity in
  count wide_capacity_count;
  count wide_grow_count;
  let model = Z.to_int (L.capacity_for (Z.of_int limit) (Z.of_int weight) s.wide_held) in
  let c = wide_capacity_for weight in
  check wide_capacity_count (model = c) (fun () ->
      Printf.sprintf "weight %d: model %d, C %d; %s" weight model c (show_wide limit tau s));
  let grown = grow_wide limit weight s in
  check wide_grow_count (wide_same grown) (fun () ->
      Printf.sprintf "weight %d; %s" weight (show_wide limit tau grown))

(* ---- pp_slot ------------------------------------------------------------------------------- *)

let slot_peek_count = counter "pp_slot_peek"
let slot_admit_count = counter "pp_slot_admit"

let slot_same state =
  match state with
  | None -> slot_used 0 = 0
  | Some stamp -> slot_used 0 = 1 && Z.equal stamp (of_c (slot_stamp 0))

let slot_trace () =
  let tau = if chance 3 then Z.max Z.one (u64 ()) else Z.of_int (between 1 9) in
  let state = ref (if chance 3 then None else Some (u64 ())) in
  ignore (slot_set (match !state with None -> to_c (u64 ()) | Some stamp -> to_c stamp)
            (if !state = None then 0 else 1));
  let t = ref (match !state with None -> u64 () | Some stamp -> stamp) in
  for _ = 1 to 10 do
    t := next_time tau !t;
    let show () = Printf.sprintf "window %s now %s slot %s" (Z.to_string tau) (Z.to_string !t)
        (match !state with None -> "unused" | Some stamp -> Z.to_string stamp) in
    count slot_peek_count;
    check slot_peek_count
      (Bool.to_int (L.slot_peek tau !t !state) = slot_peek (to_c !t) (to_c tau)) show;
    let model, after = L.slot_admit tau !t !state in
    count slot_admit_count;
    let c = slot_admit (to_c !t) (to_c tau) in
    saw slot_admit_count c;
    check slot_admit_count (Bool.to_int model = c && slot_same after) show;
    state := after
  done

(* ---- pp_buckets ---------------------------------------------------------------------------- *)

let buckets_init_count = counter "pp_buckets_init"
let buckets_admit_count = counter "pp_buckets_admit"

(* The model lists the counts from the newest bucket back; in C the newest is at slot. *)
let buckets_same n (b : L.buckets) =
  let at k = let i = buckets_slot 0 - k in if i < 0 then i + n else i in
  let rec same k = function
    | [] -> k = n
    | x :: rest -> Z.to_int x = buckets_count (at k) && same (k + 1) rest in
  Z.equal b.current (of_c (buckets_current 0)) && Z.to_int b.total = buckets_total 0
  && same 0 b.counts

let show_buckets n limit width (b : L.buckets) =
  Printf.sprintf "limit %d bucket %s; model: current %s total %s [%s]; C: %s %d slot %d [%s]" limit
    (Z.to_string width) (Z.to_string b.current) (Z.to_string b.total)
    (String.concat " " (List.map Z.to_string b.counts))
    (Z.to_string (of_c (buckets_current 0))) (buckets_total 0) (buckets_slot 0)
    (String.concat " " (List.init n (fun k -> string_of_int (buckets_count k))))

(* Any counts whose sum is at most the limit. *)
let random_buckets n limit =
  let left = ref limit in
  let counts = List.init n (fun _ ->
      let units = if chance 3 then 0 else below (!left + 1) in
      left := !left - units;
      units) in
  let slot = below n and current = u64 () in
  ignore (buckets_set (to_c current) slot (limit - !left));
  List.iteri (fun k units -> ignore (buckets_set_count ((slot - k + n) mod n) units)) counts;
  { L.current; counts = List.map Z.of_int counts; total = Z.of_int (limit - !left) }

let random_bucket_weight limit =
  match below 10 with
  | 0 -> random_weight limit
  | 1 -> limit
  | 2 | 3 -> 1 + below limit
  | 4 | 5 -> 1 + below ((limit / 3) + 1)
  | _ -> 1

let random_buckets_rule () =
  let n = if chance 30 then between 2 40 else between 2 6 in
  let limit = match below 4 with
    | 0 -> 0xffffffff - below 3
    | 1 -> 1 + below 1000
    | _ -> between 1 9 in
  n, limit, if chance 3 then Z.max Z.one (u64 ()) else Z.of_int (between 1 9)

let start_buckets n limit width =
  let now = u64 () in
  ignore (buckets_init n limit (to_c width) (to_c now));
  count buckets_init_count;
  let b = L.buckets_init (Z.of_int n) width now in
  check buckets_init_count (buckets_same n b) (fun () -> show_buckets n limit width b);
  b

let buckets_init_trace () =
  let n, limit, width = random_buckets_rule () in
  ignore (start_buckets n limit width)

let buckets_trace () =
  let n, limit, width = random_buckets_rule () in
  let b = ref (start_buckets n limit width) in
  if chance 4 then b := random_buckets n limit;
  let t = ref (Z.mul !b.L.current width |> in_u64) in
  for _ = 1 to 10 do
    t := next_time (in_u64 (Z.mul width (Z.of_int (between 1 n)))) !t;
    let weight = random_bucket_weight limit in
    let model, after = L.bucket_admit (Z.of_int limit) width !b !t (Z.of_int weight) in
    count buckets_admit_count;
    let c = buckets_admit (to_c !t) weight in
    saw buckets_admit_count c;
    check buckets_admit_count (verdict_of model = c && buckets_same n after) (fun () ->
        Printf.sprintf "now %s weight %d: model %d, C %d; %s" (Z.to_string !t) weight
          (verdict_of model) c (show_buckets n limit width after));
    b := after
  done

let run () =
  group "window" [ peek; admit; wait; used; is_idle ] window_trace;
  group "window-init" [ init ] window_init_trace;
  group "window-grow" [ capacity_for; grow ] window_grow_trace;
  group "wide" [ wide_peek_count; wide_admit_count; wide_wait_count ] wide_trace;
  group "wide-grow" [ wide_capacity_count; wide_grow_count ] wide_grow_trace;
  group "slot" [ slot_peek_count; slot_admit_count ] slot_trace;
  group "buckets" [ buckets_admit_count ] buckets_trace;
  group "buckets-init" [ buckets_init_count ] buckets_init_trace
