(* SPDX-License-Identifier: MIT *)
(* The paths that the prover of spec/Merkle.v writes are the siblings in the rows of the tree, and
   the loops of the checks get from them to the top. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require MerkleRows MerkleChecks MerkleSlices.
Import ListNotations Spec.Collision Spec.Merkle Proofs.ledger.MerkleRows Proofs.ledger.MerkleChecks
  Proofs.ledger.MerkleSlices.
Open Scope N_scope.

Ltac Zify.zify_post_hook ::= Z.div_mod_to_equations.

Section Honest.
Variable digest : Type.
Variable hash : input digest -> digest.

Notation node := (pp_node_of digest hash).
Notation above := (row_above digest hash).
Notation leaf := (fun e : bytes => hash (Leaf e)).
Notation at_ row i := (nth (N.to_nat i) row (hash Empty)).
Notation red := (red digest hash).
Notation root := (root digest hash).
Notation count l := (N.of_nat (length l)).

(* The siblings on the way up. *)
Fixpoint honest (fuel : nat) (i last : N) (row : list digest) : list digest :=
  match fuel with
  | O => []
  | S fuel =>
      (if i mod 2 =? 1 then [at_ row (i - 1)] else if i <? last then [at_ row (i + 1)] else []) ++
      honest fuel (i / 2) (last / 2) (above row)
  end.

Lemma loop_honest last : forall i row, i <= last -> count row = last + 1 ->
  inclusion_loop digest hash (bits last) i last (honest (bits last) i last row) (at_ row i) =
  Some (red (bits last) row).
Proof.
  induction last as [|last L IH] using halving_ind; intros i row I R.
  - replace i with 0 by lia. destruct row as [|x [|]]; cbn [length] in R; now try lia.
  - assert (I2 : i / 2 <= last / 2) by lia.
    pose proof (length_above _ hash row last R) as R2. specialize (IH (i / 2) (above row) I2 R2).
    rewrite (bits_step last L). cbn [inclusion_loop honest MerkleRows.red].
    rewrite <- IH.
    destruct (N.eqb_spec (i mod 2) 1) as [O|O]; [|destruct (N.ltb_spec i last) as [C|C]];
      cbn [app]; f_equal.
    + rewrite at_pair by lia. f_equal; f_equal; lia.
    + rewrite at_pair by lia. f_equal; f_equal; lia.
    + rewrite at_lonely by lia. f_equal; lia.
Qed.

Lemma same_above i last old new : i <= last -> count old = i + 1 -> count new = last + 1 ->
  (forall j, j < i -> at_ old j = at_ new j) ->
  forall j, j < i / 2 -> at_ (above old) j = at_ (above new) j.
Proof. intros I A B F j J. rewrite !at_pair by lia. now rewrite !F by lia. Qed.

Lemma old_honest last : forall i old new, i <= last -> count old = i + 1 -> count new = last + 1 ->
  (forall j, j < i -> at_ old j = at_ new j) ->
  old_loop digest hash (bits last) i last (honest (bits last) i last new) (at_ old i) =
  Some (red (bits last) old).
Proof.
  induction last as [|last L IH] using halving_ind; intros i old new I A B F.
  - replace i with 0 in * by lia. destruct old as [|x [|]]; cbn [length] in A; now try lia.
  - assert (I2 : i / 2 <= last / 2) by lia.
    pose proof (length_above _ hash old i A) as A2. pose proof (length_above _ hash new last B)
      as B2.
    specialize (IH (i / 2) (above old) (above new) I2 A2 B2 (same_above i last old new I A B F)).
    rewrite (bits_step last L). cbn [old_loop honest MerkleRows.red]. rewrite <- IH.
    destruct (N.eqb_spec (i mod 2) 1) as [O|O]; [|destruct (N.ltb_spec i last) as [C|C]];
      cbn [app]; f_equal.
    + rewrite at_pair, <- F by lia. f_equal; f_equal; lia.
    + rewrite at_lonely by lia. f_equal; lia.
    + rewrite at_lonely by lia. f_equal; lia.
Qed.

(* ---- Ranges of the entries ------------------------------------------------------------------- *)

Notation up := (up digest hash).

Lemma honest_ranges entries last : forall i h,
  i <= last -> last = (count entries - 1) / 2 ^ N.of_nat h -> (0 < length entries)%nat ->
  path_over digest hash entries
    (sibling_ranges (bits last) i last (N.of_nat h) (count entries)) =
  honest (bits last) i last (up h (map leaf entries)).
Proof.
  induction last as [|last L IH] using halving_ind; intros i h I E P; [easy|].
  rewrite (bits_step last L). cbn [sibling_ranges honest].
  specialize (IH (i / 2) (S h)). rewrite Nat2N.inj_succ, N.pow_succ_r' in IH.
  rewrite <- N.add_1_r in IH. cbn [MerkleSlices.up] in IH. rewrite up_above in IH.
  rewrite <- IH; [|lia| |easy].
  2: { rewrite N.mul_comm, <- N.div_div by (try apply N.pow_nonzero; lia). now rewrite <- E. }
  assert (W : 2 ^ N.of_nat h <> 0) by (apply N.pow_nonzero; lia).
  assert (Bound : last * 2 ^ N.of_nat h <= count entries - 1)
    by (rewrite E, N.mul_comm; now apply N.mul_div_le).
  clear IH E. remember (2 ^ N.of_nat h) as w eqn:Ew.
  destruct (N.eqb_spec (i mod 2) 1) as [O|O]; [|destruct (N.ltb_spec i last) as [C|C]];
    [| |easy]; cbn [path_over map app]; f_equal.
  - assert (w <= i * w) by (rewrite <- (N.mul_1_l w) at 1; apply N.mul_le_mono_r; lia).
    pose proof (N.mul_le_mono_r i last w I).
    apply up_slice; rewrite <- ?Ew; clear Ew O.
    + now rewrite N.mul_sub_distr_r, N.mul_1_l.
    + lia.
    + left. lia.
    + lia.
  - assert ((i + 1) * w <= last * w) by (apply N.mul_le_mono_r; lia).
    clear O. remember ((i + 1) * w) as start eqn:Es.
    destruct (N.ltb_spec (count entries - start) w);
      apply up_slice; rewrite <- ?Ew; clear Ew; try easy; clear Es; lia.
Qed.

End Honest.
