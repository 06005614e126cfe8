(* SPDX-License-Identifier: MIT *)
(* Slots that are each a window apart bound every window; shares of a limit add up. *)
From Coq Require Import ZArith List Bool Lia Permutation.
From PostProof.Spec Require Import Limiter.
From PostProof.Proofs.limiter Require Import Window.
Import ListNotations.
Open Scope Z_scope.

Definition inside (x tau : Z) (a : Z * Z) : bool := (x <=? snd a) && (snd a <? x + tau).

Lemma charged_units x tau l :
  charged x (x + tau) (as_units l) = Z.of_nat (length (map fst (filter (inside x tau) l))).
Proof.
  rewrite map_length. induction l as [|[i t] l IH]; cbn [as_units map charged filter length];
    [easy|].
  fold (as_units l). rewrite IH. unfold inside. cbn [fst snd].
  destruct ((x <=? t) && (t <? x + tau)); cbn [length]; lia.
Qed.

Lemma spaced_distinct x tau l : slots_are_spaced tau l ->
  NoDup (map fst (filter (inside x tau) l)).
Proof.
  induction 1 as [|a l A _ IH]; cbn [filter map]; [constructor|].
  destruct (inside x tau a) eqn:E; [|exact IH]. cbn [map]. constructor; [|exact IH].
  intros I. apply in_map_iff in I as (b & Eb & I). apply filter_In in I as [I Ib].
  pose proof (proj1 (Forall_forall _ _) A b I (eq_sym Eb)) as L. unfold inside in *.
  apply andb_prop in E as [E1 E2]. apply andb_prop in Ib as [B1 B2].
  rewrite Z.leb_le in *. rewrite Z.ltb_lt in *. lia.
Qed.

Theorem spaced_slots_suffice : Limiter.spaced_slots_suffice.
Proof.
  intros count tau l x C T R S. rewrite charged_units.
  pose proof (spaced_distinct x tau l S) as N.
  assert (I : incl (map fst (filter (inside x tau) l)) (map Z.of_nat (seq 0 (Z.to_nat count)))).
  { intros i Hi. apply in_map_iff in Hi as (a & <- & Ha). apply filter_In in Ha as [Ha _].
    apply (proj1 (Forall_forall _ _) R) in Ha. apply in_map_iff.
    exists (Z.to_nat (fst a)). split; [lia|]. apply in_seq. lia. }
  apply (NoDup_incl_length N) in I. rewrite (map_length Z.of_nat), seq_length in I. lia.
Qed.

(* What a slot admits from now on comes a window after its stamp. *)
Lemma slots_run_spaced tau tries : 0 < tau -> forall state,
  slots_are_spaced tau (slots_run tau state tries) /\
  Forall (fun a => match state (fst a) with Some s => tau <= snd a - s | None => True end)
    (slots_run tau state tries).
Proof.
  intros T. induction tries as [|[i now] tries IH]; intros state; cbn [slots_run].
  { split; constructor. }
  unfold slot_admit. destruct (slot_peek tau now (state i)) eqn:P.
  - destruct (IH (fun j => if j =? i then Some now else state j)) as [S F].
    split.
    + constructor; [|exact S]. eapply Forall_impl; [|exact F]. cbn [fst snd]. intros a A E.
      rewrite E, Z.eqb_refl in A. lia.
    + constructor; cbn [fst snd].
      * unfold slot_peek in P. destruct (state i) as [s|]; [|exact I].
        apply andb_prop in P as [_ P]. apply Z.leb_le in P. exact P.
      * eapply Forall_impl; [|exact F]. cbn [fst snd]. intros a A.
        destruct (Z.eqb_spec (fst a) i) as [->|_]; [|exact A].
        unfold slot_peek in P. destruct (state i) as [s|]; [|exact I].
        apply andb_prop in P as [P Q]. apply Z.leb_le in P. lia.
  - destruct (IH (fun j => if j =? i then state i else state j)) as [S F]. split; [exact S|].
    eapply Forall_impl; [|exact F]. cbn. intros a A.
    destruct (Z.eqb_spec (fst a) i) as [->|_]; exact A.
Qed.

Lemma slots_run_numbers count tau tries : Forall (fun a => 0 <= fst a < count) tries ->
  forall state, Forall (fun a => 0 <= fst a < count) (slots_run tau state tries).
Proof.
  induction 1 as [|[i now] tries R _ IH]; intros state; cbn [slots_run]; [constructor|].
  destruct (slot_admit tau now (state i)) as [[] slot]; [constructor; [exact R|]|]; apply IH.
Qed.

Theorem slots_bound_every_window : Limiter.slots_bound_every_window.
Proof.
  intros count tau tries x C T R.
  apply (spaced_slots_suffice count tau); auto; [now apply slots_run_numbers|].
  now apply slots_run_spaced.
Qed.

Theorem leases_compose : Limiter.leases_compose.
Proof.
  intros limit tau nodes all B S P x. rewrite (charged_perm _ _ _ _ P). clear P all.
  enough (charged x (x + tau) (flat_map snd nodes) <= shares nodes) by lia. clear S.
  induction B as [|n nodes N _ IH]; cbn [flat_map shares]; [cbn; lia|].
  rewrite charged_app. specialize (N x). lia.
Qed.

Theorem skewed_clocks : Limiter.skewed_clocks.
Proof.
  intros limit tau skew l W B x. specialize (B (x - skew)).
  eapply Z.le_trans; [|exact B]. clear B.
  induction W as [|[t [s w]] l [A1 A2] _ IH]; cbn [map charged fst snd] in *; [lia|]. cases.
Qed.
