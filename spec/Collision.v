(* SPDX-License-Identifier: MIT *)
(* Looking for a hash collision among the inputs of two computations: the reductions of Merkle.v and
   Bundle.v are this one function, applied to what honest party and forger have hashed. *)
From Coq Require Import List NArith Bool.
Import ListNotations.

Definition bytes := list N.

Fixpoint bytes_eqb (a b : bytes) : bool :=
  match a, b with
  | [], [] => true
  | x :: a', y :: b' => N.eqb x y && bytes_eqb a' b'
  | _, _ => false
  end.

(* A test that answers true exactly for equal values. *)
Definition decides_equality {A : Type} (eqb : A -> A -> bool) : Prop :=
  forall a b, eqb a b = true <-> a = b.

Section Search.
Variables input digest : Type.
Variable hash : input -> digest.
Variable input_eqb : input -> input -> bool.
Variable digest_eqb : digest -> digest -> bool.

(* The first of the hashed inputs that differs from x but has its digest. *)
Fixpoint partner (x : input) (digest_of_x : digest) (hashed : list (input * digest))
  : option input :=
  match hashed with
  | [] => None
  | (y, d) :: rest =>
      if digest_eqb digest_of_x d && negb (input_eqb x y) then Some y
      else partner x digest_of_x rest
  end.

Fixpoint find_pair (hashed : list (input * digest)) : option (input * input) :=
  match hashed with
  | [] => None
  | (x, d) :: rest =>
      match partner x d rest with
      | Some y => Some (x, y)
      | None => find_pair rest
      end
  end.

Definition find_collision (inputs : list input) : option (input * input) :=
  find_pair (map (fun x => (x, hash x)) inputs).

(* What was found is a collision: two different inputs with the same hash. *)
Definition is_collision (found : option (input * input)) : Prop :=
  match found with
  | Some (x, y) => x <> y /\ hash x = hash y
  | None => False
  end.

End Search.

Arguments find_collision {input digest}.
Arguments is_collision {input digest}.

(* The search returns nothing that is not a collision. *)
Definition found_is_collision : Prop :=
  forall (input digest : Type) (hash : input -> digest) input_eqb digest_eqb,
    decides_equality input_eqb -> decides_equality digest_eqb ->
    forall inputs pair,
      find_collision hash input_eqb digest_eqb inputs = Some pair ->
      is_collision hash (Some pair).

(* The search misses none. *)
Definition collision_is_found : Prop :=
  forall (input digest : Type) (hash : input -> digest) input_eqb digest_eqb,
    decides_equality input_eqb -> decides_equality digest_eqb ->
    forall inputs x y,
      In x inputs -> In y inputs -> x <> y -> hash x = hash y ->
      is_collision hash (find_collision hash input_eqb digest_eqb inputs).
