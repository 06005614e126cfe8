(* SPDX-License-Identifier: MIT *)
(* Patches that run in both directions: the format as read, apply and revert, and what is proved
   about them.  Definitions can be run; nothing here is proof text.

   A patch is a script over two images, the old and the new one.  Each operation says what both
   images hold at the place that was reached, so that one script serves both directions:

     Copy n d   the next n bytes of both images; new = old + d modulo 256, one d for all n (d = 0
                is a plain copy)
     Pair ds    a gap of equal length in both images; byte by byte new = old + delta modulo 256
     New b      bytes that only the new image has
     Old b      bytes that only the old image has

   The plain form of a patch, which is what a decoder holds after decompression.  Integers are
   big-endian.

     offset  bytes  field
          0      8  magic "PPRBPT01"
          8      8  size of the old image
         16      8  size of the new image
         24     32  hash of the old image
         56     32  hash of the new image
         88      8  bytes of the control stream, c (a multiple of 10)
         96      8  bytes of the delta stream, d
        104      8  bytes of the new-literal stream, n
        112      8  bytes of the old-literal stream, o
        120      c  control stream
    120+c        d  delta stream
    120+c+d      n  new-literal stream
    120+c+d+n    o  old-literal stream; the patch ends with it

   An operation is 10 bytes of the control stream; what it carries is taken from the front of what
   is left of a stream.

     offset  bytes  field
          0      1  operation: 0 Copy, 1 Pair, 2 New, 3 Old
          1      1  Copy: the shared delta; otherwise 0
          2      8  length n, not 0.  Copy: takes no bytes from a stream.  Pair: n bytes of the
                    delta stream.  New: n of the new literals.  Old: n of the old literals.

   At the end of the control stream the three other streams must be used up.  So each script has one
   encoding, and a reader needs no recursion, no sum and no allocation: it compares each length with
   what is left. *)
From Coq Require Import List NArith Bool.
From PostProof.Spec Require Collision Encoding.
Import ListNotations Spec.Collision Spec.Encoding.
Open Scope N_scope.

Inductive operation :=
| Copy (count delta : N)
| Pair (deltas : bytes)
| New (literal : bytes)
| Old (literal : bytes).
Definition script := list operation.

(* What C's types and the format say of a script: bytes are bytes, and lengths are neither 0 nor too
   large for 8 bytes. *)
Definition is_length (n : N) : bool := (0 <? n) && (n <? 2 ^ 64).
Definition operation_is_typed (o : operation) : bool :=
  match o with
  | Copy n d => is_length n && (d <? 256)
  | Pair b | New b | Old b => is_length (size b) && is_bytes b
  end.
Definition script_is_typed (s : script) : bool := forallb operation_is_typed s.

(* ---- Running a script ------------------------------------------------------------------------ *)

Inductive direction := Forward | Backward.
Definition opposite (d : direction) : direction :=
  match d with Forward => Backward | Backward => Forward end.

(* Forward adds a delta, backward takes it away, modulo 256. *)
Definition shift (d : direction) (delta value : N) : N :=
  match d with
  | Forward => (value + delta) mod 256
  | Backward => (value + (256 - delta)) mod 256
  end.

Fixpoint shift_each (d : direction) (deltas values : bytes) : bytes :=
  match deltas, values with
  | delta :: deltas, value :: values => shift d delta value :: shift_each d deltas values
  | _, _ => []
  end.

(* The first n bytes and the others; None when there are fewer than n. *)
Fixpoint take (n : N) (b : bytes) : option (bytes * bytes) :=
  if n =? 0 then Some ([], b)
  else match b with
       | [] => None
       | x :: b =>
           match take (N.pred n) b with
           | Some (taken, rest) => Some (x :: taken, rest)
           | None => None
           end
       end.

(* The bytes behind a literal that the image must hold. *)
Definition skip_literal (literal image : bytes) : option bytes :=
  match take (size literal) image with
  | Some (found, rest) => if bytes_eqb found literal then Some rest else None
  | None => None
  end.

(* One operation on what is left of the source image: what it writes, and what is left then. *)
Definition step (d : direction) (o : operation) (image : bytes) : option (bytes * bytes) :=
  match o, d with
  | Copy n delta, _ =>
      match take n image with
      | Some (found, rest) => Some (map (shift d delta) found, rest)
      | None => None
      end
  | Pair deltas, _ =>
      match take (size deltas) image with
      | Some (found, rest) => Some (shift_each d deltas found, rest)
      | None => None
      end
  | New literal, Forward | Old literal, Backward => Some (literal, image)
  | New literal, Backward | Old literal, Forward =>
      match skip_literal literal image with
      | Some rest => Some ([], rest)
      | None => None
      end
  end.

(* The whole script.  It must use up the source image. *)
Fixpoint run (d : direction) (s : script) (image : bytes) : option bytes :=
  match s with
  | [] => match image with [] => Some [] | _ :: _ => None end
  | o :: s =>
      match step d o image with
      | Some (written, rest) =>
          match run d s rest with
          | Some more => Some (written ++ more)
          | None => None
          end
      | None => None
      end
  end.
Definition apply : script -> bytes -> option bytes := run Forward.
Definition revert : script -> bytes -> option bytes := run Backward.

(* How many bytes of each image an operation and a script speak of. *)
Definition operation_size (d : direction) (o : operation) : N :=
  match o, d with
  | Copy n _, _ => n
  | Pair deltas, _ => size deltas
  | New literal, Forward | Old literal, Backward => 0
  | New literal, Backward | Old literal, Forward => size literal
  end.
Definition source_size (d : direction) (s : script) : N :=
  fold_right N.add 0 (map (operation_size d) s).

(* The script for the other direction. *)
Definition negate (delta : N) : N := (256 - delta) mod 256.
Definition inverse_operation (o : operation) : operation :=
  match o with
  | Copy n delta => Copy n (negate delta)
  | Pair deltas => Pair (map negate deltas)
  | New literal => Old literal
  | Old literal => New literal
  end.
Definition inverse (s : script) : script := map inverse_operation s.

(* ---- Streams --------------------------------------------------------------------------------- *)

Record streams := Streams {
  control : bytes; deltas : bytes; new_literals : bytes; old_literals : bytes }.

Definition control_of (tag delta n : N) : bytes := [tag; delta] ++ pp_put 8 n.

Definition write_operation (o : operation) (s : streams) : streams :=
  let (c, d, n, l) := s in
  match o with
  | Copy count delta => Streams (control_of 0 delta count ++ c) d n l
  | Pair b => Streams (control_of 1 0 (size b) ++ c) (b ++ d) n l
  | New b => Streams (control_of 2 0 (size b) ++ c) d (b ++ n) l
  | Old b => Streams (control_of 3 0 (size b) ++ c) d n (b ++ l)
  end.
Definition write_script (s : script) : streams :=
  fold_right write_operation (Streams [] [] [] []) s.

Definition prepend (o : operation) (s : option script) : option script :=
  match s with Some s => Some (o :: s) | None => None end.

Fixpoint read_operations (c d n l : bytes) : option script :=
  match c with
  | [] => match d, n, l with [], [], [] => Some [] | _, _, _ => None end
  | tag :: delta :: b0 :: b1 :: b2 :: b3 :: b4 :: b5 :: b6 :: b7 :: c =>
      let count := pp_be [b0; b1; b2; b3; b4; b5; b6; b7] in
      if count =? 0 then None
      else if tag =? 0 then prepend (Copy count delta) (read_operations c d n l)
      else if negb (delta =? 0) then None
      else if tag =? 1 then
        match take count d with
        | Some (b, d) => prepend (Pair b) (read_operations c d n l)
        | None => None
        end
      else if tag =? 2 then
        match take count n with
        | Some (b, n) => prepend (New b) (read_operations c d n l)
        | None => None
        end
      else if tag =? 3 then
        match take count l with
        | Some (b, l) => prepend (Old b) (read_operations c d n l)
        | None => None
        end
      else None
  | _ => None
  end.
Definition read_script (s : streams) : option script :=
  read_operations (control s) (deltas s) (new_literals s) (old_literals s).

Definition streams_are_typed (s : streams) : bool :=
  is_bytes (control s) && is_bytes (deltas s) && is_bytes (new_literals s) &&
  is_bytes (old_literals s).

(* ---- Patches --------------------------------------------------------------------------------- *)

Record patch := Patch {
  old_size : N; new_size : N; old_hash : bytes; new_hash : bytes; edits : script }.

Definition magic : bytes := [80; 80; 82; 66; 80; 84; 48; 49].

Definition write_patch (p : patch) : bytes :=
  let s := write_script (edits p) in
  magic ++ pp_put 8 (old_size p) ++ pp_put 8 (new_size p) ++ old_hash p ++ new_hash p ++
  pp_put 8 (size (control s)) ++ pp_put 8 (size (deltas s)) ++
  pp_put 8 (size (new_literals s)) ++ pp_put 8 (size (old_literals s)) ++
  control s ++ deltas s ++ new_literals s ++ old_literals s.

(* A field: its first n bytes, and the function that reads what follows. *)
Definition field {A : Type} (n : N) (b : bytes) (next : bytes -> bytes -> option A) : option A :=
  match take n b with Some (taken, rest) => next taken rest | None => None end.

Definition read_patch (b : bytes) : option patch :=
  field 8 b (fun found b => if negb (bytes_eqb found magic) then None else
  field 8 b (fun old_bytes b =>
  field 8 b (fun new_bytes b =>
  field 32 b (fun old_hash b =>
  field 32 b (fun new_hash b =>
  field 8 b (fun control_bytes b =>
  field 8 b (fun delta_bytes b =>
  field 8 b (fun new_literal_bytes b =>
  field 8 b (fun old_literal_bytes b =>
  field (pp_be control_bytes) b (fun c b =>
  field (pp_be delta_bytes) b (fun d b =>
  field (pp_be new_literal_bytes) b (fun n b =>
  field (pp_be old_literal_bytes) b (fun l b =>
    match b, read_script (Streams c d n l) with
    | [], Some s => Some (Patch (pp_be old_bytes) (pp_be new_bytes) old_hash new_hash s)
    | _, _ => None
    end))))))))))))).

(* What a C program can hold of a patch. *)
Definition patch_is_typed (p : patch) : bool :=
  let s := write_script (edits p) in
  (old_size p <? 2 ^ 64) && (new_size p <? 2 ^ 64) &&
  is_array 32 (old_hash p) && is_array 32 (new_hash p) && script_is_typed (edits p) &&
  (size (control s) <? 2 ^ 64) && (size (deltas s) <? 2 ^ 64) &&
  (size (new_literals s) <? 2 ^ 64) && (size (old_literals s) <? 2 ^ 64).

(* Which image a direction starts from, and which it ends in. *)
Definition hash_at (d : direction) (p : patch) : bytes :=
  match d with Forward => old_hash p | Backward => new_hash p end.
Definition size_at (d : direction) (p : patch) : N :=
  match d with Forward => old_size p | Backward => new_size p end.

Section Hashed.
Variable hash : bytes -> bytes.

(* The image is the one that a direction of the patch starts from, as far as size and hash show. *)
Definition is_base (d : direction) (p : patch) (image : bytes) : bool :=
  (size image =? size_at d p) && bytes_eqb (hash image) (hash_at d p).

(* Both images are checked: the source before the script runs, the result after it. *)
Definition run_patch (d : direction) (p : patch) (image : bytes) : option bytes :=
  if negb (is_base d p image) then None
  else match run d (edits p) image with
       | Some result => if is_base (opposite d) p result then Some result else None
       | None => None
       end.
Definition apply_patch : patch -> bytes -> option bytes := run_patch Forward.
Definition revert_patch : patch -> bytes -> option bytes := run_patch Backward.

(* From the bytes of a patch. *)
Definition run_file (d : direction) (file image : bytes) : option bytes :=
  match read_patch file with Some p => run_patch d p image | None => None end.
Definition apply_file : bytes -> bytes -> option bytes := run_file Forward.
Definition revert_file : bytes -> bytes -> option bytes := run_file Backward.

(* One patch after the other. *)
Fixpoint run_files (d : direction) (files : list bytes) (image : bytes) : option bytes :=
  match files with
  | [] => Some image
  | f :: files =>
      match run_file d f image with Some result => run_files d files result | None => None end
  end.

(* ---- One byte at a time: the reference for making and composing scripts ---------------------- *)

Inductive unit_edit := Shift (delta : N) | Insert (b : N) | Delete (b : N).

Definition expand_operation (o : operation) : list unit_edit :=
  match o with
  | Copy n delta => repeat (Shift delta) (N.to_nat n)
  | Pair deltas => map Shift deltas
  | New literal => map Insert literal
  | Old literal => map Delete literal
  end.
Definition expand (s : script) : list unit_edit := flat_map expand_operation s.

(* Puts one unit before a script, into its first operation where that is possible. *)
Definition add_unit (u : unit_edit) (s : script) : script :=
  match u, s with
  | Shift d, Copy n e :: rest =>
      if d =? e then Copy (n + 1) e :: rest
      else if d =? 0 then Copy 1 0 :: s else Pair [d] :: s
  | Shift d, Pair ds :: rest => if d =? 0 then Copy 1 0 :: s else Pair (d :: ds) :: rest
  | Shift d, _ => if d =? 0 then Copy 1 0 :: s else Pair [d] :: s
  | Insert b, New literal :: rest => New (b :: literal) :: rest
  | Insert b, _ => New [b] :: s
  | Delete b, Old literal :: rest => Old (b :: literal) :: rest
  | Delete b, _ => Old [b] :: s
  end.
Definition coalesce (us : list unit_edit) : script := fold_right add_unit [] us.

(* A script from one image to another: pairs the bytes as far as both go. *)
Fixpoint units_between (old new : bytes) : list unit_edit :=
  match old, new with
  | a :: old, b :: new => Shift ((b + (256 - a)) mod 256) :: units_between old new
  | [], _ => map Insert new
  | _, [] => map Delete old
  end.
Definition script_between (old new : bytes) : script := coalesce (units_between old new).

Definition patch_between (old new : bytes) : patch :=
  Patch (size old) (size new) (hash old) (hash new) (script_between old new).

(* Two scripts into one.  None when they can't follow each other. *)
Fixpoint compose_units (first : list unit_edit) : list unit_edit -> option (list unit_edit) :=
  let put u r := match r with Some us => Some (u :: us) | None => None end in
  match first with
  | [] =>
      fix inner second :=
        match second with
        | [] => Some []
        | Insert b :: second => put (Insert b) (inner second)
        | _ => None
        end
  | Delete a :: first => fun second => put (Delete a) (compose_units first second)
  | Shift d :: first =>
      fix inner second :=
        match second with
        | [] => None
        | Insert b :: second => put (Insert b) (inner second)
        | Shift e :: second => put (Shift ((d + e) mod 256)) (compose_units first second)
        | Delete b :: second => put (Delete (shift Backward d b)) (compose_units first second)
        end
  | Insert a :: first =>
      fix inner second :=
        match second with
        | [] => None
        | Insert b :: second => put (Insert b) (inner second)
        | Shift e :: second => put (Insert (shift Forward e a)) (compose_units first second)
        | Delete b :: second => if a =? b then compose_units first second else None
        end
  end.
Definition compose_scripts (first second : script) : option script :=
  match compose_units (expand first) (expand second) with
  | Some us => Some (coalesce us)
  | None => None
  end.

Definition compose (first second : patch) : option patch :=
  match compose_scripts (edits first) (edits second) with
  | Some s => Some (Patch (old_size first) (new_size second) (old_hash first) (new_hash second) s)
  | None => None
  end.

End Hashed.

(* ---- Statements: scripts --------------------------------------------------------------------- *)

(* Whenever applying succeeds, reverting the result gives the old image back. *)
Definition revert_after_apply : Prop :=
  forall s old new, script_is_typed s = true -> is_bytes old = true ->
    apply s old = Some new -> revert s new = Some old.

(* Whenever reverting succeeds, applying to the result gives the new image back. *)
Definition apply_after_revert : Prop :=
  forall s old new, script_is_typed s = true -> is_bytes new = true ->
    revert s new = Some old -> apply s old = Some new.

(* What is written are bytes. *)
Definition run_writes_bytes : Prop :=
  forall d s source result, script_is_typed s = true -> is_bytes source = true ->
    run d s source = Some result -> is_bytes result = true.

(* Both sizes are known from the script alone, before a byte is written. *)
Definition sizes_from_script : Prop :=
  forall d s source result, run d s source = Some result ->
    size source = source_size d s /\ size result = source_size (opposite d) s.

(* An operation in two parts is the operation: so a reader may hold pieces of the streams and images,
   as pp_rollback_run_step does. *)
Definition splits (whole first second : operation) : Prop :=
  match whole, first, second with
  | Copy n d, Copy a e, Copy b f => n = a + b /\ e = d /\ f = d
  | Pair w, Pair a, Pair b | New w, New a, New b | Old w, Old a, Old b => w = a ++ b
  | _, _, _ => False
  end.
Definition run_in_pieces : Prop :=
  forall d whole first second s image, splits whole first second ->
    run d (whole :: s) image = run d (first :: second :: s) image.

(* Reverting is applying the inverse script; the inverse of the inverse is the script. *)
Definition revert_applies_inverse : Prop :=
  forall s image, script_is_typed s = true -> revert s image = apply (inverse s) image.
Definition inverse_of_inverse : Prop :=
  forall s, script_is_typed s = true -> inverse (inverse s) = s.

(* ---- Statements: the format ------------------------------------------------------------------ *)

(* What was written is read back. *)
Definition script_read_write : Prop :=
  forall s, script_is_typed s = true -> read_script (write_script s) = Some s.
Definition patch_read_write : Prop :=
  forall p, patch_is_typed p = true -> read_patch (write_patch p) = Some p.

(* Only what is written is read: a script, and a patch, has one encoding. *)
Definition script_write_read : Prop :=
  forall st s, streams_are_typed st = true -> read_script st = Some s ->
    write_script s = st /\ script_is_typed s = true.
Definition patch_write_read : Prop :=
  forall b p, is_bytes b = true -> read_patch b = Some p ->
    write_patch p = b /\ patch_is_typed p = true.

(* ---- Statements: patches, as bytes ----------------------------------------------------------- *)

(* Whatever bytes the patch and the image hold: if apply succeeds, revert gives the old image, and
   the other way round. *)
Definition file_revert_after_apply : Prop :=
  forall hash file old new, is_bytes file = true -> is_bytes old = true ->
    apply_file hash file old = Some new -> revert_file hash file new = Some old.
Definition file_apply_after_revert : Prop :=
  forall hash file old new, is_bytes file = true -> is_bytes new = true ->
    revert_file hash file new = Some old -> apply_file hash file old = Some new.

(* Any number of patches, up and down again, and down and up again. *)
Definition chain_reverts : Prop :=
  forall hash files old new, forallb is_bytes files = true -> is_bytes old = true ->
    run_files hash Forward files old = Some new ->
    run_files hash Backward (rev files) new = Some old.
Definition chain_applies : Prop :=
  forall hash files old new, forallb is_bytes files = true -> is_bytes new = true ->
    run_files hash Backward (rev files) new = Some old ->
    run_files hash Forward files old = Some new.

(* There is a patch for each two images below 2^56 bytes; it can be written, and leads from one to
   the other and back. *)
Definition hashes_are_arrays (hash : bytes -> bytes) : Prop :=
  forall b, is_array 32 (hash b) = true.
Definition patch_exists : Prop :=
  forall hash old new, hashes_are_arrays hash -> is_bytes old = true -> is_bytes new = true ->
    size old < 2 ^ 56 -> size new < 2 ^ 56 ->
    let file := write_patch (patch_between hash old new) in
    is_bytes file = true /\
    apply_file hash file old = Some new /\ revert_file hash file new = Some old.

(* Two patches that follow each other are one patch, for both directions. *)
Definition composition : Prop :=
  forall hash p q a b c,
    script_is_typed (edits p) = true -> script_is_typed (edits q) = true ->
    is_bytes a = true -> size a < 2 ^ 64 -> size c < 2 ^ 64 ->
    apply_patch hash p a = Some b -> apply_patch hash q b = Some c ->
    exists r, compose p q = Some r /\ script_is_typed (edits r) = true /\
      apply_patch hash r a = Some c /\ revert_patch hash r c = Some a.

(* ---- Statements: the wrong image ------------------------------------------------------------- *)

(* An image of another hash or another size is refused. *)
Definition wrong_base_refused : Prop :=
  forall hash d p image,
    hash image <> hash_at d p \/ size image <> size_at d p -> run_patch hash d p image = None.

(* An accepted image is the one that the patch was made for, or the two are a hash collision. *)
Definition wrong_base_is_collision : Prop :=
  forall hash d p made_for image result,
    hash made_for = hash_at d p -> image <> made_for ->
    run_patch hash d p image = Some result ->
    is_collision hash (find_collision hash bytes_eqb bytes_eqb [made_for; image]).

(* However the script was damaged or forged under the hashes of its header: an accepted result is
   the intended image, or the two are a hash collision. *)
Definition wrong_result_is_collision : Prop :=
  forall hash d p intended image result,
    hash intended = hash_at (opposite d) p -> result <> intended ->
    run_patch hash d p image = Some result ->
    is_collision hash (find_collision hash bytes_eqb bytes_eqb [intended; result]).
