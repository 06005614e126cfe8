(* SPDX-License-Identifier: MIT *)
(* What the writer of spec/Ledger.v writes, its verifier accepts: lemmas for Ledger.v. *)
From Coq Require Import List NArith PeanoNat Bool Lia.
From PostProof.Spec Require Collision Merkle Encoding Ledger.
From PostProof.Proofs.ledger Require EncodingBytes EncodingFrame EncodingSeal.
From PostProof.Proofs.ledger Require Import LedgerRun.
Import ListNotations.
Import Spec.Collision Spec.Encoding Spec.Ledger.
Open Scope N_scope.

Section Writer.
Variable key : Type.
Variable mac : key -> bytes -> bytes.
Variables tag_key seal_key : N -> key.
Variable hash : Spec.Merkle.input bytes -> bytes.
Variable ledger_id : bytes.

Notation run := (run key mac tag_key seal_key hash ledger_id).
Notation take_frame := (take_frame key mac tag_key seal_key hash ledger_id).
Notation accept := (accept key mac tag_key seal_key hash ledger_id).
Notation root := (root hash).

Hypothesis mac_size : forall k m, is_array 32 (mac k m) = true.
Hypothesis hash_size : forall i, is_array 32 (hash i) = true.
Hypothesis id_size : is_array 32 ledger_id = true.

Notation write_entries := (write_entries key mac tag_key hash).
Notation write := (write key mac tag_key seal_key hash ledger_id).

Lemma root_size es : is_array 32 (root es) = true.
Proof.
  unfold Spec.Ledger.root, Spec.Merkle.root. destruct es as [|e [|f es]]; cbn; apply hash_size.
Qed.

Lemma tag_size k p m : is_array 16 (pp_chain_tag key mac k p m) = true.
Proof.
  unfold pp_chain_tag. destruct (Proofs.ledger.EncodingBytes.array_spec _ _
    (mac_size k (84 :: p ++ m))) as [L B].
  apply (Proofs.ledger.EncodingBytes.array_slice 0 16); [easy|lia].
Qed.

Lemma bytes_eqb_refl b : bytes_eqb b b = true.
Proof. now apply bytes_eqb_spec. Qed.

Lemma entries_written cs : forall st l st', write_entries st cs = (l, st') ->
  are_numbered (count (entries st)) cs = true -> is_array 16 (last_tag st) = true ->
  run st l = Some st' /\ entries_of l = cs /\ seals_of l = [] /\ entries st' = entries st ++ cs /\
  next_epoch st' = next_epoch st /\ group_first st' = group_first st /\
  sealed_tag st' = sealed_tag st /\ is_array 16 (last_tag st') = true.
Proof.
  induction cs as [|c cs IH]; intros st l st' W N T; cbn in W, N.
  - injection W as <- <-. now rewrite app_nil_r.
  - destruct (pp_entry_decode c) as [e|] eqn:D; [|easy]. apply andb_prop in N as [Q N].
    set (next := State _ _ _ _ _) in W.
    destruct (Spec.Ledger.write_entries _ _ _ _ next cs) as [m mid] eqn:V.
    injection W as <- <-.
    destruct (IH next m mid V) as (R & E & S & X & P & G & Z & A).
    { unfold next. cbn [entries]. rewrite count_app. exact N. }
    { apply tag_size. }
    cbn [Spec.Ledger.run]. cbn [Spec.Ledger.take_frame]. unfold take_entry.
    rewrite D, Q, bytes_eqb_refl. cbn [andb]. fold next. rewrite R. cbn [entries_of seals_of].
    rewrite E, X. unfold next. cbn [entries]. rewrite <- app_assoc. repeat split; auto.
Qed.

Lemma seal_written st g : group_is_valid g = true ->
  is_array 16 (last_tag st) = true -> is_array 16 (sealed_tag st) = true ->
  next_epoch st < 2 ^ 36 -> count (entries st) < 2 ^ 63 ->
  count (entries st) = group_first st + count (group_entries g) ->
  take_frame st (SealFrame (pp_seal_write key mac seal_key hash ledger_id st g)) =
  Some (after_seal st).
Proof.
  intros V T T' E C G. cbn [Spec.Ledger.take_frame]. unfold take_seal, pp_seal_write.
  set (m := mac _ _). set (s := new_seal hash ledger_id st g m).
  assert (Typed : seal_is_typed s = true).
  { unfold group_is_valid in V. bools. unfold seal_is_typed, s, new_seal.
    cbn [log_id Spec.Encoding.root previous_tag tag boot_id detail_hash seal_mac epoch first_seq
         next_seq realtime_ns monotonic_ns detail_number].
    assert (Small : forall n, n < 2 ^ 63 -> (n <? 2 ^ 64) = true)
      by (intros n L; apply N.ltb_lt; lia).
    assert (A : is_array 32 m = true) by apply mac_size.
    rewrite id_size, root_size, T, T', A, H, H4, H3, H2, H1, !Small by lia. easy. }
  assert (Form : seal_form_is_valid s = true).
  { unfold group_is_valid in V. bools. unfold seal_form_is_valid, s, new_seal.
    cbn [seal_kind epoch first_seq next_seq detail_number detail_hash].
    rewrite (proj2 (N.leb_le _ _)), (proj2 (N.ltb_lt _ _) C), (proj2 (N.ltb_lt _ _) E) by lia.
    cbn [andb]. unfold count in *. destruct (group_entries g) as [|x xs]; cbn [length negb] in *.
    - assert (Z : N.of_nat (length (entries st)) = group_first st) by lia.
      rewrite Z, N.eqb_refl. cbn [andb] in *.
      destruct (_ =? commit); [easy|]. now destruct (_ || _).
    - rewrite (proj2 (N.ltb_lt _ _)) by lia. cbn [andb] in *.
      destruct (_ =? commit); [easy|]. destruct (_ || _); [easy|]. now destruct (_ =? prune). }
  rewrite (Proofs.ledger.EncodingSeal.seal_decode_encode s Typed Form).
  destruct (Proofs.ledger.EncodingSeal.seal_length s Typed) as [_ L].
  assert (Cov : covered (pp_seal_encode s) = seal_covered s)
    by (apply Proofs.ledger.EncodingFrame.firstn_exact; now rewrite L).
  assert (Mac : mac_part (pp_seal_encode s) = m)
    by (apply Proofs.ledger.EncodingFrame.skipn_exact; now rewrite L).
  unfold seal_place_is_valid, seal_content_is_valid, pp_seal_mac_valid. rewrite Cov, Mac.
  change (seal_covered s) with (seal_covered (new_seal hash ledger_id st g [])). fold m.
  unfold s, new_seal. cbn [log_id epoch first_seq next_seq previous_tag tag Spec.Encoding.root].
  now rewrite !bytes_eqb_refl, !N.eqb_refl.
Qed.

Lemma numbered_app a b : forall n,
  are_numbered n (a ++ b) = are_numbered n a && are_numbered (n + count a) b.
Proof.
  unfold count. induction a as [|c a IH]; intros n; cbn [app are_numbered length].
  - now rewrite N.add_0_r.
  - destruct (pp_entry_decode c); [|easy]. rewrite IH, andb_assoc. do 2 f_equal. lia.
Qed.

Lemma groups_written gs : forall st,
  let all := concat (map group_entries gs) in
  are_numbered (count (entries st)) all = true -> count (entries st ++ all) < 2 ^ 63 ->
  next_epoch st + N.of_nat (length gs) <= 2 ^ 36 -> forallb group_is_valid gs = true ->
  group_first st = count (entries st) -> sealed_tag st = last_tag st ->
  is_array 16 (last_tag st) = true ->
  (exists st', run st (write st gs) = Some st' /\ group_first st' = count (entries st')) /\
  entries_of (write st gs) = all /\ length (seals_of (write st gs)) = length gs.
Proof.
  induction gs as [|g gs IH]; intros st; cbn [map concat].
  - cbn. eauto.
  - intros Num Size Ep Valid G S T. cbn in Valid. apply andb_prop in Valid as [Vg Valid].
    rewrite numbered_app in Num. apply andb_prop in Num as [N1 N2].
    cbn [Spec.Ledger.write]. cbn [length] in Ep.
    destruct (Spec.Ledger.write_entries _ _ _ _ st (group_entries g)) as [l mid] eqn:W.
    destruct (entries_written _ _ _ _ W N1 T) as (R & E & Z & X & P & G' & S' & T').
    rewrite app_assoc, <- X in Size.
    assert (Now : count (entries mid) < 2 ^ 63) by (rewrite count_app in Size; lia).
    assert (K := seal_written mid g Vg T').
    rewrite S', S, P, G', G, X, count_app in K. rewrite X, count_app in Now.
    specialize (K T ltac:(lia) Now eq_refl).
    destruct (IH (after_seal mid)) as ((st' & R' & C) & E' & L); cbn [after_seal entries next_epoch
      group_first sealed_tag last_tag]; auto.
    + now rewrite X, count_app.
    + lia.
    + rewrite run_app, R, entries_app, seals_app, E, Z. cbn [app entries_of seals_of length].
      rewrite E', L. split; [|easy]. exists st'. split; [|easy].
      cbn [Spec.Ledger.run]. now rewrite K.
Qed.
End Writer.
