(* SPDX-License-Identifier: MIT *)
(* The differential test: the models of spec/ beside the shipped C. *)
let () =
  Printf.printf "seed %d, %d cases\n%!" Harness.seed Harness.cases;
  Limiter_cases.run ();
  Ledger_cases.run ();
  Ratchet_cases.run ();
  Merkle_cases.run ();
  Rollback_cases.run ();
  Bundle_cases.run ();
  Dashboard_cases.run ();
  Harness.finish ()
