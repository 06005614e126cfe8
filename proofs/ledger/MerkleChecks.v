(* SPDX-License-Identifier: MIT *)
(* The inclusion and consistency loops of spec/Merkle.v on rows of a tree: what they accept under
   the top of a row is what stands in the row, or two hashed inputs collide. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require Collision MerkleRows.
Import ListNotations Spec.Collision Spec.Merkle Proofs.ledger.MerkleRows.
Open Scope N_scope.

Ltac Zify.zify_post_hook ::= Z.div_mod_to_equations.

Lemma in_left {A} (a b : list A) x : In x a -> In x (a ++ b).
Proof. intros; apply in_or_app; now left. Qed.

Lemma in_right {A} (a b : list A) x : In x b -> In x (a ++ b).
Proof. intros; apply in_or_app; now right. Qed.

Section Checks.
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

(* ---- Inclusion ------------------------------------------------------------------------------- *)

Variable inputs : list (input digest).
Hypothesis injective :
  forall x y, In x inputs -> In y inputs -> hash x = hash y -> x = y.

Lemma node_injective a b c d : In (Node a b) inputs -> In (Node c d) inputs ->
  node a b = node c d -> a = c /\ b = d.
Proof. intros I J E. apply injective in E; [now injection E|easy|easy]. Qed.

(* What is accepted under the top of a row is the node of the row. *)
Lemma path_sound last : forall i row path h,
  i <= last -> N.of_nat (length row) = last + 1 ->
  incl (rows_inputs (bits last) row) inputs -> incl (path_inputs (bits last) i last path h)
    inputs ->
  loop (bits last) i last path h = Some (red (bits last) row) -> h = at_ row i.
Proof.
  induction last as [|last L IH] using halving_ind; intros i row path h I R S T.
  - replace i with 0 by lia. destruct row as [|x [|]]; cbn [length] in R; try lia.
    cbn. destruct path; [|easy]. now intros [= ->].
  - rewrite (bits_step last L) in *.
    cbn [inclusion_loop MerkleRows.red Spec.Merkle.rows_inputs Spec.Merkle.path_inputs] in *.
    assert (I2 : i / 2 <= last / 2) by lia.
    pose proof (length_above _ hash row last R) as R2.
    assert (S2 : incl (rows_inputs (bits (last / 2)) (above row)) inputs)
      by (intros x X; apply S, in_right, X).
    assert (P : 2 * (i / 2) + 1 < N.of_nat (length row) ->
      In (Node (at_ row (2 * (i / 2))) (at_ row (2 * (i / 2) + 1))) inputs)
      by (intros; apply S, in_left, in_row; easy).
    destruct (N.eqb_spec (i mod 2) 1) as [O|O]; [|destruct (N.ltb_spec i last) as [B|B]];
      (destruct path as [|s path]; [try easy|]); intros E.
    + apply IH in E; try easy; [|intros x X; apply T; now right].
      rewrite at_pair in E by lia.
      apply node_injective in E as [_ E]; [|apply T; now left|apply P; lia].
      rewrite E. f_equal. lia.
    + apply IH in E; try easy; [|intros x X; apply T; now right].
      rewrite at_pair in E by lia.
      apply node_injective in E as [E _]; [|apply T; now left|apply P; lia].
      rewrite E. f_equal. lia.
    + apply IH in E; try easy; [|destruct (bits (last / 2)); easy].
      rewrite at_lonely in E by lia. rewrite E. f_equal. lia.
    + apply IH in E; try easy.
      rewrite at_lonely in E by lia. rewrite E. f_equal. lia.
Qed.

(* ---- Consistency ----------------------------------------------------------------------------- *)

(* consistency_loop as two loops that go up one level at a time: inclusion_loop for the new root,
   and this for the old one. *)
Fixpoint old_loop (fuel : nat) (i last : N) (path : list digest) (h : digest) : option digest :=
  match fuel with
  | O => match path with [] => Some h | _ => None end
  | S fuel =>
      if i mod 2 =? 1 then
        match path with
        | [] => None
        | s :: path => old_loop fuel (i / 2) (last / 2) path (node s h)
        end
      else if i <? last then
        match path with
        | [] => None
        | s :: path => old_loop fuel (i / 2) (last / 2) path h
        end
      else old_loop fuel (i / 2) (last / 2) path h
  end.

(* Below an accepted old top are the node itself and, before it, the nodes of the new row. *)
Lemma old_sound last : forall i old new path ho hn,
  i <= last -> N.of_nat (length old) = i + 1 -> N.of_nat (length new) = last + 1 ->
  incl (rows_inputs (bits last) old) inputs -> incl (rows_inputs (bits last) new) inputs ->
  incl (old_inputs digest hash (bits last) i last path ho) inputs ->
  incl (path_inputs (bits last) i last path hn) inputs ->
  old_loop (bits last) i last path ho = Some (red (bits last) old) ->
  loop (bits last) i last path hn = Some (red (bits last) new) ->
  ho = at_ old i /\ forall j, j < i -> at_ old j = at_ new j.
Proof.
  induction last as [|last L IH] using halving_ind; intros i old new path ho hn I A B SA SB TA TB.
  - replace i with 0 in * by lia. destruct old as [|x [|]]; cbn [length] in A; try lia.
    cbn. destruct path; [|easy]. intros [= ->] _. split; [easy|lia].
  - intros EA EB. pose proof (path_sound last i new path hn I B SB TB EB) as Q.
    rewrite (bits_step last L) in *.
    cbn [old_loop inclusion_loop MerkleRows.red Spec.Merkle.rows_inputs Spec.Merkle.path_inputs
         Spec.Merkle.old_inputs] in *.
    assert (I2 : i / 2 <= last / 2) by lia.
    pose proof (length_above _ hash old i A) as A2.
    pose proof (length_above _ hash new last B) as B2.
    assert (SA2 : incl (rows_inputs (bits (last / 2)) (above old)) inputs)
      by (intros x X; apply SA, in_right, X).
    assert (SB2 : incl (rows_inputs (bits (last / 2)) (above new)) inputs)
      by (intros x X; apply SB, in_right, X).
    assert (PA : forall k, 2 * k + 1 < i + 1 ->
      In (Node (at_ old (2 * k)) (at_ old (2 * k + 1))) inputs)
      by (intros; apply SA, in_left, in_row; lia).
    assert (PB : forall k, 2 * k + 1 < last + 1 ->
      In (Node (at_ new (2 * k)) (at_ new (2 * k + 1))) inputs)
      by (intros; apply SB, in_left, in_row; lia).
    assert (before : (forall j, j < i / 2 -> at_ (above old) j = at_ (above new) j) ->
                     forall j, j < 2 * (i / 2) -> at_ old j = at_ new j). {
      intros F j J. specialize (F (j / 2)). rewrite !at_pair in F by lia.
      apply node_injective in F as [F G]; [|apply PA; lia|apply PB; lia|lia].
      destruct (parity j) as [[_ M]|[_ M]]; now rewrite M. }
    destruct (N.eqb_spec (i mod 2) 1) as [O|O]; [|destruct (N.ltb_spec i last) as [C|C]].
    + destruct path as [|s path]; [easy|].
      pose proof EB as EB2. apply path_sound in EB2; try easy; [|intros x X; apply TB; now right].
      eapply (IH (i / 2)) in EA as [E F]; try eassumption;
        [|intros x X; apply TA; now right|intros x X; apply TB; now right].
      rewrite at_pair in E by lia. rewrite at_pair in EB2 by lia.
      apply node_injective in E as [E1 E2]; [|apply TA; now left|apply PA; lia].
      apply node_injective in EB2 as [G1 G2]; [|apply TB; now left|apply PB; lia].
      split; [rewrite E2; f_equal; lia|]. intros j J.
      destruct (N.eq_dec j (2 * (i / 2))) as [->|]; [now rewrite <- E1, <- G1|].
      apply before; [easy|lia].
    + destruct path as [|s path]; [easy|].
      eapply (IH (i / 2)) in EA as [E F]; try eassumption; [|intros x X; apply TB; now right].
      rewrite at_lonely in E by lia.
      split; [rewrite E; f_equal; lia|]. intros j J. apply before; [easy|lia].
    + assert (TA2 : incl (old_inputs digest hash (bits (last / 2)) (i / 2) (last / 2) path ho)
      inputs)
        by (destruct path; [destruct (bits (last / 2)); easy|easy]).
      assert (TB2 : incl (path_inputs (bits (last / 2)) (i / 2) (last / 2) path hn) inputs)
        by (destruct path; [destruct (bits (last / 2)); easy|easy]).
      eapply (IH (i / 2)) in EA as [E F]; try eassumption.
      rewrite at_lonely in E by lia.
      split; [rewrite E; f_equal; lia|]. intros j J. apply before; [easy|lia].
Qed.

End Checks.
