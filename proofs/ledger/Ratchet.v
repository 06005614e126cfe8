(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements in spec/Ratchet.v. *)
From Coq Require Import List NArith QArith Qabs Bool PeanoNat Lia.
From PostProof.Spec Require Ratchet.
Import ListNotations.
Import Spec.Ratchet.

(* ---- States --------------------------------------------------------------------------------- *)

Section States.
Variable secret : Type.
Variable expand : secret -> label -> secret.
Variable seed : secret.

Notation at_ := (ratchet_at secret expand seed).
Notation step := (pp_ratchet_step secret expand).

Lemma at_step n : at_ (S n) = step (at_ n).
Proof. easy. Qed.

Lemma at_epoch n : epoch secret (at_ n) = N.of_nat n.
Proof.
  induction n as [|n IH]; [easy|]. rewrite at_step. unfold pp_ratchet_step. rewrite IH.
  destruct (_ =? _)%N; cbn [epoch enter_block]; lia.
Qed.

(* Inside a block the outer secret stays. *)
Lemma outer_stays n k : (N.of_nat n mod epochs_per_block + N.of_nat k < epochs_per_block)%N ->
  outer secret (at_ (n + k)) = outer secret (at_ n).
Proof.
  unfold epochs_per_block. induction k as [|k IH]; intros L; [now rewrite Nat.add_0_r|].
  rewrite Nat.add_succ_r, at_step. unfold pp_ratchet_step. rewrite at_epoch.
  rewrite (proj2 (N.eqb_neq _ _)); [cbn [outer]; apply IH; lia|].
  unfold epochs_per_block. pose proof (N.div_mod (N.of_nat n) 4096 ltac:(lia)) as D.
  replace (N.of_nat (n + k) + 1)%N
    with ((N.of_nat n mod 4096 + N.of_nat k + 1) + (N.of_nat n / 4096) * 4096)%N by lia.
  rewrite N.mod_add, (N.mod_small (_ + 1)) by lia.
  rewrite N.add_1_r. apply N.neq_succ_0.
Qed.

Lemma skip_is_steps n :
  skip_block secret expand (at_ n) =
  at_ (N.to_nat ((N.of_nat n / epochs_per_block + 1) * epochs_per_block)).
Proof.
  unfold skip_block. rewrite at_epoch. set (e := ((N.of_nat n / _ + 1) * _)%N).
  pose proof (N.div_mod (N.of_nat n) 4096 ltac:(lia)) as D.
  pose proof (N.mod_lt (N.of_nat n) 4096 ltac:(lia)) as M.
  assert (E : (e = N.of_nat n + (4096 - N.of_nat n mod 4096))%N)
    by (unfold e, epochs_per_block; lia).
  set (k := N.to_nat (4095 - N.of_nat n mod 4096)).
  replace (N.to_nat e) with (S (n + k)) by (unfold k; lia).
  rewrite at_step. unfold pp_ratchet_step. rewrite at_epoch, outer_stays
    by (unfold k, epochs_per_block; lia).
  replace (N.of_nat (n + k) + 1)%N with e by (unfold k; lia).
  unfold e. now rewrite N.mod_mul.
Qed.

Lemma skips n m : exists n', N.iter m (skip_block secret expand) (at_ n) = at_ n' /\
  (N.of_nat n' = if m =? 0 then N.of_nat n
                 else (N.of_nat n / epochs_per_block + m) * epochs_per_block)%N.
Proof.
  induction m as [|m IH] using N.peano_ind; [now exists n|].
  destruct IH as (n' & E & F). rewrite N.iter_succ, E, skip_is_steps. eexists. split; [easy|].
  rewrite Nnat.N2Nat.id, F. rewrite (proj2 (N.eqb_neq (N.succ m) 0)) by lia.
  destruct (N.eqb_spec m 0) as [->|Z]; [f_equal; lia|].
  rewrite N.div_mul by easy. f_equal. lia.
Qed.

Lemma single_steps n m : N.iter m step (at_ n) = at_ (N.to_nat m + n).
Proof.
  induction m as [|m IH] using N.peano_ind; [easy|].
  rewrite N.iter_succ, IH, Nnat.N2Nat.inj_succ. easy.
Qed.
End States.

Theorem ratchet_epoch : Spec.Ratchet.ratchet_epoch.
Proof. intros secret expand seed n. apply at_epoch. Qed.

Theorem forward_is_steps : Spec.Ratchet.forward_is_steps.
Proof.
  intros secret expand seed n target. unfold pp_ratchet_forward. rewrite at_epoch.
  destruct (N.ltb_spec target (N.of_nat n)) as [L|L]; [easy|]. f_equal.
  destruct (skips secret expand seed n
    (target / epochs_per_block - N.of_nat n / epochs_per_block)%N) as (n' & -> & E).
  rewrite at_epoch, single_steps. f_equal.
  enough (N.of_nat n' <= target)%N by lia. rewrite E. unfold epochs_per_block.
  destruct (N.eqb_spec (target / 4096 - N.of_nat n / 4096) 0) as [Z|Z]; [easy|].
  pose proof (N.mul_div_le target 4096 ltac:(lia)).
  pose proof (N.div_le_mono (N.of_nat n) target 4096 ltac:(lia) L).
  replace (N.of_nat n / 4096 + (target / 4096 - N.of_nat n / 4096))%N
    with (target / 4096)%N by lia. lia.
Qed.

Lemma next_div n : ((n + 1) / 4096 =
  n / 4096 + if (n + 1) mod 4096 =? 0 then 1 else 0)%N.
Proof.
  pose proof (N.div_mod n 4096 ltac:(lia)). pose proof (N.mod_lt n 4096 ltac:(lia)).
  pose proof (N.div_mod (n + 1) 4096 ltac:(lia)). pose proof (N.mod_lt (n + 1) 4096 ltac:(lia)).
  revert H H0 H1 H2. generalize (n / 4096)%N (n mod 4096)%N ((n + 1) / 4096)%N ((n + 1) mod 4096)%N.
  intros q r q' r' **. destruct (N.eqb_spec r' 0); lia.
Qed.

Theorem distinguisher_count : Spec.Ratchet.distinguisher_count.
Proof.
  intros n. unfold epochs_per_block. induction n as [|n IH]; [easy|].
  cbn [program]. rewrite app_length. cbn [length]. unfold epochs_per_block.
  replace (N.of_nat (S n)) with (N.of_nat n + 1)%N by lia. rewrite next_div.
  destruct (_ =? 0)%N; cbn [length]; lia.
Qed.

(* ---- Averages ------------------------------------------------------------------------------- *)

Section Games.
Variable secret : Type.
Variable expand : secret -> label -> secret.
Variable secrets : list secret.
Variable A : adversary secret.
Hypothesis some : secrets <> [].
Open Scope Q_scope.

Notation mean := (mean secret secrets).
Notation bit := Spec.Ratchet.bit.
Notation finish := (finish secret expand A).
Notation draw := (draw secret secrets).

Lemma sum_ext {B} (f g : B -> Q) l : (forall x, f x == g x) -> sum f l == sum g l.
Proof. intros E. induction l as [|x l IH]; cbn; [easy|]. now rewrite E, IH. Qed.

Lemma mean_ext f g : (forall x, f x == g x) -> mean f == mean g.
Proof. intros E. unfold Spec.Ratchet.mean. now rewrite (sum_ext f g secrets E). Qed.

Lemma sum_scale {B} (f : B -> Q) (q : Q) l : sum (fun x => f x * q) l == sum f l * q.
Proof. induction l as [|x l IH]; cbn; [ring|]. rewrite IH. ring. Qed.

Lemma sum_plus {B} (f g : B -> Q) l : sum (fun x => f x + g x) l == sum f l + sum g l.
Proof. induction l as [|x l IH]; cbn; [ring|]. rewrite IH. ring. Qed.

Lemma sum_swap {B C} (f : B -> C -> Q) l : forall m,
  sum (fun x => sum (f x) m) l == sum (fun y => sum (fun x => f x y) l) m.
Proof.
  induction l as [|x l IH]; intros m; cbn.
  - induction m as [|y m IH]; cbn; [easy|]. rewrite <- IH. ring.
  - rewrite IH, <- sum_plus. easy.
Qed.

(* Two independent draws may be made in either order. *)
Lemma mean_swap (f : secret -> secret -> Q) :
  mean (fun x => mean (f x)) == mean (fun y => mean (fun x => f x y)).
Proof.
  unfold Spec.Ratchet.mean, Qdiv. rewrite !sum_scale, sum_swap. easy.
Qed.

Lemma mean_const q : mean (fun _ => q) == q.
Proof.
  unfold Spec.Ratchet.mean.
  assert (S : forall l, sum (fun _ : secret => q) l == q * inject_Z (Z.of_nat (length l))).
  { induction l as [|x l IH]; cbn [sum length]; [cbn; ring|].
    rewrite IH, Nat2Z.inj_succ. unfold Z.succ. rewrite inject_Z_plus. ring. }
  rewrite S. field. destruct secrets; [easy|]. cbn. unfold Qeq. cbn. lia.
Qed.

Lemma draw_ext p f g : (forall past, f past == g past) ->
  forall past, draw p f past == draw p g past.
Proof.
  intros E. induction p as [|[|] p IH]; intros past; cbn; auto. now repeat (apply mean_ext; intros).
Qed.

Lemma draw_app p q f : forall past, draw (p ++ q) f past == draw p (draw q f) past.
Proof.
  induction p as [|[|] p IH]; intros past; cbn; [easy| |easy]. now repeat (apply mean_ext; intros).
Qed.

(* ---- Hybrids -------------------------------------------------------------------------------- *)

(* What the instructions done made is drawn at random; the rest is run from a random state. *)
Definition hybrid (done rest : list instruction) : Q :=
  draw done (fun past => mean (fun o => mean (fun i => bit (finish rest past o i)))) [].

Lemma use_real done rest : hybrid done (Use :: rest) =
  draw done (fun past => mean (fun o => mean (fun k =>
    bit (use_distinguisher secret expand A rest past o
           (expand k TagLabel) (expand k SealLabel) (expand k NextLabel))))) [].
Proof. easy. Qed.

Lemma use_random done rest : hybrid (done ++ [Use]) rest ==
  draw done (fun past => mean (fun o => mean (fun t => mean (fun s => mean (fun n =>
    bit (use_distinguisher secret expand A rest past o t s n)))))) [].
Proof.
  unfold hybrid. rewrite draw_app. apply draw_ext. intros past. cbn [Spec.Ratchet.draw].
  symmetry. rewrite mean_swap. apply mean_ext. intros t. rewrite mean_swap. easy.
Qed.

Lemma enter_real done rest : hybrid done (Enter :: rest) ==
  draw done (fun past => mean (fun k =>
    bit (enter_distinguisher secret expand A rest past (expand k OuterLabel)
                             (expand k InnerLabel)))) [].
Proof. apply draw_ext. intros past. apply mean_ext. intros o.
  exact (mean_const (bit (finish rest past (expand o OuterLabel) (expand o InnerLabel)))).
Qed.

Lemma enter_random done rest : hybrid (done ++ [Enter]) rest ==
  draw done (fun past => mean (fun o => mean (fun i =>
    bit (enter_distinguisher secret expand A rest past o i)))) [].
Proof. unfold hybrid. now rewrite draw_app. Qed.

Lemma triangle a b c : Qabs (a - c) <= Qabs (a - b) + Qabs (b - c).
Proof. setoid_replace (a - c) with ((a - b) + (b - c)) by ring. apply Qabs_triangle. Qed.

Lemma hybrids rest : forall done,
  Qabs (hybrid done rest - hybrid (done ++ rest) []) <=
  advantages secret expand secrets A done rest.
Proof.
  induction rest as [|[|] rest IH]; intros done.
  - rewrite app_nil_r. setoid_replace (hybrid done [] - hybrid done []) with 0 by ring. easy.
  - change (Use :: rest) with ([Use] ++ rest) at 2. rewrite app_assoc.
    eapply Qle_trans; [apply (triangle _ (hybrid (done ++ [Use]) rest))|].
    cbn [advantages]. apply Qplus_le_compat; [|apply IH].
    unfold use_advantage. rewrite use_random. apply Qle_refl.
  - change (Enter :: rest) with ([Enter] ++ rest) at 2. rewrite app_assoc.
    eapply Qle_trans; [apply (triangle _ (hybrid (done ++ [Enter]) rest))|].
    cbn [advantages]. apply Qplus_le_compat; [|apply IH].
    unfold enter_advantage. rewrite enter_random, enter_real. apply Qle_refl.
Qed.

(* ---- The first and the last hybrid are the two games ----------------------------------------- *)

Lemma draw_use n past f : draw [Use] (fun past => draw (repeat Use n) f past) past =
  draw (repeat Use (S n)) f past.
Proof. easy. Qed.

(* The instructions that draw nothing may be left out. *)
Definition uses (p : list instruction) : list instruction :=
  filter (fun x => match x with Use => true | Enter => false end) p.

Lemma draw_uses p f : forall past, draw p f past == draw (uses p) f past.
Proof.
  induction p as [|[|] p IH]; intros past; cbn; [easy| |apply IH].
  now repeat (apply mean_ext; intros).
Qed.

Lemma program_uses n : uses (program n) = repeat Use n.
Proof.
  induction n as [|n IH]; [easy|]. cbn [program]. unfold uses in *. rewrite filter_app, IH.
  replace (Use :: repeat Use n) with (repeat Use n ++ [Use]) by now rewrite <- repeat_cons.
  cbn [repeat]. rewrite repeat_cons. f_equal. now destruct (_ =? 0)%N.
Qed.

Lemma ideal_is_draw n : forall past, ideal_from secret secrets A n past ==
  draw (repeat Use n) (fun past => mean (fun o => mean (fun i => bit (A past o i)))) past.
Proof.
  induction n as [|n IH]; intros past; cbn; [easy|]. now repeat (apply mean_ext; intros).
Qed.

Lemma last_hybrid n : hybrid (program n) [] == ideal_game secret secrets A n.
Proof.
  unfold hybrid, ideal_game. rewrite ideal_is_draw, draw_uses, program_uses. easy.
Qed.

(* The program does what the ratchet does. *)
Lemma program_runs n : forall rest seed i,
  finish (program n ++ rest) [] seed i =
  finish rest (past_keys secret expand seed n)
         (outer secret (ratchet_at secret expand seed n))
         (inner secret (ratchet_at secret expand seed n)).
Proof.
  induction n as [|n IH]; intros rest seed i; [easy|].
  cbn [program]. rewrite <- app_assoc, IH. cbn [app Spec.Ratchet.finish].
  unfold past_keys. rewrite seq_S, map_app. cbn [map Nat.add].
  fold (past_keys secret expand seed n).
  rewrite at_step. unfold pp_ratchet_step. rewrite at_epoch.
  replace (N.of_nat (S n)) with (N.of_nat n + 1)%N by lia.
  destruct (_ =? 0)%N; easy.
Qed.

Lemma first_hybrid n : hybrid [] (program n) == real_game secret expand secrets A n.
Proof.
  unfold hybrid, real_game. cbn [Spec.Ratchet.draw]. apply mean_ext. intros seed.
  transitivity (mean (fun _ => bit (A (past_keys secret expand seed n)
    (outer secret (ratchet_at secret expand seed n))
    (inner secret (ratchet_at secret expand seed n))))); [|apply mean_const].
  apply mean_ext. intros i. rewrite <- (app_nil_r (program n)), program_runs. easy.
Qed.
End Games.

Theorem forward_secure : Spec.Ratchet.forward_secure.
Proof.
  intros secret expand secrets A n some.
  rewrite <- (first_hybrid secret expand secrets A some n).
  rewrite <- (last_hybrid secret expand secrets A n).
  apply (hybrids secret expand secrets A some (program n) []).
Qed.
