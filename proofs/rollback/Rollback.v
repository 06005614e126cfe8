(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements of spec/Rollback.v: both directions, the format as read, chains, and the
   wrong image.  Compose.v has the others. *)
From Coq Require Import List NArith Bool Lia.
From PostProof.Spec Require Collision Encoding Rollback.
From PostProof.Proofs.ledger Require Collision.
Import ListNotations Spec.Collision Spec.Encoding Spec.Rollback.
Open Scope N_scope.

Lemma same_bytes a b : bytes_eqb a b = true <-> a = b.
Proof. apply Proofs.ledger.Collision.bytes_eqb_decides. Qed.

Lemma same_bytes_refl a : bytes_eqb a a = true.
Proof. now apply same_bytes. Qed.

Lemma is_bytes_app a b : is_bytes (a ++ b) = true <-> is_bytes a = true /\ is_bytes b = true.
Proof. unfold is_bytes. rewrite forallb_app. apply andb_true_iff. Qed.

Lemma is_bytes_cons x b : is_bytes (x :: b) = true <-> x < 256 /\ is_bytes b = true.
Proof. unfold is_bytes. cbn [forallb]. now rewrite andb_true_iff, N.ltb_lt. Qed.

Lemma size_cons x b : size (x :: b) = N.succ (size b).
Proof. unfold size. cbn [length]. lia. Qed.

Lemma size_app a b : size (a ++ b) = size a + size b.
Proof. unfold size. rewrite app_length. lia. Qed.

Lemma size_map f b : size (map f b) = size b.
Proof. unfold size. now rewrite map_length. Qed.

(* ---- Taking a number of bytes ---------------------------------------------------------------- *)

Lemma take_app a : forall r, take (size a) (a ++ r) = Some (a, r).
Proof.
  induction a as [|x a IH]; intros r; [now destruct r|].
  cbn [app take]. rewrite size_cons. destruct (N.eqb_spec (N.succ (size a)) 0); [lia|].
  now rewrite N.pred_succ, IH.
Qed.

Lemma take_some b : forall n a r, take n b = Some (a, r) -> b = a ++ r /\ size a = n.
Proof.
  induction b as [|x b IH]; intros n a r; cbn [take]; destruct (N.eqb_spec n 0) as [->|Z];
    try discriminate; try (intros [= <- <-]; easy).
  destruct (take (N.pred n) b) as [[a' r']|] eqn:E; [|discriminate]. intros [= <- <-].
  apply IH in E as [-> E]. rewrite size_cons, E. split; [easy|lia].
Qed.

Lemma take_size n a r : size a = n -> take n (a ++ r) = Some (a, r).
Proof. intros <-. apply take_app. Qed.

(* ---- Deltas ---------------------------------------------------------------------------------- *)

Lemma wrap x : x < 512 -> x mod 256 = if x <? 256 then x else x - 256.
Proof.
  intros L. destruct (N.ltb_spec x 256) as [S|G]; [now apply N.mod_small|].
  replace x with (x - 256 + 1 * 256) at 1 by lia. rewrite N.mod_add by lia. apply N.mod_small. lia.
Qed.

Ltac wraps := match goal with |- context [?a <? ?b] => destruct (N.ltb_spec a b) end;
  rewrite wrap by lia; match goal with |- context [?a <? ?b] => destruct (N.ltb_spec a b) end; lia.

Lemma shift_byte d delta x : shift d delta x < 256.
Proof. destruct d; apply N.mod_lt; lia. Qed.

Lemma shift_back d delta x : delta < 256 -> x < 256 ->
  shift (opposite d) delta (shift d delta x) = x.
Proof. intros D X. destruct d; cbn [shift opposite]; rewrite (wrap (x + _)) by lia; wraps. Qed.

Lemma shift_negate delta x : delta < 256 -> shift Backward delta x = shift Forward (negate delta) x.
Proof.
  intros D. cbn. unfold negate. rewrite N.add_mod_idemp_r by lia. reflexivity.
Qed.

Lemma negate_negate delta : delta < 256 -> negate (negate delta) = delta.
Proof. intros D. unfold negate. rewrite (wrap (256 - delta)) by lia. wraps. Qed.

Lemma shift_each_size d ds : forall x, size x = size ds -> size (shift_each d ds x) = size ds.
Proof.
  induction ds as [|e ds IH]; intros [|a x]; cbn [shift_each]; rewrite ?size_cons; intros E;
    try easy;    try (unfold size in E; cbn in E; lia).
  rewrite IH; lia.
Qed.

Lemma shift_each_bytes d ds : forall x, is_bytes (shift_each d ds x) = true.
Proof.
  induction ds as [|e ds IH]; intros [|a x]; cbn [shift_each]; try easy.
  apply is_bytes_cons; split; [apply shift_byte|apply IH].
Qed.

Lemma shift_each_back d ds : forall x, is_bytes ds = true -> is_bytes x = true ->
  size x = size ds -> shift_each (opposite d) ds (shift_each d ds x) = x.
Proof.
  induction ds as [|e ds IH]; intros [|a x]; cbn [shift_each]; intros D X E; try easy;
    try (unfold size in E; cbn in E; lia).
  apply is_bytes_cons in D as [], X as []. rewrite !size_cons in E.
  rewrite shift_back, IH; auto; lia.
Qed.

Lemma map_shift_back d delta x : delta < 256 -> is_bytes x = true ->
  map (shift (opposite d) delta) (map (shift d delta) x) = x.
Proof.
  intros D. induction x as [|a x IH]; cbn [map]; [easy|].
  rewrite is_bytes_cons. intros []. rewrite shift_back, IH; auto.
Qed.

Lemma map_shift_bytes d delta x : is_bytes (map (shift d delta) x) = true.
Proof.
  induction x as [|a x IH]; cbn [map]; [easy|].
  apply is_bytes_cons; split; [apply shift_byte|apply IH].
Qed.

Lemma shift_each_negate ds : forall x, is_bytes ds = true ->
  shift_each Backward ds x = shift_each Forward (map negate ds) x.
Proof.
  induction ds as [|e ds IH]; intros [|a x] B; cbn [shift_each map]; try easy.
  apply is_bytes_cons in B as []. now rewrite shift_negate, IH.
Qed.

(* ---- One operation --------------------------------------------------------------------------- *)

Lemma skip_literal_app b rest : skip_literal b (b ++ rest) = Some rest.
Proof. unfold skip_literal. now rewrite take_app, same_bytes_refl. Qed.

Lemma skip_literal_some b x rest : skip_literal b x = Some rest -> x = b ++ rest.
Proof.
  unfold skip_literal. destruct (take _ x) as [[found r]|] eqn:E; [|discriminate].
  destruct (bytes_eqb found b) eqn:S; [|discriminate]. apply same_bytes in S as ->.
  intros [= <-]. now apply take_some in E.
Qed.

Lemma step_sizes d o x w r : step d o x = Some (w, r) ->
  size x = operation_size d o + size r /\ size w = operation_size (opposite d) o.
Proof.
  destruct o as [n delta|ds|b|b], d; cbn [step operation_size opposite]; intros H.
  1-4: destruct (take _ x) as [[a r']|] eqn:E; [|discriminate]; injection H as <- <-;
    apply take_some in E as [-> E]; rewrite size_app, ?size_map, ?shift_each_size; auto; lia.
  1,4: injection H as <- <-; split; [lia|easy].
  all: destruct (skip_literal b x) eqn:E; [|discriminate]; injection H as <- <-;
    apply skip_literal_some in E as ->; rewrite size_app; split; [lia|easy].
Qed.

Lemma step_back d o x w r : operation_is_typed o = true -> is_bytes x = true ->
  step d o x = Some (w, r) ->
  exists a, x = a ++ r /\ is_bytes w = true /\ is_bytes r = true /\
    forall rest, step (opposite d) o (w ++ rest) = Some (a, rest).
Proof.
  destruct o as [n delta|ds|b|b]; cbn [operation_is_typed]; rewrite andb_true_iff; intros [L B] X H.
  - apply N.ltb_lt in B. cbn [step] in H. destruct (take n x) as [[a r']|] eqn:E; [|discriminate].
    injection H as <- <-. apply take_some in E as [-> E]. apply is_bytes_app in X as [].
    exists a. repeat split; auto using map_shift_bytes. intros rest. cbn [step].
    rewrite take_size, map_shift_back; auto. now rewrite size_map.
  - cbn [step] in H. destruct (take _ x) as [[a r']|] eqn:E; [|discriminate].
    injection H as <- <-. apply take_some in E as [-> E]. apply is_bytes_app in X as [].
    exists a. repeat split; auto using shift_each_bytes. intros rest. cbn [step].
    rewrite take_size, shift_each_back; auto. now apply shift_each_size.
  - destruct d; cbn [step opposite] in *.
    + injection H as <- <-. exists []. repeat split; auto. intros rest.
      now rewrite skip_literal_app.
    + destruct (skip_literal b x) eqn:E; [|discriminate]. injection H as <- <-.
      apply skip_literal_some in E as ->. apply is_bytes_app in X as []. now exists b.
  - destruct d; cbn [step opposite] in *.
    + destruct (skip_literal b x) eqn:E; [|discriminate]. injection H as <- <-.
      apply skip_literal_some in E as ->. apply is_bytes_app in X as []. now exists b.
    + injection H as <- <-. exists []. repeat split; auto. intros rest.
      now rewrite skip_literal_app.
Qed.

(* ---- Scripts --------------------------------------------------------------------------------- *)

Lemma typed_cons o s : script_is_typed (o :: s) = true <->
  operation_is_typed o = true /\ script_is_typed s = true.
Proof. cbn. apply andb_true_iff. Qed.

Lemma run_back d s : forall x y, script_is_typed s = true -> is_bytes x = true ->
  run d s x = Some y -> is_bytes y = true /\ run (opposite d) s y = Some x.
Proof.
  induction s as [|o s IH]; intros x y T X; cbn [run].
  - destruct x; [|discriminate]. now intros [= <-].
  - apply typed_cons in T as [T Ts]. destruct (step d o x) as [[w r]|] eqn:E; [|discriminate].
    destruct (run d s r) as [more|] eqn:F; [|discriminate]. intros [= <-].
    destruct (step_back d o x w r T X E) as (a & -> & W & R & B).
    destruct (IH r more Ts R F) as [M G]. rewrite B, G.
    split; [apply is_bytes_app; auto|easy].
Qed.

Theorem revert_after_apply : Rollback.revert_after_apply.
Proof. intros s x y T X H. now apply (run_back Forward s x y). Qed.

Theorem apply_after_revert : Rollback.apply_after_revert.
Proof. intros s x y T X H. now apply (run_back Backward s y x). Qed.

Theorem run_writes_bytes : Rollback.run_writes_bytes.
Proof. intros d s x y T X H. now apply (run_back d s x y). Qed.

Theorem sizes_from_script : Rollback.sizes_from_script.
Proof.
  intros d s. induction s as [|o s IH]; intros x y; cbn [run].
  - destruct x; [|discriminate]. now intros [= <-].
  - destruct (step d o x) as [[w r]|] eqn:E; [|discriminate].
    destruct (run d s r) as [more|] eqn:F; [|discriminate]. intros [= <-].
    apply step_sizes in E as [-> W]. apply IH in F as [-> M].
    rewrite size_app, W, M. now split.
Qed.

Lemma step_inverse o x : operation_is_typed o = true ->
  step Backward o x = step Forward (inverse_operation o) x.
Proof.
  destruct o as [n delta|ds|b|b]; cbn [operation_is_typed]; rewrite andb_true_iff; intros [L B];
    cbn [step inverse_operation]; try easy.
  - apply N.ltb_lt in B. destruct (take n x) as [[a r]|]; [|easy]. do 2 f_equal.
    apply map_ext. intros v. now apply shift_negate.
  - rewrite size_map. destruct (take _ x) as [[a r]|]; [|easy]. now rewrite shift_each_negate.
Qed.

Theorem revert_applies_inverse : Rollback.revert_applies_inverse.
Proof.
  unfold Rollback.revert_applies_inverse, revert, apply.
  intros s. induction s as [|o s IH]; intros x T; [easy|]. apply typed_cons in T as [T Ts].
  cbn [run inverse map]. rewrite <- step_inverse by easy.
  destruct (step Backward o x) as [[w r]|]; [|easy]. fold (inverse s). now rewrite IH.
Qed.

Theorem inverse_of_inverse : Rollback.inverse_of_inverse.
Proof.
  intros s. induction s as [|o s IH]; intros T; [easy|]. apply typed_cons in T as [T Ts].
  cbn [inverse map]. fold (inverse s). fold (inverse (inverse s)). rewrite (IH Ts). f_equal.
  destruct o as [n delta|ds|b|b]; cbn in *; try easy; apply andb_true_iff in T as [L B].
  - apply N.ltb_lt in B. now rewrite negate_negate.
  - f_equal. rewrite map_map. rewrite <- (map_id ds) at 2. apply map_ext_in. intros v V.
    apply negate_negate. unfold is_bytes in B. rewrite forallb_forall in B.
    specialize (B v V). now apply N.ltb_lt.
Qed.

(* ---- Integers -------------------------------------------------------------------------------- *)

Lemma put_size n : forall v, size (pp_put n v) = N.of_nat n.
Proof.
  induction n as [|n IH]; intros v; [easy|]. cbn [pp_put]. rewrite size_app, IH.
  cbn [size length N.of_nat]. unfold size. cbn [length]. lia.
Qed.

Lemma put_bytes n : forall v, is_bytes (pp_put n v) = true.
Proof.
  induction n as [|n IH]; intros v; [easy|]. cbn [pp_put]. apply is_bytes_app. split; [easy|].
  apply is_bytes_cons. split; [apply N.mod_lt; lia|easy].
Qed.

Lemma be_snoc b x : pp_be (b ++ [x]) = pp_be b * 256 + x.
Proof. unfold pp_be. now rewrite fold_left_app. Qed.

Lemma be_put n : forall v, v < 256 ^ N.of_nat n -> pp_be (pp_put n v) = v.
Proof.
  induction n as [|n IH]; intros v V; [cbn in *; lia|].
  cbn [pp_put]. rewrite be_snoc, IH.
  - rewrite N.mul_comm. symmetry. apply N.div_mod. lia.
  - rewrite Nnat.Nat2N.inj_succ, N.pow_succ_r' in V. apply N.div_lt_upper_bound; lia.
Qed.

Lemma put_be b : is_bytes b = true ->
  pp_put (length b) (pp_be b) = b /\ pp_be b < 256 ^ N.of_nat (length b).
Proof.
  induction b as [|x b IH] using rev_ind; [easy|]. rewrite is_bytes_app, is_bytes_cons.
  intros (B & X & _). destruct (IH B) as [E L]. rewrite be_snoc, app_length. cbn [length].
  rewrite PeanoNat.Nat.add_1_r. cbn [pp_put].
  rewrite N.div_add_l, (N.div_small x), N.add_0_r, E by lia.
  rewrite N.add_comm, N.mod_add, N.mod_small by lia.
  rewrite Nnat.Nat2N.inj_succ, N.pow_succ_r'. split; [easy|nia].
Qed.

Lemma eight b : size b = 8 ->
  exists b0 b1 b2 b3 b4 b5 b6 b7, b = [b0; b1; b2; b3; b4; b5; b6; b7].
Proof.
  unfold size. intros H. do 8 (destruct b as [|? b]; [discriminate H|]).
  destruct b; [now repeat eexists|]. cbn [length] in H. lia.
Qed.

Lemma be8 v : v < 2 ^ 64 -> pp_be (pp_put 8 v) = v.
Proof. apply (be_put 8). Qed.

Lemma put8 b : is_bytes b = true -> size b = 8 -> pp_put 8 (pp_be b) = b /\ pp_be b < 2 ^ 64.
Proof.
  intros B S. assert (length b = 8%nat) as L by (unfold size in S; lia).
  generalize (put_be b B). now rewrite L.
Qed.

(* ---- Streams --------------------------------------------------------------------------------- *)

Lemma is_length_spec n : is_length n = true <-> n <> 0 /\ n < 2 ^ 64.
Proof. unfold is_length. rewrite andb_true_iff, !N.ltb_lt. lia. Qed.

Lemma read_control tag delta n c d nl ol : is_length n = true ->
  read_operations (control_of tag delta n ++ c) d nl ol =
    if tag =? 0 then prepend (Copy n delta) (read_operations c d nl ol)
    else if negb (delta =? 0) then None
    else if tag =? 1 then
      match take n d with
      | Some (b, d) => prepend (Pair b) (read_operations c d nl ol) | None => None end
    else if tag =? 2 then
      match take n nl with
      | Some (b, nl) => prepend (New b) (read_operations c d nl ol) | None => None end
    else if tag =? 3 then
      match take n ol with
      | Some (b, ol) => prepend (Old b) (read_operations c d nl ol) | None => None end
    else None.
Proof.
  intros [Z L]%is_length_spec. unfold control_of.
  destruct (eight (pp_put 8 n) (put_size 8 n)) as (b0 & b1 & b2 & b3 & b4 & b5 & b6 & b7 & E).
  rewrite E. cbn [app read_operations]. rewrite <- E, be8 by easy.
  now apply N.eqb_neq in Z as ->.
Qed.

Theorem script_read_write : Rollback.script_read_write.
Proof.
  unfold Rollback.script_read_write, read_script.
  intros s. induction s as [|o s IH]; intros T; [easy|]. apply typed_cons in T as [T Ts].
  specialize (IH Ts). cbn [write_script fold_right]. fold (write_script s).
  destruct (write_script s) as [c d n l]; cbn [control deltas new_literals old_literals] in *.
  destruct o as [k delta|b|b|b]; cbn [operation_is_typed] in T; apply andb_true_iff in T as [L B];
    cbn [write_operation control deltas new_literals old_literals]; rewrite read_control by easy;
    cbn [N.eqb Pos.eqb negb]; rewrite ?take_app, IH; reflexivity.
Qed.

Lemma prepend_some o r s : prepend o r = Some s -> exists s', r = Some s' /\ s = o :: s'.
Proof. destruct r; cbn; [|discriminate]. intros [= <-]. eauto. Qed.

Lemma read_inverts k : forall c d n l s, (length c <= k)%nat ->
  is_bytes c = true -> is_bytes d = true -> is_bytes n = true -> is_bytes l = true ->
  read_operations c d n l = Some s ->
  write_script s = Streams c d n l /\ script_is_typed s = true.
Proof.
  induction k as [|k IH]; intros c d n l s K C D N L H.
  - destruct c; [|cbn in K; lia]. cbn in H. destruct d, n, l; try discriminate.
    now injection H as <-.
  - destruct c as [|tag c].
    { cbn in H. destruct d, n, l; try discriminate. now injection H as <-. }
    destruct c as [|delta c]; [discriminate|].
    do 8 (destruct c as [|? c]; [discriminate|]).
    apply is_bytes_cons in C as [Ct C]. apply is_bytes_cons in C as [Cd C].
    match type of C with is_bytes (?a0 :: ?a1 :: ?a2 :: ?a3 :: ?a4 :: ?a5 :: ?a6 :: ?a7 :: c) = _ =>
      change (is_bytes ([a0; a1; a2; a3; a4; a5; a6; a7] ++ c) = true) in C;
      apply is_bytes_app in C as [C8 C];
      destruct (put8 [a0; a1; a2; a3; a4; a5; a6; a7] C8 eq_refl) as [P8 L8];
      change (tag :: delta :: a0 :: a1 :: a2 :: a3 :: a4 :: a5 :: a6 :: a7 :: c)
        with ([tag; delta] ++ [a0; a1; a2; a3; a4; a5; a6; a7] ++ c) in *;
      cbn [app read_operations] in H; rewrite <- P8 at 1;
      remember (pp_be [a0; a1; a2; a3; a4; a5; a6; a7]) as m eqn:M; clear M P8
    end.
    cbn in K. destruct (N.eqb_spec m 0) as [|Z]; [discriminate|].
    assert (is_length m = true) as Lm by now apply is_length_spec.
    destruct (N.eqb_spec tag 0) as [->|_].
    { apply prepend_some in H as (s' & H & ->). apply IH in H as [W T]; auto; [|lia].
      rewrite typed_cons. cbn [write_script fold_right]. fold (write_script s'). rewrite W.
      cbn [write_operation operation_is_typed]. apply N.ltb_lt in Cd. rewrite Lm, Cd.
      split; [|easy]. unfold control_of. now rewrite <- app_assoc. }
    destruct (N.eqb_spec delta 0) as [->|_]; [|discriminate]. cbn [negb] in H.
    destruct (N.eqb_spec tag 1) as [->|_]; [|destruct (N.eqb_spec tag 2) as [->|_];
      [|destruct (N.eqb_spec tag 3) as [->|_]; [|discriminate]]].
    all: let s' := fresh "s" in let b := fresh "b" in let r := fresh "r" in
      match type of H with context [take ?k ?x] => destruct (take k x) as [[b r]|] eqn:E end;
      [|discriminate]; apply take_some in E as [-> E];
      apply prepend_some in H as (s' & H & ->);
      match goal with B : is_bytes (b ++ r) = true |- _ => apply is_bytes_app in B as [? ?] end;
      apply IH in H as [W T]; auto; [|lia];
      rewrite typed_cons; cbn [write_script fold_right]; fold (write_script s'); rewrite W;
      cbn [write_operation operation_is_typed]; rewrite E, Lm, ?andb_true_l;
      (split; [|now split]); unfold control_of; now rewrite <- app_assoc.
Qed.

Theorem script_write_read : Rollback.script_write_read.
Proof.
  intros [c d n l] s T H. unfold streams_are_typed in T. cbn in T. rewrite !andb_true_iff in T.
  destruct T as [[[]]]. now apply (read_inverts (length c)).
Qed.

(* ---- Patches --------------------------------------------------------------------------------- *)

Lemma field_app {A} n a b (next : bytes -> bytes -> option A) :
  size a = n -> field n (a ++ b) next = next a b.
Proof. intros E. unfold field. now rewrite take_size. Qed.

Lemma field_some {A} n b (next : bytes -> bytes -> option A) v : field n b next = Some v ->
  exists a r, b = a ++ r /\ size a = n /\ next a r = Some v.
Proof.
  unfold field. destruct (take n b) as [[a r]|] eqn:E; [|discriminate].
  apply take_some in E as []. eauto.
Qed.

Lemma is_array_spec n b : is_array n b = true <-> size b = N.of_nat n /\ is_bytes b = true.
Proof. unfold is_array, size. rewrite andb_true_iff, PeanoNat.Nat.eqb_eq. intuition lia. Qed.

Lemma typed_patch p : patch_is_typed p = true <->
  old_size p < 2 ^ 64 /\ new_size p < 2 ^ 64 /\ is_array 32 (old_hash p) = true /\
  is_array 32 (new_hash p) = true /\ script_is_typed (edits p) = true /\
  let s := write_script (edits p) in
  size (control s) < 2 ^ 64 /\ size (deltas s) < 2 ^ 64 /\
  size (new_literals s) < 2 ^ 64 /\ size (old_literals s) < 2 ^ 64.
Proof. unfold patch_is_typed. rewrite !andb_true_iff, !N.ltb_lt. cbn zeta. intuition. Qed.

Theorem patch_read_write : Rollback.patch_read_write.
Proof.
  intros p T. apply typed_patch in T as (A & B & H1 & H2 & S & C & D & N & L).
  apply is_array_spec in H1 as [H1 _], H2 as [H2 _].
  generalize (script_read_write (edits p) S). unfold write_patch, read_patch.
  destruct (write_script (edits p)) as [c d n l].
  cbn [control deltas new_literals old_literals] in *.
  intros R. rewrite field_app by easy. rewrite same_bytes_refl. cbn [negb].
  do 2 rewrite field_app by apply (put_size 8). do 2 rewrite field_app by easy.
  do 4 rewrite field_app by apply (put_size 8).
  do 3 rewrite field_app by now rewrite be8. rewrite <- (app_nil_r l) at 2.
  rewrite field_app by now rewrite be8. rewrite R, !be8 by easy. now destruct p.
Qed.

Theorem patch_write_read : Rollback.patch_write_read.
Proof.
  intros b p B H. unfold read_patch in H.
  apply field_some in H as (m & r & -> & _ & H).
  destruct (bytes_eqb m magic) eqn:M; [|discriminate]. apply same_bytes in M as ->. cbn [negb] in H.
  apply is_bytes_app in B as [_ B].
  repeat match type of H with field _ ?x _ = _ =>
    let a := fresh "f" in let r' := fresh "r" in let E := fresh "E" in
    apply field_some in H as (a & r' & -> & E & H); apply is_bytes_app in B as [? B] end.
  match type of H with match ?x with _ => _ end = _ => destruct x; [|discriminate] end.
  destruct (read_script (Streams f7 f8 f9 f10)) as [s|] eqn:R; [|discriminate].
  injection H as <-. rewrite app_nil_r.
  apply script_write_read in R as [W T].
  2: { unfold streams_are_typed. cbn. now rewrite !andb_true_iff. }
  repeat match goal with E : size ?f = 8, F : is_bytes ?f = true |- _ =>
    destruct (put8 f F E); clear E end.
  split.
  - unfold write_patch. cbn [edits old_size new_size old_hash new_hash]. rewrite W.
    cbn [control deltas new_literals old_literals].
    repeat match goal with E : size _ = pp_be _ |- _ => rewrite E; clear E end. congruence.
  - apply typed_patch. cbn [edits old_size new_size old_hash new_hash]. rewrite W.
    cbn [control deltas new_literals old_literals]. rewrite !is_array_spec.
    repeat match goal with E : size _ = pp_be _ |- _ => rewrite E; clear E end. now repeat split.
Qed.

(* ---- Headers and chains ---------------------------------------------------------------------- *)

Lemma opposite_opposite d : opposite (opposite d) = d.
Proof. now destruct d. Qed.

Lemma run_patch_back hash d p x y : script_is_typed (edits p) = true -> is_bytes x = true ->
  run_patch hash d p x = Some y -> is_bytes y = true /\ run_patch hash (opposite d) p y = Some x.
Proof.
  intros T X. unfold run_patch. destruct (is_base hash d p x) eqn:A; [|discriminate]. cbn [negb].
  destruct (run d (edits p) x) as [z|] eqn:E; [|discriminate].
  destruct (is_base hash (opposite d) p z) eqn:B; [|discriminate]. intros [= <-].
  apply run_back in E as [Z E]; auto. now rewrite B, E, opposite_opposite, A.
Qed.

Lemma run_file_back hash d f x y : is_bytes f = true -> is_bytes x = true ->
  run_file hash d f x = Some y -> is_bytes y = true /\ run_file hash (opposite d) f y = Some x.
Proof.
  intros F X. unfold run_file. destruct (read_patch f) as [p|] eqn:R; [|discriminate].
  apply run_patch_back; auto. apply patch_write_read in R as [_ R]; auto.
  now apply typed_patch in R.
Qed.

Theorem file_revert_after_apply : Rollback.file_revert_after_apply.
Proof. intros hash f x y F X H. now apply (run_file_back hash Forward f x y). Qed.

Theorem file_apply_after_revert : Rollback.file_apply_after_revert.
Proof. intros hash f x y F X H. now apply (run_file_back hash Backward f y x). Qed.

Lemma run_files_app hash d fs gs : forall x, run_files hash d (fs ++ gs) x =
  match run_files hash d fs x with Some y => run_files hash d gs y | None => None end.
Proof.
  induction fs as [|f fs IH]; intros x; cbn [app run_files]; [easy|].
  destruct (run_file hash d f x); auto.
Qed.

Lemma chain_back hash d fs : forall x y, forallb is_bytes fs = true -> is_bytes x = true ->
  run_files hash d fs x = Some y -> run_files hash (opposite d) (rev fs) y = Some x.
Proof.
  induction fs as [|f fs IH]; intros x y F X; cbn [run_files rev]; [congruence|].
  cbn in F. apply andb_true_iff in F as [F Fs].
  destruct (run_file hash d f x) as [z|] eqn:E; [|discriminate]. intros H.
  apply run_file_back in E as [Z E]; auto. rewrite run_files_app, (IH z y Fs Z H).
  cbn [run_files]. now rewrite E.
Qed.

Theorem chain_reverts : Rollback.chain_reverts.
Proof. intros hash fs x y F X H. now apply (chain_back hash Forward). Qed.

Theorem chain_applies : Rollback.chain_applies.
Proof.
  intros hash fs x y F Y H. rewrite <- (rev_involutive fs).
  apply (chain_back hash Backward (rev fs) y x); auto.
  rewrite forallb_forall in *. intros f I. apply F. now apply in_rev.
Qed.

(* ---- The wrong image ------------------------------------------------------------------------- *)

Lemma is_base_true hash d p x : is_base hash d p x = true <->
  size x = size_at d p /\ hash x = hash_at d p.
Proof. unfold is_base. now rewrite andb_true_iff, N.eqb_eq, same_bytes. Qed.

Lemma run_patch_some hash d p x y : run_patch hash d p x = Some y ->
  is_base hash d p x = true /\ run d (edits p) x = Some y /\ is_base hash (opposite d) p y = true.
Proof.
  unfold run_patch. destruct (is_base hash d p x); [|discriminate]. cbn [negb].
  destruct (run d (edits p) x) as [z|]; [|discriminate].
  destruct (is_base hash (opposite d) p z) eqn:B; [|discriminate]. now intros [= <-].
Qed.

Theorem wrong_base_refused : Rollback.wrong_base_refused.
Proof.
  intros hash d p x W. destruct (run_patch hash d p x) as [y|] eqn:E; [|easy].
  apply run_patch_some in E as (B & _). apply is_base_true in B. intuition.
Qed.

Lemma pair_collides hash x y : hash x = hash y -> y <> x ->
  is_collision hash (find_collision hash bytes_eqb bytes_eqb [x; y]).
Proof.
  intros E N. assert (decides_equality bytes_eqb) as D
    by exact Proofs.ledger.Collision.bytes_eqb_decides.
  apply (Proofs.ledger.Collision.collision_is_found _ _ hash _ _ D D [x; y] x y);
    cbn [In]; auto.
Qed.

Theorem wrong_base_is_collision : Rollback.wrong_base_is_collision.
Proof.
  intros hash d p made_for x y M N E. apply run_patch_some in E as (B & _).
  apply is_base_true in B as [_ B]. apply pair_collides; congruence.
Qed.

Theorem wrong_result_is_collision : Rollback.wrong_result_is_collision.
Proof.
  intros hash d p intended x y M N E. apply run_patch_some in E as (_ & _ & B).
  apply is_base_true in B as [_ B]. apply pair_collides; congruence.
Qed.
