(* SPDX-License-Identifier: MIT *)
(* The verifier of a whole ledger (src/ledger/segment_check.c, with the auditor's seed), and what it
   means that it accepts one: docs/format/ledger.md sections 4 to 7 and 9.

   A log is the sequence of entry and seal frames of all segments, from seq 0 and epoch 0 on.  The C
   makes more checks (segment headers, torn bytes, index files, the place of recovery and rotation
   seals): what passes those and is accepted there is accepted here, so that what follows from
   acceptance here follows there.  Left out: ledgers whose first segments are pruned, and how a
   verdict other than OK is chosen. *)
From Coq Require Import List NArith Bool.
From PostProof.Spec Require Collision Merkle Encoding.
Import ListNotations Spec.Collision Spec.Encoding.
Open Scope N_scope.

Definition log := list frame.

(* ---- What a log holds ----------------------------------------------------------------------- *)

Fixpoint entries_of (l : log) : list bytes :=
  match l with
  | [] => []
  | EntryFrame c _ :: l => c :: entries_of l
  | _ :: l => entries_of l
  end.

Fixpoint seals_of (l : log) : list bytes :=
  match l with
  | [] => []
  | SealFrame c :: l => c :: seals_of l
  | _ :: l => seals_of l
  end.

(* The first seal has epoch 0, the next ones 1, 2, ... *)
Fixpoint number {A} (first : N) (l : list A) : list (N * A) :=
  match l with
  | [] => []
  | x :: l => (first, x) :: number (first + 1) l
  end.

(* The log up to and with its n-th seal. *)
Fixpoint until_seal (n : nat) (l : log) : log :=
  match n, l with
  | O, _ | _, [] => []
  | S m, SealFrame c :: l => SealFrame c :: until_seal m l
  | S _, f :: l => f :: until_seal n l
  end.

(* "postproof-seal-1" and "postproof-head-1" *)
Definition seal_domain : bytes :=
  [112; 111; 115; 116; 112; 114; 111; 111; 102; 45; 115; 101; 97; 108; 45; 49].
Definition head_domain : bytes :=
  [112; 111; 115; 116; 112; 114; 111; 111; 102; 45; 104; 101; 97; 100; 45; 49].

(* What the MAC of a seal covers, and the MAC. *)
Definition covered (content : bytes) : bytes := firstn 194 content.
Definition mac_part (content : bytes) : bytes := skipn 194 content.

Section Verifier.
Variable key : Type.
Variable mac : key -> bytes -> bytes.                (* HMAC-SHA-256 *)
Variables tag_key seal_key : N -> key.               (* the two keys of an epoch *)
Variable hash : Merkle.input bytes -> bytes.         (* SHA-256 *)
Variable ledger_id : bytes.                          (* the log id of the ledger in hand *)

Definition root (entries : list bytes) : bytes := Merkle.root bytes hash entries.
Definition count (entries : list bytes) : N := N.of_nat (length entries).

Definition pp_chain_tag (k : key) (previous leaf : bytes) : bytes :=
  firstn 16 (mac k (84 :: previous ++ leaf)).

(* ---- The verifier --------------------------------------------------------------------------- *)

Record state := State {
  entries : list bytes;    (* all so far, those of the open group with them *)
  last_tag : bytes;        (* of the last entry *)
  next_epoch : N;
  group_first : N;         (* first seq of the open group *)
  sealed_tag : bytes }.    (* last_tag at the last seal *)

Definition start : state := State [] (repeat 0 16%nat) 0 0 (repeat 0 16%nat).

Definition take_entry (st : state) (content entry_tag : bytes) : option state :=
  match pp_entry_decode content with
  | None => None
  | Some e =>
      let expected := pp_chain_tag (tag_key (next_epoch st)) (last_tag st)
                                   (hash (Merkle.Leaf content)) in
      if (seq e =? count (entries st)) && bytes_eqb entry_tag expected
      then Some (State (entries st ++ [content]) entry_tag (next_epoch st) (group_first st)
                       (sealed_tag st))
      else None
  end.

Definition pp_seal_mac_valid (content : bytes) (k : key) : bool :=
  bytes_eqb (mac k (seal_domain ++ covered content)) (mac_part content).

(* check_seal_place *)
Definition seal_place_is_valid (st : state) (s : seal) (content : bytes) : bool :=
  bytes_eqb (log_id s) ledger_id && (epoch s =? next_epoch st) &&
  pp_seal_mac_valid content (seal_key (next_epoch st)) &&
  (first_seq s =? group_first st) && bytes_eqb (previous_tag s) (sealed_tag st).

(* check_seal_content *)
Definition seal_content_is_valid (st : state) (s : seal) : bool :=
  (next_seq s =? count (entries st)) && bytes_eqb (root (entries st)) (Encoding.root s) &&
  bytes_eqb (tag s) (last_tag st).

Definition take_seal (st : state) (content : bytes) : option state :=
  match pp_seal_decode content with
  | None => None
  | Some s =>
      if seal_place_is_valid st s content && seal_content_is_valid st s
      then Some (State (entries st) (last_tag st) (next_epoch st + 1) (count (entries st))
                       (last_tag st))
      else None
  end.

Definition take_frame (st : state) (f : frame) : option state :=
  match f with
  | EntryFrame content entry_tag => take_entry st content entry_tag
  | SealFrame content => take_seal st content
  | HeaderFrame _ => None
  end.

Fixpoint run (st : state) (l : log) : option state :=
  match l with
  | [] => Some st
  | f :: l => match take_frame st f with None => None | Some st => run st l end
  end.

(* Verdict OK: every frame is good, and no entry stands behind the last seal. *)
Definition accept (l : log) : bool :=
  match run start l with
  | None => false
  | Some st => group_first st =? count (entries st)
  end.

(* ---- The writer (src/store/append.c, commit.c) ----------------------------------------------- *)

(* One group: its entries, encoded, and what its seal holds besides what the state determines. *)
Record group := Group {
  group_kind : N; group_entries : list bytes; group_realtime : N; group_monotonic : N;
  group_boot : bytes; group_number : N; group_hash : bytes }.

Fixpoint write_entries (st : state) (contents : list bytes) : log * state :=
  match contents with
  | [] => ([], st)
  | c :: contents =>
      let t := pp_chain_tag (tag_key (next_epoch st)) (last_tag st) (hash (Merkle.Leaf c)) in
      let next := State (entries st ++ [c]) t (next_epoch st) (group_first st) (sealed_tag st) in
      let (l, st) := write_entries next contents in (EntryFrame c t :: l, st)
  end.

Definition new_seal (st : state) (g : group) (seal_mac : bytes) : seal :=
  Seal (group_kind g) ledger_id (next_epoch st) (group_first st) (count (entries st))
       (root (entries st)) (sealed_tag st) (last_tag st) (group_realtime g) (group_monotonic g)
       (group_boot g) (group_number g) (group_hash g) seal_mac.

Definition pp_seal_write (st : state) (g : group) : bytes :=
  let message := seal_covered (new_seal st g []) in
  pp_seal_encode (new_seal st g (mac (seal_key (next_epoch st)) (seal_domain ++ message))).

Definition after_seal (st : state) : state :=
  State (entries st) (last_tag st) (next_epoch st + 1) (count (entries st)) (last_tag st).

Fixpoint write (st : state) (groups : list group) : log :=
  match groups with
  | [] => []
  | g :: groups =>
      let (l, st) := write_entries st (group_entries g) in
      l ++ SealFrame (pp_seal_write st g) :: write (after_seal st) groups
  end.

(* The table "Kind" of section 6, and the C types. *)
Definition group_is_valid (g : group) : bool :=
  let none := match group_entries g with [] => true | _ => false end in
  is_array 16 (group_boot g) && is_array 32 (group_hash g) && (group_realtime g <? 2 ^ 64) &&
  (group_monotonic g <? 2 ^ 64) && (group_number g <? 2 ^ 64) &&
  (if group_kind g =? commit then
     negb none && (group_number g =? 0) && is_zero (group_hash g)
   else if (group_kind g =? recovery) || (group_kind g =? rotation) then none
   else if group_kind g =? prune then none && is_zero (group_hash g)
   else false).

(* Encodings of entries with consecutive seqs from `first` on. *)
Fixpoint are_numbered (first : N) (contents : list bytes) : bool :=
  match contents with
  | [] => true
  | c :: contents =>
      match pp_entry_decode c with
      | None => false
      | Some e => (seq e =? first) && are_numbered (first + 1) contents
      end
  end.

(* A saved checkpoint: the tree had this root when it had n entries. *)
Definition checkpoint_holds (n : N) (r : bytes) (l : log) : bool :=
  (n <=? count (entries_of l)) && bytes_eqb (root (firstn (N.to_nat n) (entries_of l))) r.

(* ---- What the honest writer has issued, and the reductions ----------------------------------- *)

(* One use of a seal key: the epoch, the bytes that were MACed, and all entries in the tree then. *)
Record stamp := Stamp { at_epoch : N; message : bytes; sealed_entries : list bytes }.

Fixpoint stamps_from (e : N) (before : list bytes) (l : log) : list stamp :=
  match l with
  | [] => []
  | EntryFrame c _ :: l => stamps_from e (before ++ [c]) l
  | SealFrame c :: l => Stamp e (covered c) before :: stamps_from (e + 1) before l
  | HeaderFrame _ :: l => stamps_from e before l
  end.

(* All that a writer issued whose ledger is l, when no crash made it repeat an epoch. *)
Definition stamps_of (l : log) : list stamp := stamps_from 0 [] l.

(* The writer writes the root of its own tree into each seal (bytes 58 to 89). *)
Definition truthful (issued : list stamp) : Prop :=
  forall s, In s issued -> slice 58 32 (message s) = root (sealed_entries s).

Definition is_stamp (e : N) (content : bytes) (s : stamp) : bool :=
  (at_epoch s =? e) && bytes_eqb (message s) (covered content).

Definition was_issued (issued : list stamp) (numbered : N * bytes) : bool :=
  existsb (is_stamp (fst numbered) (snd numbered)) issued.

(* The first seal of the log that was never issued: its epoch, what was MACed, and the MAC. *)
Definition forgery_of (issued : list stamp) (l : log) : option (N * bytes * bytes) :=
  match find (fun s => negb (was_issued issued s)) (number 0 (seals_of l)) with
  | None => None
  | Some (e, c) => Some (e, seal_domain ++ covered c, mac_part c)
  end.

(* A forgery: the right MAC, under the seal key of an epoch before `limit`, of a message that the
   writer never MACed as a seal in that epoch, and that is no segment header either. *)
Definition is_forgery_before (limit : N) (issued : list stamp) (found : option (N * bytes * bytes))
  : Prop :=
  match found with
  | None => False
  | Some (e, m, t) =>
      e < limit /\ t = mac (seal_key e) m /\
      (forall s, In s issued -> at_epoch s = e -> m <> seal_domain ++ message s) /\
      (forall header, m <> head_domain ++ header)
  end.

Definition is_forgery (issued : list stamp) (found : option (N * bytes * bytes)) : Prop :=
  exists limit, is_forgery_before limit issued found.

(* Two trees that should be equal: the one under the log's last seal, and what its writer sealed. *)
Definition collision_of (issued : list stamp) (l : log) :=
  match rev (number 0 (seals_of l)) with
  | [] => None
  | (e, c) :: _ =>
      match find (is_stamp e c) issued with
      | None => None
      | Some s => Merkle.root_collision bytes hash bytes_eqb (sealed_entries s) (entries_of l)
      end
  end.

Definition is_broken (issued : list stamp) (l : log) : Prop :=
  is_forgery issued (forgery_of issued l) \/ is_collision hash (collision_of issued l).

Definition is_broken_before (limit : N) (issued : list stamp) (l : log) : Prop :=
  is_forgery_before limit issued (forgery_of issued l) \/
  is_collision hash (collision_of issued l).

(* Two logs, of which one has a checkpoint's root. *)
Definition checkpoint_collision (n : N) (h l : log) :=
  Merkle.root_collision bytes hash bytes_eqb (firstn (N.to_nat n) (entries_of h))
                        (firstn (N.to_nat n) (entries_of l)).

Definition is_prefix (l h : log) : Prop := exists rest, h = l ++ rest.

End Verifier.

(* ---- Statements -----------------------------------------------------------------------------

   h is the honest ledger, l the one that is accepted.  No property of mac and hash is assumed. *)

Definition for_all_ledgers (claim : forall key, (key -> bytes -> bytes) -> (N -> key) ->
    (N -> key) -> (Merkle.input bytes -> bytes) -> bytes -> Prop) : Prop :=
  forall key mac tag_key seal_key hash ledger_id, claim key mac tag_key seal_key hash ledger_id.

(* The theorems below are not empty: what an honest writer writes is accepted, as long as there are
   fewer than 2^63 entries and at most 2^36 seals. *)
Definition written_is_accepted : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall groups,
    (forall k m, is_array 32 (mac k m) = true) -> (forall i, is_array 32 (hash i) = true) ->
    is_array 32 id = true ->
    let all := concat (map group_entries groups) in
    are_numbered 0 all = true -> count all < 2 ^ 63 -> N.of_nat (length groups) <= 2 ^ 36 ->
    forallb group_is_valid groups = true ->
    let l := write _ mac tk sk hash id start groups in
    accept _ mac tk sk hash id l = true /\ entries_of l = all /\
    length (seals_of l) = length groups).

(* Whatever the writer issued, in however many seals, with repeated epochs after crashes: the
   entries of an accepted log are exactly those that it had in its tree when it issued one of these
   seals, the log's last one, and it issued the log's other seals too; or forgery or collision are
   computed. *)
Definition accepted_was_sealed : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall issued l, truthful hash issued -> accept _ mac tk sk hash id l = true ->
    ((forall s, In s (number 0 (seals_of l)) -> was_issued issued s = true) /\
     (entries_of l = [] \/ exists s, In s issued /\ entries_of l = sealed_entries s)) \/
    is_broken _ mac sk hash issued l).

(* Main theorem.  An accepted log is the honest one up to one of its seals: nothing else than a
   rollback is possible, or forgery or collision are computed. *)
Definition accepted_is_prefix : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall h l, accept _ mac tk sk hash id h = true -> accept _ mac tk sk hash id l = true ->
    is_prefix l h \/ is_broken _ mac sk hash (stamps_of h) l).

(* Replay: the honest log up to any of its seals, which is an older state of it, is accepted.  The
   verifier cannot do better without knowing something newer. *)
Definition replay_is_accepted : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall h n, accept _ mac tk sk hash id h = true ->
    accept _ mac tk sk hash id (until_seal n h) = true /\ is_prefix (until_seal n h) h).

(* Whoever knows the number of seals (sealing.key does) detects every rollback. *)
Definition rollback_detected_by_epoch : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall h l, accept _ mac tk sk hash id h = true -> accept _ mac tk sk hash id l = true ->
    (length (seals_of h) <= length (seals_of l))%nat ->
    l = h \/ is_broken _ mac sk hash (stamps_of h) l).

(* Whoever has a saved checkpoint of the honest ledger knows that the entries below it are there,
   unchanged.  This needs no key: the adversary may have stolen all of them.  It holds for each
   of any number of checkpoints. *)
Definition checkpoint_binds_entries : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall h l n, n <= count (entries_of h) ->
    checkpoint_holds hash n (root hash (firstn (N.to_nat n) (entries_of h))) l = true ->
    firstn (N.to_nat n) (entries_of l) = firstn (N.to_nat n) (entries_of h) \/
    is_collision hash (checkpoint_collision hash n h l)).

(* A log with fewer entries than a known checkpoint is refused, whatever mac and hash are. *)
Definition rollback_detected_by_checkpoint : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall l n r, count (entries_of l) < n -> checkpoint_holds hash n r l = false).

(* Whoever steals the keys of epochs e, e + 1, ... changes nothing that was sealed before: the first
   e groups of an accepted log are those of the honest one, or a forgery under the key of an earlier
   epoch is computed, or a collision.  No assumption is made about the seals from e on. *)
Definition sealed_before_theft : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall h l e, accept _ mac tk sk hash id h = true -> accept _ mac tk sk hash id l = true ->
    (e <= length (seals_of h))%nat -> (e <= length (seals_of l))%nat ->
    until_seal e l = until_seal e h \/
    is_broken_before _ mac sk hash (N.of_nat e) (stamps_of (until_seal e h)) (until_seal e l)).

(* In an accepted log the i-th entry has seq i and the i-th seal epoch i and this log's id. *)
Definition counters_consecutive : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall l, accept _ mac tk sk hash id l = true ->
    (forall i c, nth_error (entries_of l) i = Some c ->
       exists e, pp_entry_decode c = Some e /\ seq e = N.of_nat i) /\
    (forall i c, nth_error (seals_of l) i = Some c ->
       exists s, pp_seal_decode c = Some s /\ epoch s = N.of_nat i /\ log_id s = id)).

(* A seal covers exactly the entries before it, and repeats where the seal before it ended. *)
Definition seal_binds_position : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall a c b, accept _ mac tk sk hash id (a ++ SealFrame c :: b) = true ->
    exists s, pp_seal_decode c = Some s /\ log_id s = id /\
      epoch s = N.of_nat (length (seals_of a)) /\
      next_seq s = count (entries_of a) /\ Encoding.root s = root hash (entries_of a) /\
      mac_part c = mac (sk (epoch s)) (seal_domain ++ covered c)).

(* ---- Single manipulations.  Those called "rejected" are refused whatever mac and hash are. --- *)

(* A cut anywhere loses at least one seal. *)
Definition truncation_is_rollback : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall a f b, accept _ mac tk sk hash id (a ++ f :: b) = true ->
    accept _ mac tk sk hash id a = true ->
    (length (seals_of a) < length (seals_of (a ++ f :: b)))%nat).

(* A frame was removed before the end. *)
Definition deletion_rejected : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall a f b, accept _ mac tk sk hash id (a ++ f :: b) = true -> b <> [] ->
    accept _ mac tk sk hash id (a ++ b) = false).

(* A frame was put in before the end. *)
Definition insertion_rejected : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall a f b, accept _ mac tk sk hash id (a ++ b) = true -> b <> [] ->
    accept _ mac tk sk hash id (a ++ f :: b) = false).

(* A frame stands there twice, at once or later. *)
Definition duplication_rejected : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall a f b c, accept _ mac tk sk hash id (a ++ f :: b ++ f :: c) = false).

(* Two frames of the honest log were exchanged. *)
Definition reorder_rejected : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall a x b y c, accept _ mac tk sk hash id (a ++ x :: b ++ y :: c) = true ->
    accept _ mac tk sk hash id (a ++ y :: b ++ x :: c) = false).

(* A frame was changed, with or without changing what follows. *)
Definition modification_breaks : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall a f g b c, accept _ mac tk sk hash id (a ++ f :: b) = true -> f <> g ->
    accept _ mac tk sk hash id (a ++ g :: c) = true ->
    is_broken _ mac sk hash (stamps_of (a ++ f :: b)) (a ++ g :: c)).

(* Something was put behind the end. *)
Definition extension_breaks : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall h f b, accept _ mac tk sk hash id h = true ->
    accept _ mac tk sk hash id (h ++ f :: b) = true ->
    is_broken _ mac sk hash (stamps_of h) (h ++ f :: b)).

(* A seal of another ledger stands anywhere. *)
Definition splice_rejected : Prop := for_all_ledgers (fun _ mac tk sk hash id =>
  forall a c s b, pp_seal_decode c = Some s -> log_id s <> id ->
    accept _ mac tk sk hash id (a ++ SealFrame c :: b) = false).
