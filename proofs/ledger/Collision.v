(* SPDX-License-Identifier: MIT *)
(* Proofs about the collision search of spec/Collision.v. *)
From Coq Require Import List NArith Bool.
From PostProof.Spec Require Collision.
Import ListNotations.
Import Spec.Collision.

Lemma bytes_eqb_decides : decides_equality bytes_eqb.
Proof.
  intros a; induction a as [|x a IH]; intros [|y b]; cbn; split; try easy.
  - intros [E%N.eqb_eq F%IH]%andb_prop. now subst.
  - intros [= -> ->]. now rewrite N.eqb_refl, (proj2 (IH b) eq_refl).
Qed.

Section Search.
Variables input digest : Type.
Variable hash : input -> digest.
Variable input_eqb : input -> input -> bool.
Variable digest_eqb : digest -> digest -> bool.
Hypothesis input_eqb_decides : decides_equality input_eqb.
Hypothesis digest_eqb_decides : decides_equality digest_eqb.

Let hashed := map (fun x => (x, hash x)).
Let partner := partner input digest input_eqb digest_eqb.
Let find := find_collision hash input_eqb digest_eqb.

Lemma test_true x y :
  digest_eqb (hash x) (hash y) && negb (input_eqb x y) = true <-> x <> y /\ hash x = hash y.
Proof.
  rewrite andb_true_iff, negb_true_iff, (digest_eqb_decides _ _).
  rewrite <- (input_eqb_decides x y). destruct (input_eqb x y); intuition congruence.
Qed.

Lemma partner_some x l y : partner x (hash x) (hashed l) = Some y -> x <> y /\ hash x = hash y.
Proof.
  induction l as [|z l IH]; cbn; [easy|].
  destruct (_ && _) eqn:T; [|apply IH]. intros [= <-]. now apply test_true.
Qed.

Lemma partner_none x l y :
  partner x (hash x) (hashed l) = None -> In y l -> hash x = hash y -> x = y.
Proof.
  induction l as [|z l IH]; cbn; [easy|].
  destruct (_ && _) eqn:T; [easy|]. intros N [->|I] E; [|now apply IH].
  destruct (input_eqb x y) eqn:F; [now apply input_eqb_decides|].
  rewrite (proj2 (digest_eqb_decides _ _) E) in T. easy.
Qed.

Lemma found l pair : find l = Some pair -> is_collision hash (Some pair).
Proof.
  unfold find, find_collision. induction l as [|x l IH]; cbn; [easy|].
  destruct (Spec.Collision.partner _ _ _ _ _ _ _) eqn:P; [|apply IH].
  intros [= <-]. exact (partner_some _ _ _ P).
Qed.

Lemma not_found l : find l = None ->
  forall x y, In x l -> In y l -> hash x = hash y -> x = y.
Proof.
  unfold find, find_collision. induction l as [|x l IH]; cbn; [easy|].
  destruct (Spec.Collision.partner _ _ _ _ _ _ _) eqn:P; [easy|].
  intros N a b [<-|A] [<-|B] E; [easy|now apply (partner_none _ _ _ P)| |now apply IH].
  symmetry. now apply (partner_none _ _ _ P).
Qed.

(* Every reduction starts here: either the search succeeds, or hash is injective on the inputs. *)
Lemma collision_or_injective l :
  is_collision hash (find l) \/ (forall x y, In x l -> In y l -> hash x = hash y -> x = y).
Proof.
  destruct (find l) as [pair|] eqn:F; [left|right; now apply not_found].
  now apply (found l).
Qed.

End Search.

Theorem found_is_collision : Spec.Collision.found_is_collision.
Proof. intros input digest hash ie de I D. now apply found. Qed.

Theorem collision_is_found : Spec.Collision.collision_is_found.
Proof.
  intros input digest hash ie de I D l x y Ix Iy N E.
  destruct (collision_or_injective _ _ hash ie de I D l) as [C|J]; [easy|].
  now destruct N; apply J.
Qed.
