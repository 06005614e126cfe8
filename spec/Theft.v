(* SPDX-License-Identifier: MIT *)
(* The ratchet and the ledger together: what a thief of the state of epoch n can do to what was sealed
   in epochs before n (Ratchet.v alone speaks of keys, Ledger.v alone of logs under any keys).

   The thief sees the honest log and the ratchet's state, and makes a log.  It wins when the auditor
   accepts that log although it differs from the honest one somewhere up to the n-th seal.  The
   theorem: how often it wins against the real ratchet exceeds how often it wins when the past keys
   are drawn at random by no more than the advantages of the explicit distinguishers of Ratchet.v;
   and each single win, against whatever keys, yields a forgery under a key of a past epoch or a hash
   collision, computed by the functions of Ledger.v.  So against keys drawn at random, which nothing
   that the thief sees depends on but the MACs in the honest log, a win is a forgery or a collision.

   Not covered: as in Ratchet.v; that HMAC cannot be forged under a random key and that SHA-256 has
   no collisions that can be found. *)
From Coq Require Import List NArith QArith Bool.
From PostProof.Spec Require Collision Merkle Encoding Ledger Ratchet.
Import ListNotations Spec.Collision Spec.Encoding Spec.Ledger.

Definition frame_eqb (f g : frame) : bool :=
  match f, g with
  | EntryFrame c t, EntryFrame d u => bytes_eqb c d && bytes_eqb t u
  | SealFrame c, SealFrame d => bytes_eqb c d
  | HeaderFrame c, HeaderFrame d => bytes_eqb c d
  | _, _ => false
  end.

Fixpoint log_eqb (l m : log) : bool :=
  match l, m with
  | [], [] => true
  | f :: l, g :: m => frame_eqb f g && log_eqb l m
  | _, _ => false
  end.

Section Theft.
Variable secret : Type.
Variable expand : secret -> Ratchet.label -> secret. (* HKDF-Expand *)
Variable mac : secret -> bytes -> bytes.             (* HMAC-SHA-256 *)
Variable hash : Merkle.input bytes -> bytes.         (* SHA-256 *)
Variable ledger_id : bytes.
Variable n : nat.                                    (* the epoch of the theft *)

(* The keys of epoch e: of a past one from the list, of a later one from the state of epoch n. *)
Definition keys_at (past : list (Ratchet.keys secret)) (o i : secret) (e : N)
  : Ratchet.keys secret :=
  let state := Ratchet.Ratchet secret (N.of_nat n) o i in
  nth (N.to_nat e) past
      (Ratchet.epoch_keys secret expand
         (Nat.iter (N.to_nat e - n) (Ratchet.pp_ratchet_step secret expand) state)).

Definition tag_key past o i (e : N) : secret := fst (keys_at past o i e).
Definition seal_key past o i (e : N) : secret := snd (keys_at past o i e).

(* The honest writer's log up to the theft, for the keys it was given; what the thief makes of it. *)
Variable honest : (N -> secret) -> (N -> secret) -> log.
Variable thief : log -> secret -> secret -> log.

Definition honest_log past o i : log := honest (tag_key past o i) (seal_key past o i).
Definition stolen_log past o i : log := thief (honest_log past o i) o i.
Definition accepted past o i (l : log) : bool :=
  accept secret mac (tag_key past o i) (seal_key past o i) hash ledger_id l.

(* The honest log is one, with n seals; the thief's has as many, is accepted, and differs there. *)
Definition wins : Ratchet.adversary secret := fun past o i =>
  let h := honest_log past o i in
  let l := stolen_log past o i in
  accepted past o i h && (length (seals_of h) =? n)%nat &&
  accepted past o i l && (n <=? length (seals_of l))%nat &&
  negb (log_eqb (until_seal n l) (until_seal n h)).

(* What is computed from a win. *)
Definition win_is_broken past o i : Prop :=
  is_broken_before secret mac (seal_key past o i) hash (N.of_nat n)
    (stamps_of (until_seal n (honest_log past o i))) (until_seal n (stolen_log past o i)).

End Theft.

(* ---- Statements ----------------------------------------------------------------------------- *)

(* The test for a difference is exact. *)
Definition difference_is_seen : Prop := decides_equality log_eqb.

(* Given the ratchet's own past keys and state, the keys are the ratchet's, in every epoch. *)
Definition keys_are_the_ratchets : Prop :=
  forall secret expand (seed : secret) n e,
    let r := Ratchet.ratchet_at secret expand seed n in
    keys_at secret expand n (Ratchet.past_keys secret expand seed n)
            (Ratchet.outer secret r) (Ratchet.inner secret r) e =
    Ratchet.epoch_keys secret expand (Ratchet.ratchet_at secret expand seed (N.to_nat e)).

(* Each win, whatever the past keys are, is a forgery under a key of a past epoch, or a collision. *)
Definition win_breaks : Prop :=
  forall secret expand mac hash ledger_id n honest thief past (o i : secret),
    wins secret expand mac hash ledger_id n honest thief past o i = true ->
    win_is_broken secret expand mac hash n honest thief past o i.

(* The main theorem, as said at the top.  `ideal_game` counts wins against random past keys. *)
Definition theft_is_bounded : Prop :=
  forall secret expand (secrets : list secret) mac hash ledger_id n honest thief, secrets <> [] ->
    let A := wins secret expand mac hash ledger_id n honest thief in
    (Ratchet.real_game secret expand secrets A n <=
     Ratchet.ideal_game secret secrets A n +
     Ratchet.advantages secret expand secrets A [] (Ratchet.program n))%Q.
