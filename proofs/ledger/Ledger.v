(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements in spec/Ledger.v. *)
From Coq Require Import List NArith PeanoNat Bool Lia.
From PostProof.Spec Require Collision Merkle Encoding Ledger.
From PostProof.Proofs.ledger Require EncodingEntry Merkle.
From PostProof.Proofs.ledger Require Import LedgerRun LedgerWriter.
Import ListNotations.
Import Spec.Collision Spec.Encoding Spec.Ledger.
Open Scope N_scope.

Section Reductions.
Variable key : Type.
Variable mac : key -> bytes -> bytes.
Variables tag_key seal_key : N -> key.
Variable hash : Spec.Merkle.input bytes -> bytes.
Variable ledger_id : bytes.

Notation run := (run key mac tag_key seal_key hash ledger_id).
Notation take_frame := (take_frame key mac tag_key seal_key hash ledger_id).
Notation accept := (accept key mac tag_key seal_key hash ledger_id).
Notation root := (root hash).

Notation broken_before := (is_broken_before key mac seal_key hash).
Notation broken := (is_broken key mac seal_key hash).

Lemma broken_weaken limit issued l : broken_before limit issued l -> broken issued l.
Proof. intros [F|C]; [left; now exists limit|now right]. Qed.

Lemma is_stamp_spec e c s : is_stamp e c s = true <-> at_epoch s = e /\ message s = covered c.
Proof.
  unfold is_stamp. rewrite andb_true_iff, N.eqb_eq, (bytes_eqb_spec _ _). easy.
Qed.

Lemma seal_numbered l e c : accept l = true -> In (e, c) (number 0 (seals_of l)) ->
  e < N.of_nat (length (seals_of l)) /\ mac_part c = mac (seal_key e) (seal_domain ++ covered c).
Proof.
  intros A I. apply number_in in I as (x & y & E & ->). rewrite E, app_length.
  destruct (seals_split l x c y E) as (a & b & -> & <-).
  apply seal_place in A as (s & _ & _ & P & _ & _ & M). rewrite P in M. cbn [length].
  split; [lia|exact M].
Qed.

Lemma forged_or_issued issued l : accept l = true ->
  is_forgery_before key mac seal_key (N.of_nat (length (seals_of l))) issued
                    (forgery_of issued l) \/
  (forall s, In s (number 0 (seals_of l)) -> was_issued issued s = true).
Proof.
  intros A. unfold forgery_of. destruct (find _ _) as [[e c]|] eqn:F.
  - left. apply find_some in F as [I W]. destruct (seal_numbered l e c A I) as [B M].
    repeat split; auto.
    + intros s J P Q. apply app_inv_head in Q. apply negb_true_iff in W.
      enough (was_issued issued (e, c) = true) by congruence.
      apply existsb_exists. exists s. split; [easy|]. now apply is_stamp_spec.
    + intros header Q. discriminate Q.
  - right. intros s I. apply (find_none _ _ F) in I. now apply negb_false_iff in I.
Qed.

Lemma root_in_message c s : pp_seal_decode c = Some s ->
  slice 58 32 (covered c) = Spec.Encoding.root s.
Proof.
  unfold pp_seal_decode. destruct (_ || _) eqn:L; [easy|].
  destruct (seal_form_is_valid _); [|easy]. intros E.
  apply (f_equal (fun o => match o with Some t => Spec.Encoding.root t | None => [] end)) in E.
  rewrite <- E. cbn [Spec.Encoding.root]. clear E.
  apply orb_false_elim in L as [L _]. apply negb_false_iff, Nat.eqb_eq in L.
  unfold covered. rewrite <- (firstn_skipn 194 c) at 2. symmetry.
  apply Proofs.ledger.EncodingEntry.slice_app_inside. rewrite firstn_length. lia.
Qed.

(* The general reduction, with what the last seal's stamp says. *)
Lemma sealed issued l : truthful hash issued -> accept l = true ->
  broken_before (N.of_nat (length (seals_of l))) issued l \/
  (forall s, In s (number 0 (seals_of l)) -> was_issued issued s = true) /\
  (l = [] \/ exists a c s, l = a ++ [SealFrame c] /\ In s issued /\
     is_stamp (N.of_nat (length (seals_of a))) c s = true /\ entries_of l = sealed_entries s).
Proof.
  intros T A. destruct (forged_or_issued issued l A) as [F|I]; [left; now left|].
  destruct (last_is_seal l A) as [->|(a & c & ->)]; [now right; split; [|left]|].
  destruct (find (is_stamp (N.of_nat (length (seals_of a))) c) issued) as [s|] eqn:F.
  - assert (F' := F). apply find_some in F as [J M].
    destruct (list_eq_dec (list_eq_dec N.eq_dec) (sealed_entries s)
                (entries_of (a ++ [SealFrame c]))) as [E|E].
    + right. split; [easy|right]. exists a, c, s. auto.
    + left; right. unfold collision_of. rewrite seals_app, number_app, rev_app_distr.
      cbn [seals_of number rev app]. rewrite N.add_0_l, F'.
      apply Proofs.ledger.Merkle.root_binds_entries; [exact bytes_eqb_spec| |exact E].
      apply seal_place in A as (sl & D & _ & _ & _ & R & _). apply T in J.
      apply is_stamp_spec in M as [_ M]. rewrite M, (root_in_message c sl D), R in J.
      rewrite entries_app, app_nil_r. now symmetry.
  - exfalso. specialize (I (N.of_nat (length (seals_of a)), c)).
    assert (W : was_issued issued (N.of_nat (length (seals_of a)), c) = true).
    { apply I. rewrite seals_app, number_app. apply in_or_app. right. now left. }
    apply existsb_exists in W as (s & J & W). cbn in W. now rewrite (find_none _ _ F s J) in W.
Qed.

Lemma honest_truthful h : accept h = true -> truthful hash (stamps_of h).
Proof.
  intros A s I. apply stamp_in in I as (a & c & b & -> & _ & -> & ->).
  apply seal_place in A as (sl & D & _ & _ & _ & R & _). now rewrite (root_in_message c sl D).
Qed.

(* A seal of l with the message that h has at that place is that seal of h. *)
Lemma same_seal h l e c : accept h = true -> accept l = true ->
  In (e, c) (number 0 (seals_of l)) -> was_issued (stamps_of h) (e, c) = true ->
  exists a b, h = a ++ SealFrame c :: b /\ e = N.of_nat (length (seals_of a)).
Proof.
  intros H L I W. apply existsb_exists in W as (s & J & W). apply is_stamp_spec in W as [E M].
  cbn [fst snd] in E, M. apply stamp_in in J as (a & d & b & -> & E' & M' & _).
  rewrite E', N.add_0_l in E.
  exists a, b. split; [|easy]. apply (seal_numbered l e c L) in I as [_ M1].
  apply seal_place in H as (sl & _ & _ & P & _ & _ & M2). rewrite P, E in M2.
  rewrite M in M'. rewrite <- M', <- M1 in M2. do 2 f_equal.
  rewrite <- (firstn_skipn 194 c), <- (firstn_skipn 194 d).
  unfold covered, mac_part in *. f_equal. now rewrite M', M2.
Qed.

Lemma seals_prefix h l : accept h = true -> accept l = true ->
  (forall s, In s (number 0 (seals_of l)) -> was_issued (stamps_of h) s = true) ->
  exists more, seals_of h = seals_of l ++ more.
Proof.
  intros H L I.
  assert (G : forall x y, seals_of l = x ++ y -> exists more, seals_of h = x ++ more).
  { induction x as [|c x IH] using rev_ind; intros y E; [now exists (seals_of h)|].
    rewrite app_assoc_reverse in E. destruct (IH _ E) as [more M].
    assert (J : In (N.of_nat (length x), c) (number 0 (seals_of l))).
    { rewrite E, number_app. apply in_or_app. right. now left. }
    destruct (same_seal h l _ c H L J (I _ J)) as (a & b & -> & Q).
    apply Nnat.Nat2N.inj in Q. rewrite seals_app in M |- *. cbn [seals_of] in *.
    apply Proofs.ledger.Merkle.app_inj_length in M as [M _]; [|easy].
    exists (seals_of b). now rewrite M, app_assoc_reverse. }
  apply (G _ []). now rewrite app_nil_r.
Qed.

Lemma prefix_or_broken h l : accept h = true -> accept l = true ->
  is_prefix l h \/ broken_before (N.of_nat (length (seals_of l))) (stamps_of h) l.
Proof.
  intros H L. destruct (sealed (stamps_of h) l (honest_truthful h H) L) as [B|[I Z]];
    [now right|left]. destruct (seals_prefix h l H L I) as [more S].
  assert (E : exists more, entries_of h = entries_of l ++ more).
  { destruct Z as [->|(a & c & s & _ & J & _ & ->)]; [now exists (entries_of h)|].
    apply stamp_in in J as (x & d & y & -> & _ & _ & ->). rewrite entries_app. eauto. }
  apply accept_run in H as (sth & RH & _), L as (stl & RL & C).
  apply frames_prefix with (1 := RL) (2 := RH); auto; [cbn; lia|now exists more].
Qed.

Lemma same_number h l : accept h = true -> accept l = true -> is_prefix l h ->
  (length (seals_of h) <= length (seals_of l))%nat -> l = h.
Proof.
  intros H L [rest ->] N. rewrite seals_app, app_length in N.
  destruct (snoc_case rest) as [->|(r & f & ->)]; [now rewrite app_nil_r|].
  destruct (last_is_seal _ H) as [E|(a & c & E)]; [now destruct l, r|].
  rewrite app_assoc in E. apply app_inj_tail in E as [_ ->].
  rewrite seals_app, app_length in N. cbn in N. lia.
Qed.

Lemma rollback_or_broken h l : accept h = true -> accept l = true ->
  (length (seals_of h) <= length (seals_of l))%nat ->
  l = h \/ broken_before (N.of_nat (length (seals_of l))) (stamps_of h) l.
Proof.
  intros H L N. destruct (prefix_or_broken h l H L) as [P|B]; [left|now right].
  now apply same_number.
Qed.
End Reductions.

(* ---- The statements ------------------------------------------------------------------------- *)

Theorem written_is_accepted : Spec.Ledger.written_is_accepted.
Proof.
  intros key mac tk sk hash id groups M H I all Num Size Ep Valid l.
  destruct (groups_written key mac tk sk hash id M H I groups start Num Size Ep Valid eq_refl
    eq_refl eq_refl) as (R & E & L). repeat split; auto. now apply accept_run.
Qed.

Theorem accepted_was_sealed : Spec.Ledger.accepted_was_sealed.
Proof.
  intros key mac tk sk hash id issued l T A.
  destruct (sealed key mac tk sk hash id issued l T A) as [B|[I Z]].
  - right. now apply broken_weaken in B.
  - left. split; [easy|]. destruct Z as [->|(a & c & s & _ & J & _ & E)]; [now left|right; eauto].
Qed.

Theorem accepted_is_prefix : Spec.Ledger.accepted_is_prefix.
Proof.
  intros key mac tk sk hash id h l H L.
  destruct (prefix_or_broken key mac tk sk hash id h l H L) as [P|B]; [now left|right].
  now apply broken_weaken in B.
Qed.

Theorem replay_is_accepted : Spec.Ledger.replay_is_accepted.
Proof.
  intros key mac tk sk hash id h n H. split; [now apply until_accepted|apply until_prefix].
Qed.

Theorem rollback_detected_by_epoch : Spec.Ledger.rollback_detected_by_epoch.
Proof.
  intros key mac tk sk hash id h l H L N.
  destruct (rollback_or_broken key mac tk sk hash id h l H L N) as [P|B]; [now left|right].
  now apply broken_weaken in B.
Qed.

Theorem checkpoint_binds_entries : Spec.Ledger.checkpoint_binds_entries.
Proof.
  intros key mac tk sk hash id h l n N C. apply andb_prop in C as [_ C].
  apply bytes_eqb_spec in C.
  destruct (list_eq_dec (list_eq_dec N.eq_dec) (firstn (N.to_nat n) (entries_of l))
              (firstn (N.to_nat n) (entries_of h))) as [E|E]; [now left|right].
  apply Proofs.ledger.Merkle.root_binds_entries; [exact bytes_eqb_spec|now symmetry|].
  intros F. now destruct E.
Qed.

Theorem rollback_detected_by_checkpoint : Spec.Ledger.rollback_detected_by_checkpoint.
Proof.
  intros key mac tk sk hash id l n r N. unfold checkpoint_holds.
  now rewrite (proj2 (N.leb_gt _ _) N).
Qed.

Theorem sealed_before_theft : Spec.Ledger.sealed_before_theft.
Proof.
  intros key mac tk sk hash id h l e H L NH NL.
  apply (until_accepted _ _ _ _ _ _ _ e) in H, L.
  pose proof (until_seals l e NL) as SL. pose proof (until_seals h e NH) as SH.
  rewrite <- SL at 3. apply (rollback_or_broken key mac tk sk hash id); auto. lia.
Qed.

Theorem counters_consecutive : Spec.Ledger.counters_consecutive.
Proof.
  intros key mac tk sk hash id l A. split; intros i c E.
  - apply nth_error_split in E as (x & y & E & <-).
    assert (S : exists a t b, l = a ++ EntryFrame c t :: b /\ entries_of a = x).
    { clear A. revert x E. induction l as [|f l IH]; intros x E; [now destruct x|].
      destruct f as [d t|d|d]; cbn in E.
      - destruct x as [|z x]; injection E as -> E; [now exists [], t, l|].
        apply IH in E as (a & u & b & -> & <-). now exists (EntryFrame z t :: a), u, b.
      - apply IH in E as (a & u & b & -> & <-). now exists (HeaderFrame d :: a), u, b.
      - apply IH in E as (a & u & b & -> & <-). now exists (SealFrame d :: a), u, b. }
    destruct S as (a & t & b & -> & <-). now apply entry_place in A.
  - apply nth_error_split in E as (x & y & E & <-).
    apply seals_split in E as (a & b & -> & <-).
    apply seal_place in A as (s & D & I & P & _). now exists s.
Qed.

Theorem seal_binds_position : Spec.Ledger.seal_binds_position.
Proof. intros key mac tk sk hash id a c b A. now apply seal_place in A. Qed.

Theorem truncation_is_rollback : Spec.Ledger.truncation_is_rollback.
Proof.
  intros key mac tk sk hash id a f b A B.
  destruct (Nat.lt_ge_cases (length (seals_of a)) (length (seals_of (a ++ f :: b)))) as [L|L];
    [easy|]. apply same_number with (1 := A) (2 := B) in L; [|now exists (f :: b)].
  exfalso. apply (f_equal (@length _)) in L. rewrite app_length in L. cbn in L. lia.
Qed.

Theorem deletion_rejected : Spec.Ledger.deletion_rejected.
Proof.
  intros key mac tk sk hash id a f b A N. destruct (accept _ _ _ _ _ _ (a ++ b)) eqn:B; [|easy].
  destruct N. now apply one_more with (1 := A) in B.
Qed.

Theorem insertion_rejected : Spec.Ledger.insertion_rejected.
Proof.
  intros key mac tk sk hash id a f b A N.
  destruct (accept _ _ _ _ _ _ (a ++ f :: b)) eqn:B; [|easy].
  destruct N. now apply one_more with (1 := B) in A.
Qed.

Theorem duplication_rejected : Spec.Ledger.duplication_rejected.
Proof. intros key mac tk sk hash id a f b c. apply duplicate. Qed.

Theorem reorder_rejected : Spec.Ledger.reorder_rejected.
Proof.
  intros key mac tk sk hash id a x b y c A.
  destruct (accept _ _ _ _ _ _ (a ++ y :: b ++ x :: c)) eqn:B; [|easy].
  now destruct (exchanged _ _ _ _ _ _ _ _ _ _ _ A B).
Qed.

Theorem modification_breaks : Spec.Ledger.modification_breaks.
Proof.
  intros key mac tk sk hash id a f g b c A N B.
  destruct (accepted_is_prefix key mac tk sk hash id _ _ A B) as [[rest E]|X]; [|easy].
  rewrite app_assoc_reverse in E. apply app_inv_head in E. cbn in E. congruence.
Qed.

Theorem extension_breaks : Spec.Ledger.extension_breaks.
Proof.
  intros key mac tk sk hash id h f b A B.
  destruct (accepted_is_prefix key mac tk sk hash id _ _ A B) as [[rest E]|X]; [|easy].
  apply (f_equal (@length _)) in E. rewrite !app_length in E. cbn in E. lia.
Qed.

Theorem splice_rejected : Spec.Ledger.splice_rejected.
Proof.
  intros key mac tk sk hash id a c s b D N.
  destruct (accept _ _ _ _ _ _ (a ++ SealFrame c :: b)) eqn:A; [|easy].
  apply seal_place in A as (s' & D' & L & _). congruence.
Qed.
