(* SPDX-License-Identifier: MIT *)
(* The growing tree of spec/Merkle.v: its peaks are the odd last nodes of the complete rows, and
   folding them gives what is left of the lowest row. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require MerkleRows.
Import ListNotations Spec.Collision Spec.Merkle Proofs.ledger.MerkleRows.
Open Scope N_scope.

Ltac Zify.zify_post_hook ::= Z.div_mod_to_equations.

Section Grow.
Variable digest : Type.
Variable hash : input digest -> digest.

Notation node := (pp_node_of digest hash).
Notation above := (row_above digest hash).
Notation pairs := (pairs digest hash).
Notation leaf := (fun e : bytes => hash (Leaf e)).
Notation red := (red digest hash).
Notation count l := (N.of_nat (length l)).

Lemma pairs_app k : forall a b, length a = (2 * k)%nat -> pairs (a ++ b) = pairs a ++ pairs b.
Proof.
  induction k as [|k IH]; intros [|x [|y a]] b H; cbn in *; try lia; [easy|].
  rewrite IH; [easy|lia].
Qed.

Lemma pairs_above k : forall a, length a = (2 * k)%nat -> above a = pairs a.
Proof.
  induction k as [|k IH]; intros [|x [|y a]] H; cbn in *; try lia; [easy|].
  rewrite IH; [easy|lia].
Qed.

Lemma pairs_count row : count (pairs row) = count row / 2.
Proof.
  induction row as [| |x y l IH] using pair_ind; cbn [Spec.Merkle.pairs length] in *; lia.
Qed.

Lemma half (n : nat) : N.of_nat n mod 2 <> 1 -> n = (2 * N.to_nat (N.of_nat n / 2))%nat.
Proof. lia. Qed.

(* These are the peaks of this complete row. *)
Fixpoint peaks_of (row : list digest) (peaks : list digest) : Prop :=
  match peaks with
  | [] => row = []
  | peak :: higher =>
      (count row mod 2 = 1 -> exists before, row = before ++ [peak]) /\ peaks_of (pairs row) higher
  end.

Lemma new_peak_last peak row : count row mod 2 = 1 ->
  exists before, row = before ++ [new_peak digest peak row].
Proof.
  intros O. unfold new_peak.
  destruct (Nat.odd (length row)) eqn:E.
  - exists (removelast row). apply app_removelast_last. now intros ->.
  - rewrite <- Nat.negb_even in E. apply negb_false_iff, Nat.even_spec in E as [k E]. lia.
Qed.

Lemma new_peak_even peak row : count row mod 2 <> 1 -> new_peak digest peak row = peak.
Proof.
  intros O. unfold new_peak.
  destruct (Nat.odd (length row)) eqn:E; [|easy]. apply Nat.odd_spec in E as [k E]. lia.
Qed.

Lemma append_peaks peaks : forall row nodes, peaks_of row peaks ->
  count row + count nodes < 2 ^ count peaks ->
  peaks_of (row ++ nodes) (append_levels digest hash peaks (count row) nodes).
Proof.
  induction peaks as [|peak higher IH]; intros row nodes P H.
  - destruct nodes; [now rewrite app_nil_r|]. cbn [length] in H. change (2 ^ N.of_nat 0) with 1
    in H.
    lia.
  - destruct P as [O P]. cbn [append_levels]. destruct nodes as [|x rest].
    + rewrite app_nil_r. now split.
    + cbn [length] in H. rewrite Nat2N.inj_succ, Nat2N.inj_succ, N.pow_succ_r' in H.
      pose proof (pairs_count row) as PC. pose proof (pairs_count rest) as PR.
      unfold reduce_level. destruct (N.eqb_spec (count row mod 2) 1) as [E|E].
      * destruct (O E) as [before ->]. rewrite app_length in E. cbn [length] in E.
        assert (B : length before = (2 * N.to_nat (count before / 2))%nat) by lia.
        assert (R : pairs (before ++ [peak]) = pairs before)
          by (rewrite (pairs_app _ _ _ B); apply app_nil_r).
        rewrite <- app_assoc. cbn [app peaks_of]. split.
        -- intros F. rewrite app_length in F. cbn [length] in F.
           destruct (new_peak_last peak rest) as [r R2]; [lia|].
           exists (before ++ peak :: x :: r). rewrite R2 at 1. now rewrite <- app_assoc.
        -- rewrite (pairs_app _ _ _ B). cbn [Spec.Merkle.pairs].
           rewrite R in P, PC. rewrite <- PC.
           apply (IH (pairs before) (node peak x :: pairs rest)); [easy|].
           cbn [length]. rewrite app_length in *. cbn [length] in *. lia.
      * pose proof (half _ E) as B. cbn [peaks_of]. split.
        -- intros F. rewrite app_length in F.
           destruct (new_peak_last peak (x :: rest)) as [r R2]; [lia|].
           exists (row ++ r). rewrite R2 at 1. now rewrite app_assoc.
        -- rewrite (pairs_app _ _ _ B), <- PC. apply IH; [easy|].
           rewrite (pairs_count (x :: rest)). cbn [length]. lia.
Qed.

Lemma fold_red peaks h : forall row below, peaks_of row peaks ->
  let whole := row ++ match below with None => [] | Some d => [d] end in
  (1 <= length whole <= 2 ^ h)%nat ->
  fold_peaks digest hash peaks (count row) below = Some (red h whole).
Proof.
  induction peaks as [|peak higher IH]; intros row below P whole H; subst whole.
  - cbn in P. subst row. destruct below as [d|]; cbn [app length] in *; [|lia]. cbn [fold_peaks].
    f_equal. symmetry. exact (red_more _ hash 0 h [d] (conj (le_n _) (le_n _)) (Nat.le_0_l h)).
  - destruct P as [O P]. cbn [fold_peaks]. rewrite <- (red_extra _ hash h _ H).
    cbn [MerkleRows.red]. rewrite <- pairs_count.
    set (whole := row ++ _) in *.
    pose proof (above_length _ hash whole) as AL.
    destruct (N.eqb_spec (count row mod 2) 1) as [E|E].
    + destruct (O E) as [before ->]. rewrite app_length in E. cbn [length] in E.
      assert (B : length before = (2 * N.to_nat (count before / 2))%nat) by lia.
      assert (R : pairs (before ++ [peak]) = pairs before)
        by (rewrite (pairs_app _ _ _ B); apply app_nil_r).
      rewrite R in *.
      assert (A : above whole =
        pairs before ++ [match below with None => peak | Some d => node peak d end]). {
        subst whole. rewrite <- app_assoc, (above_app _ hash _ _ _ B), (pairs_above _ _ B).
        now destruct below. }
      rewrite A in *. apply (IH (pairs before) (Some _) P). lia.
    + pose proof (half _ E) as B.
      assert (A : above whole = pairs row ++ match below with None => [] | Some d => [d] end). {
        subst whole. rewrite (above_app _ hash _ _ _ B), (pairs_above _ _ B). now destruct below. }
      rewrite A in *. apply (IH (pairs row) below P). lia.
Qed.

Lemma append_length peaks : forall first nodes,
  length (append_levels digest hash peaks first nodes) = length peaks.
Proof.
  induction peaks as [|p l IH]; intros first nodes; [easy|].
  cbn [append_levels]. destruct nodes as [|x r]; [easy|].
  destruct (reduce_level _ _ _ _ _) as [q s]. cbn [length]. now rewrite IH.
Qed.

Definition holds (t : tree digest) (entries : list bytes) : Prop :=
  size digest t = count entries /\ length (peaks digest t) = 64%nat /\
  peaks_of (map leaf entries) (peaks digest t).

Lemma append_holds t entries more : holds t entries -> count (entries ++ more) < 2 ^ 64 ->
  holds (append_run digest hash t more) (entries ++ more).
Proof.
  intros (S & L & P) H. unfold append_run, holds; cbn [size peaks].
  rewrite append_length, map_app, S. split; [rewrite app_length; lia|split; [easy|]].
  rewrite <- (map_length leaf entries). apply append_peaks; [easy|].
  rewrite L, !map_length. rewrite app_length in H. change (N.of_nat 64) with 64. lia.
Qed.

Lemma grown_root zero runs : count (concat runs) < 2 ^ 64 ->
  tree_root digest hash (fold_left (append_run digest hash) runs (tree_init digest zero)) =
  root digest hash (concat runs).
Proof.
  intros H.
  assert (G : forall runs t entries, holds t entries -> count (entries ++ concat runs) < 2 ^ 64 ->
    holds (fold_left (append_run digest hash) runs t) (entries ++ concat runs)). {
    clear. induction runs as [|r runs IH]; intros t entries T H; cbn [concat fold_left] in *.
    - now rewrite app_nil_r.
    - rewrite app_assoc in *. apply IH; [|easy]. apply append_holds; [easy|].
      rewrite app_length in H. lia. }
  specialize (G runs (tree_init digest zero) []).
  destruct G as (S & L & P); [|exact H|].
  - split; [easy|split; [apply repeat_length|]]. unfold tree_init; cbn [peaks].
    generalize 64%nat. intros n; induction n as [|n IH]; [easy|]. split; [easy|exact IH].
  - cbn [app] in *. unfold tree_root. rewrite S.
    destruct (concat runs) as [|e l] eqn:C.
    + assert (E : forall ps, fold_peaks digest hash ps 0 None = None)
        by (intros ps; induction ps; [easy|exact IHps]).
      cbn [length]. now rewrite E.
    + rewrite <- (map_length leaf), (fold_red _ (tree_height (length (e :: l))) _ None P);
        rewrite app_nil_r; [|rewrite map_length; split; [cbn; lia|apply height_enough]].
      symmetry. apply root_red. split; [cbn; lia|apply height_enough].
Qed.

End Grow.
