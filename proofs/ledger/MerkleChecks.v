(* SPDX-License-Identifier: MIT *)
(* The inclusion and consistency loops of spec/Merkle.v on rows of a tree: what they accept under
   the top of a row is what stands in the row, or two hashed inputs collide. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require Collision MerkleRows.
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

Variable inputs : list (input digest).
Hypothesis injective :
  forall x y, In x inputs -> In y inputs -> hash x = hash y -> x = y.

Lemma node_injective a b c d : In (Node a b) inputs -> In (Node c d) inputs ->
  node a b = node c d -> a = c /\ b = d.
Proof. intros I J E. apply injective in E; [now injection E|easy|easy]. Qed.

(* What is accepted under the top of a row is the node of the row. *)
Lemma path_sound last : forall i row path h,
  i <= last -> N.of_nat (length row) = last + 1 ->
  incl (rows_inputs (bits last) row) inputs -> incl (path_inputs (bits last) i last path h) inputs ->
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
    + assert (TA2 : incl (old_inputs digest hash (bits (last / 2)) (i / 2) (last / 2) path ho) inputs)
        by (destruct path; [destruct (bits (last / 2)); easy|easy]).
      assert (TB2 : incl (path_inputs (bits (last / 2)) (i / 2) (last / 2) path hn) inputs)
        by (destruct path; [destruct (bits (last / 2)); easy|easy]).
      eapply (IH (i / 2)) in EA as [E F]; try eassumption.
      rewrite at_lonely in E by lia.
      split; [rewrite E; f_equal; lia|]. intros j J. apply before; [easy|lia].
Qed.

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

End Checks.
