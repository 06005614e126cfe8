(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements of spec/Dashboard.v. *)
From Coq Require Import ZArith List Bool String Lia.
From PostProof.Spec Require Dashboard.
Import ListNotations Spec.Dashboard.
Open Scope Z_scope.

(* ---- Comparisons and terms ------------------------------------------------------------------- *)

Lemma query_of_reads stretch d t a l : evaluate stretch d t (query_of a) l = read d t a l.
Proof. induction a; cbn; congruence. Qed.

Lemma equal_self v : equal v v = negb (is_nan v).
Proof. destruct v; cbn; auto using Z.eqb_refl. Qed.

Lemma compare_nan o x y : o <> Ne -> compare o x y = true -> is_nan x = false /\ is_nan y = false.
Proof. destruct o, x, y; cbn; try easy. Qed.

Lemma filtered_holds stretch d t o a b l :
  fires stretch d t (filtered o (query_of a) (query_of b)) l =
  holds_between o (read d t a l) (read d t b l).
Proof.
  assert (o = Ne \/ o <> Ne) as [->|N] by (destruct o; auto; right; discriminate).
  - unfold fires. cbn [filtered is_number evaluate compare]. rewrite !query_of_reads.
    destruct (read d t a l) as [x|], (read d t b l) as [y|]; cbn; try easy.
    + rewrite !equal_self. now destruct (is_nan x), (is_nan y), (equal x y).
    + rewrite !equal_self. now destruct (is_nan _).
  - replace (filtered o _ _) with (Filter o (query_of a) (query_of b)) by (destruct o; easy).
    unfold fires. cbn [evaluate]. rewrite !query_of_reads.
    destruct (read d t a l) as [x|], (read d t b l) as [y|]; cbn [on_both holds_between]; try easy.
    destruct (compare o x y) eqn:C; [|now rewrite andb_false_r].
    now destruct (compare_nan o x y N C) as [-> ->].
Qed.

Lemma filtered_number_holds stretch d t o a z l :
  fires stretch d t (filtered_number o (query_of a) z) l =
  holds_between o (read d t a l) (Some (Num z)).
Proof.
  assert (o = Ne \/ o <> Ne) as [->|N] by (destruct o; auto; right; discriminate).
  - unfold fires. cbn [filtered_number is_number evaluate compare]. rewrite !query_of_reads.
    destruct (read d t a l) as [x|]; cbn [on_both holds_between present]; [|easy].
    rewrite !equal_self. cbn [is_nan negb compare].
    now destruct (is_nan x), (equal x (Num z)).
  - replace (filtered_number o _ _) with (FilterNumber o (query_of a) (Num z))
      by (destruct o; easy).
    unfold fires. cbn [evaluate]. rewrite !query_of_reads.
    destruct (read d t a l) as [x|]; cbn [on_both holds_between]; [|easy].
    destruct (compare o x (Num z)) eqn:C; [|now rewrite andb_false_r].
    now destruct (compare_nan o x (Num z) N C) as [-> ->].
Qed.

(* ---- Counters -------------------------------------------------------------------------------- *)

Lemma lost_numbers vs : exists z, lost_in_resets (map Num vs) = Num z.
Proof.
  induction vs as [|v [|w vs] IH]; [now exists 0|now exists 0|]. destruct IH as [z IH].
  cbn [map lost_in_resets] in *. rewrite IH. destruct (less (Num w) (Num v)); cbn; eauto.
Qed.

Lemma last_number rest : forall first, exists z, last (map Num rest) (Num first) = Num z.
Proof.
  induction rest as [|v rest IH]; intros first; [now exists first|].
  destruct rest as [|w rest]; [now exists v|]. cbn [map last] in *. apply (IH first).
Qed.

Lemma last_default {A} (rest : list A) : forall v a b, last (v :: rest) a = last (v :: rest) b.
Proof. induction rest as [|w rest IH]; intros v a b; [easy|]. apply (IH w). Qed.

Theorem increase_is_counted : Dashboard.increase_is_counted.
Proof.
  intros first rest. unfold raw_increase. revert first.
  induction rest as [|v rest IH]; intros first; [cbn; f_equal; lia|].
  specialize (IH v). cbn [map] in *.
  replace (last (Num v :: map Num rest) (Num first)) with (last (map Num rest) (Num v)).
  2: { destruct rest; [easy|]. exact (last_default (map Num rest) (Num z) _ _). }
  destruct (last_number rest v) as [z L]. rewrite L in *.
  destruct (lost_numbers (v :: rest)) as [k R]. cbn [map] in R.
  cbn [lost_in_resets counted] in *. cbn [lost_in_resets] in R. rewrite R in *.
  cbn [less add negative] in *. injection IH as IH.
  destruct (v <? first); cbn [add]; f_equal; lia.
Qed.

(* The smallest value is a count and the sum is below infinity: all are counts. *)
Lemma smaller_count a b : is_count (smaller a b) = true \/ smaller a b = Inf \/ smaller a b = NaN ->
  (is_count a = true \/ a = Inf \/ a = NaN) /\ (is_count b = true \/ b = Inf \/ b = NaN).
Proof.
  unfold smaller. destruct a as [| | |x], b as [| | |y]; cbn; auto;
    try (destruct (Z.ltb_spec y x)); cbn; rewrite ?Z.leb_le;
    intros [K|[K|K]]; try discriminate; rewrite ?Z.leb_le in *; auto;
    try (split; left; lia).
Qed.

Definition benign (v : value) : Prop := is_count v = true \/ v = Inf \/ v = NaN.

Lemma smallest_benign vs : forall a, benign (fold_left smaller vs a) ->
  benign a /\ Forall benign vs.
Proof.
  induction vs as [|v vs IH]; cbn [fold_left]; intros a H; [auto|].
  apply IH in H as [H F]. apply smaller_count in H as []. auto.
Qed.

Lemma sum_finite vs : forall a, benign a -> Forall benign vs ->
  less (fold_left add vs a) Inf = true ->
  is_count a = true /\ Forall (fun v => is_count v = true) vs.
Proof.
  induction vs as [|v vs IH]; cbn [fold_left]; intros a A F H.
  - destruct A as [A|[-> | ->]]; try discriminate. auto.
  - inversion_clear F as [|? ? V F']. destruct (IH (add a v)) as [C G]; auto.
    + destruct a as [| | |x], v as [| | |y]; try (now destruct A as [|[|]]);
        try (now destruct V as [|[|]]); unfold benign; cbn; auto.
      destruct A as [A|[|]], V as [V|[|]]; try discriminate. cbn in A, V.
      rewrite Z.leb_le in *. left. lia.
    + destruct a as [| | |x], v as [| | |y]; try discriminate; auto; cbn in *;
        destruct A as [A|[|]], V as [V|[|]]; try discriminate; auto.
Qed.

Lemma counts_are_numbers vs : Forall (fun v => is_count v = true) vs ->
  exists zs, vs = map Num zs /\ Forall (fun z => 0 <= z) zs.
Proof.
  induction 1 as [|v vs V _ (zs & -> & F)]; [now exists []|].
  destruct v as [| | |z]; try discriminate. exists (z :: zs). split; [easy|].
  constructor; auto. now apply Z.leb_le.
Qed.

Lemma sum_of_counts zs : forall a, exists z, fold_left add (map Num zs) (Num a) = Num z.
Proof. induction zs as [|z zs IH]; intros a; cbn; eauto. Qed.

Lemma min_of_counts zs : forall a, 0 <= a -> Forall (fun z => 0 <= z) zs ->
  exists z, fold_left smaller (map Num zs) (Num a) = Num z /\ 0 <= z.
Proof.
  induction zs as [|z zs IH]; intros a A F; cbn [map fold_left]; [eauto|].
  inversion_clear F. unfold smaller at 2. cbn. destruct (z <? a); cbn; auto.
Qed.

Lemma counted_zero zs : Forall (fun z => 0 <= z) zs ->
  0 <= counted zs /\ (counted zs = 0 <-> counts_nothing (map Num zs) = true).
Proof.
  induction zs as [|v [|w zs] IH]; intros F; try (cbn; split; [lia|easy]).
  inversion_clear F as [|? ? V F']. specialize (IH F'). inversion_clear F' as [|? ? W _].
  cbn [map counts_nothing counted] in *. rewrite andb_true_iff, orb_true_iff, !Z.eqb_eq.
  destruct IH as [P <-]. destruct (Z.ltb_spec w v); lia.
Qed.

Lemma all_counts zs : Forall (fun z => 0 <= z) zs -> forallb is_count (map Num zs) = true.
Proof.
  induction 1 as [|z zs Z _ IH]; [easy|]. cbn [map forallb is_count]. rewrite IH.
  now apply Z.leb_le in Z as ->.
Qed.

Lemma still_fires stretch d t m window l : keeps_zero stretch ->
  fires stretch d t (satisfied (NeverCounts m window)) l =
  stands_still (within t window (samples d m l)).
Proof.
  intros K. unfold keeps_zero in K. unfold fires. cbn [satisfied evaluate].
  destruct (within t window (samples d m l)) as [|v [|w vs]]; [easy| |]; cbn [over on_both].
  { now repeat match goal with |- context [if ?c then _ else _] => destruct c end. }
  apply eq_true_iff_eq. unfold stands_still.
  replace (2 <=? Z.of_nat (Datatypes.length (v :: w :: vs))) with true
    by (symmetry; apply Z.leb_le; cbn [Datatypes.length]; lia).
  cbn [andb compare].
  assert (forall zs, Forall (fun z => 0 <= z) zs -> v :: w :: vs = map Num zs ->
    equal (stretched stretch (raw_increase v (w :: vs))) (Num 0) = counts_nothing (v :: w :: vs))
    as E.
  { intros zs F E. destruct zs as [|z zs]; [discriminate|]. injection E as -> E.
    rewrite E.
    replace (raw_increase (Num z) (map Num zs)) with (Num (counted (z :: zs)))
      by (symmetry; apply increase_is_counted).
    cbn [stretched equal].
    apply eq_true_iff_eq. rewrite Z.eqb_eq, K.
    change (Num z :: map Num zs) with (map Num (z :: zs)).
    now apply counted_zero. }
  split; intros H.
  - assert (less (fold_left add (v :: w :: vs) (Num 0)) Inf = true) as S
      by now destruct (less (fold_left add (v :: w :: vs) (Num 0)) Inf).
    rewrite S in H. cbn [present] in H.
    assert (benign (fold_left smaller (w :: vs) v)) as M.
    { destruct (fold_left smaller (w :: vs) v) as [| | |z]; cbn in H; try discriminate;
        unfold benign; auto. left. cbn. destruct (Z.ltb_spec 0 z), (Z.eqb_spec z 0);
        try discriminate; apply Z.leb_le; lia. }
    apply smallest_benign in M as [Bv Bvs].
    apply sum_finite in S as [_ C]; [|now left|now constructor].
    destruct (counts_are_numbers _ C) as (zs & N & F). rewrite <- (E zs F N), N, all_counts by easy.
    cbn [andb].
    destruct (equal _ (Num 0)); [easy|]. now destruct (less (Num 0) _ || _).
  - apply andb_true_iff in H as [C Z].
    destruct (counts_are_numbers (v :: w :: vs)) as (zs & N & F);
      [now apply Forall_forall, forallb_forall|].
    rewrite (E zs F N), Z. destruct zs as [|z zs]; [discriminate|]. injection N as -> N.
    inversion_clear F as [|? ? Pz Fz]. rewrite N.
    destruct (min_of_counts zs z Pz Fz) as (k & -> & Pk).
    change (Num z :: map Num zs) with (map Num (z :: zs)).
    destruct (sum_of_counts (z :: zs) 0) as [s ->]. cbn.
    destruct (Z.ltb_spec 0 k), (Z.eqb_spec k 0); cbn; easy || lia.
Qed.

(* ---- Alerts ---------------------------------------------------------------------------------- *)

Theorem satisfied_iff_holds : Dashboard.satisfied_iff_holds.
Proof.
  intros stretch d t p l K.
  induction p as [o a b|o a z|m window|p IHp q IHq|p IHp q IHq]; cbn [holds].
  - apply filtered_holds.
  - apply filtered_number_holds.
  - now apply still_fires.
  - rewrite <- IHp, <- IHq. unfold fires. cbn [satisfied evaluate].
    destruct (evaluate _ _ _ (satisfied q) _); cbn;
      [now rewrite andb_true_r|now rewrite andb_false_r].
  - rewrite <- IHp, <- IHq. unfold fires. cbn [satisfied evaluate].
    destruct (evaluate _ _ _ (satisfied p) _) eqn:E; cbn; easy.
Qed.

Theorem alert_fires_iff_violated : Dashboard.alert_fires_iff_violated.
Proof.
  intros stretch d t u p l K. unfold violated, listed.
  replace (holds d t p l) with (fires stretch d t (satisfied p) l)
    by now apply satisfied_iff_holds.

  unfold fires, alert. cbn [evaluate].
  destruct (evaluate stretch d t (satisfied p) l); cbn [present negb andb];
    destruct (instant d t u l); cbn [present negb andb orb]; try easy;
    now destruct (Nat.eqb l no_labels && _).
Qed.

Lemma calculate_nan o x y : is_nan x || is_nan y = true -> is_nan (calculate o x y) = true.
Proof.
  destruct o, x as [| | |[]], y as [| | |[]]; cbn; easy.
Qed.

Lemma lost_term d t m a l : mentions m a = true -> is_lost (instant d t m l) = true ->
  is_lost (read d t a l) = true.
Proof.
  intros M L. induction a as [n|o a IHa b IHb|o a IHa z]; cbn [mentions read] in *.
  - now apply String.eqb_eq in M as <-.
  - apply orb_true_iff in M as [M|M].
    + specialize (IHa M). destruct (read d t a l), (read d t b l); cbn in *; try easy.
      apply calculate_nan. now rewrite IHa.
    + specialize (IHb M). destruct (read d t a l), (read d t b l); cbn in *; try easy.
      apply calculate_nan. rewrite IHb. apply orb_true_r.
  - specialize (IHa M). destruct (read d t a l); cbn in *; try easy. apply calculate_nan.
    now rewrite IHa.
Qed.

Lemma lost_violates d t m p l : needs m p = true -> is_lost (instant d t m l) = true ->
  holds d t p l = false.
Proof.
  intros N L. induction p as [o a b|o a z|n window|p IHp q IHq|p IHp q IHq]; cbn [needs holds] in *.
  - apply orb_true_iff in N as [M|M]; apply (lost_term d t m _ l M) in L; unfold holds_between;
      destruct (read d t a l), (read d t b l); cbn in *; try easy; rewrite L; cbn; try easy.
    now rewrite andb_false_r.
  - apply (lost_term d t m _ l N) in L. unfold holds_between. destruct (read d t a l); [|easy].
    cbn in *. now rewrite L.
  - discriminate.
  - apply orb_true_iff in N as [N|N]; [now rewrite IHp|now rewrite IHq, andb_false_r].
  - apply andb_true_iff in N as [N1 N2]. now rewrite IHp, IHq.
Qed.

Theorem lost_signal_fires : Dashboard.lost_signal_fires.
Proof.
  intros stretch d t u p m l K U N L.
  replace (fires stretch d t (alert u p) l) with (violated d t u p l)
    by (symmetry; now apply alert_fires_iff_violated).

  unfold violated. now rewrite U, (lost_violates d t m p l N L).
Qed.

Lemma there_or_lost d t m l : holds d t (is_there m) l = negb (is_lost (instant d t m l)).
Proof.
  cbn. destruct (instant d t m l) as [v|]; cbn; [|easy].
  rewrite equal_self. now destruct (is_nan v).
Qed.

Lemma readable_term_holds d t a l : holds d t (readable_term a) l =
  negb (existsb (fun m => is_lost (instant d t m l)) (term_metrics a)).
Proof.
  induction a as [m|o a IHa b IHb|o a IHa z]; cbn [readable_term term_metrics].
  - rewrite there_or_lost. cbn. now rewrite orb_false_r.
  - cbn [holds]. now rewrite IHa, IHb, existsb_app, negb_orb.
  - exact IHa.
Qed.

Lemma readable_holds d t p l : holds d t (readable p) l = negb (some_lost d t p l).
Proof.
  unfold some_lost.
  induction p as [o a b|o a z|m window|p IHp q IHq|p IHp q IHq]; cbn [readable metrics].
  - cbn [holds]. now rewrite !readable_term_holds, existsb_app, negb_orb.
  - apply readable_term_holds.
  - rewrite there_or_lost. cbn. now rewrite orb_false_r.
  - cbn [holds]. now rewrite IHp, IHq, existsb_app, negb_orb.
  - cbn [holds]. now rewrite IHp, IHq, existsb_app, negb_orb.
Qed.

Theorem signal_lost_iff : Dashboard.signal_lost_iff.
Proof.
  intros stretch d t u p l K. unfold signal_lost.
  transitivity (violated d t u (readable p) l); [now apply alert_fires_iff_violated|].
  unfold violated. now rewrite readable_holds, negb_involutive.
Qed.

(* ---- `for` ----------------------------------------------------------------------------------- *)

Lemma pending_app es fs : forall s,
  pending_since s (es ++ fs) = pending_since (pending_since s es) fs.
Proof. induction es as [|[t []] es IH]; intros s; cbn; auto. Qed.

Lemma pending_true since : forall s,
  forallb snd since = true -> pending_since (Some s) since = Some s.
Proof. induction since as [|[t []] since IH]; intros s; cbn; try easy. apply IH. Qed.

Lemma pending_some es s : pending_since None es = Some s <->
  exists before since, es = before ++ (s, true) :: since /\ forallb snd since = true /\
    (before = [] \/ exists earlier r, before = earlier ++ [(r, false)]).
Proof.
  split.
  - induction es as [|[t b] es IH] using rev_ind; [easy|]. rewrite pending_app.
    destruct (pending_since None es) as [s'|] eqn:E; destruct b; cbn; try discriminate.
    + intros [= ->]. destruct (IH eq_refl) as (before & since & -> & T & B).
      exists before, (since ++ [(t, true)]). rewrite <- app_assoc, forallb_app, T. auto.
    + intros [= ->]. exists es, []. repeat split.
      destruct es as [|[r b] es _] using rev_ind; [now left|]. right. exists es, r.
      rewrite pending_app in E. cbn in E. destruct b; [|easy].
      now destruct (pending_since None es).
  - intros (before & since & -> & T & B). rewrite pending_app.
    assert (pending_since None before = None) as ->.
    { destruct B as [->|(earlier & r & ->)]; [easy|]. now rewrite pending_app. }
    cbn. now apply pending_true.
Qed.

Theorem fires_after_iff : Dashboard.fires_after_iff.
Proof.
  intros wait t es. unfold fires_after. split.
  - destruct (pending_since None es) as [s|] eqn:E; [|easy]. rewrite Z.leb_le. intros W.
    apply pending_some in E as (before & since & E). exists before, s, since. tauto.
  - intros (before & s & since & E & T & B & W).
    replace (pending_since None es) with (Some s); [now apply Z.leb_le|].
    symmetry. apply pending_some. eauto.
Qed.

(* ---- What simpler rules miss ----------------------------------------------------------------- *)

(* One label set, and the samples of some metrics. *)
Definition only (series : list (string * list (Z * value))) : database :=
  Database [1%nat] (fun m l => if Nat.eqb l 1 then
      match find (fun x => String.eqb m (fst x)) series with Some x => snd x | None => [] end
    else []).

Ltac silent := let k := fresh in intros k; unfold fires, instant; cbn;
  destruct k as [|[|k]]; reflexivity.

Theorem flipped_comparison_misses_nan : Dashboard.flipped_comparison_misses_nan.
Proof.
  exists (only [("up"%string, [(1, Num 1)]); ("x"%string, [(1, NaN)])]), 1, 1%nat.
  split; [reflexivity|]. silent.
Qed.

Theorem without_absent_misses_loss : Dashboard.without_absent_misses_loss.
Proof. exists (only []), 1, 0%nat. split; [reflexivity|]. silent. Qed.

Definition restarted : database := only [("up"%string, [(4, Num 1)]);
  ("violations_total"%string, [(1, Num 5); (2, Num 5); (3, Num 0); (4, Num 1)])].

Theorem raw_counter_misses_after_reset : Dashboard.raw_counter_misses_after_reset.
Proof. exists restarted, 4, 1%nat. split; [reflexivity|]. silent. Qed.

Theorem delta_misses_after_reset : Dashboard.delta_misses_after_reset.
Proof. exists restarted, 4, 1%nat. split; [reflexivity|]. silent. Qed.

Theorem increase_above_zero_misses_loss : Dashboard.increase_above_zero_misses_loss.
Proof.
  exists (only [("up"%string, [(4, Num 1)])]), 4, 1%nat. split; [reflexivity|]. silent.
Qed.

Theorem counter_born_at_one_is_missed : Dashboard.counter_born_at_one_is_missed.
Proof.
  exists (only [("up"%string, [(1, Num 1)]);
    ("violations_total"%string, [(1, Num 1); (2, Num 1)])]), 2, 1%nat. split; reflexivity.
Qed.

(* ---- The text -------------------------------------------------------------------------------- *)

Lemma no_number_first q r v r' : tokens q ++ r <> Number v :: r'.
Proof. destruct q; discriminate. Qed.

Ltac peel :=
  match goal with
  | H : (_ ++ _) ++ _ = _ |- _ => rewrite <- app_assoc in H; cbn [app] in H
  | H : _ = (_ ++ _) ++ _ |- _ => rewrite <- app_assoc in H; cbn [app] in H
  | H : _ :: _ = _ :: _ |- _ => first [discriminate H | injection H; clear H; intros]
  | IH : forall b more others, tokens ?a ++ more = tokens b ++ others -> _,
    H : tokens ?a ++ _ = tokens _ ++ _ |- _ => apply IH in H as [? ?]
  | H : tokens _ ++ _ = Number _ :: _ |- _ => now apply no_number_first in H
  | H : Number _ :: _ = tokens _ ++ _ |- _ => symmetry in H
  end; subst.

Theorem tokens_unambiguous : Dashboard.tokens_unambiguous.
Proof.
  intros a. induction a; intros b more others H; destruct b; try discriminate H;
    cbn [tokens app] in H; rewrite <- ?app_assoc in H; cbn [app] in H; repeat peel; now split.
Qed.
