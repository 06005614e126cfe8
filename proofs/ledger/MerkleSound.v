(* SPDX-License-Identifier: MIT *)
(* Soundness of the checks of spec/Merkle.v, as far as the hash is injective on the inputs where a
   collision is looked for. *)
From Coq Require Import List PeanoNat NArith Bool Lia PreOmega ZifyN ZifyNat.
From PostProof.Spec Require Collision Merkle.
From PostProof.Proofs.ledger Require Collision MerkleRows MerkleChecks MerkleClimb.
Import ListNotations Spec.Collision Spec.Merkle Proofs.ledger.MerkleRows Proofs.ledger.MerkleChecks
  Proofs.ledger.MerkleClimb.
Open Scope N_scope.

Ltac Zify.zify_post_hook ::= Z.div_mod_to_equations.

Lemma root_equations : Spec.Merkle.root_is_rfc6962.
Proof.
  intros digest hash R. split; [easy|]. split; [easy|]. intros entries L k. subst k.
  destruct (split_bounds (length entries) L) as (K & A & B).
  set (j := Nat.log2 (length entries - 1)) in *. rewrite K. cbn [Nat.pow] in B.
  assert (P : (0 < 2 ^ j)%nat) by apply pow2_pos.
  split; [|split; [now exists j|lia]].
  change (hash (Node ?a ?b)) with (pp_node_of digest hash a b). subst R.
  rewrite (root_red _ _ (S j) entries), (root_red _ _ j (firstn _ _)),
    (root_red _ _ j (skipn _ _)); rewrite ?firstn_length, ?skipn_length; cbn [Nat.pow]; try lia.
  rewrite <- red_split; rewrite ?map_length, ?firstn_length, ?skipn_length; try lia.
  now rewrite <- map_app, firstn_skipn.
Qed.


(* ---- Where a collision is looked for --------------------------------------------------------- *)

Section Sound.
Variable digest : Type.
Variable hash : input digest -> digest.
Variable digest_eqb : digest -> digest -> bool.
Hypothesis eqb_decides : decides_equality digest_eqb.

Notation node := (pp_node_of digest hash).
Notation leaf := (fun e : bytes => hash (Leaf e)).
Notation root := (root digest hash).
Notation rows_inputs := (rows_inputs digest hash).
Notation red := (red digest hash).

Lemma input_eqb_decides : decides_equality (input_eqb digest digest_eqb).
Proof.
  intros [|a|a b] [|c|c d]; cbn; split; try easy.
  - intros H. f_equal. now apply Proofs.ledger.Collision.bytes_eqb_decides.
  - intros [= ->]. now apply Proofs.ledger.Collision.bytes_eqb_decides.
  - intros [A%eqb_decides B%eqb_decides]%andb_prop. now subst.
  - intros [= -> ->]. now rewrite !(proj2 (eqb_decides _ _) eq_refl).
Qed.

Definition injective_on (l : list (input digest)) : Prop :=
  forall x y, In x l -> In y l -> hash x = hash y -> x = y.

Lemma search_or_injective l :
  is_collision hash (search digest hash digest_eqb l) \/ injective_on l.
Proof.
  apply Proofs.ledger.Collision.collision_or_injective; [apply input_eqb_decides|easy].
Qed.

Lemma inputs_any h h' row : (1 <= length row)%nat ->
  (length row <= 2 ^ h)%nat -> (length row <= 2 ^ h')%nat ->
  rows_inputs h row = rows_inputs h' row.
Proof.
  intros P A B. destruct (Nat.le_ge_cases h h') as [L|L].
  - symmetry. now apply inputs_more.
  - now apply inputs_more.
Qed.

Lemma inputs_split h : forall a b, (length a = 2 ^ h)%nat -> (1 <= length b <= 2 ^ h)%nat ->
  incl (rows_inputs h a) (rows_inputs (S h) (a ++ b)) /\
  incl (rows_inputs h b) (rows_inputs (S h) (a ++ b)) /\
  In (Node (red h a) (red h b)) (rows_inputs (S h) (a ++ b)).
Proof.
  assert (inputs_app : forall k a b, length a = (2 * k)%nat ->
    row_inputs digest (a ++ b) = row_inputs digest a ++ row_inputs digest b). {
    induction k as [|k IH]; intros [|x [|y a]] b H; cbn in *; try lia; [easy|].
    rewrite IH; [easy|lia]. }
  induction h as [|h IH]; intros a b A B.
  - cbn in A, B. destruct a as [|x [|]], b as [|y [|]]; cbn in *; try lia.
    split; [easy|split; [easy|now left]].
  - cbn [Nat.pow] in *.
    pose proof (above_length _ hash a) as A2. pose proof (above_length _ hash b) as B2.
    destruct (IH (row_above digest hash a) (row_above digest hash b)) as (I & J & K);
      [lia|lia|].
    assert (E : rows_inputs (S (S h)) (a ++ b) = (row_inputs digest a ++ row_inputs digest b) ++
      rows_inputs (S h) (row_above digest hash a ++ row_above digest hash b)). {
      cbn [Spec.Merkle.rows_inputs].
      now rewrite (inputs_app (2 ^ h)%nat), (above_app _ hash (2 ^ h)%nat) by lia. }
    rewrite E. cbn [MerkleRows.red].
    split; [|split; [|now apply in_right]];
      intros x X; cbn [Spec.Merkle.rows_inputs] in X; apply in_app_or in X as [X|X].
    + now apply in_left, in_left.
    + now apply in_right, I.
    + now apply in_left, in_right.
    + now apply in_right, J.
Qed.

Lemma tree_inputs_split entries : (1 < length entries)%nat ->
  let k := split (length entries) in
  incl (tree_inputs digest hash (firstn k entries)) (tree_inputs digest hash entries) /\
  incl (tree_inputs digest hash (skipn k entries)) (tree_inputs digest hash entries) /\
  In (Node (root (firstn k entries)) (root (skipn k entries))) (tree_inputs digest hash entries).
Proof.
  intros L k. subst k. destruct (split_bounds (length entries) L) as (K & A & B).
  set (j := Nat.log2 (length entries - 1)) in *. rewrite K. cbn [Nat.pow] in B.
  pose proof (pow2_pos j) as P.
  destruct (inputs_split j (map leaf (firstn (2 ^ j) entries)) (map leaf (skipn (2 ^ j) entries)))
    as (X & Y & Z); rewrite ?map_length, ?firstn_length, ?skipn_length; try lia.
  rewrite <- map_app, firstn_skipn in X, Y, Z.
  rewrite <- !root_red in Z by (rewrite ?firstn_length, ?skipn_length; lia).
  unfold tree_inputs. rewrite (inputs_any _ (S j) (map leaf entries));
    rewrite ?map_length; try apply height_enough; cbn [Nat.pow]; try lia.
  assert (F : incl (map Leaf (firstn (2 ^ j) entries)) (map (@Leaf digest) entries)) by
    (rewrite <- (firstn_skipn (2 ^ j) entries) at 2; rewrite map_app; apply incl_appl, incl_refl).
  assert (G : incl (map Leaf (skipn (2 ^ j) entries)) (map (@Leaf digest) entries)) by
    (rewrite <- (firstn_skipn (2 ^ j) entries) at 2; rewrite map_app; apply incl_appr, incl_refl).
  split; [|split; [|right; apply in_right, Z]];
    (rewrite (inputs_any _ j); rewrite ?map_length; try apply height_enough;
     rewrite ?firstn_length, ?skipn_length; try lia);
    (intros x [<-|H]; [now left|right]; apply in_app_or in H as [H|H];
     [apply in_left; auto|apply in_right; auto]).
Qed.

Lemma root_injective inputs (J : injective_on inputs) n : forall a b, (length a <= n)%nat ->
  incl (tree_inputs digest hash a) inputs -> incl (tree_inputs digest hash b) inputs ->
  root a = root b -> a = b.
Proof.
  assert (top : forall a, incl (tree_inputs digest hash a) inputs ->
    exists i, In i inputs /\ root a = hash i /\ match a, i with
      | [], Empty => True | [x], Leaf y => x = y
      | _ :: _ :: _, Node l r => let k := split (length a) in
          l = root (firstn k a) /\ r = root (skipn k a)
      | _, _ => False end). {
    intros [|x [|y a]] I.
    - exists Empty. split; [apply I; now left|easy].
    - exists (Leaf x). split; [apply I; right; now left|easy].
    - destruct (tree_inputs_split (x :: y :: a)) as (_ & _ & P); [cbn; lia|].
      eexists. split; [apply I, P|]. split; [|easy].
      now apply root_equations; cbn [length]; lia. }
  induction n as [|n IH]; intros a b N A B E;
    destruct (top a A) as (i & I & Ei & Ma), (top b B) as (i' & I' & Ei' & Mb);
    rewrite Ei, Ei' in E; apply J in E; try easy; subst i'; clear Ei Ei' I I'.
  - destruct a; cbn [length] in N; [|lia].
    destruct b as [|? [|]], i; easy.
  - destruct a as [|x [|y a]], b as [|x' [|y' b]], i; try easy; [now subst|].
    set (u := x :: y :: a) in *. set (v := x' :: y' :: b) in *.
    assert (Lu : (1 < length u)%nat) by (cbn; lia).
    assert (Lv : (1 < length v)%nat) by (cbn; lia).
    destruct (tree_inputs_split u Lu) as (A1 & A2 & _), (tree_inputs_split v Lv) as (B1 & B2 & _).
    destruct (split_bounds _ Lu) as (K & C & D). pose proof (pow2_pos (Nat.log2 (length u - 1))).
    destruct Ma as [-> ->], Mb as [E1 E2].
    rewrite <- (firstn_skipn (split (length u)) u), <- (firstn_skipn (split (length v)) v).
    f_equal; (apply IH; [rewrite ?firstn_length, ?skipn_length; lia| | |easy]);
      eapply incl_tran; eassumption.
Qed.

(* ---- Consistency ----------------------------------------------------------------------------- *)

Lemma prefix_of_rows a b : (length a <= length b)%nat ->
  injective_on (map Leaf a ++ map Leaf b) ->
  (forall j, (j < length a)%nat ->
     nth j (map leaf a) (hash Empty) = nth j (map leaf b) (hash Empty)) ->
  exists more, b = a ++ more.
Proof.
  revert b; induction a as [|x a IH]; intros b L J E; [now exists b|].
  destruct b as [|y b]; cbn [length] in L; [lia|].
  destruct (IH b) as [more ->]; [lia| | |].
  - intros u v U V. apply J; cbn; right; rewrite in_app_iff in *; cbn; intuition.
  - intros j H. exact (E (S j) ltac:(cbn; lia)).
  - exists more. pose proof (E 0%nat ltac:(cbn; lia)) as X. cbn in X.
    apply J in X; [now injection X as ->|now left|right; apply in_or_app; right; now left].
Qed.

(* ---- Soundness ------------------------------------------------------------------------------- *)

Lemma leaves_length (entries : list bytes) : (0 < length entries)%nat ->
  N.of_nat (length (map leaf entries)) = N.of_nat (length entries) - 1 + 1.
Proof. rewrite map_length. lia. Qed.

Lemma root_of_rows entries : (0 < length entries)%nat ->
  root entries = red (bits (N.of_nat (length entries) - 1)) (map leaf entries).
Proof. intros H. apply root_red. split; [easy|]. apply height_enough. Qed.

Lemma included entries index entry h path :
  nth_error entries (N.to_nat index) = Some entry ->
  inclusion_check digest hash digest_eqb h index (N.of_nat (length entries)) path (root entries)
    = true ->
  injective_on (tree_inputs digest hash entries ++
    inclusion_inputs digest hash h index (N.of_nat (length entries)) path) ->
  h = hash (Leaf entry).
Proof.
  intros E C J. unfold inclusion_check, inclusion_root in C.
  assert (I : (N.to_nat index < length entries)%nat) by (apply nth_error_Some; now rewrite E).
  destruct (N.ltb_spec index (N.of_nat (length entries))) as [L|L]; [|lia].
  destruct (inclusion_loop _ _ _ _ _ _ _) as [computed|] eqn:P; [|easy].
  apply eqb_decides in C as ->. rewrite root_of_rows in P by lia.
  apply (path_sound _ _ _ J) in P.
  - rewrite P. apply nth_error_nth. now rewrite nth_error_map, E.
  - lia.
  - apply leaves_length. lia.
  - intros x X. apply in_left. right. now apply in_right.
  - intros x X. now apply in_right.
Qed.

Lemma root_at_bits l entries : (0 < length entries)%nat -> N.of_nat (length entries) - 1 <= l ->
  root entries = red (bits l) (map leaf entries).
Proof. intros P L. apply root_red. pose proof (below_bits l). lia. Qed.

Lemma right_edge_order m : forall n, m <= n ->
  let (i, l) := climb_right_edge (bits m) m n in i <= l.
Proof.
  induction m as [|m M IH] using halving_ind; intros n H; [easy|].
  rewrite (bits_step m M). cbn [climb_right_edge]. destruct (_ =? _); [|easy].
  apply IH. lia.
Qed.

Lemma extended olds news path :
  consistency_check digest hash digest_eqb (N.of_nat (length olds)) (root olds)
    (N.of_nat (length news)) (root news) path = true ->
  injective_on (tree_inputs digest hash olds ++ tree_inputs digest hash news ++
    consistency_inputs digest hash (N.of_nat (length olds)) (root olds)
      (N.of_nat (length news)) path) ->
  exists more, news = olds ++ more.
Proof.
  intros C J. unfold consistency_check in C.
  destruct (N.ltb_spec (N.of_nat (length news)) (N.of_nat (length olds))) as [L|L]; [easy|].
  destruct (N.eqb_spec (N.of_nat (length olds)) 0) as [Z|Z].
  { destruct olds; [now exists news|easy]. }
  destruct (N.eqb_spec (N.of_nat (length olds)) (N.of_nat (length news))) as [Q|Q]; cbn [orb] in C.
  { destruct path; [|easy]. apply andb_prop in C as [_ C]. cbn [negb orb] in C.
    apply eqb_decides in C. exists []. rewrite app_nil_r. symmetry.
    apply (root_injective _ J (length olds)); [easy|apply incl_appl, incl_refl
      |apply incl_appr, incl_appl, incl_refl|easy]. }
  unfold consistency_inputs in J.
  destruct (consistency_start _ _ _ _ _) as [[start rest]|] eqn:T; [|easy].
  destruct (consistency_loop _ _ _ _) as [c|] eqn:P; [|easy].
  apply andb_prop in C as [[E%N.eqb_eq O%eqb_decides]%andb_prop W%eqb_decides].
  assert (F : finish digest (consistency_loop digest hash rest start) =
    Some (root olds, root news)) by (rewrite P; cbn; now rewrite E, O, W).
  set (m := N.of_nat (length olds) - 1) in *. set (n := N.of_nat (length news) - 1) in *.
  assert (MN : m <= n) by lia.
  assert (Lo : N.of_nat (length (map leaf olds)) = m + 1) by (apply leaves_length; lia).
  assert (Ln : N.of_nat (length (map leaf news)) = n + 1) by (apply leaves_length; lia).
  set (inputs := tree_inputs digest hash olds ++ _) in J.
  assert (So : incl (rows_inputs (bits n) (map leaf olds)) inputs). {
    rewrite (inputs_any (bits n) (tree_height (length olds)));
      rewrite ?map_length; try apply height_enough; try lia.
    - intros x X. apply in_left. right. now apply in_right.
    - pose proof (below_bits n). lia. }
  assert (Sn : incl (rows_inputs (bits n) (map leaf news)) inputs)
    by (intros x X; apply in_right, in_left; right; now apply in_right).
  assert (Ro : root olds = red (bits n) (map leaf olds))
    by (apply root_at_bits; lia).
  assert (Rn : root news = red (bits n) (map leaf news)) by (apply root_of_rows; lia).
  unfold consistency_start in T. fold m n in T.
  pose proof (fun seed => start_sound digest hash inputs J m n (map leaf olds) (map leaf news) rest
    seed MN Lo Ln So Sn) as S.
  destruct (climb_right_edge _ _ _) as [i l] eqn:R.
  assert (exists seed, start = Climb digest i l seed seed) as [seed ->]. {
    destruct path as [|s q]; [easy|]. injection T as T. destruct (i =? 0); injection T as <- _;
      eexists; reflexivity. }
  cbn [old_root new_root last index] in *. clear T.
  assert (IL : i <= l). {
    pose proof (right_edge_order m n MN) as X. now rewrite R in X. }
  rewrite climb_is_loops in F by exact IL.
  destruct (old_loop _ _ _ _ _ _ _) as [o|] eqn:FO; [|easy].
  destruct (inclusion_loop _ _ _ _ _ _ _) as [w|] eqn:FN; [|easy].
  injection F as -> ->. rewrite Ro in FO. rewrite Rn in FN.
  specialize (S seed (fun x X => in_right _ _ x (in_right _ _ x (in_left _ _ x X)))
    (fun x X => in_right _ _ x (in_right _ _ x (in_right _ _ x X))) FO FN).
  apply prefix_of_rows; [lia| |].
  - assert (leaves : incl (map Leaf olds ++ map Leaf news) inputs). {
      intros x X. apply in_app_or in X as [X|X]; [apply in_left|apply in_right, in_left];
        right; now apply in_left. }
    intros x y X Y. apply J; now apply leaves.
  - intros j H. specialize (S (N.of_nat j)). rewrite Nat2N.id in S. apply S. lia.
Qed.

End Sound.
