(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements in spec/Theft.v. *)
From Coq Require Import List NArith PeanoNat QArith Qabs Bool Lia.
From PostProof.Spec Require Collision Encoding Ledger Ratchet Theft.
From PostProof.Proofs.ledger Require Collision Ledger Ratchet.
Import ListNotations.
Import Spec.Collision Spec.Encoding Spec.Ledger Spec.Theft.

Lemma bytes_spec : decides_equality bytes_eqb.
Proof.
  intros a. induction a as [|x a IH]; intros [|y b]; cbn; try easy.
  rewrite andb_true_iff, N.eqb_eq, IH. split; [now intros [-> ->]|]. intros E. now injection E.
Qed.

Lemma frame_spec : decides_equality frame_eqb.
Proof.
  intros [c t|c|c] [d u|d|d]; cbn; try easy;
    rewrite ?andb_true_iff, ?(bytes_spec _ _); split; intros E.
  - now destruct E as [-> ->].
  - now injection E.
  - now rewrite E.
  - now injection E.
  - now rewrite E.
  - now injection E.
Qed.

Theorem difference_is_seen : Spec.Theft.difference_is_seen.
Proof.
  intros l. induction l as [|f l IH]; intros [|g m]; cbn; try easy.
  rewrite andb_true_iff, (frame_spec f g), IH. split; [now intros [-> ->]|].
  intros E. now injection E.
Qed.

Lemma iter_twice {A} (f : A -> A) a b x : Nat.iter a f (Nat.iter b f x) = Nat.iter (a + b) f x.
Proof. induction a as [|a IH]; [easy|]. exact (f_equal f IH). Qed.

Theorem keys_are_the_ratchets : Spec.Theft.keys_are_the_ratchets.
Proof.
  intros secret expand seed n e r. unfold keys_at, Spec.Ratchet.past_keys.
  destruct (Nat.lt_ge_cases (N.to_nat e) n) as [L|L].
  - rewrite nth_indep with
      (d' := Spec.Ratchet.epoch_keys secret expand (Spec.Ratchet.ratchet_at secret expand seed 0))
      by now rewrite map_length, seq_length.
    rewrite (map_nth (fun i => Spec.Ratchet.epoch_keys secret expand
                                 (Spec.Ratchet.ratchet_at secret expand seed i))).
    now rewrite seq_nth.
  - rewrite nth_overflow by now rewrite map_length, seq_length.
    f_equal. transitivity (Nat.iter (N.to_nat e - n) (Spec.Ratchet.pp_ratchet_step secret expand) r).
    + f_equal. subst r. rewrite <- (Ratchet.ratchet_epoch secret expand seed n).
      now destruct (Spec.Ratchet.ratchet_at secret expand seed n).
    + subst r. unfold Spec.Ratchet.ratchet_at. rewrite iter_twice. f_equal. lia.
Qed.

Theorem win_breaks : Spec.Theft.win_breaks.
Proof.
  intros secret expand mac hash id n honest thief past o i W. unfold wins in W.
  rewrite !andb_true_iff in W. destruct W as [[[[H NH] L] NL] D].
  apply Nat.eqb_eq in NH. apply Nat.leb_le in NL.
  apply negb_true_iff in D.
  destruct (Ledger.sealed_before_theft secret mac (tag_key secret expand n past o i)
              (seal_key secret expand n past o i) hash id
              (honest_log secret expand n honest past o i)
              (stolen_log secret expand n honest thief past o i) n H L) as [E|B];
    [lia|exact NL| |exact B].
  apply difference_is_seen in E. rewrite E in D. easy.
Qed.

Theorem theft_is_bounded : Spec.Theft.theft_is_bounded.
Proof.
  intros secret expand secrets mac hash id n honest thief some A.
  pose proof (Ratchet.forward_secure secret expand secrets A n some) as F.
  apply Qabs_Qle_condition in F as [_ F].
  rewrite Qplus_comm. apply Qle_minus_iff in F. apply Qle_minus_iff.
  setoid_replace
    (Spec.Ratchet.advantages secret expand secrets A [] (Spec.Ratchet.program n) +
       Spec.Ratchet.ideal_game secret secrets A n +
       - Spec.Ratchet.real_game secret expand secrets A n)%Q
    with (Spec.Ratchet.advantages secret expand secrets A [] (Spec.Ratchet.program n) +
       - (Spec.Ratchet.real_game secret expand secrets A n -
          Spec.Ratchet.ideal_game secret secrets A n))%Q by ring.
  exact F.
Qed.
