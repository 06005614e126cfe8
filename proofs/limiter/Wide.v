(* SPDX-License-Identifier: MIT *)
(* A key with 64-bit stamps decides as the specification does; so 32 bits lose nothing. *)
From Coq Require Import ZArith List Bool Lia.
From PostProof.Spec Require Import Limiter.
From PostProof.Proofs.limiter Require Import Window Ring Key Exact.
Import ListNotations.
Open Scope Z_scope.

Record winv (limit tau : Z) (s : wide) (h : history) : Prop := Winv {
  w_sound : sound limit tau h;
  w_size : 1 <= capacity (wide_held s) <= limit;
  w_seen : wide_newest s = seen h;
  w_units : exists c d, units (admitted h) = c ++ d /\ holds (wide_held s) c /\
            Forall (expired tau (wide_newest s)) d }.

Lemma map_whole c : map whole c = c.
Proof. apply map_id. Qed.

Lemma winv_decides limit tau s h now w : 1 <= tau -> winv limit tau s h -> 1 <= w ->
  let t := wide_tick s now in
  match wide_peek limit tau s now w with
  | Never => spec_fits limit tau t w (admitted h) = false
  | Deny => spec_fits limit tau t w (admitted h) = false
  | Admit => spec_fits limit tau t w (admitted h) = true /\
      winv limit tau (Wide t (push t (Z.to_nat w) (wide_held s))) (History t ((t, w) :: admitted h))
  | Grow => spec_fits limit tau t w (admitted h) = true /\
      capacity (wide_held s) < limit /\ capacity (wide_held s) < filled (wide_held s) + w
  end.
Proof.
  intros T [[O B] Sz Se (c & d & U & R & G)] W t.
  assert (Nt : wide_newest s <= t) by (unfold t, wide_tick; lia).
  assert (C : clear whole (wide_newest s) c) by (apply Forall_forall; easy).
  rewrite <- (map_whole c) in R.
  pose proof (decide_spec whole limit tau (wide_newest s) (t - wide_newest s) w (wide_held s)
    (admitted h) c d ltac:(lia) ltac:(lia) W Sz ltac:(now rewrite Se) U G R C) as D.
  rewrite map_whole in R. replace (wide_newest s + (t - wide_newest s)) with t in D by lia.
  unfold wide_peek. fold t. destruct (decide _ _ _ _ _ _ _); try exact D; [|apply D].
  destruct D as (Ok & Wc & Gone). split; [exact Ok|].
  assert (O' : ordered t (admitted h)) by (apply (ordered_later _ (seen h)); [exact O|lia]).
  pose proof (holds_push t (Z.to_nat w) (wide_held s) c R) as [R' Cp].
  set (cap := length (slots (wide_held s))) in *.
  assert (Ec : capacity (wide_held s) = Z.of_nat cap) by easy.
  split; cbn [wide_held wide_newest seen admitted].
  - split; cbn [seen admitted ordered]; [split; [lia|split; [lia|exact O']]|].
    apply bounded_cons; auto. apply Z.leb_le. exact Ok.
  - lia.
  - easy.
  - exists (firstn cap (repeat t (Z.to_nat w) ++ c)),
      (skipn cap (repeat t (Z.to_nat w) ++ c) ++ d).
    split; [|split; [exact R'|]].
    + cbn [units flat_map fst snd]. fold (units (admitted h)).
      rewrite U, (app_assoc (firstn cap _)), firstn_skipn. apply app_assoc.
    + apply Forall_app. split.
      * apply push_dropped; [lia|].
        replace (cap - Z.to_nat w)%nat with (Z.to_nat (capacity (wide_held s) - w)) by lia.
        exact Gone.
      * eapply Forall_impl; [|exact G]. unfold expired. lia.
Qed.

Lemma winv_ask limit tau s h now w : 1 <= tau -> winv limit tau s h -> 1 <= w ->
  fst (wide_step limit tau s (Ask now w)) = fst (spec_step limit tau h (Ask now w)) /\
  winv limit tau (snd (wide_step limit tau s (Ask now w))) (snd (spec_step limit tau h
    (Ask now w))).
Proof.
  intros T I W. cbn [wide_step spec_step]. unfold spec_ask, wide_ask, wide_admit.
  assert (Et : Z.max (seen h) now = wide_tick s now)
    by (unfold wide_tick; now rewrite (w_seen _ _ _ _ I)).
  rewrite Et. set (t := wide_tick s now). pose proof (winv_decides limit tau s h now w T I W) as D.
  cbn zeta in D. fold t in D. destruct (wide_peek limit tau s now w) eqn:P; cbn [fst snd admits].
  - rewrite D. auto.
  - destruct D as [-> D]. auto.
  - destruct D as (Ok & L1 & L2). set (r := wide_held s) in *.
    set (s2 := Wide (wide_newest s) (grow (capacity_for limit w r) r)).
    destruct I as [So Sz Se (c & d & U & R & G)].
    pose proof (h_filled _ _ R) as F. pose proof (h_fits _ _ R) as F'. fold r in F, F', Sz, R.
    assert (Lc : Z.of_nat (length c) <= capacity_for limit w r) by (unfold capacity_for; lia).
    assert (E : grow (capacity_for limit w r) r = refill (capacity_for limit w r) c)
      by (unfold grow; now rewrite (holds_stamps _ _ R)).
    pose proof (capacity_refill _ c Lc) as C2.
    pose proof (holds_refill (capacity_for limit w r) c ltac:(unfold capacity_for; lia) Lc) as R2.
    assert (I2 : winv limit tau s2 h).
    { split; unfold s2; cbn [wide_held wide_newest]; auto.
      - rewrite E, C2. unfold capacity_for. lia.
      - exists c, d. rewrite E. auto. }
    pose proof (winv_decides limit tau s2 h now w T I2 W) as D2. cbn zeta in D2.
    change (wide_tick s2 now) with t in *.
    destruct (wide_peek limit tau s2 now w); cbn [fst snd admits].
    + congruence.
    + rewrite Ok. split; [easy|]. apply D2.
    + exfalso. destruct D2 as (_ & X & Y). unfold s2 in X, Y. cbn [wide_held] in X, Y.
      pose proof (h_filled _ _ R2) as F2. rewrite E in X, Y. rewrite C2 in X, Y. rewrite F2 in Y.
      unfold capacity_for in X, Y. lia.
    + congruence.
  - rewrite D. auto.
Qed.

Theorem wide_refines_specification : Limiter.wide_refines_specification.
Proof.
  intros size limit tau t0 os Sz T P A.
  apply (run_simulates (winv limit tau) (wide_step limit tau) (spec_step limit tau)
    (fun o => proper o /\ is_ask o = true)).
  - intros s h [now w|now|] [Po Ao] I; try discriminate Ao. now apply winv_ask.
  - rewrite forallb_forall in A. rewrite Forall_forall in P |- *. auto.
  - assert (capacity (empty_ring size) = size)
      by (unfold capacity, empty_ring; cbn [slots]; rewrite repeat_length; lia).
    split; cbn [wide_held wide_newest wide_init seen admitted]; auto; try lia.
    + apply sound_empty. lia.
    + exists [], []. repeat split; try constructor; try (apply holds_empty; lia).
Qed.

Theorem wrap_around_is_invisible : Limiter.wrap_around_is_invisible.
Proof.
  intros size limit tau t0 os V P A. rewrite (ring_refines_specification _ _ _ _ _ V P).
  destruct V. symmetry. apply wide_refines_specification; auto; lia.
Qed.
