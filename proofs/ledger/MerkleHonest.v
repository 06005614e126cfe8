(* SPDX-License-Identifier: MIT *)
(* The paths that the prover of spec/Merkle.v writes are the siblings in the rows of the tree, and
   the loops of the checks get from them to the top. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require MerkleRows MerkleChecks.
Import ListNotations Spec.Collision Spec.Merkle Proofs.ledger.MerkleRows Proofs.ledger.MerkleChecks.
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
    pose proof (length_above _ hash old i A) as A2. pose proof (length_above _ hash new last B) as B2.
    specialize (IH (i / 2) (above old) (above new) I2 A2 B2 (same_above i last old new I A B F)).
    rewrite (bits_step last L). cbn [old_loop honest MerkleRows.red]. rewrite <- IH.
    destruct (N.eqb_spec (i mod 2) 1) as [O|O]; [|destruct (N.ltb_spec i last) as [C|C]];
      cbn [app]; f_equal.
    + rewrite at_pair, <- F by lia. f_equal; f_equal; lia.
    + rewrite at_lonely by lia. f_equal; lia.
    + rewrite at_lonely by lia. f_equal; lia.
Qed.

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

Lemma honest_ranges entries last : forall i h,
  i <= last -> last = (count entries - 1) / 2 ^ N.of_nat h -> (0 < length entries)%nat ->
  path_over digest hash entries
    (sibling_ranges (bits last) i last (N.of_nat h) (count entries)) =
  honest (bits last) i last (up h (map leaf entries)).
Proof.
  induction last as [|last L IH] using halving_ind; intros i h I E P; [easy|].
  rewrite (bits_step last L). cbn [sibling_ranges honest].
  specialize (IH (i / 2) (S h)). rewrite Nat2N.inj_succ, N.pow_succ_r' in IH.
  rewrite <- N.add_1_r in IH. cbn [up] in IH. rewrite up_above in IH.
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
      destruct IH as (R & D & P1 & P2 & G & T & U); [lia|now apply length_above|now apply length_above
        |now apply (same_row_above i l)|].
      replace ((i + 1) / 2) with (i / 2 + 1) by lia.
      set (t := trailing_zeros _ _) in *.
      replace (N.to_nat (1 + t)) with (S (N.to_nat t)) by lia.
      cbn zeta. rewrite Nat2N.inj_succ, N.pow_succ_r'.
      assert (W : 2 ^ N.of_nat (N.to_nat t) <> 0) by (apply N.pow_nonzero; lia).
      rewrite <- !N.div_div by (easy || lia).
      replace ((i + 1) / 2) with (i / 2 + 1) by lia. cbn [up].
      repeat split; try easy.
      * rewrite <- N.mul_assoc, D. lia.
      * rewrite T, (bits_step l L). easy.
      * rewrite U, (bits_step l L). easy.
    + rewrite (proj2 (N.eqb_neq ((i + 1) mod 2) 0)) by lia.
      cbn zeta. change (N.to_nat 0) with 0%nat. cbn [up]. change (2 ^ N.of_nat 0) with 1.
      rewrite !N.div_1_r, N.mul_1_l, N.add_sub. now repeat split.
Qed.

End Honest.
