(* SPDX-License-Identifier: MIT *)
(* Starts without the old state, and resumed states on a clock that is late. *)
From Coq Require Import ZArith List Bool Lia Permutation.
From PostProof.Spec Require Import Limiter.
From PostProof.Proofs.limiter Require Import Window Ring Key Exact.
Import ListNotations.
Open Scope Z_scope.

(* Denied requests aside, a waiting machine is the machine itself on the later requests. *)
Definition is_open (opens : Z) (o : operation) : bool :=
  match o with Ask now _ | Sweep now => opens <=? now | Restart => true end.

Lemma waiting_admissions size limit tau opens os : forall s,
  admissions (fst (run (waiting_step size limit tau opens) s os)) =
  admissions (fst (run (step size limit tau) s (filter (is_open opens) os))).
Proof.
  induction os as [|o os IH]; intros s; [easy|]. cbn [run filter].
  destruct (is_open opens o) eqn:E.
  - assert (W : waiting_step size limit tau opens s o = step size limit tau s o).
    { destruct o as [now w|now|]; cbn [is_open waiting_step] in *; try easy;
        apply Z.leb_le in E; destruct (Z.ltb_spec now opens); easy || lia. }
    rewrite W. cbn [run]. destruct (step size limit tau s o) as [es s1]. specialize (IH s1).
    destruct (run _ s1 os), (run _ s1 (filter _ os)). cbn [fst] in *.
    now rewrite !admissions_app, IH.
  - rewrite <- IH. destruct o as [now w|now|]; cbn [is_open waiting_step] in *; try discriminate;
      apply Z.leb_gt in E; destruct (Z.ltb_spec now opens); try lia;
      destruct (run _ s os); easy.
Qed.

(* Every admission of the specification is dated at its beginning or later. *)
Lemma spec_after limit tau os : forall h,
  Forall (fun a => seen h <= fst a) (admissions (fst (run (spec_step limit tau) h os))).
Proof.
  induction os as [|o os IH]; intros h; cbn [run]; [constructor|].
  assert (L : seen h <= seen (snd (spec_step limit tau h o)) /\
    Forall (fun a => seen h <= fst a) (admissions (fst (spec_step limit tau h o)))).
  { destruct o as [now w|now|]; cbn [spec_step].
    - unfold spec_ask. destruct (spec_fits _ _ _ _ _); cbn; split; try lia;
        repeat constructor; cbn; lia.
    - cbn [fst snd admissions]. destruct (_ =? 0); cbn [seen]; split; auto; lia.
    - cbn. split; [lia|constructor]. }
  destruct (spec_step limit tau h o) as [es h1]. specialize (IH h1).
  destruct (run (spec_step limit tau) h1 os) as [es2 h2]. cbn [fst snd] in *.
  rewrite admissions_app. apply Forall_app. split; [apply L|].
  eapply Forall_impl; [|exact IH]. cbn. lia.
Qed.

Lemma life_facts size limit tau start os : valid_rule size limit tau -> Forall proper os ->
  (forall x, charged x (x + tau) (admissions (life size limit tau start os)) <= limit) /\
  Forall (fun a => start + tau <= fst a) (admissions (life size limit tau start os)).
Proof.
  intros V P. unfold life, events. rewrite waiting_admissions.
  assert (P' : Forall proper (filter (is_open (start + tau)) os)).
  { apply Forall_forall. intros o I. apply filter_In in I as [I _].
    exact (proj1 (Forall_forall _ _) P o I). }
  split; [intros x; now apply (every_window_bounded size limit tau (start + tau))|].
  pose proof (ring_refines_specification size limit tau (start + tau) _ V P') as E.
  unfold decisions, events in E. rewrite E.
  apply (spec_after limit tau _ (History (start + tau) [])).
Qed.

Lemma charged_before x y h : Forall (fun a => y <= fst a) h -> forall z, z <= y ->
  charged x z h = 0.
Proof. induction 1 as [|[t w] h T _ IH]; cbn in *; intros z Z; [easy|]. rewrite IH by lia. cases.
  Qed.

Lemma charged_after x y h : Forall (fun a => fst a < x) h -> charged x y h = 0.
Proof. induction 1 as [|[t w] h T _ IH]; cbn in *; [easy|]. cases. Qed.

Lemma ticks_of_admissions es s : Forall (fun e => tick e <= s) es ->
  Forall (fun a => fst a <= s) (admissions es).
Proof.
  induction 1 as [|e es T _ IH]; cbn [admissions]; [constructor|].
  destruct (allowed e); [constructor|]; auto.
Qed.

Theorem waiting_keeps_every_window : Limiter.waiting_keeps_every_window.
Proof.
  intros size limit tau ls x V. revert x. induction ls as [|[start os] ls IH]; intros x P F.
  - cbn. destruct V. lia.
  - inversion P as [|? ? P1 P2]; subst. destruct F as [F1 F2]. cbn [lives snd] in *.
    rewrite admissions_app, charged_app.
    destruct (life_facts size limit tau start os V P1) as [B A].
    destruct (Z.le_gt_cases x start) as [L|L].
    + rewrite (charged_before x (start + tau) _ A) by lia. specialize (IH x P2 F2). lia.
    + rewrite (charged_after x (x + tau) (admissions (lives size limit tau ls))).
      * specialize (B x). lia.
      * eapply Forall_impl; [|exact (ticks_of_admissions _ _ F1)]. cbn. lia.
Qed.

Theorem late_clock_is_safe : Limiter.late_clock_is_safe.
Proof.
  intros limit tau lag stop old recent G O R B x. rewrite charged_app.
  assert (Sh : forall a b, charged a b (map (fun c => (fst c + lag, snd c)) recent) =
                           charged (a - lag) (b - lag) recent).
  { intros a b. clear. induction recent as [|[t w] l IH]; cbn [map charged fst snd]; [easy|].
    rewrite IH. cases. }
  rewrite Sh. clear Sh. destruct (Z.le_gt_cases x stop) as [L|L].
  - specialize (B x). rewrite charged_app in B.
    enough (charged (x - lag) (x + tau - lag) recent <= charged x (x + tau) recent) by lia.
    clear B O. induction R as [|[t w] l [R1 R2] _ IH]; cbn [charged fst snd] in *; [lia|]. cases.
  - rewrite (charged_after x (x + tau) old)
      by (eapply Forall_impl; [|exact O]; cbn; lia).
    specialize (B (x - lag)). rewrite charged_app in B.
    replace (x - lag + tau) with (x + tau - lag) in B by lia.
    enough (0 <= charged (x - lag) (x + tau - lag) old) by lia.
    apply charged_nonneg. eapply Forall_impl; [|exact O]. cbn. lia.
Qed.
