(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements in spec/Ledger.v. *)
From Coq Require Import List NArith PeanoNat Bool Lia.
From PostProof.Spec Require Collision Merkle Encoding Ledger.
From PostProof.Proofs.ledger Require Collision Encoding Merkle.
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

Ltac bools := repeat match goal with
  | H : _ && _ = true |- _ => apply andb_prop in H as [? ?]
  | H : (_ =? _) = true |- _ => apply N.eqb_eq in H
  | H : bytes_eqb _ _ = true |- _ => apply bytes_eqb_spec in H
  end.

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

Lemma count_app a b : count (a ++ b) = count a + count b.
Proof. unfold count. rewrite app_length. lia. Qed.

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

(* ---- The reductions ------------------------------------------------------------------------- *)

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
  apply Proofs.ledger.Encoding.slice_app_inside. rewrite firstn_length. lia.
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
  apply (frames_prefix l start h stl sth); auto; [cbn; lia|now exists more].
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
End Verifier.

(* ---- The statements ------------------------------------------------------------------------- *)

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
