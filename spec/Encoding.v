(* SPDX-License-Identifier: MIT *)
(* The bytes of frames, entries and seals: docs/format/ledger.md sections 2, 3 and 6, read and
   written as in src/ledger/entry.c and src/ledger/seal.c, and what is proved about them. *)
From Coq Require Import List NArith Bool.
From PostProof.Spec Require Collision.
Import ListNotations Spec.Collision.
Open Scope N_scope.

(* Every element is a byte. *)
Definition is_bytes (b : bytes) : bool := forallb (fun x => x <? 256) b.

Definition size (b : bytes) : N := N.of_nat (length b).

(* The byte at offset i, and the len bytes from an offset on. *)
Definition byte_at (i : nat) (b : bytes) : N := nth i b 0.
Definition slice (offset len : nat) (b : bytes) : bytes := firstn len (skipn offset b).

(* Big-endian integers: n bytes for a value, and the value of the bytes. *)
Fixpoint pp_put (n : nat) (v : N) : bytes :=
  match n with O => [] | S n => pp_put n (v / 256) ++ [v mod 256] end.
Definition pp_be (b : bytes) : N := fold_left (fun value x => value * 256 + x) b 0.
Definition pp_be16 (offset : nat) (b : bytes) : N := pp_be (slice offset 2 b).
Definition pp_be32 (offset : nat) (b : bytes) : N := pp_be (slice offset 4 b).
Definition pp_be64 (offset : nat) (b : bytes) : N := pp_be (slice offset 8 b).

(* ---- Entries -------------------------------------------------------------------------------- *)

Record entry := Entry {
  kind : N; seq : N; time_ns : N; level : N; source : bytes; body : bytes }.

Definition entry_bytes_max : N := 65535.

(* 1 data, 2 reference (whose body is a length and a hash), 3 notice. *)
Definition pp_entry_kind_is_valid (kind body_len : N) : bool :=
  (kind =? 1) || (kind =? 3) || ((kind =? 2) && (body_len =? 40)).

Definition pp_entry_is_valid (level kind source_len body_len : N) : bool :=
  (level <? 6) && pp_entry_kind_is_valid kind body_len && (0 <? source_len) && (source_len <=? 255).

(* What the C types of the fields say: 64-bit integers and strings of bytes. *)
Definition entry_is_typed (e : entry) : bool :=
  (seq e <? 2 ^ 64) && (time_ns e <? 2 ^ 64) && is_bytes (source e) && is_bytes (body e).

(* None is PP_ERROR_ARGUMENT or PP_ERROR_TOO_LARGE.  The buffer is as large as it must be. *)
Definition pp_entry_encode (e : entry) : option bytes :=
  if pp_entry_is_valid (level e) (kind e) (size (source e)) (size (body e)) &&
     (24 + size (source e) + size (body e) <=? entry_bytes_max)
  then Some ([1; kind e] ++ pp_put 8 (seq e) ++ pp_put 8 (time_ns e) ++
             [level e; size (source e)] ++ source e ++ pp_put 4 (size (body e)) ++ body e)
  else None.

(* None is PP_ERROR_FORMAT. *)
Definition pp_entry_decode (b : bytes) : option entry :=
  if (size b <? 24) || (entry_bytes_max <? size b) || negb (byte_at 0 b =? 1) then None
  else
    let source_len := byte_at 19 b in
    let s := N.to_nat source_len in
    if (source_len =? 0) || (size b - 24 <? source_len) then None
    else
      let body_len := pp_be32 (20 + s) b in
      if negb (size b - 24 - source_len =? body_len) then None
      else if negb (byte_at 18 b <? 6) || negb (pp_entry_kind_is_valid (byte_at 1 b) body_len)
      then None
      else Some (Entry (byte_at 1 b) (pp_be64 2 b) (pp_be64 10 b) (byte_at 18 b)
                       (slice 20 s b) (skipn (24 + s) b)).

(* ---- Seals ---------------------------------------------------------------------------------- *)

Record seal := Seal {
  seal_kind : N; log_id : bytes; epoch : N; first_seq : N; next_seq : N; root : bytes;
  previous_tag : bytes; tag : bytes; realtime_ns : N; monotonic_ns : N; boot_id : bytes;
  detail_number : N; detail_hash : bytes; seal_mac : bytes }.

Definition commit : N := 1.
Definition recovery : N := 2.
Definition rotation : N := 3.
Definition prune : N := 4.

Definition is_zero (b : bytes) : bool := forallb (fun x => x =? 0) b.

(* The table "Kind" of section 6, as far as one seal shows it. *)
Definition seal_form_is_valid (s : seal) : bool :=
  (first_seq s <=? next_seq s) && (next_seq s <? 2 ^ 63) && (epoch s <? 2 ^ 36) &&
  (if seal_kind s =? commit then
     (first_seq s <? next_seq s) && (detail_number s =? 0) && is_zero (detail_hash s)
   else if (seal_kind s =? recovery) || (seal_kind s =? rotation) then next_seq s =? first_seq s
   else if seal_kind s =? prune then (next_seq s =? first_seq s) && is_zero (detail_hash s)
   else false).

(* What the C types say: 64-bit integers and arrays of fixed sizes. *)
Definition is_array (n : nat) (b : bytes) : bool := Nat.eqb (length b) n && is_bytes b.
Definition seal_is_typed (s : seal) : bool :=
  is_array 32 (log_id s) && is_array 32 (root s) && is_array 16 (previous_tag s) &&
  is_array 16 (tag s) && is_array 16 (boot_id s) && is_array 32 (detail_hash s) &&
  is_array 32 (seal_mac s) && (epoch s <? 2 ^ 64) && (first_seq s <? 2 ^ 64) &&
  (next_seq s <? 2 ^ 64) && (realtime_ns s <? 2 ^ 64) && (monotonic_ns s <? 2 ^ 64) &&
  (detail_number s <? 2 ^ 64).

(* The 194 bytes that the MAC covers, and the whole content. *)
Definition seal_covered (s : seal) : bytes :=
  [1] ++ [seal_kind s] ++ log_id s ++ pp_put 8 (epoch s) ++ pp_put 8 (first_seq s) ++
  pp_put 8 (next_seq s) ++ root s ++ previous_tag s ++ tag s ++ pp_put 8 (realtime_ns s) ++
  pp_put 8 (monotonic_ns s) ++ boot_id s ++ pp_put 8 (detail_number s) ++ detail_hash s.
Definition pp_seal_encode (s : seal) : bytes := seal_covered s ++ seal_mac s.

Definition pp_seal_decode (b : bytes) : option seal :=
  if negb (Nat.eqb (length b) 226) || negb (byte_at 0 b =? 1) then None
  else
    let s := Seal (byte_at 1 b) (slice 2 32 b) (pp_be64 34 b) (pp_be64 42 b) (pp_be64 50 b)
                  (slice 58 32 b) (slice 90 16 b) (slice 106 16 b) (pp_be64 122 b) (pp_be64 130 b)
                  (slice 138 16 b) (pp_be64 154 b) (slice 162 32 b) (slice 194 32 b) in
    if seal_form_is_valid s then Some s else None.

(* ---- Frames --------------------------------------------------------------------------------- *)

Inductive frame : Type :=
| EntryFrame (content entry_tag : bytes)
| HeaderFrame (content : bytes)
| SealFrame (content : bytes).

Definition frame_content (f : frame) : bytes :=
  match f with EntryFrame c _ => c | HeaderFrame c => c | SealFrame c => c end.

Definition frame_is_typed (f : frame) : bool :=
  is_bytes (frame_content f) && (0 <? size (frame_content f)) &&
  (size (frame_content f) <? 2 ^ 16) &&
  match f with EntryFrame _ t => is_array 16 t | _ => true end.

(* E, H and S in ASCII; pp_frame_put_head and what follows it. *)
Definition pp_frame_put_head (type len : N) : bytes := type :: pp_put 2 len ++ [0].
Definition pp_frame_write (f : frame) : bytes :=
  match f with
  | EntryFrame c t => pp_frame_put_head 69 (size c) ++ c ++ t
  | HeaderFrame c => pp_frame_put_head 72 (size c) ++ c
  | SealFrame c => pp_frame_put_head 83 (size c) ++ c
  end.

Inductive frame_result : Type :=
| FrameEnd                                   (* PP_ERROR_NOT_FOUND *)
| FrameBad                                   (* PP_ERROR_FORMAT *)
| FrameRead (f : frame) (rest : bytes).      (* PP_OK, and the bytes behind the frame *)

Definition pp_frame_tag_bytes (type : N) : N := if type =? 69 then 16 else 0.

Definition pp_frame_read (b : bytes) : frame_result :=
  let type := byte_at 0 b in
  if (size b =? 0) || (type =? 0) then FrameEnd
  else if negb ((type =? 69) || (type =? 72) || (type =? 83)) then FrameBad
  else if (size b <? 4) || negb (byte_at 3 b =? 0) then FrameBad
  else
    let len := pp_be16 1 b in
    if (len =? 0) || (size b <? 4 + len + pp_frame_tag_bytes type) then FrameBad
    else
      let content := slice 4 (N.to_nat len) b in
      let behind := skipn (4 + N.to_nat len) b in
      if type =? 69 then FrameRead (EntryFrame content (firstn 16 behind)) (skipn 16 behind)
      else FrameRead (if type =? 72 then HeaderFrame content else SealFrame content) behind.

(* The frames up to the end mark or the end of the bytes; None when one is bad.  The second result
   is what is left there.  Each frame has a byte at least, which bounds the loop. *)
Fixpoint frames_fuel (fuel : nat) (b : bytes) : option (list frame * bytes) :=
  match pp_frame_read b, fuel with
  | FrameEnd, _ => Some ([], b)
  | FrameBad, _ | _, O => None
  | FrameRead f rest, S fuel =>
      match frames_fuel fuel rest with
      | None => None
      | Some (fs, over) => Some (f :: fs, over)
      end
  end.
Definition frames_read (b : bytes) : option (list frame * bytes) := frames_fuel (length b) b.
Definition frames_write (fs : list frame) : bytes := concat (map pp_frame_write fs).

(* ---- Statements ----------------------------------------------------------------------------- *)

(* What was encoded decodes to the same entry. *)
Definition entry_decode_encode : Prop :=
  forall e b, entry_is_typed e = true -> pp_entry_encode e = Some b -> pp_entry_decode b = Some e.

(* Only encodings decode: whatever is accepted is what encoding its fields gives, byte for byte. *)
Definition entry_encode_decode : Prop :=
  forall b e, is_bytes b = true -> pp_entry_decode b = Some e ->
    pp_entry_encode e = Some b /\ entry_is_typed e = true.

(* Encoding fails exactly for fields that the format does not allow. *)
Definition entry_encode_succeeds : Prop :=
  forall e, (exists b, pp_entry_encode e = Some b) <->
    pp_entry_is_valid (level e) (kind e) (size (source e)) (size (body e)) = true /\
    24 + size (source e) + size (body e) <= entry_bytes_max.

(* Different entries have different bytes. *)
Definition entry_encode_injective : Prop :=
  forall e f b, entry_is_typed e = true -> entry_is_typed f = true ->
    pp_entry_encode e = Some b -> pp_entry_encode f = Some b -> e = f.

(* No encoding is the beginning of another one. *)
Definition entry_encode_prefix_free : Prop :=
  forall e f b more, entry_is_typed e = true -> entry_is_typed f = true ->
    pp_entry_encode e = Some b -> pp_entry_encode f = Some (b ++ more) -> more = [] /\ e = f.

(* The same for seals, whose length is fixed. *)
Definition seal_decode_encode : Prop :=
  forall s, seal_is_typed s = true -> seal_form_is_valid s = true ->
    pp_seal_decode (pp_seal_encode s) = Some s.

Definition seal_encode_decode : Prop :=
  forall b s, is_bytes b = true -> pp_seal_decode b = Some s ->
    pp_seal_encode s = b /\ seal_covered s = firstn 194 b /\
    seal_is_typed s = true /\ seal_form_is_valid s = true.

Definition seal_encode_injective : Prop :=
  forall s t, seal_is_typed s = true -> seal_is_typed t = true ->
    seal_form_is_valid s = true -> seal_form_is_valid t = true ->
    pp_seal_encode s = pp_seal_encode t -> s = t.

(* A frame ends where its head says, whatever follows it; and only what is written is read. *)
Definition frame_read_write : Prop :=
  forall f rest, frame_is_typed f = true ->
    pp_frame_read (pp_frame_write f ++ rest) = FrameRead f rest.

Definition frame_write_read : Prop :=
  forall b f rest, is_bytes b = true -> pp_frame_read b = FrameRead f rest ->
    pp_frame_write f ++ rest = b /\ frame_is_typed f = true.

(* A whole segment: the frames are read back, with the zeros behind them left over; and the frames
   that were read, with what is left over, are all the bytes. *)
Definition frames_read_write : Prop :=
  forall fs zeros, forallb frame_is_typed fs = true -> is_zero zeros = true ->
    frames_read (frames_write fs ++ zeros) = Some (fs, zeros).

Definition frames_write_read : Prop :=
  forall b fs over, is_bytes b = true -> frames_read b = Some (fs, over) ->
    frames_write fs ++ over = b /\ forallb frame_is_typed fs = true.
