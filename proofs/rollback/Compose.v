(* SPDX-License-Identifier: MIT *)
(* Proofs of the statements of spec/Rollback.v that go byte by byte: a patch between any two images,
   and two patches in one. *)
From Coq Require Import List NArith Bool Lia.
From PostProof.Spec Require Collision Encoding Rollback.
From PostProof.Proofs.rollback Require Rollback.
Import ListNotations Spec.Collision Spec.Encoding Spec.Rollback Proofs.rollback.Rollback.
Open Scope N_scope.

(* ---- Units ----------------------------------------------------------------------------------- *)

Fixpoint apply_units (us : list unit_edit) (x : bytes) : option bytes :=
  match us with
  | [] => match x with [] => Some [] | _ :: _ => None end
  | Insert b :: us => option_map (cons b) (apply_units us x)
  | Shift d :: us =>
      match x with
      | a :: x => option_map (cons (shift Forward d a)) (apply_units us x)
      | [] => None
      end
  | Delete b :: us =>
      match x with a :: x => if a =? b then apply_units us x else None | [] => None end
  end.

Lemma map_nil (o : option bytes) : option_map (app []) o = o.
Proof. now destruct o. Qed.

Lemma map_map_cons a w (o : option bytes) :
  option_map (cons a) (option_map (app w) o) = option_map (app (a :: w)) o.
Proof. now destruct o. Qed.

Lemma units_copy k delta us : forall x, apply_units (repeat (Shift delta) k ++ us) x =
  match take (N.of_nat k) x with
  | Some (a, r) => option_map (app (map (shift Forward delta) a)) (apply_units us r)
  | None => None
  end.
Proof.
  induction k as [|k IH]; intros x.
  - destruct x; cbn [repeat app take N.of_nat N.eqb map]; now rewrite map_nil.
  - rewrite Nnat.Nat2N.inj_succ. destruct x as [|a x]; cbn [repeat app apply_units take];
      destruct (N.eqb_spec (N.succ (N.of_nat k)) 0); try lia; [easy|].
    rewrite N.pred_succ, IH. destruct (take (N.of_nat k) x) as [[b r]|]; [|easy].
    apply map_map_cons.
Qed.

Lemma units_pair ds us : forall x, apply_units (map Shift ds ++ us) x =
  match take (size ds) x with
  | Some (a, r) => option_map (app (shift_each Forward ds a)) (apply_units us r)
  | None => None
  end.
Proof.
  induction ds as [|d ds IH]; intros x.
  - destruct x; cbn [map app take size length N.of_nat N.eqb shift_each]; now rewrite map_nil.
  - rewrite size_cons. destruct x as [|a x]; cbn [map app apply_units take];
      destruct (N.eqb_spec (N.succ (size ds)) 0); try lia; [easy|].
    rewrite N.pred_succ, IH. destruct (take (size ds) x) as [[b r]|]; [|easy]. apply map_map_cons.
Qed.

Lemma units_new b us : forall x, apply_units (map Insert b ++ us) x =
  option_map (app b) (apply_units us x).
Proof.
  induction b as [|a b IH]; intros x; cbn [map app apply_units]; [now rewrite map_nil|].
  rewrite IH. apply map_map_cons.
Qed.

Lemma units_old b us : forall x, apply_units (map Delete b ++ us) x =
  match skip_literal b x with Some r => apply_units us r | None => None end.
Proof.
  unfold skip_literal. induction b as [|a b IH]; intros x.
  - now destruct x.
  - rewrite size_cons. destruct x as [|c x]; cbn [map app apply_units take];
      destruct (N.eqb_spec (N.succ (size b)) 0); try lia; [easy|]. rewrite N.pred_succ, IH.
    destruct (take (size b) x) as [[f r]|]; cbn [bytes_eqb]; [|now destruct (c =? a)].
    now destruct (c =? a).
Qed.

Lemma apply_expand s : forall x, apply s x = apply_units (expand s) x.
Proof.
  unfold apply. induction s as [|o s IH]; intros x; [easy|].
  cbn [run expand flat_map]. fold (expand s).
  destruct o as [n delta|ds|b|b]; cbn [step expand_operation].
  - rewrite units_copy, Nnat.N2Nat.id. destruct (take n x) as [[a r]|]; [|easy]. rewrite IH.
    now destruct (apply_units (expand s) r).
  - rewrite units_pair. destruct (take _ x) as [[a r]|]; [|easy]. rewrite IH.
    now destruct (apply_units (expand s) r).
  - rewrite units_new, IH. now destruct (apply_units (expand s) x).
  - rewrite units_old. destruct (skip_literal b x) as [r|]; [|easy]. rewrite IH.
    now destruct (apply_units (expand s) r).
Qed.

Lemma expand_add u s : expand (add_unit u s) = u :: expand s.
Proof.
  destruct u as [d|b|b], s as [|[n e|ds|l|l] s]; cbn [add_unit]; try easy;
    try (destruct (N.eqb_spec d 0) as [->|]; easy).
  destruct (N.eqb_spec d e) as [->|]; [|destruct (N.eqb_spec d 0) as [->|]; easy].
  cbn [expand flat_map expand_operation]. now rewrite N.add_1_r, Nnat.N2Nat.inj_succ.
Qed.

Lemma expand_coalesce us : expand (coalesce us) = us.
Proof.
  induction us as [|u us IH]; [easy|]. cbn [coalesce fold_right]. fold (coalesce us).
  now rewrite expand_add, IH.
Qed.

Lemma apply_coalesce us x : apply (coalesce us) x = apply_units us x.
Proof. now rewrite apply_expand, expand_coalesce. Qed.

(* ---- Lengths of what was made from units ----------------------------------------------------- *)

Definition unit_is_typed (u : unit_edit) : bool :=
  match u with Shift x | Insert x | Delete x => x <? 256 end.

(* Typed but for the upper bound of the lengths. *)
Definition operation_is_loose (o : operation) : bool :=
  match o with
  | Copy n d => negb (n =? 0) && (d <? 256)
  | Pair b | New b | Old b => negb (size b =? 0) && is_bytes b
  end.

Lemma loose_one x : x <? 256 = true -> negb (size [x] =? 0) && is_bytes [x] = true.
Proof. intros E. unfold is_bytes. cbn [forallb]. now rewrite E. Qed.

Lemma loose_more x b : x <? 256 = true -> is_bytes b = true ->
  negb (size (x :: b) =? 0) && is_bytes (x :: b) = true.
Proof.
  intros E B. unfold is_bytes in *. cbn [forallb]. rewrite E, B, size_cons.
  destruct (N.eqb_spec (N.succ (size b)) 0); [lia|easy].
Qed.

Lemma add_loose u s : unit_is_typed u = true -> forallb operation_is_loose s = true ->
  forallb operation_is_loose (add_unit u s) = true.
Proof.
  destruct u as [d|b|b]; cbn [unit_is_typed]; intros U S.
  - destruct s as [|[n e|ds|l|l] s]; cbn [add_unit];
      [|destruct (N.eqb_spec d e) as [->|]| | |]; try destruct (d =? 0) eqn:Z;
      cbn [forallb operation_is_loose] in *; rewrite ?loose_one, ?S by easy; try easy.
    + rewrite !andb_true_iff in *. destruct S as [[S ?] ?]. repeat split; auto.
      apply negb_true_iff, N.eqb_neq. lia.
    + rewrite !andb_true_iff in S. destruct S as [[] ->]. now rewrite loose_more.
  - destruct s as [|[n e|ds|l|l] s]; cbn [add_unit forallb operation_is_loose] in *;
      rewrite ?loose_one, ?S by easy; try easy.
    rewrite !andb_true_iff in S. destruct S as [[] ->]. now rewrite loose_more.
  - destruct s as [|[n e|ds|l|l] s]; cbn [add_unit forallb operation_is_loose] in *;
      rewrite ?loose_one, ?S by easy; try easy.
    rewrite !andb_true_iff in S. destruct S as [[] ->]. now rewrite loose_more.
Qed.

Lemma coalesce_loose us : forallb unit_is_typed us = true ->
  forallb operation_is_loose (coalesce us) = true.
Proof.
  induction us as [|u us IH]; [easy|]. cbn [forallb coalesce fold_right]. fold (coalesce us).
  rewrite andb_true_iff. intros []. apply add_loose; auto.
Qed.

(* An operation is no longer than the larger image. *)
Lemma loose_typed s : forallb operation_is_loose s = true ->
  source_size Forward s < 2 ^ 64 -> source_size Backward s < 2 ^ 64 -> script_is_typed s = true.
Proof.
  unfold source_size. induction s as [|o s IH]; [easy|]. rewrite typed_cons.
  cbn [forallb map fold_right]. rewrite andb_true_iff. intros [O S] F B.
  split; [|apply IH; auto; lia].
  destruct o as [n e|ds|l|l]; cbn [operation_is_loose operation_is_typed operation_size] in *;
    apply andb_true_iff in O as [Z ->]; apply negb_true_iff, N.eqb_neq in Z;
    rewrite andb_true_r; apply is_length_spec; split; auto; lia.
Qed.

Lemma units_typed s : script_is_typed s = true -> forallb unit_is_typed (expand s) = true.
Proof.
  induction s as [|o s IH]; [easy|]. rewrite typed_cons. intros [O S].
  cbn [expand flat_map]. rewrite forallb_app. fold (expand s). rewrite IH, andb_true_r by easy.
  destruct o as [n e|ds|l|l]; cbn [operation_is_typed expand_operation] in *;
    apply andb_true_iff in O as [_ O].
  - induction (N.to_nat n); cbn; [easy|]. now rewrite O.
  - unfold is_bytes in O. rewrite forallb_forall in *. intros u (x & <- & I)%in_map_iff.
    now apply O.
  - unfold is_bytes in O. rewrite forallb_forall in *. intros u (x & <- & I)%in_map_iff.
    now apply O.
  - unfold is_bytes in O. rewrite forallb_forall in *. intros u (x & <- & I)%in_map_iff.
    now apply O.
Qed.

(* ---- Composition ----------------------------------------------------------------------------- *)

Lemma shift_shift d e a : shift Forward e (shift Forward d a) = shift Forward ((d + e) mod 256) a.
Proof.
  cbn. rewrite N.add_mod_idemp_l, N.add_mod_idemp_r by lia. f_equal. lia.
Qed.

Lemma mod_typed x : (x mod 256 <? 256) = true.
Proof. apply N.ltb_lt, N.mod_lt. lia. Qed.

Lemma compose_units_ok us : forall vs x y z,
  forallb unit_is_typed us = true -> forallb unit_is_typed vs = true -> is_bytes x = true ->
  apply_units us x = Some y -> apply_units vs y = Some z ->
  exists ws, compose_units us vs = Some ws /\ apply_units ws x = Some z /\
    forallb unit_is_typed ws = true.
Proof.
  induction us as [|[d|a|a] us IH]; cbn [apply_units forallb unit_is_typed].
  - intros vs [|] y z _ T _ H; [injection H as <-|discriminate]. revert z T.
    induction vs as [|[e|b|b] vs IV]; cbn [apply_units forallb]; intros z T H; try discriminate.
    + injection H as <-. now exists [].
    + apply andb_true_iff in T as [Tb T]. destruct (apply_units vs []) eqn:E; [|discriminate].
      destruct (IV _ T eq_refl) as (ws & A & B & C). cbn in A |- *. rewrite A.
      eexists; split; [easy|]. cbn [apply_units forallb]. now rewrite B, C, Tb.
  - intros vs [|c x] y z Tu T X H; [discriminate|].
    apply andb_true_iff in Tu as [Td Tu]. apply is_bytes_cons in X as [Cx X].
    destruct (apply_units us x) as [y'|] eqn:E; [|discriminate].
    injection H as <-. revert z T.
    induction vs as [|[e|b|b] vs IV]; cbn [apply_units forallb unit_is_typed]; intros z T H;
      try discriminate; apply andb_true_iff in T as [Tb T].
    + destruct (apply_units vs y') eqn:F; [|discriminate].
      destruct (IH _ _ _ _ Tu T X E F) as (ws & A & B & C). cbn [compose_units]. rewrite A.
      eexists; split; [easy|]. cbn [apply_units forallb unit_is_typed].
      rewrite B, C, mod_typed, <- shift_shift. easy.
    + destruct (apply_units vs _) eqn:F; [|discriminate].
      destruct (IV _ T eq_refl) as (ws & A & B & C). cbn [compose_units] in *. rewrite A.
      eexists; split; [easy|]. cbn [apply_units forallb unit_is_typed]. cbn [apply_units] in B.
      now rewrite B, C, Tb.
    + change ((c + d) mod 256) with (shift Forward d c) in H.
      destruct (N.eqb_spec (shift Forward d c) b) as [<-|]; [|discriminate].
      destruct (IH _ _ _ _ Tu T X E H) as (ws & A & B & C). cbn [compose_units]. rewrite A.
      eexists; split; [easy|]. cbn [apply_units forallb unit_is_typed].
      apply N.ltb_lt in Td. generalize (shift_back Forward d c Td Cx). cbn [opposite]. intros ->.
      rewrite N.eqb_refl. apply N.ltb_lt in Cx. now rewrite B, C, Cx.
  - intros vs x y z Tu T X H. apply andb_true_iff in Tu as [Ta Tu].
    destruct (apply_units us x) as [y'|] eqn:E; [|discriminate]. injection H as <-. revert z T.
    induction vs as [|[e|b|b] vs IV]; cbn [apply_units forallb unit_is_typed]; intros z T H;
      try discriminate; apply andb_true_iff in T as [Tb T].
    + destruct (apply_units vs y') eqn:F; [|discriminate].
      destruct (IH _ _ _ _ Tu T X E F) as (ws & A & B & C). cbn [compose_units]. rewrite A.
      eexists; split; [easy|]. cbn [apply_units forallb unit_is_typed]. rewrite B, C.
      split; [easy|]. cbn. now rewrite mod_typed.
    + destruct (apply_units vs _) eqn:F; [|discriminate].
      destruct (IV _ T eq_refl) as (ws & A & B & C). cbn [compose_units] in *. rewrite A.
      eexists; split; [easy|]. cbn [apply_units forallb unit_is_typed]. now rewrite B, C, Tb.
    + cbn [compose_units]. destruct (a =? b); [|discriminate]. apply (IH vs x y' z); auto.
  - intros vs [|c x] y z Tu T X H G; [discriminate|].
    apply andb_true_iff in Tu as [Ta Tu]. apply is_bytes_cons in X as [Cx X].
    destruct (N.eqb_spec c a) as [->|]; [|discriminate].
    destruct (IH _ _ _ _ Tu T X H G) as (ws & A & B & C). cbn [compose_units]. rewrite A.
    eexists; split; [easy|]. cbn [apply_units forallb unit_is_typed].
    now rewrite N.eqb_refl, B, C, Ta.
Qed.

Theorem composition : Rollback.composition.
Proof.
  intros hash p q a b c Tp Tq A La Lc P Q.
  apply run_patch_some in P as (Ba & P & Bb), Q as (_ & Q & Bc).
  change (apply (edits p) a = Some b) in P. change (apply (edits q) b = Some c) in Q.
  rewrite apply_expand in P, Q.
  destruct (compose_units_ok _ _ _ _ _ (units_typed _ Tp) (units_typed _ Tq) A P Q)
    as (ws & W & R & T).
  rewrite <- apply_coalesce in R. unfold compose, compose_scripts. rewrite W.
  eexists; split; [reflexivity|]. cbn [edits].
  destruct (sizes_from_script _ _ _ _ R) as [S1 S2]. cbn [opposite] in S2.
  assert (script_is_typed (coalesce ws) = true) as Ts
    by (apply loose_typed; [now apply coalesce_loose|congruence|congruence]).
  split; [easy|]. cut (apply_patch hash
    (Patch (old_size p) (new_size q) (old_hash p) (new_hash q) (coalesce ws)) a = Some c).
  { intros H. split; [easy|]. now apply (run_patch_back hash Forward _ a c). }
  apply is_base_true in Ba, Bc. unfold apply_patch, run_patch.
  replace (is_base _ _ _ a) with true by (symmetry; now apply is_base_true).
  cbn [negb edits]. unfold apply in R. rewrite R.
  now replace (is_base _ _ _ c) with true by (symmetry; now apply is_base_true).
Qed.

(* ---- A patch between any two images ---------------------------------------------------------- *)

Lemma units_between_ok x : forall y, is_bytes x = true -> is_bytes y = true ->
  apply_units (units_between x y) x = Some y /\
  forallb unit_is_typed (units_between x y) = true /\
  size x + size y >= N.of_nat (length (units_between x y)).
Proof.
  induction x as [|a x IH].
  - intros y _. induction y as [|b y IY]; [easy|]. rewrite is_bytes_cons. intros [B Y].
    destruct (IY Y) as (U & V & L). destruct y as [|c y].
    + apply N.ltb_lt in B. cbn. now rewrite B.
    + cbn [units_between map apply_units forallb unit_is_typed length] in *. apply N.ltb_lt in B.
      rewrite U, V, B. rewrite !size_cons in *. unfold size in *. cbn [length] in L.
      repeat split. lia.
  - intros y X. generalize X. rewrite is_bytes_cons. intros [A X'] Y. destruct y as [|b y].
    + clear - X. cbn [units_between]. induction (a :: x) as [|c r IR]; [easy|].
      apply is_bytes_cons in X as [C X]. destruct (IR X) as (U & V & L).
      cbn [map apply_units forallb unit_is_typed length]. apply N.ltb_lt in C.
      rewrite N.eqb_refl, U, V, C. rewrite size_cons. repeat split. lia.
    + apply is_bytes_cons in Y as [B Y]. destruct (IH y X' Y) as (U & V & L).
      cbn [units_between apply_units forallb unit_is_typed length].
      rewrite U, V, mod_typed, !size_cons. repeat split; [|lia].
      cbn [shift option_map]. rewrite N.add_mod_idemp_r by lia.
      replace (a + (b + (256 - a))) with (b + 1 * 256) by lia.
      now rewrite N.mod_add, N.mod_small by lia.
Qed.

Lemma coalesce_shorter us : (length (coalesce us) <= length us)%nat.
Proof.
  induction us as [|u us IH]; [easy|]. cbn [coalesce fold_right length]. fold (coalesce us).
  enough (length (add_unit u (coalesce us)) <= S (length (coalesce us)))%nat by lia.
  destruct u, (coalesce us) as [|[] s]; cbn [add_unit length]; try lia;
    repeat match goal with |- context [if ?c then _ else _] => destruct c end; cbn [length]; lia.
Qed.

Lemma control_size tag delta n : size (control_of tag delta n) = 10.
Proof. unfold control_of. now rewrite size_app, put_size. Qed.

Lemma streams_sizes s : let st := write_script s in
  size (control st) = 10 * N.of_nat (length s) /\
  size (deltas st) <= source_size Forward s /\
  size (new_literals st) <= source_size Backward s /\
  size (old_literals st) <= source_size Forward s.
Proof.
  unfold source_size. induction s as [|o s IH]; [easy|].
  cbn [write_script fold_right map length] in *.
  fold (write_script s) in *. destruct (write_script s) as [c d n l].
  cbn [control deltas new_literals old_literals] in IH.
  destruct o as [k e|b|b|b];
    cbn [write_operation control deltas new_literals old_literals operation_size];
    rewrite !size_app, ?control_size; lia.
Qed.

Lemma control_bytes tag delta n : tag < 256 -> delta < 256 ->
  is_bytes (control_of tag delta n) = true.
Proof.
  intros T D. unfold control_of. apply is_bytes_app. split; [|apply put_bytes].
  now rewrite !is_bytes_cons.
Qed.

Lemma streams_bytes s : script_is_typed s = true -> let st := write_script s in
  is_bytes (control st ++ deltas st ++ new_literals st ++ old_literals st) = true.
Proof.
  cbn zeta. induction s as [|o s IH]; [easy|]. rewrite typed_cons. intros [O S].
  specialize (IH S). cbn [write_script fold_right]. fold (write_script s).
  destruct (write_script s) as [c d n l]. cbn [control deltas new_literals old_literals] in IH.
  rewrite !is_bytes_app in IH.
  destruct o as [k e|b|b|b]; cbn [operation_is_typed] in O; apply andb_true_iff in O as [_ O];
    cbn [write_operation control deltas new_literals old_literals]; rewrite !is_bytes_app;
    rewrite ?N.ltb_lt in O; rewrite control_bytes by (auto; lia); intuition.
Qed.

Lemma write_patch_bytes p : patch_is_typed p = true -> is_bytes (write_patch p) = true.
Proof.
  intros T. apply typed_patch in T as (_ & _ & H1 & H2 & S & _).
  apply is_array_spec in H1 as [_ H1], H2 as [_ H2]. apply streams_bytes in S. cbn zeta in S.
  unfold write_patch. rewrite !is_bytes_app in *. repeat split; auto using put_bytes; apply S.
Qed.

Theorem patch_exists : Rollback.patch_exists.
Proof.
  intros hash x y H X Y Lx Ly file.
  destruct (units_between_ok x y X Y) as (U & V & L).
  assert (apply (script_between x y) x = Some y) as A by now rewrite <- U, <- apply_coalesce.
  destruct (sizes_from_script _ _ _ _ A) as [S1 S2]. cbn [opposite] in S2.
  assert (script_is_typed (script_between x y) = true) as T
    by (apply loose_typed; [now apply coalesce_loose|lia|lia]).
  destruct (streams_sizes (script_between x y)) as (C & D & N & O).
  assert (N.of_nat (length (script_between x y)) <= size x + size y) as K
    by (generalize (coalesce_shorter (units_between x y)); unfold script_between; lia).
  assert (patch_is_typed (patch_between hash x y) = true) as P.
  { apply typed_patch. cbn [patch_between old_size new_size old_hash new_hash edits].
    repeat split; auto; try apply H; lia. }
  assert (is_bytes file = true) as F by now apply write_patch_bytes.
  cut (apply_file hash file x = Some y);
    [intros E; repeat split; auto; now apply file_revert_after_apply|].
  unfold apply_file, run_file, file. rewrite (patch_read_write _ P).
  assert (is_base hash Forward (patch_between hash x y) x = true) as I1
    by (rewrite is_base_true; split; reflexivity).
  assert (is_base hash Backward (patch_between hash x y) y = true) as I2
    by (rewrite is_base_true; split; reflexivity).
  unfold run_patch. rewrite I1. cbn [negb opposite].
  change (run Forward (edits _) x) with (apply (script_between x y) x). rewrite A.
  now rewrite I2.
Qed.
