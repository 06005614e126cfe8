(* SPDX-License-Identifier: MIT *)
(* Rows of a Merkle tree, for the proofs of spec/Merkle.v: the leaf hashes are the lowest row,
   row_above leads one level up, and the root is what is left at the top. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require Collision.
Import ListNotations Spec.Collision Spec.Merkle.
Open Scope N_scope.

Ltac Zify.zify_post_hook ::= Z.div_mod_to_equations.

(* ---- Halving -------------------------------------------------------------------------------- *)

Lemma bits_step n : n <> 0 -> bits n = S (bits (n / 2)).
Proof.
  intros H. rewrite <- N.div2_div. destruct n as [|[p|p|]]; easy.
Qed.

Lemma halving_ind (P : N -> Prop) :
  P 0 -> (forall n, n <> 0 -> P (n / 2) -> P n) -> forall n, P n.
Proof.
  intros H0 H n. remember (bits n) as b eqn:B. revert n B.
  induction b as [|b IH]; intros n B.
  - destruct n as [|[p|p|]]; easy.
  - destruct (N.eq_dec n 0) as [->|N0]; [easy|].
    apply H; [easy|]. apply IH. rewrite (bits_step n N0) in B. now injection B.
Qed.

Lemma below_bits n : (N.to_nat n < 2 ^ bits n)%nat.
Proof.
  induction n as [|n N0 IH] using halving_ind; [cbn; lia|].
  rewrite (bits_step n N0). cbn [Nat.pow]. lia.
Qed.

Lemma pow2_pos n : (0 < 2 ^ n)%nat.
Proof. induction n; cbn [Nat.pow]; lia. Qed.

Section Rows.
Variable digest : Type.
Variable hash : input digest -> digest.

Notation node := (pp_node_of digest hash).
Notation above := (row_above digest hash).
Notation leaf := (fun e : bytes => hash (Leaf e)).

Lemma pair_ind (P : list digest -> Prop) :
  P [] -> (forall x, P [x]) -> (forall x y l, P l -> P (x :: y :: l)) -> forall l, P l.
Proof.
  intros H0 H1 H2. fix F 1. intros [|x [|y l]]; [apply H0|apply H1|apply H2, F].
Qed.

Lemma above_length row :
  (2 * length (above row) = length row \/ 2 * length (above row) = S (length row))%nat.
Proof. induction row using pair_ind; cbn [row_above length] in *; lia. Qed.

Lemma above_app k : forall a b, length a = (2 * k)%nat -> above (a ++ b) = above a ++ above b.
Proof.
  induction k as [|k IH]; intros [|x [|y a]] b H; cbn in *; try lia; [easy|].
  rewrite IH; [easy|lia].
Qed.

Lemma above_pair k d : forall row, (2 * k + 1 < length row)%nat ->
  nth k (above row) d = node (nth (2 * k) row d) (nth (2 * k + 1) row d).
Proof.
  induction k as [|k IH]; intros [|x [|y row]] H; cbn [length] in *; try lia; [easy|].
  replace (2 * S k)%nat with (S (S (2 * k))) by lia.
  cbn [row_above nth Nat.add]. apply IH. lia.
Qed.

Lemma above_lonely k d : forall row, (2 * k + 1 = length row)%nat ->
  nth k (above row) d = nth (2 * k) row d.
Proof.
  induction k as [|k IH]; intros [|x [|y row]] H; cbn [length] in *; try lia; [easy|].
  replace (2 * S k)%nat with (S (S (2 * k))) by lia.
  cbn [row_above nth]. apply IH. lia.
Qed.

Lemma row_input k d : forall row, (2 * k + 1 < length row)%nat ->
  In (Node (nth (2 * k) row d) (nth (2 * k + 1) row d)) (row_inputs digest row).
Proof.
  induction k as [|k IH]; intros [|x [|y row]] H; cbn [length] in *; try lia; [now left|].
  replace (2 * S k)%nat with (S (S (2 * k))) by lia.
  cbn [row_inputs nth Nat.add]. right. apply IH. lia.
Qed.

(* What is left of a row so many levels up. *)
Fixpoint red (height : nat) (row : list digest) : digest :=
  match height with
  | O => hd (hash Empty) row
  | S height => red height (above row)
  end.

Lemma red_split h : forall a b, (length a = 2 ^ h)%nat -> (1 <= length b <= 2 ^ h)%nat ->
  red (S h) (a ++ b) = node (red h a) (red h b).
Proof.
  induction h as [|h IH]; intros a b A B.
  - cbn in A, B. destruct a as [|x [|]], b as [|y [|]]; cbn in *; easy || lia.
  - change (red (S (S h)) (a ++ b)) with (red (S h) (above (a ++ b))).
    cbn [Nat.pow] in *. rewrite (above_app (2 ^ h)) by lia.
    pose proof (above_length a). pose proof (above_length b). rewrite IH; [easy|lia|lia].
Qed.

Lemma red_extra l : forall row, (1 <= length row <= 2 ^ l)%nat -> red (S l) row = red l row.
Proof.
  induction l as [|l IH]; intros row H.
  - destruct row as [|x [|]]; cbn in *; easy || lia.
  - change (red (S (S l)) row) with (red (S l) (above row)).
    pose proof (above_length row). cbn [Nat.pow] in H. rewrite IH; [easy|lia].
Qed.

Lemma pow2_mono a b : (a <= b -> 2 ^ a <= 2 ^ b)%nat.
Proof. apply Nat.pow_le_mono_r. lia. Qed.

Lemma red_more l m row : (1 <= length row <= 2 ^ l)%nat -> (l <= m)%nat -> red m row = red l row.
Proof.
  intros H. induction 1 as [|m L IH]; [easy|].
  rewrite red_extra; [easy|]. pose proof (pow2_mono l m L). lia.
Qed.

Lemma inputs_extra l : forall row, (1 <= length row <= 2 ^ l)%nat ->
  rows_inputs digest hash (S l) row = rows_inputs digest hash l row.
Proof.
  induction l as [|l IH]; intros row H.
  - destruct row as [|x [|]]; cbn in *; easy || lia.
  - change (rows_inputs digest hash (S (S l)) row)
      with (row_inputs digest row ++ rows_inputs digest hash (S l) (above row)).
    pose proof (above_length row). cbn [Nat.pow] in H. rewrite IH; [easy|lia].
Qed.

Lemma inputs_more l m row : (1 <= length row <= 2 ^ l)%nat -> (l <= m)%nat ->
  rows_inputs digest hash m row = rows_inputs digest hash l row.
Proof.
  intros H. induction 1 as [|m L IH]; [easy|].
  rewrite inputs_extra; [easy|]. pose proof (pow2_mono l m L). lia.
Qed.

(* ---- The RFC's recursion and the rows -------------------------------------------------------- *)

Lemma split_bounds n : (1 < n -> let j := Nat.log2 (n - 1) in
  split n = 2 ^ j /\ 2 ^ j < n /\ n <= 2 ^ S j)%nat.
Proof.
  intros H j. destruct (Nat.log2_spec (n - 1)) as [A B]; [lia|].
  unfold split. fold j in A, B |- *. cbn [Nat.pow] in *. lia.
Qed.

Lemma root_fuel_step fuel entries : (1 < length entries)%nat ->
  root_fuel digest hash (S fuel) entries =
  node (root_fuel digest hash fuel (firstn (split (length entries)) entries))
       (root_fuel digest hash fuel (skipn (split (length entries)) entries)).
Proof. destruct entries as [|x [|y l]]; cbn [length]; intros; easy || lia. Qed.

Lemma root_fuel_red f : forall h entries,
  (0 < length entries <= f)%nat -> (length entries <= 2 ^ h)%nat ->
  root_fuel digest hash f entries = red h (map leaf entries).
Proof.
  induction f as [|f IH]; intros h entries F H; [lia|].
  destruct (Compare_dec.le_lt_dec 2 (length entries)) as [L|L].
  - rewrite root_fuel_step by lia.
    destruct (split_bounds (length entries) L) as (K & A & B).
    set (j := Nat.log2 (length entries - 1)) in *. rewrite K.
    assert (P : (0 < 2 ^ j)%nat) by apply pow2_pos.
    assert (S j <= h)%nat. {
      apply Nat.nlt_ge. intros C. pose proof (pow2_mono h j). lia. }
    cbn [Nat.pow] in B.
    rewrite (IH j), (IH j); rewrite ?firstn_length, ?skipn_length; try lia.
    rewrite <- red_split; rewrite ?map_length, ?firstn_length, ?skipn_length; try lia.
    rewrite <- map_app, firstn_skipn. symmetry.
    apply red_more; rewrite ?map_length; cbn [Nat.pow]; lia.
  - destruct entries as [|x [|]]; cbn in L, F; try lia.
    symmetry. exact (red_more 0 h [leaf x] (conj (le_n _) (le_n _)) (Nat.le_0_l h)).
Qed.

Lemma root_red h entries : (0 < length entries <= 2 ^ h)%nat ->
  root digest hash entries = red h (map leaf entries).
Proof. intros H. apply root_fuel_red; lia. Qed.

Lemma height_enough n : (n <= 2 ^ tree_height n)%nat.
Proof. pose proof (below_bits (N.of_nat n - 1)). unfold tree_height. lia. Qed.

(* ---- Two rows: from the nodes above to the nodes below --------------------------------------- *)

Notation at_ row i := (nth (N.to_nat i) row (hash Empty)).

Lemma length_above row last : N.of_nat (length row) = last + 1 ->
  N.of_nat (length (above row)) = last / 2 + 1.
Proof. pose proof (above_length row). lia. Qed.

Lemma at_pair row k : 2 * k + 1 < N.of_nat (length row) ->
  at_ (above row) k = node (at_ row (2 * k)) (at_ row (2 * k + 1)).
Proof.
  intros H. rewrite above_pair by lia. f_equal; f_equal; lia.
Qed.

Lemma at_lonely row k : 2 * k + 1 = N.of_nat (length row) ->
  at_ (above row) k = at_ row (2 * k).
Proof. intros H. rewrite above_lonely by lia. f_equal; lia. Qed.

Lemma in_row row k : 2 * k + 1 < N.of_nat (length row) ->
  In (Node (at_ row (2 * k)) (at_ row (2 * k + 1))) (row_inputs digest row).
Proof.
  intros H. replace (N.to_nat (2 * k)) with (2 * N.to_nat k)%nat by lia.
  replace (N.to_nat (2 * k + 1)) with (2 * N.to_nat k + 1)%nat by lia.
  apply row_input. lia.
Qed.

Lemma parity i : (i mod 2 = 0 /\ i = 2 * (i / 2)) \/ (i mod 2 = 1 /\ i = 2 * (i / 2) + 1).
Proof. lia. Qed.

End Rows.

