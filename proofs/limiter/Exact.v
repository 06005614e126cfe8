(* SPDX-License-Identifier: MIT *)
(* The theorems about one key with 32-bit stamps. *)
From Coq Require Import ZArith List Bool Lia Permutation.
From PostProof.Spec Require Import Limiter.
From PostProof.Proofs.limiter Require Import Window Ring Key.
Import ListNotations.
Open Scope Z_scope.

Lemma reached_inv size limit tau t0 os : valid_rule size limit tau -> Forall proper os ->
  decisions size limit tau t0 os = events (spec_step limit tau) (History t0 []) os /\
  inv limit tau (reached size limit tau t0 os)
    (snd (run (spec_step limit tau) (History t0 []) os)).
Proof.
  intros [Z0 T] P. unfold decisions, reached, events.
  apply (run_simulates (inv limit tau) (step size limit tau) (spec_step limit tau) proper); auto.
  - intros s h o Po I. now apply step_refines.
  - apply inv_init; auto; [|constructor]. apply sound_empty. lia.
Qed.

Theorem ring_refines_specification : Limiter.ring_refines_specification.
Proof. intros size limit tau t0 os V P. now apply reached_inv. Qed.

Theorem every_window_bounded : Limiter.every_window_bounded.
Proof.
  intros size limit tau t0 os x V P. rewrite (ring_refines_specification _ _ _ _ _ V P).
  destruct V. apply spec_run_bounded; auto; lia.
Qed.

Theorem denial_justified : Limiter.denial_justified.
Proof.
  intros size limit tau t0 os before e after V P E D.
  rewrite (ring_refines_specification _ _ _ _ _ V P) in E. destruct V as [Z0 T].
  pose proof (spec_denial limit tau os ltac:(lia) _ before e after P
    (sound_empty limit tau t0 ltac:(lia)) E D) as U. cbn [admitted] in U.
  rewrite app_nil_r in U. unfold used in *.
  now rewrite (charged_perm _ _ _ _ (rev_perm (admissions before))) in U.
Qed.

Lemma spec_ignores_restart limit tau os : forall h,
  fst (run (spec_step limit tau) h os) = fst (run (spec_step limit tau) h (filter is_request os)).
Proof.
  induction os as [|o os IH]; intros h; [easy|]. cbn [filter].
  destruct o as [now w|now|]; cbn [is_request].
  1, 2: cbn [run]; destruct (spec_step limit tau h _) as [es h1]; specialize (IH h1);
    destruct (run _ h1 os), (run _ h1 (filter is_request os)); cbn [fst] in *; now rewrite IH.
  cbn [run spec_step]. rewrite <- IH. now destruct (run _ h os).
Qed.

Theorem restart_is_invisible : Limiter.restart_is_invisible.
Proof.
  intros size limit tau t0 os V P.
  assert (P' : Forall proper (filter is_request os)).
  { apply Forall_forall. intros o I. apply filter_In in I as [I _].
    exact (proj1 (Forall_forall _ _) P o I). }
  rewrite (ring_refines_specification _ _ _ _ _ V P), (ring_refines_specification _ _ _ _ _ V P').
  apply spec_ignores_restart.
Qed.

Theorem peek_is_exact : Limiter.peek_is_exact.
Proof.
  intros size limit tau t0 os now w V P W s. destruct (reached_inv _ _ _ t0 os V P) as [_ I].
  destruct V as [_ T]. set (h := snd (run _ _ os)) in I. fold s in I.
  pose proof (keyed_ask limit tau T s h now w I W) as A.
  destruct I as (c & d & m & K). pose proof (keyed_decides limit tau T s h c d m now w K W) as D.
  unfold spec_ask in A. cbn zeta in D. rewrite <- (k_seen _ _ _ _ _ _ _ K) in A.
  destruct A as (-> & _). destruct (window_peek limit tau s now w).
  - exact D.
  - apply D.
  - apply D.
  - apply D.
Qed.

Theorem wait_is_exact : Limiter.wait_is_exact.
Proof.
  intros size limit tau t0 os now w V P W s. destruct (reached_inv _ _ _ t0 os V P) as [_ I].
  destruct V as [_ T]. set (h := snd (run _ _ os)) in I. fold s in I.
  assert (Ask : forall later, admits (fst (window_ask limit tau s later w)) =
                spec_fits limit tau (Z.max (newest s) later) w (admitted h)).
  { intros later. pose proof (keyed_ask limit tau T s h later w I W) as A. unfold spec_ask in A.
    destruct I as (c & d & m & K). rewrite <- (k_seen _ _ _ _ _ _ _ K) in A. apply A. }
  destruct I as (c & d & m & K). destruct (keyed_clear limit tau T s h c d m K) as [C _].
  destruct K as [[O _] Sz Se U G R _ _ _ _ _ _]. unfold window_wait.
  destruct (Z.ltb_spec w 1); [lia|]. cbn [orb].
  assert (Ol : forall later, newest s <= later -> ordered later (admitted h)).
  { intros later L. apply (ordered_later _ (seen h)); [exact O|lia]. }
  destruct (Z.ltb_spec limit w) as [Lw|Lw].
  { intros later. rewrite Ask. apply Z.leb_gt.
    pose proof (used_nonneg tau (Z.max (newest s) later) _ _ (Ol (Z.max
      (newest s) later) ltac:(lia))).
    lia. }
  assert (Dc : desc (newest s) c).
  { pose proof (desc_units (admitted h) _ O) as X. rewrite U, <- Se in X.
    apply (desc_app c d _ X). }
  assert (Fits : forall later, newest s <= later ->
    spec_fits limit tau later w (admitted h) = true <->
    (Z.of_nat (length c) <= limit - w \/ expired tau later (at_index c (limit - w)))).
  { intros later L. apply (fits_units limit tau later w (admitted h) c d); auto; try lia.
    eapply Forall_impl; [|exact G]. unfold expired. cbn. lia. }
  assert (N : newest s <= window_tick s now) by (unfold window_tick; lia).
  assert (Id : idle_ticks s now = window_tick s now - newest s) by easy.
  pose proof (live_spec u32 tau (newest s) (idle_ticks s now) (limit - w) (held s) c
    ltac:(lia) ltac:(lia) ltac:(lia) R C Dc) as Live.
  replace (newest s + idle_ticks s now) with (window_tick s now) in Live by lia.
  unfold expired in *.
  destruct (is_live u32 tau (newest s) (idle_ticks s now) (limit - w) (held s)).
  - destruct (proj1 Live eq_refl) as [L1 L2].
    pose proof (h_filled _ _ R) as F. rewrite map_length in F.
    rewrite (h_slot _ _ R), at_map by lia.
    assert (In (at_index c (limit - w)) c) as M by (apply nth_In; lia).
    rewrite (proj1 (Forall_forall _ _) C _ M).
    pose proof (proj1 (Forall_forall _ _) (desc_all c _ Dc) _ M) as B. cbn beta in B.
    split; [lia|]. intros later L. rewrite Ask, Z.max_r by lia.
    apply eq_true_iff_eq. rewrite (Fits later) by lia. rewrite Z.leb_le. lia.
  - split; [lia|]. intros later L. rewrite Ask, Z.max_r by lia.
    apply eq_true_iff_eq. rewrite (Fits later) by lia. rewrite Z.leb_le. split; [lia|]. intros _.
    destruct (Z.le_gt_cases (Z.of_nat (length c)) (limit - w)) as [X|X]; [now left|right].
    destruct (Z.le_gt_cases (at_index c (limit - w) + tau) (window_tick s now)) as [Y|Y]; [lia|].
    exfalso. enough (false = true) by discriminate. apply Live. lia.
Qed.

Theorem idle_is_exact : Limiter.idle_is_exact.
Proof.
  intros size limit tau t0 os now V P s. destruct (reached_inv _ _ _ t0 os V P) as [E I].
  destruct V as [Z0 T].
  destruct (spec_run_sound limit tau os ltac:(lia) _ P (sound_empty limit tau t0 ltac:(lia)))
    as (_ & _ & A).
  fold s in I. rewrite (idle_spec limit tau T s _ now I), E. cbn zeta in A. rewrite A.
  cbn [admitted]. rewrite app_nil_r. unfold used, events.
  now rewrite (charged_perm _ _ _ _ (rev_perm (admissions _))).
Qed.
