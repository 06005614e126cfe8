(* SPDX-License-Identifier: MIT *)
(* What the sliding-window limiter does and what is claimed of it: definitions and statements,
   no proof text. Definitions can be run; numbers are whole ticks, units or indices (Z). *)
From Coq Require Import ZArith List Bool Permutation.
Import ListNotations.
Open Scope Z_scope.

(* ---- What the limiter is asked and what it answers ------------------------------------- *)

(* What happens to a key, in the order in which it happens.
   Ask: a request of some units (its weight) arrives at a clock reading.
   Sweep: at a clock reading the table looks whether the key is idle, and forgets it if so.
   Restart: the state is written out by the old process and read back by the new one. *)
Inductive operation := Ask (now weight : Z) | Sweep (now : Z) | Restart.

(* A request asks for one unit at least. Clock readings may go back and may be anything. *)
Definition proper (o : operation) : Prop :=
  match o with Ask _ weight => 1 <= weight | _ => True end.

(* A decision is taken at a tick: the clock reading, or the tick of the latest admission when
   that is later. *)
Record event := Event { tick : Z; cost : Z; allowed : bool }.

(* An admission is a tick and a weight. The admissions among some decisions: *)
Definition admission : Type := Z * Z.
Fixpoint admissions (es : list event) : list admission :=
  match es with
  | [] => []
  | e :: es' => if allowed e then (tick e, cost e) :: admissions es' else admissions es'
  end.

(* The units admitted at a tick x with low <= x < high. *)
Fixpoint charged (low high : Z) (h : list admission) : Z :=
  match h with
  | [] => 0
  | (x, w) :: h' => (if (low <=? x) && (x <? high) then w else 0) + charged low high h'
  end.

(* The units admitted in (t - tau, t], the window that ends at t. *)
Definition used (tau t : Z) (h : list admission) : Z := charged (t - tau + 1) (t + 1) h.

(* A machine answers an operation with at most one decision, and goes on in another state. *)
Fixpoint run {state input : Type} (machine : state -> input -> list event * state)
    (s : state) (os : list input) : list event * state :=
  match os with
  | [] => ([], s)
  | o :: os' =>
      let (es, s1) := machine s o in
      let (es', s2) := run machine s1 os' in (es ++ es', s2)
  end.
Definition events {state input : Type} (machine : state -> input -> list event * state)
    (s : state) (os : list input) : list event := fst (run machine s os).

(* ---- The specification: a limiter that remembers every admission ------------------------ *)

(* The tick before which nothing is dated, and all admissions, newest first. *)
Record history := History { seen : Z; admitted : list admission }.

Definition spec_fits (limit tau t weight : Z) (h : list admission) : bool :=
  used tau t h + weight <=? limit.

Definition spec_ask (limit tau : Z) (s : history) (now weight : Z) : bool * Z :=
  let t := Z.max (seen s) now in (spec_fits limit tau t weight (admitted s), t).

Definition spec_step (limit tau : Z) (s : history) (o : operation) : list event * history :=
  match o with
  | Ask now weight =>
      let (ok, t) := spec_ask limit tau s now weight in
      ([Event t weight ok], if ok then History t ((t, weight) :: admitted s) else s)
  | Sweep now =>
      let t := Z.max (seen s) now in
      ([], if used tau t (admitted s) =? 0 then History t (admitted s) else s)
  | Restart => ([], s)
  end.

(* ---- The ring: the latest units of a key, as stamps ------------------------------------- *)

(* A unit of weight takes one slot. next is the slot to write next, filled says how many units the
   ring holds. *)
Record ring := Ring { slots : list Z; next : Z; filled : Z }.
Definition capacity (r : ring) : Z := Z.of_nat (length (slots r)).
Definition empty_ring (size : Z) : ring := Ring (repeat 0 (Z.to_nat size)) 0 0.

Definition at_index (l : list Z) (i : Z) : Z := nth (Z.to_nat i) l 0.

(* The slot of the unit that is i units older than the newest (i = 0). *)
Definition slot_of (r : ring) (i : Z) : Z :=
  if i <? next r then next r - 1 - i else next r - 1 - i + capacity r.
Definition stamp_of (r : ring) (i : Z) : Z := at_index (slots r) (slot_of r i).

Fixpoint store (l : list Z) (i : nat) (v : Z) : list Z :=
  match l, i with
  | [], _ => []
  | _ :: l', O => v :: l'
  | a :: l', S i' => a :: store l' i' v
  end.

(* Writes n units with the same stamp. *)
Definition push_one (v : Z) (r : ring) : ring :=
  Ring (store (slots r) (Z.to_nat (next r)) v)
    (if next r + 1 =? capacity r then 0 else next r + 1)
    (if filled r <? capacity r then filled r + 1 else filled r).
Fixpoint push (v : Z) (n : nat) (r : ring) : ring :=
  match n with O => r | S n' => push v n' (push_one v r) end.

(* The stamps of the units, newest first, and a larger ring with the same units. *)
Definition stamps (r : ring) : list Z :=
  map (fun i => stamp_of r (Z.of_nat i)) (seq 0 (Z.to_nat (filled r))).
Definition refill (size : Z) (newest_first : list Z) : ring :=
  let n := Z.of_nat (length newest_first) in
  Ring (rev newest_first ++ repeat 0 (Z.to_nat (size - n))) (if n =? size then 0 else n) n.
Definition grow (size : Z) (r : ring) : ring := refill size (stamps r).

(* At least double, enough for the request, at most the limit. *)
Definition capacity_for (limit weight : Z) (r : ring) : Z :=
  Z.min limit (Z.max (2 * capacity r) (filled r + weight)).

(* ---- The decision ------------------------------------------------------------------------ *)

Inductive verdict := Deny | Admit | Grow | Never.
Definition admits (v : verdict) : bool := match v with Admit => true | _ => false end.

(* How a tick is kept: whole (wide), or its low 32 bits. *)
Definition whole (x : Z) : Z := x.
Definition u32 (x : Z) : Z := x mod 2 ^ 32.

(* Whether the unit that is i units older than the newest is there and still in the window, idle
   ticks after the newest admission. *)
Definition is_live (keep : Z -> Z) (tau newest idle i : Z) (r : ring) : bool :=
  (i <? filled r) && (idle <? tau) && (idle + keep (newest - stamp_of r i) <? tau).

(* With a limit of units in the window, a request of some weight waits for the unit of index
   limit - weight to leave it. A ring that is smaller than the limit may be reused only where its
   units have left the window. *)
Definition decide (keep : Z -> Z) (limit tau newest idle weight : Z) (r : ring) : verdict :=
  if (weight <? 1) || (limit <? weight) then Never
  else if is_live keep tau newest idle (limit - weight) r then Deny
  else if capacity r =? limit then Admit
  else if (capacity r <? weight) || is_live keep tau newest idle (capacity r - weight) r then Grow
  else Admit.

(* ---- A key with 32-bit stamps (pp_window) ------------------------------------------------ *)

(* newest: the tick of the latest admission, 64 bits. mark: the low 32 bits of a tick that is less
   than a window before newest. young: how many units were admitted since the mark. *)
Record window := Window { newest : Z; mark : Z; young : Z; held : ring }.
Definition window_init (size now : Z) : window := Window now (u32 now) 0 (empty_ring size).

(* Moves the key's time forward by idle ticks. Nothing is left after a window without an admission;
   only the young units when the mark is a window old (all others were admitted before it). This is
   the rule that keeps an old stamp from looking recent when 32 bits wrap around. *)
Definition with_filled (n : Z) (r : ring) : ring := Ring (slots r) (next r) n.
Definition settle (tau idle : Z) (s : window) : window :=
  let t := newest s + idle in
  if tau <=? idle then Window t (u32 t) 0 (with_filled 0 (held s))
  else if tau <=? idle + u32 (newest s - mark s) then
    Window t (u32 (newest s)) 0 (with_filled (young s) (held s))
  else Window t (mark s) (young s) (held s).

Definition window_tick (s : window) (now : Z) : Z := Z.max (newest s) now.
Definition idle_ticks (s : window) (now : Z) : Z := window_tick s now - newest s.
Definition window_peek (limit tau : Z) (s : window) (now weight : Z) : verdict :=
  decide u32 limit tau (newest s) (idle_ticks s now) weight (held s).
Definition window_charge (tau : Z) (s : window) (now weight : Z) : window :=
  let v := settle tau (idle_ticks s now) s in
  Window (newest v) (mark v) (Z.min (young v + weight) (capacity (held v)))
    (push (u32 (newest v)) (Z.to_nat weight) (held v)).
Definition window_admit (limit tau : Z) (s : window) (now weight : Z) : verdict * window :=
  match window_peek limit tau s now weight with
  | Admit => (Admit, window_charge tau s now weight)
  | other => (other, s)
  end.

(* Ticks from the key's time (now, or its latest admission when that is later) until the request
   is admitted if no other comes before it; None: never. *)
Definition window_wait (limit tau : Z) (s : window) (now weight : Z) : option Z :=
  let idle := idle_ticks s now in
  if (weight <? 1) || (limit <? weight) then None
  else if is_live u32 tau (newest s) idle (limit - weight) (held s) then
    Some (tau - idle - u32 (newest s - stamp_of (held s) (limit - weight)))
  else Some 0.

(* Units in the window that ends at now. *)
Definition window_used (tau : Z) (s : window) (now : Z) : Z :=
  Z.of_nat (length (filter (fun i => is_live u32 tau (newest s) (idle_ticks s now) (Z.of_nat i)
    (held s)) (seq 0 (Z.to_nat (filled (held s)))))).

(* Nothing is left in the window: the key may be forgotten. *)
Definition window_is_idle (tau : Z) (s : window) (now : Z) : bool :=
  (filled (held s) =? 0) || (newest s + tau <=? now).

Definition window_grow (limit weight : Z) (s : window) : window :=
  Window (newest s) (mark s) (young s) (grow (capacity_for limit weight (held s)) (held s)).

(* What the table does with a request: ask, and when the ring is too small grow it and ask again. *)
Definition window_ask (limit tau : Z) (s : window) (now weight : Z) : verdict * window :=
  match window_admit limit tau s now weight with
  | (Grow, _) => window_admit limit tau (window_grow limit weight s) now weight
  | answer => answer
  end.

(* What is written out at a stop: the tick of the latest admission and, newest first, the ticks of
   the units in the window that ends there, as full numbers; and how they are read back. *)
Definition window_persist (tau : Z) (s : window) : Z * list Z :=
  (newest s, filter (fun x => newest s - tau <? x)
    (map (fun x => newest s - u32 (newest s - x)) (stamps (held s)))).
Definition window_resume (size : Z) (saved : Z * list Z) : window :=
  Window (fst saved) (u32 (fst saved)) 0
    (refill (Z.max size (Z.of_nat (length (snd saved)))) (map u32 (snd saved))).

(* size: the capacity that a new ring begins with. *)
Definition step (size limit tau : Z) (s : window) (o : operation) : list event * window :=
  match o with
  | Ask now weight =>
      let (v, s1) := window_ask limit tau s now weight in
      ([Event (window_tick s now) weight (admits v)], s1)
  | Sweep now => ([], if window_is_idle tau s now then window_init size (window_tick s now)
             else s)
  | Restart => ([], window_resume size (window_persist tau s))
  end.

(* ---- A key with 64-bit stamps (pp_wide) --------------------------------------------------- *)

Record wide := Wide { wide_newest : Z; wide_held : ring }.
Definition wide_init (size now : Z) : wide := Wide now (empty_ring size).
Definition wide_tick (s : wide) (now : Z) : Z := Z.max (wide_newest s) now.
Definition wide_peek (limit tau : Z) (s : wide) (now weight : Z) : verdict :=
  decide whole limit tau (wide_newest s) (wide_tick s now - wide_newest s) weight (wide_held s).
Definition wide_admit (limit tau : Z) (s : wide) (now weight : Z) : verdict * wide :=
  match wide_peek limit tau s now weight with
  | Admit =>
      let t := wide_tick s now in (Admit, Wide t (push t (Z.to_nat weight) (wide_held s)))
  | other => (other, s)
  end.
Definition wide_ask (limit tau : Z) (s : wide) (now weight : Z) : verdict * wide :=
  match wide_admit limit tau s now weight with
  | (Grow, _) =>
      let r := wide_held s in
      wide_admit limit tau (Wide (wide_newest s) (grow (capacity_for limit weight r) r)) now weight
  | answer => answer
  end.
Definition wide_step (limit tau : Z) (s : wide) (o : operation) : list event * wide :=
  match o with
  | Ask now weight =>
      let (v, s1) := wide_ask limit tau s now weight in
      ([Event (wide_tick s now) weight (admits v)], s1)
  | _ => ([], s)
  end.

(* ---- What is claimed of a key, whatever has happened to it ------------------------------- *)

Definition valid_rule (size limit tau : Z) : Prop := 1 <= size <= limit /\ 1 <= tau <= 2 ^ 31.

(* All decisions from the beginning of a key, at t0, on. *)
Definition decisions (size limit tau t0 : Z) (os : list operation) : list event :=
  events (step size limit tau) (window_init size t0) os.

(* The state that the operations lead to. *)
Definition reached (size limit tau t0 : Z) (os : list operation) : window :=
  snd (run (step size limit tau) (window_init size t0) os).

(* The machine with the ring of 32-bit stamps decides as the one that remembers everything in
   unbounded integers. *)
Definition ring_refines_specification : Prop := forall size limit tau t0 os,
  valid_rule size limit tau -> Forall proper os ->
  decisions size limit tau t0 os = events (spec_step limit tau) (History t0 []) os.

(* No window holds more than the limit: for every x, [x, x + tau). *)
Definition every_window_bounded : Prop := forall size limit tau t0 os x,
  valid_rule size limit tau -> Forall proper os ->
  charged x (x + tau) (admissions (decisions size limit tau t0 os)) <= limit.

(* Who is denied at t would have been one too many: more than limit - weight units were admitted
   in (t - tau, t] before. *)
Definition denial_justified : Prop := forall size limit tau t0 os before e after,
  valid_rule size limit tau -> Forall proper os ->
  decisions size limit tau t0 os = before ++ e :: after -> allowed e = false ->
  used tau (tick e) (admissions before) > limit - cost e.

(* A sweep or a restart is nothing to a key with 64-bit stamps; on requests alone both keys and the
   specification agree: 32 bits wrap around without changing a decision. *)
Definition wide_decisions (size limit tau t0 : Z) (os : list operation) : list event :=
  events (wide_step limit tau) (wide_init size t0) os.
Definition is_ask (o : operation) : bool := match o with Ask _ _ => true | _ => false end.
Definition wrap_around_is_invisible : Prop := forall size limit tau t0 os,
  valid_rule size limit tau -> Forall proper os -> forallb is_ask os = true ->
  decisions size limit tau t0 os = wide_decisions size limit tau t0 os.
Definition wide_refines_specification : Prop := forall size limit tau t0 os,
  1 <= size <= limit -> 1 <= tau -> Forall proper os -> forallb is_ask os = true ->
  wide_decisions size limit tau t0 os = events (spec_step limit tau) (History t0 []) os.

(* Stopping, writing out and reading back at any moments changes no decision. *)
Definition is_request (o : operation) : bool := match o with Restart => false | _ => true end.
Definition restart_is_invisible : Prop := forall size limit tau t0 os,
  valid_rule size limit tau -> Forall proper os ->
  decisions size limit tau t0 os = decisions size limit tau t0 (filter is_request os).

(* A peek answers as the request that comes next would be answered. *)
Definition peek_is_exact : Prop := forall size limit tau t0 os now weight,
  valid_rule size limit tau -> Forall proper os -> 1 <= weight ->
  let s := reached size limit tau t0 os in
  admits (fst (window_ask limit tau s now weight)) =
  match window_peek limit tau s now weight with Admit | Grow => true | _ => false end.

(* After a wait of d ticks, and not earlier, the request is admitted; without one it never is. *)
Definition wait_is_exact : Prop := forall size limit tau t0 os now weight,
  valid_rule size limit tau -> Forall proper os -> 1 <= weight ->
  let s := reached size limit tau t0 os in
  match window_wait limit tau s now weight with
  | None => forall later, admits (fst (window_ask limit tau s later weight)) = false
  | Some d => 0 <= d <= tau /\ forall later, window_tick s now <= later ->
      admits (fst (window_ask limit tau s later weight)) = (window_tick s now + d <=? later)
  end.

(* A key is called idle exactly when nothing is left in its window. *)
Definition idle_is_exact : Prop := forall size limit tau t0 os now,
  valid_rule size limit tau -> Forall proper os ->
  let s := reached size limit tau t0 os in
  window_is_idle tau s now =
  (used tau (window_tick s now) (admissions (decisions size limit tau t0 os)) =? 0).

(* ---- Slots, shards and leases ------------------------------------------------------------- *)

(* A slot (pp_slot) admits one unit in each window. Its state: the tick of its latest admission. *)
Definition slot_peek (tau now : Z) (slot : option Z) : bool :=
  match slot with None => true | Some stamp => (stamp <=? now) && (tau <=? now - stamp) end.
Definition slot_admit (tau now : Z) (slot : option Z) : bool * option Z :=
  if slot_peek tau now slot then (true, Some now) else (false, slot).

(* Slots by number, tried in any order, at clock readings in any order (one clock per thread or
   node): what is admitted, as (number of the slot, tick). *)
Fixpoint slots_run (tau : Z) (state : Z -> option Z) (tries : list (Z * Z)) : list (Z * Z) :=
  match tries with
  | [] => []
  | (i, now) :: tries' =>
      let (ok, slot) := slot_admit tau now (state i) in
      let rest := slots_run tau (fun j => if j =? i then slot else state j) tries' in
      if ok then (i, now) :: rest else rest
  end.

(* The admissions of one slot lie a window apart; nothing is said about two different slots. *)
Definition slots_are_spaced (tau : Z) (l : list (Z * Z)) : Prop :=
  ForallOrdPairs (fun a b => fst a = fst b -> tau <= Z.abs (snd a - snd b)) l.
Definition as_units (l : list (Z * Z)) : list admission := map (fun a => (snd a, 1)) l.

(* Spaced slots suffice: count of them bound every window, in no order between them. *)
Definition spaced_slots_suffice : Prop := forall count tau l x,
  0 <= count -> 0 < tau -> Forall (fun a => 0 <= fst a < count) l -> slots_are_spaced tau l ->
  charged x (x + tau) (as_units l) <= count.

(* And slots that are used through slot_admit are spaced. *)
Definition slots_bound_every_window : Prop := forall count tau tries x,
  0 <= count -> 0 < tau -> Forall (fun a => 0 <= fst a < count) tries ->
  charged x (x + tau) (as_units (slots_run tau (fun _ => None) tries)) <= count.

(* The limit is split over any number of nodes, each of which keeps its share in every window on
   its own: together they keep the limit. A node: its share and its admissions. *)
Fixpoint shares (nodes : list (Z * list admission)) : Z :=
  match nodes with [] => 0 | n :: nodes' => fst n + shares nodes' end.
Definition leases_compose : Prop := forall limit tau nodes all,
  Forall (fun n => forall x, charged x (x + tau) (snd n) <= fst n) nodes -> shares nodes <= limit ->
  Permutation all (flat_map snd nodes) ->
  forall x, charged x (x + tau) all <= limit.

(* Clocks that are wrong by at most skew: in true time, every window that is shorter by twice the
   skew holds no more than the limit. stamped: (true tick, (recorded tick, weight)). *)
Definition skewed_clocks : Prop := forall limit tau skew (stamped : list (Z * admission)),
  Forall (fun a => Z.abs (fst a - fst (snd a)) <= skew /\ 0 <= snd (snd a)) stamped ->
  (forall x, charged x (x + tau) (map snd stamped) <= limit) ->
  forall x, charged x (x + tau - 2 * skew) (map (fun a => (fst a, snd (snd a))) stamped) <= limit.

(* ---- A start without the old state: deny everything for one window ------------------------ *)

(* opens: the tick before which every request is denied. *)
Definition waiting_step (size limit tau opens : Z) (s : window) (o : operation) :
    list event * window :=
  match o with
  | Ask now weight =>
      if now <? opens then ([Event now weight false], s) else step size limit tau s o
  | Sweep now => if now <? opens then ([], s) else step size limit tau s o
  | Restart => step size limit tau s o
  end.

(* A life of the process: the clock at its start and what happened to the key in it. *)
Definition life (size limit tau start : Z) (os : list operation) : list event :=
  events (waiting_step size limit tau (start + tau)) (window_init size (start + tau)) os.

(* Lives follow each other when each starts after the clock has reached every tick of those
   before. *)
Fixpoint lives (size limit tau : Z) (ls : list (Z * list operation)) : list event :=
  match ls with
  | [] => []
  | (start, os) :: ls' => lives size limit tau ls' ++ life size limit tau start os
  end.
Fixpoint lives_follow (size limit tau : Z) (ls : list (Z * list operation)) : Prop :=
  match ls with
  | [] => True
  | (start, os) :: ls' =>
      Forall (fun e => tick e <= start) (lives size limit tau ls') /\
        lives_follow size limit tau ls'
  end.

(* ls is newest first: over any number of lives, every window holds no more than the limit. *)
Definition waiting_keeps_every_window : Prop := forall size limit tau ls x,
  valid_rule size limit tau -> Forall (fun l => Forall proper (snd l)) ls ->
  lives_follow size limit tau ls ->
  charged x (x + tau) (admissions (lives size limit tau ls)) <= limit.

(* A state that is resumed on a clock which has lost lag ticks (a stop seemed shorter than it was):
   in true time, every window still holds no more than the limit. old: admissions before the stop,
   recent: those after it, in the ticks of the late clock. *)
Definition late_clock_is_safe : Prop := forall limit tau lag stop old recent,
  0 <= lag -> Forall (fun a => fst a <= stop /\ 0 <= snd a) old ->
  Forall (fun a => stop <= fst a /\ 0 <= snd a) recent ->
  (forall x, charged x (x + tau) (old ++ recent) <= limit) ->
  forall x, charged x (x + tau) (old ++ map (fun a => (fst a + lag, snd a)) recent) <= limit.

(* ---- Several rules per request: all pass or none is charged ------------------------------- *)

(* A rule with the state of its key, and what a request asks of it. Weight 0: the request does not
   concern the rule. *)
Record ruled := Ruled { rule_limit : Z; rule_tau : Z; rule_state : window }.
Definition rule_passes (now : Z) (r : ruled) (weight : Z) : bool :=
  (weight =? 0) ||
  match window_peek (rule_limit r) (rule_tau r) (rule_state r) now weight with
  | Admit | Grow => true
  | _ => false
  end.
Definition rule_charge (now : Z) (r : ruled) (weight : Z) : ruled :=
  if weight =? 0 then r
  else Ruled (rule_limit r) (rule_tau r)
         (snd (window_ask (rule_limit r) (rule_tau r) (rule_state r) now weight)).

Fixpoint all_pass (now : Z) (rs : list ruled) (weights : list Z) : bool :=
  match rs, weights with
  | r :: rs', w :: ws' => rule_passes now r w && all_pass now rs' ws'
  | _, _ => true
  end.
Fixpoint charge_all (now : Z) (rs : list ruled) (weights : list Z) : list ruled :=
  match rs, weights with
  | r :: rs', w :: ws' => rule_charge now r w :: charge_all now rs' ws'
  | _, _ => rs
  end.
Definition rules_admit (rs : list ruled) (now : Z) (weights : list Z) : bool * list ruled :=
  if all_pass now rs weights then (true, charge_all now rs weights) else (false, rs).

(* Requests, each with a clock reading and a weight for each rule; for every request the answer. *)
Fixpoint rules_run (rs : list ruled) (qs : list (Z * list Z)) : list bool * list ruled :=
  match qs with
  | [] => ([], rs)
  | (now, weights) :: qs' =>
      let (ok, rs1) := rules_admit rs now weights in
      let (oks, rs2) := rules_run rs1 qs' in (ok :: oks, rs2)
  end.

(* What rule number i saw: the requests that were admitted as a whole and concern it. *)
Fixpoint charged_to (i : nat) (qs : list (Z * list Z)) (oks : list bool) : list operation :=
  match qs, oks with
  | (now, weights) :: qs', ok :: oks' =>
      let rest := charged_to i qs' oks' in
      if ok && negb (nth i weights 0 =? 0) then Ask now (nth i weights 0) :: rest else rest
  | _, _ => []
  end.

(* Each rule is in the state to which exactly the requests that were admitted as a whole lead, and
   it alone would have admitted each of them. A request that was denied changed nothing. *)
Definition all_or_none : Prop := forall size t0 (rules : list (Z * Z)) qs i limit tau,
  Forall (fun r => valid_rule size (fst r) (snd r)) rules ->
  Forall (fun q => length (snd q) = length rules /\ Forall (fun w => 0 <= w) (snd q)) qs ->
  nth_error rules i = Some (limit, tau) ->
  let start := map (fun r => Ruled (fst r) (snd r) (window_init size t0)) rules in
  let (oks, rs) := rules_run start qs in
  let seen_by_it := charged_to i qs oks in
  nth_error rs i = Some (Ruled limit tau (reached size limit tau t0 seen_by_it)) /\
  Forall (fun e => allowed e = true) (decisions size limit tau t0 seen_by_it).

(* A denial has a rule that denies. *)
Definition some_rule_denies : Prop := forall rs now weights,
  fst (rules_admit rs now weights) = false ->
  exists r w, In (r, w) (combine rs weights) /\ rule_passes now r w = false.

(* ---- Large limits in bounded memory -------------------------------------------------------- *)

(* pp_buckets: current is the number of the newest bucket, counts the units of the latest buckets,
   newest first, total their sum. *)
Record buckets := Buckets { current : Z; counts : list Z; total : Z }.
Definition buckets_init (n : nat) (width now : Z) : buckets :=
  Buckets (now / width) (repeat 0 n) 0.

(* A new bucket begins; the oldest leaves the sum. *)
Definition next_bucket (b : buckets) : buckets :=
  Buckets (current b + 1) (0 :: removelast (counts b)) (total b - last (counts b) 0).
Fixpoint pass_buckets (steps : nat) (b : buckets) : buckets :=
  match steps with O => b | S k => pass_buckets k (next_bucket b) end.

Definition bucket_advance (width now : Z) (b : buckets) : buckets :=
  let target := now / width in
  if current b <? target then
    let passed := Z.to_nat (Z.min (target - current b) (Z.of_nat (length (counts b)))) in
    let cleared := pass_buckets passed b in
    Buckets target (counts cleared) (total cleared)
  else b.
Definition bucket_admit (limit width : Z) (b : buckets) (now weight : Z) : verdict * buckets :=
  if (weight <? 1) || (limit <? weight) then (Never, b)
  else
    let a := bucket_advance width now b in
    if limit <? total a + weight then (Deny, a)
    else
      (Admit, Buckets (current a)
                (match counts a with [] => [] | c :: cs => c + weight :: cs end)
                (total a + weight)).

(* The same over the list of all admissions: the units of n buckets count whole. *)
Definition bucket_used (n width t : Z) (h : list admission) : Z :=
  charged ((t / width - n + 1) * width) (t / width * width + width) h.

(* Requests, as (clock reading, weight), on a clock that does not go back. *)
Definition bucket_step (limit width : Z) (b : buckets) (q : Z * Z) : list event * buckets :=
  let (v, b1) := bucket_admit limit width b (fst q) (snd q) in
  ([Event (fst q) (snd q) (admits v)], b1).
Definition bucket_decisions (n : nat) (limit width t0 : Z) (qs : list (Z * Z)) : list event :=
  events (bucket_step limit width) (buckets_init n width t0) qs.
Fixpoint forward (t : Z) (qs : list (Z * Z)) : Prop :=
  match qs with [] => True | (now, w) :: qs' => t <= now /\ 1 <= w /\ forward now qs' end.

(* Never too many, with a window of one bucket less than are kept. *)
Definition buckets_never_over_admit : Prop := forall n limit width t0 qs x,
  (2 <= n)%nat -> 0 <= limit -> 0 < width -> forward t0 qs ->
  charged x (x + (Z.of_nat n - 1) * width) (admissions (bucket_decisions n limit width t0 qs))
    <= limit.

(* A denial: weight and the units of the last n buckets' length together exceed the limit. *)
Definition buckets_denial_justified : Prop := forall n limit width t0 qs before e after,
  (2 <= n)%nat -> 0 <= limit -> 0 < width -> forward t0 qs ->
  bucket_decisions n limit width t0 qs = before ++ e :: after -> allowed e = false ->
  used (Z.of_nat n * width) (tick e) (admissions before) > limit - cost e.

(* How late an admission may be: whoever an exact limiter with the same admissions would admit at
   t, is admitted one bucket later if nothing else happens (t + width; the exact window is
   (n - 1) * width). *)
Definition buckets_late_by_one : Prop := forall n limit width t0 qs t later weight,
  (2 <= n)%nat -> 0 <= limit -> 0 < width -> forward t0 (qs ++ [(t, weight)]) ->
  spec_fits limit ((Z.of_nat n - 1) * width) t weight
    (admissions (bucket_decisions n limit width t0 qs)) = true ->
  t + width <= later -> forward t0 (qs ++ [(later, weight)]) ->
  map allowed (bucket_decisions n limit width t0 (qs ++ [(later, weight)])) =
  map allowed (bucket_decisions n limit width t0 qs) ++ [true].
