(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements in spec/Dashboard.v. *)
From Coq Require Import List ZArith Bool String Lia.
From PostProof.Spec Require Dashboard.
Import ListNotations Spec.Dashboard.
Open Scope Z_scope.

Lemma signal_is_measured d i t : evaluate d (signal i) t = measured d i t.
Proof. now destruct i. Qed.

Lemma fires_or d e f t : fires d (Or e f) t = fires d e t || fires d f t.
Proof. unfold fires. cbn [evaluate]. now destruct (evaluate d e t). Qed.

(* A value of which the invariant does not hold is caught by one of the two comparisons. *)
Lemma caught d i t v : measured d i t = Some v ->
  fires d (Or (flipped i) (not_a_number i)) t = true <-> ~ holds_of i v.
Proof.
  rewrite fires_or, orb_true_iff. unfold fires, not_a_number.
  destruct i as [m b|m b|m w b]; cbn [measured flipped evaluate signal]; intros ->;
    destruct v as [| |z|]; cbn; try (intuition easy).
  - rewrite Z.eqb_refl; cbn. destruct (Z.ltb_spec b z); cbn; intuition (lia || easy).
  - rewrite Z.eqb_refl; cbn. destruct (Z.ltb_spec z b); cbn; intuition (lia || easy).
  - rewrite Z.eqb_refl; cbn. destruct (Z.ltb_spec b z); cbn; intuition (lia || easy).
Qed.

Lemma not_caught d i t : measured d i t = None ->
  fires d (Or (flipped i) (not_a_number i)) t = false.
Proof.
  rewrite fires_or. unfold fires, not_a_number.
  destruct i; cbn [measured flipped evaluate signal]; now intros ->.
Qed.

Lemma in_targets d t : is_target d t = true <-> In t (targets d).
Proof.
  unfold is_target. rewrite existsb_exists. split.
  - intros (u & I & E). apply N.eqb_eq in E. now subst.
  - intros I. exists t. split; [easy|]. apply N.eqb_refl.
Qed.

Lemma measured_elsewhere d i t : ~ In t (targets d) -> measured d i t = None.
Proof.
  intros I. assert (E : is_target d t = false).
  { destruct (is_target d t) eqn:E; [|easy]. now apply in_targets in E. }
  destruct i; cbn [measured]; unfold series; now rewrite E.
Qed.

Lemma absent_everywhere d i t :
  fires d (Absent (signal i)) t = true <-> t = nowhere /\ forall u, measured d i u = None.
Proof.
  unfold fires. cbn [evaluate]. unfold keep.
  destruct (N.eqb_spec t nowhere) as [->|T]; cbn [andb]; [|intuition easy].
  destruct (forallb _ (targets d)) eqn:A.
  - split; [|easy]. intros _. split; [easy|]. intros u.
    destruct (in_dec N.eq_dec u (targets d)) as [I|I]; [|now apply measured_elsewhere].
    rewrite forallb_forall in A. specialize (A u I). rewrite signal_is_measured in A.
    now destruct (measured d i u).
  - split; [easy|]. intros [_ N]. rewrite <- A, forallb_forall.
    intros u _. now rewrite signal_is_measured, N.
Qed.

Lemma lost_exactly d presence i t : fires d (lost presence i) t = true <->
  (measured d i t = None /\ latest (series d presence t) <> None) \/
  (t = nowhere /\ forall u, measured d i u = None).
Proof.
  unfold lost. rewrite fires_or, orb_true_iff, absent_everywhere. unfold fires at 1.
  cbn [evaluate]. rewrite signal_is_measured.
  destruct (measured d i t), (latest (series d presence t)); intuition easy.
Qed.

Theorem alert_fires_exactly : Dashboard.alert_fires_exactly.
Proof.
  intros d presence i t. unfold alert. rewrite fires_or, orb_true_iff, lost_exactly.
  destruct (measured d i t) as [v|] eqn:M.
  - rewrite (caught d i t v M). split.
    + intros [H|H]; eauto.
    + intros [(w & [= <-] & H)|H]; auto.
  - rewrite (not_caught d i t M). split.
    + intros [H|H]; [easy|auto].
    + intros [(w & [=] & H)|H]; auto.
Qed.

Lemma silent_inverse d presence i t : fires d (alert presence i) t = false ->
  ~ ((exists v, measured d i t = Some v /\ ~ holds_of i v) \/
     (measured d i t = None /\ latest (series d presence t) <> None) \/
     (t = nowhere /\ forall u, measured d i u = None)).
Proof. intros S H. apply alert_fires_exactly in H. congruence. Qed.

Lemma holds_or_not i v : holds_of i v \/ ~ holds_of i v.
Proof. destruct i, v; cbn; (lia || tauto). Qed.

Lemma somewhere d i : (exists t v, measured d i t = Some v) \/ forall u, measured d i u = None.
Proof.
  assert (A : (exists t v, measured d i t = Some v) \/
              forall u, In u (targets d) -> measured d i u = None).
  { induction (targets d) as [|t ts IH]; [now right|].
    destruct (measured d i t) as [v|] eqn:M; [left; eauto|].
    destruct IH as [IH|IH]; [now left|]. right. intros u [<-|I]; auto. }
  destruct A as [A|A]; [now left|]. right. intros u.
  destruct (in_dec N.eq_dec u (targets d)); [auto|now apply measured_elsewhere].
Qed.

Theorem silence_means_it_holds : Dashboard.silence_means_it_holds.
Proof.
  intros d presence i S.
  assert (H : forall t v, measured d i t = Some v -> holds_of i v).
  { intros t v M. destruct (holds_or_not i v) as [H|H]; [easy|].
    destruct (silent_inverse _ _ _ _ (S t)). eauto. }
  split; [|split; [exact H|]].
  - destruct (somewhere d i) as [(t & v & M)|N]; [eauto|].
    destruct (silent_inverse _ _ _ _ (S nowhere)). auto.
  - intros t P M. destruct (silent_inverse _ _ _ _ (S t)). auto.
Qed.

Theorem nan_fires : Dashboard.nan_fires.
Proof.
  intros d presence i t M. apply alert_fires_exactly. left. exists NaN. split; [easy|].
  now destruct i.
Qed.

Theorem infinity_fires : Dashboard.infinity_fires.
Proof.
  intros d presence m b t.
  split; intros M; apply alert_fires_exactly; left; eexists; split; eauto; now cbn.
Qed.

Theorem unless_form_agrees : Dashboard.unless_form_agrees.
Proof.
  intros d i t. rewrite fires_or. unfold fires, not_a_number, unless_holds, flipped.
  destruct i as [m b|m b|m w b]; cbn [evaluate signal].
  1, 2: destruct (latest (series d m t)) as [[| |z|]|]; cbn; try easy.
  3: destruct (increase (series d m t)) as [[| |z|]|]; cbn; try easy.
  all: rewrite Z.eqb_refl; cbn.
  all: destruct (Z.ltb_spec z b), (Z.ltb_spec b z), (Z.eqb_spec z b); cbn; (easy || lia).
Qed.

(* ---- Counters ------------------------------------------------------------------------------- *)

Fixpoint final (at_first : Z) (ps : list period) : Z :=
  match ps with
  | [] => at_first
  | p :: ps' => final (if restarted p then counted p else at_first + counted p) ps'
  end.

Lemma latest_shown ps : forall a, latest (shown a ps) = Some (Finite (final a ps)).
Proof.
  induction ps as [|p ps IH]; intros a; [easy|]. cbn [shown final]. rewrite <- IH.
  destruct ps; easy.
Qed.

(* The values from which it fell, as a number; and what that makes up for. *)
Lemma fallen_shown ps : forall a, exists f,
  (forall x, fallen (Finite x) (shown a ps) = Finite ((if a <? x then x else 0) + f)) /\
  (only_counts ps = true -> 0 <= a -> final a ps - a + f <= really ps) /\
  (only_counts ps = true -> restarts_seen a ps = true -> final a ps - a + f = really ps).
Proof.
  induction ps as [|p ps IH]; intros a.
  - exists 0. cbn. repeat split; try lia. intros x. destruct (a <? x); cbn; f_equal; lia.
  - destruct p as [r n]. cbn [shown final really restarts_seen restarted counted].
    set (a' := if r then n else a + n). destruct (IH a') as (f & F & L & E).
    exists ((if a' <? a then a else 0) + f). split; [|split].
    + intros x. cbn [fallen]. rewrite F. cbn [less].
      destruct (a <? x); cbn [plus]; f_equal; lia.
    + cbn [only_counts forallb counted]. intros [N C]%andb_prop P. apply Z.leb_le in N.
      assert (0 <= a') by (unfold a'; destruct r; lia). specialize (L C H).
      destruct (Z.ltb_spec a' a); unfold a' in *; destruct r; lia.
    + cbn [only_counts forallb counted]. intros [N C]%andb_prop [R S]%andb_prop.
      apply Z.leb_le in N. specialize (E C S).
      destruct (Z.ltb_spec a' a); unfold a' in *; destruct r; cbn [negb orb] in R;
        try apply Z.ltb_lt in R; lia.
Qed.

Lemma increase_shown a p ps : exists f,
  increase (shown a (p :: ps)) = Some (Finite (final a (p :: ps) - a + f)) /\
  (only_counts (p :: ps) = true -> 0 <= a -> final a (p :: ps) - a + f <= really (p :: ps)) /\
  (only_counts (p :: ps) = true -> restarts_seen a (p :: ps) = true ->
   final a (p :: ps) - a + f = really (p :: ps)).
Proof.
  destruct (fallen_shown (p :: ps) a) as (f & F & L & E). exists f. split; [|easy].
  specialize (F a). cbn [shown fallen less] in F. rewrite Z.ltb_irrefl in F.
  pose proof (latest_shown (p :: ps) a) as T. cbn [shown final] in *.
  set (later := shown (if restarted p then counted p else a + counted p) ps) in *.
  assert (exists v l, later = v :: l) as (v & l & V) by (subst later; destruct ps; cbn; eauto).
  rewrite V in *. change (latest (v :: l) = Some (Finite (final (if restarted p then counted p
    else a + counted p) ps))) in T. cbn [increase]. rewrite T, F. easy.
Qed.

Theorem increase_is_exact : Dashboard.increase_is_exact.
Proof.
  intros a p ps R C. destruct (increase_shown a p ps) as (f & -> & _ & E). now rewrite E.
Qed.

Theorem increase_never_overcounts : Dashboard.increase_never_overcounts.
Proof.
  intros a p ps A C. destruct (increase_shown a p ps) as (f & I & L & _). eauto.
Qed.

Theorem counter_alert_is_exact : Dashboard.counter_alert_is_exact.
Proof.
  intros d presence m w b t a p ps S R C.
  assert (M : measured d (IncreaseAtMost m w b) t = Some (Finite (really (p :: ps)))).
  { cbn [measured]. rewrite S. now apply increase_is_exact. }
  rewrite (alert_fires_exactly d presence _ t). rewrite M. split.
  - intros [(v & [= <-] & H)|[[[=] _]|[_ N]]]; [apply Z.nle_gt, H|].
    rewrite N in M. discriminate M.
  - intros H. left. eexists. split; [easy|]. now apply Z.nle_gt in H.
Qed.

(* ---- The simpler forms ---------------------------------------------------------------------- *)

Theorem flipped_misses_nan : Dashboard.flipped_misses_nan.
Proof.
  intros d i t M. split; [|now destruct i]. unfold fires.
  destruct i; cbn [flipped evaluate signal measured] in *; now rewrite M.
Qed.

Theorem vanished_is_silent : Dashboard.vanished_is_silent.
Proof.
  intros d presence i N. split; [intros t; now apply not_caught|].
  apply alert_fires_exactly. auto.
Qed.

(* Targets 1 and 2 are there, and only the first has the metric x. *)
Theorem absent_alone_is_silent : Dashboard.absent_alone_is_silent.
Proof.
  exists (Data [1%N; 2%N] (fun m t =>
    if (String.eqb m "x" && (t =? 2)%N)%bool then [] else [Finite 1])),
    "up"%string, (ValueAtMost "x" 5), 2%N.
  repeat split; try reflexivity. intros u. unfold fires. cbn. now rewrite andb_false_r.
Qed.

(* A counter at 90 counts 8, starts anew, and counts 7: 15 events, which is more than 10. *)
Theorem raw_counter_is_fooled : Dashboard.raw_counter_is_fooled.
Proof.
  exists (Data [1%N] (fun _ _ => [Finite 90; Finite 98; Finite 7])), "x"%string, "5m"%string, 10,
    1%N, 90, [Period false 8; Period true 7].
  repeat split; try reflexivity. exists (Finite 7). now split.
Qed.
