(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements of spec/Merkle.v.  The tree is seen as rows: MerkleRows.v. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require MerkleRows MerklePath MerkleChecks MerkleClimb MerkleGrow
  MerkleSlices MerkleHonest MerkleStart MerkleSound.
Import ListNotations Spec.Collision Spec.Merkle Proofs.ledger.MerkleRows Proofs.ledger.MerklePath
  Proofs.ledger.MerkleChecks Proofs.ledger.MerkleClimb Proofs.ledger.MerkleGrow
  Proofs.ledger.MerkleSlices Proofs.ledger.MerkleHonest Proofs.ledger.MerkleStart
  Proofs.ledger.MerkleSound.
Open Scope N_scope.

Lemma app_inj_length {A} (a b c d : list A) :
  length a = length c -> a ++ b = c ++ d -> a = c /\ b = d.
Proof.
  revert c; induction a as [|x a IH]; intros [|y c] L E; cbn in *; try easy.
  injection E as -> E. destruct (IH c) as [-> ->]; auto.
Qed.

Theorem input_bytes_injective : Spec.Merkle.input_bytes_injective.
Proof.
  intros [|a|a b] [|c|c d] I J; cbn in *; try easy.
  - now intros [= ->].
  - intros [= E]. apply app_inj_length in E as [-> ->]; [easy|].
    now rewrite (proj1 I), (proj1 J).
Qed.

Theorem root_is_rfc6962 : Spec.Merkle.root_is_rfc6962.
Proof. exact root_equations. Qed.

Theorem inclusion_loop_is_pp_root : Spec.Merkle.inclusion_loop_is_pp_root.
Proof.
  intros digest hash leaf index size path computed. unfold inclusion_root.
  destruct (N.ltb_spec index size) as [H|H]; [|split; [easy|lia]].
  rewrite (loop_is_pp_root digest hash (size - 1) index path 0 leaf computed) by lia.
  cbn [N.to_nat skipn]. intuition easy.
Qed.

Theorem leaf_digest_sound : Spec.Merkle.leaf_digest_sound.
Proof.
  intros digest hash eqb D entries index entry leaf path E N C.
  destruct (search_or_injective digest hash eqb D (tree_inputs digest hash entries ++
    inclusion_inputs digest hash leaf index (N.of_nat (length entries)) path)) as [X|J]; [easy|].
  now destruct N; apply (included digest hash eqb D entries index entry leaf path).
Qed.

Theorem inclusion_sound : Spec.Merkle.inclusion_sound.
Proof.
  intros digest hash eqb D entries index entry other path E N C. unfold inclusion_collision.
  set (l := tree_inputs digest hash entries ++ _).
  destruct (search_or_injective digest hash eqb D (Leaf other :: l)) as [X|J]; [easy|].
  destruct N. assert (H : hash (Leaf other) = hash (Leaf entry)). {
    apply (included digest hash eqb D entries index entry _ path E C).
    intros x y X Y. apply J; now right. }
  apply J in H; [now injection H|now left|]. right. apply in_left. right. apply in_left.
  apply in_map. now apply nth_error_In in E.
Qed.

Theorem root_binds_entries : Spec.Merkle.root_binds_entries.
Proof.
  intros digest hash eqb D entries others E N.
  destruct (search_or_injective digest hash eqb D (tree_inputs digest hash entries ++
    tree_inputs digest hash others)) as [X|J]; [easy|].
  destruct N. apply (root_injective digest hash _ J (length entries)); [easy
    |apply incl_appl, incl_refl|apply incl_appr, incl_refl|easy].
Qed.

Theorem consistency_sound : Spec.Merkle.consistency_sound.
Proof.
  intros digest hash eqb D olds news path C N. unfold consistency_collision.
  edestruct (search_or_injective digest hash eqb D) as [X|J]; [exact X|].
  destruct (extended digest hash eqb D olds news path C J) as [more ->]. now destruct (N more).
Qed.

Theorem growing_tree_root : Spec.Merkle.growing_tree_root.
Proof. intros digest hash zero runs H. now apply grown_root. Qed.

Theorem inclusion_complete : Spec.Merkle.inclusion_complete.
Proof.
  intros digest hash eqb D entries index entry E size.
  assert (I : (N.to_nat index < length entries)%nat) by (apply nth_error_Some; now rewrite E).
  assert (leaf_at : hash (Leaf entry) =
    nth (N.to_nat index) (map (fun e => hash (Leaf e)) entries) (hash Empty))
    by (symmetry; apply nth_error_nth; now rewrite nth_error_map, E).
  unfold inclusion_check, inclusion_root, inclusion_ranges, siblings. fold size.
  destruct (N.ltb_spec index size) as [L|L]; [|lia].
  change (2 ^ 0) with 1. rewrite N.div_1_r.
  pose proof (honest_ranges digest hash entries (size - 1) index 0) as H.
  change (N.of_nat 0) with 0 in H. fold size in H. change (2 ^ 0) with 1 in H.
  rewrite H; [|lia|now rewrite N.div_1_r|lia].
  cbn [up]. rewrite leaf_at, loop_honest; [|lia|rewrite map_length; lia].
  apply D. symmetry. apply root_of_rows. lia.
Qed.

Lemma finish_accepts digest digest_eqb (D : decides_equality digest_eqb) c old new :
  finish digest c = Some (old, new) ->
  match c with
  | None => false
  | Some c => (last digest c =? 0) && digest_eqb (old_root digest c) old &&
              digest_eqb (new_root digest c) new
  end = true.
Proof.
  destruct c as [c|]; [|easy]. unfold finish. destruct (_ =? _); [|easy]. intros [= <- <-].
  now rewrite !(proj2 (D _ _) eq_refl).
Qed.

Ltac Zify.zify_post_hook ::= idtac.

Theorem consistency_complete : Spec.Merkle.consistency_complete.
Proof.
  intros digest hash eqb D olds more news m n.
  assert (Len : n = m + N.of_nat (length more))
    by (subst m n news; rewrite app_length; lia).
  unfold consistency_check, consistency_ranges.
  destruct (N.ltb_spec n m) as [|_]; [lia|].
  destruct (N.eqb_spec m 0) as [Z|Z]; [|destruct (N.eqb_spec m n) as [Q|Q]]; cbn [orb].
  - destruct olds; [|easy]. cbn [path_over map negb orb app].
    rewrite (proj2 (D _ _) eq_refl). cbn [andb].
    destruct (N.eqb_spec m n); [|easy]. destruct more; cbn [length] in *; [|lia]. now apply D.
  - cbn [path_over map negb orb andb]. destruct more; cbn [length] in *; [|lia].
    subst news. rewrite app_nil_r. now apply D.
  - set (l := n - 1). set (i := m - 1). assert (M : m = i + 1) by lia.
    set (leaf := fun e : bytes => hash (Leaf e)).
    assert (Lo : N.of_nat (length (map leaf olds)) = i + 1) by (rewrite map_length; lia).
    assert (Ln : N.of_nat (length (map leaf news)) = l + 1) by (rewrite map_length; lia).
    destruct (start_honest digest hash i l (map leaf olds) (map leaf news))
      as (R & W & P1 & P2 & G & T & U); [lia|easy|easy| |].
    { intros j J. subst news. rewrite map_app, app_nth1; [easy|lia]. }
    rewrite <- M in *. rewrite N2Nat.id in *.
    set (height := trailing_zeros (bits m) m) in *. set (t := N.to_nat height) in *.
    unfold siblings. fold l. set (w := 2 ^ height) in *.
    assert (Ro : root digest hash olds = red digest hash (bits l) (map leaf olds))
      by (apply root_at_bits; clear - Z Len; lia).
    assert (Rn : root digest hash news = red digest hash (bits l) (map leaf news))
      by (apply root_at_bits; clear - Z Len; lia).
    assert (W0 : w <> 0) by (apply N.pow_nonzero; lia).
    assert (M0 : m / w <> 0) by (intros X; rewrite X in W; lia).
    assert (Il : m / w - 1 <= l / w). {
      assert (m / w <= l / w + 1); [|lia].
      replace (l / w + 1) with ((l + 1 * w) / w) by now rewrite N.div_add.
      apply N.div_le_mono; [easy|]. clear - W0 M Lo Ln Len. lia. }
    set (path := path_over digest hash news (_ ++ _)).
    set (seed := nth (N.to_nat (m / w - 1)) (up digest hash t (map leaf olds)) (hash Empty)).
    set (rest := honest digest hash (bits (l / w)) (m / w - 1) (l / w)
                        (up digest hash t (map leaf news))).
    assert (S : consistency_start digest m (root digest hash olds) n path =
                Some (Climb digest (m / w - 1) (l / w) seed seed, rest)). {
      assert (H : path_over digest hash news (sibling_ranges (bits (l / w)) (m / w - 1) (l / w)
                    height n) = rest). {
        pose proof (honest_ranges digest hash news (l / w) (m / w - 1) t Il) as H.
        unfold t in H at 1 2. rewrite N2Nat.id in H. apply H; [easy|lia]. }
      unfold consistency_start. fold i l. rewrite R.
      unfold path, path_over in *. rewrite map_app, H.
      destruct (N.eqb_spec m w) as [E|E].
      - cbn [map app].
        assert (One : m / w = 1) by (rewrite E; now apply N.div_same).
        assert (rest <> []). {
          assert (X : l / w <> 0) by (intros X; apply N.div_small_iff in X; lia).
          unfold rest. rewrite One, (bits_step (l / w) X). cbn [honest].
          change ((1 - 1) mod 2 =? 1) with false. change (1 - 1) with 0.
          now rewrite (proj2 (N.ltb_lt 0 (l / w))) by lia. }
        destruct rest as [|s q]; [easy|]. rewrite One. change (1 - 1 =? 0) with true. cbn iota.
        assert (Seed : root digest hash olds = seed). {
          rewrite Ro, <- T. unfold seed. rewrite One in *.
          destruct (up digest hash t (map leaf olds)) as [|x [|]]; cbn [length] in P1; try lia.
          exact (red_more digest hash 0 _ [x] (conj (le_n _) (le_n _)) (Nat.le_0_l _)). }
        now rewrite Seed.
      - cbn [map app]. destruct (N.eqb_spec (m / w - 1) 0) as [X|X].
        { assert (One : m / w = 1) by lia. rewrite One in W. lia. }
        assert (Seed : root digest hash (slice news (m - w, m)) = seed). {
          assert (Tw : 2 ^ N.of_nat t = w) by (unfold t; now rewrite N2Nat.id).
          rewrite (up_slice digest hash news t (m / w - 1)); rewrite ?Tw.
          - unfold seed. symmetry. apply G. lia.
          - rewrite N.mul_sub_distr_r, N.mul_1_l, (N.mul_comm _ w). now rewrite W.
          - clear - W0 Z. lia.
          - left. assert (w <= m) by (rewrite <- W; rewrite <- (N.mul_1_r w) at 1;
              apply N.mul_le_mono_l; lia). lia.
          - clear - Len. lia. }
        now rewrite Seed. }
    rewrite S. apply finish_accepts; [easy|]. rewrite climb_is_loops by easy.
    unfold seed at 1, rest at 1. rewrite old_honest; [|easy|lia|easy|].
    2: { intros j J. apply G. lia. }
    unfold seed. rewrite (G (m / w - 1)) by lia. unfold rest. rewrite loop_honest by easy.
    now rewrite T, U, Ro, Rn.
Qed.
