(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements in spec/Encoding.v. *)
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

(* ---- Entries -------------------------------------------------------------------------------- *)

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

(* ---- Seals ---------------------------------------------------------------------------------- *)

Lemma array_spec n b : is_array n b = true -> length b = n /\ is_bytes b = true.
Proof. unfold is_array. intros. bools. easy. Qed.

Lemma array_slice o n b : is_bytes b = true -> (o + n <= length b)%nat ->
  is_array n (slice o n b) = true.
Proof.
  intros B L. unfold is_array. now rewrite slice_length, is_bytes_slice, Nat.eqb_refl.
Qed.

(* Field i of a concatenation of fields. *)
Lemma slice_concat fs : forall i o n, (i < length fs)%nat ->
  o = list_sum (firstn i (map (@length N) fs)) -> n = nth i (map (@length N) fs) O ->
  slice o n (concat fs) = nth i fs [].
Proof.
  induction fs as [|f fs IH]; intros [|i] o n L; cbn in *; try lia; intros -> ->.
  - now apply slice_app_left.
  - rewrite slice_app_right by lia. apply IH; [lia| |easy].
    rewrite Nat.add_comm. now rewrite Nat.add_sub.
Qed.

Lemma seal_length s : seal_is_typed s = true ->
  length (pp_seal_encode s) = 226%nat /\ length (seal_covered s) = 194%nat.
Proof.
  unfold seal_is_typed. intros T. bools.
  repeat match goal with H : is_array _ _ = true |- _ => apply array_spec in H as [? ?] end.
  unfold pp_seal_encode, seal_covered. rewrite !app_length, !put_length. cbn [length]. lia.
Qed.

Theorem seal_decode_encode : Spec.Encoding.seal_decode_encode.
Proof.
  intros s T V. unfold pp_seal_decode. rewrite (proj1 (seal_length s T)). cbn [Nat.eqb negb orb].
  destruct s as [k l e f n r p t rt mt bt dn dh m]. unfold seal_is_typed in T.
  cbn [seal_kind log_id epoch first_seq next_seq root previous_tag tag realtime_ns monotonic_ns
       boot_id detail_number detail_hash seal_mac] in T. bools.
  repeat match goal with H : is_array _ _ = true |- _ => apply array_spec in H as [? ?] end.
  set (fs := [[1]; [k]; l; pp_put 8 e; pp_put 8 f; pp_put 8 n; r; p; t; pp_put 8 rt; pp_put 8 mt;
              bt; pp_put 8 dn; dh; m]).
  replace (pp_seal_encode _) with (concat fs).
  2: { unfold pp_seal_encode, seal_covered, fs. cbn -[pp_put]. now rewrite !app_assoc_reverse,
         app_nil_r. }
  assert (Widths : map (@length N) fs =
                   [1; 1; 32; 8; 8; 8; 32; 16; 16; 8; 8; 16; 8; 32; 32]%nat).
  { unfold fs. cbn [map]. rewrite !put_length. cbn [length]. congruence. }
  assert (Field : forall i o n, Nat.ltb i 15 = true ->
    o = list_sum (firstn i [1; 1; 32; 8; 8; 8; 32; 16; 16; 8; 8; 16; 8; 32; 32]%nat) ->
    n = nth i [1; 1; 32; 8; 8; 8; 32; 16; 16; 8; 8; 16; 8; 32; 32]%nat O ->
    slice o n (concat fs) = nth i fs []).
  { intros i o w L%Nat.ltb_lt. rewrite <- Widths. now apply slice_concat. }
  unfold pp_be64.
  rewrite (Field 2 2 32)%nat, (Field 3 34 8)%nat, (Field 4 42 8)%nat, (Field 5 50 8)%nat,
    (Field 6 58 32)%nat, (Field 7 90 16)%nat, (Field 8 106 16)%nat, (Field 9 122 8)%nat,
    (Field 10 130 8)%nat, (Field 11 138 16)%nat, (Field 12 154 8)%nat, (Field 13 162 32)%nat,
    (Field 14 194 32)%nat by reflexivity.
  change (byte_at 0 (concat fs)) with 1. change (byte_at 1 (concat fs)) with k.
  cbn [nth fs].
  rewrite !(be_put 8) by easy. cbn [N.eqb negb]. change (1 =? 1) with true. cbn [negb].
  now rewrite V.
Qed.

Theorem seal_encode_decode : Spec.Encoding.seal_encode_decode.
Proof.
  intros b s Y. unfold pp_seal_decode. if_false. bools. rename H into L, H0 into P0.
  match goal with |- context [if seal_form_is_valid ?x then _ else _] => set (d := x) end.
  destruct (seal_form_is_valid d) eqn:V; [|easy]. intros [= <-].
  assert (Q : forall o, (o + 8 <= length b)%nat -> pp_put 8 (pp_be (slice o 8 b)) = slice o 8 b).
  { intros o H. apply put_be_n; [now apply is_bytes_slice|now apply slice_length]. }
  assert (W : forall o, (o + 8 <= length b)%nat -> (pp_be64 o b <? 2 ^ 64) = true).
  { intros o H. apply N.ltb_lt, (be_bound_n 8);
      [now apply is_bytes_slice|now apply slice_length]. }
  assert (C : seal_covered d = firstn 194 b).
  { unfold seal_covered, d, pp_be64.
    cbn [seal_kind log_id epoch first_seq next_seq root previous_tag tag realtime_ns monotonic_ns
         boot_id detail_number detail_hash seal_mac].
    rewrite !Q, <- P0, <- !slice_one by lia. change (firstn 194 b) with (slice 0 194 b).
    change 194%nat with (1+(1+(32+(8+(8+(8+(32+(16+(16+(8+(8+(16+(8+32)))))))))))))%nat.
    now rewrite !slice_split. }
  assert (T : seal_is_typed d = true).
  { unfold seal_is_typed, d.
    cbn [seal_kind log_id epoch first_seq next_seq root previous_tag tag realtime_ns monotonic_ns
         boot_id detail_number detail_hash seal_mac].
    now rewrite !array_slice, !W by first [exact Y | rewrite L; cbn; lia]. }
  repeat split; try easy. unfold pp_seal_encode. rewrite C. cbn [seal_mac d].
  replace (slice 194 32 b) with (skipn 194 b).
  - apply firstn_skipn.
  - symmetry. apply firstn_all2. rewrite skipn_length. lia.
Qed.

Theorem seal_encode_injective : Spec.Encoding.seal_encode_injective.
Proof.
  intros s t Ts Tt Vs Vt E. apply (f_equal pp_seal_decode) in E.
  rewrite !seal_decode_encode in E by easy. congruence.
Qed.

(* ---- Frames --------------------------------------------------------------------------------- *)

Lemma put2 n : exists x y, pp_put 2 n = [x; y].
Proof. cbn. eauto. Qed.

Lemma head_facts type len rest : len < 2 ^ 16 ->
  let b := pp_frame_put_head type len ++ rest in
  size b = 4 + size rest /\ byte_at 0 b = type /\ byte_at 3 b = 0 /\ pp_be16 1 b = len /\
  (forall n, slice 4 n b = firstn n rest) /\ (forall n, skipn (4 + n) b = skipn n rest).
Proof.
  intros L b. destruct (put2 len) as (x & y & E).
  assert (B : b = type :: x :: y :: 0 :: rest) by (unfold b, pp_frame_put_head; now rewrite E).
  rewrite B. repeat split; try easy.
  - unfold size. cbn [length]. lia.
  - change (pp_be [x; y] = len). rewrite <- E. now apply (be_put 2).
Qed.

Lemma firstn_exact {A} (a b : list A) n : n = length a -> firstn n (a ++ b) = a.
Proof. intros ->. rewrite firstn_app, firstn_all, Nat.sub_diag. apply app_nil_r. Qed.

Lemma skipn_exact {A} (a b : list A) n : n = length a -> skipn n (a ++ b) = b.
Proof. intros ->. now rewrite skipn_app, skipn_all, Nat.sub_diag. Qed.

Theorem frame_read_write : Spec.Encoding.frame_read_write.
Proof.
  intros f rest T. unfold frame_is_typed in T. bools.
  assert (Z : forall c : bytes, N.to_nat (size c) = length c) by (intros; unfold size; lia).
  destruct f as [c t|c|c]; cbn [pp_frame_write frame_content] in *; rewrite app_assoc_reverse.
  - apply array_spec in H0 as [LT BT].
    destruct (head_facts 69 (size c) ((c ++ t) ++ rest) H1) as (A & B & C & D & E & F).
    unfold pp_frame_read. rewrite A, B, C, D, E, F, Z, !size_app.
    assert (S : size t = 16) by (unfold size; lia). rewrite S. unfold pp_frame_tag_bytes.
    decide_tests. rewrite !app_assoc_reverse, firstn_exact, skipn_exact by easy.
    now rewrite firstn_exact, skipn_exact by easy.
  - destruct (head_facts 72 (size c) (c ++ rest) H1) as (A & B & C & D & E & F).
    unfold pp_frame_read. rewrite A, B, C, D, E, F, Z, !size_app. unfold pp_frame_tag_bytes.
    decide_tests. now rewrite firstn_exact, skipn_exact by easy.
  - destruct (head_facts 83 (size c) (c ++ rest) H1) as (A & B & C & D & E & F).
    unfold pp_frame_read. rewrite A, B, C, D, E, F, Z, !size_app. unfold pp_frame_tag_bytes.
    decide_tests. now rewrite firstn_exact, skipn_exact by easy.
Qed.

Lemma head_again b type : is_bytes b = true -> (4 <= length b)%nat -> byte_at 0 b = type ->
  byte_at 3 b = 0 -> pp_frame_put_head type (pp_be16 1 b) ++ skipn 4 b = b.
Proof.
  intros Y L <- Z. unfold pp_frame_put_head, pp_be16.
  rewrite put_be_n by (now apply is_bytes_slice || (apply slice_length; lia)).
  change (byte_at 0 b :: slice 1 2 b ++ [0]) with ([byte_at 0 b] ++ slice 1 2 b ++ [0]).
  rewrite <- Z, <- !slice_one, !app_assoc_reverse by lia.
  now rewrite (slice_behind 3 1 4), (slice_behind 1 2 3), (slice_behind 0 1 1).
Qed.

Lemma frame_read_injective f g r s : FrameRead f r = FrameRead g s -> f = g /\ r = s.
Proof. now intros [= -> ->]. Qed.

Theorem frame_write_read : Spec.Encoding.frame_write_read.
Proof.
  intros b f rest Y. unfold pp_frame_read. do 4 if_false. bools.
  assert (K : byte_at 0 b = 69 \/ byte_at 0 b = 72 \/ byte_at 0 b = 83).
  { repeat match goal with H : _ || _ = true |- _ => apply orb_prop in H as [?|?] end;
      bools; auto. }
  set (n := N.to_nat (pp_be16 1 b)) in *. unfold size in *.
  pose proof (be_bound_n 2 (slice 1 2 b) (is_bytes_slice _ _ _ Y)
                (slice_length 1 2 b ltac:(lia))) as U. fold (pp_be16 1 b) in U.
  assert (LC : (4 + n <= length b)%nat) by lia.
  assert (C : size (slice 4 n b) = pp_be16 1 b) by (unfold size; rewrite slice_length; lia).
  assert (CB := is_bytes_slice 4 n b Y).
  assert (T : is_bytes (slice 4 n b) && (0 <? size (slice 4 n b)) && (size (slice 4 n b) <? 2 ^ 16)
              = true).
  { rewrite CB, C. change (256 ^ N.of_nat 2) with (2 ^ 16) in U. now decide_tests. }
  assert (G : forall type, byte_at 0 b = type -> pp_frame_put_head type (size (slice 4 n b)) ++
                           slice 4 n b ++ skipn (4 + n) b = b).
  { intros type E. rewrite C, slice_behind by easy. apply head_again; auto; lia. }
  destruct K as [K|[K|K]]; rewrite K in *; cbn [N.eqb Pos.eqb];
    intros E; apply frame_read_injective in E as [<- <-]; cbn [pp_frame_write];
    unfold frame_is_typed; cbn [frame_content]; rewrite T, !app_assoc_reverse.
  - unfold pp_frame_tag_bytes in *. cbn [N.eqb Pos.eqb] in *.
    rewrite firstn_skipn, G by easy. split; [easy|]. cbn [andb].
    apply (array_slice (4 + n) 16 b); [easy|lia].
  - now rewrite G.
  - now rewrite G.
Qed.

Lemma zero_head zeros : is_zero zeros = true -> pp_frame_read zeros = FrameEnd.
Proof.
  destruct zeros as [|x z]; [easy|]. cbn. intros H. apply andb_prop in H as [X%N.eqb_eq _].
  now subst x.
Qed.

Lemma frame_write_not_empty f : (0 < length (pp_frame_write f))%nat.
Proof. destruct f; cbn; lia. Qed.

Theorem frames_read_write : Spec.Encoding.frames_read_write.
Proof.
  intros fs zeros T Z. unfold frames_read, frames_write.
  assert (G : forall fuel, (length fs <= fuel)%nat ->
    frames_fuel fuel (concat (map pp_frame_write fs) ++ zeros) = Some (fs, zeros)).
  { induction fs as [|f fs IH]; intros fuel L; cbn [map concat app].
    - destruct fuel; cbn [frames_fuel]; now rewrite zero_head.
    - cbn in T. apply andb_prop in T as [Tf T]. destruct fuel; [easy|]. cbn [frames_fuel].
      rewrite app_assoc_reverse, frame_read_write by easy. rewrite IH; auto. cbn in L. lia. }
  apply G. clear. induction fs as [|f fs IH]; [cbn; lia|]. cbn [map concat length].
  pose proof (frame_write_not_empty f). rewrite !app_length in *. lia.
Qed.

Lemma frames_fuel_write fuel : forall b fs over, is_bytes b = true ->
  frames_fuel fuel b = Some (fs, over) ->
  frames_write fs ++ over = b /\ forallb frame_is_typed fs = true.
Proof.
  induction fuel as [|fuel IH]; intros b fs over Y; cbn [frames_fuel];
    destruct (pp_frame_read b) eqn:R; try easy; try (intros [= <- <-]; easy).
  destruct (frames_fuel fuel rest) as [[gs o]|] eqn:F; [|easy]. intros [= <- <-].
  apply frame_write_read in R as [B T]; auto.
  assert (is_bytes rest = true) by (rewrite <- B, is_bytes_app in Y; now apply andb_prop in Y).
  apply IH in F as [G H1]; auto. unfold frames_write in *. cbn [map concat forallb].
  now rewrite app_assoc_reverse, G, T.
Qed.

Theorem frames_write_read : Spec.Encoding.frames_write_read.
Proof. intros b fs over. apply frames_fuel_write. Qed.
