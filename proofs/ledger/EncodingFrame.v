(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements about frames in spec/Encoding.v. *)
From Coq Require Import List NArith PeanoNat Bool Lia.
From PostProof.Spec Require Collision Encoding.
From PostProof.Proofs.ledger Require Import EncodingBytes.
Import ListNotations.
Import Spec.Collision Spec.Encoding.
Open Scope N_scope.

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
