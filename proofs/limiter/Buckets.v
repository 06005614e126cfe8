(* SPDX-License-Identifier: MIT *)
(* Bounded memory: counts of buckets never admit too much and deny at most one bucket too long. *)
From Coq Require Import ZArith List Bool Lia Permutation.
From PostProof.Spec Require Import Limiter.
From PostProof.Proofs.limiter Require Import Window.
Import ListNotations.
Open Scope Z_scope.

Definition cell (width c : Z) (h : list admission) : Z := charged (c * width) (c * width + width) h.
Fixpoint cells (n : nat) (width c : Z) (h : list admission) : list Z :=
  match n with O => [] | S k => cell width c h :: cells k width (c - 1) h end.
Fixpoint sum (l : list Z) : Z := match l with [] => 0 | x :: l' => x + sum l' end.

Lemma charged_split a b c h : a <= b <= c -> charged a c h = charged a b h + charged b c h.
Proof. intros L. induction h as [|[t w] h IH]; cbn [charged]; [easy|]. rewrite IH. cases. Qed.

Lemma charged_beyond x y h : Forall (fun a => fst a < x) h -> charged x y h = 0.
Proof. induction 1 as [|[t w] h T _ IH]; cbn in *; [easy|]. cases. Qed.

Lemma charged_wider a b a' b' h : light h -> a' <= a -> b <= b' ->
  charged a b h <= charged a' b' h.
Proof. induction 1 as [|[t w] h W _ IH]; cbn in *; intros A B; [lia|]. specialize (IH A B).
  cases. Qed.

Lemma cells_length n width h : forall c, length (cells n width c h) = n.
Proof. induction n as [|n IH]; intros c; cbn; auto. Qed.

Lemma cells_sum n width h : 0 < width -> forall c,
  sum (cells n width c h) = charged ((c - Z.of_nat n + 1) * width) (c * width + width) h.
Proof.
  intros P. induction n as [|n IH]; intros c; cbn [cells sum].
  - change (Z.of_nat 0) with 0. replace ((c - 0 + 1) * width) with (c * width + width) by lia.
    induction h as [|[t w] h IH]; cbn [charged]; [easy|]. rewrite <- IH. cases.
  - rewrite IH. unfold cell.
    replace (c - 1 - Z.of_nat n + 1) with (c - Z.of_nat (S n) + 1) by lia.
    replace ((c - 1) * width + width) with (c * width) by lia.
    rewrite (charged_split ((c - Z.of_nat (S n) + 1) * width) (c * width) (c * width + width));
      [lia|]. split; [|lia].
    apply Z.mul_le_mono_nonneg_r; lia.
Qed.

Lemma removelast_cells n width h : forall c, removelast (cells (S n) width c h) = cells n width c h.
Proof.
  induction n as [|n IH]; intros c; [easy|].
  change (cells (S (S n)) width c h) with (cell width c h :: cells (S n) width (c - 1) h).
  change (removelast (cell width c h :: cells (S n) width (c - 1) h))
    with (cell width c h :: removelast (cells (S n) width (c - 1) h)).
  now rewrite IH.
Qed.

Lemma sum_app l1 l2 : sum (l1 ++ l2) = sum l1 + sum l2.
Proof. induction l1 as [|x l1 IH]; cbn [sum app]; lia. Qed.

Lemma sum_removelast l : l <> [] -> sum (removelast l) = sum l - last l 0.
Proof.
  intros N. pose proof (app_removelast_last 0 N) as E. apply (f_equal sum) in E.
  rewrite sum_app in E. cbn [sum] in E. lia.
Qed.

(* The state of the buckets stands for the history h, of which nothing is later than bucket c. *)
Definition stands (n : nat) (width : Z) (b : buckets) (h : list admission) : Prop :=
  counts b = cells n width (current b) h /\ total b = sum (counts b).
Definition until (width c : Z) (h : list admission) : Prop :=
  Forall (fun a => fst a < c * width + width) h.

Lemma cell_beyond width c c' h : 0 < width -> until width c h -> c < c' -> cell width c' h = 0.
Proof.
  intros P U L. apply charged_beyond. eapply Forall_impl; [|exact U]. cbn. intros a A.
  assert ((c + 1) * width <= c' * width) by (apply Z.mul_le_mono_nonneg_r; lia). lia.
Qed.

Lemma cells_beyond n width h : 0 < width -> forall c c' c2, until width c h ->
  c + Z.of_nat n <= c' -> c + Z.of_nat n <= c2 -> cells n width c' h = cells n width c2 h.
Proof.
  intros P. induction n as [|n IH]; intros c c' c2 U L L2; cbn [cells]; [easy|].
  rewrite (cell_beyond width c c'), (cell_beyond width c c2) by (auto; lia).
  f_equal. apply (IH c); auto; lia.
Qed.

Lemma stands_next n width b h c : 0 < width -> (0 < n)%nat -> stands n width b h ->
  until width c h -> c <= current b -> stands n width (next_bucket b) h.
Proof.
  intros P N [C T] U L. destruct n as [|n]; [lia|]. unfold stands, next_bucket.
  cbn [counts current total].
  assert (E : removelast (counts b) = cells n width (current b) h)
    by (rewrite C; apply removelast_cells).
  split.
  - rewrite E. cbn [cells]. replace (current b + 1 - 1) with (current b) by lia. f_equal.
    symmetry. apply (cell_beyond width c); auto; lia.
  - cbn [sum]. rewrite sum_removelast; [lia|]. rewrite C. cbn [cells]. discriminate.
Qed.

Lemma stands_pass n width h c k : 0 < width -> (0 < n)%nat -> until width c h -> forall b,
  stands n width b h -> c <= current b ->
  stands n width (pass_buckets k b) h /\ current (pass_buckets k b) = current b + Z.of_nat k.
Proof.
  intros P N U. induction k as [|k IH]; intros b S L; cbn [pass_buckets]; [split; [exact S|lia]|].
  destruct (IH (next_bucket b)) as [S1 C1].
  - now apply stands_next with c.
  - cbn. lia.
  - split; [exact S1|]. rewrite C1. cbn [next_bucket current]. lia.
Qed.

Lemma stands_advance n width b h now : 0 < width -> (0 < n)%nat -> stands n width b h ->
  until width (current b) h -> current b <= now / width ->
  stands n width (bucket_advance width now b) h /\
  current (bucket_advance width now b) = now / width.
Proof.
  intros P N S U L. unfold bucket_advance. set (T := now / width) in *.
  destruct (Z.ltb_spec (current b) T) as [Q|Q]; [|split; [exact S|lia]].
  split; [|easy]. assert (Len : length (counts b) = n) by (destruct S as [-> _];
    apply cells_length).
  rewrite Len. set (k := Z.to_nat _).
  destruct (stands_pass n width h (current b) k P N U b S ltac:(lia)) as [[C1 T1] E1].
  unfold stands. cbn [counts current total]. split; [|exact T1]. rewrite C1, E1.
  destruct (Z.le_gt_cases (T - current b) (Z.of_nat n)) as [D|D].
  - f_equal. lia.
  - apply (cells_beyond n width h P (current b)); auto; lia.
Qed.

Lemma in_bucket width t : 0 < width -> t / width * width <= t < t / width * width + width.
Proof.
  intros P. pose proof (Z.div_mod t width ltac:(lia)). pose proof (Z.mod_pos_bound t width P). lia.
Qed.

Lemma cells_charge n width h t w c : 0 < width -> c < t / width ->
  cells n width c ((t, w) :: h) = cells n width c h.
Proof.
  intros P. revert c. induction n as [|n IH]; intros c L; cbn [cells]; [easy|].
  rewrite IH by lia. f_equal. unfold cell. cbn [charged].
  pose proof (in_bucket width t P).
  assert ((c + 1) * width <= t / width * width) by (apply Z.mul_le_mono_nonneg_r; lia). cases.
Qed.

Section Rule.
Variables (n : nat) (limit width : Z).
Hypotheses (N : (2 <= n)%nat) (L : 0 <= limit) (P : 0 < width).

(* The buckets over the list of all admissions. *)
Definition whole_step (h : history) (q : Z * Z) : list event * history :=
  let ok := bucket_used (Z.of_nat n) width (fst q) (admitted h) + snd q <=? limit in
  ([Event (fst q) (snd q) ok],
   History (fst q) (if ok then (fst q, snd q) :: admitted h else admitted h)).

Definition binv (b : buckets) (h : history) : Prop :=
  stands n width b (admitted h) /\ current b <= seen h / width /\
  until width (current b) (admitted h) /\ sound limit ((Z.of_nat n - 1) * width) h.

Lemma binv_step b h q : binv b h -> seen h <= fst q -> 1 <= snd q ->
  fst (bucket_step limit width b q) = fst (whole_step h q) /\
  binv (snd (bucket_step limit width b q)) (snd (whole_step h q)).
Proof.
  destruct q as [now w]. cbn [fst snd]. intros (S & C & U0 & [O B]) F W.
  unfold bucket_step, whole_step, bucket_admit. cbn [fst snd].
  assert (O' : ordered now (admitted h)) by now apply (ordered_later _ (seen h)).
  assert (Cn : seen h / width <= now / width) by (apply Z.div_le_mono; lia).
  destruct (stands_advance n width b (admitted h) now P ltac:(lia) S U0 ltac:(lia)) as [S1 C1].
  set (a := bucket_advance width now b) in *. pose proof (in_bucket width now P) as Ib.
  assert (T : total a = bucket_used (Z.of_nat n) width now (admitted h)).
  { destruct S1 as [S1 ->]. rewrite S1, (cells_sum n width _ P), C1. easy. }
  assert (NN : 0 <= total a) by (rewrite T; apply charged_nonneg; eapply ordered_light, O).
  assert (U : used ((Z.of_nat n - 1) * width) now (admitted h) <= total a).
  { rewrite T. apply charged_wider; [eapply ordered_light, O|lia|lia]. }
  assert (U1 : until width (current a) (admitted h)).
  { eapply Forall_impl; [|exact U0]. cbn. intros x X. rewrite C1.
    assert (current b * width <= now / width * width) by (apply Z.mul_le_mono_nonneg_r; lia). lia. }
  rewrite <- T. destruct (Z.ltb_spec w 1); [lia|]. cbn [orb].
  destruct (Z.ltb_spec limit w) as [Q|Q];
    [|destruct (Z.ltb_spec limit (total a + w)) as [Q2|Q2]];
    cbn [fst snd admits]; destruct (Z.leb_spec (total a + w) limit) as [X|X]; try lia;
    (split; [easy|]); unfold binv; cbn [admitted seen].
  - split; [exact S|]. split; [lia|]. split; [exact U0|]. now split.
  - split; [exact S1|]. split; [lia|]. split; [exact U1|]. now split.
  - destruct S1 as [S1 S2]. split; [|split; [|split]]; cbn [current].
    + unfold stands. cbn [counts current total]. rewrite S2, S1. destruct n as [|k]; [lia|].
      cbn [cells sum]. rewrite cells_charge by (auto; lia). split; [|lia]. f_equal.
      unfold cell. cbn [charged]. rewrite C1. cases.
    + lia.
    + constructor; [cbn [fst]; rewrite C1; lia|exact U1].
    + split; [cbn [seen admitted ordered]; split; [lia|split; [lia|exact O']]|].
      apply bounded_cons; auto. lia.
Qed.

Lemma binv_run qs : forall b h, binv b h -> forward (seen h) qs ->
  let r := run (bucket_step limit width) b qs in
  fst r = fst (run whole_step h qs) /\ binv (snd r) (snd (run whole_step h qs)) /\
  admitted (snd (run whole_step h qs)) = rev (admissions (fst r)) ++ admitted h.
Proof.
  induction qs as [|[now w] qs IH]; intros b h I F; cbn [run]; [easy|].
  destruct F as (F1 & F2 & F3). destruct (binv_step b h (now, w) I F1 F2) as [E I1].
  assert (A : admitted (snd (whole_step h (now, w))) =
              rev (admissions (fst (whole_step h (now, w)))) ++ admitted h).
  { unfold whole_step. cbn [fst snd admissions allowed admitted]. now destruct (_ <=? limit). }
  assert (Sn : seen (snd (whole_step h (now, w))) = now) by easy.
  destruct (bucket_step limit width b (now, w)) as [es b1], (whole_step h (now, w)) as [es' h1].
  cbn [fst snd] in *. subst es'. rewrite <- Sn in F3. specialize (IH b1 h1 I1 F3).
  destruct (run (bucket_step limit width) b1 qs), (run whole_step h1 qs). cbn [fst snd] in *.
  destruct IH as (-> & I2 & A2). split; [easy|]. split; [exact I2|].
  now rewrite A2, A, admissions_app, rev_app_distr, app_assoc.
Qed.

Lemma binv_init t0 : binv (buckets_init n width t0) (History t0 []).
Proof.
  assert (Z : forall k c, repeat 0 k = cells k width c [])
    by (induction k as [|k IH]; intros c; cbn [repeat cells]; [easy|now rewrite <- IH]).
  assert (Z2 : forall k, sum (repeat 0 k) = 0)
    by (induction k as [|k IH]; cbn [repeat sum]; [easy|now rewrite IH]).
  split; [split; cbn [counts current total buckets_init]; auto; now rewrite Z2|].
  split; [cbn; lia|]. split; [constructor|]. now apply sound_empty.
Qed.

Lemma whole_denial qs : forall h before e after, ordered (seen h) (admitted h) ->
  forward (seen h) qs -> fst (run whole_step h qs) = before ++ e :: after -> allowed e = false ->
  used (Z.of_nat n * width) (tick e) (rev (admissions before) ++ admitted h) > limit - cost e.
Proof.
  induction qs as [|[now w] qs IH]; intros h before e after O F E D; cbn [run] in E;
    [now destruct before|].
  destruct F as (F1 & F2 & F3).
  assert (O' : ordered now (admitted h)) by now apply (ordered_later _ (seen h)).
  unfold whole_step at 1 in E. cbn [fst snd] in E. revert E.
  destruct (Z.leb_spec (bucket_used (Z.of_nat n) width now (admitted h) + w) limit) as [X|X];
    intros E;
    match type of E with context [run whole_step ?s qs] => set (h1 := s) in * end;
    specialize (IH h1); destruct (run whole_step h1 qs) as [es h2]; cbn [fst app] in *;
    (destruct before as [|e0 before]; cbn [app] in E; injection E as <- E);
    try discriminate D.
  - specialize (IH before e after). cbn [admissions allowed rev]. rewrite <- app_assoc.
    apply IH; auto.
    cbn [h1 seen admitted ordered]. split; [lia|split; [lia|exact O']].
  - cbn [admissions rev app tick cost]. unfold used.
    enough (bucket_used (Z.of_nat n) width now (admitted h) <=
            charged (now - Z.of_nat n * width + 1) (now + 1) (admitted h)) by lia.
    apply charged_narrow; [exact O'|]. pose proof (in_bucket width now P). lia.
  - specialize (IH before e after). cbn [admissions allowed]. apply IH; auto.
Qed.
End Rule.

Theorem buckets_never_over_admit : Limiter.buckets_never_over_admit.
Proof.
  intros n limit width t0 qs x N L P F.
  destruct (binv_run n limit width N P qs _ _ (binv_init n limit width N L t0) F)
    as (_ & (_ & _ & _ & [_ B]) & A).
  cbn zeta in A. rewrite A, app_nil_r in B. exact (bounded_perm _ _ _ _ (rev_perm _) B x).
Qed.

Theorem buckets_denial_justified : Limiter.buckets_denial_justified.
Proof.
  intros n limit width t0 qs before e after N L P F E D.
  destruct (binv_run n limit width N P qs _ _ (binv_init n limit width N L t0) F) as (Eq & _).
  unfold bucket_decisions, events in E. cbn zeta in Eq. rewrite Eq in E.
  pose proof (whole_denial n limit width N P qs (History t0 []) before e after I F E D) as U.
  cbn [admitted] in U. rewrite app_nil_r in U. unfold used in *.
  now rewrite (charged_perm _ _ _ _ (rev_perm (admissions before))) in U.
Qed.

Lemma forward_app qs : forall t0 t w, forward t0 (qs ++ [(t, w)]) -> forward t0 qs.
Proof.
  induction qs as [|[now w'] qs IH]; intros t0 t w F; [easy|]. destruct F as (F1 & F2 & F3).
  repeat split; auto. now apply (IH now t w).
Qed.

Lemma whole_seen n limit width qs : forall h t w, forward (seen h) (qs ++ [(t, w)]) ->
  seen (snd (run (whole_step n limit width) h qs)) <= t /\ 1 <= w.
Proof.
  induction qs as [|[now w'] qs IH]; intros h t w F; cbn [run app] in *; [cbn; destruct F; lia|].
  destruct F as (F1 & F2 & F3).
  specialize (IH (snd (whole_step n limit width h (now, w'))) t w F3).
  destruct (whole_step n limit width h (now, w')) as [es h1]. cbn [snd] in IH.
  now destruct (run _ h1 qs).
Qed.

Theorem buckets_late_by_one : Limiter.buckets_late_by_one.
Proof.
  intros n limit width t0 qs t later w N L P Ft Fit Late Fl.
  pose proof (forward_app _ _ _ _ Ft) as F.
  destruct (binv_run n limit width N P qs _ _ (binv_init n limit width N L t0) F)
    as (_ & Inv & A).
  pose proof (whole_seen n limit width qs (History t0 []) t w Ft) as [St Wt].
  unfold bucket_decisions, events in *. rewrite run_app. cbn [fst].
  set (b := snd (run (bucket_step limit width) _ qs)) in *.
  set (h := snd (run (whole_step n limit width) _ qs)) in *. cbn zeta in A. rewrite app_nil_r in A.
  rewrite map_app. f_equal.
  destruct (binv_step n limit width N P b h (later, w) Inv ltac:(cbn; lia) Wt) as [E _].
  cbn [run]. destruct (bucket_step limit width b (later, w)) as [es b1]. cbn [fst] in *. subst es.
  unfold whole_step. cbn [fst snd app map allowed]. f_equal. apply Z.leb_le.
  unfold spec_fits in Fit. apply Z.leb_le in Fit. unfold used in Fit.
  rewrite <- (charged_perm _ _ _ _ (rev_perm (admissions _))), <- A in Fit.
  destruct Inv as (_ & _ & _ & [O _]).
  assert (O' : ordered t (admitted h)) by now apply (ordered_later _ (seen h)).
  enough (bucket_used (Z.of_nat n) width later (admitted h) <=
          charged (t - (Z.of_nat n - 1) * width + 1) (t + 1) (admitted h)) by lia.
  apply charged_narrow; [exact O'|].
  assert (T : (t + width) / width <= later / width) by (apply Z.div_le_mono; lia).
  replace (t + width) with (t + 1 * width) in T by lia. rewrite Z.div_add in T by lia.
  pose proof (in_bucket width t P).
  assert ((t / width + 1 - Z.of_nat n + 1) * width <= (later / width - Z.of_nat n + 1) * width)
    by (apply Z.mul_le_mono_nonneg_r; lia). lia.
Qed.
