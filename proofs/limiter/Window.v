(* SPDX-License-Identifier: MIT *)
(* Facts about the specification machine: the window bound, and which admission blocks a hit. *)
From Coq Require Import ZArith List Bool Lia Permutation.
From PostProof.Spec Require Import Limiter.
Import ListNotations.
Open Scope Z_scope.

Ltac cases :=
  repeat match goal with
  | |- context [?a <=? ?b] => destruct (Z.leb_spec a b)
  | |- context [?a <? ?b] => destruct (Z.ltb_spec a b)
  end; cbn [andb orb negb]; try lia.

(* Newest first, nothing later than t, no negative weight. *)
Fixpoint ordered (t : Z) (h : list admission) : Prop :=
  match h with
  | [] => True
  | (x, w) :: h' => x <= t /\ 0 <= w /\ ordered x h'
  end.

Lemma ordered_later h : forall t t', ordered t h -> t <= t' -> ordered t' h.
Proof. destruct h as [|[x w] h]; cbn; intuition lia. Qed.

Definition light (h : list admission) : Prop := Forall (fun a => 0 <= snd a) h.

Lemma ordered_light h : forall t, ordered t h -> light h.
Proof.
  induction h as [|[x w] h IH]; intros t H; [constructor|]. destruct H as (_ & W & H).
  constructor; [exact W | exact (IH _ H)].
Qed.

Lemma charged_nonneg low high h : light h -> 0 <= charged low high h.
Proof. induction 1 as [|[x w] h W _ IH]; cbn in *; cases. Qed.

(* Admissions up to t: a window that starts later and ends anywhere holds no more. *)
Lemma charged_narrow low low' high h : forall t, ordered t h -> low' <= low ->
  charged low high h <= charged low' (t + 1) h.
Proof.
  induction h as [|[x w] h IH]; intros t H L; cbn [charged]; [lia|]. destruct H as (X & W & H).
  pose proof (IH t (ordered_later _ _ _ H X) L). cases.
Qed.

Lemma charged_app low high h1 h2 :
  charged low high (h1 ++ h2) = charged low high h1 + charged low high h2.
Proof. induction h1 as [|[x w] h1 IH]; cbn [charged app]; lia. Qed.

Lemma charged_perm low high h1 h2 : Permutation h1 h2 ->
  charged low high h1 = charged low high h2.
Proof. induction 1 as [|[x w] ? ? ? IH|[x w] [x' w'] ?|]; cbn [charged]; lia. Qed.

Lemma admissions_app es1 es2 : admissions (es1 ++ es2) = admissions es1 ++ admissions es2.
Proof.
  induction es1 as [|e es IH]; cbn [admissions app]; [easy|].
  destruct (allowed e); cbn [app]; now rewrite IH.
Qed.

Definition bounded (limit tau : Z) (h : list admission) : Prop :=
  forall x, charged x (x + tau) h <= limit.

Lemma bounded_perm limit tau h1 h2 : Permutation h1 h2 -> bounded limit tau h1 ->
  bounded limit tau h2.
Proof. intros P B x. now rewrite <- (charged_perm x (x + tau) h1 h2 P). Qed.

Lemma bounded_cons limit tau t w h : ordered t h -> bounded limit tau h ->
  used tau t h + w <= limit -> bounded limit tau ((t, w) :: h).
Proof.
  intros O B U x. specialize (B x). cbn [charged]. unfold used in U. cases.
  pose proof (charged_narrow x (t - tau + 1) (x + tau) h t O). lia.
Qed.

(* ---- Runs ------------------------------------------------------------------------------- *)

Lemma run_app {S I} (m : S -> I -> list event * S) os1 : forall s os2,
  run m s (os1 ++ os2) =
  (fst (run m s os1) ++ fst (run m (snd (run m s os1)) os2), snd (run m (snd (run m s os1)) os2)).
Proof.
  induction os1 as [|o os1 IH]; intros s os2; cbn [app run fst snd].
  - now destruct (run m s os2).
  - destruct (m s o) as [e s1]. rewrite IH. destruct (run m s1 os1). cbn [fst snd].
    now rewrite app_assoc.
Qed.

(* Two machines that answer alike in related states give the same decisions. *)
Lemma run_simulates {A B I} (rel : A -> B -> Prop) (ma : A -> I -> list event * A)
    (mb : B -> I -> list event * B) (good : I -> Prop) :
  (forall a b o, good o -> rel a b ->
     fst (ma a o) = fst (mb b o) /\ rel (snd (ma a o)) (snd (mb b o))) ->
  forall os a b, Forall good os -> rel a b ->
    fst (run ma a os) = fst (run mb b os) /\ rel (snd (run ma a os)) (snd (run mb b os)).
Proof.
  intros Step. induction os as [|o os IH]; intros a b G R; cbn [run]; [easy|].
  inversion G as [|? ? Gq Gs]; subst. destruct (Step a b o Gq R) as [E R1].
  destruct (ma a o) as [e a1], (mb b o) as [e' b1]. cbn [fst snd] in *. subst e'.
  destruct (IH a1 b1 Gs R1) as [E2 R2].
  destruct (run ma a1 os), (run mb b1 os). cbn [fst snd] in *. now subst.
Qed.

(* ---- The specification machine ---------------------------------------------------------- *)

Definition sound (limit tau : Z) (s : history) : Prop :=
  ordered (seen s) (admitted s) /\ bounded limit tau (admitted s).

Lemma sound_empty limit tau t : 0 <= limit -> sound limit tau (History t []).
Proof. intros L. split; [exact I|]. intros x. cbn. lia. Qed.

Lemma spec_step_sound limit tau s o : proper o -> 0 < tau -> sound limit tau s ->
  sound limit tau (snd (spec_step limit tau s o)) /\
  seen s <= seen (snd (spec_step limit tau s o)) /\
  admitted (snd (spec_step limit tau s o)) =
    rev (admissions (fst (spec_step limit tau s o))) ++ admitted s.
Proof.
  intros W T [O B]. destruct o as [now w|now|]; cbn [spec_step proper spec_ask] in *.
  - unfold spec_fits. set (t := Z.max (seen s) now).
    assert (O' : ordered t (admitted s)) by (apply (ordered_later _ (seen s)); [exact O|lia]).
    destruct (Z.leb_spec (used tau t (admitted s) + w) limit) as [U|U];
      cbn [snd fst seen admitted admissions allowed tick cost rev app]; [|easy].
    repeat split; cbn [ordered seen admitted]; auto; try lia. now apply bounded_cons.
  - destruct (_ =? 0); cbn [fst snd seen admitted admissions rev app]; repeat split; auto; try lia.
    cbn [seen admitted]. apply (ordered_later _ (seen s)); [exact O|lia].
  - cbn [fst snd admissions rev app]. repeat split; auto. lia.
Qed.

(* After a run the machine's memory is exactly the admissions of the run, newest first. *)
Lemma spec_run_sound limit tau os : 0 < tau -> forall s, Forall proper os -> sound limit tau s ->
  let r := run (spec_step limit tau) s os in
  sound limit tau (snd r) /\ seen s <= seen (snd r) /\
  admitted (snd r) = rev (admissions (fst r)) ++ admitted s.
Proof.
  intros T. induction os as [|o os IH]; intros s P S; cbn [run]; [cbn; intuition lia|].
  inversion P as [|? ? Po Ps]; subst. pose proof (spec_step_sound limit tau s o Po T S) as S1.
  destruct (spec_step limit tau s o) as [e s1]. cbn [fst snd] in *.
  destruct S1 as (S1 & L1 & E1). specialize (IH s1 Ps S1).
  destruct (run (spec_step limit tau) s1 os) as [es s2].
  cbn [fst snd] in *. destruct IH as (S2 & L2 & E2). split; [exact S2|]. split; [lia|].
  now rewrite E2, E1, admissions_app, rev_app_distr, app_assoc.
Qed.

Lemma rev_perm (h : list admission) : Permutation (rev h) h.
Proof. symmetry. apply Permutation_rev. Qed.

Lemma spec_run_bounded limit tau os t0 : 0 < tau -> 0 <= limit -> Forall proper os ->
  bounded limit tau (admissions (fst (run (spec_step limit tau) (History t0 []) os))).
Proof.
  intros T L P.
  destruct (spec_run_sound limit tau os T _ P (sound_empty limit tau t0 L)) as [[_ B] [_ E]].
  cbn zeta in E. rewrite E, app_nil_r in B. exact (bounded_perm _ _ _ _ (rev_perm _) B).
Qed.

Lemma spec_denial limit tau os : 0 < tau -> forall s pre e post, Forall proper os ->
  sound limit tau s ->
  fst (run (spec_step limit tau) s os) = pre ++ e :: post -> allowed e = false ->
  used tau (tick e) (rev (admissions pre) ++ admitted s) > limit - cost e.
Proof.
  intros T. induction os as [|o os IH]; intros s pre e post P S E D; cbn [run] in E;
    [now destruct pre|].
  inversion P as [|? ? Po Ps]; subst.
  destruct (spec_step_sound limit tau s o Po T S) as (S1 & _ & E1).
  assert (Next : forall pre', fst (spec_step limit tau s o) ++ pre' = pre ->
    fst (run (spec_step limit tau) (snd (spec_step limit tau s o)) os) = pre' ++ e :: post ->
    used tau (tick e) (rev (admissions pre) ++ admitted s) > limit - cost e).
  { intros pre' <- E'. specialize (IH _ pre' e post Ps S1 E' D).
    now rewrite E1, app_assoc, <- rev_app_distr, <- admissions_app in IH. }
  destruct o as [now w|now|]; cbn [spec_step] in *.
  - destruct (spec_ask limit tau s now w) as [ok t] eqn:A. cbn [fst snd] in *.
    set (s1 := if ok then _ else s) in *.
    destruct (run (spec_step limit tau) s1 os) as [es s2].
    cbn [fst app] in E. destruct pre as [|e0 pre]; cbn [app] in E.
    + injection E as <- _. cbn [allowed tick cost admissions rev app] in *. subst ok.
      unfold spec_ask, spec_fits in A.
      injection A as A <-. apply Z.leb_gt in A. lia.
    + injection E as <- E. apply (Next pre); [easy|]. exact E.
  - apply (Next pre); [easy|]. cbn [snd]. now destruct (run _ _ os).
  - apply (Next pre); [easy|]. cbn [snd]. now destruct (run _ _ os).
Qed.

(* ---- The admission that must expire before a hit of a given weight fits ------------------ *)

Fixpoint blocker (room : Z) (h : list admission) : option Z :=
  match h with
  | [] => None
  | (x, w) :: h' => if room <? w then Some x else blocker (room - w) h'
  end.

Definition expired (tau t x : Z) : Prop := x + tau <= t.
Definition gone (tau t : Z) (b : option Z) : Prop :=
  match b with None => True | Some x => expired tau t x end.

Lemma used_old tau t h : forall x, ordered x h -> expired tau t x -> used tau t h = 0.
Proof.
  unfold expired, used. induction h as [|[y w] h IH]; intros x H X; cbn [charged]; [easy|].
  destruct H as (Y & _ & H). rewrite (IH y H) by lia. cases.
Qed.

Lemma used_nonneg tau t h x : ordered x h -> 0 <= used tau t h.
Proof. intros O. apply charged_nonneg. eapply ordered_light, O. Qed.

Lemma blocker_spec tau t h : 0 < tau -> forall x room, ordered x h -> x <= t -> 0 <= room ->
  used tau t h <= room <-> gone tau t (blocker room h).
Proof.
  intros T. induction h as [|[y w] h IH]; intros x room H X R; cbn [blocker].
  { cbn. lia. }
  destruct H as (Y & W & H). pose proof (used_nonneg tau t h y H) as NN.
  assert (U : used tau t ((y, w) :: h) = (if t <? y + tau then w else 0) + used tau t h).
  { unfold used. cbn [charged]. cases. }
  change (@cons admission (y, w) h) with (@cons (Z * Z) (y, w) h). rewrite U.
  pose proof (used_old tau t h y H) as Old. unfold expired in *.
  destruct (Z.ltb_spec room w) as [L|L].
  - cbn [gone]. unfold expired. destruct (Z.ltb_spec t (y + tau)); [lia|].
    rewrite Old by lia. lia.
  - rewrite <- (IH y (room - w)) by (auto; lia). destruct (Z.ltb_spec t (y + tau)); [lia|].
    rewrite Old by lia. lia.
Qed.

(* ---- Units: an admission of weight w is w units of one tick ------------------------------ *)

Definition units (h : list admission) : list Z :=
  flat_map (fun a => repeat (fst a) (Z.to_nat (snd a))) h.

(* Newest first, nothing later than t. *)
Fixpoint desc (t : Z) (l : list Z) : Prop :=
  match l with [] => True | x :: l' => x <= t /\ desc x l' end.

Lemma desc_later l t t' : desc t l -> t <= t' -> desc t' l.
Proof. destruct l; cbn; intuition lia. Qed.

Lemma desc_repeat l x n : desc x l -> desc x (repeat x n ++ l).
Proof. intros D. induction n as [|n IH]; cbn; [exact D|]. split; [lia|exact IH]. Qed.

Lemma desc_units h : forall t, ordered t h -> desc t (units h).
Proof.
  induction h as [|[x w] h IH]; intros t O; [exact I|]. destruct O as (X & _ & O).
  cbn [units flat_map fst snd]. apply desc_later with x; [|exact X].
  apply desc_repeat. exact (IH x O).
Qed.

Lemma desc_all l : forall t, desc t l -> Forall (fun x => x <= t) l.
Proof.
  induction l as [|x l IH]; intros t D; constructor; [apply D|]. destruct D as [X D].
  eapply Forall_impl; [|exact (IH x D)]. cbn. lia.
Qed.

Lemma desc_app l1 l2 : forall t, desc t (l1 ++ l2) -> desc t l1 /\ desc t l2.
Proof.
  induction l1 as [|x l1 IH]; intros t D; [easy|]. destruct D as [X D]. apply IH in D as [D1 D2].
  split; [now split|]. now apply desc_later with x.
Qed.

(* When the unit of some index has expired, it and all older ones have. *)
Lemma desc_skipn tau now l : forall t n, desc t l ->
  (n < length l)%nat -> expired tau now (nth n l 0) -> Forall (expired tau now) (skipn n l).
Proof.
  induction l as [|x l IH]; intros t n D L E; [easy|]. destruct D as [X D]. destruct n as [|n].
  - cbn [skipn nth] in *. constructor; [exact E|]. eapply Forall_impl; [|exact (desc_all l x D)].
    unfold expired in *. cbn. lia.
  - cbn [skipn nth length] in *. apply IH with x; auto; lia.
Qed.

Lemma blocker_units h : forall room t, ordered t h -> 0 <= room ->
  blocker room h = nth_error (units h) (Z.to_nat room).
Proof.
  induction h as [|[x w] h IH]; intros room t O R; cbn [blocker].
  - now destruct (Z.to_nat room).
  - destruct O as (_ & W & O). cbn [units flat_map fst snd].
    destruct (Z.ltb_spec room w) as [L|L].
    + rewrite nth_error_app1 by (rewrite repeat_length; lia). symmetry.
      apply nth_error_repeat. lia.
    + rewrite nth_error_app2, repeat_length by (rewrite repeat_length; lia).
      rewrite (IH (room - w) x) by (auto; lia). unfold units. f_equal. lia.
Qed.

(* The decision of the specification, unit by unit: what is left of the list of all units after
   those that have expired decides. *)
Lemma fits_units limit tau t w h c d : 0 < tau -> ordered t h -> 0 <= w <= limit ->
  units h = c ++ d -> Forall (expired tau t) d ->
  spec_fits limit tau t w h = true <->
  (Z.of_nat (length c) <= limit - w \/ expired tau t (nth (Z.to_nat (limit - w)) c 0)).
Proof.
  intros T O W U D. unfold spec_fits. rewrite Z.leb_le.
  transitivity (used tau t h <= limit - w); [lia|].
  rewrite (blocker_spec tau t h T t) by (auto; lia). rewrite (blocker_units h _ t O) by lia.
  rewrite U. destruct (Nat.lt_ge_cases (Z.to_nat (limit - w)) (length c)) as [L|L].
  - rewrite nth_error_app1 by lia. rewrite (nth_error_nth' c 0 L). cbn [gone].
    split; [now right|]. intros [B|B]; [lia|exact B].
  - rewrite nth_error_app2 by lia. split; [left; lia|]. intros _.
    destruct (nth_error d _) as [x|] eqn:E; [|exact I]. apply nth_error_In in E.
    exact (proj1 (Forall_forall _ _) D x E).
Qed.
