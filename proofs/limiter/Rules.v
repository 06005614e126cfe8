(* SPDX-License-Identifier: MIT *)
(* Several rules per request: each rule is charged exactly with the requests that all rules pass. *)
From Coq Require Import ZArith List Bool Lia.
From PostProof.Spec Require Import Limiter.
From PostProof.Proofs.limiter Require Import Window Ring Key Exact.
Import ListNotations.
Open Scope Z_scope.

Theorem some_rule_denies : Limiter.some_rule_denies.
Proof.
  intros rs now. unfold rules_admit. induction rs as [|r rs IH]; intros [|w ws]; cbn [all_pass];
    cbn [fst]; try discriminate.
  destruct (rule_passes now r w) eqn:E; cbn [andb].
  - intros D. destruct (IH ws) as (r' & w' & I & D').
    + destruct (all_pass now rs ws); [discriminate D|easy].
    + exists r', w'. split; [now right|exact D'].
  - intros _. exists r, w. split; [now left|exact E].
Qed.

Lemma all_pass_nth now : forall rs ws i r, all_pass now rs ws = true -> length ws = length rs ->
  nth_error rs i = Some r -> rule_passes now r (nth i ws 0) = true.
Proof.
  induction rs as [|r0 rs IH]; intros [|w ws] i r A L E; try discriminate L.
  - now destruct i.
  - cbn [all_pass] in A. apply andb_prop in A as [A1 A2]. destruct i as [|i]; cbn in *.
    + now injection E as ->.
    + apply (IH ws i r A2); auto.
Qed.

Lemma charge_all_nth now : forall rs ws i r, length ws = length rs -> nth_error rs i = Some r ->
  nth_error (charge_all now rs ws) i = Some (rule_charge now r (nth i ws 0)).
Proof.
  induction rs as [|r0 rs IH]; intros [|w ws] i r L E; try discriminate L.
  - now destruct i.
  - destruct i as [|i]; cbn in *; [now injection E as ->|]. apply (IH ws i r); auto.
Qed.

Lemma charge_all_length now : forall rs ws, length (charge_all now rs ws) = length rs.
Proof. induction rs as [|r rs IH]; intros [|w ws]; cbn; auto. Qed.

Lemma nth_weight ws i : Forall (fun w => 0 <= w) ws -> 0 <= nth i ws 0.
Proof. intros F. revert i. induction F as [|w ws W _ IH]; intros [|i]; cbn; auto; lia. Qed.

Lemma charged_proper i qs : Forall (fun q => Forall (fun w => 0 <= w) (snd q)) qs ->
  forall oks, Forall proper (charged_to i qs oks).
Proof.
  induction 1 as [|[now ws] qs W _ IH]; intros [|ok oks]; cbn [charged_to]; try constructor.
  destruct ok; cbn [andb]; [|apply IH].
  destruct (Z.eqb_spec (nth i ws 0) 0) as [E|E]; cbn [negb]; [apply IH|].
  constructor; [|apply IH]. cbn [proper]. pose proof (nth_weight ws i W). lia.
Qed.

(* One rule among others, from any state that was reached by proper operations. *)
Lemma rules_run_nth size t0 i limit tau : valid_rule size limit tau -> forall qs rs done,
  Forall proper done ->
  Forall (fun q => length (snd q) = length rs /\ Forall (fun w => 0 <= w) (snd q)) qs ->
  nth_error rs i = Some (Ruled limit tau (reached size limit tau t0 done)) ->
  let (oks, rs') := rules_run rs qs in
  nth_error rs' i = Some (Ruled limit tau
    (snd (run (step size limit tau) (reached size limit tau t0 done) (charged_to i qs oks)))) /\
  Forall (fun e => allowed e = true)
    (fst (run (step size limit tau) (reached size limit tau t0 done) (charged_to i qs oks))).
Proof.
  intros V. induction qs as [|[now ws] qs IH]; intros rs done D F E; cbn [rules_run].
  { cbn. auto. }
  inversion F as [|? ? [F1 F2] F3]; subst. cbn [snd] in F1, F2. unfold rules_admit.
  destruct (all_pass now rs ws) eqn:A.
  - pose proof (all_pass_nth now rs ws i _ A F1 E) as Pass.
    pose proof (charge_all_nth now rs ws i _ F1 E) as E1.
    unfold rule_passes in Pass. unfold rule_charge in E1. cbn [rule_limit rule_tau rule_state] in *.
    pose proof (nth_weight ws i F2) as W. set (w := nth i ws 0) in *.
    assert (F3' : Forall (fun q => length (snd q) = length (charge_all now rs ws) /\
                                   Forall (fun w => 0 <= w) (snd q)) qs)
      by (now rewrite charge_all_length).
    destruct (Z.eqb_spec w 0) as [Z0|Z0].
    + specialize (IH (charge_all now rs ws) done D F3' E1).
      destruct (rules_run (charge_all now rs ws) qs) as [oks rs'].
      cbn [charged_to]. fold w. rewrite Z0. cbn [andb negb Z.eqb]. exact IH.
    + cbn [orb] in Pass.
      assert (Rc : snd (window_ask limit tau (reached size limit tau t0 done) now w) =
                   reached size limit tau t0 (done ++ [Ask now w])).
      { unfold reached at 2. rewrite run_app. cbn [snd run step].
        fold (reached size limit tau t0 done).
        now destruct (window_ask _ _ _ _ _). }
      rewrite Rc in E1.
      assert (D1 : Forall proper (done ++ [Ask now w])).
      { apply Forall_app. split; [exact D|]. constructor; [cbn; lia|constructor]. }
      specialize (IH (charge_all now rs ws) _ D1 F3' E1).
      destruct (rules_run (charge_all now rs ws) qs) as [oks rs'].
      cbn [charged_to]. fold w. destruct (Z.eqb_spec w 0) as [|_]; [lia|]. cbn [andb negb].
      pose proof (peek_is_exact size limit tau t0 done now w V D ltac:(lia)) as Pk. cbn zeta in Pk.
      cbn [run step].
      destruct (window_ask limit tau (reached size limit tau t0 done) now w) as [v s1].
      cbn [snd fst] in *. subst s1. rewrite Pass in Pk. rewrite Pk.
      destruct (run (step size limit tau) _ (charged_to i qs oks)) as [es s2]. cbn [fst snd] in *.
      split; [apply IH|]. constructor; [easy|apply IH].
  - specialize (IH rs done D F3 E). destruct (rules_run rs qs) as [oks rs'].
    cbn [charged_to andb]. exact IH.
Qed.

Theorem all_or_none : Limiter.all_or_none.
Proof.
  intros size t0 rules qs i limit tau V Q E. cbn zeta.
  set (start := map _ rules).
  assert (Vi : valid_rule size limit tau)
    by exact (proj1 (Forall_forall _ _) V _ (nth_error_In _ _ E)).
  assert (Es : nth_error start i = Some (Ruled limit tau (reached size limit tau t0 []))).
  { unfold start. rewrite nth_error_map, E. easy. }
  assert (Q' : Forall (fun q => length (snd q) = length start /\
    Forall (fun w => 0 <= w) (snd q)) qs)
    by (unfold start; now rewrite map_length).
  pose proof (rules_run_nth size t0 i limit tau Vi qs start [] (Forall_nil _) Q' Es) as R.
  destruct (rules_run start qs) as [oks rs]. exact R.
Qed.
