(* SPDX-License-Identifier: MIT *)
(* Where the climb of a consistency check starts in the rows of an honestly grown tree. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require MerkleRows MerkleSlices.
Import ListNotations Spec.Collision Spec.Merkle Proofs.ledger.MerkleRows Proofs.ledger.MerkleSlices.
Open Scope N_scope.

Ltac Zify.zify_post_hook ::= Z.div_mod_to_equations.

Section Start.
Variable digest : Type.
Variable hash : input digest -> digest.

Notation node := (pp_node_of digest hash).
Notation above := (row_above digest hash).
Notation leaf := (fun e : bytes => hash (Leaf e)).
Notation at_ row i := (nth (N.to_nat i) row (hash Empty)).
Notation red := (red digest hash).
Notation root := (root digest hash).
Notation count l := (N.of_nat (length l)).

Notation up := (up digest hash).

Lemma same_row_above i l old new : i mod 2 = 1 -> i <= l ->
  count old = i + 1 -> count new = l + 1 -> (forall j, j <= i -> at_ old j = at_ new j) ->
  forall j, j <= i / 2 -> at_ (above old) j = at_ (above new) j.
Proof. intros O I A B F j J. rewrite !at_pair by lia. now rewrite !F by lia. Qed.

(* Where the climb starts: at the smallest peak of the old tree. *)
Lemma start_honest i : forall l old new, i <= l -> count old = i + 1 -> count new = l + 1 ->
  (forall j, j <= i -> at_ old j = at_ new j) ->
  let t := N.to_nat (trailing_zeros (bits (i + 1)) (i + 1)) in
  let w := 2 ^ N.of_nat t in
  climb_right_edge (bits i) i l = ((i + 1) / w - 1, l / w) /\ w * ((i + 1) / w) = i + 1 /\
  count (up t old) = (i + 1) / w /\ count (up t new) = l / w + 1 /\
  (forall j, j <= (i + 1) / w - 1 -> at_ (up t old) j = at_ (up t new) j) /\
  red (bits (l / w)) (up t old) = red (bits l) old /\
  red (bits (l / w)) (up t new) = red (bits l) new.
Proof.
  induction i as [|i I0 IH] using halving_ind; intros l old new I A B F.
  - cbn. rewrite !N.div_1_r. repeat split; try easy; lia.
  - assert (Z : i + 1 <> 0) by lia.
    rewrite (bits_step i I0), (bits_step (i + 1) Z). cbn [climb_right_edge trailing_zeros].
    destruct (N.eqb_spec (i mod 2) 1) as [O|O].
    + rewrite (proj2 (N.eqb_eq ((i + 1) mod 2) 0)) by lia.
      assert (L : l <> 0) by lia.
      specialize (IH (l / 2) (above old) (above new)).
      destruct IH as (R & D & P1 & P2 & G & T & U); [lia|now apply length_above|now apply
        length_above
        |now apply (same_row_above i l)|].
      replace ((i + 1) / 2) with (i / 2 + 1) by lia.
      set (t := trailing_zeros _ _) in *.
      replace (N.to_nat (1 + t)) with (S (N.to_nat t)) by lia.
      cbn zeta. rewrite Nat2N.inj_succ, N.pow_succ_r'.
      assert (W : 2 ^ N.of_nat (N.to_nat t) <> 0) by (apply N.pow_nonzero; lia).
      rewrite <- !N.div_div by (easy || lia).
      replace ((i + 1) / 2) with (i / 2 + 1) by lia. cbn [MerkleSlices.up].
      repeat split; try easy.
      * rewrite <- N.mul_assoc, D. lia.
      * rewrite T, (bits_step l L). easy.
      * rewrite U, (bits_step l L). easy.
    + rewrite (proj2 (N.eqb_neq ((i + 1) mod 2) 0)) by lia.
      cbn zeta. change (N.to_nat 0) with 0%nat. cbn [MerkleSlices.up]. change (2 ^ N.of_nat 0)
        with 1.
      rewrite !N.div_1_r, N.mul_1_l, N.add_sub. now repeat split.
Qed.

End Start.
