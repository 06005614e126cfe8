(* SPDX-License-Identifier: MIT *)
(* The array ring holds the latest units: pushing, growing, and reading it. *)
From Coq Require Import ZArith List Bool Lia.
From PostProof.Spec Require Import Limiter.
Import ListNotations.
Open Scope Z_scope.

(* The ring holds the stamps l, newest first. *)
Record holds (r : ring) (l : list Z) : Prop := Holds {
  h_next : 0 <= next r < capacity r;
  h_filled : filled r = Z.of_nat (length l);
  h_fits : filled r <= capacity r;
  h_slot : forall i, 0 <= i < filled r -> stamp_of r i = at_index l i }.

Lemma store_length l : forall i v, length (store l i v) = length l.
Proof. induction l as [|a l IH]; intros [|i] v; cbn; auto. Qed.

Lemma store_nth l : forall i j v, (i < length l)%nat ->
  nth j (store l i v) 0 = if (i =? j)%nat then v else nth j l 0.
Proof.
  induction l as [|a l IH]; intros [|i] [|j] v L; cbn in *; try lia; auto. apply IH; lia.
Qed.

Lemma nth_firstn_lt (l : list Z) : forall n i, (i < n)%nat -> nth i (firstn n l) 0 = nth i l 0.
Proof. induction l as [|a l IH]; intros [|n] [|i] L; cbn; try lia; auto. apply IH; lia. Qed.

Lemma capacity_push_one v r : capacity (push_one v r) = capacity r.
Proof. unfold capacity. cbn [slots push_one]. now rewrite store_length. Qed.

Lemma holds_push_one v r l : holds r l ->
  holds (push_one v r) (firstn (length (slots r)) (v :: l)).
Proof.
  intros [N F C Sl]. pose proof (capacity_push_one v r) as K.
  assert (K' : capacity r = Z.of_nat (length (slots r))) by easy.
  assert (Fl : filled (push_one v r) = Z.of_nat (length (firstn (length (slots r)) (v :: l)))).
  { cbn [push_one filled]. rewrite firstn_length. cbn [length].
    destruct (Z.ltb_spec (filled r) (capacity r)); lia. }
  assert (Nx : next (push_one v r) = if next r + 1 =? capacity r then 0 else next r + 1) by easy.
  split.
  - rewrite K, Nx. destruct (Z.eqb_spec (next r + 1) (capacity r)); lia.
  - exact Fl.
  - rewrite Fl, K, firstn_length. lia.
  - intros i I. rewrite Fl, firstn_length in I. cbn [length] in I. unfold at_index.
    rewrite nth_firstn_lt by lia.
    unfold stamp_of, at_index, slot_of. rewrite K, Nx. cbn [slots push_one].
    rewrite store_nth by lia.
    destruct (Z.eq_dec i 0) as [->|P].
    + cbn [nth Z.to_nat].
      destruct (Z.eqb_spec (next r + 1) (capacity r)) as [E|E];
        [destruct (Z.ltb_spec 0 0)|destruct (Z.ltb_spec 0 (next r + 1))]; try lia;
        match goal with |- (if (?a =? ?b)%nat then _ else _) = _ =>
          destruct (Nat.eqb_spec a b) end; auto; lia.
    + replace (Z.to_nat i) with (S (Z.to_nat (i - 1))) by lia. cbn [nth].
      specialize (Sl (i - 1) ltac:(lia)). unfold stamp_of, at_index, slot_of in Sl. rewrite <- Sl.
      match goal with |- (if (?a =? ?b)%nat then _ else nth ?c _ 0) = nth ?d _ 0 =>
        assert (a <> b /\ c = d) as [Ne Eq] end.
      { destruct (Z.eqb_spec (next r + 1) (capacity r));
          destruct (Z.ltb_spec (i - 1) (next r));
          match goal with |- context [?a <? ?b] => destruct (Z.ltb_spec a b) end; lia. }
      apply Nat.eqb_neq in Ne. now rewrite Ne, Eq.
Qed.

Lemma firstn_again (l : list Z) v n : firstn n (v :: firstn n l) = firstn n (v :: l).
Proof.
  destruct n as [|n]; [easy|]. cbn [firstn]. f_equal.
  revert n. induction l as [|a l IH]; intros [|n]; cbn [firstn]; try easy. f_equal. apply IH.
Qed.

Lemma firstn_repeat_again v k (l : list Z) n :
  firstn n (repeat v k ++ firstn n l) = firstn n (repeat v k ++ l).
Proof.
  induction k as [|k IH]; cbn [repeat app].
  - now rewrite firstn_firstn, Nat.min_id.
  - rewrite <- firstn_again, IH. apply firstn_again.
Qed.

Lemma holds_push v n : forall r l, holds r l ->
  holds (push v n r) (firstn (length (slots r)) (repeat v n ++ l)) /\
  capacity (push v n r) = capacity r.
Proof.
  induction n as [|n IH]; intros r l H; cbn [push repeat app].
  - split; [|easy]. destruct H as [N F C Sl]. unfold capacity in C. rewrite firstn_all2 by lia.
    now split.
  - destruct (IH _ _ (holds_push_one v r l H)) as [H1 K1]. split.
    + cbn [slots push_one] in H1. rewrite store_length in H1.
      rewrite firstn_repeat_again in H1. cbn [push_one].
      replace (v :: repeat v n ++ l) with (repeat v n ++ v :: l); [exact H1|].
      change (repeat v n ++ [v] ++ l = repeat v (S n) ++ l).
      now rewrite app_assoc, <- repeat_cons.
    + now rewrite K1, capacity_push_one.
Qed.

(* Keeping only the n newest units. *)
Lemma holds_fewer r l n : holds r l -> 0 <= n <= filled r ->
  holds (with_filled n r) (firstn (Z.to_nat n) l).
Proof.
  intros [N F C Sl] R. split; cbn [next filled with_filled]; auto.
  - rewrite firstn_length. lia.
  - unfold capacity in *. cbn. lia.
  - intros i I. unfold at_index. rewrite nth_firstn_lt by lia. apply (Sl i). lia.
Qed.

Lemma holds_stamps r l : holds r l -> stamps r = l.
Proof.
  intros [_ F _ Sl]. unfold stamps. rewrite F, Nat2Z.id. apply nth_ext with 0 0.
  - now rewrite map_length, seq_length.
  - intros n L. rewrite map_length, seq_length in L.
    rewrite (nth_indep _ 0 (stamp_of r (Z.of_nat 0))) by now rewrite map_length, seq_length.
    rewrite (map_nth (fun i => stamp_of r (Z.of_nat i))), seq_nth by exact L.
    cbn [Nat.add]. rewrite Sl by lia. unfold at_index. now rewrite Nat2Z.id.
Qed.

Lemma capacity_refill size l : Z.of_nat (length l) <= size -> capacity (refill size l) = size.
Proof.
  intros L. unfold capacity, refill. cbn [slots]. rewrite app_length, rev_length, repeat_length.
  lia.
Qed.

Lemma holds_refill size l : 0 < size -> Z.of_nat (length l) <= size -> holds (refill size l) l.
Proof.
  intros P L. pose proof (capacity_refill size l L) as K.
  split; try rewrite K; cbn [next filled refill]; auto.
  - destruct (Z.eqb_spec (Z.of_nat (length l)) size); lia.
  - intros i I. unfold stamp_of, at_index, slot_of. rewrite K. cbn [slots next refill].
    set (n := Z.of_nat (length l)) in *.
    assert (E : Z.to_nat (if i <? (if n =? size then 0 else n)
                          then (if n =? size then 0 else n) - 1 - i
                          else (if n =? size then 0 else n) - 1 - i + size)
                = (length l - S (Z.to_nat i))%nat).
    { destruct (Z.eqb_spec n size);
        match goal with |- context [?a <? ?b] => destruct (Z.ltb_spec a b) end; lia. }
    rewrite E, app_nth1 by (rewrite rev_length; lia). rewrite rev_nth by lia.
    f_equal. lia.
Qed.

Lemma holds_empty size : 0 < size -> holds (empty_ring size) [].
Proof.
  intros P. unfold empty_ring. split; cbn [next filled slots length]; unfold capacity;
    cbn [slots]; try rewrite repeat_length; lia.
Qed.
