(* SPDX-License-Identifier: MIT *)
(* A node of a row of the tree is the root over its slice of the entries. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require MerkleRows.
Import ListNotations Spec.Collision Spec.Merkle Proofs.ledger.MerkleRows.
Open Scope N_scope.

Ltac Zify.zify_post_hook ::= Z.div_mod_to_equations.

Section Slices.
Variable digest : Type.
Variable hash : input digest -> digest.

Notation node := (pp_node_of digest hash).
Notation above := (row_above digest hash).
Notation leaf := (fun e : bytes => hash (Leaf e)).
Notation at_ row i := (nth (N.to_nat i) row (hash Empty)).
Notation red := (red digest hash).
Notation root := (root digest hash).
Notation count l := (N.of_nat (length l)).

(* ---- Rows and slices of the entries ---------------------------------------------------------- *)

Fixpoint up (height : nat) (row : list digest) : list digest :=
  match height with O => row | S height => up height (above row) end.

Lemma up_above h : forall row, up h (above row) = above (up h row).
Proof. induction h as [|h IH]; intros row; [easy|]. cbn [up]. now rewrite IH. Qed.

Lemma up_block h : forall x a b c, length a = (x * 2 ^ h)%nat -> (1 <= length b <= 2 ^ h)%nat ->
  length b = (2 ^ h)%nat \/ c = [] -> nth x (up h (a ++ b ++ c)) (hash Empty) = red h b.
Proof.
  induction h as [|h IH]; intros x a b c A B C.
  - cbn [Nat.pow] in *. destruct b as [|y [|]]; cbn [length] in B; try lia.
    rewrite Nat.mul_1_r in A. subst x. apply nth_middle.
  - cbn [up MerkleRows.red]. cbn [Nat.pow] in *.
    rewrite (above_app _ hash (x * 2 ^ h)%nat) by lia.
    pose proof (above_length _ hash a). pose proof (above_length _ hash b).
    assert (E : above (b ++ c) = above b ++ above c). {
      destruct C as [C| ->]; [apply (above_app _ hash (2 ^ h)%nat); lia|].
      cbn. now rewrite !app_nil_r. }
    rewrite E. apply IH; [lia|lia|]. destruct C as [C| ->]; [left; lia|now right].
Qed.

(* Node x at a height is the root over its slice, cut off at the right edge. *)
Lemma up_slice entries h x start stop :
  start = x * 2 ^ N.of_nat h -> start < stop ->
  stop = start + 2 ^ N.of_nat h \/ (stop = count entries /\ stop < start + 2 ^ N.of_nat h) ->
  stop <= count entries ->
  root (slice entries (start, stop)) = at_ (up h (map leaf entries)) x.
Proof.
  intros A L C S. unfold slice; cbn [fst snd].
  assert (P : N.to_nat (2 ^ N.of_nat h) = (2 ^ h)%nat) by (rewrite N2Nat.inj_pow; f_equal; lia).
  assert (LB : length (firstn (N.to_nat (stop - start)) (skipn (N.to_nat start) entries)) =
    N.to_nat (stop - start)) by (rewrite firstn_length, skipn_length; lia).
  rewrite (root_red _ _ h) by (rewrite LB; lia).
  set (b := firstn _ _) in *.
  rewrite <- (firstn_skipn (N.to_nat start) entries).
  rewrite <- (firstn_skipn (N.to_nat (stop - start)) (skipn (N.to_nat start) entries)).
  fold b. rewrite !map_app. symmetry. apply up_block.
  - rewrite map_length, firstn_length, <- P. subst start.
    rewrite <- N2Nat.inj_mul. lia.
  - rewrite map_length, LB. lia.
  - rewrite map_length, LB. destruct C as [C|[C _]]; [left; lia|right].
    rewrite skipn_all2; [easy|]. rewrite skipn_length. lia.
Qed.

End Slices.
