(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements of spec/Bundle.v. *)
From Coq Require Import List NArith Bool Permutation Lia.
From PostProof.Spec Require Collision Bundle.
From PostProof.Proofs.ledger Require Collision.
Import ListNotations Spec.Collision Spec.Bundle.
Open Scope N_scope.

Lemma bytes_eqb_true a b : bytes_eqb a b = true <-> a = b.
Proof. apply Proofs.ledger.Collision.bytes_eqb_decides. Qed.

(* ---- Encoding -------------------------------------------------------------------------------- *)

Lemma big_endian_length n : forall v, length (big_endian n v) = n.
Proof. induction n; intros v; cbn; [easy|]. rewrite app_length, IHn; cbn; lia. Qed.

Lemma big_endian_injective n : forall v w, v < 256 ^ N.of_nat n -> w < 256 ^ N.of_nat n ->
  big_endian n v = big_endian n w -> v = w.
Proof.
  induction n as [|n IH]; intros v w V W E.
  - cbn in *; lia.
  - rewrite Nnat.Nat2N.inj_succ, N.pow_succ_r' in V, W.
    cbn in E. apply app_inj_tail in E as [E1 E2].
    apply IH in E1; try (apply N.div_lt_upper_bound; lia).
    rewrite (N.div_mod v 256), (N.div_mod w 256) by lia. now rewrite E1, E2.
Qed.

Lemma app_inj_length {A} (a b c d : list A) :
  length a = length c -> a ++ b = c ++ d -> a = c /\ b = d.
Proof.
  revert c; induction a as [|x a IH]; intros [|y c] L E; cbn in *; try easy.
  injection E as -> E. destruct (IH c) as [-> ->]; auto.
Qed.

Definition fits (l : line) : Prop :=
  length_of (line_name l) < 2 ^ 64 /\ line_length l < 2 ^ 64 /\ length (line_digest l) = 32%nat.

Lemma encode_line_injective l k a b : fits l -> fits k ->
  encode_line l ++ a = encode_line k ++ b -> l = k /\ a = b.
Proof.
  destruct l as [n c d], k as [n' c' d']. intros (F1 & F2 & F3) (G1 & G2 & G3) E.
  unfold encode_line in E. cbn [line_name line_length line_digest] in *.
  rewrite <- !app_assoc in E.
  apply app_inj_length in E as [E1 E]; [|now rewrite !big_endian_length].
  apply (big_endian_injective 8) in E1; [|exact F1|exact G1]. apply Nnat.Nat2N.inj in E1.
  apply app_inj_length in E as [-> E]; [|easy].
  apply app_inj_length in E as [E2 E]; [|now rewrite !big_endian_length].
  apply (big_endian_injective 8) in E2; [subst c'|exact F2|exact G2].
  apply app_inj_length in E as [-> ->]; [easy|now rewrite F3, G3].
Qed.

Lemma encode_line_not_nil l a : encode_line l ++ a <> [].
Proof.
  intros E. apply (f_equal (@length N)) in E. unfold encode_line in E.
  rewrite !app_length, big_endian_length in E. cbn [length] in E. lia.
Qed.

Theorem encode_injective : Spec.Bundle.encode_injective.
Proof.
  intros lines others F E. apply app_inv_head in E. revert others F E.
  induction lines as [|l lines IH]; intros [|k others] F E; cbn [map concat] in E; [easy| | |].
  - now apply eq_sym, encode_line_not_nil in E.
  - now apply encode_line_not_nil in E.
  - apply encode_line_injective in E as [-> E].
    + f_equal. apply IH; [|easy]. intros x X. apply F. cbn. rewrite in_app_iff in *. cbn. tauto.
    + apply F. now left.
    + apply F, in_or_app. right. now left.
Qed.

(* ---- Sorting --------------------------------------------------------------------------------- *)

Lemma leb_total a : forall b, name_leb a b = false -> name_leb b a = true.
Proof.
  induction a as [|x a IH]; intros [|y b]; cbn; try easy.
  rewrite orb_false_iff, andb_false_iff, N.ltb_ge, N.eqb_neq. intros [H [K|K]].
  - apply orb_true_iff. left. apply N.ltb_lt. lia.
  - apply IH in K. rewrite K. destruct (N.eqb_spec y x), (N.ltb_spec y x); easy || lia.
Qed.

Lemma leb_spec x a y b :
  name_leb (x :: a) (y :: b) = true <-> x < y \/ (x = y /\ name_leb a b = true).
Proof. cbn. now rewrite orb_true_iff, andb_true_iff, N.ltb_lt, N.eqb_eq. Qed.

Lemma leb_antisym a : forall b, name_leb a b = true -> name_leb b a = true -> a = b.
Proof.
  induction a as [|x a IH]; intros [|y b]; try easy.
  rewrite !leb_spec. intros [H|[-> H]] [K|[E K]]; try lia. f_equal. now apply IH.
Qed.

Lemma leb_trans a : forall b c, name_leb a b = true -> name_leb b c = true -> name_leb a c = true.
Proof.
  induction a as [|x a IH]; intros [|y b] [|z c]; try easy.
  rewrite !leb_spec. intros [H|[-> H]] [K|[-> K]]; try (left; lia).
  right. split; [easy|]. now apply (IH b).
Qed.

Lemma insert_comm f g l : name f <> name g -> insert f (insert g l) = insert g (insert f l).
Proof.
  intros D.
  assert (fg : name_leb (name f) (name g) = negb (name_leb (name g) (name f))). {
    destruct (name_leb (name f) (name g)) eqn:A, (name_leb (name g) (name f)) eqn:B; try easy.
    - now destruct D; apply leb_antisym.
    - apply leb_total in A. congruence. }
  induction l as [|h l IH]; cbn [insert].
  - rewrite fg. now destruct (name_leb (name g) (name f)).
  - destruct (name_leb (name f) (name h)) eqn:F, (name_leb (name g) (name h)) eqn:G;
      cbn [insert]; rewrite ?F, ?G, ?fg.
    + now destruct (name_leb (name g) (name f)).
    + destruct (name_leb (name g) (name f)) eqn:B; cbn [negb]; [|now rewrite ?G].
      pose proof (leb_trans _ _ _ B F). congruence.
    + destruct (name_leb (name g) (name f)) eqn:B; cbn [negb]; [now rewrite ?F|].
      pose proof (leb_trans _ _ _ fg G). congruence.
    + now rewrite IH.
Qed.

Lemma insert_permutation f l : Permutation (insert f l) (f :: l).
Proof.
  induction l as [|g l IH]; cbn; [easy|]. destruct (name_leb _ _); [easy|].
  rewrite IH. apply perm_swap.
Qed.

Lemma sort_permutation l : Permutation (sort l) l.
Proof.
  induction l as [|f l IH]; cbn; [easy|]. rewrite insert_permutation. now constructor.
Qed.

Lemma sort_unique a b : Permutation a b -> NoDup (map name a) -> sort a = sort b.
Proof.
  intros P. induction P as [|f a b P IH|f g a|a b c P IH Q JH]; intros N; [easy| | |].
  - inversion N; subst. cbn. f_equal. now apply IH.
  - cbn. symmetry. apply insert_comm. inversion N as [|? ? H]; subst. intros E. apply H. now left.
  - rewrite IH by easy. apply JH. now rewrite <- (Permutation_map name P).
Qed.

(* ---- The checks ------------------------------------------------------------------------------ *)

Lemma names_differ_spec files : names_differ files = true <-> NoDup (map name files).
Proof.
  induction files as [|f files IH]; cbn; [split; [constructor|easy]|].
  rewrite andb_true_iff, negb_true_iff, IH, NoDup_cons_iff.
  rewrite <- not_true_iff_false, existsb_exists, in_map_iff.
  split; intros [A B]; (split; [|easy]); intros [g G]; apply A; exists g.
  - destruct G as [E I]. split; [easy|]. now apply bytes_eqb_true.
  - destruct G as [I E%bytes_eqb_true]. now split.
Qed.

Lemma lengths_fit_spec files : lengths_fit files = true <->
  forall f, In f files -> length_of (name f) < 2 ^ 64 /\ length_of (content f) < 2 ^ 64.
Proof.
  unfold lengths_fit. rewrite forallb_forall. split; intros H f I; specialize (H f I).
  - now apply andb_prop in H as [A%N.ltb_lt B%N.ltb_lt].
  - now rewrite (proj2 (N.ltb_lt _ _) (proj1 H)), (proj2 (N.ltb_lt _ _) (proj2 H)).
Qed.

Lemma checks_permute a b : Permutation a b ->
  names_differ a = names_differ b /\ lengths_fit a = lengths_fit b.
Proof.
  intros P. split; apply eq_true_iff_eq.
  - rewrite !names_differ_spec. now rewrite (Permutation_map name P).
  - rewrite !lengths_fit_spec. split; intros H f I; apply H.
    + now apply (Permutation_in _ (Permutation_sym P)).
    + now apply (Permutation_in _ P).
Qed.

Theorem order_is_irrelevant : Spec.Bundle.order_is_irrelevant.
Proof.
  intros hash a b P. unfold produce. destruct (checks_permute a b P) as [<- <-].
  destruct (names_differ a) eqn:N; [|easy]. apply names_differ_spec in N.
  unfold manifest_root, manifest. now rewrite (sort_unique a b P N).
Qed.

Theorem produced_verifies : Spec.Bundle.produced_verifies.
Proof.
  intros hash files received root E P. rewrite (order_is_irrelevant hash _ _ P) in E.
  unfold produce in E. unfold verify. destruct (_ && _); [|easy].
  injection E as <-. now apply bytes_eqb_true.
Qed.

Theorem duplicate_name_rejected : Spec.Bundle.duplicate_name_rejected.
Proof.
  intros hash root files D. rewrite <- names_differ_spec in D.
  unfold verify, produce. now destruct (names_differ files).
Qed.

Theorem root_binds_files : Spec.Bundle.root_binds_files.
Proof.
  intros hash H32 files received root E V D. unfold produce in E. unfold verify in V.
  destruct (names_differ files && lengths_fit files) eqn:C; [|easy]. injection E as <-.
  apply andb_prop in C as [_ F1]. apply andb_prop in V as [[_ F2]%andb_prop V].
  apply bytes_eqb_true in V. rewrite lengths_fit_spec in F1, F2.
  unfold bundle_collision.
  edestruct (Proofs.ledger.Collision.collision_or_injective _ _ hash bytes_eqb bytes_eqb
    Proofs.ledger.Collision.bytes_eqb_decides Proofs.ledger.Collision.bytes_eqb_decides)
    as [X|J]; [exact X|]. destruct D.
  rewrite <- (sort_permutation files), <- (sort_permutation received).
  apply J in V; [|right; now left|now left]. apply encode_injective in V.
  - assert (I1 : forall f, In f (sort files) -> In f files)
      by (intros f; apply Permutation_in, sort_permutation).
    assert (I2 : forall f, In f (sort received) -> In f received)
      by (intros f; apply Permutation_in, sort_permutation).
    replace (sort received) with (sort files); [easy|]. revert V I1 I2.
    generalize (sort files), (sort received). intros a; induction a as [|f a IH];
      intros [|g b] V I1 I2; cbn in V; try easy.
    injection V as V1 _ V2 V3. f_equal.
    + destruct f as [n c], g as [n' c']. cbn [name content] in *. rewrite V1. f_equal.
      apply J; [| |easy]; right; right; apply in_or_app.
      * left. apply (in_map content _ (File n c)), I1. now left.
      * right. apply (in_map content _ (File n' c')), I2. now left.
    + apply IH; [easy| |]; intros; [apply I1|apply I2]; now right.
  - intros l I. apply in_app_or in I as [I|I]; apply in_map_iff in I as (f & <- & I);
      apply (Permutation_in _ (sort_permutation _)) in I;
      [destruct (F2 f I)|destruct (F1 f I)]; cbn; auto.
Qed.

Theorem extra_file_detected : Spec.Bundle.extra_file_detected.
Proof.
  intros hash H files received root f E I N V. apply (root_binds_files hash H _ _ root); try easy.
  intros P. apply N. now apply (Permutation_in _ (Permutation_sym P)).
Qed.

Theorem missing_file_detected : Spec.Bundle.missing_file_detected.
Proof.
  intros hash H files received root f E I N V. apply (root_binds_files hash H _ _ root); try easy.
  intros P. apply N. now apply (Permutation_in _ P).
Qed.

Lemma one_content files n a b : NoDup (map name files) ->
  In (File n a) files -> In (File n b) files -> a = b.
Proof.
  induction files as [|f files IH]; cbn; [easy|]. rewrite NoDup_cons_iff.
  intros [N D] [->|I] [E|J].
  - now injection E.
  - destruct N. now apply (in_map name) in J.
  - subst f. destruct N. now apply (in_map name) in I.
  - now apply IH.
Qed.

Theorem changed_file_detected : Spec.Bundle.changed_file_detected.
Proof.
  intros hash H files received root n a b E I J N V.
  apply (root_binds_files hash H _ _ root); try easy. intros P. apply N.
  apply (one_content received n); [|now apply (Permutation_in _ P)|easy].
  apply names_differ_spec. unfold verify in V. now destruct (names_differ received).
Qed.

Theorem renamed_file_detected : Spec.Bundle.renamed_file_detected.
Proof.
  intros hash H a b n n' c root E N V. apply (root_binds_files hash H _ _ root); try easy.
  intros P. apply Permutation_app_inv_l in P.
  rewrite !(Permutation_cons_append b) in P. apply Permutation_app_inv_l in P.
  apply Permutation_length_1 in P. now injection P.
Qed.
