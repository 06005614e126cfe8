(* SPDX-License-Identifier: MIT *)
(* Integers, slices and arrays of bytes, and tactics: for the proofs of spec/Encoding.v. *)
From Coq Require Import List NArith PeanoNat Bool Lia.
From PostProof.Spec Require Collision Encoding.
Import ListNotations.
Import Spec.Collision Spec.Encoding.
Open Scope N_scope.

(* ---- Integers ------------------------------------------------------------------------------- *)

Lemma put_length n : forall v, length (pp_put n v) = n.
Proof. induction n; intros; cbn; [easy|]. rewrite app_length, IHn; cbn; lia. Qed.

Lemma be_snoc b x : pp_be (b ++ [x]) = pp_be b * 256 + x.
Proof. unfold pp_be. now rewrite fold_left_app. Qed.

Lemma be_put n : forall v, v < 256 ^ N.of_nat n -> pp_be (pp_put n v) = v.
Proof.
  induction n as [|n IH]; intros v V; [now cbn in *; lia|].
  rewrite Nnat.Nat2N.inj_succ, N.pow_succ_r' in V. cbn [pp_put].
  rewrite be_snoc, IH by (apply N.div_lt_upper_bound; lia).
  rewrite (N.div_mod v 256) at 3 by lia. lia.
Qed.

Lemma is_bytes_app a b : is_bytes (a ++ b) = is_bytes a && is_bytes b.
Proof. apply forallb_app. Qed.

Lemma put_be b : is_bytes b = true -> pp_put (length b) (pp_be b) = b.
Proof.
  induction b as [|x b IH] using rev_ind; intros B; [easy|].
  rewrite is_bytes_app in B. apply andb_prop in B as [B X].
  assert (x < 256) by (cbn in X; apply andb_prop in X as [X _]; now apply N.ltb_lt).
  rewrite app_length, Nat.add_comm, be_snoc. cbn [pp_put length Nat.add].
  rewrite N.div_add_l, N.div_small, N.add_0_r, IH by (easy || lia).
  rewrite N.add_comm, N.mod_add, N.mod_small by lia. easy.
Qed.

Lemma put_bytes n : forall v, is_bytes (pp_put n v) = true.
Proof.
  induction n as [|n IH]; intros v; [easy|]. cbn [pp_put]. rewrite is_bytes_app, IH. cbn.
  rewrite (proj2 (N.ltb_lt _ _)); [easy|]. apply N.mod_lt. lia.
Qed.

Lemma be_bound b : is_bytes b = true -> pp_be b < 256 ^ N.of_nat (length b).
Proof.
  induction b as [|x b IH] using rev_ind; intros B; [now cbn|].
  rewrite is_bytes_app in B. apply andb_prop in B as [B X]. apply IH in B.
  cbn in X. apply andb_prop in X as [X%N.ltb_lt _].
  rewrite be_snoc, app_length, Nat.add_comm, Nnat.Nat2N.inj_add, N.pow_add_r. cbn [length N.of_nat].
  change (256 ^ N.pos _) with 256. lia.
Qed.

Lemma be_bound_n n b : is_bytes b = true -> length b = n -> pp_be b < 256 ^ N.of_nat n.
Proof. intros B <-. now apply be_bound. Qed.

Lemma put_be_n n b : is_bytes b = true -> length b = n -> pp_put n (pp_be b) = b.
Proof. intros B <-. now apply put_be. Qed.

(* ---- Slices --------------------------------------------------------------------------------- *)

Lemma slice_app_right a b offset len : (length a <= offset)%nat ->
  slice offset len (a ++ b) = slice (offset - length a) len b.
Proof. intros H. unfold slice. rewrite skipn_app, skipn_all2 by easy. easy. Qed.

Lemma byte_at_right i a b : (length a <= i)%nat -> byte_at i (a ++ b) = byte_at (i - length a) b.
Proof. apply app_nth2. Qed.

Lemma slice_app_left a b len : len = length a -> slice 0 len (a ++ b) = a.
Proof.
  intros ->. unfold slice. cbn. rewrite firstn_app, firstn_all, Nat.sub_diag. apply app_nil_r.
Qed.

Lemma slice_all b n : n = length b -> slice 0 n b = b.
Proof. intros ->. apply firstn_all. Qed.

Lemma skipn_app_right {A} (a b : list A) n : (length a <= n)%nat ->
  skipn n (a ++ b) = skipn (n - length a) b.
Proof. intros H. now rewrite skipn_app, skipn_all2. Qed.

Lemma firstn_plus {A} (l : list A) : forall m n,
  firstn (m + n) l = firstn m l ++ firstn n (skipn m l).
Proof.
  induction l as [|x l IH]; intros [|m] n; cbn; try (now destruct n).
  now rewrite IH.
Qed.

Lemma skipn_plus {A} (l : list A) : forall m n, skipn n (skipn m l) = skipn (m + n) l.
Proof. induction l as [|x l IH]; intros [|m] n; cbn; try (now destruct n); apply IH. Qed.

Lemma slice_split offset m n b :
  slice offset (m + n) b = slice offset m b ++ slice (offset + m) n b.
Proof. unfold slice. now rewrite firstn_plus, skipn_plus. Qed.

Lemma slice_behind o n m b : m = (o + n)%nat -> slice o n b ++ skipn m b = skipn o b.
Proof. intros ->. unfold slice. rewrite <- skipn_plus. apply firstn_skipn. Qed.

Lemma slice_length offset len b :
  (offset + len <= length b)%nat -> length (slice offset len b) = len.
Proof. intros H. unfold slice. rewrite firstn_length, skipn_length. lia. Qed.

Lemma is_bytes_firstn n b : is_bytes b = true -> is_bytes (firstn n b) = true.
Proof. intros H. rewrite <- (firstn_skipn n b), is_bytes_app in H. now apply andb_prop in H. Qed.

Lemma is_bytes_skipn n b : is_bytes b = true -> is_bytes (skipn n b) = true.
Proof. intros H. rewrite <- (firstn_skipn n b), is_bytes_app in H. now apply andb_prop in H. Qed.

Lemma is_bytes_slice o n b : is_bytes b = true -> is_bytes (slice o n b) = true.
Proof. intros. now apply is_bytes_firstn, is_bytes_skipn. Qed.

Lemma slice_one i b : (i < length b)%nat -> slice i 1 b = [byte_at i b].
Proof.
  unfold slice, byte_at. revert i; induction b as [|x b IH]; intros [|i] L; cbn in *; try easy;
    try lia.
  apply IH. lia.
Qed.

Lemma byte_bound i b : is_bytes b = true -> byte_at i b < 256.
Proof.
  unfold byte_at. revert i; induction b as [|x b IH]; intros [|i] B; cbn in *; try lia;
    apply andb_prop in B as [X%N.ltb_lt B]; [easy|now apply IH].
Qed.

Lemma size_app a b : size (a ++ b) = size a + size b.
Proof. unfold size. rewrite app_length. lia. Qed.

Lemma size_put n v : size (pp_put n v) = N.of_nat n.
Proof. unfold size. now rewrite put_length. Qed.

(* ---- Tactics and arrays ---------------------------------------------------------------------- *)

Ltac bools := repeat match goal with
  | H : _ && _ = true |- _ => apply andb_prop in H as [? ?]
  | H : _ || _ = false |- _ => apply orb_false_elim in H as [? ?]
  | H : negb _ = false |- _ => apply negb_false_iff in H
  | H : negb _ = true |- _ => apply negb_true_iff in H
  | H : (_ =? _) = true |- _ => apply N.eqb_eq in H
  | H : (_ <? _) = true |- _ => apply N.ltb_lt in H
  | H : (_ <=? _) = true |- _ => apply N.leb_le in H
  | H : (_ =? _) = false |- _ => apply N.eqb_neq in H
  | H : (_ <? _) = false |- _ => apply N.ltb_ge in H
  | H : Nat.eqb _ _ = true |- _ => apply PeanoNat.Nat.eqb_eq in H
  end.

Ltac if_false :=
  match goal with |- (if ?c then _ else _) = _ -> _ => destruct c eqn:?; [easy|] end.

Ltac decide_tests := repeat match goal with
  | |- context [?a =? ?b] =>
      first [ rewrite (proj2 (N.eqb_eq a b)) by lia | rewrite (proj2 (N.eqb_neq a b)) by lia ]
  | |- context [?a <? ?b] =>
      first [ rewrite (proj2 (N.ltb_lt a b)) by lia | rewrite (proj2 (N.ltb_ge a b)) by lia ]
  | |- context [?a <=? ?b] => rewrite (proj2 (N.leb_le a b)) by lia
  end; cbn [andb orb negb].

Lemma array_spec n b : is_array n b = true -> length b = n /\ is_bytes b = true.
Proof. unfold is_array. intros. bools. easy. Qed.

Lemma array_slice o n b : is_bytes b = true -> (o + n <= length b)%nat ->
  is_array n (slice o n b) = true.
Proof.
  intros B L. unfold is_array. now rewrite slice_length, is_bytes_slice, Nat.eqb_refl.
Qed.
