(* SPDX-License-Identifier: MIT *)
(* An operation that is run in parts. *)
From Coq Require Import List NArith Bool Lia.
From PostProof.Spec Require Collision Encoding Rollback.
From PostProof.Proofs.rollback Require Rollback.
Import ListNotations Spec.Collision Spec.Encoding Spec.Rollback Proofs.rollback.Rollback.
Open Scope N_scope.

Lemma take_add b : forall m n,
  take (m + n) b =
  match take m b with
  | Some (x, r) => match take n r with Some (y, r') => Some (x ++ y, r') | None => None end
  | None => None
  end.
Proof.
  induction b as [|x b IH]; intros m n; (destruct (N.eqb_spec m 0) as [->|M]).
  - rewrite N.add_0_l. cbn. now destruct (n =? 0).
  - cbn. destruct (N.eqb_spec (m + n) 0); [lia|]. now destruct (N.eqb_spec m 0).
  - rewrite N.add_0_l. change (take 0 (x :: b)) with (Some (@nil N, x :: b)).
    cbv beta iota. generalize (take n (x :: b)) as o. now intros [[y r]|].
  - cbn [take]. destruct (N.eqb_spec (m + n) 0); [lia|]. destruct (N.eqb_spec m 0); [lia|].
    replace (N.pred (m + n)) with (N.pred m + n) by lia. rewrite IH.
    destruct (take (N.pred m) b) as [[y r]|]; [|easy]. now destruct (take n r) as [[z r']|].
Qed.

Lemma shift_each_app d a : forall x b y, size x = size a ->
  shift_each d (a ++ b) (x ++ y) = shift_each d a x ++ shift_each d b y.
Proof.
  induction a as [|e a IH]; intros [|v x] b y E; try easy; try (unfold size in E; cbn in E; lia).
  cbn [app shift_each]. rewrite !size_cons in E. rewrite IH by lia. easy.
Qed.

Lemma app_same (x a y b : bytes) : size x = size a ->
  (x ++ y = a ++ b <-> x = a /\ y = b).
Proof.
  intros E. split; [|now intros [-> ->]]. revert a E.
  induction x as [|v x IH]; intros [|e a] E H; try easy; try (unfold size in E; cbn in E; lia).
  cbn [app] in H. injection H as -> H. rewrite !size_cons in E.
  destruct (IH a ltac:(lia) H) as [-> ->]. easy.
Qed.

Lemma bytes_eqb_app (x a y b : bytes) : size x = size a ->
  bytes_eqb (x ++ y) (a ++ b) = bytes_eqb x a && bytes_eqb y b.
Proof.
  intros E. apply eq_true_iff_eq. rewrite andb_true_iff, !same_bytes. now apply app_same.
Qed.

Lemma skip_literal_add a b image : skip_literal (a ++ b) image =
  match skip_literal a image with Some rest => skip_literal b rest | None => None end.
Proof.
  unfold skip_literal. rewrite size_app, take_add.
  destruct (take (size a) image) as [[x r]|] eqn:X; [|easy].
  apply take_some in X as [-> X].
  destruct (take (size b) r) as [[y r']|] eqn:Y.
  - rewrite bytes_eqb_app by easy. destruct (bytes_eqb x a); [|easy]. now rewrite Y.
  - destruct (bytes_eqb x a); [|easy]. now rewrite Y.
Qed.

(* What both parts write, and what is left behind them. *)
Lemma step_in_pieces d whole first second image : splits whole first second ->
  step d whole image =
  match step d first image with
  | Some (x, r) =>
      match step d second r with Some (y, r') => Some (x ++ y, r') | None => None end
  | None => None
  end.
Proof.
  destruct whole as [n delta|w|w|w], first as [a e|a|a|a], second as [b f|b|b|b];
    try easy; cbn [splits].
  - intros (-> & -> & ->). cbn [step]. rewrite take_add.
    destruct (take a image) as [[x r]|]; [|easy].
    destruct (take b r) as [[y r']|]; [|easy]. now rewrite map_app.
  - intros ->. cbn [step]. rewrite size_app, take_add.
    destruct (take (size a) image) as [[x r]|] eqn:X; [|easy]. apply take_some in X as [_ X].
    destruct (take (size b) r) as [[y r']|]; [|easy]. now rewrite shift_each_app.
  - intros ->. destruct d; cbn [step]; [easy|]. rewrite skip_literal_add.
    destruct (skip_literal a image) as [r|]; [|easy]. now destruct (skip_literal b r).
  - intros ->. destruct d; cbn [step]; [|easy]. rewrite skip_literal_add.
    destruct (skip_literal a image) as [r|]; [|easy]. now destruct (skip_literal b r).
Qed.

Theorem run_in_pieces : Spec.Rollback.run_in_pieces.
Proof.
  intros d whole first second s image S. cbn [run]. rewrite (step_in_pieces _ _ _ _ _ S).
  destruct (step d first image) as [[x r]|]; [|easy]. cbn [run].
  destruct (step d second r) as [[y r']|]; [|easy].
  destruct (run d s r'); [now rewrite app_assoc|easy].
Qed.
