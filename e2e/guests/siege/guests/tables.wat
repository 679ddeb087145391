;; A guest that asks a thousand times for more of a table, past all that it may
;; have, and traps unless it was refused..
(module
  (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.0" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "wasi:http/types@0.2.0" "[static]response-outparam.set" (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (table 1 funcref)
  (func (export "wasi:http/incoming-handler@0.2.0#handle") (param i32 i32)
    (local $n i32) (local $refused i32)
    (loop $again
      (local.set $refused (i32.add (local.get $refused)
        (i32.eq (table.grow (ref.null func) (i32.const 50000)) (i32.const -1))))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))
    (if (i32.eqz (local.get $refused)) (then unreachable))
    (call $set (local.get 1) (i32.const 0) (call $response (call $fields))
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))
