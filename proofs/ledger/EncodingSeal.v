(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements about seals in spec/Encoding.v. *)
From Coq Require Import List NArith PeanoNat Bool Lia.
From PostProof.Spec Require Collision Encoding.
From PostProof.Proofs.ledger Require Import EncodingBytes.
Import ListNotations.
Import Spec.Collision Spec.Encoding.
Open Scope N_scope.

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
