(* SPDX-License-Identifier: MIT *)
(* A key with 32-bit stamps decides as the specification does, whatever has happened to it. *)
From Coq Require Import ZArith List Bool Lia.
From PostProof.Spec Require Import Limiter.
From PostProof.Proofs.limiter Require Import Window Ring.
Import ListNotations.
Open Scope Z_scope.

Lemma part {A} (P : A -> Prop) n l : Forall P l -> Forall P (firstn n l) /\ Forall P (skipn n l).
Proof. intros H. rewrite <- (firstn_skipn n l) in H. now apply Forall_app in H. Qed.

Lemma map_same {A B} (f : A -> B) x n : map f (repeat x n) = repeat (f x) n.
Proof. induction n as [|n IH]; cbn [repeat map]; [easy|now rewrite IH]. Qed.

Lemma u32_back newest x : 0 <= newest - x < 2 ^ 32 -> u32 (newest - u32 x) = newest - x.
Proof.
  intros R. unfold u32. rewrite Zminus_mod_idemp_r. now apply Z.mod_small.
Qed.

(* Every kept stamp names its tick. *)
Definition clear (keep : Z -> Z) (newest : Z) (c : list Z) : Prop :=
  Forall (fun x => keep (newest - keep x) = newest - x) c.

Lemma at_map f c i : (0 <= i < Z.of_nat (length c)) ->
  at_index (map f c) i = f (at_index c i).
Proof.
  intros L. unfold at_index. rewrite (nth_indep _ 0 (f 0)) by (rewrite map_length; lia).
  apply map_nth.
Qed.

Lemma live_spec keep tau newest idle i r c : 0 < tau -> 0 <= idle -> 0 <= i ->
  holds r (map keep c) -> clear keep newest c -> desc newest c ->
  is_live keep tau newest idle i r = true <->
  i < Z.of_nat (length c) /\ ~ expired tau (newest + idle) (at_index c i).
Proof.
  intros T I J H C D. pose proof (h_filled _ _ H) as F. rewrite map_length in F.
  unfold is_live, expired. rewrite F. destruct (Z.ltb_spec i (Z.of_nat (length c))) as [L|L];
    [|cbn [andb]; split; [discriminate|lia]].
  rewrite (h_slot _ _ H i), at_map by lia.
  assert (In (at_index c i) c) as M by (apply nth_In; lia).
  rewrite (proj1 (Forall_forall _ _) C _ M).
  pose proof (proj1 (Forall_forall _ _) (desc_all c newest D) _ M) as B. cbn beta in B.
  destruct (Z.ltb_spec idle tau), (Z.ltb_spec (idle + (newest - at_index c i)) tau);
    cbn [andb]; split; try discriminate; lia.
Qed.

Lemma decide_spec keep limit tau newest idle w r h c d : 0 < tau -> 0 <= idle -> 1 <= w ->
  1 <= capacity r <= limit -> ordered newest h -> units h = c ++ d ->
  Forall (expired tau newest) d -> holds r (map keep c) -> clear keep newest c ->
  match decide keep limit tau newest idle w r with
  | Never => limit < w /\ spec_fits limit tau (newest + idle) w h = false
  | Deny => spec_fits limit tau (newest + idle) w h = false
  | Admit => spec_fits limit tau (newest + idle) w h = true /\ w <= capacity r /\
      Forall (expired tau (newest + idle)) (skipn (Z.to_nat (capacity r - w)) c)
  | Grow => spec_fits limit tau (newest + idle) w h = true /\
      capacity r < limit /\ capacity r < filled r + w
  end.
Proof.
  intros T I W K O U D H C. set (t := newest + idle).
  assert (Od : ordered t h) by (apply (ordered_later _ newest); [exact O|lia]).
  assert (Dc : desc newest c)
    by (pose proof (desc_units h newest O) as X; rewrite U in X; apply (desc_app c d _ X)).
  assert (D' : Forall (expired tau t) d)
    by (eapply Forall_impl; [|exact D]; unfold expired; lia).
  pose proof (h_filled _ _ H) as F. rewrite map_length in F.
  assert (Gone : forall n, 0 <= n - w -> is_live keep tau newest idle (n - w) r = false ->
    Forall (expired tau t) (skipn (Z.to_nat (n - w)) c)).
  { intros n N E. destruct (Z.ltb_spec (n - w) (Z.of_nat (length c))) as [L|L].
    - apply desc_skipn with newest; auto; [lia|].
      destruct (Z.leb_spec (at_index c (n - w) + tau) t) as [X|X]; [exact X|].
      rewrite (proj2 (live_spec keep tau newest idle (n - w) r c T I N H C Dc)) in E;
        [discriminate|]. split; [exact L|]. unfold expired. fold t. lia.
    - rewrite skipn_all2 by lia. constructor. }
  unfold decide. destruct (Z.ltb_spec w 1); [lia|]. cbn [orb].
  destruct (Z.ltb_spec limit w) as [Lw|Lw].
  { split; [exact Lw|]. apply Z.leb_gt. pose proof (used_nonneg tau t h t Od). lia. }
  pose proof (fits_units limit tau t w h c d T Od ltac:(lia) U D') as Fits.
  pose proof (live_spec keep tau newest idle (limit - w) r c T I ltac:(lia) H C Dc) as Live.
  destruct (is_live keep tau newest idle (limit - w) r) eqn:E.
  { apply proj1 in Live. specialize (Live eq_refl) as [L1 L2].
    apply not_true_is_false. intros X. apply Fits in X as [X|X]; [lia|now apply L2]. }
  assert (Ok : spec_fits limit tau t w h = true).
  { apply Fits. destruct (Z.leb_spec (Z.of_nat (length c)) (limit - w)) as [L|L]; [now left|right].
    destruct (Z.leb_spec (at_index c (limit - w) + tau) t) as [X|X]; [exact X|].
    apply proj2 in Live. discriminate Live. split; [exact L|]. unfold expired. fold t. lia. }
  destruct (Z.eqb_spec (capacity r) limit) as [Q|Q].
  { split; [exact Ok|]. split; [lia|]. rewrite Q. apply Gone; [lia|exact E]. }
  destruct (Z.ltb_spec (capacity r) w) as [Q1|Q1]; cbn [orb].
  { split; [exact Ok|]. pose proof (h_filled _ _ H). lia. }
  destruct (is_live keep tau newest idle (capacity r - w) r) eqn:E2.
  - split; [exact Ok|].
    apply (live_spec keep tau newest idle (capacity r - w) r c T I) in E2; auto; lia.
  - split; [exact Ok|]. split; [exact Q1|]. apply Gone; [lia|exact E2].
Qed.

(* ---- Pushing, unit by unit ---------------------------------------------------------------- *)

Lemma push_old (P : Z -> Prop) y w cap t cs : Forall P (skipn y cs) ->
  Forall P (skipn (Nat.min (y + w) cap) (firstn cap (repeat t w ++ cs))).
Proof.
  intros H. rewrite skipn_firstn_comm.
  destruct (Nat.le_gt_cases (y + w) cap) as [L|L].
  - apply part. rewrite Nat.min_l by exact L.
    rewrite skipn_app, repeat_length, skipn_all2 by (rewrite repeat_length; lia).
    cbn [app]. replace (y + w - w)%nat with y by lia. exact H.
  - rewrite Nat.min_r by lia. rewrite Nat.sub_diag. cbn [firstn]. constructor.
Qed.

Lemma push_new (Q : Z -> Prop) y w cap t cs : Forall Q (firstn y cs) -> Q t ->
  Forall Q (firstn (Nat.min (y + w) cap) (firstn cap (repeat t w ++ cs))).
Proof.
  intros H T. rewrite firstn_firstn, firstn_app, repeat_length. apply Forall_app. split.
  - apply part. apply Forall_forall. intros x X. apply repeat_spec in X. now subst.
  - set (m := (_ - w)%nat). assert (L : (m <= y)%nat) by lia.
    replace (firstn m cs) with (firstn m (firstn y cs)); [now apply part|].
    rewrite firstn_firstn. f_equal. lia.
Qed.

Lemma push_dropped (P : Z -> Prop) w cap t cs : (w <= cap)%nat ->
  Forall P (skipn (cap - w) cs) -> Forall P (skipn cap (repeat t w ++ cs)).
Proof.
  intros L H. rewrite skipn_app, repeat_length, skipn_all2 by (rewrite repeat_length; lia).
  exact H.
Qed.

(* ---- The invariant ------------------------------------------------------------------------ *)

(* c: the ticks of the units in the ring; d: those of all older ones; m: the tick of the mark. *)
Record keyed (limit tau : Z) (s : window) (h : history) (c d : list Z) (m : Z) : Prop := Keyed {
  k_sound : sound limit tau h;
  k_size : 1 <= capacity (held s) <= limit;
  k_seen : newest s = seen h;
  k_units : units (admitted h) = c ++ d;
  k_gone : Forall (expired tau (newest s)) d;
  k_ring : holds (held s) (map u32 c);
  k_head : match c with [] => True | x :: _ => x = newest s end;
  k_mark : mark s = u32 m;
  k_lag : newest s - tau < m <= newest s;
  k_young : 0 <= young s <= filled (held s);
  k_old : Forall (fun x => m - tau < x <= m) (skipn (Z.to_nat (young s)) c);
  k_new : Forall (fun x => m <= x <= newest s) (firstn (Z.to_nat (young s)) c) }.
Definition inv (limit tau : Z) (s : window) (h : history) : Prop :=
  exists c d m, keyed limit tau s h c d m.

Section Rule.
Variables limit tau : Z.
Hypothesis Tau : 1 <= tau <= 2 ^ 31.

Lemma two_windows : 2 * tau <= 2 ^ 32.
Proof. change (2 ^ 32) with (2 * 2 ^ 31). lia. Qed.

Lemma keyed_clear s h c d m : keyed limit tau s h c d m ->
  clear u32 (newest s) c /\ u32 (newest s - mark s) = newest s - m.
Proof.
  intros K. pose proof two_windows. pose proof (k_lag _ _ _ _ _ _ _ K) as L. split.
  - rewrite <- (firstn_skipn (Z.to_nat (young s)) c). apply Forall_app. split.
    + eapply Forall_impl; [|exact (k_new _ _ _ _ _ _ _ K)]. cbn beta. intros x X.
      apply u32_back. lia.
    + eapply Forall_impl; [|exact (k_old _ _ _ _ _ _ _ K)]. cbn beta. intros x X.
      apply u32_back. lia.
  - rewrite (k_mark _ _ _ _ _ _ _ K). apply u32_back. lia.
Qed.

Lemma keyed_decides s h c d m now w : keyed limit tau s h c d m -> 1 <= w ->
  let t := Z.max (newest s) now in
  match window_peek limit tau s now w with
  | Never => limit < w /\ spec_fits limit tau t w (admitted h) = false
  | Deny => spec_fits limit tau t w (admitted h) = false
  | Admit => spec_fits limit tau t w (admitted h) = true /\ w <= capacity (held s) /\
      Forall (expired tau t) (skipn (Z.to_nat (capacity (held s) - w)) c)
  | Grow => spec_fits limit tau t w (admitted h) = true /\
      capacity (held s) < limit /\ capacity (held s) < filled (held s) + w
  end.
Proof.
  intros K W t. destruct (keyed_clear _ _ _ _ _ K) as [C _].
  destruct K as [[O _] Sz Se U G R _ _ _ _ _ _].
  replace t with (newest s + idle_ticks s now) by (unfold t, idle_ticks, window_tick; lia).
  apply (decide_spec u32 limit tau (newest s) (idle_ticks s now) w (held s) (admitted h) c d);
    auto; try lia; [unfold idle_ticks, window_tick; lia|]. now rewrite Se.
Qed.

(* What settle keeps: the k newest units, and the young ones among them. *)
Lemma keyed_settle s h c d m now : keyed limit tau s h c d m ->
  let t := Z.max (newest s) now in let v := settle tau (idle_ticks s now) s in
  exists k m', holds (held v) (map u32 (firstn k c)) /\ capacity (held v) = capacity (held s) /\
  newest v = t /\ mark v = u32 m' /\ t - tau < m' <= t /\
  0 <= young v <= filled (held v) /\ Forall (expired tau t) (skipn k c) /\
  Forall (fun x => m' - tau < x <= m') (skipn (Z.to_nat (young v)) (firstn k c)) /\
  Forall (fun x => m' <= x <= t) (firstn (Z.to_nat (young v)) (firstn k c)).
Proof.
  intros K t v. destruct (keyed_clear _ _ _ _ _ K) as [_ Mk].
  destruct K as [[O _] Sz Se U G R Hd M L Y Old New].
  pose proof (h_filled _ _ R) as F. rewrite map_length in F.
  assert (Dc : desc (newest s) c).
  { pose proof (desc_units (admitted h) _ O) as X. rewrite U, <- Se in X.
    apply (desc_app c d _ X). }
  pose proof (desc_all c _ Dc) as B.
  assert (I : idle_ticks s now = t - newest s) by (unfold t, idle_ticks, window_tick; lia).
  assert (I' : newest s <= t) by lia. unfold v, settle. rewrite I, Mk.
  replace (newest s + (t - newest s)) with t by lia.
  destruct (Z.leb_spec tau (t - newest s)) as [A|A];
    [|destruct (Z.leb_spec tau (t - newest s + (newest s - m))) as [A2|A2]];
    cbn [newest mark young held filled with_filled].
  - exists 0%nat, t. pose proof (holds_fewer (held s) _ 0 R ltac:(lia)) as H0.
    split; [exact H0|]. split; [easy|]. split; [easy|]. split; [easy|].
    split; [lia|]. split; [lia|]. cbn [firstn skipn Z.to_nat].
    split; [|split; constructor].
    eapply Forall_impl; [|exact B]. unfold expired. cbn beta. lia.
  - exists (Z.to_nat (young s)), (newest s).
    pose proof (holds_fewer (held s) _ (young s) R ltac:(lia)) as H0. rewrite firstn_map in H0.
    split; [exact H0|]. split; [easy|]. split; [easy|]. split; [easy|].
    split; [lia|]. split; [lia|]. cbn [Z.to_nat skipn firstn].
    split; [|split; [|constructor]].
    + eapply Forall_impl; [|exact Old]. unfold expired. cbn beta. lia.
    + eapply Forall_impl; [|exact New]. cbn beta. lia.
  - exists (length c), m. rewrite firstn_all, skipn_all.
    split; [exact R|]. split; [easy|]. split; [easy|]. split; [easy|].
    split; [lia|]. split; [lia|]. split; [constructor|]. split; [exact Old|].
    eapply Forall_impl; [|exact New]. cbn beta. lia.
Qed.

Lemma keyed_charge s h now w : inv limit tau s h -> 1 <= w ->
  window_peek limit tau s now w = Admit -> let t := Z.max (newest s) now in
  inv limit tau (window_charge tau s now w) (History t ((t, w) :: admitted h)).
Proof.
  intros (c & d & m & K) W P t. pose proof (keyed_decides s h c d m now w K W) as D.
  cbn zeta in D. rewrite P in D. fold t in D. destruct D as (Ok & Wc & Gone).
  destruct (keyed_settle s h c d m now K) as (k & m' & R & Cp & Nw & Mk & Lg & Y & G2 & Old & New).
  cbn zeta in *. fold t in Nw, Lg, G2, New. unfold window_charge.
  set (v := settle tau (idle_ticks s now) s) in *.
  destruct K as [[O B] Sz Se U G _ _ _ _ _ _ _].
  assert (O' : ordered t (admitted h)) by (apply (ordered_later _ (seen h)); [exact O|lia]).
  pose proof (holds_push (u32 (newest v)) (Z.to_nat w) (held v) _ R) as [R' Cp'].
  set (cap := length (slots (held v))) in *.
  assert (Ec : capacity (held v) = Z.of_nat cap) by easy.
  assert (Fv : filled (held v) = Z.of_nat (length (firstn k c)))
    by (rewrite (h_filled _ _ R), map_length; easy).
  exists (firstn cap (repeat t (Z.to_nat w) ++ firstn k c)),
    (skipn cap (repeat t (Z.to_nat w) ++ firstn k c) ++ skipn k c ++ d), m'.
  assert (Ey : Z.to_nat (Z.min (young v + w) (capacity (held v))) =
               Nat.min (Z.to_nat (young v) + Z.to_nat w) cap) by lia.
  split; cbn [newest mark young held seen admitted].
  - split; cbn [seen admitted ordered]; [split; [lia|split; [lia|exact O']]|].
    apply bounded_cons; auto. apply Z.leb_le. exact Ok.
  - lia.
  - exact Nw.
  - cbn [units flat_map fst snd]. fold (units (admitted h)). rewrite U.
    rewrite (app_assoc (firstn cap _)), firstn_skipn, <- app_assoc. f_equal.
    now rewrite (app_assoc (firstn k c)), firstn_skipn.
  - rewrite Nw. apply Forall_app. split; [|apply Forall_app; split; [exact G2|]].
    + apply push_dropped; [lia|]. rewrite skipn_firstn_comm. apply part.
      replace (cap - Z.to_nat w)%nat with (Z.to_nat (capacity (held s) - w)) by lia. exact Gone.
    + eapply Forall_impl; [|exact G]. unfold expired. lia.
  - rewrite Nw in R' |- *. rewrite <- map_same, <- map_app, firstn_map in R'. exact R'.
  - rewrite Nw. destruct (Z.to_nat w) eqn:E; [lia|]. destruct cap eqn:E2; [lia|]. easy.
  - exact Mk.
  - rewrite Nw. exact Lg.
  - rewrite (h_filled _ _ R'), firstn_length, app_length, repeat_length, map_length. lia.
  - rewrite Ey. now apply push_old.
  - rewrite Ey, Nw. apply push_new; [exact New|lia].
Qed.

Lemma keyed_grow s h w : inv limit tau s h -> capacity (held s) < limit -> 1 <= w ->
  inv limit tau (window_grow limit w s) h /\
  capacity (held (window_grow limit w s)) = capacity_for limit w (held s) /\
  filled (held (window_grow limit w s)) = filled (held s).
Proof.
  intros (c & d & m & K) L W. destruct K as [So Sz Se U G R Hd M Lg Y Old New].
  pose proof (h_filled _ _ R) as F. pose proof (h_fits _ _ R) as F'.
  assert (Z.of_nat (length (map u32 c)) <= capacity_for limit w (held s))
    by (unfold capacity_for; lia).
  assert (E : grow (capacity_for limit w (held s)) (held s) =
              refill (capacity_for limit w (held s)) (map u32 c))
    by (unfold grow; now rewrite (holds_stamps _ _ R)).
  pose proof (holds_refill (capacity_for limit w (held s)) (map u32 c)
    ltac:(unfold capacity_for; lia) ltac:(assumption)) as R'.
  pose proof (h_filled _ _ R') as F2.
  unfold window_grow. cbn [held]. rewrite E, capacity_refill by assumption.
  split; [|split; [easy|lia]]. exists c, d, m.
  split; cbn [newest mark young held]; auto.
  - rewrite capacity_refill by assumption. unfold capacity_for. lia.
  - lia.
Qed.

Lemma keyed_ask s h now w : inv limit tau s h -> 1 <= w ->
  let (ok, t) := spec_ask limit tau h now w in
  admits (fst (window_ask limit tau s now w)) = ok /\ t = window_tick s now /\
  inv limit tau (snd (window_ask limit tau s now w))
    (if ok then History t ((t, w) :: admitted h) else h).
Proof.
  intros I W. unfold spec_ask.
  assert (Se : newest s = seen h) by (destruct I as (? & ? & ? & K); apply K).
  unfold window_tick. rewrite <- Se. set (t := Z.max (newest s) now).
  unfold window_ask, window_admit. destruct I as (c & d & m & K).
  pose proof (keyed_decides s h c d m now w K W) as D. cbn zeta in D. fold t in D.
  assert (I : inv limit tau s h) by now exists c, d, m.
  destruct (window_peek limit tau s now w) eqn:P; cbn [fst snd admits].
  - rewrite D. auto.
  - destruct D as (-> & _ & _). split; [easy|]. split; [easy|]. now apply keyed_charge.
  - destruct D as (Ok & L1 & L2). destruct (keyed_grow s h w I L1 W) as (I2 & C2 & F2).
    set (s2 := window_grow limit w s) in *.
    assert (N2 : newest s2 = newest s) by easy.
    pose proof I2 as (c2 & d2 & m2 & K2).
    pose proof (keyed_decides s2 h c2 d2 m2 now w K2 W) as D2. cbn zeta in D2.
    rewrite N2 in D2. fold t in D2.
    destruct (window_peek limit tau s2 now w) eqn:P2; cbn [fst snd admits].
    + congruence.
    + rewrite Ok. split; [easy|]. split; [easy|].
      unfold t. rewrite <- N2. now apply keyed_charge.
    + exfalso. unfold capacity_for in C2. lia.
    + destruct D2. congruence.
  - destruct D as [_ ->]. auto.
Qed.

Lemma idle_spec s h now : inv limit tau s h ->
  window_is_idle tau s now = (used tau (window_tick s now) (admitted h) =? 0).
Proof.
  intros (c & d & m & K). destruct K as [[O _] Sz Se U G R Hd M Lg Y Old New].
  unfold window_tick. set (t := Z.max (newest s) now).
  assert (O' : ordered t (admitted h)) by (apply (ordered_later _ (seen h)); [exact O|lia]).
  pose proof (used_nonneg tau t _ _ O') as NN.
  pose proof (blocker_spec tau t (admitted h) ltac:(lia) t 0 O' ltac:(lia) ltac:(lia)) as B.
  rewrite (blocker_units (admitted h) 0 t O') in B by lia. rewrite U in B.
  pose proof (h_filled _ _ R) as F. rewrite map_length in F. unfold window_is_idle. rewrite F.
  destruct c as [|x c]; cbn [length app Z.to_nat nth_error] in *.
  - cbn [Z.of_nat Z.eqb orb]. symmetry. apply Z.eqb_eq.
    enough (used tau t (admitted h) <= 0) by lia. apply B. destruct d as [|y d]; [exact I|].
    cbn [gone nth_error]. inversion G; subst. unfold expired in *. lia.
  - subst x. cbn [gone] in B. unfold expired in B.
    destruct (Z.eqb_spec (Z.of_nat (S (length c))) 0); [lia|]. cbn [orb].
    destruct (Z.leb_spec (newest s + tau) now), (Z.eqb_spec (used tau t (admitted h)) 0); auto; lia.
Qed.

Lemma inv_init size t h : 1 <= size <= limit -> sound limit tau h -> seen h = t ->
  Forall (expired tau t) (units (admitted h)) -> inv limit tau (window_init size t) h.
Proof.
  intros Sz So Se G. exists [], (units (admitted h)), t.
  assert (capacity (empty_ring size) = size)
    by (unfold capacity, empty_ring; cbn [slots]; rewrite repeat_length; lia).
  split; cbn [newest mark young held window_init Z.to_nat skipn firstn app map]; auto; try lia.
  - apply holds_empty. lia.
  - cbn. lia.
Qed.

(* The units after a tick are a prefix of the ring. *)
Lemma filter_prefix b l : forall t, desc t l ->
  exists l2, l = filter (fun x => b <? x) l ++ l2 /\ Forall (fun x => x <= b) l2.
Proof.
  induction l as [|x l IH]; intros t D; [now exists []|]. destruct D as [X D]. cbn [filter].
  destruct (Z.ltb_spec b x) as [L|L].
  - destruct (IH x D) as (l2 & E & F). exists l2. split; [cbn [app]; now f_equal|exact F].
  - destruct (IH x D) as (l2 & E & F). exists (x :: l).
    assert (N : filter (fun x => b <? x) l = []).
    { apply desc_all in D. clear -D L. induction D as [|y l Y D IH]; [easy|]. cbn.
      destruct (Z.ltb_spec b y); [lia|exact IH]. }
    rewrite N. split; [easy|]. constructor; [exact L|].
    eapply Forall_impl; [|exact (desc_all _ _ D)].
    cbn. lia.
Qed.

Lemma inv_restart size s h : 1 <= size <= limit -> inv limit tau s h ->
  inv limit tau (window_resume size (window_persist tau s)) h.
Proof.
  intros Z0 (c & d & m & K). destruct (keyed_clear _ _ _ _ _ K) as [C _].
  destruct K as [[O B] Sz Se U G R Hd M Lg Y Old New].
  unfold window_persist, window_resume. cbn [fst snd]. rewrite (holds_stamps _ _ R), map_map.
  assert (E : map (fun x => newest s - u32 (newest s - u32 x)) c = c).
  { clear -C. induction C as [|x c X C IH]; cbn [map]; [easy|]. rewrite X, IH. f_equal. lia. }
  rewrite E. clear E.
  assert (Dc : desc (newest s) c).
  { pose proof (desc_units (admitted h) _ O) as X. rewrite U, <- Se in X.
    apply (desc_app c d _ X). }
  destruct (filter_prefix (newest s - tau) c _ Dc) as (l2 & E & F2).
  pose proof (h_filled _ _ R) as F. pose proof (h_fits _ _ R) as F'. rewrite map_length in F.
  set (live := filter (fun x => newest s - tau <? x) c) in *.
  assert (Z.of_nat (length c) = Z.of_nat (length live) + Z.of_nat (length l2))
    by (rewrite E at 1; rewrite app_length; lia).
  exists live, (l2 ++ d), (newest s).
  split; cbn [newest mark young held Z.to_nat skipn firstn]; auto; try lia.
  - now split.
  - rewrite capacity_refill by (rewrite map_length; lia). lia.
  - now rewrite U, E at 1; rewrite <- app_assoc.
  - apply Forall_app. split; [|exact G]. eapply Forall_impl; [|exact F2]. unfold expired. cbn. lia.
  - apply holds_refill; [lia|]. rewrite map_length. lia.
  - assert (Hl : forall l, c = l ++ l2 -> match l with [] => True | x :: _ => x = newest s end)
      by (intros [|x l] El; [easy|]; rewrite El in Hd; exact Hd).
    exact (Hl live E).
  - cbn [refill filled]. lia.
  - apply Forall_forall. intros x X. split.
    + unfold live in X. apply filter_In in X as [_ X]. apply Z.ltb_lt in X. lia.
    + apply desc_all in Dc. rewrite Forall_forall in Dc. apply Dc. rewrite E. apply in_app_iff.
      now left.
Qed.

Lemma step_refines size s h o : 1 <= size <= limit -> proper o -> inv limit tau s h ->
  fst (step size limit tau s o) = fst (spec_step limit tau h o) /\
  inv limit tau (snd (step size limit tau s o)) (snd (spec_step limit tau h o)).
Proof.
  intros Z0 P I. destruct o as [now w|now|]; cbn [step spec_step proper] in *.
  - pose proof (keyed_ask s h now w I P) as A. destruct (spec_ask limit tau h now w) as [ok t].
    destruct (window_ask limit tau s now w) as [v s1]. cbn [fst snd] in *.
    destruct A as (-> & -> & A). auto.
  - cbn [fst snd]. split; [easy|].
    assert (Se : newest s = seen h) by (destruct I as (? & ? & ? & K); apply K).
    rewrite (idle_spec s h now I). unfold window_tick. rewrite Se.
    set (t := Z.max (seen h) now). destruct (Z.eqb_spec (used tau t (admitted h)) 0) as [E|E]; auto.
    destruct I as (c & d & m & [[O B] _ _ _ _ _ _ _ _ _ _ _]).
    assert (O' : ordered t (admitted h)) by (apply (ordered_later _ (seen h)); [exact O|lia]).
    apply inv_init; auto; [now split|]. cbn [admitted].
    pose proof (blocker_spec tau t (admitted h) ltac:(lia) t 0 O' ltac:(lia) ltac:(lia)) as Bl.
    rewrite (blocker_units (admitted h) 0 t O') in Bl by lia. apply proj1 in Bl.
    specialize (Bl ltac:(lia)).
    pose proof (desc_units _ _ O') as D.
    destruct (units (admitted h)) as [|x u] eqn:Eu; [constructor|].
    cbn [Z.to_nat nth_error gone] in Bl.
    apply (desc_skipn tau t (x :: u) t 0 D); [cbn; lia|exact Bl].
  - cbn [fst snd]. split; [easy|]. now apply inv_restart.
Qed.
End Rule.
