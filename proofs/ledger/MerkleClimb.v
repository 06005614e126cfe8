(* SPDX-License-Identifier: MIT *)
(* The loops of consistency_check in spec/Merkle.v are the loops of MerkleChecks.v, and what they
   accept shows that one row begins with the other, or two hashed inputs collide. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require MerkleRows MerkleChecks.
Import ListNotations Spec.Collision Spec.Merkle Proofs.ledger.MerkleRows Proofs.ledger.MerkleChecks.
Open Scope N_scope.

Ltac Zify.zify_post_hook ::= Z.div_mod_to_equations.

Section Climb.
Variable digest : Type.
Variable hash : input digest -> digest.

Notation node := (pp_node_of digest hash).
Notation above := (row_above digest hash).
Notation leaf := (fun e : bytes => hash (Leaf e)).
Notation at_ row i := (nth (N.to_nat i) row (hash Empty)).
Notation red := (red digest hash).
Notation loop := (inclusion_loop digest hash).
Notation rows_inputs := (rows_inputs digest hash).
Notation path_inputs := (path_inputs digest hash).

Notation old_loop := (old_loop digest hash).

(* The climb with its inner loops is the two loops side by side. *)
Lemma rise_step i l : i <> 0 -> i mod 2 = 0 ->
  rise (bits i) i l = rise (bits (i / 2)) (i / 2) (l / 2).
Proof.
  intros I E. rewrite (bits_step i I). cbn [rise].
  now rewrite (proj2 (N.eqb_eq _ _) E), (proj2 (N.eqb_neq _ _) I).
Qed.

Lemma rise_odd i l : i mod 2 = 1 -> rise (bits i) i l = (i, l).
Proof. intros E. destruct (bits i); cbn [rise]; [easy|]. now rewrite E. Qed.

Definition finish (c : option (climb digest)) : option (digest * digest) :=
  match c with
  | Some c => if last digest c =? 0 then Some (old_root digest c, new_root digest c) else None
  | None => None
  end.

Definition both (o n : option digest) : option (digest * digest) :=
  match o, n with Some o, Some n => Some (o, n) | _, _ => None end.

Lemma climb_is_loops l : forall i path ho hn, i <= l ->
  finish (consistency_loop digest hash path (Climb digest i l ho hn)) =
  both (old_loop (bits l) i l path ho) (loop (bits l) i l path hn).
Proof.
  induction l as [|l L IH] using halving_ind; intros i path ho hn I.
  - now destruct path.
  - assert (I2 : i / 2 <= l / 2) by lia.
    rewrite (bits_step l L). cbn [old_loop inclusion_loop].
    destruct (N.eqb_spec (i mod 2) 1) as [O|O]; [|destruct (N.ltb_spec i l) as [C|C]].
    + destruct path as [|s path]; cbn [consistency_loop finish last];
        rewrite (proj2 (N.eqb_neq _ _) L); [easy|].
      unfold climb_step; cbn [index last old_root new_root].
      rewrite (proj2 (N.eqb_eq _ _) O), (rise_odd i l O). cbn [orb]. now apply IH.
    + destruct path as [|s path]; cbn [consistency_loop finish last];
        rewrite (proj2 (N.eqb_neq _ _) L); [easy|].
      unfold climb_step; cbn [index last old_root new_root].
      rewrite (proj2 (N.eqb_neq _ _) O), (proj2 (N.eqb_neq i l)) by lia. cbn [orb]. now apply IH.
    + assert (i = l) as -> by lia. rewrite <- (IH (l / 2)) by easy.
      assert (N2 : l / 2 <> 0) by lia.
      destruct path as [|s path]; cbn [consistency_loop finish last];
        rewrite (proj2 (N.eqb_neq _ _) L), (proj2 (N.eqb_neq _ _) N2); [easy|].
      unfold climb_step; cbn [index last old_root new_root].
      rewrite !N.eqb_refl, !orb_true_r, (rise_step l l) by lia. easy.
Qed.

Variable inputs : list (input digest).
Hypothesis injective :
  forall x y, In x inputs -> In y inputs -> hash x = hash y -> x = y.

Let path_sound := path_sound digest hash inputs injective.
Let old_sound := old_sound digest hash inputs injective.
Let node_injective := node_injective digest hash inputs injective.

(* Two rows from whose right edge the climb starts with one and the same node. *)
Lemma start_sound i : forall l old new path seed,
  i <= l -> N.of_nat (length old) = i + 1 -> N.of_nat (length new) = l + 1 ->
  incl (rows_inputs (bits l) old) inputs -> incl (rows_inputs (bits l) new) inputs ->
  let (i0, l0) := climb_right_edge (bits i) i l in
  incl (old_inputs digest hash (bits l0) i0 l0 path seed) inputs ->
  incl (path_inputs (bits l0) i0 l0 path seed) inputs ->
  old_loop (bits l0) i0 l0 path seed = Some (red (bits l) old) ->
  loop (bits l0) i0 l0 path seed = Some (red (bits l) new) ->
  forall j, j <= i -> at_ old j = at_ new j.
Proof.
  assert (base : forall i l old new path seed,
    i <= l -> N.of_nat (length old) = i + 1 -> N.of_nat (length new) = l + 1 ->
    incl (rows_inputs (bits l) old) inputs -> incl (rows_inputs (bits l) new) inputs ->
    incl (old_inputs digest hash (bits l) i l path seed) inputs ->
    incl (path_inputs (bits l) i l path seed) inputs ->
    old_loop (bits l) i l path seed = Some (red (bits l) old) ->
    loop (bits l) i l path seed = Some (red (bits l) new) ->
    forall j, j <= i -> at_ old j = at_ new j). {
    intros i' l old new path seed I A B SA SB TA TB EA EB j J.
    pose proof (path_sound _ _ _ _ _ I B SB TB EB) as Q.
    destruct (old_sound _ _ _ _ _ _ _ I A B SA SB TA TB EA EB) as [P F].
    destruct (N.eq_dec j i') as [->|]; [now rewrite <- P, <- Q|apply F; lia]. }
  induction i as [|i I0 IH] using halving_ind; intros l old new path seed I A B SA SB.
  - cbn [climb_right_edge bits N.size_nat]. now apply base.
  - rewrite (bits_step i I0). cbn [climb_right_edge].
    destruct (N.eqb_spec (i mod 2) 1) as [O|O]; [|now apply base].
    assert (L : l <> 0) by lia.
    assert (I2 : i / 2 <= l / 2) by lia.
    pose proof (length_above _ hash old i A) as A2.
    pose proof (length_above _ hash new l B) as B2.
    rewrite (bits_step l L) in *. cbn [MerkleRows.red Spec.Merkle.rows_inputs] in *.
    specialize (IH (l / 2) (above old) (above new) path seed I2 A2 B2
      (fun x X => SA x (in_right _ _ x X)) (fun x X => SB x (in_right _ _ x X))).
    destruct (climb_right_edge _ _ _) as [i0 l0]. intros TA TB EA EB j J.
    specialize (IH TA TB EA EB (j / 2)). rewrite !at_pair in IH by lia.
    apply node_injective in IH as [F G]; [|apply SA, in_left, in_row; lia
      |apply SB, in_left, in_row; lia|lia].
    destruct (parity j) as [[_ M]|[_ M]]; now rewrite M.
Qed.

End Climb.
