(* SPDX-License-Identifier: MIT *)
(* Alerts generated from invariants: what samples are, what the PromQL that is generated means, and
   that it fires exactly where the invariant is violated or nothing can be said. Definitions can be
   run; there is no proof text here.

   The part of PromQL that is generated is modelled, not all of it. Finite values are whole numbers.
   increase() is the last sample less the first, with resets made up for; that Prometheus then
   extrapolates to the ends of the window is not modelled. Nor are staleness and `for:`: the samples
   of a series are those that the server finds. A metric has one series for each target. *)
From Coq Require Import List ZArith Bool Ascii String.
Import ListNotations.
Open Scope Z_scope.

(* ---- Sample values, compared and added as floating-point numbers are ------------------------ *)

Inductive value := NaN | MinusInf | Finite (z : Z) | PlusInf.

Definition less (v w : value) : bool :=
  match v, w with
  | NaN, _ | _, NaN => false
  | Finite x, Finite y => x <? y
  | MinusInf, MinusInf | PlusInf, _ | _, MinusInf => false
  | MinusInf, _ | _, PlusInf => true
  end.
Definition same (v w : value) : bool :=
  match v, w with
  | Finite x, Finite y => x =? y
  | MinusInf, MinusInf | PlusInf, PlusInf => true
  | _, _ => false
  end.

(* NaN is neither less nor greater than anything nor equal to itself: only != is true of it. *)
Inductive comparison := Less | AtMost | Greater | AtLeast | NotEqual.
Definition compares (c : comparison) (v w : value) : bool :=
  match c with
  | Less => less v w
  | AtMost => less v w || same v w
  | Greater => less w v
  | AtLeast => less w v || same v w
  | NotEqual => negb (same v w)
  end.

Definition plus (v w : value) : value :=
  match v, w with
  | NaN, _ | _, NaN | PlusInf, MinusInf | MinusInf, PlusInf => NaN
  | Finite x, Finite y => Finite (x + y)
  | PlusInf, _ | _, PlusInf => PlusInf
  | MinusInf, _ | _, MinusInf => MinusInf
  end.
Definition minus (v w : value) : value :=
  plus v match w with
    | NaN => NaN | MinusInf => PlusInf | PlusInf => MinusInf | Finite z => Finite (- z) end.

(* ---- Data ----------------------------------------------------------------------------------- *)

(* A target (its labels) is a number. The samples of a series, oldest first, are those of the window
   that is looked at. A series without samples is absent. *)
Definition target : Type := N.
Record data := Data { targets : list target; samples : string -> target -> list value }.

Definition is_target (d : data) (t : target) : bool := existsb (N.eqb t) (targets d).
Definition series (d : data) (metric : string) (t : target) : list value :=
  if is_target d t then samples d metric t else [].

Fixpoint latest (s : list value) : option value :=
  match s with [] => None | [v] => Some v | _ :: s' => latest s' end.

(* The sum of the values from which a counter fell. *)
Fixpoint fallen (before : value) (s : list value) : value :=
  match s with
  | [] => Finite 0
  | v :: s' => let rest := fallen v s' in if less v before then plus before rest else rest
  end.

(* There must be two samples. *)
Definition increase (s : list value) : option value :=
  match s with
  | first :: (_ :: _) as later =>
      match latest later with
      | Some last => Some (plus (minus last first) (fallen first later))
      | None => None
      end
  | _ => None
  end.

(* ---- Expressions ---------------------------------------------------------------------------- *)

Inductive expression :=
| Metric (name : string)
| Increase (name window : string)
| WithNumber (c : comparison) (e : expression) (bound : Z)   (* e > 5 *)
| WithVector (c : comparison) (e f : expression)             (* e != f, target by target *)
| Absent (e : expression)
| Unless (e f : expression)
| Or (e f : expression).

(* The one element of absent(...) has labels of its own, those of the selector. *)
Definition nowhere : target := 0%N.

Definition keep (condition : bool) (v : value) : option value :=
  if condition then Some v else None.

(* A value for a target, or none: comparisons filter. *)
Fixpoint evaluate (d : data) (e : expression) (t : target) : option value :=
  match e with
  | Metric name => latest (series d name t)
  | Increase name _ => increase (series d name t)
  | WithNumber c e bound =>
      match evaluate d e t with Some v => keep (compares c v (Finite bound)) v | None => None end
  | WithVector c e f =>
      match evaluate d e t, evaluate d f t with
      | Some v, Some w => keep (compares c v w) v
      | _, _ => None
      end
  | Absent e =>
      let is_none u := match evaluate d e u with None => true | Some _ => false end in
      keep ((t =? nowhere)%N && forallb is_none (targets d)) (Finite 1)
  | Unless e f => match evaluate d f t with Some _ => None | None => evaluate d e t end
  | Or e f => match evaluate d e t with Some v => Some v | None => evaluate d f t end
  end.

(* An alert fires for each target for which its expression has a value, whatever the value is. *)
Definition fires (d : data) (e : expression) (t : target) : bool :=
  match evaluate d e t with Some _ => true | None => false end.

(* ---- Invariants and what is generated of them ------------------------------------------------ *)

Inductive invariant :=
| ValueAtMost (metric : string) (bound : Z)
| ValueAtLeast (metric : string) (bound : Z)
| IncreaseAtMost (metric window : string) (bound : Z).

(* What an invariant speaks about, for one target; None when the signal is absent. *)
Definition measured (d : data) (i : invariant) (t : target) : option value :=
  match i with
  | ValueAtMost m _ | ValueAtLeast m _ => latest (series d m t)
  | IncreaseAtMost m _ _ => increase (series d m t)
  end.

(* What it says of a value. Said without the comparisons of PromQL; nothing holds of NaN. *)
Definition holds_of (i : invariant) (v : value) : Prop :=
  match i, v with
  | _, NaN => False
  | (ValueAtMost _ b | IncreaseAtMost _ _ b), Finite z => z <= b
  | (ValueAtMost _ _ | IncreaseAtMost _ _ _), PlusInf => False
  | (ValueAtMost _ _ | IncreaseAtMost _ _ _), MinusInf => True
  | ValueAtLeast _ b, Finite z => b <= z
  | ValueAtLeast _ _, PlusInf => True
  | ValueAtLeast _ _, MinusInf => False
  end.

Definition signal (i : invariant) : expression :=
  match i with
  | ValueAtMost m _ | ValueAtLeast m _ => Metric m
  | IncreaseAtMost m w _ => Increase m w
  end.

(* The comparison turned round: what one would write by hand. *)
Definition flipped (i : invariant) : expression :=
  match i with
  | ValueAtMost _ b | IncreaseAtMost _ _ b => WithNumber Greater (signal i) b
  | ValueAtLeast _ b => WithNumber Less (signal i) b
  end.
Definition not_a_number (i : invariant) : expression := WithVector NotEqual (signal i) (signal i).

(* presence: a metric that each target has while it is expected to be there, such as up. A target
   that it names and that has no signal is found by `unless`; when no target has the signal, even
   if presence is gone too, absent() finds it. *)
Definition lost (presence : string) (i : invariant) : expression :=
  Or (Unless (Metric presence) (signal i)) (Absent (signal i)).
Definition alert (presence : string) (i : invariant) : expression :=
  Or (Or (flipped i) (not_a_number i)) (lost presence i).

(* The other way to write it without a hole for NaN: what is there, unless the invariant holds. *)
Definition unless_holds (i : invariant) : expression :=
  match i with
  | ValueAtMost _ b | IncreaseAtMost _ _ b => Unless (signal i) (WithNumber AtMost (signal i) b)
  | ValueAtLeast _ b => Unless (signal i) (WithNumber AtLeast (signal i) b)
  end.

(* ---- As text -------------------------------------------------------------------------------- *)

Local Open Scope string_scope.

Definition print_comparison (c : comparison) : string :=
  match c with
  | Less => "<" | AtMost => "<=" | Greater => ">" | AtLeast => ">=" | NotEqual => "!=" end.

(* Decimal digits before those that stand already; a number has fewer than it has bits. *)
Fixpoint digits (steps : nat) (n : N) (text : string) : string :=
  let text' := String (ascii_of_N (48 + n mod 10)) text in
  match steps with
  | S steps' => if (n <? 10)%N then text' else digits steps' (n / 10) text'
  | O => text'
  end.
Definition print_number (z : Z) : string :=
  let n := Z.abs_N z in (if (z <? 0)%Z then "-" else "") ++ digits (N.size_nat n) n "".

(* Names are printed as they are: they may hold matchers. *)
Fixpoint print (e : expression) : string :=
  match e with
  | Metric name => name
  | Increase name window => "increase(" ++ name ++ "[" ++ window ++ "])"
  | WithNumber c e bound =>
      "(" ++ print e ++ " " ++ print_comparison c ++ " " ++ print_number bound ++ ")"
  | WithVector c e f => "(" ++ print e ++ " " ++ print_comparison c ++ " " ++ print f ++ ")"
  | Absent e => "absent(" ++ print e ++ ")"
  | Unless e f => "(" ++ print e ++ " unless " ++ print f ++ ")"
  | Or e f => "(" ++ print e ++ " or " ++ print f ++ ")"
  end.

Local Close Scope string_scope.

(* ---- Counters ------------------------------------------------------------------------------- *)

(* Between two samples a process counts some events; it may have started anew before them. *)
Record period := Period { restarted : bool; counted : Z }.

(* What a counter shows that stood at a value, and how many events there really were. *)
Fixpoint shown (at_first : Z) (ps : list period) : list value :=
  Finite at_first ::
  match ps with
  | [] => []
  | p :: ps' => shown (if restarted p then counted p else at_first + counted p) ps'
  end.
Fixpoint really (ps : list period) : Z :=
  match ps with [] => 0 | p :: ps' => counted p + really ps' end.

(* A restart is seen when the counter is then lower than before. *)
Fixpoint restarts_seen (at_first : Z) (ps : list period) : bool :=
  match ps with
  | [] => true
  | p :: ps' =>
      (negb (restarted p) || (counted p <? at_first)) &&
      restarts_seen (if restarted p then counted p else at_first + counted p) ps'
  end.
Definition only_counts (ps : list period) : bool := forallb (fun p => 0 <=? counted p) ps.

(* ---- What is claimed ------------------------------------------------------------------------ *)

(* The alert fires where there is a value of which the invariant does not hold (NaN among them),
   where a target has no signal though it should be there, and, under the selector's labels, when
   no target has it. It fires nowhere else. *)
Definition alert_fires_exactly : Prop := forall d presence i t,
  fires d (alert presence i) t = true <->
  (exists v, measured d i t = Some v /\ ~ holds_of i v) \/
  (measured d i t = None /\ latest (series d presence t) <> None) \/
  (t = nowhere /\ forall u, measured d i u = None).

(* While it is silent everywhere, the signal is there and the invariant holds of it. *)
Definition silence_means_it_holds : Prop := forall d presence i,
  (forall t, fires d (alert presence i) t = false) ->
  (exists t v, measured d i t = Some v /\ holds_of i v) /\
  (forall t v, measured d i t = Some v -> holds_of i v) /\
  (forall t, latest (series d presence t) <> None -> measured d i t <> None).

(* A violation is never hidden by how others do. *)
Definition nan_fires : Prop := forall d presence i t,
  measured d i t = Some NaN -> fires d (alert presence i) t = true.
Definition infinity_fires : Prop := forall d presence m b t,
  (measured d (ValueAtMost m b) t = Some PlusInf ->
   fires d (alert presence (ValueAtMost m b)) t = true) /\
  (measured d (ValueAtLeast m b) t = Some MinusInf ->
   fires d (alert presence (ValueAtLeast m b)) t = true).

(* Both ways to write it are the same. *)
Definition unless_form_agrees : Prop := forall d i t,
  fires d (unless_holds i) t = fires d (Or (flipped i) (not_a_number i)) t.

(* increase() counts every event of a counter whose restarts can be seen, and never one too many. *)
Definition increase_is_exact : Prop := forall at_first p ps,
  restarts_seen at_first (p :: ps) = true -> only_counts (p :: ps) = true ->
  increase (shown at_first (p :: ps)) = Some (Finite (really (p :: ps))).
Definition increase_never_overcounts : Prop := forall at_first p ps, 0 <= at_first ->
  only_counts (p :: ps) = true ->
  exists z, increase (shown at_first (p :: ps)) = Some (Finite z) /\ z <= really (p :: ps).

(* So the alert on a counter fires exactly when too much has happened. *)
Definition counter_alert_is_exact : Prop := forall d presence m window bound t at_first p ps,
  series d m t = shown at_first (p :: ps) ->
  restarts_seen at_first (p :: ps) = true -> only_counts (p :: ps) = true ->
  fires d (alert presence (IncreaseAtMost m window bound)) t = true <-> bound < really (p :: ps).

(* Why not simpler: the flipped comparison is silent on every NaN, *)
Definition flipped_misses_nan : Prop := forall d i t,
  measured d i t = Some NaN -> fires d (flipped i) t = false /\ ~ holds_of i NaN.
(* and without absent() or presence nothing says that a series has vanished; *)
Definition vanished_is_silent : Prop := forall d presence i, (forall u, measured d i u = None) ->
  (forall t, fires d (Or (flipped i) (not_a_number i)) t = false) /\
  fires d (alert presence i) nowhere = true.
(* absent() alone is silent while one of many targets has vanished; *)
Definition absent_alone_is_silent : Prop := exists d presence i t,
  measured d i t = None /\ fires d (alert presence i) t = true /\
  forall u, fires d (Absent (signal i)) u = false.
(* a comparison of the counter itself, or of its last value less its first, takes a restart for
   a fall. *)
Definition raw_counter_is_fooled : Prop := exists d m window bound t at_first ps,
  series d m t = shown at_first ps /\ restarts_seen at_first ps = true /\
  bound < really ps /\ fires d (flipped (ValueAtMost m bound)) t = false /\
  (exists last, latest (series d m t) = Some last /\
    compares Greater (minus last (Finite at_first)) (Finite bound) = false) /\
  fires d (flipped (IncreaseAtMost m window bound)) t = true.
