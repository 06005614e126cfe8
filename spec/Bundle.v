(* SPDX-License-Identifier: MIT *)
(* The manifest of an evidence bundle: its root names every file and every byte, and what is proved
   about a bundle that verifies against it. *)
From Coq Require Import List NArith Bool Permutation.
From PostProof.Spec Require Collision.
Import ListNotations Spec.Collision.
Open Scope N_scope.

(* A file is its name and its content, both as bytes. *)
Record file := File { name : bytes; content : bytes }.

(* What the manifest holds of a file. *)
Record line := Line { line_name : bytes; line_length : N; line_digest : bytes }.

Definition file_eqb (f g : file) : bool :=
  bytes_eqb (name f) (name g) && bytes_eqb (content f) (content g).

(* n bytes, most significant first. *)
Fixpoint big_endian (n : nat) (value : N) : bytes :=
  match n with
  | O => []
  | S n => big_endian n (value / 256) ++ [value mod 256]
  end.

Definition length_of (b : bytes) : N := N.of_nat (length b).

(* name length (8 bytes), name, content length (8 bytes), content digest (32 bytes). *)
Definition encode_line (l : line) : bytes :=
  big_endian 8 (length_of (line_name l)) ++ line_name l ++
  big_endian 8 (line_length l) ++ line_digest l.

(* "PPBMAN01", so that no other kind of hashed file can be taken for a manifest. *)
Definition magic : bytes := [80; 80; 66; 77; 65; 78; 48; 49].

Definition encode (lines : list line) : bytes := magic ++ concat (map encode_line lines).

(* Names are ordered byte by byte; a name comes before its extensions. *)
Fixpoint name_leb (a b : bytes) : bool :=
  match a, b with
  | [], _ => true
  | _ :: _, [] => false
  | x :: a, y :: b => (x <? y) || ((x =? y) && name_leb a b)
  end.

Fixpoint insert (f : file) (sorted : list file) : list file :=
  match sorted with
  | [] => [f]
  | g :: rest => if name_leb (name f) (name g) then f :: sorted else g :: insert f rest
  end.

Definition sort (files : list file) : list file := fold_right insert [] files.

(* No name twice. *)
Fixpoint names_differ (files : list file) : bool :=
  match files with
  | [] => true
  | f :: rest => negb (existsb (fun g => bytes_eqb (name f) (name g)) rest) && names_differ rest
  end.

(* Lengths fit in 8 bytes. *)
Definition lengths_fit (files : list file) : bool :=
  forallb (fun f => (length_of (name f) <? 2 ^ 64) && (length_of (content f) <? 2 ^ 64)) files.

Section Manifest.
Variable hash : bytes -> bytes.

Definition line_of (f : file) : line :=
  Line (name f) (length_of (content f)) (hash (content f)).

(* The bytes of the manifest, and its root. *)
Definition manifest (files : list file) : bytes := encode (map line_of (sort files)).
Definition manifest_root (files : list file) : bytes := hash (manifest files).

(* The producer refuses a set of files that has no manifest. *)
Definition produce (files : list file) : option bytes :=
  if names_differ files && lengths_fit files then Some (manifest_root files) else None.

(* The verifier reads the files of the bundle, in whatever order they come, and hashes all of them
   again; it trusts nothing but the root. *)
Definition verify (trusted_root : bytes) (files : list file) : bool :=
  names_differ files && lengths_fit files && bytes_eqb (manifest_root files) trusted_root.

(* The reduction: the first collision among the two manifests and all contents. *)
Definition bundle_collision (files others : list file) : option (bytes * bytes) :=
  find_collision hash bytes_eqb bytes_eqb
    (manifest files :: manifest others :: map content files ++ map content others).

End Manifest.

(* All that is assumed of the hash: digests are 32 bytes. *)
Definition has_32_bytes (hash : bytes -> bytes) : Prop := forall m, length (hash m) = 32%nat.

(* ---- Statements ---------------------------------------------------------------------------- *)

(* Different manifests are different bytes. *)
Definition encode_injective : Prop :=
  forall lines others,
    (forall l, In l (lines ++ others) ->
       length_of (line_name l) < 2 ^ 64 /\ line_length l < 2 ^ 64 /\
       length (line_digest l) = 32%nat) ->
    encode lines = encode others -> lines = others.

(* What was produced verifies, in any order. *)
Definition produced_verifies : Prop :=
  forall hash files received root,
    produce hash files = Some root -> Permutation files received ->
    verify hash root received = true.

(* The order in which the producer is given the files does not matter. *)
Definition order_is_irrelevant : Prop :=
  forall hash files others,
    Permutation files others -> produce hash files = produce hash others.

(* A bundle in which a name occurs twice is rejected, whatever the root; none is produced. *)
Definition duplicate_name_rejected : Prop :=
  forall hash root files,
    ~ NoDup (map name files) ->
    verify hash root files = false /\ produce hash files = None.

(* The root binds every byte and every name: what verifies is the files that were put in, in some
   order, or a collision is computed. *)
Definition root_binds_files : Prop :=
  forall hash, has_32_bytes hash -> forall files received root,
    produce hash files = Some root -> verify hash root received = true ->
    ~ Permutation files received ->
    is_collision hash (bundle_collision hash files received).

(* An extra file: neither its name nor its content need be new. *)
Definition extra_file_detected : Prop :=
  forall hash, has_32_bytes hash -> forall files received root extra,
    produce hash files = Some root -> In extra received -> ~ In extra files ->
    verify hash root received = true ->
    is_collision hash (bundle_collision hash files received).

Definition missing_file_detected : Prop :=
  forall hash, has_32_bytes hash -> forall files received root missing,
    produce hash files = Some root -> In missing files -> ~ In missing received ->
    verify hash root received = true ->
    is_collision hash (bundle_collision hash files received).

(* The content under a name is not what was put in under this name. *)
Definition changed_file_detected : Prop :=
  forall hash, has_32_bytes hash -> forall files received root n before after,
    produce hash files = Some root ->
    In (File n before) files -> In (File n after) received -> before <> after ->
    verify hash root received = true ->
    is_collision hash (bundle_collision hash files received).

(* A file has another name than before. *)
Definition renamed_file_detected : Prop :=
  forall hash, has_32_bytes hash -> forall before_it after_it n n' c root,
    produce hash (before_it ++ File n c :: after_it) = Some root -> n <> n' ->
    verify hash root (before_it ++ File n' c :: after_it) = true ->
    is_collision hash (bundle_collision hash (before_it ++ File n c :: after_it)
                                             (before_it ++ File n' c :: after_it)).
