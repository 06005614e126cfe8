(* SPDX-License-Identifier: MIT *)
(* The Merkle tree of RFC 6962 section 2.1, the algorithms of src/ledger/merkle.c and
   src/ledger/merkle_check.c on it, and what is proved about them.  docs/format/ledger.md
   section 4. *)
From Coq Require Import List NArith Bool.
From PostProof.Spec Require Collision.
Import ListNotations Spec.Collision.
Open Scope N_scope.

(* Whatever is hashed in a tree is one of three things.  There is one hash for all of them, so two
   things of different kinds with the same digest are a collision like any other. *)
Inductive input (digest : Type) : Type :=
| Empty                             (* the tree without leaves *)
| Leaf (entry : bytes)              (* the encoding of an entry *)
| Node (left right : digest).       (* the digests of two subtrees *)
Arguments Empty {digest}.
Arguments Leaf {digest}.
Arguments Node {digest}.

(* The bytes of an input: SHA-256 reads these. *)
Definition input_bytes (i : input bytes) : bytes :=
  match i with
  | Empty => []
  | Leaf entry => 0 :: entry
  | Node l r => 1 :: l ++ r
  end.

Definition of_32_bytes (i : input bytes) : Prop :=
  match i with
  | Node l r => length l = 32%nat /\ length r = 32%nat
  | _ => True
  end.

(* Different inputs are different bytes: a collision of inputs is a collision of SHA-256. *)
Definition input_bytes_injective : Prop :=
  forall i j, of_32_bytes i -> of_32_bytes j -> input_bytes i = input_bytes j -> i = j.

Section Tree.
Variable digest : Type.
Variable hash : input digest -> digest.
Variable digest_eqb : digest -> digest -> bool.

Definition pp_node_of (left right : digest) : digest := hash (Node left right).

Definition input_eqb (i j : input digest) : bool :=
  match i, j with
  | Empty, Empty => true
  | Leaf a, Leaf b => bytes_eqb a b
  | Node a b, Node c d => digest_eqb a c && digest_eqb b d
  | _, _ => false
  end.

(* ---- The root, as RFC 6962 defines it ------------------------------------------------------ *)

(* The largest power of two smaller than n, for n > 1. *)
Definition split (n : nat) : nat := Nat.pow 2 (Nat.log2 (n - 1)).

Fixpoint root_fuel (fuel : nat) (entries : list bytes) : digest :=
  match entries, fuel with
  | [], _ => hash Empty
  | [entry], _ => hash (Leaf entry)
  | _, O => hash Empty
  | _, S fuel =>
      let k := split (length entries) in
      pp_node_of (root_fuel fuel (firstn k entries)) (root_fuel fuel (skipn k entries))
  end.

(* MTH of the RFC.  Each call shortens the list, so its length is enough fuel. *)
Definition root (entries : list bytes) : digest := root_fuel (length entries) entries.

(* ---- Inclusion: pp_merkle_inclusion_root --------------------------------------------------- *)

(* Loops that halve a number run at most once for each of its bits. *)
Definition bits (n : N) : nat := N.size_nat n.

(* These four bear the names of the ACSL functions in merkle_check.c. *)
Definition pp_has (i last : N) : N := if (i mod 2 =? 1) || (i <? last) then 1 else 0.

Definition pp_up (h : digest) (i last : N) (s : digest) : digest :=
  if i mod 2 =? 1 then pp_node_of s h else if i <? last then pp_node_of h s else h.

Fixpoint pp_root_fuel (fuel : nat) (h : digest) (i last : N) (p : list digest) (k : N) : digest :=
  match fuel with
  | O => h
  | S fuel =>
      pp_root_fuel fuel (pp_up h i last (nth (N.to_nat k) p h)) (i / 2) (last / 2) p
                   (k + pp_has i last)
  end.
Definition pp_root (h : digest) (i last : N) := pp_root_fuel (bits last) h i last.

Fixpoint pp_path_len_fuel (fuel : nat) (i last : N) : N :=
  match fuel with
  | O => 0
  | S fuel => pp_has i last + pp_path_len_fuel fuel (i / 2) (last / 2)
  end.
Definition pp_path_len (i last : N) : N := pp_path_len_fuel (bits last) i last.

(* The loop as it stands in the C; None is PP_ERROR_MISMATCH. *)
Fixpoint inclusion_loop (fuel : nat) (index last : N) (path : list digest) (h : digest)
  : option digest :=
  match fuel with
  | O => match path with [] => Some h | _ => None end
  | S fuel =>
      if index mod 2 =? 1 then
        match path with
        | [] => None
        | s :: path => inclusion_loop fuel (index / 2) (last / 2) path (pp_node_of s h)
        end
      else if index <? last then
        match path with
        | [] => None
        | s :: path => inclusion_loop fuel (index / 2) (last / 2) path (pp_node_of h s)
        end
      else inclusion_loop fuel (index / 2) (last / 2) path h
  end.

Definition inclusion_root (leaf : digest) (index size : N) (path : list digest) : option digest :=
  if index <? size
  then inclusion_loop (bits (size - 1)) index (size - 1) path leaf
  else None.

(* What every caller does with the result. *)
Definition inclusion_check (leaf : digest) (index size : N) (path : list digest) (expected : digest)
  : bool :=
  match inclusion_root leaf index size path with
  | Some computed => digest_eqb computed expected
  | None => false
  end.

(* ---- Consistency: pp_merkle_consistency_check ---------------------------------------------- *)

Record climb := Climb { index : N; last : N; old_root : digest; new_root : digest }.

Fixpoint climb_right_edge (fuel : nat) (i l : N) : N * N :=
  match fuel with
  | O => (i, l)
  | S fuel => if i mod 2 =? 1 then climb_right_edge fuel (i / 2) (l / 2) else (i, l)
  end.

(* The inner loop of climb_step. *)
Fixpoint rise (fuel : nat) (i l : N) : N * N :=
  match fuel with
  | O => (i, l)
  | S fuel =>
      if (i mod 2 =? 0) && negb (i =? 0) then rise fuel (i / 2) (l / 2) else (i, l)
  end.

Definition climb_step (c : climb) (s : digest) : climb :=
  if (index c mod 2 =? 1) || (index c =? last c) then
    let (i, l) := rise (bits (index c)) (index c) (last c) in
    Climb (i / 2) (l / 2) (pp_node_of s (old_root c)) (pp_node_of s (new_root c))
  else
    Climb (index c / 2) (last c / 2) (old_root c) (pp_node_of (new_root c) s).

Fixpoint consistency_loop (path : list digest) (c : climb) : option climb :=
  match path with
  | [] => Some c
  | s :: path => if last c =? 0 then None else consistency_loop path (climb_step c s)
  end.

(* Where the climb starts, and what is left of the path; None when count is 0. *)
Definition consistency_start (old_size : N) (old : digest) (new_size : N) (path : list digest)
  : option (climb * list digest) :=
  let (i, l) := climb_right_edge (bits (old_size - 1)) (old_size - 1) (new_size - 1) in
  match path with
  | [] => None
  | seed :: rest => Some (if i =? 0 then (Climb i l old old, path) else (Climb i l seed seed, rest))
  end.

Definition consistency_check (old_size : N) (old : digest) (new_size : N) (new : digest)
                             (path : list digest) : bool :=
  if new_size <? old_size then false
  else if (old_size =? 0) || (old_size =? new_size) then
    match path with
    | [] => (negb (old_size =? 0) || digest_eqb old (hash Empty)) &&
            (negb (old_size =? new_size) || digest_eqb old new)
    | _ => false
    end
  else
    match consistency_start old_size old new_size path with
    | None => false
    | Some (start, rest) =>
        match consistency_loop rest start with
        | None => false
        | Some c => (last c =? 0) && digest_eqb (old_root c) old && digest_eqb (new_root c) new
        end
    end.

(* ---- The proofs that the prover writes: sibling_ranges, pp_merkle_*_ranges ------------------ *)

Definition slice (entries : list bytes) (range : N * N) : list bytes :=
  firstn (N.to_nat (snd range - fst range)) (skipn (N.to_nat (fst range)) entries).

Fixpoint sibling_ranges (fuel : nat) (index last height size : N) : list (N * N) :=
  match fuel with
  | O => []
  | S fuel =>
      let width := 2 ^ height in
      let above := sibling_ranges fuel (index / 2) (last / 2) (height + 1) size in
      if index mod 2 =? 1 then (index * width - width, index * width) :: above
      else if index <? last then
        let start := (index + 1) * width in
        (start, if size - start <? width then size else start + width) :: above
      else above
  end.

(* The siblings of a node of the row at the given height. *)
Definition siblings (index height size : N) : list (N * N) :=
  let last := (size - 1) / 2 ^ height in sibling_ranges (bits last) index last height size.

Definition inclusion_ranges (index size : N) : list (N * N) := siblings index 0 size.

(* The number of zero bits at the end of n. *)
Fixpoint trailing_zeros (fuel : nat) (n : N) : N :=
  match fuel with
  | O => 0
  | S fuel => if n mod 2 =? 0 then 1 + trailing_zeros fuel (n / 2) else 0
  end.

Definition consistency_ranges (old_size new_size : N) : list (N * N) :=
  if (old_size =? 0) || (old_size =? new_size) then []
  else
    let height := trailing_zeros (bits old_size) old_size in
    let width := 2 ^ height in
    (if old_size =? width then [] else [(old_size - width, old_size)]) ++
    siblings (old_size / width - 1) height new_size.

(* A path holds the roots of the subtrees over its ranges. *)
Definition path_over (entries : list bytes) (ranges : list (N * N)) : list digest :=
  map (fun range => root (slice entries range)) ranges.

(* ---- The growing tree: pp_merkle_tree_append and pp_merkle_tree_root ------------------------ *)

(* peaks at height h counts only where bit h of size is 1. *)
Record tree := Tree { size : N; peaks : list digest }.

Definition tree_init (zero : digest) : tree := Tree 0 (repeat zero 64).

(* A row without its odd last node, one level up. *)
Fixpoint pairs (row : list digest) : list digest :=
  match row with
  | l :: r :: rest => pp_node_of l r :: pairs rest
  | _ => []
  end.

(* An odd last node becomes the peak. *)
Definition new_peak (peak : digest) (row : list digest) : digest :=
  if Nat.odd (length row) then List.last row peak else peak.

(* The nodes of one height from number `first`: the new peak there, and the nodes above. *)
Definition reduce_level (peak : digest) (first : N) (nodes : list digest) : digest * list digest :=
  if first mod 2 =? 1 then
    match nodes with
    | [] => (peak, [])
    | node :: rest => (new_peak peak rest, pp_node_of peak node :: pairs rest)
    end
  else (new_peak peak nodes, pairs nodes).

(* The loop of append_run over the heights, which stops when no node is left. *)
Fixpoint append_levels (peaks : list digest) (first : N) (nodes : list digest) : list digest :=
  match peaks, nodes with
  | [], _ => []
  | _, [] => peaks
  | peak :: above, _ =>
      let (peak, nodes) := reduce_level peak first nodes in
      peak :: append_levels above (first / 2) nodes
  end.

Definition append_run (t : tree) (entries : list bytes) : tree :=
  Tree (size t + N.of_nat (length entries))
       (append_levels (peaks t) (size t) (map (fun e => hash (Leaf e)) entries)).

(* The peaks from the smallest up, each with what is below to its right. *)
Fixpoint fold_peaks (peaks : list digest) (size : N) (below : option digest) : option digest :=
  match peaks with
  | [] => below
  | peak :: above =>
      fold_peaks above (size / 2)
        (if size mod 2 =? 1
         then Some (match below with None => peak | Some d => pp_node_of peak d end)
         else below)
  end.

Definition tree_root (t : tree) : digest :=
  match fold_peaks (peaks t) (size t) None with
  | None => hash Empty
  | Some d => d
  end.

(* ---- What a tree and a check hash: where a collision is looked for -------------------------- *)

(* One level up with its odd last node, and the inputs hashed for that. *)
Fixpoint row_above (row : list digest) : list digest :=
  match row with
  | l :: r :: rest => pp_node_of l r :: row_above rest
  | rest => rest
  end.

Fixpoint row_inputs (row : list digest) : list (input digest) :=
  match row with
  | l :: r :: rest => Node l r :: row_inputs rest
  | _ => []
  end.

Fixpoint rows_inputs (height : nat) (row : list digest) : list (input digest) :=
  match height with
  | O => []
  | S height => row_inputs row ++ rows_inputs height (row_above row)
  end.

Definition tree_height (leaves : nat) : nat := bits (N.of_nat leaves - 1).

Definition tree_inputs (entries : list bytes) : list (input digest) :=
  Empty :: map Leaf entries ++
  rows_inputs (tree_height (length entries)) (map (fun e => hash (Leaf e)) entries).

Fixpoint path_inputs (fuel : nat) (index last : N) (path : list digest) (h : digest)
  : list (input digest) :=
  match fuel, path with
  | O, _ => []
  | S fuel, [] => []
  | S fuel, s :: rest =>
      if index mod 2 =? 1 then
        Node s h :: path_inputs fuel (index / 2) (last / 2) rest (pp_node_of s h)
      else if index <? last then
        Node h s :: path_inputs fuel (index / 2) (last / 2) rest (pp_node_of h s)
      else path_inputs fuel (index / 2) (last / 2) path h
  end.

Definition inclusion_inputs (leaf : digest) (index size : N) (path : list digest) :=
  path_inputs (bits (size - 1)) index (size - 1) path leaf.

(* The old root is climbed to along the same path, but never has a right sibling. *)
Fixpoint old_inputs (fuel : nat) (index last : N) (path : list digest) (h : digest)
  : list (input digest) :=
  match fuel, path with
  | O, _ => []
  | S fuel, [] => []
  | S fuel, s :: rest =>
      if index mod 2 =? 1 then
        Node s h :: old_inputs fuel (index / 2) (last / 2) rest (pp_node_of s h)
      else old_inputs fuel (index / 2) (last / 2) (if index <? last then rest else path) h
  end.

Definition consistency_inputs (old_size : N) (old : digest) (new_size : N) (path : list digest) :=
  match consistency_start old_size old new_size path with
  | None => []
  | Some (c, rest) =>
      old_inputs (bits (last c)) (index c) (last c) rest (old_root c) ++
      path_inputs (bits (last c)) (index c) (last c) rest (new_root c)
  end.

Definition search (inputs : list (input digest)) := find_collision hash input_eqb digest_eqb inputs.

(* The reductions: from what was accepted to a collision. *)
Definition inclusion_collision (entries : list bytes) (entry : bytes) (index : N)
                               (path : list digest) :=
  search (Leaf entry :: tree_inputs entries ++
          inclusion_inputs (hash (Leaf entry)) index (N.of_nat (length entries)) path).

Definition leaf_digest_collision (entries : list bytes) (leaf : digest) (index : N)
                                 (path : list digest) :=
  search (tree_inputs entries ++
          inclusion_inputs leaf index (N.of_nat (length entries)) path).

Definition root_collision (entries others : list bytes) :=
  search (tree_inputs entries ++ tree_inputs others).

Definition consistency_collision (olds news : list bytes) (path : list digest) :=
  search (tree_inputs olds ++ tree_inputs news ++
          consistency_inputs (N.of_nat (length olds)) (root olds) (N.of_nat (length news)) path).

End Tree.

(* ---- Statements ---------------------------------------------------------------------------- *)

(* root satisfies the three equations of RFC 6962, and `split` is the largest power of two smaller
   than the number of leaves. *)
Definition root_is_rfc6962 : Prop :=
  forall digest (hash : input digest -> digest),
    let root := root digest hash in
    root [] = hash Empty /\
    (forall entry, root [entry] = hash (Leaf entry)) /\
    (forall entries, (1 < length entries)%nat ->
       let k := split (length entries) in
       root entries = hash (Node (root (firstn k entries)) (root (skipn k entries))) /\
       (exists e, k = Nat.pow 2 e) /\ (k < length entries)%nat /\ (length entries <= 2 * k)%nat).

(* The C loop does what the ACSL contract says: it accepts exactly the paths of the right length,
   and computes pp_root. *)
Definition inclusion_loop_is_pp_root : Prop :=
  forall digest (hash : input digest -> digest) leaf index size path computed,
    inclusion_root digest hash leaf index size path = Some computed <->
    index < size /\ N.of_nat (length path) = pp_path_len index (size - 1) /\
    computed = pp_root digest hash leaf index (size - 1) path 0.

(* The path that the prover writes is accepted. *)
Definition inclusion_complete : Prop :=
  forall digest (hash : input digest -> digest) digest_eqb, decides_equality digest_eqb ->
    forall entries index entry,
      nth_error entries (N.to_nat index) = Some entry ->
      let size := N.of_nat (length entries) in
      inclusion_check digest hash digest_eqb (hash (Leaf entry)) index size
        (path_over digest hash entries (inclusion_ranges index size))
        (root digest hash entries) = true.

(* If some path shows another entry at an index under the root, a collision is computed. *)
Definition inclusion_sound : Prop :=
  forall digest (hash : input digest -> digest) digest_eqb, decides_equality digest_eqb ->
    forall entries index entry other path,
      nth_error entries (N.to_nat index) = Some entry -> other <> entry ->
      inclusion_check digest hash digest_eqb (hash (Leaf other)) index (N.of_nat (length entries))
        path (root digest hash entries) = true ->
      is_collision hash (inclusion_collision digest hash digest_eqb entries other index path).

(* The same for a bare digest: only the leaf hash of the entry at the index is accepted. *)
Definition leaf_digest_sound : Prop :=
  forall digest (hash : input digest -> digest) digest_eqb, decides_equality digest_eqb ->
    forall entries index entry leaf path,
      nth_error entries (N.to_nat index) = Some entry -> leaf <> hash (Leaf entry) ->
      inclusion_check digest hash digest_eqb leaf index (N.of_nat (length entries))
        path (root digest hash entries) = true ->
      is_collision hash (leaf_digest_collision digest hash digest_eqb entries leaf index path).

(* Two different lists of entries, of whatever lengths, have different roots, or a collision. *)
Definition root_binds_entries : Prop :=
  forall digest (hash : input digest -> digest) digest_eqb, decides_equality digest_eqb ->
    forall entries others,
      root digest hash entries = root digest hash others -> entries <> others ->
      is_collision hash (root_collision digest hash digest_eqb entries others).

(* If a tree is accepted as a later state of another but does not begin with its entries, a
   collision is computed. *)
Definition consistency_sound : Prop :=
  forall digest (hash : input digest -> digest) digest_eqb, decides_equality digest_eqb ->
    forall olds news path,
      consistency_check digest hash digest_eqb
        (N.of_nat (length olds)) (root digest hash olds)
        (N.of_nat (length news)) (root digest hash news) path = true ->
      (forall more, news <> olds ++ more) ->
      is_collision hash (consistency_collision digest hash digest_eqb olds news path).

(* The path that the prover writes for a grown tree is accepted. *)
Definition consistency_complete : Prop :=
  forall digest (hash : input digest -> digest) digest_eqb, decides_equality digest_eqb ->
    forall olds more,
      let news := olds ++ more in
      let old_size := N.of_nat (length olds) in
      let new_size := N.of_nat (length news) in
      consistency_check digest hash digest_eqb old_size (root digest hash olds)
        new_size (root digest hash news)
        (path_over digest hash news (consistency_ranges old_size new_size)) = true.

(* The tree that grows by runs of entries, whatever their lengths, has the RFC's root. *)
Definition growing_tree_root : Prop :=
  forall digest (hash : input digest -> digest) zero runs,
    N.of_nat (length (concat runs)) < 2 ^ 64 ->
    tree_root digest hash (fold_left (append_run digest hash) runs (tree_init digest zero)) =
    root digest hash (concat runs).
