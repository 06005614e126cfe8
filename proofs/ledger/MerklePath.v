(* SPDX-License-Identifier: MIT *)
(* The inclusion loop of spec/Merkle.v accepts the paths of the right length and computes
   pp_root. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require MerkleRows.
Import ListNotations Spec.Collision Spec.Merkle Proofs.ledger.MerkleRows.
Open Scope N_scope.

Ltac Zify.zify_post_hook ::= Z.div_mod_to_equations.

Lemma skipn_next {A} k (p : list A) s rest d : skipn k p = s :: rest ->
  nth k p d = s /\ skipn (S k) p = rest.
Proof.
  revert p; induction k as [|k IH]; intros [|x p] E; cbn in *; try easy.
  - injection E as -> ->. easy.
  - now apply IH.
Qed.

Section Path.
Variable digest : Type.
Variable hash : input digest -> digest.

Notation loop := (inclusion_loop digest hash).

Lemma loop_is_pp_root last : forall i p k h computed, i <= last ->
  (loop (bits last) i last (skipn (N.to_nat k) p) h = Some computed <->
   N.of_nat (length (skipn (N.to_nat k) p)) = pp_path_len i last /\
   computed = pp_root digest hash h i last p k).
Proof.
  induction last as [|last L IH] using halving_ind; intros i p k h computed I.
  - cbn. destruct (skipn _ p) as [|s q]; cbn [length].
    + split; [now intros [= ->]|now intros [_ ->]].
    + split; [easy|]. intros [E _]. change (pp_path_len i 0) with 0 in E. lia.
  - assert (I2 : i / 2 <= last / 2) by lia.
    unfold pp_path_len, pp_root in *. rewrite (bits_step last L).
    cbn [inclusion_loop pp_path_len_fuel pp_root_fuel]. unfold pp_has, pp_up.
    destruct (i mod 2 =? 1), (i <? last); cbn [orb].
    4: { rewrite N.add_0_r, N.add_0_l. now apply IH. }
    all: destruct (skipn (N.to_nat k) p) as [|s q] eqn:Q;
      [cbn [length]; split; [easy|intros [E _]; lia]|];
      destruct (skipn_next _ _ _ _ h Q) as [-> T];
      replace (S (N.to_nat k)) with (N.to_nat (k + 1)) in T by lia;
      rewrite <- T, IH, T by easy; cbn [length]; split; intros [P ->]; (split; [lia|easy]).
Qed.

End Path.
