(* SPDX-License-Identifier: MIT *)
(* The key ratchet of src/ledger/ratchet.c (docs/format/ledger.md section 7), and its forward
   security as a hybrid argument by counting.

   Someone who steals the state of epoch e should learn nothing about the keys of epochs before e.
   The theorem is: however an adversary tells those past keys from keys drawn at random, given the
   present state, its advantage is at most the sum of the advantages of explicit distinguishers, one
   for each step of the ratchet, that tell one application of HKDF-Expand to a random secret from
   random bytes.  Probabilities are averages over the finite list of all secrets, in exact rational
   numbers; nothing is assumed about HKDF-Expand.

   Not covered: that HKDF-Expand has no good distinguisher (it is assumption A2 of ARCHITECTURE.md;
   each distinguisher runs the adversary once and at most all later steps, but running time is not
   modelled), keys of epochs from e on, whether old secrets are really erased from memory and disk
   (A4), and the auditor's verify.key, which holds the seed. *)
From Coq Require Import List NArith QArith Qabs Bool.
Import ListNotations.

(* The info strings "postproof v1 outer", "... inner", "... next", "... tag", "... seal". *)
Inductive label : Type := OuterLabel | InnerLabel | NextLabel | TagLabel | SealLabel.

Section Ratchet.
Variable secret : Type.
Variable expand : secret -> label -> secret.         (* HKDF-Expand of a secret under a label *)

(* ---- The C ---------------------------------------------------------------------------------- *)

Record ratchet := Ratchet { epoch : N; outer : secret; inner : secret }.

Definition epochs_per_block : N := 4096.

Definition enter_block (e : N) (o : secret) : ratchet :=
  Ratchet e (expand o OuterLabel) (expand o InnerLabel).

Definition pp_ratchet_init (seed : secret) : ratchet := enter_block 0 seed.

Definition pp_ratchet_step (r : ratchet) : ratchet :=
  let e := (epoch r + 1)%N in
  if (e mod epochs_per_block =? 0)%N then enter_block e (outer r)
  else Ratchet e (outer r) (expand (inner r) NextLabel).

(* The state after n steps. *)
Definition ratchet_at (seed : secret) (n : nat) : ratchet :=
  Nat.iter n pp_ratchet_step (pp_ratchet_init seed).

(* The first loop of pp_ratchet_forward skips `blocks` block ends, the second makes single steps. *)
Definition skip_block (r : ratchet) : ratchet :=
  enter_block ((epoch r / epochs_per_block + 1) * epochs_per_block)%N (outer r).

(* None is PP_ERROR_ARGUMENT. *)
Definition pp_ratchet_forward (r : ratchet) (target : N) : option ratchet :=
  if (target <? epoch r)%N then None
  else
    let blocks := (target / epochs_per_block - epoch r / epochs_per_block)%N in
    let r := N.iter blocks skip_block r in
    Some (N.iter (target - epoch r)%N pp_ratchet_step r).

(* The tag key and the seal key of an epoch: pp_epoch_keys_init. *)
Definition keys : Type := (secret * secret)%type.
Definition epoch_keys (r : ratchet) : keys :=
  (expand (inner r) TagLabel, expand (inner r) SealLabel).

(* ---- Averages ------------------------------------------------------------------------------- *)

Variable secrets : list secret.                      (* all of them, each as often as it is drawn *)

Fixpoint sum {A} (f : A -> Q) (l : list A) : Q :=
  match l with [] => 0 | x :: l => f x + sum f l end.

(* The average of f over a random secret. *)
Definition mean (f : secret -> Q) : Q := sum f secrets / inject_Z (Z.of_nat (length secrets)).

(* The probability that a test with a fixed outcome is passed. *)
Definition bit (b : bool) : Q := if b then 1 else 0.

(* ---- The two games -------------------------------------------------------------------------- *)

(* The adversary sees the keys of all past epochs and the present state, and says yes or no. *)
Definition adversary : Type := list keys -> secret -> secret -> bool.
Variable A : adversary.

Definition past_keys (seed : secret) (n : nat) : list keys :=
  map (fun i => epoch_keys (ratchet_at seed i)) (seq 0 n).

(* How often it says yes to what the ratchet yields from a random seed, at epoch n. *)
Definition real_game (n : nat) : Q :=
  mean (fun seed => let r := ratchet_at seed n in
                    bit (A (past_keys seed n) (outer r) (inner r))).

(* How often it says yes to keys and a state that were all drawn at random. *)
Fixpoint ideal_from (n : nat) (past : list keys) : Q :=
  match n with
  | O => mean (fun o => mean (fun i => bit (A past o i)))
  | S n => mean (fun t => mean (fun s => ideal_from n (past ++ [(t, s)])))
  end.
Definition ideal_game (n : nat) : Q := ideal_from n [].

(* ---- The steps between the games ------------------------------------------------------------- *)

(* The ratchet as a program: Use makes an epoch's keys and the next inner secret from the inner
   secret; Enter makes the next outer and the first inner secret of a block from the outer one. *)
Inductive instruction : Type := Use | Enter.

Fixpoint program (n : nat) : list instruction :=
  match n with
  | O => [Enter]
  | S m => program m ++ Use :: if (N.of_nat n mod epochs_per_block =? 0)%N then [Enter] else []
  end.

Fixpoint finish (p : list instruction) (past : list keys) (o i : secret) : bool :=
  match p with
  | [] => A past o i
  | Use :: p =>
      finish p (past ++ [(expand i TagLabel, expand i SealLabel)]) o (expand i NextLabel)
  | Enter :: p => finish p past (expand o OuterLabel) (expand o InnerLabel)
  end.

(* The average of f over past keys that are drawn at random for the instructions done. *)
Fixpoint draw (done : list instruction) (f : list keys -> Q) (past : list keys) : Q :=
  match done with
  | [] => f past
  | Use :: done => mean (fun t => mean (fun s => draw done f (past ++ [(t, s)])))
  | Enter :: done => draw done f past
  end.

(* The distinguishers.  Each gets what one secret was expanded to, or random secrets in its place,
   runs the rest of the program on it, and says what the adversary says.  Its own coins are the past
   keys and, for Use, the outer secret. *)
Definition use_distinguisher (rest : list instruction) (past : list keys) (o : secret)
                             (t s next : secret) : bool := finish rest (past ++ [(t, s)]) o next.
Definition enter_distinguisher (rest : list instruction) (past : list keys) (o i : secret) : bool :=
  finish rest past o i.

(* The advantage of any distinguisher D with coins c against one expansion of a random secret k:
   to the three values of an epoch, or to the two of a block. *)
Definition use_advantage {C} (coins : (C -> Q) -> Q) (D : C -> secret -> secret -> secret -> bool)
  : Q :=
  Qabs (coins (fun c => mean (fun k =>
          bit (D c (expand k TagLabel) (expand k SealLabel) (expand k NextLabel)))) -
        coins (fun c => mean (fun t => mean (fun s => mean (fun n => bit (D c t s n)))))).

Definition enter_advantage {C} (coins : (C -> Q) -> Q) (D : C -> secret -> secret -> bool) : Q :=
  Qabs (coins (fun c => mean (fun k => bit (D c (expand k OuterLabel) (expand k InnerLabel)))) -
        coins (fun c => mean (fun o => mean (fun i => bit (D c o i))))).

(* The sum of the advantages of all distinguishers, one for each instruction of the program. *)
Fixpoint advantages (done rest : list instruction) : Q :=
  match rest with
  | [] => 0
  | Use :: rest =>
      use_advantage (fun f => draw done (fun past => mean (fun o => f (past, o))) [])
                    (fun c => use_distinguisher rest (fst c) (snd c)) +
      advantages (done ++ [Use]) rest
  | Enter :: rest =>
      enter_advantage (fun f => draw done f []) (enter_distinguisher rest) +
      advantages (done ++ [Enter]) rest
  end.

End Ratchet.

(* ---- Statements ----------------------------------------------------------------------------- *)

(* Forward security, as said at the top: for an adversary at epoch n. *)
Definition forward_secure : Prop :=
  forall secret expand (secrets : list secret) (A : adversary secret) n, secrets <> [] ->
    Qabs (real_game secret expand secrets A n - ideal_game secret secrets A n) <=
    advantages secret expand secrets A [] (program n).

(* The number of distinguishers: one for each epoch, and one for each block entered. *)
Definition distinguisher_count : Prop :=
  forall n, N.of_nat (length (program n)) = (N.of_nat n + N.of_nat n / epochs_per_block + 1)%N.

(* Skipping over blocks leads to the same state as single steps; going back is refused. *)
Definition forward_is_steps : Prop :=
  forall secret expand (seed : secret) n target,
    pp_ratchet_forward secret expand (ratchet_at secret expand seed n) target =
    if (target <? N.of_nat n)%N then None
    else Some (ratchet_at secret expand seed (N.to_nat target)).

(* The state of epoch n says that it is, and epochs are counted by the steps. *)
Definition ratchet_epoch : Prop :=
  forall secret expand (seed : secret) n,
    epoch secret (ratchet_at secret expand seed n) = N.of_nat n.
