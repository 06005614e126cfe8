(* SPDX-License-Identifier: MIT *)
(* What a run of the verifier of spec/Ledger.v says about each frame: lemmas for Ledger.v. *)
From Coq Require Import List NArith PeanoNat Bool Lia.
From PostProof.Spec Require Collision Merkle Encoding Ledger.
From PostProof.Proofs.ledger Require Collision.
Import ListNotations.
Import Spec.Collision Spec.Encoding Spec.Ledger.
Open Scope N_scope.

(* ---- Lists ---------------------------------------------------------------------------------- *)

Definition bytes_eqb_spec := Proofs.ledger.Collision.bytes_eqb_decides.

Lemma entries_app a b : entries_of (a ++ b) = entries_of a ++ entries_of b.
Proof. induction a as [|[c t|c|c] a IH]; cbn; congruence. Qed.

Lemma seals_app a b : seals_of (a ++ b) = seals_of a ++ seals_of b.
Proof. induction a as [|[c t|c|c] a IH]; cbn; congruence. Qed.

Lemma number_app {A} (a b : list A) : forall n,
  number n (a ++ b) = number n a ++ number (n + N.of_nat (length a)) b.
Proof.
  induction a as [|x a IH]; intros n; cbn [app number length].
  - now rewrite N.add_0_r.
  - rewrite IH. do 3 f_equal. lia.
Qed.

Lemma number_in {A} (l : list A) : forall n e x, In (e, x) (number n l) ->
  exists a b, l = a ++ x :: b /\ e = n + N.of_nat (length a).
Proof.
  induction l as [|y l IH]; intros n e x; cbn; [easy|]. intros [[= <- <-]|I].
  - exists [], l. split; [easy|cbn; lia].
  - apply IH in I as (a & b & -> & ->). exists (y :: a), b. split; [easy|cbn [length]; lia].
Qed.

Lemma seals_split l : forall x c y, seals_of l = x ++ c :: y ->
  exists a b, l = a ++ SealFrame c :: b /\ seals_of a = x.
Proof.
  induction l as [|f l IH]; intros x c y E; [now destruct x|].
  assert (Skip : seals_of l = x ++ c :: y -> seals_of [f] = [] ->
    exists a b, f :: l = a ++ SealFrame c :: b /\ seals_of a = x).
  { intros H Z. apply IH in H as (a & b & -> & <-). exists (f :: a), b. split; [easy|].
    change (f :: a) with ([f] ++ a). now rewrite seals_app, Z. }
  destruct f as [d t|d|d]; [now apply Skip|now apply Skip|].
  destruct x as [|d' x]; cbn in E; injection E as -> E; [now exists [], l|].
  apply IH in E as (a & b & -> & <-). now exists (SealFrame d' :: a), b.
Qed.

Lemma count_app a b : count (a ++ b) = count a + count b.
Proof. unfold count. rewrite app_length. lia. Qed.

Lemma snoc_case {A} (l : list A) : l = [] \/ exists a x, l = a ++ [x].
Proof. destruct l using rev_ind; eauto. Qed.

Lemma stamps_from_app a b : forall e before, stamps_from e before (a ++ b) =
  stamps_from e before a ++
  stamps_from (e + N.of_nat (length (seals_of a))) (before ++ entries_of a) b.
Proof.
  induction a as [|[c t|c|c] a IH]; intros e before;
    cbn [app stamps_from seals_of entries_of length].
  - now rewrite N.add_0_r, app_nil_r.
  - now rewrite IH, app_assoc_reverse.
  - apply IH.
  - rewrite IH. do 3 f_equal. lia.
Qed.

Lemma stamp_in l : forall e before s, In s (stamps_from e before l) ->
  exists a c b, l = a ++ SealFrame c :: b /\ at_epoch s = e + N.of_nat (length (seals_of a)) /\
    message s = covered c /\ sealed_entries s = before ++ entries_of a.
Proof.
  induction l as [|f l IH]; intros e before s; [easy|].
  destruct f as [d t|d|d]; cbn [stamps_from].
  - intros I. apply IH in I as (a & c & b & -> & E & M & Z). exists (EntryFrame d t :: a), c, b.
    repeat split; try easy. now rewrite Z, app_assoc_reverse.
  - intros I. apply IH in I as (a & c & b & -> & H). now exists (HeaderFrame d :: a), c, b.
  - intros [<-|I].
    + exists [], d, l. cbn. now rewrite N.add_0_r, app_nil_r.
    + apply IH in I as (a & c & b & -> & E & M & Z). exists (SealFrame d :: a), c, b.
      repeat split; try easy. rewrite E. cbn [seals_of length]. lia.
Qed.

Lemma stamp_of_seal a c b :
  In (Stamp (N.of_nat (length (seals_of a))) (covered c) (entries_of a))
     (stamps_of (a ++ SealFrame c :: b)).
Proof. unfold stamps_of. rewrite stamps_from_app. apply in_or_app. right. now left. Qed.

Lemma until_prefix l : forall n, exists rest, l = until_seal n l ++ rest.
Proof.
  induction l as [|f l IH]; intros [|n]; cbn; try (now exists []); try (now exists (f :: l)).
  destruct f as [c t|c|c].
  - destruct (IH (S n)) as [r E]. exists r. cbn. now f_equal.
  - destruct (IH (S n)) as [r E]. exists r. cbn. now f_equal.
  - destruct (IH n) as [r E]. exists r. cbn. now f_equal.
Qed.

Lemma until_shape l : forall n, until_seal n l = [] \/ until_seal n l = l \/
  exists a c b, l = a ++ SealFrame c :: b /\ until_seal n l = a ++ [SealFrame c].
Proof.
  induction l as [|f l IH]; intros [|n]; cbn [until_seal]; auto.
  assert (G : forall m, until_seal m l = [] -> m = O \/ l = []).
  { intros m E. destruct l as [|g l']; [now right|left]. destruct m; [easy|]. now destruct g. }
  destruct f as [d t|d|d].
  1, 2: destruct (IH (S n)) as [E|[E|(a & c & b & -> & E)]]; right;
    [apply G in E as [E| ->]; [easy|now left]|left; now rewrite E|right].
  - exists (EntryFrame d t :: a), c, b. now rewrite E.
  - exists (HeaderFrame d :: a), c, b. now rewrite E.
  - right. destruct (IH n) as [E|[E|(a & c & b & -> & E)]].
    + right. exists [], d, l. now rewrite E.
    + left. now rewrite E.
    + right. exists (SealFrame d :: a), c, b. now rewrite E.
Qed.

Lemma until_seals l : forall n, (n <= length (seals_of l))%nat ->
  length (seals_of (until_seal n l)) = n.
Proof.
  induction l as [|f l IH]; intros [|n] L; cbn in *; try easy.
  destruct f; cbn [seals_of length] in *; rewrite ?IH; lia.
Qed.

Ltac bools := repeat match goal with
  | H : _ && _ = true |- _ => apply andb_prop in H as [? ?]
  | H : (_ =? _) = true |- _ => apply N.eqb_eq in H
  | H : bytes_eqb _ _ = true |- _ => apply bytes_eqb_spec in H
  end.

(* ---- The verifier --------------------------------------------------------------------------- *)

Section Verifier.
Variable key : Type.
Variable mac : key -> bytes -> bytes.
Variables tag_key seal_key : N -> key.
Variable hash : Spec.Merkle.input bytes -> bytes.
Variable ledger_id : bytes.

Notation run := (run key mac tag_key seal_key hash ledger_id).
Notation take_frame := (take_frame key mac tag_key seal_key hash ledger_id).
Notation accept := (accept key mac tag_key seal_key hash ledger_id).
Notation root := (root hash).

(* What one accepted entry frame says. *)
Lemma entry_step st c t st' : take_frame st (EntryFrame c t) = Some st' ->
  (exists e, pp_entry_decode c = Some e /\ seq e = count (entries st)) /\
  t = pp_chain_tag key mac (tag_key (next_epoch st)) (last_tag st) (hash (Spec.Merkle.Leaf c)) /\
  st' = State (entries st ++ [c]) t (next_epoch st) (group_first st) (sealed_tag st).
Proof.
  cbn. unfold take_entry. destruct (pp_entry_decode c) as [e|]; [|easy].
  destruct (_ && _) eqn:V; [|easy]. intros [= <-]. bools. eauto.
Qed.

Definition good_seal (st : state) (c : bytes) (s : seal) : Prop :=
  pp_seal_decode c = Some s /\ log_id s = ledger_id /\ epoch s = next_epoch st /\
  mac_part c = mac (seal_key (next_epoch st)) (seal_domain ++ covered c) /\
  next_seq s = count (entries st) /\ Spec.Encoding.root s = root (entries st).

Lemma seal_step st c st' : take_frame st (SealFrame c) = Some st' ->
  (exists s, good_seal st c s) /\
  st' = State (entries st) (last_tag st) (next_epoch st + 1) (count (entries st)) (last_tag st).
Proof.
  cbn. unfold take_seal. destruct (pp_seal_decode c) as [s|] eqn:D; [|easy].
  destruct (_ && _) eqn:V; [|easy]. intros [= <-].
  unfold seal_place_is_valid, seal_content_is_valid, pp_seal_mac_valid in V. bools.
  split; [|easy]. exists s. repeat split; auto.
Qed.

Lemma run_app a : forall st b, run st (a ++ b) =
  match run st a with None => None | Some st => run st b end.
Proof.
  induction a as [|f a IH]; intros st b; cbn; [easy|].
  now destruct (Spec.Ledger.take_frame _ _ _ _ _ _ _ _).
Qed.

Lemma run_cons st f l st' : run st (f :: l) = Some st' ->
  exists mid, take_frame st f = Some mid /\ run mid l = Some st'.
Proof. cbn. destruct (Spec.Ledger.take_frame _ _ _ _ _ _ _ _); [eauto|easy]. Qed.

Lemma run_facts l : forall st st', run st l = Some st' ->
  entries st' = entries st ++ entries_of l /\
  next_epoch st' = next_epoch st + N.of_nat (length (seals_of l)) /\
  (group_first st <= count (entries st) -> group_first st' <= count (entries st')).
Proof.
  induction l as [|f l IH]; intros st st' R.
  - injection R as <-. cbn. now rewrite app_nil_r, N.add_0_r.
  - apply run_cons in R as (mid & T & R). apply IH in R as (E & N & G).
    destruct f as [c t|c|c]; [apply entry_step in T as (_ & _ & ->)|easy|
      apply seal_step in T as (_ & ->)]; cbn [entries next_epoch group_first entries_of seals_of
        length] in *.
    + rewrite app_assoc_reverse in E. rewrite count_app in G. repeat split; auto.
      intros. apply G. lia.
    + repeat split; auto; [lia|]. intros. apply G. lia.
Qed.

Lemma accept_run l : accept l = true <->
  exists st, run start l = Some st /\ group_first st = count (entries st).
Proof.
  unfold Spec.Ledger.accept. destruct (Spec.Ledger.run _ _ _ _ _ _ _ l) as [st|].
  - rewrite N.eqb_eq. split; [eauto|]. now intros (? & [= ->] & ?).
  - split; [easy|]. now intros (? & ? & ?).
Qed.

(* Every seal in a run is good where it stands. *)
Lemma seal_at st a c b st' : run st (a ++ SealFrame c :: b) = Some st' ->
  exists mid s, run st a = Some mid /\ good_seal mid c s.
Proof.
  rewrite run_app. destruct (Spec.Ledger.run _ _ _ _ _ _ st a) as [mid|]; [|easy].
  intros R. apply run_cons in R as (? & T & _). apply seal_step in T as [[s G] _]. eauto.
Qed.

Lemma entry_at st a c t b st' : run st (a ++ EntryFrame c t :: b) = Some st' ->
  exists mid e, run st a = Some mid /\ pp_entry_decode c = Some e /\ seq e = count (entries mid).
Proof.
  rewrite run_app. destruct (Spec.Ledger.run _ _ _ _ _ _ st a) as [mid|]; [|easy].
  intros R. apply run_cons in R as (? & T & _). apply entry_step in T as [[e G] _].
  exists mid, e. tauto.
Qed.

Lemma header_at st a c b : run st (a ++ HeaderFrame c :: b) = None.
Proof. rewrite run_app. now destruct (Spec.Ledger.run _ _ _ _ _ _ st a). Qed.

(* The same, from the start, in terms of the frames before. *)
Lemma seal_place a c b : accept (a ++ SealFrame c :: b) = true ->
  exists s, pp_seal_decode c = Some s /\ log_id s = ledger_id /\
    epoch s = N.of_nat (length (seals_of a)) /\ next_seq s = count (entries_of a) /\
    Spec.Encoding.root s = root (entries_of a) /\
    mac_part c = mac (seal_key (epoch s)) (seal_domain ++ covered c).
Proof.
  intros (st & R & _)%accept_run. apply seal_at in R as (mid & s & R & G).
  apply run_facts in R as (E & N & _). destruct G as (D & L & P & M & Q & T). cbn in E, N.
  exists s. rewrite E in Q, T. rewrite P, N. rewrite N in M. repeat split; auto.
Qed.

Lemma entry_place a c t b : accept (a ++ EntryFrame c t :: b) = true ->
  exists e, pp_entry_decode c = Some e /\ seq e = count (entries_of a).
Proof.
  intros (st & R & _)%accept_run. apply entry_at in R as (mid & e & R & D & Q).
  apply run_facts in R as (E & _ & _). cbn in E. rewrite E in Q. eauto.
Qed.

Lemma no_header a c b : accept (a ++ HeaderFrame c :: b) = false.
Proof. unfold Spec.Ledger.accept. now rewrite header_at. Qed.

Lemma upto_seal_accepted a c b : accept (a ++ SealFrame c :: b) = true ->
  accept (a ++ [SealFrame c]) = true.
Proof.
  intros (st & R & _)%accept_run. change (SealFrame c :: b) with ([SealFrame c] ++ b) in R.
  rewrite app_assoc, run_app in R. apply accept_run.
  destruct (Spec.Ledger.run _ _ _ _ _ _ start (a ++ _)) as [m|] eqn:Q; [|easy].
  exists m. split; [easy|]. rewrite run_app in Q.
  destruct (Spec.Ledger.run _ _ _ _ _ _ start a) as [m0|]; [|easy].
  apply run_cons in Q as (m1 & T & Q). injection Q as <-. now apply seal_step in T as (_ & ->).
Qed.

Lemma last_is_seal l : accept l = true -> l = [] \/ exists a c, l = a ++ [SealFrame c].
Proof.
  intros A. destruct (snoc_case l) as [->|(a & f & ->)]; [now left|right].
  destruct f as [c t|c|c]; [|now rewrite no_header in A|eauto].
  apply accept_run in A as (st & R & G). rewrite run_app in R.
  destruct (Spec.Ledger.run _ _ _ _ _ _ start a) as [m|] eqn:Q; [|easy].
  apply run_cons in R as (m1 & T & R). injection R as <-. apply entry_step in T as (_ & _ & ->).
  apply run_facts in Q as (_ & _ & Q). cbn [group_first entries] in G. rewrite count_app in G.
  cbn in G. specialize (Q (N.le_refl 0)). cbn in Q. lia.
Qed.

(* ---- Positions: what is refused outright ---------------------------------------------------- *)

Lemma until_accepted l n : accept l = true -> accept (until_seal n l) = true.
Proof.
  intros A. destruct (until_shape l n) as [->|[->|(a & c & b & -> & ->)]]; [easy|easy|].
  now apply upto_seal_accepted in A.
Qed.

(* Two accepted logs that end with the same seal hold the same numbers of entries and seals. *)
Lemma same_end a b c : accept (a ++ [SealFrame c]) = true -> accept (b ++ [SealFrame c]) = true ->
  length (entries_of a) = length (entries_of b) /\ length (seals_of a) = length (seals_of b).
Proof.
  intros (s & D & _ & E & N & _)%seal_place (s' & D' & _ & E' & N' & _)%seal_place.
  rewrite D in D'. injection D' as <-. unfold count in *. split; lia.
Qed.

Lemma one_more a f b : accept (a ++ f :: b) = true -> accept (a ++ b) = true -> b = [].
Proof.
  intros A B. destruct (snoc_case b) as [->|(b' & g & ->)]; [easy|].
  destruct (last_is_seal _ B) as [E|(x & c & E)]; [now destruct a, b'|].
  rewrite app_assoc in E. apply app_inj_tail in E as [_ ->].
  rewrite app_assoc in B. change (f :: b' ++ [SealFrame c]) with ((f :: b') ++ [SealFrame c]) in A.
  rewrite app_assoc in A. destruct (same_end _ _ _ A B) as [E S].
  destruct f as [d t|d|d].
  - rewrite !entries_app, !app_length in E. cbn in E. lia.
  - rewrite app_assoc_reverse in A. cbn [app] in A. now rewrite no_header in A.
  - rewrite !seals_app, !app_length in S. cbn in S. lia.
Qed.

(* The frame f stands at two places: the same numbers of entries and seals are before it. *)
Lemma same_place a b f x y : accept (a ++ f :: x) = true -> accept (b ++ f :: y) = true ->
  length (entries_of a) = length (entries_of b) /\
  (match f with SealFrame _ => length (seals_of a) = length (seals_of b) | _ => True end).
Proof.
  intros A B. destruct f as [d t|d|d].
  - apply entry_place in A as (e & D & E), B as (e' & D' & E').
    rewrite D in D'. injection D' as <-. unfold count in *. split; [lia|easy].
  - now rewrite no_header in A.
  - apply upto_seal_accepted in A, B. now apply (same_end _ _ _ A B).
Qed.

Lemma duplicate a f b c : accept (a ++ f :: b ++ f :: c) = false.
Proof.
  destruct (accept _) eqn:A; [exfalso|easy]. assert (B := A).
  replace (a ++ f :: b ++ f :: c) with ((a ++ f :: b) ++ f :: c) in B
    by now rewrite app_assoc_reverse.
  destruct (same_place _ _ _ _ _ A B) as [E S].
  rewrite entries_app, app_length in E. rewrite seals_app, app_length in S.
  destruct f as [d t|d|d]; cbn in E, S; try lia. now rewrite no_header in A.
Qed.

Lemma exchanged a x b y c : accept (a ++ x :: b ++ y :: c) = true ->
  accept (a ++ y :: b ++ x :: c) = true -> False.
Proof.
  intros A B. assert (A' := A). assert (B' := B).
  replace (a ++ x :: b ++ y :: c) with ((a ++ x :: b) ++ y :: c) in A'
    by now rewrite app_assoc_reverse.
  replace (a ++ y :: b ++ x :: c) with ((a ++ y :: b) ++ x :: c) in B'
    by now rewrite app_assoc_reverse.
  destruct (same_place _ _ _ _ _ A B') as [E S]. destruct (same_place _ _ _ _ _ B A') as [E' S'].
  rewrite entries_app, app_length in E, E'. rewrite seals_app, app_length in S, S'.
  destruct x as [d t|d|d]; [| now rewrite no_header in A |];
    (destruct y as [d' t'|d'|d']; [| now rewrite no_header in B |]);
    cbn in E, E', S, S'; lia.
Qed.

(* ---- From the same seals and entries to the same frames -------------------------------------- *)

(* The first seal of a run counts the entries before it. *)
Lemma first_seal st f l st' c rest : run st (f :: l) = Some st' -> seals_of (f :: l) = c :: rest ->
  exists s, pp_seal_decode c = Some s /\
    match f with
    | EntryFrame _ _ => count (entries st) < next_seq s
    | _ => next_seq s = count (entries st)
    end.
Proof.
  intros R E. assert (R0 := R).
  destruct (seals_split (f :: l) [] c rest E) as (a & b & Q & Z). rewrite Q in R.
  apply seal_at in R as (mid & s & R & G). exists s. split; [apply G|].
  destruct G as (_ & _ & _ & _ & N & _). apply run_facts in R as (X & _ & _).
  rewrite X, count_app in N. destruct a as [|g a]; cbn in Q; injection Q as -> Q.
  - cbn in N. rewrite N. cbn. lia.
  - destruct g as [d t|d|d]; cbn [entries_of] in N.
    + unfold count in *. cbn [length] in N. lia.
    + now cbn in R0.
    + cbn in Z. easy.
Qed.

Lemma no_seal_open l : forall st st', run st l = Some st' -> seals_of l = [] ->
  group_first st' = group_first st.
Proof.
  induction l as [|f l IH]; intros st st' R Z; [now injection R as <-|].
  apply run_cons in R as (mid & T & R). destruct f as [c t|c|c]; [|easy|easy].
  apply IH in R; [|easy]. now apply entry_step in T as (_ & _ & ->).
Qed.

Lemma frames_prefix l : forall st h st1 st2, run st l = Some st1 -> run st h = Some st2 ->
  group_first st <= count (entries st) -> group_first st1 = count (entries st1) ->
  (exists more, entries_of h = entries_of l ++ more) ->
  (exists more, seals_of h = seals_of l ++ more) -> exists rest, h = l ++ rest.
Proof.
  induction l as [|f l IH]; intros st h st1 st2 L H O C [me E] [ms S]; [now exists h|].
  destruct h as [|g h].
  { cbn in E, S. destruct f as [c t|c|c]; [easy| |easy]. now cbn in L. }
  assert (L' := L). assert (H' := H).
  apply run_cons in L as (mid & T & L). apply run_cons in H as (mid' & U & H).
  assert (Closed : forall c t, f = EntryFrame c t -> exists c x, seals_of (f :: l) = c :: x).
  { intros c t ->. destruct (seals_of (EntryFrame c t :: l)) eqn:Z; [exfalso|eauto].
    pose proof (no_seal_open _ _ _ L' Z) as G. apply run_facts in L' as (X & _ & _).
    rewrite X, count_app in C. unfold count in *. cbn [entries_of length] in C. lia. }
  destruct f as [c t|c|c]; [| easy |].
  - destruct g as [c' t'|c'|c']; [| easy |].
    + cbn in E, S. injection E as -> E. apply entry_step in T as (_ & -> & ->), U as (_ & -> & ->).
      apply IH with (1 := L) (2 := H) in C as [rest ->]; [now exists rest| |eauto|eauto].
      cbn [entries group_first]. rewrite count_app. cbn. lia.
    + destruct (Closed _ _ eq_refl) as (d & x & Z).
      destruct (first_seal _ _ _ _ _ _ L' Z) as (s & D & N). rewrite Z in S.
      destruct (first_seal _ _ _ _ _ _ H' S) as (s' & D' & N').
      rewrite D in D'. injection D' as <-. lia.
  - destruct g as [c' t'|c'|c']; [| easy |].
    + destruct (first_seal _ _ _ _ _ _ L' eq_refl) as (s & D & N). cbn in S.
      destruct (first_seal _ _ _ _ _ _ H' S) as (s' & D' & N').
      rewrite D in D'. injection D' as <-. lia.
    + cbn in E, S. injection S as -> S. apply seal_step in T as (_ & ->), U as (_ & ->).
      apply IH with (1 := L) (2 := H) in C as [rest ->]; [now exists rest| |eauto|eauto].
      cbn [entries group_first]. lia.
Qed.
End Verifier.

Arguments last_is_seal {key mac tag_key seal_key hash ledger_id}.
Arguments frames_prefix {key mac tag_key seal_key hash ledger_id}.
