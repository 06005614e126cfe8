(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements about entries in spec/Encoding.v. *)
From Coq Require Import List NArith PeanoNat Bool Lia.
From PostProof.Spec Require Collision Encoding.
From PostProof.Proofs.ledger Require Import EncodingBytes.
Import ListNotations.
Import Spec.Collision Spec.Encoding.
Open Scope N_scope.

Theorem entry_encode_succeeds : Spec.Encoding.entry_encode_succeeds.
Proof.
  intros e. unfold pp_entry_encode. destruct (_ && _) eqn:V.
  - bools. split; [auto|eauto].
  - split; [now intros [b E]|]. intros [A B%N.leb_le]. rewrite A, B in V. easy.
Qed.

(* The encoding in three parts, whose first has 20 bytes. *)
Lemma front_length k s t l n : length ([1; k] ++ pp_put 8 s ++ pp_put 8 t ++ [l; n]) = 20%nat.
Proof. rewrite !app_length, !put_length. easy. Qed.

Theorem entry_decode_encode : Spec.Encoding.entry_decode_encode.
Proof.
  intros [k s t l src bod] b T E. unfold entry_is_typed in T. unfold pp_entry_encode in E.
  cbn [kind seq time_ns level source body] in *.
  destruct (_ && _) eqn:V in E; [|easy]. injection E as <-.
  unfold pp_entry_is_valid, entry_bytes_max in V. bools.
  set (front := [1; k] ++ pp_put 8 s ++ pp_put 8 t ++ [l; size src]).
  set (b := [1; k] ++ pp_put 8 s ++ pp_put 8 t ++ [l; size src] ++ src ++
            pp_put 4 (size bod) ++ bod).
  change (pp_entry_decode b = Some (Entry k s t l src bod)).
  assert (B : b = front ++ src ++ pp_put 4 (size bod) ++ bod).
  { unfold b, front. rewrite !app_assoc_reverse. easy. }
  assert (F : length front = 20%nat) by apply front_length.
  assert (Z : size b = 24 + size src + size bod).
  { rewrite B, !size_app, size_put. unfold size at 1. rewrite F. lia. }
  assert (S : N.to_nat (size src) = length src) by (unfold size; lia).
  assert (P0 : byte_at 0 b = 1) by easy.
  assert (P1 : byte_at 1 b = k) by easy.
  assert (P18 : byte_at 18 b = l /\ byte_at 19 b = size src).
  { unfold b. split; do 3 (rewrite byte_at_right by (rewrite ?put_length; cbn; lia));
    rewrite !put_length; easy. }
  assert (PS : pp_be64 2 b = s).
  { unfold pp_be64, b. rewrite slice_app_right by easy. cbn [length Nat.sub].
    rewrite slice_app_left by now rewrite put_length. now apply (be_put 8). }
  assert (PT : pp_be64 10 b = t).
  { unfold pp_be64, b. rewrite slice_app_right by (cbn; lia). cbn [length Nat.sub].
    rewrite slice_app_right by (rewrite put_length; lia). rewrite put_length. cbn [Nat.sub].
    rewrite slice_app_left by now rewrite put_length. now apply (be_put 8). }
  destruct P18 as [P18 P19]. unfold pp_entry_decode, entry_bytes_max.
  rewrite Z, P0, P1, P18, P19, PS, PT, S.
  replace (pp_be32 (20 + length src) b) with (size bod).
  2: { unfold pp_be32. rewrite B, slice_app_right, F by lia.
       rewrite slice_app_right by lia.
       replace (20 + length src - 20 - length src)%nat with 0%nat by lia.
       rewrite slice_app_left by now rewrite put_length. symmetry. apply (be_put 4). cbn. lia. }
  replace (slice 20 (length src) b) with src.
  2: { rewrite B, slice_app_right, F by lia. now rewrite slice_app_left. }
  replace (skipn (24 + length src) b) with bod.
  2: { rewrite B, skipn_app_right, F by lia. rewrite skipn_app_right by lia.
       rewrite skipn_app_right, put_length by (rewrite put_length; lia).
       replace (24 + length src - 20 - length src - 4)%nat with 0%nat by lia. easy. }
  decide_tests. rewrite H3. now decide_tests.
Qed.

(* What a successful decoding says, with all tests taken apart. *)
Lemma decoded b e : pp_entry_decode b = Some e ->
  let s := N.to_nat (byte_at 19 b) in
  24 <= size b <= 65535 /\ byte_at 0 b = 1 /\ 0 < byte_at 19 b /\
  size b = 24 + byte_at 19 b + pp_be32 (20 + s) b /\ byte_at 18 b < 6 /\
  pp_entry_kind_is_valid (byte_at 1 b) (pp_be32 (20 + s) b) = true /\
  e = Entry (byte_at 1 b) (pp_be64 2 b) (pp_be64 10 b) (byte_at 18 b)
            (slice 20 s b) (skipn (24 + s) b).
Proof.
  unfold pp_entry_decode, entry_bytes_max.
  repeat if_false. intros [= <-]. bools. repeat split; try easy; lia.
Qed.

Theorem entry_encode_decode : Spec.Encoding.entry_encode_decode.
Proof.
  intros b e Y E. apply decoded in E as ((L & M) & P0 & SP & Z & V & K & ->).
  set (s := N.to_nat (byte_at 19 b)) in *.
  pose proof (byte_bound 19 b Y) as SB. unfold size in *.
  assert (LS : length (slice 20 s b) = s) by (apply slice_length; lia).
  assert (LB : N.of_nat (length (skipn (24 + s) b)) = pp_be32 (20 + s) b)
    by (rewrite skipn_length; lia).
  assert (Q : forall o n, (o + n <= length b)%nat -> pp_put n (pp_be (slice o n b)) = slice o n b).
  { intros o n H. apply put_be_n; [now apply is_bytes_slice|now apply slice_length]. }
  split.
  - unfold pp_entry_encode, pp_entry_is_valid, entry_bytes_max, size.
    cbn [kind seq time_ns level source body]. rewrite LS, LB, K.
    decide_tests. f_equal. unfold pp_be64, pp_be32. rewrite !Q by lia.
    replace (N.of_nat s) with (byte_at 19 b) by lia.
    change [1; byte_at 1 b] with ([1] ++ [byte_at 1 b]). rewrite <- P0.
    change [byte_at 18 b; byte_at 19 b] with ([byte_at 18 b] ++ [byte_at 19 b]).
    rewrite <- !slice_one by lia. rewrite !app_assoc_reverse.
    rewrite (slice_behind (20 + s) 4 (24 + s)) by lia. rewrite (slice_behind 20 s) by easy.
    rewrite (slice_behind 19 1 20), (slice_behind 18 1 19), (slice_behind 10 8 18) by easy.
    now rewrite (slice_behind 2 8 10), (slice_behind 1 1 2), (slice_behind 0 1 1) by easy.
  - unfold entry_is_typed. cbn [kind seq time_ns level source body].
    rewrite is_bytes_slice, is_bytes_skipn by easy.
    assert (W : forall o, (o + 8 <= length b)%nat -> pp_be64 o b < 2 ^ 64).
    { intros o H. apply (be_bound_n 8); [now apply is_bytes_slice|now apply slice_length]. }
    rewrite !(proj2 (N.ltb_lt _ _)) by (apply W; lia). easy.
Qed.

Theorem entry_encode_injective : Spec.Encoding.entry_encode_injective.
Proof.
  intros e f b Te Tf E F. apply entry_decode_encode in E, F; auto. congruence.
Qed.

Lemma byte_at_app i a b : (i < length a)%nat -> byte_at i (a ++ b) = byte_at i a.
Proof. apply app_nth1. Qed.

Lemma slice_app_inside o n a b : (o + n <= length a)%nat -> slice o n (a ++ b) = slice o n a.
Proof.
  intros H. unfold slice. rewrite skipn_app, firstn_app, skipn_length.
  replace (n - (length a - o))%nat with 0%nat by lia. cbn. apply app_nil_r.
Qed.

Theorem entry_encode_prefix_free : Spec.Encoding.entry_encode_prefix_free.
Proof.
  intros e f b more Te Tf E F. pose proof E as E'. pose proof F as F'.
  apply entry_decode_encode in E, F; auto.
  apply decoded in E as ((L & _) & _ & P & Z & _). apply decoded in F as (_ & _ & _ & Y & _).
  unfold size in *. rewrite app_length in Y.
  rewrite (byte_at_app 19) in Y by lia. unfold pp_be32 in Y, Z.
  rewrite slice_app_inside in Y by lia.
  destruct more; [|cbn [length] in Y; lia]. rewrite app_nil_r in F'. split; [easy|].
  now apply (entry_encode_injective e f b).
Qed.
