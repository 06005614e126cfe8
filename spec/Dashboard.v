(* SPDX-License-Identifier: MIT *)
(* Alert rules made from invariants: a PromQL-like language over stored samples, the generator, the
   text of the rules, and what is proved about them.  Definitions can be run.

   A sample is a whole number, NaN or an infinity; real PromQL computes with 64-bit floats, which
   agree with whole numbers up to 2^53.  Times and durations are milliseconds. *)
From Coq Require Import ZArith List Bool String DecimalString.
Import ListNotations.
Open Scope Z_scope.

Inductive value := NaN | Inf | MinusInf | Num (z : Z).

(* ---- Arithmetic and comparison, as IEEE 754 has them ----------------------------------------- *)

Definition negative (v : value) : value :=
  match v with NaN => NaN | Inf => MinusInf | MinusInf => Inf | Num z => Num (- z) end.

Definition add (a b : value) : value :=
  match a, b with
  | Num x, Num y => Num (x + y)
  | NaN, _ | _, NaN | Inf, MinusInf | MinusInf, Inf => NaN
  | Inf, _ | _, Inf => Inf
  | MinusInf, _ | _, MinusInf => MinusInf
  end.

Inductive sign := Below | Zero | Above.
Definition sign_of (v : value) : option sign :=
  match v with
  | NaN => None
  | Inf => Some Above
  | MinusInf => Some Below
  | Num z => Some (if z <? 0 then Below else if z =? 0 then Zero else Above)
  end.

Definition multiply (a b : value) : value :=
  match a, b with
  | Num x, Num y => Num (x * y)
  | _, _ =>
      match sign_of a, sign_of b with
      | None, _ | _, None | Some Zero, _ | _, Some Zero => NaN
      | Some Above, Some Above | Some Below, Some Below => Inf
      | _, _ => MinusInf
      end
  end.

Inductive arithmetic := Plus | Minus | Times.
Definition calculate (o : arithmetic) (a b : value) : value :=
  match o with Plus => add a b | Minus => add a (negative b) | Times => multiply a b end.

Definition less (a b : value) : bool :=
  match a, b with
  | NaN, _ | _, NaN => false
  | Num x, Num y => x <? y
  | MinusInf, MinusInf => false
  | MinusInf, _ => true
  | Num _, Inf => true
  | _, _ => false
  end.
Definition equal (a b : value) : bool :=
  match a, b with
  | Num x, Num y => x =? y
  | Inf, Inf | MinusInf, MinusInf => true
  | _, _ => false
  end.
Definition is_nan (v : value) : bool := match v with NaN => true | _ => false end.

Inductive comparison := Lt | Le | Eq | Ge | Gt | Ne.
(* Every comparison with NaN is false, except that NaN differs from everything. *)
Definition compare (o : comparison) (a b : value) : bool :=
  match o with
  | Lt => less a b
  | Le => less a b || equal a b
  | Eq => equal a b
  | Ge => less b a || equal a b
  | Gt => less b a
  | Ne => negb (equal a b)
  end.

(* ---- Stored samples -------------------------------------------------------------------------- *)

(* The label set of a series; 0 is the empty one.  A series is a metric name and a label set. *)
Definition label := nat.
Definition no_labels : label := O.

(* The samples of a series, in order of time; and which label sets there are. *)
Record database := Database {
  labels : list label; samples : string -> label -> list (Z * value) }.

(* The samples in (t - window, t], as from Prometheus 3 on; Prometheus 2 also counts one at exactly
   t - window.  Its staleness markers, which end a series before the lookback does, are not here. *)
Definition within (t window : Z) (s : list (Z * value)) : list value :=
  map snd (filter (fun x => (t - window <? fst x) && (fst x <=? t)) s).

Definition latest (vs : list value) : option value :=
  match rev vs with [] => None | v :: _ => Some v end.

(* A series has a value as long as its last sample is no older than five minutes. *)
Definition lookback : Z := 300000.
Definition instant (d : database) (t : Z) (m : string) (l : label) : option value :=
  latest (within t lookback (samples d m l)).

(* increase(): last minus first, plus what was there before each reset (where the counter falls).
   It needs two samples.  Prometheus stretches the result to the window's borders, by a factor above
   zero: `stretch` stands for that, and all that is assumed of it is that only 0 becomes 0. *)
Fixpoint lost_in_resets (vs : list value) : value :=
  match vs with
  | v :: (w :: _) as rest => if less w v then add v (lost_in_resets rest) else lost_in_resets rest
  | _ => Num 0
  end.
Definition raw_increase (first : value) (rest : list value) : value :=
  add (add (last rest first) (negative first)) (lost_in_resets (first :: rest)).
Definition stretched (stretch : Z -> Z) (v : value) : value :=
  match v with Num z => Num (stretch z) | _ => v end.

Inductive over_time := Increase | Delta | MinOverTime | SumOverTime.
Definition smaller (v w : value) : value := if less w v || is_nan v then w else v.
Definition over (stretch : Z -> Z) (f : over_time) (vs : list value) : option value :=
  match f, vs with
  | _, [] => None
  | Increase, [_] | Delta, [_] => None
  | Increase, v :: rest => Some (stretched stretch (raw_increase v rest))
  | Delta, v :: rest => Some (stretched stretch (add (last rest v) (negative v)))
  | MinOverTime, v :: rest => Some (fold_left smaller rest v)
  | SumOverTime, _ => Some (fold_left add vs (Num 0))
  end.

(* ---- Queries --------------------------------------------------------------------------------- *)

(* An instant vector has at most one value for each label set.  All operators match on all labels.
   A comparison keeps the samples on its left for which it is true. *)
Inductive query :=
| Metric (m : string)
| Arith (o : arithmetic) (a b : query)
| ArithNumber (o : arithmetic) (a : query) (number : Z)
| Filter (o : comparison) (a b : query)
| FilterNumber (o : comparison) (a : query) (number : value)
| And (a b : query)
| Or (a b : query)
| Unless (a b : query)
| Over (f : over_time) (m : string) (window : Z)
| Absent (a : query).

Definition present (v : option value) : bool := match v with Some _ => true | None => false end.

Definition on_both {A : Type} (f : value -> value -> option A) (a b : option value) : option A :=
  match a, b with Some x, Some y => f x y | _, _ => None end.

Fixpoint evaluate (stretch : Z -> Z) (d : database) (t : Z) (q : query) (l : label)
  : option value :=
  match q with
  | Metric m => instant d t m l
  | Arith o a b => on_both (fun x y => Some (calculate o x y))
                     (evaluate stretch d t a l) (evaluate stretch d t b l)
  | ArithNumber o a z => on_both (fun x y => Some (calculate o x y))
                           (evaluate stretch d t a l) (Some (Num z))
  | Filter o a b => on_both (fun x y => if compare o x y then Some x else None)
                      (evaluate stretch d t a l) (evaluate stretch d t b l)
  | FilterNumber o a v => on_both (fun x y => if compare o x y then Some x else None)
                            (evaluate stretch d t a l) (Some v)
  | And a b => if present (evaluate stretch d t b l) then evaluate stretch d t a l else None
  | Or a b => if present (evaluate stretch d t a l) then evaluate stretch d t a l
              else evaluate stretch d t b l
  | Unless a b => if present (evaluate stretch d t b l) then None else evaluate stretch d t a l
  | Over f m window => over stretch f (within t window (samples d m l))
  | Absent a =>
      if Nat.eqb l no_labels &&
         negb (existsb (fun k => present (evaluate stretch d t a k)) (labels d))
      then Some (Num 1) else None
  end.

(* ---- Invariants ------------------------------------------------------------------------------ *)

Inductive term :=
| Reading (m : string)
| Compute (o : arithmetic) (a b : term)
| ComputeNumber (o : arithmetic) (a : term) (number : Z).

Inductive invariant :=
| Holds (o : comparison) (a b : term)
| HoldsNumber (o : comparison) (a : term) (number : Z)
| NeverCounts (m : string) (window : Z)        (* the counter stands still for the window *)
| Both (p q : invariant)
| Either (p q : invariant).

Fixpoint read (d : database) (t : Z) (a : term) (l : label) : option value :=
  match a with
  | Reading m => instant d t m l
  | Compute o a b => on_both (fun x y => Some (calculate o x y)) (read d t a l) (read d t b l)
  | ComputeNumber o a z => on_both (fun x y => Some (calculate o x y)) (read d t a l) (Some (Num z))
  end.

(* Both sides must be there and be numbers: what can't be read doesn't hold. *)
Definition holds_between (o : comparison) (a b : option value) : bool :=
  match a, b with
  | Some x, Some y => negb (is_nan x) && negb (is_nan y) && compare o x y
  | _, _ => false
  end.

(* A counter that a program starts at 0 is never below it; it stays, or the program starts again. *)
Definition is_count (v : value) : bool := match v with Num z => 0 <=? z | _ => false end.
Fixpoint counts_nothing (vs : list value) : bool :=
  match vs with
  | Num v :: (Num w :: _) as rest => ((w =? v) || (w =? 0)) && counts_nothing rest
  | _ => true
  end.
Definition stands_still (vs : list value) : bool :=
  (2 <=? Z.of_nat (List.length vs)) && forallb is_count vs && counts_nothing vs.

Fixpoint holds (d : database) (t : Z) (p : invariant) (l : label) : bool :=
  match p with
  | Holds o a b => holds_between o (read d t a l) (read d t b l)
  | HoldsNumber o a z => holds_between o (read d t a l) (Some (Num z))
  | NeverCounts m window => stands_still (within t window (samples d m l))
  | Both p q => holds d t p l && holds d t q l
  | Either p q => holds d t p l || holds d t q l
  end.

(* The invariant is checked for each label set of a metric that lists what there is (such as `up`).
   It is violated where it doesn't hold, and, without labels, when nothing at all is listed. *)
Definition listed (d : database) (t : Z) (u : string) (l : label) : bool :=
  present (instant d t u l).
Definition violated (d : database) (t : Z) (u : string) (p : invariant) (l : label) : bool :=
  (listed d t u l && negb (holds d t p l)) ||
  (Nat.eqb l no_labels && negb (existsb (listed d t u) (labels d))).

(* ---- The generator --------------------------------------------------------------------------- *)

Fixpoint query_of (a : term) : query :=
  match a with
  | Reading m => Metric m
  | Compute o a b => Arith o (query_of a) (query_of b)
  | ComputeNumber o a z => ArithNumber o (query_of a) z
  end.

(* Only != is true of NaN, so only it needs to ask that its sides are numbers. *)
Definition is_number (q : query) : query := Filter Eq q q.
Definition filtered (o : comparison) (a b : query) : query :=
  match o with
  | Ne => And (And (Filter Ne a b) (is_number a)) (is_number b)
  | _ => Filter o a b
  end.
Definition filtered_number (o : comparison) (a : query) (z : Z) : query :=
  match o with
  | Ne => And (FilterNumber Ne a (Num z)) (is_number a)
  | _ => FilterNumber o a (Num z)
  end.

Fixpoint satisfied (p : invariant) : query :=
  match p with
  | Holds o a b => filtered o (query_of a) (query_of b)
  | HoldsNumber o a z => filtered_number o (query_of a) z
  | NeverCounts m window =>
      And (And (FilterNumber Eq (Over Increase m window) (Num 0))
               (FilterNumber Ge (Over MinOverTime m window) (Num 0)))
          (FilterNumber Lt (Over SumOverTime m window) Inf)
  | Both p q => And (satisfied p) (satisfied q)
  | Either p q => Or (satisfied p) (satisfied q)
  end.

Definition alert (u : string) (p : invariant) : query :=
  Or (Unless (Metric u) (satisfied p)) (Absent (Metric u)).

(* The second rule of an invariant says why the first one fires: a metric that the invariant reads is
   missing or not a number.  It is the alert of another invariant: that all of them can be read. *)
Definition is_there (m : string) : invariant := Holds Eq (Reading m) (Reading m).
Fixpoint readable_term (a : term) : invariant :=
  match a with
  | Reading m => is_there m
  | Compute _ a b => Both (readable_term a) (readable_term b)
  | ComputeNumber _ a _ => readable_term a
  end.
Fixpoint readable (p : invariant) : invariant :=
  match p with
  | Holds _ a b => Both (readable_term a) (readable_term b)
  | HoldsNumber _ a _ => readable_term a
  | NeverCounts m _ => is_there m
  | Both p q | Either p q => Both (readable p) (readable q)
  end.
Definition signal_lost (u : string) (p : invariant) : query := alert u (readable p).

Definition fires (stretch : Z -> Z) (d : database) (t : Z) (q : query) (l : label) : bool :=
  present (evaluate stretch d t q l).

(* All that is assumed of the stretching. *)
Definition keeps_zero (stretch : Z -> Z) : Prop := forall z, stretch z = 0 <-> z = 0.

(* ---- `for` ----------------------------------------------------------------------------------- *)

(* A rule is evaluated at times, and true or not at each.  It is pending from the first true
   evaluation in a row, and fires when that is `wait` or more ago. *)
Fixpoint pending_since (state : option Z) (evaluations : list (Z * bool)) : option Z :=
  match evaluations with
  | [] => state
  | (t, true) :: rest =>
      pending_since (match state with Some s => Some s | None => Some t end) rest
  | (_, false) :: rest => pending_since None rest
  end.
(* At the last of the evaluations, which is at time t. *)
Definition fires_after (wait t : Z) (evaluations : list (Z * bool)) : bool :=
  match pending_since None evaluations with Some s => wait <=? t - s | None => false end.

(* ---- The text of a query --------------------------------------------------------------------- *)

Inductive token :=
| Open | Close
| Name (m : string)
| Number (v : value)
| Arithmetic (o : arithmetic)
| Comparison (o : comparison)
| AndWord | OrWord | UnlessWord
| Call (f : over_time)
| Window (window : Z)
| AbsentWord.

Fixpoint tokens (q : query) : list token :=
  match q with
  | Metric m => [Name m]
  | Arith o a b => [Open] ++ tokens a ++ [Arithmetic o] ++ tokens b ++ [Close]
  | ArithNumber o a z => [Open] ++ tokens a ++ [Arithmetic o] ++ [Number (Num z)] ++ [Close]
  | Filter o a b => [Open] ++ tokens a ++ [Comparison o] ++ tokens b ++ [Close]
  | FilterNumber o a v => [Open] ++ tokens a ++ [Comparison o] ++ [Number v] ++ [Close]
  | And a b => [Open] ++ tokens a ++ [AndWord] ++ tokens b ++ [Close]
  | Or a b => [Open] ++ tokens a ++ [OrWord] ++ tokens b ++ [Close]
  | Unless a b => [Open] ++ tokens a ++ [UnlessWord] ++ tokens b ++ [Close]
  | Over f m window => [Call f; Open; Name m; Window window; Close]
  | Absent a => [AbsentWord; Open] ++ tokens a ++ [Close]
  end.

Definition decimal (z : Z) : string := NilZero.string_of_int (Z.to_int z).
Open Scope string_scope.
Definition text_of (k : token) : string :=
  match k with
  | Open => "("
  | Close => ")"
  | Name m => m
  | Number NaN => "NaN"
  | Number Inf => "+Inf"
  | Number MinusInf => "-Inf"
  | Number (Num z) => decimal z
  | Arithmetic Plus => "+"
  | Arithmetic Minus => "-"
  | Arithmetic Times => "*"
  | Comparison Lt => "<"
  | Comparison Le => "<="
  | Comparison Eq => "=="
  | Comparison Ge => ">="
  | Comparison Gt => ">"
  | Comparison Ne => "!="
  | AndWord => "and"
  | OrWord => "or"
  | UnlessWord => "unless"
  | Call Increase => "increase"
  | Call Delta => "delta"
  | Call MinOverTime => "min_over_time"
  | Call SumOverTime => "sum_over_time"
  | Window window => "[" ++ decimal window ++ "ms]"
  | AbsentWord => "absent"
  end.
Definition print (q : query) : string := String.concat " " (map text_of (tokens q)).
Close Scope string_scope.

(* ---- Statements ------------------------------------------------------------------------------ *)

(* The rule fires on exactly the label sets for which the invariant is violated: whatever the
   samples are, NaN, infinite, too old or missing, with counters that start again. *)
Definition alert_fires_iff_violated : Prop :=
  forall stretch d t u p l, keeps_zero stretch ->
    fires stretch d t (alert u p) l = violated d t u p l.

(* The same for the part that says where the invariant holds. *)
Definition satisfied_iff_holds : Prop :=
  forall stretch d t p l, keeps_zero stretch ->
    fires stretch d t (satisfied p) l = holds d t p l.

(* increase() is the sum of what was counted between neighbours: the difference, or the new value
   after a reset. *)
Fixpoint counted (vs : list Z) : Z :=
  match vs with
  | v :: (w :: _) as rest => (if w <? v then w else w - v) + counted rest
  | _ => 0
  end.
Definition increase_is_counted : Prop :=
  forall first rest,
    raw_increase (Num first) (map Num rest) = Num (counted (first :: rest)).

(* A metric is needed when no branch of the invariant goes without it. *)
Fixpoint mentions (m : string) (a : term) : bool :=
  match a with
  | Reading n => String.eqb m n
  | Compute _ a b => mentions m a || mentions m b
  | ComputeNumber _ a _ => mentions m a
  end.
Fixpoint needs (m : string) (p : invariant) : bool :=
  match p with
  | Holds _ a b => mentions m a || mentions m b
  | HoldsNumber _ a _ => mentions m a
  | NeverCounts _ _ => false
  | Both p q => needs m p || needs m q
  | Either p q => needs m p && needs m q
  end.
Definition is_lost (v : option value) : bool := match v with None => true | Some v => is_nan v end.

(* A needed metric that is missing or NaN makes the rule fire. *)
Definition lost_signal_fires : Prop :=
  forall stretch d t u p m l, keeps_zero stretch -> listed d t u l = true ->
    needs m p = true -> is_lost (instant d t m l) = true ->
    fires stretch d t (alert u p) l = true.

(* The metrics that an invariant reads; whether one of them is lost. *)
Fixpoint term_metrics (a : term) : list string :=
  match a with
  | Reading m => [m]
  | Compute _ a b => term_metrics a ++ term_metrics b
  | ComputeNumber _ a _ => term_metrics a
  end.
Fixpoint metrics (p : invariant) : list string :=
  match p with
  | Holds _ a b => term_metrics a ++ term_metrics b
  | HoldsNumber _ a _ => term_metrics a
  | NeverCounts m _ => [m]
  | Both p q | Either p q => metrics p ++ metrics q
  end.
Definition some_lost (d : database) (t : Z) (p : invariant) (l : label) : bool :=
  existsb (fun m => is_lost (instant d t m l)) (metrics p).

(* The rule for lost signals fires exactly where a metric that the invariant reads is missing or
   NaN, and when nothing at all is listed. *)
Definition signal_lost_iff : Prop :=
  forall stretch d t u p l, keeps_zero stretch ->
    fires stretch d t (signal_lost u p) l =
    (listed d t u l && some_lost d t p l) ||
    (Nat.eqb l no_labels && negb (existsb (listed d t u) (labels d))).

(* With `for`: the rule fires at an evaluation iff all evaluations have been true since one that is
   `wait` or more ago. *)
Definition fires_after_iff : Prop :=
  forall wait t evaluations,
    fires_after wait t evaluations = true <->
    exists before s since, evaluations = before ++ (s, true) :: since /\
      forallb snd since = true /\
      (before = [] \/ exists earlier r, before = earlier ++ [(r, false)]) /\ wait <= t - s.

(* ---- Statements: what simpler rules miss ----------------------------------------------------- *)

(* A rule misses a violation of the invariant: it is silent everywhere. *)
Definition misses (u : string) (p : invariant) (rule : query) : Prop :=
  exists d t l, violated d t u p l = true /\ forall k, fires (fun z => z) d t rule k = false.

(* The invariant x <= 5: the flipped comparison x > 5 is silent on NaN. *)
Definition at_most_five : invariant := HoldsNumber Le (Reading "x") 5.
Definition flipped_comparison_misses_nan : Prop :=
  misses "up" at_most_five (FilterNumber Gt (Metric "x") (Num 5)).

(* Without absent(), nothing fires when the listing metric is gone with all the others. *)
Definition without_absent_misses_loss : Prop :=
  misses "up" at_most_five (Unless (Metric "up") (satisfied at_most_five)).

(* A violation counter in the last minute: a fixed threshold, and delta(), miss it after a reset;
   and increase() > 0 misses that the counter is gone. *)
Definition nothing_counted : invariant := NeverCounts "violations_total" 60000.
Definition raw_counter_misses_after_reset : Prop :=
  misses "up" nothing_counted (FilterNumber Gt (Metric "violations_total") (Num 5)).
Definition delta_misses_after_reset : Prop :=
  misses "up" nothing_counted (FilterNumber Gt (Over Delta "violations_total" 60000) (Num 0)).
Definition increase_above_zero_misses_loss : Prop :=
  misses "up" nothing_counted (FilterNumber Gt (Over Increase "violations_total" 60000) (Num 0)).

(* What no rule over increase() can see: a counter that is first exposed at 1.  Counters must be
   exposed at 0 before they count. *)
Definition counter_born_at_one_is_missed : Prop :=
  exists d t l, samples d "violations_total" l = [(1, Num 1); (2, Num 1)] /\
    fires (fun z => z) d t (alert "up" nothing_counted) l = false.

(* ---- Statements: the text -------------------------------------------------------------------- *)

(* Two queries with the same tokens are the same query, also with anything behind them. *)
Definition tokens_unambiguous : Prop :=
  forall a b more others, tokens a ++ more = tokens b ++ others -> a = b /\ more = others.
